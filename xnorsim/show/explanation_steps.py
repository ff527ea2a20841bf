"""The arithmetic of a layer as sections, in the order of a hand calculation.

Every number stands where the next one is computed from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from xnorsim.cost.explanation import (
    CoreTime,
    EnergyShare,
    EnergyTerm,
    KernelRun,
    LayerExplanation,
    PartRun,
    StageRun,
    Transfer,
)
from xnorsim.show import labels
from xnorsim.show.content import Column
from xnorsim.show.explanation_parts import (
    Block,
    Line,
    Section,
    Table,
    cells,
    given,
    number,
    si,
    span,
)
from xnorsim.units import format_si

__all__ = ["steps"]

_LIMITS = 6
"""How many limits of the core are shown, the largest first."""
_LIMITS_ARE = (
    "limits",
    "of ports: the cycles of the classes that have no other ports, over their number; issue: slots "
    "over those of a cycle; the largest binds",
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def steps(layer: LayerExplanation, coverage: float) -> list[Section]:
    """From what the layer is to seconds and joules; `coverage` is the share of draws in a range."""
    return [
        _layer(layer),
        _kernels(layer),
        *_stages(layer),
        _time(layer, coverage),
        *([_energy(layer)] if layer.energy else []),
    ]


def _layer(layer: LayerExplanation) -> Section:
    precision = labels.precision_label(layer.scheme)
    what = f"{layer.name}: {precision} {layer.kind}, result {labels.shape_text(layer.output_shape)}"
    lines = [("layer", what.replace("  ", " "))]
    if layer.host:
        lines.append(
            ("fused", f"into {layer.host}: what it issues and reads besides is counted here")
        )
    if layer.macs and layer.kernels:
        nest = layer.kernels[0].nest
        sizes = " x ".join(
            f"{nest[key]:,} {word if nest[key] != 1 else word.rstrip('s')}"
            for key, word in _NEST.items()
        )
        lines.append(("MACs", f"{sizes} = {layer.macs:,}"))
    if layer.fp_ops:
        lines.append(("other operations", f"{layer.fp_ops:,} in high precision"))
    if layer.binarize_ops:
        lines.append(("signs taken", f"{layer.binarize_ops:,}"))
    return Section("1 What the layer is", (tuple(lines),))


_NEST = {
    "positions": "positions",
    "filters": "filters",
    "filter_channels": "channels",
    "taps": "taps",
    "groups": "groups",
}


def _letters(layer: LayerExplanation) -> list[tuple[str, PartRun]]:
    """The parts that run, each with a letter."""
    runs = [part for kernel in layer.kernels for part in kernel.parts if part.times]
    return [(_LETTERS[i] if i < len(_LETTERS) else f"p{i}", part) for i, part in enumerate(runs)]


def _kernels(layer: LayerExplanation) -> Section:
    named = _letters(layer)
    blocks: list[Block] = []
    for kernel in layer.kernels:
        runs = (
            (letter, f"{number(part.times)} x {part.what} ({part.rule})")
            for letter, part in named
            if any(part is item for item in kernel.parts)
        )
        blocks.append((*_kernel(kernel), *runs))
    if not layer.kernels:
        blocks.append((("kernels", "none: the layer only moves data"),))
    return Section("2 Kernels: how often each part runs", tuple(blocks))


def _kernel(kernel: KernelRun) -> Iterator[Line]:
    yield "kernel", f"{kernel.name}, for {kernel.kind}"
    yield "counted in", kernel.source
    if kernel.is_product:
        filled = f"filled up to words of {kernel.word}" if kernel.word > 1 else "in all"
        yield (
            "tile",
            f"{kernel.tile_filters} x {kernel.tile_positions} (filters x positions), "
            f"{kernel.step_depth} deep a step",
        )
        yield (
            "steps",
            f"{number(kernel.depth)} products {filled}: {number(kernel.steps_of_a_tile)} steps "
            f"in each of {number(kernel.tiles)} tiles",
        )
    else:
        nest = kernel.nest
        window = f", of a window of {nest['taps']:,} each" if nest["taps"] > 1 else ""
        yield "elements", f"{nest['positions']:,}{window}"


def _stages(layer: LayerExplanation) -> Iterator[Section]:
    """One section a stage, from its instructions to its seconds."""
    several = len(layer.stages) > 1
    for place, run in enumerate(layer.stages, start=1):
        title = f"3.{place} Stage {run.name}" if several else f"3 Stage {run.name}"
        lines = (*([_LIMITS_ARE] if place == 1 else []), *_core_lines(run.core))
        blocks = (*_core_tables(layer, run), lines, *_memory(layer, run))
        yield Section(f"{title}: instructions, cycles, bytes, seconds", blocks)


def _core_tables(layer: LayerExplanation, run: StageRun) -> Iterator[Table]:
    """Each class as a sum of multiples of parts; its cycles and slots; the limits that follow."""
    each = run.core.classes
    if not each:
        return
    names = tuple(item.name for item in each)
    counts = tuple(number(item.instructions) for item in each)
    total = number(sum(item.instructions for item in each))
    sums = tuple(_multiples(layer, run, name) for name in names)
    formulas = (
        Column("instructions", counts, total, 0),
        cells("= each time x times of the part", sums, 1, "left"),
    )
    yield Table("class", names, formulas, foot="all")
    slots = [item.instructions * item.uops for item in each]
    columns = (
        cells("instructions", counts, 2),
        cells("x busy", [f"{item.busy_cycles:g}" for item in each], 1),
        cells("= cycles", [number(item.instructions * item.busy_cycles) for item in each], 0),
        cells("of ports", ["+".join(item.ports) for item in each], 0, "left"),
        cells("x uops", [f"{item.uops:g}" for item in each], 4),
        Column("= slots", tuple(map(number, slots)), number(sum(slots)), 3),
    )
    yield Table("class", names, columns, foot="all")
    limits = run.core.limits[:_LIMITS]
    needed = (
        cells("work", [number(item.work) for item in limits], 1),
        cells("/ width", [f"{item.width:g}" for item in limits], 1),
        cells("= cycles", [f"{item.cycles:,.1f}" for item in limits], 0),
    )
    yield Table("limit", tuple(item.name for item in limits), needed)


def _multiples(layer: LayerExplanation, run: StageRun, name: str) -> str:
    """The instructions of a class by parts of a stage: "16 c + 2 d"."""
    counts = (
        (part.instructions[name], letter)
        for letter, part in _letters(layer)
        if part.stage == run.name and name in part.instructions
    )
    return " + ".join(letter if count == 1 else f"{count:g} {letter}" for count, letter in counts)


def _cycles_text(value: float) -> str:
    return f"{value:,.1f} cycles"


def _core_lines(core: CoreTime) -> Iterator[Line]:
    if not core.classes:
        yield "core", "nothing to do"
        return
    if len(core.limits) > _LIMITS:
        yield "smaller", f"{len(core.limits) - _LIMITS} more limits, which are in the JSON"
    first = core.limits[0]
    yield (
        "ports",
        f"{_cycles_text(first.cycles)} / efficiency {core.efficiency:g} = "
        f"{_cycles_text(first.cycles / core.efficiency)}",
    )
    chains = " + ".join(
        f"{number(item.instructions)} {item.name} x {item.latency_cycles:g}" for item in core.chains
    )
    if chains:
        yield "chain", f"{chains} one after another = {_cycles_text(core.chain_cycles)}"
    yield "cycles", f"the longer one: {_cycles_text(core.cycles)}"
    if core.threads > 1:
        dealt = f"ceil({number(core.pieces)} pieces / {core.threads} threads) of them"
        even = "dealt out evenly"
        yield (
            "threads",
            f"{dealt if math.isfinite(core.pieces) else even}: {core.share:.6g} of the work",
        )
    share = f" x {core.share:.6g}" if core.threads > 1 else ""
    yield (
        "core",
        f"{_cycles_text(core.cycles)}{share} / {given(core.clock_hz, 'Hz')} = "
        f"{si(core.seconds, 's')}",
    )


def _memory(layer: LayerExplanation, run: StageRun) -> Iterator[Block]:
    """The bytes of operands over each boundary, their seconds, and the time of the stage."""
    if not run.transfers:
        yield (("memory", "one level, which nothing crosses"),)
        return
    operands = tuple(run.transfers[0].operand_bytes)
    columns = tuple(
        Column(
            f"{item.inner}-{item.outer}",
            tuple(number(item.operand_bytes[name]) for name in operands),
            number(sum(item.operand_bytes.values())),
            0,
        )
        for item in run.transfers
    )
    lines: list[Line] = []
    if operands:
        yield Table("bytes of", operands, columns, foot="sum")
        once = "written without being fetched"
        twice = "fetched before they are written, so they count twice"
        lines.append(("writes", twice if layer.write_allocate else once))
    if "weights" in operands:
        between = labels.memory(round(8 * layer.network_weight_bytes))
        lines.append(("weights", f"last used an inference ago: {between} of weights lie between"))
    time = run.core.seconds
    for item in run.transfers:
        lines += _transfer(item, run.core.threads, time)
        time = item.together_s
    yield tuple(lines)


def _transfer(item: Transfer, threads: int, nearer_s: float) -> Iterator[Line]:
    """What a level takes, and how that goes together with the time of what lies nearer."""
    moved = number(sum(item.operand_bytes.values()))
    alone = given(item.core_bandwidth_bytes_per_s, "B/s")
    of_cores = f"{threads} x {alone}" if threads > 1 else alone
    shared = item.shared_bandwidth_bytes_per_s
    limit = f"min({of_cores}, shared {given(shared, 'B/s')})"
    rate = limit if math.isfinite(shared) else of_cores
    yield (
        item.outer,
        f"{moved} B / {rate} = {si(item.seconds, 's')}; {item.inner} holds "
        f"{labels.memory(round(8 * item.inner_size_bytes))}",
    )
    yield (
        f"with {item.outer}",
        f"max({si(nearer_s, 's')}, {si(item.seconds, 's')}) + (1 - overlap {item.overlap:g}) x "
        f"min(the same) = {si(item.together_s, 's')}",
    )


def _time(layer: LayerExplanation, coverage: float) -> Section:
    lines = [(f"stage {run.name}", si(run.seconds, "s")) for run in layer.stages]
    parts = " + ".join(text for _, text in lines)
    low, high = layer.latency_s_low, layer.latency_s_high
    ahead = f"{labels.factor(layer.lead)} as long as {layer.second}, the next longest part"
    lead = f"{ahead} in all stages" if math.isfinite(layer.lead) else "nothing else takes time"
    overhead = given(layer.overhead_s, "s")
    lines += [
        ("overhead", f"{overhead} to {_started(layer)}"),
        ("latency", f"{parts} + {overhead} = {si(layer.latency_s, 's')}".removeprefix(" + ")),
        ("range", f"{span(low, high, 's')} ({coverage:.0%} of draws, and the value)"),
        ("bound", f"{layer.bound}: {lead}"),
    ]
    return Section("4 Time", (tuple(lines),))


def _started(layer: LayerExplanation) -> str:
    return f"call the program {layer.called}" if layer.called else "start the layer"


def _energy(layer: LayerExplanation) -> Section:
    rows: list[tuple[str, str, str, str, str]] = []
    for share in layer.energy:
        rows += _share_rows(share)
    names, amounts, each, joules, parts = zip(*rows, strict=True)
    columns = (
        cells("amount", amounts, 1),
        cells("x each", each, 1),
        Column("= energy", joules, _energy_text(layer.energy_j), 0),
        cells("share", parts, 0),
    )
    near = layer.nearest
    lines = (
        (
            "loads, stores",
            f"{number(near.vectors)} vectors x {near.vector_bytes:g} B + {number(near.words)} "
            f"others x {near.word_bytes:g} B",
        ),
        ("technology", f"energies of 45 nm and 0.9 V are taken x {layer.technology_scale:.4g}"),
        ("range", span(layer.energy_j_low, layer.energy_j_high, "J")),
    )
    return Section("5 Energy", (Table("of", names, columns, foot="sum"), lines))


_Row = tuple[str, str, str, str, str]
"""What, amount, each, energy, share."""


def _share_rows(share: EnergyShare) -> list[_Row]:
    """A row a share with its arithmetic; above several terms one for their sum."""
    part = labels.percent(share.share) if math.isfinite(share.share) else labels.UNKNOWN
    if len(share.terms) == 1:
        return [_term_row(share.terms[0], f"{share.name}: ", part)]
    whole = (share.name, "", "", _energy_text(share.energy_j), part)
    return [whole, *(_term_row(term, "  ", "") for term in share.terms)]


def _term_row(term: EnergyTerm, before: str, part: str) -> _Row:
    return (
        before + term.what,
        _AMOUNT[term.unit](term.amount),
        f"{given(term.each_j, 'J')}{_PER[term.unit]}".replace("J/s", "W"),
        _energy_text(term.amount * term.each_j),
        part,
    )


_AMOUNT: dict[str, Callable[[float], str]] = {
    "instruction": number,
    "byte": lambda amount: f"{number(amount)} B",
    "s": lambda amount: si(amount, "s"),
}
_PER = {"instruction": "", "byte": "/B", "s": "/s"}


def _energy_text(value: float) -> str:
    return format_si(value, "J", 5) if math.isfinite(value) else labels.UNKNOWN
