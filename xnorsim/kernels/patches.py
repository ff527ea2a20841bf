"""Patches of packed images: im2col on words, and where on the border a patch reads padding.

A patch is what one filter covers at one position: taps in row-major order, each with the words of
a group's channels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.core import cgutils

from xnorsim.kernels.compiled import (
    at,
    constant,
    inner,
    intrinsic,
    load,
    store,
    vector,
)
from xnorsim.network.extents import window_output
from xnorsim.network.ops import Conv

__all__ = ["Window", "border", "gather", "is_plain", "window_of"]

Array = np.ndarray


class Window(NamedTuple):
    """A convolution's geometry as compiled code reads it: sizes in positions and taps."""

    height: int
    width: int
    out_height: int
    out_width: int
    kernel_height: int
    kernel_width: int
    stride_y: int
    stride_x: int
    top: int
    left: int
    dilation_y: int
    dilation_x: int


def window_of(op: Conv, height: int, width: int) -> Window:
    """The geometry of `op` over images of height x width.

    Raises:
        ShapeError: the window is larger than the padded image.
    """
    size = (height, width)
    axes = zip(size, op.kernel, op.stride, op.padding, op.dilation, strict=True)
    out = (window_output(*axis) for axis in axes)
    before = (pads[0] for pads in op.padding)
    return Window(*size, *out, *op.kernel, *op.stride, *before, *op.dilation)


def is_plain(op: Conv) -> bool:
    """Whether patches are the positions themselves: 1x1, stride 1, no padding."""
    return set(op.kernel) == set(op.stride) == {1} and not any(map(any, op.padding))


def border(window: Window) -> tuple[Array, Array]:
    """Which taps are missing where: int32 (positions), a class each, and bool (classes, taps).

    Positions of one class miss the same taps. On both axes there are few classes, in the middle
    one that misses none.
    """
    w = window
    y, rows = _missing(w.height, w.out_height, w.kernel_height, w.stride_y, w.top, w.dilation_y)
    x, columns = _missing(w.width, w.out_width, w.kernel_width, w.stride_x, w.left, w.dilation_x)
    classes = rows[:, None] * len(x) + columns
    missing = y[:, None, :, None] | x[None, :, None, :]
    return classes.astype(np.int32).reshape(-1), missing.reshape(len(y) * len(x), -1)


def _missing(
    size: int, out: int, kernel: int, stride: int, before: int, dilation: int
) -> tuple[Array, Array]:
    """Along one axis: the ways in which taps are missing (ways, taps), and each position's."""
    at = np.arange(out)[:, None] * stride - before + np.arange(kernel) * dilation
    ways, which = np.unique((at < 0) | (at >= size), axis=0, return_inverse=True)
    return ways, which.reshape(-1)


@inner
def gather(base, wide, window, pad, start, stop, to):
    """The patches of positions `start` to `stop` to the address `to`, one after the other.

    From the address `base` on lie the positions of all images, `wide` words each; at `pad` are the
    words of a tap in the padding.
    """
    w = window
    each = w.out_height * w.out_width
    tap = 8 * wide  # bytes
    run = tap * w.kernel_width
    for position in range(start, stop):
        image, place = position // each, position % each
        top = place // w.out_width * w.stride_y - w.top
        left = place % w.out_width * w.stride_x - w.left
        inside = w.dilation_x == 1 and left >= 0 and left + w.kernel_width <= w.width
        for y in range(top, top + w.kernel_height * w.dilation_y, w.dilation_y):
            line = base + (image * w.height + y) * w.width * tap
            reads = 0 <= y < w.height
            if reads and inside:
                _copy(line + left * tap, to, wide * w.kernel_width)
                to += run
                continue
            for x in range(left, left + w.kernel_width * w.dilation_x, w.dilation_x):
                there = reads and 0 <= x < w.width
                _copy(line + x * tap if there else pad, to, wide)
                to += tap


@intrinsic
def _copy(_: Any, source: Any, to: Any, words: Any) -> Any:
    """So many words from one address to another, four at a time and then the rest."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, to, words = args
        fours = builder.lshr(words, constant(words.type, 2))
        whole = builder.shl(fours, constant(words.type, 2))
        parts = (fours, 4, constant(words.type, 0)), (builder.sub(words, whole), 1, whole)
        for count, lanes, first in parts:
            begin, end = (at(builder, base, first, 8) for base in (source, to))
            with cgutils.for_range(builder, count) as loop:
                found = load(builder, at(builder, begin, loop.index, 8 * lanes), vector(64, lanes))
                store(builder, found, at(builder, end, loop.index, 8 * lanes))
        return context.get_dummy_value()

    return types.void(*[types.intp] * 3), code
