"""Reductions and softmax: tables worked out by hand, and scipy's word."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.testing import assert_allclose, assert_array_equal

from tests.exact.calls import BLAS, f32, result, spec_of
from xnorsim.exact.call import Call
from xnorsim.exact.reference import run
from xnorsim.network import ops
from xnorsim.network.functions import Reduction
from xnorsim.network.graph import TensorSpec
from xnorsim.network.precision import FLOAT32

R = Reduction


FLOATS = [
    # (reduction, of this row, is, why)
    (R.MAX, [1, -4, 3], 3, ""),
    (R.MIN, [1, -4, 3], -4, ""),
    (R.MEAN, [1, -4, 3], 0, ""),
    (R.SUM, [1, -4, 3.5], 0.5, ""),
    (R.PROD, [1, -4, 3], -12, ""),
    (R.L1, [1, -4, 3], 8, ""),
    (R.L2, [3, -4, 0], 5, ""),
    (R.SUM_SQUARE, [1, -4, 3], 26, ""),
    (R.LOG_SUM, [1, 2, 3], np.log(6), ""),
    (R.LOG_SUM, [0, 0], -np.inf, ""),
    (R.LOG_SUM_EXP, [0, np.log(2)], np.log(3), ""),
    (R.LOG_SUM_EXP, [1000, 1000], 1000 + np.log(2), "e^1000 must not be formed"),
    (R.LOG_SUM_EXP, [-1000, -1000], -1000 + np.log(2), "nor may the sum become 0"),
    (R.LOG_SUM_EXP, [-np.inf, -np.inf], -np.inf, "no NaN from the difference of infinities"),
    (R.LOG_SUM_EXP, [np.inf, 0], np.inf, ""),
]


@pytest.mark.parametrize(("reduction", "row", "expected", "why"), FLOATS)
def test_reduction_of_a_row(reduction, row, expected, why):
    found = result(ops.Reduce(reduction, (1,), keepdims=False), f32(*row)[None])
    assert_allclose(found, f32(expected), rtol=1e-6, err_msg=why)


INTEGERS = [
    (R.MAX, np.int8, [-3, 7], 7, ""),
    (R.MIN, np.uint8, [3, 200], 3, ""),
    (R.SUM, np.int32, [2**31 - 1, 1], -(2**31), "wraps around in the layer's own type"),
    (R.PROD, np.int64, [3**20, 3**19], 3**39, "exact beyond 2^53"),
    (R.MEAN, np.int32, [-3, -4], -3, "-3.5 toward zero"),
    (R.L1, np.int32, [-3, 4], 7, ""),
    (R.L2, np.int32, [-3, 3], 4, "4.24 without its fraction"),
    (R.SUM_SQUARE, np.int32, [-3, 4], 25, ""),
    (R.LOG_SUM, np.int32, [4, 5], 2, "ln 9 = 2.2"),
    (R.LOG_SUM_EXP, np.int32, [4, 4], 4, "4.69"),
]


@pytest.mark.parametrize(("reduction", "kind", "row", "expected", "why"), INTEGERS)
def test_reduction_of_integers(reduction, kind, row, expected, why):
    found = result(ops.Reduce(reduction, (0,)), np.array(row, kind))
    assert_array_equal(found, np.array([expected], kind), strict=True, err_msg=why)


def test_every_reduction_has_a_row():
    whole = set(Reduction) - {R.LP}  # of a pool only: its op states the order
    assert {row[0] for row in FLOATS} | {R.ARG_MAX, R.ARG_MIN} == whole
    assert {row[0] for row in INTEGERS} | {R.ARG_MAX, R.ARG_MIN} == whole


def test_squares_of_int8_do_not_wrap_around_on_the_way_to_floats():
    x = np.array([100, -100], np.int8)
    (found,) = run(ops.Reduce(R.SUM_SQUARE, (0,)), Call((x,), (TensorSpec((1,), FLOAT32),), BLAS))
    assert_array_equal(found, f32(20000))


@pytest.mark.parametrize(("reduction", "expected"), [(R.MAX, True), (R.MIN, False)])
def test_extremes_of_bools(reduction, expected):
    found = result(ops.Reduce(reduction, (0,), keepdims=False), np.array([True, False]))
    assert found.dtype == bool
    assert found == expected


EMPTY = [(R.SUM, 0), (R.PROD, 1), (R.MAX, -np.inf), (R.MIN, np.inf), (R.L2, 0),
         (R.LOG_SUM_EXP, -np.inf), (R.LOG_SUM, -np.inf)]  # fmt: skip


@pytest.mark.parametrize(("reduction", "expected"), EMPTY)
def test_of_no_elements_it_is_the_neutral_one(reduction, expected):
    found = result(ops.Reduce(reduction, (1,), keepdims=False), np.zeros((2, 0), np.float32))
    assert_array_equal(found, f32(expected, expected))


INDICES = [
    (R.ARG_MAX, False, [1, 5, 5, 0], 1, "the first of equal ones"),
    (R.ARG_MAX, True, [1, 5, 5, 0], 2, "the last of equal ones"),
    (R.ARG_MIN, False, [3, 0, 2, 0], 1, ""),
    (R.ARG_MIN, True, [3, 0, 2, 0], 3, ""),
]


@pytest.mark.parametrize(("reduction", "last", "row", "expected", "why"), INDICES)
@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int8])
def test_indices_of_extremes(reduction, last, row, expected, why, kind):
    x = np.array(row, kind)[None, :, None]
    found = result(ops.Reduce(reduction, (1,), True, last), x)
    assert_array_equal(found, np.array([[[expected]]], np.int64), strict=True, err_msg=why)
    assert result(ops.Reduce(reduction, (1,), False, last), x).shape == (1, 1)


SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)
NUMPYS = {R.MAX: np.max, R.MIN: np.min, R.SUM: np.sum, R.MEAN: np.mean, R.PROD: np.prod}


@given(st.data(), st.sampled_from(list(NUMPYS)), st.booleans())
def test_axes_and_keepdims_are_numpys(data, reduction, keepdims):
    x = data.draw(npst.arrays(np.float32, SHAPES, elements=st.floats(-4, 4, width=16)))
    axes = data.draw(st.sets(st.integers(0, x.ndim - 1), min_size=1).map(sorted).map(tuple))
    found = result(ops.Reduce(reduction, axes, keepdims), x)
    exact = NUMPYS[reduction](x.astype(np.float64), axis=axes, keepdims=keepdims)
    assert_allclose(found, exact, rtol=1e-4, atol=1e-3)


SOFTMAX = [
    ([0, 0], [0.5, 0.5], ""),
    ([np.log(1), np.log(3)], [0.25, 0.75], ""),
    ([1000, 1000], [0.5, 0.5], "e^1000 must not be formed"),
    ([0, -1000], [1, 0], ""),
]


@pytest.mark.parametrize(("x", "expected", "why"), SOFTMAX)
def test_softmax_of_a_row(x, expected, why):
    assert_allclose(result(ops.Softmax(0), f32(*x)), expected, rtol=1e-6, err_msg=why)


def test_logarithm_of_softmax_does_not_underflow():
    assert_array_equal(result(ops.Softmax(0, logarithm=True), f32(0, -1000)), f32(0, -1000))


@given(npst.arrays(np.float32, (2, 3, 4), elements=st.floats(-50, 50, width=32)),
       st.integers(0, 2))  # fmt: skip
def test_softmax_is_scipys(x, axis):
    wide = x.astype(np.float64)
    found = result(ops.Softmax(axis), x)
    assert_allclose(found, scipy.special.softmax(wide, axis), rtol=1e-5, atol=1e-37)
    assert_allclose(found.sum(axis=axis), 1, rtol=1e-6)
    logarithms = result(ops.Softmax(axis, logarithm=True), x)
    assert_allclose(logarithms, scipy.special.log_softmax(wide, axis), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("logarithm", [False, True])
def test_softmax_writes_over_its_input_only_if_it_may(logarithm):
    x = f32(1, 2, 3)
    expected = result(ops.Softmax(0, logarithm), x)
    assert_array_equal(x, f32(1, 2, 3))
    call = Call((x,), (spec_of(x),), BLAS, overwrite=True)
    (found,) = run(ops.Softmax(0, logarithm), call)
    assert_array_equal(found, expected)
    assert np.shares_memory(found, x)


def test_softmax_of_a_single_number():
    call = Call((np.array(7, np.float32),), (TensorSpec((), FLOAT32),), BLAS)
    assert_array_equal(run(ops.Softmax(0), call)[0], np.array(1, np.float32), strict=True)
