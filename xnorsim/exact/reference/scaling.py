"""From a binary layer's integers to its floats: alpha, K and bias (XNOR-Net, section 3.2).

y = (float32(dot) * alpha) * K + bias       float32, in this order
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from math import prod

import numpy as np

from xnorsim.errors import UnsupportedOpError
from xnorsim.exact.call import Call, optional
from xnorsim.exact.reference.windows import output_size, valid_taps
from xnorsim.network.ops import Conv, ConvTranspose, Dense, Weighted
from xnorsim.network.precision import Border, Scaling

__all__ = ["input_scale", "scaled", "scatter"]

Array = np.ndarray


def scaled(dots: Array, call: Call, op: Weighted) -> Array:
    """`dots` (batch, filters, ...) times alpha and K, plus bias, as far as the layer has them.

    Integers are first rounded to float32, which changes them beyond 2**24 only. The result takes
    the memory of `dots`.
    """
    scheme = call.scheme
    if dots.dtype == np.int32:
        dots = _rounded(dots)
    column = (-1, *(1,) * (dots.ndim - 2))
    if scheme.scaling is not Scaling.NONE and "alpha" in call.parameters:
        dots *= call.parameters["alpha"].reshape(column)
    if scheme.scaling is Scaling.ALPHA_K:
        image = call.parameters.get("unsigned", call.inputs[-1])
        K = input_scale(image, op, scheme.border)
        grouped = dots.reshape(dots.shape[0], K.shape[1], -1, *dots.shape[2:])
        grouped *= K[:, :, None]
    bias = optional(call, "bias")
    if bias is not None:
        dots += bias.reshape(column)
    return dots


_BLOCK = 2**14
"""Elements for which there is a second copy at a time."""


def _rounded(dots: Array) -> Array:
    """Integers as float32 in their own memory, a block of filters after the other."""
    floats = dots.view(np.float32)
    step = max(1, _BLOCK * dots.shape[1] // max(dots.size, 1))
    for start in range(0, dots.shape[1], step):
        block = slice(start, start + step)
        floats[:, block] = dots[:, block].astype(np.float32)
    return floats


def input_scale(image: Array, op: Weighted, border: Border) -> Array:
    """The map K of an input (batch, channels, *size): float32 (batch, groups, *positions).

    A is the mean of |I| over the channels of a group. K is A under a box filter of 1 / taps, with
    the stride, padding and dilation of the layer; on the border the mean is over all taps, with
    zeros in the padding, or over those that read an input. A transposed layer spreads A over its
    taps. A dense layer has the one mean of its features, beta.

    Source: Rastegari et al., "XNOR-Net", section 3.2, equation 11.
    """
    groups = getattr(op, "groups", 1)
    batch, channels, *size = image.shape
    return _spread(
        op, _mean_magnitude(image.reshape(batch, groups, channels // groups, *size)), border
    )


def _mean_magnitude(image: Array) -> Array:
    """The mean of |I| over axis 2, summed by blocks of channels from the first to the last."""
    channels = image.shape[2]
    step = max(1, _BLOCK * channels // max(image.size, 1))
    total = np.zeros((*image.shape[:2], *image.shape[3:]), np.float32)
    for start in range(0, channels, step):
        block = np.abs(image[:, :, start : start + step], dtype=np.float32)
        total += block.sum(axis=2, dtype=np.float32)
    total /= np.float32(channels)
    return total


@singledispatch
def _spread(op: Weighted, A: Array, border: Border) -> Array:
    """A as K: the mean under each position of the layer's filter."""
    raise UnsupportedOpError(f"scaling._spread has no rule for {type(op).__name__}")


@_spread.register
def _(op: Dense, A: Array, border: Border) -> Array:
    return A


@_spread.register
def _(op: Conv, A: Array, border: Border) -> Array:
    # the box filter as a sum over taps in row-major order, then one division
    size = A.shape[2:]
    out = output_size(op, size)
    padded = np.pad(A, ((0, 0), (0, 0), *op.padding))
    total = np.zeros((*A.shape[:2], *out), np.float32)
    for tap in np.ndindex(op.kernel):
        total += padded[(slice(None), slice(None), *window_slices(op, tap, out))]
    if border is Border.ZERO:
        return total / np.float32(prod(op.kernel))
    count = valid_taps(op, size, out).sum(axis=0).reshape(out)
    return total / np.maximum(count, 1).astype(np.float32)


@_spread.register
def _(op: ConvTranspose, A: Array, border: Border) -> Array:
    taps = prod(op.kernel)
    each = (A / np.float32(taps))[:, :, None, None]
    return scatter(np.broadcast_to(each, (*A.shape[:2], 1, taps, *A.shape[2:])), op)


def window_slices(
    op: Conv | ConvTranspose, tap: Sequence[int], positions: Sequence[int]
) -> tuple[slice, ...]:
    """Where in the padded image one tap lies for all window positions, an axis after the other."""
    axes = zip(tap, positions, op.stride, op.dilation, strict=True)
    return tuple(
        slice(at * dilation, at * dilation + stride * (count - 1) + 1, stride)
        for at, count, stride, dilation in axes
    )


def scatter(spread: Array, op: ConvTranspose) -> Array:
    """A transposed convolution's result from what each input position adds to it.

    `spread` is (batch, groups, filters, taps, *size): position i adds its tap t to the result at
    i * stride + t * dilation - before. Taps are added in row-major order.
    """
    batch, groups, filters, _, *size = spread.shape
    extra = op.output_padding or (0,) * len(size)
    full = [
        stride * (length - 1) + dilation * (kernel - 1) + 1 + more
        for length, kernel, stride, dilation, more in zip(
            size, op.kernel, op.stride, op.dilation, extra, strict=True
        )
    ]
    total = np.zeros((batch, groups, filters, *full), spread.dtype)
    for number, tap in enumerate(np.ndindex(op.kernel)):
        total[(..., *window_slices(op, tap, size))] += spread[:, :, :, number]
    cut = tuple(
        slice(before, length - after)
        for (before, after), length in zip(op.padding, full, strict=True)
    )
    return total[(..., *cut)].reshape(batch, groups * filters, *total[(0, 0, 0, *cut)].shape)
