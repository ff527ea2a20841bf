"""Networks of Brevitas in QONNX, against qonnx's own execution and onnxruntime's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.exact.qonnx_case import bipolar_outputs, standard_model
from tests.exact.runtime import session_of
from xnorsim.exact.engines import ENGINES
from xnorsim.exact.execute import execute, prepare
from xnorsim.importers.onnx import read_graph
from xnorsim.network.precision import BIPOLAR
from xnorsim.work.table import layer_table, totals

TOLERANCE = 1e-4
"""Absolute, on results of about 1 to 10: floats are added in another order."""

FILES = ("case.json", "io.npz", "model.onnx")


@pytest.fixture(params=["brevitas_bnn", "TFC_1W1A"])
def folder(request: pytest.FixtureRequest, data: Path) -> Path:
    """brevitas_bnn is a copy; TFC_1W1A is read where it lies, for its licence is not settled."""
    copy = data / "qonnx" / request.param
    return copy if copy.is_dir() else request.getfixturevalue("shared_data") / "qonnx" / copy.name


def arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "io.npz") as file:
        return dict(file)


@pytest.mark.parametrize("engine", ENGINES)
def test_equals_qonnx(folder: Path, engine: str) -> None:
    """Results within 1e-4 of qonnx, and every binary tensor equal to the bit."""
    model, given = onnx.load(folder / "model.onnx"), arrays(folder)
    graph = read_graph(folder / "model.onnx")
    names, result = bipolar_outputs(model), model.graph.output[0].name
    activations = [name for name in names if name in graph.tensors]
    session = prepare(graph, engine)
    theirs = session_of(standard_model(model), optimized=False)  # as qonnx runs its nodes
    assert 0 < len(activations) < len(names)
    assert {graph.tensors[name].encoding for name in activations} == {BIPOLAR}
    for x, y in zip(given["x"], given["y"], strict=True):
        run = execute(session, {graph.inputs[0]: x[None]}, keep=activations)
        expected = theirs.run(activations, {graph.inputs[0]: x[None]})
        assert_allclose(run.outputs[result][0], y, rtol=0, atol=TOLERANCE)
        for name, bits in zip(activations, map(np.asarray, expected), strict=True):
            assert set(np.unique(bits)) == {-1, 1}
            assert_array_equal(run.kept[name], bits, err_msg=name)


def test_binary_weights_equal_qonnx(folder: Path) -> None:
    """The weights of our layers are those that BipolarQuant makes; its scales are 1 here."""
    model, given = onnx.load(folder / "model.onnx"), arrays(folder)
    graph = read_graph(folder / "model.onnx")
    weights = [name for name in bipolar_outputs(model) if name not in graph.tensors]
    theirs = session_of(standard_model(model), optimized=False)
    expected = theirs.run(weights, {graph.inputs[0]: given["x"][:1]})
    held = [graph.parameters[n.parameters["weight"]] for n in graph.nodes if n.scheme is not None]
    assert len(held) == len(weights) > 0
    assert not any("alpha" in node.parameters for node in graph.nodes)
    for weight, values in zip(held, map(np.asarray, expected), strict=True):
        assert weight.load is not None
        loaded = weight.load()
        transposed = values.T if loaded.ndim == 2 else values  # a MatMul reads it transposed
        assert weight.spec.encoding == BIPOLAR
        assert_array_equal(loaded, transposed)


def test_macs_equal_qonnx(folder: Path) -> None:
    """Source: qonnx's inference_cost, in case.json."""
    cost = json.loads((folder / "case.json").read_text())["qonnx_inference_cost"]["total_cost"]
    found = totals(layer_table(read_graph(folder / "model.onnx")))
    assert found["binary_macs"] == cost["op_mac_BIPOLAR_BIPOLAR"]
    assert found["fp_macs"] == cost.get("op_mac_FLOAT32_FLOAT32", 0)
    assert found["macs"] == cost["total_macs"]


def test_every_binary_layer_is_explained(folder: Path) -> None:
    graph = read_graph(folder / "model.onnx")
    binary = {node.name for node in graph.nodes if node.scheme is not None}
    assert set(graph.recognized) == binary
    assert all(
        text.startswith("weights +-1, input from Sign '") and text.endswith(": xnor")
        for text in graph.recognized.values()
    )


def test_copy_equals_its_origin(data: Path, shared_data: Path) -> None:
    for file in FILES:
        copy, origin = (root / "qonnx" / "brevitas_bnn" / file for root in (data, shared_data))
        assert copy.read_bytes() == origin.read_bytes()
