"""Our own kernels of floats, 8-bit integers and binary weights, and the passes: by hand."""

from __future__ import annotations

from dataclasses import replace

from xnorsim.cost.recipes.conditions import is_depthwise
from xnorsim.cost.recipes.extents import (
    channel_vectors,
    output_vectors,
    outputs,
    patch_elements,
    steps,
    tap_vectors,
    tiles,
)
from xnorsim.cost.recipes.kernel import Counts, Kernel, Part, Tile, Walk
from xnorsim.cost.recipes.parts import BORDER_COPY, im2col, own_blocks, stream

__all__ = [
    "add_subtract",
    "depthwise",
    "fma",
    "int8_dot",
    "int8_pairs",
    "int8_words",
    "scalar_add_subtract",
    "scalar_blocked",
    "scalar_loop",
    "scalar_stream",
    "sign_by_masks",
    "sign_neon",
    "sign_scalar",
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
    weight_bits: int | None = None,
) -> Kernel:
    """A tile of two vectors of filters x some positions, all sums in registers."""
    sums = 2 * tile.positions
    weight_bits = element_bits if weight_bits is None else weight_bits
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
        walk=Walk("gemm", element_bits, weight_bits, blocks=own_blocks),
    )


def fma(simd_bits: int, lane_bits: int = 32) -> Kernel:
    """Floats of 32 or 16 bits by fused multiply-add."""
    rows, name = _rows(simd_bits), f"fp{lane_bits}_fma"
    return _product(
        f"own-fp{lane_bits}",
        Tile(filters=2 * simd_bits // lane_bits, positions=rows, depth=1),
        simd_bits,
        lane_bits,
        {name: 2 * rows, "vector_load": 2, "broadcast_load": rows},
        {name: 1},
    )


def add_subtract(simd_bits: int) -> Kernel:
    """+-1 weights by floats: the weight's bit flips the sign of what is added.

    A step broadcasts the bits of its filters, tests that of each lane (CMTST; VPAND and VPCMPEQD,
    whose masks come from memory where 16 registers are all there are), and makes a sign of it.
    """
    rows = _rows(simd_bits)
    return _product(
        "own-bwn",
        Tile(filters=2 * simd_bits // 32, positions=rows, depth=1),
        simd_bits,
        32,
        {
            "broadcast_load": 1 + rows,
            "vector_compare": 2,
            "vector_logic": (2 if simd_bits > 128 else 0) + 2 + 2 * rows,
            "fp32_add": 2 * rows,
            **({"vector_load": 2} if simd_bits == 256 else {}),
        },
        {"fp32_add": 1},
        weight_bits=1,
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


def _scalar(
    name: str,
    source: str,
    tile: Tile,
    step: Counts,
    chain: Counts,
    element_bits: int = 32,
    weight_bits: int = 32,
) -> Kernel:
    results = tile.filters * tile.positions
    return Kernel(
        name=name,
        source=f"{_BY_HAND}: {source}",
        tile=tile,
        parts=(
            Part("inner loop", steps, step),
            Part(
                "results",
                tiles,
                {"scalar_store": results, "scalar_load": 1, "scalar_alu": 6, "branch": 2},
            ),
        ),
        chain=chain,
        walk=Walk("direct", element_bits, weight_bits),
    )


def scalar_loop() -> Kernel:
    """sum += a[i] * b[i]: one accumulator, no reordering of additions, no vectors."""
    return _scalar(
        "scalar-fp32",
        "two loads, a product, a sum that waits for the last one, an index, a jump",
        Tile(1, 1, 1),
        {
            "scalar_load": 2,
            "scalar_fp32_mul": 1,
            "scalar_fp32_add": 1,
            "scalar_alu": 1,
            "branch": 1,
        },
        {"scalar_fp32_add": 1},
    )


def scalar_blocked() -> Kernel:
    """A product in C that no compiler turns into vectors: four sums at a time, unrolled by four.

    Counted from OpenMathLib/OpenBLAS @ 63ce52ee kernel/generic/gemmkernel_2x2.c, what a BLAS has
    for a core without a kernel of its own; compiled with fused products and sums. im2col before.
    """
    found = _scalar(
        "scalar-blocked-2x2",
        "two loads of each side, four fused products and sums, an index and a jump for four steps, "
        "as OpenMathLib/OpenBLAS @ 63ce52ee kernel/generic/gemmkernel_2x2.c has them",
        Tile(filters=2, positions=2, depth=1),
        {
            "scalar_load": 4,
            "scalar_fp32_mul": 4,
            "scalar_alu": 3 / 4,
            "branch": 1 / 4,
        },
        {"scalar_fp32_mul": 1},
    )
    copies = Part(
        "im2col and layout, an element at a time",
        patch_elements,
        {"scalar_load": 2, "scalar_store": 2, "scalar_alu": 4, "branch": 1},
        "layout",
    )
    return replace(found, parts=(copies, *found.parts), walk=Walk("gemm", packs=True))


def scalar_add_subtract() -> Kernel:
    """+-1 weights in words of 32: a shift, a mask and a XOR of the sign, then the sum."""
    return _scalar(
        "scalar-bwn",
        "a load, three operations on the sign, a sum, an index and a jump; a word of bits for 32",
        Tile(1, 1, 1),
        {
            "scalar_load": 1 + 1 / 32,
            "scalar_alu": 3 + 1,
            "scalar_fp32_add": 1,
            "branch": 1,
        },
        {"scalar_fp32_add": 1},
        weight_bits=1,
    )


def int8_words() -> Kernel:
    """Armv7E-M: words of four bytes unpacked by SXTB16, two products a SMLAD; 2 x 2 tile.

    As in CMSIS-NN: L. Lai, N. Suda, V. Chandra, arXiv 1801.06601.
    """
    return _scalar(
        "own-int8-words",
        "SXTB16, SMLAD, as in CMSIS-NN (arXiv 1801.06601)",
        Tile(filters=2, positions=2, depth=4),
        {"scalar_load": 4, "scalar_alu": 8 + 2, "scalar_multiply": 8, "branch": 1},
        {"scalar_multiply": 2},
        element_bits=8,
        weight_bits=8,
    )


def depthwise(simd_bits: int) -> Kernel:
    """Vectors along channels, the sum over taps in a register."""
    return Kernel(
        name=f"own-depthwise-{simd_bits}",
        source=f"{_BY_HAND}: input and weight loaded at each tap",
        simd_bits=simd_bits,
        along="filters",
        tile=Tile(filters=simd_bits // 32, positions=1, depth=1),
        parts=(
            Part("a tap", tap_vectors, {"vector_load": 2, "fp32_fma": 1, "scalar_alu": 0.5}),
            Part(
                "bias, store",
                channel_vectors,
                {"vector_load": 1, "vector_store": 1, "scalar_alu": 2, "branch": 1},
            ),
        ),
        walk=Walk("depthwise"),  # sums of neighbouring channels do not wait for each other
        applies=is_depthwise,
    )


def sign_by_masks(simd_bits: int) -> Kernel:
    """Compare with 0, the mask to a scalar register, its bits to memory."""
    return stream(
        f"own-sign-masks-{simd_bits}",
        f"{_BY_HAND}: VCMPPS, VMOVMSKPS or KMOV",
        simd_bits,
        output_vectors,
        vector_load=1,
        vector_compare=1,
        vector_mask_move=1,
        scalar_store=1,
    )


def sign_neon(simd_bits: int = 128) -> Kernel:
    """Four vectors of masks narrowed to bytes, masked to a bit each, and summed by pairs."""
    return Kernel(
        name=f"own-sign-neon-{simd_bits}",
        source=f"{_BY_HAND}: FCMGE, UZP1, AND, ADDP",
        simd_bits=simd_bits,
        along="positions",
        tile=Tile(filters=1, positions=4 * simd_bits // 32, depth=1),
        parts=(
            Part(
                "four vectors",
                tiles,
                {
                    "vector_load": 4,
                    "vector_compare": 4,
                    "vector_shuffle": 3,
                    "vector_logic": 1,
                    "vector_pairwise_add": 3,
                    "scalar_store": 1,
                    "scalar_alu": 2,
                    "branch": 1,
                },
            ),
        ),
    )


def sign_scalar() -> Kernel:
    """A load, a comparison, a shift and an OR each; a word stored for 32."""
    return Kernel(
        name="scalar-sign",
        source=_BY_HAND,
        tile=Tile(1, 1, 1),
        parts=(
            Part(
                "an element",
                outputs,
                {"scalar_load": 1, "scalar_alu": 3, "scalar_store": 1 / 32, "branch": 1 / 4},
            ),
        ),
    )


def scalar_stream(name: str, **counts: float) -> Kernel:
    """A pass over elements, one at a time: `counts`, an index and a jump."""
    step = {"scalar_alu": 1, "branch": 1, **counts}
    return Kernel(
        name=f"scalar-{name}",
        source=_BY_HAND,
        tile=Tile(1, 1, 1),
        parts=(Part("an element", steps, step),),
    )
