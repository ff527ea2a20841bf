"""Weights that a file keeps as integers and scales, and that a layer reads as floats.

w = (code - zero point) * scale        float32, scales one for all or one along an axis
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from xnorsim.errors import ModelError
from xnorsim.network.graph import Parameter, TensorSpec
from xnorsim.network.precision import FLOAT32

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Quantized", "quantized_parameter", "quantized_parts"]


@dataclass(frozen=True, slots=True)
class Quantized:
    """The parts of such a weight: codes of any integer encoding; scales and zero points that
    broadcast to them, or vectors of one for each position along `axis`."""

    codes: Parameter
    scale: Parameter
    zero_point: Parameter | None = None
    axis: int = 0


def quantized_parameter(parts: Quantized) -> Parameter:
    """The float32 parameter that a layer reads; it is stored as its parts are."""
    own = [parts.codes, parts.scale] + ([parts.zero_point] if parts.zero_point else [])
    scales = {part.key for item in own[1:] for part in item.stored}
    held = {part.key: part for item in own for part in item.stored}
    known = all(item.load is not None for item in own)
    return Parameter(
        TensorSpec(parts.codes.spec.shape, FLOAT32),
        tuple(replace(part, is_scale=part.is_scale or key in scales) for key, part in held.items()),
        partial(_values, parts) if known else None,
        parts.codes.placeholder,
    )


def quantized_parts(parameter: Parameter) -> Quantized | None:
    """The parts that a parameter was made of by `quantized_parameter`; None for any other."""
    load = parameter.load
    return load.args[0] if isinstance(load, partial) and load.func is _values else None


def _values(parts: Quantized) -> np.ndarray:
    import numpy as np

    codes = _loaded(parts.codes)
    exact = codes.astype(np.float32 if parts.codes.spec.encoding.bits <= 16 else np.float64)
    if parts.zero_point is not None:
        exact = exact - _spread(_loaded(parts.zero_point).astype(exact.dtype), codes, parts.axis)
    scale = _spread(_loaded(parts.scale).astype(np.float32), codes, parts.axis)
    return exact.astype(np.float32) * scale


def _loaded(parameter: Parameter) -> np.ndarray:
    if parameter.load is None:
        raise ModelError("a quantized weight without values")
    return parameter.load()


def _spread(values: np.ndarray, like: np.ndarray, axis: int) -> np.ndarray:
    """Numbers where they broadcast to `like`."""
    if values.size == 1:
        return values.reshape(())
    if values.ndim > 1:
        return values
    return values.reshape(-1, *(1,) * (like.ndim - axis % like.ndim - 1))
