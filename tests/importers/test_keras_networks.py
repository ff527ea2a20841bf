"""Small networks of every layer and quantizer: what they compute is what Keras computes."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from xnorsim.exact.engines import ENGINES
from xnorsim.exact.execute import execute, prepare
from xnorsim.importers.keras import read_graph
from xnorsim.network.graph import Graph

CASES = {
    "q_dorefa_w2a2": "2-bit weights and activations",
    "q_dorefa_a4": "4-bit activations, whose scale 1/15 float32 does not hold",
    "q_dorefa_w1a1": "one bit each: weights of 0 become -1, activations are 0 and 1",
    "q_dorefa_zoo": "one alpha a layer, as in Larq Zoo's DoReFaNet",
    "q_ste_tern_both": "ternary weights and activations",
    "q_ste_tern_twn": "a threshold that follows from all weights",
    "q_ste_heaviside_both": "0 and 1 on both sides: 0 becomes 0",
    "q_xnor_weight_scale": "weights clipped before alpha is taken",
    "l_quantseparable2d": "both filters quantized; the pointwise layer reads integers",
    "l_quantdepthwise_alpha": "an alpha that filters of all channels share",
    "l_quantconv1d": "one spatial axis, causal padding",
    "l_quantconv3d": "three spatial axes",
    "l_quantconv2dtranspose": "transposed layers, SAME and VALID",
    "w_nested_twice": "a model called twice, with one set of weights",
    "w_shared_layer": "a layer called twice",
    "w_multi_io": "several inputs and outputs",
    "w_explicit_sign": "signs that are layers of their own",
    "s_zeropad_binaryconv": "zeros around +-1, padded by a layer before the binary one",
    "s_pad_crop_up": "padding, cropping and repeating",
    "s_shape": "reshapes and permutations in the file's order of axes",
    "s_rescaling": "constants of the config",
    "t_arith": "operators of results and of numbers on either side",
    "t_nn": "functions of tf.nn and tf.math",
    "t_shape": "tf.reshape, tf.concat, slices and others, over axes of the file's order",
    "m_merge": "two inputs and more, products of vectors too",
    "a_layers": "activation layers with their settings",
    "a_names": "activation functions by name",
    "f_conv1d": "dilation, causal padding",
    "f_depthwise_separable": "filters for each channel",
    "f_bn_dense": "batch normalization of vectors",
    "f_norms": "normalizations",
    "f_groupnorm": "groups of channels, which lie last in the file",
    "p_pool2d": "means of what lies inside the input alone",
    "p_global": "pools over everything, with axes kept and not",
    "keras3_functional": "calls as Keras 3 writes them",
    "keras3_nested": "a model called twice, as Keras 3 counts calls",
    "keras3_sequential": "no input layer in the file",
}


def read(folder: Path) -> Graph:
    weights = folder / "weights.npz"
    return read_graph(folder / "config.json", weights=weights if weights.exists() else None)


def numbered(arrays: dict[str, np.ndarray], letter: str) -> list[np.ndarray]:
    """x, or x0, x1, ... in order."""
    keys = [key for key in arrays if key.startswith(letter)]
    return [arrays[key] for key in sorted(keys, key=lambda key: int(key[1:] or 0))]


def results(graph: Graph, inputs: list[np.ndarray], engine: str) -> list[np.ndarray]:
    given = dict(zip(graph.inputs, inputs, strict=True))
    outputs = execute(prepare(graph, engine), given).outputs
    return [outputs[name] for name in graph.outputs]


def test_every_case_is_run(data: Path) -> None:
    assert {path.parent.name for path in (data / "keras").glob("*/io.npz")} == set(CASES)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_equals_keras(data: Path, name: str, engine: str) -> None:
    folder = data / "keras" / name
    with np.load(folder / "io.npz") as file:
        arrays = dict(file)
    graph = pickle.loads(pickle.dumps(read(folder)))
    expected = numbered(arrays, "y")
    found = results(graph, numbered(arrays, "x"), engine)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == np.float32
        assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5, err_msg=CASES[name])


@pytest.mark.parametrize("name", ["w_nested_twice", "keras3_nested"])
def test_an_hdf5_file_has_models_within_models(data: Path, name: str) -> None:
    folder = data / "keras" / name
    with np.load(folder / "io.npz") as file:
        inputs = numbered(dict(file), "x")
    expected = results(read(folder), inputs, "packed")
    for graph in (
        read_graph(folder / "model.h5"),
        read_graph(folder / "config.json", weights=folder / "model.h5"),
    ):
        for ours, theirs in zip(results(graph, inputs, "packed"), expected, strict=True):
            assert_array_equal(ours, theirs)


def test_parameters_of_a_layer_used_twice_are_stored_once(data: Path) -> None:
    graph = read(data / "keras" / "w_shared_layer")
    first, second = graph.node("quant_conv2d"), graph.node("quant_conv2d.use2")
    assert first.parameters == second.parameters
    assert (first.layer, second.layer) == ("", "quant_conv2d")
    graph = read(data / "keras" / "w_nested_twice")
    pairs = [(node, graph.node(node.name.removesuffix(".use2"))) for node in graph.nodes
             if node.name.endswith(".use2")]  # fmt: skip
    assert len(pairs) >= 2
    assert all(again.parameters == node.parameters for again, node in pairs)
    assert all("/" in again.layer == node.name for again, node in pairs)


def test_weights_with_names_of_another_session_are_taken_in_order(
    data: Path, tmp_path: Path
) -> None:
    """Keras numbers layers anew: quant_conv2d may be quant_conv2d_7 in the file of weights."""
    folder = data / "keras" / "w_nested_twice"
    text = (folder / "config.json").read_text()
    renamed = text.replace('"dense', '"dense_7').replace('"block', '"block_3')
    assert renamed != text
    (tmp_path / "config.json").write_text(renamed)
    graph = read_graph(tmp_path / "config.json", weights=folder / "model.h5")
    assert "taken in the order" in graph.notes[0]
    with np.load(folder / "io.npz") as file:
        inputs = numbered(dict(file), "x")
    expected = results(read_graph(folder / "model.h5"), inputs, "packed")
    for ours, theirs in zip(results(graph, inputs, "packed"), expected, strict=True):
        assert_array_equal(ours, theirs)
