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
    moved_patches,
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


def im2col(bits: int) -> tuple[Part, ...]:
    """TensorFlow Lite's im2col: at each position a copy of every row of a filter.

    lite/kernels/internal/optimized/im2col_utils.h @ 1df92e31, Im2col<T>, as GCC 12 -O3 compiles it
    for aarch64, counted as it ran; Clang 18 takes half as many again for a position. A copy is
    memcpy of glibc 2.27 (sysdeps/aarch64/memcpy.S): its call (a prefetch, lengths, which of its
    paths), 16 bytes at a time, 64 in its loop. Left out: calls of memset at the border, and 73
    instructions of each row of the image.
    """
    return (
        Part(
            "im2col",
            moved_patch_vectors(bits),
            {"vector_load": 1, "vector_store": 1, "scalar_alu": 0.25, "branch": 0.25},
            "im2col",
        ),
        Part(
            "im2col: a row of a filter",
            moved_patch_rows,
            {"scalar_alu": 7 + 5, "branch": 2 + 5, "scalar_load": 1},
            "im2col",
        ),
        Part(
            "im2col: a position",
            moved_patches,
            {
                "scalar_alu": 30,
                "scalar_multiply": 5,
                "scalar_load": 23,
                "scalar_store": 2,
                "branch": 7,
            },
            "im2col",
        ),
    )


def own_blocks(kernel: Kernel, d: Dimensions) -> tuple[Any, Any]:
    """As many filters as fit into half of a first-level cache of 32 KiB, at all positions."""
    fit = 16 * 1024 * 8 // np.maximum(filled_depth(kernel, d) * kernel.walk.weight_bits, 1)
    tile = kernel.tile.filters
    return np.maximum(fit // tile * tile, tile), np.inf


def pool(name: str, source: str, simd_bits: int, *, in_memory: bool, **counts: float) -> Kernel:
    """A reduction over windows, `counts` for each tap of a vector of results.

    The result so far lies `in_memory`, loaded and stored at each tap in a loop that is not
    unrolled, or is stored at the end.
    """
    if in_memory:
        counts = {"vector_load": 2, "vector_store": 1, "scalar_alu": 2, "branch": 1, **counts}
        return stream(name, source, simd_bits, steps, **counts)
    found = stream(name, source, simd_bits, steps, vector_load=1, **counts)
    store = Part("a vector of results", tiles, {"vector_store": 1, "scalar_alu": 2})
    return replace(found, parts=(*found.parts, store))


def stream(name: str, source: str, simd_bits: int, per: Extent, **counts: float) -> Kernel:
    """A pass over elements, a vector of fp32 at a time.

    Four vectors share the loop's control, unless `counts` say otherwise.
    """
    control = {"scalar_alu": 0.5, "branch": 0.25}
    return Kernel(
        name=name,
        source=source,
        simd_bits=simd_bits,
        along="positions",
        tile=Tile(filters=1, positions=simd_bits // 32, depth=1),
        parts=(Part("a vector", per, {**control, **counts}),),
    )
