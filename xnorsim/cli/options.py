"""The options that several commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from xnorsim.errors import UsageError
from xnorsim.show.forms import Form

__all__ = [
    "ANALYSIS_OPTIONS",
    "MODEL_OPTIONS",
    "RUN_OPTIONS",
    "AllLayers",
    "Formatted",
    "ModelName",
    "Output",
    "changed_options",
    "group",
    "takes_options",
]


def group(text: str) -> typer.Typer:
    """A command that has commands."""
    return typer.Typer(help=text, no_args_is_help=True, pretty_exceptions_enable=False)


Formatted = Annotated[
    Form | None,
    typer.Option("--format", "-f", help="Form of output; else as the output file's name says."),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write to a file, whole or not at all.")
]
AllLayers = Annotated[bool, typer.Option("--all", help="Show the layers without MACs too.")]
ModelName = Annotated[
    str,
    typer.Argument(help="A network file (ONNX, Keras, TensorFlow Lite), or a network of the zoo."),
]


def _option(annotation: Any, default: Any, *names: str, text: str) -> inspect.Parameter:
    return inspect.Parameter(
        names[0].lstrip("-").replace("-", "_"),
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[annotation, typer.Option(*names, help=text)],
    )


_BINARIZE = _option(
    str, "none", "--binarize", text="As if binarized: none, bwn (weights) or xnor (inputs too)."
)
_KEPT_TEXT = "Layers kept in high precision: first, last, names, globs; or none."
_BINARY_LAYERS = (
    _option(str, "alpha", "--scaling", text="Of binary layers: none, alpha or alpha_k."),
    _option(bool, False, "--depthwise", text="Binarize depthwise convolutions too."),
)
_SHAPES = (
    _option(
        list[str] | None,
        None,
        "--input-shape",
        text="NAME=1,3,224,224; repeat for several inputs.",
    ),
    _option(int | None, None, "--batch", text="Inputs at once."),
)

_ALLOW_UNKNOWN = _option(
    bool,
    False,
    "--allow-unknown",
    text="Go on with operators without a rule; totals are then lower bounds.",
)

MODEL_OPTIONS = (*_SHAPES, _ALLOW_UNKNOWN)
"""The options of whatever only reads a model."""

ANALYSIS_OPTIONS = (
    _option(
        list[str] | None,
        None,
        "--profile",
        "-p",
        text="Hardware profile by name or file; repeat for several.",
    ),
    _BINARIZE,
    _option(str, "first,last", "--keep", "--high-precision", text=_KEPT_TEXT),
    *_BINARY_LAYERS,
    _option(
        str,
        "bn,relu",
        "--fuse",
        text="What runs in the layer before: bn, relu, add, sign; or none.",
    ),
    *_SHAPES,
    _option(int, 1, "--threads", text="Cores in use."),
    _option(
        str,
        "roofline",
        "--predictor",
        text="roofline; formula (the paper's operation counts); or instructions:SET, what the "
        "kernels of a program issue: own, larq, dabnn, ...",
    ),
    _ALLOW_UNKNOWN,
)
"""The options of xnorsim.analysis.analyze, shared by every command that analyzes a model."""

RUN_OPTIONS = (
    _option(
        str | None,
        None,
        "--input",
        "-i",
        text=".npy for the only input, or .npz with arrays by name; else drawn from --seed.",
    ),
    _option(str, "blas", "--engine", text="What computes: blas, packed, or native (compiled)."),
    _BINARIZE,
    _option(str, "first,last", "--high-precision", text=_KEPT_TEXT),
    *_BINARY_LAYERS,
    _option(int, 0, "--pad-value", text="Of binary inputs: 0, 1 or -1."),
    _option(str, "zero", "--border", text="What K is a mean of at the border: zero or valid."),
    *_SHAPES,
    _option(int, 0, "--seed", text="Of inputs and weights that are drawn."),
    _option(
        str,
        "auto",
        "--weights",
        text="auto (the file's, drawn where it has none), file, seed (all drawn), or the file of a "
        "Keras configuration's weights.",
    ),
)
"""The options of xnorsim.analysis.run, shared by every command that runs a model."""


def takes_options(
    shared: Sequence[inspect.Parameter], **defaults: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator that gives a command `shared` options, which it receives as one mapping.

    `defaults` are those of this command, by name, where they are others.
    """
    shared = [item.replace(default=defaults.get(item.name, item.default)) for item in shared]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def run(**given: Any) -> None:
            options = {item.name: given.pop(item.name) for item in shared}
            command(**given, options=_as_asked(options))

        signature = inspect.signature(command, eval_str=True)
        own = [item for item in signature.parameters.values() if item.name != "options"]
        own = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in own]
        run.__signature__ = signature.replace(parameters=[*own, *shared])  # pyright: ignore[reportFunctionMemberAccess]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        return run

    return decorate


def _as_asked(options: dict[str, Any]) -> dict[str, Any]:
    """The options as xnorsim.analysis takes them."""
    options["input_shape"] = _shapes(options["input_shape"] or [])
    if "profile" in options:
        options["profile"] = options["profile"] or ()
    if "input" in options:
        options["inputs"] = options.pop("input")
    return options


def changed_options(options: dict[str, Any]) -> list[str]:
    """The flags of the analysis options that are not at their defaults."""
    changed = [o.name for o in ANALYSIS_OPTIONS if options[o.name] not in (o.default, (), {})]
    return [f"--{name.replace('_', '-')}" for name in changed]


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
