"""Small ONNX files, made where a test needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from xnorsim.importers.onnx import read_graph
from xnorsim.network.graph import Graph

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def _value_info(name: str, shape: Sequence[Any]) -> onnx.ValueInfoProto:
    if len(shape) == 2 and isinstance(shape[1], (tuple, list)):
        return helper.make_tensor_value_info(name, shape[0], shape[1])
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def make_model(
    nodes: Iterable[onnx.NodeProto],
    inputs: Mapping[str, Any],
    outputs: Iterable[str] = ("y",),
    weights: Mapping[str, Any] | None = None,
    opset: int = 21,
    **more: Any,
) -> onnx.ModelProto:
    """A model; inputs are shapes of floats, or (type, shape); weights are arrays or tensors."""
    tensors = [
        value
        if isinstance(value, TensorProto)
        else numpy_helper.from_array(np.asarray(value), name)
        for name, value in (weights or {}).items()
    ]
    graph = helper.make_graph(
        list(nodes),
        "net",
        [_value_info(name, shape) for name, shape in inputs.items()],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        tensors,
    )
    imports = [helper.make_opsetid("", opset), *more.pop("opset_imports", ())]
    return helper.make_model(graph, opset_imports=imports, ir_version=10, **more)


Read = Callable[..., Graph]


@pytest.fixture
def model() -> Callable[..., onnx.ModelProto]:
    """`make_model`."""
    return make_model


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write a model, or bytes, to a file and read it."""

    def reader(content: onnx.ModelProto | bytes, **options: Any) -> Graph:
        path = tmp_path / "model.onnx"
        path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
        return read_graph(path, **options)

    return reader


@pytest.fixture
def build(read: Read) -> Read:
    """Make a model, write it and read it: `make_model`'s arguments and `read_graph`'s."""

    def builder(nodes: Any, inputs: Any, *rest: Any, **options: Any) -> Graph:
        known = ("outputs", "weights", "opset", "opset_imports", "functions")
        made = {name: options.pop(name) for name in known if name in options}
        items = [nodes] if isinstance(nodes, onnx.NodeProto) else nodes
        return read(make_model(items, inputs, *rest, **made), **options)

    return builder


@pytest.fixture
def single(build: Read) -> Read:
    """A graph of one node "n": its input "x" of a shape, and constants (None: left out)."""

    def builder(
        operator: str,
        shape: Any,
        constants: Sequence[Any] = (),
        attributes: Mapping[str, Any] | None = None,
        opset: int = 21,
        outputs: Sequence[str] = ("y",),
    ) -> Graph:
        weights = {f"c{at}": value for at, value in enumerate(constants) if value is not None}
        names = ["x", *(f"c{at}" if v is not None else "" for at, v in enumerate(constants))]
        node = helper.make_node(operator, names, outputs, "n", **(attributes or {}))
        named = [name for name in outputs if name]
        return build(node, {"x": shape}, outputs=named, weights=weights, opset=opset)

    return builder


@pytest.fixture(scope="session")
def light() -> Path:
    """The ImageNet networks without weights in the onnx wheel."""
    return LIGHT
