"""The forms a result can be written in, and one way to ask for each.

Nothing heavy is imported before a form is asked for: the command line starts with this module.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from enum import StrEnum
from functools import partial, singledispatch
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from xnorsim.errors import UsageError, XnorsimError, choices

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

__all__ = ["TEXT_FORMS", "Form", "Views", "form_of", "no_page", "print_table", "render", "views"]


class Form(StrEnum):
    """Forms of output."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
    HTML = "html"


TEXT_FORMS = (Form.TABLE, Form.JSON, Form.CSV, Form.MARKDOWN)
"""What every result can be written in; a report can be a page (Form.HTML) as well."""

_SUFFIXES = {
    ".json": Form.JSON,
    ".csv": Form.CSV,
    ".md": Form.MARKDOWN,
    ".html": Form.HTML,
    ".htm": Form.HTML,
    ".txt": Form.TABLE,
    "": Form.TABLE,
}
_FILE_WIDTH = 100


def form_of(path: Path | None) -> Form | None:
    """The form that a file's name says: .json, .csv, .md, .txt or .html; None for another ending.

    Without a file or an ending it is a table.
    """
    return _SUFFIXES.get(path.suffix.lower()) if path else Form.TABLE


class Views(NamedTuple):
    """How a result is shown in each form."""

    table: Callable[[], ConsoleRenderable]
    json: Callable[[], str]
    csv: Callable[[], str]
    markdown: Callable[[], str]
    html: Callable[[], str] | None = None


@singledispatch
def views(result: object, all_layers: bool) -> Views:
    """How to show `result`; the module of each kind of result registers its own.

    Raises:
        XnorsimError: nothing is registered for it.
    """
    raise XnorsimError(f"forms.views has no rule for {type(result).__name__}")


@views.register
def _(result: dict, all_layers: bool) -> Views:
    """A report's JSON document."""
    from xnorsim.show import text
    from xnorsim.show.page import page
    from xnorsim.show.terminal import report_table

    return Views(
        partial(report_table, result, all_layers=all_layers),
        partial(text.to_json, result),
        partial(text.to_csv, result),
        partial(text.to_markdown, result, all_layers=all_layers),
        partial(page, [result]),
    )


def print_table(result: object, *, all_layers: bool = False) -> None:
    """Print a result as a table for the terminal."""
    from rich.console import Console

    Console().print(views(result, all_layers).table())


def render(result: object, form: Form, *, all_layers: bool = False) -> str:
    """A result as text in the given form.

    Raises:
        UsageError: a page of what has none.
    """
    found = views(result, all_layers)
    if form is Form.TABLE:
        return _plain_table(found.table())
    make = getattr(found, form)
    if make is None:
        raise UsageError(no_page())
    return make()


def no_page() -> str:
    """What to say where a page is asked for and there is none."""
    return f"no page of HTML can be made of this: {choices('html', TEXT_FORMS)}"


def _plain_table(table: ConsoleRenderable) -> str:
    """The table as text without colours, as wide as a file is read."""
    from rich.console import Console

    page = io.StringIO()
    Console(file=page, width=_FILE_WIDTH, color_system=None, legacy_windows=False).print(table)
    return "".join(f"{line.rstrip()}\n" for line in page.getvalue().splitlines())
