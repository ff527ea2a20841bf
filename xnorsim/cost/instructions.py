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
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost.axes import (
    by_layer,
    everywhere,
    in_place,
    narrow,
    of_layers,
    rows_of,
    total,
)
from xnorsim.cost.energy import dynamic_shares, nearest_bytes, share_names
from xnorsim.cost.figures import WANTED, Figures, Prediction, prediction
from xnorsim.cost.inputs import Design
from xnorsim.cost.latency import (
    Overlap,
    checked_overlaps,
    combined,
    joint_bandwidth,
    longest_part,
    thread_share,
)
from xnorsim.cost.movement import PASS_COLUMNS, caches_of, pass_traffic, stage_traffic
from xnorsim.cost.nests import Moved
from xnorsim.cost.ports import chain_cycles, port_cycles
from xnorsim.cost.recipes import (
    RecipeSet,
    at_stage,
    issued,
    stages,
    steps,
    tiles,
    waiting,
)
from xnorsim.cost.recipes.kernel import Issued, ordered
from xnorsim.cost.traffic import total_bytes
from xnorsim.cost.uses import IN_KERNELS, Use, kernel_uses
from xnorsim.errors import UsageError
from xnorsim.machine.core import Core
from xnorsim.machine.lowering import Machine

__all__ = [
    "StageTime",
    "StageWork",
    "Work",
    "all_issued",
    "bound_names",
    "figures",
    "overhead_seconds",
    "predict",
    "stage_seconds",
    "stage_times",
    "work_of",
]

Columns = Mapping[str, NDArray[Any]]
_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Work:
    """What a program does for a network, whatever the machine's numbers are.

    program: the recipe set; columns: arrays [..., layers]; runs: which layers run on their own
    [layers]; uses: the kernels and their layers; stages: what they do in one go.
    """

    program: str
    columns: Columns
    runs: NDArray[np.bool_]
    uses: tuple[Use, ...]
    stages: tuple[StageWork, ...]


@dataclass(frozen=True, eq=False)
class StageWork:
    """One stage of some layers [n].

    name: a stage of a kernel, "pass" for layers without products, or "extra" for what those with
    products do besides; use: the kernel that has the stage, None for passes; issued, waits:
    instructions by class [..., n], all and those that wait for each other; pieces: what threads may
    take [..., n]; active: where it is done at all [..., n], None: everywhere.
    """

    name: str
    use: Use | None
    layers: NDArray[np.intp]
    issued: Issued
    waits: Issued
    pieces: Any
    active: NDArray[np.bool_] | None = None


def work_of(columns: Columns, kinds: Sequence[str], recipes: RecipeSet, core: Core) -> Work:
    """The kernels of `recipes` that run, of those that `core` can execute, and what they issue.

    columns: arrays [..., layers] of the layer table; kinds: the word for each layer's kind.

    Raises:
        UsageError: no kernel for a layer, the core cannot execute it, kinds for another number of
            layers, or layers that run or multiply at some design points alone.
    """
    layers = columns["macs"].shape[-1]
    if len(kinds) != layers:
        raise UsageError(f"{len(kinds)} kinds were given for {layers} layers")
    runs = everywhere(columns["runs"] > 0, "run")
    uses = kernel_uses(columns, kinds, recipes, core)
    products = [item for use in uses if use.is_product for item in _stages_of(use, runs)]
    is_pass = ~everywhere(columns["macs"] > 0, "multiply")
    issues = runs | ~np.array([kind in IN_KERNELS for kind in kinds], dtype=bool)
    passes = _passes_of([use for use in uses if not use.is_product], is_pass, issues)
    return Work(recipes.name, columns, runs, uses, (*products, *passes))


def _stages_of(use: Use, runs: NDArray[np.bool_]) -> Iterator[StageWork]:
    """The stages of a product, where its layer runs."""
    active = _active(use, runs)
    for name in stages(use.kernel):
        kernel = at_stage(use.kernel, name)
        done, waits = issued(kernel, use.nest), waiting(kernel, use.nest, steps)
        if active is not None:
            done, waits = _where(done, active), _where(waits, active)
        dealt = np.maximum(tiles(use.kernel, use.nest), 1)
        yield StageWork(name, use, use.layers, done, waits, dealt, active)


def _active(use: Use, runs: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Where a kernel [..., n] is executed; None: at every design point of each of its layers."""
    some = runs[use.layers]
    if use.where is None:
        return None if some.all() else some
    return use.where & some


def _where(done: Issued, active: NDArray[np.bool_]) -> Issued:
    return {name: number * active for name, number in done.items()}


def _passes_of(
    uses: Sequence[Use], is_pass: NDArray[np.bool_], issues: NDArray[np.bool_]
) -> Iterator[StageWork]:
    """What goes over elements: layers without products, and what others do besides theirs.

    A pass that is fused reads what its host has not at hand. Its instructions are those of the
    host's kernel if it is of IN_KERNELS; any other issues those of a pass by itself (`issues`).
    """
    besides = np.zeros_like(is_pass)
    for use in uses:
        besides[use.layers] = True
    for name, where in (("pass", is_pass), ("extra", besides & ~is_pass)):
        chosen = np.flatnonzero(where)
        if chosen.size:
            done, waits = {}, {}
            for use in uses:
                active = np.isin(use.layers, chosen) & issues[use.layers]
                active = active if use.where is None else active & use.where
                _add(done, issued(use.kernel, use.nest), use, active, chosen)
                _add(waits, waiting(use.kernel, use.nest, _no_steps), use, active, chosen)
            yield StageWork(name, None, chosen, ordered(done), ordered(waits), np.inf)


def _no_steps(kernel: Any, dimensions: Any) -> int:
    """Steps of a pass do not wait for each other: it goes over elements."""
    return 0


def _add(
    into: Issued, done: Issued, use: Use, active: NDArray[np.bool_], chosen: NDArray[np.intp]
) -> None:
    """Instructions of a use where it is active, to those of the chosen layers."""
    inside = np.isin(use.layers, chosen)
    places = np.searchsorted(chosen, use.layers[inside])
    for name, number in _where(done, active).items():
        more = in_place(number[..., inside], places, len(chosen))
        into[name] = into[name] + more if name in into else more


def all_issued(work: Work) -> Issued:
    """Class -> how many instructions of all stages [..., layers]."""
    layers, found = len(work.runs), {}
    for stage in work.stages:
        for name, number in stage.issued.items():
            each = np.broadcast_to(number, (*np.shape(number)[:-1], len(stage.layers)))
            more = in_place(each, stage.layers, layers)
            found[name] = found[name] + more if name in found else more
    return ordered(found)


def bound_names(machine: Machine) -> tuple[str, ...]:
    """What can limit a layer: its instructions, a memory level beyond the nearest, or overhead."""
    return ("instructions", *machine.level_names[1:], "overhead")


def predict(work: Work, design: Design, threads: Any = 1) -> Prediction:
    """`figures` as arrays [..., layers]."""
    return prediction(figures(work, design, threads))


def figures(
    work: Work, design: Design, threads: Any = 1, wanted: frozenset[str] = WANTED
) -> Figures:
    """Latency [s], energy [J] and nearest bound of each layer of `work` on a machine.

    Broadcasts over layers and the design points of `design` and threads, numbers or [..., 1].

    Raises:
        UsageError: the core lacks an instruction that a kernel issues, or the profile had none.
    """
    layers = len(work.runs)
    overhead = overhead_seconds(work.runs, work.program, design.machine)
    times = list(stage_times(work, design, threads))
    latency = _latency(work, design, times, overhead)
    found: dict[str, Any] = {"latency_s": latency}
    if "energy_j" in wanted:
        shares = _energy(work, design, times, latency)
        unknown = (np.asarray(np.nan),) * layers
        each = tuple(total(parts) for parts in zip(*shares.values(), strict=True))
        found |= {"energy_j": each if shares else unknown, "energy_shares": shares}
    if "bound" in wanted:
        found["bound"] = tuple(_bounds(times, overhead, layers))
    return Figures(**found)


def _latency(
    work: Work, design: Design, times: Sequence[StageTime], overhead: _Floats
) -> tuple[_Floats, ...]:
    """The stages of each layer, as far off as the program is missed, and what starts it [s]."""
    missed = design.missed_by(work.program)
    factor = None if (missed == 1).all() else next(of_layers(missed, 1))
    parts: list[tuple[NDArray[np.intp], Any]] = []
    for _, each in groupby(times, key=lambda item: id(item.layers)):
        same = list(each)
        layers = same[0].layers
        rows = [total(stage_seconds(item, at) for item in same) for at in range(len(layers))]
        parts.append((layers, rows if factor is None else [row * factor for row in rows]))
    running = np.flatnonzero(work.runs)
    parts.append((running, overhead[..., running]))
    return by_layer(parts, len(work.runs))


def _bounds(
    times: Sequence[StageTime], overhead: _Floats, layers: int
) -> Iterator[NDArray[np.intp]]:
    """The longest part of each layer, over all of its stages."""
    levels = zip(*(item.transfers_s for item in times), strict=True)
    on_core, *transfers = (
        by_layer(((item.layers, each) for item, each in zip(times, part, strict=True)), layers)
        for part in ([item.core_s for item in times], *levels)
    )
    for core, started, *moved in zip(on_core, of_layers(overhead, layers), *transfers, strict=True):
        yield longest_part((core, *moved, started))


def overhead_seconds(runs: NDArray[Any], program: str, machine: Machine) -> _Floats:
    """What starts each layer [..., layers]: the call of the program at the first that runs [s].

    runs: whether each layer [layers] runs on its own; program: a recipe set. A program whose call
    the profile does not give takes no longer than a layer. A set's variant, as "larq-indirect", is
    the same program.
    """
    each = machine.layer_overhead_s
    call = machine.call_overhead_s.get(program.partition("-")[0], each)
    is_first = (np.cumsum(runs) == 1) & (runs > 0)
    return np.where(is_first, call, runs * each)


@dataclass(frozen=True, eq=False)
class StageTime:
    """The time of one stage of some layers [n], and of its parts; levels beyond the nearest.

    Arrays are [..., n], or [..., 1] where they are the same for all; seconds are one array [...] a
    layer, with the axes that it depends on.
    """

    work: StageWork
    layers: NDArray[np.intp]
    cycles: _Floats  # on the ports at the efficiency of the core, or by chains
    core_s: list[_Floats]
    moved_bytes: Moved  # of each level
    transfers_s: tuple[list[_Floats], ...]  # of each level
    overlaps: tuple[Overlap, ...]  # of each level


def stage_times(work: Work, design: Design, threads: Any = 1) -> Iterator[StageTime]:
    """The times of each stage of `work`, in order; raises as `predict` does."""
    machine, core = design.machine, design.core
    if core is None:
        raise UsageError(f"profile {machine.name} has no instructions to predict from")
    used = np.minimum(threads, machine.cores)
    alone, shared, overlaps = (
        [narrow(level) for level in field[1:]]
        for field in (
            machine.level_bandwidth_bytes_per_s,
            machine.level_shared_bandwidth_bytes_per_s,
            machine.level_overlap,
        )
    )
    together = [joint_bandwidth(*each, used) for each in zip(alone, shared, strict=True)]
    rates = [next(of_layers(level, 1)) for level in together]
    clock = next(of_layers(machine.clock_hz, 1))
    hidden = checked_overlaps([next(of_layers(level, 1)) for level in overlaps])
    for stage, moved in zip(work.stages, _moved(work, machine, core), strict=True):
        layers = len(stage.layers)
        cycles = port_cycles(stage.issued, core) / machine.efficiency
        if stage.waits:
            cycles = np.maximum(cycles, chain_cycles(stage.waits, core))
        shares = of_layers(thread_share(used, stage.pieces), layers)
        pairs = zip(rows_of(cycles, layers), shares, strict=True)
        on_core = [mine * share / clock for mine, share in pairs]
        transfers = tuple(
            [row / rate for row in rows_of(level, layers)]
            for level, rate in zip(moved, rates, strict=True)
        )
        yield StageTime(stage, stage.layers, cycles, on_core, moved, transfers, hidden)


def stage_seconds(stage: StageTime, layer: int) -> _Floats:
    """The time [...] of a stage for one of its layers [s].

    Here all axes meet, so layer by layer: none takes those on which another one depends.
    """
    parts = [level[layer] for level in stage.transfers_s]
    return combined(stage.core_s[layer], parts, stage.overlaps)


def _moved(work: Work, machine: Machine, core: Core) -> Iterator[Moved]:
    """Bytes of each level [..., n] of each stage."""
    caches = caches_of(work.columns, machine, core)
    nothing = (np.zeros(()),) * len(caches.level_sizes)
    found: Mapping[str, Moved] = {}
    last: Use | None = None
    for stage in work.stages:
        if stage.name == "pass":
            chosen = {name: work.columns[name][..., stage.layers] for name in PASS_COLUMNS}
            yield total_bytes(pass_traffic(chosen, caches.of(stage.layers)))
            continue
        if stage.use is None:
            yield nothing
            continue
        if stage.use is not last:
            last, traffic = stage.use, stage_traffic(stage.use, caches.of(stage.layers))
            found = {name: total_bytes(operands) for name, operands in traffic.items()}
        moved = found.get(stage.name, nothing)
        yield moved if stage.active is None else tuple(level * stage.active for level in moved)


def _energy(
    work: Work, design: Design, times: Sequence[StageTime], latency: Sequence[_Floats]
) -> dict[str, tuple[_Floats, ...]]:
    """Where the energy of each layer goes [J], by name; nothing if the profile has no energies."""
    if design.costs is None:
        return {}
    *dynamic, static = share_names(design.costs)
    parts: dict[str, list[Any]] = {name: [] for name in dynamic}
    for item in times:
        nearest = nearest_bytes(item.work.issued, design.machine)
        shares = dynamic_shares(item.work.issued, (nearest, *item.moved_bytes), design.costs)
        for name, joules in shares.items():
            parts[name].append((item.layers, joules))
    layers = len(work.runs)
    (power,) = of_layers(design.costs.static_power_w, 1)
    found = {name: by_layer(each, layers) for name, each in parts.items()}
    return {**found, static: tuple(seconds * power for seconds in latency)}
