"""QONNX networks with BipolarQuant: as a Graph, and as an ONNX file of standard operators alone.

BipolarQuant(x, scale) is +scale where x >= 0, else -scale (qonnx.custom_op.general, and in older
files onnx.brevitas). The scales of activations must be 1 here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tests.exact.assembly import Assembly
from xnorsim.network import ops
from xnorsim.network.binary import filters, signs
from xnorsim.network.graph import Graph
from xnorsim.network.precision import XNOR

__all__ = ["bipolar_outputs", "read_case", "standard_model"]


@dataclass(frozen=True)
class Reading:
    """The graph so far, and what is known without running it; `binary` has weights of +-scale."""

    assembly: Assembly
    constants: dict[str, np.ndarray]
    binary: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


Rule = Callable[[Reading, onnx.NodeProto, Mapping[str, Any]], None]


def read_case(model: onnx.ModelProto) -> Graph:
    """The network, its tensors named as in the file.

    Raises:
        KeyError: an operator that no rule below knows.
    """
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    (image,) = (item for item in model.graph.input if item.name not in constants)
    shape = [size.dim_value for size in image.type.tensor_type.shape.dim]
    reading = Reading(Assembly(model.graph.name, image.name, shape), constants)
    for node in model.graph.node:
        settings = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        RULES[node.op_type](reading, node, settings)
    return reading.assembly.graph(model.graph.output[0].name)


def _bipolar_quant(r: Reading, node: onnx.NodeProto, settings: Mapping[str, Any]) -> None:
    source, scale = node.input[0], r.constants[node.input[1]]
    if source in r.constants:
        r.binary[node.output[0]] = signs(r.constants[source]), scale
        return
    assert np.all(scale == 1), f"{node.name}: activations of +-{scale}"
    r.assembly.layer(node.output[0], ops.Sign(), source)


def _weighted(r: Reading, node: onnx.NodeProto, op: ops.Weighted) -> None:
    """A layer of binary weights, scaled by alpha; of float weights otherwise."""
    x, weight, *bias = node.input
    held: dict[str, np.ndarray] = {"bias": r.constants[bias[0]]} if bias else {}
    scheme = None
    if weight in r.binary:
        held["weight"], scale = r.binary[weight]
        held["alpha"] = np.broadcast_to(scale.reshape(-1), (filters(op),))
        scheme = XNOR
    else:
        held["weight"] = r.constants[weight]
    r.assembly.layer(node.output[0], op, x, parameters=held, scheme=scheme)


def _conv(r: Reading, node: onnx.NodeProto, settings: Mapping[str, Any]) -> None:
    """The padding of a binary input is 0."""
    weight = node.input[1]
    shape = (r.binary[weight][0] if weight in r.binary else r.constants[weight]).shape
    axes, pads = len(shape) - 2, settings["pads"]
    op = ops.Conv(
        shape[0],
        shape[2:],
        tuple(settings["strides"]),
        tuple(zip(pads[:axes], pads[axes:], strict=True)),
        tuple(settings["dilations"]),
        settings["group"],
        pad_value=0,
    )
    _weighted(r, node, op)


def _transpose(r: Reading, node: onnx.NodeProto, settings: Mapping[str, Any]) -> None:
    values, scale = r.binary[node.input[0]]
    r.binary[node.output[0]] = values.transpose(settings["perm"]), scale


def _matmul(r: Reading, node: onnx.NodeProto, settings: Mapping[str, Any]) -> None:
    _weighted(r, node, ops.Dense(*r.binary[node.input[1]][0].shape))


def _batch_norm(r: Reading, node: onnx.NodeProto, settings: Mapping[str, Any]) -> None:
    x, *vectors = node.input
    roles = ("scale", "shift", "mean", "variance")
    held = {role: r.constants[name] for role, name in zip(roles, vectors, strict=True)}
    r.assembly.layer(node.output[0], ops.BatchNorm(settings["epsilon"]), x, parameters=held)


def _max_pool(r: Reading, node: onnx.NodeProto, settings: Mapping[str, Any]) -> None:
    kernel, strides, pads = (settings[key] for key in ("kernel_shape", "strides", "pads"))
    axes = len(kernel)
    sides = tuple(zip(pads[:axes], pads[axes:], strict=True))
    op = ops.Pool(ops.Reduction.MAX, tuple(kernel), tuple(strides), sides, (1,) * axes)
    r.assembly.layer(node.output[0], op, node.input[0])


def _flatten(r: Reading, node: onnx.NodeProto, settings: Mapping[str, Any]) -> None:
    """Flatten, and the Reshape to (batch, -1) that older exporters write for it."""
    batch, *rest = r.assembly.shape(node.input[0])
    r.assembly.layer(node.output[0], ops.Reshape((batch, prod(rest))), node.input[0])


def _shape_arithmetic(r: Reading, node: onnx.NodeProto, settings: Mapping[str, Any]) -> None:
    """Leads to the shape of a Reshape, which is (batch, -1)."""


def _arithmetic(operator: ops.Operator, function: np.ufunc) -> Rule:
    def rule(r: Reading, node: onnx.NodeProto, settings: Mapping[str, Any]) -> None:
        left, right = node.input
        if left in r.constants:
            r.constants[node.output[0]] = function(r.constants[left], r.constants[right])
        else:
            held = {"right": r.constants[right]}
            r.assembly.layer(node.output[0], ops.Elementwise(operator), left, parameters=held)

    return rule


RULES: Mapping[str, Rule] = {
    "Add": _arithmetic(ops.Operator.ADD, np.add),
    "BatchNormalization": _batch_norm,
    "BipolarQuant": _bipolar_quant,
    "Concat": _shape_arithmetic,
    "Conv": _conv,
    "Div": _arithmetic(ops.Operator.DIV, np.divide),
    "Flatten": _flatten,
    "Gather": _shape_arithmetic,
    "MatMul": _matmul,
    "MaxPool": _max_pool,
    "Mul": _arithmetic(ops.Operator.MUL, np.multiply),
    "Pow": _arithmetic(ops.Operator.POW, np.power),
    "Reshape": _flatten,
    "Shape": _shape_arithmetic,
    "Sub": _arithmetic(ops.Operator.SUB, np.subtract),
    "Transpose": _transpose,
    "Unsqueeze": _shape_arithmetic,
}


def bipolar_outputs(model: onnx.ModelProto) -> list[str]:
    """The tensors that BipolarQuant writes."""
    return [node.output[0] for node in model.graph.node if node.op_type == "BipolarQuant"]


def standard_model(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with BipolarQuant(x, s) written as Where(x < 0, -s, s).

    What the BipolarQuants wrote are outputs too. Only operators of opset 9 are used.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.op_type != "BipolarQuant":
            nodes.append(node)
            continue
        (x, scale), result = node.input, node.output[0]
        zero, negative, below = (f"{result}.{word}" for word in ("zero", "negative", "below"))
        made.graph.initializer.append(numpy_helper.from_array(np.zeros((), np.float32), zero))
        nodes += [
            helper.make_node("Less", [x, zero], [below]),
            helper.make_node("Neg", [scale], [negative]),
            helper.make_node("Where", [below, negative, scale], [result]),
        ]
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    made.graph.output.extend(onnx.ValueInfoProto(name=name) for name in bipolar_outputs(model))
    keep = [item for item in made.opset_import if item.domain == ""]
    del made.opset_import[:]
    made.opset_import.extend(keep)
    return made
