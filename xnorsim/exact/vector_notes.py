"""What golden vectors do not test: bits that never change, and thresholds that decide nothing."""

from __future__ import annotations

import numpy as np

from xnorsim.exact.thresholds import Thresholds

__all__ = ["threshold_notes", "unchanging_notes"]

Array = np.ndarray


def unchanging_notes(what: str, values: Array) -> list[str]:
    """A sentence on the channels (batch, channels, ...) that have one value throughout, if any.

    Where each channel has a single value, only that all of them are alike is told.

    >>> unchanging_notes("output", np.ones((2, 3), np.int8))
    ['output: all bits are +1']
    >>> unchanging_notes("input", np.array([[1, -1, 1], [1, -1, -1]], np.int8))
    ['input: 2 of 3 channels never change: 1 is always +1, 1 always -1']
    """
    signs = values.dtype.kind == "i"
    if values.size > 1 and (values == values.flat[0]).all():
        return [f"{what}: all {f'bits are {values.flat[0]:+}' if signs else 'values are alike'}"]
    rows = np.moveaxis(values, 1, 0).reshape(values.shape[1], -1)
    same = (rows == rows[:, :1]).all(axis=1)
    if rows.shape[1] == 1 or not same.any():
        return []
    up = np.count_nonzero(rows[same, 0] > 0)
    told = f"{what}: {same.sum()} of {len(rows)} channels never change"
    return [f"{told}: {up} {_are(up)} always +1, {same.sum() - up} always -1" if signs else told]


def threshold_notes(rule: Thresholds) -> list[str]:
    """A sentence on the channels whose threshold is reached always or never, if any."""
    k, least = rule.k, rule.least
    always, never = np.count_nonzero(least == -k), np.count_nonzero(least == k + 1)
    if not always + never:
        return []
    return [
        f"least: {always + never} of {len(least)} thresholds decide nothing: {always} "
        f"{_are(always)} always reached, {never} never"
    ]


def _are(count: np.integer) -> str:
    return "is" if count == 1 else "are"
