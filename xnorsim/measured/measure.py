"""Time a call: warm up, repeat until the median is known, and say if the machine was disturbed.

Nothing here fails on a busy machine: the samples are kept, and the measurement says what was wrong
with them. Ratios of kernels timed in turn (`interleaved`) hold where single times do not.
"""

from __future__ import annotations

import gc
import math
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

import numpy as np

from xnorsim.errors import UsageError, XnorsimError, choices
from xnorsim.measured.activity import Activity, energy_between, read_activity
from xnorsim.measured.host import Host, data_caches, read_host
from xnorsim.measured.measurement import (
    CALM_LEAST,
    Measurement,
    Signs,
    Subject,
    disturbances,
    figures,
    times,
)
from xnorsim.measured.yardstick import Yardstick

__all__ = ["CACHES", "CLOCK", "LONGEST_CALM_S", "Clock", "interleaved", "measure"]

CACHES = ("warm", "cold")

SAMPLE_S = 20e-6
"""A sample of warm caches takes at least so long [s]: calls are repeated to reach it."""
TICKS = 50
"""And at least so many steps of the clock."""
LEAST, MOST = 20, 1000
"""Samples after which sampling may stop early, and after which it stops."""
FEWEST = 3
"""Samples that are taken even where the time is over."""
CALM_ENOUGH = 30
"""Calm samples after which sampling may stop, where a yardstick tells them."""
PATIENCE, LONGEST_CALM_S = 4, 5e-3
"""And with fewer than CALM_LEAST it goes on for so many times as long, unless a sample lasts longer
than neighbours ever stay away [s]: scheduler ticks of 4 ms bring them back."""
STABLE = 0.02
"""Warm-up ends when the best of three calls is not faster than the best before by this share."""
STILL = 1 << 20
"""Calls after which a clock that has shown no time stands still."""


def _reference() -> None:
    """A fixed piece of work, about a millisecond: its time follows the clock of the core."""
    total = 0
    for number in range(20_000):
        total += number & 7


@dataclass(frozen=True, slots=True)
class Clock:
    """Where times come from: tests give their own.

    `wall` and `cpu` are seconds, the latter of all threads of the process; `tick` is the step of
    `wall` [s]; `activity` reads the counters of some CPUs; `reference` is the fixed loop.
    """

    wall: Callable[[], float] = time.perf_counter
    cpu: Callable[[], float] = time.process_time
    tick: float = time.get_clock_info("perf_counter").resolution
    activity: Callable[[Collection[int]], Activity] = read_activity
    reference: Callable[[], object] = _reference


CLOCK = Clock()
"""The clocks of this machine."""


def measure(
    run: Callable[[], object],
    subject: Subject,
    *,
    seconds: float = 1.0,
    rounds: int | None = None,
    warm_up: float = 0.05,
    precision: float = 0.01,
    cache: str = "warm",
    core: int | None = None,
    host: Host | None = None,
    yardstick: Yardstick | None = None,
    clock: Clock = CLOCK,
) -> Measurement:
    """Time `run` until its median is known.

    The garbage collector is off and, with `core`, this thread is pinned; both are as before
    afterwards, whatever happens. First the call is repeated for `warm_up` [s] and until it grows no
    faster (STABLE), for five times as long at most, but once at least. Then samples are taken, of
    warm caches in batches of calls (SAMPLE_S, TICKS), until the 95% interval of the median is
    narrower than `precision` of it: at least LEAST samples and a tenth of `seconds`, at most MOST
    and `seconds`; or exactly `rounds` samples.

    With `cache` "cold" each sample is one call after a walk through twice the last-level cache,
    which is not timed; what other cores hold in caches of their own may stay. Pinning is of this
    thread: thread pools that are already there stay where they are. `host` saves reading it.

    With a `yardstick` each sample waits a moment for a calm reading, and is calm itself if the next
    reading is too. Sampling stops after CALM_ENOUGH of these, or `seconds`; where hardly any was
    calm, PATIENCE times `seconds`.

    Raises:
        UsageError: an option that makes no sense, or a core that may not be used.
        XnorsimError: the clock stands still.
    """
    _check_amounts(seconds=seconds, warm_up=warm_up, precision=precision)
    known = _until_calm(seconds) if yardstick else _until_known(seconds, precision)
    stop = known if rounds is None else rounds
    asked = precision if rounds is None and not yardstick else None
    # MOST samples fill a tenth of the time, which a brief disturbance then cannot
    sample_s = max(SAMPLE_S, TICKS * clock.tick, seconds / 10 / MOST)
    host = host or read_host()
    plan = _Plan(stop, sample_s, asked, warm_up, cache, core, host, yardstick, clock)
    return _measured([_Track(run, subject)], plan)[0]


def interleaved(
    runs: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    subjects: Mapping[str, Subject] | None = None,
    warm_up: float = 0.05,
    cache: str = "warm",
    core: int | None = None,
    host: Host | None = None,
    clock: Clock = CLOCK,
) -> dict[str, Measurement]:
    """Time several calls in turn: in each round one sample of each, every other round backwards.

    All else is as in `measure`. The n-th samples are of the same round: `ratio` compares them.
    Without `subjects` a run is named by its key alone.

    Raises:
        UsageError: as `measure`; no run, or a run without a subject.
        XnorsimError: the clock stands still.
    """
    _check_amounts(warm_up=warm_up)
    if not runs:
        raise UsageError("there is nothing to time: give at least one run")
    known = subjects if subjects is not None else {name: Subject(name, "") for name in runs}
    if missing := [name for name in runs if name not in known]:
        raise UsageError(f"no subject for {', '.join(missing)}; {choices(missing[0], known)}")
    sample_s = max(SAMPLE_S, TICKS * clock.tick)
    host = host or read_host()
    plan = _Plan(rounds, sample_s, None, warm_up, cache, core, host, None, clock)
    tracks = [_Track(run, known[name]) for name, run in runs.items()]
    return dict(zip(runs, _measured(tracks, plan), strict=True))


@dataclass(slots=True)
class _Track:
    """One call and what has been seen of it; `calm` are the numbers of its calm samples."""

    run: Callable[[], object]
    subject: Subject
    calls: int = 1
    samples: list[float] = field(default_factory=list)
    calm: list[int] = field(default_factory=list)
    wall_s: float = 0.0
    cpu_s: float = 0.0


_Stop = Callable[[_Track, float], bool]


@dataclass(frozen=True, slots=True)
class _Plan:
    """How to sample; `stop` is a count of rounds or tells from samples and time whether to."""

    stop: _Stop | int
    sample_s: float
    precision: float | None
    warm_up: float
    cache: str
    core: int | None
    host: Host
    yardstick: Yardstick | None
    clock: Clock


def _check_amounts(**amounts: float) -> None:
    for name, value in amounts.items():
        if not (math.isfinite(value) and value >= 0):
            raise UsageError(f"{name} must be a number of at least 0, not {value}")


def _check(tracks: Sequence[_Track], plan: _Plan) -> None:
    if plan.cache not in CACHES:
        raise UsageError(
            f"unknown state of the caches {plan.cache!r}; {choices(plan.cache, CACHES)}"
        )
    if isinstance(plan.stop, int) and plan.stop < 1:
        raise UsageError(f"rounds must be at least 1, not {plan.stop}")
    for threads in {track.subject.threads for track in tracks}:
        if threads < 1:
            raise UsageError(f"threads must be at least 1, not {threads}")
        if threads > 1 and plan.core is not None:
            raise UsageError(f"{threads} threads cannot be pinned to one core ({plan.core})")
    if plan.core is None:
        return
    if not hasattr(os, "sched_setaffinity"):
        raise UsageError(f"this system pins no thread to a core: leave out core {plan.core}")
    if plan.core not in (usable := os.sched_getaffinity(0)):
        valid = ", ".join(map(str, sorted(usable)))
        raise UsageError(f"core {plan.core} may not be used; valid choices: {valid}")


def _measured(tracks: Sequence[_Track], plan: _Plan) -> list[Measurement]:
    _check(tracks, plan)
    clock, started = plan.clock, datetime.now(UTC).isoformat()
    evict = _evictor(plan.host) if plan.cache == "cold" else None
    cpus = plan.host.cpus if plan.core is None else (plan.core,)
    with _undisturbed(plan.core):
        for track in tracks:
            once = _warm_up(track.run, plan.warm_up, clock)
            track.calls = 1 if evict else _calls(track.run, once, plan.sample_s, clock)
        reference, before = _best(clock.reference, clock), clock.activity(cpus)
        begin, cpu = clock.wall(), clock.cpu()
        _sample(tracks, plan, evict)
        elapsed, own = clock.wall() - begin, clock.cpu() - cpu
        after, again = clock.activity(cpus), _best(clock.reference, clock)
    others = _less(_less(after.busy, before.busy), own)
    common = Signs(
        wall_s=0.0,
        cpu_s=0.0,
        elapsed_s=elapsed,
        steal_s=_less(after.steal, before.steal),
        others_s=None if others is None else max(others, 0.0),  # both are rounded
        tick_s=after.tick,
        switches=_less(after.switches, before.switches),
        load=before.load,
        reference_s=(reference, again),
        energy_j=energy_between(before.energy, after.energy),
    )
    return [_measurement(track, common, started, plan) for track in tracks]


def _measurement(track: _Track, common: Signs, started: str, plan: _Plan) -> Measurement:
    calm = tuple(track.calm) if plan.yardstick else None
    found = figures(track.samples, calm)
    signs = replace(common, wall_s=track.wall_s, cpu_s=track.cpu_s)
    return Measurement(
        subject=track.subject,
        started=started,
        cache=plan.cache,
        core=plan.core,
        calls=track.calls,
        samples=tuple(track.samples),
        calm=calm,
        times=found,
        signs=signs,
        disturbed=disturbances(track.subject, found, signs, track.calls, plan.precision, calm),
        host=plan.host,
    )


@contextmanager
def _undisturbed(core: int | None) -> Iterator[None]:
    """Pinned, and without the garbage collector."""
    was_on, pinned = gc.isenabled(), core is not None
    before = os.sched_getaffinity(0) if pinned else set()
    try:
        gc.collect()
        gc.disable()
        if core is not None:
            os.sched_setaffinity(0, {core})
        yield
    finally:
        if pinned:
            os.sched_setaffinity(0, before)
        if was_on:
            gc.enable()


def _batch(run: Callable[[], object], calls: int, clock: Clock) -> tuple[float, float]:
    """Wall time and CPU time [s] of calls in a row."""
    turns = range(calls)
    cpu = clock.cpu()
    begin = clock.wall()
    for _ in turns:
        run()
    end = clock.wall()
    return end - begin, clock.cpu() - cpu


def _best(run: Callable[[], object], clock: Clock, of: int = 5, calls: int = 1) -> float:
    return min(_batch(run, calls, clock)[0] for _ in range(of))


def _warm_up(run: Callable[[], object], least: float, clock: Clock) -> float:
    """Call until the best of three is hardly faster than all before; returns the best time [s]."""
    begin, passed, best = clock.wall(), 0.0, math.inf
    for _ in range(STILL):
        now = math.inf
        for _ in range(3):
            now = min(now, _batch(run, 1, clock)[0])
            passed = clock.wall() - begin
            if passed >= 5 * least and now > 0:
                return min(best, now)
        if passed >= least and now >= (1 - STABLE) * best:
            return min(best, now)
        best = min(best, now)
    raise XnorsimError(f"the clock stands still: it shows {passed} s for {3 * STILL} calls")


def _calls(run: Callable[[], object], once: float, least: float, clock: Clock) -> int:
    """How many calls, of which one takes `once` [s], in a row take at least so long [s]."""
    calls, best = 1, once
    while best < least:
        if best <= 0 and calls >= STILL:
            raise XnorsimError(f"the clock stands still: it shows {best} s for {calls} calls")
        calls = max(2 * calls, math.ceil(1.1 * calls * least / best)) if best > 0 else 8 * calls
        best = _best(run, clock, 3, calls)
    return calls


def _until_known(seconds: float, precision: float) -> _Stop:
    def is_enough(track: _Track, elapsed: float) -> bool:
        return len(track.samples) >= FEWEST and (
            elapsed >= seconds
            or len(track.samples) >= MOST
            or (elapsed >= seconds / 10 and _is_known(track.samples, precision))
        )

    return is_enough


def _until_calm(seconds: float) -> _Stop:
    def is_enough(track: _Track, elapsed: float) -> bool:
        if len(track.samples) < FEWEST:
            return False
        hopes = len(track.calm) < CALM_LEAST and min(track.samples) < LONGEST_CALM_S
        most = PATIENCE * seconds if hopes else seconds
        return elapsed >= most or len(track.calm) >= CALM_ENOUGH

    return is_enough


def _is_known(samples: Sequence[float], precision: float) -> bool:
    """Whether the median is; looked up at some counts only, as each look sorts the samples."""
    if len(samples) < LEAST or len(samples) % LEAST:
        return False
    figures = times(samples)
    return figures.high - figures.low <= precision * figures.median


def _sample(tracks: Sequence[_Track], plan: _Plan, evict: Callable[[], object] | None) -> None:
    stop, clock, yardstick = plan.stop, plan.clock, plan.yardstick
    begin, done = clock.wall(), 0
    while not (done >= stop if isinstance(stop, int) else stop(tracks[0], clock.wall() - begin)):
        for track in tracks if done % 2 == 0 else reversed(tracks):
            if evict:
                evict()
            was_calm = yardstick.wait() if yardstick else False
            wall, cpu = _batch(track.run, track.calls, clock)
            if yardstick and was_calm and yardstick.is_calm():
                track.calm.append(done)
            track.samples.append(wall / track.calls)
            track.wall_s += wall
            track.cpu_s += cpu
        done += 1


def _evictor(host: Host) -> Callable[[], object]:
    """Reads through a buffer of twice the last-level cache, 16 MiB at least."""
    size = max((cache.size for cache in data_caches(host)), default=0)
    # Written, as pages of zeros are one page in memory; read later, as lines that were written
    # would have to go to memory while the sample runs.
    buffer = np.arange(max(2 * size, 16 << 20) // 8)
    return buffer.max


_Number = TypeVar("_Number", int, float)


def _less(after: _Number | None, before: _Number | None) -> _Number | None:
    return None if after is None or before is None else after - before
