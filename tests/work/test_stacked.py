"""Tables of one network at several sizes, stacked."""

from __future__ import annotations

import numpy as np
import pytest

from tests.explore.spaces import tiny
from xnorsim.errors import UsageError
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.resized import resized
from xnorsim.work.stacked import stacked
from xnorsim.work.table import COLUMNS, layer_table


def test_each_place_has_its_table() -> None:
    batches, sizes = (1, 3), (8, 12, 16)
    tables = {
        (i, 0, j): layer_table(resized(tiny(), batch=batch, input_size=size))
        for i, batch in enumerate(batches)
        for j, size in enumerate(sizes)
    }
    found = stacked(tables, (2, 1, 3))
    layers = len(tables[0, 0, 0])
    assert set(found) == set(COLUMNS)
    for place, table in tables.items():
        for name in COLUMNS:
            column = np.broadcast_to(found[name], (2, 1, 3, layers))
            np.testing.assert_array_equal(column[place], table.columns[name], err_msg=name)
    assert found["weight_bits"].shape == (1, 1, 1, layers)  # no axis changes the weights


def test_tables_of_different_layers_are_refused() -> None:
    one = layer_table(tiny())
    other = layer_table(apply(tiny(), Policy(Binarize.XNOR)))
    with pytest.raises(UsageError, match=r"tiny .*layer 2 is conv conv1 in the first, and sign"):
        stacked({(0,): one, (1,): other}, (2,))
    with pytest.raises(UsageError, match=r"no layer table at place \(1,\)"):
        stacked({(0,): one}, (2,))
