"""XNNPACK on aarch64, floats: github.com/google/XNNPACK, commit 143a1100."""

from __future__ import annotations

from xnorsim.cost.recipes.conditions import is_one_position
from xnorsim.cost.recipes.extents import steps, tile_taps, tiles
from xnorsim.cost.recipes.kernel import Kernel, Part, Tile, Walk

__all__ = ["XNNPACK_FP32", "XNNPACK_FP32_VECTOR"]

_XNNPACK = "google/XNNPACK @ 143a1100 src/f32-gemm/gen"

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
