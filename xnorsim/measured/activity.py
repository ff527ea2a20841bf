"""What the machine does at a moment: time that CPUs worked or were stolen, load, energy counters.

All are counters or figures of the kernel, read without root from the folder that holds /proc and
/sys; what the kernel does not offer is None or left out.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "Activity",
    "Energy",
    "cpu_times",
    "energies",
    "energy_between",
    "load_average",
    "read_activity",
    "read_text",
    "switches",
]

_ROOT = Path("/")


class Energy(NamedTuple):
    """A counter of energy [J], which starts again at 0 after `span` [J]."""

    value: float
    span: float


@dataclass(frozen=True, slots=True)
class Activity:
    """Counters at a moment, of some CPUs together; None where the kernel does not tell.

    `busy` and `steal` [s]: time in which they ran anything, and in which a hypervisor ran something
    else; both grow in steps of `tick` [s]. `switches`: how often this process was interrupted for
    another. `load`: the load average of a minute. `energy` by domain.
    """

    busy: float | None
    steal: float | None
    tick: float
    switches: int | None
    load: float | None
    energy: Mapping[str, Energy]


def read_activity(cpus: Collection[int], root: Path = _ROOT) -> Activity:
    """The counters now, `busy` and `steal` of these CPUs."""
    busy, steal = cpu_times(cpus, root) or (None, None)
    return Activity(busy, steal, _tick(), switches(), load_average(root), energies(root))


def read_text(path: Path) -> str:
    """The text of a small file, stripped; "" where it is absent or may not be read."""
    try:
        return path.read_text("utf-8", errors="replace").strip(" \t\r\n\0")
    except OSError:
        return ""


def _tick() -> float:
    return 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01


def cpu_times(cpus: Collection[int], root: Path = _ROOT) -> tuple[float, float] | None:
    """Busy and stolen time [s] of these CPUs since the start, from /proc/stat; None without it.

    Busy is user, nice, system, irq and softirq; guests are in user (proc(5)).
    """
    names = {f"cpu{cpu}" for cpu in cpus}
    rows = [line.split() for line in read_text(root / "proc/stat").splitlines()]
    counts = [[int(count) for count in row[1:9]] for row in rows if row and row[0] in names]
    if not counts:
        return None
    user, nice, system, _, _, irq, softirq, steal = (
        sum(column) for column in zip(*counts, strict=True)
    )
    return (user + nice + system + irq + softirq) * _tick(), steal * _tick()


def switches() -> int | None:
    """How often this process was interrupted for another one; None where it is not counted."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def load_average(root: Path = _ROOT) -> float | None:
    """Processes that ran or waited for a CPU, over the last minute; None where it is not told."""
    first = read_text(root / "proc/loadavg").partition(" ")[0]
    return float(first) if first else None


def energies(root: Path = _ROOT) -> dict[str, Energy]:
    """The energy counters (RAPL) that this process may read, by domain, as "package-0/core".

    Source: Linux, Documentation/power/powercap/powercap.rst.
    """
    found = {}
    for folder in sorted((root / "sys/class/powercap").glob("intel-rapl:*")):
        value, span = (read_text(folder / f"{name}_uj") for name in ("energy", "max_energy_range"))
        if value.isdigit() and span.isdigit():
            found[_domain(folder)] = Energy(int(value) / 1e6, int(span) / 1e6)
    return found


def _domain(folder: Path) -> str:
    """Its name under that of its package: intel-rapl:0:1 is a part of intel-rapl:0."""
    name = read_text(folder / "name") or folder.name
    if folder.name.count(":") < 2:
        return name
    package = folder.with_name(folder.name.rpartition(":")[0])
    return f"{read_text(package / 'name') or package.name}/{name}"


def energy_between(before: Mapping[str, Energy], after: Mapping[str, Energy]) -> dict[str, float]:
    """Energy [J] by domain between two readings less than one turn of the counters apart."""
    return {
        name: (after[name].value - energy.value) % energy.span
        for name, energy in before.items()
        if name in after and energy.span
    }
