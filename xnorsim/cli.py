"""The command line: each command a few lines that call the rest.

Exit codes: 0; 1 for a failure of ours; 2 for bad input. Errors go to stderr in a line or a few;
`--debug`, anywhere on the line, adds the traceback.
"""

from __future__ import annotations

import inspect
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from xnorsim import __version__
from xnorsim.errors import InputError, ProfileError, UsageError
from xnorsim.show.forms import Form, form_of, print_table, render

__all__ = ["app", "main"]


def _group(text: str) -> typer.Typer:
    return typer.Typer(help=text, no_args_is_help=True, pretty_exceptions_enable=False)


app = _group(
    "What binary and mixed-precision networks cost on a machine: work, memory, latency and "
    "energy, each with a range and a source."
)
profiles_app = _group("Hardware profiles: list, show, check, schema.")
zoo_app = _group("Networks that come with xnorsim.")
plot_app = _group("Figures as PNG, SVG or PDF.")
app.add_typer(profiles_app, name="profiles")
app.add_typer(zoo_app, name="zoo")
app.add_typer(plot_app, name="plot")


Formatted = Annotated[
    Form | None,
    typer.Option("--format", "-f", help="Form of output; else as the output file's name says."),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write to a file, whole or not at all.")
]
AllLayers = Annotated[bool, typer.Option("--all", help="Show the layers without MACs too.")]


def _option(annotation: Any, default: Any, *names: str, text: str) -> inspect.Parameter:
    return inspect.Parameter(
        names[0].lstrip("-").replace("-", "_"),
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[annotation, typer.Option(*names, help=text)],
    )


_ANALYSIS_OPTIONS = (
    _option(
        list[str] | None,
        None,
        "--profile",
        "-p",
        text="Hardware profile by name or file; repeat for several.",
    ),
    _option(
        str,
        "none",
        "--binarize",
        text="Cost it as if binarized: none, bwn (weights) or xnor (inputs too).",
    ),
    _option(
        str,
        "first,last",
        "--keep",
        text="Layers kept in high precision: first, last, names, globs; or none.",
    ),
    _option(str, "alpha", "--scaling", text="Of binary layers: none, alpha or alpha_k."),
    _option(bool, False, "--depthwise", text="Binarize depthwise convolutions too."),
    _option(
        str, "bn,relu", "--fuse", text="What runs in the layer before it: bn, relu, add; or none."
    ),
    _option(
        list[str] | None,
        None,
        "--input-shape",
        text="NAME=1,3,224,224; repeat for several inputs.",
    ),
    _option(int | None, None, "--batch", text="Inputs at once."),
    _option(int, 1, "--threads", text="Cores in use."),
    _option(
        str, "roofline", "--predictor", text="roofline, or formula: the paper's operation counts."
    ),
    _option(
        bool,
        False,
        "--allow-unknown",
        text="Go on with operators without a rule; totals are then lower bounds.",
    ),
)
"""The options of xnorsim.analysis.analyze, shared by every command that analyzes a model."""


def _takes_analysis_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command` the analysis options; it receives them as one mapping, `options`."""

    def run(**given: Any) -> None:
        options = {item.name: given.pop(item.name) for item in _ANALYSIS_OPTIONS}
        options["profile"] = options["profile"] or ()
        options["input_shape"] = _shapes(options["input_shape"] or [])
        command(**given, options=options)

    signature = inspect.signature(command, eval_str=True)
    own = [item for item in signature.parameters.values() if item.name != "options"]
    own = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in own]
    run.__signature__ = signature.replace(parameters=[*own, *_ANALYSIS_OPTIONS])  # pyright: ignore[reportFunctionMemberAccess]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run


def _shapes(texts: list[str]) -> dict[str, tuple[int, ...]]:
    """{"x": (1, 3, 224, 224)} of ["x=1,3,224,224"]; every fault at once."""
    shapes: dict[str, tuple[int, ...]] = {}
    faults = []
    for text in texts:
        name, _, sizes = text.rpartition("=")
        try:
            shape = tuple(int(size) for size in sizes.split(","))
        except ValueError:
            shape = ()
        if not name or not shape or min(shape) < 1:
            faults.append(f"'{text}' is not NAME=1,3,224,224 with sizes of 1 or more")
        elif name in shapes:
            faults.append(f"'{text}' gives the shape of '{name}' again")
        shapes[name] = shape
    if faults:
        raise UsageError("--input-shape " + "; ".join(faults))
    return shapes


@app.callback()
def _callback(
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show a traceback when something fails.")
    ] = False,
) -> None:
    """Both are handled in `main`; they stand here for the help."""


@app.command()
@_takes_analysis_options
def analyze(
    model: Annotated[str, typer.Argument(help="An ONNX file, or a network of the zoo.")],
    options: dict[str, Any],
    all_layers: AllLayers = False,
    format: Formatted = None,
    output: Output = None,
) -> None:
    """Count the work in a network, and predict what it costs on machines."""
    from xnorsim.analysis import analyze as run

    form = _form(format, output, [model, *options["profile"]])
    _emit(run(model, **options).to_dict(), form, output, all_layers)


@app.command()
@_takes_analysis_options
def compare(
    a: Annotated[str, typer.Argument(help="A report saved as JSON, or a model.")],
    options: dict[str, Any],
    b: Annotated[str | None, typer.Argument(help="Another; or else give two profiles.")] = None,
    all_layers: AllLayers = False,
    format: Formatted = None,
    output: Output = None,
) -> None:
    """Put two reports, two models, or one model on two profiles side by side."""
    from xnorsim.analysis import compare as run

    given = [item for item in (a, b) if item is not None]
    changed = [o.name for o in _ANALYSIS_OPTIONS if options[o.name] not in (o.default, (), {})]
    if changed and all(item.endswith(".json") for item in given):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in changed)
        raise UsageError(f"{names}: two reports are compared as they were made")
    form = _form(format, output, [*given, *options["profile"]])
    _emit(run(a, b, **options), form, output, all_layers)


@profiles_app.command("list")
def profiles_list() -> None:
    """List the profiles that come with xnorsim."""
    from xnorsim.machine.profile import load_profile, profile_names
    from xnorsim.show.listing import print_rows

    items = [load_profile(name) for name in profile_names()]
    rows = [(p.name, p.clock.value, p.cores.value, p.simd.bits.value, p.description) for p in items]
    print_rows(("profile", "clock", "cores", "SIMD", "machine"), rows)


@profiles_app.command("show")
def profiles_show(
    profile: Annotated[str, typer.Argument(help="A profile's name or file.")],
) -> None:
    """Show every number of a profile with its range, basis and source."""
    from xnorsim.machine.profile import load_profile, quantities
    from xnorsim.show.listing import print_rows, span

    item = load_profile(profile)
    rows = [
        (row.path, row.value, span(row.low, row.high), row.basis, row.source)
        for row in quantities(item)
    ]
    typer.echo(f"{item.name}: {item.description}")
    print_rows(("quantity", "value", "range", "basis", "source"), rows)
    print_rows(("source", "is"), sorted(item.sources.items()))


@profiles_app.command("check")
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


@profiles_app.command("schema")
def profiles_schema(output: Output = None) -> None:
    """Write the JSON Schema of a profile, for editors."""
    from xnorsim.machine.profile import profile_schema

    _write(json.dumps(profile_schema(), indent=2) + "\n", output)


@zoo_app.command("list")
def zoo_list() -> None:
    """List the networks that come with xnorsim."""
    from xnorsim.show.listing import print_rows
    from xnorsim.zoo import ZOO

    rows = [(name, entry.summary, entry.source) for name, entry in sorted(ZOO.items())]
    print_rows(("network", "is", "source"), rows)


@plot_app.command("speedup")
def plot_speedup(
    profile: Annotated[
        list[str] | None,
        typer.Option("--profile", "-p", help="Beside the paper's formula, these machines."),
    ] = None,
    baseline: Annotated[
        str, typer.Option(help="Of the machines' curves: scalar or peak.")
    ] = "peak",
    output: Output = Path("speedup.png"),
) -> None:
    """Draw speedup by channels and by filter size, as in the paper."""
    from xnorsim.analysis import speedup_figure

    _save(speedup_figure(profile or (), baseline=baseline), output)


@plot_app.command("layers")
@_takes_analysis_options
def plot_layers(
    model: Annotated[str, typer.Argument(help="An ONNX file, or a network of the zoo.")],
    options: dict[str, Any],
    output: Output = Path("layers.png"),
) -> None:
    """Draw what each layer costs: latency on a profile, or else MACs."""
    from xnorsim.analysis import analyze as run
    from xnorsim.show.plots import plot_layers as draw

    _save(draw(run(model, **options).to_dict()).figure, output)


def _save(figure: Any, output: Path | None) -> None:
    from xnorsim.show.plots import save_figure

    if output is None:
        raise UsageError("a figure needs a file: give --output NAME.png, .svg or .pdf")
    save_figure(figure, output)
    typer.echo(f"wrote {output}")


def _form(format: Form | None, output: Path | None, inputs: Sequence[str]) -> Form:
    """The form asked for, or that the output file's name says; before any work is done.

    Raises:
        UsageError: the output is one of the inputs, or its name says a form that there is not.
    """
    for item in inputs:
        if output and output.exists() and Path(item).exists() and output.samefile(item):
            raise UsageError(f"'{output}' is read, and would be written over by --output")
    found = form_of(output)
    if format is None and found is None:
        raise UsageError(
            f"'{output}': its name says no form: end it in .json, .csv, .md or .txt, "
            "or give --format"
        )
    return format or found or Form.TABLE


def _emit(result: Any, form: Form, output: Path | None, all_layers: bool) -> None:
    """Show `result` on the screen or write it."""
    if form is Form.TABLE and output in (None, _STANDARD_OUTPUT):
        print_table(result, all_layers=all_layers)
    else:
        _write(render(result, form, all_layers=all_layers), output)


_STANDARD_OUTPUT = Path("-")


def _write(text: str, output: Path | None) -> None:
    if output in (None, _STANDARD_OUTPUT):
        sys.stdout.write(text)
        return
    from xnorsim.show.output import write_text

    write_text(output, text)
    typer.echo(f"wrote {output}", err=True)


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
        app(given, prog_name="xnorsim")
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
    if isinstance(error, OSError):
        print(f"xnorsim: cannot write: {error.strerror or text}", file=sys.stderr)
        return 1
    print(
        f"xnorsim: this is a failure of ours: {type(error).__name__}: {text}\n"
        "Run it again with --debug for the traceback.",
        file=sys.stderr,
    )
    return 1


def _printable(text: str) -> str:
    """`text` without characters that would steer the terminal."""
    return "".join(c if c.isprintable() or c == "\t" else ascii(c)[1:-1] for c in text)
