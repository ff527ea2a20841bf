"""Ranges: from those of a profile's quantities to that of a prediction, by seeded sampling.

Every quantity with a range is drawn, all of them together, and the prediction is computed for each
draw: a ratio of two predictions is taken draw by draw, so that what both have in common cancels.

A draw is triangular between low and high with its mode at the value, on a logarithmic scale where
all three are positive (a factor of two up is as likely as a factor of two down). Draws are a Latin
hypercube: M. McKay, R. Beckman, W. Conover, "A Comparison of Three Methods for Selecting Values of
Input Variables in the Analysis of Output from a Computer Code", Technometrics 21(2), 1979.
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xnorsim.errors import UsageError

__all__ = ["COVERAGE", "draw", "influence", "interval"]

COVERAGE = 0.9
"""The share of draws inside a prediction's range."""

_Floats = NDArray[np.float64]


def draw(
    value: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    samples: int = 256,
    seed: int = 0,
    names: Sequence[str] | None = None,
) -> _Floats:
    """Draws of quantities [samples, quantities], the same for the same seed.

    value, low, high: [quantities], low <= value <= high. A quantity whose ends are equal is
    always its value, and so is one of which any is infinite. What is drawn for a quantity depends
    on its name alone (its place, unless names are given), not on what else is drawn.

    Raises:
        UsageError: fewer than two samples, or a value outside of its range.
    """
    mode, a, b = (np.atleast_1d(np.asarray(item, float)) for item in (value, low, high))
    if samples < 2:
        raise UsageError(f"samples must be at least 2, not {samples}")
    wrong = np.flatnonzero(~((a <= mode) & (mode <= b)))
    if wrong.size:
        at = int(wrong[0])
        raise UsageError(f"quantity {at}: value {mode[at]} is not within {a[at]} .. {b[at]}")
    names = [str(place) for place in range(mode.size)] if names is None else names
    uniform = np.stack([_stratified(name, samples, seed) for name in names], axis=1)
    is_free = (a < b) & np.isfinite(a) & np.isfinite(b)
    is_log = is_free & (a > 0)
    scaled = [np.where(is_log, np.log(np.where(is_log, item, 1)), item) for item in (mode, a, b)]
    drawn = _triangular(uniform, *(np.where(is_free, item, 0.0) for item in scaled))
    drawn = np.where(is_log, np.exp(drawn), drawn)
    return np.where(is_free, np.clip(drawn, a, b), mode)


def _stratified(name: str, samples: int, seed: int) -> _Floats:
    """One number in each of so many equal parts of 0 .. 1, in an order of its own [samples]."""
    generator = np.random.default_rng([seed, crc32(name.encode())])
    return (generator.permutation(samples) + generator.random(samples)) / samples


def _triangular(uniform: _Floats, mode: _Floats, low: _Floats, high: _Floats) -> _Floats:
    """The triangular distribution's quantiles: its density rises to the mode and falls after it."""
    span = high - low
    rising = np.sqrt(uniform * span * (mode - low))
    falling = np.sqrt((1 - uniform) * span * (high - mode))
    is_below = uniform * span < mode - low
    return np.where(is_below, low + rising, high - falling)


def interval(
    samples: ArrayLike, value: ArrayLike, coverage: float = COVERAGE
) -> tuple[_Floats, _Floats]:
    """(low, high): the central `coverage` of the samples, widened to contain `value`.

    samples: [samples, ...] predictions; value: [...] the prediction at the profile's values.

    Raises:
        UsageError: a coverage that is not above 0 and at most 1.
    """
    if not 0 < coverage <= 1:
        raise UsageError(f"coverage must be above 0 and at most 1, not {coverage}")
    tail = (1 - coverage) / 2
    low, high = np.quantile(np.asarray(samples, float), [tail, 1 - tail], axis=0)
    return np.minimum(low, value), np.maximum(high, value)


def influence(inputs: ArrayLike, outputs: ArrayLike) -> _Floats:
    """How much of a prediction's spread follows each quantity: [quantities], 0 to 1.

    The squared rank correlation (Spearman's rho) of draws [samples, quantities] with predictions
    [samples]. 0 for a quantity, or a prediction, that does not vary.
    """
    from scipy.stats import rankdata  # it takes a second, which the workers of a sweep do not need

    x = rankdata(np.asarray(inputs, float), axis=0)
    y = rankdata(np.asarray(outputs, float))
    x, y = x - x.mean(axis=0), y - y.mean()
    power = (x**2).sum(axis=0) * (y**2).sum()
    product = (x * y[:, None]).sum(axis=0)
    return np.divide(product**2, power, out=np.zeros(x.shape[1]), where=power > 0)
