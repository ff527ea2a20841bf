"""Networks and layers of QONNX beside qonnx's own execution."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.testing import assert_allclose

from xnorsim.exact.engines import ENGINES
from xnorsim.exact.execute import execute, prepare
from xnorsim.importers.onnx import read_graph
from xnorsim.importers.onnx.qonnx import DOMAINS
from xnorsim.network import ops
from xnorsim.network.graph import Graph
from xnorsim.work.table import layer_table, totals

# What each multiplies, and why it is here.
CASES = {
    "bipolar_act_perchannel": {},  # scales of activations, one below 0
    "bipolar_bwn": {"bipolar*float32": 10368},  # weights alone are binary
    "bipolar_conv_both_scale_pad1": {"bipolar*bipolar": 122112},  # both scales become alpha
    "bipolar_w1a2": {"bipolar*uint2": 18432},
    "brevitas_truncavgpool": {"int4*int8": 42336, "int4*uint4": 7200},
    "brevitas_w4a4": {"int4*int8": 55296, "int4*uint4": 30240},  # a max pool keeps the width
    "channels_last": {"bipolar*bipolar": 122112},
    "conv_w3b_perchannel": {"int3*uint3": 24408},
    "conv_w4_zeropoint": {"uint4*int4": 7776},
    "conv_w4b_perchannel": {"int4*uint4": 24408},
    "dense_w2b": {"ternary*int3": 320, "int2*uint3": 80},
    "finn_bipolar_matmul": {"bipolar*bipolar": 1760},
    "im2col_depthwise": {"float32*float32": 11664},  # its matrix is full: so are the filters
    "im2col_dilation2": {"float32*float32": 5400},
    "im2col_xnor": {"bipolar*bipolar": 66816},
    "mt_int4_bias": {},
    "mt_nhwc": {},
    "mt_scaled": {},
    "mt_ternary": {},
    "mt_uint2_perchannel": {},
    "net_w4a4_pool": {"int4*uint4": 13824, "int4*float32": 30},  # a mean is no integer
    "quant_int2_narrow": {},
    "quant_mode_HALF_DOWN": {},
    "quant_mode_UP": {},
    "quant_uint1": {},
    "quant_uint4_narrow": {},  # leaves out the greatest number
    "quant_zp3_uint4": {},  # an odd zero point: which halves are even
    "quantavgpool": {},
    "trunc_v1_CEIL_zp": {},
    "trunc_v2_ROUND_zp": {},  # a quarter is subtracted, which is no integer
    "trunc_v2_unsigned_narrow": {},
    "xnor_chain_thresholds": {"bipolar*bipolar": 1760},
    "xnor_matmul_mul2_addk": {"bipolar*bipolar": 720},
    "xnor_matmul_raw": {"bipolar*bipolar": 720},
}


def check_outputs(graph: Graph, folder: Path, engine: str = "blas") -> None:
    """Integers are equal to the bit; floats were added in another order."""
    with np.load(folder / "io.npz") as file:
        given = dict(file)
    name = next(key for key in given if not key.startswith("y"))
    expected = next(given[key] for key in given if key.startswith("y"))
    session = prepare(graph, engine)
    for x, y in zip(given[name], expected, strict=True):
        shape = graph.tensors[graph.inputs[0]].shape
        feed = {graph.inputs[0]: x.reshape(shape).astype(np.float32)}
        (found,) = execute(session, feed).outputs.values()
        assert np.any(y)
        assert_allclose(found.astype(np.float32), y.reshape(found.shape), rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", CASES)
def test_equals_qonnx(data: Path, name: str) -> None:
    folder = data / "qonnx" / name
    graph = read_graph(folder / "model.onnx")
    check_outputs(graph, folder)
    assert totals(layer_table(graph))["macs_by_precision"] == CASES[name]


def test_every_case_is_looked_at(data: Path) -> None:
    found = {path.parent.name for path in (data / "qonnx").glob("*/model.onnx")}
    assert found == {*CASES, "brevitas_bnn"}


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_agree(data: Path, engine: str) -> None:
    """With a scale of both operands, and behind popcounts."""
    for name in ("bipolar_conv_both_scale_pad1", "im2col_xnor", "bipolar_w1a2"):
        folder = data / "qonnx" / name
        check_outputs(read_graph(folder / "model.onnx"), folder, engine)


@pytest.mark.parametrize("domain", DOMAINS)
def test_domains_mean_the_same(data: Path, domain: str, read: Callable[..., Graph]) -> None:
    """The layers have moved between domains, and files keep the old names."""
    for name in ("bipolar_conv_both_scale_pad1", "quant_int2_narrow", "mt_nhwc", "im2col_xnor"):
        model = onnx.load(data / "qonnx" / name / "model.onnx")
        for node in model.graph.node:
            node.domain = domain if node.domain else ""
        for entry in model.opset_import:
            entry.domain = domain if entry.domain else ""
        check_outputs(read(model), data / "qonnx" / name)


def test_im2col_and_a_product_are_a_convolution(data: Path) -> None:
    graph = read_graph(data / "qonnx" / "im2col_dilation2" / "model.onnx")
    (node,) = (node for node in graph.nodes if isinstance(node.op, ops.Conv))
    assert isinstance(node.op, ops.Conv)
    assert node.op.dilation == (2, 2)
    assert not any(isinstance(node.op, ops.Slice | ops.Dense) for node in graph.nodes)


def test_a_popcount_times_two_less_k_is_the_dot_product(data: Path) -> None:
    graph = read_graph(data / "qonnx" / "xnor_matmul_mul2_addk" / "model.onnx")
    last = graph.node(next(node.name for node in graph.nodes if graph.outputs[0] in node.outputs))
    assert isinstance(last.op, ops.Dense | ops.MatMul)
