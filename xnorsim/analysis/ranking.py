"""Which of several things is best, as far as their ranges tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xnorsim.errors import UsageError
from xnorsim.show.report import Report

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["gains", "offers", "ranks"]


def ranks(low: ArrayLike, high: ArrayLike) -> NDArray[np.int64]:
    """The rank of each thing, where less is better: 1 + how many are certainly better.

    One is certainly better than another if its range ends before the other's begins. So things
    whose ranges overlap may have the same rank: between them there is no difference to tell.

    Parameters
    ----------
    low, high : ends of the ranges [things]

    Raises:
        UsageError: not two lists of one length, or a range that ends before it begins.

    >>> ranks([1.0, 2.0, 5.0], [3.0, 4.0, 6.0]).tolist()
    [1, 1, 3]
    """
    begins, ends = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    if begins.ndim != 1 or begins.shape != ends.shape:
        raise UsageError(
            f"ranges have as many ends as beginnings, not {ends.shape}, {begins.shape}"
        )
    if not (begins <= ends).all():
        place = int(np.argmin(begins <= ends))
        raise UsageError(f"a range goes upwards, not from {begins[place]:g} to {ends[place]:g}")
    return 1 + (ends[np.newaxis, :] < begins[:, np.newaxis]).sum(axis=1)


def offers(report: Report, deadline_s: float) -> pd.DataFrame:
    """The machines of a report: which keep a deadline, and which of those take least energy.

    One row a prediction, with its totals and their ranges, and

    in_time : "surely" if the slow end of the latency's range keeps the deadline, "perhaps" if the
        quick end does, else "no"
    rank : `ranks` of the energy among those that are surely in time and whose energy is known;
        <NA> for the others

    Parameters
    ----------
    report : of `analyze`, with profiles
    deadline_s : the time that an inference may take [s]

    Raises:
        UsageError: a report without predictions, or a deadline that is no time.
    """
    import pandas as pd

    if not report.predictions:
        raise UsageError("the report has no predictions: give profiles to analyze")
    if not deadline_s > 0:
        raise UsageError(f"deadline_s must be more than 0 s, not {deadline_s}")
    names = [item.profile for item in report.predictions]
    found = pd.DataFrame([item.totals for item in report.predictions], pd.Index(names))
    quick, slow = found.latency_s_low <= deadline_s, found.latency_s_high <= deadline_s
    sure = found[slow & found.energy_j.notna()]
    rank = pd.Series(ranks(sure.energy_j_low, sure.energy_j_high), sure.index, dtype="Int64")
    return found.assign(
        in_time=np.select([slow, quick], ["surely", "perhaps"], "no"),
        rank=rank.reindex(found.index),
    )


def gains(report: Report, slower: Report) -> pd.DataFrame:
    """How many times faster one network is than another on each machine: value, low and high.

    Both are predicted at the same draws of a machine's inputs, so a gain is known better than
    either time. One row a profile.

    Parameters
    ----------
    report, slower : of `analyze`, with the same profiles in the same order

    Raises:
        UsageError: their profiles are not the same.
    """
    import pandas as pd

    from xnorsim.cost.network import joint_speedup

    quick, slow = ([item.profile for item in each.predictions] for each in (report, slower))
    if quick != slow:
        raise UsageError(f"profiles {', '.join(quick)} are compared with {', '.join(slow)}")
    pairs = zip(report.predictions, slower.predictions, strict=True)
    rows = [joint_speedup(item, other) for item, other in pairs]
    return pd.DataFrame(rows, pd.Index(quick), columns=["value", "low", "high"])
