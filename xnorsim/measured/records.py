"""Measurements in a file of JSON lines: whole lines only, never lost by a crash.

A line is appended under a lock by one write and brought to the disk before `append` returns. What a
power loss leaves of a line that was being written has no end of line: reading reports and skips it,
and the next append ends it with a mark (TORN) and goes on in a new line. Nothing is rewritten.

Writers wait for each other where the system locks files (flock); elsewhere let one write at a time.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pydantic

from xnorsim.errors import InputError, UsageError
from xnorsim.measured.measurement import Measurement, figures

__all__ = ["SCHEMA", "Lines", "Records", "append", "append_line", "read", "read_lines"]

SCHEMA = 1
"""The version of what a line holds, in each line."""

TORN = b"\t# torn"
"""Ends a line that was not written to its end. JSON never ends so."""

MOST_FAULTS = 20
Fault = tuple[int, str]
"""The number of a line, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a file as (line number, values), and the numbers of the torn ones left out."""

    rows: tuple[tuple[int, dict[str, Any]], ...]
    torn: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Records:
    """The measurements of a file in its order, and the line numbers of torn ones left out."""

    measurements: tuple[Measurement, ...]
    torn: tuple[int, ...]


def append(path: Path, measurement: Measurement) -> None:
    """Append a measurement as one line; the file is made if it is absent.

    Raises:
        UsageError: the line could not be written, as on a full disk; the lines before it are as
            they were.
    """
    append_line(path, _adapter().dump_python(measurement, mode="json"))


def read(path: Path) -> Records:
    """The measurements of a file that `append` wrote.

    Raises:
        InputError: as read_lines; or every line that holds no measurement, with its number.
    """
    lines, faults = _lines(path)
    found = []
    for number, values in lines.rows:
        try:
            found.append(_measurement(values))
        except pydantic.ValidationError as error:
            faults += [
                (number, f"{'.'.join(map(str, item['loc']))}: {item['msg']}")
                for item in error.errors()
            ]
        except ValueError as error:
            faults.append((number, str(error)))
    _refuse(path, faults)
    return Records(tuple(found), lines.torn)


def append_line(path: Path, values: Mapping[str, object]) -> None:
    """Append values as one line of JSON, with the schema's version.

    Raises:
        InputError: values that JSON does not have.
        UsageError: as `append`.
    """
    try:
        text = json.dumps({**values, "schema": SCHEMA}, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InputError(f"a line of {path} cannot be written as JSON: {error}") from error
    try:
        _write(path, text.encode() + b"\n")
    except OSError as error:
        raise UsageError(
            f"cannot append to {path}: {error.strerror}; what it held is as it was"
        ) from error


def read_lines(path: Path) -> Lines:
    """The lines of a file that `append_line` wrote, without "schema".

    Raises:
        InputError: the file cannot be read; or every line that is not a JSON object of this
            schema, with its number.
    """
    lines, faults = _lines(path)
    _refuse(path, faults)
    return lines


def _lines(path: Path) -> tuple[Lines, list[Fault]]:
    """The lines that can be read, and what is wrong with the others."""
    if path.exists() and not path.is_file():  # a device may have no end, a pipe no beginning
        raise InputError(f"cannot read {path}: it is no regular file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    rows, torn, faults = [], [], []
    *lines, rest = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if line.endswith(TORN):
            torn.append(number)
            continue
        try:
            rows.append((number, _parsed(line)))
        except (ValueError, RecursionError) as error:
            faults.append((number, str(error)))
    if rest:
        torn.append(len(lines) + 1)
    return Lines(tuple(rows), tuple(torn)), faults


@cache
def _adapter() -> pydantic.TypeAdapter[Measurement]:
    return pydantic.TypeAdapter(Measurement)


def _measurement(values: Mapping[str, Any]) -> Measurement:
    found = _adapter().validate_json(json.dumps(values, allow_nan=False), strict=True)
    if not found.samples or min(found.samples) < 0:
        raise ValueError("samples: must be at least one, none below 0")
    if found.calm and not set(found.calm) <= set(range(len(found.samples))):
        raise ValueError("calm: numbers of samples, and there are not so many")
    if figures(found.samples, found.calm) != found.times:
        raise ValueError("times: are not those of the samples")
    return found


def _refuse(path: Path, faults: list[Fault]) -> None:
    if faults:
        more = len(faults) - MOST_FAULTS
        in_order = sorted(faults, key=lambda fault: fault[0])
        shown = [f"{path}:{number}: {what}" for number, what in in_order[:MOST_FAULTS]] + (
            [f"and {more} more"] if more > 0 else []
        )
        raise InputError("\n".join(shown))


def _parsed(line: bytes) -> dict[str, Any]:
    values = json.loads(line, parse_constant=_no_number)
    if not isinstance(values, dict):
        raise ValueError("is not a JSON object")
    if (schema := values.pop("schema", None)) != SCHEMA:
        raise ValueError(f"schema is {schema!r}, and this version reads {SCHEMA}")
    return values


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _write(path: Path, line: bytes) -> None:
    is_new = not path.exists()
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with _locked(file):
            size = os.lseek(file, 0, os.SEEK_END)
            try:
                _write_whole(file, (TORN + b"\n" if _is_torn(file, size) else b"") + line)
                os.fsync(file)
            except OSError:
                # What was there was whole or torn before, and stays so.
                with contextlib.suppress(OSError):
                    os.ftruncate(file, size)
                raise
    finally:
        os.close(file)
    if is_new:
        _keep_name(path.parent)


def _write_whole(file: int, data: bytes) -> None:
    written = os.write(file, data)
    while written < len(data):  # a disk that is full takes a part first, and tells on the next
        written += os.write(file, data[written:])


def _is_torn(file: int, size: int) -> bool:
    if not size:
        return False
    os.lseek(file, size - 1, os.SEEK_SET)
    return os.read(file, 1) != b"\n"


def _keep_name(folder: Path) -> None:
    """A new file is on the disk only when its folder is; some systems open no folder."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _locked(file: int) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:
        yield
        return
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
