"""The commands that draw."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from xnorsim.cli.options import ANALYSIS_OPTIONS, ModelName, Output, group, takes_options
from xnorsim.cli.progress import progress_bar
from xnorsim.cli.writing import check_different, check_figure, check_output, save
from xnorsim.errors import UsageError

__all__ = ["app"]

app = group("Figures as PNG, SVG or PDF.")


@app.command("speedup")
def plot_speedup(
    profile: Annotated[
        list[str] | None,
        typer.Option("--profile", "-p", help="Beside the paper's formula, these machines."),
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(help="Of the machines' curves: scalar, peak (unless told), same program."),
    ] = None,
    predictor: Annotated[
        list[str] | None,
        typer.Option(help="Of the machines' curves: roofline (unless told), instructions:SET."),
    ] = None,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure", help="Beside what is measured on this machine, described by --profile."
        ),
    ] = False,
    records: Annotated[
        Path | None, typer.Option("--records", help="With --measure: as for validate.")
    ] = None,
    from_records: Annotated[
        Path | None, typer.Option("--from", help="Draw such a file, and measure nothing.")
    ] = None,
    output: Output = Path("speedup.png"),
) -> None:
    """Draw speedup by channels and by filter size, as in the paper."""
    if output is not None:  # before any work is done
        check_figure(output, (records, from_records, *(profile or ())))
    check_different({"--records": records, "--output": output})
    if measure or from_records:
        if baseline or predictor or (records and from_records):
            raise UsageError(
                "plot speedup: --measure has its baselines, and --from measures nothing: "
                "leave out --baseline and --predictor, and --records beside --from"
            )
        check_output(records, profile or ())
        _draw_measured(_measured(profile, records, from_records), output)
        return
    from xnorsim.analysis import speedup_figure

    if records:
        raise UsageError("plot speedup: --records keeps what is measured: give --measure too")
    figure = speedup_figure(
        profile or (), baseline=baseline or "peak", predictor=predictor or "roofline",
        logarithmic=len(baseline or ()) > 1,
    )  # fmt: skip
    save(figure, output)


def _draw_measured(found: Any, output: Path | None) -> None:
    save(found.figure, output)
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
    if found.fault:
        raise UsageError(found.fault)


def _measured(profiles: list[str] | None, records: Path | None, again: Path | None) -> Any:
    from xnorsim.analysis.host_speedup import measured_speedup_figure

    if profiles and len(profiles) > 1:
        raise UsageError(f"plot speedup: --measure takes one --profile, not {len(profiles)}")
    profile = profiles[0] if profiles else None
    with progress_bar() as progress:
        return measured_speedup_figure(
            profile, records=records, from_records=again, progress=progress
        )


@app.command("layers")
@takes_options(ANALYSIS_OPTIONS)
def plot_layers(
    model: ModelName,
    options: dict[str, Any],
    output: Output = Path("layers.png"),
) -> None:
    """Draw what each layer costs: latency on a profile, or else MACs."""
    from xnorsim.analysis import analyze as run
    from xnorsim.show.plots import plot_layers as draw

    save(draw(run(model, **options).to_dict()).figure, output)
