"""Which nodes do not run on their own: folded, fused into their producer, or mere views.

A deployed runtime folds batch normalization into the layer before it and applies an activation
while the producer's result is still at hand. Which of these to assume is an option, and the
report states it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, consumers, producers, scheme
from xnorsim.network.precision import Meaning, Scaling

__all__ = ["DEFAULT_FUSE", "Fuse", "Fusion", "fusions", "is_view"]


class Fuse(StrEnum):
    """What may run as part of the layer before it."""

    BN = "bn"  # folded into the weights or the scales of a convolution or dense layer
    RELU = "relu"  # elementwise functions of one tensor, ReLU the most common
    ADD = "add"  # residual additions, into the later of their two producers


DEFAULT_FUSE = (Fuse.BN, Fuse.RELU)

_MULTIPLYING = (ops.Conv, ops.ConvTranspose, ops.Dense)
_VIEWS = (ops.Reshape, ops.Identity)


def is_view(node: Node) -> bool:
    """Whether the output is the input's memory under another name or shape."""
    return isinstance(node.op, _VIEWS) and len(node.inputs) == 1


@dataclass(frozen=True, slots=True)
class Fusion:
    """Where a node runs: in `host`, changing `tensor`, which is one of its inputs, in place."""

    host: str
    tensor: str


def fusions(graph: Graph, fuse: tuple[Fuse, ...] = DEFAULT_FUSE) -> dict[str, Fusion]:
    """The nodes that run in another one, by name; nodes that run on their own are left out.

    A node is fused only if it is the sole reader of what it changes, and that is neither an
    input nor an output of the network. Chains end in their first node: conv <- BN <- ReLU.
    """
    readers, written_by = consumers(graph), producers(graph)
    position = {node.name: i for i, node in enumerate(graph.nodes)}
    outputs = set(graph.outputs)
    found: dict[str, Fusion] = {}
    for node in graph.nodes:
        rules = [_RULES[item] for item in fuse if isinstance(node.op, _KINDS[item])]
        sources = [name for name in node.inputs if name in written_by]
        if not rules or len(set(sources)) < len(node.inputs):
            continue
        tensor = max(sources, key=lambda name: position[written_by[name].name])
        producer = written_by[tensor]
        alone = len(readers[tensor]) == 1 and tensor not in outputs and not is_view(producer)
        if alone and rules[0](graph, node, producer):
            earlier = found.get(producer.name)
            found[node.name] = Fusion(earlier.host if earlier else producer.name, tensor)
    return found


def _folds(graph: Graph, node: Node, producer: Node) -> bool:
    """BN folds into float weights, or into the alpha of binary ones; its shift is a bias."""
    if not isinstance(producer.op, _MULTIPLYING) or "weight" not in producer.parameters:
        return False
    used = scheme(graph, producer)
    return used.weight.meaning is Meaning.FLOAT or used.scaling is not Scaling.NONE


def _follows(graph: Graph, node: Node, producer: Node) -> bool:
    """A function of each element changes what its producer has just written, of the same kind."""
    tensor = graph.tensors[node.inputs[0]]
    return tensor.encoding == graph.tensors[node.outputs[0]].encoding


def _joins(graph: Graph, node: Node, producer: Node) -> bool:
    """A residual sum is added to the result of a layer that has weights."""
    result = graph.tensors[node.outputs[0]]
    same = all(graph.tensors[name] == result for name in node.inputs)
    return same and node.op == ops.Elementwise(ops.Operator.ADD)


_KINDS: dict[Fuse, type] = {
    Fuse.BN: ops.BatchNorm,
    Fuse.RELU: ops.Activation,
    Fuse.ADD: ops.Elementwise,
}
_RULES: dict[Fuse, Callable[[Graph, Node, Node], bool]] = {
    Fuse.BN: _folds,
    Fuse.RELU: _follows,
    Fuse.ADD: _joins,
}
