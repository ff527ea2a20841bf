"""Axes: one dimension of a space each, along which one field changes, or several linked ones.

clock: 1 GHz .. 4 GHz log 20
sizes: {link: [channels, filters], values: 16 .. 1024 step 16}           the same for both
caches: {link: [memories.L2.size, memories.L3.size], values: [[1 MiB, 8 MiB], [2 MiB, 16 MiB]]}
both: {link: {clock: 1 GHz .. 4 GHz step 1 GHz, threads: 1 .. 4}}        as many of each
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.errors import UsageError
from xnorsim.explore.fields import Field, Kind
from xnorsim.explore.values import MAX_VALUES, Faults, Path, Value, read_values

__all__ = ["Axis", "Lookup", "read_axes", "read_axis"]

Lookup = Callable[[str], Field]
"""The field of a name; raises UsageError."""


@dataclass(frozen=True, eq=False)
class Axis:
    """One dimension.

    kind: that of the field which enters earliest, structure before table before number. texts,
    numbers, units: for each of its fields the values [n] as text, as arrays [n] in its unit (NaN
    for words), and that unit.
    """

    name: str
    fields: tuple[Field, ...]
    kind: Kind
    texts: tuple[tuple[str, ...], ...]
    numbers: tuple[NDArray[np.float64], ...]
    units: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.texts[0])


def read_axes(given: Any, lookup: Lookup, path: Path, faults: Faults) -> tuple[Axis, ...]:
    """The axes of a mapping name -> values; what cannot be read is left out and in `faults`."""
    if not isinstance(given, Mapping):
        faults.append((path, f"maps fields to their values (got {given!r:.60})"))
        return ()
    found = (
        read_axis(str(name), item, lookup, (*path, name), faults) for name, item in given.items()
    )
    return tuple(axis for axis in found if axis is not None)


def read_axis(name: str, given: Any, lookup: Lookup, path: Path, faults: Faults) -> Axis | None:
    """One axis; None if it has a fault, which is then in `faults`."""
    before = len(faults)
    if isinstance(given, Mapping) and "link" in given:
        columns = _linked(given, lookup, path, faults)
        if len(faults) == before:
            _check_rows(columns, path, faults)
    else:
        columns = {}
        for field in _found([name], lookup, path, faults):
            columns[field] = read_values(field, given, path, faults)
    if len(faults) > before:
        return None
    return _axis(name, columns)


def _axis(name: str, columns: Mapping[Field, Sequence[Value]]) -> Axis:
    kinds = {field.kind for field in columns}
    kind: Kind = "structure" if "structure" in kinds else "table" if "table" in kinds else "number"
    return Axis(
        name,
        tuple(columns),
        kind,
        tuple(tuple(value.text for value in column) for column in columns.values()),
        tuple(_frozen(value.number for value in column) for column in columns.values()),
        tuple(column[0].unit for column in columns.values()),
    )


def _frozen(numbers: Any) -> NDArray[np.float64]:
    array = np.fromiter(numbers, dtype=np.float64)
    array.setflags(write=False)
    return array


def _found(names: Sequence[Any], lookup: Lookup, path: Path, faults: Faults) -> list[Field]:
    found = []
    for name in names:
        try:
            found.append(lookup(str(name)))
        except UsageError as fault:
            faults.append((path, str(fault)))
    return found


def _linked(
    given: Mapping[str, Any], lookup: Lookup, path: Path, faults: Faults
) -> dict[Field, tuple[Value, ...]]:
    """The values of each field of a link, as many for each."""
    link = given["link"]
    if isinstance(link, Mapping) and set(given) == {"link"} and link:
        return _by_field(link, lookup, path, faults)
    if not isinstance(link, list | tuple) or not link or set(given) != {"link", "values"}:
        faults.append(
            (
                path,
                "a link is {link: [fields], values: [[one for each], ...]} "
                "or {link: {field: values}}",
            )
        )
        return {}
    fields = _found(link, lookup, (*path, "link"), faults)
    if len(fields) < len(link):
        return {}
    below, values = (*path, "values"), given["values"]
    if not _has_rows(values):
        return {
            field: read_values(field, values, below, faults, distinct=False) for field in fields
        }
    if len(values) > MAX_VALUES:
        faults.append(
            (below, f"has {len(values):,} rows; an axis has at most {MAX_VALUES:,} values")
        )
        return {}
    return _by_row(fields, values, below, faults)


def _by_field(
    link: Mapping[str, Any], lookup: Lookup, path: Path, faults: Faults
) -> dict[Field, tuple[Value, ...]]:
    columns = {}
    for name, values in link.items():
        below = (*path, "link", name)
        for field in _found([name], lookup, below, faults):
            columns[field] = read_values(field, values, below, faults, distinct=False)
    lengths = {field.name: len(column) for field, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        faults.append((path, f"linked fields have as many values each (got {told})"))
    return columns


def _has_rows(values: Any) -> bool:
    return isinstance(values, list | tuple) and any(isinstance(row, list | tuple) for row in values)


def _by_row(
    fields: Sequence[Field], rows: Sequence[Any], path: Path, faults: Faults
) -> dict[Field, tuple[Value, ...]]:
    before = len(faults)
    for place, row in enumerate(rows):
        if not isinstance(row, list | tuple) or len(row) != len(fields):
            names = ", ".join(field.name for field in fields)
            faults.append(
                ((*path, place), f"holds one value for each of {names} (got {row!r:.60})")
            )
    if len(faults) > before:
        return {}
    columns = zip(*rows, strict=True)
    return {
        field: read_values(field, list(column), path, faults, distinct=False)
        for field, column in zip(fields, columns, strict=True)
    }


def _check_rows(columns: Mapping[Field, Sequence[Value]], path: Path, faults: Faults) -> None:
    """A value may stand again beside another neighbour, a whole row not."""
    first: dict[tuple[Any, ...], int] = {}
    for place, row in enumerate(zip(*columns.values(), strict=True)):
        key = tuple(v.text if np.isnan(v.number) else v.number for v in row)
        if key in first:
            told = ", ".join(value.text for value in row)
            faults.append((path, f"row {place} is that of {first[key]} again (got {told})"))
        first.setdefault(key, place)
