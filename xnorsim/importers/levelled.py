"""Weights of k bits that a file keeps as floats: odd multiples of a scale, evenly around 0.

DoReFa makes 2 l / (2^k - 1) - 1 of l = 0 ... 2^k - 1, which float32 rounds, and a converter may
multiply each filter by the factor of a batch normalization and round again. What is left is near
such levels and not on them: integers times a scale would be other numbers, so the layer runs, and
is counted, with the floats that the file has. Source: Zhou et al., "DoReFa-Net", equation 9.
"""

from __future__ import annotations

import numpy as np

__all__ = ["level_bits", "level_words"]

FEWEST = 8
"""Weights of a filter from which levels are no chance."""

MOST_BITS = 8
ROUNDING = 2.0**-21
"""Of the largest level: a few roundings of float32."""


def level_bits(filters: np.ndarray) -> int | None:
    """The fewest bits, 2 to 8, whose levels the weights [filters, weights] lie at, each filter with
    a scale of its own; None if they do not, are too few, or are of one magnitude in each. Filters
    of zeros lie at any."""
    if filters.shape[1] < FEWEST or not np.all(np.isfinite(filters)):
        return None
    rows = [np.unique(np.abs(row.astype(np.float64))) for row in filters if row.any()]
    if not 2 <= max(map(len, rows), default=0) <= 2 ** (MOST_BITS + 1):
        return None
    counts = range(2, MOST_BITS + 1)
    return next((bits for bits in counts if all(_lies_at(row, bits) for row in rows)), None)


def level_words(bits: int) -> str:
    """What a report says of such weights."""
    return f"float32, up to rounding those of {bits} bits per filter"


def _lies_at(magnitudes: np.ndarray, bits: int) -> bool:
    """Whether magnitudes are odd multiples of one unit, the greatest below 2^bits."""
    top = 2**bits - 1
    greatest = np.arange(1, top + 1, 2)[:, None]
    units = magnitudes / magnitudes[-1] * greatest
    nearest = 2 * np.floor(units / 2) + 1
    return bool(np.any(np.all(np.abs(units - nearest) <= top * ROUNDING, axis=1)))
