"""Which of several things is best, as far as their ranges tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xnorsim.errors import UsageError

__all__ = ["ranks"]


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
