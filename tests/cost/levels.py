"""Bytes of memory levels as arrays [levels, ...], where a test compares all of them at once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["by_level", "stacked"]


def stacked(levels: Sequence[Any]) -> np.ndarray:
    """The bytes [...] of each level as one array [levels, ...]."""
    return np.stack(np.broadcast_arrays(*levels)) if len(levels) else np.zeros((0,))


def by_level(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that gives bytes by level, or those of each operand, with the levels stacked."""

    @functools.wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        found = function(*args, **options)
        if isinstance(found, dict):
            return {name: stacked(levels) for name, levels in found.items()}
        return stacked(found)

    return called
