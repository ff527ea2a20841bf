"""Which layers of a network should be binary, and how: the cheapest choice within budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xnorsim.analysis.execution import loaded
from xnorsim.analysis.inputs import Inputs, drawn
from xnorsim.analysis.models import Model, load_model, make_policy
from xnorsim.analysis.options import whole
from xnorsim.analysis.weighing import (
    Costs,
    Weighing,
    loss_budget,
    one_profile,
    runner,
    scored,
    weigh,
)
from xnorsim.errors import UsageError
from xnorsim.network.policy import quantized_layers

if TYPE_CHECKING:
    from xnorsim.analysis.models import Profile
    from xnorsim.explore.precision import Budget
    from xnorsim.explore.surrogate import Surrogate
    from xnorsim.show.precision import Precisions, Scored

__all__ = ["choose_precisions", "stays"]


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
    from xnorsim.explore.surrogate import best_choices

    costs = Costs(one_profile(profile), metric, predictor, whole("threads", threads), tuple(choose))
    policy = make_policy("xnor", keep, scaling, depthwise)
    most = _bytes(high_precision_bytes)
    if fidelity is not None and not 0 < fidelity <= 1:
        raise UsageError(f"fidelity {fidelity!r}: a cosine above 0, at most 1")
    if execute or fidelity is not None:
        graph, arrays, given = loaded(model, inputs, {"binarize": "xnor", **options})
        arrays = drawn(graph, given["seed"]) if arrays is None else arrays
        run = runner(graph, arrays, given["engine"])
    else:
        graph, run = load_model(model, **options), None
    weighed = weigh(graph, policy, costs, run, progress)
    found = weighed.found
    budgets = _weight_budgets(found, most)
    budgets += [] if fidelity is None else [loss_budget(weighed, fidelity)]
    chosen = best_choices(found, budgets)
    uniform = {f"all {word}": dict.fromkeys(found.layers, word) for word in found.choices}
    networks = tuple(
        scored(weighed, name, each) for name, each in {**uniform, "chosen": chosen}.items()
    )
    notes = (*graph.notes, *_missed(networks[-1], fidelity))
    return _result(weighed, costs, chosen, networks, budgets, notes)


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
    weighed: Weighing,
    costs: Costs,
    chosen: Mapping[str, str],
    networks: tuple[Scored, ...],
    budgets: Sequence[Budget],
    notes: tuple[str, ...],
) -> Precisions:
    from xnorsim.explore.surrogate import cost_of_choices
    from xnorsim.show.precision import LayerPrecision, Precisions

    found = weighed.found
    return Precisions(
        network=weighed.graph.name,
        profile=costs.machine.name,
        predictor=costs.predictor,
        threads=costs.threads,
        metric=found.metric,
        surrogate=cost_of_choices(found, chosen),
        layers=tuple(
            LayerPrecision(name, chosen[name], float(size), weighed.cosines.get(name, {}))
            for name, size in zip(found.layers, found.weight_bytes, strict=True)
        ),
        networks=networks,
        neighbours=tuple((found.layers[u], found.layers[v]) for u, v in found.edges),
        budgets={item.name: (_used(found, item, chosen), item.most) for item in budgets},
        notes=notes,
        stays=stays(weighed),
    )


def stays(weighed: Weighing) -> dict[str, tuple[str, ...]]:
    """The layers that multiply other than floats in the file, by the word of their precision."""
    from xnorsim.show.labels import precision_label

    found = quantized_layers(weighed.graph)
    return {precision_label(str(scheme)): names for scheme, names in found.items()}


def _bytes(given: str | float | None) -> float | None:
    from xnorsim.units import parse_quantity

    return parse_quantity(given, "byte") if isinstance(given, str) else given


def _weight_budgets(found: Surrogate, most: float | None) -> list[Budget]:
    from xnorsim.explore.surrogate import weight_budget

    return [] if most is None else [weight_budget(found, most)]


def _used(found: Surrogate, budget: Budget, chosen: Mapping[str, str]) -> float:
    from xnorsim.explore.precision import used_of

    return used_of(budget, [found.choices.index(chosen[name]) for name in found.layers])
