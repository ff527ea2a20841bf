"""The commands analyze, compare, report and summary."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from xnorsim.cli.options import (
    ANALYSIS_OPTIONS,
    MODEL_OPTIONS,
    AllLayers,
    Formatted,
    ModelName,
    Output,
    changed_options,
    takes_options,
)
from xnorsim.cli.writing import check_output, check_page, emit, wanted_form, write
from xnorsim.errors import UsageError

__all__ = ["analyze", "compare", "report", "summary"]


@takes_options(ANALYSIS_OPTIONS)
def analyze(
    model: ModelName,
    options: dict[str, Any],
    all_layers: AllLayers = False,
    format: Formatted = None,
    output: Output = None,
) -> None:
    """Count the work in a network, and predict what it costs on machines."""
    from xnorsim.analysis import analyze as run

    form = wanted_form(format, output, [model, *options["profile"]], page=True)
    emit(run(model, **options).to_dict(), form, output, all_layers)


@takes_options(ANALYSIS_OPTIONS)
def compare(
    a: Annotated[str, typer.Argument(help="A report saved as JSON, or a model.")],
    options: dict[str, Any],
    b: Annotated[str | None, typer.Argument(help="Another; or else give two profiles.")] = None,
    all_layers: AllLayers = False,
    format: Formatted = None,
    output: Output = None,
) -> None:
    """Put two reports, two models, or one model on two profiles side by side."""
    from xnorsim.analysis import compare as run
    from xnorsim.analysis.costs import is_report

    given = [item for item in (a, b) if item is not None]
    changed = changed_options(options)
    if changed and all(map(is_report, given)):
        raise UsageError(f"{', '.join(changed)}: two reports are compared as they were made")
    form = wanted_form(format, output, [*given, *options["profile"]])
    emit(run(a, b, **options), form, output, all_layers)


@takes_options(ANALYSIS_OPTIONS)
def report(
    models: Annotated[
        list[str], typer.Argument(help="Models to analyze, or reports saved as JSON.")
    ],
    options: dict[str, Any],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The page, written whole or not at all.")
    ] = Path("report.html"),
) -> None:
    """Put one model or several, on one profile or several, on one HTML page to send on."""
    from xnorsim.analysis.costs import is_report
    from xnorsim.analysis.reports import report as run

    changed = changed_options(options)
    saved = all(map(is_report, models))
    if changed and saved:
        raise UsageError(f"{', '.join(changed)}: saved reports are shown as they were made")
    check_output(output, [*models, *options["profile"]])
    check_page()
    write(run(models, **({} if saved else options)).to_html(), output)


@takes_options(MODEL_OPTIONS)
def summary(
    model: ModelName,
    options: dict[str, Any],
    convention: Annotated[
        str, typer.Option("--convention", help="Whose rules are counted by: xnorsim or larq.")
    ] = "xnorsim",
    all_layers: AllLayers = False,
    format: Formatted = None,
    output: Output = None,
) -> None:
    """List a network's layers as its file has them: weights and MACs by number of bits."""
    from xnorsim.analysis.summary import summary as run

    form = wanted_form(format, output, [model])
    emit(run(model, convention=convention, **options), form, output, all_layers)
