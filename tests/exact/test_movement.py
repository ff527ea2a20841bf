"""What only moves elements: each expectation can be written down by hand."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tests.exact.calls import BLAS, result, results
from xnorsim.errors import InputError, ModelError, UnsupportedOpError
from xnorsim.exact.call import Call
from xnorsim.exact.reference import run
from xnorsim.network import ops
from xnorsim.network.graph import TensorSpec
from xnorsim.network.precision import BIPOLAR, ENCODINGS, FLOAT32

LOW, HIGH = -(2**63), 2**63 - 1


def count(*shape: int, kind: Any = np.float32) -> np.ndarray:
    """0, 1, 2, ... in a shape."""
    return np.arange(np.prod(shape)).reshape(shape).astype(kind)


# op, what is read, what comes out, why
MOVES: list[tuple[ops.Op, Any, Any, str]] = [
    (ops.Identity(), [1, 2], [1, 2], "the same"),
    (ops.Reshape((3, 2)), count(2, 3), [[0, 1], [2, 3], [4, 5]], "the order stays"),
    (ops.Reshape(()), [7], 7, "to a scalar"),
    (ops.Transpose((1, 0)), count(2, 3), [[0, 3], [1, 4], [2, 5]], "rows become columns"),
    (ops.Slice((0,), (1,), (3,), (1,)), [0, 1, 2, 3], [1, 2], "the end is not included"),
    (ops.Slice((0,), (-1,), (LOW,), (-1,)), [0, 1, 2], [2, 1, 0], "backwards to the start"),
    (ops.Slice((0,), (HIGH,), (0,), (-2,)), [0, 1, 2, 3], [3, 1], "0 itself is the end"),
    (ops.Slice((-1,), (0,), (HIGH,), (2,)), count(2, 3), [[0, 2], [3, 5]], "the last axis"),
    (ops.Slice((1, 0), (0, 1), (1, 2), (1, 1)), count(2, 3), [[3]], "axes in any order"),
    (ops.Slice((0,), (5,), (9,), (1,)), count(3, 1), np.zeros((0, 1)), "clipped to nothing"),
    (ops.Pad(((1, 2),)), [1, 2], [0, 1, 2, 0, 0], "zeros"),
    (ops.Pad(((1, 0),), value=9.0), [1, 2], [9, 1, 2], "the op's value"),
    (ops.Pad(((1, 2),), "edge"), [1, 2], [1, 1, 2, 2, 2], "the ends again"),
    (ops.Pad(((2, 1),), "reflect"), [1, 2, 3], [3, 2, 1, 2, 3, 2], "the end only once"),
    (ops.Pad(((2, 1),), "wrap"), [1, 2, 3], [2, 3, 1, 2, 3, 1], "from the other end"),
    (ops.Pad(((-1, 1),)), [1, 2, 3], [2, 3, 0], "a negative padding removes"),
    (ops.Pad(((-1, 1),), "reflect"), [1, 2, 3], [2, 3, 2], "and is taken away first"),
    (ops.Expand((2, 3)), [[1], [2]], [[1, 1, 1], [2, 2, 2]], "an axis of one stretches"),
    (ops.Expand((2, 2)), [1, 2], [[1, 2], [1, 2]], "axes are added in front"),
    (ops.Expand((4,)), [1, 2], [1, 2, 1, 2], "a tile repeats the whole"),
    (ops.Expand((0, 2)), np.zeros((0, 2)), np.zeros((0, 2)), "nothing stays nothing"),
    # 8 channels are 2 channels of blocks of 2 x 2: block position k of channel c is 2 k + c
    (ops.Rearrange("depth_to_space", (1, 2, 2, 2), 2), count(1, 8, 1, 1),
     [[[[0, 2], [4, 6]], [[1, 3], [5, 7]]]], "depth, column, row"),
    # and here 4 c + k
    (ops.Rearrange("depth_to_space_crd", (1, 2, 2, 2), 2), count(1, 8, 1, 1),
     [[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]], "column, row, depth"),
    (ops.Rearrange("space_to_depth", (1, 8, 1, 1), 2), count(1, 2, 2, 2),
     np.reshape([0, 4, 1, 5, 2, 6, 3, 7], (1, 8, 1, 1)), "a block's positions first"),
    (ops.Rearrange("space_to_depth_crd", (1, 8, 1, 1), 2), count(1, 2, 2, 2),
     count(1, 8, 1, 1), "channels first"),
]  # fmt: skip


@pytest.mark.parametrize(("op", "data", "expected", "why"), MOVES, ids=[row[3] for row in MOVES])
@pytest.mark.parametrize("kind", [np.float32, np.int64, np.float16, ml_dtypes.bfloat16])
def test_moves(op: ops.Op, data: Any, expected: Any, why: str, kind: Any) -> None:
    assert_array_equal(result(op, np.asarray(data, kind)), np.asarray(expected, kind), why)


def test_a_bool_is_moved_too() -> None:
    found = result(ops.Pad(((1, 0),), value=1.0), np.array([False]))
    assert_array_equal(found, [True, False])


def test_a_padding_whose_value_is_computed() -> None:
    assert_array_equal(
        result(ops.Pad(((1, 0),), value=5.0), [1.0], value=np.array([2.0])), [2.0, 1.0]
    )


def test_constant() -> None:
    found = result(ops.Constant((2,), ENCODINGS["bool"], 1.0))
    assert_array_equal(found, [True, True])
    assert_array_equal(result(ops.Constant((), FLOAT32, 0.5)), np.float32(0.5))
    (found,) = run(ops.Constant((2,), BIPOLAR, -1.0), Call((), (TensorSpec((2,), BIPOLAR),), BLAS))
    assert_array_equal(found, [-1, -1])
    assert found.dtype == np.int8, "+-1 is held as int8"


def test_concat_keeps_the_order_of_constants_and_activations() -> None:
    """c1, x, c2, y: the position is in the parameter's name."""
    found = result(ops.Concat(0), [2], [4], operand_2=[3], operand_0=[1])
    assert_array_equal(found, [1, 2, 3, 4])


def test_views_are_not_copied() -> None:
    data = count(4, 6)
    for op in (
        ops.Identity(),
        ops.Reshape((24,)),
        ops.Transpose((1, 0)),
        ops.Slice((0,), (1,), (3,), (1,)),
    ):
        assert np.shares_memory(result(op, data), data), op
    assert all(np.shares_memory(part, data) for part in results(ops.Split(1, (2, 4)), data))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5), st.integers(0, 2))
def test_split_then_concat_is_the_identity(sizes: list[int], axis: int) -> None:
    shape = [2, 3, 2]
    shape[axis] = sum(sizes)
    data = count(*shape)
    parts = results(ops.Split(axis, tuple(sizes)), data)
    assert [part.shape[axis] for part in parts] == sizes
    assert_array_equal(result(ops.Concat(axis), *parts), data)


@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3),
    st.sampled_from(["", "_crd"]),
)  # fmt: skip
def test_space_to_depth_undoes_depth_to_space(c: int, y: int, x: int, b: int, crd: str) -> None:
    image = count(2, c * b * b, y, x)
    space = ops.Rearrange(f"depth_to_space{crd}", (2, c, y * b, x * b), b)
    depth = ops.Rearrange(f"space_to_depth{crd}", image.shape, b)
    assert_array_equal(result(depth, result(space, image)), image)


# op, table, indices, what comes out, why
PICKS: list[tuple[ops.Gather, Any, Any, Any, str]] = [
    (ops.Gather((2, 2)), [[1, 2], [3, 4], [5, 6]], [2, 0], [[5, 6], [1, 2]], "rows"),
    (ops.Gather((2, 1), 1), [[1, 2], [3, 4]], [1], [[2], [4]], "columns"),
    (ops.Gather((2,), 1), [[1, 2], [3, 4]], 0, [1, 3], "a scalar takes its axis away"),
    (ops.Gather((2,)), [1, 2, 3], [-1, -3], [3, 1], "negative: from the end"),
    (ops.Gather((0,)), [1, 2, 3], np.zeros(0, int), np.zeros(0, int), "none at all"),
    (ops.Gather((2, 2), 1, "gather_elements"), [[1, 2], [3, 4]], [[0, 0], [1, 0]],
     [[1, 1], [4, 3]], "an index for each element"),
    (ops.Gather((2, 3), 0, "gather_elements"), [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
     [[1, 2, 0], [2, 0, 0]], [[4, 8, 3], [7, 2, 3]], "ONNX's second example"),
    (ops.Gather((1, 2), 0, "gather_elements"), [[1, 2, 3], [4, 5, 6]], [[-1, 0]],
     [[4, 2]], "fewer indices than the table is wide"),
    (ops.Gather((2,), 0, "gather_nd"), [[0, 1], [2, 3]], [[0, 0], [1, 1]], [0, 3], "points"),
    (ops.Gather((2, 2), 0, "gather_nd"), [[0, 1], [2, 3]], [[1], [0]], [[2, 3], [0, 1]], "rows"),
    (ops.Gather((2, 2), 0, "gather_nd", 1), [[[0, 1], [2, 3]], [[4, 5], [6, 7]]], [[1], [0]],
     [[2, 3], [4, 5]], "row 1 of the first, row 0 of the second"),
    (ops.Gather((2, 1), 0, "gather_nd", 1), [[0, 1], [2, 3]], [[[-1]], [[0]]], [[1], [2]],
     "an axis in step, and several picks in each"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("op", "table", "indices", "expected", "why"), PICKS, ids=[row[4] for row in PICKS]
)
@pytest.mark.parametrize("kind", [np.int64, np.int32])
def test_picks(
    op: ops.Gather, table: Any, indices: Any, expected: Any, why: str, kind: Any
) -> None:
    assert_array_equal(result(op, table, np.asarray(indices, kind)), expected, why)


def test_a_constant_table_and_constant_indices() -> None:
    table, indices = np.array([5, 6, 7]), np.array([2, 0])
    assert_array_equal(result(ops.Gather((2,)), indices, table=table), [7, 5])
    assert_array_equal(result(ops.Gather((2,)), table, indices=indices), [7, 5])


@pytest.mark.parametrize("form", ["gather", "gather_elements", "gather_nd"])
@pytest.mark.parametrize("wrong", [3, -4])
def test_an_index_out_of_range(form: str, wrong: int) -> None:
    indices = [[wrong]] if form == "gather_nd" else [wrong]
    with pytest.raises(InputError, match=rf"index {wrong} is out of range for axis 0 of 3"):
        result(ops.Gather((1,), 0, form), [1, 2, 3], indices)


def test_forms_that_there_are_not() -> None:
    with pytest.raises(UnsupportedOpError, match=r"'mirror'.*reflect"):
        result(ops.Pad(((1, 1),), "mirror"), [1, 2])
    with pytest.raises(UnsupportedOpError, match=r"'gather_all'.*gather_nd"):
        result(ops.Gather((1,), 0, "gather_all"), [1], [0])
    with pytest.raises(UnsupportedOpError, match=r"'shuffle'.*space_to_depth"):
        result(ops.Rearrange("shuffle", (1, 4, 1, 1), 2), count(1, 1, 2, 2))
    with pytest.raises(ModelError, match="batch, channels"):
        result(ops.Rearrange("space_to_depth", (4, 1), 2), count(2, 2))
