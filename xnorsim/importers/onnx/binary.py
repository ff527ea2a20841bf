"""Layers of binary weights: +-1, and one scale a filter.

Weights are binary if a BipolarQuant made them, or if all |w| of a filter are equal: so they are
when a file holds them as floats, with a batch normalization folded into them (alpha may then be
0, and the signs are +1). The values of a weight are looked at only where the layer's input is
binary, or where a few of its first values already are +-alpha.

The Sign of ONNX writes 0 at 0, as no bit can. A layer of binary weights behind it is recognized,
and runs as the file has it: its input is ternary, and counted so.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from xnorsim.importers.levelled import level_bits, level_words
from xnorsim.importers.onnx.peek import look
from xnorsim.importers.onnx.rewriting import NARROW, back, operand
from xnorsim.importers.onnx.weights import (
    WORDS,
    Form,
    Parameters,
    by_filter,
    form_of,
    parameters_of,
)
from xnorsim.importers.recognition import recognized
from xnorsim.importers.rewriting import rewritten
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, Parameter, producers
from xnorsim.network.ops import Operator, Reduction
from xnorsim.network.precision import (
    BIPOLAR,
    ENCODINGS,
    FLOAT32,
    INT32,
    TERNARY,
    UNIPOLAR,
    Encoding,
    Scaling,
    Scheme,
)
from xnorsim.network.results import product_encoding

__all__ = ["Known", "binarized"]

_THROUGH = (ops.Identity, ops.Reshape, ops.Transpose, ops.Slice, ops.Pad)


@dataclass(frozen=True, slots=True)
class Known:
    """What reading the file has told: of tensors, the integers that floats stand for, and the one
    magnitude of constants that are +-1 times it (None: several); of the file, whether it has
    operators of QONNX, and whether its graph is in our canonical form, as our exporter writes it.
    """

    encodings: Mapping[str, Encoding]
    magnitudes: Mapping[str, float | None]
    qonnx: bool
    canonical: bool = False


@dataclass(frozen=True, slots=True)
class _Input:
    """What a layer reads: `tensor`, which is `factor` times smaller than the file's."""

    tensor: str
    encoding: Encoding
    words: str
    factor: float = 1.0


def binarized(graph: Graph, known: Known) -> Graph:
    """`graph` with the weights of its binary layers as +-1, and a sentence for each; ternary and
    {0, 1} ones likewise, where the layer's input has few values too."""
    written = producers(graph)
    layers = [
        (node, node.op)
        for node in graph.nodes
        if isinstance(node.op, ops.Weighted) and node.inputs and "weight" in node.parameters
    ]
    seen = look(
        (node.parameters["weight"], graph.parameters[node.parameters["weight"]], op)
        for node, op in layers
        if graph.tensors[node.inputs[0]].encoding not in NARROW
    )
    replaced: dict[str, list[Node]] = {}
    parameters: dict[str, Parameter] = {}
    sentences = dict(graph.recognized)
    floats = not known.qonnx and not any(s.encoding in NARROW for s in graph.tensors.values())
    for node, _ in layers:
        name = node.parameters["weight"]
        looks = name in seen.equal | seen.levels
        if floats and not (known.encodings or node.scheme or looks):
            continue
        source = _input(graph, written, known, node.inputs[0])
        form = _form(graph, known, node, source, seen.equal)
        made = {} if form is None else _made(graph, node, source, form)
        new, sentence = _layer(graph, known, node, source, form, made)
        if not sentence and looks:
            new, sentence = _levelled(graph, node, source)
        parameters |= dict(made.values())
        if new != node:
            replaced[node.name] = [new]
        if sentence:
            sentences[node.name] = sentence
    if not replaced and not sentences:
        return graph
    result = rewritten(graph, replaced, None, parameters)
    result = replace(result, recognized=sentences)
    return _counted(result) if known.canonical else result


def _counted(graph: Graph) -> Graph:
    """A file in our own form, where a Cast makes floats of sums: what it reads are integers, which
    the file had to hold as floats."""
    written, tensors = producers(graph), dict(graph.tensors)
    for node in graph.nodes:
        if not isinstance(node.op, ops.Cast) or not node.inputs or node.op.to != FLOAT32:
            continue
        source = written.get(node.inputs[0])
        if source is None or source.scheme is None or "bias" in source.parameters:
            continue
        pair = source.scheme.weight, source.scheme.activation
        held = source.parameters.get("weight")
        narrow = held is not None and graph.parameters[held].spec.encoding == pair[0]
        counts = narrow and set(pair) <= {*NARROW} and source.scheme.scaling is Scaling.NONE
        if counts and product_encoding(*pair) == INT32:
            spec = tensors[node.inputs[0]]
            tensors[node.inputs[0]] = replace(spec, encoding=INT32)
    return replace(graph, tensors=tensors)


def _levelled(graph: Graph, node: Node, source: _Input) -> tuple[Node, str]:
    """A layer of floats near the levels of a few bits, with the sentence about it, if they are."""
    weight, op = graph.parameters[node.parameters["weight"]], node.op
    assert isinstance(op, ops.Weighted)
    bits = level_bits(by_filter(weight.load(), op)) if weight.load is not None else None
    if bits is None:
        return node, ""
    scheme = Scheme(FLOAT32, source.encoding)
    return replace(node, scheme=scheme), recognized(scheme, level_words(bits), source.words)


def _layer(
    graph: Graph, known: Known, node: Node, source: _Input, form: Form | None, made: Parameters
) -> tuple[Node, str]:
    """A layer with its scheme and parameters, and the sentence about it."""
    if form is None:
        scheme = node.scheme or _integers(known, node, source)
        return replace(node, scheme=scheme), _other(graph, node, source, scheme)
    scaling = Scaling.ALPHA if "alpha" in made else Scaling.NONE
    scheme = Scheme(form.encoding, source.encoding, scaling)
    if node.scheme is not None and node.scheme.scaling is Scaling.ALPHA_K:
        scheme = replace(node.scheme, activation=source.encoding)  # a call of our own function
    held = {**node.parameters, **{role: name for role, (name, _) in made.items()}}
    inputs = (source.tensor, *node.inputs[1:])
    unit = "alpha per channel" if "alpha" in made else "1"
    words = WORDS[form.encoding].format(unit)
    new = replace(node, inputs=inputs, parameters=held, scheme=scheme)
    return new, recognized(scheme, words, source.words)


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
        encoding = _quantized(graph, written, known, tensor)
    return _Input(tensor, encoding, _words(written, tensor), factor)


def _quantized(graph: Graph, written: Mapping[str, Node], known: Known, tensor: str) -> Encoding:
    """The integers that a tensor stands for, past what only moves them or takes their maximum."""
    if tensor in known.encodings:
        return known.encodings[tensor]
    for node in back(written, tensor):
        if isinstance(node.op, ops.Dequantize):
            return graph.tensors[node.inputs[0]].encoding
        if not (isinstance(node.op, _THROUGH) or _is_max_pool(node.op)):
            break
        if node.inputs and node.inputs[0] in known.encodings:
            return known.encodings[node.inputs[0]]
    return FLOAT32


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


def _form(
    graph: Graph, known: Known, node: Node, source: _Input, plain: Container[str]
) -> Form | None:
    """The form of a layer's weights; None if they are no +-1, ternary or {0, 1} ones."""
    name = node.parameters["weight"]
    weight, op = graph.parameters[name], node.op
    assert isinstance(op, ops.Weighted)
    if weight.spec.encoding in NARROW:
        return Form(weight.spec.encoding, True)
    if known.encodings.get(name) == BIPOLAR:
        magnitude = known.magnitudes.get(name)
        if magnitude is not None:
            return Form(BIPOLAR, abs(magnitude) == 1)
        return Form(BIPOLAR, unit=False) if weight.placeholder else form_of(weight, op)
    if name in known.encodings:
        return _of_three(known.encodings[name], weight, op)
    found = None
    if source.encoding in NARROW:
        found = form_of(weight, op)
    elif name in plain:
        found = form_of(weight, op, sure=True)
    is_float = known.canonical and found is not None and found.encoding == BIPOLAR
    return None if is_float else found  # our own files have a BipolarQuant where +-1 is meant


def _of_three(encoding: Encoding, weight: Parameter, op: ops.Weighted) -> Form | None:
    """The form of a Quant's weights of 2 bits that are {-alpha, 0, alpha}, or of one bit."""
    if encoding not in (ENCODINGS["int2"], UNIPOLAR):
        return None
    found = form_of(weight, op)
    narrow = TERNARY if encoding != UNIPOLAR else UNIPOLAR
    return None if found is None else Form(narrow, found.unit)


def _made(graph: Graph, node: Node, source: _Input, form: Form) -> Parameters:
    """The parameters of a layer; a scale of its input is taken into its alpha."""
    name, op = node.parameters["weight"], node.op
    weight = graph.parameters[name]
    assert isinstance(op, ops.Weighted)
    if weight.spec.encoding in NARROW and source.factor == 1:
        return {}
    scaling = Scaling.NONE if form.unit and source.factor == 1 else Scaling.ALPHA
    made = parameters_of(name, weight, op, form.encoding, scaling)
    scales = tuple(part for part in weight.stored if part.is_scale)
    if "alpha" in made and sum(part.spec.elements for part in scales) == 1:  # one for all filters
        title, alpha = made["alpha"]
        made["alpha"] = title, replace(alpha, stored=scales)
    if "alpha" in made and source.factor != 1:
        _, alpha = made["alpha"]
        load = None if alpha.load is None else partial(_times, alpha.load, source.factor)
        made["alpha"] = f"{node.name}.alpha", replace(alpha, load=load)
    return made


def _times(load: Callable[[], np.ndarray], factor: float) -> np.ndarray:
    return load() * np.float32(factor)


def _integers(known: Known, node: Node, source: _Input) -> Scheme | None:
    """The scheme of a layer whose weights a Quant has made integers."""
    weight = known.encodings.get(node.parameters["weight"])
    return Scheme(weight, source.encoding) if known.qonnx and weight is not None else None


def _other(graph: Graph, node: Node, source: _Input, scheme: Scheme | None) -> str:
    """The sentence for a layer that is not binary, if it has one."""
    if scheme is not None:
        return recognized(scheme, str(scheme.weight), source.words)
    if source.encoding not in NARROW:
        return ""
    weight = graph.parameters[node.parameters["weight"]].spec.encoding
    scheme = Scheme(weight, source.encoding)
    words = f"{weight}, of more than two magnitudes in a filter"
    return recognized(scheme, words, source.words)
