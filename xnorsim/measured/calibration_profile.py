"""The profile that a calibration writes: what it measured, and the nearest profile for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xnorsim.cost.ports import port_cycles
from xnorsim.kernels.loops import Dialect, Program
from xnorsim.machine.core import Core, lower_core
from xnorsim.machine.instructions import CLASSES, Instructions
from xnorsim.machine.lowering import End
from xnorsim.machine.schema import CoreSection, HardwareProfile
from xnorsim.measured.caches import Cache
from xnorsim.measured.calibration_borrowed import borrowed_energy, borrowed_level, taken
from xnorsim.measured.calibration_calls import PROGRAMS
from xnorsim.measured.calibration_plan import CLOCK, FRONT_ENDS, VECTORS, name_of
from xnorsim.measured.calibration_ports import corrected, structure
from xnorsim.measured.calibration_source import SOURCE
from xnorsim.measured.calibration_values import (
    Fitted,
    Value,
    of_memory,
    of_middle,
    of_rounds,
    stores_stream,
    streamed,
)

__all__ = ["Facts", "document"]

_ENOUGH = 10
"""Rounds from which pairs may contradict a structure: a disturbed pair looks like a shared port."""


@dataclass(frozen=True, eq=False)
class Facts:
    """What a profile is made of: the machine, the loops, and what the rounds have found.

    core: cycles of a turn by loop, and the clock [Hz]; memory: seconds a byte by level and stream;
    calls: seconds of an empty call, and of one of each program; source: who measured what, when and
    with what.
    """

    name: str
    description: str
    source: str
    dialect: Dialect
    programs: Mapping[str, Program]
    nearest: HardwareProfile
    caches: tuple[Cache, ...]
    memory_bytes: int
    cores: int
    core: Sequence[Mapping[str, float]]
    memory: Sequence[Mapping[str, float]]
    calls: Sequence[Mapping[str, float]]
    energy: Mapping[str, Value]


def document(facts: Facts) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Plain data of a profile that `HardwareProfile` takes, and what there is to say about it."""
    sources: dict[str, str] = {SOURCE: facts.source}
    ports, notes = _ports(facts)
    fitted = streamed(facts.memory, len(facts.caches))
    instructions = _instructions(facts, ports, sources)
    core = _core(facts, fitted)
    middle, slow, fast = (
        _lowered(core, instructions, facts, at) for at in ("value", "slow", "fast")
    )
    core |= _efficiency(middle, slow, facts)
    found: dict[str, Any] = {
        "schema": 1,
        "name": facts.name,
        "kind": "cpu",
        "description": facts.description,
        "sources": sources,
        **_machine(facts),
        "throughput": {kind: _throughput(facts, kind, fast) for kind in VECTORS},
        "scalar": _scalar(facts, fast),
        "core": core,
        "instructions": instructions,
        "memories": _memories(facts, fitted, sources),
        "overhead": {"layer": _layer(facts), **_programs(facts)},
    }
    if facts.nearest.energy is not None:
        found["energy"] = borrowed_energy(facts.nearest, sources)
        for name, value in facts.energy.items():
            found["energy"][name] = measured(value, _ENERGY_UNITS[name], _ENERGY_NOTE)
    _keep_used(found)
    return found, notes


def _machine(facts: Facts) -> dict[str, Any]:
    note = "Median of the rounds."
    known = {"source": SOURCE, "basis": "measured"}
    return {
        "clock": measured(of_middle(facts.core, CLOCK).times(1e-9), "GHz", note),
        "cores": {"value": facts.cores, **known},
        "simd": {
            "bits": {"value": f"{facts.dialect.simd_bits} bit", **known, "note": facts.dialect.name}
        },
    }


def _layer(facts: Facts) -> dict[str, Any]:
    note = "A call of compiled code that does nothing, from Python."
    return measured(of_rounds(facts.calls, "call").times(1e6), "us", note)


def _programs(facts: Facts) -> dict[str, Any]:
    """Of each program the mean over its kernels that could be called."""
    found = {}
    for program in PROGRAMS:
        names = [name for name in facts.calls[0] if name.startswith(f"{program}:")]
        if names:
            each = [of_rounds(facts.calls, name) for name in names]
            value = Value(
                float(np.mean([one.value for one in each])),
                min(one.low for one in each),
                max(one.high for one in each),
            )
            kernels = " and ".join(name.partition(":")[2] for name in names)
            note = f"A call of kernel {kernels} for an image of one number."
            found[program] = measured(value.times(1e6), "us", note)
    return {"programs": found} if found else {}


_ENERGY_UNITS = {"static": "W", "instruction": "pJ"}
_ENERGY_NOTE = "Counters of the processor's package (RAPL), idle and with every core in a loop."


def measured(value: Value, unit: str, note: str = "") -> dict[str, Any]:
    """A quantity of the calibration."""
    numbers = {key: f"{getattr(value, key):.4g}" for key in ("value", "low", "high")}
    given = {key: f"{text} {unit}" if unit else float(text) for key, text in numbers.items()}
    return {**given, "source": SOURCE, "basis": "measured", **({"note": note} if note else {})}


def _cycles(facts: Facts, name: str) -> Value:
    """Cycles of one instruction of a loop, on average."""
    found = of_middle if name.startswith("latency:") else of_rounds
    return found(facts.core, name).times(1 / sum(facts.programs[name].counts.values()))


def _known(facts: Facts) -> list[str]:
    return [name for name in CLASSES if f"rate:{name}" in facts.programs]


def _ports(facts: Facts) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    alone = {name: _cycles(facts, f"rate:{name}").value for name in _known(facts)}
    pairs = {}
    for name in facts.programs:
        if name.startswith("pair:"):
            a, b = name.removeprefix("pair:").split("+")
            pairs[a, b] = 2 * _cycles(facts, name).value
    ports = structure(facts.nearest, _known(facts))
    if len(facts.calls) < _ENOUGH:
        return ports, ()
    return corrected(ports, alone, pairs, _issue(facts).value)


def _issue(facts: Facts) -> Value:
    """Instructions a cycle of the fastest mix, or the whole number that is less than 8% off."""
    mixes = [name_of("mix", counts) for counts in FRONT_ENDS]
    rates = [_cycles(facts, name).inverse() for name in mixes if name in facts.programs]
    best = max(rates, key=lambda rate: rate.value)
    whole = float(np.round(best.value))
    value = whole if abs(best.value - whole) < 0.08 * whole else best.value
    return Value(value, min(best.low, value), value)


def _core(facts: Facts, fitted: Sequence[Fitted]) -> dict[str, Any]:
    nearest = facts.nearest.core
    return {
        "execution": nearest.execution if nearest else "out-of-order",
        "issue_width": measured(
            _issue(facts), "op/cycle", "The fastest mix of scalar, vector and load instructions."
        ),
        "write_streaming": stores_stream(facts.memory, fitted),
    }


def _lowered(core: dict[str, Any], instructions: dict[str, Any], facts: Facts, at: End) -> Core:
    parts = {
        "core": CoreSection.model_validate(core),
        "instructions": Instructions.model_validate(instructions),
    }
    return lower_core(facts.nearest.model_copy(update=parts), at)


def _bound(counts: Mapping[str, float], core: Core) -> float:
    """Cycles that ports and front end need at least."""
    return float(port_cycles(np.array([counts.get(each, 0) for each in core.classes]), core))


def _throughput(facts: Facts, kind: str, core: Core) -> dict[str, Any]:
    """What the loop reached, and never more than the ports of `core` allow."""
    program = facts.programs[f"vector:{kind}"]
    way, vectors = next(
        (counts, vectors) for counts, vectors in VECTORS[kind] if set(counts) == set(program.counts)
    )
    steps = sum(program.counts.values()) / sum(way.values())
    cycles = of_rounds(facts.core, f"vector:{kind}").times(1 / (steps * vectors))
    text = " + ".join(f"{count} {name}" for name, count in way.items())
    rate = cycles.inverse().at_most(vectors / _bound(way, core))
    return measured(rate, "vector/cycle", f"Loop of {text} in registers.")


def _scalar(facts: Facts, core: Core) -> dict[str, Any]:
    latency = _cycles(facts, "latency:scalar_fp32_add")
    loads = _cycles(facts, "rate:scalar_load").inverse()
    loads = loads.at_most(1 / _bound({"scalar_load": 1}, core))
    return {
        "fp32_latency": measured(latency, "cycle"),
        "loads_per_cycle": measured(loads, "op/cycle"),
    }


def _instructions(
    facts: Facts, ports: Mapping[str, tuple[str, ...]], sources: dict[str, str]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _known(facts):
        known = getattr(facts.nearest.instructions, name)
        each = _cycles(facts, f"rate:{name}")
        form = facts.dialect.forms[name].split(" ")[0] or "the jump of a loop"
        item: dict[str, Any] = {
            "ports": list(ports[name]),
            "uops": known.uops if known else 1,
            "busy": measured(
                _busy(each, len(ports[name])),
                "cycle",
                f"{form}: {1 / each.value:.3g} a cycle; ports {_origin(name, ports, facts)}",
            ),
        }
        if f"latency:{name}" in facts.programs:
            item["latency"] = measured(_cycles(facts, f"latency:{name}"), "cycle")
        elif known and known.latency:
            item["latency"] = taken(known.latency, facts.nearest, sources)
        found[name] = item
    return found


def _origin(name: str, ports: Mapping[str, tuple[str, ...]], facts: Facts) -> str:
    same = structure(facts.nearest, [name])[name] == ports[name]
    return f"as in profile {facts.nearest.name}" if same else "from pairs of instructions"


def _busy(cycles: Value, ports: int) -> Value:
    """Of one port. A port takes at most one a cycle: up to a tenth less is noise."""
    busy = cycles.times(ports)
    least = 1.0 if busy.value > 0.9 else 0.0
    value = max(busy.value, least)
    return Value(value, min(max(busy.low, least), value), max(busy.high, value))


def _memories(
    facts: Facts, fitted: Sequence[Fitted], sources: dict[str, str]
) -> list[dict[str, Any]]:
    clock = of_middle(facts.core, CLOCK).value
    nearest = of_memory(facts.memory, "0:stream:0", len(facts.caches)).inverse()
    rates = [nearest, *(fit.seconds.inverse() for fit in fitted)]
    found = []
    for level, rate in enumerate(rates):
        is_last = level == len(facts.caches)
        private = not is_last and facts.caches[level].cpus <= facts.caches[0].cpus
        item = {
            "name": "DRAM" if is_last else f"L{facts.caches[level].level}",
            "size": _size(facts, level),
            "bandwidth": measured(
                rate.times(1 / clock) if private else rate.times(1e-9),
                "byte/cycle" if private else "GB/s",
                "Vectors read one after another.",
            ),
        }
        if not private and facts.cores > 1:
            item["shared_bandwidth"] = _shared(facts, level, rate)
        if level:
            item["overlap"] = measured(
                fitted[level - 1].overlap, "", "A stream with more and more work beside it."
            )
        energy = borrowed_level(facts.nearest, level, is_last, sources)
        found.append({**item, **energy})
    return found


def _size(facts: Facts, level: int) -> dict[str, Any]:
    """As the kernel tells it; others use a part of what is shared, and conflicts a part of all."""
    is_last = level == len(facts.caches)
    size = facts.memory_bytes if is_last else facts.caches[level].size
    shared = not is_last and facts.caches[level].cpus > facts.caches[0].cpus
    share = 1.0 if is_last else 0.5 if shared else 0.75
    note = "As the system tells it; low: " + ("others have half." if shared else "conflicts.")
    return {
        "value": f"{size / 1024:.10g} KiB",
        "low": f"{size * share / 1024:.10g} KiB",
        "high": f"{size / 1024:.10g} KiB",
        "source": SOURCE,
        "basis": "measured",
        "note": "As the system tells it." if is_last else note,
    }


def _shared(facts: Facts, level: int, rate: Value) -> dict[str, Any]:
    """One core's bandwidth times how much faster all cores together read than one."""
    levels = len(facts.caches)
    alone = of_memory(facts.memory, f"{level}:stream:0", levels)
    together = of_memory(facts.memory, f"{level}:all", levels)

    def gain(end: float) -> float:
        return min(max(alone.value / end, 1.0), facts.cores)

    value = Value(
        rate.value * gain(together.value),
        rate.low * gain(together.high),
        rate.high * gain(together.low),
    )
    return measured(value.times(1e-9), "GB/s", f"{facts.cores} cores reading at once.")


def _efficiency(core: Core, slow: Core, facts: Facts) -> dict[str, Any]:
    """How far steps of kernels stay behind the bound of ports and front end: their median.

    The range is that of the steps at undisturbed moments, against the values of `core`, and at
    disturbed ones against `slow`, which has what neighbours take of each class: once is enough.
    """
    quick, disturbed = [], []
    for name, program in facts.programs.items():
        if name.startswith("step:"):
            cycles = of_rounds(facts.core, name)
            quick.append(min(_bound(program.counts, core) / cycles.value, 1.0))
            disturbed.append(min(_bound(program.counts, slow) / cycles.high, 1.0))
    if not quick:
        return {}
    value = float(np.median(quick))
    low, high = (float(each) for each in np.quantile([*quick, *disturbed], (0.1, 0.9)))
    note = f"Median of {len(quick)} loops whose instructions are mixed as kernels mix them."
    return {"efficiency": measured(Value(value, min(low, value), max(high, value)), "", note)}


def _keep_used(found: dict[str, Any]) -> None:
    """Leave out sources that nothing names; what is borrowed has brought its own."""
    text = str({key: value for key, value in found.items() if key != "sources"})
    found["sources"] = {key: each for key, each in found["sources"].items() if key in text}
