"""How numbers are encoded, and which two encodings a layer multiplies.

An `Encoding` says how many bits a number takes and what they mean; a `Scheme` says what a layer's
weights and activations are, and how a binary layer is scaled back (Rastegari et al., section 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from xnorsim.errors import UsageError, choices

__all__ = [
    "BIPOLAR",
    "BWN",
    "ENCODINGS",
    "FLOAT32",
    "FP32",
    "INT8",
    "INT32",
    "INT64",
    "MAC_CLASSES",
    "SCHEMES",
    "TERNARY",
    "UINT8",
    "UNIPOLAR",
    "XNOR",
    "Border",
    "Encoding",
    "MacClass",
    "Meaning",
    "Scaling",
    "Scheme",
    "encoding",
    "mac_class",
]


class Meaning(StrEnum):
    """What the bits of an encoding stand for."""

    FLOAT = "float"
    INTEGER = "integer"
    BIPOLAR = "bipolar"  # -1 or +1
    UNIPOLAR = "unipolar"  # 0 or 1
    TERNARY = "ternary"  # -1, 0 or +1
    BOOLEAN = "boolean"
    COMPLEX = "complex"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Encoding:
    """A number format: its name, the bits one element takes in memory, and their meaning."""

    name: str
    bits: int
    meaning: Meaning

    def __str__(self) -> str:
        return self.name


def _table() -> dict[str, Encoding]:
    floats = {"float64": 64, "float32": 32, "float16": 16, "bfloat16": 16, "float4e2m1": 4}
    floats |= {"float6e2m3": 6, "float6e3m2": 6}
    narrow = ("float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "float8e8m0")
    floats |= dict.fromkeys(narrow, 8)
    integers = {f"{sign}int{bits}": bits for sign in ("", "u") for bits in (*range(2, 33), 64)}
    rows = [
        *(Encoding(name, bits, Meaning.FLOAT) for name, bits in floats.items()),
        *(Encoding(name, bits, Meaning.INTEGER) for name, bits in integers.items()),
        Encoding("bipolar", 1, Meaning.BIPOLAR),
        Encoding("unipolar", 1, Meaning.UNIPOLAR),
        Encoding("ternary", 2, Meaning.TERNARY),
        Encoding("bool", 8, Meaning.BOOLEAN),  # a byte each, as ONNX and numpy store it
        Encoding("complex64", 64, Meaning.COMPLEX),
        Encoding("complex128", 128, Meaning.COMPLEX),
        Encoding("string", 0, Meaning.TEXT),  # no fixed size: only shapes are known
    ]
    return {row.name: row for row in rows}


ENCODINGS = _table()


def encoding(name: str) -> Encoding:
    """The encoding called `name`.

    Raises:
        UsageError: there is none of that name.
    """
    try:
        return ENCODINGS[name]
    except KeyError:
        raise UsageError(f"no encoding '{name}': {choices(name, ENCODINGS)}") from None


FLOAT32 = ENCODINGS["float32"]
INT8 = ENCODINGS["int8"]
UINT8 = ENCODINGS["uint8"]
INT32 = ENCODINGS["int32"]
INT64 = ENCODINGS["int64"]
BIPOLAR = ENCODINGS["bipolar"]
UNIPOLAR = ENCODINGS["unipolar"]
TERNARY = ENCODINGS["ternary"]


class Scaling(StrEnum):
    """How a binary layer's integer result is scaled back to the float layer's range."""

    NONE = "none"
    ALPHA = "alpha"  # one mean|W| a filter
    ALPHA_K = "alpha_k"  # the same, and the map K of mean|I| under each filter position


class Border(StrEnum):
    """What the map K is a mean of where a filter reaches over the border of its input."""

    ZERO = "zero"  # all taps, zero in the padding: a convolution with the box filter, as published
    VALID = "valid"  # the taps that read an input


@dataclass(frozen=True, slots=True)
class Scheme:
    """What a layer multiplies: weight encoding x activation encoding, and the scaling after it.

    `border` matters with scaling alpha_k only.
    """

    weight: Encoding
    activation: Encoding
    scaling: Scaling = Scaling.NONE
    border: Border = Border.ZERO

    def __str__(self) -> str:
        return f"{self.weight}*{self.activation}"


FP32 = Scheme(FLOAT32, FLOAT32)
BWN = Scheme(BIPOLAR, FLOAT32, Scaling.ALPHA)
XNOR = Scheme(BIPOLAR, BIPOLAR, Scaling.ALPHA)
SCHEMES = {"fp32": FP32, "int8": Scheme(INT8, INT8), "bwn": BWN, "xnor": XNOR}


class MacClass(StrEnum):
    """The arithmetic that one multiply-accumulate needs; each has a column of the layer table."""

    BINARY = "binary"  # +-1 x +-1: XNOR and popcount
    BWN = "bwn"  # +-1 weight x high-precision activation: an addition or subtraction
    INT8 = "int8"  # both integers of 3 to 8 bits, as int8 units execute them
    FP = "fp"  # floats of any width, also with weights that are dequantized first
    OTHER = "other"  # 2-bit, ternary, {0,1} (AND, not XNOR), wide integers, float x +-1


MAC_CLASSES = tuple(MacClass)

_HIGH_PRECISION = frozenset({Meaning.FLOAT, Meaning.INTEGER})


def _fits_int8(item: Encoding) -> bool:
    return item.meaning is Meaning.INTEGER and 3 <= item.bits <= 8


def mac_class(weight: Encoding, activation: Encoding) -> MacClass:
    """The arithmetic class of `weight` times `activation`.

    >>> mac_class(BIPOLAR, BIPOLAR).value, mac_class(BIPOLAR, FLOAT32).value
    ('binary', 'bwn')
    """
    if weight.meaning is Meaning.BIPOLAR and activation.meaning is Meaning.BIPOLAR:
        return MacClass.BINARY
    wide_activation = activation.meaning in _HIGH_PRECISION and activation.bits > 2
    if weight.meaning is Meaning.BIPOLAR and wide_activation:
        return MacClass.BWN
    if _fits_int8(weight) and _fits_int8(activation):
        return MacClass.INT8
    if activation.meaning is Meaning.FLOAT and weight.meaning in _HIGH_PRECISION:
        return MacClass.FP
    return MacClass.OTHER
