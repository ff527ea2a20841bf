"""Between encodings: sign, quantization, and casts.

Rounding is to the nearest, halves to even, unless a layer says otherwise. Integers saturate when
quantized and wrap around when cast. Floats of 8 bits saturate to their largest number, infinities
too, or else overflow to what their format has for it; those of 4 and 6 bits always saturate.

Source: ONNX, Cast-24, QuantizeLinear-24, DequantizeLinear-24, DynamicQuantizeLinear-11,
QLinearConv-10, QLinearMatMul-21.
"""

from __future__ import annotations

from collections.abc import Callable

import ml_dtypes
import numpy as np

from xnorsim.errors import ModelError
from xnorsim.exact.call import Call, operands, optional
from xnorsim.exact.encodings import dtype_of
from xnorsim.exact.reference.dispatch import chosen, run
from xnorsim.exact.reference.widths import held, is_float, wide
from xnorsim.network import ops
from xnorsim.network.precision import Meaning

__all__: list[str] = []

Array = np.ndarray


@run.register
def _(op: ops.Sign, call: Call) -> tuple[Array, ...]:
    """+1 where x >= 0, so for -0.0 too, else -1.

    Raises:
        ModelError: an input is NaN or infinite; the message has how many and where the first is.
    """
    (data,) = operands(call, "input")
    x = data.astype(wide(data.dtype), copy=False)
    if is_float(x.dtype):
        _check_finite(x)
    signs = np.asarray(np.greater_equal(x, 0)).view(np.int8)
    signs += signs  # in place: 0 and 1 become 0 and 2, then -1 and +1
    signs -= 1
    return held(call, signs)


def _check_finite(x: Array) -> None:
    """NaN and infinity show in the extremes, which need no array of their own."""
    if x.size == 0 or (np.isfinite(x.min()) and np.isfinite(x.max())):
        return
    wrong = ~np.isfinite(x)
    first = np.unravel_index(int(np.argmax(wrong)), x.shape)
    place = [int(index) for index in first]
    raise ModelError(
        f"{np.count_nonzero(wrong)} of the {x.size} numbers whose sign is taken are NaN or "
        f"infinite, the first at {place} ({x[first]}): expected finite numbers"
    )


@run.register
@np.errstate(all="ignore")
def _(op: ops.Quantize, call: Call) -> tuple[Array, ...]:
    """round(x / scale) + zero point, saturated; x / scale in float32.

    An accumulator is round(x * (input scale * weight scale / scale)) + zero point, the zero points
    of its operands being part of the product before.
    """
    if op.dynamic:
        return _dynamic(op, call)
    data, scale = operands(call, "input", "scale")
    x, scale = _float32(data), _float32(scale)
    if optional(call, "input_scale") is None:
        quotient = x / _spread(scale, op, x.shape)
    else:
        (weight_scale,) = operands(call, "weight_scale")
        quotient = x * _multiplier(op, call, scale, _float32(weight_scale), x.shape)
    zero = optional(call, "zero_point")
    offset = np.float32(0) if zero is None else _spread(_float32(zero), op, x.shape)
    return held(call, _stored(quotient, offset, op))


@run.register
@np.errstate(all="ignore")
def _(op: ops.Thresholds, call: Call) -> tuple[Array, ...]:
    """Comparisons x >= threshold, in float32 or, of integers, exactly; their sum scaled."""
    data, thresholds = operands(call, "input", "thresholds")
    x = data.astype(wide(data.dtype), copy=False)
    levels = thresholds.reshape(*thresholds.shape[:1], *(1,) * (x.ndim - 2), thresholds.shape[1])
    passed = np.zeros(x.shape, np.int32)
    for level in np.moveaxis(levels, -1, 0):
        passed += x >= level
    if not is_float(dtype_of(op.to)):
        return held(call, passed * int(op.scale) + int(op.offset))
    return held(call, _float32(passed) * np.float32(op.scale) + np.float32(op.offset))


def _float32(values: Array) -> Array:
    return values.astype(np.float32, copy=False)


def _stored(quotient: Array, offset: Array | np.float32, op: ops.Quantize) -> Array:
    """A quotient as the number of an encoding that stands for it; its memory is used up."""
    to, kind = op.to, dtype_of(op.to)
    if to.meaning is Meaning.FLOAT:
        return _narrowed(quotient + offset, kind, op.saturate)
    if to.meaning not in (Meaning.INTEGER, Meaning.UNIPOLAR) or to.bits > 24:
        raise ModelError(f"it cannot quantize to {to}: only to integers up to 24 bits and floats")
    codes = np.asarray(quotient)
    chosen(_ROUNDINGS, op.rounding, "rounding")(codes)
    codes += offset
    np.clip(codes, *_limits(op), out=codes)
    return codes.astype(wide(kind)).astype(kind, copy=False)


def _limits(op: ops.Quantize) -> tuple[int, int]:
    """The least and the greatest number that `op` writes."""
    bits = op.to.bits
    if op.to.name.startswith("u"):
        return 0, 2**bits - 1
    return -(2 ** (bits - 1)) + int(op.narrow), 2 ** (bits - 1) - 1


def _half_away(codes: Array) -> None:
    whole = np.trunc(codes)
    np.copyto(codes, whole + np.copysign(np.abs(codes - whole) >= np.float32(0.5), codes))


def _half_toward(codes: Array) -> None:
    whole = np.trunc(codes)
    np.copyto(codes, whole + np.copysign(np.abs(codes - whole) > np.float32(0.5), codes))


def _away(codes: Array) -> None:
    np.copyto(codes, np.copysign(np.ceil(np.abs(codes)), codes))


_ROUNDINGS: dict[str, Callable[[Array], object]] = {
    "round": lambda codes: np.rint(codes, out=codes),
    "ceil": lambda codes: np.ceil(codes, out=codes),
    "floor": lambda codes: np.floor(codes, out=codes),
    "up": _away,
    "down": lambda codes: np.trunc(codes, out=codes),
    "half_up": _half_away,
    "half_down": _half_toward,
}
"""What makes integers of numbers, in place, by the word of an op."""


def _multiplier(
    op: ops.Quantize, call: Call, scale: Array, weight_scale: Array, shape: tuple[int, ...]
) -> Array:
    """input scale * weight scale / scale. The weight's has one number or one along `op.axis`
    (filters, columns), the input's one or one along the axis before it (rows of a matrix)."""
    (given,) = operands(call, "input_scale")
    rows = ops.Quantize(op.to, op.axis - 1 if op.axis else 0)
    product = _spread(_float32(given), rows, shape) * _spread(weight_scale, op, shape)
    return product / _spread(scale, op, shape)


def _spread(values: Array, op: ops.Quantize | ops.Dequantize, shape: tuple[int, ...]) -> Array:
    """Scales or zero points where they broadcast to `shape`: one for all, one for each position
    along the axis, or one for each block of positions there.

    Raises:
        ModelError: their number does not fit.
    """
    if values.size == 1:
        return values.reshape(())
    axis = op.axis % len(shape)
    if op.block:
        repeated = np.repeat(values, op.block, axis)
        return repeated[(slice(None),) * axis + (slice(shape[axis]),)]
    if values.ndim > 1:
        return values
    if values.size != shape[axis]:
        raise ModelError(
            f"{values.size} scales or zero points do not fit axis {axis} of {list(shape)}"
        )
    return values.reshape(-1, *(1,) * (len(shape) - axis - 1))


def _dynamic(op: ops.Quantize, call: Call) -> tuple[Array, ...]:
    """Scale and zero point from the data's extremes, so that 0 is exact; then the conversion."""
    data, high, low = operands(call, "input", "high", "low")
    limits = ml_dtypes.iinfo(dtype_of(op.to))
    least, most = np.float32(limits.min), np.float32(limits.max)
    top = np.maximum(_float32(high).reshape(()), np.float32(0))
    bottom = np.minimum(_float32(low).reshape(()), np.float32(0))
    extent = top - bottom
    scale = extent / (most - least) if extent else np.float32(1)  # of zeros only: open; any will do
    zero = np.rint(np.clip(least - bottom / scale, least, most))
    y = _stored(_float32(data) / scale, np.float32(zero), op)
    kind = dtype_of(call.outputs[2].encoding) if len(call.outputs) > 2 else np.dtype(np.uint8)
    return held(call, y, np.asarray(scale), np.asarray(zero).astype(kind))


@run.register
@np.errstate(all="ignore")
def _(op: ops.Dequantize, call: Call) -> tuple[Array, ...]:
    """(x - zero point) * scale: the difference exactly, the product in float32."""
    data, scale = operands(call, "input", "scale")
    exact = np.float32 if data.dtype.itemsize < 4 else np.float64
    x = data.astype(exact)
    zero = optional(call, "zero_point")
    if zero is not None:
        x -= _spread(zero.astype(exact), op, x.shape)
    y = _float32(x)
    y *= _spread(_float32(scale), op, x.shape)
    return held(call, y)


@run.register
@np.errstate(all="ignore")
def _(op: ops.Cast, call: Call) -> tuple[Array, ...]:
    """The same value where the encoding has it. Floats lose their fraction as integers (what does
    not fit is undefined); complex numbers lose their imaginary part."""
    (data,) = operands(call, "input")
    kind = dtype_of(op.to)
    if data.dtype == kind:
        return (data,)
    x = np.real(data) if kind.kind != "c" else data
    if is_float(kind):
        return (_narrowed(x, kind, op.saturate),)
    if wide(kind) != kind and is_float(x.dtype):
        x = np.trunc(x.astype(np.float64)).astype(np.int64)
    return (x.astype(kind),)


def _narrowed(x: Array, kind: np.dtype, saturate: bool) -> Array:
    """`x` in a float type, by way of float32 unless it is one that numpy has."""
    if kind.itemsize > 1:
        return x.astype(kind, copy=False)
    x = x if x.dtype == np.float64 else _float32(x)
    if kind.name == "float8_e8m0fnu":
        return _power_of_two(x, saturate)
    if saturate:
        limits = ml_dtypes.finfo(kind)
        x = np.clip(x, float(limits.min), float(limits.max))
    return x.astype(kind)


_E8M0_BIAS, _E8M0_NAN = 127, 255


def _power_of_two(x: Array, saturate: bool) -> Array:
    """The next power of two from `x` on, as its exponent alone. Source: ONNX, Cast-24, round_mode
    "up"; OCP Microscaling Formats 1.0, section 5.4.1 (E8M0)."""
    fraction, exponent = np.frexp(x)  # x = fraction * 2**exponent, 0.5 <= fraction < 1
    code = exponent - (fraction == 0.5) + _E8M0_BIAS
    code = np.where(x == 0, 0, np.where(np.isinf(x), _E8M0_NAN, code))
    beyond = _E8M0_NAN - 1 if saturate else _E8M0_NAN
    code = np.where(code >= _E8M0_NAN, beyond, np.maximum(code, 0))
    return np.where(np.isnan(x), _E8M0_NAN, code).astype(np.uint8).view(ml_dtypes.float8_e8m0fnu)
