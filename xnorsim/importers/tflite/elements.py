"""Operators of two or more tensors, element by element.

Source: TensorFlow, tensorflow/lite/kernels/{add,sub,mul,div,maximum_minimum,comparisons,select}.cc.
"""

from __future__ import annotations

from collections.abc import Callable

from xnorsim.errors import ModelError
from xnorsim.importers.channels import Value
from xnorsim.importers.tflite.activations import finish
from xnorsim.importers.tflite.view import (
    Rule,
    View,
    emit,
    float_constant,
    has,
    real,
    require,
    shape,
    spread,
    write,
)
from xnorsim.network import ops
from xnorsim.network.graph import Parameter
from xnorsim.network.ops import Operator

__all__ = ["RULES"]

Operands = tuple[list[str], dict[str, Parameter], tuple[str, ...], bool]


def _operands(view: View, *roles: str) -> Operands:
    """Activations and constants by role, all in one order of axes: (activations, constants, the
    roles of the activations, whether their channels come first)."""
    count = len(roles)
    require(view, len(view.operator.inputs) >= count, f"it has fewer than {count} inputs")
    fixed = {position: float_constant(view, position) for position in range(count)}
    given = {at: real(view, at) for at, item in fixed.items() if item is None}
    if not given:
        raise ModelError(f"{view.where}: all of its inputs are constant")
    ranks = {at: len(shape(view, at)) for at in range(count)}
    rank = max(ranks.values())
    given = {at: _batched(view, item, rank) for at, item in given.items()}
    ranks |= {at: len(view.state.axes.shape(item)) for at, item in given.items()}
    aligned = rank > 2 and all(ranks[at] == rank for at in given)
    first = aligned and any(item.channels_first for item in given.values())
    axes = view.state.axes
    names = [axes.first(item) if first else axes.last(item) for item in given.values()]
    held = {roles[at]: spread(item, rank, first) for at, item in fixed.items() if item is not None}
    return names, held, tuple(roles[at] for at in given), first


def _batched(view: View, item: Value, rank: int) -> Value:
    """An operand of fewer axes where another batch is used than the file's batch of 1, which
    stretched over the image: axes of 1 after its batch keep that in its place."""
    size, batches = view.state.axes.shape(item), view.state.batches
    if batches is None or batches[0] == batches[1] or batches[0] != 1:
        return item
    if not 2 <= len(size) < rank or size[0] != batches[1]:
        return item
    wanted = (size[0], *(1,) * (rank - len(size)), *size[1:])
    data = view.state.axes.last(item)
    return Value(emit(view, ops.Reshape(wanted), data, suffix="batched"), False)


def _joined(op: ops.Op, *roles: str, has_fused: bool = False) -> Callable[[View], None]:
    def build(view: View) -> None:
        names, held, own, first = _operands(view, *roles)
        result = emit(view, op, *names, parameters=held, roles=own)
        finish(view, result, first, has_fused=has_fused)

    return build


def _elementwise(operator: Operator, *, has_fused: bool = False) -> Callable[[View], None]:
    return _joined(ops.Elementwise(operator), "left", "right", has_fused=has_fused)


def _compare(word: str) -> Callable[[View], None]:
    def build(view: View) -> None:
        names, held, own, first = _operands(view, "left", "right")
        write(view, emit(view, ops.Compare(word), *names, parameters=held, roles=own), first)

    return build


def _squared_difference(view: View) -> None:
    names, held, own, first = _operands(view, "left", "right")
    op = ops.Elementwise(Operator.SUB)
    less = emit(view, op, *names, parameters=held, roles=own, suffix="difference")
    finish(view, emit(view, ops.Elementwise(Operator.MUL), less, less), first)


def _add_n(view: View) -> None:
    count = len(view.operator.inputs)
    require(view, count >= 2 and has(view, 1), "it adds fewer than two tensors")
    roles = ("left", "right", *(f"operand_{at}" for at in range(2, count)))
    _joined(ops.Elementwise(Operator.ADD), *roles)(view)


_COMPARISONS = {
    "EQUAL": "equal",
    "GREATER": "greater",
    "GREATER_EQUAL": "greater_or_equal",
    "LESS": "less",
    "LESS_EQUAL": "less_or_equal",
    "LOGICAL_AND": "and",
    "LOGICAL_OR": "or",
}
_SELECT = _joined(ops.Select(), "condition", "left", "right")

RULES: dict[str, Rule] = {
    **{name: Rule(_compare(word)) for name, word in _COMPARISONS.items()},
    "ADD": Rule(_elementwise(Operator.ADD, has_fused=True), "AddOptions"),
    "ADD_N": Rule(_add_n),
    "DIV": Rule(_elementwise(Operator.DIV, has_fused=True), "DivOptions"),
    "FLOOR_MOD": Rule(_elementwise(Operator.MOD)),
    "MAXIMUM": Rule(_elementwise(Operator.MAX)),
    "MINIMUM": Rule(_elementwise(Operator.MIN)),
    "MUL": Rule(_elementwise(Operator.MUL, has_fused=True), "MulOptions"),
    "POW": Rule(_elementwise(Operator.POW)),
    "SELECT": Rule(_SELECT),
    "SELECT_V2": Rule(_SELECT),
    "SQUARED_DIFFERENCE": Rule(_squared_difference),
    "SUB": Rule(_elementwise(Operator.SUB, has_fused=True), "SubOptions"),
}
