"""Signs and other steps, however a file writes them.

A tensor that follows from another by comparisons and arithmetic on constants is a step function
of it: some thresholds, and a value from each of them on. `Sign -> Add(0.1) -> Sign` is -1 below 0
and +1 from 0 on, and so is `Where(x < 0, -1, 1)`; x > 0 is the threshold after 0. All of that is
exact in float32. What has the values -s and +s becomes a Sign or Thresholds, times s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial, singledispatch
from itertools import pairwise
from typing import TypeGuard

import numpy as np

from xnorsim.importers.onnx.clamps import TINY, Step, before_shift, past_clamps
from xnorsim.importers.onnx.rewriting import back, constant_of, operand
from xnorsim.importers.onnx.weights import form_of
from xnorsim.importers.rewriting import rewritten
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, Parameter, TensorSpec, producers
from xnorsim.network.ops import Function, Operator, Reduction
from xnorsim.network.precision import (
    BIPOLAR,
    FLOAT32,
    TERNARY,
    UNIPOLAR,
    Encoding,
    Meaning,
)

__all__ = ["levels_found", "signs_found"]


_FORMS: dict[tuple[float, ...], Encoding] = {
    (-1.0, 1.0): BIPOLAR,
    (0.0, 1.0): UNIPOLAR,
    (-1.0, 0.0, 1.0): TERNARY,
}


def signs_found(graph: Graph) -> Graph:
    """`graph` with what writes -s and +s as Signs, or Thresholds that are not 0."""
    steps = steps_of(graph)
    replaced: dict[str, list[Node]] = {}
    tensors: dict[str, TensorSpec] = {}
    parameters: dict[str, Parameter] = {}
    for node in graph.nodes:
        step = steps.get(node.outputs[0]) if node.outputs else None
        if step is None or not _is_sign(step) or _is_canonical(node, steps):
            continue
        if graph.tensors[node.outputs[0]].encoding == FLOAT32:
            replaced[node.name] = _sign_layers(graph, node, step, tensors, parameters)
    return rewritten(graph, replaced, tensors, parameters) if replaced else graph


def levels_found(graph: Graph) -> Graph:
    """`graph` with what writes {0, 1} or {-1, 0, 1} as Thresholds, where a layer of weights of few
    values reads it. Behind other layers, steps stay what they are in the file."""
    steps = {
        name: step for name, step in steps_of(graph).items() if tuple(sorted(step.values)) in _FORMS
    }
    wanted = _read_by_few(graph, steps)
    parameters: dict[str, Parameter] = {}
    replaced = {}
    for node in graph.nodes:
        name = node.outputs[0] if node.outputs else ""
        if name in wanted and not isinstance(node.op, ops.Sign | ops.Thresholds):
            replaced[node.name] = [threshold_layer(node, steps[name], name, parameters)]
    if not replaced:
        return graph
    result = rewritten(graph, replaced, None, parameters)
    three = [name for name in replaced if isinstance(graph.node(name).op, ops.Activation)]
    signs = [name for name in three if steps[graph.node(name).outputs[0]].thresholds == (0.0, TINY)]
    if not signs:
        return result
    shown = ", ".join(signs[:5]) + (", ..." if len(signs) > 5 else "")
    many = f"{len(signs)} Sign{'s' if len(signs) > 1 else ''}"
    note = (
        f"{many} of ONNX before binary weights ({shown}): "
        "0 at 0, so that what they write is ternary and the layers behind them are no xnor; "
        "Where(x < 0, -1, 1) would be +-1."
    )
    return replace(result, notes=(*result.notes, note))


def _read_by_few(graph: Graph, steps: Mapping[str, Step]) -> set[str]:
    """The steps that a layer reads whose weights have few values themselves."""
    written, found = producers(graph), set()
    for node in graph.nodes:
        if not isinstance(node.op, ops.Weighted) or "weight" not in node.parameters:
            continue
        for name in (node.inputs[0], *(step.inputs[0] for step in _moves(written, node.inputs[0]))):
            weight = graph.parameters[node.parameters["weight"]]
            if name in steps and name not in found and form_of(weight, node.op):
                found.add(name)
            if name in steps:
                break
    return found


def _moves(written: Mapping[str, Node], tensor: str) -> Iterator[Node]:
    """The nodes that wrote a tensor and only move its values or take their maximum."""
    for node in back(written, tensor):
        moves = isinstance(node.op, ops.Reshape | ops.Transpose | ops.Pad | ops.Identity)
        if not moves and not (isinstance(node.op, ops.Pool) and node.op.reduction is Reduction.MAX):
            return
        yield node


def _is_sign(step: Step) -> bool:
    return len(step.thresholds) == 1 and step.values[0] == -step.values[1] != 0


def _is_canonical(node: Node, steps: Mapping[str, Step]) -> bool:
    """A Sign is one already, and what scales or hands on a sign is left."""
    if isinstance(node.op, ops.Sign | ops.Thresholds | ops.Identity):
        return True
    given = [steps[name] for name in node.inputs if name in steps]
    return isinstance(node.op, ops.Elementwise) and any(map(_is_sign, given))


def _sign_layers(
    graph: Graph,
    node: Node,
    step: Step,
    tensors: dict[str, TensorSpec],
    parameters: dict[str, Parameter],
) -> list[Node]:
    scale, result = abs(step.values[1]), node.outputs[0]
    unit = Step(step.source, step.thresholds, tuple(value / scale for value in step.values))
    target = result if scale == 1 else f"{result}.sign"
    spec = graph.tensors[result]
    first = threshold_layer(node, unit, target, parameters)
    if scale == 1:
        return [first]
    tensors[target] = TensorSpec(spec.shape, FLOAT32)
    factor = f"{node.name}.scale_value"
    parameters[factor] = _number(scale)
    mul = ops.Elementwise(Operator.MUL)
    return [
        replace(first, name=f"{node.name}.sign"),
        Node(node.name, mul, (target,), (result,), {"right": factor}),
    ]


def threshold_layer(node: Node, step: Step, target: str, parameters: dict[str, Parameter]) -> Node:
    """A step of values one apart (two for +-1) as a Sign or Thresholds, in the place of `node`."""
    if step.thresholds == (0.0,) and step.values == (-1.0, 1.0):
        return Node(node.name, ops.Sign(), (step.source,), (target,), layer=node.layer)
    encoding = _FORMS[tuple(sorted(step.values))]
    op = ops.Thresholds(encoding, step.values[1] - step.values[0], step.values[0])
    name = f"{node.name}.thresholds"
    row = np.asarray([step.thresholds], np.float32)
    parameters[name] = Parameter(TensorSpec(row.shape, FLOAT32), (), partial(np.copy, row))
    held = {"thresholds": name}
    return Node(node.name, op, (step.source,), (target,), held, layer=node.layer)


def _number(value: float) -> Parameter:
    return Parameter(TensorSpec((), FLOAT32), (), partial(np.asarray, value, np.float32))


# Steps, tensor by tensor


def steps_of(graph: Graph) -> dict[str, Step]:
    """Every tensor that is a step function of another one of the same shape.

    Behind a clamp a step may be constant, as a sign of what a ReLU writes is: it stays one of the
    clamp's result, so `near` has the steps before clamps are passed.
    """
    written = producers(graph)
    steps: dict[str, Step] = {}
    near: dict[str, Step] = {}
    for node in graph.nodes:
        if len(node.outputs) != 1:
            continue
        first = _step(node.op, node, graph, near)
        step = _step(node.op, node, graph, steps)
        if _holds(first, node, graph):
            near[node.outputs[0]] = first
        step = past_clamps(step, graph, written) if step is not None else first
        found = next((item for item in (step, first) if _holds(item, node, graph)), None)
        if found is not None:
            steps[node.outputs[0]] = found
    return steps


def _holds(step: Step | None, node: Node, graph: Graph) -> TypeGuard[Step]:
    """Whether a step is one, of a tensor of the shape that the node writes."""
    if step is None or not step.thresholds:
        return False
    source, result = (graph.tensors[name] for name in (step.source, node.outputs[0]))
    return source.shape == result.shape and source.encoding == FLOAT32


def _mapped(step: Step, function: Callable[[np.float32], np.float32 | bool | float]) -> Step:
    """The function of each value; thresholds at which nothing changes are left out."""
    values = [float(function(np.float32(value))) for value in step.values]
    kept = [at for at, (a, b) in enumerate(pairwise(values)) if a != b]
    thresholds = tuple(step.thresholds[at] for at in kept)
    return Step(step.source, thresholds, (values[0], *(values[at + 1] for at in kept)))


@singledispatch
def _step(op: ops.Op, node: Node, graph: Graph, steps: Mapping[str, Step]) -> Step | None:
    """The step function that a node writes; None if it writes none."""
    return None


@_step.register
def _(op: ops.Sign, node: Node, graph: Graph, steps: Mapping[str, Step]) -> Step | None:
    (name,) = node.inputs or ("",)
    if name in steps:
        return _mapped(steps[name], lambda value: 1.0 if value >= 0 else -1.0)
    return Step(name, (0.0,), (-1.0, 1.0)) if name else None


@_step.register
def _(op: ops.Activation, node: Node, graph: Graph, steps: Mapping[str, Step]) -> Step | None:
    if len(node.inputs) != 1 or node.parameters:
        return None
    (name,) = node.inputs
    if op.function is Function.SIGNUM and name not in steps:
        return Step(name, (0.0, TINY), (-1.0, 0.0, 1.0))
    function = _FUNCTIONS.get(op.function)
    return _mapped(steps[name], function) if function and name in steps else None


_FUNCTIONS: dict[Function, Callable[[np.float32], np.float32 | bool | float]] = {
    Function.SIGNUM: np.sign,
    Function.NOT: lambda value: value == 0,
    Function.NEG: np.negative,
    Function.RELU: lambda value: np.maximum(value, np.float32(0)),
}


@_step.register
def _(op: ops.Identity, node: Node, graph: Graph, steps: Mapping[str, Step]) -> Step | None:
    return steps.get(node.inputs[0]) if node.inputs else None


@_step.register
def _(op: ops.Cast, node: Node, graph: Graph, steps: Mapping[str, Step]) -> Step | None:
    step = steps.get(node.inputs[0]) if node.inputs else None
    if step is None:
        return None
    if op.to.meaning is Meaning.BOOLEAN:
        return _mapped(step, lambda value: value != 0)
    few = all(value.is_integer() and abs(value) < 2**7 for value in step.values)
    signed = op.to.meaning is Meaning.FLOAT or not op.to.name.startswith("u")
    holds = op.to.meaning in (Meaning.FLOAT, Meaning.INTEGER) and op.to.bits >= 8
    return step if few and holds and (signed or min(step.values) >= 0) else None


@_step.register
def _(op: ops.Compare, node: Node, graph: Graph, steps: Mapping[str, Step]) -> Step | None:
    found = operand(graph, node)
    if found is None or op.operator not in _COMPARED:
        return None
    name, value, role = found
    operator = op.operator if role != "left" else _TURNED[op.operator]
    if name in steps:
        return _mapped(steps[name], lambda given: _COMPARED[operator](float(given), value))
    return _compared(name, operator, value)


_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "greater": lambda a, b: bool(a > b),
    "greater_or_equal": lambda a, b: bool(a >= b),
    "less": lambda a, b: bool(a < b),
    "less_or_equal": lambda a, b: bool(a <= b),
}

_TURNED = {
    "greater": "less",
    "greater_or_equal": "less_or_equal",
    "less": "greater",
    "less_or_equal": "greater_or_equal",
}
"""What a comparison is with its sides changed."""


def _compared(name: str, operator: str, value: float) -> Step | None:
    """x > c holds from the number after c on, and x <= c below it."""
    if not np.isfinite(value):
        return None
    after = operator in ("greater", "less_or_equal")
    bound = np.nextafter(np.float32(value), np.float32(np.inf)) if after else np.float32(value)
    rises = operator.startswith("greater")
    return Step(name, (float(bound),), (0.0, 1.0) if rises else (1.0, 0.0))


@_step.register
def _(op: ops.Select, node: Node, graph: Graph, steps: Mapping[str, Step]) -> Step | None:
    step = steps.get(node.inputs[0]) if len(node.inputs) == 1 else None
    if step is None or set(node.parameters) != {"left", "right"}:
        return None
    left, right = (constant_of(graph, node.parameters[role]) for role in ("left", "right"))
    if left is None or right is None:
        return None
    return _mapped(step, lambda value: left if value else right)


@_step.register
def _(op: ops.Elementwise, node: Node, graph: Graph, steps: Mapping[str, Step]) -> Step | None:
    function = _ARITHMETIC.get(op.operator)
    if function is None:
        return None
    if len(node.inputs) == 2 and all(name in steps for name in node.inputs):
        left, right = (steps[name] for name in node.inputs)
        if left.source != right.source:
            written = producers(graph)
            left, right = (before_shift(step, graph, written) for step in (left, right))
        return _combined(function, left, right) if left.source == right.source else None
    found = operand(graph, node)
    if found is None or found[0] not in steps:
        return None
    name, value, role = found
    constant = np.float32(value)
    if role == "left":
        return _mapped(steps[name], lambda given: function(constant, given))
    return _mapped(steps[name], lambda given: function(given, constant))


_ARITHMETIC: dict[Operator, Callable] = {
    Operator.ADD: np.add,
    Operator.SUB: np.subtract,
    Operator.MUL: np.multiply,
    Operator.MAX: np.maximum,
    Operator.MIN: np.minimum,
}


def _combined(function: Callable, left: Step, right: Step) -> Step:
    """An operator between two steps of one tensor."""
    thresholds = sorted({*left.thresholds, *right.thresholds})
    values = tuple(
        float(function(_at(left, point), _at(right, point))) for point in (-np.inf, *thresholds)
    )
    return _mapped(Step(left.source, tuple(thresholds), values), lambda value: value)


def _at(step: Step, point: float) -> np.float32:
    """The step's value at a point."""
    return np.float32(step.values[sum(bound <= point for bound in step.thresholds)])
