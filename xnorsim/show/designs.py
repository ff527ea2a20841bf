"""The points of a sweep as flat lists: two figures, those on their front, and their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xnorsim.errors import UsageError
from xnorsim.explore.fronts import front
from xnorsim.show.sweep_text import coordinates_along, metrics_of, value_text, values_along

if TYPE_CHECKING:
    import xarray

__all__ = ["Designs", "designs_of", "named"]


@dataclass(frozen=True, eq=False)
class Designs:
    """The points of a sweep, flat: two figures, which are on their front, and what each is called.

    is_front: [points]; texts: of the points on the front in order of x, name -> value, those
    fields alone that change.
    """

    x: Any
    y: Any
    is_front: Any
    order: Sequence[int]
    texts: Sequence[Mapping[str, str]]


def designs_of(dataset: xarray.Dataset, x: str, y: str) -> Designs:
    """The points of a sweep and those that no other beats in two figures, smaller being better.

    Raises:
        UsageError: no such figure or axis, or no point.
    """
    first, second = values_along(dataset, x), values_along(dataset, y)
    both = np.stack([first, second], axis=1)
    known = np.flatnonzero(np.isfinite(both).all(axis=1))
    if not known.size:
        raise UsageError("the sweep has no point that is not left out")
    chosen = known[front(both[known], known)]
    is_front = np.zeros(len(both), dtype=bool)
    is_front[chosen] = True
    return Designs(first, second, is_front, chosen.tolist(), named(dataset, chosen.tolist()))


def named(
    dataset: xarray.Dataset, places: Sequence[int], *, every: bool = False
) -> list[dict[str, str]]:
    """The values of the fields that are not the same at all of these points, or of `every` one."""
    array = dataset[metrics_of(dataset)[0]]
    index = np.unravel_index(places, array.shape)
    columns: dict[str, list[str]] = {}
    for dim, at in zip(array.dims, index, strict=True):
        for name in coordinates_along(dataset, str(dim)):
            unit = str(dataset[name].attrs.get("units", ""))
            values = dataset[name].values[at].tolist()
            columns[name] = [value_text(value, unit) for value in values]
    if len(places) > 1 and not every:
        columns = {name: texts for name, texts in columns.items() if len(set(texts)) > 1}
    return [{name: texts[i] for name, texts in columns.items()} for i in range(len(places))]
