"""Constants of a file as parameters, whose values are decoded when they are loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from xnorsim.errors import ModelError
from xnorsim.importers.stamps import Stamp
from xnorsim.importers.tflite.file import read_bytes
from xnorsim.importers.tflite.schema import Quantization, Tensor
from xnorsim.network.graph import Parameter, Stored, TensorSpec
from xnorsim.network.precision import FLOAT32, INT32, Encoding, Meaning
from xnorsim.network.quantized import Quantized, quantized_parameter, quantized_parts

__all__ = [
    "changed",
    "dequantized",
    "first_values",
    "made",
    "numbers",
    "reordered",
    "scales",
    "stored_parameter",
    "values_of",
    "zero_points",
]

LARGEST_SETTING = 4096
"""Elements of a constant that says how a layer works, such as a shape or axes."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a constant's values lie in its file."""

    source: Stamp
    where: str
    spec: TensorSpec
    offset: int
    length: int


def stored_parameter(source: Stamp, name: str, tensor: Tensor) -> Parameter:
    """The parameter that a constant of the file is; `name` is for messages."""
    where = f"{source.path.name}: tensor '{name}'"
    place = _Place(source, where, tensor.spec, tensor.offset, tensor.length or 0)
    return Parameter(tensor.spec, (Stored(_key(tensor), tensor.spec),), partial(_load, place))


def _key(tensor: Tensor) -> str:
    """Tensors of one buffer are stored once."""
    return f"buffer {tensor.buffer}" if tensor.buffer else f"tensor {tensor.index}"


def _load(place: _Place) -> np.ndarray:
    data = read_bytes(place.source, place.where, place.offset, place.length)
    return _decoded(place, data).reshape(place.spec.shape)


def first_values(parameter: Parameter, count: int) -> np.ndarray:
    """The first values of a stored float constant, flat, without reading the others."""
    place = parameter.load.args[0]  # pyright: ignore[reportOptionalMemberAccess, reportFunctionMemberAccess]
    length = min(place.length, count * place.spec.encoding.bits // 8)
    return _decoded(place, read_bytes(place.source, place.where, place.offset, length))


def _decoded(place: _Place, data: np.ndarray) -> np.ndarray:
    encoding = place.spec.encoding
    if encoding.meaning is Meaning.TEXT:
        raise ModelError(f"{place.where}: text and resources have no numbers")
    if encoding.bits == 4:
        return _nibbles(data, place.spec.elements)
    if encoding.name == "bfloat16":
        return (data.view("<u2").astype(np.uint32) << 16).view(np.float32)
    kind = np.dtype(encoding.name)
    return data.view(kind.newbyteorder("<")).astype(kind, copy=False)


def _nibbles(pairs: np.ndarray, count: int) -> np.ndarray:
    """Two 4-bit integers a byte, the low half first."""
    codes = np.stack([pairs & 15, pairs >> 4], axis=-1).reshape(-1)[:count].astype(np.int8)
    return np.where(codes > 7, codes - 16, codes).astype(np.int8)


def values_of(where: str, parameter: Parameter) -> np.ndarray:
    """The values of a constant that is a setting.

    Raises:
        ModelError: it is too large to be one.
    """
    if parameter.spec.elements > LARGEST_SETTING or parameter.load is None:
        raise ModelError(
            f"{where}: a setting of {parameter.spec.elements} elements (at most {LARGEST_SETTING})"
        )
    return parameter.load()


def numbers(where: str, parameter: Parameter) -> tuple[int, ...]:
    """A setting's values as integers, flat.

    Raises:
        ModelError: it is too large, or not of integers.
    """
    values = values_of(where, parameter)
    if values.dtype.kind not in "iu":
        raise ModelError(f"{where}: integers are expected in a setting, not {values.dtype}")
    return tuple(int(value) for value in values.reshape(-1))


def made(values: np.ndarray, encoding: Encoding, *stored: Stored) -> Parameter:
    """A parameter that is computed while the file is read; `stored` is what it is made of."""
    return Parameter(TensorSpec(values.shape, encoding), stored, partial(_shared, values))


def _shared(values: np.ndarray) -> np.ndarray:
    """Values that are kept, which nobody may write to; what is decoded anew is the caller's."""
    view = values.view()
    view.flags.writeable = False
    return view


def changed(
    parameter: Parameter,
    shape: Sequence[int],
    function: Callable[[np.ndarray], np.ndarray],
    encoding: Encoding | None = None,
) -> Parameter:
    """A parameter that is a function of another, computed when it is loaded."""
    spec = TensorSpec(tuple(shape), encoding or parameter.spec.encoding)
    load = None if parameter.load is None else partial(_changed, parameter.load, function)
    return replace(parameter, spec=spec, load=load)


def _changed(
    load: Callable[[], np.ndarray], function: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    return function(load())


def scales(tensor: Tensor, form: Quantization) -> Parameter:
    """The scales of a quantized tensor."""
    values = np.asarray(form.scales, np.float32)
    spec = TensorSpec(values.shape, FLOAT32)
    return made(values, FLOAT32, Stored(f"{_key(tensor)}.scale", spec, is_scale=True))


def zero_points(tensor: Tensor, form: Quantization, encoding: Encoding = INT32) -> Parameter | None:
    """The zero points of a quantized tensor; None where all are 0."""
    if not any(form.zero_points):
        return None
    values = np.asarray(form.zero_points, np.int32)
    spec = TensorSpec(values.shape, encoding)
    return made(values, encoding, Stored(f"{_key(tensor)}.zero_point", spec, is_scale=True))


def dequantized(parameter: Parameter, tensor: Tensor, form: Quantization) -> Parameter:
    """An integer constant as the floats that it stands for; the file stores integers and scales."""
    zero = zero_points(tensor, form, parameter.spec.encoding)
    return quantized_parameter(Quantized(parameter, scales(tensor, form), zero, form.axis))


def reordered(
    parameter: Parameter, shape: Sequence[int], turn: Callable[[np.ndarray], np.ndarray]
) -> Parameter:
    """A parameter with its axes in another order; of a quantized one its integers."""
    parts = quantized_parts(parameter)
    if parts is None:
        return changed(parameter, shape, turn)
    codes = changed(parts.codes, shape, turn)
    return quantized_parameter(replace(parts, codes=codes, axis=_turned_axis(parts, turn)))


def _turned_axis(parts: Quantized, turn: Callable[[np.ndarray], np.ndarray]) -> int:
    """The axis of the scales after a turn: along the others, nothing changes."""
    count, size = parts.scale.spec.elements, parts.codes.spec.shape
    if count == 1:
        return 0
    line = np.arange(count).reshape([-1 if at == parts.axis else 1 for at in range(len(size))])
    view = turn(np.broadcast_to(line, size))
    steps = zip(view.shape, view.strides, strict=True)
    return next(at for at, (n, step) in enumerate(steps) if n == count and step)
