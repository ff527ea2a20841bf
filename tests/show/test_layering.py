from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorsim.show.layering import Layout, Place, layered

Edges = list[tuple[int, int]]

# Each box reads none to three of those so many places before it.
READS = st.lists(st.sets(st.integers(1, 12), max_size=3), min_size=1, max_size=30)


def graph_of(reads: list[set[int]]) -> tuple[int, Edges]:
    edges = [(v - far, v) for v, each in enumerate(reads) for far in sorted(each) if far <= v]
    return len(reads), edges


def followed(layout: Layout, count: int) -> set[tuple[int, int]]:
    """The edges that the routes stand for, through dots."""
    targets: dict[int, list[int]] = {}
    for route in layout.routes:
        targets.setdefault(route.source, []).append(route.target)
    found = {(u, v) for u in range(count) for v in targets.get(u, ())}
    for dot in layout.enters:
        source = layout.enters[dot]
        while source >= count:
            source = layout.enters[source]
        found |= {(source, v) for v in targets.get(dot, ())}
    return found


@settings(max_examples=60)
@given(READS, st.integers(2, 12))
def test_any_graph(reads, rows):
    count, edges = graph_of(reads)
    layout = layered(count, edges, rows)
    assert followed(layout, count) == set(edges)
    check_places(layout, count, edges, rows)
    check_lanes(layout)
    check_tracks(layout)


def check_places(layout: Layout, count: int, edges: Edges, rows: int) -> None:
    """One box or dot a place, columns no higher than asked for, and nothing reads ahead."""
    places = layout.places
    assert len(set(places)) == len(places) == count + len(layout.enters)
    assert layout.rows <= rows + 1  # and one of dots
    assert len(layout.lanes) == 1 + max(place.column for place in places)
    for dot, source in layout.enters.items():
        assert places[dot].row == 0
        assert places[source].column < places[dot].column
    for u, v in edges:
        assert (places[u].column, places[u].row) < (places[v].column, places[v].row)


def check_lanes(layout: Layout) -> None:
    """What runs down a lane crosses no box, and nothing else that does."""
    taken = set(layout.places)
    for route in layout.routes:
        start, end = layout.places[route.source], layout.places[route.target]
        assert start.column == end.column
        if route.track is None:
            assert route.lane in (start.lane, end.lane)
            rows = range(start.row + 1, end.row)
            cells = {Place(start.column, row, route.lane) for row in rows}
            assert not cells & taken
            taken |= cells


def check_tracks(layout: Layout) -> None:
    """A track holds one edge at a time."""
    spans: dict[tuple[int, int, int], Edges] = {}
    for route in layout.routes:
        if route.track is not None:
            start, end = layout.places[route.source], layout.places[route.target]
            assert route.track < layout.tracks[start.column, route.lane]
            track = spans.setdefault((start.column, route.lane, route.track), [])
            track.append((start.row, end.row))
    for each in spans.values():
        assert all(a[1] <= b[0] for a, b in pairwise(sorted(each)))


def test_a_chain_is_one_lane_and_even_columns():
    layout = layered(12, list(pairwise(range(12))), 5)
    assert layout.lanes == (1, 1, 1)
    assert [place.column for place in layout.places[:12]] == [0] * 4 + [1] * 4 + [2] * 4


def test_a_residual_branch_runs_beside_the_trunk():
    """input 0, two layers, their sum 3 with the input; then the same with a layer on the branch."""
    plain = layered(4, [(0, 1), (1, 2), (2, 3), (0, 3)], 9)
    assert {place.lane for place in plain.places} == {0}
    assert [route.track for route in plain.routes if route.source == 0] == [None, 0]
    shortcut = layered(5, [(0, 1), (1, 2), (2, 4), (0, 3), (3, 4)], 9)
    assert [place.lane for place in shortcut.places] == [0, 0, 0, 1, 0]
    assert all(route.track is None for route in shortcut.routes)


def test_a_column_ends_where_the_fewest_tensors_cross():
    """Between two residual blocks one tensor crosses, inside of one two do."""
    block = [(0, 1), (1, 2), (2, 3), (0, 3)]
    edges = [(3 * n + u, 3 * n + v) for n in range(3) for u, v in block]
    layout = layered(10, edges, 5)
    assert len(layout.enters) == len(layout.lanes) - 1
    assert all(place.row == 0 for place in layout.places[10:])


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_and_one_box(count):
    layout = layered(count, [], 5)
    assert len(layout.places) == count
    assert layout.rows == 1
