"""What we ship no kernel for, by hand: 8-bit integers and floats of 16 bits; and signs, packed."""

from __future__ import annotations

from typing import Any

from xnorsim.cost.recipes.extents import steps, tiles
from xnorsim.cost.recipes.kernel import Counts, Kernel, Part, Tile, Walk
from xnorsim.cost.recipes.parts import BORDER_COPY, im2col, own_blocks
from xnorsim.work.dimensions import Dimensions

__all__ = [
    "fp16",
    "int8_dot",
    "int8_pairs",
    "sign",
]

_BY_HAND = "by hand"


def _rows(simd_bits: int) -> int:
    """Positions of a tile of two vectors of filters: 12 sums of 16 registers, 24 of 32."""
    return 12 if simd_bits >= 512 else 6


def _product(
    name: str,
    tile: Tile,
    simd_bits: int,
    element_bits: int,
    step: Counts,
    chain: Counts,
) -> Kernel:
    """A tile of two vectors of filters x some positions, all sums in registers."""
    sums = 2 * tile.positions
    return Kernel(
        name=f"{name}-{simd_bits}",
        source=f"{_BY_HAND}: two vectors of filters x {tile.positions} broadcast positions",
        simd_bits=simd_bits,
        along="filters",
        tile=tile,
        parts=(
            *im2col(element_bits),
            Part("inner loop", steps, {**step, "scalar_alu": 0.5, "branch": 0.25}),
            Part(
                "bias, scale, store",
                tiles,
                {
                    "vector_move": sums,
                    "vector_load": 4,
                    "fp32_fma": sums,
                    "vector_store": sums,
                    "scalar_alu": 12,
                    "branch": 3,
                },
            ),
            BORDER_COPY,
        ),
        chain=chain,
        walk=Walk("gemm", element_bits, element_bits, blocks=own_blocks),
    )


def fp16(simd_bits: int) -> Kernel:
    """Floats of 16 bits by fused multiply-add."""
    rows = _rows(simd_bits)
    return _product(
        "own-fp16",
        Tile(filters=2 * simd_bits // 16, positions=rows, depth=1),
        simd_bits,
        16,
        {"fp16_fma": 2 * rows, "vector_load": 2, "broadcast_load": rows},
        {"fp16_fma": 1},
    )


def int8_dot(simd_bits: int) -> Kernel:
    """SDOT, VPDPBUSD: four products a lane."""
    rows = _rows(simd_bits)
    return _product(
        "own-int8-dot",
        Tile(filters=2 * simd_bits // 32, positions=rows, depth=4),
        simd_bits,
        8,
        {"int8_dot": 2 * rows, "vector_load": 2, "broadcast_load": rows},
        {"int8_dot": 1},
    )


def int8_pairs(simd_bits: int) -> Kernel:
    """VPMADDUBSW, VPMADDWD by ones, VPADDD in place of a dot product."""
    rows = 4  # two temporaries and the ones
    return _product(
        "own-int8-pairs",
        Tile(filters=2 * simd_bits // 32, positions=rows, depth=4),
        simd_bits,
        8,
        {
            "int8_multiply": 2 * 2 * rows,
            "vector_add": 2 * rows,
            "vector_load": 2,
            "broadcast_load": rows,
        },
        {"vector_add": 1},
    )


def sign(simd_bits: int) -> Kernel:
    """Signs shifted in, channel after channel, in vectors of 16 positions, whose words are stored.

    Not counted: positions that 16 leave of a plane, one by one, since a pass tells no planes.
    """
    vectors = 16 * 32 // simd_bits
    return Kernel(
        name=f"own-sign-{simd_bits}",
        source="xnorsim/kernels/packing.py",
        simd_bits=simd_bits,
        along=None,
        tile=Tile(filters=1, positions=16, depth=1),
        parts=(
            Part(
                "16 positions of a channel",
                tiles,
                {
                    "vector_load": vectors,
                    "vector_compare": vectors,
                    "vector_shift": vectors / 2,
                    "vector_logic": 2 * vectors,
                    "vector_add": 1.5 * vectors,  # and the largest magnitude so far
                    "scalar_alu": 3,
                    "scalar_multiply": 0.75,
                    "branch": 0.25,
                },
            ),
            Part(
                "16 words",
                _blocks_of_words,
                {
                    "vector_shuffle": 15 * vectors // 2,
                    "vector_to_scalar": 8,
                    "vector_shift": 2 * vectors,
                    "vector_logic": 2 * vectors,
                    "scalar_load": 20,
                    "scalar_store": 20,
                    "scalar_alu": 12,
                    "branch": 4,
                },
            ),
        ),
    )


def _blocks_of_words(kernel: Kernel, d: Dimensions) -> Any:
    """Blocks of 16 positions x 64 channels."""
    return -(-d.positions // 1024)
