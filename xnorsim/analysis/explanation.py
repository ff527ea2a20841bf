"""How a prediction comes about: the arithmetic of one layer, and what moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xnorsim.analysis.costs import analyze
from xnorsim.analysis.models import Model, load_profiles
from xnorsim.errors import UsageError, choices
from xnorsim.show.report import Report

if TYPE_CHECKING:
    from xnorsim.analysis.models import Profile
    from xnorsim.show.explanation import Explanation, LayerShare

__all__ = ["explain"]


def explain(
    model: Model,
    *,
    profile: Profile,
    layer: str | None = None,
    predictor: str = "instructions:own",
    threads: int = 1,
    **options: Any,
) -> Explanation:
    """The arithmetic of a prediction from instructions to seconds and joules, with its sources.

    Parameters
    ----------
    model : path of a network file, name of a zoo network, or a graph
    profile : name or file of one hardware profile
    layer : which layer; None takes the one that takes most time, and then says what moves the
        latency of the whole network
    predictor : "instructions", with a recipe set after a colon
    threads : cores in use
    options : the others of `analyze`: binarize, keep, scaling, fuse, batch, ...

    Raises:
        InputError: see `analyze`; UsageError for another predictor, several profiles, no such
            layer, or one that takes no time because it is fused or a view.

    Examples
    --------
    >>> explain("resnet18", binarize="xnor", profile="raspberry-pi-4b").layer.name
    'conv1'
    """
    from xnorsim.cost.derivation import explain_layer, recipes_of
    from xnorsim.cost.ranges import COVERAGE
    from xnorsim.cost.sensitivity import sensitivities
    from xnorsim.show.explanation import Explanation

    _check_predictor(predictor)
    machines = load_profiles(profile or ())
    if len(machines) != 1:
        raise UsageError(f"explain takes one profile, and {len(machines)} were given: give one")
    machine = machines[0]
    report = analyze(model, profile=machine, threads=threads, predictor=predictor, **options)
    prediction, table = report.predictions[0], report.table
    place = _heaviest(report) if layer is None else _place(report, layer)
    recipes = recipes_of(prediction, machine)
    return Explanation(
        network=table.network,
        profile=machine.name,
        machine=machine.description,
        predictor=prediction.predictor,
        recipes=recipes.what,
        threads=prediction.threads,
        assumptions={name: report.assumptions[name] for name in _ASSUMED},
        coverage=COVERAGE,
        totals=prediction.totals,
        layers=_shares(report),
        layer=explain_layer(table, place, machine, prediction),
        of_network=layer is None,
        sensitivities=sensitivities(table, machine, prediction, None if layer is None else place),
    )


_ASSUMED = ("binarize", "keep", "scaling", "fuse")


def _check_predictor(predictor: str) -> None:
    if str(predictor).partition(":")[0] != "instructions":
        raise UsageError(
            f"predictor '{predictor}' issues no instructions that could be explained: "
            "valid choices: instructions:SET, as instructions:own"
        )


def _shares(report: Report) -> tuple[LayerShare, ...]:
    """The layers that take time, the most first."""
    from xnorsim.show.explanation import LayerShare

    table, prediction = report.table, report.predictions[0]
    times = prediction.columns["latency_s"].tolist()
    lows, highs = (prediction.columns[f"latency_s_{end}"].tolist() for end in ("low", "high"))
    whole = prediction.totals["latency_s"]
    found = [
        LayerShare(
            name,
            table.kinds[i],
            None if table.schemes[i] is None else str(table.schemes[i]),
            times[i],
            lows[i],
            highs[i],
            times[i] / whole,
            prediction.bounds[i],
        )
        for i, name in enumerate(table.names)
        if times[i]
    ]
    return tuple(sorted(found, key=lambda item: -item.latency_s))


def _heaviest(report: Report) -> int:
    runs = report.table.columns["runs"]
    if not runs.any():
        raise UsageError(f"no layer of {report.table.network} runs: there is nothing to explain")
    return int((report.predictions[0].columns["latency_s"] * runs).argmax())


def _place(report: Report, layer: str) -> int:
    """The place of a layer that takes time."""
    table = report.table
    running = [n for n, runs in zip(table.names, table.columns["runs"], strict=True) if runs]
    if layer not in table.names:
        raise UsageError(
            f"no layer of {table.network} is named '{layer}': {choices(str(layer), running)}"
        )
    place = table.names.index(layer)
    host = table.fused_into[place]
    if report.predictions[0].columns["latency_s"][place]:
        return place  # also where it is fused, and reads what its host has not at hand
    if host:
        raise UsageError(f"layer '{layer}' runs as part of '{host}': explain that one")
    if layer not in running:
        raise UsageError(
            f"layer '{layer}' ({table.kinds[place]}) does not run: it is a view of its input, or "
            f"known before the run, and takes no time; {choices(layer, running)}"
        )
    return place
