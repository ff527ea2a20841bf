"""Networks as the converter of Larq Compute Engine writes them, against its interpreter, and
against the Keras network that they were converted from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.exact.test_lce import CASES, arrays, run
from xnorsim.exact.engines import ENGINES
from xnorsim.importers import keras
from xnorsim.importers.tflite import read_graph
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node
from xnorsim.network.precision import BIPOLAR
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


def weights(graph: Graph) -> list[tuple[Node, np.ndarray]]:
    """The layers with weights of +-1, filters first."""
    found = []
    for node in graph.nodes:
        parameter = graph.parameters.get(node.parameters.get("weight", ""))
        if parameter is not None and parameter.spec.encoding == BIPOLAR:
            assert parameter.load is not None
            values = parameter.load()
            is_turned = isinstance(node.op, ops.Dense) and not node.op.transpose_weight
            found.append((node, values.T if is_turned else values))
    return found


@pytest.mark.parametrize("name", CASES)
def test_has_the_weights_of_keras(data: Path, name: str) -> None:
    """A filter may be negated: so the converter makes one comparison do for gammas below 0."""
    folder = data / "lce" / name
    latent = keras.read_graph(folder / "model.keras_config.json", weights=folder / "weights.npz")
    theirs = {
        node.name: graph_signs(latent, node)
        for node in latent.nodes
        if isinstance(node.op, ops.Conv | ops.Dense) and node.inputs[0] in signs_of(latent)
    }
    ours = weights(read_graph(folder / "model.tflite"))
    assert len(ours) == len(theirs) > 0
    for (node, mine), (layer, other) in zip(ours, theirs.items(), strict=True):
        assert mine.shape == other.shape, (node.name, layer)
        rows, others = mine.reshape(len(mine), -1), other.reshape(len(other), -1)
        same = (rows == others).all(axis=1)
        negated = (rows == -others).all(axis=1)
        assert (same | negated).all()
        if name != "chain3_bn_same_pad1":
            assert same.all()


def signs_of(graph: Graph) -> set[str]:
    return {node.outputs[0] for node in graph.nodes if isinstance(node.op, ops.Sign)}


def graph_signs(graph: Graph, node: Node) -> np.ndarray:
    load = graph.parameters[node.parameters["weight"]].load
    assert load is not None
    return load() if isinstance(node.op, ops.Conv) else load().T


@pytest.mark.parametrize("name", CASES)
def test_copies_equal_their_origin(data: Path, shared_data: Path, name: str) -> None:
    copy, origin = (folder / "lce" / name / "model.tflite" for folder in (data, shared_data))
    assert copy.read_bytes() == origin.read_bytes()
