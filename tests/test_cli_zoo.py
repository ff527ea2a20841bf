"""The commands about the zoo: list, show, export; and its figure."""

from __future__ import annotations

import json

import pytest

import xnorsim as xs
from xnorsim import zoo
from xnorsim.cli import main
from xnorsim.work.table import layer_table, totals


def run(*arguments: object, capsys) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main([str(item) for item in arguments])
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def test_every_network_is_listed(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = run("zoo", "list", capsys=capsys)
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[2 : 2 + len(zoo.ZOO)]] == zoo.names()


def test_a_card_as_json(capsys):
    code, out, _ = run("zoo", "show", "finn-tfc-1w1a", "--format", "json", capsys=capsys)
    assert code == 0
    assert json.loads(out)["counts"]["macs"] == 59_008


def test_a_card_goes_to_a_file_in_the_form_of_its_name(capsys, tmp_path):
    path = tmp_path / "card.md"
    code, out, err = run("zoo", "show", "vgg16", "-o", path, capsys=capsys)
    assert (code, out, err) == (0, "", f"wrote {path}\n")
    assert path.read_text("utf-8").startswith("# vgg16: VGG-16")


@pytest.mark.parametrize("name", ["finn-tfc-1w1a", "finn-cnv-1w1a"])
def test_an_exported_network_reads_back_with_its_counts(name, capsys, tmp_path):
    path = tmp_path / "net.onnx"
    code, out, _ = run("zoo", "export", name, "-o", path, capsys=capsys)
    assert (code, out) == (0, f"wrote {path}\n")
    read, built = (totals(layer_table(g, ())) for g in (xs.load_model(path), zoo.build(name)))
    for key in ("macs", "macs_by_precision", "weight_bits", "binarize_ops", "parameters"):
        assert read[key] == built[key], key


@pytest.mark.parametrize("command", [["show"], ["export", "-o", "net.onnx"]])
def test_an_unknown_network_names_the_known_ones(command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("zoo", command[0], "resnet81", *command[1:], capsys=capsys)
    assert (code, out) == (2, "")
    assert "no network 'resnet81' in the zoo: did you mean resnet18" in err
    assert not list(tmp_path.iterdir())


def test_a_frontier_is_drawn_and_its_notes_are_told(capsys, tmp_path):
    path = tmp_path / "f.png"
    code, out, err = run(
        "plot", "frontier", "-p", "raspberry-pi-4b", "--metric", "latency", "--networks",
        "quicknet,resnet18", "--networks", "finn-sfc-1w1a", "-o", path, capsys=capsys,
    )  # fmt: skip
    assert (code, out) == (0, f"wrote {path}\n")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert "note: without a published accuracy on ImageNet: finn-sfc-1w1a" in err


def test_networks_that_a_frontier_has_no_room_to_name_are_told(capsys, tmp_path):
    given = ("plot", "frontier", "-p", "raspberry-pi-4b", "--metric", "latency")
    code, _, err = run(*given, "-o", tmp_path / "f.png", capsys=capsys)
    assert code == 0
    assert "note: not named in the figure of latency for want of room: " in err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--metric", "speed"], "metric 'speed': valid choices: energy, latency, memory"),
        (["--networks", "lenet"], "no such network in the zoo: 'lenet'"),
        (["-o", "f.txt"], "'f.txt' has no suffix of a figure"),
        (["--predictor", "oracle"], "predictor 'oracle'"),
        (["-p", "zen-4"], "plot frontier: one --profile, not 2: raspberry-pi-4b, zen-4"),
    ],
)
def test_faults_of_a_frontier(given, message, capsys):
    code, out, err = run("plot", "frontier", "-p", "raspberry-pi-4b", *given, capsys=capsys)
    assert (code, out) == (2, "")
    assert message in err
