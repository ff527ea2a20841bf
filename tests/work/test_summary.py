"""Weights and MACs of a file's layers by number of bits, in our convention and in Larq's."""

from __future__ import annotations

import pytest

from xnorsim.network import ops
from xnorsim.network.assembly import Assembly, stored
from xnorsim.network.graph import Graph
from xnorsim.network.precision import BIPOLAR, BWN, ENCODINGS, FLOAT32, UNIPOLAR, XNOR, Scheme
from xnorsim.work.summary import Convention, LayerSummary, summary

CONV = ops.Conv(4, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))
MACS = 4 * 64 * 2 * 9
WEIGHTS = 4 * 2 * 9


def assembly() -> Assembly:
    a = Assembly("tiny")
    a.input("x", (1, 2, 8, 8))
    return a


def weight(key: str = "w", encoding=BIPOLAR):
    return stored(key, (4, 2, 3, 3), None, encoding)


def row(graph: Graph, name: str, convention: str) -> LayerSummary:
    found = summary(graph, Convention(convention))
    return next(item for item in found.layers if item.name == name)


def quantized(layer: str, op: ops.Op = ops.Sign(), scheme: Scheme = XNOR) -> Graph:
    """A convolution of what `op` makes of the input; the op is part of `layer`."""
    a = assembly()
    levels = {"thresholds": stored("t", (1, 1), None)} if isinstance(op, ops.Thresholds) else None
    x = a.layer(op, "x", name="quantizer", layer=layer, parameters=levels)
    a.layer(CONV, x, name="conv", parameters={"weight": weight()}, scheme=scheme)
    return a.graph(["conv"])


QUANTIZERS = [
    # the layer that the quantizer is part of, it, the scheme; ours; Larq's; its input bits
    ("conv", ops.Sign(), XNOR, {1: MACS}, {1: MACS}, 1, "its own quantizer"),
    ("", ops.Sign(), XNOR, {1: MACS}, {32: MACS}, None, "an explicit sign: Larq looks no further"),
    (
        "conv", ops.Thresholds(UNIPOLAR), Scheme(BIPOLAR, UNIPOLAR), {1: MACS}, {1: MACS}, 1,
        "{0, 1} is one bit too",
    ),
    (
        "conv", ops.Thresholds(ENCODINGS["uint2"]), Scheme(BIPOLAR, ENCODINGS["uint2"]),
        {2: MACS}, {2: MACS}, 2, "the wider of 1 and 2 bits",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "op", "scheme", "ours", "larqs", "bits", "why"),
    QUANTIZERS,
    ids=[item[-1] for item in QUANTIZERS],
)
def test_bits_of_macs(layer, op, scheme, ours, larqs, bits, why):
    graph = quantized(layer, op, scheme)
    assert row(graph, "conv", "xnorsim").macs == ours, why
    assert row(graph, "conv", "larq").macs == larqs, why
    assert row(graph, "conv", "larq").input_bits == bits, why


def test_an_activation_of_the_layer_is_not_its_input_quantizer():
    a = assembly()
    x = a.layer(CONV, "x", name="conv", parameters={"weight": weight()}, scheme=BWN)
    a.layer(ops.Sign(), x, name="conv.activation", layer="conv")
    graph = a.graph(["conv.activation"])
    assert row(graph, "conv", "larq").input_bits is None
    assert row(graph, "conv", "larq").macs == {32: MACS}


def test_layers_of_a_file_are_rows():
    graph = quantized("conv")
    assert [item.name for item in summary(graph).layers] == ["conv"]
    assert [item.name for item in summary(quantized("")).layers] == ["quantizer", "conv"]
    assert row(graph, "conv", "xnorsim").output_shape == (1, 4, 8, 8)
    assert row(graph, "conv", "larq").output_shape == (1, 8, 8, 4)


def test_a_layer_used_twice():
    a = assembly()
    shared = {"weight": ("w", weight())}
    left = a.layer(CONV, "x", name="conv", parameters=shared, scheme=BWN)
    right = a.layer(CONV, "x", name="conv:1", parameters=shared, scheme=BWN, layer="conv")
    a.layer(ops.Elementwise(ops.Operator.ADD), left, right, name="add")
    graph = a.graph(["add"])
    for convention, macs in (("xnorsim", 2 * MACS), ("larq", MACS)):
        found = row(graph, "conv", convention)
        assert found.macs == {32: macs}
        assert found.weights == {1: WEIGHTS}
        assert found.memory_bits == WEIGHTS


def test_alpha_is_stored_and_not_larqs():
    a = assembly()
    held = {"weight": weight(), "alpha": stored("a", (4,), None), "bias": stored("b", (4,), None)}
    a.layer(CONV, "x", name="conv", parameters=held, scheme=BWN)
    graph = a.graph(["conv"])
    assert row(graph, "conv", "xnorsim").weights == {1: WEIGHTS, 32: 8}
    assert row(graph, "conv", "larq").weights == {1: WEIGHTS, 32: 4}
    assert row(graph, "conv", "larq").parameters == WEIGHTS + 4


@pytest.mark.parametrize("roles", [("mean", "variance"), ("scale", "shift", "mean", "variance")])
def test_a_normalization_keeps_two_vectors(roles):
    a = assembly()
    held = {role: stored(role, (2,), None) for role in roles}
    a.layer(ops.BatchNorm(1e-3), "x", name="bn", parameters=held)
    found = row(a.graph(["bn"]), "bn", "larq")
    assert found.weights == {32: 4}
    assert found.parameters == 2 * len(roles)


def test_larq_counts_transposed_convolutions_by_their_outputs():
    a = assembly()
    op = ops.ConvTranspose(4, (3, 3), (2, 2), ((0, 0), (0, 0)), (1, 1))
    held = {"weight": stored("w", (2, 4, 3, 3), None)}
    a.layer(op, "x", name="up", parameters=held)
    graph = a.graph(["up"])
    assert row(graph, "up", "xnorsim").macs == {32: MACS}
    assert row(graph, "up", "larq").macs == {32: WEIGHTS * 17 * 17}
    assert row(graph, "up", "larq").weights == {32: WEIGHTS}


@pytest.mark.parametrize(
    ("shape", "op", "why"),
    [
        ((1, 2, 8), ops.Conv(2, (3,), (1,), ((1, 1),), (1,), groups=2), "1D and depthwise"),
        ((1, 2, 4, 4, 4), ops.Conv(4, (1,) * 3, (1,) * 3, ((0, 0),) * 3, (1,) * 3), "3D"),
    ],
)
def test_what_larq_does_not_count(shape, op, why):
    a = Assembly("tiny")
    a.input("x", shape)
    held = stored("w", (op.out_channels, 2 // op.groups, *op.kernel), None)
    a.layer(op, "x", name="conv", parameters={"weight": held})
    graph = a.graph(["conv"])
    assert row(graph, "conv", "larq").macs == {}, why
    assert sum(row(graph, "conv", "xnorsim").macs.values()) > 0, why


def test_larq_counts_one_input_of_a_batch():
    a = Assembly("tiny")
    a.input("x", (5, 2, 8, 8))
    a.layer(CONV, "x", name="conv", parameters={"weight": weight()}, scheme=BWN)
    graph = a.graph(["conv"])
    assert row(graph, "conv", "larq").macs == {32: MACS}
    assert row(graph, "conv", "xnorsim").macs == {32: 5 * MACS}


def test_totals_are_sums():
    found = summary(quantized("", scheme=Scheme(BIPOLAR, FLOAT32)))
    assert found.macs == {32: MACS}
    assert found.weights == {1: WEIGHTS}
    assert (found.parameters, found.memory_bits) == (WEIGHTS, WEIGHTS)
