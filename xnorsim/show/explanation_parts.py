"""What an explanation is shown as: sections of lines and tables, and how their numbers are written.

Counts are written out; what is derived has six digits, so that a hand calculation can tell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from xnorsim.show import labels
from xnorsim.show.content import Column
from xnorsim.units import format_si

__all__ = ["Block", "Line", "Section", "Table", "cells", "number", "si", "span"]

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


def number(value: float) -> str:
    """A count in full; a fraction with what it has behind the point."""
    if not math.isfinite(value):
        return "unlimited"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.10g}"


def si(value: float, unit: str) -> str:
    """A derived value with six digits, an SI prefix and its unit."""
    return format_si(value, unit, 6)


def cells(header: str, texts: Sequence[str], rank: int, align: str = "right") -> Column:
    """A column of texts without a total."""
    return Column(header, tuple(map(labels.visible, texts)), "", rank, align)


def span(low: float, high: float, unit: str) -> str:
    """A range of predictions."""
    return labels.quantity_range(low, high, unit, 3)
