"""Quantities with units in text <-> SI floats, at the edge only.

`parse_quantity("2.4 GHz", "hertz")` is 2.4e9. The units are our own small registry: second, hertz,
joule, watt, volt, meter, bit, byte, cycle, mac, op and vector, with SI prefixes (p, n, u, m, k, M,
G, T, ...) and binary ones (Ki, Mi, Gi, ...). A cycle is a unit of its own (in pint's stock registry
it is 2*pi radian), and so are mac, op and vector, so that a rate a cycle is never mixed up with a
rate a second. pint is imported on first use, never with this module.
"""

from __future__ import annotations

import decimal
import functools
import math
import re
from typing import Any

from xnorsim.errors import InputError, choices

__all__ = [
    "DimensionError",
    "QuantityError",
    "UnknownUnitError",
    "base_units",
    "format_bits",
    "format_si",
    "parse_quantity",
    "split_quantity",
]


class QuantityError(InputError):
    """A text is not a quantity: not `number unit`, not finite, or out of range."""


class UnknownUnitError(QuantityError):
    """The text names a unit that does not exist here."""


class DimensionError(QuantityError):
    """The unit exists and measures something else than what is asked for."""


_UNITS = ("second", "hertz", "joule", "watt", "volt", "meter")
_COUNTED = ("byte", "bit", "cycle", "mac", "op", "vector")
_DEFINITIONS = (
    "atto- = 1e-18 = a-",
    "femto- = 1e-15 = f-",
    "pico- = 1e-12 = p-",
    "nano- = 1e-9 = n-",
    "micro- = 1e-6 = µ- = μ- = u-",
    "milli- = 1e-3 = m-",
    "kilo- = 1e3 = k-",
    "mega- = 1e6 = M-",
    "giga- = 1e9 = G-",
    "tera- = 1e12 = T-",
    "peta- = 1e15 = P-",
    "exa- = 1e18 = E-",
    "kibi- = 2**10 = Ki-",
    "mebi- = 2**20 = Mi-",
    "gibi- = 2**30 = Gi-",
    "tebi- = 2**40 = Ti-",
    "second = [time] = s",
    "meter = [length] = m",
    "joule = [energy] = J",
    "volt = [potential] = V",
    "bit = [information]",
    "cycle = [cycle]",
    "mac = [mac]",
    "op = [op]",
    "vector = [vector]",
    "hertz = 1 / second = Hz",
    "watt = joule / second = W",
    "byte = 8 bit = B",
)
_EXAMPLES = {
    "": "4",
    "second": "12 us",
    "hertz": "1.5 GHz",
    "joule": "1.2 pJ",
    "watt": "2.7 W",
    "volt": "0.85 V",
    "meter": "28 nm",
    "byte": "32 KiB",
    "bit": "128 bit",
    "cycle": "4 cycle",
    "byte/s": "4.3 GB/s",
    "byte/cycle": "16 byte/cycle",
    "vector/cycle": "0.5 vector/cycle",
    "op/cycle": "1 op/cycle",
    "joule/byte": "20 pJ/byte",
}
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_NAME = r"[A-Za-zµμ]+"
# Only `number` or `number unit`, where a unit is names joined by / and *: no powers, no brackets,
# no arithmetic. pint's parser is never shown anything else.
_QUANTITY = re.compile(rf"({_NUMBER})\s*({_NAME}(?:\s*[*/]\s*{_NAME}){{0,3}})?")
_LONGEST = 80


@functools.cache
def _registry() -> Any:
    import pint  # here, because it costs 0.2 s and most commands never parse a unit

    registry = pint.UnitRegistry(None)  # pyright: ignore[reportArgumentType]  # empty, as documented
    registry.load_definitions(list(_DEFINITIONS))
    return registry


def _expected(unit: str) -> str:
    if not unit:
        return "expected a number without a unit, as '4'"
    example = _EXAMPLES.get(unit)
    return f"expected a quantity in {unit}" + (f", as '{example}'" if example else "")


def split_quantity(text: str | float) -> tuple[float, str]:
    """Split `number unit` into its number and its unit text ("" when there is none).

    Raises QuantityError for anything else, for infinities and for NaN. A number is taken as it is.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise QuantityError(f"{_shown(text)} is not a quantity")
    if not isinstance(text, str):
        try:
            number = float(text)
        except OverflowError:
            number = math.inf
        unit = ""
    else:
        match = _QUANTITY.fullmatch(text.strip()) if len(text) <= _LONGEST else None
        if match is None:
            raise QuantityError(f"{_shown(text)} is not of the form 'number unit'")
        number, unit = float(match[1]), match[2] or ""
    if not math.isfinite(number):
        raise QuantityError(f"{_shown(text)} is not a finite number")
    return number, unit


@functools.lru_cache(maxsize=1024)
def base_units(unit: str) -> tuple[tuple[str, int], ...]:
    """The base units that a unit is made of, with their powers; of a plain number: none.

    Bits and bytes stay apart, as everywhere.

    >>> base_units("GB/s"), base_units("hertz")
    ((('byte', 1), ('second', -1)), (('second', -1),))

    Raises UnknownUnitError.
    """
    powers: dict[str, int] = {}
    for name, power in _parsed_units(unit)._units.items():
        whole = next((kept for kept in ("byte", "bit") if name.endswith(kept)), None)
        parts = {f"[{whole}]": 1} if whole else _registry().get_dimensionality(name)
        for part, each in parts.items():
            base = _BASES.get(part, part.strip("[]"))
            powers[base] = powers.get(base, 0) + int(each * power)
    return tuple(sorted((base, power) for base, power in powers.items() if power))


_BASES = {"[time]": "second", "[length]": "meter", "[energy]": "joule", "[potential]": "volt"}


def _parsed_units(unit: str) -> Any:
    import pint

    try:
        return _registry().parse_units(unit)
    except pint.UndefinedUnitError as error:
        unknown = error.unit_names if isinstance(error.unit_names, str) else error.unit_names[0]
        raise UnknownUnitError(
            f"unknown unit '{unknown}' in '{unit}'; {choices(unknown, (*_UNITS, *_COUNTED))}, "
            "with SI or binary prefixes"
        ) from error


@functools.lru_cache(maxsize=1024)
def _factor(given: str, wanted: str) -> float:
    """What one `given` is in `wanted`."""
    import pint

    unit = _parsed_units(given)
    try:
        return float((1.0 * unit).to(_registry().parse_units(wanted)).magnitude)
    except pint.DimensionalityError as error:
        raise DimensionError(f"'{given}' does not measure {wanted or 'a plain number'}") from error


def _scaled(number: float, factor: float) -> float:
    # In decimals and rounded once, so that 4.1 GB/s is the float 4.1e9 and 28 nm is 28e-9: neither
    # 4.1 * 1e9 nor 28 * 1e-9 is in floats, and pint's own product of prefixes is not exact either.
    exact = decimal.Decimal(repr(number))
    if math.isclose(factor, whole := round(factor), rel_tol=1e-12):
        return float(exact * whole)
    if math.isclose(factor * (whole := round(1 / factor)), 1, rel_tol=1e-12):
        return float(exact / whole)
    return number * factor  # KiB/ks


def _shown(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "..."


def parse_quantity(text: str | float, unit: str) -> float:
    """The value of a quantity in text, in the stated unit.

    Parameters: `text`, as "2.4 GHz", "16 byte/cycle" or "3 MiB" (a bare number, or a text without a
    unit, is accepted only where `unit` is ""); `unit`, what the result is in: "hertz", "byte/s",
    "joule/byte", "vector/cycle", ... or "" for a plain number.

    Raises QuantityError (not `number unit`, inf, nan), UnknownUnitError or DimensionError; the
    message names the text and the unit expected, with an example.
    """
    try:
        number, given = split_quantity(text)
        if not given and unit:
            raise DimensionError(f"{text!r} has no unit")
        result = _scaled(number, _factor(given, unit)) if given else number
    except QuantityError as error:
        name = f"{_shown(text)}: " if _shown(text) not in str(error) else ""
        raise type(error)(f"{name}{error}; {_expected(unit)}") from error
    if not math.isfinite(result):
        raise QuantityError(f"{text!r} is not a finite number; {_expected(unit)}")
    return result


_PREFIXES = {
    -18: "a", -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "",
    3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E",
}  # fmt: skip


def format_si(value: float, unit: str = "", digits: int = 3) -> str:
    """A value with an SI prefix, for people: `format_si(0.0123, "s")` is "12.3 ms".

    `digits` significant digits; zero, infinities and NaN carry no prefix; magnitudes beyond atto
    and exa are written with an exponent.
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}".rstrip()
    # Rounded first, so that 999.96 becomes 1.00 k and not 1000.
    rounded = float(f"{value:.{digits - 1}e}")
    exponent = 3 * math.floor(math.log10(abs(rounded)) / 3 + 1e-12)
    if exponent not in _PREFIXES:
        return f"{value:.{digits - 1}e} {unit}".rstrip()
    scaled = rounded / 10.0**exponent
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(scaled)) + 1e-12))
    return f"{scaled:.{decimals}f} {_PREFIXES[exponent]}{unit}".rstrip()


def format_bits(bits: float) -> str:
    """A number of bits as an amount of memory, for people: `format_bits(374e6)` is "44.6 MiB".

    Below one KiB exact: "12 bit", "96 B". Above, three significant digits in KiB, MiB, GiB, TiB.
    """
    if not math.isfinite(bits):
        return f"{bits:g} B"
    if abs(bits) < 8 * 1024:
        return f"{bits / 8:g} B" if bits % 8 == 0 else f"{bits:g} bit"
    scaled, steps = bits / 8, 0
    while abs(scaled) >= 1023.5 and steps < 4:  # 1023.5 KiB would be written as 1024 KiB
        scaled, steps = scaled / 1024, steps + 1
    decimals = max(0, 2 - max(0, math.floor(math.log10(abs(scaled)))))
    return f"{scaled:.{decimals}f} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[steps]}"
