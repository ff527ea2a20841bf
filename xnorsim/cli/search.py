"""The command that looks for the best numbers of a machine."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from xnorsim.cli.options import Formatted, ModelName, Output
from xnorsim.cli.progress import progress_bar
from xnorsim.cli.writing import emit, wanted_form
from xnorsim.errors import UsageError

__all__ = ["search"]


def search(
    model: ModelName,
    field: Annotated[
        list[str],
        typer.Option("--field", help="NAME=RANGE, as clock='1 GHz .. 4 GHz'; repeat for several."),
    ],
    profile: Annotated[
        str, typer.Option("--profile", "-p", help="The machine whose other numbers stay.")
    ],
    objective: Annotated[
        list[str] | None,
        typer.Option(
            "--objective", help="METRIC or METRIC=POWER, multiplied; latency_s unless told."
        ),
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", help="A condition on fields; repeat.")
    ] = None,
    binarize: Annotated[str, typer.Option("--binarize", help="none, bwn or xnor.")] = "none",
    predictor: Annotated[
        str, typer.Option("--predictor", help="roofline, or instructions:SET.")
    ] = "roofline",
    threads: Annotated[int | None, typer.Option("--threads", help="Cores in use.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same one gives the same answer.")] = 0,
    generations: Annotated[int, typer.Option("--generations", help="At most so many.")] = 100,
    format: Formatted = None,
    output: Output = None,
) -> None:
    """Search a machine's numbers, and threads, for what makes latency or energy least."""
    import xnorsim.show.search  # noqa: F401  # registers how the result is shown
    from xnorsim.analysis.sweep import search as run

    form = wanted_form(format, output, [model, profile])
    fields = dict(_pair("--field", text) for text in field)
    with progress_bar() as progress:
        found = run(
            model, fields, profile, objective=_powers(objective or ["latency_s"]),
            where=where or (), seed=seed, generations=generations, progress=progress,
            binarize=binarize, predictor=predictor, threads=threads,
        )  # fmt: skip
    emit(found, form, output)


def _pair(option: str, text: str) -> tuple[str, str]:
    name, sign, value = (part.strip() for part in text.partition("="))
    if not (sign and name and value):
        raise UsageError(f"{option} '{text}': give NAME=VALUE, as clock='1 GHz .. 4 GHz'")
    return name, value


def _powers(texts: list[str]) -> dict[str, Any]:
    powers = {}
    for text in texts:
        name, power = _pair("--objective", text if "=" in text else f"{text}=1")
        try:
            powers[name] = float(power)
        except ValueError:
            raise UsageError(f"--objective '{text}': {power!r} is no power") from None
    return powers
