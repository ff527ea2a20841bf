"""PReLU, where a file writes it as Keras computes it: relu(x) - slope * relu(-x)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from xnorsim.importers.rewriting import rewritten
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, Parameter, producers
from xnorsim.network.ops import Function, Operator
from xnorsim.network.precision import FLOAT32

__all__ = ["prelus_found"]


def prelus_found(graph: Graph) -> Graph:
    """`graph` with relu(x) + c * relu(-x) as the PReLU of slope -c, and with - c as that of c.

    For x > 0 the second term is 0, for x < 0 the first one, so that all results are equal; only
    the sign of a 0 may differ, which no comparison tells.
    """
    written = producers(graph)
    parameters: dict[str, Parameter] = {}
    replaced: dict[str, list[Node]] = {}
    for node in graph.nodes:
        found = _prelu(graph, written, node)
        if found is None:
            continue
        source, slope = found
        name = f"{node.name}.slope"
        parameters[name] = slope
        prelu = ops.Activation(Function.PRELU)
        made = replace(node, op=prelu, inputs=(source,), parameters={"slope": name}, roles=())
        replaced[node.name] = [made]
    return rewritten(graph, replaced, None, parameters) if replaced else graph


def _prelu(graph: Graph, written: Mapping[str, Node], node: Node) -> tuple[str, Parameter] | None:
    """x and the slope of a sum that is a PReLU."""
    if not isinstance(node.op, ops.Elementwise) or len(node.inputs) != 2 or node.parameters:
        return None
    if node.op.operator is Operator.ADD:
        orders = (node.inputs, node.inputs[::-1])
    else:
        orders = (node.inputs,) if node.op.operator is Operator.SUB else ()
    for positive, negative in orders:
        source = _function_of(written, positive, Function.RELU)
        scaled = _scaled(graph, written.get(negative))
        if source is None or scaled is None:
            continue
        turned = _function_of(written, scaled[0], Function.RELU) or ""
        if _function_of(written, turned, Function.NEG) != source:
            continue
        slope = scaled[1]
        return source, _negative(slope) if node.op.operator is Operator.ADD else slope
    return None


def _function_of(written: Mapping[str, Node], tensor: str, function: Function) -> str | None:
    """What a tensor is a function of."""
    node = written.get(tensor)
    return node.inputs[0] if node is not None and node.op == ops.Activation(function) else None


def _scaled(graph: Graph, node: Node | None) -> tuple[str, Parameter] | None:
    """The tensor and the finite constant that a node multiplies."""
    if node is None or node.op != ops.Elementwise(Operator.MUL):
        return None
    if len(node.inputs) != 1 or len(node.parameters) != 1:
        return None
    (factor,) = (graph.parameters[name] for name in node.parameters.values())
    if factor.load is None or factor.spec.encoding != FLOAT32:
        return None
    same = graph.tensors[node.inputs[0]] == graph.tensors[node.outputs[0]]
    return (node.inputs[0], factor) if same and np.all(np.isfinite(factor.load())) else None


def _negative(given: Parameter) -> Parameter:
    assert given.load is not None
    return replace(given, load=partial(_negated, given.load))


def _negated(load: Callable[[], np.ndarray]) -> np.ndarray:
    return -load()
