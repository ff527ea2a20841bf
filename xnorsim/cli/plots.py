"""The commands that draw."""

from __future__ import annotations

from collections.abc import Iterable
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
    _check(output, (records, from_records, *(profile or ())))
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


@app.command("network")
@takes_options(ANALYSIS_OPTIONS)
def plot_network(
    model: ModelName,
    options: dict[str, Any],
    by: Annotated[
        str,
        typer.Option("--by", help="Coloured by precision, macs, latency_s or energy_j."),
    ] = "precision",
    output: Output = Path("network.png"),
) -> None:
    """Draw a network: its layers, what they read, and their precision or cost."""
    from xnorsim.analysis.drawing import draw

    _check(output)
    save(draw(model, by, **options), output)


_SweepName = Annotated[Path, typer.Argument(help="A sweep on disk: NAME.zarr.")]


@app.command("heatmap")
def plot_heatmap(
    sweep: _SweepName,
    x: Annotated[str, typer.Option("--x", help="The axis along the bottom; the last.")] = "",
    y: Annotated[str, typer.Option("--y", help="The axis along the side.")] = "",
    metric: Annotated[str, typer.Option("--metric", help="The figure; the first.")] = "",
    at: Annotated[
        list[str] | None,
        typer.Option("--at", help="AXIS=VALUE of another axis; else the least along it."),
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option("--baseline", help="AXIS=VALUE of each axis: draw gains over that point."),
    ] = None,
    output: Output = Path("heatmap.png"),
) -> None:
    """Draw a figure of a sweep over two of its axes."""
    from xnorsim.analysis.sweep import open_sweep
    from xnorsim.show.sweep_plots import heatmap_figure

    _check(output)
    fixed, over = _pairs("--at", at), _pairs("--baseline", baseline)
    found = open_sweep(sweep)
    save(heatmap_figure(found, x, y, metric, at=fixed, baseline=over), output)


@app.command("pareto")
def plot_pareto(
    sweep: _SweepName,
    x: Annotated[str, typer.Option("--x", help="A metric, or a number on an axis.")] = "latency_s",
    y: Annotated[str, typer.Option("--y", help="The same along the side.")] = "energy_j",
    output: Output = Path("pareto.png"),
) -> None:
    """Draw a sweep's designs by two figures, and name those that no other beats."""
    from xnorsim.analysis.sweep import open_sweep
    from xnorsim.show.sweep_plots import pareto_figure

    _check(output)
    save(pareto_figure(open_sweep(sweep), x, y), output)


@app.command("tornado")
@takes_options(ANALYSIS_OPTIONS, predictor="instructions:own")
def plot_tornado(
    model: ModelName,
    options: dict[str, Any],
    metric: Annotated[str, typer.Option("--metric", help="latency_s or energy_j.")] = "latency_s",
    layer: Annotated[
        str | None, typer.Option("--layer", "-l", help="Of one layer; else of the network.")
    ] = None,
    output: Output = Path("tornado.png"),
) -> None:
    """Draw how far each input of a prediction from instructions moves it alone."""
    from xnorsim.analysis.figures import tornado_figure

    _check(output)
    save(tornado_figure(model, metric=metric, layer=layer, **options), output)


@app.command("roofline")
@takes_options(ANALYSIS_OPTIONS)
def plot_roofline(
    model: ModelName,
    options: dict[str, Any],
    output: Output = Path("roofline.png"),
) -> None:
    """Draw a network's layers below the ceilings of a machine."""
    from xnorsim.analysis.figures import roofline_figure

    _check(output)
    save(roofline_figure(model, **options), output)


@app.command("frontier")
def plot_frontier(
    profile: Annotated[
        list[str], typer.Option("--profile", "-p", help="One hardware profile, by name or file.")
    ],
    metric: Annotated[
        str | None,
        typer.Option("--metric", help="latency, energy or memory; a panel each unless told."),
    ] = None,
    networks: Annotated[
        list[str] | None,
        typer.Option("--networks", help="Of the zoo, with commas or repeated; all unless told."),
    ] = None,
    predictor: Annotated[
        str, typer.Option("--predictor", help="roofline, formula, or instructions:SET.")
    ] = "roofline",
    threads: Annotated[int, typer.Option("--threads", help="Cores in use.")] = 1,
    output: Output = Path("frontier.png"),
) -> None:
    """Draw the zoo's networks by published accuracy over what they cost on a machine."""
    from xnorsim.analysis.frontier import frontier, frontier_figure
    from xnorsim.show.frontier import check_metric, unnamed

    if len(profile) != 1:
        raise UsageError(f"plot frontier: one --profile, not {len(profile)}: {', '.join(profile)}")
    _check(output, profile)
    check_metric(metric)
    words = [word.strip() for text in networks or () for word in text.split(",")]
    with progress_bar() as progress:
        found = frontier(
            profile[0], networks=words or None, predictor=predictor, threads=threads,
            progress=progress,
        )  # fmt: skip
        figure = frontier_figure(found, metric=metric)
    save(figure, output)
    lost = (
        f"not named in the figure of {name} for want of room: {', '.join(left)}"
        for name, left in unnamed(figure, found).items()
    )
    for note in (*found.attrs["notes"], *lost):
        typer.echo(f"note: {note}", err=True)


def _check(output: Path | None, inputs: Iterable[object] = ()) -> None:
    if output is not None:  # before any work is done
        check_figure(output, inputs)


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in given or ()]
    lost = [name for name, sign, value in pairs if not (sign and name and value)]
    if lost:
        raise UsageError(f"{option} '{lost[0]}': give AXIS=VALUE, as clock='2 GHz'")
    return {name.strip(): value.strip() for name, _, value in pairs}
