"""Timing with a made-up clock: what is repeated, how often, and what is said of the samples."""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorsim.errors import UsageError, XnorsimError
from xnorsim.measured import measure as measuring
from xnorsim.measured.activity import Activity, Energy
from xnorsim.measured.caches import Cache
from xnorsim.measured.host import Host
from xnorsim.measured.measure import (
    CALM_ENOUGH,
    FEWEST,
    LEAST,
    MOST,
    PATIENCE,
    SAMPLE_S,
    TICKS,
    Clock,
    interleaved,
    measure,
)
from xnorsim.measured.measurement import (
    CALM_LEAST,
    Signs,
    Subject,
    Times,
    busy_cores,
    disturbances,
    figures,
    ratio,
    times,
)
from xnorsim.measured.yardstick import CALM, WAIT_S, Yardstick

HOST = Host(
    model="A processor",
    vendor="",
    architecture="x86_64",
    microarchitecture="",
    features=(),
    caches=(Cache(1, "data", 32768, 64, 8, 1), Cache(2, "unified", 1 << 20, 64, 8, 1)),
    caches_from="/sys",
    cpus=(0, 1),
    cores=2,
    quota=None,
    memory=None,
    virtual=None,
    system="",
    python="",
    versions={},
    governor="",
    rapl=(),
)
SUBJECT = Subject("gemm", "REF")
QUIET = Activity(0.0, 0.0, 0.01, 0, 0.5, {})


@dataclass
class Fake:
    """A clock that only calls move on; what happened is kept in `done`."""

    now: float = 0.0
    busy: float = 0.0
    done: list[str] = field(default_factory=list)
    asked: list[tuple[int, ...]] = field(default_factory=list)
    activities: Iterator[Activity] = field(default_factory=lambda: cycle([QUIET]))
    references: Iterator[float] = field(default_factory=lambda: cycle([1e-3]))

    def takes(self, *lasts: float, name: str = "run", cores: float = 1.0) -> Callable[[], None]:
        """A call that takes these times in turn [s], on so many cores."""
        turns = cycle(lasts)

        def run() -> None:
            last = next(turns)
            self.now += last
            self.busy += last * cores
            self.done.append(name)

        return run

    def activity(self, cpus: Collection[int]) -> Activity:
        self.asked.append(tuple(cpus))
        self.done.append("activity")
        return next(self.activities)

    def reference(self) -> None:
        self.now += next(self.references)

    def clock(self, tick: float = 1e-9) -> Clock:
        return Clock(lambda: self.now, lambda: self.busy, tick, self.activity, self.reference)

    def sampled(self) -> list[str]:
        """What was called while samples were taken."""
        first, last = (i for i, name in enumerate(self.done) if name == "activity")
        return self.done[first + 1 : last]


@pytest.fixture
def fake() -> Fake:
    return Fake()


# --- how many samples, of how many calls ---------------------------------------------------------


def test_a_steady_call_is_known_after_a_tenth_of_the_time(fake):
    found = measure(fake.takes(1e-3), SUBJECT, seconds=1.0, host=HOST, clock=fake.clock())
    assert found.calls == 1
    assert found.samples == pytest.approx([1e-3] * 100)
    assert found.times.median == pytest.approx(1e-3)
    assert found.signs.wall_s == pytest.approx(0.1)
    assert busy_cores(found.signs) == pytest.approx(1)
    assert found.disturbed == ()
    assert (found.subject, found.host, found.core, found.cache) == (SUBJECT, HOST, None, "warm")
    assert found.started.endswith("+00:00")


def test_few_samples_are_no_reason_to_stop_early(fake):
    # a tenth of the time is over after 5 samples
    found = measure(fake.takes(0.02), SUBJECT, seconds=1.0, host=HOST, clock=fake.clock())
    assert len(found.samples) == LEAST


def test_a_call_longer_than_the_time_is_sampled_all_the_same(fake):
    found = measure(fake.takes(3.0), SUBJECT, seconds=1.0, host=HOST, clock=fake.clock())
    assert len(found.samples) == FEWEST
    assert fake.done.index("activity") == 1  # a single call was warm-up enough


def test_a_noisy_call_is_sampled_until_the_time_is_over_and_that_is_said(fake):
    chance = random.Random(1)
    lasts = [chance.uniform(1e-3, 2e-3) for _ in range(997)]
    found = measure(fake.takes(*lasts), SUBJECT, seconds=0.5, host=HOST, clock=fake.clock())
    assert found.signs.elapsed_s == pytest.approx(0.5, abs=2e-3)
    assert any("the median is known to" in text for text in found.disturbed)


def test_a_wider_interval_needs_less(fake):
    chance = random.Random(1)
    run = fake.takes(*(chance.uniform(1e-3, 2e-3) for _ in range(997)))
    fine, rough = (
        measure(run, SUBJECT, seconds=2.0, precision=share, host=HOST, clock=fake.clock())
        for share in (0.05, 0.2)
    )
    assert len(rough.samples) < len(fine.samples) < MOST
    assert not [text for text in fine.disturbed if "is known to" in text]


def test_there_is_a_most(fake):
    chance = random.Random(1)
    run = fake.takes(*(chance.uniform(1e-3, 9e-3) for _ in range(9973)))
    found = measure(run, SUBJECT, seconds=10, host=HOST, clock=fake.clock())
    assert len(found.samples) == MOST
    assert found.signs.elapsed_s < 10


@pytest.mark.parametrize("rounds", [1, 2, 33])
def test_a_number_of_rounds_is_kept(fake, rounds):
    found = measure(fake.takes(1e-3, 5e-3), SUBJECT, rounds=rounds, host=HOST, clock=fake.clock())
    assert len(found.samples) == rounds
    assert not [text for text in found.disturbed if "is known to" in text]


@pytest.mark.parametrize(
    ("last", "seconds", "tick", "least"),
    [
        (1e-6, 0.1, 1e-9, SAMPLE_S),
        (1e-6, 0.1, 1e-6, TICKS * 1e-6),  # a coarse clock
        (1e-6, 10.0, 1e-9, 10.0 / 10 / MOST),  # so that MOST samples fill a tenth of the time
        (3e-7, 0.1, 1e-9, SAMPLE_S),
    ],
)
def test_short_calls_are_sampled_in_batches(fake, last, seconds, tick, least):
    clock = fake.clock(tick)
    found = measure(fake.takes(last), SUBJECT, seconds=seconds, host=HOST, clock=clock)
    assert least <= found.calls * last * (1 + 1e-9) <= 2.5 * least
    assert fake.sampled().count("run") == found.calls * len(found.samples)
    assert found.samples == pytest.approx([last] * len(found.samples))


def test_the_first_slow_calls_are_no_samples(fake):
    speeds = iter([50e-3, 20e-3, 5e-3])
    run = fake.takes(1e-3)

    def warming() -> None:
        fake.now += next(speeds, 0.0)
        run()

    found = measure(warming, SUBJECT, rounds=50, host=HOST, clock=fake.clock())
    assert max(found.samples) == pytest.approx(1e-3)


def test_warm_up_goes_on_while_calls_grow_faster_but_not_for_ever(fake):
    lasts = (0.01 * 0.95**n for n in range(10_000))

    def run() -> None:
        fake.now += next(lasts)
        fake.done.append("run")

    measure(run, SUBJECT, warm_up=0.03, rounds=1, host=HOST, clock=fake.clock())
    took = sum(0.01 * 0.95**n for n in range(fake.done.index("activity")))
    assert 0.15 <= took <= 0.16  # five times as long, and one call


def test_a_clock_that_stands_still_is_an_error(fake, monkeypatch):
    monkeypatch.setattr(measuring, "STILL", 100)
    for warm_up in (0.0, 1.0):
        with pytest.raises(XnorsimError, match="the clock stands still"):
            measure(lambda: None, SUBJECT, warm_up=warm_up, host=HOST, clock=fake.clock())


# --- caches --------------------------------------------------------------------------------------


def test_cold_caches_are_evicted_before_each_call_and_off_the_clock(fake, monkeypatch):
    def evictor(host: Host) -> Callable[[], None]:
        assert host is HOST
        return fake.takes(0.01, name="evict")

    monkeypatch.setattr(measuring, "_evictor", evictor)
    found = measure(
        fake.takes(1e-6), SUBJECT, cache="cold", rounds=5, host=HOST, clock=fake.clock()
    )
    assert fake.sampled() == ["evict", "run"] * 5
    assert (found.calls, found.cache) == (1, "cold")
    assert found.samples == pytest.approx([1e-6] * 5)
    assert found.signs.wall_s == pytest.approx(5e-6)
    assert found.signs.elapsed_s == pytest.approx(0.05, rel=1e-3)


@pytest.mark.parametrize(("size", "walked"), [(1 << 20, 16 << 20), (12 << 20, 24 << 20)])
def test_the_walk_is_twice_the_largest_cache(size, walked):
    host = replace(HOST, caches=(*HOST.caches, Cache(3, "unified", size, 64, 8, 2)))
    buffer = measuring._evictor(host).__self__  # pyright: ignore[reportFunctionMemberAccess]
    assert buffer.nbytes == walked
    assert np.count_nonzero(buffer[:: 4096 // 8]) >= walked // 4096 - 1  # pages of their own


# --- the machine is left as it was ---------------------------------------------------------------


@pytest.fixture
def affinity(monkeypatch) -> list[set[int]]:
    """What this thread may run on, the last set the present one; of a made-up machine."""
    sets = [{0, 1, 2}]
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(sets[-1]), raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, new: sets.append(new), raising=False)
    return sets


def test_pinned_without_garbage_collection_and_all_restored(fake, affinity):
    seen = []
    run = fake.takes(1e-3)

    def look() -> None:
        seen.append((affinity[-1], gc.isenabled()))
        run()

    assert gc.isenabled()
    found = measure(look, SUBJECT, rounds=3, core=2, host=HOST, clock=fake.clock())
    assert all(one == ({2}, False) for one in seen)
    assert affinity == [{0, 1, 2}, {2}, {0, 1, 2}]
    assert gc.isenabled()
    assert found.core == 2
    assert set(fake.asked) == {(2,)}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_all_is_restored_after_an_error_too(fake, affinity, error):
    def fails() -> None:
        raise error("from the call")

    with pytest.raises(error, match="from the call"):
        measure(fails, SUBJECT, core=1, host=HOST, clock=fake.clock())
    assert affinity == [{0, 1, 2}, {1}, {0, 1, 2}]
    assert gc.isenabled()


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system pins no thread to a core"
)
def test_really_pinned(fake):
    before, seen = os.sched_getaffinity(0), set()
    run = fake.takes(1e-3)

    def look() -> None:
        seen.add(frozenset(os.sched_getaffinity(0)))
        run()

    measure(look, SUBJECT, rounds=3, core=max(before), host=HOST, clock=fake.clock())
    assert seen == {frozenset({max(before)})}
    assert os.sched_getaffinity(0) == before


def test_a_system_that_pins_nothing_says_so(fake, monkeypatch):
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    with pytest.raises(UsageError, match="pins no thread to a core: leave out core 0"):
        measure(fake.takes(1e-3), SUBJECT, core=0, host=HOST, clock=fake.clock())
    found = measure(fake.takes(1e-3), SUBJECT, rounds=1, host=HOST, clock=fake.clock())
    assert found.core is None


def test_a_collector_that_was_off_stays_off(fake):
    gc.disable()
    try:
        measure(fake.takes(1e-3), SUBJECT, rounds=1, host=HOST, clock=fake.clock())
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_all_cpus_are_watched_where_nothing_is_pinned(fake):
    measure(fake.takes(1e-3), SUBJECT, rounds=1, host=HOST, clock=fake.clock())
    assert set(fake.asked) == {HOST.cpus}


# --- disturbed -----------------------------------------------------------------------------------


def after(**changes: float) -> Iterator[Activity]:
    return iter([QUIET, replace(QUIET, **changes)])


@pytest.mark.parametrize(
    ("fake", "expected"),
    [
        (Fake(activities=after(steal=0.06)), "the hypervisor took 6.0% of the time"),
        (Fake(activities=after(busy=1.2)), "other processes took 20.0% of the time"),
        (Fake(activities=after(switches=90)), "90 interruptions by other processes in 1.00 s"),
        (
            Fake(references=iter([1e-3] * 5 + [1.1e-3] * 5)),
            "the speed drifted: a fixed loop took 1000 us before and 1100 us after",
        ),
        # one slow turn of the loop is not the clock's
        (Fake(references=iter([1e-3] * 6 + [5e-3] * 4)), ""),
        (Fake(activities=after(steal=0.029)), ""),  # a step more than the limit
        (Fake(activities=after(busy=1.05)), ""),
        (Fake(activities=after(switches=45)), ""),
    ],
)
def test_what_disturbs_from_outside_is_said(fake, expected):
    run = fake.takes(1e-2)
    found = measure(run, SUBJECT, rounds=100, host=HOST, clock=fake.clock())
    assert len(found.disturbed) == bool(expected)
    assert expected in "".join(found.disturbed)


@pytest.mark.parametrize(
    ("lasts", "expected"),
    [
        ([1e-3, 1e-3, 1e-3, 1e-3, 1.5e-3], "p90 is 1.50 times p10"),
        ([1e-3, *[1.2e-3] * 19], "the median is 1.20 times the minimum"),
        ([1e-3, 1.1e-3], ""),
    ],
)
def test_samples_that_spread_are_said(fake, lasts, expected):
    found = measure(fake.takes(*lasts), SUBJECT, rounds=100, host=HOST, clock=fake.clock())
    assert len(found.disturbed) == bool(expected)
    assert expected in "".join(found.disturbed)


@pytest.mark.parametrize(
    ("threads", "cores", "expected"),
    [
        (1, 1.0, ""),
        (1, 1.9, "1.90 cores were busy, and 1 was asked for"),
        (1, 0.7, "the thread ran in 70% of the time only"),
        (2, 1.4, ""),  # threads wait for each other
        (2, 3.5, "3.50 cores were busy, and 2 was asked for"),
    ],
)
def test_threads_are_checked_by_cpu_time(fake, threads, cores, expected):
    subject = Subject("gemm", "REF", threads)
    run = fake.takes(1e-3, cores=cores)
    found = measure(run, subject, rounds=100, host=HOST, clock=fake.clock())
    assert busy_cores(found.signs) == pytest.approx(cores)
    assert len(found.disturbed) == bool(expected)
    assert expected in "".join(found.disturbed)


def test_busy_cores_are_not_told_of_samples_that_the_reading_itself_fills():
    figures = times([1e-6] * 20)
    signs = Signs(1e-3, 3e-3, 1.0, 0.0, 0.0, 0.01, 0, 0.0, (1e-3, 1e-3), {})
    assert disturbances(SUBJECT, figures, signs, 1, None) == ()
    assert len(disturbances(SUBJECT, figures, signs, 1000, None)) == 1


def test_what_the_system_does_not_tell_is_none_and_no_reason():
    silent = Activity(None, None, 0.01, None, None, {})
    fake = Fake(activities=cycle([silent]))
    found = measure(fake.takes(1e-3), SUBJECT, rounds=9, host=HOST, clock=fake.clock())
    signs = found.signs
    assert (signs.steal_s, signs.others_s, signs.switches, signs.load) == (None,) * 4
    assert found.disturbed == ()


def test_energy_is_of_the_sampling():
    before, later = ({"package-0": Energy(value, 10.0)} for value in (9.0, 1.5))
    activities = iter([replace(QUIET, energy=before), replace(QUIET, energy=later)])
    fake = Fake(activities=activities)
    found = measure(fake.takes(1e-3), SUBJECT, rounds=9, host=HOST, clock=fake.clock())
    assert found.signs.energy_j == {"package-0": 2.5}


# --- in turn -------------------------------------------------------------------------------------


def test_runs_are_timed_in_turn(fake):
    runs = {name: fake.takes(1e-3, name=name) for name in "abc"}
    found = interleaved(runs, 4, host=HOST, clock=fake.clock())
    assert "".join(fake.sampled()) == "abccbaabccba"
    assert [*found] == ["a", "b", "c"]
    assert all(one.subject == Subject(name, "") for name, one in found.items())
    assert len({one.started for one in found.values()}) == 1


def test_a_ratio_holds_on_a_machine_that_changes_its_speed(fake):
    chance, slowness = random.Random(3), [1.0]

    def run(last: float) -> Callable[[], None]:
        def call() -> None:
            slowness[0] = min(max(slowness[0] * chance.uniform(0.98, 1.02), 0.5), 2.0)
            fake.now += last * slowness[0]

        return call

    found = interleaved({"a": run(3e-3), "b": run(1e-3)}, 500, host=HOST, clock=fake.clock())
    assert found["a"].times.p90 > 1.2 * found["a"].times.p10
    speedup = ratio(found["a"], found["b"])
    assert speedup.rounds == 500
    assert speedup.median == pytest.approx(3, rel=0.01)
    assert 2.9 < speedup.p25 < speedup.median < speedup.p75 < 3.1


def test_a_ratio_of_other_rounds_is_refused(fake):
    runs = {"a": fake.takes(1e-3), "b": fake.takes(1e-3)}
    first, second = (interleaved(runs, 3, host=HOST, clock=fake.clock()) for _ in range(2))
    with pytest.raises(UsageError, match="timed in the same rounds: a was started"):
        ratio(first["a"], second["b"])


def test_subjects_are_given_by_name(fake):
    runs = {"a": fake.takes(1e-3)}
    found = interleaved(runs, 1, subjects={"a": SUBJECT}, host=HOST, clock=fake.clock())
    assert found["a"].subject == SUBJECT
    with pytest.raises(UsageError, match="no subject for a; valid choices: b"):
        interleaved(runs, 1, subjects={"b": SUBJECT}, host=HOST, clock=fake.clock())
    with pytest.raises(UsageError, match="nothing to time"):
        interleaved({}, 1, host=HOST, clock=fake.clock())


# --- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cache": "hot"}, "unknown state of the caches 'hot'; valid choices: cold, warm"),
        ({"seconds": -1.0}, "seconds must be a number of at least 0, not -1.0"),
        ({"precision": float("nan")}, "precision must be a number of at least 0, not nan"),
        ({"warm_up": float("inf")}, "warm_up must be a number of at least 0, not inf"),
        ({"rounds": 0}, "rounds must be at least 1, not 0"),
        ({"core": 4096}, "core 4096 may not be used; valid choices: [0-9]|pins no thread"),
    ],
)
def test_options_that_make_no_sense(fake, options, message):
    with pytest.raises(UsageError, match=message):
        measure(fake.takes(1e-3), SUBJECT, host=HOST, clock=fake.clock(), **options)
    assert fake.done == []


@pytest.mark.parametrize(
    ("threads", "message"),
    [
        (0, "threads must be at least 1, not 0"),
        (2, r"2 threads cannot be pinned to one core \(0\)"),
    ],
)
def test_threads_that_make_no_sense(fake, threads, message):
    subject = Subject("gemm", "REF", threads)
    with pytest.raises(UsageError, match=message):
        measure(fake.takes(1e-3), subject, core=0, host=HOST, clock=fake.clock())


# --- figures -------------------------------------------------------------------------------------


def test_figures_by_hand():
    found = times([float(number) for number in (9, 1, 5, 3, 7, 2, 8, 4, 6, 11, 10)])
    # of 11 samples, fewer than 2 are below the median with (1 + 11) / 2048, fewer than 3 with 67
    assert found == Times(1, 2, 3.5, 6, 8.5, 10, 2, 10)
    assert times([3.0]) == Times(3, 3, 3, 3, 3, 3, 3, 3)
    with pytest.raises(UsageError, match="at least one sample"):
        times([])


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=50))
def test_figures_are_in_order(samples):
    found = times(samples)
    ordered = (found.minimum, found.p10, found.p25, found.median, found.p75, found.p90)
    assert all(a <= b or a == pytest.approx(b) for a, b in pairwise(ordered))
    assert found.low <= found.median or found.low == pytest.approx(found.median)
    assert found.high >= found.median or found.high == pytest.approx(found.median)


@pytest.mark.parametrize(
    ("count", "j"),
    # P(B < j) <= 2.5%: 1/64; 1/256; 10/512; 21700/2^20; 0.0206 of 70, where 28 are 0.0361
    [(6, 1), (8, 1), (9, 2), (20, 6), (70, 27)],
)
def test_the_interval_by_hand(count, j):
    found = times([float(number) for number in range(1, count + 1)])
    assert (found.low, found.high) == (j, count + 1 - j)


@pytest.mark.parametrize("count", [20, 101, 400])
def test_the_interval_holds_the_median_as_often_as_it_says(count):
    draws = np.random.default_rng(7).exponential(size=(1000, count))
    held = sum((found := times(row.tolist())).low <= np.log(2) <= found.high for row in draws)
    assert 0.935 <= held / 1000 <= 0.985


# --- this machine --------------------------------------------------------------------------------


@pytest.mark.parametrize("cache", ["warm", "cold"])
def test_on_the_real_clock(cache):
    work = np.ones(1 << 16)
    found = measure(work.sum, SUBJECT, seconds=0.05, warm_up=0.01, cache=cache)
    assert len(found.samples) >= FEWEST
    assert 0 < found.times.minimum <= found.times.median
    assert found.signs.elapsed_s >= found.signs.wall_s > 0
    assert min(found.signs.reference_s) > 0


# --- calm samples --------------------------------------------------------------------------------


@dataclass
class Neighbour:
    """Somebody else on the core from time to time, by the fake clock [s]: then all takes twice as
    long."""

    fake: Fake
    is_there: Callable[[float], bool]

    def takes(self, alone: float) -> Callable[[], None]:
        def run() -> None:
            last = alone * (2 if self.is_there(self.fake.now) else 1)
            self.fake.now += last
            self.fake.busy += last

        return run

    def yardstick(self) -> Yardstick:
        return Yardstick(self.takes(10e-6), lambda: self.fake.now)


def calmly(fake: Fake, neighbour: Neighbour, alone: float, **options):
    return measure(
        neighbour.takes(alone), SUBJECT, seconds=0.5, host=HOST, clock=fake.clock(),
        yardstick=neighbour.yardstick(), **options,
    )  # fmt: skip


def test_only_what_lies_between_two_calm_readings_counts(fake):
    """The neighbour comes every 3 ms for one: samples of 1 ms often end with it there."""
    found = calmly(fake, Neighbour(fake, lambda now: now % 3e-3 < 1e-3), 1e-3)
    assert found.calm is not None
    assert len(found.calm) == CALM_ENOUGH < len(found.samples)
    assert {round(found.samples[i], 5) for i in found.calm} == {1e-3}
    assert found.times.median == found.times.p90 == pytest.approx(1e-3)
    assert found.disturbed == ()


def test_a_neighbour_that_stays_is_waited_for_and_told(fake):
    """It comes once the yardstick has seen the core alone, and stays."""
    came = []
    neighbour = Neighbour(fake, lambda now: bool(came))
    ruler = neighbour.yardstick()
    came.append(True)
    found = measure(
        neighbour.takes(1e-3), SUBJECT, seconds=0.5, host=HOST, clock=fake.clock(), yardstick=ruler
    )
    assert found.calm == ()
    assert found.signs.elapsed_s == pytest.approx(PATIENCE * 0.5, rel=0.05)
    waited = found.signs.elapsed_s - found.signs.wall_s
    assert waited >= len(found.samples) * WAIT_S
    assert found.times == times(found.samples), "all there are"
    assert any("somebody else ran on the core: 0 samples" in reason for reason in found.disturbed)


def test_a_call_longer_than_any_calm_is_not_waited_for_in_vain(fake):
    neighbour = Neighbour(fake, lambda now: now % 6e-3 < 2e-3)
    found = calmly(fake, neighbour, 20e-3)
    assert found.signs.elapsed_s < 0.6


def test_a_machine_of_its_own_is_calm_at_once(fake):
    found = calmly(fake, Neighbour(fake, lambda now: False), 1e-3)
    assert found.calm == tuple(range(CALM_ENOUGH))


@pytest.mark.parametrize(
    ("calm", "counted"),
    [
        (None, (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)),
        ((), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)),
        ((0, 1, 2, 3), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)),
        ((1, 2, 3, 4, 5), (2.0, 3.0, 4.0, 5.0, 6.0)),
    ],
)
def test_few_calm_samples_do_not_speak_for_the_rest(calm, counted):
    assert CALM_LEAST == 5
    assert figures((1.0, 2.0, 3.0, 4.0, 5.0, 6.0), calm) == times(counted)


def test_the_better_of_two_readings_tells(fake):
    """The first one after other work fetches the loop's code."""
    cold = iter([*[10e-6] * 400, 15e-6, 10e-6, 15e-6, 12e-6])
    ruler = Yardstick(lambda: fake.takes(next(cold))(), lambda: fake.now)
    assert ruler.best == pytest.approx(10e-6)
    assert ruler.is_calm()
    assert CALM < 1.2
    assert not ruler.is_calm()
