"""The instruction-level predictor: what a program's kernels issue, on the ports of a core.

    core   = max(port bound / efficiency, chains of dependent sums) / clock, dealt out to threads
    memory = bytes over each boundary / bandwidth there, of a core or shared
    time of a stage = core and memory, put together as far as they overlap
    time of a layer = sum of its stages + overhead of a layer that runs on its own
    the first layer that runs takes the program's call in place of that overhead

A kernel finishes one stage before it begins the next: im2col and layout, which memory bounds, hide
nothing of the product, which the ports bound. What has no product is one stage. What a layer does
beside its product, as the map K, moves no bytes here beyond the nearest level.

The instructions are those of a recipe set (recipes/), their cycles the bound of the ports and the
front end (ports.py), bytes those of the loop nests (movement.py), the rest is latency.py's. Loads
and stores are among the instructions, so the nearest memory level is. Energy is that of the
instructions, of the bytes, and static power x time (energy.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost.energy import energy_shares, share_names
from xnorsim.cost.inputs import Design
from xnorsim.cost.latency import combined_seconds, core_seconds, nearest_bound, transfer_seconds
from xnorsim.cost.movement import caches_of, pass_traffic, stage_bytes
from xnorsim.cost.ports import chain_cycles, port_cycles
from xnorsim.cost.recipes import (
    RecipeSet,
    at_stage,
    chained,
    instructions,
    part_chains,
    stages,
    steps,
    tiles,
)
from xnorsim.cost.roofline import Prediction
from xnorsim.cost.traffic import total_bytes
from xnorsim.cost.uses import IN_KERNELS, Use, kernel_uses, mix
from xnorsim.errors import UsageError
from xnorsim.machine.core import Core
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.lowering import Machine

__all__ = [
    "StageTime",
    "StageWork",
    "Work",
    "bound_names",
    "nearest_bytes",
    "overhead_seconds",
    "predict",
    "spread",
    "stage_times",
    "work_of",
]

Columns = Mapping[str, NDArray[Any]]
_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Work:
    """What a program does for a network, whatever the machine's numbers are.

    program: the recipe set; uses: the kernels and their layers; mix: all instructions [layers,
    classes]; stages: the same by what is done in one go.
    """

    program: str
    columns: Columns
    uses: tuple[Use, ...]
    mix: _Floats
    stages: tuple[StageWork, ...]


@dataclass(frozen=True, eq=False)
class StageWork:
    """One stage of some layers [n].

    name: a stage of a kernel, "pass" for layers without products, or "extra" for what those with
    products do besides; use: the kernel that has the stage, None for passes; mix, chains:
    instructions [n, classes], all and those that wait for each other; pieces: what threads may
    take [n].
    """

    name: str
    use: Use | None
    layers: NDArray[np.intp]
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
    stages = tuple(item for use in uses if use.is_product for item in _stages_of(use, columns))
    passes = tuple(_passes_of([use for use in uses if not use.is_product], columns, kinds))
    issued = np.zeros((layers, len(CLASSES)))
    for item in (*stages, *passes):
        issued[item.layers] += item.mix
    return Work(recipes.name, columns, uses, issued, (*stages, *passes))


def _stages_of(use: Use, columns: Columns) -> Iterator[StageWork]:
    """The stages of a product, where its layer runs."""
    runs = (columns["runs"][use.layers] > 0)[:, np.newaxis]
    for name in stages(use.kernel):
        kernel = at_stage(use.kernel, name)
        waiting = chained(kernel, steps(kernel, use.nest)) + part_chains(kernel, use.nest)
        dealt = np.maximum(tiles(use.kernel, use.nest), 1)
        issued = instructions(kernel, use.nest)
        yield StageWork(name, use, use.layers, issued * runs, waiting * runs, dealt)


def _passes_of(uses: Sequence[Use], columns: Columns, kinds: Sequence[str]) -> Iterator[StageWork]:
    """What goes over elements: layers without products, and what others do besides theirs.

    A pass that is fused reads what its host has not at hand. Its instructions are those of the
    host's kernel if it is of IN_KERNELS; any other issues those of a pass by itself.
    """
    in_kernel = np.array([kind in IN_KERNELS for kind in kinds], dtype=bool)
    issues = (columns["runs"] > 0) | ~in_kernel
    issued = mix(uses, len(kinds)) * issues[:, np.newaxis]
    waiting = np.zeros_like(issued)
    for use in uses:
        waiting[use.layers] += part_chains(use.kernel, use.nest)
    waiting *= issues[:, np.newaxis]
    is_pass = columns["macs"] == 0
    for name, where in (("pass", is_pass), ("extra", ~is_pass & issued.any(axis=-1))):
        chosen = np.flatnonzero(where)
        if chosen.size:
            anyhow = np.full(len(chosen), np.inf)
            yield StageWork(name, None, chosen, issued[chosen], waiting[chosen], anyhow)


def bound_names(machine: Machine) -> tuple[str, ...]:
    """What can limit a layer: its instructions, a memory level beyond the nearest, or overhead."""
    return ("instructions", *machine.level_names[1:], "overhead")


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
    machine = design.machine
    times = tuple(stage_times(work, design, threads))
    layers = len(work.columns["macs"])
    overhead = overhead_seconds(work.columns["runs"], work.program, machine)
    on_core = spread([(item.layers, item.core_s) for item in times], layers)
    latency = spread([(item.layers, item.latency_s) for item in times], layers)
    latency = latency * design.missed_by(work.program) + overhead
    transfers, moved = (
        [
            spread([(item.layers, getattr(item, name)[level]) for item in times], layers)
            for level in range(len(machine.level_names) - 1)
        ]
        for name in ("transfers_s", "moved_bytes")
    )
    bound, _ = nearest_bound(on_core, transfers, overhead)
    shares = _energy(work, design, moved, latency)
    unknown = np.full(np.shape(latency), 0.0 if shares else np.nan)
    return Prediction(latency, sum(shares.values(), unknown), bound, shares)


def overhead_seconds(runs: NDArray[Any], program: str, machine: Machine) -> _Floats:
    """What starts each layer [..., layers]: the call of the program at the first that runs [s].

    runs: whether each layer runs on its own; program: a recipe set. A program whose call the
    profile does not give takes no longer than a layer. A set's variant, as "larq-indirect", is
    the same program.
    """
    each = machine.layer_overhead_s
    call = machine.call_overhead_s.get(program.partition("-")[0], each)
    is_first = (np.cumsum(runs) == 1) & (runs > 0)
    return np.where(is_first, call, runs * each)


@dataclass(frozen=True, eq=False)
class StageTime:
    """The time of one stage of some layers [n], and of its parts; levels beyond the nearest."""

    layers: NDArray[np.intp]
    cycles: _Floats  # [..., n] on the ports at the efficiency of the core, or by chains
    core_s: _Floats  # [..., n]
    moved_bytes: Sequence[_Floats]  # of each level [..., n]
    transfers_s: Sequence[_Floats]  # of each level [..., n]
    latency_s: _Floats  # [..., n]


def stage_times(work: Work, design: Design, threads: Any = 1) -> Iterator[StageTime]:
    """The times of each stage of `work`, in order; raises as `predict` does."""
    machine, core = design.machine, design.core
    if core is None:
        raise UsageError(f"profile {machine.name} has no instructions to predict from")
    used = np.minimum(threads, machine.cores)
    bandwidths = (
        machine.level_bandwidth_bytes_per_s[1:],
        machine.level_shared_bandwidth_bytes_per_s[1:],
    )
    for stage, moved in zip(work.stages, _moved(work, machine, core), strict=True):
        cycles = np.maximum(
            port_cycles(stage.mix, core) / machine.efficiency, chain_cycles(stage.chains, core)
        )
        on_core = core_seconds(cycles, machine.clock_hz, used, stage.pieces)
        transfers = [
            transfer_seconds(each, alone, shared, used)
            for each, alone, shared in zip(moved, *bandwidths, strict=True)
        ]
        time = combined_seconds(on_core, transfers, list(machine.level_overlap[1:]))
        yield StageTime(stage.layers, cycles, on_core, list(moved), transfers, time)


def _moved(work: Work, machine: Machine, core: Core) -> Iterator[_Floats]:
    """Bytes [levels, ..., n] of each stage; a product takes in what none of its stages does."""
    caches = caches_of(work.columns, machine, core)
    passes = total_bytes(pass_traffic(work.columns, caches))
    found: dict[str, _Floats] = {}
    last: Use | None = None
    for stage in work.stages:
        nothing = np.zeros((len(caches.level_sizes), len(stage.layers)))
        if stage.use is None:
            yield passes[..., stage.layers] if stage.name == "pass" else nothing
            continue
        if stage.use is not last:
            last, found = stage.use, stage_bytes(stage.use, caches.of(stage.layers))
            unclaimed = [name for name in found if name not in stages(stage.use.kernel)]
            for name in unclaimed:
                found["product"] = found["product"] + found.pop(name)
        runs = work.columns["runs"][stage.layers] > 0
        yield found.get(stage.name, nothing) * runs


def spread(parts: Sequence[tuple[NDArray[np.intp], _Floats]], layers: int) -> _Floats:
    """Arrays [..., n] of some layers each, added up into one [..., layers]."""
    lead = np.broadcast_shapes(*(np.shape(array)[:-1] for _, array in parts))
    result = np.zeros((*lead, layers))
    for chosen, array in parts:
        result[..., chosen] += array
    return result


def _energy(
    work: Work, design: Design, moved: Sequence[_Floats], latency: _Floats
) -> dict[str, _Floats]:
    """Where the energy goes [..., layers] [J], by name; nothing if the profile has no energies."""
    if design.costs is None:
        return {}
    nearest = nearest_bytes(work.mix, design.machine)
    levels = np.moveaxis(np.stack(np.broadcast_arrays(nearest, *moved)), 0, -1)
    shares = energy_shares(work.mix, levels, latency, design.costs)
    return dict(zip(share_names(design.costs), np.moveaxis(shares, -1, 0), strict=True))
