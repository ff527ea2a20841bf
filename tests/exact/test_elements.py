"""Functions, operators, comparisons and selection: tables worked out by hand, and scipy's word."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.testing import assert_allclose, assert_array_equal

from tests.exact.calls import BLAS, f32, result, spec_of
from xnorsim.errors import ModelError, UnsupportedOpError
from xnorsim.exact.call import Call
from xnorsim.exact.reference import functions, run
from xnorsim.network import ops
from xnorsim.network.functions import Function, Operator
from xnorsim.network.graph import TensorSpec
from xnorsim.network.precision import BIPOLAR, FLOAT32, INT32

F = Function


def i32(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def i64(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


FUNCTIONS = [
    # (function, constants, x, expected, why)
    (F.ABS, {}, [-2, 0, 3], [2, 0, 3], ""),
    (F.ACOS, {}, [1, 0], [0, np.pi / 2], ""),
    (F.ACOSH, {}, [1, np.cosh(2)], [0, 2], ""),
    (F.AFFINE, {"alpha": 2, "beta": 1}, [3], [7], "2 * 3 + 1"),
    (F.ASIN, {}, [0, 1], [0, np.pi / 2], ""),
    (F.ASINH, {}, [np.sinh(2)], [2], ""),
    (F.ATAN, {}, [1], [np.pi / 4], ""),
    (F.ATANH, {}, [np.tanh(0.5)], [0.5], ""),
    (F.CEIL, {}, [-1.5, 1.5], [-1, 2], ""),
    (F.CELU, {"alpha": 2}, [-2, 3], [2 * (np.exp(-1) - 1), 3], "alpha (e^(x / alpha) - 1)"),
    (F.CELU, {}, [-1], [np.exp(-1) - 1], "alpha is 1 by default"),
    (F.CLIP, {"min": -1, "max": 2}, [-3, 0.5, 9], [-1, 0.5, 2], ""),
    (F.CLIP, {"min": 0}, [-3, 9], [0, 9], "no upper bound"),
    (F.CLIP, {"max": 6}, [-3, 9], [-3, 6], "no lower bound"),
    (F.CLIP, {}, [-3, 9], [-3, 9], "no bound at all"),
    (F.CLIP, {"min": 5, "max": 1}, [-3, 3, 9], [1, 1, 1], "where bounds cross the upper one wins"),
    (F.COS, {}, [0, np.pi], [1, -1], ""),
    (F.COSH, {}, [0], [1], ""),
    (F.ELU, {"alpha": 2}, [-1, 3], [2 * (np.exp(-1) - 1), 3], ""),
    (F.ELU, {}, [1000], [1000], "the unused branch may overflow"),
    (F.ERF, {}, [0, 9], [0, 1], ""),
    (F.EXP, {}, [0, 1, 1000], [1, np.e, np.inf], "overflow is infinite"),
    (F.FLOOR, {}, [-1.5, 1.5], [-2, 1], ""),
    (F.GELU, {}, [0, 1, -1], [0, 0.8413447, -0.1586553], "x times the normal distribution"),
    (F.GELU_TANH, {}, [0, 1], [0, 0.8411920], "0.5 (1 + tanh(0.7978846 * 1.044715))"),
    (F.HARD_SIGMOID, {}, [-9, 1, 9], [0, 0.7, 1], "0.2 x + 0.5 by default"),
    (F.HARD_SIGMOID, {"alpha": 0.5, "beta": 0.25}, [1], [0.75], ""),
    (F.HARD_SWISH, {}, [-4, 3, 1], [0, 3, 2 / 3], "x max(0, min(1, x / 6 + 1 / 2))"),
    (F.LEAKY_RELU, {}, [-100, 2], [-1, 2], "0.01 by default"),
    (F.LEAKY_RELU, {"alpha": 2}, [-3, 2], [-6, 2], "a slope above 1: not max(x, alpha x)"),
    (F.LOG, {}, [1, np.e, 0, -1], [0, 1, -np.inf, np.nan], ""),
    (F.MISH, {}, [0, 1000], [0, 1000], "softplus must not overflow"),
    (F.NEG, {}, [-1, 2], [1, -2], ""),
    (F.RECIPROCAL, {}, [4, 0], [0.25, np.inf], ""),
    (F.RELU, {}, [-2, 0, 3], [0, 0, 3], ""),
    (F.ROUND, {}, [0.5, 1.5, 2.5, -2.5], [0, 2, 2, -2], "halves to even"),
    (F.SCALED_TANH, {"alpha": 2, "beta": 0.5}, [2], [2 * np.tanh(1)], ""),
    (F.SELU, {}, [-1, 1], [1.0507010 * 1.6732632 * (np.exp(-1) - 1), 1.0507010], ""),
    (F.SELU, {"alpha": 2, "gamma": 3}, [-1], [6 * (np.exp(-1) - 1)], ""),
    (F.SHRINK, {}, [-0.5, 0.4, 2], [0, 0, 2], "lambd 0.5 and bias 0 by default"),
    (F.SHRINK, {"lambd": 1.5, "bias": 1.5}, [-2, 1, 2], [-0.5, 0, 0.5], ""),
    (F.SIGMOID, {}, [0, -1000], [0.5, 0], ""),
    (F.SIGNUM, {}, [-3, 0, 2], [-1, 0, 1], "three-valued, unlike the layer kind Sign"),
    (F.SILU, {}, [0, 1000], [0, 1000], ""),
    (F.SILU, {"alpha": 2}, [1], [1 / (1 + np.exp(-2))], "x sigmoid(alpha x)"),
    (F.SIN, {}, [np.pi / 2], [1], ""),
    (F.SINH, {}, [np.arcsinh(2)], [2], ""),
    (F.SOFTPLUS, {}, [0, 1000, -1000], [np.log(2), 1000, 0], "e^1000 must not be formed"),
    (F.SOFTSIGN, {}, [3, -1], [0.75, -0.5], ""),
    (F.SQRT, {}, [4, -1], [2, np.nan], ""),
    (F.TAN, {}, [np.pi / 4], [1], ""),
    (F.TANH, {}, [0, 1000], [0, 1], ""),
    (F.THRESHOLDED_RELU, {}, [0.9, 1, 1.1], [0, 0, 1.1], "above alpha, which is 1 by default"),
    (F.THRESHOLDED_RELU, {"alpha": 2}, [1.5, 3], [0, 3], ""),
]


@pytest.mark.parametrize(
    ("function", "constants", "x", "expected", "why"), FUNCTIONS, ids=lambda v: str(v)[:30]
)
def test_function(function, constants, x, expected, why):
    op = ops.Activation(function, tuple(constants.items()))
    assert_allclose(result(op, f32(*x)), f32(*expected), rtol=1e-6, atol=1e-7, err_msg=why)


def test_every_function_has_a_rule_and_a_row():
    assert {*functions._IN_PLACE, *functions._FORMULAS} == set(Function)
    assert {row[0] for row in FUNCTIONS} | {F.NOT, F.PRELU} == set(Function)


@pytest.mark.parametrize("function", [*functions._IN_PLACE], ids=str)
def test_functions_write_over_their_input_only_if_they_may(function):
    x = np.array([True, False]) if function is F.NOT else f32(0.25, 0.5)
    op = ops.Activation(function, (("min", 0.3),) if function is F.CLIP else ())
    spec = spec_of(x)
    (kept,) = run(op, Call((x.copy(),), (spec,), BLAS))
    mine = x.copy()
    (made,) = run(op, Call((mine,), (spec,), BLAS, overwrite=True))
    assert_array_equal(made, kept)
    assert np.shares_memory(made, mine)
    run(op, Call((x,), (spec,), BLAS))
    assert_array_equal(x, [True, False] if function is F.NOT else f32(0.25, 0.5))


INTEGERS = [
    (F.RELU, {}, [-2, 3], [0, 3], "stays an integer"),
    (F.CLIP, {"min": -1.0, "max": 1e9}, [-2, 3], [-1, 3], "int8 has no bound of 1e9"),
    (F.SHRINK, {"lambd": 1.5, "bias": 1.5}, [-4, 1, 4], [-2, 0, 2], "2.5 loses its fraction"),
    (F.ABS, {}, [-5], [5], ""),
    (F.SIGNUM, {}, [-5, 0], [-1, 0], ""),
]


@pytest.mark.parametrize(("function", "constants", "x", "expected", "why"), INTEGERS)
def test_functions_of_integers(function, constants, x, expected, why):
    found = result(ops.Activation(function, tuple(constants.items())), np.array(x, np.int8))
    assert_array_equal(found, np.array(expected, np.int8), err_msg=why)


def test_not():
    assert_array_equal(result(ops.Activation(F.NOT), np.array([True, False])), [False, True])


@pytest.mark.parametrize(
    ("slope", "expected"),
    [
        (f32(0.5), [[-1, 2], [-2, 4]]),
        (f32(0.5, 3), [[-1, 2], [-2, 4]]),  # along the last axis: column 0 is negative
        (f32(0.5, 3).reshape(2, 1), [[-1, 2], [-12, 4]]),  # a slope each row
    ],
)
@pytest.mark.parametrize("as_parameter", [True, False])
def test_prelu_broadcasts_its_slope(slope, expected, as_parameter):
    x = f32(-2, 2, -4, 4).reshape(2, 2)
    op = ops.Activation(F.PRELU)
    found = result(op, x, slope=slope) if as_parameter else result(op, x, slope)
    assert_array_equal(found, f32(*np.ravel(expected)).reshape(2, 2))


def test_narrow_floats_are_computed_in_float32_and_rounded_once():
    x = np.linspace(-4, 4, 1001).astype(np.float16)
    expected = scipy.special.expit(x.astype(np.float32)) * x.astype(np.float32)
    assert_array_equal(result(ops.Activation(F.SILU), x), expected.astype(np.float16))


def test_signs_can_be_read_where_floats_are_written():
    signs, spec = np.array([1, -1], np.int8), TensorSpec((2,), FLOAT32)
    (found,) = run(ops.Activation(F.LEAKY_RELU), Call((signs,), (spec,), BLAS))
    assert_array_equal(found, f32(1, -0.01))
    (found,) = run(ops.Elementwise(Operator.ADD), Call((signs, f32(0.5, 0.5)), (spec,), BLAS))
    assert_array_equal(found, f32(1.5, -0.5))


@pytest.mark.parametrize("op", [ops.Activation(F.TANH), ops.Elementwise(Operator.ADD)])
def test_floats_are_not_cut_to_signs(op):
    call = Call((f32(0.5), f32(0.5)), (TensorSpec((1,), BIPOLAR),), BLAS)
    with pytest.raises(ModelError, match=r"float32.*bipolar"):
        run(op, call)


OPERATORS = [
    # (operator, operands, expected, why)
    (Operator.ADD, [f32(1, 2), f32(10)], f32(11, 12), "broadcast"),
    (Operator.ADD, [f32(1), f32(2), f32(3), f32(4)], f32(10), "of any number"),
    (Operator.SUB, [f32(1, 2), f32(10)], f32(-9, -8), "left minus right"),
    (Operator.MUL, [f32(3), f32(4)], f32(12), ""),
    (Operator.DIV, [f32(1, 1), f32(4, 0)], f32(0.25, np.inf), ""),
    (Operator.DIV, [i32(7, -7, 7, -7), i32(2, 2, -2, -2)], i32(3, -3, -3, 3),
     "integers toward zero, as in C"),
    (Operator.MAX, [f32(1, 5), f32(3), f32(0, 9)], f32(3, 9), ""),
    (Operator.MIN, [f32(1, 5), f32(3), f32(0, 9)], f32(0, 3), ""),
    (Operator.MEAN, [f32(1), f32(2), f32(6)], f32(3), ""),
    (Operator.MOD, [i32(-7, 7), i32(3, -3)], i32(2, -2), "divisor's sign"),
    (Operator.FMOD, [i32(-7, 7), i32(3, -3)], i32(-1, 1), "dividend's sign"),
    (Operator.FMOD, [f32(-4.3), f32(2.1)], f32(np.fmod(f32(-4.3), f32(2.1))[0]), "of floats too"),
    (Operator.POW, [f32(2, 3), f32(3, 2)], f32(8, 9), ""),
    (Operator.POW, [f32(4), i64(2)], f32(16), "the base's type is the result's"),
    (Operator.POW, [i32(2, 9), f32(3, 0.5)], i32(8, 3), "also with a float exponent"),
    (Operator.POW, [i32(2, 1), i32(-1, -1)], i32(0, 1), "1 / 2 is cut to 0"),
    (Operator.POW, [i64(3), i64(39)], i64(3**39), "beyond 2^53: exact"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("operator", "given", "expected", "why"), OPERATORS, ids=lambda v: str(v)[:20]
)
def test_operator(operator, given, expected, why):
    found = result(ops.Elementwise(operator), *given)
    assert_array_equal(found, expected, err_msg=why, strict=True)


def test_every_operator_has_a_row():
    assert {row[0] for row in OPERATORS} == set(Operator)


@pytest.mark.parametrize(
    ("inputs", "parameters"),
    [
        (("x", "y", "z"), {}),
        (("y", "z"), {"left": "x"}),  # the only inputs are then the right one and the third
        (("x", "z"), {"right": "y"}),
        (("x", "y"), {"operand_2": "z"}),
        (("z",), {"right": "y", "left": "x"}),
    ],
)
def test_constant_operands_keep_their_place(inputs, parameters):
    values = {"x": f32(100), "y": f32(10), "z": f32(1)}
    named = {role: values[name] for role, name in parameters.items()}
    found = result(ops.Elementwise(Operator.SUB), *(values[name] for name in inputs), **named)
    assert_array_equal(found, f32(89))


@pytest.mark.parametrize("operator", [item for item in Operator if item is not Operator.POW])
def test_operators_write_over_the_first_input_only_if_they_may(operator):
    x, y = f32(7, 8), f32(2, 3)
    named = {"left": x.copy()}  # so that the first input is the right operand
    op, spec = ops.Elementwise(operator), spec_of(x)
    expected = result(op, y.copy(), **named)
    (found,) = run(op, Call((y,), (spec,), BLAS, named, overwrite=True))
    assert_array_equal(found, expected)
    assert_array_equal(named["left"], x)
    assert found is y or operator is Operator.MEAN
    larger = np.ones((3, 2), np.float32)
    (found,) = run(op, Call((f32(1, 1), larger), (spec_of(larger),), BLAS, overwrite=True))
    assert found.shape == (3, 2), "a smaller input cannot take the result"


@given(
    npst.arrays(np.int16, 5, elements=st.integers(-999, 999)),
    npst.arrays(np.int16, 5, elements=st.integers(-99, 99).filter(bool)),
)
def test_quotient_and_remainder_make_the_dividend(x, y):
    quotient = result(ops.Elementwise(Operator.DIV), x, y)
    remainder = result(ops.Elementwise(Operator.FMOD), x, y)
    assert_array_equal(quotient * y + remainder, x)
    assert_array_equal(quotient, np.trunc(x / y))


COMPARISONS = [
    ("equal", [False, True, False]),
    ("greater", [False, False, True]),
    ("less", [True, False, False]),
    ("greater_or_equal", [False, True, True]),
    ("less_or_equal", [True, True, False]),
]


@pytest.mark.parametrize(("operator", "expected"), COMPARISONS)
@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int64, np.uint8])
def test_comparison(operator, expected, kind):
    x, y = np.array([1, 2, 3], kind), np.array([2], kind)
    assert_array_equal(result(ops.Compare(operator), x, y), expected)
    assert_array_equal(result(ops.Compare(operator), y, left=x), expected)


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("and", [False, False, False, True]),
        ("or", [False, True, True, True]),
        ("xor", [False, True, True, False]),
    ],
)
def test_logical_operators(operator, expected):
    left, right = np.array([False, False, True, True]), np.array([False, True, False, True])
    assert_array_equal(result(ops.Compare(operator), left, right), expected)


def test_unknown_comparison():
    with pytest.raises(UnsupportedOpError, match=r"no comparison 'same'.*equal"):
        result(ops.Compare("same"), f32(1), f32(1))


def test_select_broadcasts_all_three():
    condition = np.array([[True], [False]])
    found = result(ops.Select(), condition, f32(1, 2), f32(9))
    assert_array_equal(found, np.array([[1, 2], [9, 9]], np.float32))
    spec = TensorSpec((1,), INT32)
    named = {"condition": np.array([True]), "right": np.array([4], np.int32)}
    (found,) = run(ops.Select(), Call((np.array([3], np.int32),), (spec,), BLAS, named))
    assert_array_equal(found, [3])


@given(npst.arrays(np.float32, 8, elements=st.floats(-20, 20, width=32)))
def test_functions_agree_with_double_precision(x):
    wide = x.astype(np.float64)
    for function, exact in (
        (F.GELU, wide * scipy.special.ndtr(wide)),
        (F.SOFTPLUS, np.log1p(np.exp(wide))),
        (F.MISH, wide * np.tanh(np.log1p(np.exp(wide)))),
        (F.SIGMOID, 1 / (1 + np.exp(-wide))),
        (F.CELU, np.where(wide > 0, wide, np.expm1(np.minimum(wide, 0)))),
    ):
        assert_allclose(result(ops.Activation(function), x), exact, rtol=1e-5, atol=1e-6)
