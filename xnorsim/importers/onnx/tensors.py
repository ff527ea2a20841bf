"""Tensors of an ONNX file: what they are, whether they are whole, and their values when asked.

A weight is decoded by `Parameter.load` alone; everything else here looks at dimensions, types and
lengths.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from math import prod
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from xnorsim.errors import ModelError, ShapeError
from xnorsim.exporters.onnx.tensors import ELEMENT_TYPES
from xnorsim.exporters.onnx.tensors import element_type as type_of
from xnorsim.importers.onnx.wire import INSIDE
from xnorsim.importers.stamps import Stamp
from xnorsim.network.graph import MAX_ELEMENTS, Parameter, Stored, TensorSpec
from xnorsim.network.precision import Encoding

__all__ = [
    "ELEMENT_TYPES",
    "check_tensor",
    "element_type",
    "encoding_of",
    "external_file",
    "is_external",
    "load_tensor",
    "offset_inside",
    "opened",
    "states_size",
    "stored_parameter",
    "tensor_spec",
    "type_proto",
]

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


def states_size(dimension: onnx.TensorShapeProto.Dimension) -> bool:
    """Whether a dimension has a number: -1 is what some exporters write for an open one."""
    return dimension.HasField("dim_value") and dimension.dim_value != -1


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
    """The TensorProto.DataType that holds an encoding.

    Raises:
        ModelError: there is none.
    """
    found = type_of(encoding)
    if found is None:
        raise ModelError(f"onnx has no type for {encoding}")
    return found


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
    if min(spec.shape, default=0) < 0 or spec.elements > MAX_ELEMENTS:
        raise ShapeError(
            f"{where}: impossible shape {list(spec.shape)} (dimensions are at least 0, elements "
            f"at most {MAX_ELEMENTS})"
        )
    return spec


def is_external(tensor: TensorProto) -> bool:
    """Whether the values stand elsewhere: in another file, or further on in this one."""
    return tensor.data_location == TensorProto.EXTERNAL


def _entries(tensor: TensorProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in tensor.external_data}


def _bytes_of(spec: TensorSpec) -> int:
    return (spec.bits + 7) // 8


def check_tensor(where: str, tensor: TensorProto, source: Stamp) -> TensorSpec:
    """The tensor's spec, if what the file holds for it is as long as its shape says.

    Raises:
        ModelError: data too short or too long, or external data outside of the model's folder.
        ShapeError: impossible dimensions.
    """
    spec = tensor_spec(where, tensor)
    entries = _entries(tensor) if is_external(tensor) else None
    if entries is not None and entries.get("location") != INSIDE:
        external_file(where, tensor, source.path.parent)
        return spec
    field, found, expected, unit = _length(tensor, spec, entries)
    if found != expected:
        raise ModelError(
            f"{where}: its {field} has {found} {unit}; {spec} takes {expected}: damaged"
        )
    return spec


def _length(
    tensor: TensorProto, spec: TensorSpec, entries: Mapping[str, str] | None
) -> tuple[str, int, int, str]:
    """(field, its length, the length it should have, unit); nothing is decoded.

    `entries` say where values stand that were stepped over; None if the tensor holds its own.
    """
    name = _FIELDS.get(spec.encoding.name, "int32_data")
    if entries is not None:
        field, length = entries.get("field", ""), int(entries.get("length", 0))
        fits = field == name or (field == "raw_data" and spec.encoding.name != "string")
        return field, length, _bytes_of(spec) if fits else 0, "bytes"
    if tensor.HasField("raw_data"):
        expected = 0 if spec.encoding.name == "string" else _bytes_of(spec)
        return "raw_data", len(tensor.raw_data), expected, "bytes"
    expected = spec.elements
    if spec.encoding.name.startswith("complex"):
        expected *= 2
    elif spec.encoding.bits in (2, 4):  # packed as in raw data
        expected = _bytes_of(spec)
    return name, len(getattr(tensor, name)), expected, "entries"


def external_file(where: str, tensor: TensorProto, folder: Path) -> tuple[Path, int]:
    """Path and offset [bytes] of external data; the file is not opened.

    Raises:
        ModelError: the location lies outside of `folder`, by its text or through a symbolic link,
            or offset and length do not fit.
    """
    entries = _entries(tensor)
    location = entries.get("location", "")
    windows = PureWindowsPath(location)
    parts = (*PurePosixPath(location).parts, *windows.parts)
    outside = not parts or ".." in parts or "\0" in location
    outside = outside or location.startswith("/") or windows.anchor != ""
    path = folder / location if not outside else folder
    if outside or not _within(path, folder):
        raise ModelError(
            f"{where}: its external data '{location}' lies outside of the model's folder: refused"
        )
    expected = _bytes_of(tensor_spec(where, tensor))
    try:
        offset, length = int(entries.get("offset", 0)), int(entries.get("length", expected))
    except ValueError as fault:
        raise ModelError(f"{where}: offset or length of its external data: {fault}") from fault
    if offset < 0 or length != expected:
        raise ModelError(
            f"{where}: its external data (offset {offset}, length {length} bytes) does not fit "
            f"its shape, which takes {expected} bytes"
        )
    return path, offset


def _within(path: Path, folder: Path) -> bool:
    root = os.path.realpath(folder)
    return os.path.commonpath([root, os.path.realpath(path)]) == root


def stored_parameter(where: str, name: str, tensor: TensorProto, source: Stamp) -> Parameter:
    """The parameter that a tensor of the file is; its values are decoded when loaded."""
    spec = check_tensor(where, tensor, source)
    return Parameter(spec, (Stored(name, spec),), partial(load_tensor, where, tensor, source))


def load_tensor(where: str, tensor: TensorProto, source: Stamp) -> np.ndarray:
    """The values of a tensor of the file, read and decoded now; nothing is kept.

    Raises:
        ModelError: data that is missing, too short or outside of the folder, a model file that
            was changed meanwhile, or values that onnx cannot decode.
    """
    if is_external(tensor):
        data = _values_of(where, tensor, source)
        if tensor.data_type == TensorProto.FLOAT:  # without the copies that onnx makes
            return data.view("<f4").reshape(tensor.dims)
        tensor = TensorProto(dims=tensor.dims, data_type=tensor.data_type, raw_data=data.tobytes())
    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as fault:
        raise ModelError(f"{where}: its values cannot be decoded: {fault}") from fault


def _values_of(where: str, tensor: TensorProto, source: Stamp) -> np.ndarray:
    """The bytes of values that stand elsewhere."""
    inside = _entries(tensor).get("location") == INSIDE
    if inside:
        path, offset = source.path, int(_entries(tensor)["offset"])
    else:
        path, offset = external_file(where, tensor, source.path.parent)
    expected = _bytes_of(tensor_spec(where, tensor))
    with opened(where, path, source if inside else None) as stream:
        left = max(os.fstat(stream.fileno()).st_size - offset, 0)
        if left >= expected:
            stream.seek(offset)
            data = np.fromfile(stream, np.uint8, expected)
            left = data.size  # fewer if the file was cut short meanwhile
            if left == expected:
                return data
    raise ModelError(
        f"{where}: its data needs {expected} bytes at offset {offset} of {path}, where {left} are "
        "left"
    )


@contextmanager
def opened(where: str, path: Path, source: Stamp | None, buffering: int = -1) -> Iterator[BinaryIO]:
    """A file to read values from; that of `source` has to be as it was."""
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):  # a pipe would be waited for
            raise ModelError(f"{where}: its data cannot be read: {path} is not a regular file")
        if source and (state.st_size, state.st_mtime_ns) != (source.size, source.modified):
            raise ModelError(f"{where}: {path} was changed after it was read")
        with path.open("rb", buffering) as stream:
            yield stream
    except OSError as fault:
        raise ModelError(f"{where}: its data cannot be read: {fault}") from fault


def offset_inside(tensor: TensorProto) -> int | None:
    """Where in the model file [bytes] float32 values start that were stepped over; else None."""
    if tensor.data_type != TensorProto.FLOAT or not is_external(tensor):
        return None
    entries = _entries(tensor)
    return int(entries["offset"]) if entries.get("location") == INSIDE else None


def elements_of(shape: tuple[int, ...]) -> int:
    """The number of elements of a shape; 1 for a scalar."""
    return prod(shape)
