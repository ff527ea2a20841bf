from __future__ import annotations

from dataclasses import replace

import pytest

from tests.show.conftest import small_network
from tests.show.test_notebook import Page
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.zoo import ZOO, build

ATTACK = "<script>alert(1)</script>"


def test_a_graph_shows_its_layers():
    graph = apply(small_network(), Policy(Binarize.XNOR))
    page = Page(graph._repr_html_())
    rows = set(page.text)
    assert {"small", "block.0.conv", "conv", "float32[1, 16, 8, 8]"} <= rows
    assert {"bipolar × bipolar", "float32 × float32"} <= rows
    assert "2,320" in rows  # 16 x 16 x 3 x 3 weights and 16 scales


def test_names_and_notes_are_escaped():
    graph = small_network()
    nodes = (replace(graph.nodes[0], name=ATTACK), *graph.nodes[1:])
    page = Page(replace(graph, name=ATTACK, nodes=nodes, notes=(ATTACK,))._repr_html_())
    assert "script" not in page.tags
    assert page.text.count(ATTACK) == 3


@pytest.mark.parametrize("name", list(ZOO)[::6])
def test_every_layer_of_a_network_is_there(name):
    graph = build(name)
    assert {node.name for node in graph.nodes} <= set(Page(graph._repr_html_()).text)
