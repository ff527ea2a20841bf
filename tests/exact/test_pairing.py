"""Which tensors of two networks belong together: formats that name and fold layers differently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xnorsim.exact.diff import Divergence, diff
from xnorsim.exact.execute import prepare
from xnorsim.exact.pairing import pair_networks
from xnorsim.importers.reading import read_graph
from xnorsim.network.graph import Graph
from xnorsim.zoo.builder import Builder

SIGNS = "order of signs and outputs, since names have nothing in common"
LAYERS = "order of layers of the same kind and shape"

# The signs that layers multiply, and one output. Files with the same layers are compared whole.
CASES = [
    ("valid_c64", "model.tflite", SIGNS, 2),
    ("valid_c64", "model.tf2onnx.onnx", LAYERS, 4),
    ("same_pad0_stride2", "model.tflite", SIGNS, 2),
    ("same_pad0_stride2", "model.tf2onnx.onnx", LAYERS, 4),
    ("chain3_bn_same_pad1", "model.tflite", SIGNS, 4),
    ("chain3_bn_same_pad1", "model.tf2onnx.onnx", SIGNS, 4),
    ("xnor_alpha_chain", "model.tflite", SIGNS, 3),
    ("xnor_alpha_chain", "model.tf2onnx.onnx", LAYERS, 6),
    ("bireal_block_head", "model.tflite", SIGNS, 4),
    ("bireal_block_head", "model.tf2onnx.onnx", SIGNS, 4),
]


def compare(a: Graph, b: Graph, x: np.ndarray) -> Divergence:
    return diff(prepare(a), prepare(b), {a.inputs[0]: x}, {b.inputs[0]: x})


@pytest.mark.parametrize(("name", "file", "rule", "pairs"), CASES)
def test_formats_of_one_network_agree(
    data: Path, name: str, file: str, rule: str, pairs: int
) -> None:
    folder = data / "lce" / name
    with np.load(folder / "io.npz") as arrays:
        x = arrays["x"]
    weights = folder / "weights.npz"
    a = read_graph(folder / "model.keras_config.json", batch=len(x), weights=weights)
    b = read_graph(folder / file, batch=len(x))
    for first, second in ((a, b), (b, a)):
        found = compare(first, second, x)
        assert (found.pairing.rule, found.compared) == (rule, pairs)
        assert found.pairing.partners[first.outputs[0]] == second.outputs[0]
        assert found.difference is None


def test_outputs_are_compared_beyond_a_sign_that_differs(data: Path) -> None:
    folder = data / "lce" / "bireal_block_head"
    with np.load(folder / "io.npz") as arrays:
        x = arrays["x"]
    a = read_graph(folder / "model.tf2onnx.onnx", batch=len(x))
    b = read_graph(folder / "model.tflite", batch=len(x))
    found = diff(prepare(a), prepare(b), {a.inputs[0]: x}, {b.inputs[0]: -x})
    assert (found.kind, found.is_binary, found.compared) == ("sign", True, 2)  # of 4 pairs
    (output,) = a.outputs
    assert list(found.outputs) == [output]
    how = found.outputs[output]
    assert how is not None
    assert how.elements == 10 * len(x)


def signs(count: int, mark: str) -> Graph:
    """A network of so many signs of one shape, each multiplied, and as many layers more."""
    b = Builder("net", input=(2, 8, 6, 6))
    x = b.input
    for i in range(count):
        sign = b.sign(b.relu(x, name=f"{mark}relu{i}"), name=f"{mark}sign{i}")
        x = b.binary_conv(sign, 8, 3, padding=1, name=f"{mark}conv{i}")
    return b.graph(b.dense(b.flatten(x, name=f"{mark}flat"), 5, name=f"{mark}out"))


def test_signs_of_which_one_network_has_more_pair_nothing() -> None:
    assert pair_networks(signs(2, "a/"), signs(2, "b/")).rule == LAYERS
    pairing = pair_networks(signs(2, "a/"), signs(3, "b/"))
    assert pairing.rule == SIGNS
    assert pairing.partners == {"a/out": "b/out"}


def test_a_sign_that_no_layer_multiplies_has_no_partner(data: Path) -> None:
    """What lies between a sign and its layer, as a change of axes, may be on either side of it."""
    folder = data / "lce" / "valid_c64"
    a = read_graph(folder / "model.keras_config.json", weights=folder / "weights.npz")
    b = read_graph(folder / "model.tflite", batch=1)
    read = {node.inputs[0] for node in a.nodes if "conv" in node.name}
    pairing = pair_networks(a, b)
    assert {*pairing.partners} - {*a.outputs} <= read
