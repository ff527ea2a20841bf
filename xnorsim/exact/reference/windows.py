"""Convolutions as matrix products: columns of windows, a tile of output rows at a time.

    result[n, f, p] = sum over channels c and taps t of filter[f, c, t] * window[n, c, t, p]

The columns of a whole layer would take taps times the memory of its input, so they are made for
as many rows (positions along the first spatial axis) as fit into a tile.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import pairwise
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from xnorsim.exact.engines import Arithmetic
from xnorsim.network.extents import window_extent, window_output
from xnorsim.network.ops import Conv

__all__ = ["convolve", "filter_matrix", "output_size", "valid_taps"]

Array = np.ndarray


def output_size(op: Conv, size: tuple[int, ...]) -> tuple[int, ...]:
    """The spatial shape of a convolution's result."""
    axes = zip(size, op.kernel, op.stride, op.padding, op.dilation, strict=True)
    return tuple(window_output(*axis) for axis in axes)


def filter_matrix(weight: Array, groups: int, arithmetic: Arithmetic) -> Array:
    """Weights (filters, channels / groups, *taps) as (groups, filters / groups, K)."""
    flat = weight.reshape(*weight.shape[:2], prod(weight.shape[2:]))
    stored = arithmetic.store(flat).astype(arithmetic.stored, copy=False)
    return np.ascontiguousarray(stored.reshape(groups, weight.shape[0] // groups, -1))


def convolve(image: Array, filters: Array, op: Conv, arithmetic: Arithmetic, tile: int) -> Array:
    """The sums of products of `image` (batch, channels, *size) under `filter_matrix`'s filters.

    The padding holds op.pad_value; where the arithmetic has no 0 for it, it holds -1, and the
    caller takes away again what these taps have added. Columns take up to `tile` bytes at a time.
    """
    batch, channels, *size = image.shape
    inner, out = channels // op.groups, output_size(op, tuple(size))
    k = inner * prod(op.kernel)
    stored = arithmetic.store(image.reshape(batch * op.groups, inner, *size))
    stored = stored.reshape(batch, op.groups, *stored.shape[1:])
    border = arithmetic.pad(op.pad_value, inner)
    result = np.empty((batch, *filters.shape[:2], prod(out)), arithmetic.result)
    for sample in range(batch):
        for rows in _tiles(stored, op, out, arithmetic, tile):
            columns = _columns(stored[sample], op, out, rows, border, arithmetic.stored)
            part = slice(rows.start * prod(out[1:]), rows.stop * prod(out[1:]))
            arithmetic.multiply(filters, columns, k, result[sample, :, :, part], tile)
            del columns  # or two tiles would live at once
    return result.reshape(batch, op.out_channels, *out)


def _tiles(
    stored: Array, op: Conv, out: tuple[int, ...], arithmetic: Arithmetic, tile: int
) -> Iterator[range]:
    """Ranges of output rows whose columns, and what they are made of, fit into a tile."""
    windows = prod(op.kernel) * prod(out[1:])
    slab = op.stride[0] * prod(
        n + sum(p) for n, p in zip(stored.shape[4:], op.padding[1:], strict=True)
    )
    row = prod(stored.shape[1:3]) * (windows + slab) * arithmetic.stored.itemsize
    parts = max(1, min(out[0], -(-row * out[0] // tile)))
    bounds = [out[0] * part // parts for part in range(parts + 1)]
    return (range(*bound) for bound in pairwise(bounds))


def _columns(
    stored: Array, op: Conv, out: tuple[int, ...], rows: range, border: Array, kind: np.dtype
) -> Array:
    """The windows of some output rows: (groups, channels x taps, positions)."""
    shape = stored.shape[:2]
    if prod(op.kernel) == prod(op.stride) == 1 and not any(map(any, op.padding)):
        part = stored[:, :, rows.start : rows.stop]
        return part.reshape(*shape, -1).astype(kind, copy=False)
    slab = _slab(stored, op, rows, border, kind)
    steps = slab.strides[2:]
    windows = as_strided(
        slab,
        (*shape, *op.kernel, len(rows), *out[1:]),
        (
            *slab.strides[:2],
            *(step * dilation for step, dilation in zip(steps, op.dilation, strict=True)),
            *(step * stride for step, stride in zip(steps, op.stride, strict=True)),
        ),
        writeable=False,
    )
    return windows.reshape(shape[0], shape[1] * prod(op.kernel), -1)


def _slab(stored: Array, op: Conv, rows: range, border: Array, kind: np.dtype) -> Array:
    """The input rows that some output rows read, with their padding, in the type of products."""
    (before, _), *others = op.padding
    size = stored.shape[2:]
    first = rows.start * op.stride[0] - before
    last = (rows.stop - 1) * op.stride[0] - before + window_extent(op.kernel[0], op.dilation[0])
    inside = range(max(first, 0), max(min(last, size[0]), 0))
    padded = [length + sum(pads) for length, pads in zip(size[1:], others, strict=True)]
    if len(inside) == last - first and not any(map(any, others)):
        return stored[:, :, inside.start : inside.stop].astype(kind, copy=False)
    slab = np.empty((*stored.shape[:2], last - first, *padded), kind)
    slab[...] = border.reshape(-1, *(1,) * len(size))
    middle = tuple(slice(b, b + length) for (b, _), length in zip(others, size[1:], strict=True))
    if inside:
        there = slice(inside.start - first, inside.stop - first)
        slab[(slice(None), slice(None), there, *middle)] = stored[:, :, inside.start : inside.stop]
    return slab


def valid_taps(op: Conv, size: tuple[int, ...], out: tuple[int, ...]) -> Array:
    """Whether a tap reads an input and no padding: bool (taps, positions)."""
    axes = []
    rows = zip(size, out, op.kernel, op.stride, op.padding, op.dilation, strict=True)
    for length, count, kernel, stride, (before, _), dilation in rows:
        at = np.arange(kernel)[:, None] * dilation + np.arange(count) * stride - before
        axes.append((at >= 0) & (at < length))
    valid = reduce(np.logical_and.outer, axes)  # (tap, position) of one axis after the other
    taps = range(0, 2 * len(size), 2)
    valid = valid.transpose(*taps, *(axis + 1 for axis in taps))
    return valid.reshape(prod(op.kernel), prod(out))
