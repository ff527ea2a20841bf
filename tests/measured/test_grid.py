"""The grid of layers, and each as a problem for kernels and as a network to predict."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.measured.surveyed import fake
from xnorsim.errors import UsageError
from xnorsim.kernels.problem import Kernel
from xnorsim.measured import grid as subject
from xnorsim.measured.grid import REFERENCE, Layer, grid, layer_macs, layer_name
from xnorsim.network.bits import unpack
from xnorsim.network.ops import Sign
from xnorsim.work.table import layer_table, totals

EVERY = [*subject.known_layers().values()]
KERNELS = [
    fake("xnor", "binary"),
    fake("xnor-bits", "binary", "bits", "bits"),
    fake("bwn", "bwn"),
    fake("numpy", "fp"),
]


def test_each_layer_has_a_name_of_its_own():
    assert len({layer_name(layer) for layer in EVERY}) == len({*EVERY})


def test_a_name_tells_all_sizes():
    """Records hold names alone: what they stand for must not depend on the grid."""
    for name, layer in subject.known_layers().items():
        if found := re.fullmatch(r"(?:dw)?(\d+)x\1(?:/(\d))?_(\d+)x\3x(\d+)(?:_(\d+))?", name):
            kernel, stride, size, channels, filters = found.groups()
            sizes = int(kernel), int(stride or 1), int(size), int(channels)
            assert sizes == (layer.kernel, layer.stride, layer.size, layer.channels)
            assert int(filters or channels) == layer.filters
            assert (layer.groups == 1) == (filters is not None)
        else:
            assert name == f"dense_{layer.channels}_{layer.filters}"


@pytest.mark.parametrize(
    ("what", "holds"),
    [
        ("channels from 16", lambda layer: layer.channels == 16),
        ("to 1024", lambda layer: layer.channels == 1024),
        ("1x1", lambda layer: layer.kernel == 1 and layer.size > 1),
        ("5x5", lambda layer: layer.kernel == 5),
        ("7x7", lambda layer: layer.kernel == 7),
        ("7 positions a side", lambda layer: layer.size == 7),
        ("112", lambda layer: layer.size == 112),
        ("strides", lambda layer: layer.stride == 2),
        ("odd channels", lambda layer: layer.channels % 2 and layer.filters % 2),
        ("a word and one channel", lambda layer: layer.channels in (65, 129)),
        ("dense", lambda layer: layer.size == 1),
        ("depthwise", lambda layer: layer.groups > 1),
    ],
)
def test_the_default_grid_has(what, holds):
    assert any(map(holds, grid("default"))), what


def test_grids_grow():
    quick, default, full = (grid(name) for name in subject.GRIDS)
    assert {*quick} < {*default} < {*full}
    assert REFERENCE in quick
    assert len({*full}) == len(full)


def test_no_such_grid():
    with pytest.raises(UsageError, match=r"no grid 'fast'.*quick"):
        grid("fast")


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("layer", grid("quick"), ids=layer_name)
def test_what_is_predicted_is_what_is_computed(layer: Layer, kernel: Kernel):
    problem = subject.problem(layer, kernel.kind)
    table = layer_table(subject.layer_graph(layer, kernel))
    found = totals(table)
    assert problem.shape == (1, layer.channels, layer.size, layer.size)
    assert problem.weight.shape[1] == layer.channels // layer.groups
    kinds = {"binary": "binary_macs", "bwn": "bwn_macs", "fp": "fp_macs"}
    assert found[kinds[kernel.kind]] == found["macs"] == layer_macs(layer)
    positions = -(-layer.size // layer.stride)
    assert table.output_shapes[-1] == (1, layer.filters, positions, positions)


def test_weights_are_drawn_from_the_name_alone():
    first = subject.problem(REFERENCE, "binary")
    subject.problem.cache_clear()
    again = subject.problem(REFERENCE, "binary")
    assert again is not first
    np.testing.assert_array_equal(first.weight, again.weight)
    other = subject.problem(Layer(256, 256, 3, 13), "binary")
    assert (first.weight != other.weight).any()


def test_scales():
    binary, fp = (subject.problem(REFERENCE, kind) for kind in ("binary", "fp"))
    assert binary.alpha is not None
    np.testing.assert_allclose(binary.alpha, np.abs(binary.weight).mean((1, 2, 3)))
    assert binary.alpha.dtype == np.float32
    assert fp.alpha is None, "floats are not scaled"
    assert [item.dtype for item in fp.norm or ()] == [np.float32] * 2


def test_bits_are_the_signs_of_the_floats():
    layer = Layer(70, 8, 3, 5)
    words = subject.image(layer, "bits")
    floats = subject.image(layer, "floats")
    assert (words.shape, words.dtype) == ((1, 5, 5, 2), np.uint64)
    signs = np.moveaxis(unpack(words, 70), -1, 1)
    np.testing.assert_array_equal(signs, np.where(floats >= 0, 1, -1))


def test_a_kernel_of_bits_reads_and_writes_bits():
    graph = subject.layer_graph(REFERENCE, KERNELS[1])
    assert graph.tensors[graph.inputs[0]].encoding.bits == 1
    assert [type(node.op) for node in graph.nodes].count(Sign) == 1, "that of the results"
    assert layer_table(graph).columns["input_bits"][0] == 256 * 14 * 14
