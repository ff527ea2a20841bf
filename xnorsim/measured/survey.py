"""Time many things one after another, each kept in a file at once, and go on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from xnorsim.errors import MissingExtraError, UsageError
from xnorsim.kernels.problem import Kernel
from xnorsim.measured.described import MOST_MACS, ONE_THREAD
from xnorsim.measured.grid import Layer, image, layer_macs, layer_name, problem
from xnorsim.measured.host import Host, machine
from xnorsim.measured.measure import LONGEST_CALM_S, measure
from xnorsim.measured.measurement import CALM_LEAST, Measurement, Subject
from xnorsim.measured.records import append, read
from xnorsim.measured.yardstick import Yardstick

__all__ = [
    "Budget",
    "LeftOut",
    "Survey",
    "Task",
    "best",
    "layer_tasks",
    "recorded",
    "survey",
]

Work = Callable[[], object]
Tell = Callable[[int, int], None]
Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be timed: `prepare` makes the work ready, and says what computes it.

    `subject` has the kernel, the problem and the threads already; prepared, the versions too.
    """

    subject: Subject
    prepare: Callable[[], tuple[Work, Subject]]


@dataclass(frozen=True, slots=True)
class Budget:
    """How long each is sampled at most [s], and the core that runs it; None where it may move.

    With a `yardstick` calm samples are looked for, and fewer are enough.
    """

    seconds: float
    core: int | None = None
    yardstick: Yardstick | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was not measured, and why."""

    kernel: str
    problem: str
    reason: str

    def __str__(self) -> str:
        what = ", ".join(filter(None, (self.problem, self.kernel)))
        return f"{what}: {self.reason}" if what else self.reason


@dataclass(frozen=True, slots=True)
class Survey:
    """What was measured of what was asked for, in its order; `stopped` before all was.

    `fault` says why, if it was stopped because a record could not be written.
    """

    measurements: tuple[Measurement, ...]
    left_out: tuple[LeftOut, ...] = ()
    stopped: bool = False
    torn: tuple[int, ...] = ()
    fault: str = ""


def layer_tasks(
    layers: Iterable[Layer],
    kernels: Sequence[Kernel],
    threads: int = 1,
    most_macs: Mapping[str, float] = MOST_MACS,
    one_thread: Collection[str] = ONE_THREAD,
) -> tuple[Task, ...]:
    """Each layer by each kernel; those of a layer follow each other, so that ratios are fair.

    Depthwise layers are for floats alone (one channel a filter leaves little to gain), and large
    ones not for slow kernels (most_macs, by kernel). Those of `one_thread` are asked for one,
    so that what is recorded of them is found again.
    """
    used = {kernel.name: 1 if kernel.name in one_thread else threads for kernel in kernels}
    return tuple(
        Task(
            Subject(kernel.name, layer_name(layer), used[kernel.name]),
            partial(_ready, layer, kernel, used[kernel.name]),
        )
        for layer in layers
        for kernel in kernels
        if (layer.groups == 1 or kernel.kind == "fp")
        and layer_macs(layer) <= most_macs.get(kernel.name, float("inf"))
    )


def _ready(layer: Layer, kernel: Kernel, threads: int) -> tuple[Work, Subject]:
    ready = kernel.ready(problem(layer, kernel.kind), threads)
    subject = Subject(kernel.name, layer_name(layer), ready.threads, ready.versions, ready.settings)
    return partial(ready.run, image(layer, kernel.takes)), subject


def survey(
    tasks: Sequence[Task],
    host: Host,
    budget: Budget,
    *,
    records: Path | None = None,
    progress: Tell = lambda done, total: None,
    measure: Callable[..., Measurement] = measure,
) -> Survey:
    """Time each task, unless `records` has it of this machine, and append it there.

    In the end what was disturbed is measured again, the most uncertain first, up to a quarter as
    many as there are tasks; the `best` counts. An interrupt (Ctrl-C), or a record that cannot be
    written, ends it with what there is.

    Raises:
        InputError: as `recorded`; UsageError as `measure`, such as a core that may not be used.
    """
    known = recorded(records, host) if records and records.exists() else Survey(())
    done = {_key(found.subject): found for found in known.measurements}
    given = [task for task in tasks if _key(task.subject) not in done]
    left_out: list[LeftOut] = []
    stopped, fault = False, ""
    try:
        for task in _in_turn(given, done, left_out, len(tasks), progress):
            found = _timed(task, partial(measure, host=host), budget)
            if isinstance(found, LeftOut):
                left_out.append(found)
                continue
            key = _key(task.subject)
            done[key] = best([done[key], found]) if key in done else found
            if fault := _kept(records, found):
                break
    except KeyboardInterrupt:
        stopped = True
    wanted = (done.get(_key(task.subject)) for task in tasks)
    measured = tuple(found for found in wanted if found)
    return Survey(measured, tuple(left_out), stopped or bool(fault), known.torn, fault)


def _in_turn(
    tasks: Sequence[Task],
    done: Mapping[Key, Measurement],
    left_out: Sequence[LeftOut],
    count: int,
    progress: Tell,
) -> Iterator[Task]:
    """The last tasks of `count`, but those whose library is absent; then what was disturbed."""
    for number, task in enumerate(tasks, start=count - len(tasks)):
        progress(number, count)
        if not _is_absent(task, left_out):
            yield task
    yield from _again(tasks, done)


def _kept(records: Path | None, found: Measurement) -> str:
    """Append a measurement to `records`, if there are any; why it could not be, or ""."""
    try:
        if records:
            append(records, found)
    except UsageError as fault:
        return str(fault)
    return ""


def _timed(
    task: Task, measure: Callable[..., Measurement], budget: Budget
) -> Measurement | LeftOut:
    """A measurement, or why the kernel cannot run."""
    try:
        run, subject = task.prepare()
    except UsageError as fault:
        return LeftOut(task.subject.kernel, task.subject.problem, str(fault))
    except MissingExtraError as fault:
        return LeftOut(task.subject.kernel, "", str(fault))
    return measure(
        run, subject, seconds=budget.seconds, core=budget.core, yardstick=budget.yardstick
    )


def _again(tasks: Sequence[Task], done: Mapping[Key, Measurement]) -> list[Task]:
    """The tasks whose measurements were disturbed, the most uncertain first: a quarter at most."""
    found = [(done.get(_key(task.subject)), task) for task in tasks]
    hit = [(_uncertainty(item), task) for item, task in found if item and item.disturbed]
    hit.sort(key=lambda pair: pair[0], reverse=True)
    return [task for _, task in hit[: -(-len(tasks) // 4)]]


def _key(subject: Subject) -> Key:
    return subject.kernel, subject.problem, subject.threads


def _is_absent(task: Task, left_out: Iterable[LeftOut]) -> bool:
    """Whether the kernel's library was found not to be installed."""
    return any(item.kernel == task.subject.kernel and not item.problem for item in left_out)


def best(found: Sequence[Measurement]) -> Measurement:
    """Of several measurements of one thing: the undisturbed one with the fastest sample, else any.

    Every figure is of the fastest sample: what disturbs one takes time, and never gives any.
    """
    return min(found, key=lambda item: (bool(item.disturbed), item.times.minimum))


def _uncertainty(found: Measurement) -> tuple[bool, float]:
    """Whether a short call had no calm moment, and so may be slow throughout; and how far the
    samples lie from the fastest one."""
    calm, least = found.calm, found.times.minimum
    hardly = calm is not None and len(calm) < CALM_LEAST and least < LONGEST_CALM_S
    return hardly, found.times.median / least


def recorded(path: Path, host: Host | None = None) -> Survey:
    """The measurements of a file on one machine: `host`, or that of the last line.

    Those of other machines are left out, and of several of one thing the `best` counts.

    Raises:
        InputError: a file that cannot be read, or lines that hold no measurement.
        UsageError: no measurement at all, if no host is given.
    """
    found = read(path)
    if host is None:
        if not found.measurements:
            raise UsageError(f"'{path}' holds no measurement")
        host = found.measurements[-1].host
    same = [item for item in found.measurements if machine(item.host) == machine(host)]
    grouped: dict[Key, list[Measurement]] = {}
    for item in same:
        grouped.setdefault(_key(item.subject), []).append(item)
    others = len(found.measurements) - len(same)
    reason = f"{others} measurement{'s' * (others > 1)} of another machine, or with other libraries"
    left_out = (LeftOut("", "", reason),) if others else ()
    return Survey(tuple(map(best, grouped.values())), left_out, torn=found.torn)
