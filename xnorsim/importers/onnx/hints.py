"""What our own exporter notes beside a network: names that no operator of ONNX has room for.

Notes are of presentation alone: no shape and no value follows from them. A scheme is what its
layer is reported as, between floats that stand for integers; what runs are the floats.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import onnx

from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node
from xnorsim.network.precision import BIPOLAR, ENCODINGS, Scheme

__all__ = ["hinted"]


def hinted(
    graph: Graph,
    nodes: Iterable[tuple[str, onnx.NodeProto]],
    notes: Iterable[onnx.StringStringEntryProto],
) -> Graph:
    """`graph` with what the file's nodes, by name, and the file itself note of it."""
    given = {name: {item.key: item.value for item in node.metadata_props} for name, node in nodes}
    found = {name: props for name, props in given.items() if props}
    recognized = next((item.value for item in notes if item.key == "xnorsim.recognized"), "")
    if not found and not recognized:
        return graph
    taken = {node.name for node in graph.nodes}
    renamed = {f"{name}.codes": props.get("xnorsim.codes", "") for name, props in found.items()}
    renamed = {old: new for old, new in renamed.items() if new and new not in taken}
    made = tuple(
        replace(_hinted(node, found.get(node.name, {})), name=renamed.get(node.name, node.name))
        for node in graph.nodes
    )
    return replace(graph, nodes=made, recognized={**_sentences(recognized), **graph.recognized})


def _hinted(node: Node, props: dict[str, str]) -> Node:
    if "xnorsim.layer" in props:
        node = replace(node, layer=props["xnorsim.layer"])
    if "xnorsim.relabels" in props and isinstance(node.op, ops.Transpose):
        node = replace(node, op=replace(node.op, relabels=True))
    if "xnorsim.scheme" in props and node.scheme is None:
        node = replace(node, scheme=_scheme(props["xnorsim.scheme"], node))
    return node


def _scheme(text: str, node: Node) -> Scheme | None:
    """What the floats that a layer multiplies stand for; None, if it says nothing that can be."""
    weight, _, activation = text.partition("*")
    pair = [ENCODINGS.get(word) for word in (weight, activation)]
    if None in pair or pair[0] == BIPOLAR or not isinstance(node.op, ops.MULTIPLYING):
        return None
    return Scheme(ENCODINGS[weight], ENCODINGS[activation])


def _sentences(text: str) -> dict[str, str]:
    """A sentence by layer; nothing, if the note is not what we write."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: item for name, item in found.items() if isinstance(item, str)}
