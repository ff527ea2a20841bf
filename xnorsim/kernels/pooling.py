"""Max and average pools over images with channels last, as the reference computes them.

A sum is taken down each column of a window and then across these, from the first to the last: the
order of exact.reference.pooling, so that floats come out the same to the bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from xnorsim.kernels.compiled import inner
from xnorsim.kernels.lanes import (
    floats_at,
    inlined,
    lanes,
    larger,
    quotient,
    repeated,
    store,
    total,
)
from xnorsim.kernels.packing import address
from xnorsim.network.ops import Pool

__all__ = ["LOWEST", "Grid", "counts_of", "grid_of", "pool_rows"]

Array = np.ndarray
LOWEST = np.full(1, -np.inf, np.float32)


class Grid(NamedTuple):
    """Where the windows of a pool lie, as compiled code reads it; `mean`: an average, not a
    maximum."""

    height: int
    width: int
    kernel_height: int
    kernel_width: int
    stride_y: int
    stride_x: int
    top: int
    left: int
    dilation_y: int
    dilation_x: int
    mean: bool


def grid_of(op: Pool, size: tuple[int, ...], *, mean: bool) -> Grid:
    """The windows of a pool over images of a size (height, width)."""
    (top, _), (left, _) = op.padding
    numbers = (*size, *op.kernel, *op.stride, top, left, *op.dilation)
    return Grid(*numbers, mean)  # pyright: ignore[reportCallIssue]


def counts_of(op: Pool, size: tuple[int, ...], out: tuple[int, ...]) -> Array:
    """How many taps an average is over, float32 (output rows, output columns), at least 1.

    Of the padding those taps count that the op states, if it includes them.
    """
    axes = []
    for axis in range(2):
        before, after = op.padding[axis] if op.count_include_pad else (0, 0)
        taps = np.arange(op.kernel[axis]) * op.dilation[axis] - op.padding[axis][0]
        places = np.arange(out[axis])[:, None] * op.stride[axis] + taps
        axes.append(((places >= -before) & (places < size[axis] + after)).sum(axis=1))
    return np.maximum(np.outer(*axes), 1).astype(np.float32)


@inlined
def _inside(size, start, kernel, dilation):
    """The taps of a window from `start` on that read an element: the first, and the one after the
    last."""
    first = (dilation - 1 - start) // dilation if start < 0 else 0
    return first, min(kernel, (size - 1 - start) // dilation + 1) if start < size else 0


@inlined
def _window(like, source, channels, grid, i, j, down, across, lowest, count, into):
    """Some channels of a window whose first tap is at row i and column j: from the address of those
    of its image's first position to the address of the result. `down` and `across` are the taps
    that read an element, the first and the one after the last."""
    y = like if grid.mean else repeated(like, lowest)
    for x in range(across[0], across[1]):
        column = like
        for tap in range(down[0], down[1]):
            place = (i + tap * grid.dilation_y) * grid.width + j + x * grid.dilation_x
            value = floats_at(like, source + 4 * channels * place)
            if grid.mean:
                column = total(column, value)
            else:
                y = larger(y, value)
        if grid.mean:
            y = total(y, column)
    if grid.mean:
        y = quotient(y, repeated(like, count))
    store(into, y)


@inner
def pool_rows(x, grid, counts, lowest, out, start, stop):
    """Pool x (batch, height, width, channels) to lines `start` to `stop` of out, those of all
    images counted on. `counts` are counts_of, and `lowest` is LOWEST."""
    channels, least = x.shape[3], address(lowest)
    base, to, divisors = address(x), address(out), address(counts)
    for line in range(start, stop):
        image, at = line // out.shape[1], line % out.shape[1]
        source = base + 4 * channels * grid.height * grid.width * image
        i = at * grid.stride_y - grid.top
        down = _inside(grid.height, i, grid.kernel_height, grid.dilation_y)
        for place in range(out.shape[2]):
            j = place * grid.stride_x - grid.left
            across = _inside(grid.width, j, grid.kernel_width, grid.dilation_x)
            into = to + 4 * channels * (line * out.shape[2] + place)
            count = divisors + 4 * (at * out.shape[2] + place)
            c = 0
            while c + 32 <= channels:
                y, z = source + 4 * c, into + 4 * c
                _window(lanes(32), y, channels, grid, i, j, down, across, least, count, z)
                c += 32
            while c + 8 <= channels:
                y, z = source + 4 * c, into + 4 * c
                _window(lanes(8), y, channels, grid, i, j, down, across, least, count, z)
                c += 8
            while c < channels:
                y, z = source + 4 * c, into + 4 * c
                _window(lanes(1), y, channels, grid, i, j, down, across, least, count, z)
                c += 1
