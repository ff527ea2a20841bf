"""Compiled pools equal the reference bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exact.calls import results
from xnorsim.kernels import pooling
from xnorsim.kernels.compiled import alone
from xnorsim.kernels.pooling import LOWEST, counts_of, grid_of
from xnorsim.network import ops
from xnorsim.network.functions import Reduction

pool_rows = alone(pooling.pool_rows)


def pooled(op: ops.Pool, x: np.ndarray, out_shape: tuple[int, ...]) -> np.ndarray:
    """What the kernel makes of an image with channels first, in two parts."""
    size, (batch, channels, *out_size) = x.shape[2:], out_shape
    grid = grid_of(op, size, mean=op.reduction is Reduction.MEAN)
    counts, last = counts_of(op, size, tuple(out_size)), x.transpose(0, 2, 3, 1)
    rows, lines = np.full((batch, *out_size, channels), 7, np.float32), batch * out_size[0]
    for start, stop in ((0, lines // 2), (lines // 2, lines)):
        pool_rows(np.ascontiguousarray(last), grid, counts, LOWEST, rows, start, stop)
    return rows.transpose(0, 3, 1, 2)


@st.composite
def pools(draw: st.DrawFn) -> tuple[ops.Pool, tuple[int, ...]]:
    """A pool and the shape of what it reads: odd sizes, padding, dilation, hanging windows."""
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dilation = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    size = [
        draw(st.integers(1 + step * (taps - 1), 24))
        for taps, step in zip(kernel, dilation, strict=True)
    ]
    padding = tuple(
        draw(st.tuples(st.integers(0, taps - 1), st.integers(0, taps - 1))) for taps in kernel
    )
    op = ops.Pool(
        draw(st.sampled_from([Reduction.MAX, Reduction.MEAN])),
        kernel,
        draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        padding,
        dilation,
        draw(st.booleans()),
        draw(st.booleans()),
    )
    return op, (draw(st.integers(1, 2)), draw(st.integers(1, 70)), *size)


@settings(max_examples=80)
@given(pools(), st.integers(0, 9))
def test_equal_to_the_reference(case: tuple[ops.Pool, tuple[int, ...]], seed: int) -> None:
    op, shape = case
    if op.kernel == shape[2:] and not any(map(any, op.padding)):
        shape = (*shape[:2], shape[2] + 1, shape[3])  # a whole image is summed in another order
    x = np.random.default_rng(seed).standard_normal(shape, np.float32)
    expected = results(op, x)[0]
    np.testing.assert_array_equal(pooled(op, x, expected.shape), expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("reduction", [Reduction.MAX, Reduction.MEAN])
def test_numbers_that_are_none(bad: float, reduction: Reduction) -> None:
    x = np.random.default_rng(0).standard_normal((1, 41, 9, 23), np.float32)
    x[0, ::3, 4, ::5] = bad
    op = ops.Pool(reduction, (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1))
    expected = results(op, x)[0]
    np.testing.assert_array_equal(pooled(op, x, expected.shape), expected)
