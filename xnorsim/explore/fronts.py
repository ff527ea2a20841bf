"""Pareto fronts: the points that no other point beats. Smaller is better in every metric.

A point is beaten by one that is nowhere worse and somewhere better; of points alike in every metric
the one of the lowest index stays. So the front of a set is one and the same set of indices, in
whatever parts and order it was worked out.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

__all__ = ["front", "unbeaten"]

Floats = NDArray[np.float64]

_STRONG = 16
"""Points of a front that others are held against, before they are sorted."""

_GRID = 64
"""Cells along a side of the grid of a front of three metrics."""

_ROWS = 256
"""Points that are compared with a front at once, of four metrics and more."""


def front(points: Floats, index: NDArray[np.int64]) -> NDArray[np.intp]:
    """The places of the points [n, metrics] on their front, in order of the metrics, then of index.

    No metric is NaN. Two metrics take a sort; three 0.5 us a point; with more the time grows with
    the size of the front.
    """
    keys = (index, *points.T[::-1])
    order = np.lexsort(keys)
    # In this order no point is beaten by a later one.
    return order[_KEPT.get(points.shape[1], _kept_of_many)(points[order])]


def unbeaten(points: Floats, best: Floats) -> NDArray[np.bool_]:
    """Which of the points [n, metrics] may be on a front, beside those of `best` [k, metrics].

    A coarse look: it leaves out only what is beaten, and not all of that.
    """
    left = np.ones(len(points), dtype=bool)
    if not len(best):
        return left
    columns = np.ascontiguousarray(points.T)
    for place in np.unique(np.linspace(0, len(best) - 1, _STRONG).astype(int)):
        worse = columns[0] > best[place, 0]
        for column, bound in zip(columns[1:], best[place, 1:], strict=True):
            worse &= column > bound
        left &= ~worse
    if points.shape[1] == 3:
        left[left] = ~_beaten_by_grid(points[left], best)
    return left


def _beaten_by_grid(points: Floats, best: Floats) -> NDArray[np.bool_]:
    """Which points are worse than one of `best` that lies in a cell before theirs.

    A cell holds the least third metric of all of `best` up to its corner in the first two.
    """
    shares = np.linspace(0, 1, _GRID)
    edges = [np.quantile(best[:, column], shares, method="lower") for column in (0, 1)]
    least = np.full((_GRID, _GRID), np.inf)
    at = [np.searchsorted(edge, best[:, column]) for column, edge in enumerate(edges)]
    np.minimum.at(least, (at[0], at[1]), best[:, 2])
    least = np.minimum.accumulate(np.minimum.accumulate(least, 0), 1)
    cell = [np.searchsorted(e, points[:, k], "right") - 1 for k, e in enumerate(edges)]
    inside = (cell[0] >= 0) & (cell[1] >= 0)
    return inside & (least[cell[0].clip(0), cell[1].clip(0)] < points[:, 2])


def _kept_of_one(rows: Floats) -> NDArray[np.intp]:
    return np.arange(min(len(rows), 1))


def _kept_of_two(rows: Floats) -> NDArray[np.intp]:
    """Those whose second metric is below that of all before."""
    second = rows[:, 1]
    before = np.minimum.accumulate(second)[:-1]
    return np.flatnonzero(np.concatenate([[True] * min(len(rows), 1), second[1:] < before]))


def _kept_of_three(rows: Floats) -> NDArray[np.intp]:
    """Those under the staircase that the ones before make in the second and third metric.

    Source: H. T. Kung, F. Luccio, F. P. Preparata, On finding the maxima of a set of vectors,
    Journal of the ACM 22 (1975), 469-476.
    """
    seconds: list[float] = []  # rising, with thirds that fall
    thirds: list[float] = []
    kept = []
    for place, (second, third) in enumerate(zip(*rows[:, 1:].T.tolist(), strict=True)):
        at = bisect_right(seconds, second)
        if at and thirds[at - 1] <= third:
            continue
        first = at - 1 if at and seconds[at - 1] == second else at
        last = first
        while last < len(thirds) and thirds[last] >= third:
            last += 1
        seconds[first:last], thirds[first:last] = [second], [third]
        kept.append(place)
    return np.array(kept, dtype=np.intp)


def _kept_of_many(rows: Floats) -> NDArray[np.intp]:
    """Those that none kept before is nowhere worse than: in the first metric none is."""
    columns = np.ascontiguousarray(rows[:, 1:].T)
    kept = np.empty(0, dtype=np.intp)
    for start in range(0, len(rows), _ROWS):
        here = np.arange(start, min(start + _ROWS, len(rows)))
        for first in range(0, len(kept), _ROWS):
            covered = _covered(columns[:, here], columns[:, kept[first : first + _ROWS]])
            here = here[~covered.any(axis=1)]
        among = _covered(columns[:, here], columns[:, here])
        kept = np.concatenate([kept, here[~np.tril(among, -1).any(axis=1)]])
    return kept


def _covered(columns: Floats, by: Floats) -> NDArray[np.bool_]:
    """[n, k] whether point n is nowhere better than `by` k; of columns [metrics, points]."""
    found = columns[0][:, None] >= by[0]
    for mine, other in zip(columns[1:], by[1:], strict=True):
        found &= mine[:, None] >= other
    return found


_KEPT = {1: _kept_of_one, 2: _kept_of_two, 3: _kept_of_three}
