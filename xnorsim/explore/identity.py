"""What a space is, in plain data, and the fingerprint of that: equal where every figure is."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import xnorsim
from xnorsim.explore.space import Space
from xnorsim.network.graph import Graph

__all__ = ["described", "fingerprint_of"]


def described(space: Space) -> dict[str, Any]:
    """Everything that decides a figure, as JSON; nothing of when or by whom it is worked out."""
    return {
        "xnorsim": xnorsim.__version__,
        "network": _network(space.graph),
        "axes": [
            {
                "name": axis.name,
                "fields": [field.name for field in axis.fields],
                "values": [list(row) for row in axis.texts],
            }
            for axis in space.axes
        ],
        "fixed": dict(sorted(space.fixed.items())),
        "profiles": {
            text: profile.model_dump(mode="json", by_alias=True)
            for text, profile in sorted(space.profiles.items())
        },
        "where": [item.text for item in space.where],
        "metrics": list(space.metrics),
        "layers": space.layers,
        "reduce": space.reduce,
    }


def fingerprint_of(space: Space) -> str:
    """sha256 of `described`, in hexadecimal."""
    text = json.dumps(described(space), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _network(graph: Graph | None) -> dict[str, str] | None:
    """A network by its layers and shapes; its weights decide no figure."""
    if graph is None:
        return None
    nodes = [
        (
            n.name,
            repr(n.op),
            n.inputs,
            n.outputs,
            sorted(n.parameters.items()),
            str(n.scheme),
            n.roles,
        )
        for n in graph.nodes
    ]
    tensors = sorted((name, str(spec)) for name, spec in graph.tensors.items())
    parameters = sorted(
        (name, str(item.spec), [(part.key, str(part.spec), part.is_scale) for part in item.stored])
        for name, item in graph.parameters.items()
    )
    content = repr((nodes, tensors, parameters, graph.inputs, graph.outputs))
    return {"name": graph.name, "sha256": hashlib.sha256(content.encode()).hexdigest()}
