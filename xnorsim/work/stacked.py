"""Layer tables of one network at several sizes as one set of columns [..., layers]."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from math import prod

import numpy as np
from numpy.typing import NDArray

from xnorsim.errors import UsageError
from xnorsim.work.table import COLUMNS, LayerTable

__all__ = ["stacked"]


def stacked(
    tables: Mapping[tuple[int, ...], LayerTable], shape: tuple[int, ...]
) -> dict[str, NDArray[np.int64]]:
    """The columns [*shape, layers] of a table at each place of a grid.

    tables: by their places, one for each of `shape`; all of the same layers, whose sizes differ. A
    column has length 1 along the axes of the grid on which it does not depend.

    Raises:
        UsageError: a place without a table, or layers that differ in number, name or kind.
    """
    places = list(np.ndindex(*shape))
    lacking = [place for place in places if place not in tables]
    if lacking or not places:
        raise UsageError(f"no layer table at place {lacking[0] if lacking else ()} of {shape}")
    first = tables[places[0]]
    for place in places[1:]:
        _check_alike(first, tables[place], place)
    layers = len(first)
    return {
        name: _cut(
            np.stack([tables[place].columns[name] for place in places]).reshape(*shape, layers)
        )
        for name in COLUMNS
    }


def _check_alike(first: LayerTable, other: LayerTable, place: tuple[int, ...]) -> None:
    rows = zip_longest(
        zip(first.names, first.kinds, strict=True), zip(other.names, other.kinds, strict=True)
    )
    for number, (one, another) in enumerate(rows):
        if one != another:
            told = [" ".join(reversed(row)) if row else "nothing" for row in (one, another)]
            raise UsageError(
                f"tables of {first.network} have different layers: layer {number} is {told[0]} in "
                f"the first, and {told[1]} at place {place}; such networks are predicted one by one"
            )


def _cut(column: NDArray[np.int64]) -> NDArray[np.int64]:
    """The column with length 1 along each axis, but the last, that changes nothing."""
    for axis in range(column.ndim - 1):
        first = column[(slice(None),) * axis + (slice(1),)]
        if prod(column.shape) and (column == first).all():
            column = first
    column = np.ascontiguousarray(column)
    column.setflags(write=False)
    return column
