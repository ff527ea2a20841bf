"""What choosing the precision of layers weighs: costs, cosines, and networks as a whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xnorsim.analysis.costs import twin_of
from xnorsim.analysis.models import load_profiles
from xnorsim.errors import UsageError
from xnorsim.network.graph import Graph
from xnorsim.network.policy import Policy, apply, as_float
from xnorsim.work.table import layer_table

if TYPE_CHECKING:
    from xnorsim.analysis.models import Profile
    from xnorsim.cost.network import NetworkPrediction
    from xnorsim.exact.fidelity import NetworkFidelity
    from xnorsim.explore.precision import Budget
    from xnorsim.explore.surrogate import Surrogate
    from xnorsim.machine.schema import HardwareProfile
    from xnorsim.show.precision import Scored

__all__ = ["Costs", "Weighing", "loss_budget", "one_profile", "runner", "scored", "weigh"]

Cosines = dict[str, dict[str, float]]
"""Of each layer at each precision, its output with the float layer's."""

Run = Callable[[Policy], "NetworkFidelity"]
"""The network at a policy, executed beside the float one."""

_Predict = Callable[[Policy], "NetworkPrediction"]
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Costs:
    """What is to be made least, and how it is predicted."""

    machine: HardwareProfile
    metric: str
    predictor: str
    threads: int
    choose: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Weighing:
    """What each precision of each layer costs, and what it leaves of the layer's output.

    graph: what costs are predicted of; policy: which of its layers stay; found: the costs; predict:
    the whole at any choice. cosines are empty, and run None, where nothing was executed.
    """

    graph: Graph
    policy: Policy
    found: Surrogate
    predict: _Predict
    cosines: Cosines
    run: Run | None


def one_profile(profile: Profile) -> HardwareProfile:
    """The only profile.

    Raises:
        UsageError: none, or several.
    """
    machines = load_profiles(profile or ())
    if len(machines) != 1:
        raise UsageError(f"precisions are chosen for one profile, not {len(machines)}: give one")
    return machines[0]


def runner(graph: Graph, arrays: Mapping[str, np.ndarray], engine: str) -> Run:
    """What executes a graph on arrays at any policy."""
    from xnorsim.exact.fidelity import fidelity

    return lambda policy: fidelity(graph, policy, arrays, engine)


def weigh(
    graph: Graph,
    policy: Policy,
    costs: Costs,
    run: Run | None,
    progress: Callable[[int, int], None] | None = None,
) -> Weighing:
    """Predict each precision of each layer and of neighbours; execute each where `run` is given.

    Raises:
        UsageError: as `surrogate_of`, and faults of predictor and threads.
    """
    from xnorsim.explore.surrogate import surrogate_of

    predict = _predictor(graph, costs)
    predict(policy)  # faults of predictor and threads, before the long part
    found = surrogate_of(
        graph, costs.machine, policy, metric=costs.metric, predictor=costs.predictor,
        threads=costs.threads, choose=costs.choose, progress=progress,
    )  # fmt: skip
    cosines = _cosines(found, graph, policy, run) if run else {}
    return Weighing(graph, policy, found, predict, cosines, run)


def _predictor(graph: Graph, costs: Costs) -> _Predict:
    from xnorsim.cost.network import predict_network

    floats = layer_table(as_float(graph))

    def predict(policy: Policy) -> NetworkPrediction:
        table = layer_table(apply(graph, policy))
        twin = twin_of(table, floats)
        return predict_network(
            table.columns, twin, costs.machine, costs.threads, costs.predictor, table.kinds
        )

    return predict


def _cosines(found: Surrogate, graph: Graph, policy: Policy, run: Run) -> Cosines:
    """Of each layer at each precision, given exact inputs; 1 in high precision."""
    from xnorsim.explore.surrogate import mixed

    cosines: Cosines = {name: {"fp32": 1.0} for name in found.layers}
    for word in found.choices:
        if word != "fp32":
            result = run(mixed(graph, policy, dict.fromkeys(found.layers, word)))
            for item in result.layers:
                cosines[item.name][word] = item.exact.cosine
    return cosines


def loss_budget(weighed: Weighing, least: float) -> Budget:
    """Sum of -ln cosine <= -ln least: a product, if what layers lose is independent."""
    from xnorsim.explore.surrogate import loss_budget as budget

    losses = {
        name: {word: _loss(each[word]) for word in weighed.found.choices}
        for name, each in weighed.cosines.items()
    }
    return budget(weighed.found, losses, -math.log(least), "loss of cosine [-ln]")


def _loss(cosine: float) -> float:
    return -math.log(max(cosine, _LEAST)) if cosine > 0 else -math.log(_LEAST)


def scored(weighed: Weighing, name: str, chosen: Mapping[str, str]) -> Scored:
    """A network predicted as a whole, and executed."""
    from xnorsim.explore.surrogate import mixed
    from xnorsim.show.precision import Scored

    found, cosines = weighed.found, weighed.cosines
    at = mixed(weighed.graph, weighed.policy, chosen)
    totals = weighed.predict(at).totals
    high = sum(
        float(size)
        for layer, size in zip(found.layers, found.weight_bytes, strict=True)
        if chosen[layer] == "fp32"
    )
    estimated = math.exp(-sum(_loss(cosines[n][w]) for n, w in chosen.items())) if cosines else None
    cosine, top1 = None, None
    if weighed.run is not None:
        is_float = set(chosen.values()) == {"fp32"}
        cosine, top1 = (1.0, 1.0) if is_float else _executed(weighed.run(at))
    return Scored(
        name,
        totals["latency_s"],
        totals["latency_s_low"],
        totals["latency_s_high"],
        totals["energy_j"],
        found.fixed_bytes + high,
        estimated,
        cosine,
        top1,
    )


def _executed(result: NetworkFidelity) -> tuple[float, float | None]:
    """The least cosine of an output, and of its classes the least share that stays."""
    shares = [item.top1 for item in result.outputs if item.top1 is not None]
    return min(item.closeness.cosine for item in result.outputs), min(shares, default=None)
