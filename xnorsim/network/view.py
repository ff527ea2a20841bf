"""A graph in a notebook: what it reads and gives, and its layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from xnorsim.markup import facts, folded, piece, rows_table
from xnorsim.network.graph import Graph, Node, scheme, spec_of
from xnorsim.network.ops import MULTIPLYING, kind

__all__ = ["graph_html"]

_HEADINGS = ("layer", "kind", "reads", "gives", "weights × inputs", "parameters")


def graph_html(graph: Graph) -> str:
    """A graph as a piece of HTML: its interface, and its layers in execution order."""
    rows = [_row(graph, node) for node in graph.nodes]
    layers = rows_table(_HEADINGS, rows, left=(0, 1, 2, 3, 4))
    notes = [facts(("note", note) for note in graph.notes)] if graph.notes else []
    return piece(facts(_head(graph)), folded(f"{len(graph.nodes)} layers", layers), *notes)


def _head(graph: Graph) -> Iterator[tuple[str, str]]:
    yield "network", graph.name
    for what, names in (("reads", graph.inputs), ("gives", graph.outputs)):
        yield what, ", ".join(f"{name} {spec_of(graph, name)}" for name in names) or "nothing"
    kinds = Counter(kind(node.op) for node in graph.nodes)
    yield "layers", ", ".join(f"{number} {name}" for name, number in kinds.most_common())
    elements = sum(item.spec.elements for item in graph.parameters.values())
    yield "parameters", f"{elements:,} numbers in {len(graph.parameters):,} tensors"


def _row(graph: Graph, node: Node) -> tuple[str, ...]:
    reads, gives = (
        ", ".join(str(spec_of(graph, name)) for name in names)
        for names in (node.inputs, node.outputs)
    )
    multiplied = ""
    if isinstance(node.op, MULTIPLYING):
        used = scheme(graph, node)
        multiplied = f"{used.weight} × {used.activation}"
    numbers = sum(graph.parameters[name].spec.elements for name in node.parameters.values())
    return node.name, kind(node.op), reads, gives, multiplied, f"{numbers:,}" if numbers else ""
