"""The graph: its faults, its order, and who reads what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorsim.errors import ModelError, ShapeError
from xnorsim.network import graph as graphs
from xnorsim.network.graph import Graph, Node, Parameter, Stored, TensorSpec
from xnorsim.network.ops import Activation, Dense, Elementwise, Function, MatMul, Operator
from xnorsim.network.precision import BIPOLAR, BWN, FLOAT32, INT8, XNOR, Scaling, Scheme

RELU = Activation(Function.RELU)
ADD = Elementwise(Operator.ADD)
SPEC = TensorSpec((1, 4), FLOAT32)


def relu(name: str, reads: str, writes: str) -> Node:
    return Node(name, RELU, (reads,), (writes,))


def make(*nodes: Node, outputs: tuple[str, ...] = ("y",), x: TensorSpec = SPEC) -> Graph:
    """A graph that reads `x`; every tensor that a node names is in it."""
    names = [name for node in nodes for name in (*node.inputs, *node.outputs)]
    tensors = dict.fromkeys(names, SPEC) | {"x": x}
    return Graph("net", nodes, tensors, {}, ("x",), outputs)


# x -> a -> b -> add -> y, with a residual edge from a to add
RESIDUAL = make(
    relu("first", "x", "a"),
    relu("second", "a", "b"),
    Node("join", ADD, ("b", "a"), ("y",)),
)


def test_a_tensor_knows_its_size() -> None:
    spec = TensorSpec((2, 3, 5), BIPOLAR)
    assert (spec.elements, spec.bits, str(spec)) == (30, 30, "bipolar[2, 3, 5]")
    assert TensorSpec((2, 3, 5), FLOAT32).bits == 960
    assert TensorSpec((), FLOAT32).elements == 1  # a scalar holds one number


def test_a_sound_graph_is_returned_as_it_is() -> None:
    assert graphs.check(RESIDUAL) is RESIDUAL


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (make(relu("n", "x", "a"), relu("n", "a", "y")), "2 nodes are called 'n'"),
        (
            make(relu("n", "a", "y"), relu("m", "x", "a")),
            "'n' reads tensor 'a', which no earlier node writes",
        ),
        (make(relu("n", "x", "y"), relu("m", "x", "y")), "'m' writes tensor 'y' again"),
        (make(relu("n", "x", "x"), outputs=("x",)), "'n' writes tensor 'x' again"),
        (make(relu("n", "x", "a"), outputs=("y",)), "output 'y' is written by no node"),
        (
            make(Node("n", RELU, ("x",), ("y",), {"weight": "w"})),
            "'n' reads parameter 'w', which is missing",
        ),
    ],
)
def test_faults(faulty: Graph, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        graphs.check(faulty)


def test_all_faults_are_told_at_once() -> None:
    faulty = make(relu("n", "q", "a"), relu("n", "a", "a"), outputs=("z",))
    with pytest.raises(ModelError) as caught:
        graphs.check(faulty)
    text = str(caught.value)
    for part in ("2 nodes are called 'n'", "'q'", "writes tensor 'a' again", "output 'z'"):
        assert part in text


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, -3), r"tensor 'x': shape \[1, -3\] has a dimension of -3 \(at least 1\)"),
        ((0, 3), r"tensor 'x': shape \[0, 3\] has a dimension of 0 \(at least 1\)"),
        ((2**21, 2**20), r"tensor 'x': .* has 2199023255552 elements"),
    ],
)
def test_impossible_tensors(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        graphs.check(make(relu("n", "x", "y"), x=TensorSpec(shape, FLOAT32)))


def test_the_largest_possible_tensor_is_possible() -> None:
    largest = make(relu("n", "x", "y"), x=TensorSpec((2**20, 2**20), FLOAT32))
    assert graphs.check(largest) is largest


def test_who_writes_and_who_reads() -> None:
    assert {t: n.name for t, n in graphs.producers(RESIDUAL).items()} == {
        "a": "first",
        "b": "second",
        "y": "join",
    }
    readers = {t: [n.name for n in ns] for t, ns in graphs.consumers(RESIDUAL).items()}
    assert readers == {"x": ["first"], "a": ["second", "join"], "b": ["join"], "y": []}


def test_a_node_that_reads_a_tensor_twice_is_one_reader() -> None:
    doubled = make(Node("twice", ADD, ("x", "x"), ("y",)))
    assert [node.name for node in graphs.consumers(doubled)["x"]] == ["twice"]


def test_last_uses_keep_residuals_and_outputs_alive() -> None:
    assert graphs.last_uses(RESIDUAL) == {"x": 0, "a": 2, "b": 2, "y": 3}


def test_a_tensor_nobody_reads_lives_where_it_is_written() -> None:
    unread = make(relu("n", "x", "unused"), relu("m", "x", "y"))
    assert graphs.last_uses(unread)["unused"] == 0


def test_digraph_has_an_edge_for_each_pair_of_layers() -> None:
    found = graphs.digraph(RESIDUAL)
    assert set(found.edges) == {("first", "second"), ("first", "join"), ("second", "join")}
    assert found.edges["first", "join"]["tensors"] == ("a",)
    assert found.nodes["join"]["node"].op == ADD


def test_node_by_name() -> None:
    assert RESIDUAL.node("join").inputs == ("b", "a")
    with pytest.raises(ModelError, match="net: no node 'nowhere'"):
        RESIDUAL.node("nowhere")


@given(st.permutations(range(7)))
def test_any_order_is_sorted_to_a_sound_one(order: list[int]) -> None:
    # A chain with a shortcut over two layers at each end.
    nodes = [relu(f"n{i}", f"t{i}" if i else "x", f"t{i + 1}") for i in range(6)]
    nodes.append(Node("join", ADD, ("t2", "t6"), ("y",)))
    ordered = graphs.execution_order([nodes[i] for i in order], "net")
    assert {node.name for node in ordered} == {node.name for node in nodes}
    graphs.check(make(*ordered))


def test_nodes_in_order_keep_it() -> None:
    nodes = (relu("z", "x", "a"), relu("c", "x", "b"), Node("a", ADD, ("a", "b"), ("y",)))
    assert graphs.execution_order(nodes, "net") == nodes


def test_a_cycle_names_its_nodes() -> None:
    nodes = [relu("p", "a", "b"), relu("q", "b", "c"), relu("r", "c", "a")]
    with pytest.raises(ModelError, match=r"net: the nodes form a cycle: (p -> q -> r -> p)"):
        graphs.execution_order(nodes, "net")


def dense(weight: TensorSpec, activation: TensorSpec, own: Scheme | None = None) -> Graph:
    node = Node("fc", Dense(4, 2), ("x",), ("y",), {"weight": "w"}, own)
    parameters = {"w": Parameter(weight, (Stored("w", weight),))}
    tensors = {"x": activation, "y": SPEC}
    return graphs.check(Graph("net", (node,), tensors, parameters, ("x",), ("y",)))


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (dense(TensorSpec((4, 2), INT8), SPEC), Scheme(INT8, FLOAT32)),
        (dense(TensorSpec((4, 2), BIPOLAR), SPEC), Scheme(BIPOLAR, FLOAT32, Scaling.NONE)),
        (dense(TensorSpec((4, 2), FLOAT32), SPEC, XNOR), XNOR),
        (dense(TensorSpec((4, 2), INT8), SPEC, BWN), BWN),
    ],
    ids=["operands", "no scaling unless said", "own over operands", "own over stored"],
)
def test_the_scheme_of_a_layer(network: Graph, expected: Scheme) -> None:
    assert graphs.scheme(network, network.nodes[0]) == expected


def test_the_scheme_of_a_product_of_activations() -> None:
    product = Node("qk", MatMul(), ("x", "k"), ("y",))
    tensors = {"x": TensorSpec((2, 2), FLOAT32), "k": TensorSpec((2, 2), INT8), "y": SPEC}
    network = Graph("net", (product,), tensors, {}, ("x", "k"), ("y",))
    assert graphs.scheme(network, product) == Scheme(INT8, FLOAT32)


def test_spec_of_activations_and_parameters() -> None:
    network = dense(TensorSpec((4, 2), INT8), SPEC)
    assert graphs.spec_of(network, "w").encoding == INT8
    assert graphs.spec_of(network, "x") == SPEC
