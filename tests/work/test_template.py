"""The layer table of one convolution by formulas: that of its graph, in every column."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorsim.errors import UsageError
from xnorsim.network.policy import Binarize
from xnorsim.network.precision import Scaling
from xnorsim.work.table import COLUMNS, layer_table
from xnorsim.work.template import convolution, convolution_graph

HOW = [(b, s) for b in Binarize for s in Scaling if (b, s) != (Binarize.BWN, Scaling.ALPHA_K)]

SHAPES = st.tuples(
    st.integers(1, 200),  # channels of a group
    st.integers(1, 80),  # filters of a group
    st.integers(1, 9),
    st.integers(1, 40),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 3),
)


@given(st.lists(SHAPES, min_size=1, max_size=5), st.sampled_from(HOW))
@settings(max_examples=120, deadline=None)
def test_columns_are_those_of_the_graph(
    shapes: list[tuple[int, ...]], how: tuple[Binarize, Scaling]
) -> None:
    rows = [(c * g, f * g, k, s, t, g, n) for c, f, k, s, t, g, n in shapes]
    found = convolution(*np.array(rows).T, binarize=how[0], scaling=how[1])
    assert set(found.columns) == set(COLUMNS)
    for place, row in enumerate(rows):
        table = layer_table(convolution_graph(*row, binarize=how[0], scaling=how[1]))
        assert (found.names, found.kinds) == (table.names, table.kinds)
        for name in COLUMNS:
            column = found.columns[name]
            at = np.broadcast_to(column, (len(rows), len(table)))[place]
            np.testing.assert_array_equal(at, table.columns[name], err_msg=name)


@pytest.mark.parametrize("how", HOW, ids=lambda how: f"{how[0]}-{how[1]}")
def test_a_grid_is_its_points(how: tuple[Binarize, Scaling]) -> None:
    """Each size along an axis of its own; whole columns have the axes that they depend on."""
    values = ([4, 64], [8, 12], [1, 3, 4], [1, 7, 8], [1, 2], [1, 2, 4], [1, 3])
    axes = [
        np.array(row).reshape([-1 if place == axis else 1 for place in range(7)])
        for axis, row in enumerate(values)
    ]
    found = convolution(*axes, binarize=how[0], scaling=how[1])
    shape = tuple(map(len, values))
    assert found.columns["parameters"].shape[:-1] == (2, 2, 3, 1, 1, 3, 1)
    for place in list(np.ndindex(*shape))[::7]:
        sizes = [row[i] for row, i in zip(values, place, strict=True)]
        alone = convolution(*sizes, binarize=how[0], scaling=how[1])
        for name, column in found.columns.items():
            at = np.broadcast_to(column, (*shape, column.shape[-1]))[place]
            np.testing.assert_array_equal(at, alone.columns[name], err_msg=name)


def test_counts_that_floats_do_not_hold_are_refused() -> None:
    with pytest.raises(UsageError, match=r"macs would be 1\.\d+e\+1\d.*2\^53"):
        convolution(2**20, 2**20, 3, 32)
    # The largest of each axis never meet.
    found = convolution(np.array([2**20, 1]), np.array([1, 2**20]), 3, np.array([64, 64]))
    assert found.columns["macs"].max() < 2**53
    with pytest.raises(UsageError, match=r"kernel of a convolution is at least 1 \(got 0\)"):
        convolution(8, 8, np.array([1, 0]), 4)
