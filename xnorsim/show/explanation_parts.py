"""What an explanation is shown as: sections of lines and tables, and how their numbers are written.

Counts are written out; what is derived has six digits, so that a hand calculation can tell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from xnorsim.show import labels
from xnorsim.show.content import Column
from xnorsim.units import format_si

__all__ = [
    "Block",
    "Line",
    "Section",
    "Table",
    "cells",
    "given",
    "in_unit",
    "number",
    "printable",
    "si",
    "span",
]

Line = tuple[str, str]


@dataclass(frozen=True)
class Table:
    """Columns beside a column of names, headed `first`; `foot` names the totals, "" for none."""

    first: str
    names: tuple[str, ...]
    columns: tuple[Column, ...]
    foot: str = ""


Block = Table | tuple[Line, ...]
"""Columns, or lines with their names."""


@dataclass(frozen=True)
class Section:
    """A titled part of an explanation: tables and lines, in their order."""

    title: str
    blocks: tuple[Block, ...]


def printable(section: Section) -> Section:
    """The section without characters that would steer a terminal: names are a file's."""
    return Section(labels.visible(section.title), tuple(map(_printable, section.blocks)))


def _printable(block: Block) -> Block:
    if not isinstance(block, Table):
        return tuple((labels.visible(name), labels.visible(text)) for name, text in block)
    columns = (
        replace(c, header=labels.visible(c.header), cells=tuple(map(labels.visible, c.cells)))
        for c in block.columns
    )
    return replace(block, names=tuple(map(labels.visible, block.names)), columns=tuple(columns))


def number(value: float) -> str:
    """A count in full; a fraction with what it has behind the point."""
    if not math.isfinite(value):
        return "unlimited"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.10g}"


def si(value: float, unit: str) -> str:
    """A derived value with six digits, an SI prefix and its unit."""
    return format_si(value, unit, 6)


def given(value: float, unit: str) -> str:
    """A value that was given, without zeros at its end, with an SI prefix and its unit."""
    digits, _, rest = si(value, unit).partition(" ")
    short = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return f"{short} {rest}".rstrip()


def in_unit(value: float, unit: str) -> str:
    """A quantity in its unit; cycles, operations and shares as they are, the rest with a prefix.

    >>> in_unit(2.4e9, "hertz"), in_unit(262144.0, "byte"), in_unit(4.0, "byte/cycle")
    ('2.4 GHz', '256 KiB', '4 byte/cycle')
    """
    if not math.isfinite(value):
        return "unlimited"
    if unit == "byte":
        return labels.memory(round(8 * value))
    return given(value, _SYMBOLS[unit]) if unit in _SYMBOLS else f"{value:.6g} {unit}".rstrip()


_SYMBOLS = {
    "hertz": "Hz", "second": "s", "joule": "J", "watt": "W", "meter": "m", "volt": "V",
    "byte/s": "B/s", "joule/byte": "J/B",
}  # fmt: skip


def cells(header: str, texts: Sequence[str], rank: int, align: str = "right") -> Column:
    """A column of texts without a total."""
    return Column(header, tuple(texts), "", rank, align)


def span(low: float, high: float, unit: str) -> str:
    """A range of predictions."""
    return labels.quantity_range(low, high, unit, 3)
