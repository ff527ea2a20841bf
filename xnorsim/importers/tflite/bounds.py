"""What a tensor's numbers lie between, as far as the layers before it say.

Larq's quantizers become plain arithmetic in a file: a clip, a product, a rounding. The bounds of
what is rounded tell that its result is an integer of k bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

from xnorsim.importers.tflite.view import State
from xnorsim.network import ops
from xnorsim.network.graph import Node
from xnorsim.network.ops import Function, Operator

__all__ = ["Bounds", "bounds", "scalar"]

Bounds = tuple[float, float]

ANYTHING = (-inf, inf)
FARTHEST = 8
"""Layers that are looked back over."""


def bounds(state: State, name: str, depth: int = FARTHEST) -> Bounds:
    """The least and the greatest number that a tensor can hold; infinite where nothing says."""
    node = state.producer(name)
    if node is None or depth == 0:
        return ANYTHING
    if isinstance(node.op, ops.Activation) and node.op.function in _FUNCTIONS:
        return _FUNCTIONS[node.op.function](bounds(state, node.inputs[0], depth - 1), node.op)
    if isinstance(node.op, ops.Elementwise) and node.op.operator in _OPERATORS:
        constant = scalar(state, node)
        if constant is not None:
            given = bounds(state, node.inputs[0], depth - 1)
            return _OPERATORS[node.op.operator](given, constant)
    return ANYTHING


def scalar(state: State, node: Node) -> float | None:
    """The one number that an operator's other operand is."""
    for title in node.parameters.values():
        held = state.assembly.parameters[title]
        if held.spec.elements == 1 and held.load is not None:
            return float(held.load().reshape(()))
    return None


def _clipped(given: Bounds, op: ops.Activation) -> Bounds:
    limits = dict(op.constants)
    low, high = limits.get("min", -inf), limits.get("max", inf)
    return min(max(given[0], low), high), min(max(given[1], low), high)


def _times(given: Bounds, factor: float) -> Bounds:
    return (given[0] * factor, given[1] * factor) if factor > 0 else ANYTHING


_FUNCTIONS: Mapping[Function, Callable[[Bounds, ops.Activation], Bounds]] = {
    Function.CLIP: _clipped,
    Function.RELU: lambda given, op: (max(given[0], 0.0), max(given[1], 0.0)),
    Function.SIGMOID: lambda given, op: (0.0, 1.0),
    Function.TANH: lambda given, op: (-1.0, 1.0),
}
_OPERATORS: Mapping[Operator, Callable[[Bounds, float], Bounds]] = {
    Operator.MAX: lambda given, least: (max(given[0], least), max(given[1], least)),
    Operator.MIN: lambda given, most: (min(given[0], most), min(given[1], most)),
    Operator.MUL: _times,
}
