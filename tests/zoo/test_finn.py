"""FINN's networks: their layers by hand, and what they compute, beside numpy and Brevitas' file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xnorsim import zoo
from xnorsim.exact.execute import execute, prepare
from xnorsim.network import ops
from xnorsim.network.graph import Graph
from xnorsim.network.precision import BIPOLAR, INT8, Scheme
from xnorsim.work.table import layer_table, totals


def loaded(graph: Graph, name: str) -> np.ndarray:
    load = graph.parameters[name].load
    assert load is not None
    return load()


@pytest.mark.parametrize(("name", "n"), [("tfc", 64), ("sfc", 256), ("lfc", 1024)])
def test_dense_networks(name: str, n: int) -> None:
    graph = zoo.build(f"finn-{name}-1w1a")
    found = totals(layer_table(graph, ()))
    weights = 784 * n + 2 * n * n + 10 * n
    assert found["macs"] == found["binary_macs"] == weights
    assert found["macs_by_precision"] == {"bipolar*bipolar": weights}
    assert found["binarize_ops"] == 784 + 3 * n


def test_cnv_layer_by_layer() -> None:
    # positions, channels, filters of the 3x3 layers without padding; a pool after the 2nd and 4th
    layers = [
        (30, 3, 64),
        (28, 64, 64),
        (12, 64, 128),
        (10, 128, 128),
        (3, 128, 256),
        (1, 256, 256),
    ]
    expected = [size**2 * inputs * filters * 9 for size, inputs, filters in layers]
    expected += [256 * 512, 512 * 512, 512 * 10]
    graph = zoo.build("finn-cnv-1w1a")
    table = layer_table(graph, ())
    assert [n for n in table.columns["macs"].tolist() if n] == expected
    assert graph.node("conv1").scheme == Scheme(BIPOLAR, INT8)
    found = totals(table)
    assert found["bwn_macs"] == expected[0]
    assert found["binary_macs"] == sum(expected[1:])


@pytest.mark.parametrize("engine", ["packed", "blas"])
def test_a_dense_network_computes_signs_of_normalized_sums(engine: str) -> None:
    graph = zoo.build("finn-tfc-1w1a", batch=3)
    image = np.random.default_rng(5).uniform(-1, 1, (3, 1, 28, 28)).astype(np.float32)
    x = np.where(image.reshape(3, 784) >= 0, 1, -1)
    for number in (1, 2, 3):
        sums = (x @ loaded(graph, f"fc{number}.weight.binary").T.astype(int)).astype(np.float32)
        scale, shift, mean, variance = (
            loaded(graph, f"batch_norm{number}.{role}")
            for role in ("scale", "shift", "mean", "variance")
        )
        x = np.where(
            (sums - mean) / np.sqrt(variance + np.float32(1e-5)) * scale + shift >= 0, 1, -1
        )
    dots = x @ loaded(graph, "fc4.weight.binary").T.astype(int)
    run = execute(prepare(graph, engine), {"input": image}, keep=["fc4"])
    np.testing.assert_array_equal(run.kept["fc4"], dots)
    (classes,) = run.outputs.values()
    expected = dots * loaded(graph, "mul1.right") + loaded(graph, "add1.right")
    np.testing.assert_allclose(classes, expected, rtol=1e-6)


def test_cnv_gives_the_same_on_both_engines() -> None:
    graph = zoo.build("finn-cnv-1w1a")
    image = np.random.default_rng(6).uniform(-1, 1, (1, 3, 32, 32)).astype(np.float32)
    runs = [
        execute(prepare(graph, engine), {"input": image}, keep=["conv6", "fc3"])
        for engine in ("packed", "blas")
    ]
    for name in ("conv6", "fc3"):
        np.testing.assert_array_equal(runs[0].kept[name], runs[1].kept[name])
        assert (runs[0].kept[name] == np.round(runs[0].kept[name])).all()
    assert np.ptp(runs[0].kept["conv6"]) > 0


def test_tfc_has_the_layers_of_the_trained_network(shared_data: Path) -> None:
    """TFC_1W1A of the QONNX model zoo, by the shapes of its files' weights."""
    onnx = pytest.importorskip("onnx")
    model = onnx.load(shared_data / "qonnx" / "TFC_1W1A" / "model.onnx")
    theirs = [tuple(item.dims) for item in model.graph.initializer if len(item.dims) == 2]
    graph = zoo.build("finn-tfc-1w1a")
    ours = [
        graph.parameters[node.parameters["weight"]].spec.shape
        for node in graph.nodes
        if isinstance(node.op, ops.Dense)
    ]
    assert sorted(ours) == sorted(theirs)
