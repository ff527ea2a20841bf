"""What a prediction depends on: every quantity of a profile, and the model's own estimates.

Each has a value, a range and a source. `drawn` draws all of them together, seeded, for the ranges
of predictions (ranges.py); the numbers that it gives are those that predictors take (`design`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost import energy
from xnorsim.cost.energy import EnergyCosts
from xnorsim.cost.ranges import draw
from xnorsim.cost.recipes import RECIPE_SETS
from xnorsim.cost.technology import Estimate, energy_scale, supplies
from xnorsim.errors import UsageError
from xnorsim.machine.core import Core, lower_core
from xnorsim.machine.lowering import At, Draws, Machine, lower
from xnorsim.machine.quantity import Quantity, resolve
from xnorsim.machine.schema import HardwareProfile, quantity_fields

__all__ = ["SAMPLES", "Design", "Input", "design", "drawn", "inputs", "latency_path"]

SAMPLES = 256
"""Draws for the range of a prediction."""

LATENCY_SPREAD = 1.27
"""By which factor the time of a layer may lie off, up or down, whatever the profile's numbers are.

Models of this kind, instructions on ports with all data at hand, lie 9% to 36% off on average. The
least of that is taken: a triangle from -27% to 27% lies 9% off its middle on average.
"""
LATENCY_SOURCE = (
    'A. Abel, J. Reineke, "uiCA: Accurate Throughput Prediction of Basic Blocks on Recent Intel '
    'Microarchitectures", ICS 2022, arXiv 2107.14210, abstract: earlier models are 9% to 36% off'
)

_LATENCY = "model.latency"
_OVERHEAD = "model.instruction_energy"
_DATAPATH = "model.datapath_energy"
_TECHNOLOGY = "model.technology"


@dataclass(frozen=True, slots=True)
class Input:
    """A number that predictions depend on, in `unit`, with its range and where it is from."""

    path: str
    value: float
    low: float
    high: float
    unit: str
    source: str
    basis: str
    note: str = ""

    @property
    def is_free(self) -> bool:
        """Whether it has a range."""
        return bool(np.isfinite(self.high) and self.low < self.high)


@dataclass(frozen=True, eq=False)
class Design:
    """A machine as predictors take it, at one point of its ranges, or at many at once."""

    machine: Machine
    core: Core | None  # None without instructions in the profile
    costs: EnergyCosts | None  # None without energies, or without instructions
    missed: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def missed_by(self, program: str) -> NDArray[np.float64]:
        """By which factor the model may miss the time of a program's layers; 1 at its values.

        Each program is described by recipes of its own, and misses by itself: what two of them have
        in common is the machine. program: a recipe set; its variants are the same program.
        """
        return np.asarray(self.missed.get(latency_path(program), 1.0))


def latency_path(program: str) -> str:
    """The input that says how far off the time of a program's layers may be."""
    return f"{_LATENCY}.{program.partition('-')[0]}"


def inputs(profile: HardwareProfile) -> tuple[Input, ...]:
    """Every quantity of the profile, then those of the energy model that derive what it lacks."""
    document = profile.model_dump(by_alias=True)
    found = []
    for path, data, dimension in quantity_fields(document):
        quantity = Quantity(**data)
        value, low, high, unit = resolve(quantity, dimension)
        name = _name(path, document)
        low, high = _cut(name, value, low, high, profile)
        source = profile.sources[quantity.source]
        found.append(Input(name, value, low, high, unit, source, quantity.basis, quantity.note))
    return (*found, *_missed(profile), *_model_inputs(profile))


def _cut(
    name: str, value: float, low: float, high: float, profile: HardwareProfile
) -> tuple[float, float]:
    """The ends of a range, as far as the energy model goes: a node is a name, a supply bounded."""
    if name == "energy.node":
        return value, value
    if name == "energy.voltage":
        lowest, highest = supplies(lower(profile).energy_node_m)
        return min(value, max(low, lowest)), max(value, min(high, highest))
    return low, high


def _name(path: tuple[str | int, ...], document: dict[str, object]) -> str:
    """As lowering knows it: a memory level goes by its name."""
    levels = document["memories"]
    return ".".join(
        levels[part]["name"] if isinstance(part, int) else part  # type: ignore[index]
        for part in path
    )


def _missed(profile: HardwareProfile) -> Iterator[Input]:
    if profile.instructions:
        for path in sorted({latency_path(name) for name in RECIPE_SETS}):
            ends = 1 / LATENCY_SPREAD, LATENCY_SPREAD
            yield Input(path, 1.0, *ends, "", LATENCY_SOURCE, "estimated")


def _model_inputs(profile: HardwareProfile) -> tuple[Input, ...]:
    if profile.energy is None or profile.core is None:
        return ()
    machine = lower(profile)
    low, high = energy.DATAPATH_SPREAD
    scale = _scale(machine)
    found = [
        Input(_DATAPATH, 1.0, low, high, "", energy.DATAPATH_SOURCE, "estimated"),
        Input(
            _TECHNOLOGY,
            1.0,
            float(scale.low / scale.value),
            float(scale.high / scale.value),
            "",
            energy.TECHNOLOGY_SOURCE,
            "estimated",
        ),
    ]
    if profile.energy.instruction is None:
        each = energy.overhead_joules(profile.core.execution)
        value, low, high = float(each.value), float(each.low), float(each.high)
        source = energy.OVERHEAD_SOURCE
        found.append(Input(_OVERHEAD, value, low, high, "joule", source, "estimated"))
    return tuple(found)


def drawn(found: tuple[Input, ...], samples: int = SAMPLES, seed: int = 0) -> Draws:
    """Values [samples, 1] of each input by its path; the same for the same seed."""
    free = [item for item in found if item.is_free]
    if not free:
        return {}
    table = draw(
        [item.value for item in free],
        [item.low for item in free],
        [item.high for item in free],
        samples,
        seed,
        [item.path for item in free],
    )
    return {item.path: table[:, place, None] for place, item in enumerate(free)}


def design(profile: HardwareProfile, at: At = "value") -> Design:
    """The profile lowered at its values, its ends, or at `drawn` values."""
    machine = lower(profile, at)
    core = lower_core(profile, at) if profile.instructions else None
    costs = None
    if profile.core is not None and profile.energy is not None:
        costs = _costs(machine, profile.core.execution, at)
    draws = {} if isinstance(at, str) else at
    missed = {path: drawn for path, drawn in draws.items() if path.startswith(f"{_LATENCY}.")}
    return Design(machine, core, costs, missed)


def _costs(machine: Machine, execution: str, at: At) -> EnergyCosts:
    """Energies of instructions: the profile's own, or those of 45 nm scaled to its technology."""
    draws = {} if isinstance(at, str) else at
    scale = _scale(machine).value * draws.get(_TECHNOLOGY, 1.0)
    overhead = machine.energy_instruction_j
    if np.isnan(overhead).any():
        per_instruction = energy.overhead_joules(execution).value
        overhead = draws.get(_OVERHEAD, per_instruction) * scale
    datapath = energy.datapath_joules(machine.simd_bits, scale).value
    factor = np.asarray(draws.get(_DATAPATH, 1.0))
    return EnergyCosts(
        overhead_j=_by_class(overhead),
        datapath_j=datapath * factor[..., np.newaxis],
        level_names=machine.level_names,
        level_j_per_byte=np.moveaxis(machine.level_energy_j_per_byte, 0, -1),
        static_power_w=machine.static_power_w,
    )


def _by_class(overhead: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """The same for every class [..., classes]."""
    return np.asarray(overhead)[..., np.newaxis] * np.ones(len(energy.DATAPATH))


def _scale(machine: Machine) -> Estimate:
    """From the 45 nm and 0.9 V of Horowitz's table to the machine's technology."""
    try:
        return energy_scale(machine.energy_node_m, machine.energy_voltage_v)
    except UsageError as fault:
        raise UsageError(
            f"profile {machine.name}, energy.node and energy.voltage: {fault}"
        ) from fault
