"""Graphs with some nodes in the place of others: what all passes over a finished graph share.

A pass replaces the last node of a pattern by one that reads what the first one reads; nodes whose
results nobody reads any more are then left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from xnorsim.network.graph import Graph, Node, Parameter, TensorSpec

__all__ = ["rewritten"]


def rewritten(
    graph: Graph,
    replaced: Mapping[str, Sequence[Node]],
    tensors: Mapping[str, TensorSpec] | None = None,
    parameters: Mapping[str, Parameter] | None = None,
) -> Graph:
    """`graph` with other nodes in the place of those named in `replaced`.

    `tensors` and `parameters` are those that the new nodes read and write. Nodes of which somebody
    read something, and now nobody reads anything, are left out, and so is what only they had.
    """
    read = {name for node in graph.nodes for name in node.inputs} | set(graph.outputs)
    nodes = [new for old in graph.nodes for new in replaced.get(old.name, (old,))]
    needed, kept = set(graph.outputs), []
    for node in reversed(nodes):
        if needed.isdisjoint(node.outputs) and not read.isdisjoint(node.outputs):
            continue
        needed.update(node.inputs)
        kept.append(node)
    kept.reverse()
    held = {name for node in kept for name in node.parameters.values()}
    known = {*graph.inputs, *(name for node in kept for name in node.outputs)}
    every = {**graph.tensors, **(tensors or {})}
    values = {**graph.parameters, **(parameters or {})}
    return replace(
        graph,
        nodes=tuple(kept),
        tensors={name: spec for name, spec in every.items() if name in known},
        parameters={name: item for name, item in values.items() if name in held},
    )
