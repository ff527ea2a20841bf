"""The forms a result can be written in, and one way to ask for each.

Nothing heavy is imported before a form is asked for: the command line starts with this module.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

    from xnorsim.show.comparison import Comparison

__all__ = ["Form", "form_of", "print_table", "render"]


class Form(StrEnum):
    """Forms of output."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


_SUFFIXES = {
    ".json": Form.JSON,
    ".csv": Form.CSV,
    ".md": Form.MARKDOWN,
    ".txt": Form.TABLE,
    "": Form.TABLE,
}
_FILE_WIDTH = 100


def form_of(path: Path | None) -> Form | None:
    """The form that a file's name says: .json, .csv, .md or .txt; None for another ending.

    Without a file or an ending it is a table.
    """
    return _SUFFIXES.get(path.suffix.lower()) if path else Form.TABLE


def print_table(result: Mapping[str, Any] | Comparison, *, all_layers: bool = False) -> None:
    """Print a report's document or a comparison as a table for the terminal."""
    from rich.console import Console

    Console().print(_table(result, all_layers))


def render(result: Mapping[str, Any] | Comparison, form: Form, *, all_layers: bool = False) -> str:
    """A report's document or a comparison as text in the given form."""
    from xnorsim.show import comparison, comparison_view, text

    if form is Form.TABLE:
        return _plain_table(_table(result, all_layers))
    if isinstance(result, comparison.Comparison):
        if form is Form.MARKDOWN:
            return comparison_view.comparison_markdown(result, all_layers=all_layers)
        whole = {Form.JSON: comparison.comparison_json, Form.CSV: comparison.comparison_csv}
        return whole[form](result)
    if form is Form.MARKDOWN:
        return text.to_markdown(result, all_layers=all_layers)
    return {Form.JSON: text.to_json, Form.CSV: text.to_csv}[form](result)


def _table(result: Mapping[str, Any] | Comparison, all_layers: bool) -> ConsoleRenderable:
    from xnorsim.show.comparison import Comparison
    from xnorsim.show.comparison_view import comparison_table
    from xnorsim.show.terminal import report_table

    if isinstance(result, Comparison):
        return comparison_table(result, all_layers=all_layers)
    return report_table(result, all_layers=all_layers)


def _plain_table(table: ConsoleRenderable) -> str:
    """The table as text without colours, as wide as a file is read."""
    from rich.console import Console

    page = io.StringIO()
    Console(file=page, width=_FILE_WIDTH, color_system=None, legacy_windows=False).print(table)
    return "".join(f"{line.rstrip()}\n" for line in page.getvalue().splitlines())
