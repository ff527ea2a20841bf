"""Arithmetics: how a layer's sums of products are computed, binary ones by a choice of engines.

A product takes filters (groups, filters, K) and columns (groups, K, positions) and gives
(groups, filters, positions). K is the reduction as the arithmetic stores it: channels x taps
numbers, or words x taps of packed channels.

All engines give the same integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xnorsim.errors import UsageError, choices
from xnorsim.network.bits import pack, tail_mask

__all__ = [
    "ENGINES",
    "FLOAT32_SUMS",
    "FLOAT64_SUMS",
    "INTEGER_SUMS",
    "NATIVE",
    "WIDE_INTEGER_SUMS",
    "Arithmetic",
    "Engine",
    "engine",
]

Array = np.ndarray
Multiply = Callable[[Array, Array, int, Array, int], None]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How operands are stored and multiplied.

    `store` takes values with channels along axis 1 and stores them, channels (or words) still
    along axis 1; `stored` is the type of what it stores, to which it may also leave the
    conversion; `pad(value, channels)` is one padding position so stored, `holds_zero` whether
    that may be 0. `multiply(filters, columns, k, out, tile)` writes the sums of `k`
    products, and holds about `tile` bytes in between.
    """

    store: Callable[[Array], Array]
    stored: np.dtype
    pad: Callable[[int, int], Array]
    holds_zero: bool
    multiply: Multiply
    result: np.dtype


@dataclass(frozen=True, slots=True)
class Engine:
    """A way to compute a binary inner product, exact while it has fewer than `longest` terms."""

    name: str
    summary: str
    arithmetic: Arithmetic
    longest: int


def _unchanged(values: Array) -> Array:
    return values


def _number(value: int, channels: int) -> Array:
    return np.array([value])


def _multiply_plainly(filters: Array, columns: Array, k: int, out: Array, tile: int) -> None:
    np.matmul(filters, columns, out=out)


def _multiply_integers(filters: Array, columns: Array, k: int, out: Array, tile: int) -> None:
    # by way of int64: an accumulator of 32 bits wraps around, where a float would saturate
    out[...] = np.matmul(filters, columns).astype(np.int64)


def _multiply_signs(filters: Array, columns: Array, k: int, out: Array, tile: int) -> None:
    out[...] = np.matmul(filters, columns)  # integers below 2**24 are float32 without rounding


def _numbers(stored: type, result: type, multiply: Multiply) -> Arithmetic:
    """Values stored as they are, in a type that holds 0."""
    return Arithmetic(
        store=_unchanged,
        stored=np.dtype(stored),
        pad=_number,
        holds_zero=True,
        multiply=multiply,
        result=np.dtype(result),
    )


FLOAT32_SUMS = _numbers(np.float32, np.float32, _multiply_plainly)
"""Sums of float32 products, in the order of the BLAS library."""

FLOAT64_SUMS = _numbers(np.float64, np.float64, _multiply_plainly)
"""The same in float64."""

INTEGER_SUMS = _numbers(np.float64, np.int32, _multiply_integers)
"""Sums of products of integers of up to 16 bits, by a float64 product: exact below 2**53."""

WIDE_INTEGER_SUMS = _numbers(np.int64, np.int64, _multiply_plainly)
"""The same for wider integers, as integers modulo 2**64: exact, and without a BLAS library slow."""

_BLAS = _numbers(np.float32, np.int32, _multiply_signs)


def _store_packed(signs: Array) -> Array:
    return pack(signs, axis=1, checked=False)


def _pad_packed(value: int, channels: int) -> Array:
    ones = tail_mask(channels, 64)
    return ones if value == 1 else np.zeros_like(ones)


_LARGEST = 3 * 2**18
"""[byte] As many filters at a time as fit, with all positions: their XOR, counts and sums stay in
the second-level cache, and are yet long enough that numpy's calls cost little."""


def _multiply_packed(filters: Array, columns: Array, k: int, out: Array, tile: int) -> None:
    """k - 2 popcount(filter XOR column), word after word of the reduction for a tile of filters.

    Counts of one word fit into 8 bits, and their sum into 16 up to 1023 words.
    """
    groups, count, words = filters.shape
    positions = columns.shape[2]
    total = np.uint16 if words < 1024 else np.int32
    each = np.dtype(np.uint64).itemsize + np.dtype(np.uint8).itemsize + np.dtype(total).itemsize
    step = max(1, min(tile // 2, _LARGEST) // (each * groups * positions))
    for start in range(0, count, step):
        some = filters[:, start : start + step]
        shape = (groups, some.shape[1], positions)
        differs, bits = np.empty(shape, np.uint64), np.empty(shape, np.uint8)
        differing = np.zeros(shape, total)
        for word in range(words):
            np.bitwise_xor(some[:, :, word, None], columns[:, None, word], out=differs)
            np.bitwise_count(differs, out=bits)
            differing += bits
        into = out[:, start : start + step]
        np.multiply(differing, -2, out=into, dtype=np.int32, casting="unsafe")
        into += k


_PACKED = Arithmetic(
    store=_store_packed,
    stored=np.dtype(np.uint64),
    pad=_pad_packed,
    holds_zero=False,
    multiply=_multiply_packed,
    result=np.dtype(np.int32),
)

ENGINES = {
    item.name: item
    for item in (
        Engine("blas", "float32 matrix product of +-1", _BLAS, 2**24),
        Engine("packed", "XNOR and popcount of 64-bit words", _PACKED, 2**30),
    )
}
"""The engines that run layer by layer: floats around their integers are the same too."""


NATIVE = Engine("native", "compiled kernels for whole networks", _PACKED, 2**30)
"""Runs a network by a plan (exact/native); a layer that is run alone, as packed."""


def engine(name: str) -> Engine:
    """The engine called `name`: one of ENGINES, or NATIVE.

    Raises:
        UsageError: there is none of that name.
    """
    known = {**ENGINES, NATIVE.name: NATIVE}
    try:
        return known[name]
    except KeyError:
        raise UsageError(f"no engine '{name}': {choices(name, known)}") from None
