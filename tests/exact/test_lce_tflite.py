"""Networks as the converter of Larq Compute Engine writes them, against its interpreter, and
against the Keras network that they were converted from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from numpy.testing import assert_array_equal

from tests.exact.test_lce import CASES, arrays, run
from xnorsim.exact.engines import ENGINES
from xnorsim.importers.tflite import read_graph
from xnorsim.work.table import layer_table, totals


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_equals_the_interpreter(data: Path, name: str, engine: str) -> None:
    given = arrays(data / "lce" / name)
    graph = read_graph(data / "lce" / name / "model.tflite", batch=len(given["x"]))
    assert_array_equal(run(graph, given["x"], engine), given["y"], strict=True)


@pytest.mark.parametrize("name", CASES)
def test_counts_what_larq_counts(data: Path, name: str) -> None:
    folder = data / "lce" / name
    counted = json.loads((folder / "case.json").read_text())["larq_summary"]
    ours = totals(layer_table(read_graph(folder / "model.tflite")))
    assert ours["binary_macs"] == counted["mac_1bit"]
    assert ours["macs"] == counted["mac_all"]


@pytest.mark.parametrize("name", CASES)
def test_copies_equal_their_origin(data: Path, shared_data: Path, name: str) -> None:
    copy, origin = (folder / "lce" / name / "model.tflite" for folder in (data, shared_data))
    assert copy.read_bytes() == origin.read_bytes()
