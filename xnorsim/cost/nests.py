"""Bytes over each boundary between memory levels, from a loop nest: footprints and LRU reuse.

A layer is a nest of loops, outermost first, and operands whose footprint F[l] (distinct bytes
touched by loop l and all inside of it) follows from the extents of the dimensions in there. From
one touch of a byte to that in the next iteration of loop l, D[l] distinct bytes are touched, itself
included, and a level of S bytes that replaces the least recently used line still holds it if
D[l] <= S. So what an operand moves over the boundary below a level is, from the innermost loop
outwards,

    bytes[l] = F[l]                     if D[l] <= S: only what is new in an iteration is fetched
             = trips[l] x bytes[l + 1]  otherwise: every iteration fetches all of its own again

The distance between touches is what one iteration of loop l touches,

    D[l] = sum over operands of F[l + 1] + (F[l] - F[l + 1]) / (trips[l] - 1)

the second term only for operands that the next loop inside sweeps again: those of this iteration
and of the next one then lie in between as a whole. Where that next loop sweeps the operand itself
again, its last sweep and the first of the next iteration follow each other: D[l] = D[l + 1].

Sources: R. Mattson, J. Gecsei, D. Slutz, I. Traiger, "Evaluation techniques for storage
hierarchies", IBM Systems Journal 9(2), 1970 (LRU stack distance); H. Stengel, J. Treibig, G. Hager,
G. Wellein, "Quantifying Performance Bottlenecks of Stencil Computations Using the
Execution-Cache-Memory Model", ICS 2015 (layer conditions: reuse over a loop if what it touches
fits); A. Parashar et al., "Timeloop: A Systematic Approach to DNN Accelerator Evaluation", ISPASS
2019 (footprints of tiles of a loop nest, reuse over loops that do not index an operand).

Assumptions: caches are fully associative, replace the least recently used line, write back, and
each boundary is decided by the size of the level above it alone; no prefetch of what is not used.
Bytes are those of blocks of their mean size, extent / number of blocks, which add up to whole
tensors, and distances those of blocks that are not cut off; a kernel that computes border tiles
whole is given the filled up sizes. All sizes and blocks broadcast over layers x design points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xnorsim.cost.axes import total
from xnorsim.errors import UsageError, choices

__all__ = [
    "Extents",
    "Levels",
    "Loop",
    "Moved",
    "Nest",
    "Operand",
    "Traffic",
    "footprints",
    "nest_traffic",
    "reuse_distances",
    "total_bytes",
]

_Floats = NDArray[np.float64]
Extents = Mapping[str, Any]
"""Dimension -> its extent inside some loop: a number, or an array."""

Levels = Sequence[Any] | NDArray[Any]
"""Sizes of levels [byte], nearest first, each a number or an array."""

Moved = tuple[_Floats, ...]
"""Bytes [...] between each level and the next one below it, both ways; each in its own shape."""

Traffic = dict[str, Moved]
"""Operand -> its bytes."""


@dataclass(frozen=True, slots=True)
class Loop:
    """Runs over the blocks of one dimension; `in_registers`: operands that it keeps there.

    Of those, whole tiles move once before or after the loop, which must not index them.
    """

    over: str
    block: Any
    in_registers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor of a nest.

    `footprint`: the distinct bytes [byte] that loops of the given extents touch. It may not fall
    when an extent rises, nor rise faster than it. `since_bytes`: all bytes touched between the use
    by this layer and the use before it (after it, if `written`). A level that holds as much, and
    all that the layer touches, moves nothing; inf: the tensor comes from, or goes to, the last
    level.
    """

    footprint: Callable[[Extents], Any]
    written: bool = False
    since_bytes: Any = inf


@dataclass(frozen=True, eq=False)
class Nest:
    """A loop nest lowered to arrays.

    `trips`: of each loop, on average; `footprint_bytes`: operand -> bytes inside of loop 0, 1, ...
    and last of the innermost body, in blocks of their mean size; `largest_trips`, `largest_bytes`:
    the same in blocks that are not cut off; `in_registers`: of each loop, the operands that
    registers hold over it.
    """

    trips: tuple[Any, ...]
    largest_trips: tuple[Any, ...]
    footprint_bytes: Mapping[str, tuple[Any, ...]]
    largest_bytes: Mapping[str, tuple[Any, ...]]
    in_registers: tuple[tuple[str, ...], ...]


def footprints(
    sizes: Mapping[str, ArrayLike], loops: Sequence[Loop], operands: Mapping[str, Operand]
) -> Nest:
    """The trips of each loop, and what each operand touches inside of it [byte].

    sizes: dimension -> size; a dimension of size 0 does nothing. loops: outermost first; a
    dimension may be cut more than once, into ever smaller blocks. What no loop cuts lies whole in
    the innermost body. Loops that run once for every layer and design point are left out.

    Raises:
        UsageError: a loop over no dimension of `sizes`, a negative size, or a block not above 0.
    """
    whole: dict[str, Any] = {name: np.asarray(size, float) for name, size in sizes.items()}
    for name, size in whole.items():
        if (size < 0).any():
            raise UsageError(f"size of '{name}' is {size.min():g}: at least 0")
    trips, largest_trips, registers = [], [], []
    mean, largest, pieces = [whole], [whole], dict.fromkeys(whole, 1.0)
    for loop in loops:
        over, block = loop.over, np.asarray(loop.block, float)
        if over not in whole:
            raise UsageError(f"no dimension '{over}': {choices(over, whole)}")
        if not (block > 0).all():
            raise UsageError(f"block {block.min():g} of '{over}': above 0")
        outer = largest[-1][over]
        if (outer <= block).all():
            continue  # as if it were not there, for no layer and no design point
        cut = np.maximum(_pieces(whole[over], outer, block), pieces[over])
        trips.append(cut / pieces[over])
        largest_trips.append(np.maximum(np.ceil(outer / block), 1))
        registers.append(loop.in_registers)
        pieces[over] = cut
        mean.append(mean[-1] | {over: whole[over] / cut})
        largest.append(largest[-1] | {over: np.minimum(outer, block)})

    def inside(extents: Sequence[Extents]) -> dict[str, tuple[Any, ...]]:
        return {
            name: tuple(np.asarray(operand.footprint(each), float) for each in extents)
            for name, operand in operands.items()
        }

    return Nest(tuple(trips), tuple(largest_trips), inside(mean), inside(largest), tuple(registers))


def _pieces(whole: Any, outer: Any, block: Any) -> Any:
    """Blocks in `whole` that is first cut into outer blocks: those of full ones, and of the rest.

    100 in 48s and then in 5s: 2 x ceil(48 / 5) + ceil(4 / 5) = 21.
    """
    full = np.floor(whole / np.where(outer > 0, outer, 1))
    return full * np.ceil(outer / block) + np.ceil((whole - full * outer) / block)


def reuse_distances(nest: Nest) -> dict[str, tuple[Any, ...]]:
    """Bytes touched between uses of an operand in consecutive iterations of each loop [byte].

    The D[l] of the module's text; it never falls from an inner loop to an outer one.
    """
    distance: dict[str, Any] = dict.fromkeys(nest.largest_bytes, 0.0)
    swept_again: dict[str, Any] = dict.fromkeys(nest.largest_bytes, False)
    found: dict[str, list[Any]] = {name: [] for name in nest.largest_bytes}
    for place in reversed(range(len(nest.trips))):
        trips = nest.largest_trips[place]
        window: Any = 0.0
        for name, inside in nest.largest_bytes.items():
            fresh = (inside[place] - inside[place + 1]) / np.maximum(trips - 1, 1)
            window = window + inside[place + 1] + np.where(swept_again[name], fresh, 0.0)
        for name, inside in nest.largest_bytes.items():
            # A loop of one iteration is as if it were not there.
            near = swept_again[name] | (trips <= 1)
            distance[name] = np.where(near, distance[name], window)
            found[name].append(distance[name])
            if name not in nest.in_registers[place]:
                same = inside[place] == inside[place + 1]
                swept_again[name] = np.where(trips > 1, same, swept_again[name])
    return {name: tuple(reversed(each)) for name, each in found.items()}


def _where_held(bytes_in_use: _Span, level: _Span, held: Any, else_: Any) -> Any:
    """`held` where a level holds what is in use, and `else_` elsewhere.

    Of a whole grid most is clear at once: what fits everywhere, or nowhere, is not chosen one by
    one.
    """
    if bytes_in_use.most <= level.least:
        return held
    if bytes_in_use.least > level.most:
        return else_
    return np.where(bytes_in_use.array <= level.array, held, else_)


class _Span(NamedTuple):
    """An array [...] with its smallest and its largest number."""

    array: Any
    least: float
    most: float


def _span(array: ArrayLike) -> _Span:
    found = np.asarray(array)
    if not found.size:
        return _Span(found, inf, -inf)
    return _Span(found, float(found.min()), float(found.max()))


def _fetched(nest: Nest, name: str, distances: Sequence[_Span], level: _Span) -> Any:
    """The bytes[0] of the module's text for one operand and one level [byte]."""
    inside = nest.footprint_bytes[name]
    moved = inside[-1]
    for place in reversed(range(len(nest.trips))):
        if name not in nest.in_registers[place]:
            again = nest.trips[place] * moved
            # Blocks rounded to lines may touch less in all than the whole rounded once.
            once = np.minimum(inside[place], again)
            moved = _where_held(distances[place], level, once, again)
    return moved


def nest_traffic(
    sizes: Mapping[str, ArrayLike],
    loops: Sequence[Loop],
    operands: Mapping[str, Operand],
    level_sizes: Levels,
    *,
    write_allocate: ArrayLike = True,
) -> Traffic:
    """What each operand of a loop nest moves between each level and the next one [byte].

    level_sizes: [byte], nearest first, each broadcasting with the layers. What crosses
    the outer boundary of a level depends on its size alone; one of size 0 gives what loads and
    stores move. A written operand crosses outwards once for each fetch, and inwards as well:
    before it is first written only if caches allocate on a write (`write_allocate`), and always
    when it comes back to be added to.

    Returns the bytes of each operand. Never rises with the size of a level.
    """
    nest = footprints(sizes, loops, operands)
    distances = {name: tuple(map(_span, each)) for name, each in reuse_distances(nest).items()}
    spans = tuple(map(_span, level_sizes))
    whole = total(inside[0] for inside in nest.footprint_bytes.values())
    traffic: Traffic = {}
    for name, operand in operands.items():
        once = nest.footprint_bytes[name][0]
        needed = _span(np.maximum(operand.since_bytes, whole))
        levels = []
        for level in spans:
            moved = _fetched(nest, name, distances[name], level)
            if operand.written:
                moved = moved + np.where(write_allocate, moved, moved - once)
            levels.append(_where_held(needed, level, np.zeros(np.shape(moved)), moved))
        traffic[name] = tuple(levels)
    return traffic


def total_bytes(traffic: Traffic) -> Moved:
    """All operands together, by level [...] [byte]."""
    return tuple(total(levels) for levels in zip(*traffic.values(), strict=True))
