"""Whole float networks by ONNX Runtime: written as a model in memory, with their own weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import singledispatch
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from xnorsim.errors import MissingExtraError, UsageError
from xnorsim.kernels.problem import Ready
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node

__all__ = ["Written", "model", "ready", "written"]


class Written(NamedTuple):
    """A layer as an ONNX operator: the roles of parameters that follow its inputs; attributes."""

    operator: str
    roles: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = MappingProxyType({})


def ready(graph: Graph, threads: int) -> Ready:
    """A float network with one input and one output, which ONNX Runtime may optimize as it likes.

    Raises:
        MissingExtraError: ONNX Runtime is not installed.
        UsageError: a layer of a kind that is not written here, or weights without values.
    """
    try:
        import onnxruntime as ort
    except ImportError as error:
        purpose = "a network by ONNX Runtime"
        raise MissingExtraError("onnxruntime", "onnxruntime", purpose) from error
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    spinning = str(int(threads > 1))
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    session = ort.InferenceSession(model(graph), options, providers=["CPUExecutionProvider"])
    (name,) = graph.inputs

    def run(image: np.ndarray) -> np.ndarray:
        result: Any = session.run(None, {name: image})[0]
        return result

    settings = {"execution": "sequential", "optimization": "all", "spinning": spinning}
    return Ready(run, threads, {"onnxruntime": ort.__version__}, settings)


def model(graph: Graph) -> bytes:
    """The network as an ONNX file, weights included.

    Raises:
        UsageError: as `ready`.
    """
    from onnx import TensorProto, ValueInfoProto, helper, numpy_helper

    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise UsageError(f"{graph.name}: one input and one output are expected")
    nodes = []
    for node in graph.nodes:
        operator, roles, attributes = written(node.op, node)
        names = [node.parameters[role] for role in roles if role in node.parameters]
        outputs = [*node.outputs]
        nodes.append(helper.make_node(operator, [*node.inputs, *names], outputs, **attributes))
    weights = [numpy_helper.from_array(_values(graph, name), name) for name in graph.parameters]
    (first,), (last,) = graph.inputs, graph.outputs
    shape = graph.tensors[first].shape
    given = helper.make_tensor_value_info(first, TensorProto.FLOAT, shape)
    made = helper.make_graph(nodes, "network", [given], [ValueInfoProto(name=last)], weights)
    whole = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return whole.SerializeToString()


def _values(graph: Graph, name: str) -> np.ndarray:
    load: Callable[[], np.ndarray] | None = graph.parameters[name].load
    if load is None:
        raise UsageError(f"{graph.name}: weight '{name}' has no values")
    return np.asarray(load())


@singledispatch
def written(op: ops.Op, node: Node) -> Written:
    """A layer as ONNX has it.

    Raises:
        UsageError: a kind of layer that has no rule here.
    """
    raise UsageError(f"layer '{node.name}': {ops.kind(op)} is not written for ONNX Runtime")


def _window(op: ops.Conv | ops.Pool) -> dict[str, Any]:
    pads = [before for before, _ in op.padding] + [after for _, after in op.padding]
    return {
        "kernel_shape": op.kernel, "strides": op.stride, "pads": pads, "dilations": op.dilation,
    }  # fmt: skip


@written.register
def _(op: ops.Conv, node: Node) -> Written:
    return Written("Conv", ("weight", "bias"), {"group": op.groups, **_window(op)})


@written.register
def _(op: ops.Dense, node: Node) -> Written:
    return Written("Gemm", ("weight", "bias"), {"transB": int(op.transpose_weight)})


@written.register
def _(op: ops.BatchNorm, node: Node) -> Written:
    roles = ("scale", "shift", "mean", "variance")
    if not {*roles} <= {*node.parameters}:
        raise UsageError(f"layer '{node.name}': a normalization without {', '.join(roles)}")
    return Written("BatchNormalization", roles, {"epsilon": op.epsilon})


_FUNCTIONS = {ops.Function.RELU: "Relu"}
_OPERATORS = {ops.Operator.ADD: "Add", ops.Operator.MUL: "Mul"}


@written.register
def _(op: ops.Activation, node: Node) -> Written:
    if op.function not in _FUNCTIONS:
        raise UsageError(f"layer '{node.name}': {op.function} is not written for ONNX Runtime")
    return Written(_FUNCTIONS[op.function])


@written.register
def _(op: ops.Elementwise, node: Node) -> Written:
    if op.operator not in _OPERATORS:
        raise UsageError(f"layer '{node.name}': {op.operator} is not written for ONNX Runtime")
    return Written(_OPERATORS[op.operator])


@written.register
def _(op: ops.Pool, node: Node) -> Written:
    operator = {ops.Reduction.MAX: "MaxPool", ops.Reduction.MEAN: "AveragePool"}[op.reduction]
    window = _window(op)
    if op.reduction is ops.Reduction.MEAN:
        del window["dilations"]  # which came with a later opset
    return Written(operator, (), {"ceil_mode": int(op.ceil_mode), **window})


@written.register
def _(op: ops.LocalResponseNorm, node: Node) -> Written:
    return Written("LRN", (), asdict(op))


@written.register
def _(op: ops.Reshape, node: Node) -> Written:
    return Written("Flatten")


@written.register
def _(op: ops.Identity, node: Node) -> Written:
    return Written("Identity")


@written.register
def _(op: ops.Softmax, node: Node) -> Written:
    return Written("Softmax", (), {"axis": op.axis})
