"""The command that writes a network as a file of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from xnorsim.cli.options import RUN_OPTIONS, ModelName, takes_options
from xnorsim.cli.writing import check_output

__all__ = ["export"]

_OPTIONS = [item for item in RUN_OPTIONS if item.name not in ("input", "engine", "weights")]


@takes_options(_OPTIONS)
def export(
    model: ModelName,
    options: dict[str, Any],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write, whole or not at all: NAME.onnx.")
    ],
    weights: Annotated[
        str,
        typer.Option(
            help="auto (the model's, left out where it has none), none (all left out), seed (all "
            "drawn), or the file of a Keras configuration's weights."
        ),
    ] = "auto",
) -> None:
    """Write a network as an ONNX file, binary layers as QONNX has them."""
    from xnorsim.analysis.export import exported
    from xnorsim.show.tensors import print_notes

    check_output(output, [model, weights])
    found = exported(model, output, weights=weights, **options)
    typer.echo(f"wrote {found.path}")
    print_notes(found.notes)
