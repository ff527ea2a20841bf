"""Precision policies: which layers of a network become binary, and how.

A network trained in floats is costed as it would be binarized (Rastegari et al., section 3): the
first and the last layer keep high precision, the others get +-1 weights and, for XNOR, +-1 inputs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase

from xnorsim.errors import UsageError, choices
from xnorsim.network.graph import Graph, Node, Parameter, Stored, TensorSpec, scheme
from xnorsim.network.ops import Conv, ConvTranspose, Dense, Sign
from xnorsim.network.precision import (
    BIPOLAR,
    FLOAT32,
    FP32,
    INT8,
    UINT8,
    Encoding,
    MacClass,
    Meaning,
    Scaling,
    Scheme,
    mac_class,
)

__all__ = [
    "Binarize",
    "Policy",
    "apply",
    "as_float",
    "binarizable",
    "is_depthwise",
    "kept",
    "parse_keep",
]


class Binarize(StrEnum):
    """What the layers that are not kept become."""

    NONE = "none"
    BWN = "bwn"
    XNOR = "xnor"


@dataclass(frozen=True, slots=True)
class Policy:
    """What becomes binary, what stays, and how the result is scaled.

    `keep` holds the words "first" and "last", layer names, and globs. Depthwise convolutions stay
    in high precision unless `depthwise` is set: with one channel a filter there is little to gain.
    """

    binarize: Binarize = Binarize.NONE
    keep: tuple[str, ...] = ("first", "last")
    scaling: Scaling = Scaling.ALPHA
    depthwise: bool = False

    def __post_init__(self) -> None:
        if self.binarize is Binarize.BWN and self.scaling is Scaling.ALPHA_K:
            raise UsageError(
                "scaling alpha_k does not go with binarize bwn: K is the scale of a binary input, "
                "and a Binary-Weight-Network has none; valid choices: none, alpha"
            )


def parse_keep(text: str) -> tuple[str, ...]:
    """The keep list of "first,last,conv3,layer1*"; "none" or nothing keeps no layer."""
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    return () if words == ("none",) else words


def is_depthwise(graph: Graph, node: Node) -> bool:
    """Whether every filter of a convolution reads a single channel of several."""
    if not isinstance(node.op, Conv | ConvTranspose) or node.op.groups == 1:
        return False
    return graph.tensors[node.inputs[0]].shape[1] == node.op.groups


def binarizable(graph: Graph) -> tuple[Node, ...]:
    """Convolutions and dense layers with constant float weights and float inputs, in order."""
    return tuple(node for node in graph.nodes if _is_float_layer(graph, node))


def _is_float_layer(graph: Graph, node: Node) -> bool:
    if not isinstance(node.op, Conv | ConvTranspose | Dense) or "weight" not in node.parameters:
        return False
    used = scheme(graph, node)
    return mac_class(used.weight, used.activation) is MacClass.FP


def kept(graph: Graph, policy: Policy) -> frozenset[str]:
    """The names of binarizable layers that the policy leaves in high precision.

    Raises:
        UsageError: a word of `keep` that fits no layer, all such words at once.
    """
    nodes = binarizable(graph)
    names = [node.name for node in nodes]
    result = set() if policy.depthwise else {n.name for n in nodes if is_depthwise(graph, n)}
    lost = []
    for word in policy.keep:
        found = _matches(word, names)
        if not found and not (word in ("first", "last") or _matches(word, _names(graph))):
            lost.append(f"'{word}' fits no layer: {choices(word, ['first', 'last', *names])}")
        result.update(found)
    if lost:
        raise UsageError(f"{graph.name}: keep " + "; ".join(lost))
    return frozenset(result)


def _names(graph: Graph) -> list[str]:
    return [node.name for node in graph.nodes]


def _matches(word: str, names: list[str]) -> list[str]:
    if word in names:
        return [word]
    ends = {"first": names[:1], "last": names[-1:]}
    return ends[word] if word in ends else [name for name in names if fnmatchcase(name, word)]


def apply(graph: Graph, policy: Policy) -> Graph:
    """`graph` with its float layers binarized as the policy says.

    Weights become +-1 (stored in one bit). For XNOR one `Sign` node is put before the first
    binary reader of each tensor, shared by all of them; with scaling alpha_k a layer reads the
    unsigned tensor as its second input too, to form K.
    Layers whose file already says their precision (binary, int8) keep it.

    Raises:
        UsageError: a word of `keep` fits no layer.
    """
    if policy.binarize is Binarize.NONE:
        return graph
    stay = kept(graph, policy)
    chosen = {node.name for node in binarizable(graph)} - stay
    tensors = dict(graph.tensors)
    parameters = dict(graph.parameters)
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.name not in chosen:
            nodes.append(node)
            continue
        weight = f"{node.parameters['weight']}.binary"
        parameters[weight] = _binary(parameters[node.parameters["weight"]], weight)
        inputs = node.inputs
        if policy.binarize is Binarize.XNOR:
            source = node.inputs[0]
            signed = f"{source}.sign"
            if signed not in tensors:
                tensors[signed] = TensorSpec(tensors[source].shape, BIPOLAR)
                nodes.append(Node(f"{node.name}.sign", Sign(), (source,), (signed,)))
            inputs = (signed, source) if policy.scaling is Scaling.ALPHA_K else (signed,)
        activation = tensors[inputs[0]].encoding
        used = Scheme(BIPOLAR, activation, policy.scaling)
        weights = {**node.parameters, "weight": weight}
        nodes.append(replace(node, inputs=inputs, parameters=weights, scheme=used))
    return replace(
        graph,
        nodes=tuple(nodes),
        tensors=tensors,
        parameters=_used_parameters(nodes, parameters),
        notes=(*graph.notes, _summary(len(chosen), stay, policy)),
    )


def _binary(parameter: Parameter, key: str) -> Parameter:
    """The sign of a float weight: one bit an element, in the file's place."""
    spec = TensorSpec(parameter.spec.shape, BIPOLAR)
    return Parameter(spec, (Stored(key, spec),), parameter.load)


def _used_parameters(nodes: Iterable[Node], parameters: dict[str, Parameter]) -> dict:
    used = {name for node in nodes for name in node.parameters.values()}
    return {name: item for name, item in parameters.items() if name in used}


def _summary(count: int, stay: frozenset[str], policy: Policy) -> str:
    names = sorted(stay)
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return (
        f"{count} layers costed as {policy.binarize} with scaling {policy.scaling}; "
        f"in high precision: {shown or 'none'}"
    )


def as_float(graph: Graph) -> Graph:
    """The fp32 twin of a graph: the same layers and shapes, every number a float32.

    It is the baseline that a speedup is taken against.
    """
    tensors = {name: _float_spec(spec) for name, spec in graph.tensors.items()}
    parameters = {
        name: replace(
            item,
            spec=_float_spec(item.spec),
            stored=tuple(replace(part, spec=_float_spec(part.spec)) for part in item.stored),
        )
        for name, item in graph.parameters.items()
    }
    nodes = tuple(
        replace(node, scheme=None if node.scheme is None else FP32) for node in graph.nodes
    )
    return replace(graph, nodes=nodes, tensors=tensors, parameters=parameters)


_NARROW = frozenset({Meaning.BIPOLAR, Meaning.UNIPOLAR, Meaning.TERNARY})


def _float_spec(spec: TensorSpec) -> TensorSpec:
    return TensorSpec(spec.shape, FLOAT32) if _is_narrow(spec.encoding) else spec


def _is_narrow(encoding: Encoding) -> bool:
    return encoding.meaning in _NARROW or encoding in (INT8, UINT8)
