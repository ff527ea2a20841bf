"""Which kernels of a program run in which layers of a network, and at which design points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost.axes import narrow
from xnorsim.cost.recipes import (
    Kernel,
    RecipeSet,
    assigned,
    elements,
    select,
)
from xnorsim.errors import UsageError
from xnorsim.machine.core import Core
from xnorsim.work.dimensions import DIMENSIONS, Dimensions

__all__ = ["IN_KERNELS", "PACKED", "PRODUCTS", "Use", "kernel_uses"]

Columns = Mapping[str, NDArray[Any]]

PRODUCTS = {
    "binary_macs": "binary",
    "bwn_macs": "bwn",
    "int8_macs": "int8",
    "fp_macs": "fp",
    "other_macs": "fp",  # executed after widening to floats
}
"""The kind of kernel for each column of multiply-accumulates."""

PACKED = "binary_packed"
"""The kind of kernel for a binary layer whose results leave as bits: a Sign is fused into it."""

_PASSES = {
    "batch_norm": "bn",
    "add": "add",
    "relu": "relu",
    "max_pool": "max_pool",
    "mean_pool": "average_pool",
    "local_response_norm": "response_norm",
}
"""The kind of kernel for a layer without products; others are passes of an operation at a time."""


IN_KERNELS = frozenset({"batch_norm", "relu", "clip"})
"""Kinds of layers that kernels take in with their scale, shift and clamp where they are fused."""


@dataclass(frozen=True, eq=False)
class Use:
    """A kernel, the layers [n] in which it runs, and their loop nests as arrays [..., n].

    `word` is the kind of kernel that was asked for, a key of recipes.KINDS. `where` [..., n] says
    at which design points it runs, if not at all of them.
    """

    word: str
    kernel: Kernel
    layers: NDArray[np.intp]
    nest: Dimensions
    where: NDArray[np.bool_] | None = None

    @property
    def is_product(self) -> bool:
        """Whether it multiplies; else it is a pass over elements."""
        return self.word in PRODUCTS.values() or self.word == PACKED


def kernel_uses(
    columns: Columns, kinds: Sequence[str], recipes: RecipeSet, core: Core
) -> tuple[Use, ...]:
    """The kernels that run, each with its layers; a layer may run several, one after another.

    columns: arrays [..., layers] of the layer table; sizes of layers may differ between points.

    What is done on the results of a product (bias, scale, rectifier) is part of its kernel; what
    goes beyond a bias and a scale each, such as the map K, is not, and costs a pass of operations.
    A layer without products is a pass over its results, or, if there is no kernel of its kind, one
    pass for each operation on an element. What computes nothing but moves its elements copies them,
    32 bits at a time.

    Raises:
        UsageError: the program has no kernel for a layer, or the core cannot execute it.
    """
    found = []
    for where, word, nest in (
        *_products(columns, kinds, recipes),
        *_passes(columns, kinds, recipes),
    ):
        layers = _anywhere(where)
        if layers.size:
            asked = where[..., layers]
            found += _chosen(layers, asked, word, nest, kinds, recipes, core)
    return tuple(found)


def _anywhere(where: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The layers of a mask [..., layers] at any design point."""
    return np.flatnonzero(where.reshape(-1, where.shape[-1]).any(axis=0))


def _chosen(
    layers: NDArray[np.intp],
    asked: NDArray[np.bool_],
    word: str,
    nest: Dimensions,
    kinds: Sequence[str],
    recipes: RecipeSet,
    core: Core,
) -> Iterator[Use]:
    inside = _taken(nest, layers)
    try:
        kernels = select(recipes, word, core)
        places = assigned(kernels, inside)
    except UsageError as fault:
        needed = ", ".join(sorted({str(kinds[layer]) for layer in layers}))
        raise UsageError(f"{fault}\n  needed by layers of kind {needed}") from fault
    for place, kernel in enumerate(kernels):
        runs = asked & (places == place)
        chosen = _anywhere(runs)
        if chosen.size:
            where = narrow(runs[..., chosen])
            nested = _taken(inside, chosen)
            yield Use(word, kernel, layers[chosen], nested, None if where.all() else where)


def _taken(nest: Dimensions, layers: NDArray[np.intp]) -> Dimensions:
    return replace(
        nest,
        **{
            name: np.asarray(size)[..., layers]
            for name in DIMENSIONS
            if np.ndim(size := getattr(nest, name))
        },
    )


_Asked = tuple[NDArray[np.bool_], str, Dimensions]


def _products(columns: Columns, kinds: Sequence[str], recipes: RecipeSet) -> Iterator[_Asked]:
    """Where each kind of product runs, and on which loop nest."""
    loops = Dimensions(*(columns[name] for name in DIMENSIONS))
    to_bits = (columns["output_bits"] == columns["output_elements"]) & _has_packed(recipes)
    lacks = np.array([kind in recipes.as_floats for kind in kinds], dtype=bool)
    for column, word in PRODUCTS.items():
        asked, as_floats = columns[column] > 0, lacks & (word in ("binary", "bwn"))
        packs = to_bits & (word == "binary")
        yield asked & ~as_floats & ~packs, word, loops
        yield asked & ~as_floats & packs, PACKED, loops
        yield asked & as_floats, "fp", loops


def _has_packed(recipes: RecipeSet) -> np.bool_:
    return np.bool_(PACKED in recipes.kernels)


def _passes(columns: Columns, kinds: Sequence[str], recipes: RecipeSet) -> Iterator[_Asked]:
    """The same for passes over elements; a Sign that is fused is part of its host's kernel."""
    signs = (columns["binarize_ops"] > 0) & ((columns["runs"] > 0) | ~_has_packed(recipes))
    yield signs, "binarize", elements(columns["binarize_ops"])
    results, operations = columns["output_elements"], columns["fp_ops"]
    multiplies = columns["macs"] > 0
    beyond = np.where(multiplies, np.maximum(operations - 2 * results, 0), 0)
    yield beyond > 0, "elementwise", elements(beyond)
    window = np.maximum(operations // np.maximum(results, 1), 1)
    nests: dict[str, Dimensions] = dict.fromkeys(
        ("add", "relu", "response_norm"), elements(results)
    )
    # Of a batch normalization that runs on its own two vectors of fp32 are read.
    channels = np.maximum(columns["parameter_traffic_bits"] // 64, 1)
    nests["bn"] = Dimensions(results // channels, channels, filter_channels=1, taps=1)
    nests |= dict.fromkeys(("max_pool", "average_pool"), elements(results, window))
    known = {kind: word for kind, word in _PASSES.items() if word in recipes.kernels}
    words = np.array([known.get(kind, "elementwise") for kind in kinds])
    for word in dict.fromkeys(words.tolist()):
        where = ~multiplies & (operations > 0) & (words == word)
        yield where, word, nests.get(word, elements(operations))
    moves = (columns["runs"] > 0) & (columns["activation_traffic_bits"] > 0)
    idle = ~multiplies & (operations == 0) & (columns["binarize_ops"] == 0)
    yield moves & idle, "copy", elements(-(-columns["output_bits"] // 32))
