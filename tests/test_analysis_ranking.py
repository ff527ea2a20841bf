"""Which of several things is best: only as far as their ranges tell."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

import xnorsim as xs
from xnorsim.analysis.ranking import gains, offers, ranks
from xnorsim.errors import UsageError

PROFILES = ("raspberry-pi-4b", "raspberry-pi-5", "paper-64ops")


@pytest.fixture(scope="module")
def report():
    return xs.analyze("resnet18", binarize="xnor", profile=PROFILES[:2])


def with_totals(report, *totals):
    """The report with other totals: low, value and high of latency [s] and energy [J]."""
    keys = [f"{name}{end}" for name in ("latency_s", "energy_j") for end in ("_low", "", "_high")]
    items = tuple(
        replace(item, totals=dict(zip(keys, row, strict=True)))
        for item, row in zip(report.predictions, totals, strict=True)
    )
    return replace(report, predictions=items)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ([1, 2, 5], [3, 4, 6], [1, 1, 3]),  # the first two overlap, both end before the third
        ([5, 1], [6, 2], [2, 1]),  # in any order
        ([1, 2], [2, 3], [1, 1]),  # that they touch is no difference
        ([1, 2, 3.5], [2.5, 4, 5], [1, 1, 2]),  # the third only overlaps with the second
        ([1, 1], [1, 1], [1, 1]),
        ([], [], []),
    ],
)
def test_ranks_tell_only_what_ranges_tell(low, high, expected):
    assert ranks(low, high).tolist() == expected


@pytest.mark.parametrize(
    ("low", "high", "fault"),
    [([1, 2], [3], "as many ends"), ([1, 3], [2, 2], "not from 3 to 2"), ([1], [math.nan], "nan")],
)
def test_what_is_no_range_is_refused(low, high, fault):
    with pytest.raises(UsageError, match=fault):
        ranks(low, high)


@pytest.mark.parametrize(
    ("first", "second", "in_time", "rank"),
    [
        # both in time, energies apart: the second is certainly worse
        ((1, 2, 3, 1, 2, 3), (1, 2, 3, 4, 5, 6), ["surely", "surely"], [1, 2]),
        # energies overlap: no difference
        ((1, 2, 3, 1, 2, 4), (1, 2, 3, 4, 5, 6), ["surely", "surely"], [1, 1]),
        # at the deadline is in time; what is only perhaps in time has no rank
        ((1, 2, 4, 1, 2, 3), (4, 5, 6, 0, 0, 0), ["surely", "perhaps"], [1, None]),
        ((5, 6, 7, 1, 2, 3), (4.5, 5, 6, 0, 0, 0), ["no", "no"], [None, None]),
    ],
)
def test_offers_rank_what_is_surely_in_time(report, first, second, in_time, rank):
    found = offers(with_totals(report, first, second), 4.0)
    assert list(found.index) == list(PROFILES[:2])
    assert found.in_time.tolist() == in_time
    assert found["rank"].astype(object).where(found["rank"].notna(), None).tolist() == rank


def test_a_machine_without_energies_has_no_rank():
    found = offers(xs.analyze("resnet18", profile=PROFILES[1:]), 1e9)
    assert found.in_time.tolist() == ["surely", "surely"]
    assert found["rank"].isna().tolist() == [False, True]


def test_offers_refuse_what_they_cannot_rank(report):
    with pytest.raises(UsageError, match="has no predictions: give profiles"):
        offers(xs.analyze("resnet18"), 1.0)
    with pytest.raises(UsageError, match="deadline_s must be more than 0 s, not 0"):
        offers(report, 0)


def test_gains_share_the_draws_of_a_machine(report):
    floats = xs.analyze("resnet18", profile=PROFILES[:2])
    found = gains(report, floats)
    assert list(found.index) == list(PROFILES[:2])
    for item, other in zip(report.predictions, floats.predictions, strict=True):
        row = found.loc[item.profile]
        assert row.value == other.totals["latency_s"] / item.totals["latency_s"]
        apart = other.totals["latency_s_high"] / item.totals["latency_s_low"]
        assert row.low <= row.value <= row.high < apart, "what both share cancels"
    with pytest.raises(UsageError, match="raspberry-pi-4b, raspberry-pi-5 are compared with"):
        gains(report, xs.analyze("resnet18", profile=PROFILES[1]))
