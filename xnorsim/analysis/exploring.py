"""A network on a machine whose numbers are turned by hand, and the figures that follow at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from xnorsim.analysis.costs import report_of, twin_of
from xnorsim.analysis.models import (
    Model,
    load_model,
    load_profiles,
    make_policy,
    parse_fuse,
)
from xnorsim.analysis.options import whole
from xnorsim.cost.inputs import Design, design
from xnorsim.cost.network import PointPrediction, prepared_network
from xnorsim.cost.points import bound_names
from xnorsim.errors import UsageError, choices
from xnorsim.explore.knobs import Group, Knob, State, groups, knobs, precision_of
from xnorsim.explore.surrogate import CHOICES, mixed
from xnorsim.machine.fields import with_values
from xnorsim.network.graph import Graph
from xnorsim.network.policy import Policy, apply, as_float
from xnorsim.show.exploration import Shown
from xnorsim.show.labels import precision_class
from xnorsim.show.report import Report
from xnorsim.work.fusion import DEFAULT_FUSE, Fuse
from xnorsim.work.table import LayerTable, layer_table

if TYPE_CHECKING:
    from xnorsim.analysis.models import Profile
    from xnorsim.machine.schema import HardwareProfile
    from xnorsim.show.widget import Explorer

__all__ = ["Playground", "changed", "explore", "moved", "playground", "reported"]


_Predict = Callable[[Design, int], PointPrediction]


@dataclass(frozen=True, eq=False)
class Playground:
    """A question whose machine and precisions change: what stays, and what is made only once.

    floats: the table of the network in fp32; tables: layer tables by policy; predictors: what is
    prepared, by policy and vector width. The last two fill as states are asked for.
    """

    graph: Graph
    policy: Policy
    fuse: tuple[Fuse, ...]
    profile: HardwareProfile
    predictor: str
    knobs: tuple[Knob, ...]
    groups: tuple[Group, ...]
    start: State
    floats: LayerTable
    tables: dict[Policy, LayerTable] = field(default_factory=dict)
    predictors: dict[tuple[Policy, float], _Predict] = field(default_factory=dict)


def playground(
    model: Model,
    profile: Profile,
    *,
    binarize: str = "none",
    keep: str | Iterable[str] = ("first", "last"),
    scaling: str = "alpha",
    depthwise: bool = False,
    fuse: str | Iterable[str] = DEFAULT_FUSE,
    input_shape: Mapping[str, Sequence[int]] | None = None,
    batch: int | None = None,
    threads: int = 1,
    predictor: str = "roofline",
) -> Playground:
    """The question of `explore` without its widgets; parameters and errors are those."""
    threads = whole("threads", threads)
    policy = make_policy(binarize, keep, scaling, depthwise)
    fused = parse_fuse(fuse)
    machines = load_profiles(profile or ())
    if len(machines) != 1:
        raise UsageError(f"one machine is explored, and {len(machines)} profiles were given")
    graph = load_model(model, input_shape=input_shape, batch=batch)
    found = Playground(
        graph, policy, fused, machines[0], predictor, knobs(machines[0], predictor),
        groups(graph, policy), State(threads=threads), layer_table(as_float(graph), fused),
    )  # fmt: skip
    moved(found, found.start)  # faults of predictor and threads
    return found


def changed(at: Playground, state: State) -> tuple[HardwareProfile, Policy]:
    """The machine and the precision policy of a state.

    Raises:
        UsageError: no such field, group or precision; values that make no machine together.
    """
    machine = with_values(at.profile, state.values) if state.values else at.profile
    known = {group.name: group for group in at.groups}
    faults = [
        f"no group of layers '{name}': {choices(name, known)}"
        for name in state.precisions
        if name not in known
    ]
    faults += [
        f"precision '{word}' of {name}: {choices(word, CHOICES)}"
        for name, word in state.precisions.items()
        if word not in CHOICES
    ]
    if faults:
        raise UsageError("\n  ".join(faults))
    if all(known[name].precision == word for name, word in state.precisions.items()):
        return machine, at.policy
    chosen = precision_of(at.graph, at.policy)
    for name, word in state.precisions.items():
        chosen |= dict.fromkeys(known[name].layers, word)
    return machine, mixed(at.graph, at.policy, chosen)


def moved(at: Playground, state: State) -> Shown:
    """The figures of a state without ranges; all that it shares with others is made only once.

    Raises:
        UsageError: as `changed`, or more threads than the machine has cores.
    """
    machine, policy = changed(at, state)
    design_at = design(machine)
    table = _table(at, policy)
    key = policy, float(design_at.machine.simd_bits)
    if key not in at.predictors:
        twin = twin_of(table, at.floats)
        at.predictors[key] = prepared_network(
            table.columns, twin, design_at, at.predictor, table.kinds
        )
    found = at.predictors[key](design_at, state.threads)
    return Shown(
        title=_title(at, state.threads),
        names=table.names,
        classes=_classes(table),
        bounds=found.bounds,
        latency_s=found.latency_s,
        totals=found.totals,
        speedup=found.speedup,
    )


def reported(at: Playground, state: State) -> Report:
    """The report of a state, as `analyze` gives it for that machine and those precisions."""
    machine, policy = changed(at, state)
    return report_of(at.graph, policy, at.fuse, [machine], state.threads, at.predictor)


def _table(at: Playground, policy: Policy) -> LayerTable:
    if policy not in at.tables:
        at.tables[policy] = layer_table(apply(at.graph, policy), at.fuse)
    return at.tables[policy]


def _classes(table: LayerTable) -> tuple[Any, ...]:
    return tuple(precision_class(None if used is None else str(used)) for used in table.schemes)


def _title(at: Playground, threads: int) -> str:
    cores = "1 thread" if threads == 1 else f"{threads} threads"
    return f"{at.graph.name} on {at.profile.name} ({at.predictor}, {cores})"


def explore(model: Model, profile: Profile, **options: Any) -> Explorer:
    """Turn a machine's numbers and a network's precisions by hand, in a notebook (extra `jupyter`).

    Sliders for clock, SIMD width, popcount rate, cache sizes and bandwidths, as far as the profile
    has them, for threads, and a choice of precision for the first layer, the last one, and the
    stages between. The figure follows each move: latency by layer with what bounds it, the total
    with its change against the unchanged machine, speedups by baseline; and the ranges where
    nothing has moved for a moment.

    Parameters
    ----------
    model : path of a network file, name of a zoo network, or a graph
    profile : name or file of one hardware profile
    options : those of `analyze`, where to start: binarize, keep, scaling, depthwise, fuse,
        input_shape, batch, threads, predictor

    Returns an object that shows itself; its `state`, `profile`, `save_profile()` and `report()` are
    what was found by hand.

    Raises:
        MissingExtraError: ipywidgets is not installed.
        InputError: model, profile or option at fault.
    """
    from xnorsim.show.widget import Explorer, Question

    at = playground(model, profile, **options)
    question = Question(
        at.knobs,
        at.groups,
        at.start,
        bounds=bound_names(at.predictor, design(at.profile).machine),
        cores=int(design(at.profile).machine.cores),
        moved=partial(moved, at),
        profile=lambda state: changed(at, state)[0],
        report=partial(reported, at),
    )
    return Explorer(question)
