"""Which layers can be links of a chain, and the steps that they are: to the bit the reference's,
but for the sign of zeros."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from xnorsim.exact.call import Call
from xnorsim.exact.engines import ENGINES
from xnorsim.exact.reference.normalization import affine
from xnorsim.kernels.elementwise import Code
from xnorsim.network import ops
from xnorsim.network.functions import Function, Operator
from xnorsim.network.graph import Graph, Node
from xnorsim.network.precision import FLOAT32

__all__ = ["Link", "links_of"]

Array = np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """y becomes code(y, operand): float32 of one number, of one a channel, or a tensor by name."""

    code: Code
    operand: Array | str


Links = tuple[Link, ...] | None


def links_of(graph: Graph, node: Node, tensor: str, weights: Callable[[str], Array]) -> Links:
    """What a layer does to `tensor`, which it reads; None if that is no chain of steps.

    `weights` loads a parameter by name.
    """
    specs = [graph.tensors[name] for name in (tensor, *node.outputs)]
    if node.roles or len(specs) != 2 or specs[0] != specs[1] or specs[0].encoding != FLOAT32:
        return None
    if node.inputs.count(tensor) != 1:
        return None
    others = [name for name in node.inputs if name != tensor]
    if any(graph.tensors[name] != specs[0] for name in others):
        return None
    given = {role: weights(name) for role, name in node.parameters.items()}
    if any(value.dtype != np.float32 for value in given.values()):
        return None
    return _links(node.op, graph, node, others, given)


@singledispatch
def _links(
    op: ops.Op, graph: Graph, node: Node, others: list[str], given: Mapping[str, Array]
) -> Links:
    return None


@_links.register
def _(op: ops.Identity, graph: Graph, node: Node, others: list[str], given: Mapping) -> Links:
    return ()


@_links.register
def _(op: ops.BatchNorm, graph: Graph, node: Node, others: list[str], given: Mapping) -> Links:
    out = (graph.tensors[node.outputs[0]],)
    a, b = affine(op, Call((), out, ENGINES["packed"], given), np.dtype(np.float32))
    return Link(Code.MULTIPLY, a), Link(Code.ADD, b)


@_links.register
def _(op: ops.Elementwise, graph: Graph, node: Node, others: list[str], given: Mapping) -> Links:
    code = {Operator.ADD: Code.ADD, Operator.MUL: Code.MULTIPLY}.get(op.operator)
    if code is None or len(others) + len(given) != 1:
        return None
    if others:
        return (Link(code, others[0]),)
    (value,) = given.values()
    vector = _by_channel(value, graph.tensors[node.outputs[0]].shape)
    return None if vector is None else (Link(code, vector),)


@_links.register
def _(op: ops.Activation, graph: Graph, node: Node, others: list[str], given: Mapping) -> Links:
    constants = dict(op.constants)
    if op.function is Function.RELU:
        return (_number(Code.MAXIMUM, 0),)
    if op.function is Function.LEAKY_RELU:
        return (_number(Code.PRELU, constants.get("alpha", 0.01)),)
    if op.function is Function.CLIP and not any(np.isnan(list(constants.values()))):
        bounds = {"min": Code.MAXIMUM, "max": Code.MINIMUM}
        return tuple(_number(bounds[name], constants[name]) for name in bounds if name in constants)
    if op.function is Function.PRELU and given.keys() == {"slope"}:
        slope = _by_channel(given["slope"], graph.tensors[node.outputs[0]].shape)
        return None if slope is None else (Link(Code.PRELU, slope),)
    return None


def _number(code: Code, value: float) -> Link:
    return Link(code, np.array([value], np.float32))


def _by_channel(values: Array, shape: tuple[int, ...]) -> Array | None:
    """One number for all or one a channel, if that is what broadcasts to `shape`."""
    if values.size == 1:
        return values.reshape(1)
    axis = values.ndim - (len(shape) - 1)  # where channels are among the axes of `values`
    alone = 0 <= axis < values.ndim and values.size == values.shape[axis] == shape[1]
    return values.reshape(-1) if alone else None
