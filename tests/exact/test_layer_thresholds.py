"""Thresholds of a network's binary layers: which layers they stand for, and the bits of a run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.exact.integer_sums import convolved
from xnorsim.errors import ModelError, UsageError
from xnorsim.exact.execute import prepare, steps
from xnorsim.exact.thresholds import (
    binary_layer,
    chain_to_sign,
    decide,
    layer_thresholds,
)
from xnorsim.network import ops
from xnorsim.network.functions import Function, Operator
from xnorsim.network.graph import Graph
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import Scaling
from xnorsim.zoo.builder import Builder

Array = np.ndarray

Tail = Callable[[Builder, str], str]
"""Adds what follows a binary layer "b" before its sign "s"."""


def wild(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Both signs, and a 0."""
    values = generator.standard_normal(shape).astype(np.float32)
    values.reshape(-1)[0] = 0
    return values


def constant(operator: Operator, role: str, shape: tuple[int, ...], x: str, b: Builder) -> str:
    return b.layer(ops.Elementwise(operator), x, parameters={role: (shape, partial(wild))})


def activation(function: Function, b: Builder, x: str) -> str:
    return b.layer(ops.Activation(function), x)


def wild_norm(b: Builder, x: str) -> str:
    draws = {"scale": wild, "shift": wild, "mean": wild, "variance": lambda g, s: wild(g, s) ** 2}
    parameters = {role: (b.shape(x)[1:2], partial(draw)) for role, draw in draws.items()}
    return b.layer(ops.BatchNorm(1e-3), x, parameters=parameters)


def network(tail: Tail, layer: str, scaling: Scaling = Scaling.ALPHA) -> Graph:
    b = Builder("net", (2, 5, 6, 6))
    if layer == "dense":
        x = b.dense(b.flatten(b.input), 7, name="b")
        x = b.dense(b.sign(tail(b, x), name="s"), 3, name="end")
    else:
        x = b.conv(b.input, 7, 3, padding=int(layer == "padded"), name="b")
        x = b.conv(b.sign(tail(b, x), name="s"), 3, 1, name="end")
    return apply(b.graph(x), Policy(Binarize.XNOR, (), scaling))


TAILS: dict[str, Tail] = {
    "nothing": lambda b, x: x,
    "batch_norm": wild_norm,
    "relu": lambda b, x: wild_norm(b, b.relu(x)),
    "clip": lambda b, x: wild_norm(
        b, b.layer(ops.Activation(Function.CLIP, (("min", -1.0), ("max", 1.0))), wild_norm(b, x))
    ),
    "identity": lambda b, x: b.dropout(wild_norm(b, x)),
    "negated": lambda b, x: activation(Function.NEG, b, wild_norm(b, x)),
    "number": lambda b, x: wild_norm(b, constant(Operator.MUL, "left", (1,), x, b)),
    "minus": lambda b, x: constant(Operator.SUB, "left", (7, *(1,) * (len(b.shape(x)) - 2)), x, b),
    "least": lambda b, x: wild_norm(
        b, constant(Operator.MIN, "right", (7, *(1,) * (len(b.shape(x)) - 2)), x, b)
    ),
    "halved": lambda b, x: wild_norm(
        b, b.layer(ops.Elementwise(Operator.DIV), x, parameters={"right": ((1,), partial(minus_2))})
    ),
}


def minus_2(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.full(shape, -2, np.float32)


@pytest.mark.parametrize("scaling", [Scaling.NONE, Scaling.ALPHA])
@pytest.mark.parametrize("layer", ["conv", "padded", "dense"])
@pytest.mark.parametrize("tail", TAILS)
def test_a_layers_thresholds_give_the_bits_of_the_run(tail, layer, scaling):
    graph = network(TAILS[tail], layer, scaling)
    found = layer_thresholds(graph, "b")
    assert found is not None
    node = graph.node("b")
    assert chain_to_sign(graph, node).layers[-1].name == "s"
    bits, dots = signs_and_integers(graph)
    assert_array_equal(decide(found, dots), bits)
    assert found.k == (180 if layer == "dense" else 45)


def signs_and_integers(graph: Graph) -> tuple[Array, Array]:
    """The bits after "s" in a run, and the integers of "b", from plain sums of products."""
    image = np.random.default_rng(5).standard_normal(graph.tensors["input"].shape, np.float32)
    seen: dict[str, Array] = {}
    for step in steps(prepare(graph), {"input": image}):
        seen |= {**step.inputs, **step.outputs}
    node = graph.node("b")
    load = graph.parameters[node.parameters["weight"]].load
    assert load is not None
    weight, signs = load().astype(np.int64), seen[node.inputs[0]].astype(np.int64)
    if isinstance(node.op, ops.Dense):
        return seen["s"], signs @ weight.T
    assert isinstance(node.op, ops.Conv)
    return seen["s"], convolved(signs, weight, node.op)


def pooled(b: Builder, x: str) -> str:
    """A strided pool with padding, and another in the windows of which all is real."""
    return b.max_pool(b.dropout(b.max_pool(wild_norm(b, x), 3, stride=1, padding=1)), 2)


@pytest.mark.parametrize("signum", [False, True])
@pytest.mark.parametrize("padding", [0, 1])
def test_bits_before_max_pools_are_ored(signum, padding):
    """The sign of the greatest float is the greatest sign; the pools' padding is no bit 1."""
    b = Builder("net", (2, 5, 9, 9))
    x = pooled(b, b.conv(b.input, 7, 3, padding=padding, name="b"))
    b.layer(ops.Activation(Function.SIGNUM) if signum else ops.Sign(), x, name="s")
    graph = apply(b.graph("s"), Policy(Binarize.XNOR, ()))
    found = layer_thresholds(graph, "b")
    assert found is not None
    bits, dots = signs_and_integers(graph)
    before = np.pad(decide(found, dots), ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-1)
    windows = np.lib.stride_tricks.sliding_window_view(before, (3, 3), (2, 3)).max(axis=(-1, -2))
    ored = np.lib.stride_tricks.sliding_window_view(windows, (2, 2), (2, 3)).max(axis=(-1, -2))
    assert_array_equal(ored[:, :, ::2, ::2], np.where(bits >= 0, 1, -1))
    assert 0.1 < (bits > 0).mean() < 0.95


NO_CHAIN: dict[str, tuple[Tail, str]] = {
    "a pool before what may fall": (
        lambda b, x: wild_norm(b, b.max_pool(x, 2, stride=1)),
        r"'batch_norm1' \(batch_norm\) stands between the max pool 'max_pool1' and a sign",
    ),
    "a mean": (lambda b, x: b.average_pool(x, 2, stride=1), r"\(mean_pool\) follows, which"),
    "a second reader": (lambda b, x: b.add(x, b.relu(x)), "'b' is read by 'relu1' and 'add1', not"),
    "a map of constants": (
        lambda b, x: constant(Operator.ADD, "right", b.shape(x)[2:], x, b),
        "does not rise or fall with a channel's integer",
    ),
    "one a row": (
        lambda b, x: constant(Operator.ADD, "right", (b.shape(x)[2], 1), x, b),
        "does not rise or fall with a channel's integer",
    ),
    "a quotient that turns": (
        lambda b, x: constant(Operator.DIV, "left", (1,), x, b),
        "does not rise or fall with a channel's integer",
    ),
    "a power": (
        lambda b, x: constant(Operator.POW, "right", (1,), x, b),
        "does not rise or fall with a channel's integer",
    ),
    "a function that turns": (
        lambda b, x: activation(Function.ABS, b, x),
        "does not rise or fall with a channel's integer",
    ),
}


@pytest.mark.parametrize("tail", NO_CHAIN)
def test_there_are_no_thresholds_with(tail):
    made, obstacle = NO_CHAIN[tail]
    check_obstacle(network(made, "conv"), obstacle)


def check_obstacle(graph: Graph, obstacle: str) -> None:
    assert layer_thresholds(graph, "b") is None
    chain = chain_to_sign(graph, graph.node("b"))
    assert chain.layers == ()
    assert re.search(obstacle, chain.obstacle), chain.obstacle


def test_there_are_no_thresholds_where_the_floats_are_an_output():
    graph = network(TAILS["batch_norm"], "conv")
    with_floats = replace(graph, outputs=("b", *graph.outputs))
    check_obstacle(with_floats, "'b' is an output of the network before any sign")
    assert layer_thresholds(replace(graph, outputs=("s", *graph.outputs)), "b") is not None


def test_there_are_no_thresholds_of_a_result_that_nobody_reads():
    graph = network(TAILS["nothing"], "conv")
    graph = replace(graph, nodes=graph.nodes[:2], outputs=graph.inputs)
    check_obstacle(graph, "'b' is read by no layer, not by one layer")


def test_alpha_k_has_no_threshold_for_a_channel():
    graph = network(TAILS["batch_norm"], "conv", Scaling.ALPHA_K)
    check_obstacle(graph, "scaling alpha_k has a K that differs from position to position")


@pytest.mark.parametrize("more", ["output", "reader", "sign"])
def test_a_signum_is_a_sign_where_it_ends(more):
    b = Builder("net", (2, 5, 6, 6))
    x = activation(Function.SIGNUM, b, wild_norm(b, b.conv(b.input, 7, 3, name="b")))
    end = {"output": b.dropout, "reader": partial(activation, Function.ABS, b), "sign": b.sign}
    graph = apply(b.graph(end[more](x)), Policy(Binarize.XNOR, ()))
    chain = chain_to_sign(graph, graph.node("b")).layers
    assert chain[-1].op == (ops.Sign() if more == "sign" else ops.Activation(Function.SIGNUM))
    assert layer_thresholds(graph, "b") is not None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bb", r"layer 'bb' is not in the network; binary layers: did you mean b\? .*choices: b$"),
        ("end", r"layer 'end' multiplies float32\*bipolar, not bipolar\*bipolar; .*choices: b$"),
        ("s", "layer 's' is a sign, not a binary convolution or dense layer; binary layers: "),
    ],
)
def test_other_layers_are_refused_with_the_binary_ones(name, message):
    with pytest.raises(UsageError, match=message):
        binary_layer(network(TAILS["nothing"], "conv"), name)


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (Policy(), r"is kept in high precision: it multiplies float32\*float32, not bipolar"),
        (Policy(Binarize.XNOR, ("b",)), r"is kept in high precision: it multiplies float32\*float"),
        (Policy(Binarize.BWN, ()), r"^net: layer 'b' multiplies bipolar\*float32, not bipolar"),
    ],
    ids=["not binarized", "kept", "floats times signs"],
)
def test_why_a_layer_is_not_binary_and_that_none_is(policy, reason):
    b = Builder("net", (2, 5, 6, 6))
    graph = apply(b.graph(b.relu(b.conv(b.input, 7, 3, name="b"))), policy)
    whole = rf"{reason}.*; no layer of this network is binary: binarize it as xnor"
    with pytest.raises(UsageError, match=whole):
        binary_layer(graph, "b")


def test_missing_values_are_named():
    graph = network(TAILS["batch_norm"], "conv")
    parameters = dict(graph.parameters)
    parameters["batch_norm1.mean"] = replace(parameters["batch_norm1.mean"], load=None)
    with pytest.raises(ModelError, match=r"'batch_norm1.mean' \(read by 'batch_norm1' as its mean"):
        layer_thresholds(replace(graph, parameters=parameters), "b")


def test_nan_in_a_layer_names_it():
    graph = network(TAILS["batch_norm"], "conv")
    parameters = dict(graph.parameters)
    bad = replace(parameters["batch_norm1.mean"], load=lambda: np.full(7, np.nan, np.float32))
    parameters["batch_norm1.mean"] = bad
    with pytest.raises(ModelError, match=r"net: thresholds of layer 'b': channel 0: .*NaN"):
        layer_thresholds(replace(graph, parameters=parameters), "b")
