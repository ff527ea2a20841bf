"""Larq Compute Engine on aarch64: its binary kernels, counted from the source.

github.com/larq/compute-engine, commit e6860fcf. The default operator is im2col and BGEMM
(tflite/kernels/bconv2d.cc, Register_BCONV_2D_OPT_BGEMM). Batch norm and the +-1 transform lie in
the multiplier and bias of the output.

Not counted: the correction of border positions that zero padding needs (padding_functor.h at
v0.4.3; GCC 12: 73 instructions a border position and 7 a vector of its results, in 1 % of those of
56 x 56 x 64 from 64), since no loop nest tells the padding; padding by +1 needs none. Nor rows of
channels that are no multiple of 32, which PACK_FLOATS packs one by one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from xnorsim.cost.recipes.extents import (
    edge_outputs,
    position_tiles,
    rest_position_steps,
    steps,
    tile_taps,
    tiles,
    whole_position_steps,
)
from xnorsim.cost.recipes.kernel import Kernel, Part, Tile, Walk
from xnorsim.cost.recipes.parts import BORDER_COPY, im2col
from xnorsim.cost.recipes.ruy import ruy_blocks
from xnorsim.work.dimensions import Dimensions

__all__ = [
    "BGEMM_4X4",
    "BGEMM_8X4",
    "BGEMM_8X4_PACKED",
    "INDIRECT_8X4",
    "PACK_FLOATS",
    "fits_16_bits",
]

_REPOSITORY = "larq/compute-engine @ e6860fcf larq_compute_engine"
_BGEMM = f"{_REPOSITORY}/core/bgemm/kernels_aarch64.h"


def fits_16_bits(d: Dimensions) -> Any:
    """Whether a sum of 0s and 1s fits an int16 accumulator (bconv2d.cc: depth + 512 < 65536)."""
    return d.taps * d.filter_channels + 512 < 65536


# ruy's products: layout of activations, blocks, tiles of filters inside those of positions.
_WALK = Walk("gemm", activation_bits=1, weight_bits=1, packs=True, blocks=ruy_blocks)

# core/bgemm/ruy_pack.h, as GCC 12 -O3 compiles it, counted as it ran: a loop over 16 bytes of each
# of four positions; what 16 bytes do not hold by four calls each of memcpy and of memset (glibc
# 2.27, up to 15 bytes).
_LAYOUT = (
    Part(
        "layout of activations",
        whole_position_steps,
        {"vector_load": 4, "vector_store": 4, "scalar_alu": 2, "branch": 1},
        "layout",
    ),
    Part(
        "layout: the last words of four positions",
        rest_position_steps,
        {
            "scalar_alu": 26 + 4 * (4 + 3),
            "branch": 9 + 4 * (3 + 4),
            "scalar_load": 9 + 4 * 3,
            "scalar_store": 9 + 4 * (2 + 2),
            "vector_move": 4,
            "vector_to_scalar": 4,
        },
        "layout",
    ),
    Part("layout: four positions", position_tiles, {"scalar_alu": 21, "branch": 3}, "layout"),
)
# Lines 767-778. The loads of a tile's first step stand in the transform of the tile before.
_STEP_8X4 = Part(
    "inner loop",
    steps,
    {
        "vector_logic": 32,  # EOR
        "vector_popcount": 32,  # CNT
        "vector_pairwise_add": 28,  # ADDP: 8 registers into one, for each of 4 positions
        "vector_widening_accumulate": 4,  # UADALP
        "vector_load": 12,  # 4 of activations, 8 of weights
        "scalar_alu": 2 + 6,  # ADD, CMP; six loads that move their pointer
        "branch": 1,
    },
)
# As issued where the whole tile fits; the loop's control runs once less than the steps.
_TILE_CONTROL = {"scalar_alu": 27, "branch": 7, "scalar_load": 2, "vector_move": 4}
_TO_FLOAT = {
    "vector_shift": 8,  # USHLL: twice the sum, in 32 bits
    "vector_min_max": 16,
    "fp_convert": 8,
    "fp32_mul": 8,
    "fp32_add": 8,
    "broadcast_load": 2,  # clamps
    "vector_load": 4,  # multiplier and bias
}

BGEMM_8X4 = Kernel(
    name="lce-bgemm-8x4",
    source=f"{_BGEMM}:578-1168; bitpacking and im2col before it: bconv2d.cc, ruy_pack.h",
    simd_bits=128,
    along="depth",
    tile=Tile(filters=8, positions=4, depth=128),
    word=32,
    parts=(
        *im2col(bits=1),
        *_LAYOUT,
        _STEP_8X4,
        Part("output transform", tiles, {**_TILE_CONTROL, **_TO_FLOAT, "vector_store": 8}),
        BORDER_COPY,
    ),
    chain={"vector_widening_accumulate": 1},
    walk=_WALK,
    applies=fits_16_bits,
)

BGEMM_8X4_PACKED = replace(
    BGEMM_8X4,
    name="lce-bgemm-8x4-packed",
    walk=replace(_WALK, output_bits=1),
    parts=(
        *im2col(bits=1),
        *_LAYOUT,
        _STEP_8X4,
        Part(
            "thresholds and packing",
            tiles,
            {
                **_TILE_CONTROL,
                "vector_shift": 8,  # UXTL
                "vector_compare": 8,
                "vector_narrow": 8,
                "vector_logic": 4,
                "vector_reduce_add": 4,  # ADDV
                "vector_load": 2,  # thresholds
                "scalar_store": 4,  # a byte for each position
            },
        ),
    ),
)

BGEMM_4X4 = Kernel(
    name="lce-bgemm-4x4",
    source=f"{_BGEMM}:105-156, 185-552",
    simd_bits=128,
    along="depth",
    tile=Tile(filters=4, positions=4, depth=128),
    word=32,
    parts=(
        *im2col(bits=1),
        *_LAYOUT,
        Part(
            "inner loop",
            steps,
            {
                "vector_logic": 16,
                "vector_popcount": 16,
                "vector_pairwise_add": 12,
                "vector_widening_add": 4,
                "vector_widening_accumulate": 4,
                "vector_load": 8,
                "scalar_alu": 1 + 8,  # ADD and CMP for two steps; eight pointers
                "branch": 0.5,
            },
        ),
        Part(
            "output transform",
            tiles,
            {
                "vector_shift": 4,
                "vector_min_max": 8,
                "fp_convert": 4,
                "fp32_mul": 4,
                "fp32_add": 4,
                "vector_move": 2 + 4,  # clamps, cleared accumulators
                "vector_load": 2,
                "vector_store": 4,
                "scalar_load": 2,
                "scalar_alu": 28,
                "branch": 7,
            },
        ),
        BORDER_COPY,
    ),
    chain={"vector_widening_accumulate": 1},
    walk=_WALK,
)


def _whole_words_of_128(d: Dimensions) -> Any:
    """Words of 32 bits of the channels come in fours."""
    return (-(-d.filter_channels // 32) % 4 == 0) & fits_16_bits(d)


INDIRECT_8X4 = replace(
    BGEMM_8X4,
    name="lce-indirect-8x4x4",
    walk=replace(_WALK, form="direct", packs=False, blocks=None),
    source=f"{_REPOSITORY}/core/indirect_bgemm/kernel_8x4x4_aarch64.h",
    parts=(
        Part(
            "inner loop",
            steps,
            {**_STEP_8X4.counts, "scalar_alu": 2},  # ADD, SUBS
        ),
        Part(
            "pointers of a tap",
            tile_taps,
            {"scalar_load": 4, "scalar_alu": 2, "branch": 1},
        ),
        Part("output transform", tiles, {**_TILE_CONTROL, **_TO_FLOAT, "vector_store": 8}),
        BORDER_COPY,
    ),
    applies=_whole_words_of_128,
)
"""Not the default: to be asked for. No im2col and no layout of activations."""

# bitpack.h, bitpack_bitfield: FCMP, which costs what an addition does; CSET and an insertion
_SCALAR_SIGN = {"scalar_load": 1, "scalar_fp32_add": 1, "scalar_alu": 2}

PACK_FLOATS = Kernel(
    name="lce-pack-floats",
    source=f"{_REPOSITORY}/core/bitpacking/bitpack_aarch64.h:76-187",
    simd_bits=128,
    along="positions",
    tile=Tile(filters=1, positions=128, depth=1),
    whole_tiles=True,
    parts=(
        Part(
            "128 floats",
            tiles,
            {
                "vector_load": 32,  # 16 LD2 of two registers, which also sort
                "vector_shuffle": 22 + 32,  # UZP, and the sorting of LD2
                "vector_shift": 7,  # SRI
                "vector_store": 1,
                "scalar_alu": 2,
                "branch": 1,
            },
        ),
        Part("the last floats", edge_outputs, _SCALAR_SIGN),
    ),
)
