"""Networks of Larq as tf2onnx writes them, beside Keras and Larq's own counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from xnorsim.exact.engines import ENGINES
from xnorsim.exact.execute import execute, prepare
from xnorsim.importers.onnx import read_graph
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node
from xnorsim.network.precision import BIPOLAR
from xnorsim.work.table import layer_table, totals

# What each multiplies: weights and inputs of its multiplying layers in their order.
CASES: Mapping[str, tuple[str, ...]] = {
    "l_quantconv1d": ("bipolar*bipolar",) * 3,
    "l_quantconv2d_stride": ("bipolar*bipolar",) * 2,
    "l_quantdense": ("bipolar*bipolar",) * 3,
    "l_quantseparable2d": (  # its second half reads sums; the last one's weights are no bits
        "bipolar*bipolar",
        "bipolar*float32",
        "bipolar*bipolar",
        "float32*float32",
    ),
    "q_bwn": ("bipolar*float32",) * 2,
    "q_dorefa_a2": ("bipolar*uint2",) * 2,
    "q_ste_heaviside_both": ("unipolar*unipolar",) * 2,
    "q_ste_sign": ("bipolar*bipolar",) * 2,
    "q_ste_sign_pad0": ("bipolar*bipolar",) * 2,
    "q_ste_tern_both": ("ternary*ternary",) * 2,
    "q_xnor_weight_scale": ("bipolar*bipolar",) * 2,
}


def read(folder: Path, file: str = "model.tf2onnx.onnx") -> Graph:
    return read_graph(folder / file, batch=1)


def case_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "case.json").read_text())


def check_output(graph: Graph, folder: Path, engine: str = "packed") -> None:
    """Equal to Keras to the bit where the results are integers."""
    with np.load(folder / "io.npz") as file:
        x, y = file["x"], file["y"]
    (found,) = execute(prepare(graph, engine), {graph.inputs[0]: x}).outputs.values()
    assert np.any(y)
    if case_of(folder)["output_is_integer"]:
        assert_array_equal(found, y)
    else:
        assert_allclose(found, y, rtol=1e-5, atol=1e-6 * np.abs(y).max())


def multiplying(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if isinstance(node.op, ops.MULTIPLYING)]


@pytest.mark.parametrize("name", [*CASES, "net_r2b"])
def test_equals_keras(data: Path, name: str) -> None:
    """Outputs, Larq's counts of MACs, and one sentence for each layer that is not plain."""
    folder = data / "tf2onnx" / name
    graph, counted = read(folder), case_of(folder)
    check_output(graph, folder)
    found = totals(layer_table(graph))
    assert found["macs"] == counted["op_count_mac_all"]
    if set(CASES.get(name, ("bipolar*bipolar",))) == {"bipolar*bipolar"}:
        assert found["binary_macs"] == counted["op_count_mac_1bit"]
    assert set(graph.recognized) == {node.name for node in graph.nodes if node.scheme}


@pytest.mark.parametrize("name", CASES)
def test_layers_are_recognized(data: Path, name: str) -> None:
    graph = read(data / "tf2onnx" / name)
    found = tuple(str(node.scheme or "float32*float32") for node in multiplying(graph))
    assert found == CASES[name]


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_agree(data: Path, engine: str) -> None:
    """With padding of +1, of 0, and ternary operands."""
    for name in ("q_ste_sign", "q_ste_sign_pad0", "q_ste_tern_both"):
        check_output(read(data / "tf2onnx" / name), data / "tf2onnx" / name, engine)


def test_unoptimized_files_are_the_same_network(data: Path) -> None:
    """Transposes around each layer, and a batch normalization that was not folded."""
    folder = data / "tf2onnx" / "q_ste_sign"
    raw = read(folder, "model.tf2onnx_raw.onnx")
    check_output(raw, folder)
    assert totals(layer_table(raw))["macs_by_precision"] == {"bipolar*bipolar": 283392}


def test_transposes_are_left_at_the_ends_alone(data: Path) -> None:
    """A network of residuals and scaled channels keeps the one at its input."""
    graph = read(data / "tf2onnx" / "net_r2b")
    assert [n.inputs for n in graph.nodes if isinstance(n.op, ops.Transpose)] == [graph.inputs]


def test_padding_of_plus_one_is_the_convolution_s(data: Path) -> None:
    graph = read(data / "tf2onnx" / "q_ste_sign")
    first = multiplying(graph)[0].op
    assert isinstance(first, ops.Conv)
    assert (first.pad_value, first.padding) == (1, ((1, 1), (1, 1)))
    assert not any(isinstance(node.op, ops.Pad) for node in graph.nodes)


@pytest.mark.parametrize("name", ["q_ste_sign", "q_bwn", "l_quantdense", "l_quantconv2d_stride"])
def test_binary_weights_are_those_of_keras(data: Path, name: str) -> None:
    """A batch normalization that was folded in may have turned the signs of a filter."""
    folder = data / "tf2onnx" / name
    graph = read(folder)
    with np.load(folder / "signs.npz") as file:
        kernels = list(file.values())
    weights = [
        graph.parameters[node.parameters["weight"]]
        for node in multiplying(graph)
        if node.scheme is not None
    ]
    assert len(weights) == len(kernels) > 1
    for weight, kernel in zip(weights, kernels, strict=True):
        assert weight.spec.encoding == BIPOLAR
        assert weight.load is not None
        rows = np.moveaxis(weight.load(), 0 if kernel.ndim > 2 else 1, 0)
        order = np.moveaxis(kernel, -1, 0)
        order = np.moveaxis(order, -1, 1) if kernel.ndim > 2 else order
        turned = (rows * order).reshape(len(rows), -1)
        assert np.all(turned == turned[:, :1])


def test_a_recognized_layer_says_why(data: Path) -> None:
    graph = read(data / "tf2onnx" / "q_ste_sign")
    first, second = graph.recognized.values()
    source = "Sign 'q_ste_sign/quant_conv2d/ste_sign_1/Sign_1'"
    assert first == f"weights +-alpha per channel, input from {source}: xnor"
    assert second.startswith("weights +-1, input from Sign '")
