"""TensorFlow Lite on aarch64: floats and 8-bit integers, and the passes between products.

ruy: github.com/google/ruy, commit 2af88863. XNNPACK: github.com/google/XNNPACK, commit 143a1100.
Depthwise: tensorflow/lite/kernels/internal/optimized/depthwiseconv_float.h, commit 0b024689.
"""

from __future__ import annotations

from dataclasses import replace

from xnorsim.cost.recipes.conditions import is_depthwise, is_one_position
from xnorsim.cost.recipes.extents import (
    channel_vectors,
    output_vectors,
    patch_vectors,
    steps,
    tap_vectors,
    tile_taps,
    tiles,
)
from xnorsim.cost.recipes.kernel import Kernel, Part, Tile, Walk
from xnorsim.cost.recipes.parts import BORDER_COPY, im2col, pool, stream
from xnorsim.cost.recipes.ruy import ruy_blocks

__all__ = [
    "ADD",
    "AVERAGE_POOL",
    "BATCH_NORM",
    "DEPTHWISE",
    "GEMV_FP32",
    "MAX_POOL",
    "MULTIPLY",
    "RELU",
    "RUY_FP32",
    "RUY_FP32_IN_ORDER",
    "RUY_INT8",
    "RUY_INT8_DOT",
    "XNNPACK_FP32",
    "XNNPACK_FP32_VECTOR",
]

_RUY = "google/ruy @ 2af88863 ruy/kernel_arm64.cc"
_RUY_FLOATS = Walk("gemm", packs=True, blocks=ruy_blocks)
_RUY_BYTES = Walk(
    "gemm", activation_bits=8, weight_bits=8, output_bits=8, packs=True, blocks=ruy_blocks
)
_XNNPACK = "google/XNNPACK @ 143a1100 src/f32-gemm/gen"


RUY_FP32 = Kernel(
    name="ruy-fp32-8x8",
    source=f"{_RUY}:7703, loop 7820-7910 (four levels of depth); layout: pack_arm.cc",
    simd_bits=128,
    along="filters",
    tile=Tile(filters=8, positions=8, depth=1),
    parts=(
        *im2col(bits=32),
        Part(
            "layout of activations",
            patch_vectors,
            {"vector_load": 1, "vector_shuffle": 1, "vector_store": 1, "scalar_alu": 1},
            "layout",
        ),
        Part(
            "inner loop",
            steps,
            {"fp32_fma": 16, "vector_load": 4, "scalar_alu": 1, "branch": 0.25},
        ),
        Part(
            "bias, clamp, store",
            tiles,
            {
                "fp32_add": 16,
                "vector_min_max": 32,
                "vector_store": 16,
                "vector_move": 16,  # cleared accumulators
                "vector_load": 2,
                "broadcast_load": 2,
                "scalar_alu": 28,
                "branch": 7,
            },
        ),
        BORDER_COPY,
    ),
    chain={"fp32_fma": 1},
    walk=_RUY_FLOATS,
)

RUY_FP32_IN_ORDER = replace(
    RUY_FP32,
    name="ruy-fp32-8x8-in-order",
    source=f"{_RUY}:8813, loop 8918-8951; for Cortex-A53 and A55",
    parts=tuple(
        replace(
            part,
            counts={
                "fp32_fma": 16,
                "vector_load": 4,  # LDR D: half a register
                "scalar_load": 4 + 2,  # LDR X: the other half; PRFM
                "vector_move": 4 + 1,  # INS
                "scalar_alu": 1,
                "branch": 1,
            },
        )
        if part.what == "inner loop"
        else part
        for part in RUY_FP32.parts
    ),
)

_REQUANTIZE = {
    # bias, zero points, SQRDMULH, rounding shift, clamp of 16 int32: 60 to 90 instructions
    "vector_add": 24,
    "int8_multiply": 4,
    "vector_shift": 24,
    "vector_min_max": 8,
    "vector_narrow": 6,
    "vector_load": 12,
    "vector_move": 16,
    "vector_store": 4,
    "scalar_alu": 28,
    "branch": 7,
}

RUY_INT8 = Kernel(
    name="ruy-int8-4x4",
    source=f"{_RUY}:99, loop 219-301; the requantization is an estimate of 75 instructions",
    simd_bits=128,
    along="depth",
    tile=Tile(filters=4, positions=4, depth=16),
    parts=(
        *im2col(bits=8),
        Part(
            "inner loop",
            steps,
            {
                "int8_multiply": 32,  # SMULL, SMLAL2
                "vector_widening_accumulate": 16,  # SADALP
                "vector_load": 8,
                "scalar_alu": 2,
                "branch": 1,
            },
        ),
        Part("sums and requantization", tiles, {**_REQUANTIZE, "vector_pairwise_add": 12}),
        BORDER_COPY,
    ),
    chain={"vector_widening_accumulate": 1},
    walk=_RUY_BYTES,
)

RUY_INT8_DOT = Kernel(
    name="ruy-int8-dot-8x8",
    source=f"{_RUY}:2987, loop 3111-3201 (four steps); requantization as without dot product",
    simd_bits=128,
    along="filters",
    tile=Tile(filters=8, positions=8, depth=4),
    parts=(
        *im2col(bits=8),
        Part(
            "inner loop",
            steps,
            {"int8_dot": 16, "vector_load": 4, "scalar_alu": 1, "branch": 0.25},
        ),
        Part("requantization", tiles, {name: 4 * count for name, count in _REQUANTIZE.items()}),
        BORDER_COPY,
    ),
    chain={"int8_dot": 1},
    walk=_RUY_BYTES,
)

XNNPACK_FP32 = Kernel(
    name="xnnpack-fp32-6x8",
    source=f"{_XNNPACK}/6x8-minmax-aarch64-neonfma-cortex-a75.S (eight levels of depth)",
    simd_bits=128,
    along="filters",
    tile=Tile(filters=8, positions=6, depth=1),
    parts=(
        Part(
            "inner loop",
            steps,
            {
                "fp32_fma": 12,
                "vector_load": (12 + 16) / 8,  # 12 of activations, 8 pairs of weights
                "scalar_alu": 1 / 8,
                "branch": 1 / 8,
            },
        ),
        Part("pointers of a tap", tile_taps, {"scalar_load": 6, "scalar_alu": 3, "branch": 1}),
        Part(
            "bias, clamp, store",
            tiles,
            {
                "vector_load": 2,
                "vector_move": 10,
                "vector_min_max": 24,
                "vector_store": 12,
                "scalar_alu": 20,
                "branch": 5,
            },
        ),
    ),
    chain={"fp32_fma": 1},
    walk=Walk("direct"),
)

XNNPACK_FP32_VECTOR = Kernel(
    name="xnnpack-fp32-1x8",
    source=f"{_XNNPACK}/1x8-minmax-aarch64-neonfma-cortex-a75.S (eight levels of depth)",
    simd_bits=128,
    along="filters",
    tile=Tile(filters=8, positions=1, depth=1),
    parts=(
        Part(
            "inner loop",
            steps,
            {"fp32_fma": 2, "vector_load": 18 / 8, "scalar_alu": 1 / 8, "branch": 1 / 8},
        ),
        Part(
            "bias, clamp, store",
            tiles,
            {
                "vector_load": 2,
                "vector_min_max": 4,
                "vector_store": 2,
                "scalar_alu": 10,
                "branch": 3,
            },
        ),
    ),
    walk=Walk("gemm"),
    applies=is_one_position,
)

GEMV_FP32 = Kernel(
    name="tflite-gemv-4",
    source="tensorflow @ 0b024689 lite/kernels/cpu_backend_gemm_custom_gemv.h, with ruy",
    simd_bits=128,
    along="depth",
    tile=Tile(filters=4, positions=1, depth=4),
    parts=(
        *im2col(bits=32),
        Part(
            "inner loop",
            steps,
            {
                "fp32_fma": 4,
                "vector_load": 5,
                "scalar_load": 4,  # PRFM, for each row of weights
                "scalar_alu": 6,
                "branch": 1,
            },
        ),
        Part(
            "sums across lanes, bias, clamp, store",
            tiles,
            {
                "fp32_add": 6 + 1,
                "vector_min_max": 2,
                "vector_move": 4,
                "vector_load": 1,
                "broadcast_load": 2,
                "vector_store": 1,
                "scalar_alu": 8,
                "branch": 3,
            },
        ),
    ),
    chain={"fp32_fma": 1},
    walk=Walk("gemm"),
    applies=is_one_position,
)

DEPTHWISE = Kernel(
    name="tflite-depthwise-fp32",
    source="tensorflow @ 0b024689 depthwiseconv_float.h, kernel <true, 0, 1>, 16 channels a step",
    simd_bits=128,
    along="filters",
    tile=Tile(filters=1, positions=1, depth=1),
    parts=(
        Part(
            "a tap",
            tap_vectors,
            {
                "vector_load": 3,  # filter, input, and the accumulator, which lies in memory
                "fp32_fma": 1,
                "vector_store": 1,
                "scalar_alu": 1,
                "branch": 0.25,
            },
        ),
        Part(
            "bias before, clamp after",
            channel_vectors,
            {"vector_load": 2, "vector_store": 2, "vector_min_max": 2, "scalar_alu": 2},
        ),
    ),
    walk=Walk("depthwise"),
    applies=is_depthwise,
)


_BY_HAND = "by hand: tensorflow/lite/kernels/internal/optimized, a pass with its clamp"

ADD = stream(
    "tflite-add", _BY_HAND, 128, output_vectors,
    vector_load=2, fp32_add=1, vector_min_max=2, vector_store=1,
)  # fmt: skip
# MUL and ADD with a vector of channels: two passes
BATCH_NORM = stream(
    "tflite-batch-norm", _BY_HAND, 128, output_vectors,
    vector_load=4, fp32_mul=1, fp32_add=1, vector_min_max=4, vector_store=2,
)  # fmt: skip
RELU = stream(
    "tflite-relu", _BY_HAND, 128, output_vectors, vector_load=1, vector_min_max=1, vector_store=1
)
# Eigen columns
MAX_POOL = pool("tflite-max-pool", _BY_HAND, 128, in_memory=True, vector_min_max=1)
AVERAGE_POOL = pool("tflite-average-pool", _BY_HAND, 128, in_memory=True, fp32_add=1)
MULTIPLY = stream(
    "tflite-multiply", _BY_HAND, 128, output_vectors,
    vector_load=2, fp32_mul=1, vector_min_max=2, vector_store=1,
)  # fmt: skip
