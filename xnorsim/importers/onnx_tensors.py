"""Tensors of an ONNX file: what they are, whether they are whole, and their values when asked.

A weight is decoded by `Parameter.load` alone; everything else here looks at dimensions, types and
lengths.
"""

from __future__ import annotations

import os
from functools import partial
from math import prod
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from xnorsim.errors import ModelError, ShapeError
from xnorsim.network.graph import MAX_ELEMENTS, Parameter, Stored, TensorSpec
from xnorsim.network.precision import ENCODINGS, Encoding

__all__ = [
    "ELEMENT_TYPES",
    "check_tensor",
    "element_type",
    "encoding_of",
    "external_file",
    "is_external",
    "stored_parameter",
    "tensor_spec",
    "type_proto",
]

_RENAMED = {"FLOAT": "float32", "DOUBLE": "float64"}


def _encodings() -> dict[int, Encoding]:
    types = dict(TensorProto.DataType.items())
    del types["UNDEFINED"]
    return {value: ENCODINGS[_RENAMED.get(name, name.lower())] for name, value in types.items()}


ELEMENT_TYPES = _encodings()
"""TensorProto.DataType -> Encoding, for every type that the installed onnx knows."""

_TYPE_OF = {encoding: value for value, encoding in ELEMENT_TYPES.items()}

# The typed field that holds a tensor's elements where raw_data does not.
_FIELDS = {
    "float32": "float_data",
    "complex64": "float_data",
    "float64": "double_data",
    "complex128": "double_data",
    "int64": "int64_data",
    "uint32": "uint64_data",
    "uint64": "uint64_data",
    "string": "string_data",
}


def encoding_of(where: str, data_type: int) -> Encoding:
    """The encoding of a TensorProto.DataType.

    Raises:
        ModelError: onnx knows no such type.
    """
    try:
        return ELEMENT_TYPES[data_type]
    except KeyError:
        raise ModelError(f"{where}: unknown element type {data_type}") from None


def element_type(encoding: Encoding) -> int:
    """The TensorProto.DataType of an encoding."""
    return _TYPE_OF[encoding]


def type_proto(spec: TensorSpec) -> onnx.TypeProto:
    """`spec` as onnx's shape inference takes it."""
    return onnx.helper.make_tensor_type_proto(element_type(spec.encoding), spec.shape)


def tensor_spec(where: str, tensor: TensorProto) -> TensorSpec:
    """Shape and encoding of a stored tensor.

    Raises:
        ModelError: an unknown type.
        ShapeError: a negative dimension, or more elements than a tensor can have.
    """
    spec = TensorSpec(tuple(tensor.dims), encoding_of(where, tensor.data_type))
    if any(size < 0 for size in spec.shape) or spec.elements > MAX_ELEMENTS:
        raise ShapeError(
            f"{where}: impossible shape {list(spec.shape)} (dimensions are at least 0, elements "
            f"at most {MAX_ELEMENTS})"
        )
    return spec


def is_external(tensor: TensorProto) -> bool:
    """Whether the values stand in another file."""
    return tensor.data_location == TensorProto.EXTERNAL


def check_tensor(where: str, tensor: TensorProto, folder: Path) -> TensorSpec:
    """The tensor's spec, if what the file holds for it is as long as its shape says.

    Raises:
        ModelError: data too short or too long, or external data outside of the model's folder.
        ShapeError: impossible dimensions.
    """
    spec = tensor_spec(where, tensor)
    if is_external(tensor):
        external_file(where, tensor, folder)
        return spec
    if tensor.HasField("raw_data"):
        found, expected, unit = len(tensor.raw_data), (spec.bits + 7) // 8, "bytes"
        if spec.encoding.name == "string":
            raise ModelError(f"{where}: raw data cannot hold strings")
    else:
        found, expected, unit = _typed_length(tensor, spec)
    if found != expected:
        raise ModelError(
            f"{where}: its data has {found} {unit}; {spec} takes {expected}: the file is damaged"
        )
    return spec


def _typed_length(tensor: TensorProto, spec: TensorSpec) -> tuple[int, int, str]:
    field = _FIELDS.get(spec.encoding.name, "int32_data")
    expected = spec.elements
    if spec.encoding.name.startswith("complex"):
        expected *= 2
    elif spec.encoding.bits in (2, 4):  # packed as in raw data
        expected = (spec.bits + 7) // 8
    return len(getattr(tensor, field)), expected, f"entries of {field}"


def external_file(where: str, tensor: TensorProto, folder: Path) -> tuple[Path, int, int | None]:
    """Path, offset [bytes] and length [bytes] of external data; the file is not opened.

    Raises:
        ModelError: the location lies outside of `folder`, by its text or through a symbolic link,
            or offset and length are no numbers.
    """
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    parts = PurePosixPath(location).parts
    windows = PureWindowsPath(location)
    outside = not parts or location.startswith("/") or ".." in (*parts, *windows.parts)
    outside = outside or bool(windows.drive) or windows.root != "" or "\0" in location
    path = folder / location if not outside else folder
    if outside or not _within(path, folder):
        raise ModelError(
            f"{where}: its external data '{location}' lies outside of the model's folder: refused"
        )
    try:
        offset = int(entries.get("offset", 0))
        length = int(entries["length"]) if "length" in entries else None
    except ValueError as fault:
        raise ModelError(f"{where}: offset or length of its external data: {fault}") from fault
    expected = (tensor_spec(where, tensor).bits + 7) // 8
    if offset < 0 or (length is not None and length != expected):
        raise ModelError(
            f"{where}: its external data (offset {offset}, length {length} bytes) does not fit "
            f"its shape, which takes {expected} bytes"
        )
    return path, offset, length


def _within(path: Path, folder: Path) -> bool:
    root = os.path.realpath(folder)
    return os.path.commonpath([root, os.path.realpath(path)]) == root


def stored_parameter(where: str, name: str, tensor: TensorProto, folder: Path) -> Parameter:
    """The parameter that a tensor of the file is; its values are decoded when loaded."""
    spec = check_tensor(where, tensor, folder)
    return Parameter(spec, (Stored(name, spec),), partial(load_tensor, where, tensor, folder))


def load_tensor(where: str, tensor: TensorProto, folder: Path) -> np.ndarray:
    """The values of a tensor of the file, decoded now.

    Raises:
        ModelError: external data that is missing, too short or outside of the folder, or values
            that onnx cannot decode.
    """
    if is_external(tensor):
        tensor = _with_external_data(where, tensor, folder)
    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as fault:
        raise ModelError(f"{where}: its values cannot be decoded: {fault}") from fault


def _with_external_data(where: str, tensor: TensorProto, folder: Path) -> TensorProto:
    path, offset, _ = external_file(where, tensor, folder)
    expected = (tensor_spec(where, tensor).bits + 7) // 8
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            data = stream.read(expected)
    except OSError as fault:
        raise ModelError(f"{where}: its external data cannot be read: {fault}") from fault
    if len(data) != expected:
        raise ModelError(
            f"{where}: its external data needs {expected} bytes at offset {offset} of {path}, "
            f"where {len(data)} are left"
        )
    return TensorProto(dims=tensor.dims, data_type=tensor.data_type, raw_data=data)


def filled(shape: tuple[int, ...], value: np.ndarray) -> np.ndarray:
    """What ConstantOfShape makes."""
    return np.full(shape, value.reshape(-1)[0], dtype=value.dtype)


def elements_of(shape: tuple[int, ...]) -> int:
    """The number of elements of a shape; 1 for a scalar."""
    return prod(shape)
