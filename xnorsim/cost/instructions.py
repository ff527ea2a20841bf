"""The instruction-level predictor: what a program's kernels issue, on the ports of a core.

    core   = max(port bound / efficiency, chains of dependent sums) / clock, dealt out to threads
    memory = bytes over each boundary / bandwidth there, of a core or shared
    time of a layer = core and memory, put together as far as they overlap
                      + overhead of a layer that runs on its own

The instructions are those of a recipe set (recipes/), their cycles the bound of the ports and the
front end (ports.py), bytes those of the loop nests (movement.py), the rest is latency.py's. Loads
and stores are among the instructions, so the nearest memory level is. Energy is that of the
instructions, of the bytes, and static power x time (energy.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost.energy import energy_shares, share_names
from xnorsim.cost.inputs import Design
from xnorsim.cost.latency import combined_seconds, core_seconds, nearest_bound, transfer_seconds
from xnorsim.cost.movement import boundary_bytes, caches_of
from xnorsim.cost.ports import port_cycles
from xnorsim.cost.recipes import RecipeSet
from xnorsim.cost.roofline import Prediction
from xnorsim.cost.uses import Use, chains, kernel_uses, mix, pieces
from xnorsim.errors import UsageError
from xnorsim.machine.core import Core
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.lowering import Machine

__all__ = ["Work", "bound_names", "chain_bound", "nearest_bytes", "predict", "work_of"]

Columns = Mapping[str, NDArray[Any]]
_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Work:
    """What a program does for a network, whatever the machine's numbers are.

    uses: the kernels and their layers; mix, chains: instructions [layers, classes], all of them
    and those that wait for each other; pieces: what threads may take [layers].
    """

    columns: Columns
    uses: tuple[Use, ...]
    mix: _Floats
    chains: _Floats
    pieces: _Floats


def work_of(columns: Columns, kinds: Sequence[str], recipes: RecipeSet, core: Core) -> Work:
    """The kernels of `recipes` that run, of those that `core` can execute, and what they issue.

    columns: arrays [layers] of the layer table; kinds: the word for each layer's kind.

    Raises:
        UsageError: no kernel for a layer, the core cannot execute it, or kinds for another number
            of layers.
    """
    layers = len(columns["macs"])
    if len(kinds) != layers:
        raise UsageError(f"{len(kinds)} kinds were given for {layers} layers")
    uses = kernel_uses(columns, kinds, recipes, core)
    runs = (columns["runs"] > 0)[:, np.newaxis]
    return Work(
        columns,
        uses,
        mix(uses, layers) * runs,
        chains(uses, layers) * runs,
        pieces(uses, layers),
    )


def bound_names(machine: Machine) -> tuple[str, ...]:
    """What can limit a layer: its instructions, a memory level beyond the nearest, or overhead."""
    return ("instructions", *machine.level_names[1:], "overhead")


def chain_bound(chained: _Floats, core: Core) -> _Floats:
    """Cycles [..., layers] of instructions that wait for each other: the sum of their latencies.

    chained: [layers, classes]. A latency that is not known binds nothing.
    """
    latency = np.nan_to_num(core.latency_cycles, nan=0.0)
    return np.asarray(np.vecdot(chained, latency))


def nearest_bytes(issued: _Floats, machine: Machine) -> _Floats:
    """Bytes [..., layers] between the core and the nearest level: those of loads and stores.

    issued: instructions [layers, classes]. A vector is as wide as simd.bits; anything else is
    taken as a word of 64 bits, or as a vector where that is narrower.
    """
    vector = np.asarray(machine.simd_bits) / 8
    word = np.minimum(vector, 8)
    counts = dict(zip(CLASSES, np.moveaxis(issued, -1, 0), strict=True))
    vectors = counts["vector_load"] + counts["vector_store"]
    words = counts["scalar_load"] + counts["scalar_store"] + counts["broadcast_load"]
    return vectors * vector + words * word


def predict(work: Work, design: Design, threads: Any = 1) -> Prediction:
    """Latency [s], energy [J] and nearest bound of each layer of `work` on a machine.

    Broadcasts over layers and the design points of `design`.

    Raises:
        UsageError: the core lacks an instruction that a kernel issues, or the profile had none.
    """
    machine, core = design.machine, design.core
    if core is None:
        raise UsageError(f"profile {machine.name} has no instructions to predict from")
    used = np.minimum(threads, machine.cores)
    runs = work.columns["runs"]
    cycles = port_cycles(work.mix, core) / machine.efficiency
    cycles = np.maximum(cycles, chain_bound(work.chains, core))
    on_core = core_seconds(cycles, machine.clock_hz, used, work.pieces)
    caches = caches_of(work.columns, machine, core)
    moved = boundary_bytes(work.columns, work.uses, caches)
    transfers = [
        transfer_seconds(each, alone, shared, used)
        for each, alone, shared in zip(
            moved,
            machine.level_bandwidth_bytes_per_s[1:],
            machine.level_shared_bandwidth_bytes_per_s[1:],
            strict=True,
        )
    ]
    overhead = runs * machine.layer_overhead_s
    latency = combined_seconds(on_core, transfers, list(machine.level_overlap[1:])) + overhead
    bound, _ = nearest_bound(on_core, transfers, overhead)
    shares = _energy(work, design, moved, latency)
    unknown = np.full(np.shape(latency), 0.0 if shares else np.nan)
    energy = sum(shares.values(), unknown)
    return Prediction(latency, energy, bound, shares)


def _energy(work: Work, design: Design, moved: _Floats, latency: _Floats) -> dict[str, _Floats]:
    """Where the energy goes [..., layers] [J], by name; nothing if the profile has no energies."""
    if design.costs is None:
        return {}
    nearest = nearest_bytes(work.mix, design.machine)
    levels = np.stack(np.broadcast_arrays(nearest, *moved), axis=-1)
    shares = energy_shares(work.mix, levels, latency, design.costs)
    return dict(zip(share_names(design.costs), np.moveaxis(shares, -1, 0), strict=True))
