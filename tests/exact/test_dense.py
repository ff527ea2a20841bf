"""Dense layers and matrix products: Gemm's factors, binary scaling, integers and zero points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exact.calls import BLAS, f32
from xnorsim.exact.call import Call
from xnorsim.exact.engines import ENGINES
from xnorsim.exact.reference import run
from xnorsim.network import ops
from xnorsim.network.graph import TensorSpec
from xnorsim.network.precision import (
    BIPOLAR,
    BWN,
    ENCODINGS,
    FLOAT32,
    FP32,
    INT32,
    UNIPOLAR,
    XNOR,
    Encoding,
    Scaling,
    Scheme,
)
from xnorsim.network.shapes import output_specs

X = np.array([[1.0, -2.0, 3.0]], np.float32)
W = np.array([[1.0, 0.5], [2.0, -1.0], [-1.0, 4.0]], np.float32)  # X W = [[-6, 14.5]]


def result(
    op: ops.Op,
    *inputs: np.ndarray,
    shape: tuple[int, ...],
    encoding: Encoding = FLOAT32,
    scheme: Scheme = FP32,
    engine: str = "blas",
    **parameters: np.ndarray,
) -> np.ndarray:
    specs = (TensorSpec(shape, encoding),)
    (value,) = run(op, Call(inputs, specs, ENGINES[engine], parameters, scheme))
    assert value.shape == shape
    return value


GEMM = {
    "plain": (ops.Dense(3, 2), {"weight": W}, [[-6, 14.5]]),
    "weight turned": (ops.Dense(3, 2, transpose_weight=True), {"weight": W.T}, [[-6, 14.5]]),
    "bias": (ops.Dense(3, 2), {"weight": W, "bias": f32(1, 2)}, [[-5, 16.5]]),
    "alpha before bias": (
        ops.Dense(3, 2, alpha=2.0), {"weight": W, "bias": f32(1, 2)}, [[-11, 31]],
    ),
    "beta on the bias alone": (
        ops.Dense(3, 2, beta=0.5), {"weight": W, "bias": f32(1, 2)}, [[-5.5, 15.5]],
    ),
    "bias as a matrix": (
        ops.Dense(3, 2), {"weight": W, "bias": f32([1, 2])}, [[-5, 16.5]],
    ),
    "one bias for all": (ops.Dense(3, 2), {"weight": W, "bias": f32(1).reshape(())}, [[-5, 15.5]]),
}  # fmt: skip


@pytest.mark.parametrize(("op", "parameters", "expected"), GEMM.values(), ids=GEMM.keys())
def test_gemm(op: ops.Dense, parameters: dict, expected: list) -> None:
    np.testing.assert_array_equal(result(op, X, shape=(1, 2), **parameters), expected)


def test_a_transposed_input() -> None:
    op = ops.Dense(3, 2, transpose_input=True)
    np.testing.assert_array_equal(result(op, X.T.copy(), shape=(1, 2), weight=W), [[-6, 14.5]])


def test_leading_axes_stay() -> None:
    data = np.broadcast_to(X, (2, 4, 3)).copy()
    found = result(ops.Dense(3, 2), data, shape=(2, 4, 2), weight=W)
    np.testing.assert_array_equal(found, np.broadcast_to([-6, 14.5], (2, 4, 2)))


SIGNS = np.array([[1, -1, 1]], np.int8)
BITS = np.array([[1, 1], [1, -1], [1, 1]], np.int8)  # SIGNS BITS = [[1, 3]]
ALPHA = f32(0.5, 2)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_binary_layer_is_scaled_after_its_integers(engine: str) -> None:
    op = ops.Dense(3, 2)
    parameters: dict[str, Any] = {"weight": BITS, "alpha": ALPHA}
    bare = Scheme(BIPOLAR, BIPOLAR)
    dots = result(op, SIGNS, shape=(1, 2), scheme=bare, engine=engine, weight=BITS)
    np.testing.assert_array_equal(dots, [[1, 3]])
    found = result(op, SIGNS, shape=(1, 2), scheme=XNOR, engine=engine, **parameters)
    np.testing.assert_array_equal(found, [[0.5, 6]])
    # beta = mean|x| of the unsigned input: (1 + 2 + 3) / 3 = 2
    both = Scheme(BIPOLAR, BIPOLAR, Scaling.ALPHA_K)
    parameters["bias"] = f32(1, 1)
    found = result(op, SIGNS, X, shape=(1, 2), scheme=both, engine=engine, **parameters)
    np.testing.assert_array_equal(found, [[2, 13]])
    parameters["unsigned"] = X
    found = result(op, SIGNS, shape=(1, 2), scheme=both, engine=engine, **parameters)
    np.testing.assert_array_equal(found, [[2, 13]])


def test_a_binary_weight_layer_adds_and_subtracts() -> None:
    found = result(ops.Dense(3, 2), X, shape=(1, 2), scheme=BWN, weight=BITS, alpha=ALPHA)
    np.testing.assert_array_equal(found, [[0.5 * (1 - 2 + 3), 2 * (1 + 2 + 3)]])


@settings(max_examples=60)
@given(st.integers(1, 300), st.integers(1, 9), st.integers(1, 5), st.integers(0, 99))
def test_engines_equal_integers(k: int, filters: int, rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    data, weight = (random.choice([-1, 1], size) for size in ((rows, k), (k, filters)))
    scheme = Scheme(BIPOLAR, BIPOLAR)
    for engine in ENGINES:
        found = result(
            ops.Dense(k, filters), data.astype(np.int8), shape=(rows, filters), scheme=scheme,
            engine=engine, weight=weight.astype(np.int8),
        )  # fmt: skip
        np.testing.assert_array_equal(found, data @ weight)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_product_of_two_binary_tensors_is_exact(engine: str) -> None:
    found = result(
        ops.MatMul(), SIGNS, BITS, shape=(1, 2), scheme=Scheme(BIPOLAR, BIPOLAR), engine=engine
    )
    np.testing.assert_array_equal(found, [[1, 3]])


@pytest.mark.parametrize("words", [1023, 1024, 1025])
@pytest.mark.parametrize("engine", ENGINES)
def test_every_bit_may_differ(engine: str, words: int) -> None:
    """65,536 differing bits are one more than 16 bits count."""
    k = 64 * words
    data, weight = np.ones((1, k), np.int8), np.full((k, 2), -1, np.int8)
    scheme = Scheme(BIPOLAR, BIPOLAR)
    found = result(ops.Dense(k, 2), data, shape=(1, 2), scheme=scheme, engine=engine, weight=weight)
    np.testing.assert_array_equal(found, [[-k, -k]])


def test_integers_are_exact_and_wrap_as_accumulators_do() -> None:
    data, weight = np.full((1, 4), 2**30, np.int32), np.ones((4, 1), np.int32)
    found = result(ops.MatMul(), data, weight, shape=(1, 1), encoding=INT32)
    assert found[0, 0] == 0, "4 * 2**30 modulo 2**32"
    data = np.full((1, 1), 2**53 + 1, np.int64)
    found = result(
        ops.MatMul(), data, np.ones((1, 1), np.int64), shape=(1, 1), encoding=ENCODINGS["int64"]
    )
    assert found[0, 0] == 2**53 + 1, "float64 would have lost the 1"


WIDE = [
    # (type, values, weights, why)
    ("int64", 2**40, 2**20 + 1, "float64 holds the sum, and 32 bits do not"),
    ("int64", 2**53 + 1, 1, "float64 would lose the 1"),
    ("int64", 2**62, 3, "modulo 2**64, as runtimes wrap"),
    ("int32", 2**31 - 1, 2**31 - 1, "the low bits of a product of 62"),
]


@pytest.mark.parametrize(("name", "value", "factor", "why"), WIDE)
@pytest.mark.parametrize("op", [ops.Dense(3, 2), ops.MatMul()], ids=["dense", "matmul"])
def test_wide_integers_keep_every_bit(
    op: ops.Op, name: str, value: int, factor: int, why: str
) -> None:
    encoding, kind = ENCODINGS[name], np.dtype(name)
    data, weight = np.full((1, 3), value, kind), np.full((3, 2), factor, kind)
    bits = 8 * kind.itemsize
    exact = (3 * value * factor + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)
    found = result(op, data, weight, shape=(1, 2), encoding=encoding)
    assert found.tolist() == [[exact, exact]], why


def test_zero_points_are_taken_away_first() -> None:
    data = np.array([[3, 5], [1, 1]], np.uint8)
    weight = np.array([[1, 2], [3, 4]], np.uint8)
    found = result(
        ops.MatMul(), data, weight, shape=(2, 2), encoding=INT32,
        input_zero_point=np.array([1, 0], np.uint8), weight_zero_point=np.array(1, np.uint8),
    )  # fmt: skip
    np.testing.assert_array_equal(found, np.array([[2, 4], [1, 1]]) @ [[0, 1], [2, 3]])
    for rows, centred in ((1, [[2, 4], [0, 0]]), ([1, 0], [[2, 4], [1, 1]])):
        found = result(
            ops.Dense(2, 2), data, shape=(2, 2), encoding=INT32, weight=weight,
            input_zero_point=np.array(rows, np.uint8), weight_zero_point=np.array([1, 2], np.uint8),
        )  # fmt: skip
        np.testing.assert_array_equal(found, np.array(centred) @ [[0, 0], [2, 2]])


def test_narrow_floats_are_summed_in_float32() -> None:
    data = np.full((1, 4096), 1, np.float16)
    weight = np.full((4096, 1), 1, np.float16)
    found = result(ops.MatMul(), data, weight, shape=(1, 1), encoding=ENCODINGS["float16"])
    assert found.dtype == np.float16
    assert found[0, 0] == 4096, "a float16 sum would have stopped at 2048"


def test_alpha_scales_sums_of_integers_too():
    """{0, 1} x +-1 is a sum of integers, which alpha makes a float."""
    op, weight = ops.Dense(4, 2), np.array([[1, -1], [1, 1], [-1, 1], [1, 1]], np.int8)
    scheme = Scheme(BIPOLAR, UNIPOLAR, Scaling.ALPHA)
    (spec,) = output_specs(
        op,
        TensorSpec((1, 4), UNIPOLAR),
        weight=TensorSpec((4, 2), BIPOLAR),
        alpha=TensorSpec((2,), FLOAT32),
    )
    held = {"weight": weight, "alpha": f32(0.5, 2)}
    call = Call((np.array([[1, 0, 1, 1]], np.uint8),), (spec,), BLAS, held, scheme)
    (found,) = run(op, call)
    np.testing.assert_array_equal(found, f32([0.5, 2]), strict=True)
