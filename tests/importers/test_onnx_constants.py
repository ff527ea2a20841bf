"""What is known before the network runs: parameters, settings, branches, functions, unknowns."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from xnorsim.errors import ModelError, ShapeError, UnsupportedOpError
from xnorsim.network import ops
from xnorsim.network.graph import Graph
from xnorsim.network.precision import ENCODINGS, Scheme
from xnorsim.work.table import layer_table, totals


def n(operator: str, inputs: list[str], outputs: list[str], name: str = "", **more: Any):
    return helper.make_node(operator, inputs, outputs, name, **more)


def i(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def kinds(graph: Graph) -> list[str]:
    return [ops.kind(node.op) for node in graph.nodes]


def loaded(graph: Graph, name: str) -> np.ndarray:
    load = graph.parameters[name].load
    assert load is not None
    return load()


def test_one_tensor_through_identity_is_stored_once(build: Any) -> None:
    """Two layers, one weight: twice the work, once the storage."""
    nodes = [
        n("Identity", ["w"], ["w2"]),
        n("MatMul", ["x", "w"], ["a"], "first"),
        n("MatMul", ["a", "w2"], ["y"], "second"),
    ]
    weight = np.eye(4, dtype=np.float32)
    graph = build(nodes, {"x": (1, 4)}, weights={"w": weight})
    assert kinds(graph) == ["dense", "dense"]
    assert {p.stored for p in graph.parameters.values()} == {graph.parameters["w"].stored}
    assert graph.parameters["w2"].stored[0].key == "w"
    result = totals(layer_table(graph))
    assert result["macs"] == 2 * 16
    assert result["weight_bits"] == 16 * 32
    np.testing.assert_array_equal(loaded(graph, "w2"), weight)


def test_a_weight_computed_from_constants_is_no_work(build: Any) -> None:
    """transpose(w) * 2 + 1: the values that the layer reads, stored as the file stores them."""
    nodes = [
        n("Transpose", ["w"], ["t"]),
        n("Mul", ["t", "two"], ["m"]),
        n("Add", ["m", "one"], ["v"]),
        n("MatMul", ["x", "v"], ["y"]),
    ]
    weight = np.arange(6, dtype=np.float32).reshape(2, 3)
    weights = {"w": weight, "two": np.float32(2), "one": np.float32(1)}
    graph = build(nodes, {"x": (1, 3)}, weights=weights)
    assert kinds(graph) == ["dense"]
    assert [item.key for item in graph.parameters["v"].stored] == ["w", "two", "one"]
    np.testing.assert_array_equal(loaded(graph, "v"), 2 * weight.T + 1)


def test_an_int8_weight_is_stored_as_int8(build: Any) -> None:
    nodes = [n("DequantizeLinear", ["w", "s"], ["v"]), n("MatMul", ["x", "v"], ["y"])]
    weights = {"w": np.full((4, 4), 3, np.int8), "s": np.float32(0.5)}
    graph = build(nodes, {"x": (1, 4)}, weights=weights)
    assert kinds(graph) == ["dense"]
    assert graph.nodes[0].scheme is None  # its activation is a float
    assert [str(item.spec) for item in graph.parameters["v"].stored] == ["int8[4, 4]", "float32[]"]
    np.testing.assert_array_equal(loaded(graph, "v"), np.full((4, 4), 1.5, np.float32))


@pytest.mark.parametrize("operator", ["Conv", "Gemm", "MatMul"])
def test_layers_between_dequantize_are_integer_layers(build: Any, operator: str) -> None:
    conv = operator == "Conv"
    shape = (4, 3, 1, 1) if conv else (3, 4)
    nodes = [
        n("QuantizeLinear", ["x", "s", "z"], ["q"]),
        n("DequantizeLinear", ["q", "s", "z"], ["d"]),
        n("DequantizeLinear", ["w", "s"], ["v"]),
        n(operator, ["d", "v"], ["y"], "layer"),
    ]
    weights = {"s": np.float32(0.5), "z": np.uint8(0), "w": np.ones(shape, np.int8)}
    graph = build(nodes, {"x": (1, 3, 2, 2) if conv else (2, 3)}, weights=weights)
    assert graph.node("layer").scheme == Scheme(ENCODINGS["int8"], ENCODINGS["uint8"])
    assert any("8-bit integers" in note and "1 layer " in note for note in graph.notes)
    assert totals(layer_table(graph))["int8_macs"] == (4 * 3 * 4 if conv else 2 * 3 * 4)


def test_shape_arithmetic_vanishes(build: Any) -> None:
    """Flatten as old exporters write it: Shape, Gather, Unsqueeze, Concat, Reshape."""
    nodes = [
        n("Shape", ["x"], ["s"]),
        n("Gather", ["s", "zero"], ["b"]),
        n("Unsqueeze", ["b", "axes"], ["u"]),
        n("Concat", ["u", "rest"], ["t"], axis=0),
        n("Reshape", ["x", "t"], ["y"], "flat"),
    ]
    weights = {"zero": np.array(0, np.int64), "axes": i(0), "rest": i(-1)}
    graph = build(nodes, {"x": ("N", 3, 4)}, weights=weights, batch=5)
    assert [(node.name, node.op) for node in graph.nodes] == [("flat", ops.Reshape((5, 12)))]
    assert not graph.parameters


def test_sizes_from_size_range_and_fill(build: Any) -> None:
    nodes = [
        n("Size", ["x"], ["n"]),
        n("Range", ["zero", "n", "one"], ["r"]),
        n("Gather", ["table", "r"], ["e"]),
        n("Reshape", ["x", "minus"], ["f"]),
        n("Add", ["f", "e"], ["y"], "sum"),
    ]
    weights = {
        "zero": np.array(0, np.int64), "one": np.array(1, np.int64), "minus": i(-1),
        "table": np.arange(100, dtype=np.float32),
    }  # fmt: skip
    graph = build(nodes, {"x": (2, 3)}, weights=weights)
    assert kinds(graph) == ["reshape", "add"]
    np.testing.assert_array_equal(loaded(graph, "e"), np.arange(6, dtype=np.float32))


def test_a_constant_that_is_an_output_is_a_node(build: Any) -> None:
    nodes = [n("Shape", ["x"], ["s"]), n("Relu", ["x"], ["y"])]
    graph = build(nodes, {"x": (2, 3)}, outputs=["y", "s"])
    assert kinds(graph) == ["relu", "identity"]
    assert graph.outputs == ("y", "s")
    (name,) = graph.nodes[1].parameters.values()
    np.testing.assert_array_equal(loaded(graph, name), [2, 3])


def test_constant_nodes_of_every_form(build: Any) -> None:
    values = [
        ({"value_float": 1.5}, 1.5),
        ({"value_floats": [1.0, 2.0]}, [1.0, 2.0]),
        ({"value": helper.make_tensor("t", TensorProto.FLOAT, [2], [3.0, 4.0])}, [3.0, 4.0]),
    ]
    for attributes, expected in values:
        nodes = [n("Constant", [], ["c"], **attributes), n("Add", ["x", "c"], ["y"])]
        graph = build(nodes, {"x": (2,)})
        np.testing.assert_array_equal(loaded(graph, "c"), np.array(expected, np.float32))


def test_large_constant_nodes_are_read_when_loaded(build: Any) -> None:
    values = np.arange(9000, dtype=np.float32)
    tensor = helper.make_tensor("t", TensorProto.FLOAT, [9000], values.tobytes(), raw=True)
    nodes = [n("Constant", [], ["c"], value=tensor), n("Add", ["x", "c"], ["y"])]
    graph = build(nodes, {"x": (9000,)})
    np.testing.assert_array_equal(loaded(graph, "c"), values)
    assert graph.parameters["c"].stored[0].spec.elements == 9000


def test_filled_weights_stand_for_stored_ones(build: Any) -> None:
    value = helper.make_tensor("v", TensorProto.FLOAT, [1], [0.5])
    nodes = [n("ConstantOfShape", ["n"], ["w"], value=value), n("MatMul", ["x", "w"], ["y"])]
    graph = build(nodes, {"x": (1, 3)}, weights={"n": i(3, 4)})
    assert str(graph.parameters["w"].stored[0].spec) == "float32[3, 4]"
    np.testing.assert_array_equal(loaded(graph, "w"), np.full((3, 4), 0.5, np.float32))
    assert any("12 elements" in note and "ConstantOfShape" in note for note in graph.notes)


def test_an_initializer_among_the_inputs_is_a_parameter(build: Any) -> None:
    weights = {"w": np.ones(4, np.float32)}
    graph = build(n("Add", ["x", "w"], ["y"]), {"x": (4,), "w": (4,)}, weights=weights)
    assert graph.inputs == ("x",)


def test_unused_initializers_are_noted(build: Any) -> None:
    weights = {"w": np.ones(4, np.float32), "lost": np.ones(10, np.float16)}
    graph = build(n("Add", ["x", "w"], ["y"]), {"x": (4,)}, weights=weights)
    assert any("1 initializer (160 bits)" in note for note in graph.notes)


def branch(name: str, operator: str) -> onnx.GraphProto:
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 4])
    return helper.make_graph([n(operator, ["x", "w"], ["out"], "inner")], name, [], [output])


@pytest.mark.parametrize(("condition", "kind"), [(True, "dense"), (False, "add")])
def test_a_decided_if_is_its_branch(build: Any, condition: bool, kind: str) -> None:
    node = n(
        "If", ["c"], ["y"], "if1",
        then_branch=branch("then", "MatMul"), else_branch=branch("else", "Add"),
    )  # fmt: skip
    weights = {"c": np.array(condition), "w": np.ones((4, 4) if condition else (4,), np.float32)}
    graph = build(node, {"x": (1, 4)}, weights=weights)
    assert kinds(graph) == [kind]
    assert graph.nodes[0].name == "if1/inner"
    assert any("if1" in note for note in graph.notes)


def test_an_open_if_is_an_error(build: Any) -> None:
    node = n(
        "If", ["c"], ["y"], "if1",
        then_branch=branch("then", "MatMul"), else_branch=branch("else", "Add"),
    )  # fmt: skip
    inputs = {"x": (1, 4), "c": (TensorProto.BOOL, ())}
    with pytest.raises(UnsupportedOpError, match=r"model\.onnx: node 'if1' \(If\).*incomplete"):
        build(node, inputs, weights={"w": np.ones((4, 4), np.float32)})


def loop(trips: list[str]) -> onnx.NodeProto:
    """state = state @ w, as often as `trips` says; every state is kept as well."""
    infos = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            n("MatMul", ["state", "w"], ["next"], "product"),
            n("Identity", ["going"], ["on"]),
            n("Identity", ["next"], ["kept"]),
        ],
        "body",
        [
            infos("round", TensorProto.INT64, []),
            infos("going", TensorProto.BOOL, []),
            infos("state", TensorProto.FLOAT, [1, 4]),
        ],
        [
            infos("on", TensorProto.BOOL, []),
            infos("next", TensorProto.FLOAT, [1, 4]),
            infos("kept", TensorProto.FLOAT, [1, 4]),
        ],
    )
    return n("Loop", [*trips, "x"], ["y", "all"], "loop1", body=body)


def test_a_counted_loop_is_written_out(build: Any) -> None:
    weights = {"w": np.ones((4, 4), np.float32), "m": np.array(3, np.int64)}
    graph = build(loop(["m", ""]), {"x": (1, 4)}, outputs=["y", "all"], weights=weights)
    result = totals(layer_table(graph))
    assert result["macs"] == 3 * 16
    assert result["weight_bits"] == 16 * 32  # one weight, however often it is read
    assert graph.tensors["all"].shape == (3, 1, 4)
    assert graph.tensors["y"].shape == (1, 4)


def test_an_open_loop_is_an_error(build: Any) -> None:
    weights = {"w": np.ones((4, 4), np.float32)}
    inputs = {"x": (1, 4), "m": (TensorProto.INT64, ())}
    with pytest.raises(UnsupportedOpError, match=r"node 'loop1' \(Loop\): how often"):
        build(loop(["m", ""]), inputs, outputs=["y", "all"], weights=weights)


def test_a_shape_known_only_at_run_time_is_an_error(build: Any) -> None:
    inputs = {"x": (4,), "s": (TensorProto.INT64, (2,))}
    with pytest.raises(ShapeError, match=r"node 'r1' \(Reshape\): .*'y' stays unknown"):
        build(n("Reshape", ["x", "s"], ["y"], "r1"), inputs)


def test_functions_of_the_file_are_put_in_place(build: Any) -> None:
    """A function called twice: its layers twice, with names of their own."""
    body = [n("MatMul", ["a", "b"], ["p"], "product"), n("Relu", ["p"], ["c"], "rectifier")]
    function = helper.make_function(
        "local", "Block", ["a", "b"], ["c"], body, [helper.make_opsetid("", 21)]
    )
    nodes = [
        n("Block", ["x", "w"], ["h"], "one", domain="local"),
        n("Block", ["h", "w"], ["y"], "two", domain="local"),
    ]
    weights = {"w": np.arange(10000, dtype=np.float32).reshape(100, 100)}
    graph = build(
        nodes, {"x": (1, 100)}, weights=weights,
        opset_imports=[helper.make_opsetid("local", 1)], functions=[function],
    )  # fmt: skip
    assert kinds(graph) == ["dense", "relu", "dense", "relu"]
    assert len({node.name for node in graph.nodes}) == 4
    assert totals(layer_table(graph))["macs"] == 2 * 100 * 100
    np.testing.assert_array_equal(loaded(graph, "w"), weights["w"])


def test_functions_in_a_circle_are_refused(build: Any) -> None:
    imports = [helper.make_opsetid("", 21), helper.make_opsetid("local", 1)]
    functions = [
        helper.make_function(
            "local", name, ["a"], ["b"], [n(other, ["a"], ["b"], domain="local")], imports
        )
        for name, other in (("F", "G"), ("G", "F"))
    ]
    with pytest.raises(ModelError, match=r"in a circle: F -> G -> F"):
        build(
            n("F", ["x"], ["y"], domain="local"), {"x": (4,)},
            opset_imports=imports[1:], functions=functions,
        )  # fmt: skip


def test_allowed_unknown_operators_stay_as_nodes(model: Any, read: Any) -> None:
    nodes = [
        n("Foo", ["x"], ["a"], "f1", domain="com.example"),
        n("Det", ["a"], ["d"], "d1"),
        n("Add", ["a", "d"], ["y"], "sum"),
    ]
    made = model(nodes, {"x": (4, 4)})
    with pytest.raises(ShapeError, match=r"f1.*--allow-unknown.*output 'a'.*unknown"):
        read(made, allow_unknown=True)
    made.graph.value_info.append(helper.make_tensor_value_info("a", TensorProto.FLOAT, [4, 4]))
    graph = read(made, allow_unknown=True)
    assert graph.node("f1").op == ops.Unknown("Foo", "com.example", ((4, 4),))
    assert graph.node("d1").op == ops.Unknown("Det", "", ((),))
    assert graph.tensors["y"].shape == (4, 4)
    assert any("lower bound" in note and "f1, d1" in note for note in graph.notes)
    with pytest.raises(ShapeError, match="f1"):  # what the file states no longer holds
        read(made, allow_unknown=True, input_shapes={"x": (8, 8)})


def test_unnamed_nodes_get_names_that_last(build: Any) -> None:
    nodes = [n("Relu", ["x"], ["a"]), n("Relu", ["a"], ["b"], "Relu_2"), n("Relu", ["b"], ["y"])]
    names = [node.name for node in build(nodes, {"x": (4,)}).nodes]
    assert names == ["Relu_0", "Relu_2", "Relu_2_1"]
