"""The values of an axis: lists, ranges in text, numbers with a unit, and subsets of layers.

    [256 KiB, 512 KiB, 1 MiB]                a list
    1 GHz .. 5 GHz step 0.5 GHz              from, to (if a step ends there), and the step
    16 .. 1024 step 16                       spaces beside the dots may be left out
    1 .. 8                                   whole numbers: in steps of one
    1 GHz .. 4 GHz log 20                    20 values, each the one before times the same factor
    {values: [1, 2, 4], unit: GHz}           numbers of one unit
    {subsets: ["layer1*", "layer2*"]}        for layers: each subset of a list, 2^n of them

Every value is a text first, and read as a profile's is. A plain number is enough where the unit is
a count: of bits, cycles, operations or vectors a cycle.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from xnorsim.errors import InputError, UsageError
from xnorsim.explore.fields import Field
from xnorsim.machine.fields import UNLIMITED
from xnorsim.machine.quantity import Dimension, number_of
from xnorsim.units import parse_quantity, split_quantity

__all__ = ["MAX_VALUES", "Value", "read_value", "read_values"]

MAX_VALUES = 100_000
"""Of one axis; more points come from more axes."""

_LARGEST = 1e300

_COUNTED = ("bit", "cycle", "op/cycle", "vector/cycle")

Path = tuple[str | int, ...]
Faults = list[tuple[Path, str]]


class Value(NamedTuple):
    """One value: as text, as a number in `unit`; NaN for a word."""

    text: str
    number: float
    unit: str


def read_values(
    field: Field, given: Any, path: Path, faults: Faults, *, distinct: bool = True
) -> tuple[Value, ...]:
    """The values of a field, in order; every fault is added to `faults` with its path.

    What is refused: no value at all, one that occurs twice (where they are `distinct`), one that
    the field cannot have (of another unit, negative, NaN or infinite, an unknown word), units that
    are mixed in an axis, and ranges that are empty, endless or longer than MAX_VALUES: those are
    counted and never written out.
    """
    before = len(faults)
    try:
        items, below = _items(field, given, path)
    except InputError as fault:
        faults.append((path, str(fault)))
        return ()
    if not items:
        faults.append((path, "holds no value: an axis needs at least one"))
    found: list[Value] = []
    for index, item in enumerate(items):
        here = (*below, index) if below else path
        try:
            found.append(read_value(field, item))
        except InputError as fault:
            faults.append((here, str(fault)))
    if len(faults) == before:
        faults.extend(
            ((*below, place) if below else path, told) for place, told in _alike(found, distinct)
        )
    return tuple(found)


def _items(field: Field, given: Any, path: Path) -> tuple[Sequence[Any], Path]:
    """The values as they are written, and the path below which each has its place, if any."""
    if isinstance(given, Mapping):
        return _mapping(field, given, path)
    if isinstance(given, list | tuple):
        if len(given) > MAX_VALUES:
            raise UsageError(_too_many(len(given)))
        return given, path
    if isinstance(given, str) and ".." in given and field.dimension is not None:
        return _range(field.dimension, given), ()
    return [given], ()


def _mapping(field: Field, given: Mapping[str, Any], path: Path) -> tuple[Sequence[Any], Path]:
    keys = set(given)
    if keys == {"subsets"} and field.is_layers:
        return _subsets(given["subsets"]), ()
    if keys == {"values", "unit"} and field.dimension is not None:
        items = given["values"]
        items = items if isinstance(items, list | tuple) else [items]
        if any(isinstance(item, bool) or not isinstance(item, int | float) for item in items):
            raise UsageError("values beside a unit are plain numbers")
        return [f"{_shown(item)} {given['unit']}" for item in items], (*path, "values")
    forms = "a list, a range in text"
    forms += ", {subsets: [...]}" if field.is_layers else ""
    forms += ", {values: [...], unit: ...}" if field.dimension is not None else ""
    raise UsageError(
        f"unknown form with keys {', '.join(map(str, given)) or 'none'}; "
        f"values of {field.name} are {forms}"
    )


def _subsets(words: Any) -> list[str]:
    """Every subset, the empty one ("none") first and in order of counting in binary."""
    if not isinstance(words, list | tuple) or not all(isinstance(w, str) and w for w in words):
        raise UsageError(
            f"subsets are those of a list of layer names and globs (got {words!r:.60})"
        )
    if len(set(words)) < len(words):
        raise UsageError("subsets: a word occurs twice")
    if 2 ** len(words) > MAX_VALUES:
        raise UsageError(_too_many(2 ** len(words)))
    return [
        ",".join(word for bit, word in enumerate(words) if chosen >> bit & 1) or "none"
        for chosen in range(2 ** len(words))
    ]


def read_value(field: Field, given: Any) -> Value:
    """One value of a field.

    Raises:
        InputError: the field cannot have it; the message says why.
    """
    if given is None:
        raise UsageError("is empty: write a value")
    if field.dimension is None:
        return Value(field.read(_word(given)), math.nan, "")
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise UsageError(f"{given!r:.60} is not a quantity")
    # Here and not below, since a number may be too long to be written as text.
    if not isinstance(given, str) and not -_LARGEST < given < _LARGEST:
        raise UsageError(f"is not a finite number, or beyond {_LARGEST:g}")
    text = " ".join(given.split()) if isinstance(given, str) else _shown(given)
    if text == UNLIMITED and field.dimension.unlimited:
        return Value(text, math.inf, field.dimension.units[0])
    text = _with_unit(text, field.dimension)
    number, unit = number_of(text, field.dimension)
    return Value(text, number, unit)


def _shown(number: float) -> str:
    return repr(number).removesuffix(".0")


def _word(given: Any) -> str:
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, list | tuple):
        return ", ".join(map(_word, given))
    if not isinstance(given, str | int | float):
        raise UsageError(f"{given!r:.60} is not a word")
    return str(given).strip()


def _with_unit(text: str, dimension: Dimension) -> str:
    counted = next((unit for unit in dimension.units if unit in _COUNTED), "")
    if not counted or "" in dimension.units:
        return text
    return text if split_quantity(text)[1] else f"{text} {counted}"


def _alike(values: Sequence[Value], distinct: bool) -> Iterator[tuple[int, str]]:
    """Where a value stands a second time, or in another unit than the first."""
    first: dict[str | float, int] = {}
    for place, value in enumerate(values):
        key = value.text if math.isnan(value.number) else value.number
        if value.unit != values[0].unit:
            yield (
                place,
                f"is in {value.unit}, the first value in {values[0].unit}: give all in one unit",
            )
        elif distinct and key in first:
            yield place, f"occurs twice (got {value.text!r} after {values[first[key]].text!r})"
        first.setdefault(key, place)


_RANGE = re.compile(r"(.+?)\s*\.\.\s*(.+?)(?:\s+(step|log)\b\s*(.*))?")


def _range(dimension: Dimension, text: str) -> list[str]:
    """The values of a range as texts, in the unit of its first end.

    Raises:
        InputError: it is not of the form, or empty, or has more than MAX_VALUES values.
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None or ".." in match[2]:
        raise UsageError(f"{text!r:.60} is no range, as {_example(dimension)}")
    (start, given), (end, unit) = split_quantity(match[1]), split_quantity(match[2])
    unit = given or unit
    end = parse_quantity(match[2], unit) if split_quantity(match[2])[1] else end
    for number in (start, end):
        number_of(_with_unit(f"{number!r} {unit}".strip(), dimension), dimension)
    if end < start:
        raise UsageError(f"ends at {match[2]}, below its start at {match[1]} (got {text!r})")
    if match[3] == "log":
        numbers = _spaced(start, end, _count(match[4]), dimension.exact)
    else:
        numbers = _stepped(start, end, _step(match[4], unit, dimension))
    return [f"{_plain(number)} {unit}".rstrip() for number in numbers]


def _example(dimension: Dimension) -> str:
    example = {"hertz": "1 GHz .. 5 GHz step 0.5 GHz", "byte": "1 MiB .. 8 MiB step 1 MiB"}
    return repr(example.get(dimension.units[0], "16 .. 1024 step 16"))


def _step(text: str | None, unit: str, dimension: Dimension) -> float:
    if text is None:
        if unit:
            raise UsageError("a range needs 'step ...' or 'log N' (only whole numbers have steps)")
        return 1.0
    number, given = split_quantity(text)
    step = parse_quantity(text, unit) if given else number
    if unit and not given and unit not in _COUNTED:
        raise UsageError(f"step {text!r} has no unit: write it as '{text} {unit}'")
    if step <= 0:
        raise UsageError(f"step must be greater than 0 (got {text!r})")
    return step


def _stepped(start: float, end: float, step: float) -> list[Decimal]:
    # In decimals: 0.1, 0.2, 0.3 and not 0.30000000000000004; the end is hit if it is a step's.
    first, last, by = (Decimal(repr(number)) for number in (start, end, step))
    spans = (last - first) / by
    if spans >= MAX_VALUES:
        raise UsageError(_too_many(float(spans) + 1))
    return [first + place * by for place in range(int(spans) + 1)]


def _count(text: str) -> int:
    if not re.fullmatch(r"\d{1,15}", text):
        raise UsageError(f"log takes how many values there are, as 'log 20' (got {text!r})")
    if int(text) > MAX_VALUES:
        raise UsageError(_too_many(int(text)))
    if int(text) < 2:
        raise UsageError(f"log needs at least 2 values (got {text})")
    return int(text)


def _spaced(start: float, end: float, count: int, is_whole: bool) -> list[Decimal]:
    """Values in equal ratios, to six digits (more where those are not apart), the ends exact.

    Of a whole number to the nearest, each once.
    """
    if not 0 < start < end:
        raise UsageError("log needs a start above 0 and an end above the start")
    parts = [place / (count - 1) for place in range(1, count - 1)]
    between = [start ** (1 - part) * end**part for part in parts]  # end / start may overflow
    for digits in (6, 17):
        rounded = [float(f"{number:.{digits}g}") for number in between]
        numbers = [start, *(map(round, rounded) if is_whole else rounded), end]
        unique = list(dict.fromkeys(number for number in numbers if start <= number <= end))
        if is_whole or len(unique) == count:
            return [Decimal(repr(number)) for number in unique]
    raise UsageError(f"there are no {count} numbers between the ends of the range")


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text if len(text) <= 20 else repr(float(number))


def _too_many(count: float) -> str:
    return f"has {count:,.0f} values; an axis has at most {MAX_VALUES:,}: make it coarser"
