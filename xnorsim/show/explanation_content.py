"""An explanation as sections, in the order in which they are read."""

from __future__ import annotations

from collections.abc import Sequence

from xnorsim.cost.inputs import Input
from xnorsim.cost.sensitivity import LEAST, Sensitivity
from xnorsim.show import labels
from xnorsim.show.explanation import Explanation
from xnorsim.show.explanation_parts import (
    Block,
    Line,
    Section,
    Table,
    cells,
    in_unit,
    printable,
    si,
    span,
)
from xnorsim.show.explanation_steps import steps

__all__ = ["sections"]

_HEAVIEST = 8


def sections(found: Explanation) -> list[Section]:
    """Everything that is shown, in order."""
    several = [
        _head(found),
        *([_heaviest(found)] if found.of_network else []),
        *steps(found.layer, found.coverage),
        *([_sensitivity(found)] if any(found.sensitivities.values()) else []),
        _sources(found.layer.inputs),
    ]
    return [printable(item) for item in several]


def _head(found: Explanation) -> Section:
    threads = "1 thread" if found.threads == 1 else f"{found.threads} threads"
    totals, assumed = found.totals, found.assumptions
    latency = labels.quantity(totals["latency_s"], "s")
    latency += f" ({span(totals['latency_s_low'], totals['latency_s_high'], 's')})"
    how = f"binarize {assumed['binarize']}, keep {','.join(assumed['keep']) or 'none'}, "
    how += f"fuse {','.join(assumed['fuse']) or 'none'}"
    lines = (
        ("machine", f"{found.profile}: {found.machine}"),
        (
            "predictor",
            f"{found.predictor}, {threads}: {found.recipes}; the default of analyze is roofline, "
            "which gives other times",
        ),
        ("network", f"{found.network}, {how}"),
        ("its latency", latency),
    )
    title = f"{found.layer.name} of {found.network} on {found.profile}"
    return Section(title, (lines,))


def _heaviest(found: Explanation) -> Section:
    most = found.layers[:_HEAVIEST]
    rest = found.layers[_HEAVIEST:]
    columns = (
        cells("precision", [labels.precision_label(item.scheme) for item in most], 3, "left"),
        cells("latency", [labels.quantity(item.latency_s, "s") for item in most], 0),
        cells("range", [span(i.latency_s_low, i.latency_s_high, "s") for i in most], 2),
        cells("of time", [labels.percent(item.share) for item in most], 0),
        cells("bound", [item.bound for item in most], 1, "left"),
    )
    left = f"{len(rest)} more layers take {labels.percent(sum(item.share for item in rest))}"
    lines = [("explained", f"{found.layer.name}, which takes most")]
    lines += [("the rest", left)] if rest else []
    table = Table("layer", tuple(item.name for item in most), columns)
    return Section("Layers that take most", (table, tuple(lines)))


def _sensitivity(found: Explanation) -> Section:
    """A table for each figure that is known, of the layer or of the whole network."""
    layer, totals = found.layer, found.totals
    of_layer = {"latency_s": layer.latency_s, "energy_j": layer.energy_j}
    whose = "the whole network" if found.of_network else layer.name
    blocks: list[Block] = []
    for figure, (word, unit) in _FIGURES.items():
        value = (totals if found.of_network else of_layer)[figure]
        if found.sensitivities[figure]:
            blocks += [
                _moving(found.sensitivities[figure], value),
                (("moved", f"the {word} of {whose}, {si(value, unit)}"),),
            ]
    blocks.append(
        (
            (
                "share",
                "of the spread: squared rank correlation with draws of all inputs, of at least "
                f"{LEAST:.0%}; it holds what an input does only together with others",
            ),
            ("at low, high", "the change with this input alone at that end of its range"),
        )
    )
    return Section("6 What moves the prediction most", tuple(blocks))


_FIGURES = {"latency_s": ("latency", "s"), "energy_j": ("energy", "J")}


def _moving(items: Sequence[Sensitivity], value: float) -> Table:
    columns = (
        cells("value", [in_unit(item.input.value, item.input.unit) for item in items], 2),
        cells("range", [_input_range(item.input) for item in items], 1),
        cells("share", [labels.percent(item.share) for item in items], 0),
        cells("at low", [_moved(item.at_low, value) for item in items], 0),
        cells("at high", [_moved(item.at_high, value) for item in items], 0),
        cells("basis", [item.input.basis for item in items], 3, "left"),
    )
    return Table("input", tuple(item.input.path for item in items), columns)


def _moved(value: float, base: float) -> str:
    change = value / base - 1 if base else 0.0
    return "0" if abs(change) < _NO_CHANGE else f"{change:+.2%}"


_NO_CHANGE = 5e-5


def _input_range(item: Input) -> str:
    if not item.is_free:
        return "exact"
    low, high = in_unit(item.low, item.unit), in_unit(item.high, item.unit)
    number, _, unit = low.partition(" ")
    return f"{number if unit and high.endswith(f' {unit}') else low}–{high}"


def _sources(found: Sequence[Input]) -> Section:
    """Each source with what is taken from it, value and range."""
    by_source: dict[str, list[str]] = {}
    for item in found:
        exact = "" if not item.is_free else f" ({_input_range(item)}, {item.basis})"
        by_source.setdefault(item.source, []).append(
            f"{item.path} {in_unit(item.value, item.unit)}{exact}"
        )
    lines: list[Line] = []
    for number, (source, taken) in enumerate(by_source.items(), start=1):
        lines += [
            (f"[{number}]", source),
            ("gives", "; ".join(taken)),
        ]
    return Section("7 Sources of every quantity above", (tuple(lines),))
