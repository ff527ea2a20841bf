"""A search in a notebook: the best designs that it found."""

from __future__ import annotations

from xnorsim.explore.search import Search
from xnorsim.markup import facts, piece, rows_table
from xnorsim.units import format_si

__all__ = ["search_html", "search_lines"]

_UNITS = {"latency_s": "s", "energy_j": "J"}


def search_lines(found: Search) -> tuple[str, str]:
    """What was searched for, and how it ended."""
    how = "the last population is alike" if found.is_settled else "stopped at its last generation"
    return (
        f"least {found.objective} on {found.profile.name}",
        f"{found.designs:,} designs in {len(found.trace)} generations, seed {found.seed}; {how}",
    )


def search_html(found: Search) -> str:
    """The best designs as a piece of HTML, the first of which is the machine of `profile`."""
    first = found.best[0]
    headings = (*first.values, *first.figures, "objective")
    rows = (
        (
            *item.values.values(),
            *(format_si(value, _UNITS.get(name, "")) for name, value in item.figures.items()),
            f"{item.objective:.6g}",
        )
        for item in found.best
    )
    told = zip(("search", "designs"), search_lines(found), strict=True)
    return piece(facts(told), rows_table(headings, rows, left=()))
