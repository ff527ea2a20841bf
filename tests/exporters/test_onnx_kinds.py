"""Every kind of layer is written, or refused by name; what is written says what it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tests.exporters.round_trip import (
    again,
    assert_same_results,
    assert_same_table,
    inputs_of,
)
from xnorsim.errors import UnsupportedOpError, UsageError
from xnorsim.exporters.onnx import local, model
from xnorsim.exporters.onnx.dispatch import write
from xnorsim.importers.onnx import read_graph
from xnorsim.importers.onnx.own import RULES
from xnorsim.network import ops
from xnorsim.network.assembly import Assembly, stored
from xnorsim.network.functions import Function, Operator, Reduction
from xnorsim.network.graph import Graph, Parameter, TensorSpec
from xnorsim.network.precision import (
    BIPOLAR,
    ENCODINGS,
    FLOAT32,
    INT8,
    INT32,
    TERNARY,
    UINT8,
    UNIPOLAR,
    Encoding,
    Scaling,
    Scheme,
)
from xnorsim.network.quantized import Quantized, quantized_parameter
from xnorsim.work.table import layer_table

INT2, INT5, UINT4 = (ENCODINGS[name] for name in ("int2", "int5", "uint4"))


def held(name: str, values: Any, encoding: Encoding = FLOAT32) -> Parameter:
    array = np.asarray(values, np.float32 if encoding == FLOAT32 else None)
    return stored(name, array.shape, partial(np.copy, array), encoding)


def drawn(name: str, *shape: int) -> Parameter:
    return held(name, np.random.default_rng(len(name)).standard_normal(shape))


def signs(name: str, *shape: int) -> Parameter:
    values = np.random.default_rng(1).integers(0, 2, shape) * 2 - 1
    return held(name, values.astype(np.int8), BIPOLAR)


def test_every_kind_has_a_rule() -> None:
    default: Callable[..., Any] = write.dispatch(object)
    assert not [kind.__name__ for kind in ops.KINDS if write.dispatch(kind) is default]


def test_a_rule_is_for_a_kind() -> None:
    assert not set(write.registry) - {object, *ops.KINDS}


def test_every_local_function_is_read_back() -> None:
    assert {name for _, name in RULES} == set(local.FUNCTIONS)
    assert all(local.is_own(local.function(name)) for name in local.FUNCTIONS)


def test_a_function_with_another_body_is_not_ours() -> None:
    made = onnx.FunctionProto()
    made.CopyFrom(local.function("Silu"))
    made.node[-1].op_type = "Add"
    assert not local.is_own(made)


def one(
    op: ops.Op,
    shape: tuple[int, ...],
    parameters: Mapping[str, Parameter] | None = None,
    *,
    encoding: Encoding = FLOAT32,
    results: int = 1,
    before: tuple[ops.Op, ...] = (),
    scheme: Scheme | None = None,
) -> Graph:
    """A network of one layer, and some before it."""
    a = Assembly("one")
    x = a.input("x", shape, encoding)
    for step in before:
        x = a.layer(step, x)
    y = a.layer(op, x, name="layer", parameters=parameters, results=results, scheme=scheme)
    return a.graph([y])


CONV = partial(ops.Conv, 6, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))
IMAGE = (2, 4, 7, 7)

ONE = {
    "swish is no operator of opset 21": one(ops.Activation(Function.SILU), IMAGE),
    "an affine function, of recurrent layers": one(
        ops.Activation(Function.AFFINE, (("alpha", 2.0), ("beta", 0.5))), IMAGE
    ),
    "a scaled tanh, of recurrent layers": one(
        ops.Activation(Function.SCALED_TANH, (("alpha", 2.0), ("beta", 0.5))), IMAGE
    ),
    "a clip with one bound": one(ops.Activation(Function.CLIP, (("max", 0.5),)), IMAGE),
    "a Gelu by tanh": one(ops.Activation(Function.GELU_TANH), IMAGE),
    "dense over three axes, with a bias": one(
        ops.Dense(5, 3, transpose_weight=True), (2, 4, 5),
        {"weight": drawn("w", 3, 5), "bias": drawn("b", 3)},
    ),
    "dense over three axes": one(ops.Dense(5, 3), (2, 4, 5), {"weight": drawn("w", 5, 3)}),
    "Gemm's factors": one(
        ops.Dense(5, 3, alpha=0.5, beta=2.0), (4, 5),
        {"weight": drawn("w", 5, 3), "bias": drawn("b", 3)},
    ),
    "batch normalization without scale": one(
        ops.BatchNorm(1e-3), IMAGE,
        {"shift": drawn("b", 4), "mean": drawn("m", 4), "variance": held("v", [1, 2, 3, 4])},
    ),
    "ternary weights with scales": one(
        CONV(), IMAGE,
        {"weight": held("w", np.resize(np.array([-1, 0, 1, 1], np.int8), (6, 4, 3, 3)), TERNARY),
         "alpha": held("a", [1, 2, 3, 4, 5, 6])},
        scheme=Scheme(TERNARY, FLOAT32, Scaling.ALPHA),
    ),
    "floats that happen to be +-1": one(
        CONV(), IMAGE,
        {"weight": held("w", np.resize(np.array([-1, 1, 1]), (6, 4, 3, 3)))},
        before=(ops.Sign(),),
    ),
    "k-bit weights": one(
        CONV(), IMAGE,
        {"weight": quantized_parameter(Quantized(
            held("c", np.resize(np.arange(-15, 16, dtype=np.int8), (6, 4, 3, 3)), INT5),
            held("s", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
        ))},
        scheme=Scheme(INT5, FLOAT32),
    ),
    "k-bit weights with a zero point": one(
        CONV(), IMAGE,
        {"weight": quantized_parameter(Quantized(
            held("c", np.resize(np.arange(16, dtype=np.uint8), (6, 4, 3, 3)), UINT4),
            held("s", 0.1), held("z", 3, UINT4),
        ))},
        scheme=Scheme(UINT4, FLOAT32),
    ),
    "k-bit weights around the middle of two codes": one(
        CONV(), IMAGE,
        {"weight": quantized_parameter(Quantized(
            held("c", np.resize(np.arange(-2, 2, dtype=np.int8), (6, 4, 3, 3)), INT2),
            held("s", 2 / 3), held("z", -0.5),
        ))},
        scheme=Scheme(INT2, FLOAT32),
    ),
    "k-bit weights with scales of two axes": one(
        CONV(), IMAGE,
        {"weight": quantized_parameter(Quantized(
            held("c", np.resize(np.arange(-128, 128, dtype=np.int16).astype(np.int8),
                                (6, 4, 3, 3)), INT8),
            held("s", np.arange(1, 25).reshape(6, 4, 1, 1) / 64),
        ))},
        scheme=Scheme(INT8, FLOAT32),
    ),
    "a bias of integers": one(
        CONV(), IMAGE,
        {"weight": held("w", np.ones((6, 4, 3, 3), np.int8), INT8),
         "bias": held("b", np.arange(6, dtype=np.int32), INT32),
         "input_zero_point": held("z", np.uint8(7), UINT8)},
        encoding=UINT8,
    ),
    "dense of integers": one(
        ops.Dense(5, 3, transpose_weight=True), (4, 5),
        {"weight": held("w", np.arange(15, dtype=np.int8).reshape(3, 5), INT8)}, encoding=INT8,
    ),
    "a mean over one axis": one(ops.Reduce(Reduction.MEAN, (1,), keepdims=False), IMAGE),
    "an axis repeated": one(ops.Expand((2, 8, 7, 7)), IMAGE),
    "channels named last": one(ops.Transpose((0, 2, 3, 1), relabels=True), IMAGE),
    "a remainder": one(
        ops.Elementwise(Operator.FMOD), IMAGE, {"right": held("r", 0.3)}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE)
def test_one_layer(name: str, tmp_path: Path) -> None:
    graph = ONE[name]
    read = again(graph, tmp_path)
    assert_same_table(graph, read)
    assert_same_results(graph, read, inputs_of(graph))
    assert type(read.node("layer").op) is type(graph.node("layer").op)


ROUNDINGS = ("round", "ceil", "floor", "up", "down", "half_up", "half_down")


WIDTHS = ("int8", "uint4", "int5", "uint2")


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize(
    ("to", "shifted"), [*((to, at) for to in WIDTHS for at in (False, True)), ("unipolar", False)]
)
def test_quantizers(rounding: str, to: str, shifted: bool, tmp_path: Path) -> None:
    encoding = ENCODINGS[to]
    numbers = {"scale": ("s", held("s", 0.25))}
    if shifted:
        kind = INT8 if encoding == INT5 else encoding
        numbers["zero_point"] = ("z", held("z", 1, kind))
    a = Assembly("quantized")
    x = a.input("x", IMAGE)
    codes = a.layer(
        ops.Quantize(encoding, rounding=rounding), x, name="y.codes", parameters=numbers
    )
    graph = a.graph([a.layer(ops.Dequantize(FLOAT32), codes, name="y", parameters=numbers)])
    read = again(graph, tmp_path)
    assert_same_table(graph, read)
    halves = np.arange(2 * 4 * 7 * 7, dtype=np.float32).reshape(IMAGE) / 8 - 20
    assert_same_results(graph, read, {"x": halves})


def test_one_bit_and_a_scale_of_its_own(tmp_path: Path) -> None:
    """Equal numbers, of which the file stores one: QONNX quantizes and dequantizes at once."""
    a = Assembly("one bit")
    x = a.input("x", IMAGE)
    unit = Parameter(TensorSpec((), FLOAT32), (), partial(np.ones, (), np.float32))
    codes = a.layer(ops.Quantize(UNIPOLAR), x, name="y.codes", parameters={"scale": ("u", unit)})
    scale = {"scale": ("s", held("s", 1.0))}
    graph = a.graph([a.layer(ops.Dequantize(FLOAT32), codes, name="y", parameters=scale)])
    read = again(graph, tmp_path)
    assert_same_results(graph, read, inputs_of(graph))
    bits = [layer_table(side).columns["scale_bits"].sum() for side in (graph, read)]
    assert bits == [32, 32]


def test_signs_of_integers(tmp_path: Path) -> None:
    """MultiThreshold writes floats, of whatever it reads."""
    a = Assembly("signs of integers")
    x = a.input("x", IMAGE, INT8)
    levels = {"thresholds": held("t", [[3]], INT32)}
    bits = a.layer(ops.Thresholds(BIPOLAR, 2.0, -1.0), x, name="bits", parameters=levels)
    weight = {"weight": signs("w", 6, 4, 3, 3)}
    scheme = Scheme(BIPOLAR, BIPOLAR)
    graph = a.graph([a.layer(CONV(), bits, name="layer", parameters=weight, scheme=scheme)])
    assert_same_results(graph, again(graph, tmp_path), inputs_of(graph))


def test_a_product_of_three(tmp_path: Path) -> None:
    """ONNX multiplies two at a time, which is as much work."""
    a = Assembly("product")
    x, y, z = (a.input(name, IMAGE) for name in "xyz")
    graph = a.graph([a.layer(ops.Elementwise(Operator.MUL), x, y, z, name="layer")])
    read = again(graph, tmp_path)
    assert_same_results(graph, read, inputs_of(graph))
    work = [layer_table(side).columns["fp_ops"].sum() for side in (graph, read)]
    assert work[0] == work[1] == 2 * 2 * 4 * 7 * 7


@pytest.mark.parametrize("to", [BIPOLAR, TERNARY, UNIPOLAR])
def test_thresholds(to: Encoding, tmp_path: Path) -> None:
    levels = np.array([[-0.5, 0.5]] * 4 if to == TERNARY else [[0.5]] * 4)
    scale, offset = {BIPOLAR: (2.0, -1.0), TERNARY: (1.0, -1.0), UNIPOLAR: (1.0, 0.0)}[to]
    graph = one(ops.Thresholds(to, scale, offset), IMAGE, {"thresholds": held("t", levels)})
    read = again(graph, tmp_path)
    assert_same_table(graph, read)
    assert_same_results(graph, read, inputs_of(graph))


def test_binary_layers_are_those_of_qonnx() -> None:
    weight, alpha = signs("w", 6, 4, 3, 3), held("a", [1, 2, 3, 4, 5, 6])
    graph = one(
        CONV(pad_value=1), IMAGE, {"weight": weight, "alpha": alpha}, before=(ops.Sign(),),
        scheme=Scheme(BIPOLAR, BIPOLAR, Scaling.ALPHA),
    )  # fmt: skip
    made = model(graph)
    kinds = [(node.domain, node.op_type) for node in made.graph.node]
    quantizer = ("qonnx.custom_op.general", "BipolarQuant")
    assert kinds == [quantizer, ("", "Pad"), quantizer, ("", "Conv")]
    assert len(made.graph.initializer) == 5  # one, pads and their value, weight and alpha
    tensors = {item.name: onnx.numpy_helper.to_array(item) for item in made.graph.initializer}
    assert set(np.unique(tensors["layer.weight"])) == {-1.0, 1.0}
    assert tensors["layer.alpha"].shape == (6, 1, 1, 1)


def test_a_filter_of_zeros(tmp_path: Path) -> None:
    """Its alpha, the mean of its magnitudes, is 0."""
    scheme = Scheme(BIPOLAR, BIPOLAR, Scaling.ALPHA)
    weights = {"weight": signs("w", 6, 4, 3, 3), "alpha": held("a", [1, 0, 3, 4, 5, 6])}
    graph = one(CONV(), IMAGE, weights, before=(ops.Sign(),), scheme=scheme)
    read = again(graph, tmp_path)
    assert_same_table(graph, read)
    assert_same_results(graph, read, inputs_of(graph))


REFUSED = {
    "unknown": (one(ops.Unknown("Fft", "com.acme", (IMAGE,)), IMAGE), "operator Fft"),
    "a pool by the sum": (
        one(ops.Pool(Reduction.SUM, (2, 2), (1, 1), ((0, 0),) * 2, (1, 1)), IMAGE), "pool by sum",
    ),
    "a norm over two axes": (
        one(ops.Normalize("lp", (1, 2), False), IMAGE), "a norm over 2 axes",
    ),
    "a normalization over axes that are not the last": (
        one(ops.Normalize("layer", (1,)), IMAGE), "not the last",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    graph, words = REFUSED[name]
    with pytest.raises(UnsupportedOpError, match=f"layer 'layer'.*{words}"):
        model(graph)


def test_all_refused_layers_at_once() -> None:
    a = Assembly("two")
    x = a.input("x", IMAGE)
    for name in ("first", "second"):
        x = a.layer(ops.Normalize("lp", (1, 2), False), x, name=name)
    with pytest.raises(UnsupportedOpError, match=r"(?s)'first'.*'second'"):
        model(a.graph([x]))


def test_more_weights_than_a_file_holds() -> None:
    weight = stored("w", (2**15, 2**15), None)
    graph = one(ops.Dense(2**15, 2**15), (1, 2**15), {"weight": weight})
    with pytest.raises(UsageError, match=r"4\.29 GB .* holds 2\.15 GB"):
        model(graph)
    assert len(model(graph, weights=False).SerializeToString()) < 1000


NAMES = ("", "a b", "/x/y:0", "größe 層", "x" * 300, "tab\t", "\ud800", "one", "zero", "conv.pad")


def test_strange_names(tmp_path: Path) -> None:
    a = Assembly("")
    a.input("x", IMAGE)
    tensors = ["x"]
    for name in NAMES:
        a.tensors[name] = a.tensors["x"]
        node = a.layer(ops.Sign(), tensors[-1], name=f"node {name}")
        tensors.append(node)
    graph = a.graph([tensors[-1]])
    read = again(graph, tmp_path)
    assert_same_results(graph, read, inputs_of(graph))
    assert len({node.name for node in read.nodes}) == len(NAMES)


def test_a_parameter_that_is_called_as_a_tensor(tmp_path: Path) -> None:
    a = Assembly("same")
    x = a.input("x", (3, 4))
    weight = drawn("x", 4, 2)
    y = a.layer(ops.Dense(4, 2), x, parameters={"weight": ("x", weight)})
    graph = a.graph([y])
    read = again(graph, tmp_path)
    assert_same_table(graph, read)
    assert_same_results(graph, read, inputs_of(graph))


def test_a_weight_that_two_layers_share_is_stored_once(tmp_path: Path) -> None:
    a = Assembly("shared")
    x, weight = a.input("x", (3, 4)), drawn("w", 4, 4)
    for name in ("first", "second"):
        x = a.layer(ops.Dense(4, 4), x, name=name, parameters={"weight": (f"{name}.w", weight)})
    graph = a.graph([x])
    assert len(model(graph).graph.initializer) == 1
    assert_same_table(graph, again(graph, tmp_path))


def test_what_is_noted_beside_a_layer(tmp_path: Path) -> None:
    a = Assembly("noted")
    x = a.layer(ops.Sign(), a.input("x", (3, 4)), name="sign", layer="quant_conv2d_3")
    a.recognized["dense"] = "of the file"
    graph = a.graph([x])
    read = again(graph, tmp_path)
    assert read.node("sign").layer == "quant_conv2d_3"
    assert read.recognized == {"dense": "of the file"}


def test_the_batch_is_free(tmp_path: Path) -> None:
    """What is written with one batch is read with another, local functions too."""
    from xnorsim.network.policy import Binarize, Policy, apply
    from xnorsim.zoo import build

    policy = Policy(Binarize.XNOR, scaling=Scaling.ALPHA_K)
    path = tmp_path / "net.onnx"
    path.write_bytes(model(apply(build("resnet18"), policy), weights=False).SerializeToString())
    read = read_graph(path, batch=3)
    assert_same_table(apply(build("resnet18", 3), policy), read)
