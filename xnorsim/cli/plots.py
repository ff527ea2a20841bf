"""The commands that draw."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from xnorsim.cli.options import ANALYSIS_OPTIONS, ModelName, Output, group, takes_options
from xnorsim.cli.writing import save

__all__ = ["app"]

app = group("Figures as PNG, SVG or PDF.")


@app.command("speedup")
def plot_speedup(
    profile: Annotated[
        list[str] | None,
        typer.Option("--profile", "-p", help="Beside the paper's formula, these machines."),
    ] = None,
    baseline: Annotated[
        str, typer.Option(help="Of the machines' curves: scalar or peak.")
    ] = "peak",
    output: Output = Path("speedup.png"),
) -> None:
    """Draw speedup by channels and by filter size, as in the paper."""
    from xnorsim.analysis import speedup_figure

    save(speedup_figure(profile or (), baseline=baseline), output)


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
