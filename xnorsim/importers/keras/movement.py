"""Layers that put the same elements under another shape or order."""

from __future__ import annotations

from math import prod

from xnorsim.errors import ShapeError
from xnorsim.importers.channels import Value
from xnorsim.importers.keras.positions import is_channels_last
from xnorsim.importers.keras.settings import whole, wholes
from xnorsim.importers.keras.state import MOST_AXES, Use, add, shaped
from xnorsim.network import ops

__all__ = ["flatten", "permute", "repeat_vector", "reshape"]


def flatten(use: Use) -> Value:
    """Flatten: what is channels-first is brought to channels-last before."""
    value = use.value
    batch, *rest = shaped(use, value)
    tensor = use.state.axes.last(value)
    if len(rest) > 1 and not is_channels_last(use):
        order = (0, *range(2, len(rest) + 1), 1)
        tensor = add(use, ops.Transpose(order), tensor, part="channels_last")
    return Value(add(use, ops.Reshape((batch, prod(rest))), tensor), False)


def reshape(use: Use) -> Value:
    """Reshape; one size may be -1."""
    value = use.value
    batch, *rest = shaped(use, value)
    target = list(wholes(use.settings, "target_shape"))
    if (
        len(target) > MOST_AXES
        or target.count(-1) > 1
        or any(size < 1 and size != -1 for size in target)
    ):
        raise ShapeError(f"{use.where}: target_shape {target!r:.80} is no shape")
    if -1 in target:
        known = prod(size for size in target if size != -1)
        if prod(rest) % known:
            raise ShapeError(f"{use.where}: {rest} does not fill target_shape {target!r:.80}")
        target[target.index(-1)] = prod(rest) // known
    op = ops.Reshape((batch, *target))
    return Value(add(use, op, use.state.axes.last(value)), False)


def permute(use: Use) -> Value:
    """Permute: the axes after the batch, counted from 1."""
    value = use.value
    dims = wholes(use.settings, "dims")
    rank = len(shaped(use, value))
    if sorted(dims) != list(range(1, rank)):
        raise ShapeError(
            f"{use.where}: dims {list(dims)!r:.80} do not permute axes 1 to {rank - 1}"
        )
    return Value(add(use, ops.Transpose((0, *dims)), use.state.axes.last(value)), False)


def repeat_vector(use: Use) -> Value:
    """RepeatVector: (batch, features) n times, as (batch, n, features)."""
    value = use.value
    shape = shaped(use, value)
    if len(shape) != 2:
        raise ShapeError(f"{use.where}: its input is {list(shape)}: it reads (batch, features)")
    batch, features = shape
    op = ops.Reshape((batch, 1, features))
    tensor = add(use, op, use.state.axes.last(value), part="row")
    return Value(add(use, ops.Expand((batch, whole(use.settings, "n"), features)), tensor), False)
