"""The port bound beside llvm-mca: inner loops of our recipes, as assembly, on cores of profiles.

Two questions for each loop on each core:

1. Is the *bound* right? On LLVM's own costs of the loop's instructions, port_cycles must lie
   between llvm-mca's block reciprocal throughput, which takes each group of ports by itself, and
   its simulated steady state, which no bound may exceed.
2. Are the *costs* alike? port_cycles on the profile's costs equals that on LLVM's within BAND, or
   each class that makes the difference is named in loops/differences.yaml with the reason: with
   LLVM's costs in place of the profile's for those alone, the two agree.

llvm-mca is a program of LLVM, on Debian in the package llvm. LLVM 14 takes the Cortex-A57 for a
Cortex-A72 and Cyclone of 2013 for an Apple M1. Left out are cores whose model is not theirs at all:
the Cortex-A76 and the Neoverse N1, for which it has the Cortex-A57 too. A simulated steady state
includes dependencies and, on the in-order Cortex-A53, the order of the instructions.
"""

from __future__ import annotations

import functools
import json
import math
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.loops.table import (
    LOOPS,
    TARGETS,
    X86,
    Loop,
    Target,
    classes_of,
    differences,
    expected_mix,
    instructions_of,
    mix_of,
    text_of,
)
from xnorsim.cost.ports import port_cycles
from xnorsim.cost.recipes.kernel import Counts
from xnorsim.machine.core import Core, lower_core
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.profile import load_profile

BAND = (0.95, 1.05)
"""Our bound with LLVM's costs where differences are written down, over that of LLVM's alone."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What an instruction asks for: some times cycles of any of some ports, and slots to issue."""

    asks: tuple[tuple[frozenset[str], float], ...]
    uops: float


def bound(costs: Iterable[Cost], issue_width: float) -> float:
    """`port_cycles` of these instructions, one each [cycle]; their asks are the core's classes."""
    busy: defaultdict[frozenset[str], float] = defaultdict(float)
    uops = 0.0
    for cost in costs:
        uops += cost.uops
        for where, cycles in cost.asks:
            busy[where] += cycles
    ports = sorted(frozenset().union(*busy))
    core = Core(
        classes=tuple("+".join(sorted(where)) for where in busy),
        ports=tuple(ports),
        allowed=np.array([[port in where for port in ports] for where in busy]),
        uops=np.array([uops, *[0.0] * (len(busy) - 1)]),
        busy_cycles=np.array(list(busy.values())),
        latency_cycles=np.full(len(busy), np.nan),
        issue_width=issue_width,
    )
    return float(port_cycles(np.ones(len(busy)), core))


@functools.cache
def version() -> str | None:
    """The major version of the llvm-mca that is installed, None without one."""
    if shutil.which("llvm-mca") is None:
        return None
    done = subprocess.run(["llvm-mca", "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"LLVM version (\d+)", done.stdout)
    return found[1] if found else "unknown"


def mca(text: str, target: Target, iterations: int) -> dict[str, Any]:
    """What llvm-mca says of assembly: its JSON."""
    command = ["llvm-mca", f"-mtriple={target.triple}", f"-mcpu={target.core}", "-json"]
    command.append(f"-iterations={iterations}")
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def kind_of(instruction: str) -> str:
    """An instruction without the numbers of its registers and its offsets."""
    return re.sub(r"(?<=[a-z])\d+(?![a-z\d])|(?<=[+#])\d+", "_", instruction)


@dataclass(frozen=True, slots=True)
class LlvmCosts:
    """A target's costs by kind of instruction, and micro-operations a cycle."""

    of: Mapping[str, Cost]
    issue_width: float


@functools.cache
def llvm_costs(target: Target) -> LlvmCosts:
    """LLVM's costs of all instructions of a target's loops.

    llvm-mca does not print groups of units. Each kind of instruction is therefore run by itself
    for long, and the units that share its work evenly are taken for one group.
    """
    kinds = {kind_of(text): text for loop in loops_of(target) for text in instructions_of(loop)}
    regions = [f"# LLVM-MCA-BEGIN\n{text}\n# LLVM-MCA-END\n" for text in kinds.values()]
    syntax = ".intel_syntax noprefix\n" if target.triple == X86 else ""
    found = mca(f"{syntax}loop:\n{''.join(regions)}", target, 1200)
    units = _units(found)
    costs = {}
    for kind, region in zip(kinds, found["CodeRegions"], strict=True):
        pressure = region["ResourcePressureView"]["ResourcePressureInfo"]
        used = {units[u["ResourceIndex"]]: u["ResourceUsage"] for u in pressure}
        (info,) = region["InstructionInfoView"]["InstructionList"]
        costs[kind] = Cost(_asks(used, Counter(map(_stem, units))), info["NumMicroOpcodes"])
    return LlvmCosts(costs, found["CodeRegions"][0]["SummaryView"]["DispatchWidth"])


def _units(found: dict[str, Any]) -> list[str]:
    """Names of the units, without the core's. LLVM 14 writes a number as a control character."""
    names = (re.sub("^(HW|SKX|ICX|Zn3)", "", name) for name in found["TargetInfo"]["Resources"])
    return [re.sub(r"\.([\0-\x1f])$", lambda dot: f".{ord(dot[1])}", name) for name in names]


def _stem(unit: str) -> str:
    return unit.split(".")[0]


EVEN = 0.04
"""Shares of an instruction's work are even when they differ by less: 1200 runs, at most 6 units."""


def _asks(used: Mapping[str, float], alike: Mapping[str, int]) -> Any:
    """Groups of units with even shares. Units of one name ("Load.0", "Load.1") stay together."""
    groups: dict[tuple[str, int], list[str]] = {}
    for unit, share in used.items():
        key = (_stem(unit), 0) if alike[_stem(unit)] > 1 else ("", round(share / EVEN))
        groups.setdefault(key, []).append(unit)
    return tuple((frozenset(units), sum(used[u] for u in units)) for units in groups.values())


def loops_of(target: Target) -> tuple[Loop, ...]:
    """The loops of a target's instruction set whose classes its profile has, all of them."""
    core = profile_core(target)
    has = {name for name, busy in zip(CLASSES, core.busy_cycles, strict=True) if busy == busy}
    loops = (
        loop
        for (triple, bits), group in LOOPS.items()
        for loop in group
        if triple == target.triple and bits in (64, target.simd_bits)
    )
    return tuple(loop for loop in loops if has.issuperset(expected_mix(loop)))


@functools.cache
def profile_core(target: Target) -> Core:
    return lower_core(load_profile(target.profile))


def profile_cycles(loop: Loop, target: Target) -> float:
    """The port bound of a loop on the profile's costs [cycle]."""
    mix = mix_of(loop)
    return float(port_cycles([mix[name] for name in CLASSES], profile_core(target)))


def llvm_cycles(loop: Loop, target: Target) -> float:
    """The port bound of a loop on LLVM's costs [cycle]."""
    llvm = llvm_costs(target)
    return bound((llvm.of[kind_of(text)] for text in instructions_of(loop)), llvm.issue_width)


def mixed_cycles(loop: Loop, target: Target, from_llvm: Iterable[str]) -> float:
    """The port bound on the profile's costs, but LLVM's `from_llvm` [cycle].

    from_llvm: classes, "issue" for what the front end takes and gives, "*" for all.
    """
    names = set(from_llvm)
    if "*" in names:
        names = {"issue", *CLASSES}
    llvm, core = llvm_costs(target), profile_core(target)
    costs = []
    for text in instructions_of(loop):
        ours, theirs = _profile_cost(classes_of(text), core), llvm.of[kind_of(text)]
        asks = _on_ports(theirs, target) if names.issuperset(classes_of(text)) else ours.asks
        costs.append(Cost(asks, theirs.uops if "issue" in names else ours.uops))
    return bound(costs, llvm.issue_width if "issue" in names else float(core.issue_width))


def _profile_cost(counts: Counts, core: Core) -> Cost:
    asks, uops = [], 0.0
    for name, count in counts.items():
        place = core.classes.index(name)
        where = frozenset(np.array(core.ports)[core.allowed[place]].tolist())
        asks.append((where, count * core.busy_cycles[place]))
        uops += count * core.uops[place]
    return Cost(tuple(asks), uops)


def _on_ports(cost: Cost, target: Target) -> Any:
    """LLVM's asks with its units named as the profile's ports, all of them where there are two."""
    ports = differences(target).ports
    found = []
    for units, cycles in cost.asks:
        named = [ports.get(unit, (unit,)) for unit in units]
        where = frozenset(port for names in named for port in names)
        found.append((where, cycles * len(where) / len(units)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Compared:
    """One loop on one core [cycle] for one run of the loop."""

    profile: float  # our bound on the profile's costs
    mixed: float  # our bound on them, but LLVM's where differences are written down
    llvm: float  # our bound on LLVM's costs
    block: float  # llvm-mca's block reciprocal throughput
    steady: float  # llvm-mca's simulation, long after the start


def compared(loop: Loop, target: Target) -> Compared:
    text = text_of(loop)
    short, long = (mca(text, target, runs)["CodeRegions"][0]["SummaryView"] for runs in RUNS)
    return Compared(
        profile=profile_cycles(loop, target),
        mixed=mixed_cycles(loop, target, differences(target).why),
        llvm=llvm_cycles(loop, target),
        block=short["BlockRThroughput"],
        steady=(long["TotalCycles"] - short["TotalCycles"]) / (RUNS[1] - RUNS[0]),
    )


RUNS = (100, 300)
"""Loops run by llvm-mca; what the second adds to the first is the steady state."""

KNOWN = "14"
"""The version of LLVM, that of Debian 12, whose costs loops/differences.yaml speaks of."""

CLOSE = 0.01
"""Figures of llvm-mca that are alike: it prints some with two digits, and shares are rounded."""


def faults_of(loop: Loop, target: Target, found: Compared) -> list[str]:
    """What is not as the head of this file says."""
    name = f"{loop.name} on {target.core}"
    faults = []
    if not found.block * (1 - CLOSE) <= found.llvm <= found.steady * (1 + CLOSE):
        faults.append(
            f"{name}: the bound on LLVM's costs is {found.llvm:.2f}, not between the block's "
            f"{found.block:.2f} and the steady {found.steady:.2f}"
        )
    if not BAND[0] <= found.mixed / found.llvm <= BAND[1]:
        faults.append(
            f"{name}: differences.yaml does not explain why the profile has {found.profile:.2f} "
            f"and LLVM {found.llvm:.2f}: with its reasons {found.mixed:.2f}"
        )
    return faults


def idle_reasons(target: Target) -> list[str]:
    """Classes of differences.yaml without which every loop of the target has the same cycles."""
    why = differences(target).why
    return [name for name in why if all(_same(loop, target, name) for loop in loops_of(target))]


def _same(loop: Loop, target: Target, name: str) -> bool:
    why = set(differences(target).why)
    cycles = (mixed_cycles(loop, target, names) for names in (why, why - {name}))
    return math.isclose(*cycles, rel_tol=CLOSE)


def reasons_of(loop: Loop, target: Target) -> list[str]:
    """The differences that a loop's cycles depend on."""
    return [name for name in differences(target).why if not _same(loop, target, name)]


def main() -> int:
    if version() is None:
        print("llvm-mca is not installed (Debian: apt install llvm): nothing is compared")
        return 0
    if version() != KNOWN:
        print(f"differences.yaml was written for LLVM {KNOWN}; this is {version()}")
    table = Table(
        "core", "loop", "profile", "LLVM", "block", "steady", "profile/LLVM", "because of"
    )
    reasons = Table("core", "what", "why the profile and LLVM differ")
    faults = []
    for target in TARGETS:
        for loop in loops_of(target):
            found = compared(loop, target)
            faults += faults_of(loop, target, found)
            ratio = found.profile / found.llvm
            why = () if BAND[0] <= ratio <= BAND[1] else reasons_of(loop, target)
            cycles = (found.profile, found.llvm, found.block, found.steady)
            table.add_row(
                target.core, loop.name, *(f"{x:.2f}" for x in (*cycles, ratio)), ", ".join(why)
            )
        for name, why in differences(target).why.items():
            reasons.add_row(target.core, name, why)
        idle = idle_reasons(target)
        faults += [f"{target.core}: no loop depends on {name} of differences.yaml" for name in idle]
    console = Console(width=160)
    console.print("cycles of one run of each loop; LLVM: our bound on LLVM's costs", table, reasons)
    print("\n".join(faults), file=sys.stderr)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
