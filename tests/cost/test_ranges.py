"""Ranges by sampling: the draws, the interval, and what moves a prediction most."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from xnorsim.cost.ranges import COVERAGE, draw, influence, interval
from xnorsim.errors import UsageError


def test_the_same_seed_draws_the_same():
    first, again, other = (
        draw([2.0, 5.0], [1.0, 4.0], [3.0, 9.0], seed=seed) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


FIXED = [(1.0, 1.0, 1.0), (np.inf, 1.0, np.inf), (0.0, 0.0, 0.0), (np.inf, np.inf, np.inf)]


@pytest.mark.parametrize("quantity", FIXED)
def test_what_has_no_range_stays(quantity):
    value, low, high = ([item, 2.0] for item in quantity)
    drawn = draw(value, low, high)
    np.testing.assert_array_equal(drawn, np.broadcast_to([quantity[0], 2.0], drawn.shape))


@given(st.floats(1e-12, 1e12), st.floats(1, 10), st.floats(1, 10), st.integers(0, 99))
def test_draws_stay_in_their_range(value, down, up, seed):
    drawn = draw([value], [value / down], [value * up], 64, seed)
    assert drawn.shape == (64, 1)
    assert (drawn >= value / down).all()
    assert (drawn <= value * up).all()


def test_positive_quantities_are_triangular_in_their_logarithm():
    drawn = np.log(draw([2.0], [1.0], [16.0], 4000)[:, 0])
    mode = np.log(2) / np.log(16)
    expected = stats.triang(mode, 0, np.log(16))
    assert stats.kstest(drawn, expected.cdf).statistic < 0.01


def test_quantities_that_may_be_zero_are_triangular_as_they_are():
    drawn = draw([1.0], [0.0], [4.0], 4000)[:, 0]
    assert stats.kstest(drawn, stats.triang(0.25, 0, 4).cdf).statistic < 0.01


def test_a_hypercube_has_one_draw_in_each_stratum():
    ranks = stats.triang(0.5, 0, 2).cdf(draw([1.0, 1.0], [0.0, 0.0], [2.0, 2.0], 50))
    for column in ranks.T:
        np.testing.assert_array_equal(np.sort(np.floor(column * 50)), np.arange(50))


def test_an_interval_leaves_out_a_tail_on_each_side():
    low, high = interval(np.arange(101.0), 50.0, 0.9)
    assert (low, high) == (pytest.approx(5), pytest.approx(95))
    assert COVERAGE == 0.9


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50), st.floats(-1e6, 1e6))
def test_an_interval_contains_its_value(samples, value):
    low, high = interval(samples, value)
    assert low <= value <= high


def test_what_two_predictions_share_cancels_in_their_ratio():
    clock, factor = draw([1e9, 2.0], [5e8, 1.9], [2e9, 2.1], 512).T
    fast, slow = 100 / clock, 100 * factor / clock
    low, high = interval(slow / fast, 2.0)
    assert low >= 1.9
    assert high <= 2.1, "the clock's factor of four is in both"


def test_influence_ranks_the_inputs():
    inputs = draw([1.0, 1.0, 1.0], [0.5, 0.9, 1.0], [2.0, 1.1, 1.0], 512)
    found = influence(inputs, inputs[:, 0] * inputs[:, 1])
    assert found[0] > 0.9
    assert 0 < found[1] < 0.1
    assert found[2] == 0, "it does not vary"
    np.testing.assert_array_equal(influence(inputs, np.ones(512)), 0)


FAULTS = [
    (lambda: draw([3.0], [1.0], [2.0]), r"quantity 0: value 3.0 is not within 1.0 .. 2.0"),
    (lambda: draw([1.0], [1.0], [2.0], 1), "samples must be at least 2, not 1"),
    (lambda: draw([np.nan], [1.0], [2.0]), "quantity 0: value nan"),
    (lambda: interval([1.0, 2.0], 1.0, 0), "coverage must be above 0 and at most 1, not 0"),
]


@pytest.mark.parametrize(("call", "match"), FAULTS)
def test_ranges_that_cannot_be(call, match):
    with pytest.raises(UsageError, match=match):
        call()
