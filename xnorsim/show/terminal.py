"""A report in a terminal: it fits the width there is, by leaving out the least needed columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import ASCII, ASCII2, ROUNDED, SIMPLE
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult
from rich.panel import Panel
from rich.style import Style
from rich.table import Table
from rich.text import Text

from xnorsim.show import labels, summary
from xnorsim.show.content import Column, Row, columns, precision_classes, prediction_names, rows
from xnorsim.show.report import Report, document

__all__ = ["bar", "fit", "lines_of", "name_room", "report_table", "table_of"]

_BAR = 7
_GAP = 2
_GROUP = 16
_EIGHTHS = " ▏▎▍▌▋▊▉"
_NARROWEST_NAME, _WIDEST_NAME = 14, 20
_PLAIN = str.maketrans(
    {
        "≥": ">=",
        "–": "-",
        "×": "x",
        "µ": "u",
        "…": "~",
        "█": "#",
        "▉": "#",
        "▊": "#",
        "▋": "#",
        "▌": "#",
        "▍": ".",
        "▎": ".",
        "▏": ".",
    }
)


def report_table(
    report: Report | Mapping[str, Any], *, all_layers: bool = False
) -> ConsoleRenderable:
    """A report, or its JSON document, as something that rich prints at any width from 60 on.

    Layers without MACs share one row, unless `all_layers`.
    """
    doc = document(report) if isinstance(report, Report) else report
    return _ReportView(doc, all_layers)


@dataclass(frozen=True)
class _ReportView:
    doc: Mapping[str, Any]
    all_layers: bool

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        plain = options.ascii_only
        box = ASCII2 if plain else ROUNDED
        yield Panel(lines_of(summary.head(self.doc), plain), box=box, width=options.max_width)
        shown = rows(self.doc, self.all_layers)
        yield from _tables(self.doc, shown, options.max_width, plain)
        yield Text("")
        yield lines_of(summary.summary(self.doc), plain)


def _tables(
    doc: Mapping[str, Any], shown: Sequence[Row], width: int, plain: bool
) -> Iterator[ConsoleRenderable]:
    """One table with all profiles side by side, or one each where even latencies lack room."""
    colours = [labels.COLOURS[item] for item in precision_classes(shown)]
    names = [row.name for row in shown]
    number = len(doc["predictions"])
    together = columns(doc, shown)
    room = width - name_room(names)
    kept = fit(together, room)
    wanted = {column.group for column in together if column.group}
    if number < 2 or wanted <= {column.group for column in kept}:
        yield table_of("layer", names, kept, colours, width, plain)
        return
    titles = prediction_names(doc)
    for i in range(number):
        alone = fit(columns(doc, shown, [i]), room)
        yield Text(f"\n{labels.visible(titles[i])}", style="bold")
        yield table_of("layer", names, alone, colours, width, plain)


def name_room(names: Sequence[str]) -> int:
    """The width that the names of layers get at least; the other columns give way."""
    brief = labels.shorten_all(names, _WIDEST_NAME)
    longest = max(map(cell_len, brief), default=0)
    return min(_WIDEST_NAME, max(_NARROWEST_NAME, longest))


def fit(found: Sequence[Column], width: int) -> list[Column]:
    """The columns that fit into `width` characters, the lowest rank first, one rank as a whole."""
    ranks: set[int] = set()
    for rank in sorted({column.rank for column in found}):
        tried = [column for column in found if column.rank in ranks | {rank}]
        if sum(size + _GAP for size in _widths(tried)) <= width:
            ranks.add(rank)
    return [column for column in found if column.rank in ranks]


def _groups(found: Sequence[Column]) -> list[str]:
    """What to write above each column: its group, above the first one of several groups."""
    names = [column.group for column in found]
    if len({name for name in names if name}) < 2:
        return [""] * len(names)
    before = ["", *names]
    return ["" if name == last else name for name, last in zip(names, before, strict=False)]


def _widths(found: Sequence[Column]) -> list[int]:
    groups = (min(cell_len(labels.visible(name)), _GROUP) for name in _groups(found))
    return [max(group, _width(column)) for group, column in zip(groups, found, strict=True)]


def _width(column: Column) -> int:
    if column.shares is not None:
        return max(_BAR, cell_len(column.header))
    return max(cell_len(text) for text in (column.header, column.total, *column.cells))


def table_of(
    first: str,
    names: Sequence[str],
    kept: Sequence[Column],
    colours: Sequence[str],
    width: int,
    plain: bool,
    *,
    foot: str = "total",
) -> Table:
    """Columns beside a column of names, which gets the room that is left; totals at the foot.

    Parameters: `first`, the heading of the names; `colours`, one a row, for its bar and words;
    `foot`, the name of the totals, "" where there are none.
    """
    table = Table(
        box=ASCII if plain else SIMPLE, show_edge=False, show_footer=bool(foot), pad_edge=False,
        padding=(0, _GAP - 1, 0, 0), header_style="bold", footer_style="bold",
    )  # fmt: skip
    widths = _widths(kept)
    room = width - sum(size + _GAP for size in widths)
    longest = max((cell_len(labels.visible(name)) for name in names), default=0)
    size = max(1, len(first), len(foot), min(room, longest))
    table.add_column(Text(first), Text(foot), no_wrap=True, overflow="ellipsis", width=size)
    groups = _groups(kept)
    for column, group, wide in zip(kept, groups, widths, strict=True):
        table.add_column(
            _heading(column, group if any(groups) else None, wide, plain),
            Text(_ascii(column.total, plain)),
            justify="right" if column.align == "right" else "left",
            no_wrap=True,
            width=wide,
        )
    for i, name in enumerate(labels.shorten_all(names, size)):
        cells = [
            _cell(column, i, colours[i], wide, plain)
            for column, wide in zip(kept, widths, strict=True)
        ]
        table.add_row(Text(_ascii(name, plain)), *cells)
    return table


def _heading(column: Column, group: str | None, width: int, plain: bool) -> Text:
    """The heading, below the name of its group if there are groups."""
    if group is None:
        return Text(_ascii(column.header, plain))
    above = labels.shorten(labels.visible(group), width)
    return Text(_ascii(f"{above}\n{column.header}", plain))


def _cell(column: Column, row: int, colour: str, width: int, plain: bool) -> Text:
    if column.shares is not None:
        return Text(_ascii(bar(column.shares[row], width), plain), style=Style(color=colour))
    style = Style(color=colour) if column.coloured else Style.null()
    return Text(_ascii(column.cells[row], plain), style=style)


def bar(share: float, width: int = _BAR) -> str:
    """A bar of blocks, eighths of a character long; what is not nothing shows.

    >>> bar(0.5, 4), bar(0.001, 4), bar(0.0, 4)
    ('██', '▏', '')
    """
    eighths = round(share * width * 8) or (1 if share > 0 else 0)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def lines_of(found: Sequence[tuple[str, str]], plain: bool) -> Table:
    """Named lines, the names in a column of their own."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for name, text in found:
        grid.add_row(Text(name), Text(_ascii(text, plain)))
    return grid


def _ascii(text: str, plain: bool) -> str:
    """The text as a terminal without Unicode can show it, if `plain`."""
    if not plain:
        return text
    return text.translate(_PLAIN).encode("ascii", "replace").decode()
