"""How far predictions are from measurements: errors, order and ranges, as pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import mean, median

from xnorsim.errors import UsageError

__all__ = [
    "DISTINCT",
    "Compared",
    "Part",
    "Summary",
    "beyond",
    "distinct_pairs",
    "error",
    "half_width",
    "interval_score",
    "is_inside",
    "is_ordered",
    "is_out_of_reach",
    "rank_correlations",
    "summarize",
]

DISTINCT = 0.10
"""Measurements that differ by more than this share of the smaller one must be ordered right."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a share (0 to 1) of a predicted time is spent on, and what bounds most of that share."""

    what: str
    share: float
    bound: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One prediction beside one measurement.

    Rows of one `group` are of one kind on one machine, and are ranked among themselves. `unit` is
    "s", or "1" for a ratio; predicted, low, high, measured and measured_std [unit] are positive,
    and the latter is None where it is not known. `recipes` is the recipe set of the prediction;
    `parts` are what takes most of the predicted time, most first; `least` is the least prediction
    at any draw of its inputs, 0 if there is none to tell.

    Raises:
        UsageError: a number that is not positive, or low <= predicted <= high does not hold.
    """

    group: str
    name: str
    machine: str
    software: str
    recipes: str
    unit: str
    predicted: float
    low: float
    high: float
    measured: float
    measured_std: float | None = None
    parts: tuple[Part, ...] = ()
    least: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.low <= self.predicted <= self.high and self.measured > 0):
            raise UsageError(
                f"{self.name}, {self.group}: 0 < low <= predicted <= high and 0 < measured must "
                f"hold, and low is {self.low}, predicted {self.predicted}, high {self.high}, "
                f"measured {self.measured}"
            )


def error(row: Compared) -> float:
    """predicted / measured - 1: above 0 for a prediction that is too high."""
    return row.predicted / row.measured - 1


def is_inside(row: Compared) -> bool:
    """Whether the range holds the measurement, its ends included."""
    return row.low <= row.measured <= row.high


def beyond(row: Compared) -> float:
    """By how much the measurement is above high (> 0) or below low (< 0) of it; 0 inside."""
    if is_inside(row):
        return 0.0
    end = row.high if row.measured > row.high else row.low
    return row.measured / end - 1


def is_out_of_reach(row: Compared) -> bool:
    """Whether the measurement is below what these kernels take at any draw of their inputs.

    Then something else ran than what is predicted: other kernels, more threads, another clock.
    """
    return row.measured < row.least


def half_width(row: Compared) -> float:
    """(high - low) / 2 over the predicted value: 0.3 for a range of +-30%."""
    return (row.high - row.low) / 2 / row.predicted


def interval_score(row: Compared, coverage: float) -> float:
    """The interval score over the measured value; less is better.

    (u - l) + 2/a (l - x) if x < l, + 2/a (x - u) if x > u, with a = 1 - coverage: the width of the
    range, and a penalty for the distance of a miss that is dearer the surer the range claims to be.

    Source: T. Gneiting, A. Raftery, "Strictly Proper Scoring Rules, Prediction, and Estimation",
    Journal of the American Statistical Association 102(477), 2007, equation 43.

    Raises:
        UsageError: a coverage that is not between 0 and 1.
    """
    if not 0 < coverage < 1:
        raise UsageError(f"coverage must be above 0 and below 1, not {coverage}")
    outside = max(row.low - row.measured, row.measured - row.high, 0.0)
    return (row.high - row.low + 2 / (1 - coverage) * outside) / row.measured


def distinct_pairs(rows: Sequence[Compared]) -> list[tuple[Compared, Compared]]:
    """The pairs of a group whose measurements differ by more than DISTINCT of the smaller one.

    Each has the smaller measurement first.
    """
    pairs = (sorted(pair, key=lambda row: row.measured) for pair in combinations(rows, 2))
    return [
        (less, more)
        for less, more in pairs
        if less.group == more.group and more.measured > (1 + DISTINCT) * less.measured
    ]


def is_ordered(pair: tuple[Compared, Compared]) -> bool:
    """Whether a pair of `distinct_pairs` is predicted in the order of its measurements."""
    less, more = pair
    return less.predicted < more.predicted


def rank_correlations(rows: Sequence[Compared]) -> tuple[float, float] | None:
    """Spearman's rho and Kendall's tau-b of predictions with measurements of one group.

    None where they mean nothing: rows of several groups, whose sizes alone would order them, fewer
    than two rows, or values that are all the same on a side.
    """
    predicted, measured = [row.predicted for row in rows], [row.measured for row in rows]
    if len({row.group for row in rows}) != 1 or min(len({*predicted}), len({*measured})) < 2:
        return None
    from scipy.stats import kendalltau, spearmanr

    found = spearmanr(predicted, measured), kendalltau(predicted, measured)
    rho, tau = (item.statistic for item in found)  # pyright: ignore[reportAttributeAccessIssue]
    # of ranks, so exact but for the last bits, in which machines differ
    return round(float(rho), 12), round(float(tau), 12)


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of several rows. Errors, ranges and the score are relative: 0.12 is 12%.

    Pairs are those of `distinct_pairs`; `wrong` names the ones that are predicted in another order,
    the smaller measurement first. `widest` is the largest half width, of the row `widest_name`.
    """

    name: str
    count: int
    mean_error: float
    median_error: float
    bias: float
    spearman: float | None
    kendall: float | None
    pairs: int
    wrong: tuple[tuple[str, str], ...]
    inside: int
    widest: float
    widest_name: str
    score: float


def summarize(name: str, rows: Sequence[Compared], coverage: float) -> Summary:
    """Mean and median of |error|, mean error (`bias`), order, ranges and mean interval score.

    Raises:
        UsageError: no row; or as `interval_score`.
    """
    if not rows:
        raise UsageError(f"{name}: no row to summarize")
    distances = [abs(error(row)) for row in rows]
    spearman, kendall = rank_correlations(rows) or (None, None)
    pairs = distinct_pairs(rows)
    widest = max(rows, key=half_width)
    return Summary(
        name=name,
        count=len(rows),
        mean_error=mean(distances),
        median_error=median(distances),
        bias=mean(map(error, rows)),
        spearman=spearman,
        kendall=kendall,
        pairs=len(pairs),
        wrong=tuple((a.name, b.name) for a, b in pairs if not is_ordered((a, b))),
        inside=sum(map(is_inside, rows)),
        widest=half_width(widest),
        widest_name=widest.name,
        score=mean(interval_score(row, coverage) for row in rows),
    )
