"""Sizes in, sizes out: against brute force, numpy, and tables by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from xnorsim.errors import ShapeError
from xnorsim.network import extents

small = st.integers(1, 5)
pads = st.tuples(st.integers(0, 4), st.integers(0, 4))


@given(st.integers(1, 30), small, small, pads, st.integers(1, 3))
def test_window_positions_are_those_that_fit(
    size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int
) -> None:
    padded = size + sum(padding)
    taps = [tap * dilation for tap in range(kernel)]
    fitting = [
        start for start in range(0, padded, stride) if all(start + tap < padded for tap in taps)
    ]
    if not fitting:
        with pytest.raises(ShapeError, match="larger than the padded input"):
            extents.window_output(size, kernel, stride, padding, dilation)
        return
    assert extents.window_output(size, kernel, stride, padding, dilation) == len(fitting)


@given(st.integers(1, 30), small, small, pads, st.integers(1, 3))
def test_ceil_mode_covers_the_padded_input(
    size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int
) -> None:
    padded, extent = size + sum(padding), extents.window_extent(kernel, dilation)
    if extent > padded:
        with pytest.raises(ShapeError, match="larger than the padded input"):
            extents.window_output(size, kernel, stride, padding, dilation, ceil_mode=True)
        return
    # Windows are put down until one reaches the end; that one may hang over, if it starts inside
    # the input or the padding before it.
    put = [0]
    while put[-1] + extent < padded:
        put.append(put[-1] + stride)
    if put[-1] >= padding[0] + size:
        put.pop()
    found = extents.window_output(size, kernel, stride, padding, dilation, ceil_mode=True)
    assert found == len(put)


@pytest.mark.parametrize(
    ("arguments", "expected", "reason"),
    [
        ((14, 3, 1, (1, 1), 1), 14, "same padding of a 3x3"),
        ((224, 7, 2, (3, 3), 1), 112, "ResNet's first layer"),
        ((227, 11, 4, (0, 0), 1), 55, "AlexNet from 227"),
        ((224, 11, 4, (2, 2), 1), 55, "AlexNet from 224: two rows are never read"),
        ((224, 11, 4, (3, 4), 1), 56, "the same with SAME padding: another network"),
        ((28, 3, 1, (2, 2), 2), 28, "dilation 2: extent 5"),
        ((3, 3, 1, (0, 0), 1), 1, "exactly one window"),
        ((1, 1, 1, (0, 0), 1), 1, "one tap"),
        ((6, 2, 3, (0, 0), 1), 2, "stride above the kernel skips elements"),
        ((112, 3, 2, (0, 0), 1, True), 56, "ceil: the last window hangs over by one"),
        ((112, 3, 2, (0, 0), 1, False), 55, "the same without ceil"),
        ((6, 3, 2, (0, 0), 1, True), 3, "hangs over"),
        ((2, 1, 2, (0, 0), 1, True), 1, "ceil(1/2)+1 = 2, but the second starts beyond the end"),
        ((3, 2, 3, (1, 1), 1, True), 2, "starts at 3, inside"),
        ((2, 2, 3, (1, 1), 1, True), 1, "would start at 3, in the padding after the input"),
        ((5, 2, 2, (0, 1), 1, True), 3, "exact: nothing to round"),
    ],
)
def test_window_output(arguments: tuple, expected: int, reason: str) -> None:
    assert extents.window_output(*arguments) == expected, reason


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((8, 3, 0, (0, 0), 1), "stride must be at least 1, not 0"),
        ((8, 3, 1, (0, 0), 0), "dilation must be at least 1, not 0"),
        ((8, 0, 1, (0, 0), 1), "kernel must be at least 1, not 0"),
        ((8, 3, -1, (0, 0), 1), "stride must be at least 1, not -1"),
        ((4, 7, 1, (1, 1), 1), r"window of 7 .* larger than the padded input of 6 \(size 4, p"),
        ((8, 5, 1, (0, 0), 3), r"window of 13 \(kernel 5, dilation 3\) is larger"),
    ],
)
def test_windows_that_cannot_be(arguments: tuple, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        extents.window_output(*arguments)


@given(st.integers(1, 20), small, small, pads, st.integers(1, 3), st.integers(0, 3))
def test_a_transposed_convolution_undoes_a_convolution(
    size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int, extra: int
) -> None:
    # Of all inputs that a convolution maps to `size`, output_padding picks one.
    extra = min(extra, stride - 1)
    try:
        found = extents.transposed_output(size, kernel, stride, padding, dilation, extra)
    except ShapeError:
        return
    assert extents.window_output(found, kernel, stride, padding, dilation) == size


def test_a_transposed_convolution_with_nothing_left() -> None:
    assert extents.transposed_output(2, 2, 2, (1, 2)) == 1
    with pytest.raises(ShapeError, match=r"padding 2 \+ 2 leaves a result of 0 \(size 2, kernel 2"):
        extents.transposed_output(2, 2, 2, (2, 2))


@given(npst.mutually_broadcastable_shapes(num_shapes=3, max_dims=5, min_side=1))
def test_broadcast_is_numpys(shapes: npst.BroadcastableShapes) -> None:
    assert extents.broadcast(*shapes.input_shapes) == shapes.result_shape


shape_lists = st.lists(st.lists(st.integers(0, 3), max_size=3), min_size=1, max_size=3)


@given(shape_lists)
def test_broadcast_fails_where_numpy_does(shapes: list[list[int]]) -> None:
    try:
        expected = np.broadcast_shapes(*map(tuple, shapes))
    except ValueError:
        with pytest.raises(ShapeError, match="do not broadcast"):
            extents.broadcast(*shapes)
    else:
        assert extents.broadcast(*shapes) == expected


@given(st.lists(st.integers(1, 3), max_size=4), st.lists(st.integers(1, 3), max_size=4))
def test_matmul_is_numpys(left: list[int], right: list[int]) -> None:
    try:
        expected = np.matmul(np.zeros(left), np.zeros(right)).shape
    except ValueError:
        with pytest.raises(ShapeError, match=r"inner sizes|do not broadcast|no scalars"):
            extents.matmul_shape(left, right)
    else:
        assert extents.matmul_shape(left, right) == expected


bounds = st.one_of(st.integers(-12, 12), st.sampled_from([2**63 - 1, -(2**63), 2**31 - 1]))


@given(st.integers(0, 10), bounds, bounds, st.integers(-3, 3).filter(bool))
def test_slices_are_numpys(size: int, start: int, end: int, step: int) -> None:
    expected = len(np.arange(size)[start:end:step])
    assert extents.slice_length(size, start, end, step) == expected


def test_a_slice_has_a_step() -> None:
    with pytest.raises(ShapeError, match="step must not be 0"):
        extents.slice_length(3, 0, 3, 0)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_concat_and_reduce_are_numpys(shape: list[int], data: st.DataObject) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    sizes = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    parts = [
        np.empty([*shape[: axis % len(shape)], n, *shape[axis % len(shape) + 1 :]]) for n in sizes
    ]
    joined = np.concatenate(parts, axis=axis).shape
    assert extents.concat_shape([part.shape for part in parts], axis) == joined
    for keepdims in (True, False):
        reduced = np.empty(shape).sum(axis=axis, keepdims=keepdims).shape
        assert extents.reduce_shape(tuple(shape), (axis,), keepdims) == reduced


@pytest.mark.parametrize(
    ("shapes", "axis", "message"),
    [
        ([], 0, "nothing to join"),
        ([(1, 2, 3), (1, 2, 4)], 1, r"\[1, 2, 4\] does not fit \[1, 2, 3\] outside axis 1"),
        ([(1, 2), (1, 2, 3)], 1, r"\[1, 2, 3\] does not fit \[1, 2\] outside axis 1"),
        ([(1, 2)], 2, "axis 2 is out of range for 2 dimensions"),
        ([(1, 2)], -3, "axis -3 is out of range"),
    ],
)
def test_what_cannot_be_joined(shapes: list, axis: int, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        extents.concat_shape(shapes, axis)


@given(st.lists(st.integers(1, 3), max_size=3), st.lists(st.integers(1, 3), max_size=4))
def test_a_tiled_array_is_filled_by_repetition(shape: list[int], times: list[int]) -> None:
    tiled = np.tile(np.empty(shape), times).shape
    assert extents.repeats_to(tuple(shape), tiled)


@pytest.mark.parametrize(
    ("shape", "target", "reason"),
    [
        ((2, 3), (3,), "axes cannot go away"),
        ((2,), (3,), "one and a half times"),
        ((0,), (2,), "nothing repeated is nothing"),
    ],
)
def test_what_repetition_cannot_fill(shape: tuple, target: tuple, reason: str) -> None:
    assert not extents.repeats_to(shape, target), reason
