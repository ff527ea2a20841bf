"""The values of fields over a space, and which of its points are left out.

Arrays have a dimension for each axis, of length 1 along those on which they do not depend.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.errors import UsageError
from xnorsim.explore.constraints import Constraint, FieldType, Reason, holds, names
from xnorsim.explore.space import MOST_DESIGNS, Block, Refusal, Space, Tasks, place_of
from xnorsim.machine.fields import canonical, value_of
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.schema import HardwareProfile
from xnorsim.units import base_units

__all__ = [
    "MOST_COUNTED",
    "Tie",
    "axes_of",
    "count_left",
    "field_types",
    "first_left",
    "left_out",
    "mask",
    "numbers",
    "ties",
    "values_of",
]

MOST_COUNTED = 10**8
"""Points of axes that conditions tie together which are looked at before the run: about seconds."""

Condition = Constraint | Refusal


def field_types(space: Space, wanted: Iterable[str]) -> dict[str, FieldType]:
    """What fields hold that constraints may speak of, by every name that they have.

    A quantity is in the unit of its axis, or of the profiles. Only those of `wanted` are looked up;
    others may be named in a choice, and no more.
    """
    types: dict[str, FieldType] = {_short(name): () for name in space.known}
    types |= dict.fromkeys(space.known, ())
    types.update({name: _type(space, canonical(name)) for name in wanted if name in types})
    return types


def _short(name: str) -> str:
    """The name of a field of instructions on vectors without that word."""
    section, _, rest = name.partition(".")
    less = rest.removeprefix("vector_")
    if section != "instructions" or less.partition(".")[0] in CLASSES:
        return name
    return f"{section}.{less}"


def _type(space: Space, name: str) -> FieldType:
    field, at = space.known[name], place_of(space, name)
    if at is not None:
        unit = space.axes[at[0]].units[at[1]]
        return "word" if field.dimension is None else base_units(unit)
    if not field.is_machine:
        if name not in space.fixed:
            return Reason(f"'{name}' has no value: give it one, or an axis")
        return "word" if field.dimension is None else ()
    setter = _setter(space, field.sets)
    if setter:
        return Reason(f"'{name}' follows from {setter}, which is on an axis: speak of that")
    each = {text: value_of(profile, name) for text, profile in space.profiles.items()}
    lacking = [text for text, found in each.items() if found is None]
    if lacking:
        return Reason(f"profile {', '.join(lacking)} gives no {name}")
    kinds = {"word" if isinstance(found[0], str) else found[1] for found in each.values() if found}
    if len(kinds) > 1:
        return Reason(f"'{name}' is in {' and '.join(sorted(kinds))} in different profiles")
    unit = kinds.pop()
    return "word" if unit == "word" else base_units(unit)


def _setter(space: Space, path: str) -> str:
    """The field on an axis that sets a quantity, or the ports that it follows from; "" if none."""
    ports = f"{path.removesuffix('busy')}ports" if path.endswith(".busy") else ""
    on_axes = [field for axis in space.axes for field in axis.fields]
    return next((field.name for field in on_axes if field.sets in (path, ports)), "")


def values_of(space: Space, name: str) -> NDArray[Any]:
    """A field's values over the axes: numbers in their unit, or words.

    NaN where the profile gives none.
    """
    name = canonical(name)
    at = place_of(space, name)
    if at is not None:
        axis = space.axes[at[0]]
        is_word = axis.fields[at[1]].dimension is None
        row = np.array(axis.texts[at[1]]) if is_word else axis.numbers[at[1]]
        return _along(space, at[0], row)
    if name in space.fixed:
        text = space.fixed[name]
        return np.array(text if space.known[name].dimension is None else float(text))
    each = {text: _own(profile, name) for text, profile in space.profiles.items()}
    at = place_of(space, "profile")
    if at is None:
        return np.array(each[space.fixed["profile"]])
    return _along(space, at[0], np.array([each[text] for text in space.axes[at[0]].texts[at[1]]]))


def _own(profile: HardwareProfile, name: str) -> str | float:
    """What a profile gives for a field, which it may lack."""
    try:
        found = value_of(profile, name)
    except UsageError:
        found = None
    return math.nan if found is None else found[0]


def _along(space: Space, axis: int, row: NDArray[Any]) -> NDArray[Any]:
    shape = [1] * len(space.axes)
    shape[axis] = -1
    return row.reshape(shape)


def numbers(space: Space, block: Block) -> dict[str, NDArray[np.float64]]:
    """The numbers of every field on an axis over a block, by name, each in the unit of its axis."""
    return {
        field.name: _cut(_along(space, place, row), block.slices)
        for place, axis in enumerate(space.axes)
        for field, row in zip(axis.fields, axis.numbers, strict=True)
        if field.dimension is not None
    }


def _cut(array: NDArray[Any], slices: Sequence[slice]) -> NDArray[Any]:
    if array.ndim == 0:
        return array
    pairs = zip(array.shape, slices, strict=True)
    return array[tuple(part if size > 1 else slice(None) for size, part in pairs)]


def mask(space: Space, block: Block) -> NDArray[np.bool_]:
    """Which points of a block are left out, in its shape: True for those that no figure is for."""
    out = np.zeros(block.shape, dtype=bool)
    for item in (*space.where, *space.refused):
        out |= left_out(space, item, block.slices)
    return out


def left_out(space: Space, item: Condition, slices: Sequence[slice]) -> NDArray[np.bool_]:
    """Which points of a box one condition leaves out, of length 1 along axes it does not read."""
    if isinstance(item, Constraint):
        given = {name: _cut(space.given[name], slices) for name in names(item.tree)}
        return ~holds(item, given)
    shape = [1] * len(space.axes)
    for axis, size in zip(item.axes, item.refused.shape, strict=True):
        shape[axis] = size
    return _cut(item.refused.reshape(shape), slices)


def first_left(space: Space, block: Block) -> tuple[int, ...] | None:
    """The first point of a block that is not left out, by its place in the space; None without."""
    out = mask(space, block)
    if out.all():
        return None
    place = np.unravel_index(int(out.argmin()), out.shape)
    return tuple(part.start + int(at) for part, at in zip(block.slices, place, strict=True))


def axes_of(space: Space, item: Condition) -> frozenset[int]:
    """The axes on which a condition depends."""
    if isinstance(item, Refusal):
        return frozenset(item.axes)
    arrays = [space.given[name] for name in names(item.tree)]
    return frozenset(axis for a in arrays for axis, size in enumerate(a.shape) if size > 1)


@dataclass(frozen=True, eq=False)
class Tie:
    """Axes that conditions tie together, and those conditions."""

    axes: frozenset[int]
    items: tuple[Condition, ...]


def ties(space: Space) -> tuple[Tie, ...]:
    """The conditions in groups that share no axis: points of one are left out whatever the others.

    A condition that depends on no axis is a group of its own.
    """
    groups: list[Tie] = []
    for item in (*space.where, *space.refused):
        axes = axes_of(space, item)
        met = [group for group in groups if group.axes & axes]
        groups = [group for group in groups if not group.axes & axes]
        items = (*(old for group in met for old in group.items), item)
        groups.append(Tie(axes.union(*(group.axes for group in met)), items))
    return tuple(groups)


def slabs(space: Space, tie: Tie) -> Iterator[NDArray[np.bool_]]:
    """Which points of the axes of a tie are left in, box by box; other axes have length 1."""
    shape = tuple(size if axis in tie.axes else 1 for axis, size in enumerate(space.shape))
    limit, chunk = MOST_DESIGNS, [1] * len(shape)
    for axis in reversed(range(len(shape))):
        chunk[axis] = max(1, min(shape[axis], limit))
        limit //= chunk[axis]
    for block in Tasks(shape, tuple(chunk)):
        out = np.zeros(block.shape, dtype=bool)
        for item in tie.items:
            out |= left_out(space, item, block.slices)
        yield ~out


def count_left(space: Space) -> int | None:
    """How many points conditions leave; None where ties have more than MOST_COUNTED points."""
    groups = ties(space)
    tied = frozenset[int]().union(*(group.axes for group in groups))
    left = math.prod(size for axis, size in enumerate(space.shape) if axis not in tied)
    counts: list[int | None] = [count_of(space, group) for group in groups]
    if 0 in counts:
        return 0
    return None if None in counts else left * math.prod(count for count in counts if count)


def count_of(space: Space, tie: Tie) -> int | None:
    """How many points of its axes a tie leaves; None where they have more than MOST_COUNTED."""
    if math.prod(space.shape[axis] for axis in tie.axes) > MOST_COUNTED:
        return None
    return sum(int(np.count_nonzero(slab)) for slab in slabs(space, tie))
