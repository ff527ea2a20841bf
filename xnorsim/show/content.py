"""What a report says, as rows, columns and lines of text: the terminal, Markdown and HTML show it.

Everything is taken from the JSON document (xnorsim.show.report), so that a report read from a file
looks as it did when it was made.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xnorsim.network.precision import MacClass
from xnorsim.show import labels

__all__ = [
    "Column",
    "Row",
    "columns",
    "precision_classes",
    "prediction_names",
    "rows",
    "total_row",
]

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One line of the layer table: a layer, the layers without MACs together, or the total.

    `work` holds macs, fp_ops, stored_bits and live_bits, where live_bits of several layers is
    their maximum; `costs` one mapping a prediction, as in the document.
    """

    name: str
    kind: str
    scheme: str | None
    work: Mapping[str, int]
    costs: tuple[Mapping[str, Any], ...]
    is_layer: bool = True


@dataclass(frozen=True)
class Column:
    """One column of the layer table as text, with its total below.

    `rank` says which column to leave out first where there is no room: the highest. `shares`
    (0 to 1, one a row) asks for a bar in place of the text. `group` goes above the headings of
    several columns: the prediction's name. What is `coloured` takes the colour of its row.
    """

    header: str
    cells: tuple[str, ...]
    total: str
    rank: int
    align: str = "right"
    shares: tuple[float, ...] | None = None
    group: str = ""
    coloured: bool = False


def prediction_names(doc: Document) -> list[str]:
    """A name for each prediction of a document: its profile, and more where that is not unique."""
    items = doc["predictions"]
    profiles = Counter(item["profile"] for item in items)
    names: list[str] = []
    for item in items:
        name = item["profile"]
        if profiles[name] > 1:
            name = f"{name}@{item['predictor']}:{item['threads']}"
        taken = sum(other == name or other.startswith(f"{name}#") for other in names)
        names.append(f"{name}#{taken + 1}" if taken else name)
    return names


def rows(doc: Document, all_layers: bool = False) -> list[Row]:
    """One row a layer; those without MACs in one row at the end, unless `all_layers`."""
    found = [
        Row(
            layer["name"],
            layer["kind"],
            layer["scheme"],
            {
                "macs": layer["macs"],
                "fp_ops": layer["fp_ops"],
                "stored_bits": layer["weight_bits"] + layer["scale_bits"],
                "live_bits": layer["live_bits"],
            },
            tuple(item["layers"][i] for item in doc["predictions"]),
        )
        for i, layer in enumerate(doc["layers"])
    ]
    others = [row for row in found if not row.work["macs"]]
    if all_layers or not others:
        return found
    kept = [row for row in found if row.work["macs"]]
    return [*kept, _together(f"{len(others)} other{'s' * (len(others) > 1)}", others)]


def _together(name: str, several: Sequence[Row]) -> Row:
    work = {key: sum(row.work[key] for row in several) for key in ("macs", "fp_ops", "stored_bits")}
    work["live_bits"] = max(row.work["live_bits"] for row in several)
    costs = tuple(_costs(each) for each in zip(*(row.costs for row in several), strict=True))
    return Row(name, "", None, work, costs, is_layer=False)


def _costs(several: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in several[0].keys() - {"name", "bound"}:
        values = [item[key] for item in several]
        found[key] = None if None in values else sum(values)
    time: dict[str, float] = defaultdict(float)
    for item in several:
        time[item["bound"]] += item["latency_s"] or 0.0
    return {**found, "bound": max(time, key=time.__getitem__)}


def total_row(doc: Document) -> Row:
    """The totals of a document as a row."""
    totals = doc["totals"]
    work = {
        "macs": totals["macs"],
        "fp_ops": totals["fp_ops"],
        "stored_bits": totals["stored_bits"],
        "live_bits": totals["peak_activation_bits"],
    }
    costs = tuple(item["totals"] for item in doc["predictions"])
    return Row("total", "", None, work, costs, is_layer=False)


def columns(doc: Document, shown: Sequence[Row], only: Sequence[int] | None = None) -> list[Column]:
    """The columns beside the layers' names, with text for every row.

    `only` picks predictions by number; None takes all.
    """
    total = total_row(doc)
    mark = "≥" if doc["totals"]["lower_bound"] else ""
    chosen = list(range(len(doc["predictions"])) if only is None else only)
    found = [
        _words("kind", shown, lambda row: row.kind, 52),
        _words("precision", shown, lambda row: labels.precision_label(row.scheme), 20),
        _work("MACs", "macs", shown, total, labels.amount, mark, 10),
        _bars("of MACs", "", shown, lambda row: row.work["macs"], 80 if len(chosen) == 1 else 30),
        _work("fp ops", "fp_ops", shown, total, labels.amount, mark, 90),
        _work("weights", "stored_bits", shown, total, labels.memory, mark, 50),
        _work("live act.", "live_bits", shown, total, labels.memory, mark, 60),
    ]
    names = prediction_names(doc)
    for number in chosen:
        found += _cost_columns(names[number], number, shown, total, mark)
    return [column for column in found if any(column.cells)]


def _words(header: str, shown: Sequence[Row], text: Callable[[Row], str], rank: int) -> Column:
    return Column(
        header,
        tuple(labels.visible(text(row)) for row in shown),
        "",
        rank,
        "left",
        coloured=header == "precision",
    )


def _work(
    header: str,
    key: str,
    shown: Sequence[Row],
    total: Row,
    text: Callable[[int], str],
    mark: str,
    rank: int,
) -> Column:
    cells = tuple(text(row.work[key]) for row in shown)
    return Column(header, cells, mark + text(total.work[key]), rank)


def _bars(
    header: str, profile: str, shown: Sequence[Row], value: Callable[[Row], float], rank: int
) -> Column:
    whole = sum(value(row) for row in shown)
    shares = tuple(value(row) / whole if whole else 0.0 for row in shown)
    cells = tuple(labels.percent(share) for share in shares)
    return Column(header, cells, "", rank, "left", shares, profile)


def _cost_columns(
    profile: str, number: int, shown: Sequence[Row], total: Row, mark: str
) -> list[Column]:
    def value(row: Row, key: str) -> Any:
        return row.costs[number].get(key)

    def latency(row: Row) -> str:
        return labels.quantity(value(row, "latency_s"), "s")

    def span(row: Row) -> str:
        return labels.quantity_range(value(row, "latency_s_low"), value(row, "latency_s_high"), "s")

    def energy(row: Row) -> str:
        return labels.quantity(value(row, "energy_j"), "J")

    found = [
        Column("latency", tuple(map(latency, shown)), mark + latency(total), 0, group=profile),
        _bars("of time", profile, shown, lambda row: value(row, "latency_s") or 0.0, 31),
        Column("range", tuple(map(span, shown)), mark + span(total), 42, group=profile),
        Column(
            "bound",
            tuple(
                labels.visible(value(row, "bound") if value(row, "latency_s") else "")
                for row in shown
            ),
            "",
            35,
            "left",
            group=profile,
        ),
    ]
    if value(total, "energy_j") is not None or any(value(row, "energy_j") for row in shown):
        cells = tuple(map(energy, shown))
        found.append(Column("energy", cells, mark + energy(total), 45, group=profile))
    return found


def precision_classes(shown: Sequence[Row]) -> list[MacClass | None]:
    """The arithmetic of each row, which gives it its colour."""
    return [labels.precision_class(row.scheme) for row in shown]
