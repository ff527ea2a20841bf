"""A binarized network still obeys the shape rules, encodings included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import networks
from xnorsim import zoo
from xnorsim.network.graph import Graph, check, spec_of
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import Scaling
from xnorsim.network.shapes import output_specs

policies = st.one_of(
    st.builds(Policy, st.just(Binarize.XNOR), st.just(()), st.sampled_from(Scaling), st.booleans()),
    st.builds(Policy, st.just(Binarize.BWN), st.just(("first",)), st.just(Scaling.ALPHA)),
)


def disagreements(graph: Graph) -> list[str]:
    return [
        node.name
        for node in graph.nodes
        if output_specs(
            node.op,
            *(graph.tensors[name] for name in node.inputs),
            **{role: spec_of(graph, name) for role, name in node.parameters.items()},
        )[: len(node.outputs)]
        != tuple(graph.tensors[name] for name in node.outputs)
    ]


@given(networks(), policies)
def test_random_networks(graph: Graph, policy: Policy) -> None:
    assert not disagreements(check(apply(graph, policy)))


@pytest.mark.parametrize("binarize", Binarize)
@pytest.mark.parametrize("name", zoo.names())
def test_the_zoo(name: str, binarize: Binarize) -> None:
    assert not disagreements(check(apply(zoo.build(name), Policy(binarize))))
