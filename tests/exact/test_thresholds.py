"""Integer thresholds decide as the float32 layers do that they stand for, at every integer."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tests.exact.calls import result
from xnorsim.errors import ModelError, UsageError
from xnorsim.exact.thresholds import (
    Thresholds,
    decide,
    thresholds,
)
from xnorsim.network import ops

Array = np.ndarray
ROLES: tuple[str, ...] = ("scale", "shift", "mean", "variance")


def normalized(dots: Array, epsilon: float, numbers: dict[str, Array]) -> Array:
    """The executor's batch normalization of integers (channels, positions)."""
    data = dots.astype(np.float32)[None]
    return result(ops.BatchNorm(epsilon), data, **numbers)[0]


def reachable(k: int, parity: bool) -> Array:
    return np.arange(-k, k + 1, 2 if parity else 1, dtype=np.int32)


def check_everywhere(epsilon: float, numbers: dict[str, Array], k: int, parity: bool) -> Thresholds:
    channels = len(numbers["scale"])
    found = thresholds(
        lambda dots: normalized(dots[:, None], epsilon, numbers)[:, 0], k, channels, parity
    )
    dots = np.tile(reachable(k, parity), (channels, 1))
    floats = normalized(dots, epsilon, numbers)
    assert_array_equal(decide(found, dots, axis=0), np.where(floats >= 0, 1, -1))
    assert found.direction.dtype == np.int8
    assert found.least.dtype == np.int32
    return found


def float32s(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, width=32, allow_subnormal=False)


gammas = st.sampled_from([0.0, -0.0, 3e-7, -3e-7, 1e-30, -1e-30, 1.0, -1.0]) | float32s(-4, 4)
shifts = st.sampled_from([0.0, -0.0, 1e5, -1e5]) | float32s(-2000, 2000)
variances = st.sampled_from([0.0, 1.0, 1e6]) | float32s(0, 20000)
channel = st.tuples(gammas, shifts, float32s(-5000, 5000), variances, st.integers(0, 40000))


@settings(max_examples=600)
@given(
    channels=st.lists(channel, min_size=1, max_size=3),
    k=st.integers(1, 300) | st.integers(1, 20000),
    parity=st.booleans(),
    ties=st.booleans(),
    epsilon=st.sampled_from([1e-5, 1e-3]),
)
def test_thresholds_are_batch_normalization_and_sign(channels, k, parity, ties, epsilon):
    columns = np.array([row[:4] for row in channels], np.float32).T
    numbers = dict(zip(ROLES, columns, strict=True))
    integers = reachable(k, parity)
    at = integers[[row[4] % len(integers) for row in channels]]
    if ties:  # the shift that makes this integer of each channel exactly 0
        numbers["mean"] *= 0
        numbers["shift"] = -normalized(at[:, None], epsilon, {**numbers, "shift": columns[0] * 0})[
            :, 0
        ]
        at_zero = normalized(at[:, None], epsilon, numbers)
        assert_array_equal(at_zero, 0)
    found = check_everywhere(epsilon, numbers, k, parity)
    if ties:
        assert (decide(found, at[:, None], axis=0) == 1).all()  # equality belongs to +1


def batch_norm(
    scale: float, shift: float, mean: float = 0, variance: float = 1
) -> dict[str, Array]:
    values = (scale, shift, mean, variance)
    return {role: np.array([v], np.float32) for role, v in zip(ROLES, values, strict=True)}


@pytest.mark.parametrize(
    ("numbers", "parity", "direction", "least"),
    [
        (batch_norm(1, 0), True, 1, 1),  # 0 is not reached by an odd k
        (batch_norm(1, 0), False, 1, 0),  # a tie is +1
        (batch_norm(-1, 0), True, -1, 1),  # -dot >= 1: dot <= -1
        (batch_norm(-1, 0), False, -1, 0),
        (batch_norm(1, -3), True, 1, 3),
        (batch_norm(-1, -3), True, -1, 3),
        (batch_norm(1, 0, mean=-3), True, 1, -3),
        (batch_norm(0, 0), True, 1, -5),  # gamma 0: the constant beta >= 0
        (batch_norm(0, -0.0), True, 1, -5),  # -0.0 is 0
        (batch_norm(0, -1e-30), True, 1, 6),
        (batch_norm(1, 5), True, 1, -5),  # reached by the least of all integers: always
        (batch_norm(1, -5), True, 1, 5),
        (batch_norm(1, -5.1), True, 1, 6),  # beyond the greatest: never
        (batch_norm(-1, -5.1), True, 1, 6),
        (batch_norm(3e-7, -9e-7), True, 1, 3),  # no epsilon below which gamma is nothing
    ],
)
def test_worked_examples_with_k_5(numbers, parity, direction, least):
    found = check_everywhere(0.0, numbers, 5, parity)
    assert (found.direction.tolist(), found.least.tolist()) == ([direction], [least])


def test_a_closed_form_in_float64_decides_otherwise_at_a_tie():
    # gamma and beta are the float32 nearest to 0.1 and -0.3. In float32 3 * gamma rounds up to
    # 0.3, and the sum is exactly 0: +1. In float64 3 * gamma is below 0.3 by 7e-9: -1.
    numbers = batch_norm(0.1, -0.3)
    found = check_everywhere(0.0, numbers, 5, parity=False)
    assert found.least.tolist() == [3]
    assert ceil(-float(numbers["shift"][0]) / float(numbers["scale"][0])) == 4


def test_closed_forms_fail_on_many_adversarial_channels():
    random = np.random.default_rng(0)
    channels, k = 1000, 301
    at = random.choice(reachable(k, True), channels)
    numbers = {
        "scale": random.uniform(0.1, 2, channels).astype(np.float32),
        "mean": np.zeros(channels, np.float32),
        "variance": random.uniform(1, 300, channels).astype(np.float32),
    }
    numbers["shift"] = -normalized(at[:, None], 1e-3, numbers | {"shift": numbers["mean"]})[:, 0]
    found = check_everywhere(1e-3, numbers, k, parity=True)
    gamma, beta, _, variance = (numbers[role].astype(np.float64) for role in ROLES)
    closed = np.ceil(-beta * np.sqrt(variance + 1e-3) / gamma)
    dots = np.tile(reachable(k, True), (channels, 1))
    wrong = (dots >= closed[:, None]) != (decide(found, dots, axis=0) == 1)
    assert 0.2 < wrong.any(axis=1).mean() < 0.8


@pytest.mark.parametrize("k", [0, 1, 2, 3, 2**24, 2**31 - 2])
@pytest.mark.parametrize("parity", [True, False])
def test_the_length_may_be_anything(k, parity):
    # float64 holds every integer here; rising and falling from 0
    found = thresholds(lambda dots: dots * np.array([1.0, -1.0]), k, 2, parity)
    for index, direction in enumerate((1, -1)):
        edge = k % 2 if parity else 0  # the least integer that is reached and not negative
        constant = k == 0
        assert found.direction[index] == (1 if constant else direction)
        assert found.least[index] == edge
    assert found.k == k


def test_few_evaluations_are_needed():
    calls = []

    def expression(dots: Array) -> Array:
        calls.append(dots.dtype)
        return dots - np.arange(512)

    found = thresholds(expression, 4608, 512)
    assert_array_equal(found.least, np.arange(512) + np.arange(512) % 2)  # even integers only
    assert len(calls) <= 2 + 13  # both ends, and log2 of 4608 steps
    assert set(calls) == {np.dtype(np.int32)}


def test_nan_is_told_with_its_channel_and_integer():
    def expression(dots: Array) -> Array:
        return np.where(np.arange(3) == 2, np.nan, dots)

    with pytest.raises(ModelError, match=r"channel 2: .* NaN where the inner product is -7"):
        thresholds(expression, 7, 3)


def test_infinities_have_a_sign():
    found = thresholds(lambda dots: dots.astype(np.float32) * np.float32(3e38), 9, 1)
    assert found.least.tolist() == [1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: thresholds(lambda d: d, -1, 1), "k is 0 to 2147483646, not -1"),
        (lambda: thresholds(lambda d: d, 2**31, 1), "k is 0 to 2147483646, not 2147483648"),
        (lambda: thresholds(lambda d: d[:1], 3, 2), r"shape \[1\], not \[2\]"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(UsageError, match=message):
        call()
