"""Pools: tables worked out by hand, and a plain loop over windows."""

from __future__ import annotations

import itertools
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tests.exact.calls import BLAS, spec_of
from xnorsim.errors import UnsupportedOpError
from xnorsim.exact.call import Call
from xnorsim.exact.reference import pooling, run
from xnorsim.network import ops
from xnorsim.network.extents import window_output
from xnorsim.network.functions import Reduction
from xnorsim.network.graph import TensorSpec
from xnorsim.network.precision import BIPOLAR, FLOAT32, INT64
from xnorsim.network.shapes import output_specs

R = Reduction


def pool(reduction=R.MAX, kernel=2, stride=1, padding=(0, 0), dilation=1, axes=1, **flags):
    return ops.Pool(
        reduction,
        (kernel,) * axes,
        (stride,) * axes,
        (padding,) * axes,
        (dilation,) * axes,
        **flags,
    )


def line(*values: float, kind: type = np.float32) -> np.ndarray:
    """An image of one channel and one spatial axis."""
    return np.array(values, kind)[None, None]


def result(op: ops.Pool, x: np.ndarray) -> np.ndarray:
    """The first result alone, as a pool without indices is asked for."""
    specs = output_specs(op, spec_of(x))[:1]
    (found,) = run(op, Call((x,), specs, BLAS))
    assert spec_of(found) == specs[0]
    return found


LINES = [
    # (pool, input, expected, why)
    (pool(), [1, 5, 2, 3], [5, 5, 3], ""),
    (pool(stride=2), [1, 5, 2, 3, 9], [5, 3], "a last element that no window reaches"),
    (pool(stride=2, ceil_mode=True), [1, 5, 2, 3, 9], [5, 3, 9], "a window over the end"),
    (pool(dilation=2), [1, 5, 2, 3], [2, 5], "taps two apart"),
    (pool(kernel=3, padding=(1, 1)), [-1, -5, -2], [-1, -1, -2], "padding is never the largest"),
    (pool(kernel=3, padding=(1, 0)), [-1, -5, -2], [-1, -1], "more before than after"),
    (pool(R.MEAN), [1, 5, 2], [3, 3.5], ""),
    (pool(R.MEAN, 3, padding=(1, 1)), [1, 5, 3], [3, 3, 4], "padding does not count"),
    (pool(R.MEAN, 3, padding=(1, 1), count_include_pad=True), [1, 5, 3], [2, 3, 8 / 3], "but may"),
    (pool(R.MEAN, 3, 3, (1, 1), ceil_mode=True, count_include_pad=True), [1, 5, 3, 6],
     [2, 3], "the second window reads 3, 6 and the stated padding"),
    (pool(R.MEAN, 2, 2, ceil_mode=True, count_include_pad=True), [1, 5, 3], [3, 3],
     "what lies beyond the padding never counts"),
    (pool(R.L1), [1, -5, 2], [6, 7], ""),
    (pool(R.L2), [3, -4, 0], [5, 4], ""),
    (pool(R.L2, 2, padding=(1, 0)), [3, -4], [3, 5], ""),
    (pool(R.LP, 3, order=3), [3, -4, 5], [6], "27 + 64 + 125 = 216"),
    (pool(kernel=3), [1, 5, 2], [5], "the whole input"),
    (pool(R.MEAN, 3), [1, 5, 3], [3], "the whole input"),
    (pool(R.L2, 3), [2, -3, 6], [7], "the whole input"),
    (pool(R.MEAN, 1, padding=(1, 0)), [4], [0, 4], "a window of padding only: 0"),
]  # fmt: skip


@pytest.mark.parametrize(("op", "x", "expected", "why"), LINES)
def test_pool_of_a_line(op, x, expected, why):
    assert_allclose(result(op, line(*x)), line(*expected), rtol=1e-6, err_msg=why)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.float16])
def test_maxima_keep_their_type(kind):
    found = result(pool(padding=(1, 0)), line(3, 1, 2, kind=kind))
    assert_array_equal(found, line(3, 3, 2, kind=kind), strict=True)


def test_signs_and_bools():
    (found,) = run(pool(), Call((line(-1, -1, 1, kind=np.int8),),
                                (TensorSpec((1, 1, 2), BIPOLAR),), BLAS))  # fmt: skip
    assert_array_equal(found, line(-1, 1, kind=np.int8), strict=True)
    (found,) = run(pool(R.MEAN), Call((line(-1, -1, 1, kind=np.int8),),
                                      (TensorSpec((1, 1, 2), FLOAT32),), BLAS))  # fmt: skip
    assert_array_equal(found, line(-1, 0), strict=True)
    found = result(pool(padding=(1, 0)), line(False, True, False, kind=np.bool_))
    assert_array_equal(found, line(False, True, True, kind=np.bool_), strict=True)


def indexed(op: ops.Pool, x: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    specs = (TensorSpec(shape, spec_of(x).encoding), TensorSpec(shape, INT64))
    return run(op, Call((x,), specs, BLAS))


def test_indices_are_flat_over_batch_and_channels():
    x = np.arange(16, dtype=np.float32).reshape(2, 2, 2, 2)
    values, indices = indexed(pool(axes=2), x, (2, 2, 1, 1))
    assert_array_equal(values.ravel(), [3, 7, 11, 15])
    assert_array_equal(indices.ravel(), [3, 7, 11, 15])
    x[:, :, 1, 0] = 99  # row 1, column 0: in column-major order number 1 instead of 2
    assert_array_equal(indexed(pool(axes=2), x, (2, 2, 1, 1))[1].ravel(), [2, 6, 10, 14])
    _, indices = indexed(pool(axes=2, column_major=True), x, (2, 2, 1, 1))
    assert_array_equal(indices.ravel(), [1, 5, 9, 13])


def test_of_equal_maxima_the_first_in_row_major_order_is_meant():
    x = np.array([[0, 7, 0], [7, 0, 7], [0, 0, 0]], np.float32)[None, None]
    _, indices = indexed(pool(kernel=3, axes=2), x, (1, 1, 1, 1))
    assert indices.item() == 1, "(0, 1) comes before (1, 0), also though column 0 comes before 1"
    lowest = np.full((1, 1, 3), -np.inf, np.float32)
    _, indices = indexed(pool(padding=(1, 0)), lowest, (1, 1, 3))
    assert_array_equal(indices, [[[0, 0, 1]]], err_msg="even of -infinity, and never padding")


def test_nan_is_the_maximum_with_and_without_indices():
    x = line(1, np.nan, 2, 0)
    assert_array_equal(result(pool(), x), line(np.nan, np.nan, 2))
    values, indices = indexed(pool(), x, (1, 1, 3))
    assert_array_equal(values, line(np.nan, np.nan, 2))
    assert_array_equal(indices, [[[1, 1, 2]]])


def test_other_reductions_are_refused():
    with pytest.raises(UnsupportedOpError, match=r"no pool 'prod': .*max"):
        result(pool(R.PROD), line(1, 2))


@pytest.mark.parametrize("reduction", [R.MAX, R.MEAN, R.L2])
def test_large_images_are_pooled_as_each_alone(reduction):
    x = np.random.default_rng(2).standard_normal((2, 9, 90, 80), dtype=np.float32)
    assert x.size > pooling._BLOCK > x[0, 0].size, "else there is only one block"
    op = pool(reduction, 3, 2, (1, 1), axes=2)
    found = result(op, x)
    for at in np.ndindex(2, 9):
        assert_array_equal(found[at], result(op, x[at][None, None])[0, 0])


def by_loops(op: ops.Pool, x: np.ndarray, out: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Each window on its own: its elements gathered one by one, in row-major order."""
    values = np.zeros((*x.shape[:2], *out))
    indices = np.zeros(values.shape, np.int64)
    size = x.shape[2:]
    for at in np.ndindex(values.shape):
        inside, numbers, stated = [], [], 0
        for tap in itertools.product(*map(range, op.kernel)):
            place = [
                o * s - p[0] + t * d
                for o, s, p, t, d in zip(
                    at[2:], op.stride, op.padding, tap, op.dilation, strict=True
                )
            ]
            stated += all(
                -p[0] <= i < n + p[1] for i, n, p in zip(place, size, op.padding, strict=True)
            )
            if all(0 <= i < n for i, n in zip(place, size, strict=True)):
                inside.append(x[(*at[:2], *place)])
                numbers.append(np.ravel_multi_index((*at[:2], *place), x.shape))
        count = stated if op.count_include_pad else len(inside)
        values[at] = {
            R.MAX: lambda found: max(found, default=-np.inf),
            R.MEAN: lambda found, count=count: sum(found) / max(count, 1),
            R.L1: lambda found: sum(map(abs, found)),
            R.L2: lambda found: sum(v * v for v in found) ** 0.5,
        }[op.reduction](inside)
        indices[at] = numbers[int(np.argmax(inside))] if inside else -1
    return values, indices


@st.composite
def pools(draw):
    axes = draw(st.integers(1, 3))
    rows = []
    for _ in range(axes):
        kernel, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 2))
        padding = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
        least = max(dilation * (kernel - 1) + 1 - sum(padding), 1)
        size = draw(st.integers(least, least + 4))
        rows.append((size, kernel, draw(st.integers(1, 3)), padding, dilation))
    size, *fields = (tuple(column) for column in zip(*rows, strict=True))
    op = ops.Pool(
        draw(st.sampled_from([R.MAX, R.MEAN, R.L1, R.L2])),
        *fields,
        ceil_mode=draw(st.booleans()),
        count_include_pad=draw(st.booleans()),
    )
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 2)), *size)
    # few different values, so that equal maxima are common
    x = np.random.default_rng(draw(st.integers(0, 999))).integers(-3, 4, prod(shape))
    return op, x.reshape(shape).astype(np.float32)


@settings(max_examples=150)
@given(pools())
def test_pool_is_what_its_windows_are_one_by_one(case):
    op, x = case
    rows = zip(x.shape[2:], op.kernel, op.stride, op.padding, op.dilation, strict=True)
    out = tuple(window_output(*row, op.ceil_mode) for row in rows)
    values, indices = by_loops(op, x, out)
    assert_allclose(result(op, x), values, rtol=1e-6)
    if op.reduction is R.MAX:
        found = indexed(op, x, (*x.shape[:2], *out))
        assert_array_equal(found[0], values)
        assert_array_equal(found[1], indices)
