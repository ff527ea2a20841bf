"""The published tables as they are packaged, and tables with faults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xnorsim.errors import InputError
from xnorsim.measured import published

FOLDER = Path(published.__file__).parent / "published"


def test_every_network_on_every_board():
    rows = published.networks()
    assert len(rows) == 5 * 2
    assert len({(row.network, row.board) for row in rows}) == 10
    (row,) = (r for r in rows if (r.network, r.board) == ("XNORNet", "RPi 4B"))
    assert (row.time_s, row.std_s) == (0.0547365, 0.000300)
    assert (row.software, row.threads, row.binary_macs) == ("LCE 2020-10", 1, 1025744896)


def test_every_layer_by_every_library():
    rows = published.layers()
    assert len(rows) == 4 * 4
    assert {row.board for row in rows} == {"Pixel 1"}, "the clock that a log shows is no name"
    (row,) = (r for r in rows if (r.layer, r.software) == ("3x3_7x7x512", "caffe_fp32"))
    assert (row.time_s, row.in_channels, row.height, row.kernel) == (0.0698, 512, 7, 3)


@pytest.mark.parametrize("name", ["boards.csv", "dabnn_layers.csv"])
def test_tables_are_those_beside_the_checkout(name, shared_data):
    assert (FOLDER / name).read_bytes() == (shared_data / "published" / name).read_bytes()


def test_the_origin_of_every_table_is_told():
    text = (FOLDER / "README.md").read_text("utf-8")
    assert all(f"`{table.name}`" in text for table in FOLDER.glob("*.csv"))


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("boards.csv", "27.3969", "", "2: pixel1_ms must be a number above 0, not ''"),
        ("boards.csv", "27.3969", "0", "2: pixel1_ms must be a number above 0"),
        ("boards.csv", "84.9142", "nan", "3: pixel1_ms must be a number above 0, not 'nan'"),
        ("boards.csv", "0.242", "-1", "3: pixel1_ms_std must be a number of at least 0"),
        ("boards.csv", ",1,larq", ",0,larq", "2: threads must be a whole number of at least 1"),
        ("boards.csv", "XNORNet", "QuickNet", "5: network 'QuickNet' occurs twice"),
        ("boards.csv", "XNORNet", " ", "5: network is empty"),
        ("boards.csv", "XNORNet,", "", "5: must have 11 cells"),
        ("boards.csv", "XNORNet,", "XNORNet,1,", "5: must have 11 cells"),
        ("boards.csv", "rpi4b_ms,", "rpi5_ms,", "1: columns must be network, "),
        ("dabnn_layers.csv", ",512,512,", ",512,256,", "macs 115605504 of layer '3x3_7x7x512'"),
        ("dabnn_layers.csv", "1.306391", "fast", "2: dabnn_ms must be a number above 0"),
    ],
)
def test_a_fault_is_told_with_its_line(table, old, new, message, tmp_path):
    text = (FOLDER / table).read_text("utf-8")
    assert old in text
    (tmp_path / table).write_text(text.replace(old, new, 1), "utf-8")
    load = {"boards.csv": published.networks, "dabnn_layers.csv": published.layers}[table]
    with pytest.raises(InputError, match=re.escape(message)):
        load(tmp_path / table)


def test_all_faults_are_told_at_once(tmp_path):
    text = (FOLDER / "boards.csv").read_text("utf-8")
    file = tmp_path / "boards.csv"
    file.write_text(text.replace("27.3969", "x").replace("84.9142", "y"), "utf-8")
    with pytest.raises(InputError) as caught:
        published.networks(file)
    assert [line.split()[0] for line in str(caught.value).splitlines()] == [
        "boards.csv:2:",
        "boards.csv:3:",
    ]


def test_a_table_without_rows_is_refused(tmp_path):
    file = tmp_path / "boards.csv"
    file.write_text((FOLDER / "boards.csv").read_text("utf-8").splitlines()[0], "utf-8")
    with pytest.raises(InputError, match=r"boards\.csv: holds no row"):
        published.networks(file)
