"""What a measurement holds, and the figures that follow from its samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from xnorsim.errors import UsageError
from xnorsim.measured.host import Host

__all__ = [
    "CALM_LEAST",
    "Measurement",
    "Ratio",
    "Signs",
    "Subject",
    "Times",
    "busy_cores",
    "disturbances",
    "figures",
    "ratio",
    "times",
]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: a kernel on a problem, with how many threads it was told to use.

    `versions` names the libraries that compute, `settings` what was chosen for them.
    """

    kernel: str
    problem: str
    threads: int = 1
    versions: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Times:
    """Figures of the samples [s]; the median of all runs lies in low..high with 95% confidence."""

    minimum: float
    p10: float
    p25: float
    median: float
    p75: float
    p90: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Signs:
    """What was seen beside the samples, by which a disturbed measurement is told.

    `wall_s` and `cpu_s` are of the timed calls alone: the time that passed, and the CPU time of all
    threads of the process. All others are of the whole sampling, eviction and other kernels of the
    same rounds included: `elapsed_s` passed; `steal_s` was stolen by the hypervisor from the CPUs
    used, which worked for other processes for `others_s` (both counted in steps of `tick_s`);
    `switches` interruptions by other processes; `energy_j` by domain, of the whole chip. `load` is
    the load average before, `reference_s` the time of a fixed loop before and after. None is what
    the system does not tell.
    """

    wall_s: float
    cpu_s: float
    elapsed_s: float
    steal_s: float | None
    others_s: float | None
    tick_s: float
    switches: int | None
    load: float | None
    reference_s: tuple[float, float]
    energy_j: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Samples [s a call], each the mean of `calls` calls in a row, and how they came about.

    `started` is UTC, ISO 8601. `core` is the CPU that the thread was pinned to, if it was. With
    `cache` "cold" what the caches held was evicted before each sample. `calm` are the numbers of
    the samples during which nobody else ran on the physical core, as far as readings before and
    after tell; None where nobody looked. `times` are the `figures` of both. `disturbed` says in
    words why they are not to be trusted; it is empty where nothing speaks against them.
    """

    subject: Subject
    started: str
    cache: str
    core: int | None
    calls: int
    samples: tuple[float, ...]
    times: Times
    signs: Signs
    disturbed: tuple[str, ...]
    host: Host
    calm: tuple[int, ...] | None = None


def times(samples: Sequence[float]) -> Times:
    """The figures of samples [s]; quantiles are interpolated linearly.

    The interval of the median is from the j-th least sample to the j-th greatest, with the largest
    j for which fewer than j of n samples are below the median with 2.5% probability at most; j is
    1 for fewer than 6 samples, which hold it less often than 95%. Samples are taken to be
    independent.

    Source: J.-Y. Le Boudec, "Performance Evaluation of Computer and Communication Systems", EPFL
    Press, 2010, chapter 2.

    Raises:
        UsageError: no sample.
    """
    if not samples:
        raise UsageError("the figures of a measurement need at least one sample")
    ordered, j = sorted(samples), _rank(len(samples))
    p10, p25, median, p75, p90 = np.quantile(ordered, (0.10, 0.25, 0.50, 0.75, 0.90)).tolist()
    return Times(ordered[0], p10, p25, median, p75, p90, ordered[j - 1], ordered[-j])


CALM_LEAST = 5
"""Calm samples that speak for a measurement alone."""


def figures(samples: Sequence[float], calm: Sequence[int] | None) -> Times:
    """The figures of the calm samples, or of all where fewer than CALM_LEAST of them are calm.

    Raises:
        UsageError: no sample.
    """
    if calm is None or len(calm) < CALM_LEAST:
        return times(samples)
    return times([samples[number] for number in calm])


@cache
def _rank(count: int) -> int:
    """The largest j with P(B < j) <= 2.5%, where B is binomial(count, 1/2); 1 at least."""
    below, term, j = 0, 1, 0  # sums of binomial coefficients, exact
    while 40 * (below + term) <= 1 << count:
        below += term
        term = term * (count - j) // (j + 1)
        j += 1
    return max(j, 1)


def busy_cores(signs: Signs) -> float:
    """How many cores worked during the timed calls: CPU time over wall time; 0 if none passed."""
    return signs.cpu_s / signs.wall_s if signs.wall_s else 0.0


@dataclass(frozen=True, slots=True)
class Ratio:
    """Of two kernels timed in turn: the quartiles of the ratios of their rounds."""

    p25: float
    median: float
    p75: float
    rounds: int


def ratio(above: Measurement, below: Measurement) -> Ratio:
    """How many times as long one takes as another, round by round, of `interleaved` both.

    What slows the machine down for longer than a round slows both, and leaves their ratio.

    Raises:
        UsageError: they were not timed in the same rounds.
    """
    if above.started != below.started or len(above.samples) != len(below.samples):
        raise UsageError(
            f"a ratio needs kernels timed in the same rounds: {above.subject.kernel} was started "
            f"at {above.started} ({len(above.samples)} samples), {below.subject.kernel} at "
            f"{below.started} ({len(below.samples)})"
        )
    each = np.divide(above.samples, below.samples)
    p25, median, p75 = np.quantile(each, (0.25, 0.50, 0.75)).tolist()
    return Ratio(p25, median, p75, len(each))


STEAL = 0.02
"""Share of the time stolen by the hypervisor from which a measurement is called disturbed."""
OTHERS = 0.05
"""Share of the time in which the CPUs used worked for other processes."""
SPREAD = 1.2
"""p90 over p10 of the samples."""
FLOOR = 1.15
"""Median over minimum of the samples."""
DRIFT = 0.03
"""By how much the reference loop takes longer or shorter after than before."""
SWITCHES = 50.0
"""Interruptions by other processes a second."""
IDLE = 0.9
"""Share of the timed calls in which a single thread really ran."""
EXTRA = 1.1
"""Busy cores a thread: more means threads that nobody asked for."""
SHORTEST = 20e-6
"""Samples [s] below which reading the CPU time takes too much of it to tell busy cores."""


def disturbances(
    subject: Subject,
    found: Times,
    signs: Signs,
    calls: int,
    precision: float | None,
    calm: Sequence[int] | None = None,
) -> tuple[str, ...]:
    """Why a measurement is not to be trusted, in words; () where nothing speaks against it.

    `precision` is the width of the median's interval that was asked for, over the median. What the
    machine did for others does not count against calm samples.
    """
    is_calm = calm is not None and len(calm) >= CALM_LEAST
    seen = [*(() if is_calm else _by_others(signs)), *_by_spread(found, precision)]
    if calm is not None and not is_calm:
        seen.append(
            f"somebody else ran on the core: {len(calm)} samples without them "
            f"(fewer than {CALM_LEAST})"
        )
    if found.median * calls >= SHORTEST:
        seen += _by_threads(subject.threads, busy_cores(signs))
    return tuple(seen)


def _by_others(signs: Signs) -> Iterator[str]:
    elapsed = signs.elapsed_s
    # A counter that has just stepped may owe its step to the time before.
    for what, seconds, most in (
        ("the hypervisor took", signs.steal_s, STEAL),
        ("other processes took", signs.others_s, OTHERS),
    ):
        if elapsed and seconds is not None and seconds - signs.tick_s > most * elapsed:
            yield f"{what} {seconds / elapsed:.1%} of the time (more than {most:.0%})"
    if (signs.switches or 0) > max(SWITCHES * elapsed, 5):
        yield (
            f"{signs.switches} interruptions by other processes in {elapsed:.2f} s "
            f"(more than {SWITCHES:.0f} a second)"
        )
    before, after = signs.reference_s
    if before and abs(after / before - 1) > DRIFT:
        yield (
            f"the speed drifted: a fixed loop took {before * 1e6:.0f} us before and "
            f"{after * 1e6:.0f} us after (more than {DRIFT:.0%} apart)"
        )


def _by_spread(found: Times, precision: float | None) -> Iterator[str]:
    if found.p90 > SPREAD * found.p10:
        yield f"the samples spread: {_over('p90', found.p90, 'p10', found.p10, SPREAD)}"
    if found.median > FLOOR * found.minimum:
        middle = _over("the median", found.median, "the minimum", found.minimum, FLOOR)
        yield f"most samples are far from the best: {middle}"
    width = found.high - found.low
    if precision is not None and width > precision * found.median:
        yield (
            f"the median is known to {width / found.median:.1%} only, and {precision:.1%} was "
            "asked for"
        )


def _by_threads(threads: int, busy: float) -> Iterator[str]:
    if busy > EXTRA * threads:
        yield f"{busy:.2f} cores were busy, and {threads} was asked for"
    if threads == 1 and busy < IDLE:
        yield f"the thread ran in {busy:.0%} of the time only (less than {IDLE:.0%})"


def _over(name: str, value: float, base_name: str, base: float, most: float) -> str:
    times_as = f"{value / base:.2f} times {base_name}" if base else f"above {base_name} of 0"
    return f"{name} is {times_as} (more than {most})"
