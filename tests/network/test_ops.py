"""Layer kinds are plain, frozen data with a word for each."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from xnorsim.network import moves, ops
from xnorsim.network.precision import FLOAT32


def test_kinds_are_all_the_dataclasses_of_both_modules() -> None:
    defined = {
        value
        for module in (ops, moves)
        for value in vars(module).values()
        if isinstance(value, type)
        and dataclasses.is_dataclass(value)
        and value.__module__ == module.__name__
    }
    assert set(ops.KINDS) == defined == set(get_args(ops.Op))


@pytest.mark.parametrize("cls", ops.KINDS, ids=lambda cls: cls.__name__)
def test_a_kind_is_frozen_flat_and_documented(cls: type) -> None:
    assert cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert cls.__mro__[1] is object
    assert cls.__doc__
    assert cls.__name__ in ops.__all__


def test_an_op_is_a_value() -> None:
    conv = ops.Conv(8, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))
    again = ops.Conv(8, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))
    assert conv == again
    assert hash(conv) == hash(again)
    with pytest.raises(dataclasses.FrozenInstanceError):
        conv.groups = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("op", "word"),
    [
        (ops.Conv(1, (1,), (1,), ((0, 0),), (1,)), "conv"),
        (ops.ConvTranspose(1, (1,), (1,), ((0, 0),), (1,)), "conv_transpose"),
        (ops.MatMul(), "mat_mul"),
        (ops.LocalResponseNorm(5, 1e-4, 0.75, 1.0), "local_response_norm"),
        (ops.Activation(ops.Function.HARD_SWISH), "hard_swish"),
        (ops.Elementwise(ops.Operator.ADD), "add"),
        (ops.Compare("less"), "less"),
        (ops.Pool(ops.Reduction.MAX, (2,), (2,), ((0, 0),), (1,)), "max_pool"),
        (ops.Reduce(ops.Reduction.MEAN, (2, 3)), "mean_reduce"),
        (ops.Unknown("NonMaxSuppression", "", ()), "NonMaxSuppression"),
        (ops.Cast(FLOAT32), "cast"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_word_for_a_kind(op: ops.Op, word: str) -> None:
    assert ops.kind(op) == word
