"""Signs and binary layers, however files write them, beside onnxruntime."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.testing import assert_array_equal
from onnx import TensorProto, external_data_helper, helper

from tests.importers.conftest import make_model
from xnorsim.exact.execute import execute, prepare
from xnorsim.importers.onnx import read_graph, tensors, weights
from xnorsim.network import ops
from xnorsim.network.graph import Graph
from xnorsim.network.precision import BIPOLAR, TERNARY

F = np.float32
EDGES = np.array([-2, -1, -0.3, -1e-45, -0.0, 0.0, 1e-45, 0.3, 0.5, 1, 2], F)
"""Numbers at which patterns differ: both zeros, and those next to them."""

Nodes = list[onnx.NodeProto]


def made(*rows: Sequence[Any]) -> Nodes:
    """Nodes in a chain: (operator, inputs but for "<", attributes), "<" being the last result."""
    nodes, last = [], "x"
    for at, (operator, inputs, *rest) in enumerate(rows):
        names = [last if name == "<" else name for name in inputs]
        settings = rest[0] if rest else {}
        nodes.append(helper.make_node(operator, names, [f"t{at}"], f"n{at}", **settings))
        last = f"t{at}"
    nodes[-1].output[0] = "y"
    return nodes


FLOAT = {"to": TensorProto.FLOAT}
VALUES = {
    "zero": F(0), "one": F(1), "minus": F(-1), "two": F(2), "tenth": F(0.1), "half": F(0.5),
    "less": F(-0.1), "five": F(5), "minus_five": F(-5),
}  # fmt: skip

# Each is +-1 (or +-5): the nodes, and the layers that they become.
SIGNS: dict[str, tuple[Nodes, tuple[str, ...]]] = {
    "tf2onnx": (made(("Sign", "<"), ("Add", ["<", "tenth"]), ("Sign", "<")), ("Sign",)),
    "sum turned": (made(("Sign", "<"), ("Add", ["tenth", "<"]), ("Sign", "<")), ("Sign",)),
    "0 is -1": (made(("Sign", "<"), ("Add", ["<", "less"]), ("Sign", "<")), ("Thresholds",)),
    "where below": (made(("Less", ["<", "zero"]), ("Where", ["<", "minus", "one"])), ("Sign",)),
    "where from": (
        made(("GreaterOrEqual", ["<", "zero"]), ("Where", ["<", "one", "minus"])),
        ("Sign",),
    ),
    "where above": (
        made(("Greater", ["<", "zero"]), ("Where", ["<", "one", "minus"])),
        ("Thresholds",),
    ),
    "sides turned": (
        made(("LessOrEqual", ["zero", "<"]), ("Where", ["<", "one", "minus"])),
        ("Sign",),
    ),
    "falling": (made(("Less", ["<", "zero"]), ("Where", ["<", "one", "minus"])), ("Thresholds",)),
    "not": (
        made(("Less", ["<", "zero"]), ("Not", "<"), ("Where", ["<", "one", "minus"])),
        ("Sign",),
    ),
    "at a half": (
        made(("GreaterOrEqual", ["<", "half"]), ("Where", ["<", "one", "minus"])),
        ("Thresholds",),
    ),
    "cast": (
        made(
            ("GreaterOrEqual", ["<", "zero"]), ("Cast", "<", FLOAT),
            ("Mul", ["<", "two"]), ("Sub", ["<", "one"]),
        ),
        ("Sign",),
    ),
    "cast above": (
        made(
            ("Greater", ["<", "zero"]), ("Cast", "<", FLOAT),
            ("Mul", ["<", "two"]), ("Sub", ["<", "one"]),
        ),
        ("Thresholds",),
    ),
    "clipped": (
        made(
            ("Clip", ["<", "minus", "one"]), ("Sign", "<"), ("Add", ["<", "tenth"]), ("Sign", "<")
        ),
        ("Sign",),
    ),
    "scaled": (
        made(("Less", ["<", "zero"]), ("Where", ["<", "minus_five", "five"])),
        ("Sign", "Elementwise"),
    ),
}  # fmt: skip


def theirs(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return np.asarray(session.run(None, {"x": x})[0])


def ours(graph: Graph, x: np.ndarray) -> np.ndarray:
    (result,) = execute(prepare(graph), {"x": x}).outputs.values()
    return result


@pytest.mark.parametrize("name", SIGNS)
def test_signs_are_found_and_exact(read: Callable[..., Graph], name: str) -> None:
    nodes, kinds = SIGNS[name]
    used = {item for node in nodes for item in node.input}
    weights = {key: value for key, value in VALUES.items() if key in used}
    x = EDGES.reshape(1, -1)
    model = make_model(nodes, {"x": x.shape}, weights=weights, opset=17)
    model.ir_version = 8
    graph = read(model)
    assert tuple(type(node.op).__name__ for node in graph.nodes) == kinds
    assert graph.tensors[graph.nodes[0].outputs[0]].encoding == BIPOLAR
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, x.shape))
    assert_array_equal(ours(graph, x), theirs(model, x))


NO_SIGNS = {
    "sign alone": made(("Sign", "<"), ("Identity", "<")),
    "three values": made(("Sign", "<"), ("Mul", ["<", "two"]), ("Identity", "<")),
    "relu": made(("Relu", "<"), ("Add", ["<", "one"])),
    "unequal": made(("Less", ["<", "zero"]), ("Where", ["<", "minus", "two"])),
}


@pytest.mark.parametrize("name", NO_SIGNS)
def test_what_is_no_sign_stays(read: Callable[..., Graph], name: str) -> None:
    nodes = NO_SIGNS[name]
    used = {item for node in nodes for item in node.input}
    weights = {key: value for key, value in VALUES.items() if key in used}
    graph = read(make_model(nodes, {"x": (1, 11)}, weights=weights))
    assert len(graph.nodes) == len(nodes)
    assert not any(isinstance(node.op, ops.Sign | ops.Thresholds) for node in graph.nodes)


def layer(*before: Sequence[Any], weight: np.ndarray | None = None, **settings: Any) -> Any:
    """What stands before a convolution, and the model of both."""
    rng = np.random.default_rng(7)
    w = np.sign(rng.standard_normal((3, 2, 3, 3))).astype(F) if weight is None else weight
    nodes = made(*before, ("Conv", ["<", "w"], settings))
    used = {item for node in nodes for item in node.input}
    weights = {key: value for key, value in VALUES.items() if key in used} | {"w": w}
    weights["pads"] = np.array([0, 0, 1, 2, 0, 0, 0, 1], np.int64)
    weights = {key: value for key, value in weights.items() if key in used}
    model = make_model(nodes, {"x": (1, 2, 6, 5)}, weights=weights, opset=17)
    model.ir_version = 8
    return model


BINARY = (("Sign", "<"), ("Add", ["<", "tenth"]), ("Sign", "<"))
IMAGE = np.round(np.random.default_rng(3).standard_normal((1, 2, 6, 5)).astype(F) * 2) / 2
"""Halves, a fifth of them 0: where signs differ."""


def check(read: Callable[..., Graph], model: onnx.ModelProto) -> Graph:
    """The graph, whose result is onnxruntime's."""
    graph = read(model)
    del model.graph.output[:]
    shape = graph.tensors["y"].shape
    model.graph.output.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, shape))
    assert_array_equal(ours(graph, IMAGE), theirs(model, IMAGE))
    return graph


@pytest.mark.parametrize("value", ["one", "minus", "zero"])
def test_a_pad_becomes_the_padding(read: Callable[..., Graph], value: str) -> None:
    """On other sides differently; of a value that bits hold, or 0."""
    graph = check(read, layer(*BINARY, ("Pad", ["<", "pads", value])))
    sign, conv = graph.nodes
    assert isinstance(sign.op, ops.Sign)
    assert isinstance(conv.op, ops.Conv)
    assert conv.op.padding == ((1, 0), (2, 1))
    assert conv.op.pad_value == VALUES[value]


def test_a_pad_of_another_value_stays(read: Callable[..., Graph]) -> None:
    """No bit is 2: what is padded so is no longer +-1."""
    graph = check(read, layer(*BINARY, ("Pad", ["<", "pads", "two"])))
    assert [type(node.op) for node in graph.nodes] == [ops.Sign, ops.Cast, ops.Pad, ops.Conv]
    conv = graph.nodes[-1]
    assert "float32" in str(graph.tensors[conv.inputs[0]])


def test_a_max_pool_keeps_bits(read: Callable[..., Graph]) -> None:
    settings = {"kernel_shape": [2, 2]}
    graph = check(read, layer(*BINARY, ("MaxPool", "<", settings)))
    assert graph.recognized["n4"] == "weights +-1, input from Sign 'n2': xnor"


def test_a_scale_of_bits_becomes_alpha(read: Callable[..., Graph]) -> None:
    """Also from before a max pool; 5 and the sums are exact."""
    settings = {"kernel_shape": [2, 2]}
    before = (("Less", ["<", "zero"]), ("Where", ["<", "minus_five", "five"]))
    graph = check(read, layer(*before, ("MaxPool", "<", settings)))
    assert [type(node.op) for node in graph.nodes] == [ops.Sign, ops.Pool, ops.Conv]
    alpha = graph.parameters[graph.nodes[-1].parameters["alpha"]]
    assert alpha.load is not None
    assert_array_equal(alpha.load(), [5, 5, 5])


def test_the_sign_of_onnx_is_ternary(read: Callable[..., Graph]) -> None:
    """It is 0 at 0, and runs so: a layer behind it is told from a binary one."""
    graph = check(read, layer(("Sign", "<")))
    first, conv = graph.nodes
    assert isinstance(first.op, ops.Thresholds)
    assert graph.tensors[first.outputs[0]].encoding == TERNARY
    assert str(conv.scheme) == "bipolar*ternary"
    assert graph.recognized == {"n1": "weights +-1, input from Thresholds 'n0': bipolar*ternary"}
    assert any("1 Sign of ONNX before binary weights (n0): 0 at 0" in text for text in graph.notes)


def test_before_float_weights_the_sign_of_onnx_is_a_function(read: Callable[..., Graph]) -> None:
    weight = np.random.default_rng(0).standard_normal((3, 2, 3, 3)).astype(F)
    graph = read(layer(("Sign", "<"), weight=weight))
    assert [type(node.op) for node in graph.nodes] == [ops.Activation, ops.Conv]
    assert not graph.recognized


def test_filters_of_one_magnitude_are_binary(read: Callable[..., Graph]) -> None:
    """A batch normalization was folded in: its factors may be below 0, and 0."""
    signs = np.sign(np.random.default_rng(7).standard_normal((3, 2, 3, 3))).astype(F)
    factors = np.array([0.25, -3, 0], F)
    weight = signs * factors.reshape(-1, 1, 1, 1)
    graph = check(read, layer(*BINARY, weight=weight))
    conv = graph.nodes[-1]
    bits, alpha = (graph.parameters[conv.parameters[role]] for role in ("weight", "alpha"))
    assert bits.load is not None
    assert alpha.load is not None
    assert_array_equal(alpha.load(), np.abs(factors))
    assert_array_equal(bits.load()[1], -signs[1])
    assert_array_equal(bits.load()[2], 1)


def test_other_weights_behind_bits_are_told(read: Callable[..., Graph]) -> None:
    weight = np.random.default_rng(0).integers(1, 9, (3, 2, 3, 3)).astype(F)
    graph = check(read, layer(*BINARY, weight=weight))
    (text,) = graph.recognized.values()
    assert text == (
        "weights float32, of more than two magnitudes in a filter, input from Sign 'n2': "
        "float32*bipolar"
    )
    assert graph.nodes[-1].scheme is None


def test_signs_of_what_a_relu_writes_are_signs(read: Callable[..., Graph]) -> None:
    """They are all +1: the layer behind them is binary nevertheless."""
    graph = check(read, layer(("Relu", "<"), *BINARY))
    assert [type(node.op) for node in graph.nodes] == [ops.Activation, ops.Sign, ops.Conv]
    assert graph.recognized["n4"] == "weights +-1, input from Sign 'n3': xnor"


# Layers in several nodes

CHANNEL = (1, 2, 1, 1)
VECTORS = {
    "a": np.array([-1.5, 1 / 3], F).reshape(CHANNEL),
    "b": np.array([0.1, -7], F).reshape(CHANNEL),
    "slope": np.array([-0.3, 0.0], F).reshape(CHANNEL),
    "none": np.array([-0.0, 1], F).reshape(CHANNEL),
    "far": np.array([np.inf, 1], F).reshape(CHANNEL),
    "row": np.ones((1, 1, 1, 5), F),
    "number": np.full((1, 1, 1, 1), 3, F),
}


def several(
    read: Callable[..., Graph], *rows: Sequence[Any], outputs: Sequence[str] = ("y",)
) -> Graph:
    """The graph of a chain, whose result is onnxruntime's."""
    nodes = made(*rows)
    used = {item for node in nodes for item in node.input}
    weights = {key: value for key, value in VECTORS.items() if key in used}
    model = make_model(nodes, {"x": (1, 2, 6, 5)}, weights=weights, outputs=outputs, opset=17)
    model.ir_version = 8
    return check(read, model) if len(outputs) == 1 else read(model)


def kinds(graph: Graph) -> list[str]:
    return [type(node.op).__name__ for node in graph.nodes]


@pytest.mark.parametrize("engine", ["blas", "packed", "native"])
def test_a_product_and_a_sum_for_each_channel_are_one_batch_norm(
    read: Callable[..., Graph], engine: str
) -> None:
    """The same bits, the signs of zeros too."""
    graph = several(read, ("Mul", ["<", "a"]), ("Add", ["b", "<"]))
    assert kinds(graph) == ["BatchNorm"]
    assert {graph.parameters[name].spec.shape for name in graph.nodes[0].parameters.values()} == {
        (2,)
    }
    x = np.random.default_rng(5).standard_normal((1, 2, 6, 5)).astype(F)
    x[..., 0] = EDGES[:6] * F(1e-38)
    (found,) = execute(prepare(graph, engine=engine), {"x": x}).outputs.values()
    assert found.tobytes() == (x * VECTORS["a"] + VECTORS["b"]).tobytes()


NO_NORMS = {
    "the sum first": (("Add", ["<", "b"]), ("Mul", ["<", "a"])),
    "one number": (("Mul", ["<", "number"]), ("Add", ["<", "number"])),
    "along another axis": (("Mul", ["<", "row"]), ("Add", ["<", "row"])),
    "an infinite factor": (("Mul", ["<", "far"]), ("Add", ["<", "b"])),
    "-0 and a factor below 0": (("Mul", ["<", "a"]), ("Add", ["<", "none"])),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_NORMS)
def test_what_is_no_batch_norm_stays(read: Callable[..., Graph], name: str) -> None:
    assert kinds(several(read, *NO_NORMS[name])) == ["Elementwise", "Elementwise"]


def test_a_product_that_others_read_stays(read: Callable[..., Graph]) -> None:
    rows = (("Mul", ["<", "a"]), ("Add", ["<", "b"]))
    assert kinds(several(read, *rows, outputs=("y", "t0"))) == ["Elementwise", "Elementwise"]


@pytest.mark.parametrize("operator", ["Add", "Sub"])
@pytest.mark.parametrize("turned", [False, True], ids=["", "turned"])
def test_a_prelu_in_five_nodes_is_one(
    read: Callable[..., Graph], operator: str, turned: bool
) -> None:
    """As Keras writes it; c - relu is none."""
    sides = ["t3", "t0"] if turned else ["t0", "t3"]
    rows = (
        ("Relu", ["x"]), ("Neg", ["x"]), ("Relu", "<"), ("Mul", ["<", "slope"]), (operator, sides),
    )  # fmt: skip
    graph = several(read, *rows)
    assert (kinds(graph) == ["Activation"]) is (operator == "Add" or not turned)
    if len(graph.nodes) > 1:
        return
    node = next(iter(graph.nodes))
    assert node.op == ops.Activation(ops.Function.PRELU)
    load = graph.parameters[node.parameters["slope"]].load
    assert load is not None
    assert_array_equal(load(), VECTORS["slope"] * (-1 if operator == "Add" else 1))


def test_a_sum_of_functions_of_two_tensors_is_no_prelu(read: Callable[..., Graph]) -> None:
    rows = (
        ("Relu", ["x"]), ("Neg", ["t0"]), ("Relu", "<"), ("Mul", ["<", "slope"]),
        ("Add", ["t0", "<"]),
    )  # fmt: skip
    assert len(several(read, *rows).nodes) == 5


# What is read of weights


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The weights whose values are read: decoded, or looked at filter by filter."""
    seen: list[str] = []
    decode, look = tensors.numpy_helper.to_array, weights.levels

    def decoded(tensor: TensorProto) -> np.ndarray:
        seen.append(f"{list(tensor.dims)}")
        return decode(tensor)

    def looked_at(weight: np.ndarray) -> Any:
        seen.append(f"{weight.size}")
        return look(weight)

    monkeypatch.setattr(tensors.numpy_helper, "to_array", decoded)
    monkeypatch.setattr(weights, "levels", looked_at)
    return seen


def float_model(weight: np.ndarray) -> onnx.ModelProto:
    nodes = made(("Conv", ["<", "w"]), ("Relu", "<"))
    return make_model(nodes, {"x": (1, 32, 6, 5)}, weights={"w": weight})


def test_float_weights_are_not_read(read: Callable[..., Graph], loads: list[str]) -> None:
    weight = np.random.default_rng(0).standard_normal((64, 32, 3, 3)).astype(F)
    graph = read(float_model(weight))
    assert not loads
    assert not graph.recognized


def test_binary_weights_are_found_by_their_first_values(
    read: Callable[..., Graph], loads: list[str]
) -> None:
    """Binary weights of a float input: 8 values of one filter make them be read."""
    weight = np.sign(np.random.default_rng(0).standard_normal((64, 32, 3, 3))).astype(F) / 2
    graph = read(float_model(weight))
    assert loads == [f"{weight.size}"]
    assert graph.recognized["n0"] == "weights +-alpha per channel, input from 'x': bwn"


def test_weights_of_one_value_are_no_binary_ones(read: Callable[..., Graph]) -> None:
    """A filter that takes means, and weights that nobody has trained."""
    for value in (0, 1 / 9):
        graph = read(float_model(np.full((64, 32, 3, 3), value, F)))
        assert not graph.recognized


def test_external_weights_are_opened_for_a_binary_input_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weight = np.sign(rng.standard_normal((64, 32, 3, 3))).astype(F)
    for name, before, opened in (("float", (), False), ("binary", BINARY, True)):
        nodes = made(*before, ("Conv", ["<", "w"]))
        held = {"w": weight, **({"tenth": F(0.1)} if before else {})}
        model = make_model(nodes, {"x": (1, 32, 6, 5)}, weights=held)
        path = tmp_path / f"{name}.onnx"
        external_data_helper.convert_model_to_external_data(
            model, location=f"{name}.bin", size_threshold=100
        )
        onnx.save(model, path)
        graph = read_graph(path)
        assert bool(graph.recognized) == opened


def test_a_float_network_keeps_its_transposes(read: Callable[..., Graph]) -> None:
    """What is not binary stays as the file has it."""
    nodes = made(
        ("Transpose", "<", {"perm": [0, 2, 3, 1]}),
        ("Relu", "<"),
        ("Transpose", "<", {"perm": [0, 3, 1, 2]}),
    )
    assert len(read(make_model(nodes, {"x": (1, 2, 6, 5)})).nodes) == 3


# What bits meet that is no binary layer: the nodes behind a sign.
BEHIND: dict[str, tuple[Sequence[Any], ...]] = {
    "sum with itself": (("Add", ["<", "<"]),),
    "product with itself": (("Mul", ["<", "<"]),),
    "sum with floats": (("Add", ["<", "x"]),),
    "product with floats": (("Mul", ["<", "x"]),),
    "sum with a number": (("Add", ["<", "half"]),),
    "mean": (("AveragePool", "<", {"kernel_shape": [2, 2]}),),
    "mean of all": (("ReduceMean", "<", {"axes": [2, 3]}),),
    "relu": (("Relu", "<"),),
    "negative": (("Neg", "<"), ("Add", ["<", "x"])),
    "beside floats": (("Concat", ["<", "x"], {"axis": 1}),),
    "beside itself": (("Concat", ["<", "<"], {"axis": 1}),),
    "padded maximum": (("MaxPool", "<", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),),
    "softmax": (("Softmax", "<", {"axis": 1}),),
    "cast": (("Cast", "<", {"to": TensorProto.DOUBLE}),),
    "half a scale": (("Mul", ["<", "half"]), ("Add", ["<", "x"])),
    "below 0": (("Mul", ["<", "minus_five"]), ("Add", ["<", "x"])),
    "slices": (("Transpose", "<", {"perm": [0, 2, 3, 1]}), ("Flatten", "<")),
}


@pytest.mark.parametrize("name", BEHIND)
def test_bits_are_numbers_for_other_layers(read: Callable[..., Graph], name: str) -> None:
    rows = (*BINARY, *BEHIND[name])
    nodes = made(*rows)
    used = {item for node in nodes for item in node.input}
    weights = {key: value for key, value in VALUES.items() if key in used}
    model = make_model(nodes, {"x": IMAGE.shape}, weights=weights, opset=17)
    model.ir_version = 8
    graph = read(model)
    assert any(isinstance(node.op, ops.Sign | ops.Thresholds) for node in graph.nodes)
    del model.graph.output[:]
    kind = TensorProto.DOUBLE if name == "cast" else TensorProto.FLOAT
    result = helper.make_tensor_value_info("y", kind, graph.tensors["y"].shape)
    model.graph.output.append(result)
    found, expected = ours(graph, IMAGE), theirs(model, IMAGE)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "file",
    ["qonnx/brevitas_w4a4/model.onnx", "qonnx/im2col_xnor/model.onnx",
     "tf2onnx/q_ste_tern_both/model.tf2onnx.onnx", "tf2onnx/net_r2b/model.tf2onnx.onnx"],
)  # fmt: skip
def test_recognized_graphs_go_to_other_processes(data: Path, file: str) -> None:
    """All that their weights are made by can be pickled."""
    graph = read_graph(data / file, batch=1)
    copy = pickle.loads(pickle.dumps(graph))
    x = np.random.default_rng(0).standard_normal(graph.tensors[graph.inputs[0]].shape).astype(F)
    found = (execute(prepare(item), {item.inputs[0]: x}).outputs for item in (graph, copy))
    first, second = (next(iter(outputs.values())) for outputs in found)
    assert_array_equal(first, second)
