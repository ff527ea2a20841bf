"""Networks that TensorFlow and Larq Compute Engine converted, run beside their interpreters."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from xnorsim.exact.engines import ENGINES
from xnorsim.exact.execute import execute, prepare
from xnorsim.importers.tflite import is_tflite, read_graph, stated_inputs
from xnorsim.network import ops
from xnorsim.network.graph import Graph
from xnorsim.work.table import layer_table, totals

EXACT = {
    "bn_out": "a transform of integers is rounded twice, as LCE rounds it",
    "bn_out_zero": "padding of 0 is exact before it is scaled",
    "relu_bn": "the clamp is of integers, before the transform",
    "relu6_bn_sign": "thresholds with a clamp before them",
    "maxpool_bits": "a pool of bits; a dilated convolution",
    "grouped": "filters of half the channels",
    "plain_larq": "sign(sign(x) + 0.1) is the sign; float filters of +-alpha",
    "lce_int8": "int8 written by a binary convolution",
    "int8": "requantized integers, here without a difference",
}

CLOSE = {
    "depthwise": "floats scale the sums in another order",
    "bwn": "sums of floats",
    "tern": "floats scale the sums in another order",
    "heaviside": "the bias is added in another order",
    "dorefa": "sums of floats",
    "float_cnn": "sums of floats",
    "float_misc": "sums of floats",
    "fp16": "sums of floats; weights in halves",
    "batch_open": "sums of floats",
}

MACS = {
    "bn_out": {"binary_macs": 544320},
    "depthwise": {"binary_macs": 9216},
    "grouped": {"binary_macs": 331776},
    "bwn": {"bwn_macs": 41472},
    "tern": {"other_macs": 41472},
    "heaviside": {"other_macs": 41472},
    "dorefa": {"other_macs": 41472},
    "plain_larq": {"binary_macs": 100224},
    "lce_int8": {"binary_macs": 1327104, "int8_macs": 124576},
    "float_cnn": {"fp_macs": 94872},
    "fp16": {"fp_macs": 94872},
    "dynamic": {"fp_macs": 94872},
    "int8": {"int8_macs": 94872},
    "int8_pool": {"int8_macs": 16160},
}
"""By class of arithmetic, added up by hand: outputs x taps of each layer; the rest is 0."""


def given(data: Path, name: str) -> tuple[np.ndarray, list[np.ndarray]]:
    with np.load(data / "tflite" / f"{name}.npz") as file:
        held = dict(file)
    x = held.pop("x")
    return x, [held[key] for key in sorted(held)]


def read(data: Path, name: str, batch: int | None = None) -> Graph:
    return read_graph(data / "tflite" / f"{name}.tflite", batch=batch)


def run(graph: Graph, x: np.ndarray, engine: str) -> list[np.ndarray]:
    found = execute(prepare(graph, engine), {graph.inputs[0]: x}).outputs
    return [found[name] for name in graph.outputs]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", EXACT)
def test_equals_the_interpreter(data: Path, name: str, engine: str) -> None:
    x, expected = given(data, name)
    for mine, theirs in zip(run(read(data, name, batch=len(x)), x, engine), expected, strict=True):
        assert_array_equal(mine, theirs, strict=True)


@pytest.mark.parametrize("name", CLOSE)
def test_is_close_to_the_interpreter(data: Path, name: str) -> None:
    x, expected = given(data, name)
    for mine, theirs in zip(run(read(data, name), x[:1], "packed"), expected, strict=True):
        assert mine.dtype == theirs.dtype
        assert_allclose(mine, theirs[:1], rtol=0, atol=2e-5 * max(1, np.abs(theirs).max()))


def test_uint8_differs_by_no_more_than_a_step(data: Path) -> None:
    x, (expected,) = given(data, "int8_pool")
    (mine,) = run(read(data, "int8_pool", batch=len(x)), x, "packed")
    assert mine.dtype == np.uint8
    assert np.abs(mine.astype(int) - expected).max() <= 1


def test_dynamic_range_is_run_in_floats_and_says_so(data: Path) -> None:
    x, (expected,) = given(data, "dynamic")
    graph = read(data, "dynamic")
    assert_allclose(run(graph, x, "packed")[0], expected, atol=1e-2)
    assert "integer weights and float activations" in " ".join(graph.notes)


def test_integers_say_that_they_may_differ(data: Path) -> None:
    assert "may differ by one step" in " ".join(read(data, "int8").notes)


def test_padding_of_0_that_is_scaled_says_whose_roundings_it_has(data: Path) -> None:
    assert "LCE's reference kernel" in " ".join(read(data, "bn_out_zero").notes)
    assert read(data, "bn_out").notes == ()


@pytest.mark.parametrize("name", MACS)
def test_counts_macs_by_what_they_multiply(data: Path, name: str) -> None:
    counted = totals(layer_table(read(data, name)))
    classes = ("binary_macs", "bwn_macs", "int8_macs", "fp_macs", "other_macs")
    assert {key: counted[key] for key in classes if counted[key]} == MACS[name]


def test_weights_of_few_levels_are_stored_as_such(data: Path) -> None:
    """3 x 3 filters of 8 channels, 16 of them: 1152 weights, and a bias of 16 floats; the ternary
    network has a threshold too."""
    stored = {
        name: totals(layer_table(read(data, name)))["weight_bits"] for name in ("bwn", "tern")
    }
    assert stored == {"bwn": 1152 + 16 * 32, "tern": 2 * 1152 + 16 * 32 + 32}


def test_half_precision_weights_are_stored_in_halves(data: Path) -> None:
    plain, half = (totals(layer_table(read(data, name))) for name in ("float_cnn", "fp16"))
    assert half["weight_bits"] * 2 == plain["weight_bits"]


def test_says_what_it_took_a_layer_for(data: Path) -> None:
    (sentence,) = read(data, "bn_out").recognized.values()
    assert sentence.startswith("weights +-1, packed, input from Sign 'model/quant_conv2d/ste_sign")
    assert sentence.endswith(": xnor")
    (sentence,) = read(data, "bwn").recognized.values()
    assert sentence.startswith("weights +-alpha per channel, in float32, input from tensor")


def test_binary_padding_becomes_part_of_the_convolution(data: Path) -> None:
    graph = read(data, "depthwise")
    assert not any(isinstance(node.op, ops.Pad) for node in graph.nodes)
    (conv,) = (node.op for node in graph.nodes if isinstance(node.op, ops.Conv))
    assert (conv.pad_value, conv.padding, conv.groups) == (1, ((1, 1), (1, 1)), 16)


def test_a_rectifier_before_a_heaviside_is_left_out(data: Path) -> None:
    kinds = [ops.kind(node.op) for node in read(data, "heaviside").nodes]
    assert "relu" not in kinds
    assert kinds.count("thresholds") == 1


@pytest.mark.parametrize("name", ["batch_open", "float_cnn", "bn_out", "int8"])
def test_another_batch_gives_the_same_for_each_image(data: Path, name: str) -> None:
    x, _ = given(data, name)
    three = np.concatenate([x[:1], -x[:1], x[:1]])
    graph = read(data, name, batch=3)
    assert graph.tensors[graph.inputs[0]].shape == three.shape
    (many,) = run(graph, three, "packed")
    each = [run(read(data, name), image[None], "packed")[0][0] for image in three]
    assert_allclose(many, each, rtol=1e-5, atol=1e-5)


def test_states_its_inputs(data: Path) -> None:
    path = data / "tflite" / "batch_open.tflite"
    assert stated_inputs(path) == {"serving_default_input_1:0": ["?", 6, 5, 4]}
    assert is_tflite(path)
    assert not is_tflite(data / "tflite" / "batch_open.npz")
    assert not is_tflite(data / "absent")


def test_tells_of_the_file(data: Path) -> None:
    graph = read(data, "bn_out")
    assert graph.metadata == {
        "format": "tflite",
        "file": "bn_out.tflite",
        "bytes": 3288,
        "producer": "MLIR Converted.",
        "schema": 3,
        "inputs": {"serving_default_input_1:0": [1, 9, 7, 40]},
    }


@pytest.mark.parametrize("name", ["bn_out", "relu6_bn_sign", "heaviside", "int8", "fp16"])
def test_survives_pickling(data: Path, name: str) -> None:
    x, _ = given(data, name)
    graph = read(data, name, batch=len(x))
    again = pickle.loads(pickle.dumps(graph))
    for mine, theirs in zip(run(again, x, "packed"), run(graph, x, "packed"), strict=True):
        assert_array_equal(mine, theirs)
