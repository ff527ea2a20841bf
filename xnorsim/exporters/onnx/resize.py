"""The rule of Resize. Source: ONNX operator specification, Resize-19."""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorsim.exporters.onnx.dispatch import write
from xnorsim.exporters.onnx.operands import operands, optional
from xnorsim.exporters.onnx.sheet import Sheet, constant, layer, refused, setting, spec
from xnorsim.network import ops
from xnorsim.network.graph import Node

__all__: list[str] = []


@write.register
def _(op: ops.Resize, node: Node, sheet: Sheet) -> None:
    (x,) = operands(sheet, node, "input")
    (roi,) = optional(sheet, node, "roi")
    if op.roi:
        roi = constant(sheet, f"{node.name}.roi", np.asarray(op.roi, np.float32))
    scales, sizes, more = _size(op, node, sheet)
    layer(
        sheet, node, "Resize", [x, roi, scales, sizes],
        mode=op.mode,
        coordinate_transformation_mode=op.coordinates,
        nearest_mode=op.rounding,
        cubic_coeff_a=op.cubic,
        exclude_outside=int(op.exclude_outside),
        antialias=int(op.antialias),
        extrapolation_value=op.extrapolation,
        **more,
    )  # fmt: skip


def _size(op: ops.Resize, node: Node, sheet: Sheet) -> tuple[str, str, dict[str, Any]]:
    """Scales where the layer states them, or else sizes; and the attributes that go with them."""
    if not op.scales:
        return "", setting(sheet, node, "sizes", op.shape), {}
    source = spec(sheet, node.inputs[0]).shape
    scales = np.asarray(op.scales, np.float32)
    if tuple(np.floor(np.asarray(source, np.float32) * scales).astype(int)) == op.shape:
        return constant(sheet, f"{node.name}.scales", scales), "", {}
    return "", *_by_ratio(op, node, sheet, source)


def _by_ratio(
    op: ops.Resize, node: Node, sheet: Sheet, source: tuple[int, ...]
) -> tuple[str, dict[str, Any]]:
    """Sizes that keep the ratio of the axes: the scale is that of the one that bounds it."""
    axes = [axis for axis, scale in enumerate(op.scales) if scale != 1]
    ratios = [op.shape[axis] / source[axis] for axis in axes]
    policies = {"not_larger": min, "not_smaller": max}
    for policy, bound in policies.items():
        if ratios and np.isclose(bound(ratios), op.scales[axes[0]], rtol=1e-12):
            sizes = setting(sheet, node, "sizes", [op.shape[axis] for axis in axes])
            return sizes, {"axes": axes, "keep_aspect_ratio_policy": policy}
    raise refused(sheet, node, f"scales {list(op.scales)} do not lead to {list(op.shape)}")
