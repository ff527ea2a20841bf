"""Products of OpenBLAS with one filter or one position, which are a matrix times a vector.

OpenMathLib/OpenBLAS, commit 72461f1c: sgemv_t_4.c and sgemv_n_4.c of kernel/x86_64, with the loops
for Haswell and Zen; those for AVX-512 are not described.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorsim.cost.recipes.conditions import is_one_position
from xnorsim.cost.recipes.extents import ceil_div, output_vectors, tiles
from xnorsim.cost.recipes.kernel import Kernel, Part, Tile, Walk
from xnorsim.cost.recipes.numpy_im2col import IM2COL, column_depth, gathers
from xnorsim.work.dimensions import Dimensions

__all__ = ["OPENBLAS", "VECTORS"]

OPENBLAS = "OpenMathLib/OpenBLAS @ 72461f1c"

# numpy's loop over groups, cblas_sgemv and its buffer, at 16 positions x 10 products: counted as it
# ran (lackey of valgrind), less the products.
_CALL = {"scalar_load": 198, "scalar_store": 116, "scalar_alu": 400, "branch": 120}

# sgemv_kernel_4x2: SSE, whatever the processor has.
_TWO = {
    "vector_load": 3,
    "fp32_mul": 2,
    "fp32_add": 2,
    "vector_store": 1,
    "scalar_alu": 2,
    "branch": 1,
}


def _eights(kernel: Kernel, d: Dimensions) -> Any:
    """Vectors of positions x eight products."""
    return d.groups * ceil_div(d.positions, kernel.simd_bits // 32) * (column_depth(d) // 8)


def _twos(kernel: Kernel, d: Dimensions) -> Any:
    """Fours of positions x the twos that eights leave."""
    return d.groups * ceil_div(d.positions, 4) * ceil_div(column_depth(d) % 8, 2)


def _calls(kernel: Kernel, d: Dimensions) -> Any:
    """Calls: groups."""
    return d.groups * np.ones_like(d.positions)


def _one_filter() -> Kernel:
    """A filter x columns, as of each group of a depthwise layer: columns added to one another."""
    eight = {"vector_load": 9, "fp32_fma": 8, "fp32_add": 2, "fp32_mul": 1, "vector_store": 1}
    return Kernel(
        name="openblas-sgemv-n-haswell",
        source=f"{OPENBLAS} kernel/x86_64/sgemv_n_microk_haswell-4.c; im2col by hand",
        simd_bits=256,
        along=None,
        tile=Tile(filters=1, positions=8, depth=1),
        parts=(
            *IM2COL,
            Part(
                "eight products",
                _eights,
                {**eight, "vector_logic": 1, "scalar_alu": 1.5, "branch": 0.5},
            ),
            Part("two products", _twos, _TWO),
            Part("results cleared before", output_vectors, {"vector_store": 1}),
            Part("a call", _calls, _CALL),
        ),
        walk=Walk("gemm", pads=True),
        applies=lambda d: np.equal(d.filters, 1) & np.equal(gathers(d), 1) & ~is_one_position(d),
    )


def _vector() -> Kernel:
    """A dense layer at batch 1: four rows of weights at a time, 16 floats of each."""
    return Kernel(
        name="openblas-sgemv-haswell",
        source=f"{OPENBLAS} kernel/x86_64/sgemv_t_microk_haswell-4.c",
        simd_bits=256,
        along=None,
        tile=Tile(filters=4, positions=1, depth=16),
        parts=(
            Part(
                "inner loop",
                _rows_of_16,
                {
                    "vector_load": 2 + 8,
                    "fp32_fma": 8,
                    "scalar_load": 5,  # prefetches
                    "scalar_alu": 2,
                    "branch": 1,
                },
            ),
            Part(
                "sums across lanes",
                tiles,
                {"vector_shuffle": 8, "fp32_add": 12, "scalar_store": 4, "scalar_alu": 20},
            ),
        ),
        chain={"fp32_fma": 2},
        walk=Walk("gemm"),
        applies=is_one_position,
    )


def _rows_of_16(kernel: Kernel, d: Dimensions) -> Any:
    """Four filters x 16 products, over all of both."""
    return tiles(kernel, d) * ceil_div(column_depth(d), 16)


VECTORS = (_vector(), _one_filter())
"""One position, as of a dense layer at batch 1; one filter."""
