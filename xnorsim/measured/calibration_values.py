"""The rounds of a calibration as values with a range: what loops say of one core and its memories.

A value is a low percentile of what was timed, the undisturbed moments without the luckiest; its
range ends at nine tenths, so that a neighbour on the same core, whom a virtual machine does not
see, is in the range and not in the value. On one such machine 5% to 25% of the moments were without
a neighbour: the second percentile of 90 moments came out the same within 1%, the tenth within 14%.
Of streams from the main memory the tenth is taken: what hides behind what is a difference of two of
them, and the luckiest moments of both need not be alike; the times that follow repeat within 1%.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost.latency import combined_seconds
from xnorsim.measured.calibration_plan import STREAM_WORK

__all__ = [
    "Fitted",
    "Value",
    "column",
    "of_memory",
    "of_middle",
    "of_rounds",
    "stores_stream",
    "streamed",
]

Rounds = Sequence[Mapping[str, float]]
_CORE = (0.02, 0.01, 0.90)
_MAIN_MEMORY = (0.10, 0.05, 0.90)


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its range."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Value:
        """The same in another unit."""
        return Value(self.value * factor, self.low * factor, self.high * factor)

    def at_most(self, limit: float) -> Value:
        """The same where nothing goes beyond `limit`."""
        return Value(min(self.value, limit), min(self.low, limit), min(self.high, limit))

    def inverse(self) -> Value:
        """A rate of a time, or a time of a rate."""
        return Value(1 / self.value, 1 / self.high, 1 / self.low)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A memory level: seconds a byte over its boundary, and the share that hides."""

    seconds: Value
    overlap: Value


def column(rounds: Rounds, name: str) -> NDArray[np.float64]:
    """What each round has under a name."""
    return np.array([values[name] for values in rounds if name in values])


def of_rounds(rounds: Rounds, name: str) -> Value:
    """A time or a number of cycles of the core."""
    return Value(*(float(each) for each in np.quantile(column(rounds, name), _CORE)))


def of_memory(rounds: Rounds, name: str, levels: int) -> Value:
    """Seconds a byte of a stream, as "2:store"; levels: those beyond the nearest, the main last."""
    of_main = name.startswith(f"{levels}:")
    quantiles = np.quantile(column(rounds, name), _MAIN_MEMORY if of_main else _CORE)
    return Value(*(float(each) for each in quantiles))


def of_middle(rounds: Rounds, name: str) -> Value:
    """What a neighbour does not lengthen, a clock or a chain: the median, noise goes both ways."""
    return Value(*(float(each) for each in np.quantile(column(rounds, name), (0.5, 0.05, 0.95))))


def streamed(rounds: Rounds, levels: int) -> list[Fitted]:
    """Seconds a byte and overlap of each level beyond the nearest, nearest of them first.

    A stream with more and more work beside each vector takes what `combined_seconds` says of the
    work, timed in the nearest cache, and of the levels that it crosses. Two unknowns a level, as
    many equations as STREAM_WORK has entries: those whose logarithms are nearest are taken.
    """
    keys = [f"{level}:stream:{work}" for level in range(levels + 1) for work in STREAM_WORK]
    time = {key: of_memory(rounds, key, levels) for key in keys}
    ends = [
        _fit({key: getattr(value, end) for key, value in time.items()}, levels)
        for end in ("value", "low", "high")
    ]
    return [
        Fitted(
            Value(mid[0], min(mid[0], low[0]), max(mid[0], high[0])),
            Value(mid[1], *_span(mid[1], low[1], high[1])),
        )
        for mid, low, high in zip(*ends, strict=True)
    ]


def _span(*values: float) -> tuple[float, float]:
    return min(values), max(values)


def _fit(time: Mapping[str, float], levels: int) -> list[tuple[float, float]]:
    """(seconds a byte, overlap) of each level, those nearer being known."""
    before = np.array([time[f"0:stream:{work}"] for work in STREAM_WORK])
    found = []
    for level in range(1, levels + 1):
        seen = np.array([time[f"{level}:stream:{work}"] for work in STREAM_WORK])
        seconds = np.geomspace(seen.min() / 4, seen.min() * 1.1, 400)[:, np.newaxis, np.newaxis]
        overlap = np.linspace(0, 1, 51)[:, np.newaxis]
        predicted = combined_seconds(before, [seconds], [overlap])
        error = (np.log(predicted / seen) ** 2).sum(axis=-1)
        i, j = np.unravel_index(error.argmin(), error.shape)
        found.append((float(seconds[i, 0, 0]), float(overlap[j, 0])))
        before = predicted[i, j]
    return found


def stores_stream(rounds: Rounds, fitted: Sequence[Fitted]) -> bool:
    """Whether runs of stores go to the main memory without their lines being fetched first.

    By which of the two the time of a loop of stores is nearer: of one byte moved for each byte
    stored over every boundary, or of two. fitted: what `streamed` gives.
    """
    seen = of_memory(rounds, f"{len(fitted)}:store", len(fitted)).value
    core = of_memory(rounds, "0:store", len(fitted)).value
    overlaps = [level.overlap.value for level in fitted]

    def error(moved: int) -> float:
        parts = [moved * level.seconds.value for level in fitted]
        return abs(float(np.log(combined_seconds(core, parts, overlaps) / seen)))

    return error(1) < error(2)
