"""Rules of pools. Source: ONNX operator specification, MaxPool-12, AveragePool-19, LpPool-18."""

from __future__ import annotations

from typing import Any

from xnorsim.exporters.onnx.dispatch import write
from xnorsim.exporters.onnx.operands import operands
from xnorsim.exporters.onnx.products import window
from xnorsim.exporters.onnx.sheet import Sheet, layer, refused, spec
from xnorsim.network import ops
from xnorsim.network.extents import window_extent
from xnorsim.network.functions import Reduction
from xnorsim.network.graph import Node

__all__: list[str] = []

_NORMS = {Reduction.L1: 1, Reduction.L2: 2}


@write.register
def _(op: ops.Pool, node: Node, sheet: Sheet) -> None:
    attributes: dict[str, Any] = {**window(op), "ceil_mode": int(op.ceil_mode)}
    if set(op.dilation) == {1}:
        del attributes["dilations"]
    if op.ceil_mode and _ends_in_padding(op, sheet, node):
        attributes["since"] = 22  # before, ONNX counted windows that begin in the padding
    inputs = operands(sheet, node, "input")
    if op.reduction is Reduction.MAX:
        order = 1 if op.column_major else None
        layer(sheet, node, "MaxPool", inputs, storage_order=order, **attributes)
    elif op.reduction is Reduction.MEAN:
        included = int(op.count_include_pad)
        layer(sheet, node, "AveragePool", inputs, count_include_pad=included, **attributes)
    elif op.reduction in (Reduction.L1, Reduction.L2, Reduction.LP):
        p = _NORMS.get(op.reduction, op.order)
        layer(sheet, node, "LpPool", inputs, p=p, **attributes)
    else:
        raise refused(sheet, node, f"it has no pool by {op.reduction}")


def _ends_in_padding(op: ops.Pool, sheet: Sheet, node: Node) -> bool:
    """Whether the count of windows rounded up has one more than there are."""
    sizes, counts = (spec(sheet, name).shape[2:] for name in (node.inputs[0], node.outputs[0]))
    rows = zip(sizes, counts, op.kernel, op.stride, op.padding, op.dilation, strict=True)
    return any(
        -(-(size + sum(pads) - window_extent(kernel, dilation)) // stride) + 1 != count
        for size, count, kernel, stride, pads, dilation in rows
    )
