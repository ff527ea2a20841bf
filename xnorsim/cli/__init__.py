"""The command line: each command a few lines that call the rest.

Exit codes: 0; 1 for a failure of ours, or a sweep's disk that is full; 2 for bad input, too little
memory, or output that cannot be written. `diff` ends with 1 where it finds a difference, `sweep`
with 130 after Ctrl-C. Errors go to stderr in a line or a few; `--debug`, anywhere on the line, adds
the traceback.
"""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from xnorsim import __version__
from xnorsim.cli import (
    analysis,
    calibration,
    execution,
    explanation,
    export,
    plots,
    profiles,
    search,
    sweep,
    validation,
    zoo,
)
from xnorsim.cli.options import group
from xnorsim.errors import DiskFullError, InputError

__all__ = ["app", "main"]

app = group(
    "What binary and mixed-precision networks cost on a machine: work, memory, latency and "
    "energy, each with a range and a source; and what they compute, exact to the bit."
)
for _command in (
    *(analysis.analyze, analysis.compare, analysis.report, analysis.summary),
    explanation.explain,
    *(execution.run, execution.fidelity, execution.diff, execution.vectors),
    *(export.export, validation.validate, calibration.calibrate, sweep.sweep, search.search),
):
    app.command()(_command)
for _name, _commands in (("profiles", profiles), ("zoo", zoo), ("plot", plots)):
    app.add_typer(_commands.app, name=_name)


@app.callback()
def _callback(
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show a traceback when something fails.")
    ] = False,
) -> None:
    """Both are handled in `main`; they stand here for the help."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    given = [word for word in given if word != "--debug"]
    if given[:1] == ["--version"]:
        print(f"xnorsim {__version__}")
        raise SystemExit(0)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name that the terminal cannot show is no error
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            app(given, prog_name="xnorsim")
        finally:
            sys.stdout.flush()  # or what cannot be written would be told when nobody listens
    except Exception as error:
        if debug:
            raise
        raise SystemExit(_report(error)) from None


def _report(error: Exception) -> int:
    """Tell `error` on stderr; the exit code."""
    text = "\n".join(_printable(line) for line in str(error).splitlines())
    if isinstance(error, InputError):
        print(f"xnorsim: {text}", file=sys.stderr)
        return 2
    if isinstance(error, DiskFullError):
        print(f"xnorsim: {text}", file=sys.stderr)
        return 1
    if isinstance(error, OSError):
        print(f"xnorsim: cannot write: {error.strerror or text}", file=sys.stderr)
        return 2
    if isinstance(error, MemoryError):
        print(
            f"xnorsim: not enough memory: {text or 'it cannot be had'}; a smaller --batch takes "
            "less, and run --max-memory refuses before the work begins",
            file=sys.stderr,
        )
        return 2
    print(
        f"xnorsim: this is a failure of ours: {type(error).__name__}: {text}\n"
        "Run it again with --debug for the traceback.",
        file=sys.stderr,
    )
    return 1


def _printable(text: str) -> str:
    """`text` without characters that would steer the terminal."""
    return "".join(c if c.isprintable() or c == "\t" else ascii(c)[1:-1] for c in text)
