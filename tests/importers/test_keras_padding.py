"""Larq's pad_values: what a quantized layer is padded with is part of what it multiplies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.importers.keras_configs import conv, model, source, write
from xnorsim.exact.engines import ENGINES
from xnorsim.exact.execute import execute, prepare
from xnorsim.importers.keras import read_graph
from xnorsim.network.precision import FLOAT32, TERNARY, UNIPOLAR, Encoding, Scheme

CHANCE = np.random.default_rng(8)
X = CHANCE.standard_normal((1, 8, 8, 4)).astype(np.float32)
KERNEL: dict[str, Any] = {"conv/kernel": CHANCE.standard_normal((3, 3, 4, 2)).astype(np.float32)}
DOREFA_1 = {"class_name": "DoReFa", "config": {"k_bit": 1, "mode": "activations"}}

CASES = [
    ("ste_tern", "ste_tern", 1.0, TERNARY, TERNARY, "+1 is one of -1, 0 and +1"),
    ("ste_tern", "ste_tern", -1.0, TERNARY, TERNARY, "so is -1"),
    ("ste_tern", "ste_tern", 0.5, FLOAT32, TERNARY, "a half is none"),
    ("ste_heaviside", "ste_heaviside", 1.0, UNIPOLAR, UNIPOLAR, "1 is one of 0 and 1"),
    ("ste_heaviside", "ste_heaviside", -1.0, FLOAT32, UNIPOLAR, "-1 is none"),
    (DOREFA_1, "ste_tern", 1.0, UNIPOLAR, TERNARY, "one bit of DoReFa is 0 or 1"),
]


def run(path: Path, engine: str, x: np.ndarray) -> np.ndarray:
    graph = read_graph(path, weights=path.parent / "w.npz")
    (output,) = graph.outputs
    return execute(prepare(graph, engine), {"x": x}).outputs[output]


def quantized(given: object, x: np.ndarray) -> np.ndarray:
    """Of floats that lie on no threshold."""
    if given == "ste_tern":
        return np.where(abs(x) < 0.05, 0, np.sign(x)).astype(np.float32)
    return (x > (0 if given == "ste_heaviside" else 0.5)).astype(np.float32)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("inputs", "kernel", "filled", "activation", "weight", "why"), CASES, ids=[c[-1] for c in CASES]
)
def test_padding_that_an_encoding_has_stays_in_it(
    tmp_path: Path,
    inputs: Any,
    kernel: str,
    filled: float,
    activation: Encoding,
    weight: Encoding,
    why: str,
    engine: str,
) -> None:
    np.savez(tmp_path / "w.npz", **KERNEL)
    settings = {"kind": "QuantConv2D", "kernel_quantizer": kernel}
    layers = conv(padding="same", pad_values=filled, input_quantizer=inputs, **settings)
    path = write(tmp_path, model(source(), layers))
    assert read_graph(path).node("conv").scheme == Scheme(weight, activation)
    found = run(path, engine, X)
    padded = np.pad(quantized(inputs, X), ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=filled)
    plain = write(tmp_path, model(source((1, 10, 10, 4)), conv(**settings)), "plain.json")
    assert_array_equal(found, run(plain, engine, padded), err_msg=why)
