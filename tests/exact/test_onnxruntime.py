"""Whole float networks against onnxruntime on the same weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tests.exact.runtime import session_of
from xnorsim.exact.execute import execute, prepare
from xnorsim.exact.weights import seeded
from xnorsim.importers.onnx import read_graph
from xnorsim.network.graph import Graph
from xnorsim.network.precision import FLOAT32

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"

TOLERANCE = 1e-4
"""Of the largest magnitude in a tensor: max|ours - theirs| / max|theirs|."""

slow = pytest.mark.slow

NETWORKS = [
    pytest.param("light_bvlc_alexnet", marks=slow),  # 61 million weights
    "light_squeezenet",
    pytest.param("light_resnet50", marks=slow),
    "resnet18__ts17",
    "resnet18__dynamo",
    "mobilenet_v2__ts17",
]


def filled(model: onnx.ModelProto, graph: Graph) -> onnx.ModelProto:
    """`model` with the weights of `graph` stored in it, whatever made them before."""
    values = {
        name: np.asarray(item.load())
        for name, item in graph.parameters.items()
        if item.load is not None and item.spec.encoding == FLOAT32
    }
    nodes = [node for node in model.graph.node if values.keys().isdisjoint(node.output)]
    read = {name for node in nodes for name in node.input}
    lost = values.keys() - read
    assert not lost, f"parameters that the file does not have: {sorted(lost)}"
    stored = [item for item in model.graph.initializer if item.name not in values]
    stored += [numpy_helper.from_array(value, name) for name, value in values.items()]
    inputs = [item for item in model.graph.input if item.name not in values]
    made = helper.make_graph(nodes, "filled", inputs, list(model.graph.output), stored)
    imports = list(model.opset_import)
    return helper.make_model(made, opset_imports=imports, ir_version=model.ir_version)


def peer(model: onnx.ModelProto, outputs: Iterable[str], x: np.ndarray) -> list[np.ndarray]:
    """The tensors called `outputs`, by onnxruntime on one thread."""
    known = {item.name for item in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=n) for n in outputs if n not in known)
    session = session_of(model)
    constant = {item.name for item in model.graph.initializer}
    (image,) = (item.name for item in model.graph.input if item.name not in constant)
    return [np.asarray(found) for found in session.run(list(outputs), {image: x})]


def some_tensors(graph: Graph) -> list[str]:
    """Every eighth tensor that a layer writes, what the last layer reads, and the outputs."""
    written = [name for node in graph.nodes for name in node.outputs]
    return list(dict.fromkeys([*written[::8], *graph.nodes[-1].inputs[:1], *graph.outputs]))


@pytest.mark.parametrize("name", NETWORKS)
def test_float_network_equals_onnxruntime(data: Path, name: str) -> None:
    path = (LIGHT if name.startswith("light_") else data / "onnx") / f"{name}.onnx"
    graph = seeded(read_graph(path, batch=1), seed=7, every=True)
    (image,) = graph.inputs
    random = np.random.default_rng(0)
    x = random.standard_normal(graph.tensors[image].shape).astype(np.float32)
    names = some_tensors(graph)
    ours = execute(prepare(graph), {image: x}, keep=names).kept
    theirs = peer(filled(onnx.load(path), graph), names, x)
    for tensor, expected in zip(names, theirs, strict=True):
        largest = np.abs(expected).max()
        assert np.isfinite(expected).all()
        assert largest > 0
        assert np.abs(ours[tensor] - expected).max() <= TOLERANCE * largest, tensor
