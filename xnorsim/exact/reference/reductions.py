"""Reductions over whole axes, and softmax.

Integers are reduced exactly (modulo 2^64), and then held in the type that the layer states; those
that need a root, a logarithm or a division are computed in float64, and their fraction is cut off.
Of no elements at all the result is the neutral one: 0 for a sum, -infinity for a maximum.

Source: ONNX, ReduceMax-20, ReduceSum-13, ReduceLogSumExp-18 and their like, ArgMax-13, Softmax-13.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xnorsim.exact.call import Call, operands
from xnorsim.exact.reference.dispatch import chosen, run
from xnorsim.exact.reference.widths import computed, extremes, held, is_float, reusable, wide
from xnorsim.network import ops
from xnorsim.network.functions import Reduction

__all__: list[str] = []

Array = np.ndarray
Axes = tuple[int, ...]


@run.register
@np.errstate(all="ignore")
def _(op: ops.Reduce, call: Call) -> tuple[Array, ...]:
    (data,) = operands(call, "input")
    if op.reduction in _INDICES:
        return held(call, _index(op, data.astype(wide(data.dtype), copy=False)))
    x, reduction = computed(call, data), chosen(_REDUCTIONS, op.reduction, "reduction")
    if is_float(x.dtype) or op.reduction in _EXACT:
        return held(call, reduction(x, op.axes, op.keepdims))
    result = reduction(x.astype(np.float64), op.axes, op.keepdims)
    return held(call, np.trunc(result).astype(x.dtype))


def _index(op: ops.Reduce, x: Array) -> Array:
    """Where the extreme is; the last of equal ones is the first one from the other end."""
    (axis,) = op.axes
    find = _INDICES[op.reduction]
    if not op.last:
        return find(x, axis=axis, keepdims=op.keepdims)
    return x.shape[axis] - 1 - find(np.flip(x, axis), axis=axis, keepdims=op.keepdims)


_INDICES: dict[Reduction, Callable[..., Array]] = {
    Reduction.ARG_MAX: np.argmax,
    Reduction.ARG_MIN: np.argmin,
}


def _max(x: Array, axes: Axes, keepdims: bool) -> Array:
    return np.max(x, axis=axes, keepdims=keepdims, initial=extremes(x.dtype)[0])


def _min(x: Array, axes: Axes, keepdims: bool) -> Array:
    return np.min(x, axis=axes, keepdims=keepdims, initial=extremes(x.dtype)[1])


def _mean(x: Array, axes: Axes, keepdims: bool) -> Array:
    return np.mean(x, axis=axes, keepdims=keepdims)


def _sum(x: Array, axes: Axes, keepdims: bool) -> Array:
    return np.sum(x, axis=axes, keepdims=keepdims)


def _product(x: Array, axes: Axes, keepdims: bool) -> Array:
    return np.prod(x, axis=axes, keepdims=keepdims)


def _l1(x: Array, axes: Axes, keepdims: bool) -> Array:
    return np.sum(np.abs(_exact(x)), axis=axes, keepdims=keepdims)


def _sum_square(x: Array, axes: Axes, keepdims: bool) -> Array:
    return np.sum(np.square(_exact(x)), axis=axes, keepdims=keepdims)


def _exact(x: Array) -> Array:
    """Signed integers as wide as numpy sums them: the square of an int8 does not fit into one."""
    return x.astype(np.uint64 if x.dtype.kind == "u" else np.int64) if x.dtype.kind in "iu" else x


def _l2(x: Array, axes: Axes, keepdims: bool) -> Array:
    return np.sqrt(_sum_square(x, axes, keepdims))


def _log_sum(x: Array, axes: Axes, keepdims: bool) -> Array:
    return np.log(_sum(x, axes, keepdims))


def _log_sum_exp(x: Array, axes: Axes, keepdims: bool) -> Array:
    """log sum e^x = m + log sum e^(x - m), with m the maximum so that nothing overflows."""
    highest = _max(x, axes, True)
    m = np.where(np.isfinite(highest), highest, x.dtype.type(0))
    result = m + np.log(np.sum(np.exp(x - m), axis=axes, keepdims=True))
    return result if keepdims else np.squeeze(result, axis=axes)


_REDUCTIONS: dict[Reduction, Callable[[Array, Axes, bool], Array]] = {
    Reduction.MAX: _max,
    Reduction.MIN: _min,
    Reduction.MEAN: _mean,
    Reduction.SUM: _sum,
    Reduction.PROD: _product,
    Reduction.L1: _l1,
    Reduction.L2: _l2,
    Reduction.SUM_SQUARE: _sum_square,
    Reduction.LOG_SUM: _log_sum,
    Reduction.LOG_SUM_EXP: _log_sum_exp,
}

_EXACT = {
    Reduction.MAX,
    Reduction.MIN,
    Reduction.SUM,
    Reduction.PROD,
    Reduction.L1,
    Reduction.SUM_SQUARE,
}
"""What of integers is an integer."""


@run.register
@np.errstate(all="ignore")
def _(op: ops.Softmax, call: Call) -> tuple[Array, ...]:
    """e^(x - max) / sum, or x - max - log sum e^(x - max): in this order, along the axis."""
    (data,) = operands(call, "input")
    x = np.atleast_1d(computed(call, data))
    axis = op.axis % x.ndim
    into = reusable(call, x.dtype, x.shape)
    shifted = np.subtract(x, x.max(axis=axis, keepdims=True), out=into)
    if op.logarithm:
        shifted -= np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
        return held(call, shifted.reshape(data.shape))
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=axis, keepdims=True)
    return held(call, shifted.reshape(data.shape))
