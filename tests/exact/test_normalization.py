"""Normalizations: tables worked out by hand, double precision, and what thresholds rely on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.testing import assert_allclose, assert_array_equal

from tests.exact.calls import BLAS, f32, result, results, spec_of
from xnorsim.errors import ModelError, UnsupportedOpError
from xnorsim.exact.call import Call
from xnorsim.exact.reference import normalization, run
from xnorsim.network import ops
from xnorsim.network.graph import TensorSpec
from xnorsim.network.precision import ENCODINGS, FLOAT32


def channels(*values: float) -> np.ndarray:
    """An image of one pixel: (1, channels, 1, 1)."""
    return f32(*values).reshape(1, -1, 1, 1)


BATCH_NORMS = [
    # (parameters, expected for inputs 3 and 5 of two channels, why)
    ({"mean": f32(1, 1), "variance": f32(4, 1)}, [1, 4], "(x - mean) / deviation"),
    ({"scale": f32(10, -1)}, [30, -5], "mean 0 and variance 1 where they are left out"),
    ({"shift": f32(1, 2)}, [4, 7], ""),
    ({"scale": f32(0, 2), "shift": f32(7, 0), "mean": f32(9, 4)}, [7, 2], "a scale of 0"),
]


@pytest.mark.parametrize(("parameters", "expected", "why"), BATCH_NORMS)
def test_batch_norm(parameters, expected, why):
    found = result(ops.BatchNorm(0.0), channels(3, 5), **parameters)
    assert_array_equal(found, channels(*expected), err_msg=why)


def test_batch_norm_is_the_folded_one_bit_for_bit():
    rng = np.random.default_rng(3)
    scale, shift, mean = rng.standard_normal((3, 64), dtype=np.float32)
    variance = rng.random(64, dtype=np.float32)
    x = rng.standard_normal((2, 64, 5), dtype=np.float32)
    a = scale / np.sqrt(variance + np.float32(1e-5))
    b = shift - mean * a
    found = result(ops.BatchNorm(1e-5), x, scale=scale, shift=shift, mean=mean, variance=variance)
    assert_array_equal(found, x * a[:, None] + b[:, None])


@pytest.mark.parametrize("kind", [np.int8, np.int32])
def test_batch_norm_reads_signs_and_accumulators(kind):
    x = np.array([[1, -1]], kind)
    call = Call((x,), (TensorSpec((1, 2), FLOAT32),), BLAS, {"scale": f32(2, 3)})
    assert_array_equal(run(ops.BatchNorm(0.0), call)[0], [[2, -3]])


def test_batch_norm_of_halves_is_rounded_once():
    x = np.linspace(-2, 2, 99, dtype=np.float16).reshape(-1, 1)
    third = np.array([1 / 3], np.float32)
    call = Call(
        (x,), (TensorSpec(x.shape, ENCODINGS["float16"]),), BLAS, {"scale": third, "shift": third}
    )
    exact = (x.astype(np.float32) * third + third).astype(np.float16)
    assert_array_equal(run(ops.BatchNorm(0.0), call)[0], exact, strict=True)


def test_batch_norm_works_its_pair_of_numbers_out_once_and_in_place_if_it_may():
    x, memo = channels(3, 5), {}
    named = {"scale": f32(2, 2)}
    for expected in ([6, 10], [12, 20]):
        call = Call((x,), (spec_of(x),), BLAS, named, memo=memo, overwrite=True)
        (found,) = run(ops.BatchNorm(0.0), call)
        assert found is x
        assert_array_equal(found, channels(*expected))
    assert len(memo) == 1
    result(ops.BatchNorm(0.0), x, **named)
    assert_array_equal(x, channels(12, 20))


@pytest.mark.parametrize("variance", [f32(1, -1), f32(1, np.nan)])
def test_batch_norm_needs_a_positive_variance(variance):
    with pytest.raises(ModelError, match=r"above 0: channel 1 \(1 in all\) has"):
        result(ops.BatchNorm(1e-5), channels(3, 5), variance=variance)


NUMBERS = st.floats(-100, 100, width=32)


@given(NUMBERS, NUMBERS, NUMBERS, st.floats(0, 100, width=32), st.integers(0, 2**31))
def test_batch_norm_is_monotone_over_an_accumulator(scale, shift, mean, variance, seed):
    x = np.sort(np.random.default_rng(seed).integers(-5000, 5000, 200)).astype(np.int32)
    named = {"scale": f32(scale), "shift": f32(shift), "mean": f32(mean), "variance": f32(variance)}
    call = Call((x[:, None],), (TensorSpec((200, 1), FLOAT32),), BLAS, named)
    y = run(ops.BatchNorm(1e-5), call)[0][:, 0]
    steps = np.diff(y) if scale >= 0 else -np.diff(y)
    assert (steps >= 0).all()


LINE = f32(1, 3, 1, 3, 10, 30, 10, 30).reshape(1, 4, 2)  # four channels of two

NORMALIZATIONS = [
    # (op, scale, shift, expected, why)
    (ops.Normalize("instance", (2,), epsilon=0), None, None, [-1, 1] * 4, "each channel alone"),
    (ops.Normalize("instance", (2,), epsilon=0), f32(1, 2, 3, 4), f32(0, 0, 0, 1),
     [-1, 1, -2, 2, -3, 3, -3, 5], "one scale and shift a channel"),
    (ops.Normalize("instance", (2,), epsilon=3), None, None,
     [-0.5, 0.5] * 2 + [-10 / 103**0.5, 10 / 103**0.5] * 2, "1 / sqrt(variance + epsilon)"),
    (ops.Normalize("group", (1, 2), epsilon=0, groups=2), None, None, [-1, 1] * 4,
     "mean 2 and 20, deviation 1 and 10"),
    (ops.Normalize("group", (1, 2), epsilon=0, groups=2), f32(2, 3), f32(0, 1),
     [-2, 2, -2, 2, -2, 4, -2, 4], "one scale a group, as before opset 21"),
    (ops.Normalize("group", (1, 2), epsilon=0, groups=2), f32(1, 2, 3, 4), None,
     [-1, 1, -2, 2, -3, 3, -4, 4], "one scale a channel"),
    (ops.Normalize("layer", (2,), epsilon=0), f32(1, 2), f32(0, 1), [-1, 3] * 4,
     "over the last axis, and scaled along it"),
    (ops.Normalize("rms", (2,), centered=False, epsilon=0), None, None,
     [1 / 5**0.5, 3 / 5**0.5] * 4, "no mean taken off: sqrt((1 + 9) / 2)"),
    (ops.Normalize("lp", (1,), centered=False, order=1), None, None,
     [1 / 22, 3 / 66, 1 / 22, 3 / 66, 10 / 22, 30 / 66, 10 / 22, 30 / 66], "sum over channels"),
    (ops.Normalize("lp", (2,), centered=False, order=2), None, None,
     [1 / 10**0.5, 3 / 10**0.5] * 4, ""),
    (ops.Normalize("mean_variance", (0, 2), epsilon=1e-9), None, None, [-1, 1] * 4, ""),
    (ops.Normalize("mean_variance", (0, 2), epsilon=1), None, None,
     [-0.5, 0.5] * 2 + [-10 / 11, 10 / 11] * 2, "epsilon is added to the deviation"),
]  # fmt: skip


@pytest.mark.parametrize(("op", "scale", "shift", "expected", "why"), NORMALIZATIONS)
def test_normalize(op, scale, shift, expected, why):
    given = {"scale": scale, "shift": shift}
    named = {role: values for role, values in given.items() if values is not None}
    found = results(op, LINE, **named)[0]
    assert_allclose(found.ravel(), expected, rtol=1e-6, err_msg=why)


def test_normalization_by_the_norm_of_zeros_is_zero():
    zeros = np.zeros((1, 3), np.float32)
    for order in (1, 2):
        op = ops.Normalize("lp", (1,), False, 0.0, order=order)
        assert_array_equal(result(op, zeros), zeros)


def test_layer_normalization_gives_its_statistics_too():
    x = f32(1, 3, 5, 5).reshape(1, 2, 2)
    y, mean, r = results(ops.Normalize("layer", (2,), epsilon=4.0), x)
    assert_allclose(y, np.array([[[-1, 1], [0, 0]]]) / 5**0.5, rtol=1e-6)
    assert_array_equal(mean, f32(2, 5).reshape(1, 2, 1), strict=True)
    assert_allclose(r, f32(5**-0.5, 0.5).reshape(1, 2, 1), rtol=1e-6)


def test_the_mean_is_taken_off_before_squaring():
    x = f32(10000, 10001, 10002)[None]  # E[x^2] - E[x]^2 has no correct digit in float32
    found = results(ops.Normalize("layer", (1,), epsilon=0), x)[0]
    assert_allclose(found, np.sqrt(1.5) * np.array([[-1, 0, 1]]), rtol=1e-6)


@pytest.mark.parametrize(
    ("op", "match"),
    [
        (ops.Normalize("lp", (1,), False, order=3), "order 3: 1 and 2"),
        (ops.Normalize("batch", (1,)), r"no normalization 'batch': .*instance"),
    ],
)
def test_unknown_normalizations(op, match):
    with pytest.raises(UnsupportedOpError, match=match):
        run(op, Call((LINE,), (spec_of(LINE),), BLAS))


RESPONSES = [
    # (size, sums of squares over the channels 1, 2, 3, 4, why)
    (1, [1, 4, 9, 16], ""),
    (3, [5, 14, 29, 25], "one channel before and one after"),
    (2, [5, 13, 25, 16], "of an even number the odd one lies after"),
    (4, [14, 30, 29, 25], "one before and two after"),
    (9, [30, 30, 30, 30], "all"),
]


@pytest.mark.parametrize(("size", "sums", "why"), RESPONSES)
def test_local_response(size, sums, why):
    x = channels(1, 2, 3, 4)
    found = result(ops.LocalResponseNorm(size, 0.5, 0.75, 2.0), x)
    exact = np.arange(1, 5) / (2 + 0.5 / size * np.array(sums)) ** 0.75
    assert_allclose(found.ravel(), exact, rtol=1e-6, err_msg=why)
    assert_array_equal(x, channels(1, 2, 3, 4))


def test_local_response_of_a_large_image_is_that_of_each_position():
    x = np.random.default_rng(4).standard_normal((2, 30, 50, 51), dtype=np.float32)
    assert x[0].size > normalization._BLOCK, "else there is only one block"
    op = ops.LocalResponseNorm(5, 1.0, 0.75, 1.0)
    found = result(op, x)
    for row in (0, 43, 49):
        assert_array_equal(found[:, :, row], result(op, x[:, :, row]))


IMAGES = npst.arrays(np.float32, (2, 4, 3), elements=st.floats(-50, 50, width=16))


@given(IMAGES, st.sampled_from([1, 2, 4]))
def test_group_normalization_in_double_precision(x, groups):
    op = ops.Normalize("group", (1, 2), epsilon=1e-3, groups=groups)
    wide = x.astype(np.float64).reshape(2, groups, -1)
    distance = wide - wide.mean(-1, keepdims=True)
    exact = distance / np.sqrt(np.square(distance).mean(-1, keepdims=True) + 1e-3)
    assert_allclose(result(op, x), exact.reshape(x.shape), rtol=1e-3, atol=1e-3)
    if groups == 4:
        instance = ops.Normalize("instance", (2,), epsilon=1e-3)
        assert_array_equal(result(instance, x), result(op, x))
