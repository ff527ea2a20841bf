"""Element types of ONNX, and tensors of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from xnorsim.network.precision import ENCODINGS, Encoding, Meaning

__all__ = [
    "ELEMENT_TYPES",
    "SINCE",
    "bits_in_file",
    "element_type",
    "has_type",
    "integers",
    "is_narrow",
    "tensor",
]

_RENAMED = {"FLOAT": "float32", "DOUBLE": "float64"}


def _encodings() -> dict[int, Encoding]:
    types = dict(TensorProto.DataType.items())
    del types["UNDEFINED"]
    return {value: ENCODINGS[_RENAMED.get(name, name.lower())] for name, value in types.items()}


ELEMENT_TYPES = _encodings()
"""TensorProto.DataType -> Encoding, for every type that the installed onnx knows."""

_TYPE_OF = {encoding: value for value, encoding in ELEMENT_TYPES.items()}

SINCE = {"float4e2m1": 23, "float8e8m0": 24, "int2": 25, "uint2": 25}
"""The opset that brought an element type, where it is a late one. Source: ONNX, Cast-23 to -25."""

_NARROW = frozenset({Meaning.BIPOLAR, Meaning.UNIPOLAR, Meaning.TERNARY})


def is_narrow(encoding: Encoding) -> bool:
    """Whether it is +-1, {0, 1} or {-1, 0, +1}: no type of ONNX, and float32 in QONNX."""
    return encoding.meaning in _NARROW


def has_type(encoding: Encoding) -> bool:
    """Whether ONNX has a type for just this encoding."""
    return encoding in _TYPE_OF


def element_type(encoding: Encoding) -> int | None:
    """The TensorProto.DataType that holds an encoding; None where there is none.

    Narrow ones are floats, integers of other widths lie in the next wider type.
    """
    if is_narrow(encoding):
        return int(TensorProto.FLOAT)
    if encoding in _TYPE_OF or encoding.meaning is not Meaning.INTEGER:
        return _TYPE_OF.get(encoding)
    sign = encoding.name.rstrip("0123456789")
    wide = next(bits for bits in (8, 16, 32, 64) if bits >= encoding.bits)
    return _TYPE_OF[ENCODINGS[f"{sign}{wide}"]]


def bits_in_file(encoding: Encoding) -> int:
    """What one element takes in a file [bit]."""
    return 32 if is_narrow(encoding) else encoding.bits


def tensor(values: np.ndarray, name: str, encoding: Encoding | None = None) -> TensorProto:
    """The values as a tensor of a file, in the type that holds their encoding if that is given."""
    kind = None if encoding is None else element_type(encoding)
    values = np.asarray(values)
    if kind is not None and encoding is not None and encoding.meaning is not Meaning.TEXT:
        values = values.astype(helper.tensor_dtype_to_np_dtype(kind), copy=False)
    return numpy_helper.from_array(np.ascontiguousarray(values).reshape(values.shape), name)


def integers(values: Sequence[int], name: str) -> TensorProto:
    """A vector of int64, as operators take shapes and axes."""
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], [int(v) for v in values])
