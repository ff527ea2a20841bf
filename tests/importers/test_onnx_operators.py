"""Each ONNX operator -> layer kind, in the forms it had from opset 7 to the newest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.onnx_cases import node_cases, settings, with_constants
from xnorsim.errors import InputError, ModelError
from xnorsim.importers.onnx import read_graph
from xnorsim.importers.onnx.rules import CONTROL, RULES
from xnorsim.importers.onnx.tensors import ELEMENT_TYPES, element_type
from xnorsim.network import ops
from xnorsim.network.graph import Graph
from xnorsim.network.ops import Activation, Function, Reduction

NEWEST = onnx.defs.onnx_opset_version()
FLOAT = TensorProto.FLOAT


def f(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


def i(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def only(graph: Graph) -> ops.Op:
    """The op of a graph of one node."""
    (node,) = graph.nodes
    return node.op


EPSILON = float(np.float32(1e-5))  # onnx's attributes are 32-bit floats
PAD_1 = ((1, 1), (1, 1))
ONES = (1, 1)
TWICE = (1.0, 1.0, 2.0, 2.0)

# operator, opset, attributes, input shape, constant inputs in order (None: left out) -> op
FORMS: list[tuple[str, int, dict[str, Any], tuple[int, ...], list[Any], ops.Op]] = [
    ("Squeeze", 11, {"axes": [0, -1]}, (1, 3, 1), [], ops.Reshape((3,))),
    ("Squeeze", 13, {}, (1, 3, 1), [i(0)], ops.Reshape((3, 1))),
    ("Squeeze", NEWEST, {}, (1, 3, 1), [], ops.Reshape((3,))),
    ("Unsqueeze", 11, {"axes": [0, 3]}, (3, 4), [], ops.Reshape((1, 3, 4, 1))),
    ("Unsqueeze", 13, {}, (3, 4), [i(-1)], ops.Reshape((3, 4, 1))),
    ("Clip", 7, {"min": 0.0, "max": 6.0}, (4,), [],
     Activation(Function.CLIP, (("min", 0.0), ("max", 6.0)))),
    ("Clip", 11, {}, (4,), [np.float32(0), np.float32(6)],
     Activation(Function.CLIP, (("min", 0.0), ("max", 6.0)))),
    ("Clip", NEWEST, {}, (4,), [None, np.float32(6)], Activation(Function.CLIP, (("max", 6.0),))),
    ("Dropout", 7, {"ratio": 0.5}, (4,), [], ops.Identity()),
    ("Dropout", 12, {}, (4,), [np.float32(0.5)], ops.Identity()),
    ("Dropout", NEWEST, {}, (4,), [np.float32(0.5), np.array(False)], ops.Identity()),
    ("Slice", 7, {"starts": [1], "ends": [3], "axes": [1]}, (4, 4), [],
     ops.Slice((1,), (1,), (3,), (1,))),
    ("Slice", 10, {}, (4, 4), [i(0), i(4), i(-1), i(2)], ops.Slice((1,), (0,), (4,), (2,))),
    ("Slice", NEWEST, {}, (4, 4), [i(1, 1), i(3, 3)],
     ops.Slice((0, 1), (1, 1), (3, 3), (1, 1))),
    ("Pad", 7, {"pads": [0, 1, 0, 2], "value": 1.0}, (2, 4), [],
     ops.Pad(((0, 0), (1, 2)), "constant", 1.0)),
    ("Pad", 11, {"mode": "reflect"}, (2, 4), [i(0, 1, 0, 2)],
     ops.Pad(((0, 0), (1, 2)), "reflect")),
    ("Pad", 18, {}, (2, 4), [i(1, 2), np.float32(-1), i(-1)],
     ops.Pad(((0, 0), (1, 2)), "constant", -1.0)),
    ("Upsample", 7, {"scales": [1.0, 1.0, 2.0, 2.0]}, (1, 2, 3, 4), [],
     ops.Resize((1, 2, 6, 8), "nearest", "asymmetric", TWICE, "floor")),
    ("Upsample", 9, {"mode": "linear"}, (1, 2, 3, 4), [np.array([1, 1, 2, 2], "f4")],
     ops.Resize((1, 2, 6, 8), "linear", "asymmetric", TWICE, "floor")),
    ("Resize", 10, {}, (1, 2, 3, 4), [np.array([1, 1, 2, 2], "f4")],
     ops.Resize((1, 2, 6, 8), "nearest", "asymmetric", TWICE, "floor")),
    ("Resize", 11, {"mode": "cubic"}, (1, 2, 3, 4), [f(0), np.array([1, 1, 2, 2], "f4")],
     ops.Resize((1, 2, 6, 8), "cubic", "half_pixel", TWICE)),
    ("Resize", 13, {"coordinate_transformation_mode": "align_corners"}, (1, 2, 3, 4),
     [None, None, i(1, 2, 5, 7)], ops.Resize((1, 2, 5, 7), "nearest", "align_corners")),
    ("Resize", 18, {"axes": [2, 3]}, (1, 2, 3, 4), [None, None, i(5, 7)],
     ops.Resize((1, 2, 5, 7), "nearest", "half_pixel")),
    ("ReduceMean", 11, {"axes": [-1]}, (2, 3), [], ops.Reduce(Reduction.MEAN, (1,))),
    ("ReduceMean", 18, {"keepdims": 0}, (2, 3), [i(-1)], ops.Reduce(Reduction.MEAN, (1,), False)),
    ("ReduceSum", 13, {}, (2, 3), [], ops.Reduce(Reduction.SUM, (0, 1))),
    ("ReduceSum", 13, {"noop_with_empty_axes": 1}, (2, 3), [], ops.Identity()),
    ("ReduceMax", 20, {}, (2, 3), [i(0)], ops.Reduce(Reduction.MAX, (0,))),
    ("ReduceLogSumExp", 9, {}, (2, 3), [], ops.Reduce(Reduction.LOG_SUM_EXP, (0, 1))),
    ("ArgMax", 13, {"axis": -1, "keepdims": 0}, (2, 3), [],
     ops.Reduce(Reduction.ARG_MAX, (1,), False)),
    ("Softmax", 7, {}, (2, 3), [], ops.Softmax(1)),
    ("Softmax", 13, {}, (2, 3, 4), [], ops.Softmax(2)),
    ("LogSoftmax", NEWEST, {"axis": 0}, (2, 3), [], ops.Softmax(0, logarithm=True)),
    ("Flatten", 7, {}, (2, 3, 4), [], ops.Reshape((2, 12))),
    ("Reshape", 7, {}, (2, 3, 4), [i(0, -1)], ops.Reshape((2, 12))),
    ("Expand", 8, {}, (3, 1), [i(2, 3, 4)], ops.Expand((2, 3, 4))),
    ("Tile", 13, {}, (3, 1), [i(2, 3)], ops.Expand((6, 3))),
    ("Transpose", 7, {}, (2, 3), [], ops.Transpose((1, 0))),
    ("DepthToSpace", 11, {"blocksize": 2, "mode": "CRD"}, (1, 8, 2, 2), [],
     ops.Rearrange("depth_to_space_crd", (1, 2, 4, 4), 2)),
    ("SpaceToDepth", 7, {"blocksize": 2}, (1, 2, 4, 4), [],
     ops.Rearrange("space_to_depth", (1, 8, 2, 2), 2)),
    ("Cast", 13, {"to": TensorProto.FLOAT16}, (2,), [], ops.Cast(ELEMENT_TYPES[10])),
    ("Identity", 7, {}, (2,), [], ops.Identity()),
    ("Gather", 7, {"axis": 1}, (2, 5), [i(0, 3, 4)], ops.Gather((2, 3), 1)),
    ("LRN", 7, {"size": 5, "alpha": 0.5}, (1, 8, 2, 2), [],
     ops.LocalResponseNorm(5, 0.5, 0.75, 1.0)),
    ("LeakyRelu", 7, {"alpha": 0.5}, (4,), [], Activation(Function.LEAKY_RELU, (("alpha", 0.5),))),
    ("PRelu", 9, {}, (4,), [f(4)], Activation(Function.PRELU)),
    ("HardSwish", 14, {}, (4,), [], Activation(Function.HARD_SWISH)),
    ("Gelu", 20, {}, (4,), [], Activation(Function.GELU)),
    ("Sum", 8, {}, (4,), [f(4), f(4)], ops.Elementwise(ops.Operator.ADD)),
    ("Mean", 8, {}, (4,), [], ops.Identity()),
    ("Equal", 13, {}, (4,), [f(4)], ops.Compare("equal")),
    ("GreaterOrEqual", 12, {}, (4,), [f(4)], ops.Compare("greater_or_equal")),
    ("BatchNormalization", 7, {}, (1, 3, 2), [f(3)] * 4, ops.BatchNorm(EPSILON)),
    ("BatchNormalization", 9, {}, (1, 3, 2), [f(3)] * 4, ops.BatchNorm(EPSILON)),
    ("BatchNormalization", 15, {"epsilon": 0.5}, (1, 3, 2), [f(3)] * 4, ops.BatchNorm(0.5)),
    ("InstanceNormalization", 7, {"epsilon": 0.5}, (1, 3, 4, 5), [f(3), f(3)],
     ops.Normalize("instance", (2, 3), epsilon=0.5)),
    ("LayerNormalization", 17, {"epsilon": 0.5, "axis": -2}, (1, 3, 4, 5), [f(4, 5)],
     ops.Normalize("layer", (2, 3), epsilon=0.5)),
    ("GroupNormalization", 18, {"epsilon": 0.5, "num_groups": 2}, (1, 4, 5), [f(2), f(2)],
     ops.Normalize("group", (1, 2), epsilon=0.5, groups=2)),
    ("GroupNormalization", 21, {"epsilon": 0.5, "num_groups": 2}, (1, 4, 5), [f(4), f(4)],
     ops.Normalize("group", (1, 2), epsilon=0.5, groups=2)),
    ("RMSNormalization", 23, {"epsilon": 0.5}, (3, 8), [f(8)],
     ops.Normalize("rms", (1,), centered=False, epsilon=0.5)),
    ("MaxPool", 7, {"kernel_shape": [3, 3], "strides": [2, 2]}, (1, 2, 8, 8), [],
     ops.Pool(Reduction.MAX, (3, 3), (2, 2), ((0, 0), (0, 0)), ONES)),
    ("MaxPool", 10, {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, (1, 2, 8, 8), [],
     ops.Pool(Reduction.MAX, (3, 3), (2, 2), ((0, 0), (0, 0)), ONES, ceil_mode=True)),
    ("AveragePool", 19, {"kernel_shape": [3], "count_include_pad": 1, "pads": [1, 0],
                         "dilations": [2]}, (1, 2, 8), [],
     ops.Pool(Reduction.MEAN, (3,), (1,), ((1, 0),), (2,), count_include_pad=True)),
    ("GlobalAveragePool", 7, {}, (1, 2, 7, 5), [],
     ops.Pool(Reduction.MEAN, (7, 5), ONES, ((0, 0), (0, 0)), ONES)),
    ("LpPool", 11, {"kernel_shape": [2], "p": 1}, (1, 2, 8), [],
     ops.Pool(Reduction.L1, (2,), (1,), ((0, 0),), (1,))),
    ("LpPool", 18, {"kernel_shape": [2], "p": 3}, (1, 2, 8), [],
     ops.Pool(Reduction.LP, (2,), (1,), ((0, 0),), (1,), order=3)),
    ("GlobalLpPool", 7, {}, (1, 2, 8), [],
     ops.Pool(Reduction.L2, (8,), (1,), ((0, 0),), (1,))),
    ("Conv", 7, {"pads": [1, 1, 1, 1]}, (1, 3, 8, 8), [f(8, 3, 3, 3)],
     ops.Conv(8, (3, 3), ONES, PAD_1, ONES)),
    ("Conv", 11, {"group": 4, "dilations": [2]}, (1, 4, 8), [f(8, 1, 3), f(8)],
     ops.Conv(8, (3,), (1,), ((0, 0),), (2,), 4)),
    # ceil(8 / 2) = 4 windows reach 3 * 2 + 3 = 9: one element of padding, last or first
    ("Conv", 11, {"auto_pad": "SAME_UPPER", "strides": [2]}, (1, 4, 8), [f(8, 4, 3)],
     ops.Conv(8, (3,), (2,), ((0, 1),), (1,))),
    ("Conv", 11, {"auto_pad": "SAME_LOWER", "strides": [2]}, (1, 4, 8), [f(8, 4, 3)],
     ops.Conv(8, (3,), (2,), ((1, 0),), (1,))),
    ("Conv", 11, {"auto_pad": "VALID"}, (1, 4, 8), [f(8, 4, 3)],
     ops.Conv(8, (3,), (1,), ((0, 0),), (1,))),
    ("ConvTranspose", 11, {"strides": [2, 2], "output_padding": [1, 1]}, (1, 3, 4, 4),
     [f(3, 8, 3, 3)],
     ops.ConvTranspose(8, (3, 3), (2, 2), ((0, 0), (0, 0)), ONES, 1, (1, 1))),
    # 2 * (4 - 1) + 3 = 9 elements, of which 8 are kept
    ("ConvTranspose", 11, {"strides": [2], "output_shape": [8]}, (1, 3, 4), [f(3, 8, 3)],
     ops.ConvTranspose(8, (3,), (2,), ((1, 0),), (1,), 1, (0,))),
    ("Gemm", 7, {"transB": 1, "alpha": 0.5}, (2, 3), [f(4, 3), f(4)],
     ops.Dense(3, 4, transpose_weight=True, alpha=0.5)),
    ("Gemm", 13, {"transA": 1}, (3, 2), [f(3, 4)], ops.Dense(3, 4, transpose_input=True)),
    ("MatMul", 9, {}, (5, 2, 3), [f(3, 4)], ops.Dense(3, 4)),
    ("MatMul", 13, {}, (5, 2, 3), [f(5, 3, 4)], ops.MatMul()),
    ("LSTM", 7, {"hidden_size": 5, "direction": "bidirectional"}, (7, 2, 3),
     [f(2, 20, 3), f(2, 20, 5)], ops.Recurrent("lstm", 5, 2)),
    ("GRU", 14, {"hidden_size": 5, "linear_before_reset": 1}, (7, 2, 3),
     [f(1, 15, 3), f(1, 15, 5), f(1, 30)], ops.Recurrent("gru", 5, 1, False, True)),
    ("RNN", 22, {"hidden_size": 5}, (7, 2, 3), [f(1, 5, 3), f(1, 5, 5)],
     ops.Recurrent("rnn", 5, 1)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("operator", "opset", "attributes", "shape", "constants", "expected"),
    FORMS,
    ids=[f"{row[0]}-{row[1]}-{at}" for at, row in enumerate(FORMS)],
)
def test_forms(
    single: Any,
    operator: str,
    opset: int,
    attributes: dict[str, Any],
    shape: tuple[int, ...],
    constants: list[Any],
    expected: ops.Op,
) -> None:
    graph = single(operator, shape, constants, attributes, opset)
    assert only(graph) == expected
    assert graph.nodes[0].name == "n"
    assert graph.nodes[0].inputs == ("x",)


# operator, constant inputs -> roles of the parameters
ROLES: dict[str, tuple[tuple[int, ...], list[Any], dict[str, Any], set[str]]] = {
    "Conv": ((1, 3, 8), [f(8, 3, 3), f(8)], {}, {"weight", "bias"}),
    "Gemm": ((2, 3), [f(3, 4), f(4)], {}, {"weight", "bias"}),
    "MatMul": ((2, 3), [f(3, 4)], {}, {"weight"}),
    "BatchNormalization": ((1, 3, 2), [f(3)] * 4, {}, {"scale", "shift", "mean", "variance"}),
    "LayerNormalization": ((1, 3), [f(3)] * 2, {}, {"scale", "shift"}),
    "PRelu": ((1, 3), [f(3)], {}, {"slope"}),
    "Add": ((1, 3), [f(3)], {}, {"right"}),
    "Sum": ((1, 3), [f(3), f(3)], {}, {"right", "operand_2"}),
    "LSTM": (
        (7, 2, 3),
        [f(1, 20, 3), f(1, 20, 5), f(1, 40), None, None, None, f(1, 15)],
        {"hidden_size": 5},
        {"weight", "recurrence", "bias", "peephole"},
    ),
    "QuantizeLinear": ((4,), [np.float32(1), np.uint8(0)], {}, {"scale", "zero_point"}),
    "Concat": ((4,), [f(4)], {"axis": 0}, {"operand_1"}),
    "Reshape": ((4,), [i(2, 2)], {}, set()),
}


@pytest.mark.parametrize("operator", ROLES)
def test_roles(single: Any, operator: str) -> None:
    shape, constants, attributes, expected = ROLES[operator]
    graph = single(operator, shape, constants, attributes)
    assert set(graph.nodes[0].parameters) == expected


def test_a_constant_on_the_left(build: Any) -> None:
    """1 - x: the order of the operands is kept by their roles."""
    graph = build(helper.make_node("Sub", ["c", "x"], ["y"]), {"x": (4,)}, weights={"c": f(4)})
    assert graph.nodes[0].parameters == {"left": "c"}
    graph = build(
        helper.make_node("MatMul", ["c", "x"], ["y"]), {"x": (4, 2)}, weights={"c": f(3, 4)}
    )
    assert graph.nodes[0].op == ops.MatMul()
    assert graph.nodes[0].parameters == {"left": "c"}
    table = build(
        helper.make_node("Gather", ["c", "x"], ["y"]),
        {"x": (TensorProto.INT64, (2, 5))},
        weights={"c": f(100, 8)},
    )
    assert table.nodes[0].parameters == {"table": "c"}
    assert table.nodes[0].op == ops.Gather((2, 5, 8))


@pytest.mark.parametrize(
    ("opset", "attributes", "extra", "sizes"),
    [
        (7, {"axis": 1, "split": [1, 3]}, [], (1, 3)),
        (11, {"axis": -1}, [], (2, 2)),
        (13, {"axis": 1}, [i(3, 1)], (3, 1)),
        (18, {"axis": 1, "num_outputs": 2}, [], (2, 2)),
    ],
)
def test_split(build: Any, opset: int, attributes: dict, extra: list, sizes: tuple) -> None:
    weights = {f"c{at}": value for at, value in enumerate(extra)}
    node = helper.make_node("Split", ["x", *weights], ["y", "z"], **attributes)
    graph = build(node, {"x": (2, 4)}, outputs=["y"], weights=weights, opset=opset)
    assert only(graph) == ops.Split(1, sizes)
    assert graph.tensors["z"].shape == (2, sizes[1])


def test_gemm_of_two_activations(build: Any) -> None:
    """Transpose, product, factor and addition: each a layer, none lost."""
    node = helper.make_node("Gemm", ["a", "b", "c"], ["y"], "g", transA=1, alpha=2.0, beta=3.0)
    graph = build(node, {"a": (3, 2), "b": (3, 4), "c": (4,)})
    assert [(node.name, ops.kind(node.op)) for node in graph.nodes] == [
        ("g.transpose_A", "transpose"),
        ("g", "mat_mul"),
        ("g.alpha", "mul"),
        ("g.beta", "mul"),
        ("g.add", "add"),
    ]
    assert graph.tensors["y"].shape == (2, 4)


def test_convolution_by_activations(build: Any) -> None:
    """A weight and a bias that other nodes compute."""
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], "c")
    graph = build(node, {"x": (1, 3, 8, 8), "w": (4, 3, 3, 3), "b": (4,)})
    assert [node.name for node in graph.nodes] == ["c", "c.bias_column", "c.bias"]
    assert graph.nodes[0].inputs == ("x", "w")


def test_softmax_over_several_axes_of_old_opsets(build: Any) -> None:
    graph = build(helper.make_node("Softmax", ["x"], ["y"], "s"), {"x": (2, 3, 4)}, opset=11)
    assert [ops.kind(node.op) for node in graph.nodes] == ["reshape", "softmax", "reshape"]
    assert graph.tensors["s.flat"].shape == (2, 12)


def test_clip_by_computed_bounds(build: Any) -> None:
    node = helper.make_node("Clip", ["x", "lo", "hi"], ["y"], "c")
    graph = build(node, {"x": (4,), "lo": (), "hi": ()})
    assert [ops.kind(node.op) for node in graph.nodes] == ["max", "min"]


def test_quantized_convolution(build: Any) -> None:
    scale, zero = np.float32(0.5), np.uint8(0)
    weights = {
        "xs": scale, "xz": zero, "w": np.ones((4, 3, 3, 3), np.int8), "ws": scale,
        "wz": np.int8(0), "ys": scale, "yz": zero, "b": np.ones(4, np.int32),
    }  # fmt: skip
    node = helper.make_node("QLinearConv", ["x", *weights], ["y"], "q")
    graph = build(node, {"x": (TensorProto.UINT8, (1, 3, 8, 8))}, weights=weights)
    conv, requantize = graph.nodes
    assert isinstance(conv.op, ops.Conv)
    zeros = {"input_zero_point", "weight_zero_point"}
    assert set(conv.parameters) == {"weight", "bias", *zeros}
    assert str(graph.tensors["q.accumulator"]) == "int32[1, 4, 6, 6]"
    assert requantize.op == ops.Quantize(ELEMENT_TYPES[TensorProto.UINT8])
    assert set(requantize.parameters) == {"scale", "zero_point", "input_scale", "weight_scale"}


def test_integer_products(build: Any) -> None:
    weights = {"w": np.ones((3, 4), np.int8), "xz": np.uint8(1), "wz": np.int8(0)}
    node = helper.make_node("MatMulInteger", ["x", *weights], ["y"])
    graph = build(node, {"x": (TensorProto.UINT8, (2, 3))}, weights=weights)
    assert only(graph) == ops.Dense(3, 4)
    assert str(graph.tensors["y"]) == "int32[2, 4]"
    weights = {"w": np.ones((4, 3, 1), np.uint8)}
    node = helper.make_node("ConvInteger", ["x", "w"], ["y"])
    graph = build(node, {"x": (TensorProto.UINT8, (2, 3, 5))}, weights=weights)
    assert isinstance(only(graph), ops.Conv)
    assert str(graph.tensors["y"]) == "int32[2, 4, 5]"


def test_training_mode_is_refused(build: Any) -> None:
    weights = {name: f(3) for name in "abcd"}
    node = helper.make_node(
        "BatchNormalization", ["x", *"abcd"], ["y", "m", "v"], "bn", training_mode=1
    )
    with pytest.raises(ModelError, match=r"bn.*training_mode=1"):
        build(node, {"x": (1, 3, 2)}, weights=weights)


@pytest.mark.parametrize("name", sorted(set(dict(TensorProto.DataType.items())) - {"UNDEFINED"}))
def test_every_element_type_has_an_encoding(name: str) -> None:
    value = TensorProto.DataType.Value(name)
    found = ELEMENT_TYPES[value]
    assert element_type(found) == value
    if name != "STRING":
        tensor = numpy_helper.from_array(np.zeros(48, helper.tensor_dtype_to_np_dtype(value)))
        assert len(tensor.raw_data) * 8 == 48 * found.bits


@pytest.mark.slow
def test_single_node_cases_of_onnx(tmp_path: Path) -> None:
    """onnx's own cases: the shapes of its results, or an error that says what is missing."""
    path, read, seen = tmp_path / "case.onnx", 0, set()
    refused: dict[str, str] = {}
    for case in node_cases():
        made, shapes = with_constants(case, settings)
        path.write_bytes(made.SerializeToString())
        try:
            graph = read_graph(path, input_shapes=shapes)
        except InputError as fault:
            refused[case.name] = str(fault)
            continue
        read += 1
        seen |= case.operators
        for name, value in case.outputs.items():
            if isinstance(value, np.ndarray):
                assert graph.tensors[name].shape == value.shape, case.name
    assert read > 1000
    for name, text in refused.items():
        assert "case.onnx: " in text, name
        assert "malformed" not in text, (name, text)
    own = {key for key in RULES if key[0] == ""}  # onnx has cases of its own operators alone
    never = own - seen - {("", "GlobalLpPool"), ("", "BatchNormalization")} - CONTROL
    assert not never, "rules that no case has tried"
