"""Elementwise operators, comparisons and selection over broadcast operands.

Operands are taken to the type that the result is computed in, then combined from left to right.
Integers wrap around, and are divided toward zero as in C.

Source: ONNX operator specification, Add-14, Div-14, Mod-13, Pow-15, Mean-13, Where-16.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np

from xnorsim.exact.call import Call, operands
from xnorsim.exact.reference.dispatch import chosen, run
from xnorsim.exact.reference.widths import computed, held, is_float, reusable
from xnorsim.network import ops
from xnorsim.network.functions import Operator

__all__: list[str] = []

Array = np.ndarray


@run.register
@np.errstate(all="ignore")
def _(op: ops.Elementwise, call: Call) -> tuple[Array, ...]:
    count = len(call.inputs) + len(call.parameters)
    roles = ("left", "right", *(f"operand_{position}" for position in range(2, count)))
    given = operands(call, *roles[:count])
    if op.operator is Operator.POW:
        return held(call, _power(computed(call, given[0]), given[1]))
    values = [computed(call, item) for item in given]
    shape = np.broadcast_shapes(*(item.shape for item in values))
    return held(call, _OPERATORS[op.operator](values, reusable(call, values[0].dtype, shape)))


def _power(base: Array, exponent: Array) -> Array:
    """base ** exponent in the type of the base, an integer one exactly if it can be."""
    whole = not is_float(exponent.dtype) and (exponent.size == 0 or exponent.min() >= 0)
    if is_float(base.dtype) or whole:
        return np.power(base, exponent.astype(base.dtype))
    return np.power(base.astype(np.float64), exponent.astype(np.float64)).astype(base.dtype)


def _folded(ufunc: np.ufunc) -> Callable[[list[Array], Array | None], Array]:
    """`ufunc` over all operands, from left to right, into `out` if that is given."""

    def fold(values: list[Array], out: Array | None) -> Array:
        first, *rest = values
        # `out` may be any operand's memory, which only the last step no longer needs.
        *middle, last = rest or [None]
        total = reduce(ufunc, middle, first)
        return total if last is None else ufunc(total, last, out=out)

    return fold


_ADD = _folded(np.add)


def _divide(values: list[Array], out: Array | None) -> Array:
    left, right = values
    if is_float(left.dtype):
        return np.divide(left, right, out=out)
    return (left - np.fmod(left, right)) // right


def _mean(values: list[Array], out: Array | None) -> Array:
    total = np.asarray(_ADD(values, out))
    return total / len(values)


_OPERATORS: dict[Operator, Callable[[list[Array], Array | None], Array]] = {
    Operator.ADD: _ADD,
    Operator.SUB: _folded(np.subtract),
    Operator.MUL: _folded(np.multiply),
    Operator.DIV: _divide,
    Operator.MAX: _folded(np.maximum),
    Operator.MIN: _folded(np.minimum),
    Operator.MEAN: _mean,
    Operator.MOD: _folded(np.mod),
    Operator.FMOD: _folded(np.fmod),
}

_COMPARISONS: dict[str, np.ufunc] = {
    "equal": np.equal,
    "greater": np.greater,
    "less": np.less,
    "greater_or_equal": np.greater_equal,
    "less_or_equal": np.less_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
}


@run.register
def _(op: ops.Compare, call: Call) -> tuple[Array, ...]:
    compare = chosen(_COMPARISONS, op.operator, "comparison")
    return held(call, compare(*operands(call, "left", "right")))


@run.register
def _(op: ops.Select, call: Call) -> tuple[Array, ...]:
    condition, left, right = operands(call, "condition", "left", "right")
    return held(call, np.where(condition, computed(call, left), computed(call, right)))
