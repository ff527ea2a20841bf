"""Layers that a file writes in several, put together: pads, casts, scales, lowered convolutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np

from xnorsim.importers.channels import to_first, to_last
from xnorsim.importers.onnx.rewriting import NARROW, operand
from xnorsim.importers.rewriting import rewritten
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, Parameter, TensorSpec, consumers, producers
from xnorsim.network.ops import Operator, Reduction
from xnorsim.network.precision import BIPOLAR, FLOAT32, UNIPOLAR

__all__ = [
    "convolved",
    "folded",
    "padded",
    "pads_later",
    "pads_widened",
    "scaled_later",
    "without_casts",
    "without_popcounts",
]

# Casts


def without_casts(graph: Graph) -> Graph:
    """`graph` without casts and identities of +-1, {0, 1} and {-1, 0, 1}: they change nothing."""
    names: dict[str, str] = {}
    replaced: dict[str, list[Node]] = {}
    for node in graph.nodes:
        inputs = tuple(names.get(name, name) for name in node.inputs)
        if _hands_on(graph, node):
            names[node.outputs[0]] = inputs[0]
        if inputs != node.inputs:
            replaced[node.name] = [replace(node, inputs=inputs)]
    return rewritten(graph, replaced) if replaced else graph


def _hands_on(graph: Graph, node: Node) -> bool:
    if not isinstance(node.op, ops.Cast | ops.Identity) or len(node.inputs) != 1:
        return False
    if node.outputs[0] in graph.outputs:
        return False
    narrow = graph.tensors[node.inputs[0]].encoding in NARROW
    return narrow and (isinstance(node.op, ops.Identity) or node.op.to == FLOAT32)


# Pads


def padded(graph: Graph, *, with_zeros: bool = True) -> Graph:
    """`graph` with the Pad before a convolution as the convolution's own padding.

    Without `with_zeros` only Pads of +1 and -1, which no attribute of a Conv can say.
    """
    written = producers(graph)
    replaced = {}
    for node in graph.nodes:
        pad = written.get(node.inputs[0]) if node.inputs else None
        if isinstance(node.op, ops.Conv) and pad is not None and isinstance(pad.op, ops.Pad):
            op = _with_padding(graph, node.op, pad)
            if op is not None and (with_zeros or pad.op.value):
                inputs = (pad.inputs[0], *node.inputs[1:])
                replaced[node.name] = [replace(node, op=op, inputs=inputs)]
    return rewritten(graph, replaced) if replaced else graph


def pads_widened(graph: Graph) -> Graph:
    """`graph` with a Cast before a Pad that writes what its input's encoding does not have."""
    tensors: dict[str, TensorSpec] = {}
    replaced: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if not isinstance(node.op, ops.Pad):
            continue
        name = node.inputs[0]
        spec, result = graph.tensors[name], graph.tensors[node.outputs[0]]
        if spec.encoding in NARROW and result.encoding not in NARROW:
            wide = f"{node.outputs[0]}.wide"
            tensors[wide] = TensorSpec(spec.shape, result.encoding)
            cast = Node(f"{node.name}.cast", ops.Cast(result.encoding), (name,), (wide,))
            replaced[node.name] = [cast, replace(node, inputs=(wide, *node.inputs[1:]))]
    return rewritten(graph, replaced, tensors) if replaced else graph


def pads_later(graph: Graph) -> Graph:
    """`graph` with a Pad behind the Transposes and reshapes that alone read it, so that it stands
    next to the convolution; such reshapes only add and remove axes of one element."""
    tensors, nodes = dict(graph.tensors), []
    readers = consumers(graph)
    waiting: dict[str, Node] = {}
    for node in graph.nodes:
        pad = waiting.pop(node.inputs[0], None) if len(node.inputs) == 1 else None
        moved = _behind(node, pad, tensors) if pad is not None else None
        if pad is not None and moved is not None:
            nodes.remove(pad)
            made = f"{node.outputs[0]}.unpadded"
            tensors[made] = moved[1]
            nodes.append(replace(node, op=moved[2], inputs=pad.inputs, outputs=(made,)))
            node = replace(pad, op=moved[0], inputs=(made,), outputs=node.outputs)
        nodes.append(node)
        if isinstance(node.op, ops.Pad) and len(node.inputs) == 1 and not node.parameters:
            result = node.outputs[0]
            if len(readers[result]) == 1 and result not in graph.outputs:
                waiting[result] = node
    return rewritten(replace(graph, nodes=tuple(nodes)), {}, tensors)


def _behind(
    node: Node, pad: Node, tensors: Mapping[str, TensorSpec]
) -> tuple[ops.Pad, TensorSpec, ops.Op] | None:
    """The Pad behind a node, the node's result before it, and the node's op; None if it cannot."""
    op, given, spec = node.op, pad.op, tensors[pad.inputs[0]]
    assert isinstance(given, ops.Pad)
    if isinstance(op, ops.Transpose):
        sides = tuple(given.padding[axis] for axis in op.permutation)
        shape = tuple(spec.shape[axis] for axis in op.permutation)
        return replace(given, padding=sides), TensorSpec(shape, spec.encoding), op
    if not isinstance(op, ops.Reshape):
        return None
    before = [axis for axis, size in enumerate(tensors[pad.outputs[0]].shape) if size != 1]
    after = [axis for axis, size in enumerate(op.shape) if size != 1]
    same = [tensors[pad.outputs[0]].shape[axis] for axis in before] == [op.shape[a] for a in after]
    if not same:
        return None
    sides, sizes = [(0, 0)] * len(op.shape), [1] * len(op.shape)
    for old, new in zip(before, after, strict=True):
        sides[new], sizes[new] = given.padding[old], spec.shape[old]
    shape = tuple(sizes)
    return (
        replace(given, padding=tuple(sides)),
        TensorSpec(shape, spec.encoding),
        ops.Reshape(shape),
    )


def _with_padding(graph: Graph, op: ops.Conv, pad: Node) -> ops.Conv | None:
    given = pad.op
    assert isinstance(given, ops.Pad)
    encoding = graph.tensors[pad.inputs[0]].encoding
    fits = (
        given.mode == "constant"
        and len(pad.inputs) == 1
        and not pad.parameters
        and not any(map(any, given.padding[:2]))
        and min(map(min, given.padding)) >= 0
    )
    own = any(map(any, op.padding))
    if not fits or (given.value and (encoding != BIPOLAR or own or abs(given.value) != 1)):
        return None
    both = zip(op.padding, given.padding[2:], strict=True)
    sides = tuple((a + c, b + d) for (a, b), (c, d) in both)
    return replace(op, padding=sides, pad_value=int(given.value))


# Scales of +-1


def scaled_later(graph: Graph) -> Graph:
    """`graph` with the scale of +-1 behind what only moves it or takes its maximum.

    So it stands before the layer that reads it, which takes it into its alpha.
    """
    tensors, parameters = dict(graph.tensors), graph.parameters
    readers = consumers(graph)
    scaled: dict[str, tuple[str, Node]] = {}
    replaced: dict[str, list[Node]] = {}
    for node in graph.nodes:
        found = _scale(graph, node)
        if found is not None:
            scaled[node.outputs[0]] = found, node
            continue
        source = node.inputs[0] if len(node.inputs) == 1 else ""
        if source not in scaled or len(readers[source]) > 1 or not _commutes(node.op):
            continue
        if source in graph.outputs or len(node.outputs) != 1 or node.parameters:
            continue
        unscaled, factor = scaled[source]
        result = node.outputs[0]
        signs = f"{result}.signs"
        tensors[signs] = TensorSpec(graph.tensors[result].shape, BIPOLAR)
        later = replace(factor, name=f"{node.name}.scale", inputs=(signs,), outputs=(result,))
        replaced[node.name] = [replace(node, inputs=(unscaled,), outputs=(signs,)), later]
        scaled[result] = signs, later
    return rewritten(graph, replaced, tensors, parameters) if replaced else graph


def _scale(graph: Graph, node: Node) -> str | None:
    """The +-1 that a node multiplies by one positive number."""
    if not isinstance(node.op, ops.Elementwise) or node.op.operator is not Operator.MUL:
        return None
    found = operand(graph, node)
    if found is None or found[1] <= 0 or graph.tensors[found[0]].encoding != BIPOLAR:
        return None
    same = graph.tensors[found[0]].shape == graph.tensors[node.outputs[0]].shape
    return found[0] if same else None


def _commutes(op: ops.Op) -> bool:
    moves = isinstance(op, ops.Reshape | ops.Transpose | ops.Slice | ops.Identity)
    return moves or (isinstance(op, ops.Pool) and op.reduction is Reduction.MAX)


# XnorPopcountMatMul


def without_popcounts(graph: Graph) -> Graph:
    """`graph` with (dot + k) / 2, times 2, less k, as the dot product; and with 2 b - 1 of bits b
    that thresholds write, as thresholds that write +-1."""
    written = producers(graph)
    replaced: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if isinstance(node.op, ops.Sign):
            made = _signs_of_bits(graph, written, node)
        else:
            made = _dot_again(graph, written, node)
        if made is not None:
            replaced[node.name] = [made]
    return rewritten(graph, replaced) if replaced else graph


def _chain(
    graph: Graph, written: Mapping[str, Node], node: Node, operators: tuple[Operator, ...]
) -> tuple[str, list[float]] | None:
    """What a chain of operators with constants starts from, and the constants, the last first."""
    values, name = [], ""
    for operator in operators:
        step = node if not name else written.get(name)
        if step is None or not isinstance(step.op, ops.Elementwise):
            return None
        found = operand(graph, step) if step.op.operator is operator else None
        if found is None:
            return None
        name, value, _ = found
        values.append(value)
    return name, values


def _dot_again(graph: Graph, written: Mapping[str, Node], node: Node) -> Node | None:
    add, mul = Operator.ADD, Operator.MUL
    found = _chain(graph, written, node, (add, mul, mul, add))
    if found is None:
        return None
    name, (less, double, half, more) = found
    product = written.get(name)
    same = less == -more and (double, half) == (2, 0.5)
    if not same or product is None or not isinstance(product.op, ops.Dense | ops.MatMul):
        return None
    return replace(product, name=node.name, outputs=node.outputs)


def _signs_of_bits(graph: Graph, written: Mapping[str, Node], node: Node) -> Node | None:
    start = written.get(node.inputs[0]) if node.inputs else None
    found = _chain(graph, written, start, (Operator.ADD, Operator.MUL)) if start else None
    if found is None or found[1] != [-1, 2]:
        return None
    bits = written.get(found[0])
    if (
        bits is None
        or not isinstance(bits.op, ops.Thresholds)
        or bits.op.to != UNIPOLAR
        or len(bits.inputs) != 1
    ):
        return None
    levels = graph.parameters[bits.parameters["thresholds"]]
    if levels.load is not None and not np.any(levels.load()):
        return replace(bits, name=node.name, op=ops.Sign(), outputs=node.outputs, parameters={})
    op = ops.Thresholds(BIPOLAR, 2.0, -1.0)
    return replace(bits, name=node.name, op=op, outputs=node.outputs)


# Im2Col


def convolved(graph: Graph) -> Graph:
    """`graph` with a product of slices side by side and a matrix as the convolution that it is.

    The slices are the taps of a window over an image (batch, height, width, channels), as an
    Im2Col is read; the matrix has a row for each tap and channel.
    """
    written = producers(graph)
    replaced: dict[str, list[Node]] = {}
    tensors: dict[str, TensorSpec] = {}
    parameters: dict[str, Parameter] = {}
    for node in graph.nodes:
        found = _window(graph, written, node)
        if found is None:
            continue
        image, op = found
        name = node.parameters["weight"]
        batch, height, width, channels = graph.tensors[image].shape
        result = graph.tensors[node.outputs[0]]
        first, last = (f"{node.name}.channels_{word}" for word in ("first", "last"))
        tensors[first] = TensorSpec((batch, channels, height, width), FLOAT32)
        shape = tuple(result.shape[axis] for axis in to_first(4))
        tensors[last] = TensorSpec(shape, result.encoding)
        turned = f"{name}.filters"
        parameters[turned] = _filters(graph.parameters[name], op, channels)
        held = {**node.parameters, "weight": turned}
        relabel = partial(ops.Transpose, relabels=True)
        replaced[node.name] = [
            Node(f"{node.name}.channels_first", relabel(to_first(4)), (image,), (first,)),
            replace(node, op=op, inputs=(first,), outputs=(last,), parameters=held),
            Node(f"{node.name}.channels_last", relabel(to_last(4)), (last,), node.outputs),
        ]
    return rewritten(graph, replaced, tensors, parameters) if replaced else graph


def _window(graph: Graph, written: Mapping[str, Node], node: Node) -> tuple[str, ops.Conv] | None:
    """The image and the convolution, if a dense layer reads all taps of a window."""
    columns = written.get(node.inputs[0]) if node.inputs else None
    plain = isinstance(node.op, ops.Dense) and not node.op.transpose_weight
    if not plain or columns is None or set(node.parameters) > {"weight"}:
        return None
    if not isinstance(columns.op, ops.Concat) or columns.op.axis != 3 or columns.parameters:
        return None
    taps = [written.get(name) for name in columns.inputs]
    slices = [tap.op for tap in taps if tap is not None and isinstance(tap.op, ops.Slice)]
    sources = {tap.inputs for tap in taps if tap is not None}
    if len(slices) != len(columns.inputs) or len(sources) != 1:
        return None
    if any(item.axes != (1, 2) or item.steps != slices[0].steps for item in slices):
        return None
    assert isinstance(node.op, ops.Dense)
    grid = _grid([item.starts for item in slices])
    ((image,),) = sources
    if grid is None or len(graph.tensors[image].shape) != 4:
        return None
    kernel, dilation = grid
    none = ((0, 0), (0, 0))
    return image, ops.Conv(node.op.out_features, kernel, slices[0].steps, none, dilation)


def _grid(starts: list[tuple[int, ...]]) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Kernel and dilation of taps that start at these places, row by row."""
    rows, columns = (sorted({start[axis] for start in starts}) for axis in (0, 1))
    if starts != [(row, column) for row in rows for column in columns]:
        return None
    steps = [{b - a for a, b in pairwise(side)} or {1} for side in (rows, columns)]
    if any(len(step) != 1 for step in steps) or rows[0] or columns[0]:
        return None
    return (len(rows), len(columns)), (steps[0].pop(), steps[1].pop())


def _filters(weight: Parameter, op: ops.Conv, channels: int) -> Parameter:
    """A matrix (taps x channels, filters) as filters (filters, channels, *kernel)."""
    spec = TensorSpec((op.out_channels, channels, *op.kernel), weight.spec.encoding)
    load = None if weight.load is None else partial(folded, weight.load, spec.shape)
    return replace(weight, spec=spec, load=load)


def folded(load: Callable[[], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """The columns of a matrix as filters of `shape` (filters, channels, *kernel)."""
    filters, channels, *kernel = shape
    return np.moveaxis(load().reshape(*kernel, channels, filters), (-1, -2), (0, 1))
