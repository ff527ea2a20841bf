"""A space of designs: its axes, what stays the same, which points are left out, and its blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import ceil, prod
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from xnorsim.errors import UsageError
from xnorsim.explore.axes import Axis
from xnorsim.explore.constraints import Constraint
from xnorsim.explore.fields import Field
from xnorsim.machine.fields import with_values
from xnorsim.machine.schema import HardwareProfile
from xnorsim.network.graph import Graph

__all__ = [
    "Block",
    "Refusal",
    "Space",
    "Tasks",
    "chunk_shape",
    "even",
    "parts",
    "place_of",
    "point",
    "points",
    "predictor_of",
    "profile_of",
    "tasks",
]

MOST_DESIGNS = 2**18
"""Of a task: 2 MB of one figure."""

MOST_STRUCTURES = 16
"""Machines, programs and topologies of a task: each is worked out anew, in about 50 ms."""

MOST_CHUNK_BYTES = 8 * 2**20
"""Of one figure of a task, where each layer is kept."""

ROW_BYTES = 48
"""What a prediction holds for a layer of a design at its peak: about six numbers."""


@dataclass(frozen=True, eq=False)
class Refusal:
    """Combinations that cannot be asked for, along some axes by their places.

    refused: [values of the first axis, ...], True where it is so; why: the first reason.
    """

    axes: tuple[int, ...]
    refused: NDArray[np.bool_]
    why: str


@dataclass(frozen=True, eq=False)
class Space:
    """Every combination of the axes' values, but those that conditions leave out.

    known: every field by its name; fixed: the fields of the question that stay, by name; profiles:
    the machines by the text of field "profile"; graph: the network, None for a layer template;
    where, refused: the conditions of whoever asks and those of the fields, and combinations that
    cannot be asked for; given: the values of the fields that conditions speak of, by the name that
    they use, shaped to broadcast over the axes; layers: whether each layer's figures are kept;
    left: points that remain, None where they are too many to count beforehand; notes: what is left
    out by itself, and why.
    """

    axes: tuple[Axis, ...]
    known: Mapping[str, Field]
    fixed: Mapping[str, str]
    profiles: Mapping[str, HardwareProfile]
    graph: Graph | None
    where: tuple[Constraint, ...] = ()
    refused: tuple[Refusal, ...] = ()
    given: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    metrics: tuple[str, ...] = ("latency_s",)
    layers: bool = False
    reduce: str = ""
    left: int | None = None
    notes: tuple[str, ...] = ()
    fingerprint: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each axis has."""
        return tuple(axis.size for axis in self.axes)


def points(space: Space) -> int:
    """How many there are, those left out among them."""
    return prod(space.shape)


def place_of(space: Space, name: str) -> tuple[int, int] | None:
    """The axis along which a field changes, and its place among that axis' fields; or None."""
    for number, axis in enumerate(space.axes):
        for row, item in enumerate(axis.fields):
            if item.name == name:
                return number, row
    return None


@dataclass(frozen=True, slots=True)
class Block:
    """A box of a space: a slice along every axis. number: which task it is."""

    number: int
    slices: tuple[slice, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values it has of each axis."""
        return tuple(part.stop - part.start for part in self.slices)


@dataclass(frozen=True, eq=False)
class Tasks(Sequence[Block]):
    """The blocks of a space in order, the last axis fastest; each is made when it is asked for."""

    shape: tuple[int, ...]
    chunk: tuple[int, ...]

    @property
    def grid(self) -> tuple[int, ...]:
        """How many blocks there are along each axis."""
        return tuple(ceil(size / part) for size, part in zip(self.shape, self.chunk, strict=True))

    def __len__(self) -> int:
        return prod(self.grid)

    @overload
    def __getitem__(self, number: int) -> Block: ...
    @overload
    def __getitem__(self, number: slice) -> list[Block]: ...
    def __getitem__(self, number: int | slice) -> Block | list[Block]:
        if isinstance(number, slice):
            return [self[place] for place in range(*number.indices(len(self)))]
        number += len(self) if number < 0 else 0
        if not 0 <= number < len(self):
            raise IndexError(f"task {number} of {len(self)}")
        places, left = [], number
        for count in reversed(self.grid):
            left, place = divmod(left, count)
            places.append(place)
        sides = zip(reversed(places), self.shape, self.chunk, strict=True)
        boxes = (slice(at * part, min((at + 1) * part, size)) for at, size, part in sides)
        return Block(number, tuple(boxes))


def tasks(space: Space, memory_bytes: float, rows: int = 1) -> Tasks:
    """The space cut into blocks that one worker predicts within so many bytes; rows: of a network.

    Blocks change no figure. Each is a chunk of what is stored.
    """
    return Tasks(space.shape, chunk_shape(space, memory_bytes, rows))


def chunk_shape(space: Space, memory_bytes: float, rows: int = 1) -> tuple[int, ...]:
    """How many values a block has of each axis: arrays first, from the last axis, then structure.

    Raises:
        UsageError: not even one design fits the memory.
    """
    designs = int(memory_bytes // (ROW_BYTES * max(rows, 1)))
    if designs < 1:
        raise UsageError(
            f"memory of {memory_bytes:,.0f} bytes does not hold one design of {rows} layers: "
            f"at least {ROW_BYTES * rows:,} are needed"
        )
    most = MOST_CHUNK_BYTES // (8 * rows) if space.layers else MOST_DESIGNS
    limit = max(1, min(designs, most, MOST_DESIGNS))
    chunk = [1] * len(space.axes)
    structures = MOST_STRUCTURES
    order = sorted(range(len(chunk)), key=lambda i: (space.axes[i].kind == "structure", -i))
    for place in order:
        axis = space.axes[place]
        is_structure = axis.kind == "structure"
        most = min(limit, structures) if is_structure else limit
        chunk[place] = even(axis.size, most)
        limit //= chunk[place]
        structures //= chunk[place] if is_structure else 1
    return tuple(chunk)


def even(size: int, most: int) -> int:
    """The size of parts alike, none larger than `most` (at least 1)."""
    return ceil(size / ceil(size / max(most, 1)))


def parts(space: Space, block: Block) -> Iterator[Block]:
    """The block cut along its structure axes: parts of one machine, one program, one topology."""
    each = (
        [slice(at, at + 1) for at in range(part.start, part.stop)]
        if axis.kind == "structure"
        else [part]
        for axis, part in zip(space.axes, block.slices, strict=True)
    )
    for slices in product(*each):
        yield Block(block.number, slices)


def point(space: Space, index: Sequence[int]) -> dict[str, str]:
    """Every field of one point as text, by name: those of the axes, and those that stay."""
    found = dict(space.fixed)
    for axis, place in zip(space.axes, index, strict=True):
        found.update((f.name, row[place]) for f, row in zip(axis.fields, axis.texts, strict=True))
    return found


def profile_of(space: Space, values: Mapping[str, str]) -> HardwareProfile:
    """The machine of a point, with the fields that the point sets.

    Raises:
        UsageError: the values make no machine together (points that are left out may).
    """
    given = {name: text for name, text in values.items() if space.known[name].is_machine}
    profile = space.profiles[values["profile"]]
    return with_values(profile, given) if given else profile


def predictor_of(values: Mapping[str, str]) -> str:
    """The predictor of a point: that of its recipe set, if it has one."""
    return f"instructions:{values['recipes']}" if "recipes" in values else values["predictor"]
