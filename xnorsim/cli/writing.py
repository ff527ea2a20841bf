"""Results on the screen or in a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import typer

from xnorsim.errors import UsageError
from xnorsim.show.forms import Form, form_of, no_page, print_table, render

__all__ = [
    "check_different",
    "check_figure",
    "check_output",
    "check_page",
    "emit",
    "save",
    "wanted_form",
    "write",
]


def check_figure(output: Path, inputs: Iterable[object] = ()) -> None:
    """Refuse a file that no figure can be written to, before any work is done.

    Raises:
        UsageError: its name says no form of a figure, its folder cannot be written to, or it is one
            of the inputs (None: one not given).
    """
    from xnorsim.show.plots import figure_suffix

    figure_suffix(output)
    check_output(output, inputs)


def check_different(files: Mapping[str, Path | None]) -> None:
    """Refuse one file for several options that write, there or not (None: one not given).

    Raises:
        UsageError: two are the same file.
    """
    given = [(name, path) for name, path in files.items() if path not in (None, _STANDARD_OUTPUT)]
    for (name, path), (other, same) in combinations(given, 2):
        if os.path.realpath(path) == os.path.realpath(same):
            raise UsageError(f"'{path}' cannot be both {name} and {other}")


def save(figure: Any, output: Path | None) -> None:
    """Write a figure, and say where.

    Raises:
        UsageError: no file is given, or one whose name says no form of a figure.
    """
    from xnorsim.show.plots import save_figure

    if output is None:
        raise UsageError("a figure needs a file: give --output NAME.png, .svg or .pdf")
    save_figure(figure, output)
    typer.echo(f"wrote {output}")


def check_output(output: Path | None, inputs: Iterable[object]) -> None:
    """Refuse an output that cannot be written, or is one of the inputs (None: one not given).

    Raises:
        UsageError: it is, or its folder cannot be written to.
    """
    if output not in (None, _STANDARD_OUTPUT):
        from xnorsim.show.output import check_place

        check_place(output)
    for item in inputs:
        path = Path(str(item)) if item else None
        if output and path and output.exists() and path.exists() and output.samefile(path):
            raise UsageError(f"'{output}' is read, and would be written over")


def wanted_form(
    format: Form | None, output: Path | None, inputs: Iterable[object], *, page: bool = False
) -> Form:
    """The form asked for, or that the output file's name says; before any work is done.

    page: whether the result can be a page of HTML.

    Raises:
        UsageError: as check_output; the output's name says a form that there is not; or a page of
            what has none.
        MissingExtraError: what makes pages is not installed.
    """
    check_output(output, inputs)
    found = form_of(output)
    if format is None and found is None:
        endings = ".json, .csv, .md, .txt or .html" if page else ".json, .csv, .md or .txt"
        raise UsageError(
            f"'{output}': its name says no form: end it in {endings}, or give --format"
        )
    form = format or found or Form.TABLE
    if form is Form.HTML:
        check_page(page)
    return form


def check_page(possible: bool = True) -> None:
    """Refuse a page of HTML that cannot be made, before any work is done.

    Raises:
        UsageError: there is none of this result.
        MissingExtraError: what makes pages is not installed.
    """
    from xnorsim.show.page import check_extra

    if not possible:
        raise UsageError(no_page())
    check_extra()


def emit(result: Any, form: Form, output: Path | None, all_layers: bool = False) -> None:
    """Show `result` on the screen or write it."""
    if form is Form.TABLE and output in (None, _STANDARD_OUTPUT):
        print_table(result, all_layers=all_layers)
    else:
        write(render(result, form, all_layers=all_layers), output)


_STANDARD_OUTPUT = Path("-")


def write(text: str, output: Path | None) -> None:
    """Write `text` to a file, and say so; without one, or for "-", to standard output."""
    if output in (None, _STANDARD_OUTPUT):
        sys.stdout.write(text)
        return
    from xnorsim.show.output import write_text

    write_text(output, text)
    typer.echo(f"wrote {output}", err=True)
