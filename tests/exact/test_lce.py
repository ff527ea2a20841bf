"""Small networks of Larq, against the interpreter of Larq Compute Engine: equal to the bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from xnorsim.exact.engines import ENGINES
from xnorsim.exact.execute import execute, prepare
from xnorsim.importers.keras import read_graph
from xnorsim.network.graph import Graph

CASES = {
    "valid_c64": "one binary convolution; its input has exact zeros",
    "same_pad0_stride2": "an extra row and column of true zeros at the end",
    "chain3_bn_same_pad1": "padding +1; batch normalization with gammas of both signs before signs",
    "xnor_alpha_chain": "sums that are 0 before they are scaled by alpha, and then signed",
    "bireal_block_head": "float convolution, residual additions, flatten, dense head",
}
FILES = ("case.json", "io.npz", "model.keras_config.json", "weights.npz")


def arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "io.npz") as file:
        return dict(file)


def read(folder: Path, batch: int) -> Graph:
    return read_graph(
        folder / "model.keras_config.json", batch=batch, weights=folder / "weights.npz"
    )


def run(graph: Graph, x: np.ndarray, engine: str) -> np.ndarray:
    (output,) = graph.outputs
    return execute(prepare(graph, engine), {graph.inputs[0]: x}).outputs[output]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_equals_the_interpreter(data: Path, name: str, engine: str) -> None:
    folder = data / "lce" / name
    assert json.loads((folder / "case.json").read_text())["compare"] == "exact"
    given = arrays(folder)
    graph = read(folder, batch=len(given["x"]))
    assert_array_equal(run(graph, given["x"], engine), given["y"], strict=True)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_an_hdf5_file_is_the_same_network(shared_data: Path, name: str, engine: str) -> None:
    folder = shared_data / "lce" / name
    given = arrays(folder)
    graph = read_graph(folder / "model.h5", batch=len(given["x"]))
    assert_array_equal(run(graph, given["x"], engine), given["y"], strict=True)
    beside = read_graph(
        folder / "model.keras_config.json", batch=len(given["x"]), weights=folder / "model.h5"
    )
    assert_array_equal(run(beside, given["x"], engine), given["y"], strict=True)
    assert beside.nodes == graph.nodes == read(folder, len(given["x"])).nodes


@pytest.mark.parametrize("name", CASES)
def test_where_float_sums_decide_signs_keras_is_wrong(data: Path, name: str) -> None:
    """Keras multiplies by +-alpha and adds in floats: what should be 0 becomes less than 0."""
    folder = data / "lce" / name
    case, given = json.loads((folder / "case.json").read_text()), arrays(folder)
    ours = run(read(folder, batch=len(given["x"])), given["x"], "blas")
    assert np.count_nonzero(ours != given["y_keras"]) == case["n_diff_y_vs_keras"]
    assert (case["n_diff_y_vs_keras"] > 0) == (name == "xnor_alpha_chain")


@pytest.mark.parametrize("name", CASES)
def test_copies_equal_their_origin(data: Path, shared_data: Path, name: str) -> None:
    for file in FILES:
        copy, origin = (folder / "lce" / name / file for folder in (data, shared_data))
        assert copy.read_bytes() == origin.read_bytes()
