"""From words to data: the network, the precision policy and the machines of a question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from xnorsim.analysis.options import checked, flag, one_of, whole, word_of, words
from xnorsim.errors import UsageError, choices
from xnorsim.network.graph import Graph
from xnorsim.network.policy import Binarize, Policy, parse_keep
from xnorsim.network.precision import Border, Scaling
from xnorsim.work.fusion import Fuse

if TYPE_CHECKING:  # a network is counted without it: pydantic alone takes 0.15 s
    from xnorsim.machine.schema import HardwareProfile

    Profile = str | PathLike[str] | HardwareProfile

__all__ = ["Model", "load_model", "load_profiles", "make_policy", "parse_fuse"]

Model = str | PathLike[str] | Graph


def load_model(
    model: Model,
    *,
    input_shape: Mapping[str, Sequence[int]] | None = None,
    batch: int | None = None,
    allow_unknown: bool = False,
    weights: str | PathLike[str] | None = None,
) -> Graph:
    """The graph of a network file or of a network of the zoo.

    Parameters
    ----------
    model : path of a network file (ONNX and QONNX; Keras and Larq as .h5 or as a configuration in
        JSON; TensorFlow Lite and Larq Compute Engine), name of a zoo network, or a graph (returned
        as it is). What a file is, its content says.
    input_shape : shape by input name, for dynamic dimensions of a file
    batch : inputs at once; None leaves what the file says (1 for the zoo)
    allow_unknown : go on with operators that have no rule; totals are then lower bounds
    weights : file of the weights of a Keras configuration (.npz or .h5)

    Raises:
        ModelError: the file cannot be read or costed; the message names file, node and value.
        UsageError: neither a file nor a network of the zoo, or a batch or shape that does not fit.
        MissingExtraError: the library that reads the format is not installed.

    Examples
    --------
    >>> load_model("quicknet-small")
    <Graph quicknet-small: 107 nodes, inputs input float32[1, 3, 224, 224]>
    """
    batch = None if batch is None else whole("batch", batch)
    if not isinstance(model, str | PathLike | Graph):
        raise UsageError(
            "model must be the path of a network file, the name of a network of the zoo or a "
            f"graph, not {type(model).__name__}"
        )
    if weights is not None:
        _check_weights(model, weights)
    if isinstance(model, Graph):
        return _unchanged(model, input_shape, batch)
    if not Path(model).is_file():
        return _from_zoo(str(model), input_shape, batch)
    from xnorsim.importers.reading import read_graph

    return read_graph(
        Path(model),
        input_shapes=_shapes(input_shape),
        batch=batch,
        allow_unknown=allow_unknown,
        weights=None if weights is None else Path(weights),
    )


def _check_weights(model: Model, weights: object) -> None:
    if not isinstance(weights, str | PathLike):
        raise UsageError(
            "weights must be the file of a Keras configuration's weights (.npz or .h5), not "
            f"{type(weights).__name__}"
        )
    if isinstance(model, Graph) or not Path(model).is_file():
        raise UsageError(f"weights '{weights}' are for the file of a Keras configuration (.json)")


def _shapes(given: Mapping[str, Sequence[int]] | None) -> dict[str, tuple[int, ...]]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError(f"input_shape maps names to shapes, {{'x': (1, 3, 8, 8)}}, not {given!r}")
    for name, shape in given.items():
        if isinstance(shape, str) or not isinstance(shape, Iterable):
            raise UsageError(f"input_shape of '{name}' must be a list of numbers, not {shape!r}")
    return {
        name: tuple(whole(f"input_shape of '{name}'", size) for size in shape)
        for name, shape in given.items()
    }


def _from_zoo(name: str, input_shape: object, batch: int | None) -> Graph:
    from xnorsim import zoo
    from xnorsim.importers.reading import format_of

    if name not in zoo.ZOO:
        if name and Path(name).exists():
            format_of(name)  # a folder or a device, as its fault says
        raise UsageError(
            f"'{name}' is neither a file nor a network of the zoo: {choices(name, zoo.ZOO)}"
        )
    if input_shape:
        raise UsageError(f"zoo network '{name}' has a fixed input shape; only batch is free")
    return zoo.build(name, 1 if batch is None else batch)


def _unchanged(graph: Graph, input_shape: object, batch: int | None) -> Graph:
    if input_shape or batch is not None:
        raise UsageError(f"graph '{graph.name}' has its shapes: set them where it is loaded")
    return graph


def make_policy(
    binarize: str = "none",
    keep: str | Iterable[str] = ("first", "last"),
    scaling: str = "alpha",
    depthwise: bool = False,
    pad_value: int = 0,
    border: str = "zero",
) -> Policy:
    """A precision policy from words.

    Raises:
        UsageError: every word that is not a choice; or scaling alpha_k without binary inputs.
    """
    given = {
        "binarize": binarize,
        "keep": keep,
        "scaling": scaling,
        "depthwise": depthwise,
        "pad_value": pad_value,
        "border": border,
    }
    found = checked(given, _POLICY)
    return Policy(
        Binarize(found["binarize"]),
        parse_keep(",".join(found["keep"])),
        Scaling(found["scaling"]),
        found["depthwise"],
        found["pad_value"],
        Border(found["border"]),
    )


_POLICY = {
    "binarize": word_of(Binarize),
    "keep": words,
    "scaling": word_of(Scaling),
    "depthwise": flag,
    "pad_value": one_of((0, 1, -1)),
    "border": word_of(Border),
}


def parse_fuse(fuse: str | Iterable[str]) -> tuple[Fuse, ...]:
    """What runs as part of the layer before it, from "bn,relu" or a list; "none" for nothing.

    Raises:
        UsageError: a word that is not a choice.
    """
    words = [w.strip() for w in fuse.split(",")] if isinstance(fuse, str) else list(fuse)
    words = [] if words in ([""], ["none"]) else words
    for word in words:
        if word == "none":
            raise UsageError("fuse 'none' does not go with others")
        if word not in list(Fuse):
            raise UsageError(f"fuse '{word}': {choices(word, [*Fuse, 'none'])}")
    return tuple(Fuse(word) for word in dict.fromkeys(words))


def load_profiles(profile: Profile | Sequence[Profile]) -> list[HardwareProfile]:
    """One profile or several, by name, by file or as they are.

    Raises:
        ProfileError: no such profile, or one with faults.
    """
    if isinstance(profile, Sequence) and not isinstance(profile, str) and not profile:
        return []
    from xnorsim.machine.profile import load_profile
    from xnorsim.machine.schema import HardwareProfile

    several = (profile,) if isinstance(profile, str | PathLike | HardwareProfile) else profile
    return [p if isinstance(p, HardwareProfile) else load_profile(p) for p in several]
