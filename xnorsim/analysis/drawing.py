"""A network drawn: which layer reads which, coloured by precision or by what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from xnorsim.analysis.costs import report_of
from xnorsim.analysis.models import Model, load_model, load_profiles, make_policy, parse_fuse
from xnorsim.analysis.options import whole
from xnorsim.errors import UsageError, choices
from xnorsim.network.graph import Graph, digraph
from xnorsim.network.ops import Sign
from xnorsim.network.policy import apply
from xnorsim.show.labels import precision_class
from xnorsim.show.report import Report
from xnorsim.work.fusion import DEFAULT_FUSE
from xnorsim.work.table import LayerTable, layer_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from xnorsim.analysis.models import Profile
    from xnorsim.show.drawing import Box

__all__ = ["BY", "draw"]

BY = {
    "precision": None,
    "macs": ("multiply-accumulates", ""),
    "latency_s": ("predicted latency", "s"),
    "energy_j": ("predicted energy", "J"),
}
"""What a drawing may be coloured by: what it is in words, and its unit."""


def draw(
    model: Model,
    by: str = "precision",
    *,
    profile: Profile | Sequence[Profile] = (),
    binarize: str = "none",
    keep: str | Iterable[str] = ("first", "last"),
    scaling: str = "alpha",
    depthwise: bool = False,
    fuse: str | Iterable[str] = DEFAULT_FUSE,
    input_shape: Mapping[str, Sequence[int]] | None = None,
    batch: int | None = None,
    threads: int = 1,
    predictor: str = "roofline",
    allow_unknown: bool = False,
) -> Figure:
    """Draw a network: boxes are layers that multiply, arrows what they read, on at most a page.

    What multiplies nothing belongs to the box of the layer that it reads, and a sign to that of the
    layer which reads it; where branches join is a small box of its own. A box's cost is that of all
    of its layers. Rows follow the longest way from the inputs and are folded into columns; a tensor
    enters another column as a dot on top of it. Where there is no room for names, a stage's word
    becomes its first letter, names become numbers, and those nothing; a note says so.

    Parameters
    ----------
    model : as of `analyze`
    by : the colour of boxes: "precision", or a cost on a scale: "macs", "latency_s", "energy_j"
    profile : one machine, for latency and energy
    others : as of `analyze`

    Raises:
        InputError: see `analyze`; UsageError: nothing of that name to colour by, a cost without one
            profile, or an energy that the profile does not give.
    """
    from xnorsim.show.drawing import network_figure

    if by not in BY:
        raise UsageError(f"a network is not coloured by '{by}': {choices(by, BY)}")
    threads, fused = whole("threads", threads), parse_fuse(fuse)
    policy = make_policy(binarize, keep, scaling, depthwise)
    machines = load_profiles(profile)
    needed = int(by in ("latency_s", "energy_j"))
    if len(machines) != needed:
        raise UsageError(
            f"a drawing by {by} takes {'one profile' if needed else 'no profile'}, and "
            f"{len(machines)} were given"
        )
    if not machines and (threads, predictor) != (1, "roofline"):
        raise UsageError("threads and predictor say how a profile is used: give a profile too")
    original = load_model(model, input_shape=input_shape, batch=batch, allow_unknown=allow_unknown)
    report = report_of(original, policy, fused, machines, threads, predictor)
    graph = apply(original, policy)
    home, edges = _joined(graph, layer_table(graph))
    boxes = _boxes(report.table, home, _values(report, by))
    return network_figure(boxes, edges, _title(report, by), BY[by])


def _values(report: Report, by: str) -> NDArray[Any]:
    """What each layer costs [layers]; zeros where boxes are coloured by precision."""
    if by == "precision":
        return np.zeros(len(report.table))
    if by in report.table.columns:
        return report.table.columns[by]
    (prediction,) = report.predictions
    found = prediction.columns[by]
    if np.isnan(found).any():
        raise UsageError(f"profile {prediction.profile} gives no {by} with {prediction.predictor}")
    return found


def _joined(graph: Graph, table: LayerTable) -> tuple[list[int], list[tuple[int, int]]]:
    """The box of each layer [layers], numbered in order, and the edges between boxes.

    What multiplies nothing joins the one layer that it reads; a sign, or what reads an input of the
    network, joins its only reader. What joins two branches has a box of its own. So whatever enters
    a box reaches all that leaves it, and boxes never read each other.
    """
    place = {name: at for at, name in enumerate(table.names)}
    arrows = [(place[u], place[v]) for u, v in digraph(graph).edges]
    reads, readers = ([[] for _ in place] for _ in range(2))
    for u, v in arrows:
        reads[v].append(u)
        readers[u].append(v)
    together = nx.Graph()
    together.add_nodes_from(range(len(table)))
    for at, node in enumerate(graph.nodes):
        if table.schemes[at] is not None:
            continue
        only = readers[at][0] if len(readers[at]) == 1 else None
        is_sign = isinstance(node.op, Sign) and only is not None
        if only is not None and (not reads[at] or (is_sign and table.schemes[only] is not None)):
            together.add_edge(at, only)
        elif len(reads[at]) == 1:
            together.add_edge(reads[at][0], at)
    home = [0] * len(table)
    for number, members in enumerate(sorted(nx.connected_components(together), key=min)):
        for at in members:
            home[at] = number
    return home, _between(home, arrows)


def _between(home: Sequence[int], arrows: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    return sorted({(home[u], home[v]) for u, v in arrows if home[u] != home[v]})


def _boxes(table: LayerTable, home: Sequence[int], values: NDArray[Any]) -> list[Box]:
    from xnorsim.show.drawing import Box

    members: dict[int, list[int]] = {}
    for at, box in enumerate(home):
        members.setdefault(box, []).append(at)
    found = []
    for _, inside in sorted(members.items()):
        multiplying = [at for at in inside if table.schemes[at] is not None]
        head = (multiplying or inside)[0]
        scheme = table.schemes[head]
        found.append(
            Box(
                table.names[head],
                table.kinds[head],
                precision_class(None if scheme is None else str(scheme)),
                float(values[inside].sum()),
            )
        )
    return found


def _title(report: Report, by: str) -> str:
    name = report.table.network
    if not report.predictions:
        return f"{name}, by {BY[by][0] if BY[by] else by}"
    (prediction,) = report.predictions
    cores = "1 thread" if prediction.threads == 1 else f"{prediction.threads} threads"
    return f"{name} on {prediction.profile} ({prediction.predictor}, {cores})"
