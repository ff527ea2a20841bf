"""Activation: a function of each element.

Defaults of constants are those of the ONNX operator of the same name. Floats follow IEEE 754: the
logarithm of 0 is -infinity, and what overflows is infinite.

Source: ONNX operator specification, opset 24.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import erf, expit

from xnorsim.exact.call import Call, operands
from xnorsim.exact.reference.dispatch import run
from xnorsim.exact.reference.widths import computed, held, reusable
from xnorsim.network import ops
from xnorsim.network.functions import Function

__all__: list[str] = []

Array = np.ndarray


@run.register
@np.errstate(all="ignore")
def _(op: ops.Activation, call: Call) -> tuple[Array, ...]:
    roles = ("input", "slope") if op.function is Function.PRELU else ("input",)
    x, *others = (computed(call, values) for values in operands(call, *roles))
    constants = dict(op.constants)
    if op.function in _IN_PLACE:
        result = _IN_PLACE[op.function](x, out=reusable(call, x.dtype, x.shape), **constants)
    else:
        result = _FORMULAS[op.function](x, *others, **constants)
    return held(call, result)


def _relu(x: Array, out: Array | None) -> Array:
    return np.maximum(x, 0, out=out)


def _clip(x: Array, out: Array | None, min: float | None = None, max: float | None = None) -> Array:
    """min(max(x, min), max): where the bounds cross, the upper one wins."""
    if min is not None:
        x = np.asarray(np.maximum(x, _bound(min, x.dtype), out=out))
        out = x
    if max is not None:
        x = np.minimum(x, _bound(max, x.dtype), out=out)
    return x


def _bound(value: float, kind: np.dtype) -> np.generic:
    """A bound as a number of this type: integers have none beyond their own."""
    if kind.kind in "iu":
        info = np.iinfo(kind)
        return kind.type(int(np.clip(value, info.min, info.max)))
    return kind.type(value)


def _affine(x: Array, alpha: float = 1.0, beta: float = 0.0) -> Array:
    return alpha * x + beta


def _celu(x: Array, alpha: float = 1.0) -> Array:
    return np.maximum(x, 0) + np.minimum(alpha * np.expm1(x / alpha), 0)


def _elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x < 0, alpha * np.expm1(np.minimum(x, 0)), x)


def _gelu(x: Array) -> Array:
    return 0.5 * x * (1 + erf(x * float(np.sqrt(0.5))))


def _gelu_tanh(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(float(np.sqrt(2 / np.pi)) * (x + 0.044715 * x**3)))


def _hard_sigmoid(x: Array, alpha: float = 0.2, beta: float = 0.5) -> Array:
    return np.clip(alpha * x + beta, 0, 1)


def _hard_swish(x: Array) -> Array:
    return x * _hard_sigmoid(x, 1 / 6, 0.5)


def _leaky_relu(x: Array, alpha: float = 0.01) -> Array:
    return _prelu(x, x.dtype.type(alpha))


def _mish(x: Array) -> Array:
    return x * np.tanh(_softplus(x))


def _prelu(x: Array, slope: Array | np.generic) -> Array:
    """slope * x where x < 0, else x."""
    result = np.asarray(slope * x)
    np.copyto(result, x, where=x >= 0)
    return result


def _scaled_tanh(x: Array, alpha: float = 1.0, beta: float = 1.0) -> Array:
    return alpha * np.tanh(beta * x)


def _selu(x: Array, alpha: float = 1.6732632423543772, gamma: float = 1.0507009873554805) -> Array:
    return gamma * _elu(x, alpha)


def _shrink(x: Array, bias: float = 0.0, lambd: float = 0.5) -> Array:
    moved = np.where(x < -lambd, x + bias, np.where(x > lambd, x - bias, 0))
    return moved.astype(x.dtype)  # integers too: the fraction is cut off


def _silu(x: Array, alpha: float = 1.0) -> Array:
    return x * expit(alpha * x)


def _softplus(x: Array) -> Array:
    """log(e^x + 1), which e^x must not overflow."""
    return np.logaddexp(x, x.dtype.type(0))


def _softsign(x: Array) -> Array:
    return x / (1 + np.abs(x))


def _thresholded_relu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > alpha, x, x.dtype.type(0))


# What can write where it reads; numpy's and scipy's own functions take `out` too.
_IN_PLACE: dict[Function, Callable[..., Array]] = {
    Function.ABS: np.abs,
    Function.ACOS: np.arccos,
    Function.ACOSH: np.arccosh,
    Function.ASIN: np.arcsin,
    Function.ASINH: np.arcsinh,
    Function.ATAN: np.arctan,
    Function.ATANH: np.arctanh,
    Function.CEIL: np.ceil,
    Function.CLIP: _clip,
    Function.COS: np.cos,
    Function.COSH: np.cosh,
    Function.ERF: erf,
    Function.EXP: np.exp,
    Function.FLOOR: np.floor,
    Function.LOG: np.log,
    Function.NEG: np.negative,
    Function.NOT: np.logical_not,
    Function.RECIPROCAL: np.reciprocal,
    Function.RELU: _relu,
    Function.ROUND: np.rint,  # halves to even
    Function.SIGMOID: expit,
    Function.SIGNUM: np.sign,
    Function.SIN: np.sin,
    Function.SINH: np.sinh,
    Function.SQRT: np.sqrt,
    Function.TAN: np.tan,
    Function.TANH: np.tanh,
}

_FORMULAS: dict[Function, Callable[..., Array]] = {
    Function.AFFINE: _affine,
    Function.CELU: _celu,
    Function.ELU: _elu,
    Function.GELU: _gelu,
    Function.GELU_TANH: _gelu_tanh,
    Function.HARD_SIGMOID: _hard_sigmoid,
    Function.HARD_SWISH: _hard_swish,
    Function.LEAKY_RELU: _leaky_relu,
    Function.MISH: _mish,
    Function.PRELU: _prelu,
    Function.SCALED_TANH: _scaled_tanh,
    Function.SELU: _selu,
    Function.SHRINK: _shrink,
    Function.SILU: _silu,
    Function.SOFTPLUS: _softplus,
    Function.SOFTSIGN: _softsign,
    Function.THRESHOLDED_RELU: _thresholded_relu,
}
