"""Encodings, schemes and the class of arithmetic that two encodings need."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from xnorsim.errors import UsageError
from xnorsim.network.precision import (
    BIPOLAR,
    ENCODINGS,
    FP32,
    SCHEMES,
    TERNARY,
    UNIPOLAR,
    MacClass,
    Meaning,
    encoding,
    mac_class,
)


@pytest.mark.parametrize("name", sorted(ENCODINGS))
def test_an_encoding_is_found_by_its_own_name(name: str) -> None:
    found = encoding(name)
    assert found.name == str(found) == name
    assert found.bits > 0 or found.meaning is Meaning.TEXT


@pytest.mark.parametrize(
    "name", ["float16", "float32", "float64", "int8", "uint16", "int64", "bool", "complex64"]
)
def test_bits_are_those_of_numpy(name: str) -> None:
    assert encoding(name).bits == 8 * np.dtype(name).itemsize


@pytest.mark.parametrize("name", ["float8e4m3fn", "float8e5m2", "float8e5m2fnuz", "float8e4m3fnuz"])
def test_narrow_floats_are_a_byte(name: str) -> None:
    dtype = getattr(ml_dtypes, name.replace("float8", "float8_"))
    assert encoding(name).bits == 8 * np.dtype(dtype).itemsize


def test_one_bit_means_what_its_meaning_says() -> None:
    assert (BIPOLAR.bits, UNIPOLAR.bits, TERNARY.bits) == (1, 1, 2)
    assert len({BIPOLAR.meaning, UNIPOLAR.meaning, TERNARY.meaning}) == 3


def test_an_unknown_encoding_names_near_ones() -> None:
    with pytest.raises(UsageError, match=r"no encoding 'flaot32': did you mean float32"):
        encoding("flaot32")


@pytest.mark.parametrize(
    ("weight", "activation", "expected", "reason"),
    [
        ("bipolar", "bipolar", MacClass.BINARY, "XNOR and popcount"),
        ("bipolar", "float32", MacClass.BWN, "an addition or subtraction"),
        ("bipolar", "int8", MacClass.BWN, "the same with integers"),
        ("bipolar", "uint2", MacClass.OTHER, "2 bits are no high precision"),
        ("bipolar", "unipolar", MacClass.OTHER, "{0,1} needs AND, not XNOR"),
        ("unipolar", "unipolar", MacClass.OTHER, "AND and popcount"),
        ("ternary", "float32", MacClass.OTHER, "zeros are skipped, not added"),
        ("float32", "bipolar", MacClass.OTHER, "no instruction set has float x +-1"),
        ("int8", "uint8", MacClass.INT8, "signs may differ"),
        ("int4", "int8", MacClass.INT8, "4 bits run on int8 units"),
        ("int2", "int8", MacClass.OTHER, "2 bits are counted apart"),
        ("int16", "int8", MacClass.OTHER, "too wide for int8 units"),
        ("float32", "float32", MacClass.FP, "plain"),
        ("float16", "float32", MacClass.FP, "floats of any width"),
        ("int8", "float32", MacClass.FP, "weights are dequantized first"),
        ("int8", "bool", MacClass.OTHER, "no number"),
    ],
)
def test_mac_class(weight: str, activation: str, expected: MacClass, reason: str) -> None:
    assert mac_class(encoding(weight), encoding(activation)) is expected, reason


def test_every_pair_has_one_class() -> None:
    pairs = [(w, a) for w in ENCODINGS.values() for a in ENCODINGS.values()]
    found = {mac_class(w, a) for w, a in pairs}
    assert found == set(MacClass)


def test_schemes_multiply_what_their_names_say() -> None:
    classes = {name: mac_class(s.weight, s.activation).value for name, s in SCHEMES.items()}
    assert classes == {"fp32": "fp", "int8": "int8", "bwn": "bwn", "xnor": "binary"}
    assert str(FP32) == "float32*float32"
