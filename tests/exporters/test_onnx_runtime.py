"""What is exported, run by ONNX Runtime: floats within a tolerance, +-1 equal to the bit."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from onnx import inliner

from tests.exact.qonnx_case import standard_model
from tests.exact.runtime import session_of
from tests.exporters.round_trip import inputs_of, results_of
from tests.strategies import networks
from xnorsim.exact.execute import execute, prepare
from xnorsim.exporters.onnx import model
from xnorsim.network import ops
from xnorsim.network.graph import Graph
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import Border, Scaling
from xnorsim.zoo import build

FLOATS = ("plain", "depthwise", "grouped", "residual", "branched", "normalized")
"""Blocks of floats alone. Pools reach into their padding beyond what ONNX Runtime allows."""


def by_runtime(made: onnx.ModelProto, graph: Graph) -> list[np.ndarray]:
    names = (item.name for item in made.graph.input)
    inputs = dict(zip(names, inputs_of(graph).values(), strict=True))
    return [np.asarray(item) for item in session_of(made).run(None, inputs)]


@settings(max_examples=20)
@given(networks(blocks=FLOATS))
def test_float_networks(graph: Graph) -> None:
    (found,) = by_runtime(model(graph), graph)
    (expected,) = results_of(graph, inputs_of(graph))
    assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def standard(graph: Graph) -> onnx.ModelProto:
    """The export with BipolarQuants and local functions spelled out in standard operators."""
    return standard_model(inliner.inline_local_functions(model(graph)))


def signs_of(graph: Graph) -> list[str]:
    return [node.outputs[0] for node in graph.nodes if isinstance(node.op, ops.Sign)]


def test_bits_of_a_binary_network() -> None:
    """Sums of +-1 are exact in float32, so every sign is the same."""
    graph = build("finn-cnv-1w1a")
    made, x = standard(graph), inputs_of(graph)
    names = signs_of(graph)
    found = session_of(made).run(names, dict(x))
    kept = execute(prepare(graph), x, keep=names).kept
    assert len(names) > 5
    for name, values in zip(names, found, strict=True):
        assert_array_equal(np.asarray(values), kept[name].astype(np.float32), err_msg=name)


@pytest.mark.parametrize("pad_value", [0, 1, -1])
@pytest.mark.parametrize("border", [*Border])
@pytest.mark.parametrize("scaling", [*Scaling])
def test_scaled_results(pad_value: int, border: Border, scaling: Scaling) -> None:
    """One binary layer of each form, its floats as other runtimes compute them."""
    from xnorsim.zoo.builder import Builder

    b = Builder("layers", input=(2, 6, 9, 8))
    x = b.conv(b.input, 8, 3, stride=2, padding=1)
    y = b.conv(b.input, 8, 3, stride=2, padding=1, groups=2, bias=False)
    z = b.dense(b.flatten(b.input), 5)
    policy = Policy(Binarize.XNOR, (), scaling, pad_value=pad_value, border=border)
    graph = apply(b.graph(x, y, z), policy)
    expected = results_of(graph, inputs_of(graph))
    found = by_runtime(standard(graph), graph)
    for ours, theirs in zip(expected, found, strict=False):
        assert_allclose(theirs, ours, rtol=1e-4, atol=1e-4)


INTEGER_ROUNDINGS = st.sampled_from(["ceil", "floor", "up", "down", "half_up", "half_down"])


@given(INTEGER_ROUNDINGS, st.booleans())
@settings(max_examples=12)
def test_quantizers_by_function(rounding: str, shifted: bool) -> None:
    from tests.exporters.test_onnx_kinds import held
    from xnorsim.network.assembly import Assembly
    from xnorsim.network.precision import INT8

    a = Assembly("quantizer")
    x = a.input("x", (4, 50))
    numbers = {"scale": held("s", 0.25)}
    if shifted:
        numbers["zero_point"] = held("z", 3, INT8)
    graph = a.graph([a.layer(ops.Quantize(INT8, rounding=rounding), x, parameters=numbers)])
    values = np.arange(200, dtype=np.float32).reshape(4, 50) / 8 - 12
    (found,) = session_of(model(graph)).run(None, {"x": values})
    (expected,) = results_of(graph, {"x": values})
    assert_array_equal(np.asarray(found), expected, strict=True)
