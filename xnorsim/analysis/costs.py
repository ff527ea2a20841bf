"""What a network needs and costs: analyze, compare, and the paper's figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xnorsim.analysis.models import (
    Model,
    load_model,
    load_profiles,
    make_policy,
    parse_fuse,
)
from xnorsim.analysis.options import whole
from xnorsim.errors import UsageError
from xnorsim.network.graph import Graph, spec_of
from xnorsim.network.policy import Binarize, Policy, apply, as_float
from xnorsim.show.report import Report
from xnorsim.work.fusion import DEFAULT_FUSE, Fuse
from xnorsim.work.memory import WORD_BITS
from xnorsim.work.table import LayerTable, layer_table, totals

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from xnorsim.analysis.models import Profile
    from xnorsim.cost.network import NetworkPrediction, Twin
    from xnorsim.machine.schema import HardwareProfile
    from xnorsim.show.comparison import Comparison

__all__ = [
    "analyze",
    "compare",
    "documented",
    "is_report",
    "report_of",
    "speedup_figure",
    "twin_of",
]


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
    model : path of a network file, name of a zoo network, or a graph
    profile : name or file of a hardware profile, or several; none counts only
    binarize : "none", "bwn" (binary weights) or "xnor" (binary weights and inputs)
    keep : layers that stay in high precision: "first", "last", names and globs, or "none"
    scaling : of binary layers: "none", "alpha" or "alpha_k"
    depthwise : binarize depthwise convolutions too
    fuse : what runs as part of the layer before it: "bn", "relu", "add", "sign", or "none"
    input_shape : shape by input name, for dynamic dimensions
    batch : inputs at once
    threads : cores in use
    predictor : "roofline", "formula" (the paper's operation counts at the profile's clock), or
        "instructions" (what a program's kernels issue, on the ports of the core), with the recipe
        set after a colon: "instructions:larq", "instructions:dabnn", ...; "own" unless told
    allow_unknown : go on with operators that have no rule; totals are then lower bounds

    Raises:
        InputError: model, profile or option at fault; see xnorsim.errors.

    Examples
    --------
    >>> analyze("resnet18", binarize="xnor").totals["binary_macs"]
    1695547392
    """
    threads = whole("threads", threads)
    policy = make_policy(binarize, keep, scaling, depthwise)
    fused = parse_fuse(fuse)
    profiles = load_profiles(profile)  # before the model: its faults are found sooner
    if not profiles and (threads, predictor) != (1, "roofline"):
        raise UsageError("threads and predictor say how a profile is used: give a profile too")
    original = load_model(model, input_shape=input_shape, batch=batch, allow_unknown=allow_unknown)
    return report_of(original, policy, fused, profiles, threads, predictor)


def report_of(
    original: Graph,
    policy: Policy,
    fuse: tuple[Fuse, ...],
    profiles: Sequence[HardwareProfile],
    threads: int,
    predictor: str,
) -> Report:
    """The report of `analyze` for a graph before its policy, which may be any, on some machines."""
    graph = apply(original, policy)
    table = layer_table(graph, fuse)
    assumptions = _assumptions(graph, table, policy, fuse)
    predictions: tuple[NetworkPrediction, ...] = ()
    if profiles:
        floats = layer_table(as_float(original), fuse)
        predictions = _predictions(table, floats, profiles, threads, predictor)
        assumptions |= _prediction_assumptions(threads, predictor)
        assumptions["notes"] += _too_small(totals(table), profiles)
    described = _described(original)
    return Report(described, assumptions, table, totals(table), predictions, tuple(profiles))


def compare(a: Any, b: Any = None, **options: Any) -> Comparison:
    """Two reports side by side by layer, with differences and ratios.

    `a` and `b` are reports, paths of reports saved as JSON, or models (analyzed with `options`,
    see `analyze`). With `a` alone, a model on the two profiles of `options`.

    Raises:
        InputError: see `analyze`; UsageError when one model does not come with two profiles.
    """
    from xnorsim.show import comparison

    if b is not None:
        of_a, of_b = documented(a, options), documented(b, options)
        several = max(len(doc["predictions"]) for doc in (of_a, of_b))
        if options.get("profile") and several > 1:
            raise UsageError(f"two models are compared on one profile, and {several} were given")
        return comparison.compare(of_a, of_b)
    both = documented(a, options)
    if len(both["predictions"]) != 2:
        raise UsageError(
            f"one model is compared on two profiles, and {len(both['predictions'])} were given: "
            "give a second model or report, or two profiles"
        )
    return comparison.compare_profiles(both, 0, 1)


def speedup_figure(
    profile: Profile | Sequence[Profile] = (),
    *,
    baseline: str | Sequence[str] = "peak",
    predictor: str | Sequence[str] = "roofline",
    threads: int = 1,
    logarithmic: bool = False,
) -> Figure:
    """The paper's two figures: speedup of a binary convolution by channels and by filter size.

    Drawn from the paper's formula, and for each profile, predictor and baseline from a prediction,
    its range as a band.

    Parameters
    ----------
    profile : name or file of a hardware profile, or several
    baseline : "scalar", "peak", or "same program" (with a predictor "instructions"), or several;
        the formula has its own, "paper"
    predictor : as of `analyze`, or several
    threads : cores in use
    logarithmic : whether the axis of speedups is: baselines may lie far apart

    Raises:
        InputError: no such profile, baseline or predictor.
    """
    from xnorsim.cost.curves import CHANNELS, CHANNELS_OF_FILTERS, FILTERS, KERNEL, speedup_curves
    from xnorsim.show import plots

    baselines, predictors = _several(baseline), _several(predictor)
    threads = whole("threads", threads)
    machines = load_profiles(profile)
    figures = []
    for points, x in (
        ([(count, KERNEL) for count in CHANNELS], CHANNELS),
        ([(CHANNELS_OF_FILTERS, side) for side in FILTERS], FILTERS),
    ):
        curves = speedup_curves(points, x, None, baselines, predictors[-1])
        for machine in machines:
            for word in predictors:
                curves += speedup_curves(points, x, machine, baselines, word, threads=threads)
        figures.append(curves)
    return plots.speedup_figure(*figures, logarithmic=logarithmic)


def _several(words: str | Sequence[str]) -> tuple[str, ...]:
    return (words,) if isinstance(words, str) else tuple(words)


def documented(item: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a report, of one saved as JSON, or of a model, analyzed with the options.

    Raises:
        InputError: see `analyze`.
    """
    if isinstance(item, Report):
        return item.to_dict()
    if is_report(item):
        from xnorsim.show.reading import read_document

        return read_document(Path(item))
    return analyze(item, **options).to_dict()


def is_report(item: object) -> bool:
    """Whether `item` is the path of a saved report, and not of a model: some are JSON too."""
    if not isinstance(item, str | PathLike) or Path(item).suffix != ".json":
        return False
    from xnorsim.importers.reading import is_configuration

    return not is_configuration(Path(item))


def _predictions(
    table: LayerTable,
    floats: LayerTable,
    profiles: Sequence[HardwareProfile],
    threads: int,
    predictor: str,
) -> tuple[NetworkPrediction, ...]:
    """One prediction a profile; `floats` is the same network in fp32, the baseline."""
    from xnorsim.cost.network import predict_network

    twin = twin_of(table, floats)
    return tuple(
        predict_network(table.columns, twin, item, threads, predictor, table.kinds)
        for item in profiles
    )


def twin_of(table: LayerTable, floats: LayerTable) -> Twin:
    """The fp32 network as the baseline of a network, and which of its layers became binary."""
    from xnorsim.cost.network import Twin

    binary_macs = table.columns["binary_macs"] + table.columns["bwn_macs"]
    binary = {name for name, macs in zip(table.names, binary_macs, strict=True) if macs}
    is_binary = np.array([name in binary for name in floats.names], dtype=bool)
    return Twin(floats.columns, is_binary, floats.kinds)


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
        "recognized": dict(graph.recognized),
        "notes": list(graph.notes),
    }


def _too_small(needed: Mapping[str, Any], profiles: Sequence[HardwareProfile]) -> list[str]:
    """A note for each machine whose main memory does not hold what the network needs."""
    from xnorsim.machine.lowering import lower
    from xnorsim.units import format_bits

    bits = needed["stored_bits_padded"] + needed["peak_activation_bits"]
    return [
        f"{profile.name}: weights and live activations take {format_bits(bits)}, more than the "
        f"{format_bits(int(size * 8))} of {profile.memories[-1].name}; predicted as if they fitted"
        for profile in profiles
        if bits / 8 > (size := float(lower(profile).level_size_bytes[-1]))
    ]


def _prediction_assumptions(threads: int, predictor: str) -> dict[str, Any]:
    from xnorsim.cost.network import BASELINES, SAME_PROGRAM

    word = predictor.partition(":")[0]
    baselines = BASELINES | (SAME_PROGRAM if word == "instructions" else {})
    model = (*_MODELS[word], *_RANGES)
    return {"threads": threads, "baselines": baselines, "cost_model": list(model)}


_CONVENTIONS = (
    "a multiply-accumulate is one operation; padding taps are counted, bias is not",
    "batch normalization at inference holds two vectors a layer: scale and shift",
    "activations live from the layer that writes them to the last that reads them",
    "views, and what is fused, use the memory of the tensor they change",
    "scratch inside a layer (packing buffers, the K map) is not part of the activations",
)
_MODELS = {
    "roofline": (
        "roofline: the nearest of one compute ceiling a precision and one memory ceiling a level",
        "every operand crosses a memory boundary at most once",
        "compute and transfers overlap fully; a layer that runs adds its overhead",
    ),
    "formula": ("formula: the paper's operation counts at the profile's clock",),
    "instructions": (
        "instructions: those of the named program's kernels, on the ports of the core",
        "a layer of a kind without a kernel of its own costs a pass for each operation",
        "bytes over each memory boundary follow from how the kernels block their loops",
        "core and transfers overlap as the profile says; a layer that runs adds its overhead",
    ),
}
_RANGES = (
    "a range holds 90% of the predictions at inputs drawn within their ranges, and the value",
    "both sides of a speedup are predicted at the same draws",
)
