"""How far the binarized form of a float network is off, layer by layer.

The float network and its binarized form run side by side. Of each binary layer three things are
compared with the float layer: its weights (W with alpha B), its output when it reads what the float
layer reads, and its output when it reads what the binarized layers before it have made of that.

The weights rank nothing: for Gaussian weights of deviation s, mean|W| = s sqrt(2/pi), so that the
cosine of W and sign(W) is mean|W| / sqrt(mean W^2) = sqrt(2/pi) = 0.798 in every layer. The second
tells what a layer itself does, the third what has come down to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial, singledispatch

import numpy as np

from xnorsim.errors import UsageError
from xnorsim.exact.execute import Session, Step, Tell, prepare, run_node, steps
from xnorsim.network.binary import signs
from xnorsim.network.graph import Graph, Node, producers
from xnorsim.network.ops import Conv, ConvTranspose, Dense, Weighted, kind
from xnorsim.network.policy import (
    Binarize,
    Policy,
    apply,
    binarizable,
    is_depthwise,
    quantized_layers,
)
from xnorsim.network.precision import BIPOLAR

__all__ = [
    "CAVEAT",
    "Closeness",
    "LayerFidelity",
    "NetworkFidelity",
    "OutputFidelity",
    "approximated",
    "closeness",
    "fidelity",
    "worst_first",
]

Array = np.ndarray

CAVEAT = (
    "this is the error of binarizing without retraining, not the accuracy of a trained binary "
    "network"
)

_CHUNK = 2**20
_RECENT = 6  # the parameters of a layer and of its twin


@dataclass(frozen=True, slots=True)
class Closeness:
    """How near y is to x: cosine = <x, y> / (|x| |y|), and snr_db = 10 log10(|x|^2 / |x - y|^2).

    Equal ones have an infinite ratio. The cosine with nothing but zeros is not a number.
    """

    cosine: float
    snr_db: float


@dataclass(frozen=True, slots=True)
class LayerFidelity:
    """A binary layer beside its float one; `exact` and `propagated` name the inputs it was given.

    `positive` is the share of +1 in the signs of its exact inputs (None where it reads floats): 1
    behind a ReLU, and then the layer learns nothing from its input. `rank` is 1 for the layer whose
    output, given exact inputs, is furthest off.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    weights: Closeness
    exact: Closeness
    propagated: Closeness
    positive: float | None
    rank: int = 0


@dataclass(frozen=True, slots=True)
class OutputFidelity:
    """An output of the network beside the float network's.

    `top1` is the share of the batch whose largest class is the same; None if the output is not
    (samples, classes).
    """

    name: str
    shape: tuple[int, ...]
    closeness: Closeness
    top1: float | None


@dataclass(frozen=True, slots=True)
class NetworkFidelity:
    """The binary layers in execution order, the outputs, and what a reader should know."""

    layers: tuple[LayerFidelity, ...]
    outputs: tuple[OutputFidelity, ...]
    notes: tuple[str, ...]


def fidelity(
    graph: Graph,
    policy: Policy,
    inputs: Mapping[str, Array],
    engine: str = "blas",
    progress: Tell | None = None,
) -> NetworkFidelity:
    """`graph` beside its form binarized by `policy`, on the same inputs.

    Both run in step, each freeing what it needs no more. `progress` is called after each layer.

    Raises:
        UsageError: the policy makes no layer binary, or the inputs are not the graph's.
        ModelError: a weight is missing, or a layer cannot run.
    """
    graph = _remembering(graph)
    binarized = apply(graph, policy)
    twins = _twins(graph, binarized)
    if not twins:
        raise UsageError(f"{graph.name}: no layer becomes binary: {_nothing(graph, policy)}")
    float_run = prepare(graph, engine, hold=False)
    binary_run = prepare(binarized, engine, hold=False)
    layers, outputs = [], []
    pairs = _in_step(steps(float_run, inputs), steps(binary_run, inputs))
    for done in range(1, len(graph.nodes) + 1):
        ours, theirs = next(pairs)  # enumerate(pairs) would hold them
        if ours.node.name in twins:
            weights = _of_weights(graph, ours.node, binarized, theirs.node)
            layers.append(_layer(binary_run, ours, theirs, weights))
        outputs += [
            _output(name, ours.outputs[name], theirs.outputs[name])
            for name in ours.outputs
            if name in graph.outputs
        ]
        if progress:
            progress(done, len(graph.nodes))
        del ours, theirs  # or both would live while the next layer runs
    notes = (*binarized.notes, *_blind(layers), *_binary_already(graph))
    return NetworkFidelity(_ranked(layers), tuple(outputs), notes)


def _nothing(graph: Graph, policy: Policy) -> str:
    """Why a policy changes no layer."""
    if policy.binarize is Binarize.NONE:
        return "binarize is none: choose bwn or xnor"
    return "; ".join((_none_left(graph, policy), *_binary_already(graph)))


def _none_left(graph: Graph, policy: Policy) -> str:
    layers = binarizable(graph)
    if not layers:
        return "none has constant float filters"
    if all(is_depthwise(graph, node) for node in layers):
        return "all are depthwise convolutions, which stay as they are without depthwise"
    return (
        f"high_precision '{','.join(policy.keep)}' keeps all {len(layers)}: name fewer, or none "
        "(--high-precision none)"
    )


def _binary_already(graph: Graph) -> Iterator[str]:
    """Which layers have +-1 weights before any policy: both networks have them."""
    names = [
        name
        for scheme, layers in quantized_layers(graph).items()
        for name in layers
        if scheme.weight == BIPOLAR
    ]
    if names:
        number = "1 layer is" if len(names) == 1 else f"{len(names)} layers are"
        yield f"{number} binary already, and the same in both networks: {_some(names)}"


def _blind(layers: list[LayerFidelity]) -> Iterator[str]:
    names = [item.name for item in layers if item.positive == 1]
    if names:
        yield (
            f"every input of {_some(names)} is +1, as behind a ReLU: a binary network is built to "
            "have both signs there, with batch normalization before the sign"
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def worst_first(layers: Iterable[LayerFidelity]) -> list[LayerFidelity]:
    """The layers by the cosine of their output given exact inputs, the least first.

    That is the order in which keeping a layer in high precision should be tried.
    """
    return sorted(layers, key=lambda item: (not math.isnan(item.exact.cosine), item.exact.cosine))


def _ranked(layers: list[LayerFidelity]) -> tuple[LayerFidelity, ...]:
    rank = {item.name: number for number, item in enumerate(worst_first(layers), 1)}
    return tuple(replace(item, rank=rank[item.name]) for item in layers)


def _remembering(graph: Graph) -> Graph:
    """The same graph; what a layer loads is still there when its twin loads it."""

    @lru_cache(maxsize=_RECENT)
    def load(name: str) -> Array:
        found = graph.parameters[name].load
        assert found is not None
        return found()

    known = {
        name: item if item.load is None else replace(item, load=partial(load, name))
        for name, item in graph.parameters.items()
    }
    return replace(graph, parameters=known)


def _twins(graph: Graph, binarized: Graph) -> frozenset[str]:
    """The names of the layers that are other ones in the binarized network."""
    before = {node.name: node for node in graph.nodes}
    return frozenset(
        node.name for node in binarized.nodes if node.name in before and node != before[node.name]
    )


def _in_step(ours: Iterator[Step], theirs: Iterator[Step]) -> Iterator[tuple[Step, Step]]:
    """The steps of both networks by layer; the signs, which only one has, are passed over."""
    for step in ours:
        name = step.node.name
        yield step, next(other for other in theirs if other.node.name == name)
        del step


def _layer(session: Session, ours: Step, theirs: Step, weights: Closeness) -> LayerFidelity:
    node = theirs.node
    (name,) = node.outputs
    output = ours.outputs[name]
    signed = _signed(session, node, ours.inputs)
    given_exact = run_node(session, node, {**ours.inputs, **signed})[name]
    return LayerFidelity(
        name=node.name,
        kind=kind(node.op),
        output_shape=output.shape,
        weights=weights,
        exact=closeness(output, given_exact),
        propagated=closeness(output, theirs.outputs[name]),
        positive=next((float((sign > 0).mean()) for sign in signed.values()), None),
    )


def _signed(session: Session, node: Node, given: Mapping[str, Array]) -> dict[str, Array]:
    """The signs that the binary layer reads, of the float network's activations."""
    written_by = producers(session.graph)
    found: dict[str, Array] = {}
    for name in node.inputs:
        if name not in given:
            found |= run_node(session, written_by[name], given)
    return found


def _of_weights(graph: Graph, ours: Node, binarized: Graph, theirs: Node) -> Closeness:
    assert isinstance(ours.op, Weighted)  # the policy has made it binary
    weight = _loaded(graph, ours.parameters["weight"])
    scaled = theirs.parameters.get("alpha")
    alpha = None if scaled is None else _loaded(binarized, scaled)
    return closeness(weight, approximated(ours.op, weight, alpha))


def _loaded(graph: Graph, name: str) -> Array:
    load = graph.parameters[name].load
    assert load is not None  # prepare() has looked
    return np.asarray(load())


def _output(name: str, ours: Array, theirs: Array) -> OutputFidelity:
    a, b = _classes(ours), _classes(theirs)
    top1 = None if a is None or b is None else float(np.mean(a == b))
    return OutputFidelity(name, ours.shape, closeness(ours, theirs), top1)


def _classes(output: Array) -> Array | None:
    """The largest class of each sample, if that is what the output looks like."""
    samples, *sizes = output.shape or (1,)
    if len(sizes) < 1 or sizes[0] < 2 or any(size != 1 for size in sizes[1:]):
        return None
    return output.reshape(samples, -1).argmax(axis=1)


def closeness(exact: Array, other: Array) -> Closeness:
    """How near `other` is to `exact`, over all elements of both, summed in float64."""
    x, y = exact.reshape(-1), other.reshape(-1)
    product = power = other_power = error = 0.0
    for start in range(0, x.size, _CHUNK):
        a = x[start : start + _CHUNK].astype(np.float64)
        b = y[start : start + _CHUNK].astype(np.float64)
        product += float(a @ b)
        power += float(a @ a)
        other_power += float(b @ b)
        a -= b
        error += float(a @ a)
    norms = math.sqrt(power) * math.sqrt(other_power)
    cosine = max(-1.0, min(1.0, product / norms)) if norms else math.nan
    return Closeness(cosine, _decibels(power, error))


def _decibels(power: float, error: float) -> float:
    if error == 0:
        return math.inf
    return 10 * math.log10(power / error) if power else -math.inf


def approximated(op: Weighted, weight: Array, alpha: Array | None) -> Array:
    """alpha B, B = sign(W): the weights that a binary layer stands for, in W's shape.

    `alpha` is one scale a filter; None for a layer without scaling.
    """
    return signs(weight) if alpha is None else signs(weight) * _along_filters(op, weight, alpha)


@singledispatch
def _along_filters(op: Weighted, weight: Array, alpha: Array) -> Array:
    """`alpha` where each number broadcasts over the weights of its filter."""
    raise UsageError(f"fidelity.approximated has no rule for {type(op).__name__}")


@_along_filters.register
def _(op: Conv, weight: Array, alpha: Array) -> Array:
    return alpha.reshape(-1, *[1] * (weight.ndim - 1))


@_along_filters.register
def _(op: Dense, weight: Array, alpha: Array) -> Array:
    return alpha[:, None] if op.transpose_weight else alpha


@_along_filters.register
def _(op: ConvTranspose, weight: Array, alpha: Array) -> Array:
    # (in_channels, out_channels / groups, *kernel): the filters of a group share its inputs
    by_input = np.repeat(alpha.reshape(op.groups, -1), len(weight) // op.groups, axis=0)
    return by_input.reshape(*by_input.shape, *[1] * (weight.ndim - 2))
