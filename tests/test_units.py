"""Quantities in text: what is read, what is refused and why, and what people see."""

from __future__ import annotations

import contextlib
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorsim.errors import InputError
from xnorsim.units import (
    DimensionError,
    QuantityError,
    UnknownUnitError,
    base_units,
    format_bits,
    format_si,
    parse_quantity,
    split_quantity,
)

# text, unit asked for, value: exact floats, because prefixes are powers of ten and two.
READ = [
    ("1.5 GHz", "hertz", 1.5e9),
    ("1.5GHz", "hertz", 1.5e9),  # no space
    ("1500 MHz", "hertz", 1.5e9),
    ("2.4e9 Hz", "hertz", 2.4e9),
    ("3 cycle", "cycle", 3.0),  # our cycle is a unit of its own, not 2*pi radian
    ("32 KiB", "byte", 32768.0),
    ("1 kB", "byte", 1000.0),  # SI prefixes are decimal
    ("1 byte", "bit", 8.0),
    ("3 bit", "byte", 0.375),
    ("4.3 GB/s", "byte/s", 4.3e9),
    ("4.1 GB/s", "byte/s", 4.1e9),  # 4.1 * 1e9 is not 4.1e9 in floats
    ("1 KiB/ks", "byte/s", 1.024),  # neither a whole factor nor the reciprocal of one
    ("16 byte/cycle", "byte/cycle", 16.0),
    ("0.5 vector/cycle", "vector/cycle", 0.5),
    ("2 vectors/cycle", "vector/cycle", 2.0),  # plural
    ("1 op/cycle", "op/cycle", 1.0),
    ("20 pJ/byte", "joule/byte", 20e-12),
    ("28 nm", "meter", 28e-9),
    ("1 ms", "second", 1e-3),  # milli-second, not meters
    ("7 us", "second", 7e-6),
    ("7 µs", "second", 7e-6),  # U+00B5
    ("7 μs", "second", 7e-6),  # U+03BC
    ("2 W", "joule/s", 2.0),
    ("-1 V", "volt", -1.0),  # signs are the caller's matter
    (4, "", 4.0),
    (0.5, "", 0.5),
    ("4", "", 4.0),
]


@pytest.mark.parametrize(("text", "unit", "value"), READ)
def test_reads(text: str | float, unit: str, value: float) -> None:
    assert parse_quantity(text, unit) == value


REFUSED = [
    # what, unit asked for, error, what the message must say
    ("2.4 GHx", "hertz", UnknownUnitError, r"GHx.*valid choices.*hertz.*'1.5 GHz'"),
    ("1 pascal", "hertz", UnknownUnitError, "pascal"),  # in pint's stock registry, not in ours
    ("1 radian", "cycle", UnknownUnitError, "radian"),
    ("2.4 GHz", "byte", DimensionError, "'GHz' does not measure byte.*'32 KiB'"),
    ("1 cycle", "hertz", DimensionError, "cycle"),
    ("1 mac", "op", DimensionError, "mac"),
    ("1 byte/s", "byte/cycle", DimensionError, "byte/s"),
    ("2.4e9", "hertz", DimensionError, "has no unit.*'1.5 GHz'"),  # what YAML makes of 2.4e9
    (2.4e9, "hertz", DimensionError, "has no unit"),
    ("4 cycle", "", DimensionError, "plain number"),
    ("nan Hz", "hertz", QuantityError, "nan Hz"),
    ("inf Hz", "hertz", QuantityError, "inf Hz"),
    (math.nan, "", QuantityError, "not a finite number"),
    (-math.inf, "", QuantityError, "not a finite number"),
    ("1e999 Hz", "hertz", QuantityError, "not a finite number"),
    ("1e308 GHz", "hertz", QuantityError, "not a finite number"),  # overflows in the unit
    (10**400, "", QuantityError, "not a finite number"),
    (True, "", QuantityError, "True is not a quantity"),
    (None, "hertz", QuantityError, "None is not a quantity"),
    ([1], "hertz", QuantityError, "not a quantity"),
    ("", "hertz", QuantityError, "number unit"),
    ("GHz", "hertz", QuantityError, "number unit"),  # no number
    ("1,5 GHz", "hertz", QuantityError, "number unit"),
    ("1 5 GHz", "hertz", QuantityError, "number unit"),
    ("9**9**9", "hertz", QuantityError, "number unit"),  # would take hours
    ("9**9**9 Hz", "hertz", QuantityError, "number unit"),
    ("1 Hz**999999", "hertz", QuantityError, "number unit"),
    ("1 (Hz)", "hertz", QuantityError, "number unit"),
    ("1 s s", "second", QuantityError, "number unit"),
    ("1 __import__", "second", QuantityError, "number unit"),
    ("1 " + "s/" * 50 + "s", "second", QuantityError, "number unit"),
    ("1" * 100_000 + " Hz", "hertz", QuantityError, "number unit"),
]


@pytest.mark.parametrize(("text", "unit", "error", "message"), REFUSED)
def test_refuses(text: object, unit: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        parse_quantity(text, unit)  # pyright: ignore[reportArgumentType]
    assert isinstance(caught.value, InputError)
    assert len(str(caught.value)) < 700


UNITS = st.sampled_from(
    [("Hz", "hertz"), ("s", "second"), ("J", "joule"), ("W", "watt"), ("B", "byte"), ("m", "meter")]
)
FINITE = st.floats(min_value=1e-15, max_value=1e18, allow_nan=False)


@given(FINITE, UNITS, st.integers(min_value=1, max_value=15))
def test_what_is_written_is_read_back(value: float, unit: tuple[str, str], digits: int) -> None:
    text = format_si(value, unit[0], digits)
    assert parse_quantity(text, unit[1]) == pytest.approx(value, rel=0.51 * 10.0 ** (1 - digits))


@given(FINITE, UNITS, st.sampled_from(["", "k", "M", "G", "m", "u", "n"]))
def test_a_prefix_is_a_power_of_ten(value: float, unit: tuple[str, str], prefix: str) -> None:
    power = {"": 0, "k": 3, "M": 6, "G": 9, "m": -3, "u": -6, "n": -9}[prefix]
    read = parse_quantity(f"{value!r} {prefix}{unit[0]}", unit[1])
    assert read == pytest.approx(value * 10.0**power, rel=1e-15)


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_a_quantity_error(text: str) -> None:
    with contextlib.suppress(QuantityError):
        assert math.isfinite(split_quantity(text)[0])


@pytest.mark.parametrize(
    ("value", "unit", "digits", "text"),
    [
        (1.84e9, "", 3, "1.84 G"),
        (0.0123, "s", 3, "12.3 ms"),
        (1.0, "s", 3, "1.00 s"),
        (999.96, "s", 3, "1.00 ks"),  # rounding carries into the next prefix
        (999.4, "s", 3, "999 s"),
        (1e-18, "J", 2, "1.0 aJ"),
        (1e-30, "J", 3, "1.00e-30 J"),  # beyond the prefixes
        (-5e-7, "s", 3, "-500 ns"),
        (1000.0, "", 1, "1 k"),
        (0.0, "s", 3, "0 s"),
        (math.inf, "B/s", 3, "inf B/s"),
        (math.nan, "", 3, "nan"),
    ],
)
def test_format_si(value: float, unit: str, digits: int, text: str) -> None:
    assert format_si(value, unit, digits) == text


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        (0, "0 B"),
        (12, "12 bit"),  # below a KiB exact
        (96, "12 B"),
        (8 * 1024, "1.00 KiB"),
        (8 * 1024 * 1023.9, "1.00 MiB"),  # never "1024 KiB"
        (374e6, "44.6 MiB"),
        (8 * 2**30, "1.00 GiB"),
        (8 * 2**50, "1024 TiB"),  # the last unit
        (math.nan, "nan B"),
    ],
)
def test_format_bits(bits: float, text: str) -> None:
    assert format_bits(bits) == text


@pytest.mark.parametrize(
    "module", ["xnorsim.units", "xnorsim.machine.profile", "xnorsim.machine.lowering"]
)
def test_importing_does_not_import_pint(module: str) -> None:
    code = f"import sys, {module}; sys.exit('pint' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("", {}),
        ("GHz", {"second": -1}),
        ("W", {"joule": 1, "second": -1}),
        ("nm", {"meter": 1}),
        ("V", {"volt": 1}),
        ("KiB", {"byte": 1}),
        ("Gbit/s", {"bit": 1, "second": -1}),  # bits and bytes stay apart
        ("pJ/byte", {"joule": 1, "byte": -1}),
        ("vector/cycle", {"vector": 1, "cycle": -1}),
        ("byte/byte", {}),
    ],
)
def test_units_are_made_of_base_units(unit, expected):
    assert dict(base_units(unit)) == expected


def test_a_unit_that_does_not_exist_is_made_of_nothing():
    with pytest.raises(UnknownUnitError, match="unknown unit 'parsec'"):
        base_units("parsec/s")
