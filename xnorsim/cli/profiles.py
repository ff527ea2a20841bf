"""The commands about hardware profiles."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from xnorsim.cli.options import Output, group
from xnorsim.cli.writing import write
from xnorsim.errors import ProfileError

__all__ = ["app"]

app = group("Hardware profiles: list, show, check, schema.")


@app.command("list")
def profiles_list() -> None:
    """List the profiles that come with xnorsim."""
    from xnorsim.machine.profile import load_profile, profile_names
    from xnorsim.show.listing import print_rows

    items = [load_profile(name) for name in profile_names()]
    rows = [(p.name, p.clock.value, p.cores.value, p.simd.bits.value, p.description) for p in items]
    print_rows(("profile", "clock", "cores", "SIMD", "machine"), rows)


@app.command("show")
def profiles_show(
    profile: Annotated[str, typer.Argument(help="A profile's name or file.")],
) -> None:
    """Show every number of a profile with its range, basis and source, and its ports."""
    from xnorsim.machine.profile import instruction_rows, load_profile, quantities
    from xnorsim.show.listing import print_rows, span

    item = load_profile(profile)
    rows = [
        (row.path, row.value, span(row.low, row.high), row.basis, row.source)
        for row in quantities(item)
    ]
    typer.echo(f"{item.name}: {item.description}")
    print_rows(("quantity", "value", "range", "basis", "source"), rows)
    instructions = instruction_rows(item)
    if instructions:
        print_rows(("instruction", "uops", "ports", "is"), instructions)
    print_rows(("source", "is"), sorted(item.sources.items()))


@app.command("check")
def profiles_check(
    files: Annotated[list[str], typer.Argument(help="Profile files or names.")],
) -> None:
    """Check profiles: every fault at once, with line and path."""
    from xnorsim.machine.profile import check_profile

    faults: list[str] = []
    for file in files:
        try:
            found = [str(fault) for fault in check_profile(file)]
        except ProfileError as error:  # not a profile at all: the other files are checked too
            found = [str(error)]
        faults += found
        if not found:
            typer.echo(f"{file}: no faults")
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise ProfileError("\n".join([f"{count}:", *faults]))


@app.command("schema")
def profiles_schema(output: Output = None) -> None:
    """Write the JSON Schema of a profile, for editors."""
    from xnorsim.machine.profile import profile_schema

    write(json.dumps(profile_schema(), indent=2) + "\n", output)
