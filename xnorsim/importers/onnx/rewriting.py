"""What the passes over a graph of an ONNX file ask about its nodes, and its narrow encodings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, by_role
from xnorsim.network.ops import Operator, Reduction
from xnorsim.network.precision import BIPOLAR, TERNARY, UNIPOLAR, Meaning
from xnorsim.network.shapes import output_specs

__all__ = ["NARROW", "back", "constant_of", "operand", "retyped"]

NARROW = (BIPOLAR, UNIPOLAR, TERNARY)
"""Encodings that ONNX does not have: an importer recognizes them."""

_COPIES = (
    ops.Identity,
    ops.Reshape,
    ops.Transpose,
    ops.Slice,
    ops.Split,
    ops.Gather,
    ops.Expand,
    ops.Rearrange,
    ops.Concat,
)
"""What writes no other values than it reads."""


def retyped(graph: Graph) -> Graph:
    """`graph` with what follows from a Sign or thresholds stated as +-1, {0, 1} or {-1, 0, 1}.

    All other encodings stay those of the file.
    """
    tensors = dict(graph.tensors)
    for node in graph.nodes:
        inputs, roles = by_role(node)
        if not _keeps_narrow(node, [tensors[name].encoding for name in node.inputs]):
            continue
        specs = {
            role: tensors[name] if name in tensors else graph.parameters[name].spec
            for role, name in roles.items()
        }
        found = output_specs(node.op, *(tensors[name] for name in inputs), **specs)
        for name, spec in zip(node.outputs, found, strict=False):
            if name and spec.encoding in NARROW:
                tensors[name] = spec
    return replace(graph, tensors=tensors)


def _keeps_narrow(node: Node, encodings: Sequence[object]) -> bool:
    op = node.op
    if isinstance(op, ops.Sign) or (isinstance(op, ops.Thresholds) and op.to in NARROW):
        return True
    if not encodings or any(item not in NARROW for item in encodings):
        return False
    if isinstance(op, ops.Pad):
        return op.mode != "constant" or not (BIPOLAR in encodings and op.value not in (-1, 1))
    if isinstance(op, ops.Pool):
        return op.reduction is Reduction.MAX
    products = isinstance(op, ops.Elementwise) and op.operator is Operator.MUL
    return isinstance(op, _COPIES) or (products and not node.parameters)


def constant_of(graph: Graph, name: str) -> float | None:
    """The value of a parameter of one number; None if it is none, or has no value."""
    item = graph.parameters.get(name)
    if item is None or item.spec.elements != 1 or item.load is None:
        return None
    if item.spec.encoding.meaning in (Meaning.TEXT, Meaning.COMPLEX):
        return None
    return float(item.load().reshape(-1)[0])


def operand(graph: Graph, node: Node) -> tuple[str, float, str] | None:
    """(tensor, number, the number's role) of an operator between a tensor and a constant."""
    if len(node.inputs) != 1 or len(node.parameters) != 1:
        return None
    ((role, name),) = node.parameters.items()
    value = constant_of(graph, name)
    return None if value is None else (node.inputs[0], value, role)


def back(written: Mapping[str, Node], tensor: str) -> Iterator[Node]:
    """The nodes that wrote a tensor, from the last one, as long as each read one activation."""
    while tensor in written:
        node = written[tensor]
        yield node
        if len(node.inputs) != 1:
            return
        tensor = node.inputs[0]
