"""What is kept of a sweep in place of the whole, as text:

    pareto:latency_s,energy_j            the designs that no other beats in these figures
    pareto:latency_s,memories.L2.size    a number on an axis is one, too
    top:10:latency_s                     the ten least
    best:latency_s by profile,threads    the least for each profile and number of threads
    histogram:latency_s                  how many designs have which latency: 20 bins a decade
    histogram:latency_s:1 ms,2 ms,5 ms   the same between edges that are given

Each is worked out of blocks in any order: `merged` is associative and commutative, and of designs
that are alike the one of the lowest flat index is kept. Points that are left out are not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.errors import InputError, UsageError, choices
from xnorsim.explore.fronts import front, unbeaten
from xnorsim.explore.grid import numbers
from xnorsim.explore.space import Block, Space, place_of
from xnorsim.explore.spec import METRICS
from xnorsim.machine.fields import canonical
from xnorsim.units import parse_quantity, split_quantity

__all__ = ["FORMS", "Asked", "Parts", "Reduction", "asked", "reduction"]

Parts = dict[str, NDArray[Any]]
"""What is kept so far: "index" [n], the flat places of designs, and each figure [n, ...]."""

FORMS: Mapping[str, str] = {
    "pareto": "pareto:METRIC,METRIC or AXIS",
    "top": "top:COUNT:METRIC",
    "best": "best:METRIC by AXIS,AXIS",
    "histogram": "histogram:METRIC or histogram:METRIC:EDGE,EDGE",
}
"""How each kind is asked for."""

MOST_KEPT = 10**6
"""Designs that `top` may ask for."""

BINS_A_DECADE = 20
_DECADES = (-12, 6)

DECADE_EDGES = 10.0 ** (
    np.arange(_DECADES[0] * BINS_A_DECADE, _DECADES[1] * BINS_A_DECADE + 1) / BINS_A_DECADE
)
"""Of a histogram without edges: from a millionth of a millionth to a million."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A reduction as it is asked for.

    metrics: the figures that it looks at; fields: the same, for a front, by names that are none of
    a metric; count: of designs; edges: of bins; by: the names after that word.
    """

    kind: str
    metrics: tuple[str, ...]
    fields: tuple[str, ...] = ()
    count: int = 0
    edges: tuple[float, ...] = ()
    by: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Reduction:
    """How a reduction is worked out.

    of_block: the parts of a block's values, metric -> [block shape]; what parts already merged beat
    may be left out of it. merged: of two parts. result: arrays by name, along `dims`.
    """

    asked: Asked
    dims: tuple[str, ...]
    of_block: Callable[[Block, Mapping[str, NDArray[Any]], Parts | None], Parts]
    merged: Callable[[Parts, Parts], Parts]
    result: Callable[[Parts], Parts]


def asked(text: str) -> Asked:
    """What a text asks for.

    Raises:
        UsageError: no such reduction, metric, count or edges; with the form of it. What else a
            front and groups are of is looked up by `reduction`.
    """
    kind, _, rest = text.partition(":")
    kind = kind.strip()
    if kind not in FORMS:
        raise UsageError(f"{text!r:.60} is not known: {choices(kind, FORMS)}, as {FORMS['pareto']}")
    return _READ[kind](text, rest)


def _metric(text: str, word: str) -> tuple[str, ...]:
    word = word.strip()
    if word not in METRICS:
        raise UsageError(f"no metric '{word}' (got {text!r:.60}): {choices(word, METRICS)}")
    return (word,)


def _names(text: str, words: str) -> tuple[str, ...]:
    found = tuple(word.strip() for word in words.split(","))
    if "" in found or len(set(found)) < len(found):
        form = FORMS[text.partition(":")[0].strip()]
        raise UsageError(f"{text!r:.60}: its form is {form}, each name once")
    return found


def _read_pareto(text: str, rest: str) -> Asked:
    found = _names(text, rest)
    fields = tuple(name for name in found if name not in METRICS)
    if len(fields) == len(found):
        _metric(text, found[0])
    return Asked("pareto", tuple(name for name in found if name in METRICS), fields)


def _read_top(text: str, rest: str) -> Asked:
    count, _, metric = rest.partition(":")
    if not count.strip().isdecimal() or not 1 <= int(count) <= MOST_KEPT:
        form = f"{FORMS['top']}, with a count from 1 to {MOST_KEPT:,}"
        raise UsageError(f"{text!r:.60}: its form is {form}")
    return Asked("top", _metric(text, metric), count=int(count))


def _read_best(text: str, rest: str) -> Asked:
    metric, _, axes = rest.partition(" by ")
    return Asked("best", _metric(text, metric), by=_names(text, axes))


def _read_histogram(text: str, rest: str) -> Asked:
    metric, colon, words = rest.partition(":")
    metrics = _metric(text, metric)
    if not colon:
        return Asked("histogram", metrics, edges=tuple(DECADE_EDGES.tolist()))
    try:
        edges = tuple(_edge(word.strip(), METRICS[metrics[0]]) for word in words.split(","))
    except InputError as fault:
        raise UsageError(f"{text!r:.60}: edge {fault}") from fault
    if any(right <= left for left, right in pairwise(edges)):
        raise UsageError(f"{text!r:.60}: each edge is above the one before")
    return Asked("histogram", metrics, edges=edges)


def _edge(text: str, unit: str) -> float:
    return parse_quantity(text, unit) if split_quantity(text)[1] else float(text)


_READ: Mapping[str, Callable[[str, str], Asked]] = {
    "pareto": _read_pareto,
    "top": _read_top,
    "best": _read_best,
    "histogram": _read_histogram,
}


def reduction(text: str, space: Space) -> Reduction:
    """The reduction that a text asks for, over a space.

    Raises:
        UsageError: as `asked`; or a name that is no axis, or one of words where numbers are needed.
    """
    found = asked(text)
    return _MADE[found.kind](found, space)


def _pareto(found: Asked, space: Space) -> Reduction:
    fields = tuple(_number_of(name, space) for name in found.fields)

    def points(parts: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        return np.stack([parts[name] for name in (*found.metrics, *fields)], axis=-1)

    def least(parts: Parts) -> Parts:
        return _at(parts, front(points(parts), parts["index"]))

    def of_block(
        block: Block, values: Mapping[str, NDArray[Any]], so_far: Parts | None = None
    ) -> Parts:
        along = numbers(space, block) if fields else {}
        values = {**values, **{n: np.broadcast_to(along[n], block.shape) for n in fields}}
        here = points(values).reshape(-1, len(found.metrics) + len(fields))
        places = np.flatnonzero(~np.isnan(here).any(axis=1))
        if so_far is not None:
            places = places[unbeaten(here[places], points(so_far))]
        sample = places[:: max(1, len(places) // _SAMPLE)]
        strong = sample[front(here[sample], sample)]
        places = places[unbeaten(here[places], here[strong])]
        places = places[front(here[places], places)]
        return _kept(space, block, values, places)

    def result(parts: Parts) -> Parts:
        return {name: array for name, array in parts.items() if name not in fields}

    return Reduction(found, ("point",), of_block, partial(_joined, least), result)


_SAMPLE = 512
"""Points of a block whose front is looked for first: most others are beaten by it."""


def _top(found: Asked, space: Space) -> Reduction:
    (metric,) = found.metrics

    def least(parts: Parts) -> Parts:
        order = np.lexsort((parts["index"], parts[metric]))
        return _at(parts, order[: found.count])

    def of_block(
        block: Block, values: Mapping[str, NDArray[Any]], so_far: Parts | None = None
    ) -> Parts:
        here = values[metric].ravel()
        places = np.flatnonzero(~np.isnan(here))
        if so_far is not None and len(so_far["index"]) >= found.count:
            places = places[here[places] <= so_far[metric].max()]
        if len(places) > found.count:
            limit = np.partition(here[places], found.count - 1)[found.count - 1]
            places = places[here[places] <= limit]
        return least(_kept(space, block, values, places))

    return Reduction(found, ("point",), of_block, partial(_joined, least), _same)


def _best(found: Asked, space: Space) -> Reduction:
    (metric,) = found.metrics
    by = tuple(_axis_of(name, space) for name in found.by)
    groups = tuple(space.shape[axis] for axis in by)

    def group(index: NDArray[np.int64]) -> NDArray[np.int64]:
        places = np.unravel_index(index, space.shape)
        return np.asarray(np.ravel_multi_index([places[axis] for axis in by], groups))

    def least(parts: Parts) -> Parts:
        of = group(parts["index"])
        order = np.lexsort((parts["index"], parts[metric], of))
        first = np.diff(of[order], prepend=-1) > 0
        return _at(parts, order[first])

    def of_block(
        block: Block, values: Mapping[str, NDArray[Any]], so_far: Parts | None = None
    ) -> Parts:
        # The axes of a group first: then what is left of each is a row, in order of the index.
        places = np.arange(values[metric].size).reshape(block.shape)
        rows = np.moveaxis(places, by, range(len(by)))
        rows = rows.reshape(np.prod(rows.shape[: len(by)], dtype=int), -1)
        here = np.nan_to_num(values[metric], nan=np.inf, posinf=np.finfo(float).max).ravel()[rows]
        places = np.sort(rows[np.arange(len(rows)), here.argmin(axis=1)])
        places = places[~np.isnan(values[metric].ravel()[places])]
        return _kept(space, block, values, places)

    def result(parts: Parts) -> Parts:
        of = group(parts["index"])
        return {name: _spread(of, array, groups) for name, array in parts.items()}

    dims = tuple(space.axes[axis].name for axis in by)
    return Reduction(found, dims, of_block, partial(_joined, least), result)


def _spread(of: NDArray[np.int64], array: NDArray[Any], groups: tuple[int, ...]) -> NDArray[Any]:
    """The array by group: -1 for an index, NaN for a figure, where a group has no point."""
    shape = (int(np.prod(groups, dtype=np.int64)), *array.shape[1:])
    found = np.full(shape, -1 if array.dtype.kind == "i" else np.nan, array.dtype)
    found[of] = array
    return found.reshape(*groups, *array.shape[1:])


def _histogram(found: Asked, space: Space) -> Reduction:
    (metric,) = found.metrics
    edges = np.array(found.edges)

    def of_block(
        block: Block, values: Mapping[str, NDArray[Any]], so_far: Parts | None = None
    ) -> Parts:
        here = values[metric].ravel()
        bins = np.searchsorted(edges, here[~np.isnan(here)], side="right")
        return {"count": np.bincount(bins, minlength=len(edges) + 1).astype(np.int64)}

    def result(parts: Parts) -> Parts:
        low, high = np.concatenate([[-np.inf], edges]), np.concatenate([edges, [np.inf]])
        used = np.flatnonzero(parts["count"])
        # Bins that nobody asked for are shown from the first to the last that holds a design.
        is_own = not np.array_equal(edges, DECADE_EDGES)
        part = (
            slice(None) if is_own else slice(*(used[[0, -1]] + [0, 1])) if len(used) else slice(0)
        )
        return {"low": low[part], "high": high[part], "count": parts["count"][part]}

    return Reduction(found, ("bin",), of_block, _added, result)


_MADE: Mapping[str, Callable[[Asked, Space], Reduction]] = {
    "pareto": _pareto,
    "top": _top,
    "best": _best,
    "histogram": _histogram,
}


def _axis_of(name: str, space: Space) -> int:
    """The number of an axis by its name, or by that of a field on it."""
    names = [axis.name for axis in space.axes]
    at = place_of(space, canonical(name))
    if name not in names and at is None:
        raise UsageError(f"best by '{name}', which is no axis: {choices(name, names)}")
    return names.index(name) if name in names else at[0] if at else 0


def _number_of(name: str, space: Space) -> str:
    """The name of a field with numbers on an axis, by its short or its full form."""
    full = canonical(name)
    at = place_of(space, full)
    valid = [f.name for axis in space.axes for f in axis.fields if f.dimension is not None]
    if at is None or full not in valid:
        raise UsageError(
            f"pareto of '{name}', which is neither a metric nor a number on an axis: "
            f"{choices(name, [*METRICS, *valid])}"
        )
    return full


def _kept(
    space: Space,
    block: Block,
    values: Mapping[str, NDArray[Any]],
    places: NDArray[np.intp],
) -> Parts:
    """The figures of some points of a block, by their places in it, and their flat indices."""
    inside = np.unravel_index(places, block.shape)
    starts = (part.start for part in block.slices)
    at = [place + start for place, start in zip(inside, starts, strict=True)]
    index = np.asarray(np.ravel_multi_index(at, space.shape), dtype=np.int64)
    return {"index": index, **{name: array[inside] for name, array in values.items()}}


def _at(parts: Parts, places: NDArray[np.intp]) -> Parts:
    return {name: array[places] for name, array in parts.items()}


def _joined(least: Callable[[Parts], Parts], a: Parts, b: Parts) -> Parts:
    return least({name: np.concatenate([a[name], b[name]]) for name in a})


def _added(a: Parts, b: Parts) -> Parts:
    return {name: a[name] + b[name] for name in a}


def _same(parts: Parts) -> Parts:
    return parts
