"""One round of a calibration: every loop a few times for a moment each, as cycles of the clock.

A disturbed moment (an interrupt, a neighbour on the same core) only makes a loop slower, and the
clock changes slowly: so each loop is timed a few times in turn with a chain whose cycles are known,
after a wait for a moment without a neighbour (yardstick.py), and the shortest of both count. Rounds
are spread over time, and a low quantile of them is taken (calibration_values.py).
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xnorsim.kernels.loops import Loop
from xnorsim.measured.calibration_plan import CLOCK

__all__ = [
    "WAIT_S",
    "Region",
    "Timer",
    "Wait",
    "at_once",
    "core_round",
    "memory_round",
    "pin",
    "regions",
]

_CALLS = 20
_REPEATS = 5
_NEIGHBOURS = 2  # loops before and after whose clock counts too: it changes slowly
_LOOP_INSTRUCTIONS = 400_000  # 40 to 400 microseconds
_STREAM_S = 400e-6
Timer = Callable[[], float]
Wait = Callable[[float], object]

WAIT_S = 1e-3
"""How long a loop waits for a calm moment [s]: no round may last long where a neighbour stays."""


def at_once(most: float) -> None:
    """Wait for nothing."""


@dataclass(frozen=True, slots=True)
class Region:
    """Memory that streams go over to reach `level`: of one core alone, and each of all [byte]."""

    level: int
    alone: int
    each: int


def core_round(
    loops: Mapping[str, Loop],
    memory: np.ndarray[Any, Any],
    timer: Timer = time.perf_counter,
    wait: Wait = at_once,
) -> dict[str, float]:
    """Cycles of one turn of each loop, and under "clock" the clock [Hz].

    memory: what `near_memory` gives; it is written over. wait: for a calm moment, so long at most.
    """
    clock = loops[CLOCK]
    address = memory.ctypes.data
    called = min(_elapsed(clock, address, 1, timer) for _ in range(_CALLS))
    names = [name for name in loops if name != CLOCK]
    clock_s, loop_s = np.empty(len(names)), np.empty(len(names))
    for place, name in enumerate(names):
        _fill(name, memory)
        loop, turns = loops[name], _turns(loops[name])
        wait(WAIT_S)
        pairs = [
            (_elapsed(clock, address, _turns(clock), timer), _elapsed(loop, address, turns, timer))
            for _ in range(_REPEATS)
        ]
        clock_s[place] = min(one for one, _ in pairs) - called
        loop_s[place] = (min(one for _, one in pairs) - called) / turns
    near = np.lib.stride_tricks.sliding_window_view(
        np.pad(clock_s, _NEIGHBOURS, mode="edge"), 2 * _NEIGHBOURS + 1
    )
    cycle_s = near.min(axis=1) / (_turns(clock) * sum(clock.program.counts.values()))
    cycles = loop_s / cycle_s
    found = {name: float(each) for name, each in zip(names, cycles, strict=True)}
    return {**found, CLOCK: float(np.median(1 / cycle_s))}


def _fill(name: str, memory: np.ndarray[Any, Any]) -> None:
    """Ones; for a chain of loads, the address at which it starts."""
    memory[:] = 1
    if name == "latency:scalar_load":
        memory[:2].view(np.uint64)[0] = memory.ctypes.data


def _turns(loop: Loop) -> int:
    return max(1, _LOOP_INSTRUCTIONS // max(1, sum(loop.program.counts.values())))


def _elapsed(loop: Loop, address: int, turns: int, timer: Timer) -> float:
    start = timer()
    loop.call(address, turns, 1)
    return timer() - start


def regions(
    sizes: Sequence[int], sharers: Sequence[int], memory: int, threads: int
) -> tuple[Region, ...]:
    """A stretch of memory for each cache beyond the nearest, and for the main memory.

    sizes: of the caches [byte]; sharers: the cores that share each; memory [byte]; threads: cores.
    A quarter of a private cache, since pages may compete for its sets; of a shared one an eighth,
    since neighbours have the rest, and at least four times the one before; four times the last
    cache for the main memory, at most a quarter of it.
    """
    found = []
    for level, (size, shared) in enumerate(zip(sizes, sharers, strict=True)):
        if level == 0:
            continue
        nearer = sizes[level - 1]
        alone = (
            max(size // 4, 2 * nearer)
            if shared == 1
            else max(size // 8, min(4 * nearer, size // 2))
        )
        each = min(alone, max(size // (2 * min(shared, threads)), nearer))
        found.append(Region(level, alone, each))
    last, shared = (sizes[-1], sharers[-1]) if sizes else (1 << 20, 1)
    most = max(memory // 4, 1 << 20)
    alone = min(max(4 * last, 64 << 20), most)
    each = min(max(alone // threads, 4 * last // min(shared, threads)), most // threads)
    return (*found, Region(len(sizes), alone, each))


def memory_round(
    loops: Mapping[str, Loop],
    found: Iterable[Region],
    memories: list[np.ndarray[Any, Any]],
    cpus: tuple[int, ...],
    timer: Timer = time.perf_counter,
    wait: Wait = at_once,
) -> dict[str, float]:
    """Seconds a byte of each stream at each level, of one core and of all.

    Keys: "0:stream:4" (in the nearest cache), "2:stream:0", "2:store", and "2:all" for all cores
    reading together, each its own memory. memories: one array for each of the cores. wait: as in
    `core_round`.
    """
    values: dict[str, float] = {}
    address = memories[0].ctypes.data
    near = 4 * 1024
    for name, loop in loops.items():
        wait(WAIT_S)
        values[f"0:{name}"] = _stream_s(loop, address, near, timer)
    for region in found:
        for name, loop in loops.items():
            wait(WAIT_S)
            values[f"{region.level}:{name}"] = _stream_s(loop, address, region.alone, timer)
        if len(memories) > 1:
            values[f"{region.level}:all"] = _together_s(
                loops["stream:0"], memories, region.each, cpus, timer
            )
    return values


def _stream_s(loop: Loop, address: int, size: int, timer: Timer) -> float:
    """Seconds a byte: the best of a few passes over `size` bytes, the first one to bring it in."""
    turns = size // loop.program.stride
    loop.call(address, turns, 1)
    passes = _passes(loop, address, turns, timer)
    best = np.inf
    for _ in range(2 if passes == 1 else 2 * _REPEATS):
        start = timer()
        loop.call(address, turns, passes)
        best = min(best, timer() - start)
    return float(best) / (passes * turns * loop.program.stride)


def _passes(loop: Loop, address: int, turns: int, timer: Timer) -> int:
    start = timer()
    loop.call(address, turns, 1)
    return max(1, round(_STREAM_S / max(timer() - start, 1e-9)))


def _together_s(
    loop: Loop,
    memories: list[np.ndarray[Any, Any]],
    size: int,
    cpus: tuple[int, ...],
    timer: Timer,
) -> float:
    """Seconds a byte of all threads together, each on its own CPU and memory of `size` bytes."""
    turns = size // loop.program.stride
    gate = threading.Barrier(len(memories))
    spans: list[tuple[float, float]] = []
    passes = max(1, round(5e-3 * 10e9 / size))

    def work(array: np.ndarray[Any, Any], cpu: int) -> None:
        pin(cpu)
        loop.call(array.ctypes.data, turns, 1)
        gate.wait()
        start = timer()
        loop.call(array.ctypes.data, turns, passes)
        spans.append((start, timer()))

    threads = [
        threading.Thread(target=work, args=pair) for pair in zip(memories, cpus, strict=False)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = max(end for _, end in spans) - min(start for start, _ in spans)
    return elapsed / (len(memories) * passes * turns * loop.program.stride)


def pin(cpu: int) -> None:
    """This thread to one CPU, where the system can; a thread that waits for it must not fail."""
    if hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):  # the CPU went offline
            os.sched_setaffinity(0, {cpu})
