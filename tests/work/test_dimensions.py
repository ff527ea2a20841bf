"""Loop nests of layers: tables worked out by hand, and that their product is the count of MACs."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given

from tests.strategies import networks
from tests.work.test_counts import MACS, at, conv, spec
from xnorsim.errors import XnorsimError
from xnorsim.network import ops
from xnorsim.work.counts import count
from xnorsim.work.dimensions import DIMENSIONS, Dimensions, dimensions
from xnorsim.work.table import layer_table, totals


def macs(found: Dimensions) -> int:
    return prod(getattr(found, name) for name in DIMENSIONS if name != "stride")


CASES = [
    # (op, operands, dimensions, why)
    (
        conv(256, (3, 3), padding=1),
        at(spec(1, 256, 14, 14), spec(1, 256, 14, 14)),
        Dimensions(196, 256, 256, 9),
        "the reference layer",
    ),
    (
        conv(64, (7, 7), stride=2, padding=3),
        at(spec(2, 3, 224, 224), spec(2, 64, 112, 112)),
        Dimensions(2 * 112 * 112, 64, 3, 49, stride=4),
        "a batch is more positions; of a stride both axes count",
    ),
    (
        conv(64, (3, 3), padding=1, groups=32),
        at(spec(1, 32, 8, 8), spec(1, 64, 8, 8)),
        Dimensions(64, 2, 1, 9, groups=32),
        "depthwise with two filters a channel",
    ),
    (
        conv(8, (2, 2), stride=2, groups=2, kind=ops.ConvTranspose),
        at(spec(1, 16, 5, 5), spec(1, 8, 10, 10)),
        Dimensions(25, 4 * 4, 8, 1, groups=2),
        "transposed: positions are those of the input, a tap is a filter",
    ),
    (
        ops.Dense(8, 4),
        at(spec(2, 5, 8), spec(2, 5, 4)),
        Dimensions(10, 4, 8, 1),
        "all but the last axis are positions",
    ),
    (
        ops.MatMul(),
        at((spec(2, 4, 5, 8), spec(2, 4, 8, 7)), spec(2, 4, 5, 7)),
        Dimensions(5, 7, 8, 1, groups=8),
        "eight products",
    ),
    (
        ops.MatMul(),
        at((spec(2, 4, 5, 8), spec(4, 8, 7)), spec(2, 4, 5, 7)),
        Dimensions(10, 7, 8, 1, groups=4),
        "what the right side repeats is more positions",
    ),
    (
        ops.MatMul(),
        at(spec(2, 4, 5, 8), spec(2, 4, 5, 7), right=spec(8, 7)),
        Dimensions(40, 7, 8, 1),
        "weights on the right: one product",
    ),
    (
        ops.MatMul(),
        at(spec(2, 8, 7), spec(2, 5, 7), left=spec(5, 8)),
        Dimensions(14, 5, 8, 1),
        "weights on the left: rows are filters, columns positions",
    ),
    (
        ops.MatMul(),
        at((spec(8), spec(8)), spec()),
        Dimensions(1, 1, 8, 1),
        "two vectors",
    ),
    (
        ops.Recurrent("lstm", hidden=32, directions=2),
        at(spec(10, 4, 16), spec(10, 2, 4, 32)),
        Dimensions(40, 4 * 32, 16 + 32, 1, groups=2),
        "time x batch, gates x hidden, input + state, directions",
    ),
]


@pytest.mark.parametrize(("op", "operands", "expected", "why"), CASES)
def test_loop_nests(op, operands, expected, why):
    assert dimensions(op, operands) == expected, why


@pytest.mark.parametrize(
    ("op", "operands"), [case[:2] for case in MACS] + [case[:2] for case in CASES]
)
def test_the_product_is_the_count_of_macs(op, operands):
    assert macs(dimensions(op, operands)) == count(op, operands).macs


def test_every_kind_that_multiplies_is_in_the_tables():
    assert {type(case[0]) for case in CASES} == set(ops.MULTIPLYING)


@pytest.mark.parametrize("kind", [kind for kind in ops.KINDS if kind not in ops.MULTIPLYING])
def test_other_kinds_have_none(kind):
    with pytest.raises(
        XnorsimError, match=f"dimensions has no rule for layer kind {kind.__name__}"
    ):
        dimensions.dispatch(kind)(object.__new__(kind), at(spec(1), spec(1)))


@given(networks())
def test_columns_of_a_network_multiply_to_its_macs(graph):
    table = layer_table(graph)
    found = Dimensions(**{name: table.columns[name] for name in DIMENSIONS})
    np.testing.assert_array_equal(macs(found), table.columns["macs"])
    assert not set(DIMENSIONS) & set(totals(table))
    multiplies = np.array([item is not None for item in table.schemes])
    for name in DIMENSIONS:
        np.testing.assert_array_equal(table.columns[name] > 0, multiplies)
