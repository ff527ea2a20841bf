"""The command that sets predictions beside measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xnorsim.cli.options import Formatted, Output
from xnorsim.cli.writing import check_figure, emit, save, wanted_form
from xnorsim.errors import UsageError

__all__ = ["validate"]


def validate(
    published: Annotated[
        bool,
        typer.Option("--published", help="Against the published latencies that come with xnorsim."),
    ] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw it too: PNG, SVG or PDF.")
    ] = None,
    format: Formatted = None,
    output: Output = None,
) -> None:
    """Set predictions beside measurements: errors, order, and ranges hit or missed.

    Exit code: 0 however far off they are.
    """
    from xnorsim.analysis import validate_published

    if not published:
        raise UsageError("validate: against what? valid choices: --published")
    form = wanted_form(format, output, ())
    if plot:  # before any work is done
        check_figure(plot)
    found = validate_published()
    emit(found, form, output)
    if plot:
        save(found.figure(), plot)
