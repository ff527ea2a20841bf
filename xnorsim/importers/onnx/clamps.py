"""Step functions, and what may stand before one without changing it: clamps, and shifts of 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from xnorsim.importers.onnx.rewriting import operand
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node
from xnorsim.network.ops import Function, Operator

__all__ = ["TINY", "Step", "before_shift", "past_clamps"]


@dataclass(frozen=True, slots=True)
class Step:
    """values[how many of the ascending thresholds `source` is not below]."""

    source: str
    thresholds: tuple[float, ...]
    values: tuple[float, ...]


TINY = float(np.nextafter(np.float32(0), np.float32(1)))
"""The least float32 above 0: x > 0 is x >= TINY."""


def past_clamps(step: Step, graph: Graph, written: Mapping[str, Node]) -> Step:
    """The same step, of what a ReLU, a Clip or a shift before it reads."""
    while (node := written.get(step.source)) is not None and len(node.inputs) == 1:
        moved = _before(node.op, node, graph, step)
        if moved is None:
            return step
        step = moved
    return step


@singledispatch
def _before(op: ops.Op, node: Node, graph: Graph, step: Step) -> Step | None:
    """The step as one of the node's input; None if it is none."""
    return None


@_before.register
def _(op: ops.Activation, node: Node, graph: Graph, step: Step) -> Step | None:
    given = dict(op.constants)
    if op.function is Function.RELU:
        return _unclamped(step, node.inputs[0], 0.0, np.inf)
    if op.function is Function.CLIP:
        return _unclamped(step, node.inputs[0], given.get("min", -np.inf), given.get("max", np.inf))
    return None


@_before.register
def _(op: ops.Elementwise, node: Node, graph: Graph, step: Step) -> Step | None:
    found = operand(graph, node)
    if found is None:
        return None
    name, value, _ = found
    if op.operator is Operator.MAX:
        return _unclamped(step, name, value, np.inf)
    if op.operator is Operator.MIN:
        return _unclamped(step, name, -np.inf, value)
    return None


def before_shift(step: Step, graph: Graph, written: Mapping[str, Node]) -> Step:
    """A step at 0 of what a constant is added to, as one of that. Elsewhere the rounding of the
    sum would decide; its sign is exact."""
    node = written.get(step.source)
    if node is None or not isinstance(node.op, ops.Elementwise):
        return step
    found = operand(graph, node)
    if found is None or not set(step.thresholds) <= {0.0, TINY}:
        return step
    name, value, role = found
    shift = {Operator.ADD: -value, Operator.SUB: value}.get(node.op.operator)
    if shift is None or (role == "left" and node.op.operator is Operator.SUB):
        return step
    bound = np.float32(shift)
    moved = {0.0: float(bound), TINY: float(np.nextafter(bound, np.float32(np.inf)))}
    return Step(name, tuple(moved[at] for at in step.thresholds), step.values)


def _unclamped(step: Step, source: str, low: float, high: float) -> Step:
    """Thresholds up to `low` are always passed, those above `high` never."""
    first = sum(at <= low for at in step.thresholds)
    last = sum(at <= high for at in step.thresholds)
    return Step(source, step.thresholds[first:last], step.values[first : last + 1])
