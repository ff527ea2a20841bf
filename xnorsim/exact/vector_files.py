"""Golden vectors as files: .npy and hex text for $readmemh, and a JSON that says what they are.

A hex file has a comment and then a number a line, first address first and highest digit first.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from errno import EISDIR
from math import prod
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np

from xnorsim.errors import InputError, UsageError

__all__ = [
    "INDEX",
    "Vectors",
    "address_map",
    "check_free",
    "described",
    "read_vectors",
    "write_directory",
]

Array = np.ndarray

INDEX = "vectors.json"
_FORMAT = {"format": "xnorsim vectors", "version": 1}
_FLOATS = {f"float{bits}, IEEE 754": "f" for bits in (16, 32, 64)}
_FORMS = {"words": "u", "two's complement": "i", **_FLOATS}
"""How a hex number is to be read, and the kind of numpy type that holds it."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """Tensors by name, in the layout of docs/bits.md, and the content of vectors.json."""

    arrays: Mapping[str, Array]
    description: Mapping[str, Any]


def read_vectors(directory: str | os.PathLike[str]) -> Vectors:
    """The vectors in `directory`, from its vectors.json and its hex files.

    Raises:
        InputError: a file is missing or is not what vectors.json says.
    """
    folder = Path(directory)
    try:
        description = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"'{folder}' has no readable {INDEX}: {error}") from error
    if not _is_ours(description):
        raise InputError(f"'{folder / INDEX}' is not of the format {_FORMAT}")
    try:
        arrays = {name: _decoded(folder, item) for name, item in description["tensors"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"'{folder / INDEX}' is incomplete: {error!r}") from error
    return Vectors(arrays, description)


def _is_ours(description: Any) -> bool:
    return isinstance(description, dict) and _FORMAT.items() <= description.items()


def write_directory(found: Vectors, directory: str | os.PathLike[str], overwrite: bool) -> None:
    """Write all files to `directory`.

    A new directory appears whole or not at all. In one that is there, the files that its
    vectors.json lists are replaced; vectors.json, without which it cannot be read, goes first and
    comes last.

    Raises:
        UsageError: as `check_free`, or the system refuses.
    """
    target = Path(directory)
    check_free(target, overwrite)
    try:
        beside = target if target.is_dir() else target.resolve().parent
        temporary = beside / f".xnorsim-{token_hex(8)}.tmp"
        temporary.mkdir()
        try:
            _write_files(found, temporary)
            _publish(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise UsageError(f"cannot write '{target}': {error.strerror or error}") from error


def described(
    description: Mapping[str, Any], tensors: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The content of vectors.json."""
    return {**_FORMAT, **description, "tensors": dict(tensors)}


def address_map(name: str, array: Array) -> dict[str, Any]:
    """Where a tensor lies: element [a, b, ...] has address a * strides[0] + b * strides[1] ..."""
    size = array.dtype.itemsize
    return {
        "hex": f"{name}.hex",
        "npy": f"{name}.npy",
        "form": _form(array.dtype),
        "bits": 8 * size,
        "hex_digits": 2 * size,
        "shape": array.shape,
        "strides": [prod(array.shape[axis + 1 :]) for axis in range(array.ndim)],
        "first_address": 0,
        "last_address": array.size - 1,
    }


def _form(kind: np.dtype) -> str:
    if kind.kind == "f":
        return f"{kind.name}, IEEE 754"
    return next(form for form, letter in _FORMS.items() if letter == kind.kind)


def _write_files(found: Vectors, folder: Path) -> None:
    for name, array in found.arrays.items():
        item = found.description["tensors"][name]
        np.save(folder / item["npy"], np.ascontiguousarray(array), allow_pickle=False)
        (folder / item["hex"]).write_text(_hex(array, name, item), encoding="ascii", newline="\n")
    text = json.dumps(found.description, indent=2)
    (folder / INDEX).write_text(text + "\n", encoding="utf-8")


def _hex(array: Array, name: str, item: Mapping[str, Any]) -> str:
    """A number a line, first address first; int8 -1 is ff, float32 1.0 is 3f800000."""
    layout = " x ".join(f"{axis} {n}" for axis, n in zip(item["axes"], item["shape"], strict=True))
    size = array.dtype.itemsize
    text = array.astype(array.dtype.newbyteorder(">"), order="C").tobytes().hex("\n", size)
    return f"// {name}: {item['form']}, {item['bits']} bits; {layout}\n{text}\n"


def _decoded(folder: Path, item: Mapping[str, Any]) -> Array:
    """The tensor in a hex file.

    Raises:
        InputError: it is missing, or has other lines than its map says.
    """
    path = folder / item["hex"]
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        numbers = [line for line in lines if line and not line.startswith("//")]
        raw = bytes.fromhex("".join(numbers))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read '{path}': {error}") from error
    expected = item["last_address"] + 1
    if len(numbers) != expected or {len(line) for line in numbers} - {item["hex_digits"]}:
        raise InputError(
            f"'{path}' must have {expected} numbers of {item['hex_digits']} digits, one a line, "
            f"not {len(numbers)} of {sorted({len(line) for line in numbers})}"
        )
    kind = np.dtype(f">{_FORMS[item['form']]}{item['bits'] // 8}")
    return np.frombuffer(raw, kind).astype(kind.newbyteorder("=")).reshape(item["shape"])


def check_free(directory: str | os.PathLike[str], overwrite: bool) -> None:
    """Refuse a directory that vectors may not be written to.

    A directory may hold what its vectors.json lists, which is replaced. With `overwrite` it may
    hold other files too; they stay, but for those of the names that are written.

    Raises:
        UsageError: it is a file, its parent is missing, or it holds other files.
    """
    target = Path(directory)
    if not target.exists():
        if not target.resolve().parent.is_dir():
            raise UsageError(f"cannot write vectors to '{target}': its parent is no folder")
        return
    if not target.is_dir():
        raise UsageError(f"cannot write vectors to '{target}': it is a file")
    others = sorted({path.name for path in target.iterdir()} - _own_files(target))
    if others and not overwrite:
        names = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
        raise UsageError(
            f"cannot write vectors to '{target}': it holds files that no {INDEX} of it lists "
            f"({names}): choose another or an empty folder, or allow overwriting (--overwrite)"
        )


def _own_files(folder: Path) -> set[str]:
    """The files that were written to `folder` here; none if it has no vectors.json of ours."""
    try:
        description = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        if not _is_ours(description):
            return set()
        names = {item[key] for item in description["tensors"].values() for key in ("hex", "npy")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
    return {INDEX, *(name for name in names if Path(name).name == name)}


def _publish(temporary: Path, target: Path) -> None:
    if not target.exists():
        temporary.rename(target)
        return
    for path in temporary.iterdir():
        if (target / path.name).is_dir():  # told before anything is removed
            raise IsADirectoryError(EISDIR, f"'{path.name}' in it is a folder")
    old = _own_files(target)
    for name in (INDEX, *old):  # without the index nothing here can be read
        (target / name).unlink(missing_ok=True)
    # and so it is last
    for path in sorted(temporary.iterdir(), key=lambda path: path.name == INDEX):
        path.replace(target / path.name)
