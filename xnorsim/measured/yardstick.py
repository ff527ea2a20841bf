"""Whether a core is ours alone at this moment, by a loop that a neighbour would slow down.

Two threads of a physical core share what it can start in a cycle. A loop that takes all of it lasts
1.4 to 2 times as long while somebody else runs there, and a virtual machine shows no other sign of
them. On a shared machine such neighbours come and go within milliseconds: what is timed between two
readings that found none is what the core does alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from xnorsim.kernels.loops import compiled, dialect_of, host_target, mix, near_memory
from xnorsim.measured.calibration_plan import FRONT_ENDS

__all__ = ["CALM", "WAIT_S", "Yardstick", "yardstick"]

CALM = 1.10
"""A reading is calm up to so many times the best one: with a neighbour it is 1.3 at least."""

WAIT_S = 0.02
"""How long one waits for a calm reading [s]: a few times as long as neighbours mostly stay."""

_READING_S = 5e-6
_FIRST = 200
"""Readings that find the best one: a few milliseconds, among which some are calm."""


class Yardstick:
    """Readings of a fixed loop, and the best of them so far.

    run: the loop, some microseconds of work that takes all that a core can start in a cycle.
    """

    def __init__(
        self, run: Callable[[], object], wall: Callable[[], float] = time.perf_counter
    ) -> None:
        self._run, self._wall = run, wall
        self.best = math.inf
        for _ in range(_FIRST):
            self.is_calm()

    def is_calm(self) -> bool:
        """Whether nobody else seems to run on this core now.

        By the better of two readings: the first may have to fetch the loop's code again.
        """
        taken = min(self._reading(), self._reading())
        self.best = min(self.best, taken)
        return taken <= CALM * self.best

    def _reading(self) -> float:
        begin = self._wall()
        self._run()
        return self._wall() - begin

    def wait(self, most: float = WAIT_S) -> bool:
        """Until a reading is calm, or for so long [s]; whether it became so."""
        until = self._wall() + most
        while not (calm := self.is_calm()) and self._wall() < until:
            pass
        return calm


def yardstick() -> Yardstick:
    """That of this machine: the widest of the mixes by which a calibration finds the front end.

    Raises:
        MissingExtraError: the extra `native` is not installed.
        UsageError: a processor without loops.
    """
    target = host_target()
    dialect = dialect_of(target)
    counts = next(counts for counts in FRONT_ENDS if set(counts) <= set(dialect.forms))
    loop = compiled([mix("yardstick", counts, dialect)], dialect, target)["yardstick"]
    memory = near_memory(dialect)
    memory[:] = 1

    def taken(turns: int) -> float:
        begin = time.perf_counter()
        loop.call(memory.ctypes.data, turns, 1)
        return time.perf_counter() - begin

    turns = 1
    while min(taken(turns) for _ in range(5)) < _READING_S:
        turns *= 2
    return Yardstick(lambda: loop.call(memory.ctypes.data, turns, 1))
