"""The products of matrices of ONNX Runtime's MLAS on x86-64: after an im2col, and of a vector.

convolve.cpp @ 00b8ce23, sgemm.cpp @ 00ca1689 and x86_64/FgemmKernelFma3Common.h @ 001a1f53 of
onnxruntime/core/mlas/lib. `size` is that of a vector of floats, `name` of the instruction set.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorsim.cost.recipes.conditions import is_one_position
from xnorsim.cost.recipes.extents import ceil_div, layout_vectors, output_vectors, steps, tiles
from xnorsim.cost.recipes.kernel import Kernel, Part, Tile, Walk
from xnorsim.work.dimensions import Dimensions

__all__ = ["MLAS", "product", "vector"]

MLAS = "microsoft/onnxruntime @ 001a1f53 onnxruntime/core/mlas/lib"


def _gathered_rows(d: Dimensions) -> Any:
    """Rows of results, for each product; none for 1 x 1 filters without a stride."""
    moves = np.where((np.asarray(d.taps) > 1) | (np.asarray(d.stride) > 1), 1, 0)
    return moves * d.groups * d.taps * d.filter_channels * ceil_div(d.positions, _width(d))


def _width(d: Dimensions) -> Any:
    """Positions of a row, of an image taken as square."""
    return np.maximum(np.rint(np.sqrt(d.positions)), 1)


def _row_fours(kernel: Kernel, d: Dimensions) -> Any:
    """Fours of neighbours in the rows that im2col copies; none with a stride."""
    return np.where(np.asarray(d.stride) == 1, _gathered_rows(d) * (_width(d) // 4), 0)


def _row_elements(kernel: Kernel, d: Dimensions) -> Any:
    """Elements that these fours leave."""
    return _gathered_rows(d) * np.where(np.asarray(d.stride) == 1, _width(d) % 4, _width(d))


def _each_row(kernel: Kernel, d: Dimensions) -> Any:
    """Rows of results, for each product."""
    return _gathered_rows(d)


# MlasConvIm2Col: vectors are of four floats on every processor; control by hand, as its loops say
_IM2COL = (
    Part(
        "im2col: four elements",
        _row_fours,
        {"vector_load": 1, "vector_store": 1, "scalar_alu": 3, "branch": 1},
        "im2col",
    ),
    Part(
        "im2col: an element",
        _row_elements,
        {"scalar_load": 1, "scalar_store": 1, "scalar_alu": 3, "branch": 1},
        "im2col",
    ),
    Part(
        "im2col: a row",
        _each_row,
        {"scalar_load": 2, "scalar_alu": 14, "branch": 8},
        "im2col",
    ),
)


def product(name: str, size: int) -> Kernel:
    """MlasConv: im2col, and MlasSgemm of 6 filters (12) x two vectors of positions.

    convolve.cpp: patches are laid out in segments of 128 positions x 128 products, copied into
    panels of 16 positions. 1 x 1 filters take the image as it is.
    """
    rows = 6 if size == 8 else 12
    return Kernel(
        name=f"mlas-sgemm-{name}",
        source=f"{MLAS}/x86_64/FgemmKernelFma3Common.h, sgemm.cpp, convolve.cpp",
        simd_bits=32 * size,
        along=None,
        tile=Tile(filters=rows, positions=2 * size, depth=1),
        parts=(*_IM2COL, _copied(size), *_multiplied(rows)),
        chain={"fp32_fma": 1},
        walk=Walk("gemm", packs=True, outer="filters", blocks=_segments, block_depth=128),
    )


def _copied(size: int) -> Part:
    """MlasSgemmCopyPackB: 16 positions of a product at a time, by vectors of four floats."""
    return Part(
        "patches into panels, four at a time",
        layout_vectors("positions"),
        {"vector_load": size / 4, "vector_store": size / 4, "scalar_alu": 0.75, "branch": 0.25},
        "layout",
    )


def _multiplied(rows: int) -> tuple[Part, ...]:
    """Tiles of so many filters; four products of a loop share its control."""
    step = {"fp32_fma": 2 * rows, "vector_load": 2, "broadcast_load": rows}
    onto = dict.fromkeys(("vector_logic", "fp32_fma", "vector_load", "vector_store"), 2 * rows)
    return (
        Part("inner loop", steps, {**step, "scalar_alu": 1, "branch": 0.25}),
        Part(
            "sums onto those of 128 products before",
            _panels_of_128,
            {**onto, "scalar_alu": 10, "branch": 4},
        ),
        Part("bias", output_vectors, {"vector_load": 1, "fp32_add": 1, "vector_store": 1}),
    )


def _panels_of_128(kernel: Kernel, d: Dimensions) -> Any:
    """Tiles, times blocks of 128 products."""
    return tiles(kernel, d) * -(-d.taps * d.filter_channels // 128)


def _segments(kernel: Kernel, d: Dimensions) -> tuple[Any, Any]:
    """All filters at 128 positions."""
    return np.inf, 128


def vector(name: str, size: int) -> Kernel:
    """A dense layer at batch 1: the product's kernel with one row, on weights laid out before."""
    return Kernel(
        name=f"mlas-sgemm-1-{name}",
        source=f"{MLAS}/x86_64/FgemmKernelFma3Common.h, one row; sgemm.cpp, packed weights",
        simd_bits=32 * size,
        along=None,
        tile=Tile(filters=2 * size, positions=1, depth=1),
        parts=(
            Part(
                "inner loop",
                steps,
                {
                    "broadcast_load": 1,
                    "vector_load": 2,
                    "fp32_fma": 2,
                    "scalar_alu": 0.75,
                    "branch": 0.25,
                },
            ),
            Part(
                "sums onto those of 256 products before",
                _panels_of_256,
                {
                    "vector_logic": 2,
                    "vector_load": 2,
                    "fp32_fma": 2,
                    "vector_store": 2,
                    "scalar_alu": 10,
                    "branch": 4,
                },
            ),
        ),
        chain={"fp32_fma": 1},
        walk=Walk("gemm"),
        applies=is_one_position,
    )


def _panels_of_256(kernel: Kernel, d: Dimensions) -> Any:
    """Tiles, times blocks of 256 products."""
    return tiles(kernel, d) * -(-d.taps * d.filter_channels // 256)
