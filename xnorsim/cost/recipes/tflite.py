"""TensorFlow Lite on aarch64: floats and 8-bit integers, and the passes between products.

ruy: github.com/google/ruy, commit 2af88863.
Depthwise: tensorflow/lite/kernels/internal/optimized/depthwiseconv_float.h, commit 0b024689.
"""

from __future__ import annotations

from dataclasses import replace

from xnorsim.cost.recipes.conditions import is_depthwise, is_one_position
from xnorsim.cost.recipes.extents import (
    Side,
    batch_positions,
    channel_taps,
    channel_vectors,
    layout_rest_elements,
    layout_rests,
    layout_rows,
    layout_vectors,
    output_vectors,
    steps,
    tap_vectors,
    tiles,
)
from xnorsim.cost.recipes.kernel import Counts, Kernel, Part, Tile, Walk
from xnorsim.cost.recipes.parts import BORDER_COPY, im2col, pool, stream
from xnorsim.cost.recipes.ruy import ruy_blocks

__all__ = [
    "ADD",
    "AVERAGE_POOL",
    "BATCH_NORM",
    "COPY",
    "DEPTHWISE",
    "GEMV_FP32",
    "MAX_POOL",
    "MULTIPLY",
    "RELU",
    "RUY_FP32",
    "RUY_FP32_IN_ORDER",
    "RUY_INT8",
    "RUY_INT8_DOT",
]

_RUY = "google/ruy @ 2af88863 ruy/kernel_arm64.cc"
_RUY_FLOATS = Walk("gemm", packs=True, blocks=ruy_blocks)
_RUY_BYTES = Walk(
    "gemm", activation_bits=8, weight_bits=8, output_bits=8, packs=True, blocks=ruy_blocks
)


def _layout(what: str, side: Side) -> tuple[Part, ...]:
    """One side of a product in tiles of eight rows, transposed 4 x 4 at a time.

    pack_arm.cc:1738-1890, PackFloatColMajorForNeon, a vector of four of it; the code around it
    (pack_arm.h), for each four rows, as ruy_pack.h of Larq Compute Engine, made after it, takes.
    Weights too at every run: the interpreter keeps no layouts unless it is told to (use_caching of
    benchmark_tflite_model.cc, false).
    """
    return (
        Part(
            f"layout of {what}",
            layout_vectors(side),
            {
                "vector_load": 1,
                "vector_shuffle": 2,  # TRN1, TRN2: twice four for 4 x 4
                "vector_store": 1,
                "scalar_alu": 0.75,
                "branch": 0.25,
            },
            "layout",
        ),
        Part(
            f"layout of {what}: rows with a rest",
            layout_rests(side),
            {"vector_move": 1, "vector_shuffle": 2, "scalar_alu": 0.25},
            "layout",
        ),
        Part(
            f"layout of {what}: a rest, element by element",
            layout_rest_elements(side),
            {"vector_load": 1, "vector_store": 0.25, "scalar_alu": 0.5, "branch": 0.5},
            "layout",
        ),
        Part(
            f"layout of {what}: rows",
            layout_rows(side),
            {"scalar_alu": (21 + 5) / 4, "branch": (3 + 3) / 4},
            "layout",
        ),
    )


RUY_FP32 = Kernel(
    name="ruy-fp32-8x8",
    source=f"{_RUY}:7703, loop 7820-7910 (four levels of depth); layout: pack_arm.cc",
    simd_bits=128,
    along="filters",
    tile=Tile(filters=8, positions=8, depth=1),
    parts=(
        *im2col(bits=32),
        *_layout("activations", "positions"),
        *_layout("weights", "filters"),
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

# Registers are loaded by halves, LDR D or LD1 and LDR X, and joined by INS; PRFM besides.
_LAYOUT_IN_ORDER = {
    "vector_load": 1,
    "scalar_load": 1 + 1,
    "vector_shuffle": 2,
    "vector_move": 1,
    "vector_store": 1,
    "scalar_alu": 0.75,
    "branch": 0.25,
}
_IN_ORDER: dict[str, Counts] = {
    "inner loop": {
        "fp32_fma": 16,
        "vector_load": 4,
        "scalar_load": 4 + 2,
        "vector_move": 4 + 1,
        "scalar_alu": 1,
        "branch": 1,
    },
    "layout of activations": _LAYOUT_IN_ORDER,
    "layout of weights": _LAYOUT_IN_ORDER,
}

RUY_FP32_IN_ORDER = replace(
    RUY_FP32,
    name="ruy-fp32-8x8-in-order",
    source=f"{_RUY}:8813, loop 8918-8951; pack_arm.cc:2067; for Cortex-A53 and A55",
    parts=tuple(
        replace(part, counts=_IN_ORDER.get(part.what, part.counts)) for part in RUY_FP32.parts
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
    # as GCC 12 -O3 compiles it, counted as it ran; 700 instructions of a row of results left out
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
        Part("a tap of a position", channel_taps, {"scalar_alu": 17, "branch": 4}),
        Part(
            "bias before, clamp after",
            channel_vectors,
            {
                "vector_load": 2,
                "vector_store": 2,
                "vector_min_max": 2,
                "vector_move": 0.5,
                "scalar_alu": 1,
                "branch": 0.5,
            },
        ),
        Part(
            "a position",  # of it a call of memcpy for the bias: five, five and a prefetch
            batch_positions,
            {"scalar_alu": 10 + 5, "branch": 3 + 5, "scalar_load": 3 + 1, "scalar_store": 2},
        ),
    ),
    walk=Walk("depthwise"),
    applies=is_depthwise,
)

_OPTIMIZED = "tensorflow @ 006108e9 lite/kernels/internal/optimized/optimized_ops.h"
# Passes: vectors as the source has them; what the compiler decides (rows, clamps, columns of
# Eigen) as GCC 12 -O3 compiles it, counted as it ran.

ADD = stream(
    "tflite-add", f"{_OPTIMIZED}: AddElementwise", 128, output_vectors,
    vector_load=2, fp32_add=1, vector_min_max=2, vector_store=1,
)  # fmt: skip
MULTIPLY = stream(
    "tflite-multiply", f"{_OPTIMIZED}: MulElementwise", 128, output_vectors,
    vector_load=2, fp32_mul=1, vector_min_max=2, vector_store=1,
)  # fmt: skip
BATCH_NORM = stream(
    "tflite-batch-norm", f"{_OPTIMIZED}: MUL, then ADD, by BinaryBroadcastFiveFold", 128,
    output_vectors,
    vector_load=4, fp32_mul=1, fp32_add=1, vector_min_max=4, vector_store=2,
)  # fmt: skip
BATCH_NORM = replace(
    BATCH_NORM,
    parts=(
        *BATCH_NORM.parts,
        Part("control of the second pass", output_vectors, {"scalar_alu": 0.5, "branch": 0.25}),
        Part(
            "two calls, a row of channels each",
            batch_positions,
            {
                "scalar_alu": 2 * 23,
                "scalar_multiply": 2,
                "scalar_load": 2,
                "broadcast_load": 2,  # the clamp
                "vector_move": 2,
                "branch": 2 * 6,
            },
        ),
    ),
)
RELU = stream(
    "tflite-relu", "by hand: a pass over a tensor", 128, output_vectors,
    vector_load=1, vector_min_max=1, vector_store=1,
)  # fmt: skip
COPY = stream(
    "tflite-copy", "by hand: memcpy of rows", 128, output_vectors, vector_load=1, vector_store=1
)

# Written before with the least value or 0; clamped after by FCMGT and BIT or BSL, twice.
_FILL_AND_CLAMP = {
    "vector_load": 1,
    "vector_compare": 2,
    "vector_logic": 2,
    "vector_store": 2,
    "scalar_alu": 2,
    "branch": 2,
}


def _eigen_pool(name: str, title: str, after: Counts, **counts: float) -> Kernel:
    """Columns of Eigen: each input is put to all results whose windows it lies in.

    Left out, since a loop nest of a pass tells no channels: 36 scalar operations and jumps for
    each of these, and 50 for each input.
    """
    found = pool(name, f"{_OPTIMIZED}: {title}", 128, in_memory=True, **counts)
    return replace(found, parts=(*found.parts, Part("a vector of results", output_vectors, after)))


MAX_POOL = _eigen_pool("tflite-max-pool", "MaxPool", _FILL_AND_CLAMP, vector_min_max=1)
AVERAGE_POOL = _eigen_pool(
    "tflite-average-pool",
    "AveragePool",
    {**_FILL_AND_CLAMP, "vector_store": 3, "vector_load": 2, "fp32_mul": 1},  # 1 / taps
    fp32_add=1,
)
