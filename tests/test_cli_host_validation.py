"""validate --host and plot speedup --measure as a user meets them; nothing is timed."""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.measured.surveyed import HOST, Clock, fake, taken
from tests.test_analysis_host_validation import made_up
from tests.test_cli_validation import run
from xnorsim.kernels.table import KERNELS
from xnorsim.measured import records as records_module
from xnorsim.measured.calibration_source import calibration_source
from xnorsim.measured.grid import BY_CHANNELS, BY_FILTER, grid, layer_name
from xnorsim.measured.records import append, read
from xnorsim.measured.survey import survey

OTHER = replace(HOST, model="Another CPU", microarchitecture="zen4")
TIMES = {"xnor": 0.0003, "float-loop": 0.1, "numpy": 0.003}


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Kernels, a clock and predictions that are made up."""
    found = Clock()
    for name in [*KERNELS]:
        monkeypatch.delitem(KERNELS, name)
    for name in TIMES:
        kind = "binary" if name == "xnor" else "fp"
        monkeypatch.setitem(KERNELS, name, fake(name, kind))
    for module in ("host_validation", "host_speedup"):
        where = f"xnorsim.analysis.{module}"
        monkeypatch.setattr(f"{where}.predict", made_up)
        monkeypatch.setattr(f"{where}.require_native", lambda purpose: HOST)
        monkeypatch.setattr(
            f"{where}.survey", lambda *given, **options: survey(*given, **options, measure=found)
        )
    return found


@pytest.fixture
def records(tmp_path):
    """Measurements of every layer of the quick grid and of the figures."""
    path = tmp_path / "records.jsonl"
    layers = dict.fromkeys((*grid("quick"), *BY_CHANNELS, *BY_FILTER))
    for layer in layers:
        for name, seconds in TIMES.items():
            if layer.groups == 1:
                append(path, taken(name, layer_name(layer), seconds))
    return path


def test_it_measures_and_reports(clock, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")
    code, out, err = run("validate", "--host", "--quick", capsys=capsys)
    assert (code, err) == (0, "")
    words = " ".join(out.split())
    assert "machine Example CPU, zen3" in words
    assert "profile zen-3: AMD EPYC 74F3" in words
    assert "not calibrated on this machine" in words
    assert "xnorsim calibrate -o my-machine.yaml" in words
    assert "pairing: 3x3_14x14x256_256" in words
    assert len(clock.asked) == 7 + 8 + 8, "one layer of the eight is depthwise, for floats alone"


def test_chosen_kernels_and_records(clock, capsys, tmp_path):
    path = tmp_path / "kept.jsonl"
    arguments = ("validate", "--host", "--quick", "--kernels", "xnor", "--records", str(path))
    assert run(*arguments, capsys=capsys)[0] == 0
    assert {kernel for kernel, _ in clock.asked} == {"xnor"}
    assert len(read(path).measurements) == 7
    assert run(*arguments, capsys=capsys)[0] == 0
    assert len(clock.asked) == 7, "nothing is measured twice"


@pytest.mark.parametrize("name", ["found.json", "found.md", "found.csv", "found.txt"])
def test_forms_of_records(name, records, clock, capsys, tmp_path):
    path = tmp_path / name
    code, out, err = run("validate", "--from", str(records), "-o", str(path), capsys=capsys)
    assert (code, out, clock.asked) == (0, "", [])
    assert f"wrote {path}" in err
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        doc = json.loads(text)
        assert doc["about"]["machine"].startswith("Example CPU")
        assert doc["pairing"]["formula"] == pytest.approx(62.27, abs=0.005)
    assert "3x3_14x14x256_256" in text


def test_all_shows_each_speedup(records, capsys):
    brief, whole = (
        run("validate", "--from", str(records), *more, capsys=capsys)[1]
        for more in ((), ("--all",))
    )
    titles = [line for line in whole.splitlines() if line.startswith("xnor over numpy")]
    assert len(titles) == 2, "a table, and a line of the summary"
    assert brief.count("xnor over numpy") == 1


def test_it_draws_too(records, capsys, tmp_path):
    path = tmp_path / "found.png"
    code, out, _ = run("validate", "--from", str(records), "--plot", str(path), capsys=capsys)
    assert code == 0
    assert f"wrote {path}" in out
    assert path.stat().st_size > 10_000


def test_the_paper_figures(records, clock, capsys, tmp_path):
    path = tmp_path / "speedup.svg"
    code, _, err = run("plot", "speedup", "--from", str(records), "-o", str(path), capsys=capsys)
    assert (code, err, clock.asked) == (0, "", [])
    text = path.read_text("utf-8")
    assert "xnor, measured, over float-loop, 1 thread" in text
    assert "xnor, measured, over numpy, 1 thread" in text
    assert "zen-3, predicted" in text


def test_the_paper_figures_measured(clock, capsys, tmp_path):
    path = tmp_path / "speedup.png"
    code, _, err = run(
        "plot", "speedup", "--measure", "-p", "zen-3", "-o", str(path), capsys=capsys
    )
    assert (code, err) == (0, "")
    assert len(clock.asked) == 3 * 15


def test_an_interrupt_is_no_failure(clock, capsys):
    clock.interrupt_after = 4
    code, out, err = run("validate", "--host", "--quick", capsys=capsys)
    assert (code, err) == (0, "")
    assert "stopped before all was measured" in " ".join(out.split())


def full_after(clock, count, monkeypatch):
    """A disk that is full after `count` measurements."""

    def write(path, line, write=records_module._write):
        if len(clock.asked) >= count:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, line)

    monkeypatch.setattr(records_module, "_write", write)


def test_a_full_disk_shows_what_there_is(clock, capsys, tmp_path, monkeypatch):
    full_after(clock, 4, monkeypatch)
    path = tmp_path / "r.jsonl"
    code, out, err = run("validate", "--host", "--quick", "--records", str(path), capsys=capsys)
    assert (code, len(clock.asked), len(read(path).measurements)) == (2, 4, 3)
    assert err.startswith(f"xnorsim: cannot append to {path}: No space left on device")
    words = " ".join(out.split())
    assert "stopped before all was measured: cannot append to" in words
    assert "4 measurements" in words
    assert "goes on from there" not in words


@pytest.mark.parametrize("command", [("validate", "--host"), ("plot", "speedup", "--measure")])
def test_records_without_an_end(command, clock, capsys):
    code, out, err = run(*command, "--records", os.devnull, capsys=capsys)
    assert (code, out, clock.asked) == (2, "", [])
    assert f"cannot read {os.devnull}: it is no regular file" in err


def plotted(capsys, tmp_path, *more):
    path = tmp_path / "speedup.svg"
    code, out, err = run("plot", "speedup", *more, "-o", str(path), capsys=capsys)
    assert (f"wrote {path}" in out) == path.exists()
    return code, err, path.exists()


def test_a_figure_that_is_stopped_says_so(clock, capsys, tmp_path):
    path = tmp_path / "r.jsonl"
    clock.interrupt_after = 2
    code, err, drawn = plotted(capsys, tmp_path, "--measure", "--records", str(path))
    assert (code, drawn) == (2, False), "nothing to draw by filter size"
    assert "were not both measured on the layers by filter; stopped before all" in err
    assert "with --records FILE the same command goes on from there" in err
    clock.interrupt_after = 3 * 13
    code, err, drawn = plotted(capsys, tmp_path, "--measure", "--records", str(path))
    assert (code, drawn) == (0, True)
    assert err == (
        "note: stopped before all was measured: "
        "with --records FILE the same command goes on from there\n"
    )


def test_a_figure_says_what_it_lacks(records, clock, capsys, tmp_path):
    append(records, taken("xnor", layer_name(BY_CHANNELS[0]), 1.0, host=OTHER))
    append(records, taken("xnor", layer_name(BY_CHANNELS[0]), 1.0))
    with records.open("a") as stream:
        stream.write('{"torn')
    code, err, drawn = plotted(capsys, tmp_path, "--from", str(records))
    assert (code, drawn) == (0, True)
    first, second = err.splitlines()
    assert first.startswith("note: lines of the records that were not written to their end, left")
    assert second == ("note: left out: 1 measurement of another machine, or with other libraries")


def test_a_figure_of_a_full_disk(clock, capsys, tmp_path, monkeypatch):
    full_after(clock, 3 * 13, monkeypatch)
    more = ("--measure", "--records", str(tmp_path / "r.jsonl"))
    code, err, drawn = plotted(capsys, tmp_path, *more)
    assert (code, drawn) == (2, True)
    assert "note: stopped before all was measured: cannot append to" in err


@pytest.mark.parametrize(
    ("threads", "cores", "told"),
    [(3, (0, 1), "threads 3: this process has 2 cores"), (2, (5,), "this process has 1 core\n")],
)
def test_no_more_threads_than_cores(threads, cores, told, clock, capsys, monkeypatch):
    host = replace(HOST, cpus=cores)
    monkeypatch.setattr("xnorsim.analysis.host_validation.require_native", lambda purpose: host)
    code, out, err = run("validate", "--host", "--threads", str(threads), capsys=capsys)
    assert (code, out, clock.asked) == (2, "", [])
    assert told in err


def test_another_machines_profile_is_told(records, capsys, tmp_path, project):
    path = tmp_path / "my-machine.yaml"
    text = (project / "hwprofiles" / "zen-3.yaml").read_text("utf-8")
    source = calibration_source(OTHER, 60, "2026-03-01")
    text = text.replace("name: zen-3", "name: my-machine", 1)
    text = text.replace("lscpu-74f3", "calibration")
    path.write_text(text.replace("calibration: >-\n", f"calibration: >-\n    {source}\n"), "utf-8")
    found = "is a calibration of Another CPU (zen4), and this machine is Example CPU (zen3)"
    out = run("validate", "--from", str(records), "-p", str(path), capsys=capsys)[1]
    assert f"my-machine {found}" in " ".join(out.split())
    _, err, _ = plotted(capsys, tmp_path, "--from", str(records), "-p", str(path))
    assert err == f"note: my-machine {found}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("validate", "--from", "kept", "-o", "kept", "-f", "json"),
        ("validate", "--from", "kept", "-o", "linked", "-f", "json"),
        ("validate", "--host", "--records", "kept", "-o", "kept", "-f", "json"),
        ("validate", "--from", "kept", "-p", "my.yaml", "-o", "my.yaml", "-f", "json"),
        ("validate", "--host", "-p", "my.yaml", "--records", "my.yaml"),
        ("validate", "--from", "kept.svg", "--plot", "kept.svg"),
        ("validate", "--host", "--records", "kept.svg", "--plot", "kept.svg"),
        ("plot", "speedup", "--from", "kept.svg", "-o", "kept.svg"),
        ("plot", "speedup", "--measure", "--records", "kept.svg", "-o", "kept.svg"),
        ("plot", "speedup", "--measure", "-p", "kept.svg", "-o", "kept.svg"),
        ("plot", "speedup", "--measure", "-p", "my.yaml", "--records", "my.yaml"),
    ],
)
def test_what_is_read_is_not_written_over(
    arguments, records, clock, capsys, tmp_path, monkeypatch, project
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(records, "kept")
    shutil.copy(records, "kept.svg")
    shutil.copy(project / "hwprofiles" / "zen-3.yaml", "my.yaml")
    Path("linked").symlink_to("kept")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    code, out, err = run(*arguments, capsys=capsys)
    assert (code, out, clock.asked) == (2, "", [])
    assert "is read, and would be written over" in err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("validate", "--host", "--records", "a.json", "-o", "./a.json"),
        ("validate", "--host", "--records", "a.svg", "--plot", "a.svg"),
        ("validate", "--published", "-f", "json", "-o", "a.svg", "--plot", "a.svg"),
        ("plot", "speedup", "--measure", "--records", "a.svg", "-o", "a.svg"),
    ],
)
def test_a_file_is_written_for_one_purpose(arguments, clock, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments, capsys=capsys)
    assert (code, out, clock.asked) == (2, "", [])
    assert "cannot be both" in err
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("command", [("validate", "--host"), ("plot", "speedup", "--measure")])
def test_the_extra_is_named(command, capsys, monkeypatch):
    from xnorsim.analysis.host_machine import require_native

    for module in ("host_validation", "host_speedup"):
        monkeypatch.setattr(f"xnorsim.analysis.{module}.require_native", require_native)
    monkeypatch.setattr("xnorsim.analysis.host_machine.find_spec", lambda name: None)
    code, out, err = run(*command, capsys=capsys)
    assert (code, out) == (2, "")
    assert "needs the package 'numba': install it with pip install 'xnorsim[native]'" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("validate", "--host", "--published"), "one at a time; valid choices"),
        (("validate", "--published", "--quick"), "leave out --quick"),
        (("validate", "--published", "-p", "zen-3"), "leave out --profile"),
        (("validate", "--host", "--quick", "--full"), "not both"),
        (("validate", "--host", "--kernels", "xnorr"), "no kernel 'xnorr': did you mean xnor?"),
        (("validate", "--host", "--networks", "vgg"), "network 'vgg' is not measured"),
        (("validate", "--host", "-p", "zen-9"), "zen-9"),
        (("validate", "--host", "--records", "no/records.jsonl"), "no folder"),
        (("validate", "--from", "absent.jsonl"), "cannot read absent.jsonl"),
        (("validate", "--from", "absent.jsonl", "--quick"), "--from measures nothing"),
        (("plot", "speedup", "--measure", "--baseline", "peak"), "leave out --baseline"),
        (("plot", "speedup", "--records", "a.jsonl"), "give --measure too"),
        (("plot", "speedup", "--measure", "-p", "zen-3", "-p", "zen-4"), "one --profile"),
    ],
)
def test_bad_input_is_told_before_anything_is_measured(
    arguments, message, clock, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments, capsys=capsys)
    assert (code, out, clock.asked) == (2, "", [])
    assert message in err
