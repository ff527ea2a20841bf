"""Weights told by their values: one magnitude a filter, zeros in it, filters of zeros."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tests.importers.tflite_files import Op, T, make_tflite, run
from xnorsim.importers.levels import BLOCK, FEWEST_FILTERS, levels
from xnorsim.importers.tflite import read_graph
from xnorsim.network.precision import BIPOLAR, TERNARY, UNIPOLAR, Encoding

F = np.float32
nan, inf = np.nan, np.inf

# Filters; what they are, alpha, and whether there are both signs.
FOUND: dict[str, tuple[list[list[float]], Encoding, list[float], bool]] = {
    "+-alpha": ([[2, -2, 2], [0.5, 0.5, -0.5]], BIPOLAR, [2, 0.5], True),
    "+-1": ([[1, -1], [-1, 1]], BIPOLAR, [1, 1], True),
    "of one sign": ([[1, 1], [3, 3]], BIPOLAR, [1, 3], False),
    "a filter of zeros": ([[2, -2], [0, -0.0]], BIPOLAR, [2, 0], True),
    "ternary": ([[2, -2, 0], [0, 0, 1]], TERNARY, [2, 1], True),
    "ternary and a filter of zeros": ([[2, -2, 0], [0, 0, 0]], TERNARY, [2, 0], True),
    "ternary and a filter without zeros": ([[0, 2, 0], [1, -1, 1]], TERNARY, [2, 1], True),
    "zeros and alpha": ([[2, 0, 2], [1, 1, 1]], UNIPOLAR, [2, 1], False),
    "and a filter of zeros": ([[2, 0, 2], [0, 0, 0]], UNIPOLAR, [2, 0], False),
    "alpha below 0": ([[-2, 0, -2], [0, 1, 1]], UNIPOLAR, [-2, 1], True),
    "whose products overflow": ([[1e30, -1e30, 0]], TERNARY, [1e30], True),
    "zeros only": ([[0, 0]], BIPOLAR, [0], False),
}


@pytest.mark.parametrize("case", FOUND)
def test_levels(case: str) -> None:
    filters, encoding, alpha, signed = FOUND[case]
    found = levels(np.array(filters, F))
    assert found is not None
    assert (found.encoding, found.signed) == (encoding, signed)
    assert_array_equal(found.alpha, np.array(alpha, F))
    assert found.scaled == any(value != 1 for value in alpha)


@pytest.mark.parametrize(
    "filters",
    [[[1, 1], [1, 2]], [[1, nan], [1, 1]], [[nan, nan]], [[inf, inf]], [[1, -1], [-inf, 1]]],
)
def test_weights_of_several_magnitudes_or_no_numbers(filters: list[list[float]]) -> None:
    assert levels(np.array(filters, F)) is None


def test_no_weights() -> None:
    assert levels(np.zeros((0, 3), F)) is None
    assert levels(np.zeros((3, 0), F)) is None


@pytest.mark.parametrize("filters", [FEWEST_FILTERS, FEWEST_FILTERS + 1, 3 * FEWEST_FILTERS + 1])
def test_every_filter_is_looked_at_however_many_blocks_they_are(filters: int) -> None:
    weight = np.ones((BLOCK // 8, filters), F).T  # filters that are columns
    assert levels(weight) is not None
    weight[-1, -1] = 2
    assert levels(weight) is None


@given(
    st.lists(st.floats(0.125, 8, width=32) | st.just(0.0), min_size=1, max_size=40),
    st.sampled_from([(-1, 1), (-1, 0, 1), (0, 1)]),
    st.integers(0, 2**32 - 1),
)
def test_levels_give_the_weights_back(
    alpha: list[float], codes: tuple[int, ...], seed: int
) -> None:
    drawn = np.random.default_rng(seed).choice(codes, (len(alpha), 3, 2)).astype(F)
    scale = np.array(alpha, F)[:, None, None]
    weight = drawn * scale
    found = levels(weight)
    assert found is not None
    signs = np.where(weight >= 0, F(1), F(-1)) if found.encoding == BIPOLAR else np.sign(weight)
    if found.encoding == UNIPOLAR:
        signs = (weight != 0).astype(F)
    assert_array_equal(signs * found.alpha[:, None, None], weight)


# In a file of TensorFlow Lite: the codes that weights are made of, and what is counted
DEAD = {"+-": ((-1, 1), BIPOLAR), "ternary": ((-1, 0, 1), TERNARY), "binary": ((0, 1), UNIPOLAR)}


@pytest.mark.parametrize("case", DEAD)
def test_a_filter_of_zeros_leaves_a_layer_of_few_levels(case: str, tmp_path: Path) -> None:
    """So gamma 0 of a batch normalization leaves them, once it is folded into them."""
    codes, encoding = DEAD[case]
    alpha = np.array([1, 0, 2, 0.5], F)
    drawn = np.random.default_rng(7).choice(codes, (4, 3, 3, 4)).astype(F)
    weight = drawn * alpha[:, None, None, None]
    bias = np.array([1, 2, 3, 4], F)
    tensors = [
        *(T((1, 5, 5, 4)), T((1, 5, 5, 1), type="int32"), T((1, 5, 5, 4))),
        *(T(values=weight), T(values=bias), T((1, 3, 3, 4))),
    ]
    strides = {"Padding": 1, "StrideH": 1, "StrideW": 1}
    operators = [
        Op("LceQuantize", [0], [1]),
        Op("LceDequantize", [1], [2]),
        Op("CONV_2D", [2, 3, 4], [5], "Conv2DOptions", strides),
    ]
    path = tmp_path / "dead.tflite"
    x = np.random.default_rng(8).normal(size=(1, 5, 5, 4)).astype(F)
    (found,) = run(path, make_tflite(tensors, operators), x)
    signs = np.where(x >= 0, F(1), F(-1))
    windows = np.lib.stride_tricks.sliding_window_view(signs, (3, 3), (1, 2))
    assert_array_equal(found, np.einsum("nhwcij,oijc->nhwo", windows, weight) + bias)
    graph = read_graph(path)
    (layer,) = (node for node in graph.nodes if "weight" in node.parameters)
    assert graph.parameters[layer.parameters["weight"]].spec.encoding == encoding


def test_a_layer_of_zeros_is_one_of_floats(tmp_path: Path) -> None:
    tensors = [T((1, 5)), T(values=np.zeros((4, 5), F)), T((1, 4))]
    dense = Op("FULLY_CONNECTED", [0, 1, -1], [2], "FullyConnectedOptions")
    path = tmp_path / "zeros.tflite"
    path.write_bytes(make_tflite(tensors, [dense]))
    assert read_graph(path).recognized == {}
