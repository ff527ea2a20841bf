"""What a layer says beyond its counts: all that running it needs, as the file has it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from xnorsim.errors import ModelError
from xnorsim.importers.onnx.tensors import ELEMENT_TYPES
from xnorsim.network import ops
from xnorsim.network.ops import Activation, Function, Operator, Reduction

FLOAT, HALF = ELEMENT_TYPES[TensorProto.FLOAT], ELEMENT_TYPES[TensorProto.FLOAT16]
INT8, UINT8 = ELEMENT_TYPES[TensorProto.INT8], ELEMENT_TYPES[TensorProto.UINT8]
E4M3 = ELEMENT_TYPES[TensorProto.FLOAT8E4M3FN]


def f(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


def numbers(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def i(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def of32(value: float) -> float:
    """As an attribute of the file holds it."""
    return float(np.float32(value))


CELL = [f(1, 20, 3), f(1, 20, 5)]
BOTH = [f(2, 20, 3), f(2, 20, 5)]
GRU = [f(1, 15, 3), f(1, 15, 5)]
STEPS = (7, 2, 3)
IMAGE = (1, 2, 3, 4)
SIGMOID, TANH, RELU = map(Activation, (Function.SIGMOID, Function.TANH, Function.RELU))


def hard(alpha: float, beta: float) -> Activation:
    return Activation(Function.HARD_SIGMOID, (("alpha", alpha), ("beta", beta)))


def resize(**fields: Any) -> ops.Resize:
    return ops.Resize(**({"shape": (1, 2, 6, 8), "mode": "nearest"} | fields))


def scaled(*scales: float) -> list[Any]:
    return [None, numbers(*scales)]


CROP = "tf_crop_and_resize"

# why: operator, opset, attributes, input, constants (None: left out) -> op
FIELDS: dict[str, tuple[str, int, dict[str, Any], Any, list[Any], ops.Op]] = {
    "gelu by tanh": (
        "Gelu", 20, {"approximate": "tanh"}, (4,), [], Activation(Function.GELU_TANH),
    ),
    "mod takes the divisor's sign": (
        "Mod", 13, {}, (TensorProto.INT64, (4,)), [i(3)], ops.Elementwise(Operator.MOD),
    ),
    "fmod takes the dividend's": (
        "Mod", 13, {"fmod": 1}, (4,), [f(4)], ops.Elementwise(Operator.FMOD),
    ),
    "usual activations": (
        "LSTM", 22, {"hidden_size": 5, "activations": ["Sigmoid", "Tanh", "Tanh"]}, STEPS, CELL,
        ops.Recurrent("lstm", 5, 1),
    ),
    "reverse": (
        "GRU", 22, {"hidden_size": 5, "direction": "reverse"}, STEPS, GRU,
        ops.Recurrent("gru", 5, 1, reverse=True),
    ),
    "numbers go to the functions that take some": (
        "LSTM", 22,
        {"hidden_size": 5, "activations": ["HardSigmoid", "Relu", "LeakyRelu"],
         "activation_alpha": [0.25, 0.5], "activation_beta": [0.75]}, STEPS, CELL,
        ops.Recurrent("lstm", 5, 1, functions=(
            hard(0.25, 0.75), RELU, Activation(Function.LEAKY_RELU, (("alpha", 0.5),)))),
    ),
    "numbers that are not stated": (
        "GRU", 22, {"hidden_size": 5, "activations": ["HardSigmoid", "Affine"]}, STEPS, GRU,
        ops.Recurrent("gru", 5, 1, functions=(
            hard(0.2, 0.5), Activation(Function.AFFINE, (("alpha", 1.0), ("beta", 0.0))))),
    ),
    "functions of the second direction": (
        "LSTM", 22,
        {"hidden_size": 5, "direction": "bidirectional",
         "activations": ["Sigmoid", "Tanh", "Tanh", "Sigmoid", "Relu", "Tanh"]}, STEPS, BOTH,
        ops.Recurrent("lstm", 5, 2, functions=(SIGMOID, TANH, TANH, SIGMOID, RELU, TANH)),
    ),
    "clip and coupled gates": (
        "LSTM", 22, {"hidden_size": 5, "clip": 0.5, "input_forget": 1}, STEPS, CELL,
        ops.Recurrent("lstm", 5, 1, clip=0.5, coupled=True),
    ),
    "axes of an lp norm": (
        "LpNormalization", 22, {"axis": 1, "p": 1}, (2, 3, 4), [],
        ops.Normalize("lp", (1,), False, 0.0, order=1),
    ),
    "usual axes of mean and variance": (
        "MeanVarianceNormalization", 13, {}, (2, 3, 4, 5), [],
        ops.Normalize("mean_variance", (0, 2, 3), epsilon=1e-9),
    ),
    "axes of mean and variance": (
        "MeanVarianceNormalization", 13, {"axes": [-1, 1]}, (2, 3, 4), [],
        ops.Normalize("mean_variance", (1, 2), epsilon=1e-9),
    ),
    "indices count columns first": (
        "MaxPool", 12, {"kernel_shape": [2], "storage_order": 1}, (1, 2, 8), [],
        ops.Pool(Reduction.MAX, (2,), (1,), ((0, 0),), (1,), column_major=True),
    ),
    "the last of equals": (
        "ArgMin", 13, {"select_last_index": 1}, (2, 3), [],
        ops.Reduce(Reduction.ARG_MIN, (0,), last=True),
    ),
    "one scale has no axis": (
        "QuantizeLinear", 21, {}, (4,), [np.float32(1), np.int8(0)], ops.Quantize(INT8),
    ),
    "scales along the last axis": (
        "QuantizeLinear", 13, {"axis": -1}, (2, 3, 4), [f(4), np.zeros(4, np.uint8)],
        ops.Quantize(UINT8, axis=2),
    ),
    "scales of blocks": (
        "QuantizeLinear", 21, {"axis": 1, "block_size": 2}, (2, 6),
        [f(2, 3), np.zeros((2, 3), np.int8)], ops.Quantize(INT8, axis=1, block=2),
    ),
    "overflow stays": (
        "QuantizeLinear", 21, {"saturate": 0, "output_dtype": TensorProto.FLOAT8E4M3FN}, (4,),
        [np.float32(1)], ops.Quantize(E4M3, saturate=False),
    ),
    "values along an axis": (
        "DequantizeLinear", 13, {"axis": 0}, (TensorProto.INT8, (2, 3)), [f(2)],
        ops.Dequantize(FLOAT, axis=0),
    ),
    "values of blocks": (
        "DequantizeLinear", 21, {"axis": -1, "block_size": 3}, (TensorProto.INT8, (2, 6)),
        [f(2, 2)], ops.Dequantize(FLOAT, axis=1, block=3),
    ),
    "a cast that overflows": (
        "Cast", 19, {"to": TensorProto.FLOAT8E4M3FN, "saturate": 0}, (4,), [],
        ops.Cast(E4M3, saturate=False),
    ),
    "a cast like another tensor": (
        "CastLike", 19, {"saturate": 0}, (4,), [np.zeros(1, np.float16)],
        ops.Cast(HALF, saturate=False),
    ),
    "scales as stated": (
        "Resize", 13, {}, IMAGE, scaled(1, 1, 2, 2.2), resize(scales=(1, 1, 2, of32(2.2))),
    ),
    "scales of some axes": (
        "Resize", 18, {"axes": [-1, 2]}, IMAGE, scaled(2, 2.5),
        resize(shape=(1, 2, 7, 8), scales=(1, 1, 2.5, 2)),
    ),
    "sizes that keep the ratio": (
        "Resize", 18, {"axes": [2, 3], "keep_aspect_ratio_policy": "not_larger"}, IMAGE,
        [None, None, i(6, 6)], resize(shape=(1, 2, 5, 6), scales=(1, 1, 1.5, 1.5)),
    ),
    "sizes that keep the ratio and at least this": (
        "Resize", 18, {"axes": [2, 3], "keep_aspect_ratio_policy": "not_smaller"}, IMAGE,
        [None, None, i(6, 6)], resize(scales=(1, 1, 2, 2)),
    ),
    "nearest_mode": (
        "Resize", 13, {"nearest_mode": "ceil"}, IMAGE, [None, None, i(1, 2, 6, 8)],
        resize(rounding="ceil"),
    ),
    "numbers of a cubic": (
        "Resize", 19, {"mode": "cubic", "cubic_coeff_a": -0.5, "exclude_outside": 1,
                       "antialias": 1}, IMAGE, [None, None, i(1, 2, 6, 8)],
        resize(mode="cubic", cubic=-0.5, exclude_outside=True, antialias=True),
    ),
    "a crop": (
        "Resize", 13, {"coordinate_transformation_mode": CROP, "mode": "linear",
                       "extrapolation_value": 10.0}, IMAGE,
        [numbers(0, 0, 0.5, 0.25, 1, 1, 1, 0.75), None, i(1, 2, 6, 8)],
        resize(mode="linear", coordinates=CROP, roi=(0, 0, 0.5, 0.25, 1, 1, 1, 0.75),
               extrapolation=10.0),
    ),
    "a crop of some axes": (
        "Resize", 18, {"coordinate_transformation_mode": CROP, "axes": [3, 2]}, IMAGE,
        [numbers(0.25, 0.5, 0.75, 1), None, i(8, 6)],
        resize(coordinates=CROP, roi=(0, 0, 0.5, 0.25, 1, 1, 1, 0.75)),
    ),
    "a region that nothing crops": (
        "Resize", 13, {}, IMAGE, [numbers(0, 0, 0, 0, 1, 1, 1, 1), None, i(1, 2, 6, 8)], resize(),
    ),
    "before opset 11 a smaller image takes the next element": (
        "Resize", 10, {}, (1, 1, 2, 4), [numbers(1, 1, 0.5, 0.5)],
        resize(shape=(1, 1, 1, 2), coordinates="asymmetric", scales=(1, 1, 0.5, 0.5),
               rounding="ceil"),
    ),
    "axes walked in step": (
        "GatherND", 12, {"batch_dims": 1}, (2, 3, 4), [np.zeros((2, 1), np.int64)],
        ops.Gather((2, 4), form="gather_nd", batch_axes=1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", FIELDS)
def test_fields(single: Any, why: str) -> None:
    operator, opset, attributes, shape, constants, expected = FIELDS[why]
    (node,) = single(operator, shape, constants, attributes, opset).nodes
    assert node.op == expected
    assert (node.inputs, node.roles) == (("x",), ())


def test_an_old_resize_that_grows_and_shrinks(single: Any) -> None:
    """Each axis has a rounding of its own, so it is two layers."""
    grow, shrink = single("Resize", IMAGE, [numbers(1, 1, 2, 0.5)], {}, 10).nodes
    assert grow.op == resize(
        shape=(1, 2, 6, 4), coordinates="asymmetric", scales=(1, 1, 2, 1), rounding="floor"
    )
    assert shrink.op == resize(
        shape=(1, 2, 6, 2), coordinates="asymmetric", scales=(1, 1, 1, 0.5), rounding="ceil"
    )


@pytest.mark.parametrize(
    ("activations", "message"),
    [
        (["Sigmoid", "Tanh"], "it has 2 activations; 1 directions of its cell need 3"),
        (["Sigmoid", "Tanh", "Tan"], "no activation 'tan': did you mean tanh"),
    ],
)
def test_activations_that_cannot_be(single: Any, activations: list[str], message: str) -> None:
    attributes = {"hidden_size": 5, "activations": activations}
    with pytest.raises(ModelError, match=message):
        single("LSTM", STEPS, CELL, attributes)


def test_further_results(single: Any) -> None:
    """A layer that can write more than one tensor has the shapes of all."""
    pooled = single("MaxPool", (1, 2, 8), (), {"kernel_shape": [2]}, 12, ["y", "at"])
    assert str(pooled.tensors["at"]) == "int64[1, 2, 7]"
    normal = single("LayerNormalization", (2, 3, 4), [f(4)], {}, 17, ["y", "mean", "inverse"])
    assert str(normal.tensors["inverse"]) == "float32[2, 3, 1]"
    assert normal.nodes[0].outputs == ("y", "mean", "inverse")


def test_a_mask_of_dropout_is_all_true(single: Any) -> None:
    graph = single("Dropout", (4,), (), {}, 13, ["y", "mask"])
    assert graph.nodes[1].op == ops.Constant((4,), ELEMENT_TYPES[TensorProto.BOOL], 1.0)


def test_a_dropout_in_training_is_refused(single: Any) -> None:
    with pytest.raises(ModelError, match=r"training mode \(training_mode is true\)"):
        single("Dropout", (4,), [np.float32(0.5), np.array(True)], {}, 13)


@pytest.mark.parametrize(
    ("outputs", "written"),
    [
        (["y"], ("y",)),
        (["y", "h"], ("y", "h")),
        (["", "h"], ("h",)),
        (["y", "", "c"], ("y", "n.state", "c")),
        (["", "", "c"], ("n.state", "c")),
    ],
    ids=["sequence", "and state", "state", "no state", "cell alone"],
)
def test_the_cell_of_an_lstm_stays_its_third_result(
    single: Any, outputs: list[str], written: tuple[str, ...]
) -> None:
    """A state that has no name gets one: state and cell have one shape, and go by position."""
    graph = single("LSTM", STEPS, CELL, {"hidden_size": 5}, outputs=outputs)
    assert graph.nodes[0].outputs == written


def test_quantizing_by_the_data(single: Any) -> None:
    graph = single("DynamicQuantizeLinear", (2, 3), (), {}, 11, ["y", "scale", "zero"])
    quantize = graph.nodes[-1]
    assert quantize.op == ops.Quantize(UINT8, dynamic=True)
    assert quantize.roles == ("", "high", "low")
    assert quantize.outputs == ("y", "scale", "zero")
    writers = {node.outputs[0]: node.op for node in graph.nodes[:2]}
    high, low = (writers[name] for name in quantize.inputs[1:])
    assert high == ops.Reduce(Reduction.MAX, (0, 1), keepdims=False)
    assert low == ops.Reduce(Reduction.MIN, (0, 1), keepdims=False)


F32, I32 = TensorProto.FLOAT, TensorProto.INT32
SCALARS = (F32, ())

# why: operator, attributes, inputs by name in order ("" left out), those that are constants
#   -> (input, role) of the node's activations, roles of its parameters
ROLES: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], list, set[str]]] = {
    "two operands": ("Sub", {}, {"x": (4,), "z": (4,)}, {}, [("x", ""), ("z", "")], set()),
    "a constant between": (
        "Sum", {}, {"x": (4,), "c": (4,), "z": (4,)}, {"c": f(4)}, [("x", ""), ("z", "")],
        {"right"},
    ),
    "a constant first": (
        "Concat", {"axis": 0}, {"c": (4,), "x": (4,), "z": (4,)}, {"c": f(4)},
        [("x", ""), ("z", "")], {"operand_0"},
    ),
    "a choice": (
        "Where", {}, {"b": (TensorProto.BOOL, (4,)), "c": (4,), "z": (4,)}, {"c": f(4)},
        [("b", ""), ("z", "")], {"left"},
    ),
    "a table and indices": (
        "Gather", {}, {"t": (9, 4), "at": (TensorProto.INT64, (3,))}, {}, [("t", ""), ("at", "")],
        set(),
    ),
    "vectors of a normalization": (
        "LayerNormalization", {}, {"x": (2, 4), "s": (4,), "b": (4,)}, {"s": f(4)},
        [("x", ""), ("b", "shift")], {"scale"},
    ),
    "statistics": (
        "BatchNormalization", {}, {"x": (1, 3, 2), **dict.fromkeys("sbmv", (3,))}, {"s": f(3)},
        [("x", ""), ("b", "shift"), ("m", "mean"), ("v", "variance")], {"scale"},
    ),
    "slopes": ("PRelu", {}, {"x": (4,), "s": (4,)}, {}, [("x", ""), ("s", "slope")], set()),
    "scales": (
        "QuantizeLinear", {}, {"x": (4,), "s": SCALARS, "z": (TensorProto.INT8, ())}, {},
        [("x", ""), ("s", "scale"), ("z", "zero_point")], set(),
    ),
    "zero points of a product": (
        "MatMulInteger", {},
        {"x": (TensorProto.INT8, (2, 3)), "w": (TensorProto.INT8, (3, 4)), "":  None,
         "z": (TensorProto.INT8, ())}, {},
        [("x", ""), ("w", ""), ("z", "weight_zero_point")], set(),
    ),
    "states of a cell, and no bias": (
        "LSTM", {"hidden_size": 5},
        {"x": STEPS, "w": (1, 20, 3), "r": (1, 20, 5), "": None, "n": (I32, (2,)),
         "h": (1, 2, 5), "c": (1, 2, 5), "p": (1, 15)},
        {"w": CELL[0], "r": CELL[1], "p": f(1, 15)},
        [("x", ""), ("n", "lengths"), ("h", "initial_state"), ("c", "initial_cell")],
        {"weight", "recurrence", "peephole"},
    ),
    "lengths that are constant": (
        "GRU", {"hidden_size": 5},
        {"x": STEPS, "w": (1, 15, 3), "r": (1, 15, 5), "": None, "n": (I32, (2,))},
        {"w": GRU[0], "r": GRU[1], "n": np.array([7, 3], np.int32)},
        [("x", "")], {"weight", "recurrence", "lengths"},
    ),
    "a padding that is computed": (
        "Pad", {}, {"x": (4,), "p": (TensorProto.INT64, (2,)), "v": SCALARS}, {"p": i(1, 1)},
        [("x", ""), ("v", "value")], set(),
    ),
    "a region that is computed": (
        "Resize", {"coordinate_transformation_mode": CROP},
        {"x": IMAGE, "r": (8,), "": None, "s": (TensorProto.INT64, (4,))},
        {"s": i(1, 2, 6, 8)}, [("x", ""), ("r", "roi")], set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", ROLES)
def test_roles_of_activations(build: Any, why: str) -> None:
    operator, attributes, inputs, weights, activations, parameters = ROLES[why]
    node = helper.make_node(operator, list(inputs), ["y"], "n", **attributes)
    given = {name: shape for name, shape in inputs.items() if name and name not in weights}
    (layer,) = build(node, given, weights=weights).nodes
    roles = layer.roles or ("",) * len(layer.inputs)
    assert list(zip(layer.inputs, roles, strict=True)) == activations
    assert set(layer.parameters) == parameters
    assert bool(layer.roles) == any(role for _, role in activations)


def test_operands_of_a_quantized_product(build: Any) -> None:
    """Zero points belong to the product, scales to the conversion after it."""
    kinds = {"xz": TensorProto.UINT8, "wz": TensorProto.INT8, "yz": TensorProto.UINT8}
    inputs = {"x": (TensorProto.UINT8, (2, 3)), "xs": SCALARS, "xz": (kinds["xz"], ()),
              "w": (TensorProto.INT8, (3, 4)), "ws": SCALARS, "wz": (kinds["wz"], ()),
              "ys": SCALARS, "yz": (kinds["yz"], ())}  # fmt: skip
    node = helper.make_node("QLinearMatMul", list(inputs), ["y"], "q")
    product, convert = build(node, inputs).nodes
    assert product.inputs == ("x", "w", "xz", "wz")
    assert product.roles == ("", "", "input_zero_point", "weight_zero_point")
    assert convert.inputs == ("q.accumulator", "xs", "ws", "ys", "yz")
    assert convert.roles == ("", "input_scale", "weight_scale", "scale", "zero_point")
    assert convert.op == ops.Quantize(UINT8)


def test_a_complex_padding_is_a_parameter(single: Any) -> None:
    """No float says it, so the values themselves are kept."""
    kind = TensorProto.COMPLEX64
    graph = single("Pad", (kind, (4,)), [i(1, 1), np.complex64(1j)])
    assert graph.nodes[0].parameters == {"value": "c1"}
