"""Tensors in files: .npy, .npz, and folders of .npy files. Nothing in a file is ever executed."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike, fspath
from pathlib import Path

import numpy as np

from xnorsim.errors import InputError

__all__ = ["ArrayFiles", "read_arrays"]

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
    try:
        with open(path, "rb") as stream:
            start = stream.read(len(np.lib.format.MAGIC_PREFIX))
        if start == np.lib.format.MAGIC_PREFIX:
            return _array(shown, path)
        if start[:4] not in _ZIP:
            raise InputError(f"'{shown}' is neither an .npy nor an .npz file")
        # opened here, since numpy leaves a file open in which it finds no archive
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return {name: _numbers(f"'{shown}': '{name}'", archive[name]) for name in archive}
    except InputError:
        raise
    except _DAMAGED as error:
        reason = getattr(error, "strerror", None) or _first_line(error)
        raise InputError(f"cannot read '{shown}': {reason}") from error


def _array(shown: str, path: str | PathLike[str]) -> Array:
    # Mapped first: a header that promises more than the file holds is refused, not allocated.
    return np.array(_numbers(f"'{shown}'", np.load(path, mmap_mode="r", allow_pickle=False)))


def _numbers(what: str, value: object) -> Array:
    """`value` in this machine's byte order, if it is an array of numbers.

    bfloat16 and its like have no name in such files: they arrive as plain bytes, two an element.
    """
    if not isinstance(value, np.ndarray):
        raise InputError(f"{what} is no array")
    plain_bytes = value.dtype.kind == "V" and value.dtype.names is None
    if value.dtype.kind not in "biufc" and not plain_bytes:
        raise InputError(f"{what} holds {value.dtype}, not numbers")
    return value.astype(value.dtype.newbyteorder("="), copy=False)


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
            InputError: the folder cannot be read.
        """
        try:
            found = {item.stem: item for item in sorted(folder.glob("*.npy"))}
        except OSError as error:
            raise InputError(f"cannot read '{folder}': {error.strerror or error}") from error
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
