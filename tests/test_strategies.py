"""The random networks are sound, small, and have every block."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from tests.strategies import BLOCKS, families, networks
from xnorsim.network import graph as graphs
from xnorsim.network.graph import Graph

GENERATE_ONLY = settings(phases=[Phase.generate], max_examples=500)


@given(networks())
def test_a_random_network_is_sound(graph: Graph) -> None:
    assert graphs.check(graph) is graph
    assert graphs.execution_order(graph.nodes, graph.name) == graph.nodes
    # Nothing dangles: all that is written is read, or is the result.
    readers = graphs.consumers(graph)
    assert {name for name, nodes in readers.items() if not nodes} == set(graph.outputs)
    assert sum(spec.elements for spec in graph.tensors.values()) < 1e6


@given(families(), st.integers(2, 5))
def test_a_family_differs_in_batch_alone(family: Callable[[int], Graph], batch: int) -> None:
    one, more = family(1), family(batch)
    assert [node.name for node in one.nodes] == [node.name for node in more.nodes]
    assert {n: batch * s.elements for n, s in one.tensors.items()} == {
        n: s.elements for n, s in more.tensors.items()
    }


@pytest.mark.parametrize("block", BLOCKS)
@settings(max_examples=20)
@given(st.data())
def test_every_block_can_stand_alone(block: str, data: st.DataObject) -> None:
    graph = data.draw(networks(blocks=(block,), most=3))
    assert graphs.check(graph) is graph


@pytest.mark.parametrize("kind", ["add", "concat", "sign", "max_pool", "batch_norm"])
def test_what_real_networks_have_occurs(kind: str) -> None:
    def occurs(graph: Graph) -> bool:
        return any(node.name.startswith(kind) for node in graph.nodes)

    assert occurs(find(networks(), occurs, settings=GENERATE_ONLY))
