"""Pareto fronts: beside the plain definition, over metrics with many points alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from xnorsim.explore.fronts import front, unbeaten


def plain(points, index):
    """The definition: nobody is nowhere worse and somewhere better, or alike with a lower index."""
    kept = []
    for a, at in zip(points, index, strict=True):
        nowhere_worse = (points <= a).all(axis=1)
        beats = nowhere_worse & ((points < a).any(axis=1) | (index < at))
        kept.append(not beats.any())
    return np.flatnonzero(kept)


@st.composite
def clouds(draw):
    """Up to 60 points of 1 to 5 metrics, of few different values or many, and infinities."""
    metrics = draw(st.integers(1, 5))
    count = draw(st.integers(0, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    points = rng.choice(draw(st.sampled_from([2, 4, 1000])), (count, metrics)).astype(float)
    points[rng.random(points.shape) < 0.05] = np.inf
    return points, rng.permutation(10 * count)[:count]


@given(clouds())
def test_a_front_is_what_its_definition_says(cloud):
    points, index = cloud
    assert_array_equal(np.sort(front(points, index)), plain(points, index))


@given(clouds())
def test_its_order_is_that_of_metrics_then_index(cloud):
    points, index = cloud
    found = front(points, index)
    rows = [(*points[place], index[place]) for place in found]
    assert rows == sorted(rows)


@given(clouds(), st.integers(0, 60))
def test_what_is_left_out_beforehand_is_beaten(cloud, cut):
    points, index = cloud
    best = points[:cut][front(points[:cut], index[:cut])]
    left = unbeaten(points, best)
    assert set(plain(points, index)) <= set(np.flatnonzero(left))


@pytest.mark.parametrize("metrics", [2, 3, 4])
def test_large_fronts(metrics):
    rng = np.random.default_rng(1)
    points = rng.random((3000, metrics))
    points /= points.sum(axis=1, keepdims=True)  # nearly all on one plane: few are beaten
    points = points.round(3)
    index = rng.permutation(3000)
    found = front(points, index)
    assert len(found) > 200
    assert_array_equal(np.sort(found), plain(points, index))


@pytest.mark.parametrize("metrics", [2, 3, 4])
def test_most_points_are_left_out_beforehand(metrics):
    rng = np.random.default_rng(2)
    points = rng.random((20_000, metrics))
    best = points[:2000][front(points[:2000], np.arange(2000))]
    assert unbeaten(points, best).mean() < 0.5
