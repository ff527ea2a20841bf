"""What a dataset of a sweep holds, in plain arrays: the same in memory and on disk."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.errors import UsageError
from xnorsim.explore.axes import Axis
from xnorsim.explore.identity import described
from xnorsim.explore.reductions import Parts, Reduction
from xnorsim.explore.space import Space
from xnorsim.explore.spec import METRICS

__all__ = ["Content", "Variable", "kept_content", "whole_content"]

LAYER = "layer"
"""The dimension of a network's layers."""

_NAMES: Mapping[str, str] = {"latency_s": "latency", "energy_j": "energy"}
_RESERVED = frozenset({LAYER, "point", "bin", "index", "low", "high", "count", *METRICS})
_UNWRITABLE = frozenset({"", ".", "..", "zarr.json"})
"""Names that no folder, or no array in one, can have."""


@dataclass(frozen=True, eq=False)
class Variable:
    """An array along named dimensions; values: None where they are still to be worked out."""

    dims: tuple[str, ...]
    values: NDArray[Any] | None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Content:
    """The dimensions of a dataset with their lengths, its coordinates, figures and attributes."""

    sizes: Mapping[str, int]
    coordinates: Mapping[str, Variable]
    figures: Mapping[str, Variable]
    attributes: Mapping[str, Any]


def whole_content(space: Space, layers: Sequence[str]) -> Content:
    """Every point of a space along its axes; figures are still to be worked out.

    layers: the names of those that are predicted; theirs are kept where the space says so.

    Raises:
        UsageError: two axes or linked fields of one name, or a name that nothing can be stored by.
    """
    sizes = {axis.name: axis.size for axis in space.axes}
    figures = {metric: Variable(tuple(sizes), None, _about(metric)) for metric in space.metrics}
    coordinates = _coordinates(space.axes)
    if space.layers:
        figures |= _by_layer(space, tuple(sizes))
        coordinates |= _layers(layers)
        sizes |= {LAYER: len(layers)}
    _check_names(space)
    return Content(sizes, coordinates, figures, _attributes(space))


def kept_content(space: Space, of: Reduction, parts: Parts, layers: Sequence[str]) -> Content:
    """The points that a reduction kept, with the values of their fields; or bins of a histogram.

    Raises:
        UsageError: as `whole_content`.
    """
    if "count" in parts:
        unit = {"units": METRICS[of.asked.metrics[0]]}
        about = {"low": unit, "high": unit, "count": {"long_name": "designs"}}
        found = {name: Variable(of.dims, parts[name], about[name]) for name in parts}
        edges = {name: found.pop(name) for name in ("low", "high")}
        return Content({"bin": len(parts["count"])}, edges, found, _attributes(space))
    by = [axis for axis in space.axes if axis.name in of.dims]
    coordinates = _coordinates(by)
    values = _values_at(space, parts["index"], of.dims, {axis.name for axis in by})
    # What a group's best point is like is a result, what a kept point is like its name.
    figures = {"index": Variable(of.dims, parts["index"], _INDEX)}
    figures |= {name: Variable(of.dims, parts[name], _about(name)) for name in space.metrics}
    (figures if by else coordinates).update(values)
    sizes = dict(zip(of.dims, parts["index"].shape, strict=True))
    if space.layers:
        stored = _by_layer(space, of.dims)
        figures |= {n: Variable(v.dims, parts[n], v.attributes) for n, v in stored.items()}
        coordinates |= _layers(layers)
        sizes |= {LAYER: len(layers)}
    _check_names(space)
    return Content(sizes, coordinates, figures, _attributes(space))


_INDEX = {"long_name": "place among all points, the last axis fastest; -1: none is left"}


def _about(metric: str) -> dict[str, str]:
    return {"units": METRICS[metric], "long_name": _NAMES[metric]}


def _by_layer(space: Space, dims: tuple[str, ...]) -> dict[str, Variable]:
    return {
        f"{metric}_by_layer": Variable((*dims, LAYER), None, _about(metric))
        for metric in space.metrics
    }


def _layers(names: Sequence[str]) -> dict[str, Variable]:
    return {LAYER: Variable((LAYER,), np.array(names, dtype=str))}


def _coordinates(axes: Sequence[Axis]) -> dict[str, Variable]:
    """The values of every field along its axis: by the axis' name where it is the only one."""
    return {
        name: Variable((axis.name,), values, about)
        for axis in axes
        for name, values, about in _columns(axis)
    }


def _columns(axis: Axis) -> Iterator[tuple[str, NDArray[Any], dict[str, str]]]:
    """Name, values and attributes of each field of an axis: whole numbers, numbers or words."""
    rows = zip(axis.fields, axis.texts, axis.numbers, axis.units, strict=True)
    for item, texts, numbers, unit in rows:
        name = axis.name if len(axis.fields) == 1 else item.name
        about = {"units": unit} if unit else {}
        about |= {"field": item.name} if item.name != name else {}
        if item.dimension is None:
            yield name, np.array(texts, dtype=str), about
        elif item.dimension.exact and np.isfinite(numbers).all():
            yield name, numbers.astype(np.int64), about
        else:
            yield name, numbers, about


def _values_at(
    space: Space, index: NDArray[np.int64], dims: tuple[str, ...], known: set[str]
) -> dict[str, Variable]:
    """The values of the fields of points, by their flat indices; "" and NaN for -1.

    Axes that are `known` are left out.
    """
    is_none = index < 0
    places = np.unravel_index(np.where(is_none, 0, index), space.shape)
    found = {}
    for axis, place in zip(space.axes, places, strict=True):
        for name, values, about in _columns(axis) if axis.name not in known else ():
            at = values[place]
            if is_none.any():
                at = np.where(is_none, "" if at.dtype.kind == "U" else np.nan, at)
            found[name] = Variable(dims, at, about)
    return found


def _check_names(space: Space) -> None:
    """Refuse names of axes and linked fields that stand for two things, or for no array."""
    own: list[str] = []
    for axis in space.axes:
        own += {axis.name, *(f.name for f in axis.fields if len(axis.fields) > 1)}
    for name, count in Counter(own).items():
        if name in _UNWRITABLE or "/" in name or "\\" in name or name.startswith("__"):
            raise UsageError(f"an axis cannot be called {name!r}: no array can be stored by it")
        if name in _RESERVED:
            raise UsageError(f"an axis cannot be called {name!r}: a result is called so")
        if count > 1:
            raise UsageError(f"two axes, or fields of them, are called {name!r}: rename the link")


def _attributes(space: Space) -> dict[str, Any]:
    """What the figures are of and what was assumed; texts and lists of them, nothing of when."""
    return {
        "title": "what-if sweep of " + (space.graph.name if space.graph else "one layer"),
        "assumptions": [
            "each figure is a prediction without its range",
            *(f"{name}: {text}" for name, text in sorted(space.fixed.items())),
            *(f"only where {item.text}" for item in space.where),
            *space.notes,
        ],
        "reduce": space.reduce,
        "fingerprint": space.fingerprint,
        "question": json.dumps(described(space), sort_keys=True),
    }
