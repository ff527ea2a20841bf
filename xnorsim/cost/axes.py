"""Arrays over design points and layers: [..., layers], an axis of a design space in a dimension.

Numbers of a machine are [..., 1], those of a layer table [..., layers], and what is computed of
them is as large as the axes that it depends on, and no larger (an open grid). A point of a grid is
the same to the last bit as the prediction of that point alone, whatever else is computed with it:
what is added up is added one after another (numpy's sums and products of matrices take another
order in arrays of another shape), and all else numpy does element by element.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xnorsim.errors import UsageError

__all__ = [
    "Mix",
    "Parts",
    "by_layer",
    "dense",
    "everywhere",
    "in_place",
    "narrow",
    "of_layers",
    "rows_of",
    "total",
]

_Floats = NDArray[np.float64]

Mix = Mapping[str, Any] | ArrayLike
"""Instructions: class -> how many [...], or an array [..., classes] over all of a core's."""

Parts = Iterable[tuple[NDArray[np.intp], Any]]
"""Layers [n], and an array [..., n] of them (or one [..., 1] that is the same for all), or a list
of one array [...] for each."""


def total(terms: Iterable[Any]) -> _Floats:
    """The sum of arrays that broadcast, one after another in the order in which they come."""
    each = iter(terms)
    result, is_ours = np.asarray(next(each, 0.0)), False
    for term in each:
        if is_ours and result.shape and np.broadcast(result, term).shape == result.shape:
            np.add(result, term, out=result)  # as large as it gets: no new memory
        else:
            result, is_ours = np.asarray(result + np.asarray(term, float)), True
    return np.asarray(result)


def narrow(array: ArrayLike) -> NDArray[Any]:
    """The array with each axis but the last cut to length 1 if nothing changes along it."""
    found = np.asarray(array)
    if found.ndim == 0 or found.size == found.shape[-1]:
        return found
    for axis in range(found.ndim - 1):
        if found.shape[axis] > 1:
            first = found[(slice(None),) * axis + (slice(1),)]
            if (found == first).all() or np.isnan(found).all():
                found = first
    return found


def rows_of(array: ArrayLike, layers: int) -> list[NDArray[Any]]:
    """An array [..., layers] as one [...] a layer, of length 1 along axes that change nothing."""
    return [narrow(row[..., np.newaxis])[..., 0] for row in of_layers(array, layers)]


def by_layer(parts: Parts, layers: int) -> tuple[_Floats, ...]:
    """Arrays [..., n] of some layers each, added up in order: one array [...] a layer.

    Each has the axes that its layer depends on; a layer of which there is nothing is 0.
    """
    terms: list[list[Any]] = [[] for _ in range(layers)]
    for chosen, array in parts:
        rows = array if isinstance(array, list) else of_layers(array, len(chosen))
        for layer, row in zip(chosen.tolist(), rows, strict=True):
            terms[layer].append(row)
    return tuple(total(rows) if rows else np.zeros(()) for rows in terms)


def of_layers(array: ArrayLike, layers: int) -> Iterator[NDArray[Any]]:
    """An array [..., layers] as one [...] a layer; a number, or [..., 1], is that of them all."""
    found = np.atleast_1d(array)
    same = found.shape[-1] == 1
    return (found[..., 0 if same else place] for place in range(layers))


def dense(rows: Sequence[ArrayLike]) -> NDArray[Any]:
    """Arrays [...] of each layer as one [..., layers]."""
    return np.stack(np.broadcast_arrays(*rows), axis=-1) if rows else np.zeros(0)


def everywhere(mask: NDArray[np.bool_], what: str) -> NDArray[np.bool_]:
    """A mask [..., layers] that is the same at every design point, as one [layers].

    Raises:
        UsageError: it is not; `what` says what such layers do at some points and not at others.
    """
    found = narrow(mask)
    if found.size != found.shape[-1]:
        raise UsageError(
            f"some layers {what} at some design points and not at others: these are different "
            "networks, to be predicted one by one"
        )
    return found.reshape(-1)


def in_place(array: ArrayLike, places: NDArray[np.intp], number: int) -> _Floats:
    """An array [..., n] at n of so many places [..., number], and 0 at the others."""
    found = np.asarray(array, dtype=np.float64)
    result = np.zeros((*found.shape[:-1], number))
    result[..., places] = found
    return result
