"""Packing, the binary inner product, and the translation between conventions."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from xnorsim.errors import InputError, UsageError
from xnorsim.network.bits import (
    CONVENTIONS,
    WORD_BITS,
    binary_dot,
    convention,
    dot_from,
    from_convention,
    pack,
    result_from,
    signs_of,
    tail_mask,
    to_convention,
    unpack,
)

SHAPES = {0: (0, 3, 2), 1: (3, 0, 2), -1: (2, 3, 0), -2: (2, 0, 3)}
"""By the axis that is packed; its 0 becomes the length."""

PACKED = [item for item in CONVENTIONS.values() if item.word_bits]


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), size=shape)


def integer(words: np.ndarray) -> int:
    """A row of words as one number, its bits by Python's own arithmetic."""
    width = words.dtype.itemsize * 8
    return sum(int(word) << (i * width) for i, word in enumerate(words))


@pytest.mark.parametrize("axis", SHAPES)
@pytest.mark.parametrize("word_bits", WORD_BITS)
def test_unpacking_gives_back_what_was_packed(word_bits, axis):
    for length in range(1, 201):
        signs = drawn(*(extent or length for extent in SHAPES[axis]), seed=length)
        words = pack(signs, axis, word_bits)
        assert words.dtype == np.dtype(f"uint{word_bits}")
        assert words.shape[axis] == -(-length // word_bits)
        assert_array_equal(unpack(words, length, axis), signs)


@pytest.mark.parametrize("word_bits", WORD_BITS)
def test_bits_stand_where_the_convention_says(word_bits):
    for length in range(1, 201):
        signs = drawn(length, seed=length)
        by_hand = sum(1 << i for i, sign in enumerate(signs) if sign == 1)
        assert integer(pack(signs, word_bits=word_bits)) == by_hand  # and so the tail is 0


def test_words_are_numbers_whatever_the_order_of_their_bytes():
    words = pack(drawn(4, 100))
    swapped = words.astype(words.dtype.newbyteorder())
    assert swapped.tobytes() != words.tobytes()
    assert_array_equal(unpack(swapped, 100), unpack(words, 100))


@pytest.mark.parametrize(
    "dtype",
    [np.int8, np.int64, np.float16, np.float32, np.float64, ml_dtypes.bfloat16],
    ids=lambda dtype: np.dtype(dtype).name,
)
def test_any_numeric_type_is_packed_alike(dtype):
    signs = drawn(5, 77)
    assert_array_equal(pack(signs.astype(dtype)), pack(signs))
    assert_array_equal(pack(signs.astype(dtype), checked=False), pack(signs))


def test_true_is_plus_one():
    signs = drawn(5, 77)
    assert_array_equal(pack(signs == 1), pack(signs))
    assert_array_equal(pack((signs == 1).T, axis=0), pack(signs).T)


def test_nothing_takes_no_words():
    assert pack(np.ones((3, 0))).shape == (3, 0)
    assert unpack(np.ones((3, 0), np.uint8), 0).shape == (3, 0)
    assert pack(np.ones((0, 3))).shape == (0, 1)


def test_packing_does_not_write_into_its_operand():
    signs = drawn(3, 64)
    signs.flags.writeable = False
    words = pack(signs)
    words.flags.writeable = False
    assert_array_equal(unpack(words, 64), signs)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (0, np.int8),
        (127, np.int8),  # whose square is 1 in 8 bits
        (-128, np.int8),  # whose magnitude is not positive in 8 bits
        (2, np.uint8),
        (0.5, np.float32),
        (-1.0000001, np.float32),
        (np.inf, np.float32),
        (np.nan, np.float64),
    ],
)
def test_the_first_value_that_is_no_sign_is_named(value, dtype):
    signs = np.ones((2, 3, 70), dtype)
    signs[1, 2, 65] = value
    signs[1, 2, 66] = 0
    with pytest.raises(InputError, match=r"only -1 and \+1 can be packed, not .* at \[1, 2, 65\]"):
        pack(signs)
    assert integer(pack(signs, checked=False)[0, 0]) == 2**70 - 1  # not looked at, not an error


@pytest.mark.parametrize("values", [["+1", "-1"], [1 + 0j, -1], [None, 1]])
def test_what_is_no_number_is_refused(values):
    with pytest.raises(InputError, match="signs are numbers"):
        pack(values)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pack([1], word_bits=12), r"no words of 12 bits: valid choices: 8, 16, 32, 64"),
        (lambda: tail_mask(3, 1), "no words of 1 bits"),
        (lambda: tail_mask(-3), "a length is at least 0, not -3"),
        (lambda: pack(1), r"no axis -1 in shape \[\]"),
        (lambda: pack([1], axis=1), r"no axis 1 in shape \[1\]"),
        (lambda: unpack(np.zeros(2, np.uint8), 17), "17 bits take 3 words of type uint8, not 2"),
        (lambda: unpack(np.zeros(2, np.uint8), 8), "8 bits take 1 words of type uint8, not 2"),
        (lambda: unpack(np.zeros(2, np.int8), 16), "words are unsigned integers, not int8"),
        (lambda: unpack(np.zeros(2, np.uint8), 16, 3), "no axis 3"),
    ],
)
def test_what_cannot_be_packed_is_refused(call, message):
    with pytest.raises(UsageError, match=message):
        call()


@pytest.mark.parametrize("word_bits", WORD_BITS)
def test_the_mask_has_ones_where_there_are_elements(word_bits):
    for length in range(201):
        assert integer(tail_mask(length, word_bits)) == 2**length - 1


@settings(max_examples=300)
@given(
    k=st.integers(0, 300),
    word_bits=st.sampled_from(WORD_BITS),
    rows=st.integers(1, 4),
    columns=st.integers(1, 4),
    seed=st.integers(0, 999),
)
def test_the_binary_dot_is_the_dot_product_of_signs(k, word_bits, rows, columns, seed):
    a, b = drawn(rows, 1, k, seed=seed), drawn(columns, k, seed=seed + 1)
    found = binary_dot(pack(a, word_bits=word_bits), pack(b, word_bits=word_bits), k)
    assert found.dtype == np.int32
    assert_array_equal(found, np.einsum("rok,ck->rc", a, b, dtype=np.int64))


def test_padding_of_true_zero_counts_its_valid_taps_only():
    # Three taps of 10 channels; of the second row the first tap is padding, 0 in both operands.
    signs, weights = drawn(2, 3, 10, seed=1), drawn(3, 10, seed=2)
    valid = np.array([[True, True, True], [False, True, True]])
    a = pack(signs, word_bits=16) * valid[..., None]
    b = pack(weights, word_bits=16) * valid[..., None]
    found = binary_dot(a.reshape(2, -1), b.reshape(2, -1), 10 * valid.sum(axis=1))
    expected = (signs * weights * valid[..., None]).sum(axis=(1, 2), dtype=int)
    assert_array_equal(found, expected)


def test_the_binary_dot_of_one_row_is_a_number():
    assert binary_dot(pack([1, 1, -1]), pack([1, -1, -1]), 3) == 1


@pytest.mark.parametrize(
    ("a", "b", "k", "message"),
    [
        (np.zeros(1, "u1"), np.zeros(1, "u2"), 8, "one type, not uint8 and uint16"),
        (np.zeros(1, "i4"), np.zeros(1, "i4"), 8, "unsigned words of one type, not int32"),
        (np.zeros((3, 1), "u1"), np.zeros((3, 2), "u1"), 8, "differ in words"),
        (np.uint8(3), np.uint8(3), 8, "differ in words"),
        (np.zeros(2, "u1"), np.zeros(2, "u1"), 17, "k is 0 to 16, the bits in the words, not 17"),
        (np.zeros(2, "u1"), np.zeros(2, "u1"), np.array([3, -1]), "k is 0 to 16, .*not -1"),
    ],
)
def test_operands_that_do_not_fit_are_refused(a, b, k, message):
    with pytest.raises(UsageError, match=message):
        binary_dot(a, b, k)


@pytest.mark.parametrize("word_bits", WORD_BITS)
@pytest.mark.parametrize("name", CONVENTIONS)
def test_translation_to_a_convention_and_back_changes_nothing(name, word_bits):
    other = CONVENTIONS[name]
    for length in (1, 7, 8, 31, 32, 33, 63, 64, 65, 127, 200):
        ours = pack(drawn(2, 3, length, seed=length), word_bits=word_bits)
        stored = to_convention(ours, length, other)
        assert stored.dtype == np.dtype(other.dtype)
        assert_array_equal(from_convention(stored, length, other, word_bits), ours)


@pytest.mark.parametrize("other", PACKED, ids=lambda item: item.name)
def test_a_packed_convention_sets_the_bits_that_it_says(other):
    for length in range(1, 101):
        signs = drawn(length, seed=length)
        stored = to_convention(pack(signs, word_bits=8), length, other).view(
            f"u{other.word_bits // 8}"
        )
        assert stored.dtype.itemsize * 8 == other.word_bits
        assert integer(stored) == sum(1 << i for i, sign in enumerate(signs) if sign == other.one)


@pytest.mark.parametrize("other", PACKED, ids=lambda item: item.name)
def test_tail_bits_of_others_are_not_believed(other):
    signs = drawn(2, 37)
    stored = to_convention(pack(signs), 37, other).view(f"u{other.word_bits // 8}")
    dirty = stored | ~tail_mask(37, other.word_bits)
    assert_array_equal(from_convention(dirty, 37, other), pack(signs))


def test_numbers_of_other_tools_are_checked():
    with pytest.raises(InputError, match=r"not -3.0 at \[1\]"):
        from_convention(np.array([0, -1.0]), 2, CONVENTIONS["qonnx"])
    with pytest.raises(InputError, match=r"not 0.0 at \[0\]"):
        from_convention(np.array([0, -1.0]), 2, CONVENTIONS["larq"])
    with pytest.raises(UsageError, match="lce has words of type int32, not int64"):
        from_convention(np.array([0, -1]), 2, CONVENTIONS["lce"])
    with pytest.raises(UsageError, match="3 elements were expected"):
        from_convention(np.array([1.0, -1]), 3, CONVENTIONS["larq"])
    with pytest.raises(UsageError, match="65 bits take 3 words of type uint32, not 2"):
        from_convention(np.zeros(2, np.int32), 65, CONVENTIONS["lce"])
    with pytest.raises(UsageError, match="words are unsigned"):
        to_convention(np.zeros(2, np.int32), 64, CONVENTIONS["lce"])


@pytest.mark.parametrize("name", CONVENTIONS)
def test_results_of_each_convention_stand_for_the_dot_product(name):
    other, k = CONVENTIONS[name], np.array([[1], [64], [101]])
    differ = np.arange(102)[None, :].clip(max=k)
    dot = k - 2 * differ
    result = {"dot": dot, "xor popcount": differ, "matches": k - differ}[other.result]
    assert_array_equal(dot_from(result, k, other), dot)
    assert_array_equal(result_from(dot, k, other), result)


def test_a_dot_product_has_the_parity_of_its_length():
    with pytest.raises(InputError, match="odd where k is"):
        result_from(np.array([1, 2]), 3, CONVENTIONS["lce"])


@pytest.mark.parametrize(
    ("name", "at_zero"),
    [("xnorsim", 1), ("lce", 1), ("qonnx", 1), ("larq", 1), ("dabnn", -1), ("torch", 0)],
)
def test_the_sign_of_zero_is_that_of_the_tool(name, at_zero):
    x = np.array([-np.inf, -1e-45, -0.0, 0.0, 1e-45, 3], np.float32)
    signs = signs_of(x, convention(name))
    assert signs.dtype == np.int8
    assert signs.tolist() == [-1, -1, at_zero, at_zero, 1, 1]


def test_nan_has_no_sign():
    with pytest.raises(InputError, match=r"NaN at \[1, 0\] has no sign"):
        signs_of([[1.0, 2.0], [np.nan, np.nan]])


def test_unknown_conventions_are_answered_with_the_known_ones():
    with pytest.raises(UsageError, match="no bit convention 'larc': did you mean larq"):
        convention("larc")
