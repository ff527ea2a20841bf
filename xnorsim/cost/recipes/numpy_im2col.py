"""The columns that numpy makes of an image before a product: xnorsim/kernels/baselines.py.

The image is copied into one with its padding, and its windows into columns (K x positions), both by
numpy's copy loops, a row at a time; a last row of ones brings the bias. 1 x 1 filters without a
stride take the image where it lies.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorsim.cost.recipes.extents import ceil_div, input_elements
from xnorsim.cost.recipes.kernel import Kernel, Part
from xnorsim.work.dimensions import Dimensions

__all__ = ["IM2COL", "column_depth", "gathers"]


def gathers(d: Dimensions) -> Any:
    """1 where the columns are not the image itself: all but 1 x 1 filters without a stride."""
    return np.where((np.asarray(d.taps) > 1) | (np.asarray(d.stride) > 1), 1, 0)


def column_depth(d: Dimensions) -> Any:
    """Products of a result; where columns are gathered, one more brings the bias."""
    return d.taps * d.filter_channels + gathers(d)


def _column_rows(kernel: Kernel, d: Dimensions) -> Any:
    """Rows of the columns that im2col copies at a time: a row of results, for each product."""
    width = np.maximum(np.rint(np.sqrt(d.positions)), 1)
    return gathers(d) * d.groups * d.taps * d.filter_channels * ceil_div(d.positions, width)


def _neighbours(kernel: Kernel, d: Dimensions) -> Any:
    """Rows of the columns whose elements are neighbours in the image."""
    return np.where(np.asarray(d.stride) > 1, 0, _column_rows(kernel, d))


def _image_rows(kernel: Kernel, d: Dimensions) -> Any:
    """Rows of the image that is copied into one with its padding."""
    height = np.rint(np.sqrt(d.positions * np.asarray(d.stride, float)))
    return gathers(d) * d.groups * d.filter_channels * np.maximum(height, 1)


def _column_vectors(kernel: Kernel, d: Dimensions) -> Any:
    """Vectors of these rows, where the image's elements are neighbours there."""
    width = np.maximum(np.rint(np.sqrt(d.positions)), 1)
    vectors = _column_rows(kernel, d) * ceil_div(width, kernel.simd_bits // 32)
    return np.where(np.asarray(d.stride) > 1, 0, vectors)


def _column_elements(kernel: Kernel, d: Dimensions) -> Any:
    """Elements of the columns, where a stride keeps them apart in the image."""
    elements = d.groups * d.taps * d.filter_channels * d.positions
    return np.where(np.asarray(d.stride) > 1, elements, 0)


def _input_vectors(kernel: Kernel, d: Dimensions) -> Any:
    """Vectors of the image that is copied into one with its padding."""
    return gathers(d) * ceil_div(input_elements(kernel, d), kernel.simd_bits // 32)


# numpy 2.4, lowlevel_strided_loops.c.src and array_assign_array.c: a call for each row, that of
# neighbours to memmove (glibc 2.36). Counted as it ran (callgrind), rows of 14 and 28 positions.
_ROW = {
    "scalar_load": 18,
    "scalar_store": 5,
    "scalar_alu": 24,
    "scalar_multiply": 1,
    "branch": 13,
}

# Of neighbours: two calls, through a pointer and a table of pointers, a jump from there, and two
# returns. Fetching goes on a cycle later after each of them than after other branches (AMD 56665,
# Software Optimization Guide for Family 19h, 2.8.1.2): here a branch more. As a loop of these calls
# alone runs, 15 cycles, and an empty call and its return, 6.
_CALLS = {"branch": 5}
_VECTOR = {"vector_load": 1, "vector_store": 1}
IM2COL = (
    Part("the padded image: a vector", _input_vectors, _VECTOR, "im2col"),
    Part("the padded image: a row", _image_rows, _ROW, "im2col"),
    Part("the padded image: calls for a row", _image_rows, _CALLS, "im2col"),
    Part("im2col: a vector", _column_vectors, _VECTOR, "im2col"),
    Part(
        "im2col: an element apart",
        _column_elements,
        {"scalar_load": 1, "scalar_store": 1, "scalar_alu": 1.75, "branch": 0.375},
        "im2col",
    ),
    Part("im2col: a row", _column_rows, _ROW, "im2col"),
    Part("im2col: calls for a row of neighbours", _neighbours, _CALLS, "im2col"),
)
