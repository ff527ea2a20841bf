"""dabnn on aarch64, counted from the source: github.com/JDAI-CV/dabnn, commit d93aa950 (v0.2.6).

A convolution binarizes its own fp32 input, element by element (the vector code is commented out),
and writes fp32; batch norm and addition are passes of their own (layers/BinConv.cpp, bitpack.h).
3 x 3 filters over 64, 128, 256, 512 or 1024 channels run directly, everything else, 1 x 1 too,
as im2col and BGEMM. The direct kernels need multiples of 128 filters beyond 64 channels, and
dabnn stops without; here such a layer takes the BGEMM. Passes are counted as -O3 vectorizes them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from xnorsim.cost.recipes.extents import (
    filter_steps,
    folds,
    input_elements,
    input_words,
    output_vectors,
    outputs,
    patch_elements,
    patch_vectors,
    position_steps,
    rest_depths,
    steps,
    tiles,
)
from xnorsim.cost.recipes.kernel import Counts, Kernel, Part, Tile, Walk
from xnorsim.cost.recipes.parts import im2col, pool, stream
from xnorsim.work.dimensions import Dimensions

__all__ = [
    "ADD",
    "AVERAGE_POOL",
    "BATCH_NORM",
    "BGEMM",
    "DIRECT_64",
    "DIRECT_128",
    "DIRECT_128_SINGLE",
    "EIGEN_FP32",
    "MAX_POOL",
    "PACKED_INPUT",
    "RELU",
    "SIGN",
]

_REPOSITORY = "JDAI-CV/dabnn @ d93aa950 dabnn"


# bitpack.h, pack_64_bitfield: load, compare, set a bit field
_SIGN_OF_ONE = {"scalar_load": 1, "scalar_fp32_add": 1, "scalar_alu": 2}
# copies of 64-bit words in C: load, store, index
_COPY_WORD = {"scalar_load": 1, "scalar_store": 1, "scalar_alu": 2}


def _copy_words(words: int) -> Counts:
    return {name: words * count for name, count in _COPY_WORD.items()}


_FILL = Part("results set to 0", output_vectors, {"vector_store": 1, "scalar_alu": 0.5})

BGEMM = Kernel(
    name="dabnn-bgemm-8x6",
    source=f"{_REPOSITORY}/bgemm.h:45-430, fused_binarize_im2col.h",
    simd_bits=128,
    along="depth",
    tile=Tile(filters=8, positions=6, depth=128),
    whole_tiles=True,
    parts=(
        _FILL,
        Part(
            "im2col of floats",
            patch_vectors,
            {"vector_load": 1, "vector_store": 1, "scalar_alu": 0.5},
            "im2col",
        ),
        Part("signs under the filter", patch_elements, _SIGN_OF_ONE, "im2col"),
        Part("layout of weights", filter_steps, _copy_words(2 * 8), "layout"),
        Part("layout of activations", position_steps, _copy_words(2 * 6), "layout"),
        Part(
            "inner loop",
            steps,
            {
                "vector_logic": 48,
                "vector_popcount": 48,
                "vector_reduce_add": 48,  # ADDV: 128 bits into a byte
                "vector_move": 36,  # INS: four sums into one register
                "vector_add": 12,
                "vector_load": 14,
                "scalar_load": 2,  # PRFM
                "scalar_alu": 1 + 4,  # and pointers
                "branch": 1,
            },
        ),
        Part(
            "sums to memory",
            folds(2048 // 128),  # kc is 32 words of 64 bits
            {
                "vector_store": 12 + 12,  # cleared before, written after
                "vector_load": 12,
                "fp_convert": 12,
                "scalar_load": 2 * 48,  # unpack_c, one float at a time
                "scalar_fp32_add": 48,
                "scalar_store": 48,
                "scalar_alu": 48 + 12,
                "branch": 4,
            },
        ),
        Part(
            "border results, a word at a time",
            rest_depths(64),
            {
                "scalar_load": 2,
                "scalar_alu": 3,  # EOR, two indices
                "vector_move": 1,
                "vector_popcount": 1,
                "vector_reduce_add": 1,
                "vector_to_scalar": 1,
                "fp_convert": 1,
                "scalar_fp32_add": 1,
                "branch": 1,
            },
        ),
    ),
    chain={"vector_add": 1},
    walk=Walk("gemm", 1, 1, packs=True, block_depth=2048),
)


def _is_direct(d: Dimensions, channels: tuple[int, ...]) -> Any:
    """Nine taps stand for a square filter."""
    return (np.asarray(d.taps) == 9) & np.isin(d.filter_channels, channels) & (d.groups == 1)


def _is_direct_64(d: Dimensions) -> Any:
    return _is_direct(d, (64,)) & (d.filters % 2 == 0)


def _is_direct_128(d: Dimensions) -> Any:
    return _is_direct(d, (128, 256, 512, 1024)) & (d.filters % 128 == 0)


def _is_direct_in_pairs(d: Dimensions) -> Any:
    """Stride 1 and rows of even length: an even number of positions stands for those."""
    return _is_direct_128(d) & (d.stride == 1) & (d.positions % 2 == 0)


_SIGNS = Part("signs of the input", input_elements, _SIGN_OF_ONE, "im2col")
_BORDER = Part(
    "padded copy of the bits",
    input_words,
    {"vector_load": 1, "vector_store": 1, "scalar_alu": 1},
    "im2col",
)

DIRECT_64 = Kernel(
    name="dabnn-direct-64",
    source=f"{_REPOSITORY}/bconv.h:288-423",
    simd_bits=128,
    along=None,  # 64 channels: half of a register at the ninth tap
    tile=Tile(filters=2, positions=2, depth=9 * 64),
    word=64,
    parts=(
        _SIGNS,
        _BORDER,
        *im2col(bits=1),
        Part(
            "inner loop",
            steps,
            {
                "vector_logic": 20,
                "vector_popcount": 20,
                "vector_add": 16,
                "vector_reduce_add": 4,  # UADDLV
                "fp_convert": 4,
                "scalar_store": 4,
                "vector_load": 8 + 2,
                "scalar_load": 2,  # PRFM
                "scalar_alu": 1 + 4,  # and pointers
                "branch": 1,
            },
        ),
    ),
    walk=Walk("gemm", 1, 1),
    applies=_is_direct_64,
)


def _moves_blocks(kernel: Kernel, d: Dimensions) -> Any:
    """1 where channels or filters are more than one block of 128: blocks are laid out apart."""
    return np.where((d.filter_channels > 128) | (d.filters > 128), 1, 0)


def _weight_words(kernel: Kernel, d: Dimensions) -> Any:
    return _moves_blocks(kernel, d) * filter_steps(kernel, d) * (kernel.tile.depth // 64)


def _moved_input_words(kernel: Kernel, d: Dimensions) -> Any:
    return _moves_blocks(kernel, d) * input_words(kernel, d) * (kernel.word // 64)


def _moved_output_vectors(kernel: Kernel, d: Dimensions) -> Any:
    return _moves_blocks(kernel, d) * output_vectors(kernel, d)


def _input_blocks(kernel: Kernel, d: Dimensions) -> Any:
    """Tiles of positions, for each block of 128 filters and each of 128 channels."""
    return position_steps(kernel, d) * -(-d.filters // 128)


_BLOCKS = (
    # pack_weight_3x3 at every inference, pack_input_3x3, unpack_output
    Part("layout of weights", _weight_words, _COPY_WORD, "layout"),
    Part("layout of activations", _moved_input_words, _COPY_WORD, "layout"),
    Part(
        "results back in order",
        _moved_output_vectors,
        {"vector_load": 1, "vector_store": 1, "scalar_alu": 0.5, "branch": 0.25},
    ),
)


def _blocks_of_128(kernel: Kernel, d: Dimensions) -> tuple[Any, Any]:
    """128 filters at a time, at all positions."""
    return 128, np.inf


_DIRECT = Walk("direct", 1, 1, blocks=_blocks_of_128, block_depth=9 * 128)

DIRECT_128 = Kernel(
    name="dabnn-direct-128",
    source=f"{_REPOSITORY}/bconv.h:684-802, blocks 805-930",
    simd_bits=128,
    along=None,
    tile=Tile(filters=1, positions=2, depth=9 * 128),
    word=128,
    parts=(
        _SIGNS,
        _BORDER,
        _FILL,
        *_BLOCKS,
        Part("inputs of two positions", _input_blocks, {"vector_load": 12, "scalar_alu": 6}),
        Part(
            "inner loop",
            steps,
            {
                "vector_logic": 18,
                "vector_popcount": 18,
                "vector_add": 16,
                "vector_reduce_add": 2,  # UADDLV
                "fp_convert": 2,
                "scalar_fp32_add": 2,
                "scalar_load": 2 + 3,  # the sum so far; PRFM
                "scalar_store": 2,
                "vector_load": 9,
                "scalar_alu": 1 + 3,  # and pointers
                "branch": 1,
            },
        ),
    ),
    walk=_DIRECT,
    applies=_is_direct_in_pairs,
)

DIRECT_128_SINGLE = Kernel(
    name="dabnn-direct-128-single",
    source=f"{_REPOSITORY}/bconv.h:600-682, blocks 805-930",
    simd_bits=128,
    along=None,
    tile=Tile(filters=1, positions=1, depth=9 * 128),
    word=128,
    parts=(
        _SIGNS,
        _BORDER,
        _FILL,
        *_BLOCKS,
        Part("inputs of a position", _input_blocks, {"vector_load": 9, "scalar_alu": 6}),
        Part(
            "inner loop",
            steps,
            {
                "vector_logic": 9,
                "vector_popcount": 9,
                "vector_add": 8,
                "vector_reduce_add": 1,
                "fp_convert": 1,
                "scalar_fp32_add": 1,
                "scalar_load": 1 + 3,
                "scalar_store": 1,
                "vector_load": 9,
                "scalar_alu": 1 + 3,  # and pointers
                "branch": 1,
            },
        ),
    ),
    walk=_DIRECT,
    applies=_is_direct_128,
)


def _product_alone(kernel: Kernel) -> Kernel:
    """Without what is done to the input before: signs, and a copy with its border."""
    parts = tuple(part for part in kernel.parts if part not in (_SIGNS, _BORDER))
    return replace(kernel, name=f"{kernel.name}-packed-input", parts=parts)


PACKED_INPUT = tuple(map(_product_alone, (DIRECT_64, DIRECT_128, DIRECT_128_SINGLE)))
"""bconv_3x3 on bits that are there and padded, as benchmark/benchmark.cpp calls it."""

EIGEN_FP32 = Kernel(
    name="dabnn-eigen-12x4",
    source=(
        f"{_REPOSITORY}/fconv.h: im2col and Eigen's product; Eigen 3.3 "
        "GeneralBlockPanelKernel.h, gebp 3pX4 (EIGEN_GEBP_ONESTEP, unrolled 8 times)"
    ),
    simd_bits=128,
    along="filters",
    tile=Tile(filters=12, positions=4, depth=1),
    parts=(
        *im2col(bits=32),
        # both sides are packed at every call; positions four at a time, transposed
        Part(
            "layout of activations",
            patch_vectors,
            {"vector_load": 1, "vector_shuffle": 2, "vector_store": 1, "scalar_alu": 1},
            "layout",
        ),
        Part(
            "layout of weights",
            filter_steps,
            {"vector_load": 3, "vector_store": 3, "scalar_alu": 2, "branch": 1},
            "layout",
        ),
        Part(
            "inner loop",
            steps,
            {
                "fp32_fma": 12,
                "vector_load": 3,
                "broadcast_load": 4,
                "scalar_load": 1,  # PRFM
                "scalar_alu": 2 / 8,
                "branch": 1 / 8,
            },
        ),
        Part(
            "scaled onto the results",
            tiles,
            {
                "vector_move": 12,
                "vector_load": 12,
                "fp32_fma": 12,
                "vector_store": 12,
                "scalar_alu": 16,
                "branch": 3,
            },
        ),
    ),
    chain={"fp32_fma": 1},
    walk=Walk("gemm", packs=True, outer="filters", block_depth=320),
)

_PASS = f"{_REPOSITORY}/layers: a loop over channels, vectorized; not fused (-ffp-contract=off)"

SIGN = Kernel(
    name="dabnn-sign",
    source=f"{_REPOSITORY}/layers/BinConv.cpp: the convolution binarizes its own input",
    tile=Tile(1, 1, 1),
    parts=(Part("nothing", outputs, {}),),
)
BATCH_NORM = stream(
    "dabnn-affine", _PASS, 128, output_vectors,
    vector_load=3, fp32_mul=1, fp32_add=1, vector_store=1,
)  # fmt: skip
ADD = stream("dabnn-add", _PASS, 128, output_vectors, vector_load=2, fp32_add=1, vector_store=1)
RELU = stream(
    "dabnn-relu", _PASS, 128, output_vectors, vector_load=1, vector_min_max=1, vector_store=1
)
MAX_POOL = pool("dabnn-max-pool", _PASS, 128, in_memory=False, vector_min_max=1)
AVERAGE_POOL = pool("dabnn-average-pool", _PASS, 128, in_memory=False, fp32_add=1)
