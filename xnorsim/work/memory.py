"""What a network holds in memory: parameters as stored, and the peak of live activations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, TensorSpec, last_uses
from xnorsim.network.precision import FLOAT32
from xnorsim.work.fusion import Fusion, is_view

__all__ = [
    "WORD_BITS",
    "LiveActivations",
    "ParameterBits",
    "live_activations",
    "packed_bits",
    "parameter_bits",
]

WORD_BITS = 64
"""Binary channels are packed into words of this size (the convention of network/bits)."""

_SCALE_ROLES = frozenset({"alpha", "scale", "shift", "mean", "variance", "zero_point"})


@dataclass(frozen=True, slots=True)
class ParameterBits:
    """The parameters of one layer.

    `count` is the number of trained parameters as the field counts them (weights, biases, scale
    and shift of BN; not its running statistics). `weights` are weights and biases as stored,
    `scales` the scales of binary layers, BN vectors and quantization scales. `padded` is
    `weights` with the binary ones filled up to whole words for each filter tap. `fp32` is what
    the same parameters would take as float32.
    """

    count: int = 0
    weights: int = 0
    padded: int = 0
    scales: int = 0
    fp32: int = 0

    @property
    def stored(self) -> int:
        """All bits that the model holds for the layer."""
        return self.weights + self.scales


def packed_bits(spec: TensorSpec, channel_axis: int = 1) -> int:
    """Bits of a tensor with its channels packed into whole words, if its elements are one bit.

    >>> from xnorsim.network.precision import BIPOLAR
    >>> packed_bits(TensorSpec((64, 3, 7, 7), BIPOLAR)) // 64  # a word for each filter and tap
    3136
    """
    if spec.encoding.bits != 1 or len(spec.shape) <= channel_axis:
        return spec.bits
    channels = spec.shape[channel_axis]
    words = -(-channels // WORD_BITS)
    return spec.elements // max(channels, 1) * words * WORD_BITS


def parameter_bits(graph: Graph, fused: Mapping[str, Fusion]) -> dict[str, ParameterBits]:
    """The parameter memory of each node, by name.

    A tensor of the file that several layers share is stored once and counted with the first of
    them. A BN in `fused` is folded: of its two vectors the scale goes into the weights or into
    alpha, and the shift is a bias, new only if the layer had none.
    """
    seen: set[str] = set()
    by_name = {node.name: node for node in graph.nodes}
    result = {}
    for node in graph.nodes:
        if isinstance(node.op, ops.BatchNorm):
            host = by_name[fused[node.name].host] if node.name in fused else None
            result[node.name] = _batch_norm_bits(graph, node, host, seen)
        else:
            result[node.name] = _layer_bits(graph, node, seen)
    return result


def _batch_norm_bits(graph: Graph, node: Node, host: Node | None, seen: set[str]) -> ParameterBits:
    scale = graph.parameters[node.parameters["scale"]] if "scale" in node.parameters else None
    keys = {stored.key for stored in scale.stored} if scale else {node.name}
    if keys <= seen:
        return ParameterBits()
    seen |= keys
    channels = graph.tensors[node.inputs[0]].shape[1]
    vectors = 2 if host is None else 0 if "bias" in host.parameters else 1
    bits = vectors * channels * FLOAT32.bits
    return ParameterBits(count=2 * channels, scales=bits, fp32=bits)


def _layer_bits(graph: Graph, node: Node, seen: set[str]) -> ParameterBits:
    total = ParameterBits()
    for role, name in node.parameters.items():
        parameter = graph.parameters[name]
        for stored in parameter.stored:
            if stored.key in seen:
                continue
            seen.add(stored.key)
            total = _added(total, _stored_bits(role, stored.spec, parameter.spec, node))
    return total


def _stored_bits(role: str, stored: TensorSpec, read: TensorSpec, node: Node) -> ParameterBits:
    is_values = stored.shape == read.shape or stored.elements == read.elements
    if role in _SCALE_ROLES or not is_values:  # a quantization scale beside its weights
        return ParameterBits(scales=stored.bits)
    axis = 0 if isinstance(node.op, ops.Dense) and not node.op.transpose_weight else 1
    return ParameterBits(
        count=stored.elements,
        weights=stored.bits,
        padded=packed_bits(stored, axis),
        fp32=stored.elements * FLOAT32.bits,
    )


def _added(a: ParameterBits, b: ParameterBits) -> ParameterBits:
    return ParameterBits(
        a.count + b.count,
        a.weights + b.weights,
        a.padded + b.padded,
        a.scales + b.scales,
        a.fp32 + b.fp32,
    )


@dataclass(frozen=True, slots=True)
class LiveActivations:
    """Activation memory over the order of execution: bits live while each node runs."""

    by_node: dict[str, int]

    @property
    def peak(self) -> int:
        """The largest sum of live tensors [bit]."""
        return max(self.by_node.values(), default=0)

    @property
    def peak_node(self) -> str:
        """The first node at which the peak is reached; "" for a graph without nodes."""
        return max(self.by_node, key=self.by_node.__getitem__, default="")


def live_activations(graph: Graph, fused: Mapping[str, Fusion]) -> LiveActivations:
    """The sum of live tensors while each node runs, residual branches included.

    A tensor lives from the node that writes it to the last that reads it; inputs live from the
    start, outputs to the end. A view and a fused node share the memory of what they change.
    """
    buffer = _buffers(graph, fused)
    last = last_uses(graph)
    size: dict[str, int] = {}
    first: dict[str, int] = {}
    until: dict[str, int] = {}
    born = dict.fromkeys(graph.inputs, 0)
    born |= {name: i for i, node in enumerate(graph.nodes) for name in node.outputs}
    for name, start in born.items():
        root = buffer[name]
        size[root] = max(size.get(root, 0), graph.tensors[name].bits)
        first[root] = min(first.get(root, start), start)
        until[root] = max(until.get(root, 0), last.get(name, start))
    change = [0] * (len(graph.nodes) + 1)
    for root, bits in size.items():
        change[first[root]] += bits
        if until[root] + 1 < len(change):
            change[until[root] + 1] -= bits
    live, by_node = 0, {}
    for node, delta in zip(graph.nodes, change, strict=False):
        live += delta
        by_node[node.name] = live
    return LiveActivations(by_node)


def _buffers(graph: Graph, fused: Mapping[str, Fusion]) -> dict[str, str]:
    """The tensor whose memory each tensor lives in; mostly itself."""
    buffer = {name: name for name in graph.inputs}
    for node in graph.nodes:
        shared = node.inputs[0] if is_view(node) else None
        if node.name in fused:
            shared = fused[node.name].tensor
        for name in node.outputs:
            buffer[name] = buffer[shared] if shared is not None else name
    return buffer
