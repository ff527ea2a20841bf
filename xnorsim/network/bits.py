"""Packed bits: THE statement of the bit convention, and its translation to those of other tools.

One convention holds in xnorsim wherever +-1 is packed:

* Bit 1 is +1 and bit 0 is -1.
* Channel i of n sits in word i // word_bits at bit i % word_bits, least significant bit first; a
  word is an unsigned number, so that the order of its bytes in memory plays no part.
* The tail bits of the last word (channels n and beyond) are 0 in both operands of a product. They
  then agree and their XOR counts nothing. Inverting a polarity would set them: mask them again.
* `binary_dot(a, b, k)` = k - 2 popcount(a XOR b), with k the true length: each of the k pairs
  counts +1, and each that differs is counted once too often and then subtracted, so twice. With
  padding of true 0, which no bit can hold, both operands are 0 there and k is the number of taps
  that are not padding.
* sign(0) = +1, and -0.0 is 0.

A worked example: five channels in words of 8 bits.

>>> a, b = pack([1, -1, 1, 1, -1], word_bits=8), pack([1, 1, 1, -1, -1], word_bits=8)
>>> f"{a[0]:08b} {b[0]:08b} {a[0] ^ b[0]:08b}"  # channel 0 stands at the right
'00001101 00000111 00001010'
>>> int(binary_dot(a, b, 5))  # two pairs differ: 5 - 2*2, and 1 - 1 + 1 - 1 + 1
1
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from xnorsim.errors import InputError, UsageError, choices

__all__ = [
    "CONVENTIONS",
    "WORD_BITS",
    "Convention",
    "binary_dot",
    "convention",
    "dot_from",
    "from_convention",
    "pack",
    "result_from",
    "signs_of",
    "tail_mask",
    "to_convention",
    "unpack",
    "word_count",
]

WORD_BITS = (8, 16, 32, 64)
"""The words there are: those of numpy's unsigned integers."""


def word_count(length: int, word_bits: int = 64) -> int:
    """How many words `length` bits take.

    >>> word_count(64), word_count(65)
    (1, 2)

    Raises:
        UsageError: words of another size than 8, 16, 32 or 64 bits, or a negative length.
    """
    if word_bits not in WORD_BITS:
        raise UsageError(f"no words of {word_bits!r} bits: valid choices: 8, 16, 32, 64")
    if length < 0:
        raise UsageError(f"a length is at least 0, not {length}")
    return -(-length // word_bits)


def pack(
    signs: ArrayLike, axis: int = -1, word_bits: int = 64, *, checked: bool = True
) -> np.ndarray:
    """The signs along `axis`, packed: that axis becomes ceil(n / word_bits) words.

    Args:
        signs: -1 and +1 in any numeric type, or bool (True is +1, False is -1).
        axis: the axis to pack, of any length, 0 included.
        word_bits: 8, 16, 32 or 64.
        checked: False leaves out the look at every value (what is above 0 is then +1).

    Returns:
        uint8, uint16, uint32 or uint64 words; tail bits are 0.

    Raises:
        InputError: a value other than -1 and +1, with the first one's coordinate.
        UsageError: another word size, or an axis that is not there.
    """
    values = np.asarray(signs)
    _check_axis(values, axis)
    word_count(0, word_bits)
    if checked and values.dtype != bool:
        _check_signs(values)
    last = np.moveaxis(values, axis, -1)
    ones = np.ascontiguousarray(last) if last.dtype == bool else np.greater(last, 0, order="C")
    return np.moveaxis(_words(_packed_bytes(ones), last.shape[-1], word_bits), -1, axis)


def unpack(words: np.ndarray, length: int, axis: int = -1) -> np.ndarray:
    """The signs in `words`, int8 -1 and +1: the words along `axis` become `length` elements.

    Tail bits are not looked at.

    Raises:
        UsageError: not unsigned words, or another number of words than `length` bits take.
    """
    _check_axis(words, axis)
    last = np.moveaxis(words, axis, -1)
    _check_words(last, length)
    signs = np.unpackbits(_bytes(last), axis=-1, count=length, bitorder="little").view(np.int8)
    signs <<= 1
    signs -= 1
    return np.moveaxis(signs, -1, axis)


def tail_mask(length: int, word_bits: int = 64) -> np.ndarray:
    """Words [ceil(length / word_bits)] with ones in the `length` valid bits, zeros in the tail.

    They are the packed +1 of a padding, what masks a tail, and (by XOR) what inverts a polarity
    and leaves the tail 0.

    >>> [f"{word:08b}" for word in tail_mask(11, 8)]
    ['11111111', '00000111']

    Raises:
        UsageError: another word size, or a negative length.
    """
    word_count(length, word_bits)
    return pack(np.ones(length, bool), word_bits=word_bits)


def binary_dot(a: np.ndarray, b: np.ndarray, k: int | np.ndarray) -> np.ndarray:
    """k - 2 popcount(a XOR b): inner products of packed signs over the last axis.

    Args:
        a, b: words of one type, [..., words]; the other axes are broadcast. Tail bits are 0.
        k: the true length, or the number of taps that are not padding at each position.

    Returns:
        int32, or int64 where k needs it.

    Raises:
        UsageError: words of two types or not unsigned, of two lengths, or fewer than k bits.
    """
    if a.dtype != b.dtype or a.dtype.kind != "u":
        raise UsageError(f"operands are unsigned words of one type, not {a.dtype} and {b.dtype}")
    if not a.ndim or not b.ndim or a.shape[-1] != b.shape[-1]:
        raise UsageError(
            f"operands {list(a.shape)} and {list(b.shape)} differ in words (their last axis)"
        )
    low, high = (k, k) if isinstance(k, int) else (int(np.min(k)), int(np.max(k)))
    room = a.shape[-1] * a.dtype.itemsize * 8
    if low < 0 or high > room:
        raise UsageError(f"k is 0 to {room}, the bits in the words, not {low if low < 0 else high}")
    kind = np.int32 if high < 2**31 else np.int64
    result = np.asarray(np.bitwise_count(a ^ b).sum(axis=-1, dtype=kind))
    return np.asarray(k, dtype=kind) - 2 * result


@dataclass(frozen=True, slots=True)
class Convention:
    """How a tool holds +-1, and what its binary product returns.

    `word_bits` is 0 where elements are not packed but a number each, of type `dtype`. `one` is
    what bit 1 (or the number 1) stands for, +1 or -1; 0 where the numbers are -1 and +1
    themselves. `zero_sign` is that tool's sign(0). `padding` is what a binary input may be padded
    with. `result` is what a product gives: "dot"; "xor popcount", the pairs that differ; or
    "matches", the pairs that agree.
    """

    name: str
    one: int
    word_bits: int
    dtype: str
    zero_sign: int
    padding: tuple[int, ...]
    result: str


_ROWS = (
    Convention("xnorsim", +1, 64, "uint64", +1, (-1, 0, +1), "dot"),
    # larq-compute-engine 0.16, LceQuantize and LceBConv2d; SAME padding with pad_values 0 or 1
    Convention("lce", -1, 32, "int32", +1, (0, +1), "xor popcount"),
    # qonnx 1.0, XnorPopcountMatMul: operands (x + 1) / 2, result (dot + k) / 2
    Convention("qonnx", +1, 0, "float32", +1, (0,), "matches"),
    # dabnn (Zhang et al., ACM MM 2019)
    Convention("dabnn", +1, 64, "uint64", -1, (-1,), "dot"),
    # larq 0.14, ste_sign and pad_values
    Convention("larq", 0, 0, "float32", +1, (0, +1), "dot"),
    # The XNOR-Net authors' Lua Torch code: torch.sign
    Convention("torch", 0, 0, "float32", 0, (0,), "dot"),
)

CONVENTIONS = MappingProxyType({row.name: row for row in _ROWS})
"""xnorsim's own convention and those of other tools, by name."""


def convention(name: str) -> Convention:
    """The convention called `name`.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in CONVENTIONS:
        raise UsageError(f"no bit convention '{name}': {choices(name, CONVENTIONS)}")
    return CONVENTIONS[name]


def to_convention(words: np.ndarray, length: int, to: Convention) -> np.ndarray:
    """Our words of `length` bits (last axis) as another tool stores them; its tail bits are 0.

    >>> ours = pack([1, -1, 1, 1, -1], word_bits=8)  # 0b01101
    >>> to_convention(ours, 5, CONVENTIONS["lce"])  # 0b10010, and no ones in the tail
    array([18], dtype=int32)
    >>> to_convention(ours, 5, CONVENTIONS["qonnx"])
    array([1., 0., 1., 1., 0.], dtype=float32)

    Raises:
        UsageError: not unsigned words, or another number of words than `length` bits take.
    """
    if not to.word_bits:
        signs = unpack(words, length)
        return (signs > 0 if to.one else signs).astype(to.dtype)
    _check_words(words, length)
    used = _bytes(words)[..., : word_count(length, 8)] & tail_mask(length, 8)
    ours = _words(used, length, to.word_bits)
    return _inverted(ours, length, to).view(to.dtype)


def from_convention(
    stored: np.ndarray, length: int, of: Convention, word_bits: int = 64
) -> np.ndarray:
    """What another tool stores for `length` elements (last axis) as our words.

    Its tail bits may be anything; ours are 0.

    Raises:
        UsageError: words of another type than that tool's, or not as many as `length` bits take.
        InputError: a number other than the two that stand for -1 and +1.
    """
    if not of.word_bits:
        if stored.shape[-1:] != (length,):
            raise UsageError(f"{length} elements were expected in {list(stored.shape)}")
        return pack(2 * stored.astype(np.float64) - 1 if of.one else stored, word_bits=word_bits)
    if stored.dtype.kind not in "iu" or stored.dtype.itemsize * 8 != of.word_bits:
        raise UsageError(f"{of.name} has words of type {of.dtype}, not {stored.dtype}")
    words = np.ascontiguousarray(stored).view(f"u{of.word_bits // 8}")
    _check_words(words, length)
    ours = _inverted(words & tail_mask(length, of.word_bits), length, of)
    return _words(_bytes(ours)[..., : word_count(length, 8)], length, word_bits)


def dot_from(result: np.ndarray, k: int | np.ndarray, of: Convention) -> np.ndarray:
    """The dot product of +-1 that a tool's `result` over k elements stands for.

    >>> [int(dot_from(np.int32(2), 5, CONVENTIONS[name])) for name in ("dabnn", "lce", "qonnx")]
    [2, 1, -1]
    """
    return np.asarray(_DOTS[of.result](result, k))


def result_from(dot: np.ndarray, k: int | np.ndarray, of: Convention) -> np.ndarray:
    """What a tool's product over k elements returns for a dot product of +-1.

    Raises:
        InputError: a dot that k products of +-1 cannot add up to: it is even where k is odd.
    """
    if np.any((np.asarray(dot) - k) % 2):
        raise InputError(f"a dot product of k = {k} signs is odd where k is: not {dot}")
    return np.asarray(_RESULTS[of.result](dot, k))


_DOTS = {
    "dot": lambda result, k: result,
    "xor popcount": lambda differ, k: k - 2 * differ,
    "matches": lambda agree, k: 2 * agree - k,
}
_RESULTS = {
    "dot": lambda dot, k: dot,
    "xor popcount": lambda dot, k: (k - dot) // 2,
    "matches": lambda dot, k: (dot + k) // 2,
}


def signs_of(x: ArrayLike, of: Convention = CONVENTIONS["xnorsim"]) -> np.ndarray:
    """The sign of each element as a tool takes it: int8 -1 or +1, and its sign(0) where x is 0.

    >>> x = [-2.0, -0.0, 0.0, 0.5]
    >>> [signs_of(x, CONVENTIONS[name]).tolist() for name in ("xnorsim", "dabnn", "torch")]
    [[-1, 1, 1, 1], [-1, -1, -1, 1], [-1, 0, 0, 1]]

    Raises:
        InputError: NaN, which has no sign.
    """
    values = np.asarray(x)
    if np.isnan(values).any():
        raise InputError(f"NaN at {np.argwhere(np.isnan(values))[0].tolist()} has no sign")
    signs = np.where(values > 0, np.int8(1), np.int8(-1))
    signs[values == 0] = of.zero_sign
    return signs


def _inverted(words: np.ndarray, length: int, of: Convention) -> np.ndarray:
    """From our polarity to that of a tool or back; XOR with the mask leaves the tail alone."""
    return words ^ tail_mask(length, of.word_bits) if of.one < 0 else words


def _packed_bytes(ones: np.ndarray) -> np.ndarray:
    """numpy packs each row by itself; rows of whole bytes go in one piece."""
    length = ones.shape[-1]
    if length % 8 == 0:
        flat = np.packbits(ones.reshape(-1), bitorder="little")
        return flat.reshape(*ones.shape[:-1], length // 8)
    return np.packbits(ones, axis=-1, bitorder="little")


def _words(packed: np.ndarray, length: int, word_bits: int) -> np.ndarray:
    """Bytes in order of their channels [..., ceil(length / 8)] as words."""
    size = word_bits // 8
    missing = word_count(length, word_bits) * size - packed.shape[-1]
    if missing:
        packed = np.concatenate(
            [packed, np.zeros((*packed.shape[:-1], missing), np.uint8)], axis=-1
        )
    little = np.ascontiguousarray(packed).view(f"<u{size}")
    return little.astype(f"u{size}", copy=False)  # a copy on big-endian machines only


def _bytes(words: np.ndarray) -> np.ndarray:
    """The bytes of words, the one with channel 0 first whatever the machine's byte order is."""
    little = words.astype(words.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(little).view(np.uint8)


def _check_axis(values: np.ndarray, axis: int) -> None:
    if not -values.ndim <= axis < values.ndim:
        raise UsageError(f"no axis {axis} in shape {list(values.shape)}")


def _check_words(words: np.ndarray, length: int) -> None:
    if words.dtype.kind != "u":
        raise UsageError(f"words are unsigned integers, not {words.dtype}")
    expected = word_count(length, words.dtype.itemsize * 8)
    if words.shape[-1] != expected:
        raise UsageError(
            f"{length} bits take {expected} words of type {words.dtype}, not {words.shape[-1]}"
        )


def _check_signs(values: np.ndarray) -> None:
    if values.dtype.kind in "OSUMmc":
        raise InputError(f"signs are numbers, not {values.dtype}")
    good = np.abs(values) == 1
    if not good.all():
        where = np.unravel_index(int(np.argmin(good)), values.shape)
        at = [int(index) for index in where]
        raise InputError(f"only -1 and +1 can be packed, not {values[where]} at {at}")
