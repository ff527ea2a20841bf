"""Parts that kernels of several programs have alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from xnorsim.cost.recipes.extents import (
    edge_outputs,
    filled_depth,
    moved_patch_rows,
    moved_patch_vectors,
    steps,
    tiles,
)
from xnorsim.cost.recipes.kernel import Extent, Kernel, Part, Tile
from xnorsim.work.dimensions import Dimensions

__all__ = ["BORDER_COPY", "im2col", "own_blocks", "pool", "stream"]

BORDER_COPY = Part(
    "copy out of the border tiles",
    edge_outputs,
    {"scalar_load": 1, "scalar_store": 1, "scalar_alu": 2, "branch": 1},
)
"""A border tile is computed whole into a buffer; what belongs to the layer is copied from it."""


def im2col(bits: int) -> tuple[Part, Part]:
    """Copies of the rows of a filter, a vector of elements of `bits` at a time.

    What the call of a copy takes is an estimate.
    """
    return (
        Part(
            "im2col",
            moved_patch_vectors(bits),
            {"vector_load": 1, "vector_store": 1, "scalar_alu": 1},
            "im2col",
        ),
        Part("im2col: call of a copy", moved_patch_rows, {"scalar_alu": 12, "branch": 4}, "im2col"),
    )


def own_blocks(kernel: Kernel, d: Dimensions) -> tuple[Any, Any]:
    """As many filters as fit into half of a first-level cache of 32 KiB, at all positions."""
    fit = 16 * 1024 * 8 // np.maximum(filled_depth(kernel, d) * kernel.walk.weight_bits, 1)
    tile = kernel.tile.filters
    return np.maximum(fit // tile * tile, tile), np.inf


def pool(name: str, source: str, simd_bits: int, *, in_memory: bool, **counts: float) -> Kernel:
    """A reduction over windows, `counts` for each tap of a vector of results.

    The result so far lies `in_memory`, loaded and stored at each tap, or is stored at the end.
    """
    if in_memory:
        counts = {"vector_load": 2, "vector_store": 1, **counts}
        return stream(name, source, simd_bits, steps, **counts)
    found = stream(name, source, simd_bits, steps, vector_load=1, **counts)
    store = Part("a vector of results", tiles, {"vector_store": 1, "scalar_alu": 2})
    return replace(found, parts=(*found.parts, store))


def stream(name: str, source: str, simd_bits: int, per: Extent, **counts: float) -> Kernel:
    """A pass over elements, a vector of fp32 at a time; four vectors share the loop's control."""
    control = {"scalar_alu": 0.5, "branch": 0.25}
    return Kernel(
        name=name,
        source=source,
        simd_bits=simd_bits,
        along="positions",
        tile=Tile(filters=1, positions=simd_bits // 32, depth=1),
        parts=(Part("a vector", per, {**counts, **control}),),
    )
