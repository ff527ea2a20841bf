"""Published latencies that come with the package: what predictions are judged by.

The tables lie in the folder `published`, with where they come from. No predictor reads them.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from xnorsim.errors import InputError

__all__ = ["BOARDS", "LIBRARIES", "LayerTime", "NetworkTime", "layers", "networks"]

BOARDS = {"pixel1": "Pixel 1", "rpi4b": "RPi 4B"}
"""The boards of boards.csv by the first word of their columns."""

LIBRARIES = ("dabnn", "tflite_fp32", "caffe_fp32", "bmxnet")
"""The libraries of dabnn_layers.csv: the first words of their columns."""


@dataclass(frozen=True, slots=True)
class NetworkTime:
    """One network on one board: mean and standard deviation [s] by `software`."""

    network: str
    board: str
    software: str
    threads: int
    time_s: float
    std_s: float
    binary_macs: int
    fp_macs: int
    source: str


@dataclass(frozen=True, slots=True)
class LayerTime:
    """One convolution, padded to keep its size at stride 1, on one board: time [s] by `software`.

    height and width are those of the input, without padding.
    """

    layer: str
    board: str
    software: str
    threads: int
    time_s: float
    kernel: int
    stride: int
    height: int
    width: int
    in_channels: int
    out_channels: int
    macs: int
    source: str


def networks(table: Traversable | None = None) -> tuple[NetworkTime, ...]:
    """Every network of the table on every board; `table` is another file of the same form.

    Raises:
        InputError: every fault of the table, with its line.
    """
    file = table or _FOLDER / "boards.csv"
    texts = {"network": _text, "software": _text, "source": _text}
    counts = dict.fromkeys(("binary_macs", "fp_macs", "stored_bytes_bn_fused", "threads"), _whole)
    times = {f"{board}_ms": _positive for board in BOARDS}
    times |= {f"{board}_ms_std": _not_negative for board in BOARDS}
    rows = _read(file, {**texts, **counts, **times}, "network")
    return tuple(
        NetworkTime(
            network=row["network"],
            board=label,
            software=row["software"],
            threads=row["threads"],
            time_s=row[f"{board}_ms"] / _MS,
            std_s=row[f"{board}_ms_std"] / _MS,
            binary_macs=row["binary_macs"],
            fp_macs=row["fp_macs"],
            source=row["source"],
        )
        for board, label in BOARDS.items()
        for row in rows
    )


def layers(table: Traversable | None = None) -> tuple[LayerTime, ...]:
    """Every layer of the table by every library; `table` is another file of the same form.

    Raises:
        InputError: every fault of the table, with its line.
    """
    file = table or _FOLDER / "dabnn_layers.csv"
    texts = {"layer": _text, "device": _text, "source": _text}
    sizes = dict.fromkeys((*_SIZES, "macs", "threads"), _whole)
    times = {f"{library}_ms": _positive for library in LIBRARIES}
    rows = _read(file, {**texts, **sizes, **times}, "layer", _macs_faults)
    return tuple(
        LayerTime(
            layer=row["layer"],
            board=row["device"].partition(" (")[0],  # "Pixel 1 (1593.6 MHz shown)"
            software=library,
            threads=row["threads"],
            time_s=row[f"{library}_ms"] / _MS,
            **{size: row[size] for size in _SIZES},
            macs=row["macs"],
            source=row["source"],
        )
        for library in LIBRARIES
        for row in rows
    )


_FOLDER = files("xnorsim.measured") / "published"
_MS = 1e3
"""Milliseconds in a second. Dividing rounds once: 1.5 / 1e3 is the float nearest to 0.0015."""
_SIZES = ("kernel", "stride", "height", "width", "in_channels", "out_channels")

_Row = dict
_Check = Callable[[str], object]


def _text(cell: str) -> str:
    if not cell.strip():
        raise ValueError("is empty")
    return cell


def _whole(cell: str) -> int:
    if not cell.isascii() or not cell.isdigit() or int(cell) < 1:
        raise ValueError(f"must be a whole number of at least 1, not {cell!r}")
    return int(cell)


def _positive(cell: str) -> float:
    return _number(cell, lambda value: value > 0, "a number above 0")


def _not_negative(cell: str) -> float:
    return _number(cell, lambda value: value >= 0, "a number of at least 0")


def _number(cell: str, holds: Callable[[float], bool], expected: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or not holds(value):
        raise ValueError(f"must be {expected}, not {cell!r}")
    return value


def _read(
    file: Traversable,
    checks: Mapping[str, _Check],
    key: str,
    more: Callable[[_Row], Iterator[str]] = lambda row: iter(()),
) -> list[_Row]:
    """The rows of a table, each cell as its check reads it; `key` names a row, once."""
    reader = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    given = list(reader.fieldnames or ())
    if sorted(given) != sorted(checks):
        raise InputError(
            f"{file.name}:1: columns must be {', '.join(checks)}, not {', '.join(given)}"
        )
    rows, faults = [], []
    for line in reader:
        row, wrong = _checked(line, checks)
        if not wrong:
            wrong = [*more(row), *_repeated(row, rows, key)]
            rows.append(row)
        faults += [f"{file.name}:{reader.line_num}: {fault}" for fault in wrong]
    if faults or not rows:
        raise InputError("\n".join(faults) or f"{file.name}: holds no row")
    return rows


def _checked(line: Mapping[str, str], checks: Mapping[str, _Check]) -> tuple[_Row, list[str]]:
    if None in line or None in line.values():
        return {}, [f"must have {len(checks)} cells"]
    row, faults = {}, []
    for column, check in checks.items():
        try:
            row[column] = check(line[column])
        except ValueError as fault:
            faults.append(f"{column} {fault}")
    return row, faults


def _repeated(row: _Row, before: Sequence[_Row], key: str) -> list[str]:
    if any(row[key] == other[key] for other in before):
        return [f"{key} {row[key]!r} occurs twice"]
    return []


def _macs_faults(row: _Row) -> Iterator[str]:
    """Whether the sizes of a layer multiply to its count, padding taps counted."""
    outputs = -(-row["height"] // row["stride"]) * -(-row["width"] // row["stride"])
    macs = outputs * row["kernel"] ** 2 * row["in_channels"] * row["out_channels"]
    if macs != row["macs"]:
        yield f"macs {row['macs']} of layer {row['layer']!r} are not those of its sizes, {macs}"
