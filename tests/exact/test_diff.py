"""Where two runs diverge."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorsim.errors import UsageError
from xnorsim.exact.diff import compared, diff, diff_with_arrays, ulps
from xnorsim.exact.execute import execute, prepare
from xnorsim.exact.pairing import pair_networks
from xnorsim.network.graph import Graph
from xnorsim.network.ops import Identity
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.zoo.builder import Builder

F = np.float32


def floats(*values: float) -> np.ndarray:
    return np.array(values, F)


NEXT = float(np.nextafter(F(1), F(2)))


def network(name: str = "net") -> Graph:
    b = Builder(name, input=(2, 3, 6, 6))
    x = b.batch_norm(b.conv(b.input, 8, 3, padding=1, name="first"), name="norm")
    x = b.batch_norm(b.conv(x, 8, 3, padding=1, name="middle"), name="norm2")
    x = b.conv(x, 8, 1, name="third")
    return b.graph(b.dense(b.flatten(b.global_average_pool(x, name="pool"), name="flat"), 5))


def renamed(graph: Graph, mark: str) -> Graph:
    """The same network under other names of its tensors and layers, inputs and outputs excepted."""
    ends = {*graph.inputs, *graph.outputs}

    def new(name: str) -> str:
        return name if name in ends else f"{mark}{name}"

    nodes = tuple(
        replace(
            node,
            name=f"{mark}{node.name}",
            inputs=tuple(map(new, node.inputs)),
            outputs=tuple(map(new, node.outputs)),
        )
        for node in graph.nodes
    )
    return replace(
        graph, nodes=nodes, tensors={new(name): spec for name, spec in graph.tensors.items()}
    )


def with_weight(graph: Graph, name: str, change) -> Graph:
    """`graph` with one parameter changed."""
    item = graph.parameters[name]
    assert item.load is not None
    changed = replace(item, load=partial(lambda load: change(load()), item.load))
    return replace(graph, parameters={**graph.parameters, name: changed})


def image(seed: int = 0) -> dict[str, np.ndarray]:
    return {"input": np.random.default_rng(seed).standard_normal((2, 3, 6, 6)).astype(F)}


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        (floats(1, 2), floats(1, 2), "equal"),
        (floats(0.0), floats(-0.0), "zero has no sign"),
        (floats(np.nan, np.inf), floats(np.nan, np.inf), "the same in the same place"),
        (np.array([-1, 1], np.int8), floats(-1, 1), "values count, not types"),
        (np.array([True, False]), np.array([1, 0], np.uint8), "values count, not types"),
        (floats(0.1), floats(0.1).astype(np.float64), "another width of the same number"),
        (floats(0.1), np.array([0.1], np.float64), "the nearest of the narrower type"),
        (floats(1.5).astype(ml_dtypes.bfloat16), floats(1.5), "a narrow float"),
    ],
)
def test_what_is_equal(a, b, reason):
    assert compared(a, b) is None, reason
    assert compared(b, a) is None, reason


@pytest.mark.parametrize(
    ("a", "b", "differing", "largest_ulp", "largest", "reason"),
    [
        (floats(1, 1), floats(1, NEXT), 1, 1, 2.0**-23, "one step"),
        (floats(-1e-45), floats(1e-45), 1, 2, 2 * 2.0**-149, "from below zero to above it"),
        (floats(np.nan, 1), floats(1, 1), 1, np.inf, np.inf, "a number is not NaN"),
        (floats(np.inf), floats(3.4028235e38), 1, 1, np.inf, "the last step"),
        (np.array([1, -1, 1], np.int8), np.array([1, 1, -1], np.int8), 2, None, 2, "bits"),
        (
            np.array([2**60], np.int64),
            np.array([2**60 + 1], np.int64),
            1,
            None,
            1,
            "integers beyond float64",
        ),
        (np.array([1], np.int8), floats(NEXT), 1, 1, 2.0**-23, "in the steps of float32"),
        (np.array([1], ml_dtypes.int4), np.array([-1], ml_dtypes.int4), 1, None, 2, "no floats"),
    ],
)
def test_what_differs(a, b, differing, largest_ulp, largest, reason):
    for x, y in ((a, b), (b, a)):
        found = compared(x, y)
        assert found is not None, reason
        assert (found.differing, found.elements) == (differing, a.size), reason
        assert found.largest_ulp == largest_ulp, reason
        assert found.largest == pytest.approx(largest), reason


@pytest.mark.parametrize(
    ("options", "differing", "reason"),
    [
        ({}, 3, "exact"),
        ({"ulp": 1}, 2, "one step is allowed"),
        ({"tolerance": 0.01}, 1, "so far apart is allowed"),
        ({"ulp": 10**9}, None, "any distance"),
        ({"tolerance": 0.5}, None, "the boundary is allowed"),
    ],
)
def test_what_is_allowed(options, differing, reason):
    found = compared(floats(1, 1, 1, 1), floats(1, NEXT, 1.001, 1.5), **options)
    assert (found.differing if found else None) == differing, reason


def test_coordinates_begin_with_the_furthest():
    a = np.zeros((3, 4), F)
    b = a.copy()
    b[0, 1], b[2, 3], b[1, 0] = 1, 5, 2
    found = compared(a, b)
    assert found is not None
    assert found.places == (((2, 3), 0.0, 5.0), ((0, 1), 0.0, 1.0), ((1, 0), 0.0, 2.0))


def test_other_shapes_are_not_compared():
    found = compared(np.zeros((2, 3), F), np.zeros((3, 2), F))
    assert found is not None
    assert (found.shapes, found.differing, found.places) == (((2, 3), (3, 2)), None, ())


@given(
    st.sampled_from([np.float16, np.float32, np.float64]),
    st.floats(-100, 100, width=16),
    st.integers(0, 40),
)
def test_ulps_are_steps(kind, start, count):
    end = kind(start)
    for _ in range(count):
        end = np.nextafter(end, kind(np.inf))
    x, y = np.array([start], kind), np.array([end], kind)
    assert ulps(x, y).tolist() == ulps(y, x).tolist() == [count]


def test_equal_networks_have_no_difference():
    graph = apply(network(), Policy(Binarize.XNOR))
    found = diff(prepare(graph, "blas"), prepare(graph, "packed"), image(), image())
    assert found.difference is None
    assert found.compared == len(found.pairing.partners) == len(graph.nodes)
    assert (found.pairing.only_a, found.pairing.only_b) == ((), ())


@pytest.mark.parametrize("mark", ["", "other/"])
def test_the_first_tensor_is_found(mark):
    """By name, and by kind and shape where another tool has given other names."""
    a = network()
    b = renamed(with_weight(a, "middle.weight", lambda w: w * (w != w.max())), mark)
    found = diff(prepare(a), prepare(b), image(), image())
    assert found.pairing.rule == ("order of layers of the same kind and shape" if mark else "name")
    assert (found.tensor, found.partner) == ("middle", f"{mark}middle")
    assert (found.node, found.kind, found.compared) == ("middle", "conv", 3)
    assert found.difference is not None
    at = found.difference.places[0][0]
    kept = [
        execute(prepare(g), image(), [n]).kept[n] for g, n in ((a, "middle"), (b, f"{mark}middle"))
    ]
    assert found.difference.differing == np.count_nonzero(kept[0] != kept[1])
    assert found.difference.places[0][1:] == (kept[0][at], kept[1][at])


def test_names_that_stand_for_other_layers_pair_nothing():
    """The same network with its tensors' names handed round, as by a tool that numbers them."""
    a = network()
    names = [name for node in a.nodes for name in node.outputs if name not in a.outputs]
    new = dict(zip(names, [*names[1:], names[0]], strict=True))
    nodes = tuple(
        replace(
            node,
            inputs=tuple(new.get(name, name) for name in node.inputs),
            outputs=tuple(new.get(name, name) for name in node.outputs),
        )
        for node in a.nodes
    )
    tensors = {new.get(name, name): spec for name, spec in a.tensors.items()}
    b = replace(a, nodes=nodes, tensors=tensors)
    pairing = pair_networks(a, b)
    assert pairing.rule == "order of layers of the same kind and shape"
    assert pairing.partners == {**new, **{name: name for name in a.outputs}}
    assert diff(prepare(a), prepare(b), image(), image()).difference is None


def test_names_are_believed_if_most_agree():
    """One layer has become another kind: that is no reason to pair by order."""
    a = network()
    b = replace(
        a,
        nodes=tuple(
            replace(node, op=Identity(), parameters={}) if node.name == "norm" else node
            for node in a.nodes
        ),
    )
    assert pair_networks(a, b).rule == "name"
    assert diff(prepare(a), prepare(b), image(), image()).tensor == "norm"


def test_a_binary_tensor_differs_in_bits():
    a = network()
    b = with_weight(a, "norm.shift", lambda shift: shift - 2)
    sides = [prepare(apply(g, Policy(Binarize.XNOR))) for g in (a, b)]
    arrays = execute(sides[1], image(), keep=["norm.sign"]).kept
    found = diff_with_arrays(sides[0], arrays, image())
    assert (found.tensor, found.is_binary) == ("norm.sign", True)
    assert found.difference is not None
    assert found.difference.largest_ulp is None


def test_tensors_of_another_tool():
    session = prepare(network())
    arrays = dict(execute(session, image(), keep=["input", "norm", "third"]).kept)
    arrays["theirs"] = arrays["norm"]
    found = diff_with_arrays(session, arrays, image())
    assert (found.difference, found.compared) == (None, 3)
    assert found.pairing.only_b == ("theirs",)
    assert found.pairing.only_a[:2] == ("first", "middle")
    arrays["third"] = arrays["third"] + F(1)
    assert diff_with_arrays(session, arrays, image()).tensor == "third"
    arrays["input"] = arrays["input"] * 2
    found = diff_with_arrays(session, arrays, image())
    assert (found.tensor, found.node, found.kind) == ("input", "", "input")


def test_what_has_nothing_in_common_is_refused():
    b = Builder("other", input=(2, 3, 6, 6))
    other = b.graph(b.softmax(b.input, name="soft"))
    with pytest.raises(UsageError, match="no tensor has the same name"):
        pair_networks(network(), other)
    with pytest.raises(UsageError, match=r"A has 'input', 'first'.* B has 'nothing'"):
        diff_with_arrays(prepare(network()), {"nothing": np.zeros(1)}, image())
