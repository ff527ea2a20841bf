"""Tensors in files: .npy, .npz, and folders of .npy files. Nothing in a file is ever executed."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from math import prod
from os import PathLike, fspath, fstat
from pathlib import Path
from typing import IO

import numpy as np

from xnorsim.errors import InputError

__all__ = ["ArrayFiles", "is_numeric", "read_arrays"]

Array = np.ndarray

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_DAMAGED = (
    *(ValueError, OSError, EOFError, MemoryError, KeyError, RuntimeError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What numpy and zipfile raise on files that are not what they say."""


def read_arrays(path: str | PathLike[str]) -> Array | dict[str, Array]:
    """The array of an .npy file, or those of an .npz file by name.

    Raises:
        InputError: no such file, another kind of file, a damaged one, or one with Python objects.
    """
    shown = fspath(path)
    if not shown:
        raise InputError("the name of a file of arrays is empty")
    try:
        with open(path, "rb") as stream:
            start = stream.read(len(np.lib.format.MAGIC_PREFIX))
            stream.seek(0)
            if start == np.lib.format.MAGIC_PREFIX:
                return _array(f"'{shown}'", stream, fstat(stream.fileno()).st_size)
            if start[:4] not in _ZIP:
                raise InputError(f"'{shown}' is neither an .npy nor an .npz file")
            with zipfile.ZipFile(stream) as archive:
                return dict(_members(shown, archive))
    except InputError:
        raise
    except _DAMAGED as error:
        reason = getattr(error, "strerror", None) or _first_line(error)
        raise InputError(f"cannot read '{shown}': {reason}") from error


def _members(shown: str, archive: zipfile.ZipFile) -> Iterator[tuple[str, Array]]:
    """The arrays of an archive by name."""
    for item in archive.infolist():
        name = item.filename.removesuffix(".npy")
        with archive.open(item) as stream:
            yield name, _array(f"'{shown}': array '{name}'", stream, item.file_size)


def _array(what: str, stream: IO[bytes], size: int) -> Array:
    """The array in a stream of `size` bytes; its header is judged before memory is taken for it."""
    start = stream.read(len(np.lib.format.MAGIC_PREFIX) + 2)
    read = _HEADERS.get(start)
    if read is None:
        raise InputError(f"{what} is no array of numbers of the .npy format")
    shape, _, kind = read(stream)
    _check_kind(what, kind)
    expected, has = prod(shape) * kind.itemsize, size - stream.tell()
    if has != expected:
        raise InputError(f"{what} is damaged: expected {expected} bytes of {kind}, and has {has}")
    stream.seek(0)
    value = np.lib.format.read_array(stream, allow_pickle=False)
    return value.astype(kind.newbyteorder("="), copy=False)


_HEADERS = {
    np.lib.format.magic(1, 0): np.lib.format.read_array_header_1_0,
    np.lib.format.magic(2, 0): np.lib.format.read_array_header_2_0,
}
"""Version 3 is for names of fields, and an array with fields is not one of numbers."""


def _check_kind(what: str, kind: np.dtype) -> None:
    if kind.hasobject:
        raise InputError(f"{what} holds Python objects, which are never loaded")
    if not is_numeric(kind):
        raise InputError(f"{what} holds {kind}, not numbers")


def is_numeric(kind: np.dtype) -> bool:
    """Whether an array of this type may be a tensor.

    bfloat16 and its like have no name in files: they arrive as plain bytes, two an element.
    """
    return kind.kind in "biufc" or (kind.kind == "V" and kind.names is None)


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__


class ArrayFiles(Mapping[str, Array]):
    """The .npy files of a folder by tensor name, each read when it is asked for.

    A tensor `a/b` lies in `a__b.npy`, since no file's name has a slash.
    """

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        """Look for files of the tensors in `names`; files of none of them keep their own name.

        Raises:
            InputError: the folder cannot be read, or has no such file.
        """
        try:
            found = {item.stem: item for item in sorted(folder.glob("*.npy"))}
        except OSError as error:
            raise InputError(f"cannot read '{folder}': {error.strerror or error}") from error
        if not found:
            raise InputError(f"folder '{folder}' has no .npy file")
        self._paths = {
            name: found[stem]
            for name in names
            for stem in (name, name.replace("/", "__"))
            if stem in found
        }
        used = {path.stem for path in self._paths.values()}
        self._paths |= {stem: path for stem, path in found.items() if stem not in used}

    def __getitem__(self, name: str) -> Array:
        path = self._paths[name]
        value = read_arrays(path)
        if isinstance(value, dict):
            raise InputError(f"'{path}' is an .npz file with the name of an .npy file")
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)
