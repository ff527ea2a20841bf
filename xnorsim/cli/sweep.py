"""The command that predicts a whole space of designs."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xnorsim.cli.progress import STOPPED, points_bar
from xnorsim.cli.writing import check_output
from xnorsim.errors import UsageError

if TYPE_CHECKING:
    import xarray

    from xnorsim.explore.space import Space

__all__ = ["sweep"]


class SweepForm(StrEnum):
    """Forms of a sweep's result; all but Zarr are tables."""

    ZARR = "zarr"
    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"


def sweep(
    spec: Annotated[Path, typer.Argument(help="What is asked for, in YAML.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="NAME.zarr, to go on with where it is; or .csv, .parquet, .json."
        ),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", help="Processes; 0: in this one.")] = 0,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="Address of a dask cluster: tcp://...")
    ] = None,
    reduce: Annotated[
        str | None,
        typer.Option(
            "--reduce",
            help="What is kept: pareto:latency_s,energy_j; top:10:latency_s; "
            "'best:latency_s by profile'; histogram:latency_s.",
        ),
    ] = None,
    memory: Annotated[
        str, typer.Option("--memory", help="Of a process, for the points that it works on.")
    ] = "256MB",
    format: Annotated[
        SweepForm | None, typer.Option("--format", "-f", help="Form; else as the name says.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell faults and the size, and end.")
    ] = False,
) -> None:
    """Predict a network or a layer for every combination of values: what if?

    Stopped at any moment, the same command goes on with a Zarr folder where it was.
    """
    from xnorsim.explore.resolve import size_text

    form = _form(output, format)
    check_output(output, [spec])
    space = _space(spec, reduce)
    size = f"{'it would be ' if dry_run else ''}{size_text(space)}"
    for text in (size, *space.notes):
        typer.echo(text, err=True)
    if dry_run:
        return
    if output is None and format is None:
        _show(_swept(space, None, workers, scheduler, memory))
    elif form is SweepForm.ZARR:
        _swept(space, output, workers, scheduler, memory)
        typer.echo(f"wrote {output}", err=True)
    else:
        _write(_swept(space, None, workers, scheduler, memory), form, output)


def _form(output: Path | None, form: SweepForm | None) -> SweepForm:
    """The form asked for, or that the output's name says; Zarr is that of a folder."""
    suffix = output.suffix.lower().lstrip(".") if output else ""
    named = SweepForm(suffix) if suffix in list(SweepForm) else None
    if form is SweepForm.ZARR and output is None:
        raise UsageError("zarr is a folder: name it by --output")
    if form and named and form is not named and SweepForm.ZARR in (form, named):
        raise UsageError(f"'{output}' is {named}, and --format asks for {form}")
    if output and not form and not named:
        raise UsageError(
            f"'{output}': its name says no form: end it in .zarr, .csv, .parquet or .json, "
            "or give --format"
        )
    return form or named or SweepForm.ZARR


def _space(spec: Path, reduce: str | None) -> Space:
    from xnorsim.analysis.models import load_model
    from xnorsim.explore.resolve import resolve
    from xnorsim.explore.spec import read_spec

    try:
        content = spec.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read '{spec}': {error.strerror}") from error
    asked = read_spec(content, str(spec))
    if reduce is not None:
        asked = replace(asked, data={**asked.data, "reduce": reduce})
    return resolve(asked, load_model)


def _swept(
    space: Space, out: Path | None, workers: int, scheduler: str | None, memory: str
) -> xarray.Dataset:
    from xnorsim.explore.sweep import swept

    given = {"workers": workers, "scheduler": scheduler, "memory": memory}
    try:
        with points_bar() as progress:
            return swept(space, out=out, progress=progress, **given)
    except KeyboardInterrupt:
        stays = f": what is done stays in {out}, and the same command goes on" if out else ""
        typer.echo(f"stopped{stays}", err=True)
        raise typer.Exit(STOPPED) from None


def _show(dataset: xarray.Dataset) -> None:
    from rich.console import Console

    from xnorsim.show.sweep_table import sweep_table

    Console().print(sweep_table(dataset))


def _write(dataset: xarray.Dataset, form: SweepForm, output: Path | None) -> None:
    from xnorsim.show.output import write_bytes
    from xnorsim.show.sweep_table import table_bytes

    content = table_bytes(dataset, form)
    if output is None:
        typer.echo(content, nl=False)
        return
    write_bytes(output, content)
    typer.echo(f"wrote {output}", err=True)
