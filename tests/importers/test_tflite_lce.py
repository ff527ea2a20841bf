"""The operators of Larq Compute Engine, in files made here, against their definition.

Source: larq/compute-engine, larq_compute_engine/core/bconv2d/reference.h and output_transform.h.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tests.importers.tflite_files import BCONV, Op, T, make_tflite, run
from xnorsim.importers.tflite import read_graph
from xnorsim.network import ops
from xnorsim.network.precision import BIPOLAR


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.tflite"


@pytest.mark.parametrize("zero", [0, -5, 100])
def test_the_sign_of_integers_is_that_beside_their_zero_point(path: Path, zero: int) -> None:
    x = np.arange(-128, 128, dtype=np.int8).reshape(1, 2, 2, 64)
    tensors = [T(x.shape, type="int8", quantized=(0.1, zero)), T((1, 2, 2, 2), type="int32")]
    tensors.append(T(x.shape))
    data = make_tflite(tensors, [Op("LceQuantize", [0], [1]), Op("LceDequantize", [1], [2])])
    assert_array_equal(run(path, data, x)[0], np.where(x >= zero, 1, -1).astype(np.float32))


def test_bits_as_integers(path: Path) -> None:
    """round(1 / 0.4) = 3 steps away from half, from the zero point, within int8."""
    tensors = [
        *(T((1, 4)), T((1, 1), type="int32")),
        T((1, 4), type="int8", quantized=(0.4, 126)),
    ]
    data = make_tflite(tensors, [Op("LceQuantize", [0], [1]), Op("LceDequantize", [1], [2])])
    x = np.array([[-1, 1, 0, -0.0]], np.float32)
    assert run(path, data, x)[0].tolist() == [[123, 127, 127, 127]]


def test_truth_as_bits(path: Path) -> None:
    random = np.random.default_rng(3)
    left, right = random.normal(0, 1, (2, 2, 3, 4, 5)).astype(np.float32)
    shape = left.shape
    tensors = [T(shape), T(shape), T(shape, type="bool"), T((2, 3, 4, 1), type="int32")]
    operators = [Op("GREATER", [0, 1], [2]), Op("LceQuantize", [2], [3])]
    (found,) = run(path, make_tflite(tensors, operators, [0, 1]), left, right)
    assert_array_equal(found, np.where(left > right, 1, -1))


def packed(signs: np.ndarray) -> np.ndarray:
    """+-1 as int32 words along the last axis: bit 1 is -1, channel 0 the least significant."""
    padding = (-signs.shape[-1]) % 32
    bits = np.pad(signs < 0, [(0, 0)] * (signs.ndim - 1) + [(0, padding)])
    weights = np.int64(1) << np.arange(32)
    words = (bits.reshape(*signs.shape[:-1], -1, 32) * weights).sum(-1)
    return words.astype(np.uint32).view(np.int32)


def differing(x: np.ndarray, w: np.ndarray, fill: int) -> np.ndarray:
    """Pairs that differ, 3 x 3 SAME; a tap on padding of 0 counts half of its channels."""
    signs = np.pad(np.where(x < 0, -1, 1), ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=fill)
    dots = np.zeros((*x.shape[:3], len(w)), np.int64)
    for row in range(3):
        for column in range(3):
            part = signs[:, row : row + x.shape[1], column : column + x.shape[2]]
            dots += part @ w[:, row, column].T
    return (w[0].size - dots) // 2


CLAMPS = {0: (-(2**31), 2**31), 1: (0, 2**31), 2: (-1, 1), 3: (0, 6)}


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[dict[str, int], dict[str, Any]]:
    """Options and arrays of a binary convolution with an output of each kind."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    channels, fill = draw(st.sampled_from([2, 32, 34])), draw(st.sampled_from([0, 1]))
    arrays = {
        "x": random.integers(-2, 3, (2, 3, 4, channels)).astype(np.float32),
        "w": random.choice([-1, 1], (5, 3, 3, channels)),
        "m": random.choice([-0.3, 0.0, 1.0, 1.7, 0.1], 5).astype(np.float32),
        "b": random.normal(0, 3, 5).astype(np.float32),
        "t": random.choice([-(2**31), 2**31 - 1, *range(0, 9 * channels, 3)], 5).astype(np.int32),
    }
    number = draw(st.sampled_from(list(CLAMPS)))
    options = {"channels_in": channels, "pad_values": fill, "fused_activation_function": number}
    return BCONV | options, arrays


def binary(options: Mapping[str, int], arrays: Mapping[str, Any], y: T) -> bytes:
    x = arrays["x"]
    words = -(-x.shape[-1] // 32)
    tensors = [
        T(x.shape),
        T((*x.shape[:3], words), type="int32"),
        T(values=packed(arrays["w"])),
        *(T(values=arrays[name]) for name in "mbt"),
        y,
    ]
    operators = [
        Op("LceQuantize", [0], [1]),
        Op("LceBconv2d", [1, 2, 3, 4, 5], [6], custom=options),
    ]
    return make_tflite(tensors, operators)


@given(convolutions())
def test_binary_convolutions_write_bits(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[dict[str, int], dict[str, Any]]
) -> None:
    options, arrays = drawn
    path, x = tmp_path_factory.getbasetemp() / "bits.tflite", arrays["x"]
    options = options | {"fused_activation_function": 0}
    data = binary(options, arrays, T((*x.shape[:3], 1), type="int32"))
    count = differing(x, arrays["w"], options["pad_values"])
    (found,) = run(path, data, x)
    assert_array_equal(found, np.where(count > arrays["t"], -1, 1))
    assert read_graph(path).tensors[read_graph(path).outputs[0]].encoding == BIPOLAR


def transformed(
    options: Mapping[str, int], arrays: Mapping[str, Any], scale: float = 1, zero: int = 0
) -> np.ndarray:
    """(2c clamped) * (-m) + (b + k m), in LCE's own order of roundings."""
    w, m, b = arrays["w"], arrays["m"].astype(np.float64), arrays["b"].astype(np.float64)
    k = w[0].size
    low, high = CLAMPS[options["fused_activation_function"]]
    twice = 2 * differing(arrays["x"], w, options["pad_values"])
    clamped = np.clip(twice, k - min(high, k), k - max(low, -k)).astype(np.float32)
    factor = (-m / scale).astype(np.float32)
    return clamped * factor + ((b + k * m) / scale + zero).astype(np.float32)


@given(convolutions())
def test_binary_convolutions_write_floats(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[dict[str, int], dict[str, Any]]
) -> None:
    options, arrays = drawn
    path, x = tmp_path_factory.getbasetemp() / "floats.tflite", arrays["x"]
    data = binary(options, arrays, T((*x.shape[:3], 5)))
    assert_array_equal(run(path, data, x)[0], transformed(options, arrays), strict=True)


@given(convolutions())
def test_binary_convolutions_write_integers(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[dict[str, int], dict[str, Any]]
) -> None:
    options, arrays = drawn
    path, x = tmp_path_factory.getbasetemp() / "integers.tflite", arrays["x"]
    data = binary(options, arrays, T((*x.shape[:3], 5), type="int8", quantized=(0.25, -3)))
    exact = transformed(options, arrays, 0.25, -3)
    rounded = np.trunc(exact + np.copysign(np.float32(0.5), exact))
    assert_array_equal(run(path, data, x)[0], np.clip(rounded, -128, 127).astype(np.int8))


def test_a_convolution_without_a_transform_has_no_layers_for_one(path: Path) -> None:
    arrays = {
        "x": np.ones((1, 3, 3, 32), np.float32),
        "w": np.ones((5, 3, 3, 32), np.int64),
        "m": np.ones(5, np.float32),
        "b": np.zeros(5, np.float32),
        "t": np.zeros(5, np.int32),
    }
    path.write_bytes(binary(BCONV, arrays, T((1, 3, 3, 5))))
    kinds = [ops.kind(node.op) for node in read_graph(path).nodes]
    assert kinds == ["transpose", "sign", "conv", "transpose"]
