"""The loop nest of a layer that multiplies: the sizes that decide which instructions it takes.

Every such layer is `groups` products of matrices: at each of `positions` output positions each of
`filters` filters sums filter_channels x taps products. Hence, for every kind,

    macs = positions x groups x filters x filter_channels x taps
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import singledispatch
from math import prod
from typing import Any

from xnorsim.errors import XnorsimError
from xnorsim.network import ops
from xnorsim.network.shapes import RECURRENT_GATES
from xnorsim.work.counts import Operands

__all__ = ["DIMENSIONS", "Dimensions", "dimensions"]


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Integers of one layer, or arrays that broadcast over layers and design points."""

    positions: Any  # output positions x batch
    filters: Any  # of one group
    filter_channels: Any  # input channels that a filter sees
    taps: Any  # positions that a filter sees
    groups: Any = 1
    stride: Any = 1  # input positions for an output position, padding apart


DIMENSIONS = tuple(item.name for item in fields(Dimensions))
"""The names, in order: also columns of the layer table."""


@singledispatch
def dimensions(op: object, at: Operands) -> Dimensions:
    """The loop nest of `op` at the given operands.

    Raises:
        XnorsimError: the layer kind multiplies nothing, or has no rule.
    """
    raise XnorsimError(f"dimensions has no rule for layer kind {type(op).__name__}")


@dimensions.register
def _(op: ops.Conv, at: Operands) -> Dimensions:
    source, result = at.inputs[0].shape, at.outputs[0].shape
    return Dimensions(
        positions=result[0] * prod(result[2:]),
        filters=op.out_channels // op.groups,
        filter_channels=source[1] // op.groups,
        taps=prod(op.kernel),
        groups=op.groups,
        stride=prod(op.stride),
    )


@dimensions.register
def _(op: ops.ConvTranspose, at: Operands) -> Dimensions:
    """A product at each input position by every tap of every filter, then a scattered addition.

    It sums over channels only, so a tap is a filter of its own here, and taps is 1.
    """
    source = at.inputs[0].shape
    return Dimensions(
        positions=source[0] * prod(source[2:]),
        filters=op.out_channels // op.groups * prod(op.kernel),
        filter_channels=source[1] // op.groups,
        taps=1,
        groups=op.groups,
    )


@dimensions.register
def _(op: ops.Dense, at: Operands) -> Dimensions:
    positions = at.output_elements // op.out_features
    return Dimensions(positions, op.out_features, op.in_features, taps=1)


@dimensions.register
def _(op: ops.MatMul, at: Operands) -> Dimensions:
    """The constant side holds the filters, or the right one; its leading axes are the groups."""
    left = at.parameters["left"] if "left" in at.parameters else at.inputs[0]
    right = at.parameters["right"] if "right" in at.parameters else at.inputs[-1]
    depth = left.shape[-1]
    rows = left.shape[-2] if len(left.shape) > 1 else 1
    columns = right.shape[-1] if len(right.shape) > 1 else 1
    filters, groups = columns, prod(right.shape[:-2])
    if "left" in at.parameters:
        filters, groups = rows, prod(left.shape[:-2])
    positions = at.output_elements // (filters * groups) if filters * groups else 0
    return Dimensions(positions, filters, depth, taps=1, groups=groups)


@dimensions.register
def _(op: ops.Recurrent, at: Operands) -> Dimensions:
    """One product of a gate by the input and the state together, at every step of time.

    The steps wait for each other, which no size here tells: a tile of positions holds at most
    one batch of them.
    """
    *steps, features = at.inputs[0].shape
    return Dimensions(
        positions=prod(steps),
        filters=RECURRENT_GATES[op.cell] * op.hidden,
        filter_channels=features + op.hidden,
        taps=1,
        groups=op.directions,
    )
