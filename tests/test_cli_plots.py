"""The commands that draw sweeps and predictions."""

from __future__ import annotations

import pytest

import xnorsim as xs
from xnorsim.cli import main

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    pytest.importorskip("zarr")
    path = tmp_path_factory.mktemp("sweep") / "s.zarr"
    axes = {"clock": "1 GHz .. 3 GHz step 1 GHz", "threads": [1, 2], "channels": [64, 128]}
    layer = {"filters": 64, "kernel": 3, "size": 14}
    xs.sweep(layer, axes, "zen-4", ("latency_s", "energy_j"), out=path, predictor="instructions")
    return path


def run(*arguments: object, capsys) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stop:
        main([str(item) for item in arguments])
    return int(stop.value.code or 0), capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["heatmap", "--x", "clock", "--y", "threads", "--at", "channels=64"],
        ["heatmap", "--baseline", "clock=1 GHz", "--baseline", "threads=1",
         "--baseline", "channels=64"],
        ["pareto", "--x", "latency_s", "--y", "clock"],
        ["pareto"],
    ],
)  # fmt: skip
def test_sweeps_are_drawn(stored, capsys, tmp_path, command):
    path = tmp_path / "f.png"
    code, err = run("plot", command[0], stored, *command[1:], "-o", path, capsys=capsys)
    assert (code, err) == (0, "")
    assert path.read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    "command",
    [
        ["tornado", "alexnet", "-p", "zen-4", "--binarize", "xnor"],
        ["tornado", "alexnet", "-p", "zen-4", "--metric", "energy_j", "--layer", "conv1"],
        ["roofline", "alexnet", "-p", "raspberry-pi-4b", "--binarize", "xnor", "--threads", "4"],
        ["network", "finn-cnv-1w1a"],
        ["network", "alexnet", "--by", "latency_s", "-p", "zen-4", "--binarize", "xnor"],
    ],
)
def test_predictions_are_drawn(capsys, tmp_path, command):
    path = tmp_path / "f.png"
    code, err = run("plot", *command, "-o", path, capsys=capsys)
    assert (code, err) == (0, "")
    assert path.read_bytes().startswith(PNG)


def test_speedup_for_several_baselines_and_predictors(capsys, tmp_path):
    path = tmp_path / "f.png"
    options = ["--baseline", "scalar", "--baseline", "peak", "--predictor", "roofline"]
    assert run("plot", "speedup", "-p", "pixel-1", *options, "-o", path, capsys=capsys)[0] == 0
    assert path.read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["heatmap", "STORED", "--at", "channels"], "give AXIS=VALUE"),
        (["heatmap", "STORED", "--x", "clok"], "did you mean clock"),
        (["pareto", "STORED", "-o", "a.gif"], "a.gif"),
        (["pareto", "none.zarr"], "none.zarr"),
        (["roofline", "alexnet"], "one profile, and 0"),
        (["tornado", "alexnet", "-p", "pixel-1", "--predictor", "roofline"], "no instructions"),
        (["speedup", "-p", "pixel-1", "--baseline", "none"], "no baseline 'none'"),
    ],
)
def test_faults_are_told(stored, capsys, command, message):
    given = [stored if word == "STORED" else word for word in command]
    code, err = run("plot", *given, capsys=capsys)
    assert code == 2
    assert message in err
