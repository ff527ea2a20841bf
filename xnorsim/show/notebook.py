"""Results in a notebook: HTML that takes its colours from the page around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xnorsim.markup import facts, folded, piece, text
from xnorsim.show import labels
from xnorsim.show.comparison import Comparison
from xnorsim.show.comparison_view import (
    comparison_colours,
    comparison_columns,
    comparison_head,
    comparison_rows,
)
from xnorsim.show.content import Column, columns, precision_classes, rows
from xnorsim.show.fidelity import Fidelity
from xnorsim.show.fidelity_view import (
    fidelity_colours,
    fidelity_columns,
    fidelity_head,
    fidelity_rows,
    fidelity_summary,
)
from xnorsim.show.report import Report, document
from xnorsim.show.summary import details, head, summary

__all__ = ["comparison_html", "fidelity_html", "report_html"]

_BAR_EM = 6.0


def report_html(report: Report | Mapping[str, Any], *, all_layers: bool = False) -> str:
    """A report, or its JSON document, as a piece of HTML; every text in it is escaped."""
    doc = document(report) if isinstance(report, Report) else report
    shown = rows(doc, all_layers)
    colours = [labels.COLOURS[item] for item in precision_classes(shown)]
    table = _table([row.name for row in shown], columns(doc, shown), colours)
    more = folded("model and assumptions", facts(details(doc)))
    return piece(facts(head(doc)), table, facts(summary(doc)), more)


def comparison_html(found: Comparison, *, all_layers: bool = False) -> str:
    """A comparison as a piece of HTML; every text in it is escaped."""
    shown = comparison_rows(found, all_layers)
    names = [name for name, _, _ in shown]
    table = _table(names, comparison_columns(found, shown), comparison_colours(shown))
    return piece(facts(comparison_head(found)), table)


def fidelity_html(found: Fidelity) -> str:
    """A fidelity as a piece of HTML; every text in it is escaped."""
    layers = fidelity_rows(found)
    colours = fidelity_colours(layers)
    table = _table([item.name for item in layers], fidelity_columns(layers), colours, foot="")
    return piece(facts(fidelity_head(found)), table, facts(fidelity_summary(found)))


def _table(
    names: Sequence[str], found: Sequence[Column], colours: Sequence[str], foot: str = "total"
) -> str:
    lines = []
    for i, name in enumerate(names):
        cells = "".join(_cell(column, i, colours[i]) for column in found)
        lines.append(f'<tr><td class="left">{text(name)}</td>{cells}</tr>')
    totals = "".join(f"<td{_side(column)}>{text(column.total)}</td>" for column in found)
    last = f'<tfoot><tr><td class="left">{foot}</td>{totals}</tr></tfoot>' if foot else ""
    return f"<table><thead>{_headings(found)}</thead><tbody>{''.join(lines)}</tbody>{last}</table>"


def _headings(found: Sequence[Column]) -> str:
    spans: list[tuple[str, int]] = []
    for column in found:
        if spans and spans[-1][0] == column.group:
            spans[-1] = (column.group, spans[-1][1] + 1)
        else:
            spans.append((column.group, 1))
    above = "".join(f'<th class="left" colspan="{n}">{text(group)}</th>' for group, n in spans)
    first = f"<tr><th></th>{above}</tr>" if any(group for group, _ in spans) else ""
    heads = "".join(f"<th{_side(column)}>{text(column.header)}</th>" for column in found)
    return f'{first}<tr><th class="left">layer</th>{heads}</tr>'


def _cell(column: Column, row: int, colour: str) -> str:
    shown = text(column.cells[row])
    if column.shares is not None:
        width = f"{_BAR_EM * column.shares[row]:.2f}em"
        bar = f'<span class="bar" style="width:{width};background:{colour}"></span>'
        return f'<td class="left">{bar}{shown}</td>'
    dot = f'<span class="dot" style="background:{colour}"></span>' if column.coloured else ""
    return f"<td{_side(column)}>{dot if shown else ''}{shown}</td>"


def _side(column: Column) -> str:
    return ' class="left"' if column.align == "left" or column.shares is not None else ""
