"""How a dataset of a sweep is written for people: names of axes, values, and units."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xnorsim.errors import UsageError, choices
from xnorsim.show import labels
from xnorsim.show.explanation_parts import in_unit

if TYPE_CHECKING:
    import xarray

__all__ = ["coordinates_along", "metric_text", "metrics_of", "name_text", "value_text"]

_METRICS = {"latency_s": ("latency", "s"), "energy_j": ("energy", "J")}
_ZEROS = re.compile(r"\.0+(?= |$)|(\.\d*[1-9])0+(?= |$)")


def name_text(name: str) -> str:
    """What an axis is called in a figure, without the section of the profile.

    >>> name_text("memories.L2.size"), name_text("instructions.vector_popcount.per_cycle")
    ('L2 size', 'vector popcount per cycle')
    """
    section, _, rest = name.partition(".")
    short = rest if section in ("memories", "instructions") and rest else name
    return labels.visible(short.replace(".", " ").replace("_", " "))


def value_text(value: Any, unit: str = "") -> str:
    """A value of an axis or a figure, with a prefix and its unit; words as they are.

    >>> value_text(2.5e9, "hertz"), value_text(2 * 2**20, "byte"), value_text("own")
    ('2.5 GHz', '2 MiB', 'own')
    """
    if isinstance(value, str):
        return labels.visible(value)
    number = float(value)
    if math.isnan(number):
        return labels.UNKNOWN
    found = labels.quantity(number, unit) if unit in ("s", "J") else in_unit(number, unit)
    return _ZEROS.sub(r"\1", found)


def metrics_of(dataset: xarray.Dataset) -> list[str]:
    """The figures of a dataset that are those of whole points, not of layers."""
    return [str(name) for name in dataset.data_vars if name in _METRICS]


def metric_text(dataset: xarray.Dataset, name: str) -> tuple[str, str]:
    """A figure in words, and its unit.

    Raises:
        UsageError: the dataset does not have it.
    """
    if name not in dataset.variables:
        named = [*metrics_of(dataset), *map(str, dataset.coords)]
        raise UsageError(f"the sweep has no '{name}': {choices(name, named)}")
    for key, (word, unit) in _METRICS.items():
        if name.startswith(key):  # also latency_s_by_layer
            return word + name_text(name.removeprefix(key)), unit
    return name_text(name), str(dataset[name].attrs.get("units", ""))


def coordinates_along(dataset: xarray.Dataset, dim: str) -> list[str]:
    """The names of the fields whose values change along a dimension, that of its own name first."""
    found = [str(name) for name, item in dataset.coords.items() if item.dims == (dim,)]
    return sorted(found, key=lambda name: name != dim)


def texts_along(dataset: xarray.Dataset, dim: str) -> list[str]:
    """The values along a dimension; of linked fields one beside the other."""
    columns: Sequence[list[str]] = [
        [
            value_text(v, str(dataset[name].attrs.get("units", "")))
            for v in dataset[name].values.tolist()
        ]
        for name in coordinates_along(dataset, dim)
    ]
    if not columns:
        return [str(place) for place in range(dataset.sizes[dim])]
    return [", ".join(row) for row in zip(*columns, strict=True)]


def values_along(dataset: xarray.Dataset, name: str) -> Any:
    """A figure, or a number of an axis, at every point of the dataset, flat.

    Raises:
        UsageError: no such figure or axis, or one of words.
    """
    metric_text(dataset, name)
    array = dataset[name]
    if array.dtype.kind not in "fiu":
        raise UsageError(f"{name} is made of words: a number is drawn along an axis")
    if not metrics_of(dataset):
        raise UsageError("the sweep has no figures of points: a histogram has only counts")
    dims = list(dataset[metrics_of(dataset)[0]].dims)
    sizes = {dim: dataset.sizes[dim] for dim in dims}
    whole = array.expand_dims({d: n for d, n in sizes.items() if d not in array.dims})
    return np.asarray(whole.transpose(*dims).values, dtype=float).ravel()
