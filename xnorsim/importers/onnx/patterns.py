"""Binary layers recognized in a graph as its file has it: which pass comes after which."""

from __future__ import annotations

from xnorsim.importers.normalized import normalized
from xnorsim.importers.onnx.binary import Known, binarized
from xnorsim.importers.onnx.codes import codes_found
from xnorsim.importers.onnx.expanded import prelus_found
from xnorsim.importers.onnx.layout import without_transposes
from xnorsim.importers.onnx.merging import (
    convolved,
    padded,
    pads_later,
    pads_widened,
    scaled_later,
    without_casts,
    without_popcounts,
)
from xnorsim.importers.onnx.rewriting import retyped
from xnorsim.importers.onnx.steps import levels_found, signs_found
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node
from xnorsim.network.ops import Function

__all__ = ["recognize"]

_STEPS = (convolved, without_transposes, codes_found, signs_found, levels_found, without_popcounts)
_TYPES = (retyped, without_casts, pads_later, padded, scaled_later, retyped, pads_widened)


def recognize(graph: Graph, known: Known) -> Graph:
    """`graph` in the canonical form of binary networks, as far as there is something binary.

    A network without signs, roundings and operators of QONNX stays as its file has it, unless
    some of its weights are +-alpha; but batch normalizations and PReLUs in several nodes become
    one. Our own files are in that form.
    """
    if known.canonical:
        return binarized(padded(retyped(graph), with_zeros=False), known)
    return normalized(prelus_found(_recognized(graph, known)))


def _recognized(graph: Graph, known: Known) -> Graph:
    if known.qonnx or any(map(_may_be_sign, graph.nodes)):
        for step in (*_STEPS, *_TYPES):
            graph = step(graph)
        return binarized(graph, known)
    found = binarized(graph, known)
    return found if found is graph else padded(pads_later(without_transposes(found)))


def _may_be_sign(node: Node) -> bool:
    """Whether a node may be what makes +-1 or integers of few bits."""
    op = node.op
    if isinstance(op, ops.Activation):
        return op.function in (Function.SIGNUM, Function.ROUND)
    if isinstance(op, ops.Select):
        return {"left", "right"} <= set(node.parameters)
    return isinstance(op, ops.Sign | ops.Thresholds | ops.Compare)
