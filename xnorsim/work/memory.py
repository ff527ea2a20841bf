"""What a network holds in memory: parameters as stored, and the peak of live activations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, Stored, TensorSpec, last_uses
from xnorsim.network.precision import FLOAT32
from xnorsim.work.fusion import Fusion, held_bits, is_view

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

_TRAINED = frozenset(
    {
        "weight",
        "bias",
        "recurrence",
        "peephole",
        "slope",
        "table",
        "left",
        "right",
        "scale",
        "shift",
    }
)
"""The roles of trained parameters; other constants are stored, and as they are."""


@dataclass(frozen=True, slots=True)
class ParameterBits:
    """The parameters of one layer.

    `count` is the number of trained parameters as the field counts them (weights, biases, scale
    and shift of BN; not its running statistics). `weights` are weights and biases as stored,
    `scales` the scales of binary layers, vectors of normalizations and quantization scales.
    `padded` is `weights` with the binary ones filled up to whole words for each filter tap.
    `fp32` is what the same parameters would take as float32. A tensor that several layers share
    is in these figures of the first of them only; `read` is what the layer reads when it runs,
    shared or not.
    """

    count: int = 0
    weights: int = 0
    padded: int = 0
    scales: int = 0
    fp32: int = 0
    read: int = 0

    def __add__(self, other: ParameterBits) -> ParameterBits:
        return ParameterBits(
            self.count + other.count,
            self.weights + other.weights,
            self.padded + other.padded,
            self.scales + other.scales,
            self.fp32 + other.fp32,
            self.read + other.read,
        )


def packed_bits(spec: TensorSpec, channels: int) -> int:
    """Bits of binary weights with the `channels` that a filter tap reads filled up to words.

    Weights of more than one bit are not packed: they take what they take.

    >>> from xnorsim.network.precision import BIPOLAR
    >>> packed_bits(TensorSpec((64, 3, 7, 7), BIPOLAR), 3) // 64  # a word for each filter and tap
    3136
    """
    if spec.encoding.bits != 1 or not channels:
        return spec.bits
    return spec.elements // channels * -(-channels // WORD_BITS) * WORD_BITS


def _tap_channels(op: ops.Op, weight: TensorSpec) -> int:
    """The channels that one tap of a filter multiplies; 0 where there are no filters."""
    if isinstance(op, ops.Dense):
        return op.in_features
    if isinstance(op, ops.ConvTranspose):
        return weight.shape[0] // op.groups
    return weight.shape[1] if isinstance(op, ops.Conv) else 0


def parameter_bits(graph: Graph, fused: Mapping[str, Fusion]) -> dict[str, ParameterBits]:
    """The parameter memory of each node, by name.

    A tensor of the file that several layers share is stored once and counted with the first of
    them. Of the two vectors of a BN that is folded the scale goes into the weights or into alpha,
    and the shift is a bias, new only if the layer had none.
    """
    seen: set[str] = set()
    by_name = {node.name: node for node in graph.nodes}
    result = {}
    for node in graph.nodes:
        if isinstance(node.op, ops.BatchNorm):
            fusion = fused.get(node.name)
            host = by_name[fusion.host] if fusion and fusion.folded else None
            result[node.name] = _batch_norm_bits(graph, node, host, seen)
        else:
            result[node.name] = _layer_bits(graph, node, seen)
    return result


def _batch_norm_bits(graph: Graph, node: Node, host: Node | None, seen: set[str]) -> ParameterBits:
    """The two vectors that inference needs are made of all four, so only equal BNs share them."""
    held = [graph.parameters[name] for name in node.parameters.values()]
    keys = [part.key for item in held for part in item.stored]
    channels = graph.tensors[node.inputs[0]].shape[1]
    width = held[0].spec.encoding.bits if held else FLOAT32.bits
    vectors = 2 if host is None else 0 if "bias" in host.parameters else 1
    read = ParameterBits(read=vectors * channels * width)
    both = "+".join(keys)
    if both in seen:
        return read
    seen.add(both)
    roles = [role for role in ("scale", "shift") if role in node.parameters]
    trained = [graph.parameters[node.parameters[role]] for role in roles]
    new = [item for item in trained if not seen.issuperset(part.key for part in item.stored)]
    seen.update(keys)
    return read + ParameterBits(
        count=sum(item.spec.elements for item in new),
        scales=vectors * channels * width,
        fp32=vectors * channels * FLOAT32.bits,
    )


def _layer_bits(graph: Graph, node: Node, seen: set[str]) -> ParameterBits:
    total = ParameterBits()
    for role, name in node.parameters.items():
        for part in graph.parameters[name].stored:
            total += ParameterBits(read=_read_bits(graph, node, part.spec))
            if part.key not in seen:
                seen.add(part.key)
                total += _stored_bits(role, part, node.op)
    return total


def _read_bits(graph: Graph, node: Node, stored: TensorSpec) -> int:
    """All of a parameter, or of a table the entries that are picked."""
    if not isinstance(node.op, ops.Gather):
        return stored.bits
    picked = sum(graph.tensors[name].elements for name in node.outputs)
    return min(stored.bits, picked * stored.encoding.bits)


def _stored_bits(role: str, part: Stored, op: ops.Op) -> ParameterBits:
    spec = part.spec
    if isinstance(op, ops.Normalize):  # its scale and shift are trained
        return ParameterBits(
            count=spec.elements, scales=spec.bits, fp32=spec.elements * FLOAT32.bits
        )
    if part.is_scale or role == "alpha" or role.endswith(("scale", "zero_point")):
        return ParameterBits(scales=spec.bits)
    is_factor = role in ("left", "right") and spec.elements == 1
    if role not in _TRAINED or is_factor:  # indices, initial states, constants of a formula
        return ParameterBits(weights=spec.bits, padded=spec.bits, fp32=spec.bits)
    return ParameterBits(
        count=spec.elements,
        weights=spec.bits,
        padded=packed_bits(spec, _tap_channels(op, spec) if role == "weight" else 0),
        fp32=spec.elements * FLOAT32.bits,
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
    buffer, held = _buffers(graph, fused), held_bits(graph, fused)
    last = last_uses(graph)
    size: dict[str, int] = {}
    first: dict[str, int] = {}
    until: dict[str, int] = {}
    born = dict.fromkeys(graph.inputs, 0)
    born |= {name: i for i, node in enumerate(graph.nodes) for name in node.outputs}
    for name, start in born.items():
        root = buffer[name]
        size[root] = max(size.get(root, 0), held[name])
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
