"""The command that sets predictions beside measurements."""

from __future__ import annotations

from typing import Annotated

import typer

from xnorsim.cli.options import Formatted, Output
from xnorsim.cli.writing import emit, wanted_form
from xnorsim.errors import UsageError

__all__ = ["validate"]


def validate(
    published: Annotated[
        bool,
        typer.Option("--published", help="Against the published latencies that come with xnorsim."),
    ] = False,
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
    emit(validate_published(), form, output)
