"""The command that describes this machine as a profile."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xnorsim.cli.progress import STOPPED, progress_bar

__all__ = ["calibrate"]


def calibrate(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The profile's file, as my-machine.yaml.")
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Write over a file that is there.")
    ] = False,
    rounds: Annotated[
        int | None, typer.Option("--rounds", help="How often every loop is timed; else 60 times.")
    ] = None,
) -> None:
    """Describe this machine as a profile, by micro-benchmarks; takes a minute and a half.

    Called again after it was stopped, it goes on where it was.
    """
    from xnorsim.analysis.calibration import calibrate_and_tell
    from xnorsim.show.calibration import calibration_lines

    try:
        with progress_bar() as tell:
            found = calibrate_and_tell(output, force=force, rounds=rounds, tell=tell)
    except KeyboardInterrupt:
        typer.echo("stopped: the same command goes on after the rounds that are done", err=True)
        raise typer.Exit(STOPPED) from None
    for line in (*found.notes, *(f"warning: {text}" for text in found.warnings)):
        typer.echo(line, err=True)
    for line in calibration_lines(found.profile):
        typer.echo(line)
    typer.echo(f"wrote {output} after {found.seconds:.0f} s", err=True)
