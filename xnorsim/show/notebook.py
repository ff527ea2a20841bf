"""Results in a notebook: HTML that takes its colours from the page around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

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

# Text and rules in the colour of the surrounding page, so that light and dark themes both work.
_STYLE = """<style>
.xnorsim { overflow-x: auto; font-size: 0.9em; line-height: 1.35; }
.xnorsim table { border-collapse: collapse; margin: 0.4em 0 0.8em 0; background: transparent; }
.xnorsim th, .xnorsim td { padding: 0.15em 0.6em; text-align: right; border: none;
  white-space: nowrap; background: transparent; color: inherit; }
.xnorsim .left { text-align: left; }
.xnorsim thead th { font-weight: 600; vertical-align: bottom; }
.xnorsim thead tr:last-child th { border-bottom: 1px solid currentColor; }
.xnorsim tfoot td { border-top: 1px solid currentColor; font-weight: 600; }
.xnorsim table.facts th { font-weight: 600; text-align: left; vertical-align: top; }
.xnorsim table.facts td { text-align: left; white-space: normal; }
.xnorsim tbody tr:hover { background: rgba(128, 128, 128, 0.15); }
.xnorsim .bar { display: inline-block; height: 0.75em; border-radius: 2px; margin-right: 0.4em; }
.xnorsim .dot { display: inline-block; height: 0.7em; width: 0.7em; border-radius: 50%;
  margin-right: 0.4em; }
</style>"""
_BAR_EM = 6.0


def report_html(report: Report | Mapping[str, Any], *, all_layers: bool = False) -> str:
    """A report, or its JSON document, as a piece of HTML; every text in it is escaped."""
    doc = document(report) if isinstance(report, Report) else report
    shown = rows(doc, all_layers)
    colours = [labels.COLOURS[item] for item in precision_classes(shown)]
    table = _table([row.name for row in shown], columns(doc, shown), colours)
    more = f"<details><summary>model and assumptions</summary>{_facts(details(doc))}</details>"
    return _whole(_facts(head(doc)), table, _facts(summary(doc)), more)


def comparison_html(found: Comparison, *, all_layers: bool = False) -> str:
    """A comparison as a piece of HTML; every text in it is escaped."""
    shown = comparison_rows(found, all_layers)
    names = [name for name, _, _ in shown]
    table = _table(names, comparison_columns(found, shown), comparison_colours(shown))
    return _whole(_facts(comparison_head(found)), table)


def fidelity_html(found: Fidelity) -> str:
    """A fidelity as a piece of HTML; every text in it is escaped."""
    layers = fidelity_rows(found)
    colours = fidelity_colours(layers)
    table = _table([item.name for item in layers], fidelity_columns(layers), colours, foot="")
    return _whole(_facts(fidelity_head(found)), table, _facts(fidelity_summary(found)))


def _whole(*parts: str) -> str:
    return "\n".join(['<div class="xnorsim">', _STYLE, *parts, "</div>"])


def _facts(found: Iterable[tuple[str, str]]) -> str:
    body = "".join(f"<tr><th>{_text(name)}</th><td>{_text(text)}</td></tr>" for name, text in found)
    return f'<table class="facts">{body}</table>'


def _table(
    names: Sequence[str], found: Sequence[Column], colours: Sequence[str], foot: str = "total"
) -> str:
    lines = []
    for i, name in enumerate(names):
        cells = "".join(_cell(column, i, colours[i]) for column in found)
        lines.append(f'<tr><td class="left">{_text(name)}</td>{cells}</tr>')
    totals = "".join(f"<td{_side(column)}>{_text(column.total)}</td>" for column in found)
    last = f'<tfoot><tr><td class="left">{foot}</td>{totals}</tr></tfoot>' if foot else ""
    return f"<table><thead>{_headings(found)}</thead><tbody>{''.join(lines)}</tbody>{last}</table>"


def _headings(found: Sequence[Column]) -> str:
    spans: list[tuple[str, int]] = []
    for column in found:
        if spans and spans[-1][0] == column.group:
            spans[-1] = (column.group, spans[-1][1] + 1)
        else:
            spans.append((column.group, 1))
    above = "".join(f'<th class="left" colspan="{n}">{_text(group)}</th>' for group, n in spans)
    first = f"<tr><th></th>{above}</tr>" if any(group for group, _ in spans) else ""
    heads = "".join(f"<th{_side(column)}>{_text(column.header)}</th>" for column in found)
    return f'{first}<tr><th class="left">layer</th>{heads}</tr>'


def _cell(column: Column, row: int, colour: str) -> str:
    text = _text(column.cells[row])
    if column.shares is not None:
        width = f"{_BAR_EM * column.shares[row]:.2f}em"
        bar = f'<span class="bar" style="width:{width};background:{colour}"></span>'
        return f'<td class="left">{bar}{text}</td>'
    dot = f'<span class="dot" style="background:{colour}"></span>' if column.coloured else ""
    return f"<td{_side(column)}>{dot if text else ''}{text}</td>"


def _side(column: Column) -> str:
    return ' class="left"' if column.align == "left" or column.shares is not None else ""


def _text(text: str) -> str:
    return escape(labels.visible(text))
