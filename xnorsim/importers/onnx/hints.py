"""What our own exporter notes beside a network: names that no operator of ONNX has room for.

Notes are of presentation alone: no shape and no value follows from them. A scheme is what its
layer is reported as, between floats that stand for integers; what runs are the floats. A tensor
that is noted as unstored is one that follows from others, and counts as no memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import onnx

from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, Parameter
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
    told = {item.key: _content(item.value) for item in notes if item.key in _OF_FILE}
    recognized, unstored = (told.get(key) for key in _OF_FILE)
    if not found and not told:
        return graph
    taken = {node.name for node in graph.nodes}
    renamed = {f"{name}.codes": props.get("xnorsim.codes", "") for name, props in found.items()}
    renamed = {old: new for old, new in renamed.items() if new and new not in taken}
    made = tuple(
        replace(_hinted(node, found.get(node.name, {})), name=renamed.get(node.name, node.name))
        for node in graph.nodes
    )
    return replace(
        graph,
        nodes=made,
        parameters=_without(graph.parameters, unstored) if unstored else graph.parameters,
        recognized={**_sentences(recognized), **graph.recognized},
    )


_OF_FILE = ("xnorsim.recognized", "xnorsim.unstored")


def _without(parameters: Mapping[str, Parameter], names: Any) -> dict[str, Parameter]:
    """Parameters without what is made of tensors that are noted as unstored."""
    keys = {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
    return {
        name: replace(item, stored=tuple(part for part in item.stored if part.key not in keys))
        for name, item in parameters.items()
    }


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


def _content(text: str) -> Any:
    """What a note says; None, if it is not what we write."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _sentences(found: Any) -> dict[str, str]:
    """A sentence by layer."""
    if not isinstance(found, dict):
        return {}
    return {name: item for name, item in found.items() if isinstance(item, str)}
