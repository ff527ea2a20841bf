"""Rules of normalizations.

Source: ONNX operator specification, BatchNormalization-15, LayerNormalization-17,
InstanceNormalization-6, GroupNormalization-21, RMSNormalization-23, LpNormalization-1,
MeanVarianceNormalization-13, LRN-13.
"""

from __future__ import annotations

from collections.abc import Callable

from onnx import TensorProto, helper

from xnorsim.exporters.onnx.dispatch import write
from xnorsim.exporters.onnx.operands import operands, optional
from xnorsim.exporters.onnx.sheet import Sheet, layer, refused, setting, spec, step
from xnorsim.exporters.onnx.tensors import element_type
from xnorsim.network import ops
from xnorsim.network.graph import Node
from xnorsim.network.precision import FLOAT32, Encoding

__all__: list[str] = []

_USUAL = {"scale": 1.0, "shift": 0.0, "mean": 0.0, "variance": 1.0}


@write.register
def _(op: ops.BatchNorm, node: Node, sheet: Sheet) -> None:
    """ONNX's has all four vectors; those that a layer lacks are filled, and not stored."""
    (x,) = operands(sheet, node, "input")
    given = dict(zip(_USUAL, optional(sheet, node, *_USUAL), strict=True))
    encoding = _vectors(sheet, node)
    for role, value in _USUAL.items():
        given[role] = given[role] or _channels(sheet, node, x, role, value, encoding)
    layer(sheet, node, "BatchNormalization", [x, *given.values()], epsilon=op.epsilon)


def _vectors(sheet: Sheet, node: Node) -> Encoding:
    names = [node.parameters[role] for role in _USUAL if role in node.parameters]
    return sheet.graph.parameters[names[0]].spec.encoding if names else FLOAT32


def _channels(sheet: Sheet, node: Node, x: str, role: str, value: float, encoding: Encoding) -> str:
    """A vector of one value throughout, as long as there are channels."""
    return _filled(sheet, node, x, role, value, encoding, start=1, end=2)


def _filled(
    sheet: Sheet, node: Node, x: str, role: str, value: float, encoding: Encoding,
    start: int, end: int | None = None,
) -> str:  # fmt: skip
    shape = step(sheet, node, f"{role}_shape", "Shape", [x], start=start, end=end)
    kind = element_type(encoding) or TensorProto.FLOAT
    number = helper.make_tensor("value", kind, [1], [value])
    return step(sheet, node, role, "ConstantOfShape", [shape], value=number)


@write.register
def _(op: ops.Normalize, node: Node, sheet: Sheet) -> None:
    if op.form not in _FORMS:
        raise refused(sheet, node, f"it has no normalization {op.form}")
    _FORMS[op.form](op, node, sheet)


def _over_trailing(op: ops.Normalize, node: Node, sheet: Sheet) -> None:
    """Layer and RMS: over all axes from the first one on."""
    (x,) = operands(sheet, node, "input")
    data = spec(sheet, node.inputs[0])
    rank = len(data.shape)
    if tuple(axis % rank for axis in op.axes) != tuple(range(rank - len(op.axes), rank)):
        raise refused(sheet, node, f"axes {list(op.axes)} are not the last ones of {rank}")
    axis = rank - len(op.axes)
    scale, shift = optional(sheet, node, "scale", "shift")
    scale = scale or _filled(sheet, node, x, "scale", 1.0, data.encoding, axis)
    kind, since = ("LayerNormalization", 0) if op.form == "layer" else ("RMSNormalization", 23)
    if shift and op.form == "rms":
        raise refused(sheet, node, "an RMSNormalization has no shift")
    layer(sheet, node, kind, [x, scale, shift], axis=axis, epsilon=op.epsilon, since=since)


def _over_channels(op: ops.Normalize, node: Node, sheet: Sheet) -> None:
    """Instance and group."""
    (x,) = operands(sheet, node, "input")
    data = spec(sheet, node.inputs[0])
    vectors = []
    for role, found in zip(
        ("scale", "shift"), optional(sheet, node, "scale", "shift"), strict=True
    ):
        vector = found or _channels(sheet, node, x, role, _USUAL[role], data.encoding)
        vectors.append(_of_channels(sheet, node, op, role, vector, data.shape[1]))
    if op.form == "instance":
        layer(sheet, node, "InstanceNormalization", [x, *vectors], epsilon=op.epsilon)
        return
    inputs = [x, *vectors]
    layer(sheet, node, "GroupNormalization", inputs, epsilon=op.epsilon, num_groups=op.groups)


def _of_channels(
    sheet: Sheet, node: Node, op: ops.Normalize, role: str, vector: str, channels: int
) -> str:
    """One number a channel, also where the layer has one a group (as before opset 21)."""
    name = node.parameters.get(role)
    if name is None or sheet.graph.parameters[name].spec.elements == channels:
        return vector
    each = channels // op.groups
    column = setting(sheet, node, f"{role}_column", [op.groups, 1])
    table = setting(sheet, node, f"{role}_table", [op.groups, each])
    flat = setting(sheet, node, f"{role}_flat", [channels])
    result = step(sheet, node, f"{role}_of_groups", "Reshape", [vector, column])
    result = step(sheet, node, f"{role}_repeated", "Expand", [result, table])
    return step(sheet, node, f"{role}_of_channels", "Reshape", [result, flat])


def _by_norm(op: ops.Normalize, node: Node, sheet: Sheet) -> None:
    if len(op.axes) != 1:
        raise refused(sheet, node, f"a norm over {len(op.axes)} axes")
    inputs = operands(sheet, node, "input")
    layer(sheet, node, "LpNormalization", inputs, axis=op.axes[0], p=op.order)


def _mean_variance(op: ops.Normalize, node: Node, sheet: Sheet) -> None:
    inputs = operands(sheet, node, "input")
    layer(sheet, node, "MeanVarianceNormalization", inputs, axes=op.axes)


_FORMS: dict[str, Callable[[ops.Normalize, Node, Sheet], None]] = {
    "layer": _over_trailing,
    "rms": _over_trailing,
    "instance": _over_channels,
    "group": _over_channels,
    "lp": _by_norm,
    "mean_variance": _mean_variance,
}


@write.register
def _(op: ops.LocalResponseNorm, node: Node, sheet: Sheet) -> None:
    inputs = operands(sheet, node, "input")
    layer(sheet, node, "LRN", inputs, size=op.size, alpha=op.alpha, beta=op.beta, bias=op.bias)
