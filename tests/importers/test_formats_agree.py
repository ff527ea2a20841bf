"""One network from each of its files: equal counts, equal bits, equal outputs."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import xnorsim as xs
from tests.importers.keras_configs import conv, model, source, write
from xnorsim.network import ops
from xnorsim.network.graph import Graph
from xnorsim.network.precision import BIPOLAR
from xnorsim.work.table import layer_table, totals

CASES = (
    "bireal_block_head",
    "chain3_bn_same_pad1",
    "same_pad0_stride2",
    "valid_c64",
    "xnor_alpha_chain",
)
ENGINES = ("blas", "packed", "native")


def read_all(folder: Path, batch: int) -> dict[str, Graph]:
    """The network of a folder from its Keras, TensorFlow Lite and ONNX files."""
    weights = folder / "weights.npz"
    return {
        "keras": xs.load_model(folder / "model.keras_config.json", weights=weights, batch=batch),
        "tflite": xs.load_model(folder / "model.tflite", batch=batch),
        "tf2onnx": xs.load_model(folder / "model.tf2onnx.onnx", batch=batch),
    }


def counts(graph: Graph) -> dict[str, int]:
    found = totals(layer_table(graph, ()))
    return {name: found[name] for name in ("macs", "binary_macs", "bwn_macs", "fp_macs")}


def binary_weights(graph: Graph) -> list[np.ndarray]:
    """The signs of each binary layer as (filters, rest), in execution order."""
    found = []
    for node in graph.nodes:
        item = graph.parameters.get(node.parameters.get("weight", ""))
        if item is None or item.spec.encoding != BIPOLAR:
            continue
        assert item.load is not None
        values = item.load()
        if isinstance(node.op, ops.Dense) and not node.op.transpose_weight:
            values = values.T
        found.append(values.reshape(len(values), -1))
    return found


def upright(filters: np.ndarray) -> np.ndarray:
    """Filters that begin with +1: where a batch normalization with a negative gamma was folded in,
    a file holds the filter negated."""
    return filters * filters[:, :1]


@pytest.mark.parametrize("case", CASES)
def test_files_of_one_network_agree(data: Path, tmp_path: Path, case: str) -> None:
    folder = data / "lce" / case
    with np.load(folder / "io.npz") as file:
        x, y = file["x"], file["y"]
    graphs = read_all(folder, len(x))
    for name in tuple(graphs):  # each of them as QONNX, and read again
        graphs[f"{name} as QONNX"] = xs.load_model(
            xs.export_onnx(graphs[name], tmp_path / f"{name}.onnx")
        )
    for (_, left), (name, right) in pairwise(graphs.items()):
        assert counts(left) == counts(right), name
        ours, theirs = binary_weights(left), binary_weights(right)
        assert len(ours) == len(theirs) > 0, name
        for first, second in zip(ours, theirs, strict=True):
            assert_array_equal(upright(first), upright(second), name)
    for name, graph in graphs.items():
        for engine in ENGINES:
            (found,) = xs.run(graph, x, engine=engine).outputs.values()
            assert_array_equal(found, y, f"{name}, {engine}", strict=True)


@pytest.mark.parametrize("kernel", [None, "ste_tern", "ste_heaviside", "ste_sign"])
def test_taps_on_padding_of_signs_are_not_valid_ones(tmp_path: Path, kernel: str | None) -> None:
    """Whatever the weights: 3 x 3 windows over 8 x 8 have 22 of 24 taps a side inside. Larq puts a
    layer that pads with +1 before weights that are not binary, and so do files written from it."""
    settings = {"padding": "same", "pad_values": 1.0, "input_quantizer": "ste_sign"}
    layer = conv(kind="QuantConv2D", kernel_quantizer=kernel, **settings)
    graph = xs.load_model(write(tmp_path, model(source(), layer)), batch=1)
    found = totals(layer_table(graph, ()))
    assert (found["macs"], found["macs_valid"]) == (2 * 4 * 24**2, 2 * 4 * 22**2)
    assert not any(isinstance(node.op, ops.Pad) for node in graph.nodes)


@pytest.mark.parametrize("case", CASES)
def test_predictions_do_not_depend_on_the_format(data: Path, case: str) -> None:
    """But for what a file has of its own: the Transpose of an ONNX file's input, and the
    thresholds that LCE has in the place of a batch normalization and a Sign."""
    own = {"transpose", "sign", "thresholds"}
    found = {}
    for name, graph in read_all(data / "lce" / case, 1).items():
        report = xs.analyze(graph, profile="raspberry-pi-4b", predictor="instructions:larq")
        times = zip(report.layers["kind"], report.predictions[0].columns["latency_s"], strict=True)
        shared = sum(time for kind, time in times if kind not in own)
        found[name] = shared, report.totals["peak_activation_bits"]
    for name, costs in found.items():
        assert costs == pytest.approx(found["keras"]), name
