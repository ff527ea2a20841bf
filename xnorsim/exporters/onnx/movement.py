"""Rules of layers that compute nothing: they move, repeat, pick or rename elements.

Source: ONNX operator specification, opset 21.
"""

from __future__ import annotations

from math import prod

from onnx import helper

from xnorsim.exporters.onnx.dispatch import write
from xnorsim.exporters.onnx.elements import number
from xnorsim.exporters.onnx.operands import every_operand, operands, optional
from xnorsim.exporters.onnx.products import call, pads
from xnorsim.exporters.onnx.sheet import Sheet, layer, refused, setting, spec
from xnorsim.exporters.onnx.tensors import SINCE, element_type
from xnorsim.network import ops
from xnorsim.network.extents import broadcast
from xnorsim.network.graph import Node, TensorSpec
from xnorsim.network.precision import Encoding

__all__: list[str] = []


def _source(sheet: Sheet, node: Node) -> TensorSpec:
    """What a layer of one operand reads, constant or not."""
    if node.inputs:
        return spec(sheet, node.inputs[0])
    return sheet.graph.parameters[next(iter(node.parameters.values()))].spec


@write.register
def _(op: ops.Identity, node: Node, sheet: Sheet) -> None:
    layer(sheet, node, "Identity", operands(sheet, node, "input"))


@write.register
def _(op: ops.Concat, node: Node, sheet: Sheet) -> None:
    count = len(node.inputs) + len(node.parameters)
    inputs = every_operand(sheet, node, *(f"operand_{position}" for position in range(count)))
    layer(sheet, node, "Concat", inputs, axis=op.axis)


@write.register
def _(op: ops.Split, node: Node, sheet: Sheet) -> None:
    inputs = [*operands(sheet, node, "input"), setting(sheet, node, "sizes", op.sizes)]
    layer(sheet, node, "Split", inputs, axis=op.axis)


@write.register
def _(op: ops.Slice, node: Node, sheet: Sheet) -> None:
    numbers = {"starts": op.starts, "ends": op.ends, "axes": op.axes, "steps": op.steps}
    settings = (setting(sheet, node, word, values) for word, values in numbers.items())
    layer(sheet, node, "Slice", [*operands(sheet, node, "input"), *settings])


@write.register
def _(op: ops.Pad, node: Node, sheet: Sheet) -> None:
    inputs = [*operands(sheet, node, "input"), setting(sheet, node, "pads", pads(op.padding))]
    (value,) = optional(sheet, node, "value")
    if not value and op.value and op.mode == "constant":
        value = number(sheet, node, "value", op.value, _source(sheet, node).encoding)
    layer(sheet, node, "Pad", [*inputs, value], mode=op.mode)


@write.register
def _(op: ops.Reshape, node: Node, sheet: Sheet) -> None:
    """Flatten, where it is one: it holds for any batch."""
    inputs, shape = operands(sheet, node, "input"), _source(sheet, node).shape
    if len(shape) > 1 and op.shape == (shape[0], prod(shape[1:])):
        layer(sheet, node, "Flatten", inputs, axis=1)
    else:
        layer(sheet, node, "Reshape", [*inputs, setting(sheet, node, "shape", op.shape)])


@write.register
def _(op: ops.Transpose, node: Node, sheet: Sheet) -> None:
    made = layer(sheet, node, "Transpose", operands(sheet, node, "input"), perm=op.permutation)
    if op.relabels:
        made.metadata_props.add(key="xnorsim.relabels", value="1")


_FORMS = {
    "depth_to_space": ("DepthToSpace", None, 0),
    "depth_to_space_crd": ("DepthToSpace", "CRD", 0),
    "space_to_depth": ("SpaceToDepth", None, 0),
    "space_to_depth_crd": ("SpaceToDepth", "CRD", 28),
}
"""Operator, mode, and the opset that brought it."""


@write.register
def _(op: ops.Rearrange, node: Node, sheet: Sheet) -> None:
    if op.form not in _FORMS:
        raise refused(sheet, node, f"it has no rearrangement {op.form}")
    kind, mode, since = _FORMS[op.form]
    inputs = operands(sheet, node, "input")
    layer(sheet, node, kind, inputs, blocksize=op.block, mode=mode, since=since)


@write.register
def _(op: ops.Expand, node: Node, sheet: Sheet) -> None:
    """Expand, or where an axis of several is repeated Tile."""
    inputs, shape = operands(sheet, node, "input"), _source(sheet, node).shape
    if all(size in (1, to) for size, to in zip(shape[::-1], op.shape[::-1], strict=False)):
        assert broadcast(shape, op.shape) == op.shape
        layer(sheet, node, "Expand", [*inputs, setting(sheet, node, "shape", op.shape)])
        return
    if len(shape) != len(op.shape):
        raise refused(sheet, node, f"{list(shape)} repeated to {list(op.shape)}, of other rank")
    repeats = [to // max(size, 1) for size, to in zip(shape, op.shape, strict=True)]
    layer(sheet, node, "Tile", [*inputs, setting(sheet, node, "repeats", repeats)])


_PICKS = {"gather": "Gather", "gather_elements": "GatherElements", "gather_nd": "GatherND"}


@write.register
def _(op: ops.Gather, node: Node, sheet: Sheet) -> None:
    if op.form not in _PICKS:
        raise refused(sheet, node, f"it has no form of picking {op.form}")
    inputs = operands(sheet, node, "table", "indices")
    by_axis = op.form != "gather_nd"
    layer(
        sheet, node, _PICKS[op.form], inputs,
        axis=op.axis if by_axis else None, batch_dims=None if by_axis else op.batch_axes,
    )  # fmt: skip


def _type(sheet: Sheet, node: Node, encoding: Encoding) -> int:
    kind = element_type(encoding)
    if kind is None:
        raise refused(sheet, node, f"ONNX has no type for {encoding}")
    return kind


@write.register
def _(op: ops.Cast, node: Node, sheet: Sheet) -> None:
    kind = _type(sheet, node, op.to)
    saturate = None if op.saturate else 0
    layer(sheet, node, "Cast", operands(sheet, node, "input"), to=kind, saturate=saturate)


@write.register
def _(op: ops.Constant, node: Node, sheet: Sheet) -> None:
    """A local function: what stands for itself alone would be read back as a parameter."""
    kind = _type(sheet, node, op.encoding)
    sheet.versions[""] = max(sheet.versions[""], SINCE.get(op.encoding.name, 0))
    value = helper.make_tensor("value", kind, [1], [op.value])
    call(sheet, node, "Filled", [], shape=list(op.shape), value=value)
