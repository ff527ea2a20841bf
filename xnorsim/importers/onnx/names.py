"""Names and edges of a file: what onnx's checker passes over, and the order of execution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence

import onnx

from xnorsim.errors import ModelError
from xnorsim.importers.onnx.file import normal_domain
from xnorsim.importers.onnx.state import unique
from xnorsim.network.graph import Node, execution_order
from xnorsim.network.ops import Identity

__all__ = ["check_names", "key_of", "node_names", "ordered", "reads", "subgraphs"]


def key_of(node: onnx.NodeProto) -> tuple[str, str]:
    """(domain, operator): what a node is looked up by."""
    return normal_domain(node.domain), node.op_type


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The graphs among a node's attributes."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def reads(node: onnx.NodeProto) -> list[str]:
    """The tensors a node reads, those that its own graphs take from around it included."""
    names = [name for name in node.input if name]
    for graph in subgraphs(node):
        names += _captured(graph)
    return list(dict.fromkeys(names))


def _captured(graph: onnx.GraphProto) -> list[str]:
    own = {item.name for item in graph.input} | {item.name for item in graph.initializer}
    own |= {name for node in graph.node for name in node.output}
    inner = [name for node in graph.node for name in reads(node)]
    inner += [item.name for item in graph.output]
    return [name for name in inner if name not in own]


def node_names(nodes: Iterable[onnx.NodeProto], where: str, repair: bool = False) -> list[str]:
    """A name for each node, its own or OPERATOR_INDEX; `repair` numbers repeated names.

    Raises:
        ModelError: names that the file gives to several nodes.
    """
    nodes = list(nodes)
    counts = Counter(node.name for node in nodes if node.name)
    repeated = {name: count for name, count in counts.items() if count > 1}
    if repeated and not repair:
        rows = ", ".join(f"{count} are called '{name}'" for name, count in repeated.items())
        raise ModelError(f"{where}: nodes with the same name: {rows}")
    taken = set() if repair else set(counts)
    result = []
    for index, node in enumerate(nodes):
        name = node.name or f"{node.op_type}_{index}"
        if repair or not node.name:
            name = unique(name, taken)
        taken.add(name)
        result.append(name)
    return result


def check_names(
    file: str,
    graph: onnx.GraphProto,
    names: Sequence[str],
    read: Sequence[Sequence[str]],
    known: Container[str],
) -> None:
    """Every tensor is written once, and written by somebody before it is read.

    `names` and `read` belong to the nodes in their order; `known` holds inputs and initializers.

    Raises:
        ModelError: all faults together.
    """
    written = Counter(name for node in graph.node for name in node.output if name)
    twice = [name for name, count in written.items() if count > 1 or name in known]
    faults = [f"tensor '{name}' is written more than once" for name in twice]
    stored = Counter(item.name for item in graph.initializer)
    faults += [f"{n} initializers are called '{name}'" for name, n in stored.items() if n > 1]
    inputs = Counter(item.name for item in graph.input)
    faults += [f"{n} inputs are called '{name}'" for name, n in inputs.items() if n > 1]
    faults += [
        f"node '{name}' ({node.op_type}) reads tensor '{tensor}', which is no input, no "
        "initializer, and written by no node"
        for name, node, tensors in zip(names, graph.node, read, strict=True)
        for tensor in tensors
        if tensor not in known and tensor not in written
    ]
    faults += [
        f"output '{item.name}' is written by no node"
        for item in graph.output
        if item.name not in written and item.name not in known
    ]
    if faults:
        shown = faults[:10] + ([f"... {len(faults)} faults in all"] if len(faults) > 10 else [])
        raise ModelError(f"{file}: " + "\n  ".join(shown))


def ordered(
    file: str,
    nodes: Iterable[onnx.NodeProto],
    names: Sequence[str],
    read: Sequence[Sequence[str]],
) -> list[tuple[str, onnx.NodeProto]]:
    """The nodes with their names, each after those that it reads from.

    Raises:
        ModelError: a cycle; the nodes on it are named.
    """
    by_name = dict(zip(names, nodes, strict=True))
    plain = [
        Node(name, Identity(), tuple(tensors), tuple(filter(None, node.output)))
        for (name, node), tensors in zip(by_name.items(), read, strict=True)
    ]
    return [(node.name, by_name[node.name]) for node in execution_order(plain, file)]
