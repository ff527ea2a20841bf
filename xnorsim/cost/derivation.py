"""How the prediction of a layer comes about: explanation.py, filled in by the predictor's parts."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    Transfer,
)
from xnorsim.cost.inputs import Design, Input, design, inputs
from xnorsim.cost.instructions import Work, bound_names, chain_bound, nearest_bytes, work_of
from xnorsim.cost.latency import combined_seconds, core_seconds, nearest_bound, transfer_seconds
from xnorsim.cost.movement import Caches, caches_of, pass_traffic, use_traffic
from xnorsim.cost.network import NetworkPrediction
from xnorsim.cost.ports import port_limits
from xnorsim.cost.recipes import (
    RecipeSet,
    filled_depth,
    part_instructions,
    recipe_set,
    steps,
    tiles,
)
from xnorsim.cost.recipes.kernel import Extent
from xnorsim.cost.technology import energy_scale
from xnorsim.cost.uses import Use
from xnorsim.errors import UsageError
from xnorsim.machine.core import Core
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.lowering import Machine
from xnorsim.machine.schema import HardwareProfile
from xnorsim.work.dimensions import DIMENSIONS
from xnorsim.work.table import LayerTable

__all__ = ["explain_layer", "extent_rule", "recipes_of"]

_Floats = NDArray[np.float64]


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
    """The arithmetic of `prediction` for the layer at `place` of `table`, which runs on its own.

    Raises:
        UsageError: the prediction is not one from instructions.
    """
    at = design(profile)
    machine, core = at.machine, at.core
    if core is None:
        raise UsageError(f"profile {profile.name} has no instructions to predict from")
    alone = {name: column[[place]] for name, column in table.columns.items()}
    work = work_of(alone, [table.kinds[place]], recipes_of(prediction, profile), core)
    caches = caches_of(table.columns, machine, core).of([place])
    on_core = _core_time(work, machine, core, prediction.threads)
    transfers = _transfers(work, caches, machine, on_core)
    overhead = float(machine.layer_overhead_s)
    latency = (transfers[-1].together_s if transfers else on_core.seconds) + overhead
    bound, second, lead = _bound(on_core, transfers, overhead, machine)
    energy = tuple(_energy(work, transfers, latency, at))
    ends = {name: float(column[place]) for name, column in prediction.columns.items()}
    scheme = table.schemes[place]
    return LayerExplanation(
        name=table.names[place],
        kind=table.kinds[place],
        scheme=None if scheme is None else str(scheme),
        output_shape=table.output_shapes[place],
        **{name: int(alone[name][0]) for name in ("macs", "fp_ops", "binarize_ops")},
        kernels=tuple(_kernel_run(use) for use in work.uses),
        core=on_core,
        nearest=_nearest(work, machine),
        transfers=transfers,
        network_weight_bytes=caches.weight_bytes,
        write_allocate=caches.write_allocate,
        overhead_s=overhead,
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
        inputs=_used(inputs(profile), on_core, machine),
    )


def _kernel_run(use: Use) -> KernelRun:
    kernel, nest = use.kernel, use.nest
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
            PartRun(part.what, extent_rule(part.per), _number(runs), _named(row))
            for part, runs, row in zip(kernel.parts, times[0], counts, strict=True)
        ),
    )


def extent_rule(extent: Extent) -> str:
    """How often an extent says that a part runs, in words: what its function says of itself.

    A function that was made for some numbers is described by its maker, and these.
    """
    if _first_line(extent):
        return _first_line(extent)
    name = getattr(extent, "__qualname__", "")
    maker, _, inner = name.partition(".<locals>.")
    if not inner:
        return maker.strip("_").replace("_", " ")
    text = _first_line(getattr(sys.modules[extent.__module__], maker)) or maker
    given = inspect.getclosurevars(extent).nonlocals.items()
    return f"{text}; {', '.join(f'{key} = {value}' for key, value in given)}"


def _first_line(function: object) -> str:
    """The first line of what a function says of itself, as part of a sentence."""
    text = (inspect.getdoc(function) or "").partition("\n")[0].rstrip(".").replace("`", "")
    return text[:1].lower() + text[1:]


def _core_time(work: Work, machine: Machine, core: Core, threads: int) -> CoreTime:
    issued, chained = work.mix[0], work.chains[0]
    names, needed = port_limits(issued, core)
    classes = tuple(_classes(issued, core))
    limits = sorted(_limits(names, needed, classes, core), key=lambda limit: -limit.cycles)
    chain = _number(chain_bound(work.chains, core))
    cycles = max(limits[0].cycles / float(machine.efficiency), chain)
    latency = np.nan_to_num(core.latency_cycles, nan=0.0)
    share = core_seconds(1.0, 1.0, threads, work.pieces)
    return CoreTime(
        classes=classes,
        limits=tuple(limits),
        chains=tuple(
            Chain(name, _number(chained[i]), _number(latency[i]))
            for i, name in enumerate(CLASSES)
            if chained[i]
        ),
        efficiency=float(machine.efficiency),
        chain_cycles=chain,
        cycles=cycles,
        clock_hz=float(machine.clock_hz),
        threads=threads,
        pieces=_number(work.pieces),
        share=float(share[0]),
        seconds=float(core_seconds(cycles, machine.clock_hz, threads, work.pieces)[0]),
    )


def _classes(issued: _Floats, core: Core) -> Iterator[ClassCycles]:
    for i, name in enumerate(CLASSES):
        if issued[i]:
            ports = tuple(
                port for port, may in zip(core.ports, core.allowed[i], strict=True) if may
            )
            each = _number(core.uops[i]), _number(core.busy_cycles[i])
            yield ClassCycles(name, _number(issued[i]), *each, ports)


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
    work: Work, caches: Caches, machine: Machine, on_core: CoreTime
) -> tuple[Transfer, ...]:
    moved = _operands(work, caches)
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


def _operands(work: Work, caches: Caches) -> dict[str, _Floats]:
    """Operand -> bytes [levels, 1], of products by themselves or of a pass; none that never moves.

    Of several products in a layer, the operands of those after the first are numbered.
    """
    found: dict[str, _Floats] = {}
    if not work.columns["macs"][0]:
        found = dict(pass_traffic(work.columns, caches))
    for use in (use for use in work.uses if use.is_product):
        for name, moved in use_traffic(use, caches).items():
            found[f"{name} of {use.kernel.name}" if name in found else name] = moved
    return {name: moved for name, moved in found.items() if np.any(moved)}


def _nearest(work: Work, machine: Machine) -> NearestBytes:
    """The terms of nearest_bytes: those of vectors and of words alone, and one of each."""

    def of(*names: str) -> tuple[float, float]:
        chosen = np.array([name in names for name in CLASSES], dtype=float)
        one = np.array([name == names[0] for name in CLASSES], dtype=float)
        many = work.mix[0] @ chosen
        return _number(many), _number(nearest_bytes(one[np.newaxis], machine))

    return NearestBytes(
        *of("vector_load", "vector_store"), *of("scalar_load", "scalar_store", "broadcast_load")
    )


def _bound(
    on_core: CoreTime, transfers: tuple[Transfer, ...], overhead: float, machine: Machine
) -> tuple[str, str, float]:
    """The longest part, the next one, and how many times longer the first is."""
    names = bound_names(machine)
    parts = [on_core.seconds, *(item.seconds for item in transfers), overhead]
    longest, lead = nearest_bound(on_core.seconds, parts[1:-1], overhead)
    second = max((i for i in range(len(parts)) if i != longest), key=parts.__getitem__)
    return names[int(longest)], names[second], float(lead)


def _energy(
    work: Work, transfers: tuple[Transfer, ...], latency_s: float, at: Design
) -> Iterator[EnergyShare]:
    """Each share of energy_shares with its terms; none for a profile without energies."""
    if at.costs is None:
        return
    costs, issued = at.costs, work.mix[0]
    used = [i for i in range(len(CLASSES)) if issued[i]]
    overhead = float(np.broadcast_to(costs.overhead_j, issued.shape)[0])
    names = tuple(CLASSES)
    datapath = np.broadcast_to(costs.datapath_j, issued.shape)
    moved = [_number(nearest_bytes(work.mix, at.machine))]
    moved += [sum(item.operand_bytes.values()) for item in transfers]
    whats = ["loads and stores", *(f"bytes {item.inner}-{item.outer}" for item in transfers)]
    each = np.broadcast_to(costs.level_j_per_byte, len(moved)).tolist()
    terms = {
        "instruction overhead": (
            EnergyTerm("all instructions", _number(issued.sum()), "instruction", overhead),
        ),
        "datapath": tuple(
            EnergyTerm(names[i], _number(issued[i]), "instruction", float(datapath[i]))
            for i in used
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


def _used(found: tuple[Input, ...], on_core: CoreTime, machine: Machine) -> tuple[Input, ...]:
    """The inputs that the arithmetic of a layer reads."""
    first, *beyond = machine.level_names
    paths = {"clock", "simd.bits", "core.issue_width", "core.efficiency", "overhead.layer"}
    paths |= {"energy.node", "energy.voltage", "energy.instruction", "energy.static"}
    paths |= {"cores"} if on_core.threads > 1 else set()
    paths |= {f"instructions.{item.name}.busy" for item in on_core.classes}
    paths |= {f"instructions.{item.name}.latency" for item in on_core.chains}
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
