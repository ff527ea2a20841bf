"""An explanation in a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult
from rich.text import Text

from xnorsim.show import labels
from xnorsim.show.explanation import Explanation
from xnorsim.show.explanation_content import sections
from xnorsim.show.explanation_parts import Table
from xnorsim.show.terminal import fit, lines_of, table_of
from xnorsim.show.text import markdown_lines, markdown_table

__all__ = ["explanation_markdown", "explanation_table"]

_WIDEST_NAME = 44
_COLOUR = labels.COLOURS[None]


def explanation_table(found: Explanation) -> ConsoleRenderable:
    """The explanation as something that rich prints at any width from 60 on."""
    return _View(found)


@dataclass(frozen=True)
class _View:
    found: Explanation

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        plain = options.ascii_only
        for section in sections(self.found):
            yield Text(section.title, style="bold")
            for number, block in enumerate(section.blocks):
                if isinstance(block, Table):
                    yield from [Text("")] if number else []
                    yield from _table(block, options)
                else:
                    yield lines_of(block, plain)
            yield Text("")


def _table(table: Table, options: ConsoleOptions) -> Iterator[Any]:
    """A table with the columns that fit, and the names of those that do not."""
    width, plain = options.max_width, options.ascii_only
    room = min(_WIDEST_NAME, max(map(cell_len, [*table.names, table.first, table.foot])))
    kept = fit(table.columns, width - room)
    colours = [_COLOUR] * len(table.names)
    yield table_of(table.first, table.names, kept, colours, width, plain, foot=table.foot)
    left_out = [column.header for column in table.columns if column not in kept]
    if left_out:
        yield lines_of(
            [("left out", f"{', '.join(left_out)}: no room at this width, COLUMNS=120 has it")],
            plain,
        )


def explanation_markdown(found: Explanation) -> str:
    """The explanation as lists and tables with every column."""
    first, *rest = sections(found)
    lines = [f"# {first.title}", ""]
    for number, section in enumerate((first, *rest)):
        lines += [f"## {section.title}", ""] if number else []
        for block in section.blocks:
            if isinstance(block, Table):
                lines += markdown_table(block.first, block.names, block.columns, foot=block.foot)
            else:
                lines += markdown_lines(block)
            lines.append("")
    return "\n".join(lines)
