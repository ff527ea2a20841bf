"""What layers of Keras and Larq become: canonical nodes, under the names that the file has."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.importers.keras_configs import Config, conv, layer, model, source, write
from xnorsim.exact.execute import execute, prepare
from xnorsim.importers.keras import read_graph
from xnorsim.network import ops
from xnorsim.network.graph import Graph
from xnorsim.network.precision import (
    BIPOLAR,
    ENCODINGS,
    FLOAT32,
    TERNARY,
    UNIPOLAR,
    Scaling,
    Scheme,
)
from xnorsim.work.table import layer_table, totals

CHANCE = np.random.default_rng(5)


def floats(*shape: int) -> np.ndarray:
    return CHANCE.standard_normal(shape).astype(np.float32)


def read(folder: Path, config: Config, **weights: np.ndarray) -> Graph:
    path = write(folder, config)
    if not weights:
        return read_graph(path)
    arrays: dict[str, Any] = {key.replace("__", "/"): values for key, values in weights.items()}
    file = folder / f"w{len([*folder.iterdir()])}.npz"  # graphs read before keep theirs
    np.savez(file, **arrays)
    return read_graph(path, weights=file)


def run(graph: Graph, x: np.ndarray) -> np.ndarray:
    (output,) = graph.outputs
    return execute(prepare(graph, "packed"), {graph.inputs[0]: x}).outputs[output]


def loaded(graph: Graph, node: str, role: str) -> np.ndarray:
    load = graph.parameters[graph.node(node).parameters[role]].load
    assert load is not None
    return load()


def quant(**settings: Any) -> Config:
    return conv(kind="QuantConv2D", **settings)


def test_parts_of_a_layer_say_whose_they_are(tmp_path: Path) -> None:
    settings = {"input_quantizer": "ste_sign", "kernel_quantizer": "magnitude_aware_sign"}
    config = model(source(), quant(padding="same", activation="relu", pad_values=1.0, **settings))
    graph = read(tmp_path, config)
    assert [(node.name, node.layer, ops.kind(node.op)) for node in graph.nodes] == [
        ("conv.input_quantizer", "conv", "sign"),
        ("conv.input_quantizer.channels_first", "", "transpose"),
        ("conv", "", "conv"),
        ("conv.activation", "conv", "relu"),
        ("conv.activation.channels_last", "", "transpose"),
    ]
    node = graph.node("conv")
    assert node.scheme == Scheme(BIPOLAR, BIPOLAR, Scaling.ALPHA)
    assert isinstance(node.op, ops.Conv)
    assert (node.op.padding, node.op.pad_value) == (((1, 1), (1, 1)), 1)
    specs = {role: graph.parameters[name].spec for role, name in node.parameters.items()}
    assert specs["weight"].encoding == BIPOLAR
    assert specs["weight"].shape == (2, 4, 3, 3)
    assert specs["alpha"].shape == (2,)
    assert all(parameter.load is None for parameter in graph.parameters.values())
    assert graph.recognized == {
        "conv": "weights +-alpha per channel, input from Sign 'conv.input_quantizer': xnor"
    }
    assert graph.metadata["format"] == "keras"
    assert graph.metadata["inputs"] == {"x": [1, 8, 8, 4]}
    assert graph.outputs == ("conv.activation.channels_last",)


SPELLINGS = [
    "ste_sign",
    "SteSign",
    "Larq>SteSign",
    {"class_name": "SteSign", "config": {"clip_value": 1.3}},
    {"class_name": "Larq>SteSign", "config": {"name": "ste_sign", "clip_value": None}},
    {"class_name": "function", "config": "ste_sign"},
    {"module": "builtins", "class_name": "function", "config": "Larq>approx_sign",
     "registered_name": "function"},
    {"module": "larq.quantizers", "class_name": "SwishSign", "config": {"beta": 5.0},
     "registered_name": "Larq>SwishSign", "build_config": {"input_shape": [None, 8, 8, 4]}},
]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS, ids=str)
def test_a_quantizer_may_be_written_in_many_ways(tmp_path: Path, spelling: Any) -> None:
    given = read(
        tmp_path, model(source(), quant(input_quantizer=spelling, kernel_quantizer=spelling))
    )
    plain = read(
        tmp_path, model(source(), quant(input_quantizer="ste_sign", kernel_quantizer="ste_sign"))
    )
    assert given.nodes == plain.nodes
    layers = model(source(), layer("Activation", "sign", "x", activation=spelling))
    assert ops.kind(read(tmp_path, layers).node("sign").op) == "sign"


WEIGHT = floats(3, 3, 4, 2)
SCHEMES = [
    (None, None, None, FLOAT32, "plain"),
    ("ste_sign", "ste_sign", Scheme(BIPOLAR, BIPOLAR), BIPOLAR, "xnor without a scale"),
    (None, "ste_sign", Scheme(BIPOLAR, FLOAT32), BIPOLAR, "bwn without a scale"),
    (None, "magnitude_aware_sign", Scheme(BIPOLAR, FLOAT32, Scaling.ALPHA), BIPOLAR, "bwn"),
    ("ste_sign", None, Scheme(FLOAT32, BIPOLAR), FLOAT32, "float weights"),
    ("ste_sign", "ste_tern", Scheme(TERNARY, BIPOLAR), TERNARY, "ternary weights"),
    ("ste_heaviside", "ste_heaviside", Scheme(UNIPOLAR, UNIPOLAR), UNIPOLAR, "{0, 1}"),
    ("dorefa_quantizer", "ste_sign", Scheme(BIPOLAR, ENCODINGS["uint2"]), BIPOLAR, "2-bit inputs"),
    ("dorefa_quantizer", {"class_name": "DoReFa", "config": {"k_bit": 3, "mode": "weights"}},
     Scheme(ENCODINGS["int3"], ENCODINGS["uint2"]), FLOAT32, "3-bit weights"),
    ("dorefa_quantizer", {"class_name": "DoReFa", "config": {"k_bit": 1, "mode": "weights"}},
     Scheme(BIPOLAR, ENCODINGS["uint2"]), BIPOLAR, "DoReFa weights of one bit are +-1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("inputs", "kernel", "scheme", "encoding", "why"), SCHEMES, ids=[row[-1] for row in SCHEMES]
)
def test_schemes(
    tmp_path: Path, inputs: Any, kernel: Any, scheme: Scheme | None, encoding: Any, why: str
) -> None:
    config = model(source(), quant(input_quantizer=inputs, kernel_quantizer=kernel, use_bias=True))
    graph = read(tmp_path, config, conv__kernel=WEIGHT, conv__bias=floats(2))
    node = graph.node("conv")
    assert node.scheme == scheme, why
    assert graph.parameters[node.parameters["weight"]].spec.encoding == encoding, why
    assert ("conv" in graph.recognized) == (scheme is not None)
    assert graph.tensors[graph.outputs[0]].encoding == FLOAT32


def test_weights_of_k_bits_are_stored_as_such(tmp_path: Path) -> None:
    kernel = {"class_name": "DoReFa", "config": {"k_bit": 3, "mode": "weights"}}
    graph = read(tmp_path, model(source(), quant(kernel_quantizer=kernel)), conv__kernel=WEIGHT)
    codes, scale = graph.parameters["conv.weight"].stored
    assert codes.spec.bits == 3 * WEIGHT.size
    assert (scale.spec.bits, scale.is_scale) == (32, True)
    limited = np.tanh(WEIGHT)
    levels = np.rint((limited / (2 * np.abs(limited).max()) + 0.5) * 7) / 7
    assert_allclose(
        loaded(graph, "conv", "weight"), (2 * levels - 1).transpose(3, 2, 0, 1), atol=1e-6
    )


ALPHAS = {
    "magnitude_aware_sign": lambda w: np.abs(w).mean((0, 1, 2)),
    "xnor_weight_scale": lambda w: np.abs(np.clip(w, -1, 1)).mean((0, 1, 2)),
    "magnitude_aware_sign_unclipped": lambda w: np.full(w.shape[-1], np.abs(w).mean()),
}


@pytest.mark.parametrize("name", ALPHAS)
def test_alphas(tmp_path: Path, name: str) -> None:
    quantizer = {"class_name": "function", "config": name}
    weight = 2 * WEIGHT
    graph = read(tmp_path, model(source(), quant(kernel_quantizer=quantizer)), conv__kernel=weight)
    assert_allclose(loaded(graph, "conv", "alpha"), ALPHAS[name](weight.astype(float)), rtol=1e-6)
    expected = np.where(weight >= 0, 1, -1).transpose(3, 2, 0, 1)
    assert_array_equal(loaded(graph, "conv", "weight"), expected)


def test_filters_of_a_depthwise_layer_share_their_alphas(tmp_path: Path) -> None:
    settings = {"kernel_size": [3, 3], "depth_multiplier": 3, "use_bias": False}
    config = layer(
        "QuantDepthwiseConv2D", "conv", "x", depthwise_quantizer="magnitude_aware_sign", **settings
    )
    weight = floats(3, 3, 4, 3)
    graph = read(tmp_path, model(source(), config), conv__depthwise_kernel=weight)
    alpha = np.abs(weight.astype(float)).mean((0, 1, 2))
    assert_allclose(loaded(graph, "conv", "alpha"), np.tile(alpha, 4), rtol=1e-6)
    signs = np.where(weight >= 0, 1, -1)
    for channel in range(4):
        for m in range(3):
            ours = loaded(graph, "conv", "weight")[3 * channel + m, 0]
            assert_array_equal(ours, signs[:, :, channel, m])


NEAR = np.float32(0.05)
TERNS = [-1, -NEAR, np.nextafter(-NEAR, np.float32(1)), -0.0, 0, NEAR,
         np.nextafter(NEAR, np.float32(0)), 1]  # fmt: skip


@pytest.mark.parametrize("threshold", [0.05, -0.05, 0.0])
def test_ternary_inputs(tmp_path: Path, threshold: float) -> None:
    quantizer = {"class_name": "SteTern", "config": {"threshold_value": threshold}}
    config = model(source((None, 8)), layer("Activation", "t", "x", activation=quantizer))
    x = np.array([TERNS], np.float32)
    t = np.float32(threshold)
    expected = np.sign(np.sign(x + t) + np.sign(x - t))
    assert_array_equal(run(read(tmp_path, config), x), expected)


@pytest.mark.parametrize("k", range(1, 9))
def test_activations_of_k_bits(tmp_path: Path, k: int) -> None:
    """At every boundary between two codes, and right before and after it."""
    n = 2**k - 1
    at = ((2 * np.arange(n) + 1) / (2 * n)).astype(np.float32)
    x = np.concatenate([at, np.nextafter(at, np.float32(2)), np.nextafter(at, np.float32(-2)),
                        np.array([-1, -0.0, 0, 0.5, 1, 7], np.float32)])[None]  # fmt: skip
    quantizer = {"class_name": "DoReFa", "config": {"k_bit": k}}
    config = model(source((None, x.size)), layer("Activation", "q", "x", activation=quantizer))
    codes = np.rint(np.clip(x, 0, 1) * np.float32(n))
    assert_array_equal(np.rint(run(read(tmp_path, config), x) * n), codes)


def test_what_depends_on_the_whole_batch_is_refused(tmp_path: Path) -> None:
    own = {"class_name": "SteTern", "config": {"ternary_weight_networks": True}}
    for quantizer in (own, "magnitude_aware_sign", {"class_name": "DoReFa", "config":
                      {"mode": "weights"}}):  # fmt: skip
        with pytest.raises(ValueError, match=r"input_quantizer .*is for weights only"):
            read(tmp_path, model(source(), quant(input_quantizer=quantizer)))


# Padding


def padded(last: Config, *others: Config) -> Config:
    sign = layer("Activation", "sign", "x", activation="ste_sign")
    pad = layer("ZeroPadding2D", "pad", "sign", padding=[[1, 2], [0, 1]])
    return model(source(), sign, pad, *others, last)


def test_zeros_around_signs_are_padding_of_the_binary_layer(tmp_path: Path) -> None:
    graph = read(tmp_path, padded(quant(kernel_quantizer="ste_sign") | {
        "inbound_nodes": [[["pad", 0, 0, {}]]]}), conv__kernel=WEIGHT)  # fmt: skip
    node = graph.node("conv")
    assert isinstance(node.op, ops.Conv)
    assert node.op.padding == ((1, 2), (0, 1))
    assert node.scheme == Scheme(BIPOLAR, BIPOLAR)
    assert "pad" not in {other.name for other in graph.nodes}
    x = floats(1, 8, 8, 4)
    beside = conv("float", "pad")
    both = padded(layer("Add", "add", "conv", "float"), beside, quant(
        kernel_quantizer="ste_sign") | {"inbound_nodes": [[["pad", 0, 0, {}]]]})  # fmt: skip
    sums = run(
        read(tmp_path, both, conv__kernel=WEIGHT, float__kernel=np.where(WEIGHT < 0, -1, 1)), x
    )
    assert_array_equal(sums, 2 * run(graph, x))


@pytest.mark.parametrize("value", [1.0, -1.0, 0.5])
@pytest.mark.parametrize("inputs", [None, "ste_sign", "ste_tern", "ste_heaviside"])
@pytest.mark.parametrize("kernel", [None, "ste_sign"])
def test_pad_values(tmp_path: Path, value: float, inputs: Any, kernel: Any) -> None:
    """As if the input were padded with them and the layer not at all."""
    settings = {"padding": "same", "pad_values": value, "kernel_quantizer": kernel}
    config = model(source(), quant(input_quantizer=inputs, **settings))
    x = floats(1, 8, 8, 4)
    graph = read(tmp_path, config, conv__kernel=WEIGHT)
    values = {
        None: x,
        "ste_sign": np.where(x >= 0, 1, -1),
        "ste_tern": np.sign(x) * (np.abs(x) >= 0.05),
        "ste_heaviside": (x > 0).astype(float),
    }[inputs]
    values = values.astype(np.float32)
    wide = np.pad(values, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=value)
    weight = WEIGHT if kernel is None else np.where(WEIGHT >= 0, 1, -1)
    plain = read(tmp_path, model(source((None, 10, 10, 4)), conv()), conv__kernel=weight)
    assert_allclose(run(graph, x), run(plain, wide), atol=1e-5)


# Order of axes


def test_channels_first_is_the_same_network_in_another_order(tmp_path: Path) -> None:
    layers = [
        quant(input_quantizer="ste_sign", kernel_quantizer="ste_sign", padding="same"),
        layer("BatchNormalization", "bn", "conv", axis=[3]),
        layer("MaxPooling2D", "pool", "bn", pool_size=[2, 2]),
        layer("PReLU", "prelu", "pool", shared_axes=[1]),
        layer("GlobalAveragePooling2D", "mean", "prelu", keepdims=True),
        layer("Multiply", "gate", "prelu", "mean"),
        layer("Flatten", "flat", "gate"),
    ]
    last = model(source((None, 8, 6, 4)), *layers)
    first = copy.deepcopy(last)
    first["config"]["layers"][0]["config"]["batch_input_shape"] = [None, 4, 8, 6]
    for item in first["config"]["layers"]:
        item["config"]["data_format"] = "channels_first"
    first["config"]["layers"][2]["config"]["axis"] = 1
    first["config"]["layers"][4]["config"]["shared_axes"] = [2]
    weights = {"conv__kernel": WEIGHT, "bn__gamma": floats(2), "bn__beta": floats(2),
               "bn__moving_mean": floats(2), "bn__moving_variance": np.ones(2)}  # fmt: skip
    slopes = floats(1, 3, 2)
    x = floats(1, 8, 6, 4)
    expected = run(read(tmp_path, last, **weights, prelu__alpha=slopes), x)
    found = read(tmp_path, first, **weights, prelu__alpha=slopes.transpose(2, 0, 1))
    assert_allclose(run(found, x.transpose(0, 3, 1, 2)), expected, rtol=1e-6)
    assert not any(isinstance(node.op, ops.Transpose) and node.op.relabels for node in found.nodes)


# Larq Zoo's own


def zoo_lambda(name: str, module: str, closure: Any, *sources: str) -> Config:
    code = "this is not code, and nobody may look at it"
    return layer("Lambda", name, *sources, module=module, function=[code, None, closure])


def test_lambdas_of_larq_zoo(tmp_path: Path) -> None:
    wrap = "larq_zoo.core.utils"
    function = {"module": "builtins", "class_name": "function", "registered_name": "function"}
    split = zoo_lambda("split", wrap, [[2], {"axis": -1}, {**function, "config": "split"}], "x")
    reads = [[["split", 0, 1, {}], ["split", 0, 0, {}]]]
    concat = zoo_lambda("concat", wrap, [[], {"axis": -1}, {**function, "config": "concat"}])
    same = zoo_lambda("same", "larq_zoo.literature.real_to_bin_nets", None, "concat")
    config = model(source((None, 2, 2, 8)), split, {**concat, "inbound_nodes": reads}, same)
    x = floats(1, 2, 2, 8)
    assert_array_equal(run(read(tmp_path, config), x), np.roll(x, 4, -1))


def test_an_improvement_touches_the_newest_channels(tmp_path: Path) -> None:
    merge = zoo_lambda("merge", "larq_zoo.literature.meliusnet", [80], "x", "new")
    new = layer("Cropping2D", "wide", "x", cropping=[[0, 0], [0, 0]])
    narrow = layer("Conv2D", "new", "wide", filters=64, kernel_size=1, use_bias=False)
    weight = floats(1, 1, 80, 64)
    x = floats(1, 2, 2, 80)
    graph = read(tmp_path, model(source((None, 2, 2, 80)), new, narrow, merge), new__kernel=weight)
    expected = x.copy()
    expected[..., 16:] += x @ weight[0, 0]
    assert_allclose(run(graph, x), expected, atol=1e-5)


def test_a_learned_scale_has_three_factors(tmp_path: Path) -> None:
    config = model(source((None, 2, 3, 4)), layer("LearnedRescaleLayer", "s", "x"))
    h, w, c = floats(2, 1, 1), floats(1, 3, 1), floats(1, 1, 4)
    x = floats(1, 2, 3, 4)
    graph = read(tmp_path, config, s__scale_h=h, s__scale_w=w, s__scale_c=c)
    assert_allclose(run(graph, x), x * (h * w * c), rtol=1e-6)
    assert totals(layer_table(graph, ()))["parameters"] == 2 + 3 + 4


def test_sums_written_with_a_plus(tmp_path: Path) -> None:
    def plus(*node: Any) -> Config:
        own = layer("TFOpLambda", "tf.__operators__.add", function="__operators__.add")
        return {**own, "inbound_nodes": [list(node)]}

    x = floats(1, 4)
    both = plus("x", 0, 0, {"y": ["x", 0, 0], "name": None})
    one = plus("x", 0, 0, {"y": 1.5, "name": None})
    assert_array_equal(run(read(tmp_path, model(source((None, 4)), both)), x), 2 * x)
    assert_array_equal(run(read(tmp_path, model(source((None, 4)), one)), x), x + np.float32(1.5))


# Without reading values


def test_counting_reads_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of 50 MB is counted while nothing can be read from its datasets."""
    wide = 1792
    config = model(source((None, 4, 4, wide)), conv(filters=wide, kernel_size=[2, 2]))
    path = tmp_path / "net.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        group = file.create_group("model_weights")
        group.attrs["layer_names0"], group.attrs["layer_names1"] = [b"x"], [b"conv"]
        group.create_group("x").attrs["weight_names"] = np.zeros(0)
        group.create_group("conv").attrs["weight_names"] = [b"conv/kernel:0"]
        group["conv/conv/kernel:0"] = np.zeros((2, 2, wide, wide), np.float32)
    assert path.stat().st_size > 50e6

    def refuse(*given: object) -> None:
        raise AssertionError("a value was read")

    monkeypatch.setattr(h5py.Dataset, "__getitem__", refuse)
    graph = read_graph(path)
    assert totals(layer_table(graph, ()))["macs"] == 9 * 4 * wide * wide


def test_a_config_is_read_at_once(data: Path) -> None:
    """QuickNet in under 0.3 s, the best of three."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        read_graph(data / "larq" / "QuickNet.keras_config.json")
        times.append(time.perf_counter() - start)
    assert min(times) < 0.3
