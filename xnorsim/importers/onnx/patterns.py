"""Binary layers recognized in a graph as its file has it: which pass comes after which."""

from __future__ import annotations

from xnorsim.importers.onnx.binary import Known, binarized
from xnorsim.importers.onnx.rewriting import retyped
from xnorsim.network.graph import Graph

__all__ = ["recognize"]


def recognize(graph: Graph, known: Known) -> Graph:
    """`graph` in the canonical form of binary networks, as far as there is something binary."""
    return binarized(retyped(graph), known)
