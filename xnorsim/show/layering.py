"""Where the boxes of a network stand: rows by depth, branches in lanes, folded into columns.

A row is one step of the longest way from the inputs, so what a box reads stands above it. A trunk
keeps its lane; what runs beside it stands in the next one. A network is higher than a page, so its
rows are cut into columns where the fewest tensors cross: one that does enters the next column as a
dot on top of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import networkx as nx

__all__ = ["Layout", "Place", "Route", "depth", "layered"]

_SHORTEST = 0.6
"""Of the rows of a column: it may end earlier for a better cut, but not before."""

Edge = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """Column, row and lane, from 0; row 0 of every column but the first holds its dots."""

    column: int
    row: int
    lane: int


@dataclass(frozen=True, slots=True)
class Route:
    """How an edge runs within a column: down a lane, or down a track beside one.

    source, target: boxes, or dots; lane: which; track: None in the lane itself, else the number of
    the track to its right.
    """

    source: int
    target: int
    lane: int
    track: int | None = None


@dataclass(frozen=True, eq=False)
class Layout:
    """Places of boxes 0 .. n - 1, and of dots from n on; routes of edges within columns.

    enters: the box, or the dot before it, that each dot continues; lanes: by column how many;
    tracks: by column and lane how many run to its right; rows: of the highest column.
    """

    places: tuple[Place, ...]
    routes: tuple[Route, ...]
    enters: dict[int, int]
    lanes: tuple[int, ...]
    tracks: dict[tuple[int, int], int]
    rows: int


def depth(count: int, edges: Iterable[Edge]) -> int:
    """The boxes of the longest way from an input: the rows of one column."""
    return len(_generations(_graph(count, edges)))


def _graph(count: int, edges: Iterable[Edge]) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(edges)
    return graph


def _generations(graph: nx.DiGraph) -> list[list[int]]:
    return [sorted(each) for each in nx.topological_generations(graph)]


def layered(count: int, edges: Iterable[Edge], rows: int) -> Layout:
    """Place boxes 0 .. count - 1 whose edges form no cycle, at most so many rows to a column."""
    graph = _graph(count, edges)
    generations = _generations(graph)
    rank = {node: at for at, each in enumerate(generations) for node in each}
    starts = _starts(graph, rank, len(generations), rows)
    column = {node: sum(start <= at for start in starts) - 1 for node, at in rank.items()}
    local, enters, home = _with_dots(graph, column, count)
    row = {node: rank[node] - starts[at] + (at > 0) for node, at in column.items()}
    row |= dict.fromkeys(enters, 0)
    drafts = [
        _column([node for node, at in home.items() if at == number], local, row)
        for number in range(len(starts))
    ]
    lane = {node: at for draft in drafts for node, at in draft.lane.items()}
    return Layout(
        places=tuple(Place(home[node], row[node], lane[node]) for node in range(len(home))),
        routes=tuple(route for draft in drafts for route in draft.routes),
        enters=enters,
        lanes=tuple(1 + max(draft.lane.values(), default=0) for draft in drafts),
        tracks={(at, lane): n for at, d in enumerate(drafts) for lane, n in d.tracks.items()},
        rows=1 + max(row.values(), default=0),
    )


def _starts(graph: nx.DiGraph, rank: dict[int, int], depth: int, rows: int) -> list[int]:
    """The rank at which each column begins."""
    even = math.ceil(depth / max(1, math.ceil(depth / rows)))
    least = max(1, int(_SHORTEST * even))
    crossing = _crossing(graph, rank, depth)
    starts = [0]
    while depth - starts[-1] > rows:
        aim = starts[-1] + even
        cuts = range(starts[-1] + least, min(starts[-1] + rows, depth - 1) + 1)
        ranked = ((crossing[cut], abs(cut - aim), cut) for cut in cuts)
        starts.append(min(ranked)[-1])
    return starts


def _crossing(graph: nx.DiGraph, rank: dict[int, int], depth: int) -> list[int]:
    """How many boxes above a cut are read below it, for the cut before every rank."""
    change = [0] * (depth + 1)
    for node, at in rank.items():
        last = max((rank[item] for item in graph.successors(node)), default=at)
        change[at + 1] += 1
        change[last + 1] -= 1
    return list(accumulate(change[:-1]))


def _with_dots(
    graph: nx.DiGraph, column: dict[int, int], count: int
) -> tuple[nx.DiGraph, dict[int, int], dict[int, int]]:
    """The edges within columns, a dot for each box that a later column reads, and all columns."""
    local, enters, home = nx.DiGraph(), dict[int, int](), dict(sorted(column.items()))
    local.add_nodes_from(range(count))
    for node in range(count):
        dot = {column[node]: node}
        for target in sorted(graph.successors(node), key=lambda item: (column[item], item)):
            at = column[target]
            if at not in dot:
                number = count + len(enters)
                enters[number], home[number] = dot[max(dot)], at
                dot[at] = number
            local.add_edge(dot[at], target)
    return local, enters, home


@dataclass
class _Draft:
    """One column while boxes get lanes, and edges their ways."""

    lane: dict[int, int] = field(default_factory=dict)
    taken: set[tuple[int, int]] = field(default_factory=set)  # lane, row
    routes: list[Route] = field(default_factory=list)
    spans: dict[tuple[int, int], list[Edge]] = field(default_factory=dict)  # by lane and track

    @property
    def tracks(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for lane, track in self.spans:
            found[lane] = max(found.get(lane, 0), track + 1)
        return found


def _column(nodes: Sequence[int], local: nx.DiGraph, row: dict[int, int]) -> _Draft:
    draft = _Draft()
    below = _heights(nodes, local, row)
    # The box with the longest way still to go is the trunk's, and chooses first.
    for node in sorted(nodes, key=lambda item: (row[item], -below[item], item)):
        above = sorted(local.predecessors(node), key=lambda item: (-row[item], draft.lane[item]))
        wanted = min((draft.lane[item] for item in above), default=0)
        lane = next(at for at in _from(wanted, len(nodes)) if (at, row[node]) not in draft.taken)
        draft.lane[node] = lane
        draft.taken.add((lane, row[node]))
    edges = [(u, v) for v in nodes for u in local.predecessors(v)]
    for u, v in sorted(edges, key=lambda edge: (row[edge[1]] - row[edge[0]], edge)):
        draft.routes.append(_route(draft, u, v, row))
    return draft


def _from(wanted: int, lanes: int) -> Iterable[int]:
    """Lanes from the wanted one to the right, then those to its left."""
    yield from range(wanted, lanes + 1)
    yield from range(wanted)


def _heights(nodes: Sequence[int], local: nx.DiGraph, row: dict[int, int]) -> dict[int, int]:
    """The longest way from each node to the end of its column, in edges."""
    found: dict[int, int] = {}
    for node in sorted(nodes, key=lambda item: -row[item]):
        found[node] = max((1 + found[item] for item in local.successors(node)), default=0)
    return found


def _route(draft: _Draft, u: int, v: int, row: dict[int, int]) -> Route:
    """Down the lane of either end if nothing stands in the way, else down a track beside it."""
    between = range(row[u] + 1, row[v])
    for lane in (draft.lane[u], draft.lane[v]):
        if not any((lane, at) in draft.taken for at in between):
            draft.taken |= {(lane, at) for at in between}
            return Route(u, v, lane)
    lane, span, track = max(draft.lane[u], draft.lane[v]), (row[u], row[v]), 0
    while any(a < span[1] and span[0] < b for a, b in draft.spans.get((lane, track), ())):
        track += 1
    draft.spans.setdefault((lane, track), []).append(span)
    return Route(u, v, lane, track)
