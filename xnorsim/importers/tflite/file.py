"""The bytes of a TensorFlow Lite file: mapped while its structure is read, and read again when the
values of a weight are asked for."""

from __future__ import annotations

import mmap
import stat
from pathlib import Path

import numpy as np

from xnorsim.errors import ModelError
from xnorsim.importers.stamps import Stamp

__all__ = ["is_tflite", "mapped", "read_bytes"]

MARK = slice(4, 8), b"TFL3"
"""Where a file says that it is one. Source: TensorFlow, schema.fbs, file_identifier."""


def is_tflite(path: str | Path) -> bool:
    """Whether `path` is a TensorFlow Lite file, by its content."""
    place, mark = MARK
    try:
        with Path(path).open("rb") as stream:
            return stream.read(place.stop)[place] == mark
    except OSError:
        return False


def mapped(path: Path) -> tuple[Stamp, memoryview]:
    """The file and its bytes; nothing is read until it is looked at.

    Raises:
        ModelError: no such file, none that can be read, or one of another format.
    """
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            raise ModelError(f"{path}: not a regular file")
        if state.st_size == 0:
            raise ModelError(f"{path}: the file is empty (0 bytes)")
        with path.open("rb") as stream:
            data = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError as fault:
        raise ModelError(f"{path}: no such file") from fault
    except OSError as fault:
        raise ModelError(f"{path}: cannot be read: {fault.strerror or fault}") from fault
    place, mark = MARK
    if data[place] != mark:
        raise ModelError(
            f"{path}: not a TensorFlow Lite file: bytes 4 to 7 are {bytes(data[place])}, not {mark}"
        )
    return Stamp(path, len(data), state.st_mtime_ns), data


def read_bytes(source: Stamp, where: str, offset: int, length: int) -> np.ndarray:
    """`length` bytes of the file, as uint8.

    Raises:
        ModelError: the file was changed since it was read, or cannot be read.
    """
    try:
        state = source.path.stat()
        if (state.st_size, state.st_mtime_ns) != (source.size, source.modified):
            raise ModelError(f"{where}: {source.path} was changed after it was read")
        found = max(min(length, state.st_size - offset), 0)
        data = np.fromfile(source.path, np.uint8, found, offset=offset if found else 0)
    except OSError as fault:
        raise ModelError(f"{where}: its data cannot be read: {fault}") from fault
    if data.size != length:
        raise ModelError(f"{where}: {length} bytes at offset {offset} of {source.path} are missing")
    return data
