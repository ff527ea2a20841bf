"""The layer table of a page: every layer, with the numbers by which the page sorts and adds up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from xnorsim.show import labels
from xnorsim.show.content import Row, precision_classes, prediction_names, rows, total_row

__all__ = ["Cell", "Column", "LayerTable", "Switch", "layer_table"]

Document = Mapping[str, Any]

_ALL_SHOWN = 2
"""With more predictions side by side a table begins with their latencies and bounds alone."""


class Cell(NamedTuple):
    """A text, the number behind it where there is one, and the length of a bar, 0 to 1."""

    text: str
    value: float | int | None = None
    share: float | None = None


@dataclass(frozen=True)
class Column:
    """One column. `adds` says how the layers shown make a total: sum, max, or "" for none.

    `unit`: of the numbers; "" for texts. `switches`: the names of those that show the column.
    """

    header: str
    cells: tuple[Cell, ...]
    total: str = ""
    adds: str = ""
    unit: str = ""
    of: str = ""
    switches: tuple[str, ...] = ()
    is_number: bool = True
    says: str = ""


class Switch(NamedTuple):
    """What shows and hides columns: its name in the page, its label, whether it begins as on."""

    name: str
    label: str
    is_on: bool


@dataclass(frozen=True)
class LayerTable:
    """The columns beside the layers' names, and what shows and hides them.

    `colours`: of each layer's precision; `resting`: why a layer does not run on its own, "" if it
    does; `precisions`, `bounds`: what there is to choose from.
    """

    names: tuple[str, ...]
    colours: tuple[str, ...]
    resting: tuple[str, ...]
    columns: tuple[Column, ...]
    profiles: tuple[Switch, ...]
    details: tuple[Switch, ...]
    precisions: tuple[str, ...]
    bounds: tuple[str, ...]

    @property
    def hidden(self) -> dict[str, list[int]]:
        """Switch -> the columns that it hides, counted from 1 with the names as the second."""
        found: dict[str, list[int]] = {s.name: [] for s in (*self.profiles, *self.details)}
        for place, column in enumerate(self.columns, 3):
            for name in column.switches:
                found[name].append(place)
        return found


def layer_table(doc: Document) -> LayerTable:
    """The table of a document, all layers in order of execution."""
    shown, total = rows(doc, all_layers=True), total_row(doc)
    mark = "≥ " if doc["totals"]["lower_bound"] else ""
    names = prediction_names(doc)
    columns = _work_columns(doc, shown, total, mark)
    for number, name in enumerate(names):
        columns += _cost_columns(name, number, shown, total, mark)
    columns = [column for column in columns if any(cell.text for cell in column.cells)]
    few = len(names) <= _ALL_SHOWN
    details = [Switch(name, label, is_on or (few and name in _COSTS))
               for name, label, is_on in _DETAILS
               if any(name in column.switches for column in columns)]  # fmt: skip
    return LayerTable(
        tuple(labels.visible(row.name) for row in shown),
        tuple(labels.COLOURS[used] for used in precision_classes(shown)),
        tuple(map(_resting, doc["layers"])),
        tuple(columns),
        tuple(Switch(f"p{i}", labels.visible(name), True) for i, name in enumerate(names)),
        tuple(details),
        _distinct(labels.precision_label(row.scheme) for row in shown),
        _distinct(
            cost["bound"] for row in shown for cost in row.costs if cost.get("latency_s")
        ),
    )  # fmt: skip


def _resting(layer: Document) -> str:
    if layer["fused_into"]:
        return f"runs as a part of {labels.visible(layer['fused_into'])}"
    return "" if layer["runs"] else "a view, or known before the run"


_DETAILS = (
    ("shape", "output", False),
    ("fp", "other operations", False),
    ("share", "share of time", False),
    ("range", "range", False),
    ("bound", "bound", True),
    ("energy", "energy", False),
)
_COSTS = ("share", "range", "energy")


def _distinct(words: Any) -> tuple[str, ...]:
    return tuple(sorted({labels.visible(word) for word in words if word}))


def _work_columns(doc: Document, shown: Sequence[Row], total: Row, mark: str) -> list[Column]:
    def amounts(header: str, key: str, *switches: str, says: str) -> Column:
        cells = (Cell(labels.amount(row.work[key]), row.work[key]) for row in shown)
        foot = mark + labels.amount(total.work[key])
        return Column(header, tuple(cells), foot, "sum", switches=switches, says=says)

    def memory(header: str, key: str, adds: str, says: str) -> Column:
        cells = (Cell(labels.memory(row.work[key]), row.work[key]) for row in shown)
        foot = mark + labels.memory(total.work[key])
        return Column(header, tuple(cells), foot, adds, "bit", says=says)

    shapes = (Cell(labels.shape_text(layer["output_shape"])) for layer in doc["layers"])
    return [
        _words("kind", (row.kind for row in shown)),
        _words("precision", (labels.precision_label(row.scheme) for row in shown)),
        Column("output", tuple(shapes), switches=("shape",), is_number=False,
               says="shape of the output"),
        amounts("MACs", "macs", says="multiply-accumulates"),
        amounts("other ops", "fp_ops", "fp", says="high-precision operations that are not MACs"),
        memory("weights", "stored_bits", "sum", "weights and scales as stored"),
        memory("live act.", "live_bits", "max", "activations alive while the layer runs"),
    ]  # fmt: skip


def _words(header: str, words: Any) -> Column:
    return Column(header, tuple(Cell(labels.visible(word)) for word in words), is_number=False)


def _cost_columns(
    name: str, number: int, shown: Sequence[Row], total: Row, mark: str
) -> list[Column]:
    profile, of = f"p{number}", labels.visible(name)
    times = [row.costs[number]["latency_s"] or 0.0 for row in shown]
    whole, longest = sum(times) or 1.0, max(times, default=0.0) or 1.0

    def cells(make: Callable[[Mapping[str, Any]], Cell]) -> tuple[Cell, ...]:
        return tuple(make(row.costs[number]) for row in shown)

    def figure(header: str, key: str, unit: str, *switches: str) -> Column:
        foot = mark + labels.quantity(total.costs[number][key], unit)
        return Column(
            header, cells(lambda cost: Cell(labels.quantity(cost[key], unit), cost[key])),
            foot, "sum", unit, of, (profile, *switches), says=f"predicted {header}",
        )  # fmt: skip

    found = [
        figure("latency", "latency_s", "s"),
        Column("of time", cells(lambda cost: _part(cost["latency_s"], whole, longest)), "", "sum",
               "%", of, (profile, "share"), says="share of the network's latency"),
        Column("range", cells(_range), _range(total.costs[number]).text, "", "s", of,
               (profile, "range"), says="range of the latency, sorted by its upper end"),
        Column("bound", cells(lambda cost: Cell(_bound(cost))), "", "", "", of,
               (profile, "bound"), is_number=False, says="what limits the layer"),
    ]  # fmt: skip
    if any(row.costs[number]["energy_j"] for row in shown):
        found.append(figure("energy", "energy_j", "J", "energy"))
    return found


def _part(seconds: float | None, whole: float, longest: float) -> Cell:
    """A share of the time, with a bar beside that of the longest layer."""
    share = (seconds or 0.0) / whole
    return Cell(labels.percent(share), share, (seconds or 0.0) / longest)


def _range(cost: Mapping[str, Any]) -> Cell:
    low, high = cost["latency_s_low"], cost["latency_s_high"]
    return Cell(labels.quantity_range(low, high, "s"), high)


def _bound(cost: Mapping[str, Any]) -> str:
    return labels.visible(cost["bound"]) if cost["latency_s"] else ""
