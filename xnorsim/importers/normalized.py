"""Batch normalizations that a file writes as a multiplication and an addition for each channel.

Converters write x * a + b where they could not fold the normalization into a layer before it. Both
are rounded as in BatchNorm, so that the numbers stay what they are; as one layer it is counted, and
runs, as it does from files that keep it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from xnorsim.importers.rewriting import rewritten
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, Parameter, TensorSpec, consumers, producers
from xnorsim.network.ops import Operator
from xnorsim.network.precision import FLOAT32

__all__ = ["normalized"]


def normalized(graph: Graph) -> Graph:
    """`graph` with x * a + b, a and b constants of one number a channel, as a BatchNorm."""
    written, readers = producers(graph), consumers(graph)
    parameters: dict[str, Parameter] = {}
    replaced: dict[str, list[Node]] = {}
    for node in graph.nodes:
        shift = _constant(graph, node, Operator.ADD)
        product = written.get(node.inputs[0]) if shift else None
        scale = _constant(graph, product, Operator.MUL) if product else None
        if not shift or not product or not scale:
            continue
        between = product.outputs[0]
        if len(readers[between]) > 1 or between in graph.outputs or not _same_bits(scale, shift):
            continue
        held = {role: f"{node.name}.{role}" for role in ("scale", "shift")}
        parameters |= {held["scale"]: scale, held["shift"]: shift}
        made = replace(node, op=ops.BatchNorm(0.0), inputs=product.inputs, parameters=held)
        replaced[node.name] = [replace(made, roles=())]
    return rewritten(graph, replaced, None, parameters) if replaced else graph


def _constant(graph: Graph, node: Node, operator: Operator) -> Parameter | None:
    """The constant [channels] that a node multiplies a tensor by, or adds to it."""
    if node.op != ops.Elementwise(operator) or len(node.inputs) != 1 or len(node.parameters) != 1:
        return None
    (given,) = (graph.parameters[name] for name in node.parameters.values())
    data, result = graph.tensors[node.inputs[0]], graph.tensors[node.outputs[0]]
    if data != result or data.encoding != FLOAT32 or given.spec.encoding != FLOAT32:
        return None
    shape = (1,) * (len(data.shape) - len(given.spec.shape)) + given.spec.shape
    channels = data.shape[1] if len(data.shape) > 1 else 1
    if channels == 1 or shape[1] != channels or given.spec.elements != channels or not given.load:
        return None
    return replace(given, spec=TensorSpec((channels,), FLOAT32), load=partial(_vector, given.load))


def _vector(load: Callable[[], np.ndarray]) -> np.ndarray:
    return load().reshape(-1)


def _same_bits(scale: Parameter, shift: Parameter) -> bool:
    """Whether shift - 0 * scale, which a BatchNorm without a mean adds, is the shift.

    It is not where the scale is not finite, and for -0 where the scale is below 0.
    """
    assert scale.load is not None
    assert shift.load is not None
    a, b = scale.load(), shift.load()
    with np.errstate(all="ignore"):
        added = b - np.float32(0) * a
    return added.tobytes() == b.tobytes()
