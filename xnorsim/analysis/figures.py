"""Figures of predictions: what moves one, and its layers below a machine's roofline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xnorsim.analysis.costs import analyze
from xnorsim.analysis.explanation import explain
from xnorsim.analysis.models import Model, load_profiles
from xnorsim.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from xnorsim.analysis.models import Profile

__all__ = ["roofline_figure", "tornado_figure"]


def tornado_figure(
    model: Model, *, profile: Profile, metric: str = "latency_s", **options: Any
) -> Figure:
    """How far each input of a prediction moves it alone, the furthest on top.

    metric: "latency_s" or "energy_j"; options: those of `explain`: layer, predictor, threads,
    binarize, ...

    Raises:
        InputError: see `explain`; UsageError for another metric, or one that no input moves.
    """
    from xnorsim.show.tornado import tornado_figure as drawn

    return drawn(explain(model, profile=profile, **options), metric)


def roofline_figure(model: Model, *, profile: Profile, **options: Any) -> Figure:
    """A network's layers by MACs a byte and MACs a second, below what a machine can do at most.

    options: those of `analyze`: predictor, threads, binarize, ...

    Raises:
        InputError: see `analyze`; UsageError for several profiles, or no layer that multiplies.
    """
    from xnorsim.cost.ceilings import ceilings, placed
    from xnorsim.show.roofline_plot import roofline_figure as drawn

    machines = load_profiles(profile or ())
    if len(machines) != 1:
        raise UsageError(f"a roofline is of one profile, and {len(machines)} were given: give one")
    machine = machines[0]
    report = analyze(model, profile=machine, **options)
    prediction, table = report.predictions[0], report.table
    threads = "1 thread" if prediction.threads == 1 else f"{prediction.threads} threads"
    return drawn(
        ceilings(machine, prediction.threads),
        placed(table, machine, prediction.columns["latency_s"]),
        table.schemes,
        prediction.bounds,
        f"{table.network} on {machine.name} ({prediction.predictor}, {threads})",
    )
