"""What each precision of each layer costs a network, as costs of layers and of pairs of neighbours.

The base is the network with every layer that may change at the last choice. With L(...) the
predicted total of the network whose named layers have other choices, and L() that of the base,

    cost of layer u at a          L(u=a) - L()
    cost of edge (u, v) at a, b   L(u=a, v=b) - L(u=a) - L(v=b) + L()

Edges join layers where one reads what the other writes, and layers that read the same tensor, since
they share the packing of its signs. The sum is exact for up to two neighbours that change; three
that meet, and what depends on all layers (whether all weights fit a cache), are left out: so the
answer is predicted once more as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import ceil

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost.inputs import design
from xnorsim.cost.points import Layers, predict_points, total
from xnorsim.errors import UsageError, choices
from xnorsim.explore.precision import Budget, Edge, best_precisions, cost_of
from xnorsim.machine.schema import HardwareProfile
from xnorsim.network.graph import Graph, by_role, producers
from xnorsim.network.policy import Binarize, Policy, binarizable, kept
from xnorsim.network.policy import apply as binarized
from xnorsim.work.fusion import DEFAULT_FUSE, Fuse
from xnorsim.work.table import layer_table

__all__ = [
    "CHOICES",
    "Surrogate",
    "best_choices",
    "cost_of_choices",
    "loss_budget",
    "mixed",
    "neighbours",
    "surrogate_of",
    "weight_budget",
]

CHOICES = ("fp32", "bwn", "xnor")
"""What a layer may be: high precision, binary weights, binary weights and inputs."""

HIGH = "fp32"

METRICS = ("latency_s", "energy_j")

Tell = Callable[[int, int], None]
"""Told how many predictions are done, and of how many."""

Precisions = Mapping[str, str]
"""A choice by the name of the layer."""


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A total [s or J] as a sum over layers and edges.

    layers: those that may change; choices: what to; base: the total with all at the last choice;
    costs: [layers, choices]; edge_costs: [edges, choices, choices]; both are differences from it.
    weight_bytes: [layers], what each takes in high precision; fixed_bytes: what layers take that
    stay in high precision.
    """

    metric: str
    layers: tuple[str, ...]
    choices: tuple[str, ...]
    base: float
    costs: NDArray[np.float64]
    edges: tuple[Edge, ...]
    edge_costs: NDArray[np.float64]
    weight_bytes: NDArray[np.float64]
    fixed_bytes: float


def mixed(graph: Graph, policy: Policy, chosen: Precisions) -> Policy:
    """The policy that gives each layer its own precision; layers that are not named stay fp32."""
    names = [node.name for node in binarizable(graph)]
    keep = tuple(name for name in names if chosen.get(name, HIGH) == HIGH)
    wide = tuple(name for name in names if chosen.get(name) == "bwn")
    return replace(
        policy, binarize=Binarize.XNOR, keep=keep, depthwise=True, weights_only=wide
    )  # fmt: skip


def neighbours(graph: Graph, layers: Sequence[str]) -> tuple[Edge, ...]:
    """Pairs of layers by place: of which one reads what the other writes, or that read the same.

    What is written is followed through layers without weights, and past one that joins several
    tensors (a residual addition) but not past a second one.
    """
    place = {name: at for at, name in enumerate(layers)}
    stops = {node.name for node in binarizable(graph)}
    readers: dict[str, list[int]] = {}
    found = set[Edge]()
    for name in layers:
        source = graph.node(name).inputs[0]
        readers.setdefault(source, []).append(place[name])
        written = _writers(graph, source, stops)
        found |= {(place[other], place[name]) for other in written if other in place}
    for same in readers.values():
        found |= set(combinations(same, 2))
    return tuple(sorted(found))


def _writers(graph: Graph, tensor: str, stops: set[str]) -> set[str]:
    written_by = producers(graph)
    found, waiting, seen = set[str](), [(tensor, 0)], set[tuple[str, int]]()
    while waiting:
        here = waiting.pop()
        node = written_by.get(here[0])
        if node is None or here in seen:
            continue
        seen.add(here)
        if node.name in stops:
            found.add(node.name)
            continue
        inputs = by_role(node)[0]
        joined = here[1] + (len(inputs) > 1)
        waiting += [(name, joined) for name in inputs if joined < 2]
    return found


def surrogate_of(
    graph: Graph,
    profile: HardwareProfile,
    policy: Policy,
    *,
    metric: str = "latency_s",
    predictor: str = "instructions",
    threads: int = 1,
    choose: Sequence[str] = CHOICES,
    fuse: tuple[Fuse, ...] = DEFAULT_FUSE,
    progress: Tell | None = None,
) -> Surrogate:
    """The costs of the layers that a policy does not keep, at each of the choices.

    Raises:
        UsageError: no such metric or choice, a network without a layer to choose for, or a profile
            without what the predictor or the metric needs.
    """
    _check(metric, choose)
    layers = _free(graph, policy)
    predict = _totals(graph, profile, policy, metric, predictor, threads, fuse)
    last = choose[-1]
    at_base = dict.fromkeys(layers, last)
    edges = neighbours(graph, layers)
    jobs = list(_changes(layers, choose, edges))
    totals = dict[tuple[tuple[str, str], ...], float]()
    for done, change in enumerate(jobs, 1):
        totals[change] = predict({**at_base, **dict(change)})
        if progress:
            progress(done, len(jobs))
    base = totals[()]
    costs = np.zeros((len(layers), len(choose)))
    for u, name in enumerate(layers):
        for a, choice in enumerate(choose[:-1]):
            costs[u, a] = totals[((name, choice),)] - base
    pairs = np.zeros((len(edges), len(choose), len(choose)))
    for at, (u, v) in enumerate(edges):
        for a, first in enumerate(choose[:-1]):
            for b, second in enumerate(choose[:-1]):
                whole = totals[((layers[u], first), (layers[v], second))] - base
                pairs[at, a, b] = whole - costs[u, a] - costs[v, b]
    pairs[np.abs(pairs) < _ROUNDING * base] = 0.0
    meet = [at for at in range(len(edges)) if pairs[at].any()]
    sizes = _weight_bytes(graph)
    return Surrogate(
        metric,
        tuple(layers),
        tuple(choose),
        base,
        costs,
        tuple(edges[at] for at in meet),
        pairs[meet],
        np.array([sizes[name] for name in layers]),
        sum(size for name, size in sizes.items() if name not in layers),
    )


_ROUNDING = 1e-12
"""Of the total: differences below are those of sums of another order."""


def _check(metric: str, choose: Sequence[str]) -> None:
    if metric not in METRICS:
        raise UsageError(f"no metric '{metric}': {choices(metric, METRICS)}")
    for word in choose:
        if word not in CHOICES:
            raise UsageError(f"no precision '{word}': {choices(word, CHOICES)}")
    if len(set(choose)) < max(2, len(choose)):
        raise UsageError(f"precisions to choose from are two or more, not {', '.join(choose)}")


def _free(graph: Graph, policy: Policy) -> list[str]:
    stay = kept(graph, policy)
    found = [node.name for node in binarizable(graph) if node.name not in stay]
    if not found:
        raise UsageError(f"{graph.name}: the policy keeps every layer: there is nothing to choose")
    return found


def _changes(
    layers: Sequence[str], choose: Sequence[str], edges: Sequence[Edge]
) -> Iterator[tuple[tuple[str, str], ...]]:
    """The base, each change of one layer, and each of two neighbours."""
    yield ()
    others = choose[:-1]
    yield from (((name, word),) for name in layers for word in others)
    for u, v in edges:
        yield from (((layers[u], a), (layers[v], b)) for a in others for b in others)


def _totals(
    graph: Graph,
    profile: HardwareProfile,
    policy: Policy,
    metric: str,
    predictor: str,
    threads: int,
    fuse: tuple[Fuse, ...],
) -> Callable[[Precisions], float]:
    at = design(profile)

    def predict(chosen: Precisions) -> float:
        table = layer_table(binarized(graph, mixed(graph, policy, chosen)), fuse)
        layers = Layers(table.columns, table.kinds)
        figures = predict_points(layers, at, predictor, threads, frozenset({metric}))
        found = float(total(getattr(figures, metric)))
        if np.isnan(found):
            raise UsageError(f"profile {profile.name} gives no {metric} with predictor {predictor}")
        return found

    return predict


def _weight_bytes(graph: Graph) -> dict[str, float]:
    """What the weights of each layer that could be binary take in high precision."""
    found = {}
    for node in binarizable(graph):
        spec = graph.parameters[node.parameters["weight"]].spec
        found[node.name] = float(ceil(spec.elements * spec.encoding.bits / 8))
    return found


def weight_budget(found: Surrogate, most_bytes: float) -> Budget:
    """At most so many bytes of weights in high precision, those of layers that stay included."""
    is_high = np.array([word == HIGH for word in found.choices], dtype=float)
    used = found.weight_bytes[:, None] * is_high
    used[0] += found.fixed_bytes  # whatever is chosen
    return Budget("high-precision weights [byte]", used, most_bytes)


def loss_budget(
    found: Surrogate, losses: Mapping[str, Mapping[str, float]], most: float, name: str = "loss"
) -> Budget:
    """At most so much of a loss that adds up over layers.

    losses: layer -> choice -> how much; a choice that is missing loses nothing.

    Raises:
        UsageError: a layer or choice that there is not, or a loss that is no number.
    """
    used = np.zeros(found.costs.shape)
    for layer, each in losses.items():
        if layer not in found.layers:
            raise UsageError(f"losses: no layer '{layer}': {choices(layer, found.layers)}")
        for word, loss in each.items():
            if word not in found.choices:
                raise UsageError(f"losses of '{layer}': {choices(word, found.choices)}")
            if not np.isfinite(loss):
                raise UsageError(f"losses of '{layer}' at {word}: no number ({loss})")
            used[found.layers.index(layer), found.choices.index(word)] = loss
    return Budget(name, used, most)


def best_choices(found: Surrogate, budgets: Sequence[Budget] = ()) -> dict[str, str]:
    """The choice of each layer by name that costs least within the budgets.

    Raises:
        UsageError: none keeps within them.
    """
    chosen = best_precisions(found.costs, found.edges, found.edge_costs, budgets)
    return {name: found.choices[at] for name, at in zip(found.layers, chosen, strict=True)}


def cost_of_choices(found: Surrogate, chosen: Precisions) -> float:
    """The total [s or J] as the surrogate has it."""
    places = [found.choices.index(chosen[name]) for name in found.layers]
    return found.base + cost_of(places, found.costs, found.edges, found.edge_costs)
