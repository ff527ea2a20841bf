"""Plain tables of text for the terminal: what there is, with what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["print_rows", "span"]


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under headings, all but the first column wrapped to the terminal's width."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(headings[0], no_wrap=True)
    for heading in headings[1:-1]:
        table.add_column(heading, overflow="fold")
    table.add_column(headings[-1], overflow="fold", ratio=1)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    Console().print(table)


def span(low: str, high: str) -> str:
    """A range of two quantities, the unit once.

    >>> span("0.5 vector/cycle", "1 vector/cycle"), span("4", "4"), span("2 KiB", "1 MiB")
    ('0.5 .. 1 vector/cycle', 'exact', '2 KiB .. 1 MiB')
    """
    if low == high:
        return "exact"
    number, _, unit = low.partition(" ")
    return f"{number if high.endswith(f' {unit}') else low} .. {high}"
