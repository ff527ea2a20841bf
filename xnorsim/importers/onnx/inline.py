"""Functions of a file (ModelProto.functions) put in place of the nodes that call them.

Before that, whatever may be written out several times (in functions and in loops) is marked, so
that its tensors stay those of the file: read in each place, stored once.
"""

from __future__ import annotations

import onnx
from onnx import inliner

from xnorsim.errors import ModelError
from xnorsim.exporters.onnx.local import is_own
from xnorsim.importers.onnx.names import key_of, subgraphs
from xnorsim.importers.onnx.state import mark

__all__ = ["inline_functions"]

LARGEST_GRAPH = 200_000
"""[nodes] More than this after inlining is a fault of the file, not a network."""

Key = tuple[str, str]

_HOLDERS = frozenset({("", "Constant"), ("", "ConstantOfShape")})
"""Nodes that hold a tensor, or stand for one that was left out of the file."""


def inline_functions(file: str, model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` without calls of its own functions; itself, if it has none. Those that our exporter
    writes stay: there are rules for them.

    Raises:
        ModelError: functions that call each other in a circle or grow beyond all bounds, or that
            onnx cannot put in place.
    """
    own = [(f.domain, f.name) for f in model.functions if is_own(f)]
    _mark_tensors(model)
    if len(own) == len(model.functions):
        return model
    bodies = {(f.domain, f.name): list(f.node) for f in model.functions}
    bodies = {key: body for key, body in bodies.items() if key not in own}
    sizes: dict[Key, int] = {}
    for key in bodies:
        _size(file, key, bodies, sizes, ())
    total = sum(sizes.get(key, 1) for key in map(_call, _every(list(model.graph.node))))
    if total > LARGEST_GRAPH:
        raise ModelError(f"{file}: its functions expand to {total} nodes (at most {LARGEST_GRAPH})")
    try:
        return inliner.inline_selected_functions(model, own, exclude=True)
    except Exception as fault:
        raise ModelError(f"{file}: its functions cannot be put in place: {fault}") from fault


def _mark_tensors(model: onnx.ModelProto) -> None:
    """Mark what graphs within nodes and functions hold, before anything copies it."""
    top = [list(model.graph.node), *(list(function.node) for function in model.functions)]
    nodes = [node for group in top for node in _every(group)]
    inner = [t for node in nodes for graph in subgraphs(node) for t in graph.initializer]
    holders = [node for node in nodes if key_of(node) in _HOLDERS]
    for index, item in enumerate([*holders, *inner]):
        mark(item, str(index))


def _call(node: onnx.NodeProto) -> Key:
    return node.domain, node.op_type


def _every(nodes: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
    inner = [list(graph.node) for node in nodes for graph in subgraphs(node)]
    return [*nodes, *(item for graph in inner for item in _every(graph))]


def _size(
    file: str,
    key: Key,
    bodies: dict[Key, list[onnx.NodeProto]],
    sizes: dict[Key, int],
    callers: tuple[Key, ...],
) -> int:
    """Nodes that a call of the function `key` becomes."""
    if key in callers:
        circle = " -> ".join(name for _, name in (*callers[callers.index(key) :], key))
        raise ModelError(f"{file}: its functions call each other in a circle: {circle}")
    if key not in sizes:
        total = 0
        for node in _every(bodies[key]):
            call = _call(node)
            inner = call in bodies
            total += _size(file, call, bodies, sizes, (*callers, key)) if inner else 1
        sizes[key] = total
    return sizes[key]
