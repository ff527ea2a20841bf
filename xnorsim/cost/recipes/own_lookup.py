"""The XNOR GEMM by table look-up, for cores that shuffle bytes but count no bits of a vector.

xnorsim/kernels/lookup.py has the method: a step is 4 bits of K, and for two positions at a time one
byte shuffle looks up what differs from as many filters as a vector has bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorsim.cost.recipes.extents import ceil_div, filled_depth, folds, steps
from xnorsim.cost.recipes.kernel import Kernel, Part, Tile
from xnorsim.cost.recipes.own_binary import convolution_parts, walk
from xnorsim.work.dimensions import Dimensions

__all__ = ["lookups"]

_GROUP = 3
"""Look-ups of at most 4 that add up in half a byte, before it is taken apart."""

_BLOCK = 21
"""Groups that a byte holds."""


def lookups(simd_bits: int = 256, *, packed: bool = False) -> tuple[Kernel, Kernel]:
    """Panels of four vectors of filters where two would fill up as many; else of two."""
    return _lookup(simd_bits, 4, packed), _lookup(simd_bits, 2, packed)


def _lookup(simd_bits: int, vectors: int, packed: bool) -> Kernel:
    """VPSHUFB: two positions in the halves of a byte x so many vectors of filters."""
    filters = vectors * simd_bits // 8
    group = {
        "vector_load": _GROUP * vectors,
        "broadcast_load": _GROUP,  # a table of 16 bytes to all of a vector
        "scalar_load": _GROUP,  # where it lies
        "vector_shuffle": _GROUP * vectors,
        "vector_add": (_GROUP - 1 + 2) * vectors,
        "vector_logic": vectors,
        "vector_shift": vectors,
        "scalar_alu": 3,
        "branch": 1,
    }
    block = {
        "vector_shift": 3 * vectors,
        "vector_logic": (2 + 2 + 4) * vectors,  # two accumulators cleared; sums of an earlier block
        "vector_add": (1 + 4) * vectors,  # four vectors of 16 bits
        "vector_load": 4 * vectors,
        "vector_store": 4 * vectors,
        "scalar_alu": 9,
        "branch": 3,
    }
    name = f"own-lookup-{simd_bits}-{filters}"

    def whole(d: Dimensions) -> Any:
        return (vectors == 2) | (ceil_div(d.filters, filters // 2) % 2 == 0)

    return Kernel(
        name=f"{name}-packed" if packed else name,
        source="xnorsim/kernels/lookup.py, binary.py, patches.py, results.py",
        simd_bits=simd_bits,
        along="filters",
        tile=Tile(filters=filters, positions=2, depth=4 * _GROUP),
        word=64,
        parts=(
            Part(
                "words into places of tables",
                _pairs_of_words,
                {
                    "vector_load": 2,
                    "vector_shuffle": 2,  # bytes into words of 16 bits
                    "vector_logic": 6,
                    "vector_shift": 3,
                    "vector_store": 2,
                    "scalar_alu": 4,
                    "branch": 1,
                },
                "layout",
            ),
            Part("inner loop", steps, group),
            Part("a block of 63 steps onto the sums", folds(_BLOCK), block),
            *convolution_parts(simd_bits, packed=packed),
        ),
        chain={"vector_add": 1},
        walk=walk(2, packed=packed),  # a byte holds 4 of a filter's bits
        applies=whole,
    )


def _pairs_of_words(kernel: Kernel, d: Dimensions) -> Any:
    """Two words of two positions at a time: half of all words, half of all positions."""
    words = filled_depth(kernel, d) // kernel.word
    return d.groups * ceil_div(d.positions, 2) * np.ceil(words / 2)
