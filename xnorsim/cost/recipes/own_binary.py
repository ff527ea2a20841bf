"""Our binary convolutions: packed im2col and GEMM of some positions at a time, then their results.

xnorsim/kernels/binary.py: the patches of a tile of positions are gathered into a buffer, multiplied
by all filters, and their sums become results, floats or bits, before the next tile. So buffer and
sums stay in the nearest level, and the weights are read once for each tile. Instructions as numba
and LLVM 22 compile them for AVX2 (popcounts: AVX-512 VPOPCNTDQ, and the same IR for aarch64),
counted in loops; what runs once a layer is left out, and so is a division for each position.

Zero padding costs nothing of its own: each class of positions has its own row of offsets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xnorsim.cost.recipes.extents import (
    ceil_div,
    filled_depth,
    moved_patch_rows,
    moved_patches,
    steps,
    tiles,
)
from xnorsim.cost.recipes.kernel import Counts, Kernel, Part, Tile, Walk
from xnorsim.work.dimensions import Dimensions

__all__ = ["POSITIONS", "convolution_parts", "neon", "neon_dot", "popcount", "walk"]

POSITIONS = 48
"""Positions of a tile, at most: binary.py, TILE."""

_EDGE = 8
"""Positions and filters of the squares of results: results.py, EDGE."""

_BAND = 4
"""Squares side by side that are computed in one go: results.py, BAND."""


def _tile_of(d: Dimensions) -> Any:
    """Positions of a tile: as many as make all tiles alike, in eights (binary.py, tile_of)."""
    rounds = np.maximum(ceil_div(d.positions, POSITIONS), 1)
    return np.maximum(8 * ceil_div(d.positions, 8 * rounds), 8)


def _tiles(kernel: Kernel, d: Dimensions) -> Any:
    """Tiles of positions of all groups."""
    return d.groups * ceil_div(d.positions, _tile_of(d))


def _in_tiles(kernel: Kernel, d: Dimensions) -> tuple[Any, Any]:
    """A panel of filters at a time, over the positions of a tile."""
    return kernel.tile.filters, _tile_of(d)


def _square_rows(d: Dimensions) -> Any:
    """Rows of squares; the last one of a tile begins earlier, where the tile has room for it."""
    tile = _tile_of(d)
    rest = d.positions % tile
    last = np.where(rest < _EDGE, 0, ceil_div(rest, _EDGE))
    return d.positions // tile * (tile // _EDGE) + last


def _squares(kernel: Kernel, d: Dimensions) -> Any:
    """Squares of 8 positions x 8 filters, of tiles of positions."""
    return d.groups * _square_rows(d) * (d.filters // _EDGE)


def _bands(kernel: Kernel, d: Dimensions) -> Any:
    """Rows of squares, a band of filters at a time."""
    return d.groups * _square_rows(d) * ceil_div(d.filters // _EDGE, _BAND)


def _short_rows(kernel: Kernel, d: Dimensions) -> Any:
    """Eights of filters at single positions: those of a tile that has no room for a square."""
    rest = d.positions % _tile_of(d)
    return d.groups * np.where(rest < _EDGE, rest, 0) * (d.filters // _EDGE)


def _outside_squares(kernel: Kernel, d: Dimensions) -> Any:
    """Results of the filters that eights leave."""
    return d.groups * d.positions * (d.filters % _EDGE)


def _result_words(kernel: Kernel, d: Dimensions) -> Any:
    """Words of bits of all positions, all compared whole."""
    return d.groups * d.positions * ceil_div(d.filters, 64)


def _group_positions(kernel: Kernel, d: Dimensions) -> Any:
    """Positions of all groups."""
    return d.groups * d.positions


def _row_words(kernel: Kernel, d: Dimensions) -> Any:
    """Words of a row of a filter, taken as square."""
    rows = np.maximum(np.ceil(np.sqrt(d.taps)), 1)
    return ceil_div(filled_depth(kernel, d) // kernel.word, rows)


def _fours(kernel: Kernel, d: Dimensions) -> Any:
    """Fours of words that im2col copies, of all rows of filters."""
    return moved_patch_rows(kernel, d) * (_row_words(kernel, d) // 4)


def _words_after(kernel: Kernel, d: Dimensions) -> Any:
    """Words that fours leave, of all rows of filters."""
    return moved_patch_rows(kernel, d) * (_row_words(kernel, d) % 4)


_IM2COL = (
    Part(
        "im2col: four words",
        _fours,
        {"vector_load": 1, "vector_store": 1, "scalar_alu": 0.5, "branch": 0.25},
        "im2col",
    ),
    Part(
        "im2col: a word after them",
        _words_after,
        {"scalar_load": 1, "scalar_store": 1, "scalar_alu": 2, "branch": 1},
        "im2col",
    ),
    Part(
        "im2col: a row of a filter",
        moved_patch_rows,
        {"scalar_alu": 22, "scalar_load": 8, "scalar_store": 2, "branch": 9},
        "im2col",
    ),
    Part(
        "im2col: a position",
        moved_patches,
        {"scalar_alu": 65, "scalar_multiply": 3, "scalar_load": 9, "scalar_store": 4, "branch": 15},
        "im2col",
    ),
)


_TILE = Part(
    "a tile: its addresses, and what calls take",
    _tiles,
    {
        "scalar_alu": 180,
        "scalar_multiply": 13,
        "scalar_load": 128,
        "scalar_store": 87,
        "branch": 37,
    },
    "results",
)
"""As counted in binary.py, to_bits, from one claim to the next, outside of all other loops."""


@dataclass(frozen=True, slots=True)
class _Isa:
    """How results are written: `square`, counts of 8 x 8 floats; `row`, of 8 filters at a single
    position; `word`, of 64 comparisons."""

    square: Counts
    row: Counts
    word: Counts


def _isa(vectors: int, word: Counts) -> _Isa:
    """`vectors` hold eight floats."""
    square = {
        "vector_load": vectors * (8 + 8 + 4),  # sums, offsets, three factors, and K of a row
        "vector_shuffle": vectors * (8 + 24),  # 16 bits into 32; the transposition
        "vector_add": vectors * 16,
        "fp_convert": vectors * 8,
        "fp32_mul": vectors * 24,
        "fp32_add": vectors * 8,
        "vector_store": vectors * 8,
        "scalar_load": 4,
        "scalar_alu": 17,
        "branch": 1,
    }
    row = {
        "vector_load": vectors * 5,
        "vector_shuffle": vectors * (1 + 4),
        "vector_add": vectors * 2,
        "fp_convert": vectors,
        "fp32_mul": vectors * 3,
        "fp32_add": vectors,
        "scalar_store": 8,
        "scalar_alu": 12,
        "branch": 1,
    }
    return _Isa(square, row, word)


_WORD = {"scalar_alu": 20, "scalar_load": 5, "scalar_store": 2, "branch": 6}
_AVX2 = _isa(
    1,
    {
        **_WORD,
        "vector_load": 8,
        "vector_add": 8,  # unsigned 16 bits: the larger, and whether it is the same
        "vector_narrow": 2,
        "vector_shuffle": 2,
        "vector_mask_move": 2,
    },
)
_AVX512 = _isa(1, {**_WORD, "vector_load": 4, "vector_compare": 2, "vector_mask_move": 2})
_NEON = _isa(
    2,
    {
        **_WORD,
        "vector_load": 16,
        "vector_compare": 8,
        "vector_narrow": 8,
        "vector_logic": 4,
        "vector_reduce_add": 8,  # a bit of each lane, all added up
        "vector_to_scalar": 8,
    },
)


def convolution_parts(simd_bits: int, *, packed: bool, neon: bool = False) -> tuple[Part, ...]:
    """im2col before a product of packed words, and what becomes of its sums."""
    isa = _NEON if neon else _AVX512 if simd_bits >= 512 else _AVX2
    if packed:
        results: tuple[Part, ...] = (
            Part("thresholds of 64 filters", _result_words, isa.word, "results"),
            Part(
                "a position",
                _group_positions,
                {"scalar_alu": 19, "scalar_multiply": 2, "scalar_load": 10, "branch": 3},
                "results",
            ),
        )
    else:
        results = (
            Part("8 x 8 sums to floats, transposed", _squares, isa.square, "results"),
            Part(
                "where a band of squares begins",
                _bands,
                {
                    "broadcast_load": 8,  # K of each row
                    "scalar_load": 26,
                    "scalar_alu": 18,
                    "scalar_multiply": 9,
                    "branch": 3,
                },
                "results",
            ),
            Part("8 sums of one position", _short_rows, isa.row, "results"),
            Part(
                "other sums, one by one",
                _outside_squares,
                {
                    "scalar_load": 14,
                    "scalar_alu": 21,
                    "fp_convert": 1,
                    "scalar_fp32_mul": 3,
                    "scalar_fp32_add": 1,
                    "scalar_store": 1,
                    "branch": 1,
                },
                "results",
            ),
        )
    return (*_IM2COL, _TILE, *results)


def _popcount(
    name: str, simd_bits: int, counted: Counts, chain: str, packed: bool, neon: bool
) -> Kernel:
    """A word of each lane's filter, of two vectors, x six positions; `counted`: what a sum takes.

    popcount.py: 12 sums, two vectors of filters and a position's word of 32 registers.
    """
    rows, vectors = 6, 2
    sums = rows * vectors
    step = {
        "vector_load": vectors,
        "broadcast_load": rows,
        **{name: sums * count for name, count in counted.items()},
        "scalar_alu": 3,
        "branch": 1,
    }
    end = {
        "vector_logic": sums,  # cleared
        "vector_narrow": sums,
        "vector_store": sums,
        "scalar_alu": 34,
        "branch": 4,
    }
    return Kernel(
        name=f"{name}-{simd_bits}-packed" if packed else f"{name}-{simd_bits}",
        source="xnorsim/kernels/popcount.py, binary.py, patches.py, results.py",
        simd_bits=simd_bits,
        along="filters",
        tile=Tile(filters=vectors * simd_bits // 64, positions=rows, depth=64),
        word=64,
        parts=(
            Part("inner loop", steps, step),
            Part("sums of 16 bits to memory", tiles, end),
            *convolution_parts(simd_bits, packed=packed, neon=neon),
        ),
        chain={chain: 1},
        walk=walk(1, packed=packed),
    )


def popcount(simd_bits: int = 512, *, packed: bool = False) -> Kernel:
    """VPXORQ, VPOPCNTQ, VPADDQ."""
    counted = {"vector_logic": 1, "vector_popcount": 1, "vector_add": 1}
    return _popcount("own-popcount", simd_bits, counted, "vector_add", packed, neon=False)


def neon(simd_bits: int = 128, *, packed: bool = False) -> Kernel:
    """EOR, CNT, and what LLVM makes of bytes into words of 64 bits: UADDLP twice, UADALP."""
    counted = {
        "vector_logic": 1,
        "vector_popcount": 1,
        "vector_widening_add": 2,
        "vector_widening_accumulate": 1,
    }
    chain = "vector_widening_accumulate"
    return _popcount("own-neon", simd_bits, counted, chain, packed, neon=True)


def neon_dot(simd_bits: int = 128, *, packed: bool = False) -> Kernel:
    """The same where there is UDOT, which adds up four bytes: EOR, CNT, UDOT onto 0, UADALP."""
    counted = {
        "vector_logic": 1,
        "vector_popcount": 1,
        "vector_move": 1,
        "int8_dot": 1,
        "vector_widening_accumulate": 1,
    }
    chain = "vector_widening_accumulate"
    return _popcount("own-neon-dot", simd_bits, counted, chain, packed, neon=True)


def walk(weight_bits: int, *, packed: bool) -> Walk:
    """Tiles of positions; weights take so many bits each."""
    output_bits = 1 if packed else 32
    return Walk("gemm", 1, weight_bits, output_bits, blocks=_in_tiles, chunk=POSITIONS)
