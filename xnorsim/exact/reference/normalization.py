"""Normalizations: by stored statistics, by those of the data, and by neighbouring channels.

Source: ONNX, BatchNormalization-15, InstanceNormalization-22, GroupNormalization-21 (and -18),
LayerNormalization-17, RMSNormalization-23, LpNormalization-22, MeanVarianceNormalization-13,
LRN-13.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod

import numpy as np

from xnorsim.errors import ModelError, UnsupportedOpError
from xnorsim.exact.call import Call, once, operands, optional
from xnorsim.exact.reference.dispatch import chosen, run
from xnorsim.exact.reference.pooling import Track, window_sums
from xnorsim.exact.reference.widths import computed, held, reusable
from xnorsim.network import ops

__all__ = ["affine"]

Array = np.ndarray


@run.register
@np.errstate(all="ignore")
def _(op: ops.BatchNorm, call: Call) -> tuple[Array, ...]:
    """y = x * a + b for each channel, with a and b of `affine`: two roundings, in this order.

    Both are monotone, so y never falls as x rises where a >= 0, and never rises where a <= 0: what
    a sign after it computes is a threshold on x.
    """
    (data,) = operands(call, "input")
    x = computed(call, data)
    columns = (-1, *(1,) * (x.ndim - 2)) if x.ndim > 1 else (-1,)
    a, b = once(call, f"affine {x.dtype}", lambda: affine(op, call, x.dtype))
    y = np.multiply(x, a.reshape(columns), out=reusable(call, x.dtype, x.shape))
    return held(call, np.add(y, b.reshape(columns), out=y))


def affine(op: ops.BatchNorm, call: Call, kind: np.dtype) -> tuple[Array, Array]:
    """What a batch normalization is at inference, one pair of numbers a channel:

    a = scale / sqrt(variance + epsilon),  b = shift - mean * a.

    Every step is rounded to `kind`, as runtimes do that fold the statistics into a product.

    Raises:
        ModelError: variance + epsilon is not positive.
    """
    numbers = {"scale": 1, "shift": 0, "mean": 0, "variance": 1}
    given = ((optional(call, role), default) for role, default in numbers.items())
    scale, shift, mean, variance = (
        np.asarray(default if values is None else values).astype(kind) for values, default in given
    )
    spread = variance + kind.type(op.epsilon)
    wrong = np.flatnonzero(~(spread > 0))
    if wrong.size:
        raise ModelError(
            f"variance + epsilon ({op.epsilon:g}) has to be above 0: channel {wrong[0]} "
            f"({wrong.size} in all) has {np.atleast_1d(spread)[wrong[0]]:g}"
        )
    a = scale / np.sqrt(spread)
    b = shift - mean * a
    return np.atleast_1d(a), np.atleast_1d(b)


@run.register
@np.errstate(all="ignore")
def _(op: ops.Normalize, call: Call) -> tuple[Array, ...]:
    normalize = chosen(_FORMS, op.form, "normalization")
    (data,) = operands(call, "input")
    return held(call, *normalize(op, call, computed(call, data)))


def _standardized(op: ops.Normalize, x: Array, axes: tuple[int, ...]) -> tuple[Array, ...]:
    """(x - mean) * r, mean and r = 1 / sqrt(variance + epsilon); without mean if not centered."""
    mean = x.mean(axis=axes, keepdims=True) if op.centered else np.zeros((), x.dtype)
    distance = x - mean if op.centered else x
    variance = np.square(distance).mean(axis=axes, keepdims=True)
    r = 1 / np.sqrt(variance + x.dtype.type(op.epsilon))
    return distance * r, mean, r


def _scaled(call: Call, y: Array, place: Callable[[Array], Array]) -> Array:
    """y * scale + shift, each of them put where it broadcasts."""
    scale, shift = optional(call, "scale"), optional(call, "shift")
    if scale is not None:
        y = y * place(scale.astype(y.dtype))
    return y if shift is None else y + place(shift.astype(y.dtype))


def _over_trailing(op: ops.Normalize, call: Call, x: Array) -> tuple[Array, ...]:
    """Layer and RMS: scale and shift broadcast to the normalized axes, the last ones."""
    y, mean, r = _standardized(op, x, op.axes)
    return _scaled(call, y, lambda values: values), mean, r


def _over_channels(op: ops.Normalize, call: Call, x: Array) -> tuple[Array, ...]:
    """Instance and group: statistics for a stretch of channels; a scale each channel, or group."""
    channels, rest = x.shape[1], x.shape[2:]
    groups = channels if op.form == "instance" else op.groups
    cut = x.reshape(x.shape[0], groups, channels // groups, *rest)
    y, _, _ = _standardized(op, cut, tuple(range(2, cut.ndim)))

    def place(values: Array) -> Array:
        each = values if values.size == channels else np.repeat(values, channels // groups)
        return each.reshape(groups, channels // groups, *(1,) * len(rest))

    return (_scaled(call, y, place).reshape(x.shape),)


def _by_norm(op: ops.Normalize, call: Call, x: Array) -> tuple[Array, ...]:
    """x / (sum |x|^p)^(1/p); of zeros only it is 0."""
    norms = {
        1: lambda: np.abs(x).sum(axis=op.axes, keepdims=True),
        2: lambda: np.sqrt(np.square(x).sum(axis=op.axes, keepdims=True)),
    }
    if op.order not in norms:
        raise UnsupportedOpError(f"no normalization by the norm of order {op.order}: 1 and 2 are")
    norm = norms[op.order]()
    return (x / np.where(norm == 0, x.dtype.type(1), norm),)


def _by_deviation(op: ops.Normalize, call: Call, x: Array) -> tuple[Array, ...]:
    """Mean and variance: (x - mean) / (deviation + epsilon)."""
    distance = x - x.mean(axis=op.axes, keepdims=True)
    deviation = np.sqrt(np.square(distance).mean(axis=op.axes, keepdims=True))
    return (distance / (deviation + x.dtype.type(op.epsilon)),)


_FORMS: dict[str, Callable[[ops.Normalize, Call, Array], tuple[Array, ...]]] = {
    "layer": _over_trailing,
    "rms": _over_trailing,
    "instance": _over_channels,
    "group": _over_channels,
    "lp": _by_norm,
    "mean_variance": _by_deviation,
}


@run.register
@np.errstate(all="ignore")
def _(op: ops.LocalResponseNorm, call: Call) -> tuple[Array, ...]:
    """x / (bias + alpha / size * s) ** beta, s the sum of squares over channels around each.

    Of an even number of channels one more lies after it than before. Squares are added from the
    first channel to the last.
    """
    (data,) = operands(call, "input")
    x = computed(call, data)
    channels, places = x.shape[1], prod(x.shape[2:])
    flat = x.reshape(x.shape[0], channels, places)
    own = reusable(call, x.dtype, x.shape)
    result = np.empty(flat.shape, x.dtype) if own is None else flat
    around = Track(1, channels, channels, op.size, before=(op.size - 1) // 2)
    step = max(1, _BLOCK // channels)
    for image, start in product(range(len(flat)), range(0, places, step)):
        block = (slice(image, image + 1), slice(None), slice(start, start + step))
        s = window_sums(np.square(flat[block]), around)
        s *= op.alpha / op.size
        s += op.bias
        np.power(s, op.beta, out=s)
        np.divide(flat[block], s, out=result[block])
    return held(call, result.reshape(x.shape))


_BLOCK = 2**16
"""Elements whose sums of squares are held at a time, all channels of some positions."""
