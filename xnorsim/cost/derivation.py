"""How the prediction of a layer comes about: explanation.py, filled in by the predictor's parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost.axes import total
from xnorsim.cost.energy import nearest_bytes
from xnorsim.cost.explanation import (
    Chain,
    ClassCycles,
    CoreTime,
    EnergyShare,
    EnergyTerm,
    KernelRun,
    LayerExplanation,
    Limit,
    NearestBytes,
    PartRun,
    StageRun,
    Transfer,
)
from xnorsim.cost.inputs import Design, Input, design, inputs, latency_path
from xnorsim.cost.instructions import (
    StageWork,
    Work,
    all_issued,
    bound_names,
    overhead_seconds,
    work_of,
)
from xnorsim.cost.latency import combined_seconds, core_seconds, nearest_bound, transfer_seconds
from xnorsim.cost.movement import Caches, caches_of, pass_traffic, stage_traffic
from xnorsim.cost.nests import Traffic
from xnorsim.cost.network import NetworkPrediction
from xnorsim.cost.ports import chain_cycles, port_limits
from xnorsim.cost.recipes import (
    RecipeSet,
    filled_depth,
    part_instructions,
    recipe_set,
    steps,
    tiles,
)
from xnorsim.cost.recipes.kernel import Issued
from xnorsim.cost.recipes.rules import extent_rule
from xnorsim.cost.technology import energy_scale
from xnorsim.cost.uses import IN_KERNELS, Use
from xnorsim.errors import UsageError
from xnorsim.machine.core import Core
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.lowering import Machine
from xnorsim.machine.schema import HardwareProfile
from xnorsim.work.dimensions import DIMENSIONS
from xnorsim.work.table import LayerTable

__all__ = ["explain_layer", "recipes_of"]

_Floats = NDArray[np.float64]

_PASS, _EXTRA = "pass", "extra"
"""The stages of instructions.StageWork that are none of a kernel's."""


def recipes_of(prediction: NetworkPrediction, profile: HardwareProfile) -> RecipeSet:
    """The recipe set of a prediction from instructions.

    Raises:
        UsageError: it was predicted otherwise.
    """
    word, _, program = prediction.predictor.partition(":")
    if word != "instructions":
        raise UsageError(f"a prediction by '{word}' has no instructions that explain it")
    return recipe_set(program, int(design(profile).machine.simd_bits))


def explain_layer(
    table: LayerTable, place: int, profile: HardwareProfile, prediction: NetworkPrediction
) -> LayerExplanation:
    """The arithmetic of `prediction` for the layer at `place` of `table`.

    Raises:
        UsageError: the prediction is not one from instructions.
    """
    at = design(profile)
    machine, core = at.machine, at.core
    if core is None:
        raise UsageError(f"profile {profile.name} has no instructions to predict from")
    alone = {name: column[[place]] for name, column in table.columns.items()}
    recipes = recipes_of(prediction, profile)
    work = work_of(alone, [table.kinds[place]], recipes, core)
    caches = caches_of(table.columns, machine, core).of([place])
    runs = tuple(_stage_runs(work, caches, at, prediction.threads))
    runs_alone = bool(alone["runs"][0])
    issues = runs_alone or table.kinds[place] not in IN_KERNELS
    overhead = float(overhead_seconds(table.columns["runs"], recipes.name, machine)[place])
    called = _called(table, place, recipes.name, machine)
    latency = sum(stage.seconds for stage in runs) + overhead
    bound, second, lead = _bound(runs, overhead, machine)
    energy = tuple(_energy(work, runs, latency, at))
    ends = {name: float(column[place]) for name, column in prediction.columns.items()}
    scheme = table.schemes[place]
    return LayerExplanation(
        name=table.names[place],
        kind=table.kinds[place],
        host=table.fused_into[place],
        scheme=None if scheme is None else str(scheme),
        output_shape=table.output_shapes[place],
        **{name: int(alone[name][0]) for name in ("macs", "fp_ops", "binarize_ops")},
        kernels=tuple(_kernel_run(use, bool(alone["macs"][0])) for use in work.uses if issues),
        threads=prediction.threads,
        stages=runs,
        nearest=_nearest(work, machine),
        network_weight_bytes=float(np.squeeze(caches.weight_bytes)),
        write_allocate=caches.write_allocate,
        overhead_s=overhead,
        called=called,
        latency_s=latency,
        latency_s_low=ends["latency_s_low"],
        latency_s_high=ends["latency_s_high"],
        bound=bound,
        second=second,
        lead=lead,
        technology_scale=_scale(at),
        energy=energy,
        energy_j=sum(share.energy_j for share in energy) if energy else np.nan,
        energy_j_low=ends["energy_j_low"],
        energy_j_high=ends["energy_j_high"],
        inputs=_used(inputs(profile), runs, machine, work.program, called),
    )


def _called(table: LayerTable, place: int, recipes: str, machine: Machine) -> str:
    """The program whose call begins with this layer, "" if none does or none is known."""
    program = recipes.partition("-")[0]
    is_first = place in np.flatnonzero(table.columns["runs"])[:1]
    return program if is_first and program in machine.call_overhead_s else ""


def _kernel_run(use: Use, multiplies: bool) -> KernelRun:
    kernel, nest = use.kernel, use.nest
    beside = _EXTRA if multiplies else _PASS
    times, counts = part_instructions(kernel, nest)
    many, depth = _number(tiles(kernel, nest)), _number(filled_depth(kernel, nest))
    return KernelRun(
        kind=use.word,
        name=kernel.name,
        source=kernel.source,
        is_product=use.is_product,
        nest={name: int(_number(getattr(nest, name))) for name in DIMENSIONS},
        tile_filters=kernel.tile.filters,
        tile_positions=kernel.tile.positions,
        step_depth=kernel.tile.depth,
        word=kernel.word,
        depth=depth,
        steps_of_a_tile=_number(steps(kernel, nest)) / many if many else 0,
        tiles=many,
        parts=tuple(
            PartRun(
                part.stage if use.is_product else beside,
                part.what,
                extent_rule(part.per),
                _number(runs),
                _named(row),
            )
            for part, runs, row in zip(kernel.parts, times[0], counts, strict=True)
        ),
    )


def _stage_runs(work: Work, caches: Caches, at: Design, threads: int) -> Iterator[StageRun]:
    """The stages in which anything is done."""
    core = at.core
    if core is None:
        return
    operands = _operands(work, caches)
    for stage in work.stages:
        moved = operands.get(stage.name, {})
        if any(np.any(number) for number in stage.issued.values()) or moved:
            on_core = _core_time(stage, at.machine, core, threads)
            transfers = _transfers(moved, caches, at.machine, on_core)
            seconds = transfers[-1].together_s if transfers else on_core.seconds
            yield StageRun(stage.name, on_core, transfers, seconds)


def _core_time(stage: StageWork, machine: Machine, core: Core, threads: int) -> CoreTime:
    names, needed = port_limits(stage.issued, core)
    classes = tuple(_classes(stage.issued, core))
    limits = _limits(names, needed.reshape(-1), classes, core)
    limits = sorted(limits, key=lambda limit: -limit.cycles)
    chain = _number(chain_cycles(stage.waits, core))
    cycles = max(limits[0].cycles / float(machine.efficiency), chain)
    latency = np.nan_to_num(core.latency_cycles, nan=0.0)
    share = core_seconds(1.0, 1.0, threads, stage.pieces)
    return CoreTime(
        classes=classes,
        limits=tuple(limits),
        chains=tuple(
            Chain(name, _number(number), _number(latency[core.classes.index(name)]))
            for name, number in stage.waits.items()
            if np.any(number)
        ),
        efficiency=float(machine.efficiency),
        chain_cycles=chain,
        cycles=cycles,
        clock_hz=float(machine.clock_hz),
        threads=threads,
        pieces=_number(stage.pieces),
        share=_number(share),
        seconds=float(np.squeeze(core_seconds(cycles, machine.clock_hz, threads, stage.pieces))),
    )


def _classes(issued: Issued, core: Core) -> Iterator[ClassCycles]:
    for name, number in issued.items():
        if np.any(number):
            i = core.classes.index(name)
            ports = tuple(
                port for port, may in zip(core.ports, core.allowed[i], strict=True) if may
            )
            each = _number(core.uops[i]), _number(core.busy_cycles[i])
            yield ClassCycles(name, _number(number), *each, ports)


def _limits(
    names: tuple[str, ...], needed: _Floats, classes: tuple[ClassCycles, ...], core: Core
) -> Iterator[Limit]:
    """Those that anything asks for; the last one is of the front end."""
    *of_ports, issue = zip(names, needed.tolist(), strict=True)
    for name, cycles in of_ports:
        ports = set(name.split("+"))
        inside = [item for item in classes if ports.issuperset(item.ports)]
        if inside:
            busy = sum(item.instructions * item.busy_cycles for item in inside)
            yield Limit(name, busy, len(ports), cycles)
    slots = sum(item.instructions * item.uops for item in classes)
    yield Limit(issue[0], slots, float(core.issue_width), issue[1])


def _transfers(
    moved: Traffic, caches: Caches, machine: Machine, on_core: CoreTime
) -> tuple[Transfer, ...]:
    time, found = on_core.seconds, []
    for i, inner in enumerate(machine.level_names[:-1]):
        alone = float(machine.level_bandwidth_bytes_per_s[i + 1])
        shared = float(machine.level_shared_bandwidth_bytes_per_s[i + 1])
        overlap = float(machine.level_overlap[i + 1])
        crossing = {name: _number(each[i]) for name, each in moved.items()}
        seconds = float(transfer_seconds(sum(crossing.values()), alone, shared, on_core.threads))
        time = float(combined_seconds(time, [seconds], [overlap]))
        found.append(
            Transfer(
                inner=inner,
                outer=machine.level_names[i + 1],
                inner_size_bytes=_number(caches.level_sizes[i]),
                operand_bytes=crossing,
                core_bandwidth_bytes_per_s=alone,
                shared_bandwidth_bytes_per_s=shared,
                bandwidth_bytes_per_s=min(alone * on_core.threads, shared),
                seconds=seconds,
                overlap=overlap,
                together_s=time,
            )
        )
    return tuple(found)


def _operands(work: Work, caches: Caches) -> dict[str, Traffic]:
    """Stage -> operand -> bytes by level, of what moves at all."""
    found: dict[str, Traffic] = {}
    if not work.columns["macs"][0]:
        found[_PASS] = pass_traffic(work.columns, caches)
    for use in (use for use in work.uses if use.is_product):
        for stage, operands in stage_traffic(use, caches).items():
            found.setdefault(stage, {}).update(operands)
    return {
        stage: {
            name: moved for name, moved in operands.items() if any(np.any(level) for level in moved)
        }
        for stage, operands in found.items()
    }


def _nearest(work: Work, machine: Machine) -> NearestBytes:
    """The terms of nearest_bytes: those of vectors and of words alone, and one of each."""

    issued = all_issued(work)

    def of(*names: str) -> tuple[float, float]:
        many = total(issued.get(name, 0.0) for name in names)
        return _number(many), _number(nearest_bytes({names[0]: 1.0}, machine))

    return NearestBytes(
        *of("vector_load", "vector_store"), *of("scalar_load", "scalar_store", "broadcast_load")
    )


def _bound(runs: Sequence[StageRun], overhead: float, machine: Machine) -> tuple[str, str, float]:
    """The longest part over all stages, the next one, and how many times longer the first is."""
    names = bound_names(machine)
    on_core = sum(stage.core.seconds for stage in runs)
    levels = range(len(machine.level_names) - 1)
    transfers = [sum(stage.transfers[i].seconds for stage in runs) for i in levels]
    parts = [on_core, *transfers, overhead]
    longest, lead = nearest_bound(on_core, transfers, overhead)
    second = max((i for i in range(len(parts)) if i != longest), key=parts.__getitem__)
    return names[int(longest)], names[second], float(lead)


def _energy(
    work: Work, runs: Sequence[StageRun], latency_s: float, at: Design
) -> Iterator[EnergyShare]:
    """Each share of energy_shares with its terms; none for a profile without energies."""
    if at.costs is None:
        return
    costs, issued = at.costs, all_issued(work)
    overhead = float(np.ravel(costs.overhead_j)[0])
    datapath = dict(zip(CLASSES, np.ravel(costs.datapath_j).tolist(), strict=True))
    moved = [_number(nearest_bytes(issued, at.machine))]
    levels = at.machine.level_names
    for i in range(len(levels) - 1):
        moved.append(sum(sum(run.transfers[i].operand_bytes.values()) for run in runs))
    whats = ["loads and stores", *(f"bytes {a}-{b}" for a, b in pairwise(levels))]
    each = np.broadcast_to(costs.level_j_per_byte, len(moved)).tolist()
    terms = {
        "instruction overhead": (
            EnergyTerm(
                "all instructions", _number(total(issued.values())), "instruction", overhead
            ),
        ),
        "datapath": tuple(
            EnergyTerm(name, _number(number), "instruction", datapath[name])
            for name, number in issued.items()
            if np.any(number)
        ),
        **{
            name: (EnergyTerm(what, amount, "byte", joules),)
            for name, what, amount, joules in zip(
                costs.level_names, whats, moved, each, strict=True
            )
        },
        "static": (EnergyTerm("latency", latency_s, "s", float(np.asarray(costs.static_power_w))),),
    }
    joules = {name: sum(t.amount * t.each_j for t in several) for name, several in terms.items()}
    whole = sum(joules.values())
    for name, several in terms.items():
        yield EnergyShare(name, several, joules[name], joules[name] / whole if whole else 0.0)


def _scale(at: Design) -> float:
    if at.costs is None:
        return float("nan")
    return float(energy_scale(at.machine.energy_node_m, at.machine.energy_voltage_v).value)


def _used(
    found: tuple[Input, ...], runs: Sequence[StageRun], machine: Machine, program: str, called: str
) -> tuple[Input, ...]:
    """The inputs that the arithmetic of a layer reads."""
    first, *beyond = machine.level_names
    paths = {"clock", "simd.bits", "core.issue_width", "core.efficiency", latency_path(program)}
    paths |= {f"overhead.programs.{called}" if called else "overhead.layer"}
    paths |= {"energy.node", "energy.voltage", "energy.instruction", "energy.static"}
    for run in runs:
        paths |= {"cores"} if run.core.threads > 1 else set()
        paths |= {f"instructions.{item.name}.busy" for item in run.core.classes}
        paths |= {f"instructions.{item.name}.latency" for item in run.core.chains}
    for name in beyond:
        keys = ("bandwidth", "shared_bandwidth", "overlap", "energy")
        paths |= {f"memories.{name}.{key}" for key in keys}
    paths |= {f"memories.{name}.size" for name in machine.level_names[:-1]}
    paths |= {f"memories.{first}.energy"}
    return tuple(item for item in found if item.path in paths or item.path.startswith("model."))


def _named(row: _Floats) -> dict[str, float]:
    """Class -> its number, of those that are not 0."""
    each = zip(CLASSES, row.tolist(), strict=True)
    return {name: _number(number) for name, number in each if number}


def _number(value: Any) -> float:
    """The number of an array of one, an integer where it is whole."""
    number = float(np.ravel(value)[0])
    return int(number) if number.is_integer() else number
