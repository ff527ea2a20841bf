"""A network as named nodes and edges.

Nodes stand in execution order. An edge is a tensor name: written by one node, read by others.
Weights are held beside the graph as `Parameter`s that know their shape and where they are stored,
and decode nothing until asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from xnorsim.errors import ModelError, ShapeError
from xnorsim.network.ops import Op
from xnorsim.network.precision import FLOAT32, Encoding, Scaling, Scheme

if TYPE_CHECKING:
    import networkx
    import numpy as np

__all__ = [
    "Graph",
    "Node",
    "Parameter",
    "Stored",
    "TensorSpec",
    "by_role",
    "check",
    "consumers",
    "digraph",
    "execution_order",
    "last_uses",
    "producers",
    "scheme",
    "spec_of",
]

MAX_ELEMENTS = 2**40
"""A tensor beyond this (4 TiB as fp32) is a fault in the file, not a layer."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Shape and encoding of a tensor."""

    shape: tuple[int, ...]
    encoding: Encoding

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)

    @property
    def bits(self) -> int:
        """What the elements take, without padding."""
        return self.elements * self.encoding.bits

    def __str__(self) -> str:
        return f"{self.encoding}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True, slots=True)
class Stored:
    """One tensor of the model file. Parameters that share a key are stored once.

    `is_scale` says that its values scale or shift others: a scale, a zero point, or the smaller
    factor of a product from which a parameter was folded.
    """

    key: str
    spec: TensorSpec
    is_scale: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """A tensor that is known before the network runs.

    `spec` is what the layer reads; `stored` is what the file holds for it, usually one tensor
    alike (an int8 weight behind a DequantizeLinear is read as float32 and stored as int8 and
    scales). `load` returns the values that the layer reads; None if the file has none. A
    `placeholder` has its shape from the file and one value throughout, as weights that were left
    out of it have.
    """

    spec: TensorSpec
    stored: tuple[Stored, ...]
    load: Callable[[], np.ndarray] | None = None
    placeholder: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """One layer: what it computes, the activations it reads and writes, and its parameters.

    `inputs` are activations only; `parameters` maps a role ("weight", "bias", "scale", ...) to a
    name in Graph.parameters. `roles` names those of the inputs, "" for what the position tells;
    () if it tells all. `scheme` is set where the encodings of the operands do not say it: by a
    precision policy, or for quantized layers written in floats. `layer` is the layer of the file
    that this is a part of, where the file has one under another name: a quantizer of inputs, say.
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    scheme: Scheme | None = None
    roles: tuple[str, ...] = ()
    layer: str = ""


@dataclass(frozen=True, repr=False)
class Graph:
    """A network. `tensors` holds the activations, `parameters` all that is constant."""

    name: str
    nodes: tuple[Node, ...]
    tensors: Mapping[str, TensorSpec]
    parameters: Mapping[str, Parameter]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What the reader of a report should know about this graph, a sentence each."""
    recognized: Mapping[str, str] = field(default_factory=dict)
    """By layer, what an importer took it for and why: "weights +-alpha per channel, ...: xnor"."""

    def __repr__(self) -> str:
        inputs = ", ".join(f"{name} {spec_of(self, name)}" for name in self.inputs)
        return f"<Graph {self.name}: {len(self.nodes)} nodes, inputs {inputs or 'none'}>"

    def _repr_html_(self) -> str:
        from xnorsim.network.view import graph_html

        return graph_html(self)

    def node(self, name: str) -> Node:
        """The node called `name`.

        Raises:
            ModelError: there is none.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise ModelError(f"{self.name}: no node '{name}'")


def spec_of(graph: Graph, name: str) -> TensorSpec:
    """Shape and encoding of an activation or a parameter."""
    found = graph.tensors.get(name)
    return found if found is not None else graph.parameters[name].spec


def by_role(node: Node) -> tuple[tuple[str, ...], dict[str, str]]:
    """The activations that a node reads by position; all else that it reads, by role.

    >>> from xnorsim.network.ops import Pad
    >>> by_role(Node("pad", Pad(((1, 1),)), ("x", "v"), ("y",), roles=("", "value")))
    (('x',), {'value': 'v'})
    """
    if not node.roles:
        return node.inputs, dict(node.parameters)
    pairs = list(zip(node.roles, node.inputs, strict=True))
    named = {role: name for role, name in pairs if role}
    return tuple(name for role, name in pairs if not role), {**node.parameters, **named}


def producers(graph: Graph) -> dict[str, Node]:
    """The node that writes each activation; graph inputs have none."""
    return {tensor: node for node in graph.nodes for tensor in node.outputs}


def consumers(graph: Graph) -> dict[str, list[Node]]:
    """The nodes that read each activation, in execution order; one that nobody reads: []."""
    readers: dict[str, list[Node]] = {name: [] for name in graph.tensors}
    for node in graph.nodes:
        for tensor in dict.fromkeys(node.inputs):
            readers[tensor].append(node)
    return readers


def last_uses(graph: Graph) -> dict[str, int]:
    """The position of the last node that needs each activation; outputs live to the end."""
    last: dict[str, int] = {}
    for position, node in enumerate(graph.nodes):
        for tensor in (*node.outputs, *node.inputs):
            last[tensor] = position
    return last | dict.fromkeys(graph.outputs, len(graph.nodes))


def scheme(graph: Graph, node: Node) -> Scheme:
    """What a multiplying layer multiplies: its own scheme, or else its operands' encodings."""
    if node.scheme is not None:
        return node.scheme
    operands = [graph.tensors[name].encoding for name in node.inputs]
    weights = [
        graph.parameters[node.parameters[role]].spec.encoding
        for role in ("weight", "right", "left")
        if role in node.parameters
    ]
    known = [*operands, *weights, FLOAT32]  # a layer of constants alone reads no activation
    return Scheme((weights or operands[1:] or known)[0], known[0], Scaling.NONE)


def digraph(graph: Graph) -> networkx.DiGraph:
    """The nodes and edges for networkx: node attributes `node`, edge attribute `tensors`."""
    import networkx as nx

    result = nx.DiGraph(name=graph.name)
    result.add_nodes_from((node.name, {"node": node}) for node in graph.nodes)
    written_by = producers(graph)
    for node in graph.nodes:
        for tensor in node.inputs:
            source = written_by.get(tensor)
            if source is None:
                continue
            if result.has_edge(source.name, node.name):
                result.edges[source.name, node.name]["tensors"] += (tensor,)
            else:
                result.add_edge(source.name, node.name, tensors=(tensor,))
    return result


def execution_order(nodes: Iterable[Node], where: str) -> tuple[Node, ...]:
    """`nodes` as they are, if each stands after what it reads; else sorted topologically.

    Raises:
        ModelError: a cycle, with the names of the nodes on it.
    """
    nodes = tuple(nodes)
    seen: set[str] = set()
    written = {tensor for node in nodes for tensor in node.outputs}
    in_order = True
    for node in nodes:
        in_order &= all(name in seen or name not in written for name in node.inputs)
        seen.update(node.outputs)
    return nodes if in_order else _sorted(nodes, where)


def _sorted(nodes: tuple[Node, ...], where: str) -> tuple[Node, ...]:
    import networkx as nx

    written_by = {tensor: i for i, node in enumerate(nodes) for tensor in node.outputs}
    order = nx.DiGraph()
    order.add_nodes_from(range(len(nodes)))
    order.add_edges_from(
        (written_by[tensor], i)
        for i, node in enumerate(nodes)
        for tensor in node.inputs
        if tensor in written_by
    )
    try:
        return tuple(nodes[i] for i in nx.lexicographical_topological_sort(order))
    except nx.NetworkXUnfeasible:
        loop = [nodes[start].name for start, _ in nx.find_cycle(order)]
        raise ModelError(
            f"{where}: the nodes form a cycle: {' -> '.join([*loop, loop[0]])}"
        ) from None


def check(graph: Graph) -> Graph:
    """`graph` itself, if its names are sound and its tensors possible.

    Raises:
        ModelError: duplicate names, tensors read but never written, or written twice.
        ShapeError: a dimension below 1 (a constant may be empty), or a tensor too large to be one.
    """
    faults = [*_name_faults(graph), *_edge_faults(graph)]
    if faults:
        raise ModelError(_listing(graph.name, faults))
    constant = {name: item.spec for name, item in graph.parameters.items()}
    faults = [
        f"tensor '{name}': {text}"
        for specs, smallest in ((graph.tensors, 1), (constant, 0))
        for name, spec in specs.items()
        if (text := _size_fault(spec, smallest))
    ]
    if faults:
        raise ShapeError(_listing(graph.name, faults))
    return graph


def _listing(where: str, faults: list[str]) -> str:
    more = [f"... and {len(faults) - 10} more"] if len(faults) > 10 else []
    return f"{where}: " + "\n  ".join([*faults[:10], *more])


def _name_faults(graph: Graph) -> list[str]:
    names = Counter(node.name for node in graph.nodes)
    return [f"{n} nodes are called '{name}'" for name, n in names.items() if n > 1]


def _edge_faults(graph: Graph) -> list[str]:
    faults = []
    known = set(graph.inputs)
    for node in graph.nodes:
        faults += [
            f"node '{node.name}' reads tensor '{name}', which no earlier node writes"
            for name in node.inputs
            if name not in known
        ]
        faults += [
            f"node '{node.name}' reads parameter '{name}', which is missing"
            for name in node.parameters.values()
            if name not in graph.parameters
        ]
        faults += [
            f"node '{node.name}' writes tensor '{name}' again"
            for name in node.outputs
            if name in known
        ]
        known.update(node.outputs)
    faults += [
        f"output '{name}' is written by no node" for name in graph.outputs if name not in known
    ]
    return faults


def _size_fault(spec: TensorSpec, smallest: int) -> str:
    low = min(spec.shape, default=smallest)
    if low < smallest:
        return f"shape {list(spec.shape)} has a dimension of {low} (at least {smallest})"
    if spec.elements > MAX_ELEMENTS:
        return f"shape {list(spec.shape)} has {spec.elements} elements (at most {MAX_ELEMENTS})"
    return ""
