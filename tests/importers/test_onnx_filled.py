"""Parameters whose values the file states by one number: weights left out of it, or meant so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from xnorsim.network import ops
from xnorsim.network.graph import Graph
from xnorsim.network.policy import Binarize, Policy, apply


def f(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


def i(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def placeholders(graph: Graph) -> dict[str, bool]:
    return {name: item.placeholder for name, item in graph.parameters.items()}


def test_weights_that_were_left_out_are_placeholders(build: Any) -> None:
    """So are those computed from them, here and by a policy."""
    weights = {"n": i(4, 3), "b": f(4)}
    nodes = [
        helper.make_node("ConstantOfShape", ["n"], ["w"]),
        helper.make_node("Transpose", ["w"], ["t"]),
        helper.make_node("MatMul", ["x", "t"], ["z"], "first"),
        helper.make_node("Add", ["z", "b"], ["y"]),
    ]
    graph = build(nodes, {"x": (2, 3)}, weights=weights)
    assert placeholders(graph) == {"t": True, "b": False}
    binary = apply(graph, Policy(Binarize.BWN, keep=()))
    assert placeholders(binary) == {"t.binary": True, "t.alpha": True, "b": False}


def test_a_placeholder_that_a_product_of_activations_turns(build: Any) -> None:
    nodes = [
        helper.make_node("ConstantOfShape", ["n"], ["w"]),
        helper.make_node("Gemm", ["x", "w", "c"], ["y"], "g", transB=1),
    ]
    graph = build(nodes, {"x": (2, 3), "c": (4,)}, weights={"n": i(4, 3)})
    assert placeholders(graph) == {"g.B_transposed": True}


@pytest.mark.parametrize(
    ("operator", "attributes", "others", "why"),
    [
        ("Concat", {"axis": 0}, ["w"], "zeros that are joined"),
        ("Where", {}, ["w"], "zeros in place of others"),
        ("Greater", {}, [], "a threshold"),
        ("RNN", {"hidden_size": 4}, ["r", "i", "", ""], "a first state"),
    ],
)
def test_a_filled_tensor_that_is_no_weight(
    build: Any, operator: str, attributes: dict[str, Any], others: list[str], why: str
) -> None:
    shapes = {"Where": (TensorProto.BOOL, (1, 3, 4)), "RNN": (2, 3, 4)}
    inputs = {"x": shapes.get(operator, (1, 3, 4))}
    constants = {"n": i(1, 3, 4), "r": f(1, 4, 4), "i": f(1, 4, 4)}
    nodes = [
        helper.make_node("ConstantOfShape", ["n"], ["w"]),
        helper.make_node(operator, ["x", *others, "w"], ["y"], **attributes),
    ]
    graph = build(nodes, inputs, weights=constants)
    assert placeholders(graph)["w"] is False, why


def test_a_weight_that_ones_multiply_stays(build: Any) -> None:
    ones = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    nodes = [
        helper.make_node("ConstantOfShape", ["n"], ["o"], value=ones),
        helper.make_node("Mul", ["w", "o"], ["v"]),
        helper.make_node("MatMul", ["x", "v"], ["y"]),
    ]
    graph = build(nodes, {"x": (2, 3)}, weights={"n": i(3, 4), "w": f(3, 4)})
    assert placeholders(graph) == {"v": False}


def test_a_constant_output_carries_its_values(build: Any) -> None:
    nodes = [
        helper.make_node("Neg", ["c"], ["folded"]),
        helper.make_node("Relu", ["x"], ["y"]),
    ]
    graph = build(
        nodes, {"x": (4,)}, outputs=["y", "folded"], weights={"c": np.array([1, 2, 3], np.float32)}
    )
    (node,) = (node for node in graph.nodes if node.outputs == ("folded",))
    assert (node.op, node.inputs, node.parameters) == (
        ops.Identity(), (), {"operand_0": "folded"}
    )  # fmt: skip
    load = graph.parameters["folded"].load
    assert load is not None
    np.testing.assert_array_equal(load(), [-1, -2, -3])
