"""The commands about the networks that come with xnorsim."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xnorsim.cli.options import Formatted, Output, group
from xnorsim.cli.writing import emit, wanted_form

__all__ = ["app"]

app = group("Networks that come with xnorsim: list, show, export.")

_Network = Annotated[str, typer.Argument(help="A network of the zoo.")]


@app.command("list")
def zoo_list(format: Formatted = None, output: Output = None) -> None:
    """List the networks that come with xnorsim: precisions, sizes and published accuracy."""
    from xnorsim.analysis.zoo import zoo_list as run

    form = wanted_form(format, output, ())
    emit(run(), form, output)


@app.command("show")
def zoo_show(network: _Network, format: Formatted = None, output: Output = None) -> None:
    """Show a network's card: what is published of it with its source, and what is counted here."""
    from xnorsim.analysis.zoo import zoo_card

    form = wanted_form(format, output, ())
    emit(zoo_card(network), form, output)


@app.command("export")
def zoo_export(
    network: _Network,
    output: Annotated[Path, typer.Option("--output", "-o", help="The ONNX file to write.")],
    weights: Annotated[
        str, typer.Option("--weights", help="auto (drawn from a seed), or none: all left out.")
    ] = "auto",
) -> None:
    """Write a network as ONNX, its binary layers as QONNX has them."""
    from xnorsim.analysis.export import exported
    from xnorsim.show.tensors import print_notes
    from xnorsim.zoo import build

    found = exported(build(network), output, weights=weights)
    typer.echo(f"wrote {found.path}")
    print_notes(found.notes)
