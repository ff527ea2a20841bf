"""From a file to a ModelProto: is it ONNX, is it whole, and do we know its opset."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import onnx
from google.protobuf.message import DecodeError

from xnorsim.errors import ModelError

__all__ = ["OLDEST_OPSET", "is_onnx", "normal_domain", "opsets", "read_model"]

OLDEST_OPSET = 7
LARGEST_FILE = 2**31 - 1
"""[bytes] protobuf's own limit of one message."""

# The fields of ModelProto (onnx.proto): number -> (name, wire type; 0 a number, 2 bytes).
_FIELDS = {
    1: ("ir_version", 0),
    2: ("producer_name", 2),
    3: ("producer_version", 2),
    4: ("domain", 2),
    5: ("model_version", 0),
    6: ("doc_string", 2),
    7: ("graph", 2),
    8: ("opset_import", 2),
    14: ("metadata_props", 2),
    20: ("training_info", 2),
    25: ("functions", 2),
    26: ("configuration", 2),
}


def is_onnx(path: str | Path) -> bool:
    """Whether `path` is an ONNX file: by its name, or else by its content."""
    path = Path(path)
    if path.suffix.lower() == ".onnx":
        return True
    try:
        _check_outline(path)
    except ModelError:
        return False
    return True


def normal_domain(domain: str) -> str:
    """The name of an operator domain; ai.onnx is another name for the default one."""
    return "" if domain == "ai.onnx" else domain


def opsets(model: onnx.ModelProto) -> dict[str, int]:
    """The version of each operator domain that the file imports."""
    return {normal_domain(entry.domain): entry.version for entry in model.opset_import}


def read_model(path: Path) -> tuple[onnx.ModelProto, int]:
    """The file's message and its size [bytes]. External data is not opened.

    Raises:
        ModelError: there is no such file, it is not ONNX, not whole, or of an unknown opset.
    """
    size = _check_outline(path)
    try:
        model = onnx.ModelProto.FromString(path.read_bytes())
    except (DecodeError, OSError) as fault:
        raise ModelError(f"{path}: damaged, it cannot be decoded: {fault}") from fault
    _check_versions(path, model)
    if not model.graph.node:
        raise ModelError(f"{path}: the graph '{model.graph.name}' has no nodes")
    return model, size


def _check_versions(path: Path, model: onnx.ModelProto) -> None:
    newest = onnx.defs.onnx_opset_version()
    if model.ir_version > onnx.IR_VERSION:
        raise ModelError(
            f"{path}: its IR version {model.ir_version} is newer than {onnx.IR_VERSION}, the "
            f"newest that the installed onnx {onnx.__version__} knows"
        )
    version = opsets(model).get("")
    if version is None:
        return  # nodes of the default domain, if there are any, are reported one by one
    if version > newest:
        raise ModelError(
            f"{path}: its opset {version} is newer than {newest}, the newest that the installed "
            f"onnx {onnx.__version__} knows"
        )
    if version < OLDEST_OPSET:
        raise ModelError(
            f"{path}: its opset {version} is older than {OLDEST_OPSET}, the oldest that is read: "
            "convert it with onnx.version_converter"
        )


def _check_outline(path: Path) -> int:
    """The size of the file [bytes], if its top-level fields are those of a whole ModelProto."""
    try:
        state = path.stat()
        if stat.S_ISDIR(state.st_mode):
            raise ModelError(f"{path}: a directory, not a model file")
        if not stat.S_ISREG(state.st_mode):
            raise ModelError(f"{path}: not a regular file")
        if state.st_size == 0:
            raise ModelError(f"{path}: the file is empty (0 bytes)")
        with path.open("rb") as stream:
            found = {name for name, _ in _fields(path, stream, state.st_size)}
    except FileNotFoundError as fault:
        raise ModelError(f"{path}: no such file") from fault
    except (OSError, ValueError) as fault:
        if isinstance(fault, ModelError):
            raise
        raise ModelError(f"{path}: cannot be read: {fault}") from fault
    for name in ("graph", "opset_import"):
        if name not in found:
            raise ModelError(f"{path}: not an ONNX model: it has no field '{name}'")
    if state.st_size > LARGEST_FILE:
        raise ModelError(
            f"{path}: {state.st_size} bytes are more than one protobuf message can have "
            f"({LARGEST_FILE}); such models keep their weights as external data"
        )
    return state.st_size


def _fields(path: Path, stream: BinaryIO, size: int) -> Iterator[tuple[str, int]]:
    """(name, length [bytes]) of each top-level field; contents are skipped, not read."""
    while stream.tell() < size:
        start = stream.tell()
        tag = _number(path, stream, size)
        name, wire = _FIELDS.get(tag >> 3, ("", -1))
        if wire != tag & 7:
            raise ModelError(
                f"{path}: not an ONNX file: no field of a model starts at byte {start}"
            )
        value = _number(path, stream, size)
        if wire == 2 and value > size - stream.tell():
            raise ModelError(
                f"{path}: truncated: the field '{name}' should have {value} bytes, and "
                f"{size - stream.tell()} are left"
            )
        yield name, value if wire == 2 else 0
        if wire == 2:
            stream.seek(value, 1)


def _number(path: Path, stream: BinaryIO, size: int) -> int:
    """A base-128 number, least significant group first."""
    value = 0
    for shift in range(0, 70, 7):
        byte = stream.read(1)
        if not byte:
            raise ModelError(f"{path}: truncated: it ends within a field, at byte {size}")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ModelError(f"{path}: not an ONNX file: no number ends before byte {stream.tell()}")
