"""The figures of a space's points: every block one call of the array predictors.

A block is cut along its structure axes into parts of one machine, one program and one topology. Of
a part each axis is a dimension of its own: numbers of the machine and threads are arrays
[..., 1], tables of several sizes are stacked to columns [..., layers], and what is predicted is as
large as the axes on which it depends. A point is so the same to the last bit as it is alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import product
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost.inputs import Design, design
from xnorsim.cost.points import Layers, Prepared, prepared, total
from xnorsim.explore.grid import first_left, mask, numbers
from xnorsim.explore.space import Block, Space, even, parts, point, predictor_of, profile_of
from xnorsim.explore.tables import layers_of, rows, unused
from xnorsim.machine.fields import FieldInfo, drawn_at, fields
from xnorsim.machine.schema import HardwareProfile

__all__ = ["evaluate", "rows"]

_Floats = NDArray[np.float64]

MOST_COMPUTED = 2**16
"""Designs that are predicted in one go: an array of them is half a megabyte."""

MOST_NUMBERS = 2**23
"""The same times layers, for networks of very many."""

MOST_ALONG = 2**20
"""Layers and designs along one axis: where all fields are linked, every step is as large as it."""

MOST_KEPT = 2**18
"""Layers, each at every size, of the predictors that a process keeps between blocks."""


@dataclass(eq=False)
class _Kept:
    """What does not change from block to block of a space: by places of structure axes."""

    profiles: dict[tuple[int, ...], tuple[HardwareProfile, Mapping[str, FieldInfo]]] = field(
        default_factory=dict
    )
    prepared: dict[Any, tuple[Prepared, Sequence[int], int]] = field(default_factory=dict)


_KEPT: WeakKeyDictionary[Space, _Kept] = WeakKeyDictionary()


def evaluate(space: Space, block: Block) -> dict[str, _Floats]:
    """Each metric of the space at the points of a block [*block.shape]; NaN for those left out.

    With `space.layers` also "<metric>_by_layer" [*block.shape, layers], in the order of `rows`.

    Raises:
        UsageError: a point that cannot be predicted, and is not left out: the program has no kernel
            for a layer, or a layer cannot follow to another size.
    """
    names = rows(space)
    found = {metric: np.full(block.shape, np.nan) for metric in space.metrics}
    if space.layers:
        found |= {
            f"{metric}_by_layer": np.full((*block.shape, len(names)), np.nan)
            for metric in space.metrics
        }
    for part in parts(space, block):
        for piece in _pieces(space, part, len(names)):
            place = tuple(
                slice(a.start - b.start, a.stop - b.start)
                for a, b in zip(piece.slices, block.slices, strict=True)
            )
            _predict(space, piece, {name: array[place] for name, array in found.items()})
    return found


def _predict(space: Space, piece: Block, into: Mapping[str, _Floats]) -> None:
    """Write the figures of a box of one structure; what is left out stays as it is."""
    first = first_left(space, piece)
    if first is None:
        return
    out = mask(space, piece)
    values = point(space, first)
    arrays = {name: array[..., np.newaxis] for name, array in numbers(space, piece).items()}
    # Points that are left out may hold any nonsense, and nobody sees what comes of it.
    with np.errstate(all="ignore") if out.any() else nullcontext():
        at = _design(space, first, values, arrays)
        predict, owners = _prepared(space, piece, first, values, at, out)
        threads = arrays.get("threads", int(values["threads"]))
        figures = predict(at, threads, frozenset(space.metrics))
    for metric in space.metrics:
        each: Sequence[_Floats] = getattr(figures, metric)
        np.copyto(into[metric], total(each), where=~out)
        if space.layers:
            for row in set(owners):
                mine = total(a for a, owner in zip(each, owners, strict=True) if owner == row)
                np.copyto(into[f"{metric}_by_layer"][..., row], mine, where=~out)


def _design(
    space: Space, first: Sequence[int], values: Mapping[str, str], arrays: Mapping[str, _Floats]
) -> Design:
    """The machine of a structure point, with each number on an axis as an array [..., 1]."""
    kept = _KEPT.setdefault(space, _Kept())
    key = _structure(space, first)
    if key not in kept.profiles:
        made = profile_of(space, values)
        kept.profiles[key] = made, fields(made)
    profile, known = kept.profiles[key]
    drawn = {
        item.name: arrays[item.name]
        for axis in space.axes
        if axis.kind != "structure"
        for item in axis.fields
        if item.is_machine
    }
    return design(profile, drawn_at(profile, drawn, known)) if drawn else design(profile)


def _structure(space: Space, index: Sequence[int]) -> tuple[int, ...]:
    """The places of a point along the structure axes."""
    pairs = zip(space.axes, index, strict=True)
    return tuple(int(place) for axis, place in pairs if axis.kind == "structure")


def _prepared(
    space: Space,
    piece: Block,
    first: Sequence[int],
    values: Mapping[str, str],
    at: Design,
    out: NDArray[np.bool_],
) -> tuple[Prepared, Sequence[int]]:
    """The predictor of the layers of a box, and the row that each layer's figures belong to."""
    kept = _KEPT.setdefault(space, _Kept()).prepared
    tables = tuple(
        (part.start, part.stop)
        for axis, part in zip(space.axes, piece.slices, strict=True)
        if axis.kind == "table"
    )
    idle = unused(space, piece, out)
    key = (_structure(space, first), tables, idle.tobytes() if idle.any() else b"")
    if key not in kept:
        columns, kinds, owners = layers_of(space, piece, first, idle)
        predict = prepared(Layers(columns, kinds), at, predictor_of(values))
        kept[key] = predict, owners, columns["macs"].size
        while len(kept) > 1 and sum(size for *_, size in kept.values()) > MOST_KEPT:
            kept.pop(next(iter(kept)))
        return predict, owners
    return kept[key][:2]


def _pieces(space: Space, part: Block, layers: int) -> Iterator[Block]:
    """A part cut into boxes that are predicted in one go.

    Where some combinations along axes of numbers cannot be asked for, these are walked one by one:
    an array of them would hold what is refused.
    """
    single = {
        axis
        for refusal in space.refused
        for axis in refusal.axes
        if space.axes[axis].kind != "structure"
        and any(item.is_machine for item in space.axes[axis].fields)
    }
    left = max(min(MOST_COMPUTED, MOST_NUMBERS // layers), 1)
    steps = [1] * len(part.shape)
    for axis in reversed(range(len(steps))):
        if axis not in single:
            steps[axis] = even(part.shape[axis], min(left, max(MOST_ALONG // layers, 1)))
            left = max(left // steps[axis], 1)
    each = (
        [slice(at, min(at + step, cut.stop)) for at in range(cut.start, cut.stop, step)]
        for cut, step in zip(part.slices, steps, strict=True)
    )
    for slices in product(*each):
        yield Block(part.number, slices)
