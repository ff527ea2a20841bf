"""Integers of few bits, where a file rounds what it has clamped: round(n * clip(x)) / n.

The rounding becomes a Quantize to the integers that the clamp leaves, and what scales them back a
Dequantize. Source: Zhou et al., "DoReFa-Net", equation 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from xnorsim.importers.onnx.rewriting import operand
from xnorsim.importers.rewriting import rewritten
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, Parameter, TensorSpec, consumers, producers
from xnorsim.network.ops import Function, Operator
from xnorsim.network.precision import ENCODINGS, FLOAT32, UNIPOLAR, Encoding

__all__ = ["codes_found"]

MOST_BITS = 8
"""Beyond, a rounding is taken for what it is."""


def codes_found(graph: Graph) -> Graph:
    """`graph` with the roundings of clamped numbers as quantizers."""
    written, readers = producers(graph), consumers(graph)
    tensors: dict[str, TensorSpec] = {}
    parameters: dict[str, Parameter] = {}
    replaced: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if not isinstance(node.op, ops.Activation) or node.op.function is not Function.ROUND:
            continue
        to = _integers(_bounds(graph, written, node.inputs[0])) if node.inputs else None
        result = node.outputs[0]
        if to is None or graph.tensors[result].encoding != FLOAT32:
            continue
        codes, unit = f"{result}.codes", f"{node.name}.unit_value"
        tensors[codes] = TensorSpec(graph.tensors[result].shape, to)
        one = partial(np.ones, (), np.float32)
        parameters[unit] = Parameter(TensorSpec((), FLOAT32), (), one)
        scale = {"scale": unit}
        replaced[node.name] = [
            Node(f"{node.name}.codes", ops.Quantize(to), node.inputs, (codes,), scale),
            Node(node.name, ops.Dequantize(FLOAT32), (codes,), (result,), scale),
        ]
        for reader in readers[result]:
            factor = _factor(graph, reader)
            if factor is not None:
                held = {"scale": factor}
                back = Node(reader.name, ops.Dequantize(FLOAT32), (codes,), reader.outputs, held)
                replaced[reader.name] = [back]
    return rewritten(graph, replaced, tensors, parameters) if replaced else graph


def _factor(graph: Graph, node: Node) -> str | None:
    """The parameter of one positive number that a node multiplies by."""
    if not isinstance(node.op, ops.Elementwise) or node.op.operator is not Operator.MUL:
        return None
    found = operand(graph, node)
    same = graph.tensors[node.inputs[0]].shape == graph.tensors[node.outputs[0]].shape
    return node.parameters[found[2]] if found is not None and found[1] > 0 and same else None


def _integers(bounds: tuple[float, float]) -> Encoding | None:
    low, high = bounds
    if not np.isfinite(low) or not np.isfinite(high) or low > 0 or high <= 0:
        return None
    low, high = round(low), round(high)
    if (low, high) == (0, 1):
        return UNIPOLAR
    bits = high.bit_length() if low == 0 else max(high.bit_length(), (-low - 1).bit_length()) + 1
    if not 2 <= bits <= MOST_BITS:
        return None
    return ENCODINGS[f"{'u' if low == 0 else ''}int{bits}"]


def _bounds(graph: Graph, written: Mapping[str, Node], tensor: str) -> tuple[float, float]:
    """Between which numbers a tensor lies, as far as clamps and factors before it say."""
    chain = []
    while (node := written.get(tensor)) is not None and len(node.inputs) == 1:
        chain.append(node)
        tensor = node.inputs[0]
        if not isinstance(node.op, ops.Activation | ops.Elementwise | ops.Transpose | ops.Reshape):
            break
    bounds = _OPEN
    for node in reversed(chain):
        bounds = _narrowed(graph, node, *bounds)
    return bounds


def _narrowed(graph: Graph, node: Node, low: float, high: float) -> tuple[float, float]:
    """The bounds of what a node writes, from those of what it reads."""
    op = node.op
    if isinstance(op, ops.Transpose | ops.Reshape):
        return low, high
    if isinstance(op, ops.Activation):
        given = dict(op.constants)
        if op.function is Function.CLIP:
            least, most = given.get("min", -np.inf), given.get("max", np.inf)
            return min(max(low, least), most), max(min(high, most), least)
        return (max(low, 0.0), max(high, 0.0)) if op.function is Function.RELU else _OPEN
    found = operand(graph, node) if isinstance(op, ops.Elementwise) else None
    function = _ARITHMETIC.get(op.operator) if isinstance(op, ops.Elementwise) else None
    if found is None or function is None or (function is _times and found[1] <= 0):
        return _OPEN
    return function(low, found[1]), function(high, found[1])


def _times(bound: float, value: float) -> float:
    return bound * value


_OPEN = (-np.inf, np.inf)

_ARITHMETIC = {Operator.MUL: _times, Operator.MAX: max, Operator.MIN: min}
