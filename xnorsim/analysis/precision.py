"""Which layers of a network should be binary, and how: the cheapest choice within budgets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xnorsim.analysis.execution import loaded
from xnorsim.analysis.inputs import Inputs, drawn
from xnorsim.analysis.models import Model, load_model, load_profiles, make_policy
from xnorsim.analysis.options import whole
from xnorsim.errors import UsageError
from xnorsim.network.graph import Graph
from xnorsim.network.policy import Policy, apply, as_float, quantized_layers
from xnorsim.work.table import layer_table

if TYPE_CHECKING:
    from xnorsim.analysis.models import Profile
    from xnorsim.cost.network import NetworkPrediction
    from xnorsim.exact.fidelity import NetworkFidelity
    from xnorsim.explore.precision import Budget
    from xnorsim.explore.surrogate import Surrogate
    from xnorsim.machine.schema import HardwareProfile
    from xnorsim.show.precision import Precisions, Scored

__all__ = ["choose_precisions"]

Cosines = dict[str, dict[str, float]]
"""Of each layer at each precision, its output with the float layer's."""

_LEAST = 1e-9


def choose_precisions(
    model: Model,
    *,
    profile: Profile,
    metric: str = "latency_s",
    high_precision_bytes: str | float | None = None,
    fidelity: float | None = None,
    execute: bool = False,
    choose: Sequence[str] = ("fp32", "bwn", "xnor"),
    keep: str | Iterable[str] = ("first", "last"),
    scaling: str = "alpha",
    depthwise: bool = False,
    predictor: str = "instructions:own",
    threads: int = 1,
    inputs: Inputs = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Precisions:
    """The precision of each layer that makes a metric least within budgets.

    Costs are those of each layer at each precision, and of neighbours together, where they share
    the packing of signs; the best sum of them is found exactly. The answer is then predicted as a
    whole, and executed where a fidelity is asked for: the sum and the prediction stand side by
    side, as do the estimated and the executed fidelity.

    Parameters
    ----------
    model : path of a network file, name of a zoo network, or a graph
    profile : name or file of one hardware profile
    metric : "latency_s" or "energy_j"
    high_precision_bytes : the most that weights in high precision may take, those of kept layers
        included: "2 MB" or bytes
    fidelity : the least product of the layers' cosines (output with the float layer's, each given
        exact inputs, without retraining), from 0 to 1
    execute : run the networks and set their outputs beside the float one's, also where no fidelity
        is asked for
    choose : what layers may be, of "fp32", "bwn" and "xnor"
    keep, scaling, depthwise : as of `analyze`; layers that are kept stay in high precision
    predictor, threads : as of `analyze`
    inputs : what networks are executed on, as of `fidelity`
    progress : told how many predictions are done, and of how many
    options : others of `run`: batch, input_shape, seed, weights, engine, pad_value, border

    Raises:
        InputError: model, profile or option at fault; UsageError where no choice keeps within the
            budgets, with the least that they need.
    """
    from xnorsim.explore.surrogate import best_choices, surrogate_of

    (machine,) = _one(profile)
    policy = make_policy("xnor", keep, scaling, depthwise)
    threads = whole("threads", threads)
    most = _bytes(high_precision_bytes)
    if fidelity is not None and not 0 < fidelity <= 1:
        raise UsageError(f"fidelity {fidelity!r}: a cosine above 0, at most 1")
    if execute or fidelity is not None:
        graph, arrays, given = loaded(model, inputs, {"binarize": "xnor", **options})
        arrays = drawn(graph, given["seed"]) if arrays is None else arrays
        run = _runner(graph, arrays, given["engine"])
    else:
        graph, run = load_model(model, **options), None
    predict = _predictor(graph, machine, threads, predictor)
    predict(policy)  # faults of predictor and threads, before the long part
    found = surrogate_of(
        graph, machine, policy, metric=metric, predictor=predictor, threads=threads,
        choose=tuple(choose), progress=progress,
    )  # fmt: skip
    cosines = _cosines(found, graph, policy, run) if run else {}
    budgets = [*_weight_budgets(found, most), *_loss_budgets(found, cosines, fidelity)]
    chosen = best_choices(found, budgets)
    uniform = {f"all {word}": dict.fromkeys(found.layers, word) for word in found.choices}
    networks = (
        _scored(name, found, graph, policy, each, predict, cosines, run)
        for name, each in {**uniform, "chosen": chosen}.items()
    )
    about = {"profile": machine.name, "predictor": predictor, "threads": threads}
    scored = tuple(networks)
    graph = replace(graph, notes=(*graph.notes, *_missed(scored[-1], fidelity)))
    return _result(graph, about, found, chosen, scored, cosines, budgets)


def _missed(chosen: Scored, fidelity: float | None) -> Iterator[str]:
    """What to know where the network as a whole is less like the float one than was estimated."""
    if fidelity is None or chosen.cosine is None or chosen.cosine >= fidelity:
        return
    yield (
        f"the chosen network misses the fidelity asked for, {fidelity:g}: executed, its output has "
        f"a cosine of {chosen.cosine:.3f}, estimated {chosen.estimated_cosine or 0:.3f} as the "
        "product of its layers' cosines; ask for more, or keep more layers"
    )


def _result(
    graph: Graph,
    about: Mapping[str, Any],
    found: Surrogate,
    chosen: Mapping[str, str],
    networks: tuple[Scored, ...],
    cosines: Cosines,
    budgets: Sequence[Budget],
) -> Precisions:
    from xnorsim.explore.surrogate import cost_of_choices
    from xnorsim.show.labels import precision_label
    from xnorsim.show.precision import LayerPrecision, Precisions

    return Precisions(
        network=graph.name,
        **about,
        metric=found.metric,
        surrogate=cost_of_choices(found, chosen),
        layers=tuple(
            LayerPrecision(name, chosen[name], float(size), cosines.get(name, {}))
            for name, size in zip(found.layers, found.weight_bytes, strict=True)
        ),
        networks=networks,
        neighbours=tuple((found.layers[u], found.layers[v]) for u, v in found.edges),
        budgets={item.name: (_used(found, item, chosen), item.most) for item in budgets},
        notes=graph.notes,
        stays={
            precision_label(str(scheme)): names for scheme, names in quantized_layers(graph).items()
        },
    )


def _one(profile: Profile) -> list[HardwareProfile]:
    machines = load_profiles(profile or ())
    if len(machines) != 1:
        raise UsageError(f"precisions are chosen for one profile, not {len(machines)}: give one")
    return machines


def _bytes(given: str | float | None) -> float | None:
    from xnorsim.units import parse_quantity

    return parse_quantity(given, "byte") if isinstance(given, str) else given


_Run = Callable[[Policy], "NetworkFidelity"]


def _runner(graph: Graph, arrays: Mapping[str, np.ndarray], engine: str) -> _Run:
    from xnorsim.exact.fidelity import fidelity

    return lambda policy: fidelity(graph, policy, arrays, engine)


_Predict = Callable[[Policy], "NetworkPrediction"]


def _predictor(graph: Graph, machine: HardwareProfile, threads: int, predictor: str) -> _Predict:
    from xnorsim.cost.network import Twin, predict_network

    floats = layer_table(as_float(graph))

    def predict(policy: Policy) -> NetworkPrediction:
        table = layer_table(apply(graph, policy))
        columns = table.columns
        binary = {
            name
            for name, macs in zip(
                table.names, columns["binary_macs"] + columns["bwn_macs"], strict=True
            )
            if macs
        }
        is_binary = np.array([name in binary for name in floats.names], dtype=bool)
        twin = Twin(floats.columns, is_binary, floats.kinds)
        return predict_network(columns, twin, machine, threads, predictor, table.kinds)

    return predict


def _cosines(found: Surrogate, graph: Graph, policy: Policy, run: _Run) -> Cosines:
    """Of each layer at each precision, given exact inputs; 1 in high precision."""
    from xnorsim.explore.surrogate import mixed

    cosines: Cosines = {name: {"fp32": 1.0} for name in found.layers}
    for word in found.choices:
        if word != "fp32":
            result = run(mixed(graph, policy, dict.fromkeys(found.layers, word)))
            for item in result.layers:
                cosines[item.name][word] = item.exact.cosine
    return cosines


def _weight_budgets(found: Surrogate, most: float | None) -> list[Budget]:
    from xnorsim.explore.surrogate import weight_budget

    return [] if most is None else [weight_budget(found, most)]


def _loss_budgets(found: Surrogate, cosines: Cosines, least: float | None) -> list[Budget]:
    """Sum of -ln cosine <= -ln least: a product, if what layers lose is independent."""
    from xnorsim.explore.surrogate import loss_budget

    if least is None:
        return []
    losses = {
        name: {word: _loss(each[word]) for word in found.choices} for name, each in cosines.items()
    }
    return [loss_budget(found, losses, -math.log(least), "loss of cosine [-ln]")]


def _loss(cosine: float) -> float:
    return -math.log(max(cosine, _LEAST)) if cosine > 0 else -math.log(_LEAST)


def _used(found: Surrogate, budget: Budget, chosen: Mapping[str, str]) -> float:
    from xnorsim.explore.precision import used_of

    return used_of(budget, [found.choices.index(chosen[name]) for name in found.layers])


def _scored(
    name: str,
    found: Surrogate,
    graph: Graph,
    policy: Policy,
    chosen: Mapping[str, str],
    predict: _Predict,
    cosines: Cosines,
    run: _Run | None,
) -> Scored:
    """A network predicted as a whole, and executed."""
    from xnorsim.explore.surrogate import mixed
    from xnorsim.show.precision import Scored

    at = mixed(graph, policy, chosen)
    totals = predict(at).totals
    high = sum(
        float(size)
        for layer, size in zip(found.layers, found.weight_bytes, strict=True)
        if chosen[layer] == "fp32"
    )
    estimated = math.exp(-sum(_loss(cosines[n][w]) for n, w in chosen.items())) if cosines else None
    cosine, top1 = None, None
    if run is not None:
        cosine, top1 = (1.0, 1.0) if set(chosen.values()) == {"fp32"} else _executed(run(at))
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
