"""How much of a float network can be binary before it is no longer that network: a front."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xnorsim.analysis.execution import loaded
from xnorsim.analysis.inputs import Inputs, drawn
from xnorsim.analysis.models import Model, load_model, make_policy
from xnorsim.analysis.options import whole
from xnorsim.analysis.precision import stays
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
from xnorsim.network.graph import Graph, spec_of

if TYPE_CHECKING:
    from xnorsim.analysis.models import Profile
    from xnorsim.show.precision_front import FrontPoint, LayerChoice, PrecisionFront

__all__ = ["FIDELITIES", "precision_front"]

FIDELITIES = (0.95, 0.9, 0.8, 0.7, 0.5, 0.3, 0.1, 0.03)
"""The least products of cosines that a front is worked out for, where none are given."""


def precision_front(
    model: Model,
    *,
    profile: Profile,
    fidelities: Sequence[float] = FIDELITIES,
    metric: str = "latency_s",
    choose: Sequence[str] = ("fp32", "bwn", "xnor"),
    keep: str | Iterable[str] = ("first", "last"),
    scaling: str = "alpha",
    depthwise: bool = False,
    predictor: str = "instructions:own",
    threads: int = 1,
    inputs: Inputs = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> PrecisionFront:
    """The cheapest precisions of the layers of a network at each of several fidelities.

    As `choose_precisions` for each fidelity, but layers are predicted and executed once. The float
    network comes first, the cheapest choice of all last; choices that cost no less than one of
    more fidelity are left out. Costs are those of one sample, however many `inputs` has.

    Parameters
    ----------
    model, profile, metric, choose, keep, scaling, depthwise : as of `choose_precisions`
    fidelities : the least products of the layers' cosines, each from 0 to 1
    predictor, threads, inputs, progress, options : as of `choose_precisions`

    Raises:
        InputError: model, profile or option at fault.
    """
    from xnorsim.show.precision_front import PrecisionFront

    for least in fidelities:
        if not 0 < least <= 1:
            raise UsageError(f"fidelity {least!r}: a cosine above 0, at most 1")
    costs = Costs(one_profile(profile), metric, predictor, whole("threads", threads), tuple(choose))
    if costs.choose[:1] != ("fp32",):
        raise UsageError(
            f"a front begins with the float network: choose 'fp32' first, not {choose}"
        )
    policy = make_policy("xnor", keep, scaling, depthwise)
    graph, arrays, given = loaded(model, inputs, {"binarize": "xnor", **options})
    arrays = drawn(graph, given["seed"]) if arrays is None else arrays
    run = runner(graph, arrays, given["engine"])
    weighed = weigh(_one_sample(model, graph), policy, costs, run, progress)
    return PrecisionFront(
        network=graph.name,
        profile=costs.machine.name,
        predictor=predictor,
        threads=costs.threads,
        metric=metric,
        samples=max((spec_of(graph, name).shape[:1] or (1,))[0] for name in graph.inputs),
        layers=tuple(_layers(weighed)),
        points=tuple(_points(weighed, fidelities)),
        notes=graph.notes,
        stays=stays(weighed),
    )


def _one_sample(model: Model, graph: Graph) -> Graph:
    """The network that is predicted: of one sample, where the model has no batch of its own."""
    if isinstance(model, Graph):
        return model
    if not Path(model).is_file():
        return load_model(model)
    shapes = {name: spec_of(graph, name).shape for name in graph.inputs}
    return load_model(model, input_shape={n: (1, *s[1:]) if s else s for n, s in shapes.items()})


def _layers(weighed: Weighing) -> Iterator[LayerChoice]:
    """What each layer alone saves of the float network, as the sum of costs has it."""
    from xnorsim.explore.surrogate import cost_of_choices
    from xnorsim.show.precision_front import LayerChoice

    found = weighed.found
    floats = dict.fromkeys(found.layers, "fp32")
    whole_cost = cost_of_choices(found, floats)
    for name, size in zip(found.layers, found.weight_bytes, strict=True):
        saved = {
            word: whole_cost - cost_of_choices(found, {**floats, name: word})
            for word in found.choices
        }
        yield LayerChoice(name, float(size), weighed.cosines[name], saved)


def _points(weighed: Weighing, fidelities: Sequence[float]) -> Iterator[FrontPoint]:
    """The float network, the cheapest choice at each fidelity, and the cheapest of all."""
    from xnorsim.explore.surrogate import best_choices, cost_of_choices
    from xnorsim.show.precision_front import FrontPoint

    budgets = [[loss_budget(weighed, least)] for least in sorted({1.0, *fidelities}, reverse=True)]
    cheapest = float("inf")
    for item in [*budgets, []]:
        chosen = best_choices(weighed.found, item)
        cost = cost_of_choices(weighed.found, chosen)
        if cost < cheapest:
            cheapest = cost
            binary = sum(word != "fp32" for word in chosen.values())
            yield FrontPoint(chosen, scored(weighed, f"{binary} of {len(chosen)}", chosen))
