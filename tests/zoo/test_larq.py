"""Larq's networks, layer by layer against what Keras and larq.models.summary say of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from tests.zoo.larq_layers import of_graph, of_keras
from xnorsim import zoo
from xnorsim.exact.execute import execute, prepare
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, producers
from xnorsim.network.policy import as_float
from xnorsim.network.precision import BIPOLAR, FP32
from xnorsim.work.table import layer_table, totals

ORIGIN = {
    "binary-alexnet": "BinaryAlexNet",
    "binary-densenet-28": "BinaryDenseNet28",
    "bireal-net-18": "BiRealNet",
    "quicknet": "QuickNet",
    "xnor-net-larq": "XNORNet",
}
RELATIVES = {
    "binary-alexnet-dense",
    "binary-densenet-37",
    "binary-densenet-37-dilated",
    "binary-densenet-45",
    "binary-resnet-e-18",
    "meliusnet-22",
    "quicknet-large",
    "quicknet-small",
    "real-to-binary-net",
}
Pads = tuple[tuple[int, int], ...]
NATIVE = sorted({*ORIGIN, *RELATIVES})


def read(data: Path, name: str, kind: str) -> dict[str, Any]:
    return json.loads((data / "larq" / f"{ORIGIN[name]}.{kind}.json").read_text())


def alphas(graph: Graph) -> dict[str, int]:
    """Scales by layer: Larq makes them of the weights anew, and counts none."""
    return {
        node.name: graph.parameters[node.parameters["alpha"]].spec.elements
        for node in graph.nodes
        if "alpha" in node.parameters
    }


def elements(graph: Graph, *without: str) -> int:
    return sum(
        graph.parameters[name].spec.elements
        for node in graph.nodes
        for role, name in node.parameters.items()
        if role not in without
    )


def our_rows(graph: Graph) -> dict[str, dict[str, Any]]:
    """The columns of larq.models.summary, from the layer table without fusion."""
    table, scales = layer_table(graph, ()), alphas(graph)
    rows = {}
    for i, (node, name) in enumerate(zip(graph.nodes, table.names, strict=True)):
        row = {column: int(values[i]) for column, values in table.columns.items()}
        weight = node.parameters.get("weight", "")
        bipolar = weight in graph.parameters and graph.parameters[weight].spec.encoding == BIPOLAR
        bits = row["weight_bits"] + row["scale_bits"] - 32 * scales.get(name, 0)
        batch, *rest = graph.tensors[node.outputs[0]].shape
        rows[node.outputs[0]] = {
            "out": [-batch, *rest[1:], rest[0]],
            "mac1": row["binary_macs"],
            "mac32": row["fp_macs"] + row["bwn_macs"],  # Larq: +-1 weights x floats are 32-bit
            "w1": bits if bipolar else 0,
            "w32": 0 if bipolar else bits // 32,
            "mem_bits": bits,
        }
        assert row["macs"] == row["binary_macs"] + row["fp_macs"] + row["bwn_macs"]
    return rows


@pytest.mark.parametrize("name", ORIGIN)
def test_every_layer_is_larqs_with_its_numbers_and_what_it_reads(name: str, data: Path) -> None:
    graph, summary = zoo.build(name), read(data, name, "summary")
    known: dict[tuple, int] = {}
    shapes = {row["name"]: row["out"] for row in summary["per_layer"]}
    theirs = of_keras(read(data, name, "keras_config"), shapes, known)
    ours = of_graph(graph, known)
    tensors = {number: tensor for tensor, number in ours.items()}
    assert len(tensors) == len(ours)  # no two layers are the same
    assert {layer for layer, number in theirs.items() if number not in tensors} == set()
    # Larq writes signs, and the ReLU of a convolution, into the layer; nothing else is ours alone.
    extra = {kind for _, kind in alone(graph, ours, set(theirs.values()))}
    assert extra <= {"sign", "relu"}
    rows = our_rows(graph)
    for row in summary["per_layer"]:
        if row["mac"] is not None or row["w_total"]:
            assert rows[tensors[theirs[row["name"]]]] == {
                key: row[key] for key in ("out", "mac1", "mac32", "w1", "w32", "mem_bits")
            }, row["name"]


def alone(graph: Graph, ours: Mapping[str, int], theirs: set[int]) -> list[tuple[str, str]]:
    """Layers of the graph that Keras does not have as such: (name, kind)."""
    return [
        (node.name, ops.kind(node.op))
        for node in graph.nodes
        if ours[node.outputs[0]] not in theirs
    ]


def figures(graph: Graph) -> tuple[int, ...]:
    """Binary MACs, other MACs, parameters with the statistics of BN, bits without alpha."""
    found = totals(layer_table(graph, ()))
    return (
        found["binary_macs"],
        found["fp_macs"] + found["bwn_macs"],
        elements(graph, "alpha"),
        found["stored_bits"] - 32 * sum(alphas(graph).values()),
    )


def test_alexnet_with_dense_layers_counts_as_with_convolutions() -> None:
    """What is published of 2020 are the same numbers; 9216 = 256 x 6 x 6 inputs."""
    dense, later = zoo.build("binary-alexnet-dense"), zoo.build("binary-alexnet")
    assert figures(dense) == figures(later)
    found, expected = (layer_table(graph, ()) for graph in (dense, later))
    shapes = {"fc6": (4096, 9216), "fc7": (4096, 4096), "fc8": (1000, 4096)}
    for name, (features, inputs) in shapes.items():
        node = dense.node(name)
        assert isinstance(node.op, ops.Dense)
        assert dense.parameters[node.parameters["weight"]].spec.shape == (features, inputs)
        row = {column: values[found.names.index(name)] for column, values in found.columns.items()}
        assert row["binary_macs"] == row["weight_bits"] == features * inputs
    convolutions = ["conv1", "conv2", "conv3", "conv4", "conv5"]
    for column in ("binary_macs", "bwn_macs", "fp_macs", "weight_bits", "binarize_ops"):
        theirs, ours = (
            dict(zip(table.names, table.columns[column], strict=True))
            for table in (expected, found)
        )
        for name in (*convolutions, *shapes):
            assert ours[name] == theirs[name], (name, column)


def test_dilated_blocks_keep_their_positions() -> None:
    graph = zoo.build("binary-densenet-37-dilated")
    plain = zoo.build("binary-densenet-37")
    for block, dilation, size, halved in (
        (1, 1, 56, 56),
        (2, 1, 28, 28),
        (3, 2, 28, 14),
        (4, 4, 28, 7),
    ):
        name = f"block{block}.0.conv"
        op = graph.node(name).op
        assert isinstance(op, ops.Conv)
        assert (op.dilation, op.padding) == ((dilation,) * 2, ((dilation,) * 2,) * 2)
        assert graph.tensors[name].shape == (1, 64, size, size)
        assert plain.tensors[name].shape == (1, 64, halved, halved)


def binary_layers(graph: Graph) -> list[str]:
    """Convolutions of +-1 weights with +-1 inputs."""
    return [
        node.name
        for node in graph.nodes
        if node.scheme is not None
        and (node.scheme.weight, node.scheme.activation) == (BIPOLAR,) * 2
    ]


IMAGE = np.random.default_rng(7).standard_normal((1, 3, 224, 224)).astype(np.float32)


def loaded(graph: Graph, node: Node, role: str) -> np.ndarray:
    load = graph.parameters[node.parameters[role]].load
    assert load is not None
    return load()


def sums(image: np.ndarray, weight: np.ndarray, stride: int, pads: Pads, value: int) -> np.ndarray:
    """A convolution with 3x3 filters by a matrix product; `value` stands in its padding."""
    padded = np.pad(image, ((0, 0), (0, 0), *pads), constant_values=value)
    windows = sliding_window_view(padded, (3, 3), (2, 3))[:, :, ::stride, ::stride]
    products = np.tensordot(
        windows.astype(np.float32), weight.astype(np.float32), ((1, 4, 5), (1, 2, 3))
    )
    return np.moveaxis(products, -1, 1)


@pytest.mark.parametrize("engine", ["packed", "blas"])
@pytest.mark.parametrize(
    ("name", "layers", "padding", "value", "why"),
    [
        ("quicknet-small", ("section1.0.conv", "section4.3.conv"), (1, 1), 1, "padded with +1"),
        ("bireal-net-18", ("stage1.0.conv", "stage3.3.conv"), (1, 1), 0, "padded with 0; alpha"),
        ("bireal-net-18", ("stage2.0.conv", "stage4.0.conv"), (0, 1), 0, "at stride 2; alpha"),
    ],
)
def test_binary_layers_multiply_signs(
    engine: str, name: str, layers: tuple[str, ...], padding: tuple[int, int], value: int, why: str
) -> None:
    graph = zoo.build(name)
    signs = [f"{layer}.sign" for layer in binary_layers(graph)]
    run = execute(prepare(graph, engine), {"input": IMAGE}, keep=[*signs, *layers])
    assert all(set(np.unique(run.kept[sign])) == {-1, 1} for sign in signs)
    for layer in layers:
        node = graph.node(layer)
        assert isinstance(node.op, ops.Conv)
        assert node.op.padding == (padding,) * 2, why
        image, weight = run.kept[node.inputs[0]], loaded(graph, node, "weight")
        expected = sums(image, weight, node.op.stride[0], node.op.padding, value)
        if "alpha" in node.parameters:
            expected *= loaded(graph, node, "alpha").reshape(-1, 1, 1)
        np.testing.assert_array_equal(run.kept[layer], expected, err_msg=why)
    (probabilities,) = run.outputs.values()
    assert probabilities.shape == (1, 1000)
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_an_improvement_touches_the_newest_channels_alone() -> None:
    graph = zoo.build("meliusnet-22")
    run = execute(prepare(graph, "packed"), {"input": IMAGE}, keep=["concat1", "add1"])
    before, after = run.kept["concat1"], run.kept["add1"]
    assert before.shape[1] == 64 + 64
    np.testing.assert_array_equal(after[:, :64], before[:, :64])
    assert (after[:, 64:] != before[:, 64:]).mean() > 0.9


def test_a_gate_scales_channels_by_what_the_binary_layer_reads() -> None:
    graph = zoo.build("real-to-binary-net")
    name = "stage2.0"
    conv, gate = graph.node(f"{name}.gated").inputs
    assert conv == f"{name}.conv"
    run = execute(prepare(graph, "packed"), {"input": IMAGE}, keep=[conv, gate, f"{name}.gated"])
    gates = run.kept[gate]
    assert gates.shape == (1, 128, 1, 1)
    assert ((gates >= 0) & (gates <= 1)).all()
    np.testing.assert_array_equal(run.kept[f"{name}.gated"], run.kept[conv] * gates)
    made_by = producers(graph)
    source = gate
    while not isinstance(made_by[source].op, ops.BatchNorm):
        (source,) = made_by[source].inputs
    assert graph.node(f"{conv}.sign").inputs == (source,)


def test_the_blur_keeps_a_mean() -> None:
    graph = zoo.build("quicknet")
    weight = loaded(graph, graph.node("section2.transition.blur"), "weight")
    assert weight.shape == (64, 1, 3, 3)
    np.testing.assert_array_equal(weight[5, 0] * 16, [[1, 2, 1], [2, 4, 2], [1, 2, 1]])


@pytest.mark.parametrize("name", NATIVE)
def test_the_float_twin_has_the_same_macs_and_no_sign(name: str) -> None:
    graph = zoo.build(name)
    twin = as_float(graph)
    assert not any(isinstance(node.op, ops.Sign) for node in twin.nodes)
    assert {node.scheme for node in twin.nodes} <= {None, FP32}
    found, plain = totals(layer_table(graph, ())), totals(layer_table(twin, ()))
    assert plain["macs"] == plain["fp_macs"] == found["macs"]
    assert plain["binarize_ops"] == 0 < found["binarize_ops"]
    assert plain["weight_bits"] + plain["scale_bits"] == found["weight_bits_fp32"]
