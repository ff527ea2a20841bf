"""Which nodes do not run on their own: folded, fused into their producer, or mere views.

A deployed runtime folds batch normalization into the layer before it and applies an activation
while the producer's result is still at hand. Which of these to assume is an option, and the
report states it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, Stored, consumers, producers, scheme
from xnorsim.network.ops import Weighted
from xnorsim.network.precision import Meaning, Scaling

__all__ = ["DEFAULT_FUSE", "Fuse", "Fusion", "fusions", "held_bits", "is_known", "is_view"]


class Fuse(StrEnum):
    """What may run as part of the layer before it."""

    BN = "bn"  # folded into weights or scales, or run on the results of a binary layer
    RELU = "relu"  # elementwise functions of one tensor, ReLU the most common
    ADD = "add"  # residual additions, into the later of the two layers that they add
    SIGN = "sign"  # signs of a binary layer's results: thresholds on its sums, and bits out


DEFAULT_FUSE = (Fuse.BN, Fuse.RELU)

_VIEWS = (ops.Reshape, ops.Identity)


def is_view(node: Node) -> bool:
    """Whether the output is the input's memory under another name or shape."""
    renames = isinstance(node.op, ops.Transpose) and node.op.relabels
    return (renames or isinstance(node.op, _VIEWS)) and len(node.inputs) == 1


def is_known(node: Node) -> bool:
    """Whether the output is known before the run: a filled tensor, or a parameter as it is."""
    return isinstance(node.op, ops.Constant | ops.Identity) and not node.inputs


@dataclass(frozen=True, slots=True)
class Fusion:
    """Where a node runs: in `host`, changing `tensor`, which is one of its inputs, in place.

    `folded`: it does not run at all, since the host's parameters take up its scale.
    """

    host: str
    tensor: str
    folded: bool = False


def fusions(graph: Graph, fuse: tuple[Fuse, ...] = DEFAULT_FUSE) -> dict[str, Fusion]:
    """The nodes that run in another one, by name; nodes that run on their own are left out.

    A node is fused only if it is the sole reader of what it changes, and that is neither an
    input nor an output of the network. Chains end in their first node: conv <- BN <- ReLU.
    """
    readers, written_by = consumers(graph), producers(graph)
    position = {node.name: i for i, node in enumerate(graph.nodes)}
    by_name = {node.name: node for node in graph.nodes}
    shared = _shared_keys(graph)
    found: dict[str, Fusion] = {}

    def host_of(tensor: str) -> str:
        producer = written_by[tensor].name
        return found[producer].host if producer in found else producer

    for node in graph.nodes:
        rules = [_RULES[item] for item in fuse if isinstance(node.op, _KINDS[item])]
        sources = [name for name in node.inputs if name in written_by]
        if not rules or len(set(sources)) < len(node.inputs):
            continue
        # the input that is ready last: whatever else the node reads is there by then
        tensor = max(sources, key=lambda name: position[host_of(name)])
        producer = written_by[tensor]
        alone = len(readers[tensor]) == 1 and tensor not in graph.outputs
        host = by_name[found[producer.name].host] if producer.name in found else producer
        if alone and not is_view(producer) and rules[0](graph, node, producer, host, shared):
            folded = isinstance(node.op, ops.BatchNorm) and _takes_scale(graph, producer)
            found[node.name] = Fusion(host_of(tensor), tensor, folded)
    return found


def held_bits(graph: Graph, fused: Mapping[str, Fusion]) -> dict[str, int]:
    """The bits of each activation as memory holds it.

    Results that a fused Sign compares where they come up are held as the bits that it gives.
    """
    size = {name: spec.bits for name, spec in graph.tensors.items()}
    written_by = producers(graph)
    for node in graph.nodes:
        name = node.name if isinstance(node.op, ops.Sign) else ""
        while name in fused:
            tensor = fused[name].tensor
            size[tensor] = size[node.outputs[0]]
            name = written_by[tensor].name
    return size


def _shared_keys(graph: Graph) -> frozenset[str]:
    """The stored tensors that more than one node reads."""
    uses = Counter(
        key
        for node in graph.nodes
        for key in {part.key for name in node.parameters.values() for part in _stored(graph, name)}
    )
    return frozenset(key for key, count in uses.items() if count > 1)


def _stored(graph: Graph, parameter: str) -> tuple[Stored, ...]:
    return graph.parameters[parameter].stored


def _folds(graph: Graph, node: Node, producer: Node, host: Node, shared: frozenset[str]) -> bool:
    """BN folds into float weights, or into the alpha of binary ones; its shift is a bias.

    Not into weights that other layers use too: theirs would change. Behind bare signs, or behind
    an activation, it runs on the results of a binary layer while they are at hand: sums of bits
    become floats there anyway, as in the output transform of Larq Compute Engine.
    """
    if not isinstance(host.op, Weighted) or "weight" not in host.parameters:
        return False
    if scheme(graph, host).weight.meaning is Meaning.BIPOLAR and not _takes_scale(graph, producer):
        return isinstance(producer.op, Weighted | ops.Activation)
    if not _takes_scale(graph, producer):
        return False
    weight = _stored(graph, producer.parameters["weight"])
    return shared.isdisjoint(part.key for part in weight)


def _takes_scale(graph: Graph, producer: Node) -> bool:
    """Whether a scale for each channel can go into the parameters of `producer`."""
    if not isinstance(producer.op, Weighted) or "weight" not in producer.parameters:
        return False
    used = scheme(graph, producer)
    return used.weight.meaning is Meaning.FLOAT or used.scaling is not Scaling.NONE


def _follows(graph: Graph, node: Node, producer: Node, host: Node, shared: frozenset[str]) -> bool:
    """A function of each element changes what its producer has just written, of the same kind."""
    tensor = graph.tensors[node.inputs[0]]
    return tensor.encoding == graph.tensors[node.outputs[0]].encoding


def _joins(graph: Graph, node: Node, producer: Node, host: Node, shared: frozenset[str]) -> bool:
    """A sum of equal shapes is added up where the last of them is written."""
    result = graph.tensors[node.outputs[0]]
    same = all(graph.tensors[name] == result for name in node.inputs)
    return same and node.op == ops.Elementwise(ops.Operator.ADD)


def _thresholds(
    graph: Graph, node: Node, producer: Node, host: Node, shared: frozenset[str]
) -> bool:
    """sign(a x + b) of a sum of signs x asks on which side of a threshold x lies.

    Behind a binary layer alone or its batch normalization; the map K has no threshold.
    """
    is_norm = isinstance(producer.op, ops.BatchNorm) and producer.inputs[0] in host.outputs
    if not isinstance(host.op, Weighted) or not (producer is host or is_norm):
        return False
    used = scheme(graph, host)
    signs = {used.weight.meaning, used.activation.meaning} == {Meaning.BIPOLAR}
    return signs and used.scaling is not Scaling.ALPHA_K


_KINDS: dict[Fuse, type] = {
    Fuse.BN: ops.BatchNorm,
    Fuse.RELU: ops.Activation,
    Fuse.ADD: ops.Elementwise,
    Fuse.SIGN: ops.Sign,
}
_RULES: dict[Fuse, Callable[[Graph, Node, Node, Node, frozenset[str]], bool]] = {
    Fuse.BN: _folds,
    Fuse.RELU: _follows,
    Fuse.ADD: _joins,
    Fuse.SIGN: _thresholds,
}
