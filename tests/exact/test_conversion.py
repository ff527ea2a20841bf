"""Sign, quantization and casts: tables worked out by hand, and onnxruntime's word."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.testing import assert_allclose, assert_array_equal

from tests.exact.calls import BLAS, f32, result
from tests.exact.runtime import results_of
from xnorsim.errors import ModelError, UnsupportedOpError
from xnorsim.exact.call import Call
from xnorsim.exact.encodings import dtype_of
from xnorsim.exact.reference import run
from xnorsim.network import ops
from xnorsim.network.graph import TensorSpec
from xnorsim.network.precision import BIPOLAR, ENCODINGS, FLOAT32, INT8, UINT8, Encoding

nan, inf = np.nan, np.inf


def converted(op: ops.Op, to: Encoding, x: np.ndarray, **parameters: np.ndarray) -> np.ndarray:
    (found,) = run(op, Call((x,), (TensorSpec(x.shape, to),), BLAS, parameters))
    assert found.dtype == dtype_of(to)
    assert found.shape == x.shape
    return found


SIGNS = [
    (f32(0.5, -0.5, 0.0, -0.0), [1, -1, 1, 1], "sign(0) is +1, and -0.0 is 0"),
    (f32(1e-45, -1e-45), [1, -1], "the smallest numbers there are"),
    (np.array([3, 0, -3], np.int32), [1, 1, -1], "accumulators"),
    (np.array([0.5, -0.0, -2], np.float16), [1, 1, -1], ""),
    (np.array([0.5, -0.0, -2], ml_dtypes.bfloat16), [1, 1, -1], ""),
    (np.array([0, 200], np.uint8), [1, 1], "nothing is below 0"),
    (f32(), [], "nothing at all"),
]


@pytest.mark.parametrize(("x", "expected", "why"), SIGNS)
def test_sign(x, expected, why):
    assert_array_equal(converted(ops.Sign(), BIPOLAR, x), np.array(expected, np.int8), why)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({(0, 2): nan}, r"1 of the 6 .* NaN or infinite, the first at \[0, 2\] \(nan\)"),
        ({(1, 1): inf, (1, 2): nan}, r"2 of the 6 .* the first at \[1, 1\] \(inf\)"),
        ({(1, 0): -inf}, r"1 of the 6 .* the first at \[1, 0\] \(-inf\)"),
    ],
)
@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_sign_of_what_is_not_finite(wrong, match, kind):
    x = np.zeros((2, 3), kind)
    for place, value in wrong.items():
        x[place] = value
    with pytest.raises(ModelError, match=match):
        converted(ops.Sign(), BIPOLAR, x)


QUANTIZED = [
    # (to, zero point, x / 0.5, codes, why)
    ("uint8", 0, [0.5, 1.5, 2.5], [0, 2, 2], "halves to even"),
    ("uint8", 3, [0.5, 1.5, -1], [3, 5, 2], "rounded before the zero point is added"),
    ("uint8", 128, [-500, 500], [0, 255], "saturated"),
    ("int8", 0, [-500, 500, -0.5], [-128, 127, 0], ""),
    ("int8", None, [2.2], [2], "no zero point"),
    ("int16", -5, [1e9, -1e9, 1], [32767, -32768, -4], ""),
    ("uint16", 7, [1e9, -1e9, 1], [65535, 0, 8], ""),
    ("int4", 1, [99, -99, 3.5], [7, -8, 5], ""),
    ("uint4", 1, [99, -99, 3.5], [15, 0, 5], ""),
    ("int2", 0, [99, -99, -1], [1, -2, -1], ""),
    ("uint2", 0, [99, -99, 2], [3, 0, 2], ""),
]


@pytest.mark.parametrize(("to", "zero", "x", "codes", "why"), QUANTIZED)
def test_quantize(to, zero, x, codes, why):
    encoding = ENCODINGS[to]
    named = {"scale": np.array(0.5, np.float32)}
    if zero is not None:
        named["zero_point"] = np.array(zero).astype(dtype_of(encoding))
    found = converted(ops.Quantize(encoding), encoding, f32(*x) / 2, **named)
    assert_array_equal(found.astype(np.int64), codes, why)
    back = converted(ops.Dequantize(FLOAT32), FLOAT32, found, **named)
    assert_array_equal(back, (np.array(codes) - (zero or 0)) * f32(0.5))


AXES = [
    # (scale, axis, block, expected codes of a 2 x 4 matrix of 12, why)
    (f32(1, 2), 0, 0, [[12] * 4, [6] * 4], "a scale each row"),
    (f32(1, 2, 3, 4), 1, 0, [[12, 6, 4, 3]] * 2, "a scale each column"),
    (f32(1, 2, 3, 4), -1, 0, [[12, 6, 4, 3]] * 2, "counted from the back"),
    (f32(1, 2, 3, 4).reshape(2, 2), 1, 2, [[12, 12, 6, 6], [4, 4, 3, 3]], "a block of two"),
    (f32(1, 2, 3, 4).reshape(2, 2), 1, 3, [[12, 12, 12, 6], [4, 4, 4, 3]], "a shorter last one"),
    (f32(1, 2, 3, 4).reshape(1, 4), 0, 2, [[12, 6, 4, 3]] * 2, "blocks of rows"),
    (f32(6), 0, 0, [[2] * 4] * 2, "a vector of one is for all"),
]


@pytest.mark.parametrize(("scale", "axis", "block", "expected", "why"), AXES)
def test_scales_along_an_axis(scale, axis, block, expected, why):
    x = np.full((2, 4), 12, np.float32)
    zero = np.ones(scale.shape, np.int8)
    op = ops.Quantize(INT8, axis, block)
    codes = converted(op, INT8, x, scale=scale, zero_point=zero)
    assert_array_equal(codes, np.array(expected) + 1, why)
    op = ops.Dequantize(FLOAT32, axis, block)
    assert_array_equal(converted(op, FLOAT32, codes, scale=scale, zero_point=zero), x)


def test_scales_that_do_not_fit():
    with pytest.raises(ModelError, match=r"3 scales .* do not fit axis 1 of \[2, 4\]"):
        converted(ops.Quantize(INT8), INT8, np.ones((2, 4), np.float32), scale=f32(1, 2, 3))


def test_only_numbers_can_be_quantized_to():
    with pytest.raises(ModelError, match="cannot quantize to bipolar"):
        converted(ops.Quantize(BIPOLAR), BIPOLAR, f32(1), scale=f32(1))


def test_an_accumulator_is_scaled_by_one_number_a_channel():
    x = np.array([[[100], [100]]], np.int32)  # two channels
    named = {
        "input_scale": f32(0.5), "weight_scale": f32(0.1, 0.3),
        "scale": f32(2), "zero_point": np.array(10, np.uint8),
    }  # fmt: skip
    # 100 * (0.5 * 0.1 / 2) = 2.5 rounds to 2; 100 * (0.5 * 0.3 / 2) = 7.5000005 to 8
    assert_array_equal(converted(ops.Quantize(UINT8), UINT8, x, **named), [[[12], [18]]])


def test_an_accumulator_of_a_matrix_has_scales_of_rows_and_columns():
    x = np.full((2, 3), 8, np.int32)
    named = {"input_scale": f32(1, 2), "weight_scale": f32(1, 2, 4), "scale": f32(4)}
    expected = [[2, 4, 8], [4, 8, 16]]
    assert_array_equal(converted(ops.Quantize(INT8, axis=1), INT8, x, **named), expected)


def test_dequantize_takes_the_exact_difference():
    x = np.array([2**31 - 1, -(2**31)], np.int32)
    zero = np.array(2**31 - 2, np.int32)
    found = converted(ops.Dequantize(FLOAT32), FLOAT32, x, scale=f32(1), zero_point=zero)
    assert_array_equal(found, f32(1, -(2.0**32) + 2))


DYNAMIC = [
    # (data, scale, zero point, codes, why)
    ([0, 51, 255], 1, 0, [0, 51, 255], ""),
    ([51, 255], 1, 0, [51, 255], "the range always has 0"),
    ([-255, -51], 1, 255, [0, 204], ""),
    ([-64, 0.25, 0.75, 63.5], 0.5, 128, [0, 128, 130, 255], "0.5 rounds to 0, and 1.5 to 2"),
    ([0, 0], 1, 0, [0, 0], "zeros only"),
]


def dynamic(x: np.ndarray) -> tuple[np.ndarray, ...]:
    named = {"high": np.asarray(x.max()), "low": np.asarray(x.min())}
    scalars = (TensorSpec((), FLOAT32), TensorSpec((), UINT8))
    op = ops.Quantize(UINT8, dynamic=True)
    return run(op, Call((x,), (TensorSpec(x.shape, UINT8), *scalars), BLAS, named))


@pytest.mark.parametrize(("data", "scale", "zero", "codes", "why"), DYNAMIC)
def test_dynamic_quantization(data, scale, zero, codes, why):
    found = dynamic(f32(*data))
    assert_array_equal(found[0], np.array(codes, np.uint8), why)
    assert_array_equal(found[1], np.array(scale, np.float32), strict=True)
    assert_array_equal(found[2], np.array(zero, np.uint8), strict=True)


_TENSORS = {
    np.dtype(np.float32): onnx.TensorProto.FLOAT,
    np.dtype(np.uint8): onnx.TensorProto.UINT8,
}


def runtime(operator: str, x: np.ndarray, *rest: np.ndarray, outputs: int = 1) -> list[np.ndarray]:
    """What onnxruntime makes of one node."""
    arrays = (x, *rest)
    names = [f"in{i}" for i in range(len(arrays))]
    made = [f"out{i}" for i in range(outputs)]
    kinds = [onnx.TensorProto.UINT8, onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8][:outputs]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(operator, names, made)],
        operator,
        [
            onnx.helper.make_tensor_value_info(name, _TENSORS[item.dtype], item.shape)
            for name, item in zip(names, arrays, strict=True)
        ],
        [
            onnx.helper.make_tensor_value_info(name, kind, None)
            for name, kind in zip(made, kinds, strict=True)
        ],
    )
    opset = [onnx.helper.make_opsetid("", 13)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
    return results_of(model, dict(zip(names, arrays, strict=True)))


def test_quantization_is_onnxruntimes():
    x = np.random.default_rng(5).normal(0, 60, 4000).astype(np.float32)
    x[:400] = np.arange(-200, 200) / 4  # with all its halves
    named = {"scale": np.array(0.5, np.float32), "zero_point": np.array(101, np.uint8)}
    (theirs,) = runtime("QuantizeLinear", x, *named.values())
    assert_array_equal(converted(ops.Quantize(UINT8), UINT8, x, **named), theirs)


@pytest.mark.parametrize(("low", "high"), [(-3, 5), (1, 9), (-9, -2), (0, 0)])
def test_dynamic_quantization_is_onnxruntimes(low, high):
    x = np.random.default_rng(7).uniform(low, high, 500).astype(np.float32)
    for ours, theirs in zip(
        dynamic(x), runtime("DynamicQuantizeLinear", x, outputs=3), strict=True
    ):
        assert_array_equal(ours, theirs)


CASTS = [
    # (from, to, values, expected, why)
    ("float32", "int32", [1.9, -1.9, 0.5], [1, -1, 0], "toward zero"),
    ("float32", "int8", [100.7, -100.7], [100, -100], ""),
    ("float32", "int4", [3.9, -3.9], [3, -3], "toward zero here too"),
    ("int16", "int8", [200, -200], [-56, 56], "wraps around"),
    ("int8", "int4", [9, -9], [-7, 7], "wraps around"),
    ("float32", "bool", [0.0, -0.0, 0.1, nan], [False, False, True, True], ""),
    ("bool", "float32", [True, False], [1, 0], ""),
    ("float64", "float32", [1e300, 1.5], [inf, 1.5], "overflow is infinite"),
    ("float32", "float16", [1e6, 2049], [inf, 2048], ""),
    ("float32", "bfloat16", [257, 259], [256, 260], "8 significant bits, halves to even"),
    ("int64", "float32", [2**24 + 1], [2**24], ""),
    ("complex64", "float32", [3 + 4j], [3], "the real part"),
    ("float32", "complex64", [3], [3], ""),
    ("float32", "float4e2m1", [0.3, 2.6, 99, -inf], [0.5, 3, 6, -6], "always saturates"),
    ("float32", "float6e2m3", [99, -99], [7.5, -7.5], ""),
    ("float32", "float8e8m0", [1, 1.1, 3, 4, 3e38], [1, 2, 4, 4, 2.0**127], "the next power of 2"),
    ("float32", "float8e8m0", [0, nan], [2.0**-127, nan], "it has no zero"),
    ("int4", "float32", [-8, 7], [-8, 7], ""),
    ("float8e5m2", "float32", [1.25, -inf], [1.25, -inf], ""),
]  # fmt: skip


@pytest.mark.parametrize(("source", "to", "values", "expected", "why"), CASTS)
def test_cast(source, to, values, expected, why):
    x = np.array(values).astype(dtype_of(ENCODINGS[source]))
    found = converted(ops.Cast(ENCODINGS[to]), ENCODINGS[to], x)
    wide = found.astype(np.float64) if found.dtype.kind != "c" else found
    assert_array_equal(wide, np.array(expected, wide.dtype), why)


# Of 1e6, -1e6, infinity and NaN. Source: ONNX, Cast-24, the tables of special values.
NARROW = [
    ("float8e4m3fn", [448, -448, 448, nan], [nan, nan, nan, nan]),
    ("float8e4m3fnuz", [240, -240, 240, nan], [nan, nan, nan, nan]),
    ("float8e5m2", [57344, -57344, 57344, nan], [inf, -inf, inf, nan]),
    ("float8e5m2fnuz", [57344, -57344, 57344, nan], [nan, nan, nan, nan]),
]


@pytest.mark.parametrize(("to", "saturated", "overflown"), NARROW)
@pytest.mark.parametrize("quantized", [False, True])
def test_floats_of_8_bits_saturate_or_overflow(to, saturated, overflown, quantized):
    x, encoding = f32(1e6, -1e6, inf, nan), ENCODINGS[to]
    for saturate, expected in ((True, saturated), (False, overflown)):
        op, named = ops.Cast(encoding, saturate), {}
        if quantized:
            op, named = ops.Quantize(encoding, saturate=saturate), {"scale": f32(1)}
        found = converted(op, encoding, x, **named)
        assert_array_equal(found.astype(np.float32), f32(*expected))


@given(npst.arrays(np.float32, 20, elements=st.floats(-448, 448, width=32)))
def test_casts_to_8_bits_are_the_nearest_float(x):
    encoding = ENCODINGS["float8e4m3fn"]
    every = np.arange(256, dtype=np.uint8).view(dtype_of(encoding)).astype(np.float32)
    finite = every[np.isfinite(every)]
    found = converted(ops.Cast(encoding), encoding, x).astype(np.float32)
    assert_allclose(np.abs(found - x), np.abs(finite - x[:, None]).min(axis=1), rtol=1e-6)


def test_cast_to_the_same_encoding_is_the_input():
    x = f32(1, 2)
    assert result(ops.Cast(FLOAT32), x) is x


HALVES = f32(
    -2.5, -1.5, -0.5, -0.2, 0.5, 1.2, 1.5, 2.5, np.nextafter(np.float32(0.5), np.float32(0))
)
ROUNDED = [
    ("round", [-2, -2, 0, 0, 0, 1, 2, 2, 0]),
    ("ceil", [-2, -1, 0, 0, 1, 2, 2, 3, 1]),
    ("floor", [-3, -2, -1, -1, 0, 1, 1, 2, 0]),
    ("up", [-3, -2, -1, -1, 1, 2, 2, 3, 1]),
    ("down", [-2, -1, 0, 0, 0, 1, 1, 2, 0]),
    ("half_up", [-3, -2, -1, 0, 1, 1, 2, 3, 0]),
    ("half_down", [-2, -1, 0, 0, 0, 1, 1, 2, 0]),
]


@pytest.mark.parametrize(("rounding", "expected"), ROUNDED)
def test_roundings(rounding, expected):
    op = ops.Quantize(INT8, rounding=rounding)
    assert_array_equal(converted(op, INT8, HALVES, scale=f32(1)), np.array(expected, np.int8))


def test_an_unknown_rounding_is_named():
    with pytest.raises(UnsupportedOpError, match=r"no rounding 'sideways': .*half_up"):
        converted(ops.Quantize(INT8, rounding="sideways"), INT8, HALVES, scale=f32(1))


WIDTHS = [
    ("int3", False, [-4, -4, 3, 3], "-4 to 3"),
    ("int3", True, [-3, -3, 3, 3], "narrow: as far below 0 as above"),
    ("uint3", False, [0, 0, 5, 7], "0 to 7"),
    ("unipolar", False, [0, 0, 1, 1], "0 and 1"),
    ("int12", False, [-100, -5, 5, 100], "held in 16 bits"),
]


@pytest.mark.parametrize(("name", "narrow", "expected", "why"), WIDTHS)
def test_widths(name, narrow, expected, why):
    to = ENCODINGS[name]
    found = converted(ops.Quantize(to, narrow=narrow), to, f32(-100, -5, 5, 100), scale=f32(1))
    assert_array_equal(found.astype(np.int64), expected, why)


THRESHOLDS = [
    ("uint2", 1.0, 0.0, f32([-1, 0, 2]), [0, 1, 1, 2, 3], "equality belongs to the higher level"),
    ("bipolar", 2.0, -1.0, f32([0]), [-1, -1, -1, 1, 1], "a bit as -1 or +1"),
    ("unipolar", 1.0, 0.0, f32([0]), [0, 0, 0, 1, 1], "a bit as 0 or 1"),
    ("ternary", 1.0, -1.0, f32([-1, 2]), [-1, 0, 0, 0, 1], "two thresholds"),
    ("float32", 0.5, 0.25, f32([0]), [0.25, 0.25, 0.25, 0.75, 0.75], "scaled and shifted"),
]


@pytest.mark.parametrize(("name", "scale", "offset", "levels", "expected", "why"), THRESHOLDS)
def test_thresholds(name, scale, offset, levels, expected, why):
    to, x = ENCODINGS[name], f32(-2, -1, -0.5, 0, 2).reshape(5, 1)
    found = converted(ops.Thresholds(to, scale, offset), to, x, thresholds=levels)
    assert_array_equal(found.ravel().astype(np.float32), f32(*expected), why)


def test_thresholds_of_each_channel():
    x = np.zeros((1, 2, 2, 2), np.float32)
    found = converted(ops.Thresholds(UINT8), UINT8, x, thresholds=f32([0, 1], [-1, 0]))
    assert_array_equal(found[0, :, 0, 0], [1, 2])
    assert (found == found[:, :, :1, :1]).all()
