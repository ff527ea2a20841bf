"""The arithmetic of one layer's prediction as numbers, each of which gives the next by hand.

    times x instructions each = instructions of a class          KernelRun, PartRun
    instructions x busy / ports = cycles, the largest limit      CoreTime
    cycles / efficiency / clock x share of a thread = seconds    CoreTime
    bytes / bandwidth = seconds of each memory boundary          Transfer
    put together as far as they overlap = seconds of a stage     StageRun
    sum of the stages + overhead = latency                       LayerExplanation
    amounts x energy of each = joules                            EnergyShare

Numbers are in SI units, with the unit in the name; those of instructions, cycles and bytes are as
exact as the model has them. derivation.py fills these in, and computes nothing of its own: the
functions are those of the predictor (instructions.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xnorsim.cost.inputs import Input

__all__ = [
    "Chain",
    "ClassCycles",
    "CoreTime",
    "EnergyShare",
    "EnergyTerm",
    "KernelRun",
    "LayerExplanation",
    "Limit",
    "NearestBytes",
    "PartRun",
    "StageRun",
    "Transfer",
]


@dataclass(frozen=True, slots=True)
class PartRun:
    """Something that a kernel does so many `times`, and the instructions of each time by class.

    `rule` says in words how often; `stage` is the one of the layer's that it belongs to.
    """

    stage: str
    what: str
    rule: str
    times: float
    instructions: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class KernelRun:
    """A kernel as it runs in the layer, on a loop nest of so many positions, filters, ...

    `kind` is what was asked for (recipes.KINDS), `source` where its instructions were counted. A
    tile is filters x positions; a step goes `step_depth` products along each sum, of which there
    are `depth` with the channels filled up to words. A pass over elements (not `is_product`) takes
    them for positions.
    """

    kind: str
    name: str
    source: str
    is_product: bool
    nest: Mapping[str, int]
    tile_filters: int
    tile_positions: int
    step_depth: int
    word: int
    depth: float
    steps_of_a_tile: float
    tiles: float
    parts: tuple[PartRun, ...]


@dataclass(frozen=True, slots=True)
class ClassCycles:
    """The instructions of a class, and what they ask of the core.

    Cycles that they keep ports busy: instructions x busy_cycles; micro-operations to issue:
    instructions x uops.
    """

    name: str
    instructions: float
    uops: float
    busy_cycles: float
    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """Cycles that something needs at least: work / width.

    For a set of ports ("F0+F1"): the busy cycles of the classes all of whose ports are in it, over
    the number of ports. For "issue": micro-operations over those that issue in a cycle.
    """

    name: str
    work: float
    width: float
    cycles: float


@dataclass(frozen=True, slots=True)
class Chain:
    """Instructions of a class that wait for each other: so many x latency, one after another.

    `latency_cycles` is 0 where the profile has none.
    """

    name: str
    instructions: float
    latency_cycles: float


@dataclass(frozen=True, slots=True)
class CoreTime:
    """From instructions to the core's part of the time.

    cycles = max(the first of `limits` / efficiency, the sum of `chains`)
    seconds = cycles x share / clock; share = ceil(pieces / threads) / pieces of the work goes to
    the thread that has most, 1 / threads where `pieces` is infinite.
    """

    classes: tuple[ClassCycles, ...]
    limits: tuple[Limit, ...]
    chains: tuple[Chain, ...]
    efficiency: float
    chain_cycles: float
    cycles: float
    clock_hz: float
    threads: int
    pieces: float
    share: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Transfer:
    """What crosses the boundary between two memory levels, and the time so far.

    seconds = sum of the operands / bandwidth; bandwidth = min(core_bandwidth x threads, shared)
    together = max(t, seconds) + (1 - overlap) x min(t, seconds), t the time of what lies nearer.
    """

    inner: str
    outer: str
    inner_size_bytes: float
    operand_bytes: Mapping[str, float]
    core_bandwidth_bytes_per_s: float
    shared_bandwidth_bytes_per_s: float
    bandwidth_bytes_per_s: float
    seconds: float
    overlap: float
    together_s: float


@dataclass(frozen=True, slots=True)
class StageRun:
    """What is done in one go, before the next stage begins, and its time.

    seconds: the last transfer's together_s; core.seconds if nothing crosses a boundary.
    """

    name: str
    core: CoreTime
    transfers: tuple[Transfer, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class NearestBytes:
    """What loads and stores move: vectors x vector_bytes + words x word_bytes."""

    vectors: float
    vector_bytes: float
    words: float
    word_bytes: float


@dataclass(frozen=True, slots=True)
class EnergyTerm:
    """An amount (of instructions, bytes or seconds, see `unit`), and the joules of each."""

    what: str
    amount: float
    unit: str
    each_j: float


@dataclass(frozen=True, slots=True)
class EnergyShare:
    """Where energy goes: the sum of amount x each over its terms, and its share of the layer's.

    Both are NaN where the profile lacks an energy.
    """

    name: str
    terms: tuple[EnergyTerm, ...]
    energy_j: float
    share: float


@dataclass(frozen=True, slots=True)
class LayerExplanation:
    """The prediction of one layer, from its instructions to seconds and joules.

    `host` is the layer that it is fused into, "" if it runs on its own; what it reads besides the
    host's results is its own then. `scheme` as in the layer table, None for a layer that multiplies
    nothing. latency_s is the sum of the stages' seconds + overhead_s; its ends are those of the
    range. overhead_s is the time of a call of the program `called` at the first layer that runs,
    where the profile has one; else `called` is "", and it is the time to start a layer.
    network_weight_bytes lie between two uses of the layer's weights; with `write_allocate`
    what is written is fetched first. `bound` is the longest part over all stages (the core's, a
    level's, the overhead), `lead` how many times longer than `second`, the next one.
    `technology_scale` brings energies of 45 nm and 0.9 V to the machine's technology; NaN, and
    `energy` empty, for a profile without energies. `inputs`: every quantity that is used.
    """

    name: str
    kind: str
    host: str
    scheme: str | None
    output_shape: tuple[int, ...]
    macs: int
    fp_ops: int
    binarize_ops: int
    kernels: tuple[KernelRun, ...]
    threads: int
    stages: tuple[StageRun, ...]
    nearest: NearestBytes
    network_weight_bytes: float
    write_allocate: bool
    overhead_s: float
    called: str
    latency_s: float
    latency_s_low: float
    latency_s_high: float
    bound: str
    second: str
    lead: float
    technology_scale: float
    energy: tuple[EnergyShare, ...]
    energy_j: float
    energy_j_low: float
    energy_j_high: float
    inputs: tuple[Input, ...]
