"""Weights of few levels, told by their values: +-alpha, {-alpha, 0, alpha} or {0, alpha}, one alpha
a filter, which is 0 where all of a filter's weights are.

A file may keep them as floats, with a batch normalization folded into them, so that alpha may be
anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xnorsim.network.precision import BIPOLAR, TERNARY, UNIPOLAR, Encoding

__all__ = ["Levels", "levels"]

_WORDS = {BIPOLAR: "+-", TERNARY: "0 and +-", UNIPOLAR: "0 and +"}

BLOCK = 2**17
"""[elements] Weights that are looked at together: as many as a cache holds."""

FEWEST_FILTERS = 16
"""Filters that are looked at together: they lie next to each other where they are columns."""


@dataclass(frozen=True, slots=True)
class Levels:
    """What weights are but for alpha [filters], which is below 0 for {-|alpha|, 0} alone; `signed`
    says that some are above 0 and some below."""

    encoding: Encoding
    alpha: np.ndarray
    signed: bool

    @property
    def scaled(self) -> bool:
        """Whether some alpha is not 1."""
        return bool(np.any(self.alpha != 1))

    def __str__(self) -> str:
        sign = _WORDS[self.encoding]
        return f"{sign}alpha per channel" if self.scaled else f"{sign}1"


def levels(weight: np.ndarray) -> Levels | None:
    """The levels of a weight, its filters along the first axis; None if some filter has several
    magnitudes, or what is no finite number.

    Floats differ in the first filters already, so the rest is not gone through.
    """
    if not weight.size:
        return None
    step = max(BLOCK * len(weight) // weight.size, FEWEST_FILTERS)
    parts = []
    for start in range(0, len(weight), step):
        block = weight[start : start + step]
        part = _of_block(block.reshape(len(block), -1))
        if part is None:
            return None
        parts.append(part)
    alpha, flat, low, high = (np.concatenate(items) for items in zip(*parts, strict=True))
    signed = bool(low.any() and high.any())
    if flat.all():
        return Levels(BIPOLAR, alpha, signed)
    if np.any(low & high):
        return Levels(TERNARY, alpha, signed)
    return Levels(UNIPOLAR, np.where(low, -alpha, alpha), signed)


def _of_block(rows: np.ndarray) -> tuple[np.ndarray, ...] | None:
    """Of filters as rows: the greatest |w|, whether it is that of all, and whether some weights
    are below and above 0; None if they have several magnitudes."""
    magnitude = np.abs(rows)
    alpha = magnitude.max(axis=1)
    if not np.all(np.isfinite(alpha)):
        return None
    flat = magnitude.min(axis=1) == alpha
    rest = magnitude[~flat]
    if not np.all((rest == alpha[~flat, None]) | (rest == 0)):
        return None
    return alpha, flat, rows.min(axis=1) < 0, rows.max(axis=1) > 0
