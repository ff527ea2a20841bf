"""This machine described as a profile, by micro-benchmarks and never by kernels or layers.

Rounds of all loops follow one another, so that each loop is timed at many moments (see
calibration_rounds.py). Each finished round is a line of a state file beside the output: a
calibration that was stopped goes on where it was, unless the machine or a library has changed.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from xnorsim.errors import InputError
from xnorsim.kernels.loops import (
    Dialect,
    Loop,
    aligned_ones,
    compiled,
    dialect_of,
    host_target,
    near_memory,
)
from xnorsim.kernels.loops.dispatch import empty_call
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.profile import load_profile
from xnorsim.machine.schema import HardwareProfile
from xnorsim.measured.activity import Activity, read_activity, read_text
from xnorsim.measured.calibration_calls import called_s, program_calls
from xnorsim.measured.calibration_energy import energy_round, instruction_energy
from xnorsim.measured.calibration_plan import pairs_to_check, plan, streams
from xnorsim.measured.calibration_ports import nearest_name, structure
from xnorsim.measured.calibration_profile import Facts, document
from xnorsim.measured.calibration_rounds import Region, core_round, memory_round, pin, regions
from xnorsim.measured.calibration_source import calibration_source, processor
from xnorsim.measured.calibration_steps import kernel_steps
from xnorsim.measured.calibration_values import column
from xnorsim.measured.host import Host, data_caches, machine, read_host
from xnorsim.measured.records import append_line, read_lines
from xnorsim.measured.yardstick import Yardstick, yardstick

__all__ = ["ROUNDS", "Calibration", "calibrate", "profile_text", "state_path"]

ROUNDS = 60
"""How often every loop is timed; a round takes less than a second on a quick machine."""

_LIMIT_S, _LEAST = 90.0, 20
"""On a slow one rounds end after so much time, if there are at least so many."""

_MOMENTS = 4
"""How often in a round the loops of the core and the caches are timed; pairs and the main memory
once."""

_STEAL = 0.02
_SPREAD = 0.10
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Calibration:
    """A profile of this machine as plain data; what was corrected, and what disturbed it."""

    profile: dict[str, Any]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    host: Host
    rounds: int
    seconds: float


@dataclass(frozen=True, eq=False)
class _Bench:
    """All that a round needs, made once."""

    host: Host
    dialect: Dialect
    nearest: HardwareProfile
    loops: dict[str, Loop]
    streams: dict[str, Loop]
    regions: tuple[Region, ...]
    memory: np.ndarray[Any, Any]
    memories: list[np.ndarray[Any, Any]]
    calls: dict[str, Callable[[], object]]
    cpus: tuple[int, ...]
    yardstick: Yardstick


def state_path(output: Path) -> Path:
    """Where the finished rounds of a calibration are kept until its profile is written."""
    return output.with_name(f".{output.name}.rounds")


def calibrate(
    name: str, state: Path, rounds: int | None = None, tell: Tell = lambda done, total: None
) -> Calibration:
    """Describe this machine by `rounds` rounds of micro-benchmarks, or ROUNDS if time allows.

    name: of the profile. state: the file of finished rounds; those in it that are of this machine
    count. It is left where it is.

    Raises:
        MissingExtraError: the extra `native` is not installed.
        UsageError: a processor without loops, or the state file cannot be written.
    """
    start = time.perf_counter()
    host = read_host()
    bench = _bench(host)
    done, notes = _resumed(state, _identity(host, bench))
    before, began = read_activity(host.cpus), time.perf_counter()
    with _on_one_cpu(bench.cpus[0]):
        wanted = ROUNDS if rounds is None else rounds
        while len(done) < wanted:
            late = time.perf_counter() - start > _LIMIT_S and len(done) >= _LEAST
            if rounds is None and late:
                break
            tell(len(done), wanted)
            done.append(_round(bench))
            append_line(state, {"kind": "round", **done[-1]})
        tell(wanted, wanted)
    after, seconds = read_activity(host.cpus), time.perf_counter() - began
    facts = _facts(name, bench, done[:wanted])
    profile, corrections = document(facts)
    warnings = (*_disturbances(before, after, seconds), *_spread(facts))
    elapsed = time.perf_counter() - start
    return Calibration(profile, (*notes, *corrections), warnings, host, len(done), elapsed)


def profile_text(profile: dict[str, Any]) -> str:
    """The YAML of a profile: one line for each quantity."""
    return yaml.dump(profile, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100_000)


class _Dumper(yaml.SafeDumper):
    """What holds a value stands on one line."""


def _mapping(dumper: yaml.SafeDumper, data: dict[str, Any]) -> yaml.Node:
    node = dumper.represent_dict(data)
    node.flow_style = "value" in data
    return node


def _sequence(dumper: yaml.SafeDumper, data: list[Any]) -> yaml.Node:
    node = dumper.represent_list(data)
    node.flow_style = all(isinstance(each, str) for each in data)
    return node


_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _sequence)


def _bench(host: Host) -> _Bench:
    target = host_target()
    dialect = dialect_of(target)
    nearest = load_profile(nearest_name(host))
    known = [name for name in CLASSES if name in dialect.forms]
    pairs = pairs_to_check(structure(nearest, known), dialect)
    caches = data_caches(host)
    cpus = _one_of_each_core(host.cpus)
    found = regions(
        [cache.size for cache in caches],
        [max(1, cache.cpus // caches[0].cpus) for cache in caches],
        host.memory or 1 << 30,
        len(cpus),
    )
    largest = max(region.alone for region in found)
    each = max(region.each for region in found)
    return _Bench(
        host=host,
        dialect=dialect,
        nearest=nearest,
        loops=compiled(plan(dialect, pairs, kernel_steps(dialect, nearest)), dialect, target),
        streams=compiled(streams(dialect), dialect, target),
        regions=found,
        memory=near_memory(dialect),
        memories=[aligned_ones(each if place else largest) for place in range(len(cpus))],
        calls={"call": empty_call(), **program_calls()},
        cpus=cpus,
        yardstick=yardstick(),
    )


def _one_of_each_core(cpus: tuple[int, ...]) -> tuple[int, ...]:
    """One CPU of each physical core, the last one first: the first serves most interrupts."""
    cores: dict[str, int] = {}
    for cpu in cpus:
        place = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        cores.setdefault(read_text(place) or str(cpu), cpu)
    return tuple(reversed(cores.values()))


def _round(bench: _Bench) -> dict[str, Any]:
    single = {name: loop for name, loop in bench.loops.items() if not name.startswith("pair:")}
    wait = bench.yardstick.wait
    core = [core_round(bench.loops, bench.memory, wait=wait)]
    core += [core_round(single, bench.memory, wait=wait) for _ in range(_MOMENTS - 1)]
    memory = [memory_round(bench.streams, bench.regions, bench.memories, bench.cpus, wait=wait)]
    memory += [
        memory_round(bench.streams, bench.regions[:-1], bench.memories[:1], bench.cpus, wait=wait)
        for _ in range(_MOMENTS - 1)
    ]
    calls = {name: called_s(call, wait) for name, call in bench.calls.items()}
    addresses = [array.ctypes.data for array in bench.memories]
    loop = bench.loops["vector:fp32"]
    energy = energy_round(loop, addresses, bench.cpus) if bench.host.rapl else {}
    return {"core": core, "memory": memory, "calls": calls, "energy": energy}


@contextlib.contextmanager
def _on_one_cpu(cpu: int) -> Iterator[None]:
    """This thread on one CPU, and back where it was after."""
    if not hasattr(os, "sched_getaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    try:
        pin(cpu)
        yield
    finally:
        os.sched_setaffinity(0, before)


# --- finished rounds -----------------------------------------------------------------------------


def _identity(host: Host, bench: _Bench) -> dict[str, Any]:
    """What must not change between rounds: the machine, what is timed on it, and where.

    It is as it is read from a file of JSON.
    """
    loops = "\n".join(
        "\n".join((name, *loop.program.body))
        for name, loop in sorted((bench.loops | bench.streams).items())
    )
    identity = asdict(machine(host)) | {
        "cpus": host.cpus,
        "regions": [asdict(region) for region in bench.regions],
        "dialect": bench.dialect.name,
        "nearest": bench.nearest.name,
        "calls": list(bench.calls),
        "loops": hashlib.sha256(loops.encode()).hexdigest()[:16],
    }
    return json.loads(json.dumps(identity))


def _resumed(state: Path, identity: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """The finished rounds of this machine, and what to say about them; the file is made ready."""
    notes: list[str] = []
    if state.exists():
        try:
            rows = [values for _, values in read_lines(state).rows]
        except InputError:
            rows = []
        if rows and rows[0].get("kind") == "machine" and rows[0]["identity"] == identity:
            done = [row for row in rows if row.get("kind") == "round"]
            return done, [f"went on after {len(done)} finished rounds ({state})"] if done else []
        state.unlink()
        notes.append(f"began anew: {_changed(rows, identity)} since the rounds in {state}")
    append_line(state, {"kind": "machine", "identity": identity})
    return [], notes


def _changed(rows: list[dict[str, Any]], identity: dict[str, Any]) -> str:
    before = rows[0].get("identity", {}) if rows else {}
    changed = [name for name in identity if before.get(name) != identity[name]]
    return f"changed: {', '.join(changed)}"


# --- what the profile says of it -----------------------------------------------------------------


def _facts(name: str, bench: _Bench, rounds: list[dict[str, Any]]) -> Facts:
    host = bench.host
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    virtual = ", a virtual machine" if host.virtual else ""
    return Facts(
        name=name,
        description=f"{processor(host)}, {host.cores} cores{virtual}, as calibrated on {today}",
        source=calibration_source(host, len(rounds), today),
        dialect=bench.dialect,
        programs={key: loop.program for key, loop in bench.loops.items()},
        nearest=bench.nearest,
        caches=data_caches(host),
        memory_bytes=host.memory or 1 << 30,
        cores=len(bench.cpus),
        core=[moment for each in rounds for moment in each["core"]],
        memory=[moment for each in rounds for moment in each["memory"]],
        calls=[each["calls"] for each in rounds],
        energy=instruction_energy([each["energy"] for each in rounds]),
    )


def _disturbances(before: Activity, after: Activity, seconds: float) -> Iterator[str]:
    if before.steal is not None and after.steal is not None and seconds > 1:
        share = (after.steal - before.steal) / seconds
        if share > _STEAL:
            yield f"the hypervisor took {share:.0%} of the time of a core"
    if before.load is not None and before.load > 0.5:
        yield f"the machine was busy before it began: load average {before.load:.2g}"


def _spread(facts: Facts) -> Iterator[str]:
    """A neighbour on the same physical core shows in what takes all ports, not in chains."""
    loops = ("rate:vector_load", "rate:scalar_alu", "rate:vector_logic", "rate:branch")
    spreads = []
    for name in loops:
        low, middle = np.quantile(column(facts.core, name), (0.02, 0.5))
        spreads.append(middle / low - 1)
    worst = max(spreads)
    if worst > _SPREAD:
        yield (
            f"half of the rounds were at least {worst:.0%} slower than the quick ones where all "
            "ports are in use: something else runs on the same physical core"
        )
