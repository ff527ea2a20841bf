"""For which layers a kernel is used: predicates of loop nests, broadcast."""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorsim.work.dimensions import Dimensions

__all__ = ["is_depthwise", "is_one_position"]


def is_depthwise(d: Dimensions) -> Any:
    """One channel a filter, several groups."""
    return (np.asarray(d.filter_channels) == 1) & (np.asarray(d.groups) > 1)


def is_one_position(d: Dimensions) -> Any:
    """A matrix by a vector: a dense layer at batch 1."""
    return np.asarray(d.positions) == 1
