"""Layers of binary weights: +-1, and one scale a filter.

Weights are binary if a BipolarQuant made them, or if all |w| of a filter are equal: so they are
when a file holds them as floats, with a batch normalization folded into them (alpha may then be
0, and the signs are +1). The values of a weight are looked at only where the layer's input is
binary, or where a few of its first values already are +-alpha.

The Sign of ONNX writes 0 at 0, as no bit can. A layer of binary weights behind it is recognized,
and runs as the file has it: its input is ternary, and counted so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from xnorsim.importers.onnx.peek import looks_binary
from xnorsim.importers.onnx.rewriting import back, operand, rewritten
from xnorsim.importers.recognition import recognized
from xnorsim.network import ops
from xnorsim.network.binary import binary_parameters
from xnorsim.network.graph import Graph, Node, Parameter, producers
from xnorsim.network.ops import Operator, Reduction
from xnorsim.network.precision import (
    BIPOLAR,
    FLOAT32,
    TERNARY,
    Encoding,
    Meaning,
    Scaling,
    Scheme,
)

__all__ = ["Known", "binarized"]

_THROUGH = (ops.Identity, ops.Reshape, ops.Transpose, ops.Slice, ops.Pad)


@dataclass(frozen=True, slots=True)
class Known:
    """What reading the file has told: of tensors, the integers that floats stand for, and the one
    magnitude of constants that are +-1 times it (None: several); of the file, whether it has
    operators of QONNX."""

    encodings: Mapping[str, Encoding]
    magnitudes: Mapping[str, float | None]
    qonnx: bool


@dataclass(frozen=True, slots=True)
class _Input:
    """What a layer reads: `tensor`, which is `factor` times smaller than the file's."""

    tensor: str
    encoding: Encoding
    words: str
    factor: float = 1.0


def binarized(graph: Graph, known: Known) -> Graph:
    """`graph` with the weights of its binary layers as +-1, and a sentence for each."""
    written = producers(graph)
    replaced: dict[str, list[Node]] = {}
    parameters: dict[str, Parameter] = {}
    sentences = dict(graph.recognized)
    for node in graph.nodes:
        if not isinstance(node.op, ops.Weighted) or "weight" not in node.parameters:
            continue
        source = _input(graph, written, known, node.inputs[0])
        made, words = _weights(graph, known, node, source)
        if made is None:
            if words:
                sentences[node.name] = words
            continue
        parameters |= dict(made.values())
        scaling = Scaling.ALPHA if "alpha" in made else Scaling.NONE
        scheme = Scheme(BIPOLAR, source.encoding, scaling)
        if node.scheme is not None and node.scheme.scaling is Scaling.ALPHA_K:
            scheme = replace(node.scheme, activation=source.encoding)
        held = {**node.parameters, **{role: name for role, (name, _) in made.items()}}
        inputs = (source.tensor, *node.inputs[1:])
        replaced[node.name] = [replace(node, inputs=inputs, parameters=held, scheme=scheme)]
        sentences[node.name] = recognized(scheme, words, source.words)
    result = rewritten(graph, replaced, None, parameters)
    return replace(result, recognized=sentences)


# What a layer reads


def _input(graph: Graph, written: Mapping[str, Node], known: Known, tensor: str) -> _Input:
    """Where a layer's input comes from; a scale of its +-1 is taken off."""
    encoding = graph.tensors[tensor].encoding
    node = written.get(tensor)
    factor = 1.0
    if node is not None and encoding != BIPOLAR and (found := scaled_signs(graph, node)):
        tensor, factor = found
        encoding = BIPOLAR
    elif encoding == FLOAT32:
        encoding = known.encodings.get(tensor, encoding)
    return _Input(tensor, encoding, _words(written, tensor), factor)


def scaled_signs(graph: Graph, node: Node) -> tuple[str, float] | None:
    """The +-1 that a node multiplies by one positive number, and the number."""
    if not isinstance(node.op, ops.Elementwise) or node.op.operator is not Operator.MUL:
        return None
    found = operand(graph, node) if _is_bipolar(graph, node) else None
    if found is None or found[1] <= 0:
        return None
    return found[0], found[1]


def _is_bipolar(graph: Graph, node: Node) -> bool:
    return len(node.inputs) == 1 and graph.tensors[node.inputs[0]].encoding == BIPOLAR


def _words(written: Mapping[str, Node], tensor: str) -> str:
    """What wrote a tensor, past what only moves it: "Sign 'a0'"."""
    for node in back(written, tensor):
        if isinstance(node.op, _THROUGH) or _is_max_pool(node.op):
            continue
        return f"{type(node.op).__name__} '{node.name}'"
    return f"'{tensor}'"


def _is_max_pool(op: ops.Op) -> bool:
    return isinstance(op, ops.Pool) and op.reduction is Reduction.MAX


# What its weights are

Made = dict[str, tuple[str, Parameter]]


def _weights(graph: Graph, known: Known, node: Node, source: _Input) -> tuple[Made | None, str]:
    """The parameters of a binary layer and the words for its weights; else None and why it is
    none, where it looks as if it were one."""
    name = node.parameters["weight"]
    weight = graph.parameters[name]
    op = node.op
    assert isinstance(op, ops.Weighted)
    if weight.spec.encoding == BIPOLAR:
        return {}, "+-1"
    magnitude = known.magnitudes.get(name)
    if known.encodings.get(name) == BIPOLAR and magnitude is not None:
        return _made(node, weight, source, unit=magnitude == 1)
    if known.encodings.get(name) == BIPOLAR and weight.placeholder:
        return _made(node, weight, source, unit=False)
    if known.encodings.get(name) == BIPOLAR or source.encoding in (BIPOLAR, TERNARY):
        found = _magnitudes(weight, op)
    elif looks_binary(weight, op):
        found = _magnitudes(weight, op, both=True)
    else:
        return None, _integers(graph, known, node, source)
    if found is None:
        words = f"weights {weight.spec.encoding}, |w| differs within a filter"
        return None, f"{words}, input from {source.words}: not a binary layer"
    return _made(node, weight, source, unit=bool(np.all(found == 1)))


def _integers(graph: Graph, known: Known, node: Node, source: _Input) -> str:
    """The sentence for weights and inputs of few bits."""
    if node.scheme is None:
        return ""
    return recognized(node.scheme, str(node.scheme.weight), source.words)


def _made(node: Node, weight: Parameter, source: _Input, *, unit: bool) -> tuple[Made, str]:
    op, name = node.op, node.parameters["weight"]
    assert isinstance(op, ops.Weighted)
    plain = unit and source.factor == 1
    made = binary_parameters(name, weight, op, Scaling.NONE if plain else Scaling.ALPHA)
    if plain:
        return made, "+-1"
    title, alpha = made["alpha"]
    scales = tuple(part for part in weight.stored if part.is_scale)
    if sum(part.spec.elements for part in scales) == 1:  # one for all filters
        made["alpha"] = (title, alpha := replace(alpha, stored=scales))
    if source.factor != 1 and alpha.load is not None:
        scaled = replace(alpha, load=partial(_times, alpha.load, source.factor))
        made["alpha"] = (f"{node.name}.alpha", scaled)
    return made, "+-alpha per channel"


def _times(load, factor: float) -> np.ndarray:
    return load() * np.float32(factor)


FEWEST = 4
"""Weights of a filter from which equal magnitudes are taken to be meant."""


def _magnitudes(weight: Parameter, op: ops.Weighted, *, both: bool = False) -> np.ndarray | None:
    """|w| of each filter, if it is the same throughout; `both`: and if both signs are there."""
    if (
        weight.load is None
        or weight.placeholder
        or weight.spec.encoding.meaning is not Meaning.FLOAT
    ):
        return None
    values = weight.load()
    rows = np.abs(by_filter(values, op))
    if not rows.size or not np.all(rows == rows[:, :1]):
        return None
    if both and (rows.shape[1] < FEWEST or np.all(values >= 0) or np.all(values <= 0)):
        return None
    return rows[:, 0]


def by_filter(values: np.ndarray, op: ops.Weighted) -> np.ndarray:
    """Weights as (filters, weights of a filter)."""
    if isinstance(op, ops.Dense):
        return values if op.transpose_weight else values.T
    if isinstance(op, ops.ConvTranspose):
        grouped = values.reshape(op.groups, -1, *values.shape[1:])
        return np.moveaxis(grouped, 2, 1).reshape(op.out_channels, -1)
    return values.reshape(op.out_channels, -1)
