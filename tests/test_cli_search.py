"""The command that searches a machine's numbers."""

from __future__ import annotations

import json

import pytest

from xnorsim.cli import main

FIELDS = ["--field", "clock=1 GHz .. 2 GHz", "--field", "threads=1 .. 4"]
COMMAND = ["search", "alexnet", *FIELDS, "-p", "raspberry-pi-4b", "--generations", "3"]


def run(*arguments: str, capsys) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def test_the_best_designs_are_shown(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    code, out, err = run(*COMMAND, capsys=capsys)
    assert (code, err) == (0, "")
    assert out.startswith(
        "least latency_s on raspberry-pi-4b\n120 designs in 3 generations, seed 0;"
    )
    assert "clock" in out


def test_every_form(capsys):
    objective = ["--objective", "latency_s", "--objective", "clock=0.5"]
    found = json.loads(run(*COMMAND, *objective, "-f", "json", capsys=capsys)[1])
    assert found["objective"] == "latency_s * clock^0.5"
    assert found["best"][0]["objective"] == found["trace"][-1]["objective"]
    assert [step["designs"] for step in found["trace"]] == [60, 90, 120]
    lines = run(*COMMAND, "-f", "csv", capsys=capsys)[1].splitlines()
    assert lines[0] == "clock,threads,latency_s,objective"
    assert "| clock | threads |" in run(*COMMAND, "-f", "markdown", capsys=capsys)[1]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--field", "clock"], "give NAME=VALUE"),
        (["--field", "clok=1 GHz .. 2 GHz"], "did you mean clock"),
        (["--objective", "latency_s=two"], "'two' is no power"),
        (["--where", "clock > 3 GHz"], "no point is left"),
    ],
)
def test_faults_are_told(capsys, more, message):
    code, _, err = run(*COMMAND, *more, capsys=capsys)
    assert code == 2
    assert message in err
