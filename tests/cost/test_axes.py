"""Arrays over design points: what is added up, in which order, and with which axes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xnorsim.cost.axes import by_layer, narrow, rows_of, total
from xnorsim.cost.latency import checked_overlaps, combined, combined_seconds

NUMBERS = st.floats(0, 1e6, allow_subnormal=False)


def arrays(shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.float64, shape, elements=NUMBERS)


SHAPES = hnp.mutually_broadcastable_shapes(num_shapes=4, max_dims=3, max_side=3)


@given(SHAPES.flatmap(lambda shapes: st.tuples(*map(arrays, shapes.input_shapes))))
@settings(max_examples=60, deadline=None)
def test_a_sum_is_that_of_each_point_one_after_another_and_changes_no_term(
    terms: tuple[np.ndarray, ...],
) -> None:
    before = [term.copy() for term in terms]
    found = total(terms)
    expected = terms[0]
    for term in terms[1:]:
        expected = expected + term
    np.testing.assert_array_equal(found, expected)
    for term, same in zip(terms, before, strict=True):
        np.testing.assert_array_equal(term, same)  # sums are made in place, but not in theirs


def test_whole_numbers_add_up_as_floats_hold_them() -> None:
    assert total([np.array([1, 2]), np.array([3, 4]), 0.5]).tolist() == [4.5, 6.5]
    assert float(total([])) == 0.0


@given(SHAPES.flatmap(lambda shapes: st.tuples(*map(arrays, shapes.input_shapes))), st.data())
@settings(max_examples=60, deadline=None)
def test_parts_are_put_together_the_same_in_grids_and_alone(
    parts: tuple[np.ndarray, ...], data: st.DataObject
) -> None:
    core, *transfers = parts
    shape = np.broadcast_shapes(*(part.shape for part in parts))
    share = st.floats(0, 1) | st.sampled_from([0.0, 1.0])
    overlaps = [data.draw(share | hnp.arrays(np.float64, shape, elements=share)) for _ in transfers]
    before = [part.copy() for part in parts]
    found = combined(core, transfers, checked_overlaps(overlaps))
    at_all = np.broadcast_to(found, shape)
    for place in np.ndindex(*shape):
        one, *others = (float(np.broadcast_to(part, shape)[place]) for part in parts)
        hidden = [float(np.broadcast_to(overlap, shape)[place]) for overlap in overlaps]
        assert at_all[place] == combined_seconds(one, others, hidden)
        time = one
        for part, overlap in zip(others, hidden, strict=True):
            time = max(time, part) + (1 - overlap) * min(time, part)
        assert at_all[place] == time
    for part, same in zip(parts, before, strict=True):
        np.testing.assert_array_equal(part, same)


def test_rows_have_the_axes_on_which_they_depend() -> None:
    array = np.array([[[1.0, 5.0], [1.0, 5.0]], [[1.0, 7.0], [1.0, 7.0]]])  # [2, 2, layers]
    first, second = rows_of(array, 2)
    assert first.shape == (1, 1)
    assert second.tolist() == [[5.0], [7.0]]
    assert narrow(np.ones((3, 1, 4))).shape == (1, 1, 4)
    assert narrow(np.float64(2)).shape == ()


def test_layers_are_added_up_from_arrays_and_from_rows() -> None:
    parts = [(np.array([0, 2]), np.array([[1.0, 2.0]])), (np.array([2]), [np.array([10.0, 20.0])])]
    found = by_layer(parts, 4)
    assert [row.tolist() for row in found] == [[1.0], 0.0, [12.0, 22.0], 0.0]
