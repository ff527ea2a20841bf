"""The commands about the networks that come with xnorsim."""

from __future__ import annotations

from typing import Annotated

import typer

from xnorsim.cli.options import Formatted, Output, group
from xnorsim.cli.writing import emit, wanted_form

__all__ = ["app"]

app = group("Networks that come with xnorsim: list, show.")

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
