"""Images resampled: each axis by itself, as a weighted sum of neighbours along it.

Source: ONNX, Resize-19; Keys, "Cubic convolution interpolation for digital image processing",
equation (4), for the cubic kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xnorsim.errors import UnsupportedOpError, choices
from xnorsim.exact.call import Call, operands
from xnorsim.exact.reference.dispatch import chosen, run
from xnorsim.network import ops

__all__: list[str] = []


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis: its size before and after, and the ends of the crop, 0 and 1 being the image's.

    `width` is the size after as the scale states it: a fraction, where `result` was rounded down.
    """

    size: int
    result: int
    width: float
    start: float
    end: float


@run.register
def _(op: ops.Resize, call: Call) -> tuple[np.ndarray, ...]:
    """The axes one after the other, the first one first.

    Interpolation is in float32 (float64 for float64), the taps added from left to right; integers
    are rounded to the nearest (ties to even) and saturated at the end. Where the crop of
    tf_crop_and_resize reaches beyond the image, the result is op.extrapolation.
    """
    (data,) = operands(call, "operand_0")
    kind, result, outside = data.dtype, data, []
    for at, axis in enumerate(_axes(op, data.shape)):
        x = _positions(op, axis)
        if axis.size == axis.result and np.array_equal(x, np.arange(axis.size)):
            continue
        if op.coordinates == "tf_crop_and_resize":
            outside.append((at, (x < 0) | (x > axis.size - 1)))
            x = np.clip(x, 0, axis.size - 1)
        result = _along(op, result, at, axis, x)
    result = _as(result, kind)
    for at, lost in outside:
        result[(slice(None),) * at + (lost,)] = kind.type(op.extrapolation)
    return (result,)


def _axes(op: ops.Resize, shape: tuple[int, ...]) -> list[_Axis]:
    widths: tuple[float, ...] = op.shape
    if op.scales:
        widths = tuple(size * scale for size, scale in zip(shape, op.scales, strict=True))
    rank = len(shape)
    roi = op.roi or (0.0,) * rank + (1.0,) * rank
    rows = zip(shape, op.shape, widths, roi[:rank], roi[rank:], strict=True)
    return [_Axis(*row) for row in rows]


def _as(result: np.ndarray, kind: np.dtype) -> np.ndarray:
    if result.dtype == kind:
        return result
    if kind.kind in "iu":
        ends = np.iinfo(kind)
        result = np.clip(np.rint(result), ends.min, ends.max)
    return result.astype(kind)


# Where in the input (0 is the first element's middle) each result element is sampled.


def _asymmetric(i: np.ndarray, axis: _Axis) -> np.ndarray:
    # Scales are float32 numbers in a file: what is a tie between two elements but for their
    # rounding (3 elements scaled by 0.6) becomes one again by rounding the quotient alike.
    return (i * axis.size / axis.width).astype(np.float32)


def _half_pixel(i: np.ndarray, axis: _Axis) -> np.ndarray:
    return _asymmetric(i + 0.5, axis) - 0.5


def _half_pixel_symmetric(i: np.ndarray, axis: _Axis) -> np.ndarray:
    return axis.size / 2 * (1 - axis.result / axis.width) + _half_pixel(i, axis)


def _pytorch_half_pixel(i: np.ndarray, axis: _Axis) -> np.ndarray:
    return _half_pixel(i, axis) if axis.result > 1 else np.zeros_like(i)


def _align_corners(i: np.ndarray, axis: _Axis) -> np.ndarray:
    # by the fraction, where the width is one: so ONNX's own cases have it
    return i * (axis.size - 1) / (axis.width - 1) if axis.result > 1 else np.zeros_like(i)


def _crop(i: np.ndarray, axis: _Axis) -> np.ndarray:
    last = axis.size - 1
    if axis.result == 1:
        return np.full_like(i, (axis.start + axis.end) * last / 2)
    return axis.start * last + i * (axis.end - axis.start) * last / (axis.result - 1)


_POSITIONS: dict[str, Callable[[np.ndarray, _Axis], np.ndarray]] = {
    "align_corners": _align_corners,
    "asymmetric": _asymmetric,
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "pytorch_half_pixel": _pytorch_half_pixel,
    "tf_crop_and_resize": _crop,
}


def _positions(op: ops.Resize, axis: _Axis) -> np.ndarray:
    positions = chosen(_POSITIONS, op.coordinates, "coordinates")
    return positions(np.arange(axis.result, dtype=np.float64), axis)


# What is read there.

_ROUNDINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ceil": np.ceil,
    "floor": np.floor,
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
}


def _linear(distance: np.ndarray, op: ops.Resize) -> np.ndarray:
    return np.maximum(1 - abs(distance), 0)


def _cubic(distance: np.ndarray, op: ops.Resize) -> np.ndarray:
    a, d = op.cubic, abs(distance)
    near = ((a + 2) * d - (a + 3)) * d**2 + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


# mode -> the weight of a neighbour at a distance, and the distance at which it ends
_KERNELS = {"linear": (_linear, 1), "cubic": (_cubic, 2)}


def _along(op: ops.Resize, data: np.ndarray, at: int, axis: _Axis, x: np.ndarray) -> np.ndarray:
    """`data` sampled at the positions `x` of axis `at`."""
    if op.mode == "nearest":
        rounded = chosen(_ROUNDINGS, op.rounding, "rounding")(x)
        picked = np.clip(rounded, 0, axis.size - 1)
        return np.take(data, picked.astype(np.intp), axis=at)
    if op.mode not in _KERNELS:
        raise UnsupportedOpError(f"no mode '{op.mode}': {choices(op.mode, ('nearest', *_KERNELS))}")
    taps, weights = _taps(op, axis, x)
    exact = np.float64 if data.dtype == np.float64 else np.float32
    data = data.astype(exact, copy=False)
    column = (slice(None),) + (None,) * (data.ndim - at - 1)
    parts = (
        np.take(data, taps[:, tap], axis=at) * weights[:, tap].astype(exact)[column]
        for tap in range(taps.shape[1])
    )
    result = next(parts)
    for part in parts:
        result += part
    return result


def _taps(op: ops.Resize, axis: _Axis, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which elements make each result element, and their weights: two arrays (result, taps).

    Taps beyond the ends read the element at the end, or nothing with `exclude_outside`. With
    `antialias` a reduction stretches the kernel over as many elements as become one.
    """
    kernel, radius = _KERNELS[op.mode]
    shrink = min(axis.width / axis.size, 1.0) if op.antialias else 1.0
    reach = int(np.ceil(radius / shrink))
    taps = np.floor(x[:, None]).astype(np.intp) + np.arange(1 - reach, 1 + reach)
    weights = kernel((taps - x[:, None]) * shrink, op)
    if op.antialias:
        weights /= weights.sum(axis=1, keepdims=True)
    if op.exclude_outside:
        weights = np.where((taps < 0) | (taps >= axis.size), 0, weights)
        weights /= weights.sum(axis=1, keepdims=True)
    return np.clip(taps, 0, axis.size - 1), weights
