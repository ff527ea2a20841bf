"""The layers of a file with their weights and MACs by number of bits, in two conventions.

Larq's (`larq.models.summary`) differs from ours where a reader compares figures:

| question                     | xnorsim                      | larq                             |
|------------------------------|------------------------------|----------------------------------|
| bits of a MAC                | of the wider operand         | inputs have 32, unless the layer |
|                              |                              | itself quantizes them            |
| a batch of inputs            | all of them                  | one                              |
| a layer that is used twice   | each use                     | once                             |
| transposed convolutions      | by input positions           | by output positions              |
| 3D and 1D depthwise ones     | counted                      | not counted                      |
| alpha of binary layers       | stored                       | not stored                       |

Both leave biases out of MACs, count padding taps, and keep two vectors a batch normalization.

Source: larq 0.14, larq/models.py (LayerProfile, ModelProfile).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import prod

from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, Stored, scheme
from xnorsim.network.policy import is_depthwise
from xnorsim.network.precision import FLOAT32
from xnorsim.work.table import count_node

__all__ = ["Convention", "LayerSummary", "Summary", "summary"]


class Convention(StrEnum):
    """Whose rules a summary counts by."""

    XNORSIM = "xnorsim"
    LARQ = "larq"


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """A layer of the file.

    `input_bits` are those of its own input quantizer, None without one. `weights` and `macs` map
    a number of bits to a count. `parameters` counts every stored number, also the statistics of a
    batch normalization, of which `weights` has two vectors. `output_shape` has its channels last
    in Larq's convention.
    """

    name: str
    kind: str
    input_bits: int | None
    output_shape: tuple[int, ...]
    parameters: int = 0
    weights: Mapping[int, int] = field(default_factory=dict)
    macs: Mapping[int, int] = field(default_factory=dict)

    @property
    def memory_bits(self) -> int:
        """What its weights take."""
        return sum(bits * count for bits, count in self.weights.items())


@dataclass(frozen=True, slots=True)
class Summary:
    """The layers of a network in the order of its file, and the convention they are counted by."""

    network: str
    convention: Convention
    layers: tuple[LayerSummary, ...]

    @property
    def parameters(self) -> int:
        """Stored numbers in all, the statistics of batch normalizations included."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def weights(self) -> dict[int, int]:
        """Weights by their number of bits."""
        return _added(layer.weights for layer in self.layers)

    @property
    def macs(self) -> dict[int, int]:
        """MACs by their number of bits."""
        return _added(layer.macs for layer in self.layers)

    @property
    def memory_bits(self) -> int:
        """What the weights take."""
        return sum(layer.memory_bits for layer in self.layers)


def summary(graph: Graph, convention: Convention = Convention.XNORSIM) -> Summary:
    """The layers of `graph` as its file has them, counted by a convention.

    Nodes that an importer made of one layer of the file (Node.layer) are one row.
    """
    grouped: dict[str, list[Node]] = {}
    for node in graph.nodes:
        grouped.setdefault(node.layer or node.name, []).append(node)
    seen: set[str] = set()
    rows = tuple(_row(graph, name, nodes, convention, seen) for name, nodes in grouped.items())
    return Summary(graph.name, convention, rows)


def _row(
    graph: Graph, name: str, nodes: list[Node], convention: Convention, seen: set[str]
) -> LayerSummary:
    """A layer's row; `seen` has the stored tensors that rows before have counted."""
    by_larq = convention is Convention.LARQ
    macs: Counter[int] = Counter()
    weights: Counter[int] = Counter()
    parameters, own, used = 0, None, set[str]()
    for node in nodes:
        own = _input_bits(graph, node, nodes) or own
        if isinstance(node.op, ops.MULTIPLYING):
            count = (
                _larqs_macs(graph, node, nodes, used) if by_larq else count_node(graph, node).macs
            )
            macs[_mac_bits(graph, node, own, by_larq)] += count
        parts = _new_parts(graph, node, by_larq, seen)
        parameters += sum(part.spec.elements for part in parts)
        weights.update(_two_vectors(node, parts) or _by_bits(parts))
    main = next((n for n in nodes if isinstance(n.op, ops.MULTIPLYING)), nodes[-1])
    shape = graph.tensors[main.outputs[0]].shape if main.outputs else ()
    if by_larq and len(shape) > 2:
        shape = (shape[0], *shape[2:], shape[1])
    counted = {bits: n for bits, n in macs.items() if n}
    return LayerSummary(name, ops.kind(main.op), own, shape, parameters, dict(weights), counted)


def _input_bits(graph: Graph, node: Node, nodes: list[Node]) -> int | None:
    """The bits that `node` writes, if it is the quantizer of what its layer multiplies."""
    if not isinstance(node.op, ops.Sign | ops.Quantize | ops.Thresholds):
        return None
    later = nodes[nodes.index(node) + 1 :]
    feeds = any(isinstance(other.op, ops.MULTIPLYING) for other in later)
    return graph.tensors[node.outputs[0]].encoding.bits if feeds else None


def _larqs_macs(graph: Graph, node: Node, nodes: list[Node], used: set[str]) -> int:
    """Weights times output positions, of one input; `used` has the weights counted before."""
    if not isinstance(node.op, ops.Weighted) or "weight" not in node.parameters:
        return 0
    name = node.parameters["weight"]
    shape = graph.tensors[node.outputs[0]].shape
    positions = shape[1:-1] if isinstance(node.op, ops.Dense) else shape[2:]
    alone = sum(isinstance(other.op, ops.MULTIPLYING) for other in nodes) == 1
    odd = len(positions) > 2 or (len(positions) == 1 and alone and is_depthwise(graph, node))
    if name in used or odd:
        return 0
    used.add(name)
    return graph.parameters[name].spec.elements * prod(positions)


def _mac_bits(graph: Graph, node: Node, own: int | None, by_larq: bool) -> int:
    used = scheme(graph, node)
    inputs = (own or FLOAT32.bits) if by_larq else used.activation.bits
    return max(used.weight.bits, inputs)


def _new_parts(graph: Graph, node: Node, by_larq: bool, seen: set[str]) -> list[Stored]:
    """What the file stores for a node and no node before it."""
    found = []
    for role, name in node.parameters.items():
        if by_larq and not _is_weight(node, role):
            continue
        for part in graph.parameters[name].stored:
            if part.key not in seen and not (by_larq and part.is_scale):
                seen.add(part.key)
                found.append(part)
    return found


_WEIGHTS = frozenset(
    {"weight", "bias", "slope", "scale", "shift", "mean", "variance", "left", "right"}
)


def _is_weight(node: Node, role: str) -> bool:
    """Whether Keras has a variable for it: alpha, thresholds and scales of quantizers are made."""
    return role in _WEIGHTS and not isinstance(node.op, ops.Quantize | ops.Dequantize)


def _two_vectors(node: Node, parts: list[Stored]) -> dict[int, int]:
    """A batch normalization keeps a scale and a shift a channel, whatever it was trained with."""
    if not isinstance(node.op, ops.BatchNorm) or not parts:
        return {}
    return {parts[0].spec.encoding.bits: 2 * parts[0].spec.elements}


def _by_bits(parts: Iterable[Stored]) -> dict[int, int]:
    found: Counter[int] = Counter()
    for part in parts:
        found[part.spec.encoding.bits] += part.spec.elements
    return dict(found)


def _added(several: Iterable[Mapping[int, int]]) -> dict[int, int]:
    total: Counter[int] = Counter()
    for counts in several:
        total.update(counts)
    return dict(sorted(total.items()))
