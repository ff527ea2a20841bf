"""A search in a terminal and in files: the best designs, and how it went."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from xnorsim.explore.search import Candidate, Search
from xnorsim.explore.view import search_lines
from xnorsim.show import labels
from xnorsim.show.forms import Views, views
from xnorsim.show.sweep_text import name_text
from xnorsim.show.text import csv_text, to_json

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

__all__ = ["search_dict"]

_UNITS = {"latency_s": "s", "energy_j": "J"}
_WORDS = {"latency_s": "latency", "energy_j": "energy"}


@views.register
def _(found: Search, all_layers: bool) -> Views:
    return Views(
        partial(_table, found),
        lambda: to_json(search_dict(found)),
        lambda: csv_text([_line(item) for item in found.best]),
        partial(_markdown, found),
    )


def search_dict(found: Search) -> dict[str, Any]:
    """What was found as plain data: the best designs, and the best of each generation."""
    return {
        "schema": 1,
        "objective": found.objective,
        "profile": found.profile.name,
        "seed": found.seed,
        "designs": found.designs,
        "settled": found.is_settled,
        "best": [_line(item) for item in found.best],
        "trace": [{"designs": step.designs, **_line(step.best)} for step in found.trace],
    }


def _line(item: Candidate) -> dict[str, Any]:
    """A design as one line; None before any design held the conditions."""
    least = item.objective if math.isfinite(item.objective) else None
    return {**item.values, **item.figures, "objective": least}


def _cells(found: Search) -> tuple[list[str], list[list[str]]]:
    first = found.best[0]
    headings = [*map(name_text, first.values), *(_WORDS[name] for name in first.figures)]
    rows = [
        [
            *map(labels.visible, item.values.values()),
            *(labels.quantity(value, _UNITS[name]) for name, value in item.figures.items()),
            f"{item.objective:.6g}",
        ]
        for item in found.best
    ]
    return [*headings, "objective"], rows


def _table(found: Search) -> ConsoleRenderable:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    headings, rows = _cells(found)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*map(Text, row))
    return Group(*map(Text, search_lines(found)), table)


def _markdown(found: Search) -> str:
    headings, rows = _cells(found)
    lines = [headings, ["---"] * len(headings), *rows]
    return (
        "\n".join([*search_lines(found), "", *("| " + " | ".join(row) + " |" for row in lines)])
        + "\n"
    )
