"""Precision policies: which layers of a network become binary, and how.

A network trained in floats is costed as it would be binarized (Rastegari et al., section 3): the
first and the last layer keep high precision, the others get +-1 weights and, for XNOR, +-1 inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from xnorsim.errors import UsageError, choices
from xnorsim.network.binary import binary_parameters
from xnorsim.network.graph import Graph, Node, Parameter, TensorSpec, scheme
from xnorsim.network.ops import (
    MULTIPLYING,
    Conv,
    ConvTranspose,
    Dequantize,
    Identity,
    Quantize,
    Sign,
    Thresholds,
    Weighted,
)
from xnorsim.network.precision import (
    BIPOLAR,
    FLOAT32,
    FP32,
    Border,
    Encoding,
    MacClass,
    Meaning,
    Scaling,
    Scheme,
    mac_class,
)

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "Binarize",
    "Policy",
    "apply",
    "as_float",
    "binarizable",
    "is_depthwise",
    "kept",
    "matching",
    "parse_keep",
    "quantized_layers",
]


_UNSIGNED = "unsigned"
"""The role of what a binary layer reads before its sign is taken."""


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
    `pad_value` (0, +1 or -1) is what binary inputs of convolutions are padded with, and `border`
    how K is formed there. `weights_only` holds names and globs as `keep` does: layers that become
    bwn where the others become xnor.
    """

    binarize: Binarize = Binarize.NONE
    keep: tuple[str, ...] = ("first", "last")
    scaling: Scaling = Scaling.ALPHA
    depthwise: bool = False
    pad_value: int = 0
    border: Border = Border.ZERO
    weights_only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pad_value not in (-1, 0, 1):
            raise UsageError(
                f"pad value {self.pad_value!r}: a binary input is padded with 0, 1 or -1"
            )
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
    if not isinstance(node.op, Weighted) or "weight" not in node.parameters:
        return False
    used = scheme(graph, node)
    return mac_class(used.weight, used.activation) is MacClass.FP


def quantized_layers(graph: Graph) -> dict[Scheme, tuple[str, ...]]:
    """The layers that multiply other than floats before any policy, which changes none of them."""
    found: dict[Scheme, tuple[str, ...]] = {}
    for node in graph.nodes:
        if isinstance(node.op, MULTIPLYING):
            used = scheme(graph, node)
            used = Scheme(used.weight, used.activation)
            if mac_class(used.weight, used.activation) is not MacClass.FP:
                found[used] = (*found.get(used, ()), node.name)
    return found


def kept(graph: Graph, policy: Policy) -> frozenset[str]:
    """The names of binarizable layers that the policy leaves in high precision.

    Raises:
        UsageError: a word of `keep` that fits no layer, all such words at once.
    """
    nodes = binarizable(graph)
    names = [node.name for node in nodes]
    stay = set() if policy.depthwise else {n.name for n in nodes if is_depthwise(graph, n)}
    return _named(graph, policy.keep, names, "kept in high precision") | stay


def _named(graph: Graph, words: Iterable[str], names: list[str], what: str) -> frozenset[str]:
    result, lost = set[str](), []
    for word in words:
        found = matching(word, names)
        if not found and not (word in ("first", "last") or matching(word, _names(graph))):
            lost.append(f"'{word}' fits no layer: {choices(word, ['first', 'last', *names])}")
        result.update(found)
    if lost:
        raise UsageError(f"{graph.name}: {what}: " + "; ".join(lost))
    return frozenset(result)


def _names(graph: Graph) -> list[str]:
    return [node.name for node in graph.nodes]


def matching(word: str, names: list[str]) -> list[str]:
    """Of the layers `names`, in order, those that a word means: a name, a glob, "first", "last"."""
    if word in names:
        return [word]
    ends = {"first": names[:1], "last": names[-1:]}
    if word in ends:
        return ends[word]
    # exporters begin names with a slash, which nobody types
    return [n for n in names if fnmatchcase(n, word) or fnmatchcase(n.lstrip("/"), word)]


def apply(graph: Graph, policy: Policy) -> Graph:
    """`graph` with its float layers binarized as the policy says.

    Weights become their sign, in one bit each, and with a scaling the layer gets a parameter
    "alpha": mean|W| of each filter (Rastegari et al., equation 6). For XNOR one `Sign` node is
    put before the first binary reader of each tensor, shared by all of them; with scaling alpha_k
    a layer reads the unsigned tensor too, in the role "unsigned", to form K.
    Layers whose file already says their precision (binary, int8) keep it.

    Raises:
        UsageError: a word of `keep` or `weights_only` fits no layer.
    """
    if policy.binarize is Binarize.NONE:
        return graph
    stay = kept(graph, policy)
    names = [node.name for node in binarizable(graph)]
    chosen = set(names) - stay
    wide = _named(graph, policy.weights_only, names, "with binary weights only")
    work = _Rewritten(dict(graph.tensors), dict(graph.parameters), {n.name for n in graph.nodes})
    for node in graph.nodes:
        if node.name in chosen:
            _add_binary(work, node, _weights_only(policy) if node.name in wide else policy)
        else:
            work.nodes.append(node)
    return replace(
        graph,
        nodes=tuple(work.nodes),
        tensors=work.tensors,
        parameters=_used_parameters(work.nodes, work.parameters),
        notes=(*graph.notes, *_summary(graph, len(chosen), stay, policy)),
    )


def _weights_only(policy: Policy) -> Policy:
    """The same for a layer that keeps its inputs; without K, which scales binary ones."""
    scaling = Scaling.ALPHA if policy.scaling is Scaling.ALPHA_K else policy.scaling
    return replace(policy, binarize=Binarize.BWN, scaling=scaling)


@dataclass
class _Rewritten:
    """A graph while it is rewritten; `signs` maps a tensor to its sign."""

    tensors: dict[str, TensorSpec]
    parameters: dict[str, Parameter]
    names: set[str]
    nodes: list[Node] = field(default_factory=list)
    signs: dict[str, str] = field(default_factory=dict)


def _add_binary(work: _Rewritten, node: Node, policy: Policy) -> None:
    assert isinstance(node.op, Weighted)  # binarizable() chose it
    op, inputs, roles = node.op, node.inputs, node.roles
    if policy.binarize is Binarize.XNOR:
        inputs = (_signed(work, node), *node.inputs[1:])
        if isinstance(op, Conv):
            op = replace(op, pad_value=policy.pad_value)
        if policy.scaling is Scaling.ALPHA_K:
            roles = (*(roles or ("",) * len(inputs)), _UNSIGNED)
            inputs = (*inputs, node.inputs[0])
    weight = node.parameters["weight"]
    made = binary_parameters(weight, work.parameters[weight], op, policy.scaling)
    work.parameters |= dict(made.values())
    parameters = {**node.parameters, **{role: name for role, (name, _) in made.items()}}
    encoding = work.tensors[inputs[0]].encoding
    used = Scheme(BIPOLAR, encoding, policy.scaling, policy.border)
    work.nodes.append(Node(node.name, op, inputs, node.outputs, parameters, used, roles))


def _signed(work: _Rewritten, node: Node) -> str:
    """The sign of what `node` reads; made before its first reader, shared by the others."""
    source = node.inputs[0]
    if source not in work.signs:
        name, signed = _fresh(f"{node.name}.sign", work.names), f"{source}.sign"
        signed = work.signs[source] = _fresh(signed, work.tensors.keys())
        work.tensors[signed] = TensorSpec(work.tensors[source].shape, BIPOLAR)
        work.names.add(name)
        work.nodes.append(Node(name, Sign(), (source,), (signed,)))
    return work.signs[source]


def _fresh(name: str, taken: Set[str]) -> str:
    """`name`, or with the first number that makes it new."""
    numbered = (f"{name}{i}" for i in count(2))
    return name if name not in taken else next(word for word in numbered if word not in taken)


def _used_parameters(
    nodes: Iterable[Node], parameters: dict[str, Parameter]
) -> dict[str, Parameter]:
    used = {name for node in nodes for name in node.parameters.values()}
    return {name: item for name, item in parameters.items() if name in used}


def _summary(graph: Graph, count: int, stay: frozenset[str], policy: Policy) -> Iterator[str]:
    layers = "1 layer" if count == 1 else f"{count} layers"
    kept_names = _shortened(node.name for node in graph.nodes if node.name in stay)
    yield (
        f"{layers} binarized as {policy.binarize} with scaling {policy.scaling}; "
        f"kept in high precision: {kept_names or 'none'}"
    )
    if policy.weights_only:
        wide = _named(graph, policy.weights_only, [n.name for n in binarizable(graph)], "") - stay
        yield f"with binary weights only: {_shortened(sorted(wide)) or 'none'}"
    able = {node.name for node in binarizable(graph)}
    unable = [n.name for n in graph.nodes if isinstance(n.op, MULTIPLYING) and n.name not in able]
    if unable:
        yield (
            "not binarized, since they have no constant float filters or multiply other than "
            f"floats: {_shortened(unable)}"
        )


def _shortened(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def as_float(graph: Graph) -> Graph:
    """The fp32 twin of a graph: the same layers and shapes, every number a float32.

    It is the baseline that a speedup is taken against.
    """
    tensors = {name: _float_spec(spec) for name, spec in graph.tensors.items()}
    nodes = [_float_node(node) for node in graph.nodes]
    parameters = {
        name: replace(
            item,
            spec=_float_spec(item.spec),
            load=_as_floats(item),
            stored=tuple(replace(part, spec=_float_spec(part.spec)) for part in item.stored),
        )
        for name, item in graph.parameters.items()
    }
    used = _used_parameters(nodes, parameters)
    return replace(graph, nodes=tuple(nodes), tensors=tensors, parameters=used)


def _float_node(node: Node) -> Node:
    if isinstance(
        node.op, Sign | Quantize | Dequantize | Thresholds
    ):  # between floats there is no conversion
        return replace(node, op=Identity(), inputs=node.inputs[:1], parameters={}, roles=())
    if node.scheme is None:
        return node
    inputs, roles = node.inputs, node.roles
    if _UNSIGNED in roles:
        at = roles.index(_UNSIGNED)
        inputs, roles = inputs[:at] + inputs[at + 1 :], roles[:at] + roles[at + 1 :]
    parameters = {role: name for role, name in node.parameters.items() if role != "alpha"}
    return replace(
        node, scheme=FP32, parameters=parameters, inputs=inputs, roles=roles if any(roles) else ()
    )


def _as_floats(item: Parameter) -> Callable[[], np.ndarray] | None:
    """What loads a parameter of few bits as float32; what loads any other, as it is."""
    if item.load is None or not _is_narrow(item.spec.encoding):
        return item.load
    return partial(_float_values, item.load)


def _float_values(load: Callable[[], np.ndarray]) -> np.ndarray:
    import numpy as np

    return load().astype(np.float32)


_NARROW = frozenset({Meaning.BIPOLAR, Meaning.UNIPOLAR, Meaning.TERNARY})


def _float_spec(spec: TensorSpec) -> TensorSpec:
    return TensorSpec(spec.shape, FLOAT32) if _is_narrow(spec.encoding) else spec


def _is_narrow(encoding: Encoding) -> bool:
    narrow_integer = encoding.meaning is Meaning.INTEGER and encoding.bits <= 8
    return encoding.meaning in _NARROW or narrow_integer
