"""The commands that run a network: run, fidelity, diff and vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from xnorsim.cli.options import RUN_OPTIONS, Formatted, ModelName, Output, takes_options
from xnorsim.cli.progress import progress_bar
from xnorsim.cli.writing import check_figure, check_output, emit, save, wanted_form
from xnorsim.errors import UsageError

__all__ = ["diff", "fidelity", "run", "vectors"]


@takes_options(RUN_OPTIONS)
def run(
    model: ModelName,
    options: dict[str, Any],
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", help="Tensor to keep, by its name, its layer's, or a glob; repeat."),
    ] = None,
    max_memory: Annotated[
        str | None,
        typer.Option("--max-memory", help="Most for activations and weights, as '2 GB'."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", help="Cores that kernels and BLAS use.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write outputs and kept tensors to an .npz file."),
    ] = None,
) -> None:
    """Run a network, its binary layers exact to the bit."""
    from xnorsim.analysis import run as execute
    from xnorsim.show.output import write_arrays
    from xnorsim.show.tensors import print_run

    check_output(output, [model, options["inputs"]])
    if output and output.suffix.lower() != ".npz":
        raise UsageError(f"'{output}': tensors are written by name: end it in .npz")
    with progress_bar() as progress:
        found = execute(
            model,
            keep=keep or (),
            max_memory=max_memory,
            threads=threads,
            progress=progress,
            **options,
        )
    if output:  # first: what is on the screen can be had again from it
        write_arrays(output, {**found.kept, **found.outputs})
        typer.echo(f"wrote {output}", err=True)
    print_run(found)


@takes_options(RUN_OPTIONS, binarize="xnor")
def fidelity(
    model: ModelName,
    options: dict[str, Any],
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw it too: PNG, SVG or PDF.")
    ] = None,
    format: Formatted = None,
    output: Output = None,
) -> None:
    """Show how far a network is off, layer by layer, when it is binarized without retraining."""
    from xnorsim.analysis import fidelity as found

    form = wanted_form(format, output, [model, options["inputs"]])
    if plot:  # before any work is done
        check_figure(plot)
    with progress_bar() as progress:
        result = found(model, progress=progress, **options)
    emit(result, form, output)
    if plot:
        from xnorsim.show.fidelity_plot import plot_fidelity

        save(plot_fidelity(result.to_dict()).figure, plot)


@takes_options(RUN_OPTIONS)
def diff(
    a: ModelName,
    options: dict[str, Any],
    b: Annotated[
        str | None,
        typer.Argument(
            help="Another network; or another tool's tensors: an .npz file, or a folder of .npy "
            "files (tensor a/b in a__b.npy). Without it, A on --engine-b."
        ),
    ] = None,
    engine_b: Annotated[str | None, typer.Option("--engine-b", help="Of B; else A's.")] = None,
    ulp: Annotated[int, typer.Option(help="Floats this many steps apart count as equal.")] = 0,
    tolerance: Annotated[float, typer.Option(help="Numbers this far apart count as equal.")] = 0.0,
    format: Formatted = None,
    output: Output = None,
) -> None:
    """Show the first tensor, in execution order, that differs between two runs.

    Exit code: 0 if none differs, 1 if one does, 2 for bad input.
    """
    from xnorsim.analysis import diff as found

    form = wanted_form(format, output, [a, b, options["inputs"]])
    with progress_bar() as progress:
        result = found(
            a, b, engine_b=engine_b, ulp=ulp, tolerance=tolerance, progress=progress, **options
        )
    emit(result, form, output)
    raise typer.Exit(1 if result.differ else 0)


@takes_options(RUN_OPTIONS)
def vectors(
    model: ModelName,
    options: dict[str, Any],
    layer: Annotated[str, typer.Option("--layer", help="The binary layer, by its node's name.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write into.")],
    word_bits: Annotated[int, typer.Option(help="Width of a memory word: 8, 16, 32 or 64.")] = 64,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write among other files, which stay.")
    ] = False,
) -> None:
    """Write golden vectors of a binary layer: .npy, hex for $readmemh, and a JSON that explains."""
    from xnorsim.analysis import vectors as write
    from xnorsim.exact.vector_files import INDEX
    from xnorsim.show.tensors import print_notes

    write(model, layer, output, word_bits=word_bits, overwrite=overwrite, **options)
    typer.echo(f"wrote {output}")
    description = json.loads((output / INDEX).read_text(encoding="utf-8"))
    print_notes(description.get("notes", ()))
