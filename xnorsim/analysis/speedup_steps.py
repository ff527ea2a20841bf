"""Why a network does not gain what the formula says of its layers: one thing after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xnorsim.analysis.costs import analyze
from xnorsim.analysis.models import Model, load_model, load_profiles, make_policy
from xnorsim.errors import UsageError, choices
from xnorsim.network.graph import Graph, producers
from xnorsim.network.ops import Sign
from xnorsim.network.policy import apply
from xnorsim.show.report import Report

if TYPE_CHECKING:
    from xnorsim.analysis.models import Profile
    from xnorsim.cost.explanation import LayerExplanation
    from xnorsim.machine.schema import HardwareProfile
    from xnorsim.show.speedup_steps import SpeedupSteps, Step

__all__ = ["speedup_steps"]


def speedup_steps(
    model: Model,
    *,
    profile: Profile,
    layer: str | None = None,
    predictor: str = "instructions:own",
    threads: int = 1,
    keep: str | Iterable[str] = ("first", "last"),
    scaling: str = "alpha",
) -> SpeedupSteps:
    """From the paper's formula for one layer to what the whole network gains, step by step.

    Each step takes in one thing that the one before left out: the lanes of the float unit, the
    rate of the binary one, the instructions of the kernel on the ports, memory, what a layer does
    beside its product, signs, the float kernels of the same program, the other binary layers, the
    layers that stay in floats, and all layers that multiply nothing. The last is the speedup of
    `analyze` over "same program".

    Parameters
    ----------
    model : path of a network file, name of a zoo network, or a graph; it is binarized as XNOR-Net
    profile : name or file of one hardware profile
    layer : a binary layer; None takes the first of those with most MACs
    predictor : "instructions", with the recipe set of a program that has kernels for floats
    threads, keep, scaling : as of `analyze`

    Raises:
        InputError: see `analyze`; UsageError for several profiles, a layer that is not binary, or a
            predictor without float kernels.

    Examples
    --------
    >>> found = speedup_steps("resnet18", profile="raspberry-pi-4b", layer="stage3.1.conv1")
    >>> [round(step.speedup, 1) for step in found.steps[:2]]
    [62.3, 15.6]
    """
    from xnorsim.cost.derivation import explain_layer
    from xnorsim.show.speedup_steps import SpeedupSteps

    machines = load_profiles(profile or ())
    if len(machines) != 1:
        raise UsageError(f"steps are of one profile, and {len(machines)} were given: give one")
    (machine,) = machines
    original = load_model(model)
    options = {"profile": machine, "predictor": predictor, "threads": threads}
    binary = analyze(original, binarize="xnor", keep=keep, scaling=scaling, **options)
    prediction = binary.predictions[0]
    if "same program" not in prediction.speedup:
        raise UsageError(
            f"predictor '{predictor}' has no float kernels to compare with: give instructions:SET "
            "of a program that has, as instructions:own"
        )
    floats = analyze(original, **options)
    place = _place(binary, layer)
    explained = explain_layer(binary.table, place, machine, prediction)
    signs = _signs(apply(original, make_policy("xnor", keep, scaling)), binary, place)
    of_layer = [*_of_layer(binary, explained, machine, floats, signs)]
    return SpeedupSteps(
        network=binary.table.network,
        layer=explained.name,
        profile=machine.name,
        predictor=prediction.predictor,
        threads=threads,
        steps=(*of_layer, *_of_network(binary, floats)),
        of_layer=len(of_layer),
    )


def _place(report: Report, layer: str | None) -> int:
    table = report.table
    macs = table.columns["binary_macs"]
    binary = [name for name, each in zip(table.names, macs, strict=True) if each]
    if not binary:
        raise UsageError(f"no layer of {table.network} is binary: there is no speedup to follow")
    if layer is not None and layer not in binary:
        raise UsageError(
            f"'{layer}' is no binary layer of {table.network}: {choices(layer, binary)}"
        )
    return int(macs.argmax()) if layer is None else table.names.index(layer)


def _signs(graph: Graph, report: Report, place: int) -> float:
    """The time [s] of taking the signs that the layer at `place` reads."""
    node = graph.node(report.table.names[place])
    before = producers(graph).get(node.inputs[0])
    if before is None or not isinstance(before.op, Sign):
        return 0.0
    return float(_seconds(report)[report.table.names.index(before.name)])


def _seconds(report: Report) -> NDArray[np.float64]:
    return report.predictions[0].columns["latency_s"]


def _of_layer(
    report: Report,
    layer: LayerExplanation,
    machine: HardwareProfile,
    floats: Report,
    signs_s: float,
) -> Iterator[Step]:
    from xnorsim.cost import formula
    from xnorsim.cost.ceilings import ceilings

    place = report.table.names.index(layer.name)
    alone = {name: column[[place]] for name, column in report.table.columns.items()}
    most = ceilings(machine, layer.threads).compute
    product = next(stage for stage in layer.stages if stage.name == "product")
    clock = product.core.clock_hz * layer.threads
    counted = float(formula.clocks(alone)[0]) / clock
    peak_s = layer.macs / most["fp32"]
    yield _step("operation counts: the formula", "paper", layer.macs / clock, counted)
    yield _step("all lanes of the float unit", "peak", peak_s, counted)
    yield _step("the binary unit's real rate", "peak", peak_s, layer.macs / most["binary"])
    yield _step("all instructions, on their ports", "peak", peak_s, product.core.seconds)
    yield _step("memory traffic", "peak", peak_s, product.seconds)
    yield _step("im2col, scaling, starting", "peak", peak_s, layer.latency_s)
    whole = layer.latency_s + signs_s
    yield _step("taking and packing signs", "peak", peak_s, whole)
    twin_s = float(_seconds(floats)[floats.table.names.index(layer.name)])
    yield _step("float kernels below their peak", "same program", twin_s, whole)


def _of_network(binary: Report, floats: Report) -> Iterator[Step]:
    """All binary layers; with the other layers that multiply; with everything else."""
    table = binary.table
    is_binary = table.columns["binary_macs"] > 0
    signs = np.array([kind == "sign" for kind in table.kinds])
    names = {name for name, here in zip(table.names, is_binary, strict=True) if here}
    twins = np.array([name in names for name in floats.table.names])
    quick, multiply = is_binary | signs, table.columns["macs"] > 0
    parts = (
        ("the network's other binary layers", quick, twins),
        ("layers that stay in floats", quick | multiply, floats.table.columns["macs"] > 0),
        ("pools, additions and the rest", np.ones_like(quick), np.ones_like(twins)),
    )
    for what, of_binary, of_floats in parts:
        seconds = _seconds(floats)[of_floats].sum(), _seconds(binary)[of_binary].sum()
        yield _step(what, "same program", *map(float, seconds))


def _step(what: str, baseline: str, float_s: float, binary_s: float) -> Step:
    from xnorsim.show.speedup_steps import Step

    return Step(what, baseline, float_s, binary_s, float_s / binary_s)
