"""Errors, order and ranges, with figures worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorsim.errors import UsageError
from xnorsim.measured import validate
from xnorsim.measured.validate import Compared, summarize


def row(predicted, low, high, measured, name="row", group="group") -> Compared:
    return Compared(group, name, "m", "program", "recipes", "s", predicted, low, high, measured)


def exact(predicted, measured, name="row", group="group") -> Compared:
    return row(predicted, predicted, predicted, measured, name, group)


INSIDE = row(110, 90, 130, 100, "inside")
ABOVE = row(60, 50, 75, 80, "above")
BELOW = row(210, 205, 220, 200, "below")


@pytest.mark.parametrize(
    ("compared", "error", "inside", "beyond", "half_width", "score"),
    [
        # 110/100 - 1; 20/110; no miss, so the width of 40 alone, over 100
        (INSIDE, 0.10, True, 0.0, 20 / 110, 0.40),
        # 60/80 - 1; 80/75 - 1; 12.5/60; (25 + 2/0.1 * (80 - 75)) / 80 = 125/80
        (ABOVE, -0.25, False, 5 / 75, 12.5 / 60, 1.5625),
        # 210/200 - 1; 200/205 - 1; 7.5/210; (15 + 2/0.1 * (205 - 200)) / 200 = 115/200
        (BELOW, 0.05, False, -5 / 205, 7.5 / 210, 0.575),
        (row(2, 1, 4, 4), -0.5, True, 0.0, 0.75, 0.75),  # the ends are part of a range
        (row(2, 1, 4, 1), 1.0, True, 0.0, 0.75, 3.0),
    ],
)
def test_figures_of_a_row(compared, error, inside, beyond, half_width, score):
    assert validate.error(compared) == pytest.approx(error)
    assert validate.is_inside(compared) is inside
    assert validate.beyond(compared) == pytest.approx(beyond)
    assert validate.half_width(compared) == pytest.approx(half_width)
    assert validate.interval_score(compared, 0.9) == pytest.approx(score)


def test_out_of_reach_is_below_every_draw():
    for least, expected in ((101, True), (100, False), (0, False)):
        assert validate.is_out_of_reach(replace(INSIDE, least=least)) is expected


def test_summary():
    found = summarize("all", [INSIDE, ABOVE, BELOW], 0.9)
    assert found.count == 3
    assert found.mean_error == pytest.approx(0.40 / 3)  # 10, 25 and 5%
    assert found.median_error == pytest.approx(0.10)
    assert found.bias == pytest.approx(-0.10 / 3)  # +10, -25 and +5%
    assert found.inside == 1
    assert (found.widest, found.widest_name) == (pytest.approx(12.5 / 60), "above")
    assert found.score == pytest.approx((0.40 + 1.5625 + 0.575) / 3)
    # measured 80, 100, 200 and predicted 60, 110, 210: in the same order
    assert (found.spearman, found.kendall) == (1.0, 1.0)
    assert (found.pairs, found.wrong) == (3, ())


@pytest.mark.parametrize(
    ("predicted", "measured", "rho", "tau", "reason"),
    [
        # differences of ranks 0, 1, 1, 0: 1 - 6 * 2 / (4 * 15); 5 pairs of 6 agree, 1 does not
        ([1, 3, 2, 4], [1, 2, 3, 4], 0.8, 4 / 6, "two neighbours exchanged"),
        ([4, 3, 2, 1], [1, 2, 3, 4], -1.0, -1.0, "the other way round"),
        # ranks 1, 2.5, 2.5 and 1, 2, 3: 1.5 / sqrt(1.5 * 2); 2 of 3 pairs: 2 / sqrt(3 * 2)
        ([1, 2, 3], [1, 2, 2], 1.5 / math.sqrt(3), 2 / math.sqrt(6), "two measured the same"),
    ],
)
def test_rank_correlations(predicted, measured, rho, tau, reason):
    rows = [exact(p, m) for p, m in zip(predicted, measured, strict=True)]
    assert validate.rank_correlations(rows) == pytest.approx((rho, tau)), reason


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([exact(1, 1)], "a single row has no order"),
        ([exact(2, 1), exact(2, 3)], "predictions that are all the same have none"),
        ([exact(1, 2), exact(3, 2)], "nor have measurements"),
        ([exact(1, 1), exact(9, 9, group="other")], "groups of other sizes would order the rows"),
    ],
)
def test_rank_correlations_that_mean_nothing(rows, reason):
    assert validate.rank_correlations(rows) is None, reason
    assert summarize("x", rows, 0.9).spearman is None, reason


def test_pairs_that_must_be_ordered_right():
    rows = [
        exact(5.0, 100, "a"),
        exact(4.0, 110, "b"),  # 10% above a, and not more: its order does not matter
        exact(5.0, 125, "c"),  # must lie above a and b, and a is predicted the same
        exact(1.0, 500, "d", "other"),  # is compared with nothing of another group
    ]
    pairs = validate.distinct_pairs(rows)
    assert [(less.name, more.name) for less, more in pairs] == [("a", "c"), ("b", "c")]
    assert [validate.is_ordered(pair) for pair in pairs] == [False, True]
    found = summarize("x", rows, 0.9)
    assert (found.pairs, found.wrong) == (2, (("a", "c"),))


def test_no_row_is_refused():
    with pytest.raises(UsageError, match="boards: no row"):
        summarize("boards", [], 0.9)


@pytest.mark.parametrize("coverage", [0.0, 1.0, -1, math.nan])
def test_coverage_must_be_a_share(coverage):
    with pytest.raises(UsageError, match=f"not {coverage}"):
        validate.interval_score(INSIDE, coverage)


@pytest.mark.parametrize(
    "wrong",
    [
        {"low": 120.0},
        {"high": 100.0},
        {"low": 0.0},
        {"low": -1.0},
        {"measured": 0.0},
        {"predicted": math.nan},
        {"measured": math.nan},
    ],
)
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(UsageError, match=f"inside, group: .*{next(iter(wrong))} "):
        replace(INSIDE, **wrong)


POSITIVE = st.floats(1e-6, 1e6)


@st.composite
def compared(draw) -> Compared:
    low, predicted, high = sorted(draw(st.tuples(POSITIVE, POSITIVE, POSITIVE)))
    return row(predicted, low, high, draw(POSITIVE))


@given(st.lists(compared(), min_size=1, max_size=6), st.sampled_from([0.125, 2.0, 1024.0]))
def test_no_figure_depends_on_the_unit(rows, factor):
    """Powers of two scale floats exactly."""
    scaled = [
        replace(
            item,
            predicted=item.predicted * factor,
            low=item.low * factor,
            high=item.high * factor,
            measured=item.measured * factor,
        )
        for item in rows
    ]
    assert summarize("x", scaled, 0.9) == summarize("x", rows, 0.9)


@given(compared(), st.floats(0.5, 0.95))
def test_a_score_is_the_width_and_more_for_a_miss(item, coverage):
    width = (item.high - item.low) / item.measured
    score = validate.interval_score(item, coverage)
    assert score == width if validate.is_inside(item) else score > width


@given(compared())
def test_a_range_that_reaches_its_measurement_scores_better(item):
    """At 90%, a unit of width costs 1 and a unit of distance 20."""
    reaching = replace(item, low=min(item.low, item.measured), high=max(item.high, item.measured))
    assert validate.interval_score(reaching, 0.9) <= validate.interval_score(item, 0.9)
