"""The rows of a report on this machine: what predicts each measurement, and speedups of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xnorsim.analysis.validation import Predicted, Task
from xnorsim.errors import UsageError
from xnorsim.kernels.table import KERNELS
from xnorsim.measured.described import (
    NETWORK_RECIPES,
    NETWORKS,
    NO_RECIPES,
    RECIPES,
    TWINS,
)
from xnorsim.measured.grid import known_layers, layer_graph
from xnorsim.measured.measurement import Measurement, Subject
from xnorsim.measured.survey import Tell
from xnorsim.measured.validate import Compared
from xnorsim.show.host_validation import HostRow, Lone, Timing
from xnorsim.work.fusion import DEFAULT_FUSE, Fuse

if TYPE_CHECKING:
    from xnorsim.machine.schema import HardwareProfile

__all__ = [
    "Found",
    "Known",
    "Missing",
    "group",
    "host_row",
    "label",
    "predictions",
    "software",
    "speedup",
    "speedups",
    "task_of",
    "undisturbed",
    "unpredicted",
]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A measurement with its prediction."""

    measurement: Measurement
    task: Task
    predicted: Predicted


@dataclass(frozen=True, slots=True, eq=False)
class Missing:
    """A measurement that nothing predicts, and why."""

    measurement: Measurement
    reason: str


Known = Found | Missing


def predictions(
    measurements: Sequence[Measurement],
    profile: HardwareProfile,
    predictor: Callable[[Task], Predicted],
    progress: Tell = lambda done, total: None,
) -> tuple[Known, ...]:
    """Each measurement of something known beside its prediction; others are left out."""
    known = [item for item in measurements if _is_known(item.subject)]
    found = []
    for number, item in enumerate(known):
        progress(number, len(known))
        found.append(_found(item, profile, predictor))
    return tuple(found)


def _is_known(subject: Subject) -> bool:
    if subject.problem in NETWORKS:
        return subject.kernel in NETWORKS[subject.problem]
    return subject.problem in known_layers() and subject.kernel in KERNELS


def _found(
    item: Measurement, profile: HardwareProfile, predictor: Callable[[Task], Predicted]
) -> Known:
    recipes = _recipes(item.subject)
    if recipes is None:
        known = f"no recipe set is known for '{item.subject.kernel}'"
        return Missing(item, NO_RECIPES.get(item.subject.kernel, known))
    task = task_of(item.subject, recipes, profile)
    try:
        return Found(item, task, predictor(task))
    except UsageError as fault:
        return Missing(item, str(fault))


def _recipes(subject: Subject) -> str | None:
    table = NETWORK_RECIPES if subject.problem in NETWORKS else RECIPES
    return table.get(subject.kernel)


def task_of(subject: Subject, recipes: str, profile: HardwareProfile) -> Task:
    """What predicts a measurement: the same layer or network, as a user would ask for it."""
    if subject.problem in NETWORKS:
        return Task(subject.problem, recipes, profile, subject.threads, _FUSED)
    model = layer_graph(known_layers()[subject.problem], KERNELS[subject.kernel])
    return Task(model, recipes, profile, subject.threads, _FUSED)


_FUSED = (*DEFAULT_FUSE, Fuse.SIGN)
"""Our kernels compare with thresholds where their results are read as signs alone."""


# --- names ---------------------------------------------------------------------------------------


def label(subject: Subject) -> str:
    """Who computed, with versions and threads: "numpy (OpenBLAS 0.3.30), 1 thread"."""
    versions = ", ".join(f"{name} {version}" for name, version in subject.versions.items())
    about = f" ({versions})" if versions else ""
    return f"{subject.kernel}{about}, {_threads(subject)}"


def _threads(subject: Subject) -> str:
    return "1 thread" if subject.threads == 1 else f"{subject.threads} threads"


def group(subject: Subject) -> str:
    """The rows that are ranked among themselves: a kernel's layers, or a program's networks."""
    what = "networks by " if subject.problem in NETWORKS else ""
    return f"{what}{subject.kernel}, {_threads(subject)}"


# --- latencies -----------------------------------------------------------------------------------


def undisturbed(measurement: Measurement) -> float:
    """The time [s] that is compared with a prediction: of the fastest sample.

    A profile describes a machine that has its core for itself; calibration takes the second
    percentile of its moments. Whatever else runs there only makes a sample longer.
    """
    return measurement.times.minimum


def host_row(found: Found) -> HostRow:
    """A latency beside its prediction."""
    taken, subject = found.measurement, found.measurement.subject
    prediction, times = found.predicted.prediction, taken.times
    totals = prediction.totals
    compared = Compared(
        group=group(subject),
        name=subject.problem,
        machine=prediction.profile,
        software=label(subject),
        recipes=found.task.recipes,
        unit="s",
        predicted=totals["latency_s"],
        low=totals["latency_s_low"],
        high=totals["latency_s_high"],
        measured=undisturbed(taken),
        parts=found.predicted.parts,
        least=float(prediction.draws["latency_s"].min()),
    )
    timing = Timing(
        samples=len(taken.samples),
        calls=taken.calls,
        median_s=times.median,
        p10_s=times.p10,
        p90_s=times.p90,
        low_s=times.low,
        high_s=times.high,
        disturbed=taken.disturbed,
    )
    return HostRow(compared, timing)


def unpredicted(found: Missing) -> Lone:
    """A latency that nothing predicts."""
    subject, seconds = found.measurement.subject, undisturbed(found.measurement)
    return Lone(group(subject), subject.problem, "s", seconds, found.reason)


# --- speedups ------------------------------------------------------------------------------------


def speedups(found: Sequence[Known]) -> Iterator[Compared | Lone]:
    """Each binary or BWN kernel over each float kernel on the same layer, with as many threads.

    And each binary network over the float one that it was made of, by whatever ran that.
    """
    for fast in found:
        for slow in found:
            if _are_twins(fast.measurement.subject, slow.measurement.subject):
                yield speedup(fast, slow)


def _are_twins(fast: Subject, slow: Subject) -> bool:
    if fast.threads != slow.threads:
        return False
    if fast.problem in NETWORKS:
        return TWINS.get(fast.problem) == slow.problem
    return (
        fast.problem == slow.problem
        and KERNELS[fast.kernel].kind != "fp"
        and KERNELS[slow.kernel].kind == "fp"
    )


def speedup(fast: Known, slow: Known) -> Compared | Lone:
    """How many times longer `slow` takes, predicted and measured."""
    from xnorsim.cost.network import joint_speedup

    quick, above = fast.measurement.subject, slow.measurement.subject
    title = f"{quick.kernel} over {above.kernel}, {_threads(above)}"
    measured = undisturbed(slow.measurement) / undisturbed(fast.measurement)
    if isinstance(fast, Missing) or isinstance(slow, Missing):
        reasons = [item.reason for item in (fast, slow) if isinstance(item, Missing)]
        return Lone(title, quick.problem, "1", measured, "; ".join(dict.fromkeys(reasons)))
    value, low, high = joint_speedup(fast.predicted.prediction, slow.predicted.prediction)
    return Compared(
        group=title,
        name=quick.problem,
        machine=fast.predicted.prediction.profile,
        software=f"{label(above)} / {label(quick)}",
        recipes=f"{slow.task.recipes} / {fast.task.recipes}",
        unit="1",
        predicted=value,
        low=low,
        high=high,
        measured=measured,
    )


def software(found: Sequence[Known]) -> Mapping[str, str]:
    """What computed the rows of each group, and the recipe set that predicts them."""
    return {
        group(item.measurement.subject): f"{label(item.measurement.subject)}; {_by(item)}"
        for item in found
    }


def _by(item: Known) -> str:
    return (
        item.reason if isinstance(item, Missing) else f"predicted by recipe set {item.task.recipes}"
    )
