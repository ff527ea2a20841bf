"""The command that sets predictions beside measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from xnorsim.cli.options import Formatted, Output
from xnorsim.cli.progress import progress_bar
from xnorsim.cli.writing import (
    check_different,
    check_figure,
    check_output,
    emit,
    save,
    wanted_form,
)
from xnorsim.errors import UsageError

__all__ = ["validate"]


Published = Annotated[
    bool,
    typer.Option("--published", help="Against the published latencies that come with xnorsim."),
]
Host = Annotated[
    bool, typer.Option("--host", help="Against kernels that are measured on this machine, now.")
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        "-p",
        help="This machine's, by name or file (xnorsim calibrate makes one); else the packaged "
        "one nearest to it.",
    ),
]
Quick = Annotated[
    bool, typer.Option("--quick", help="Eight layers and no networks: under a minute.")
]
Full = Annotated[
    bool, typer.Option("--full", help="Every combination of sizes, and more samples of each.")
]
Kernels = Annotated[
    str | None, typer.Option(help="Only these, as xnor,onnxruntime; else all that can run.")
]
Networks = Annotated[str | None, typer.Option(help="Only these, as resnet18,alexnet; or none.")]
Threads = Annotated[int, typer.Option(help="Of every kernel.")]
RecordsFile = Annotated[
    Path | None,
    typer.Option(
        "--records",
        help="Append each measurement to this file; what it has of this machine is not repeated.",
    ),
]
From = Annotated[
    Path | None, typer.Option("--from", help="Show such a file again, and measure nothing.")
]
Every = Annotated[bool, typer.Option("--all", help="Show each speedup, not their summary alone.")]
Plot = Annotated[Path | None, typer.Option("--plot", help="Draw it too: PNG, SVG or PDF.")]


def validate(
    published: Published = False,
    host: Host = False,
    profile: Profile = None,
    quick: Quick = False,
    full: Full = False,
    kernels: Kernels = None,
    networks: Networks = None,
    threads: Threads = 1,
    records: RecordsFile = None,
    from_records: From = None,
    every: Every = False,
    plot: Plot = None,
    format: Formatted = None,
    output: Output = None,
) -> None:
    """Set predictions beside measurements: errors, order, and ranges hit or missed.

    Exit code: 0 however far off they are.
    """
    measured = host or from_records is not None
    if published == measured:
        why = "one at a time;" if published else "against what?"
        raise UsageError(f"validate: {why} valid choices: --published, --host")
    chosen = {
        "--host": host, "--profile": profile, "--quick": quick, "--full": full,
        "--kernels": kernels, "--networks": networks, "--threads": threads != 1,
        "--records": records, "--all": every,
    }  # fmt: skip
    _check(chosen, published, from_records)
    read = (records, from_records, profile)
    form = wanted_form(format, output, read)
    if plot:  # before any work is done
        check_figure(plot, read)
    check_output(records, (profile,))
    check_different({"--records": records, "--output": output, "--plot": plot})
    size = "quick" if quick else "full" if full else "default"
    lists = {"kernels": _words(kernels), "networks": _words(networks)}
    files = {"records": records, "from_records": from_records}
    found = _published() if published else _host(profile, size, threads, **lists, **files)
    emit(found, form, output, all_layers=every)
    if plot:
        save(found.figure(), plot)
    if measured and found.fault:  # after what was measured is shown
        raise UsageError(found.fault)


def _published() -> Any:
    from xnorsim.analysis import validate_published

    return validate_published()


def _host(profile: str | None, size: str, threads: int, **options: Any) -> Any:
    from xnorsim.analysis.host_validation import validate_host

    with progress_bar() as progress:
        return validate_host(profile, size=size, threads=threads, progress=progress, **options)


def _check(chosen: dict[str, Any], published: bool, from_records: Path | None) -> None:
    """What does not go together."""
    if published:
        _refuse(chosen, "--published takes no option of --host")
    if chosen["--quick"] and chosen["--full"]:
        raise UsageError("validate: --quick or --full, not both")
    if from_records:
        measuring = ("--host", "--quick", "--full", "--networks", "--threads", "--records")
        _refuse({name: chosen[name] for name in measuring}, "--from measures nothing")


def _refuse(options: dict[str, Any], why: str) -> None:
    given = [name for name, value in options.items() if value]
    if given:
        raise UsageError(f"validate: {why}: leave out {', '.join(given)}")


def _words(text: str | None) -> tuple[str, ...] | None:
    """("xnor", "numpy") of "xnor,numpy"; () of "none"; None if nothing is given."""
    if text is None:
        return None
    found = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    return () if found == ("none",) else found
