"""Operators of TensorFlow Lite one by one, in files made here, against numpy.

Networks that TensorFlow itself converted (test_tflite_networks.py) judge the common ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.importers.tflite_files import Op, T, ints, make_tflite, run
from xnorsim.exact.execute import execute, prepare
from xnorsim.importers.tflite import read_graph

SEED = np.random.default_rng(7)
A = (np.round(SEED.normal(0, 2, (2, 3, 4, 5)), 1) + 0.05).astype(np.float32)  # no zeros
B = np.round(SEED.normal(0, 2, (2, 3, 4, 5)), 2).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.tflite"


Fields = Mapping[str, Any]
UNARY: dict[str, tuple[str, Fields, Callable[[np.ndarray], np.ndarray]]] = {
    "ABS": ("", {}, np.abs),
    "ELU": ("", {}, lambda x: np.where(x > 0, x, np.expm1(x))),
    "FLOOR": ("", {}, np.floor),
    "GELU": ("GeluOptions", {"Approximate": True}, lambda x: x / (1 + np.exp(-2 * _inner(x)))),
    "HARD_SWISH": ("", {}, lambda x: x * np.clip(x + 3, 0, 6) / 6),
    "LEAKY_RELU": ("LeakyReluOptions", {"Alpha": 0.25}, lambda x: np.where(x > 0, x, x / 4)),
    "LOG_SOFTMAX": ("", {}, lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True))),
    "L2_NORMALIZATION": ("", {}, lambda x: x / np.sqrt((x * x).sum(-1, keepdims=True))),
    "LOGISTIC": ("", {}, lambda x: 1 / (1 + np.exp(-x))),
    "NEG": ("", {}, np.negative),
    "RELU6": ("", {}, lambda x: np.clip(x, 0, 6)),
    "RELU_0_TO_1": ("", {}, lambda x: np.clip(x, 0, 1)),
    "RELU_N1_TO_1": ("", {}, lambda x: np.clip(x, -1, 1)),
    "ROUND": ("", {}, np.rint),
    "SIGN": ("", {}, np.sign),
    "SOFTMAX": ("SoftmaxOptions", {"Beta": 1.0}, lambda x: _softmax(x)),
    "SQUARE": ("", {}, np.square),
    "TANH": ("", {}, np.tanh),
    "ZEROS_LIKE": ("", {}, np.zeros_like),
    "LOCAL_RESPONSE_NORMALIZATION": (
        "LocalResponseNormalizationOptions",
        {"Radius": 1, "Alpha": 0.5, "Beta": 0.75, "Bias": 2.0},
        lambda x: x / (2 + 0.5 * _neighbours(x * x)) ** 0.75,
    ),
}


def _inner(x: np.ndarray) -> np.ndarray:
    return np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)


def _softmax(x: np.ndarray) -> np.ndarray:
    y = np.exp(x)
    return y / y.sum(-1, keepdims=True)


def _neighbours(x: np.ndarray) -> np.ndarray:
    padded = np.pad(x, ((0, 0),) * 3 + ((1, 1),))
    return padded[..., :-2] + padded[..., 1:-1] + padded[..., 2:]


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_tensor(path: Path, name: str) -> None:
    form, fields, expected = UNARY[name]
    data = make_tflite([T(A.shape), T(A.shape)], [Op(name, [0], [1], form, fields)])
    assert_allclose(run(path, data, A)[0], expected(A), rtol=1e-5, atol=1e-6)


BINARY: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "ADD": np.add,
    "DIV": np.divide,
    "EQUAL": np.equal,
    "FLOOR_MOD": np.mod,
    "GREATER": np.greater,
    "GREATER_EQUAL": np.greater_equal,
    "LESS": np.less,
    "LESS_EQUAL": np.less_equal,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
    "MUL": np.multiply,
    "SQUARED_DIFFERENCE": lambda x, y: (x - y) ** 2,
    "SUB": np.subtract,
}
OPERANDS = {
    "of one shape": (A, B),
    "a constant for each channel": (A, B[0, 0, 0]),
    "a constant number": (A, np.float32(1.5)),
    "a constant on the left": (B[:1, :, :1], A),
}


@pytest.mark.parametrize("case", OPERANDS)
@pytest.mark.parametrize("name", BINARY)
def test_operators_of_two_tensors(path: Path, name: str, case: str) -> None:
    left, right = OPERANDS[case]
    is_given = [item is A or case == "of one shape" for item in (left, right)]
    tensors = [
        T(A.shape) if given else T(values=item)
        for given, item in zip(is_given, (left, right), strict=True)
    ]
    result = BINARY[name](left, right)
    tensors.append(T(A.shape, type="bool" if result.dtype == bool else "float32"))
    inputs = [at for at in (0, 1) if is_given[at]]
    data = make_tflite(tensors, [Op(name, [0, 1], [2])], inputs)
    found = run(path, data, *((left, right)[at] for at in inputs))
    assert_allclose(found[0], result, rtol=1e-6)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1, lambda x: np.maximum(x, 0)), (2, lambda x: np.clip(x, -1, 1)), (4, np.tanh)],
)
def test_fused_activations(
    path: Path, number: int, expected: Callable[[np.ndarray], np.ndarray]
) -> None:
    fields = {"FusedActivationFunction": number}
    op = Op("ADD", [0, 1], [2], "AddOptions", fields)
    data = make_tflite([T(A.shape), T(A.shape), T(A.shape)], [op], [0, 1])
    assert_allclose(run(path, data, A, B)[0], expected(A + B), rtol=1e-6)


Case = tuple[Sequence[T], Op, Sequence[np.ndarray]]
MOVES: dict[str, Case] = {
    "reshape by its options": (
        [],
        Op("RESHAPE", [0], [1], "ReshapeOptions", {"NewShape": [6, 20]}),
        [A.reshape(6, 20)],
    ),
    "reshape with an open size": ([ints(-1, 10)], Op("RESHAPE", [0, 1], [2]), [A.reshape(-1, 10)]),
    "squeeze an axis": (
        [ints(2, 1, 12, 5)],
        Op("RESHAPE", [0, 1], [2]),
        [A.reshape(2, 1, 12, 5)],
    ),
    "a new axis": ([ints(-1)], Op("EXPAND_DIMS", [0, 1], [2]), [A[..., None]]),
    "transpose": (
        [ints(0, 3, 2, 1)],
        Op("TRANSPOSE", [0, 1], [2]),
        [A.transpose(0, 3, 2, 1)],
    ),
    "a slice": (
        [ints(0, 1, 0, 2), ints(-1, 2, 3, -1)],
        Op("SLICE", [0, 1, 2], [3]),
        [A[:, 1:, :3, 2:]],
    ),
    "a slice with steps and an axis taken": (
        [ints(0, 2, -1, 0), ints(0, 0, 0, 5), ints(1, 1, -2, 2)],
        Op(
            "STRIDED_SLICE",
            [0, 1, 2, 3],
            [4],
            "StridedSliceOptions",
            {"BeginMask": 1, "EndMask": 1 + 4, "ShrinkAxisMask": 2},
        ),
        [A[:, 2, ::-2, ::2]],
    ),
    "halves": (
        [ints(2)],
        Op("SPLIT", [1, 0], [2, 3], "SplitOptions", {"NumSplits": 2}),
        np.split(A, 2, 2),
    ),
    "parts": (
        [ints(1, -1, 2), ints(3)],
        Op("SPLIT_V", [0, 1, 2], [3, 4, 5], "SplitVOptions", {"NumSplits": 3}),
        [A[..., :1], A[..., 1:3], A[..., 3:]],
    ),
    "unpack": (
        [],
        Op("UNPACK", [0], [1, 2, 3], "UnpackOptions", {"Num": 3, "Axis": 1}),
        [A[:, 0], A[:, 1], A[:, 2]],
    ),
    "pack": ([], Op("PACK", [0, 0], [1], "PackOptions", {"Axis": -1}), [np.stack([A, A], -1)]),
    "join": (
        [],
        Op("CONCATENATION", [0, 0], [1], "ConcatenationOptions", {"Axis": 3}),
        [np.concatenate([A, A], 3)],
    ),
    "pad": (
        [T(values=np.array([[0, 0], [1, 0], [0, 2], [1, 1]], np.int32))],
        Op("PAD", [0, 1], [2]),
        [np.pad(A, ((0, 0), (1, 0), (0, 2), (1, 1)))],
    ),
    "pad with a number": (
        [T(values=np.array([[0, 0]] * 3 + [[2, 1]], np.int32)), T(values=np.float32(-7))],
        Op("PADV2", [0, 1, 2], [3]),
        [np.pad(A, ((0, 0),) * 3 + ((2, 1),), constant_values=-7)],
    ),
    "reflect": (
        [T(values=np.array([[0, 0], [2, 1], [0, 3], [0, 0]], np.int32))],
        Op("MIRROR_PAD", [0, 1], [2], "MirrorPadOptions", {"Mode": 0}),
        [np.pad(A, ((0, 0), (2, 1), (0, 3), (0, 0)), "reflect")],
    ),
    "tile": ([ints(1, 2, 1, 3)], Op("TILE", [0, 1], [2]), [np.tile(A, (1, 2, 1, 3))]),
    "broadcast": (
        [ints(3, 2, 3, 4, 5)],
        Op("BROADCAST_TO", [0, 1], [2]),
        [np.broadcast_to(A, (3, 2, 3, 4, 5))],
    ),
    "gather": (
        [ints(3, 0, 3)],
        Op("GATHER", [0, 1], [2], "GatherOptions", {"Axis": 2}),
        [A[:, :, [3, 0, 3]]],
    ),
    "mean of the image": (
        [ints(1, 2)],
        Op("MEAN", [0, 1], [2], "ReducerOptions", {"KeepDims": False}),
        [A.mean((1, 2))],
    ),
    "mean of columns": (
        [ints(-2)],
        Op("MEAN", [0, 1], [2], "ReducerOptions", {"KeepDims": False}),
        [A.mean(2)],
    ),
    "greatest of channels": (
        [ints(3)],
        Op("REDUCE_MAX", [0, 1], [2], "ReducerOptions", {"KeepDims": True}),
        [A.max(3, keepdims=True)],
    ),
    "nearest": (
        [ints(6, 8)],
        Op(
            "RESIZE_NEAREST_NEIGHBOR",
            [0, 1],
            [2],
            "ResizeNearestNeighborOptions",
            {"HalfPixelCenters": True},
        ),
        [A.repeat(2, 1).repeat(2, 2)],
    ),
}


@pytest.mark.parametrize("case", MOVES)
def test_moves_and_reductions(path: Path, case: str) -> None:
    extra, op, expected = MOVES[case]
    results = [T(np.shape(item)) for item in expected]
    data = make_tflite([T(A.shape), *extra, *results], [op], outputs=op.outputs)
    for mine, theirs in zip(run(path, data, A), expected, strict=True):
        assert_allclose(mine, theirs, rtol=1e-6, atol=1e-7)


def test_after_a_convolution_axes_are_still_those_of_the_file(path: Path) -> None:
    """What a convolution writes is held channel-first; each operator reads it as the file does."""
    weight = T(values=np.eye(5, dtype=np.float32).reshape(5, 1, 1, 5) * 2)
    conv = Op("CONV_2D", [0, 1, -1], [2], "Conv2DOptions", {"StrideH": 1, "StrideW": 1})
    for case, (extra, op, expected) in MOVES.items():
        if case == "pad with a number":
            continue  # what is added is not doubled
        given = [{0: 2}.get(at, at + 2) for at in op.inputs]
        results = [at + 2 for at in op.outputs]
        tensors = [T(A.shape), weight, T(A.shape), *extra, *(T(np.shape(e)) for e in expected)]
        moved = Op(op.name, given, results, op.form, op.options)
        data = make_tflite(tensors, [conv, moved], outputs=results)
        for mine, theirs in zip(run(path, data, A), expected, strict=True):
            assert_allclose(mine, 2 * np.asarray(theirs), rtol=1e-6, atol=1e-6, err_msg=case)


def test_the_index_of_the_greatest(path: Path) -> None:
    tensors = [T(A.shape), ints(-1), T(A.shape[:3], type="int32")]
    data = make_tflite(tensors, [Op("ARG_MAX", [0, 1], [2], "ArgMaxOptions")])
    assert_array_equal(run(path, data, A)[0], A.argmax(-1).astype(np.int32), strict=True)


def test_a_choice(path: Path) -> None:
    tensors = [T(A.shape), T(A.shape), T(A.shape, type="bool"), T(A.shape)]
    operators = [Op("GREATER", [0, 1], [2]), Op("SELECT_V2", [2, 0, 1], [3])]
    found = run(path, make_tflite(tensors, operators, [0, 1]), A, B)
    assert_array_equal(found[0], np.maximum(A, B))


def test_a_squeeze_takes_all_axes_of_one_or_those_it_names(path: Path) -> None:
    x = A.reshape(1, 6, 1, 20)
    for dims, expected in (([], (6, 20)), ([0], (6, 1, 20)), ([2, -4], (6, 20))):
        op = Op("SQUEEZE", [0], [1], "SqueezeOptions", {"SqueezeDims": dims})
        (found,) = run(path, make_tflite([T(x.shape), T(expected)], [op]), x)
        assert_array_equal(found, A.reshape(expected))


def test_three_are_added(path: Path) -> None:
    data = make_tflite([T(A.shape), T(A.shape), T(A.shape)], [Op("ADD_N", [0, 1, 0], [2])], [0, 1])
    assert_allclose(run(path, data, A, B)[0], A + B + A, rtol=1e-6)


def test_a_cast(path: Path) -> None:
    data = make_tflite([T(A.shape), T(A.shape, type="int32")], [Op("CAST", [0], [1])])
    assert_array_equal(run(path, data, A)[0], A.astype(np.int32), strict=True)


def test_an_image_is_flattened_before_a_dense_layer(path: Path) -> None:
    weight = np.round(SEED.normal(0, 1, (3, 60)), 2).astype(np.float32)
    op = Op("FULLY_CONNECTED", [0, 1, -1], [2], "FullyConnectedOptions")
    data = make_tflite([T(A.shape), T(values=weight), T((2, 3))], [op])
    assert_allclose(run(path, data, A)[0], A.reshape(2, 60) @ weight.T, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("turned", [False, True])
def test_a_product_with_a_constant(path: Path, turned: bool) -> None:
    right = SEED.normal(0, 1, (2, 3, 5, 6)).astype(np.float32)
    held = right.swapaxes(-1, -2).copy() if turned else right
    op = Op("BATCH_MATMUL", [0, 1], [2], "BatchMatMulOptions", {"AdjY": turned})
    data = make_tflite([T(A.shape), T(values=held), T((2, 3, 4, 6))], [op])
    assert_allclose(run(path, data, A)[0], A @ right, rtol=1e-4, atol=1e-4)


def test_a_scale_for_each_image_of_another_batch(path: Path) -> None:
    """In a file of batch 1 a scale (1, channels) stretches over an image by accident."""
    mean = Op("MEAN", [0, 1], [2], "ReducerOptions", {"KeepDims": False})
    tensors = [T((1, 3, 4, 5)), ints(1, 2), T((1, 5)), T((1, 3, 4, 5))]
    path.write_bytes(make_tflite(tensors, [mean, Op("MUL", [0, 2], [3], "MulOptions")]))
    graph = read_graph(path, batch=2)
    (found,) = execute(prepare(graph, "packed"), {graph.inputs[0]: A}).outputs.values()
    assert_allclose(found, A * A.mean((1, 2), keepdims=True), rtol=1e-5)


# Integers


@pytest.mark.parametrize(("activation", "high"), [(0, 127), (3, 50)])
def test_bounds_of_quantized_activations(path: Path, activation: int, high: int) -> None:
    """6 / 0.1 - 10 is 50: where a ReLU6 ends."""
    fields = {"StrideH": 1, "StrideW": 1, "FusedActivationFunction": activation}
    tensors = [
        T((1, 1, 1, 2), type="int8", quantized=(0.5, 3)),
        T(values=np.array([[[[127, 1]]]], np.int8), quantized=(0.25, 0)),
        T(values=np.array([4], np.int32), quantized=(0.125, 0)),
        T((1, 1, 1, 1), type="int8", quantized=(0.1, -10)),
    ]
    data = make_tflite(tensors, [Op("CONV_2D", [0, 1, 2], [3], "Conv2DOptions", fields)])
    x = np.array([[[[13, 5]]]], np.int8)
    assert run(path, data, x)[0].tolist() == [[[[high]]]]
    small = np.array([[[[3, 13]]]], np.int8)  # (10 * 1 + 4) * 0.125 / 0.1 - 10 = 7.5: away from 0
    assert run(path, data, small)[0].tolist() == [[[[8]]]]


def test_a_product_and_a_sum_for_each_channel_are_one_batch_norm(path: Path) -> None:
    """So a normalization is written that could not be folded; its activation stays a layer."""
    scale, shift = (np.array(row, np.float32) for row in ([1, -2, 0.3, 7], [0.1, -1, 2, 1 / 3]))
    image, pooled = (2, 4, 6, 4), (2, 2, 3, 4)
    pool = {"Padding": 1, "StrideW": 2, "StrideH": 2, "FilterWidth": 2, "FilterHeight": 2}
    data = make_tflite(
        [T(image), T(pooled), T(values=scale), T(pooled), T(values=shift), T(pooled)],
        [
            Op("MAX_POOL_2D", [0], [1], "Pool2DOptions", pool),
            Op("MUL", [1, 2], [3], "MulOptions", {}),
            Op("ADD", [3, 4], [5], "AddOptions", {"FusedActivationFunction": 1}),
        ],
    )
    x = np.round(SEED.normal(0, 2, image), 1).astype(np.float32)
    highest = x.reshape(2, 2, 2, 3, 2, 4).max(axis=(2, 4))
    assert_array_equal(run(path, data, x)[0], np.maximum(highest * scale + shift, 0))
    graph = read_graph(path)
    kinds = [type(node.op).__name__ for node in graph.nodes]
    assert [kind for kind in kinds if kind != "Transpose"] == ["Pool", "BatchNorm", "Activation"]
