"""Kernels without vectors: the paper's kind of baseline, and what small processors run: by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from xnorsim.cost.recipes.extents import (
    input_elements,
    moved_patch_words,
    outputs,
    patch_elements,
    steps,
    tiles,
)
from xnorsim.cost.recipes.kernel import Counts, Kernel, Part, Tile, Walk
from xnorsim.cost.recipes.own_binary import convolution_parts, walk
from xnorsim.cost.recipes.parts import BORDER_COPY
from xnorsim.work.dimensions import Dimensions

__all__ = [
    "c_loop",
    "int8_words",
    "passes",
    "popcnt",
    "popcnt_neon",
    "scalar_add_subtract",
    "scalar_blocked",
    "scalar_loop",
    "scalar_popcount",
    "scalar_unrolled",
    "sign_scalar",
    "software_popcount",
]

_BY_HAND = "by hand"
_SCALAR = "xnorsim/kernels/scalar.py"


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
    """sum += image[i] * weight[i] over channels: one sum, additions in order, no vectors.

    As numba and LLVM 22 compile it, 16 products to a jump (fewer where there are fewer channels,
    not counted here); a third of what a row of a filter starts with is counted to each tap.
    """
    tap = {"scalar_load": 4, "scalar_store": 1, "scalar_alu": 14, "branch": 5}
    result = {
        "scalar_fp32_mul": 2,
        "scalar_fp32_add": 1,
        "scalar_load": 15,
        "scalar_store": 4,
        "scalar_alu": 8,
        "branch": 1,
    }
    step = {"scalar_load": 2, "scalar_fp32_mul": 1, "scalar_fp32_add": 1}
    return _channels_last(
        "scalar-fp32",
        Tile(1, 1, 1),
        step | {"scalar_alu": 1 / 8, "branch": 1 / 16},
        tap,
        result,
        {"scalar_fp32_add": 1},
    )


def c_loop() -> Kernel:
    """The same as a C compiler makes it: what a machine without vectors would run."""
    return _scalar(
        "scalar-fp32-c",
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


def scalar_unrolled() -> Kernel:
    """Two filters at two positions: four sums that do not wait for each other.

    VFMADD231SS, in the time of a vector's fused product and sum: four products in one latency.
    Unrolled by eight channels, counted as `scalar_loop` is.
    """
    tap = {"scalar_load": 5, "scalar_store": 2, "scalar_alu": 17, "branch": 3}
    result = {
        "scalar_fp32_mul": 8,
        "scalar_fp32_add": 4,
        "scalar_load": 34,
        "scalar_store": 10,
        "scalar_alu": 40,
        "branch": 4,
    }
    return _channels_last(
        "scalar-unrolled-fp32",
        Tile(filters=2, positions=2, depth=1),
        {"scalar_load": 4, "fp32_fma": 4, "scalar_alu": 1 / 8, "branch": 1 / 8},
        tap,
        result,
        {"fp32_fma": 1},
    )


def _channels_last(
    name: str, tile: Tile, step: Counts, tap: Counts, result: Counts, chain: Counts
) -> Kernel:
    """A loop of scalar.py, which first copies the image, channels last, into one with padding."""
    return Kernel(
        name=name,
        source=_SCALAR,
        tile=tile,
        parts=(
            Part(
                "channels last, an element at a time",
                input_elements,
                {"scalar_load": 1, "scalar_store": 1, "scalar_alu": 3, "branch": 1},
                "layout",
            ),
            Part("inner loop", steps, step),
            Part("a tap", _tile_taps, tap),
            Part("results", tiles, result),
        ),
        chain=chain,
        walk=Walk("direct", packs=True),
    )


def _tile_taps(kernel: Kernel, d: Dimensions) -> Any:
    """Taps of all tiles: runs of channels that lie next to each other."""
    return tiles(kernel, d) * d.taps


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


_SCALAR_RESULTS = {
    "fp_convert": 4,
    "scalar_fp32_mul": 4,
    "scalar_fp32_add": 4,
    "scalar_load": 4,
    "scalar_store": 4,
    "scalar_alu": 12,
    "branch": 3,
}
_SCALAR_IM2COL = Part(
    "im2col, a word at a time",
    moved_patch_words,
    {"scalar_load": 1, "scalar_store": 1, "scalar_alu": 1},
    "im2col",
)


_SCALAR_BITS = {"scalar_load": 2, "scalar_alu": 12 + 12 + 2 * 4, "scalar_store": 2, "branch": 3}
"""Four comparisons and bits, of two positions."""


def _words(name: str, source: str, word: int, pair: Counts, packed: bool) -> Kernel:
    """A 2 x 2 tile of machine words; `pair` is what XORing and counting two of them takes."""
    step = {name: 4 * count for name, count in pair.items()}
    step["scalar_alu"] = step["scalar_alu"] + 2
    return Kernel(
        name=f"{name}-packed" if packed else name,
        source=source,
        tile=Tile(filters=2, positions=2, depth=word),
        word=word,
        parts=(
            _SCALAR_IM2COL,
            Part("inner loop", steps, {**step, "scalar_load": 4, "branch": 1}),
            Part("results", tiles, _SCALAR_BITS if packed else _SCALAR_RESULTS),
            BORDER_COPY,
        ),
        chain={"scalar_alu": 1},
        walk=Walk("gemm", 1, 1, 1 if packed else 32),
    )


def popcnt(simd_bits: int, *, packed: bool = False) -> Kernel:
    """POPCNT of 64-bit words of two filters at two positions, no vectors: MOV, XOR, POPCNT, ADD.

    What comes before and after is that of our other binary kernels, in vectors.
    """
    return _popcnt(
        "own-popcnt", {"scalar_alu": 2, "scalar_popcount": 1}, simd_bits, packed, neon=False
    )


def popcnt_neon(simd_bits: int, *, packed: bool = False) -> Kernel:
    """The same where words are counted in a vector register: EOR, FMOV, CNT, ADDV, FMOV, ADD."""
    pair = {
        "scalar_alu": 2,
        "vector_move": 1,
        "vector_popcount": 1,
        "vector_reduce_add": 1,
        "vector_to_scalar": 1,
    }
    return _popcnt("own-popcnt-neon", pair, simd_bits, packed, neon=True)


def _popcnt(name: str, pair: Counts, simd_bits: int, packed: bool, *, neon: bool) -> Kernel:
    step = {name: 4 * count for name, count in pair.items()}
    step |= {"scalar_alu": step["scalar_alu"] + 5, "scalar_load": 4, "branch": 1}
    end = {"scalar_store": 4, "scalar_load": 18, "scalar_alu": 37, "branch": 3}
    return Kernel(
        name=f"{name}-{simd_bits}-packed" if packed else f"{name}-{simd_bits}",
        source="xnorsim/kernels/scalar_gemm.py, binary.py, patches.py, results.py",
        simd_bits=simd_bits,
        along=None,
        tile=Tile(filters=2, positions=2, depth=64),
        word=64,
        parts=(
            Part("inner loop", steps, step),
            Part("four sums to memory", tiles, end),
            *convolution_parts(simd_bits, packed=packed, neon=neon),
        ),
        chain={"scalar_alu": 1},
        walk=replace(walk(1, packed=packed), outer="positions", blocks=None),
    )


def scalar_popcount(*, packed: bool = False) -> Kernel:
    """What a machine without vectors would run: POPCNT of 64-bit words, im2col word by word."""
    return _words(
        "own-popcnt",
        f"{_BY_HAND}: x86-64 POPCNT",
        word=64,
        pair={"scalar_alu": 3, "scalar_popcount": 1},
        packed=packed,
    )


def software_popcount(*, packed: bool = False) -> Kernel:
    """32-bit words on a Cortex-M, 9 instructions a pair of words with shifted operands.

    EOR; t = x >> 1 & 0x55..., x - t; x & 0x33..., x >> 2 & 0x33..., their sum; x + (x >> 4),
    & 0x0f...; USADA8 adds the four bytes onto the sum.
    """
    return _words(
        "own-word-32",
        f"{_BY_HAND}: Armv7E-M",
        word=32,
        pair={"scalar_alu": 8, "scalar_multiply": 1},
        packed=packed,
    )


def passes() -> dict[str, Kernel]:
    """Passes over elements, one at a time."""
    load2, store = {"scalar_load": 2}, {"scalar_store": 1}
    one = {"scalar_load": 1}
    return {
        "bn": scalar_stream(
            "bn", scalar_load=3, scalar_fp32_mul=1, scalar_fp32_add=1, scalar_store=1
        ),
        "add": scalar_stream("add", scalar_fp32_add=1, **load2, **store),
        "elementwise": scalar_stream("elementwise", scalar_fp32_mul=1, **load2, **store),
        # a comparison costs what an addition does
        "relu": scalar_stream("relu", scalar_fp32_add=1, **one, **store),
        "copy": scalar_stream("copy", **one, **store),
        "max_pool": scalar_stream("max-pool", scalar_fp32_add=1, **one),
        "average_pool": scalar_stream("average-pool", scalar_fp32_add=1, **one),
        "binarize": sign_scalar(),
    }
