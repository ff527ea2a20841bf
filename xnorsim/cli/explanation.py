"""The command that shows how a prediction comes about."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from xnorsim.cli.options import ANALYSIS_OPTIONS, Formatted, ModelName, Output, takes_options
from xnorsim.cli.writing import emit, wanted_form

__all__ = ["explain"]


@takes_options(ANALYSIS_OPTIONS, predictor="instructions:own")
def explain(
    model: ModelName,
    options: dict[str, Any],
    layer: Annotated[
        str | None,
        typer.Option("--layer", "-l", help="The layer; else the one that takes most time."),
    ] = None,
    format: Formatted = None,
    output: Output = None,
) -> None:
    """Show the arithmetic of a prediction, from instructions to seconds and joules, with sources.

    It takes one --profile and --predictor instructions:SET. Without --layer, what moves the
    latency and energy of the whole network is told as well.
    """
    from xnorsim.analysis import explain as run

    form = wanted_form(format, output, [model, *options["profile"]])
    emit(run(model, layer=layer, **options), form, output)
