"""Predicted beside measured on this machine: layers by every kernel, and whole networks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from xnorsim.analysis.host_machine import Chosen, about, choose_profile, require_native
from xnorsim.analysis.host_pairing import pairing
from xnorsim.analysis.host_rows import (
    Found,
    Missing,
    host_row,
    predictions,
    software,
    speedups,
    unpredicted,
)
from xnorsim.analysis.options import checked, whole, within, word_of
from xnorsim.analysis.validation import Predictor, predict
from xnorsim.errors import UsageError, choices
from xnorsim.kernels.problem import Kernel
from xnorsim.kernels.table import KERNELS, kernel
from xnorsim.measured.described import NETWORKS, NOT_BY_DEFAULT
from xnorsim.measured.grid import GRIDS, grid
from xnorsim.measured.host import Host
from xnorsim.measured.programs import network_tasks
from xnorsim.measured.survey import Budget, Survey, Task, Tell, layer_tasks, recorded, survey
from xnorsim.measured.validate import Compared, Summary, summarize
from xnorsim.measured.yardstick import yardstick
from xnorsim.show.host_validation import HostRow, HostValidation, Lone

if TYPE_CHECKING:
    from xnorsim.analysis.models import Profile

__all__ = ["SECONDS", "comparison", "survey_notes", "validate_host"]

SECONDS = {"quick": 0.2, "default": 0.5, "full": 1.5}
"""How long each kernel is sampled on each layer [s], by grid: less where enough samples are calm,
more (measure.PATIENCE) where too few are."""

NETWORK_SECONDS = 4.0
"""And on each network."""


def _silent(done: int, total: int) -> None:
    """Progress that nobody asked for."""


def validate_host(
    profile: Profile | None = None,
    *,
    size: str = "default",
    kernels: Sequence[str] | None = None,
    networks: Sequence[str] | None = None,
    threads: int = 1,
    records: str | PathLike[str] | None = None,
    from_records: str | PathLike[str] | None = None,
    progress: Tell = _silent,
) -> HostValidation:
    """Predictions beside measurements of the kernels on this machine.

    Parameters
    ----------
    profile : name or file of this machine's profile (xnorsim calibrate makes one); None takes the
        packaged one nearest to the processor, and says so
    size : the grid of layers: "quick", "default" or "full"
    kernels : names of kernels; None takes all whose libraries are installed, but those that differ
        in little from others with "full" alone
    networks : names of networks, () for none; None takes all, or none with "quick"
    threads : of every kernel
    records : a file that measurements are appended to; those of this machine in it are not repeated
    from_records : show the measurements of such a file, and measure nothing
    progress : called with what is done and how much there is

    Raises:
        MissingExtraError: what runs kernels is not installed.
        UsageError: an option that makes no sense, more threads than cores, or no profile is near
            this machine.
        InputError: a profile or records with faults.

    Examples
    --------
    >>> validate_host("my-machine.yaml", size="quick").frame["error"]  # doctest: +SKIP
    """
    checked({"size": size, "threads": threads}, {"size": word_of(GRIDS), "threads": whole})
    chosen = _kernels(kernels, size)
    wanted = _networks(networks, size)
    if from_records is not None:
        found = recorded(Path(from_records))
        names = None if kernels is None else {item.name for item in chosen}
        return comparison(found, profile, names=names, progress=progress)
    host = require_native("validate --host")
    within(threads, len(host.cpus))
    choose_profile(profile, host)  # a fault of it is told before time is spent
    core = host.cpus[-1] if threads == 1 else None
    budget = Budget(SECONDS[size], core, yardstick() if core is not None else None)
    layers = layer_tasks(grid(size), chosen, threads)
    path = None if records is None else Path(records)
    found = _surveyed(layers, network_tasks(wanted, threads), host, budget, path, progress)
    return comparison(found, profile, progress=progress)


def _surveyed(
    layers: Sequence[Task],
    networks: Sequence[Task],
    host: Host,
    budget: Budget,
    records: Path | None,
    progress: Tell,
) -> Survey:
    """Layers, and then networks, each of which takes longer."""
    found = survey(layers, host, budget, records=records, progress=progress)
    if not networks or found.stopped:
        return found
    longer = replace(budget, seconds=NETWORK_SECONDS)
    more = survey(networks, host, longer, records=records, progress=progress)
    return _joined(found, more)


def _kernels(names: Sequence[str] | None, size: str) -> list[Kernel]:
    if names is not None:
        return [kernel(name) for name in names]
    return [k for k in KERNELS.values() if size == "full" or k.name not in NOT_BY_DEFAULT]


def _networks(names: Sequence[str] | None, size: str) -> tuple[str, ...]:
    if names is None:
        return () if size == "quick" else tuple(NETWORKS)
    unknown = [name for name in names if name not in NETWORKS]
    if unknown:
        raise UsageError(f"network '{unknown[0]}' is not measured: {choices(unknown[0], NETWORKS)}")
    return tuple(names)


def _joined(a: Survey, b: Survey) -> Survey:
    measurements, left_out = (*a.measurements, *b.measurements), (*a.left_out, *b.left_out)
    return Survey(measurements, left_out, b.stopped, a.torn, b.fault)


def comparison(
    found: Survey,
    profile: Profile | None,
    *,
    names: Iterable[str] | None = None,
    predictor: Predictor | None = None,
    progress: Tell = _silent,
) -> HostValidation:
    """Measurements beside their predictions; see `validate_host`.

    names: of kernels, to show only theirs.

    Raises:
        UsageError: nothing was measured; or as `choose_profile`.
    """
    from xnorsim.cost.ranges import COVERAGE

    shown = [m for m in found.measurements if names is None or m.subject.kernel in names]
    if not shown:
        raise UsageError(_nothing(found))
    machine = choose_profile(profile, shown[-1].host)
    known = predictions(shown, machine.profile, predictor or predict, progress)
    rows = tuple(host_row(item) for item in known if isinstance(item, Found))
    ratios = tuple(speedups(known))
    predicted = tuple(item for item in ratios if isinstance(item, Compared))
    alone = [unpredicted(item) for item in known if isinstance(item, Missing)]
    alone += [item for item in ratios if isinstance(item, Lone)]
    return HostValidation(
        about=about(shown, machine),
        coverage=COVERAGE,
        software=software(known),
        rows=rows,
        speedups=predicted,
        summaries=tuple(_summaries(rows, predicted, COVERAGE)),
        pairing=pairing(known),
        unpredicted=tuple(alone),
        left_out=found.left_out,
        notes=tuple(_notes(found, machine, len(shown) - len(known))),
        fault=found.fault,
    )


def _nothing(found: Survey) -> str:
    reasons = "; ".join(dict.fromkeys(item.reason for item in found.left_out))
    return f"nothing was measured{f': {reasons}' if reasons else ''}"


def _summaries(
    timed: Sequence[HostRow], ratios: Sequence[Compared], coverage: float
) -> Iterator[Summary]:
    """Of each group, of all latencies, of these by their medians, and of all speedups."""
    times = [row.compared for row in timed]
    medians = [replace(row.compared, measured=row.timing.median_s) for row in timed]
    for name in dict.fromkeys(row.group for row in (*times, *ratios)):
        rows = [row for row in (*times, *ratios) if row.group == name]
        yield summarize(name, rows, coverage)
    all_of = {"all latencies": times, "all, medians": medians, "all speedups": ratios}
    for name, rows in all_of.items():
        if rows:
            yield summarize(name, rows, coverage)


def _notes(found: Survey, chosen: Chosen, unknown: int) -> Iterator[str]:
    yield from survey_notes(found)
    if chosen.warning:
        yield chosen.warning
    if unknown:
        yield f"{unknown} measurements of something else in the records, left out"


def survey_notes(found: Survey) -> Iterator[str]:
    """Why a survey holds less than was asked for."""
    if found.stopped:
        why = found.fault or "with --records FILE the same command goes on from there"
        yield f"stopped before all was measured: {why}"
    if found.torn:
        lines = ", ".join(map(str, found.torn))
        yield f"lines of the records that were not written to their end, left out: {lines}"
