"""No prediction, and no number that one is made of, comes from what predictions are judged by."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xnorsim.analysis import analyze, validate_published
from xnorsim.machine.profile import HardwareProfile, load_profile, profile_names, quantities
from xnorsim.measured import published
from xnorsim.measured.validate import error

TABLES = Path(published.__file__).parent / "published"

# --- the files -----------------------------------------------------------------------------------

# Refuses every file of the folder in its first argument from then on, in a process of its own:
# an audit hook cannot be taken away again.
REFUSE = """
import sys

def refuse(event, arguments):
    if event == "open" and "{folder}" in str(arguments[0]):
        raise PermissionError(f"{{arguments[0]}} was opened")

sys.addaudithook(refuse)
"""
PREDICT = """
from xnorsim.cost.network import Twin, predict_network
from xnorsim.machine.profile import load_profile
from xnorsim.work.table import layer_table
from xnorsim.zoo import build

table = layer_table(build("xnor-net-larq"))
twin = Twin(table.columns, table.columns["binary_macs"] > 0)
for predictor in ("roofline", "formula", "instructions:larq"):
    found = predict_network(
        table.columns, twin, load_profile("pixel-1"), 1, predictor, table.kinds
    )
    assert found.totals["latency_s"] > 0
assert not [name for name in sys.modules if name.startswith("xnorsim.measured")]
"""


def in_its_own_process(code: str, project: Path) -> subprocess.CompletedProcess[str]:
    code = REFUSE.format(folder="measured") + code
    return subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False
    )


def test_predictions_open_nothing_of_what_is_measured(project):
    done = in_its_own_process(PREDICT, project)
    assert done.returncode == 0, done.stderr


def test_the_refusal_would_be_seen(project):
    done = in_its_own_process("import xnorsim.measured.published", project)
    assert "PermissionError" in done.stderr


def test_an_analysis_reads_no_table(monkeypatch):
    def refuse(*arguments: object) -> None:
        raise PermissionError("a table was read")

    def latencies() -> list[float]:
        found = analyze("xnor-net-larq", profile="pixel-1", predictor="instructions:larq")
        return found.predictions[0].columns["latency_s"].tolist()

    before = latencies()
    monkeypatch.setattr(published, "_read", refuse)
    assert latencies() == before
    with pytest.raises(PermissionError, match="a table was read"):
        validate_published()


# --- the numbers in them -------------------------------------------------------------------------


def made_up_tables(folder: Path, factor: float) -> None:
    """The tables with made-up times: of the n-th row n ms, times `factor`."""
    folder.mkdir()
    for table in TABLES.glob("*.csv"):
        with table.open(encoding="utf-8", newline="") as stream:
            lines = list(csv.DictReader(stream))
        for number, line in enumerate(lines, start=1):
            line |= {key: number * factor for key in line if key.endswith(("_ms", "_ms_std"))}
        with (folder / table.name).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, lines[0])
            writer.writeheader()
            writer.writerows(lines)


@pytest.mark.slow
def test_other_measurements_leave_every_prediction_as_it_is(monkeypatch, tmp_path):
    found = []
    for factor in (1.0, 2.0):
        made_up_tables(tmp_path / str(factor), factor)
        monkeypatch.setattr(published, "_FOLDER", tmp_path / str(factor))
        found.append(validate_published().rows)
    assert len(found[0]) == 30
    for one, other in zip(*found, strict=True):
        assert (one.predicted, one.low, one.high) == (other.predicted, other.low, other.high)
        assert (one.parts, one.recipes, one.machine) == (other.parts, other.recipes, other.machine)
        is_ratio = one.unit == "1"  # of two measurements that are both twice as long
        assert other.measured == pytest.approx(one.measured * (1 if is_ratio else 2))
        assert is_ratio or 1 + error(other) == pytest.approx((1 + error(one)) / 2)


# --- the sources of what predictions are made of -------------------------------------------------

ORIGINS = re.compile(
    r"larq/docs|docs\.larq\.dev|larq[^.]{0,20}\bzoo\b|\bzoo table|benchmark_and_comparison"
    r"|dabnn[^.]{0,20}\bbenchmark|boards\.csv|dabnn_layers|measured/published",
    re.IGNORECASE,
)
"""What a citation of the tables' origins holds: Larq's zoo table, dabnn's page of benchmarks."""


def tainted(profile: HardwareProfile) -> Iterator[str]:
    """The quantities whose source, or the note that argues with it, is an origin of the tables."""
    for row in quantities(profile):
        said = f"{row.source} {profile.sources[row.source]} {row.note}"
        if ORIGINS.search(said):
            yield f"{profile.name}: {row.path}: {said}"


@pytest.mark.parametrize("name", profile_names())
def test_every_quantity_has_another_source(name):
    profile = load_profile(name)
    assert len(quantities(profile)) > 10
    assert list(tainted(profile)) == []


@pytest.mark.parametrize(
    "citation",
    [
        "https://docs.larq.dev/zoo/",
        "Larq's zoo, the table of latencies",
        "dabnn, docs/benchmark_and_comparison.md",
        "fitted to boards.csv",
    ],
)
def test_a_quantity_from_the_tables_would_be_seen(citation):
    profile = load_profile("pixel-1")
    key = profile.clock.source
    doctored = profile.model_copy(update={"sources": {**profile.sources, key: citation}})
    assert any(": clock: " in line for line in tainted(doctored))


PREDICTORS = ("work/**/*.py", "machine/**/*.py", "cost/**/*.py", "explore/**/*.py")


def predictor_files(project: Path) -> list[Path]:
    """What predictions are made of: their code, and the profiles."""
    code = [path for glob in PREDICTORS for path in (project / "xnorsim").glob(glob)]
    return [*code, *(project / "hwprofiles").glob("*.yaml")]


def times() -> set[str]:
    """Every time of the tables that has four digits or more, as it is written there."""
    found = set()
    for table in TABLES.glob("*.csv"):
        with table.open(encoding="utf-8", newline="") as stream:
            for line in csv.DictReader(stream):
                found |= {line[key] for key in line if key.endswith("_ms")}
    return {text for text in found if len(text.replace(".", "").lstrip("0")) >= 4}


def names_an_origin(text: str) -> bool:
    return bool(ORIGINS.search(text))


def holds_a_time(text: str) -> bool:
    return any(time in text for time in times())


@pytest.mark.parametrize("finds", [names_an_origin, holds_a_time])
def test_nothing_of_the_tables_stands_in_a_predictor(finds: Callable[[str], bool], project):
    files = predictor_files(project)
    assert len(files) > 30
    assert [path.name for path in files if finds(path.read_text("utf-8"))] == []


def test_a_time_in_a_predictor_would_be_seen():
    assert len(times()) >= 10
    assert holds_a_time("_ISSUE_S = 1.306391e-3")
    assert names_an_origin("# from larq/docs")
