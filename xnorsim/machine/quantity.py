"""One figure of a profile: value, range, source and basis; and what each field may hold.

A quantity is text as its author wrote it. `resolve` turns it into numbers, with the range that its
basis implies where none is given.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from xnorsim.units import DimensionError, QuantityError, parse_quantity, split_quantity

__all__ = [
    "BASIS_RANGE",
    "Basis",
    "Dimension",
    "Quantity",
    "Range",
    "Section",
    "faults",
    "number_of",
    "resolve",
]

Basis = Literal["measured", "datasheet", "published", "estimated"]

# The range around a value whose author gives none, as factors of the value. It is the one place
# for them; they were chosen before any prediction was compared with a measurement.
BASIS_RANGE: Mapping[str, tuple[float, float]] = {
    # Repeated runs of one micro-benchmark on one quiet machine differ by a few percent.
    "measured": (0.95, 1.05),
    # What a maker states holds for the part, less what refresh, thermal limits and bins take away.
    "datasheet": (0.90, 1.10),
    # Somebody else's board, compiler and memory fitting: results for one board spread like this.
    "published": (0.80, 1.20),
    # An argument from other figures: right within a factor of two, or it should not be given.
    "estimated": (0.50, 2.00),
}


class Section(BaseModel):
    """A mapping of a profile: other keys than its own are faults, and nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Quantity(Section):
    """One figure: text with its unit, where it comes from, and how far it can be trusted."""

    value: str | int | float | None = Field(
        default=None,
        description="number and unit in text, as '1.5 GHz'; a plain number for a count",
    )
    unlimited: bool = Field(
        default=False,
        description="true in place of a value: the source sets no limit (a rate becomes infinite)",
    )
    low: str | int | float | None = Field(
        default=None, description="lower end of the range; without it the one of the basis"
    )
    high: str | int | float | None = Field(
        default=None, description="upper end of the range; without it the one of the basis"
    )
    source: str = Field(description="a key of the profile's sources")
    basis: Basis = Field(description="how the source knows: sets the range where none is given")
    note: str = Field(default="", description="the arithmetic that leads from source to value")

    def __hash__(self) -> int:  # of what is frozen, which type checkers do not know of models
        return hash((self.value, self.unlimited, self.low, self.high, self.basis))


@dataclasses.dataclass(frozen=True)
class Dimension:
    """What a field holds: the units it may be in, and which values are possible.

    units: the first that fits is taken. zero: whether 0 is possible (an energy, an overhead).
    exact: an integer without a range (a number of cores). unlimited: whether it may have no limit.
    most: the largest possible value of a number without a unit (1 for a share); None: any.
    """

    units: tuple[str, ...]
    zero: bool = False
    exact: bool = False
    unlimited: bool = False
    most: float | None = None


class Range(NamedTuple):
    """A quantity in numbers: value, low and high in `unit`."""

    value: float
    low: float
    high: float
    unit: str


def _parse(text: str | float, dimension: Dimension) -> tuple[float, str]:
    """The number, and which of the dimension's units it is in."""
    return (_parsed if isinstance(text, str) else _read)(text, dimension)


def _read(text: str | float, dimension: Dimension) -> tuple[float, str]:
    for unit in dimension.units[:-1]:
        try:
            return parse_quantity(text, unit), unit
        except DimensionError:
            continue
    return parse_quantity(text, dimension.units[-1]), dimension.units[-1]


_parsed = functools.lru_cache(maxsize=8192)(_read)
"""A machine's texts are read again wherever some of its numbers change."""


def number_of(text: str | float, dimension: Dimension) -> tuple[float, str]:
    """One value in numbers, and which of the dimension's units it is in.

    Raises QuantityError when the text is not a quantity of this dimension, or one that cannot be
    (negative, zero, not whole, above the most).
    """
    number, unit = _parse(text, dimension)
    fault = _number_fault(number, text, dimension)
    if fault:
        raise QuantityError(fault)
    return number, unit


@functools.lru_cache(maxsize=8192)  # of some dozen profiles, which are read again and again
def resolve(quantity: Quantity, dimension: Dimension) -> Range:
    """Value and range in numbers; an unlimited quantity is infinite, whatever its unit.

    Raises QuantityError when a text is not a quantity of this dimension.
    """
    if quantity.unlimited or quantity.value is None:
        return Range(math.inf, math.inf, math.inf, dimension.units[0])
    value, unit = _parse(quantity.value, dimension)
    low, high = _default_ends(value, quantity.basis, dimension)
    low = low if quantity.low is None else _parse(quantity.low, dimension)[0]
    high = high if quantity.high is None else _parse(quantity.high, dimension)[0]
    return Range(value, low, high, unit)


def _default_ends(number: float, basis: Basis, dimension: Dimension) -> tuple[float, float]:
    """The range that a basis implies around a number, cut at what is possible."""
    shrink, grow = (1.0, 1.0) if dimension.exact else BASIS_RANGE[basis]
    most = math.inf if dimension.most is None else dimension.most
    return number * shrink, min(number * grow, most)


def bounds_text(quantity: Quantity, dimension: Dimension) -> tuple[str, str, str]:
    """Value, low and high as text in the unit of the value, with the range that applies."""
    if quantity.unlimited or quantity.value is None:
        return "unlimited", "", ""
    number, unit = split_quantity(quantity.value)
    lowest, highest = _default_ends(number, quantity.basis, dimension)
    low = f"{lowest:.6g} {unit}".rstrip() if quantity.low is None else str(quantity.low)
    high = f"{highest:.6g} {unit}".rstrip() if quantity.high is None else str(quantity.high)
    return str(quantity.value), low, high


def _number_fault(number: float, text: object, dimension: Dimension) -> str | None:
    if number < 0:
        return f"must not be negative (got {text!r})"
    if number == 0 and not dimension.zero:
        return f"must be greater than 0 (got {text!r})"
    if dimension.exact and number != int(number):
        return f"must be a whole number (got {text!r})"
    if dimension.most is not None and number > dimension.most:
        return f"must not be above {dimension.most:g} (got {text!r})"
    return None


def faults(data: Mapping[str, Any], dimension: Dimension) -> Iterator[tuple[str, str]]:
    """Every fault of a quantity's numbers, as (key, message); keys and types are pydantic's part.

    Takes plain data, so that the numbers are checked even where something else is missing.
    """
    unlimited = data.get("unlimited") is True
    if unlimited and not dimension.unlimited:
        yield "unlimited", "has a limit in every machine: give a value"
    if unlimited:
        for key in ("value", "low", "high"):
            if data.get(key) is not None:
                yield key, f"cannot stand beside 'unlimited: true' (got {data[key]!r})"
        return
    if data.get("value") is None:
        yield (
            "",
            "is missing a value (or 'unlimited: true')"
            if dimension.unlimited
            else ("is missing a value"),
        )
    numbers: dict[str, tuple[float, str]] = {}
    for key in ("value", "low", "high"):
        text = data.get(key)
        if text is None:
            continue
        if dimension.exact and key != "value":
            yield key, f"is not allowed: this is an exact number (got {text!r})"
            continue
        try:
            number, unit = _parse(text, dimension)
        except QuantityError as error:
            yield key, str(error)
            continue
        message = _number_fault(number, text, dimension)
        if message:
            yield key, message
        else:
            numbers[key] = number, unit
    yield from _order_faults(data, numbers)


def _order_faults(
    data: Mapping[str, Any], numbers: Mapping[str, tuple[float, str]]
) -> Iterator[tuple[str, str]]:
    if "value" not in numbers:
        return
    value, unit = numbers["value"]
    for key in ("low", "high"):
        if key not in numbers:
            continue
        number, its_unit = numbers[key]
        if its_unit != unit:
            yield key, f"must be in the unit of the value, {unit} (got {data[key]!r})"
        elif (number > value) if key == "low" else (number < value):
            relation = "above" if key == "low" else "below"
            yield key, f"is {relation} the value {data['value']!r} (got {data[key]!r})"
