"""Which float weights lie at the levels of a few bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.importers.conftest import make_model
from tests.importers.test_onnx_patterns import made
from tests.importers.tflite_files import Op, T, make_tflite
from xnorsim.importers.levelled import level_bits
from xnorsim.importers.tflite import read_graph
from xnorsim.network.graph import Graph

F = np.float32


def dorefa(bits: int, shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    """Weights as DoReFa makes them in float32, both ends among those of each filter."""
    top = 2**bits - 1
    levels = np.random.default_rng(seed).integers(0, top + 1, shape)
    rows = levels.reshape(shape[0], -1)
    rows[:, 0], rows[:, 1] = 0, top
    return F(2) * (levels.astype(F) / F(top)) - F(1)


@given(bits=st.integers(2, 8), seed=st.integers(0, 99), factor=st.floats(-40, 40, width=32))
def test_levels_are_found_behind_any_factor(bits: int, seed: int, factor: float) -> None:
    """What DoReFa rounds, and a folded batch normalization rounds again."""
    weights = dorefa(bits, (4, 200), seed) * np.array([[1], [-0.37], [F(factor)], [0]], F)
    if abs(factor) < 1e-30:
        weights[2] = 0
    assert level_bits(weights) == bits


@pytest.mark.parametrize(
    "weights",
    [
        np.random.default_rng(0).standard_normal((3, 40)).astype(F),
        dorefa(2, (1, 40)) * np.linspace(1, 1.001, 40, dtype=F),  # off by more than a rounding
        dorefa(2, (3, 7)),  # few enough to be chance
        np.array([[0, 1, 2, 3] * 4], F),  # 0 is no odd multiple
        np.full((2, 9), np.inf, F),
        np.zeros((2, 9), F),
        np.full((2, 9), F(1 / 9)),  # a mean over a window
    ],
    ids=["normal", "off", "few", "with zeros", "infinite", "zeros", "equal"],
)
def test_other_weights_are_none(weights: np.ndarray) -> None:
    assert level_bits(weights) is None


WEIGHT = dorefa(2, (3, 4, 3, 3))
WORDS = "weights float32, up to rounding those of 2 bits per filter, input from {}: fp32"


def test_a_tflite_file_says_what_its_weights_are_near(tmp_path: Path) -> None:
    """They run, and count, as the floats that the file has."""
    path = tmp_path / "model.tflite"
    fields = {"Padding": 1, "StrideW": 1, "StrideH": 1}
    data = make_tflite(
        [T((1, 6, 6, 4)), T(values=WEIGHT.transpose(0, 2, 3, 1)), T((1, 4, 4, 3))],
        [Op("CONV_2D", [0, 1], [2], "Conv2DOptions", fields)],
    )
    path.write_bytes(data)
    (text,) = read_graph(path).recognized.values()
    assert text.startswith(WORDS.split("{", maxsplit=1)[0])


def test_an_onnx_file_says_what_its_weights_are_near(read: Callable[..., Graph]) -> None:
    nodes = made(("Conv", ["<", "w"]))
    graph = read(make_model(nodes, {"x": (1, 4, 6, 6)}, weights={"w": WEIGHT}))
    assert graph.recognized == {"n0": WORDS.format("'x'")}
    (parameter,) = graph.parameters.values()
    assert parameter.load is not None
    assert np.array_equal(parameter.load(), WEIGHT)
