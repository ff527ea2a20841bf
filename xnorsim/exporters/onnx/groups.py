"""Layers of ours that are one operator of ONNX together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xnorsim.exporters.onnx.quantization import (
    counted,
    dynamic,
    is_linear,
    narrow_pair,
    requantized,
)
from xnorsim.exporters.onnx.sheet import Sheet
from xnorsim.network import ops
from xnorsim.network.functions import Reduction
from xnorsim.network.graph import Graph, Node, Parameter, consumers, producers
from xnorsim.network.precision import Meaning

__all__ = ["Group", "find_groups"]


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes in execution order, and how they are written."""

    nodes: tuple[Node, ...]
    write: Callable[[Sheet, tuple[Node, ...]], None]


@dataclass(frozen=True, slots=True)
class _Edges:
    graph: Graph
    made_by: Mapping[str, Node]
    readers: Mapping[str, list[Node]]


def find_groups(graph: Graph) -> dict[str, Group]:
    """The groups by the name of their last node."""
    edges = _Edges(graph, producers(graph), consumers(graph))
    found = {}
    for node in graph.nodes:
        for finder in (_requantized, _dynamic, _narrow, _counted):
            group = finder(edges, node)
            if group is not None:
                found[node.name] = group
                break
    return found


def _only_source(edges: _Edges, node: Node, name: str) -> Node | None:
    """What makes a tensor that `node` alone reads."""
    alone = edges.readers[name] == [node] and name not in edges.graph.outputs
    return edges.made_by.get(name) if alone else None


_PRODUCTS = (ops.Conv, ops.Dense, ops.MatMul)


def _requantized(edges: _Edges, node: Node) -> Group | None:
    if not isinstance(node.op, ops.Quantize) or not is_linear(node.op):
        return None
    if not {"input_scale", "weight_scale"} <= {*node.parameters, *node.roles}:
        return None
    product = _only_source(edges, node, node.inputs[0])
    if product is None or not isinstance(product.op, _PRODUCTS):
        return None
    op = product.op
    if isinstance(op, ops.Dense) and (
        op.transpose_weight or op.transpose_input or op.alpha != 1 or "bias" in product.parameters
    ):
        return None
    return Group((product, node), requantized)


def _dynamic(edges: _Edges, node: Node) -> Group | None:
    if not isinstance(node.op, ops.Quantize) or not node.op.dynamic or not is_linear(node.op):
        return None
    by_role = dict(zip(node.roles, node.inputs, strict=True))
    if not {"", "high", "low"} <= by_role.keys():
        return None
    high, low = (_only_source(edges, node, by_role[role]) for role in ("high", "low"))
    if high is None or low is None:
        return None
    axes = tuple(range(len(edges.graph.tensors[by_role[""]].shape)))
    wanted = [ops.Reduce(r, axes, keepdims=False) for r in (Reduction.MAX, Reduction.MIN)]
    same = high.inputs == low.inputs == (by_role[""],)
    return Group((high, low, node), dynamic) if same and [high.op, low.op] == wanted else None


def _narrow(edges: _Edges, node: Node) -> Group | None:
    """A quantizer that QuantizeLinear is not, with what dequantizes it by the same numbers."""
    if not isinstance(node.op, ops.Dequantize):
        return None
    first = _only_source(edges, node, node.inputs[0])
    if first is None or not isinstance(first.op, ops.Quantize):
        return None
    if is_linear(first.op) and first.op.to.bits != 2:  # a type of 2 bits came late
        return None
    meaning = first.op.to.meaning
    plain = meaning in (Meaning.INTEGER, Meaning.UNIPOLAR) and not (first.op.block or node.op.block)
    held = [item.parameters for item in (first, node)]
    only = held[0].keys() == held[1].keys() == {"scale"}  # a zero point decides halves
    same = only and _are_equal(*(edges.graph.parameters[item["scale"]] for item in held))
    alone = len(first.inputs) == len(node.inputs) == 1 and first.op.axis == node.op.axis
    return Group((first, node), narrow_pair) if plain and same and alone else None


def _are_equal(a: Parameter, b: Parameter) -> bool:
    """Whether two scales are one parameter, or the same one number."""
    if a is b:
        return True
    single = a.spec.elements == b.spec.elements == 1
    return single and a.load is not None and b.load is not None and bool(a.load() == b.load())


def _counted(edges: _Edges, node: Node) -> Group | None:
    """Thresholds to integers, with what makes floats of them by one scale."""
    if not isinstance(node.op, ops.Dequantize) or node.parameters.keys() != {"scale"}:
        return None
    first = _only_source(edges, node, node.inputs[0])
    if first is None or not isinstance(first.op, ops.Thresholds):
        return None
    scale = edges.graph.parameters[node.parameters["scale"]]
    single = scale.spec.elements == 1 and scale.load is not None
    return Group((first, node), counted) if single else None
