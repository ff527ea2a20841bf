"""A report's document as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xnorsim.show import labels
from xnorsim.show.content import Column, columns, prediction_names, rows
from xnorsim.show.summary import details, head, summary

__all__ = ["csv_text", "markdown_lines", "markdown_table", "to_csv", "to_json", "to_markdown"]

Document = Mapping[str, Any]

_NOT_COLUMNS = ("macs_by_precision", "fp_ops_by_kind")


def to_json(doc: Mapping[str, Any]) -> str:
    """The document as JSON, ASCII only, with a line end."""
    return json.dumps(doc, indent=2, allow_nan=False) + "\n"


def to_csv(doc: Document) -> str:
    """One line a layer with every column, and a last one named TOTAL, which has no kind.

    A prediction's columns are named `<profile>.latency_s` and so on; what is not known is empty.
    In the last line live_bits is the peak. `lower_bound` says whether the totals are one.
    """
    return csv_text([*_layer_lines(doc), _total_line(doc)])


def csv_text(lines: Sequence[Mapping[str, Any]]) -> str:
    """Lines with the same or fewer columns than the first one, as CSV."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, lines[0], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in line.items()} for line in lines)
    return stream.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


def _layer_lines(doc: Document) -> Iterable[dict[str, Any]]:
    kinds = doc["totals"]["fp_ops_by_kind"]
    names = prediction_names(doc)
    for i, layer in enumerate(doc["layers"]):
        line = {key: value for key, value in layer.items() if key not in _NOT_COLUMNS}
        line["output_shape"] = labels.shape_text(layer["output_shape"])
        line |= {f"fp_ops.{kind}": layer["fp_ops_by_kind"].get(kind, 0) for kind in kinds}
        for name, item in zip(names, doc["predictions"], strict=True):
            line |= {f"{name}.{k}": v for k, v in item["layers"][i].items() if k != "name"}
        yield {**line, "lower_bound": doc["totals"]["lower_bound"]}


def _total_line(doc: Document) -> dict[str, Any]:
    totals = doc["totals"]
    first = next(iter(_layer_lines(doc)), {"name": ""})
    line = {key: totals[key] for key in first if key in totals}
    line |= {f"fp_ops.{kind}": number for kind, number in totals["fp_ops_by_kind"].items()}
    for name, item in zip(prediction_names(doc), doc["predictions"], strict=True):
        line |= {f"{name}.{key}": value for key, value in item["totals"].items()}
    return {
        "name": "TOTAL",
        **line,
        "live_bits": totals["peak_activation_bits"],
        "lower_bound": totals["lower_bound"],
    }


def to_markdown(doc: Document, *, all_layers: bool = False) -> str:
    """The report as the terminal shows it, with every column and every assumption."""
    shown = rows(doc, all_layers)
    return "\n".join(
        [
            f"# {_escape(str(doc['model'].get('name', 'network')))}",
            "",
            *markdown_lines(head(doc)),
            "",
            *markdown_table("layer", [row.name for row in shown], columns(doc, shown)),
            "",
            *markdown_lines(summary(doc)),
            "",
            "## Model and assumptions",
            "",
            *markdown_lines(details(doc)),
            "",
        ]
    )


def markdown_lines(found: Iterable[tuple[str, str]]) -> list[str]:
    """Named lines as a list."""
    return [f"- **{_escape(name)}**: {_escape(text)}" for name, text in found if name]


def markdown_table(
    first: str, names: Sequence[str], found: Sequence[Column], *, foot: str = "total"
) -> list[str]:
    """Columns beside a column of names, with the totals as the last row, called `foot` (or "")."""
    heads = [first, *(_escape(_heading(column)) for column in found)]
    rules = [":--", *("--:" if _is_number(column) else ":--" for column in found)]
    body = [
        [_escape(name), *(_escape(column.cells[i]) for column in found)]
        for i, name in enumerate(names)
    ]
    totals = [f"**{foot}**", *(f"**{_escape(c.total)}**" if c.total else "" for c in found)]
    lines = [heads, rules, *body, *([totals] if foot else [])]
    return [f"| {' | '.join(line)} |" for line in lines]


def _heading(column: Column) -> str:
    return f"{column.group} {column.header}" if column.group else column.header


def _is_number(column: Column) -> bool:
    return column.align == "right" or column.shares is not None


def _escape(text: str) -> str:
    """Text that Markdown shows as it is: no table cells, emphasis, links or HTML of its own."""
    shown = labels.visible(text).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{c}" if c in "\\|`*_[]#" else c for c in shown)
