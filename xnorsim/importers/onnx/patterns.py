"""Binary layers recognized in a graph as its file has it: which pass comes after which."""

from __future__ import annotations

from xnorsim.importers.onnx.binary import Known, binarized
from xnorsim.importers.onnx.layout import without_transposes
from xnorsim.importers.onnx.merging import (
    convolved,
    padded,
    pads_later,
    scaled_later,
    without_casts,
    without_popcounts,
)
from xnorsim.importers.onnx.rewriting import retyped
from xnorsim.importers.onnx.steps import signs_found
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node
from xnorsim.network.ops import Function

__all__ = ["recognize"]

_BEFORE = (convolved, without_transposes, signs_found, without_popcounts)
_AFTER = (without_casts, pads_later, padded, scaled_later, retyped)


def recognize(graph: Graph, known: Known) -> Graph:
    """`graph` in the canonical form of binary networks, as far as there is something binary."""
    if known.qonnx or any(map(_is_sign, graph.nodes)):
        for step in (*_BEFORE, retyped, *_AFTER):
            graph = step(graph)
    return binarized(graph, known)


def _is_sign(node: Node) -> bool:
    """Whether a node may be what makes +-1."""
    op = node.op
    if isinstance(op, ops.Activation):
        return op.function is Function.SIGNUM
    if isinstance(op, ops.Select):
        return {"left", "right"} <= set(node.parameters)
    return isinstance(op, ops.Sign | ops.Thresholds | ops.Compare)
