"""validate as a user meets it."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from xnorsim.analysis.validation import Predicted, Task
from xnorsim.cli import main
from xnorsim.cost.network import NetworkPrediction


@pytest.fixture(autouse=True)
def far_off(monkeypatch):
    """A made-up predictor: a second for everything, which no range could hold."""

    def predict(task: Task) -> Predicted:
        totals = {"latency_s": 1.0, "latency_s_low": 0.9, "latency_s_high": 1.1}
        draws = {"latency_s": np.linspace(0.9, 1.1, 19)}
        about = str(task.profile), "made up", task.threads
        return Predicted(NetworkPrediction(*about, {}, (), totals, {}, {}, {}, {}, draws=draws))

    monkeypatch.setattr("xnorsim.analysis.validation.predict", predict)


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as done:
        main(list(arguments))
    out, err = capsys.readouterr()
    return int(done.value.code or 0), out, err


def test_it_reports_however_far_off(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")
    code, out, err = run("validate", "--published", capsys=capsys)
    assert (code, err) == (0, "")
    words = " ".join(out.split())
    assert words.count("MISSED") == 22 + 8, "every latency is off, and every speedup, which is 1"
    assert "QuickNet, LCE 2020-10, Pixel 1: measured" in words
    assert "not predicted bmxnet, Pixel 1" in words


def test_forms(capsys):
    code, out, _ = run("validate", "--published", "--format", "json", capsys=capsys)
    doc = json.loads(out)
    assert code == 0
    assert len(doc["rows"]) == 30
    assert not any(row["inside"] for row in doc["rows"])
    _, out, _ = run("validate", "--published", "-f", "csv", capsys=capsys)
    assert len(list(csv.DictReader(io.StringIO(out)))) == 30 + 4
    _, out, _ = run("validate", "--published", "-f", "markdown", capsys=capsys)
    assert out.startswith("# Validation\n")


def test_a_file_takes_the_form_that_its_name_says(capsys, tmp_path):
    path = tmp_path / "found.json"
    code, out, err = run("validate", "--published", "-o", str(path), capsys=capsys)
    assert (code, out) == (0, "")
    assert f"wrote {path}" in err
    assert json.loads(path.read_text("utf-8"))["coverage"] == 0.9


@pytest.mark.parametrize("name", ["found.png", "found.svg", "found.pdf"])
def test_it_draws_too(name, capsys, tmp_path):
    path = tmp_path / name
    code, out, err = run("validate", "--published", "--plot", str(path), capsys=capsys)
    assert (code, err) == (0, "")
    assert f"wrote {path}" in out
    assert "MISSED" in out
    assert path.stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "valid choices: --published"),
        (("--published", "-o", "found.xlsx"), "its name says no form"),
        (("--published", "-o", "no/found.csv"), "no folder"),
        (("--published", "--plot", "found.gif"), "no suffix of a figure"),
        (("--published", "--plot", "no/found.png"), "no folder"),
    ],
)
def test_bad_input_is_told(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("validate", *arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert message in err
