"""How an activation of each encoding is held in memory while a network runs.

Values are held as they are, not packed: +-1 as int8, so that every engine and every layer that is
not a product reads the same array. An engine packs what it multiplies.
"""

from __future__ import annotations

from functools import cache

import ml_dtypes
import numpy as np

from xnorsim.errors import UnsupportedOpError
from xnorsim.network.graph import TensorSpec
from xnorsim.network.precision import BIPOLAR, ENCODINGS, TERNARY, UNIPOLAR, Encoding, Meaning

__all__ = ["conversion", "dtype_of", "held_spec"]

_NARROW = {BIPOLAR: np.int8, TERNARY: np.int8, UNIPOLAR: np.uint8}
_ML_NAMES = {
    "float8e4m3fn": "float8_e4m3fn",
    "float8e4m3fnuz": "float8_e4m3fnuz",
    "float8e5m2": "float8_e5m2",
    "float8e5m2fnuz": "float8_e5m2fnuz",
    "float8e8m0": "float8_e8m0fnu",
    "float4e2m1": "float4_e2m1fn",
    "float6e2m3": "float6_e2m3fn",
    "float6e3m2": "float6_e3m2fn",
}


@cache
def dtype_of(encoding: Encoding) -> np.dtype:
    """The numpy type that holds values of an encoding (ml_dtypes has what numpy lacks).

    Raises:
        UnsupportedOpError: text, which no layer computes with.
    """
    if encoding.meaning is Meaning.TEXT:
        raise UnsupportedOpError(f"tensors of {encoding} cannot be run: only numbers can")
    if encoding in _NARROW:
        return np.dtype(_NARROW[encoding])
    name = _ML_NAMES.get(encoding.name, encoding.name)
    own = getattr(ml_dtypes, name, None)
    if own is None and encoding.meaning is Meaning.INTEGER:
        wide = next(bits for bits in (8, 16, 32, 64) if bits >= encoding.bits)
        return np.dtype(f"{name.rstrip('0123456789')}{wide}")
    return np.dtype(name if own is None else own)


def conversion(given: np.dtype, wanted: np.dtype) -> str:
    """How to convert an array of another float or integer type; "" where that takes a decision."""
    numbers = given.kind in "iu" or (given.kind == "f" and wanted.kind == "f")
    usual = numbers and wanted.kind in "fiu" and given != wanted
    return f': convert it with .astype("{wanted}")' if usual else ""


def held_spec(spec: TensorSpec) -> TensorSpec:
    """`spec` with the encoding in which it is held while it runs: its bits are the bytes taken."""
    if spec.encoding.meaning is Meaning.TEXT:
        return spec
    bits = 8 * dtype_of(spec.encoding).itemsize
    if bits == spec.encoding.bits:
        return spec
    return TensorSpec(spec.shape, ENCODINGS[f"int{bits}"])
