"""The paper's own figures, to the digits it gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorsim import zoo
from xnorsim.cost import formula
from xnorsim.network.graph import TensorSpec
from xnorsim.network.ops import Conv
from xnorsim.network.policy import Binarize, Policy, apply, as_float
from xnorsim.network.precision import BIPOLAR, FLOAT32, Scaling
from xnorsim.work.table import layer_table, totals
from xnorsim.zoo.builder import Builder

BY_CHANNELS = {1: 7.89, 4: 23.04, 16: 44.31, 64: 57.60, 256: 62.27, 1024: 63.56}
BY_FILTER = {1: 51.20, 3: 62.27, 5: 63.37, 7: 63.68, 11: 63.87, 20: 63.96}


def test_the_two_numbers_of_the_text():
    assert formula.speedup([256, 3], [9, 1]).round(2).tolist() == [62.27, 2.87]


def test_the_curve_by_channels():
    found = formula.speedup(list(BY_CHANNELS), 9).round(2)
    assert found.tolist() == list(BY_CHANNELS.values())


def test_the_curve_by_filter_size():
    found = formula.speedup(256, np.array(list(BY_FILTER)) ** 2).round(2)
    assert found.tolist() == list(BY_FILTER.values())


@given(st.integers(1, 2000), st.integers(1, 400))
def test_speedup_stays_below_the_register_width_and_grows(channels, taps):
    here, wider = formula.speedup([channels, channels + 1], taps)
    assert 0 < here < wider < formula.BINARY_OPS_PER_CLOCK


@pytest.mark.parametrize(
    ("channels", "kernel", "size"), [(256, 3, 14), (3, 1, 14), (64, 5, 28), (7, 3, 9)]
)
def test_clocks_of_a_counted_layer_give_the_formula(channels, kernel, size):
    """From a network through the layer table to the paper's S: the whole way."""
    b = Builder("one", input=(1, channels, size, size))
    graph = b.graph(b.conv(b.input, 32, kernel, padding=kernel // 2, bias=False))
    binary = layer_table(apply(graph, Policy(Binarize.XNOR, keep=()))).columns
    ratio = binary["macs"].sum() / formula.clocks(binary).sum()
    assert ratio == pytest.approx(float(formula.speedup(channels, kernel**2)), rel=1e-12)


def test_a_binary_weight_network_takes_half():
    graph = zoo.build("vgg19")
    binary = layer_table(apply(graph, Policy(Binarize.BWN, keep=()))).columns
    assert formula.clocks(binary).sum() * 2 == binary["macs"].sum()


@pytest.mark.parametrize(
    ("name", "parameters", "fp64_mib", "why"),
    [
        ("alexnet", 62_378_344, 475.91, "paper: 475 MB, so the ungrouped variant; 249 MB as fp32"),
        ("alexnet-grouped", 60_965_224, 465.13, "paper: 61M parameters"),
        ("vgg19", 143_667_240, 1096.09, "paper: 1 GB"),
        ("resnet18", 11_689_512, 89.18, "paper: 100 MB"),
    ],
)
def test_sizes_of_the_memory_figure(name, parameters, fp64_mib, why):
    found = totals(layer_table(zoo.build(name)))
    assert found["parameters"] == parameters, why
    assert found["parameters"] * 8 / 2**20 == pytest.approx(fp64_mib, abs=0.01), why


@pytest.mark.parametrize("name", zoo.names())
def test_binary_weights_save_32_against_single_and_64_against_double(name):
    """The abstract's 32x is against float32, the memory figure's 64x against float64."""
    policy = Policy(Binarize.XNOR, keep=(), scaling=Scaling.NONE, depthwise=True)
    floats = as_float(zoo.build(name))
    graph = apply(floats, policy)
    weights = [
        graph.parameters[node.parameters["weight"]].spec
        for node in graph.nodes
        if "weight" in node.parameters
    ]
    assert {spec.encoding for spec in weights} == {BIPOLAR}
    elements = sum(spec.elements for spec in weights)
    bits = sum(spec.bits for spec in weights)
    assert (elements * 32 / bits, elements * 64 / bits) == (32.0, 64.0)
    plain = layer_table(floats).columns["weight_bits"].sum()
    biases = plain - elements * 32
    assert layer_table(graph).columns["weight_bits"].sum() == bits + biases


def test_operations_of_alexnet():
    """Paper: about 1.5 G operations an image, a multiply and an add being two."""
    macs = totals(layer_table(zoo.build("alexnet-grouped")))["macs"]
    assert 2 * macs == pytest.approx(1.5e9, rel=0.05)


def test_reference_layer():
    spec = TensorSpec((256, 256, 3, 3), FLOAT32)
    assert spec.elements == 589_824
    b = Builder("reference", input=(1, 256, 14, 14))
    graph = b.graph(b.conv(b.input, 256, 3, padding=1, bias=False, name="conv"))
    assert isinstance(graph.node("conv").op, Conv)
    assert totals(layer_table(graph))["macs"] == 115_605_504
