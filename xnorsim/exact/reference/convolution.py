"""Convolutions, plain and transposed: binary, Binary-Weight, float and integer.

Binary ones (+-1 x +-1) run on the call's engine; their sums are integers, and floats only scale
them afterwards (scaling.py). Integer ones are exact too. Float ones are sums of products in the
order of the BLAS library, which differs from machine to machine.
"""

from __future__ import annotations

from math import prod

import numpy as np

from xnorsim.errors import ModelError
from xnorsim.exact.call import Call, once, operands, optional
from xnorsim.exact.encodings import dtype_of
from xnorsim.exact.engines import (
    FLOAT32_SUMS,
    FLOAT64_SUMS,
    INTEGER_SUMS,
    WIDE_INTEGER_SUMS,
    Arithmetic,
)
from xnorsim.exact.reference.dispatch import run
from xnorsim.exact.reference.scaling import scaled, scatter
from xnorsim.exact.reference.windows import convolve, filter_matrix, output_size, valid_taps
from xnorsim.network import ops
from xnorsim.network.precision import BIPOLAR

__all__ = ["arithmetic_of", "centred", "finished", "number_sums"]

Array = np.ndarray


def arithmetic_of(call: Call, image: Array, weight: Array, k: int) -> Arithmetic:
    """The arithmetic of a layer's products, from operands as they come, zero points included.

    The scheme says whether they are binary.

    Raises:
        ModelError: a binary sum is too long for the engine to be exact.
    """
    scheme = call.scheme
    if scheme.weight == scheme.activation == BIPOLAR:
        if k >= call.engine.longest:
            others = "engine packed is exact to 2**30" if call.engine.name == "blas" else "split it"
            raise ModelError(
                f"its sums have k = {k} terms, and engine {call.engine.name} is exact below "
                f"{call.engine.longest} only: {others}"
            )
        return call.engine.arithmetic
    return number_sums(image, weight)


def number_sums(left: Array, right: Array) -> Arithmetic:
    """The arithmetic of products of numbers: exact for integers, else in float32 or float64."""
    if all(np.issubdtype(item.dtype, np.integer) or item.dtype == bool for item in (left, right)):
        wide = max(left.dtype.itemsize, right.dtype.itemsize) > 2
        return WIDE_INTEGER_SUMS if wide else INTEGER_SUMS
    return FLOAT64_SUMS if left.dtype == np.float64 else FLOAT32_SUMS


def centred(call: Call, role: str, values: Array, axis: int = 0) -> Array:
    """`values` less the zero point of `role`, if there is one, as int32.

    It is one number, a vector of one for each position along `axis` (filters, rows or columns), or
    an array that broadcasts.
    """
    zero = optional(call, f"{role}_zero_point")
    if zero is None:
        return values
    zero = zero.astype(np.int32)
    if zero.size == 1:
        zero = zero.reshape(())
    elif zero.ndim == 1:
        zero = zero.reshape(-1, *(1,) * (values.ndim - 1 - axis % values.ndim))
    return values.astype(np.int32) - zero


def finished(sums: Array, call: Call, op: ops.Weighted) -> tuple[Array, ...]:
    """The sums scaled, with their bias, in the type that the layer writes."""
    kind = dtype_of(call.outputs[0].encoding)
    bias = optional(call, "bias")
    if np.issubdtype(kind, np.integer):
        if bias is not None:
            sums = sums + bias.astype(sums.dtype).reshape(-1, *(1,) * (sums.ndim - 2))
        return (sums.astype(kind, copy=False),)
    return (scaled(sums, call, op).astype(kind, copy=False),)


@run.register
def _(op: ops.Conv, call: Call) -> tuple[Array, ...]:
    image, weight = operands(call, "input", "weight")
    k = prod(weight.shape[1:])
    arithmetic = arithmetic_of(call, image, weight, k)
    image, weight = centred(call, "input", image), centred(call, "weight", weight)
    filters = once(call, "filters", lambda: filter_matrix(weight, op.groups, arithmetic))
    sums = convolve(image, filters, op, arithmetic, call.tile)
    if op.pad_value == 0 and not arithmetic.holds_zero and any(map(any, op.padding)):
        places, taken = once(call, "padding", lambda: _padding_sums(weight, op, image.shape[2:]))
        sums.reshape(*sums.shape[:2], prod(sums.shape[2:]))[:, :, places] += taken
    return finished(sums, call, op)


def _padding_sums(weight: Array, op: ops.Conv, size: tuple[int, ...]) -> tuple[Array, Array]:
    """What makes zeros of a padding of -1: the flat positions on the border, and (filters, them).

    A tap on the padding has added -w for each of its weights. Sums of +-1 are exact in float64.
    """
    valid = valid_taps(op, size, output_size(op, size))
    places = np.flatnonzero(~valid.all(axis=0))
    taps = weight.sum(axis=1, dtype=np.float64).reshape(op.out_channels, -1)
    return places, (taps @ ~valid[:, places]).astype(np.int32)


@run.register
def _(op: ops.ConvTranspose, call: Call) -> tuple[Array, ...]:
    image, weight = operands(call, "input", "weight")
    batch, channels, *size = image.shape
    groups, inner = op.groups, channels // op.groups
    arithmetic = arithmetic_of(call, image, weight, inner)
    taps = prod(op.kernel)

    def turned() -> Array:  # each filter and tap becomes a filter of one tap
        split = weight.reshape(groups, inner, -1)
        return filter_matrix(split.swapaxes(1, 2).reshape(-1, inner, 1), groups, arithmetic)

    filters = once(call, "filters", turned)
    ones = (1,) * len(size)
    pointwise = ops.Conv(op.out_channels * taps, ones, ones, ((0, 0),) * len(size), ones, groups)
    spread = convolve(image, filters, pointwise, arithmetic, call.tile)
    return finished(scatter(spread.reshape(batch, groups, -1, taps, *size), op), call, op)
