"""The questions that xnorsim answers, each a few lines over the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from xnorsim.errors import UsageError, choices
from xnorsim.network.graph import Graph, spec_of
from xnorsim.network.policy import Binarize, Policy, apply, as_float, parse_keep
from xnorsim.network.precision import Scaling
from xnorsim.show.report import Report
from xnorsim.work.fusion import DEFAULT_FUSE, Fuse
from xnorsim.work.memory import WORD_BITS
from xnorsim.work.table import LayerTable, layer_table, totals

if TYPE_CHECKING:  # a network is counted without these: pydantic alone takes 0.15 s
    from matplotlib.figure import Figure

    from xnorsim.cost.network import NetworkPrediction
    from xnorsim.machine.schema import HardwareProfile
    from xnorsim.show.comparison import Comparison

    Profile = str | PathLike[str] | HardwareProfile

__all__ = ["analyze", "compare", "load_model", "make_policy", "parse_fuse", "speedup_figure"]

Model = str | PathLike[str] | Graph


def load_model(
    model: Model,
    *,
    input_shape: Mapping[str, Sequence[int]] | None = None,
    batch: int | None = None,
    allow_unknown: bool = False,
) -> Graph:
    """The graph of a network file or of a network of the zoo.

    Parameters
    ----------
    model : path of an ONNX file, name of a zoo network, or a graph (returned as it is)
    input_shape : shape by input name, for dynamic dimensions of a file
    batch : inputs at once; None leaves what the file says (1 for the zoo)
    allow_unknown : go on with operators that have no rule; totals are then lower bounds

    Raises:
        ModelError: the file cannot be read or costed; the message names file, node and value.
        UsageError: neither a file nor a network of the zoo, or a batch or shape that does not fit.
    """
    batch = None if batch is None else _whole("batch", batch)
    if isinstance(model, Graph):
        return _unchanged(model, input_shape, batch)
    if not Path(model).is_file():
        return _from_zoo(str(model), input_shape, batch)
    from xnorsim.importers import onnx

    return onnx.read_graph(
        Path(model), input_shapes=_shapes(input_shape), batch=batch, allow_unknown=allow_unknown
    )


def _whole(what: str, value: object) -> int:
    """`value` as a whole number of 1 or more."""
    number = value.__index__() if isinstance(value, SupportsIndex) else 0
    if number < 1:
        raise UsageError(f"{what} must be a whole number of at least 1, not {value!r}")
    return number


def _shapes(given: Mapping[str, Sequence[int]] | None) -> dict[str, tuple[int, ...]]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError(f"input_shape maps names to shapes, {{'x': (1, 3, 8, 8)}}, not {given!r}")
    for name, shape in given.items():
        if isinstance(shape, str) or not isinstance(shape, Iterable):
            raise UsageError(f"input_shape of '{name}' must be a list of numbers, not {shape!r}")
    return {
        name: tuple(_whole(f"input_shape of '{name}'", size) for size in shape)
        for name, shape in given.items()
    }


def _from_zoo(name: str, input_shape: object, batch: int | None) -> Graph:
    from xnorsim import zoo

    if name not in zoo.ZOO:
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
) -> Policy:
    """A precision policy from words.

    Raises:
        UsageError: a word that is not a choice, or scaling alpha_k without binary inputs.
    """
    for what, word, valid in (("binarize", binarize, Binarize), ("scaling", scaling, Scaling)):
        if word not in list(valid):
            raise UsageError(f"{what} '{word}': {choices(word, list(valid))}")
    words = parse_keep(keep if isinstance(keep, str) else ",".join(keep))
    return Policy(Binarize(binarize), words, Scaling(scaling), depthwise)


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


def analyze(
    model: Model,
    *,
    profile: Profile | Sequence[Profile] = (),
    binarize: str = "none",
    keep: str | Iterable[str] = ("first", "last"),
    scaling: str = "alpha",
    depthwise: bool = False,
    fuse: str | Iterable[str] = DEFAULT_FUSE,
    input_shape: Mapping[str, Sequence[int]] | None = None,
    batch: int | None = None,
    threads: int = 1,
    predictor: str = "roofline",
    allow_unknown: bool = False,
) -> Report:
    """What work is in a network, what it needs in memory, and what it would cost.

    Parameters
    ----------
    model : path of an ONNX file, name of a zoo network, or a graph
    profile : name or file of a hardware profile, or several; none counts only
    binarize : "none", "bwn" (binary weights) or "xnor" (binary weights and inputs)
    keep : layers that stay in high precision: "first", "last", names and globs, or "none"
    scaling : of binary layers: "none", "alpha" or "alpha_k"
    depthwise : binarize depthwise convolutions too
    fuse : what runs as part of the layer before it: "bn", "relu", "add", or "none"
    input_shape : shape by input name, for dynamic dimensions
    batch : inputs at once
    threads : cores in use
    predictor : "roofline" or "formula" (the paper's operation counts at the profile's clock)
    allow_unknown : go on with operators that have no rule; totals are then lower bounds

    Raises:
        InputError: model, profile or option at fault; see xnorsim.errors.

    Examples
    --------
    >>> analyze("resnet18", binarize="xnor").totals["binary_macs"]
    1695547392
    """
    threads = _whole("threads", threads)
    policy = make_policy(binarize, keep, scaling, depthwise)
    fused = parse_fuse(fuse)
    profiles = _profiles(profile)  # before the model: its faults are found sooner
    if not profiles and (threads, predictor) != (1, "roofline"):
        raise UsageError("threads and predictor say how a profile is used: give a profile too")
    original = load_model(model, input_shape=input_shape, batch=batch, allow_unknown=allow_unknown)
    graph = apply(original, policy)
    table = layer_table(graph, fused)
    assumptions = _assumptions(graph, table, policy, fused)
    predictions: tuple[NetworkPrediction, ...] = ()
    if profiles:
        floats = layer_table(as_float(original), fused)
        predictions = _predictions(table, floats, profiles, threads, predictor)
        assumptions |= _prediction_assumptions(threads)
    return Report(_described(original), assumptions, table, totals(table), predictions)


def compare(a: Any, b: Any = None, **options: Any) -> Comparison:
    """Two reports side by side by layer, with differences and ratios.

    `a` and `b` are reports, paths of reports saved as JSON, or models (analyzed with `options`,
    see `analyze`). With `a` alone, a model on the two profiles of `options`.

    Raises:
        InputError: see `analyze`; UsageError when one model does not come with two profiles.
    """
    from xnorsim.show import comparison

    if b is not None:
        of_a, of_b = _documented(a, options), _documented(b, options)
        several = max(len(doc["predictions"]) for doc in (of_a, of_b))
        if options.get("profile") and several > 1:
            raise UsageError(f"two models are compared on one profile, and {several} were given")
        return comparison.compare(of_a, of_b)
    both = _documented(a, options)
    if len(both["predictions"]) != 2:
        raise UsageError(
            f"one model is compared on two profiles, and {len(both['predictions'])} were given: "
            "give a second model or report, or two profiles"
        )
    return comparison.compare_profiles(both, 0, 1)


def speedup_figure(profile: Profile | Sequence[Profile] = (), *, baseline: str = "peak") -> Figure:
    """The paper's two figures: speedup of a binary convolution by channels and by filter size.

    Drawn from the paper's formula, and for each profile from its prediction over `baseline`
    ("scalar" or "peak"; the formula has its own, "paper").

    Raises:
        InputError: no such profile or baseline.
    """
    from xnorsim.cost.curves import speedup_by_channels, speedup_by_filter
    from xnorsim.show import plots

    machines = [None, *_profiles(profile)]
    return plots.speedup_figure(
        [speedup_by_channels(machine, baseline=baseline) for machine in machines],
        [speedup_by_filter(machine, baseline=baseline) for machine in machines],
    )


def _profiles(profile: Profile | Sequence[Profile]) -> list[HardwareProfile]:
    if isinstance(profile, Sequence) and not isinstance(profile, str) and not profile:
        return []
    from xnorsim.machine.profile import load_profile
    from xnorsim.machine.schema import HardwareProfile

    several = (profile,) if isinstance(profile, str | PathLike | HardwareProfile) else profile
    return [p if isinstance(p, HardwareProfile) else load_profile(p) for p in several]


def _documented(item: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(item, Report):
        return item.to_dict()
    if isinstance(item, str | PathLike) and Path(item).suffix == ".json":
        from xnorsim.show.reading import read_document

        return read_document(Path(item))
    return analyze(item, **options).to_dict()


def _predictions(
    table: LayerTable,
    floats: LayerTable,
    profiles: Sequence[HardwareProfile],
    threads: int,
    predictor: str,
) -> tuple[NetworkPrediction, ...]:
    """One prediction a profile; `floats` is the same network in fp32, the baseline."""
    from xnorsim.cost.network import Twin, predict_network

    binary_macs = table.columns["binary_macs"] + table.columns["bwn_macs"]
    binary = {name for name, macs in zip(table.names, binary_macs, strict=True) if macs}
    is_binary = np.array([name in binary for name in floats.names], dtype=bool)
    twin = Twin(floats.columns, is_binary)
    return tuple(
        predict_network(table.columns, twin, item, threads, predictor) for item in profiles
    )


def _described(graph: Graph) -> dict[str, Any]:
    return {
        "name": graph.name,
        **graph.metadata,
        "inputs": {name: list(spec_of(graph, name).shape) for name in graph.inputs},
        "outputs": {name: list(spec_of(graph, name).shape) for name in graph.outputs},
        "nodes": len(graph.nodes),
    }


def _assumptions(
    graph: Graph, table: LayerTable, policy: Policy, fuse: tuple[Fuse, ...]
) -> dict[str, Any]:
    binary = policy.binarize is not Binarize.NONE
    high = (table.columns["macs"] - table.columns["binary_macs"] - table.columns["bwn_macs"]) > 0
    stay = [name for name, is_high in zip(table.names, high, strict=True) if is_high]
    return {
        "binarize": str(policy.binarize),
        "keep": list(policy.keep) if binary else [],
        "high_precision_layers": stay if binary else [],
        "scaling": str(policy.scaling) if binary else None,
        "depthwise_binary": policy.depthwise,
        "fuse": [str(item) for item in fuse],
        "word_bits": WORD_BITS,
        "conventions": list(_CONVENTIONS),
        "notes": list(graph.notes),
    }


def _prediction_assumptions(threads: int) -> dict[str, Any]:
    from xnorsim.cost.network import BASELINES

    return {"threads": threads, "baselines": dict(BASELINES), "cost_model": list(_MODEL)}


_CONVENTIONS = (
    "a multiply-accumulate is one operation; padding taps are counted, bias is not",
    "batch normalization at inference holds two vectors a layer: scale and shift",
    "activations live from the layer that writes them to the last that reads them",
    "views, and what is fused, use the memory of the tensor they change",
    "scratch inside a layer (packing buffers, the K map) is not part of the activations",
)
_MODEL = (
    "roofline: the nearest of one compute ceiling a precision and one memory ceiling a level",
    "every operand crosses a memory boundary at most once",
    "compute and transfers overlap fully; a layer that runs adds its overhead",
    "a range spans the favourable and the unfavourable end of every number of the profile",
)
