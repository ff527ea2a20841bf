"""A profile lowered to plain numbers: what predictors take.

Every number is in SI units, with the unit in its name. A range is lowered at one of its ends:
"fast" takes the favourable end of every quantity, "slow" the other one, so that a prediction from
each bounds what the profile allows; or at values drawn within it, many at once.
"""

# ruff: noqa: RUF009 - _from describes a field and holds no value that instances could share.
from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from xnorsim.errors import UsageError, choices
from xnorsim.machine.quantity import Range, resolve
from xnorsim.machine.schema import HardwareProfile, Programs, dimension_of

__all__ = [
    "ELEMENT_BITS",
    "At",
    "Draws",
    "End",
    "Machine",
    "better",
    "lower",
    "operations_per_cycle",
    "pick",
]

End = Literal["value", "fast", "slow"]
Draws = Mapping[str, NDArray[np.float64]]
"""The path of a quantity -> values [samples, 1] in the unit of its range; others take theirs."""

At = End | Draws
_Levels = NDArray[np.float64]

# Bits of one element in a vector of each throughput kind. Elements are what the operands are held
# in: bwn activations and elementwise operations are fp32.
ELEMENT_BITS = {"binary": 1, "bwn": 32, "int8": 8, "fp32": 32, "elementwise": 32, "binarize": 32}


def _from(path: str, better: Literal["high", "low"], unit: str) -> Any:
    """A field lowered from a path of the profile; better: which end of the range is favourable."""
    return dataclasses.field(metadata={"path": path, "better": better, "unit": unit})


@dataclasses.dataclass(frozen=True, eq=False)
class Machine:
    """One machine in plain numbers, at one end of its ranges (`at`), or drawn within them.

    Floats, and arrays [levels] for the memories, nearest first; [samples, 1] and [levels, samples,
    1] where drawn. A limit that the profile sets aside is inf; an energy that it does not give is
    NaN. With `dataclasses.replace` any field may become an array of design points: predictors
    broadcast.
    """

    name: str
    at: Literal["value", "fast", "slow", "drawn"]
    level_names: tuple[str, ...]
    clock_hz: float = _from("clock", "high", "Hz")
    cores: float = _from("cores", "high", "")
    simd_bits: float = _from("simd.bits", "high", "bit")
    binary_vectors_per_cycle: float = _from("throughput.binary", "high", "vector/cycle")
    bwn_vectors_per_cycle: float = _from("throughput.bwn", "high", "vector/cycle")
    int8_vectors_per_cycle: float = _from("throughput.int8", "high", "vector/cycle")
    fp32_vectors_per_cycle: float = _from("throughput.fp32", "high", "vector/cycle")
    elementwise_vectors_per_cycle: float = _from("throughput.elementwise", "high", "vector/cycle")
    binarize_vectors_per_cycle: float = _from("throughput.binarize", "high", "vector/cycle")
    scalar_fp32_latency_cycles: float = _from("scalar.fp32_latency", "low", "cycle")
    scalar_loads_per_cycle: float = _from("scalar.loads_per_cycle", "high", "1/cycle")
    level_size_bytes: _Levels = _from("memories.size", "high", "byte")
    level_bandwidth_bytes_per_s: _Levels = _from("memories.bandwidth", "high", "byte/s")
    level_shared_bandwidth_bytes_per_s: _Levels = _from(
        "memories.shared_bandwidth", "high", "byte/s"
    )
    level_overlap: _Levels = _from("memories.overlap", "high", "")
    level_energy_j_per_byte: _Levels = _from("memories.energy", "low", "J/byte")
    efficiency: float = _from("core.efficiency", "high", "")
    layer_overhead_s: float = _from("overhead.layer", "low", "s")
    energy_node_m: float = _from("energy.node", "low", "m")
    energy_voltage_v: float = _from("energy.voltage", "low", "V")
    energy_instruction_j: float = _from("energy.instruction", "low", "J")
    energy_binary_mac_j: float = _from("energy.binary_mac", "low", "J")
    energy_bwn_mac_j: float = _from("energy.bwn_mac", "low", "J")
    energy_int8_mac_j: float = _from("energy.int8_mac", "low", "J")
    energy_fp32_mac_j: float = _from("energy.fp32_mac", "low", "J")
    energy_fp_op_j: float = _from("energy.fp_op", "low", "J")
    energy_binarize_j: float = _from("energy.binarize", "low", "J")
    static_power_w: float = _from("energy.static", "low", "W")
    call_overhead_s: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # by program


# What a quantity is that the profile leaves out: no ceiling, nothing lost, or an unknown energy.
_ABSENT = {"memories.shared_bandwidth": math.inf, "memories.overlap": 1.0, "core.efficiency": 1.0}


def lower(profile: HardwareProfile, at: At = "value") -> Machine:
    """The profile in plain numbers: at its values, its fast or slow ends, or at values drawn.

    Bandwidths given in byte/cycle are multiplied by the clock of the same end. Raises UsageError
    for another `at`.
    """
    clock_hz = pick(resolve(profile.clock, dimension_of(("clock",))), "high", at, "clock")
    word = "drawn" if isinstance(at, Mapping) else at
    values: dict[str, Any] = {"name": profile.name, "at": word}
    values["level_names"] = tuple(memory.name for memory in profile.memories)
    for field in dataclasses.fields(Machine):
        if not field.metadata:
            continue
        path, better = field.metadata["path"], field.metadata["better"]
        section, _, key = path.rpartition(".")
        if section == "memories":
            each = [
                _number(m, key, path, f"{section}.{m.name}.{key}", better, at, clock_hz)
                for m in profile.memories
            ]
            column = np.stack(np.broadcast_arrays(*each)).astype(np.float64)
            column.setflags(write=False)
            values[field.name] = column
        else:
            holder = getattr(profile, section) if section else profile
            values[field.name] = _number(holder, key, path, path, better, at, clock_hz)
    return Machine(**values, call_overhead_s=_calls(profile, at))


def _calls(profile: HardwareProfile, at: At) -> dict[str, Any]:
    """The time of a call of each program that the profile gives one for [s]."""
    found = {}
    for name in Programs.model_fields:
        quantity = getattr(profile.overhead.programs, name, None)
        if quantity is not None:
            parts = ("overhead", "programs", name)
            found[name] = pick(resolve(quantity, dimension_of(parts)), "low", at, ".".join(parts))
    return found


def _number(holder: Any, key: str, path: str, name: str, better: str, at: At, clock_hz: Any) -> Any:
    quantity = getattr(holder, key, None)
    if quantity is None:
        return _ABSENT.get(path, math.nan)
    found = resolve(quantity, dimension_of(tuple(path.split("."))))
    scale = clock_hz if found.unit == "byte/cycle" else 1.0
    return pick(found, better, at, name) * scale


def pick(found: Range, better: str, at: At, name: str) -> Any:
    """The value of a range, the end that is favourable ("fast") or not ("slow"), or what is drawn.

    better: which end is favourable, "high" or "low"; name: the path under which the quantity may
    have been drawn. Raises UsageError for another `at`.
    """
    if isinstance(at, Mapping):
        return at.get(name, found.value)
    if at not in ("value", "fast", "slow"):
        raise UsageError(
            f"cannot lower a profile at '{at}'; {choices(at, ('value', 'fast', 'slow'))}"
        )
    if at == "value":
        return found.value
    return found.high if (at == "fast") == (better == "high") else found.low


@functools.cache
def _directions() -> dict[str, str]:
    return {f.name: f.metadata["better"] for f in dataclasses.fields(Machine) if f.metadata}


def better(field: str) -> str:
    """Whether "high" or "low" is the favourable end of a field of Machine; KeyError for others."""
    return _directions()[field]


def operations_per_cycle(machine: Machine, kind: str) -> Any:
    """Operations of one core in a cycle [1/cycle]: lanes of a vector times vectors a cycle.

    kind: a key of ELEMENT_BITS. MACs for binary, bwn, int8 and fp32; operations for elementwise;
    elements for binarize. Broadcasts over fields that are arrays. Raises UsageError for another.
    """
    if kind not in ELEMENT_BITS:
        raise UsageError(f"no throughput is named '{kind}'; {choices(kind, ELEMENT_BITS)}")
    return machine.simd_bits / ELEMENT_BITS[kind] * getattr(machine, f"{kind}_vectors_per_cycle")
