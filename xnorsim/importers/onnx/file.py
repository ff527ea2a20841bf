"""From a file to a ModelProto: is it ONNX, is it whole, and do we know its opset."""

from __future__ import annotations

import mmap
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from xnorsim.errors import ModelError
from xnorsim.importers.foreign import ForeignFileError
from xnorsim.importers.onnx.wire import MODEL_FIELDS, WireError, fields, without_values
from xnorsim.importers.stamps import Stamp

__all__ = ["OLDEST_OPSET", "is_onnx", "normal_domain", "opsets", "read_model"]

OLDEST_OPSET = 7


def is_onnx(path: str | Path) -> bool:
    """Whether `path` is an ONNX file: by its name, or else by its content."""
    path = Path(path)
    if path.suffix.lower() == ".onnx":
        return True
    try:
        with _opened(path) as (_, data):
            _check_outline(path, data)
    except ModelError:
        return False
    return True


def normal_domain(domain: str) -> str:
    """The name of an operator domain; ai.onnx is another name for the default one."""
    return "" if domain == "ai.onnx" else domain


def opsets(model: onnx.ModelProto) -> dict[str, int]:
    """The version of each operator domain that the file imports."""
    return {normal_domain(entry.domain): entry.version for entry in model.opset_import}


def read_model(path: Path) -> tuple[onnx.ModelProto, Stamp]:
    """The file's message without the values of large tensors; external data is not opened.

    Raises:
        ModelError: there is no such file, it is not ONNX, not whole, or of an unknown opset.
    """
    with _opened(path) as (source, data):
        _check_outline(path, data)
        try:
            light = without_values(data)
        except WireError as fault:
            raise ModelError(f"{path}: damaged, it cannot be decoded: {fault}") from fault
    try:
        model = onnx.ModelProto.FromString(light)
    except DecodeError as fault:
        raise ModelError(f"{path}: damaged, it cannot be decoded: {fault}") from fault
    _check_versions(path, model)
    if not model.graph.node:
        raise ModelError(f"{path}: the graph '{model.graph.name}' has no nodes")
    return model, source


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


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Stamp, mmap.mmap]]:
    try:
        state = path.stat()
        if stat.S_ISDIR(state.st_mode):
            raise ModelError(f"{path}: a directory, not a model file")
        if not stat.S_ISREG(state.st_mode):
            raise ModelError(f"{path}: not a regular file")
        if state.st_size == 0:
            raise ModelError(f"{path}: the file is empty (0 bytes)")
        with path.open("rb") as stream:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError as fault:
        raise ModelError(f"{path}: no such file") from fault
    except ModelError:
        raise
    except (OSError, ValueError) as fault:
        raise ModelError(f"{path}: cannot be read: {fault}") from fault
    if hasattr(mmap, "MADV_RANDOM"):
        data.madvise(mmap.MADV_RANDOM)  # weights are stepped over: do not read them ahead
    with data:
        yield Stamp(path, state.st_size, state.st_mtime_ns), data


def _check_outline(path: Path, data: mmap.mmap) -> None:
    """The top-level fields are those of a whole ModelProto; what they hold is not read."""
    found, size = set(), len(data)
    try:
        for field in fields(data, 0, size):
            name, wire = MODEL_FIELDS.get(field.number, ("", -1))
            if wire != field.wire:
                reason = f"no field of a model starts at byte {field.start}"
                raise ForeignFileError(path, "ONNX", reason)
            found.add(name)
    except WireError as fault:
        if found >= {"ir_version"}:
            raise ModelError(f"{path}: truncated or damaged ({size} bytes): {fault}") from fault
        raise ForeignFileError(path, "ONNX", str(fault)) from fault
    for name in ("graph", "opset_import"):
        if name not in found:
            raise ModelError(
                f"{path}: not a whole ONNX model ({size} bytes): it has no field '{name}'"
            )
