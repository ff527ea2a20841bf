"""Transposes carried towards the outputs, where they meet their inverses and vanish.

A file that was made from a channels-last network has Transposes around its convolutions. Each
tensor is known here as a tensor that is written and the order of its axes: a Transpose changes
the order and writes nothing, a layer that works on each element keeps it, and only what needs the
file's order (a convolution, say) has the Transpose made that is left then, if one is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial, singledispatch
from math import prod

import numpy as np

from xnorsim.importers.onnx.state import unique
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, Parameter, TensorSpec, by_role

__all__ = ["without_transposes"]

Order = tuple[int, ...]


@dataclass
class _Layout:
    """What is written so far. `moved` has the tensors of the file that were not written as they
    are: the tensor in their place, and the order in which its axes are theirs; `plain` those
    Transposes that had to be made after all; `relabels` of which tensors the order only names."""

    graph: Graph
    nodes: list[Node] = field(default_factory=list)
    tensors: dict[str, TensorSpec] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    moved: dict[str, tuple[str, Order, str]] = field(default_factory=dict)
    plain: dict[str, str] = field(default_factory=dict)
    relabels: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)


def without_transposes(graph: Graph) -> Graph:
    """`graph` with its Transposes carried as far as they go. Values and results stay the same."""
    if not any(isinstance(node.op, ops.Transpose) for node in graph.nodes):
        return graph
    layout = _Layout(graph, tensors=dict(graph.tensors), parameters=dict(graph.parameters))
    layout.taken.update(n.name for n in graph.nodes if not isinstance(n.op, ops.Transpose))
    for node in graph.nodes:
        if isinstance(node.op, ops.Transpose) and node.inputs:
            _compose(layout, node)
        elif not _carried(layout, node):
            inputs = tuple(_in_order(layout, name) for name in node.inputs)
            layout.nodes.append(replace(node, inputs=inputs))
    for name in graph.outputs:
        _in_order(layout, name)
    written = {name for node in layout.nodes for name in node.outputs} | set(graph.inputs)
    held = {name for node in layout.nodes for name in node.parameters.values()}
    return replace(
        graph,
        nodes=tuple(layout.nodes),
        tensors={name: spec for name, spec in layout.tensors.items() if name in written},
        parameters={name: item for name, item in layout.parameters.items() if name in held},
    )


def _source(layout: _Layout, name: str) -> tuple[str, Order]:
    """The tensor that holds a tensor of the file, and the order of its axes there."""
    if name in layout.moved:
        return layout.moved[name][:2]
    return name, tuple(range(len(layout.graph.tensors[name].shape)))


def _compose(layout: _Layout, node: Node) -> None:
    """A Transpose: another order of the same tensor."""
    assert isinstance(node.op, ops.Transpose)
    (name,), result = node.inputs, node.outputs[0]
    source, order = _source(layout, name)
    layout.moved[result] = source, tuple(order[axis] for axis in node.op.permutation), node.name
    if node.op.relabels and (name not in layout.moved or name in layout.relabels):
        layout.relabels.add(result)


def _in_order(layout: _Layout, name: str) -> str:
    """The tensor as the file has it; its Transpose is made where it is first asked for."""
    if name not in layout.moved:
        return name
    source, order, title = layout.moved[name]
    is_output = name in layout.graph.outputs
    spec = layout.graph.tensors[name]
    if order == tuple(range(len(order))) and not is_output:
        return source
    if name not in layout.plain:
        free = source != name
        made = name if free else f"{name}.ordered"
        op: ops.Op = ops.Transpose(order, relabels=name in layout.relabels)
        if order == tuple(range(len(order))):
            op = ops.Identity()
        title = unique(title, layout.taken)
        layout.taken.add(title)
        layout.nodes.append(Node(title, op, (source,), (made,)))
        layout.tensors[made] = spec
        layout.plain[name] = made
    return layout.plain[name]


def _carried(layout: _Layout, node: Node) -> bool:
    """Whether a layer was written in the order of its inputs, its result in the same order."""
    inputs, _ = by_role(node)
    if len(inputs) != len(node.inputs) or not all(node.outputs) or not node.outputs:
        return False
    orders = {_source(layout, name)[1] for name in inputs if name in layout.moved}
    orders -= {tuple(range(len(order))) for order in orders}
    if len(orders) != 1:
        return False
    (order,) = orders
    if any(not _can_be_put(layout, name, order) for name in inputs):
        return False
    shapes = [layout.graph.tensors[name].shape for name in inputs]
    moved = _moved(node.op, order, max(shapes, key=prod))
    if moved is None:
        return False
    op, result = moved
    held = _parameters(layout, node, order)
    if held is None:
        return False
    operands = tuple(_put(layout, name, order) for name in inputs)
    _write(layout, node, op, result, operands, held)
    return True


def _can_be_put(layout: _Layout, name: str, order: Order) -> bool:
    """Whether a tensor has its axes in this order, or gets them so by a reshape."""
    own, shape = _source(layout, name)[1], layout.graph.tensors[name].shape
    if own == order:
        return True
    if own != tuple(range(len(order))):
        return False
    wide = [at for axis, at in enumerate(order) if shape[axis] != 1]
    return wide == sorted(wide)


def _put(layout: _Layout, name: str, order: Order) -> str:
    """The tensor with its axes in this order."""
    source, own = _source(layout, name)
    if own == order:
        return source
    made = f"{name}.{'_'.join(map(str, order))}"
    if made not in layout.tensors:
        spec = layout.graph.tensors[name]
        shape = tuple(_placed(spec.shape, order))
        layout.tensors[made] = TensorSpec(shape, spec.encoding)
        title = unique(f"{made}.reshape", layout.taken)
        layout.taken.add(title)
        layout.nodes.append(Node(title, ops.Reshape(shape), (source,), (made,)))
    return made


def _write(
    layout: _Layout,
    node: Node,
    op: ops.Op,
    order: Order,
    inputs: tuple[str, ...],
    parameters: Mapping[str, str],
) -> None:
    if order == tuple(range(len(order))):
        layout.nodes.append(replace(node, op=op, inputs=inputs, parameters=parameters))
        return
    outputs = []
    for name in node.outputs:
        spec = layout.graph.tensors[name]
        made = f"{name}.moved" if name in layout.graph.outputs else name
        layout.tensors[made] = TensorSpec(tuple(_placed(spec.shape, order)), spec.encoding)
        layout.moved[name] = made, order, f"{node.name}.order"
        if all(item in layout.relabels for item in node.inputs):
            layout.relabels.add(name)
        outputs.append(made)
    new = replace(node, op=op, inputs=inputs, outputs=tuple(outputs), parameters=parameters)
    layout.nodes.append(new)


def _parameters(layout: _Layout, node: Node, order: Order) -> dict[str, str] | None:
    """The node's parameters in another order of axes; None if one has none that is known."""
    result = {}
    for role, name in node.parameters.items():
        spec = layout.graph.parameters[name].spec
        if spec.elements == 1 and len(spec.shape) <= len(order):
            result[role] = name
        elif isinstance(node.op, _BROADCASTING) and len(spec.shape) <= len(order):
            result[role] = _turned(layout, name, order)
        else:
            return None
    return result


_BROADCASTING = (ops.Elementwise, ops.Compare, ops.Select)


def _turned(layout: _Layout, name: str, order: Order) -> str:
    """A parameter that broadcasts to a result of the file, for the tensor in its place."""
    made = f"{name}.{'_'.join(map(str, order))}"
    if made not in layout.parameters:
        given = layout.graph.parameters[name]
        full = (1,) * (len(order) - len(given.spec.shape)) + given.spec.shape
        back = tuple(int(at) for at in np.argsort(order))
        spec = TensorSpec(tuple(full[axis] for axis in back), given.spec.encoding)
        load = None if given.load is None else partial(_reordered, given.load, full, back)
        layout.parameters[made] = replace(given, spec=spec, load=load)
    return made


def _reordered(load, shape: tuple[int, ...], order: Order) -> np.ndarray:
    return load().reshape(shape).transpose(order)


@singledispatch
def _moved(op: ops.Op, order: Order, shape: tuple[int, ...]) -> tuple[ops.Op, Order] | None:
    """The layer over the tensor in place of its input, and the order of its result's axes.

    Axis i of the input is axis `order[i]` of that tensor; `shape` is the input's. None if the
    layer needs the input as it is.
    """
    return None


@_moved.register
def _(
    op: ops.Activation
    | ops.Sign
    | ops.Cast
    | ops.Identity
    | ops.Elementwise
    | ops.Compare
    | ops.Select
    | ops.Dequantize
    | ops.Quantize,
    order: Order,
    shape: tuple[int, ...],
) -> tuple[ops.Op, Order] | None:
    return op, order


@_moved.register
def _(op: ops.Thresholds, order: Order, shape: tuple[int, ...]) -> tuple[ops.Op, Order] | None:
    return (op, order) if order[1] == 1 else None


@_moved.register
def _(op: ops.Concat, order: Order, shape: tuple[int, ...]) -> tuple[ops.Op, Order] | None:
    return ops.Concat(order[op.axis]), order


@_moved.register
def _(op: ops.Split, order: Order, shape: tuple[int, ...]) -> tuple[ops.Op, Order] | None:
    return replace(op, axis=order[op.axis]), order


@_moved.register
def _(op: ops.Softmax, order: Order, shape: tuple[int, ...]) -> tuple[ops.Op, Order] | None:
    return replace(op, axis=order[op.axis]), order


@_moved.register
def _(op: ops.Pad, order: Order, shape: tuple[int, ...]) -> tuple[ops.Op, Order] | None:
    return replace(op, padding=tuple(_placed(op.padding, order))), order


@_moved.register
def _(op: ops.Slice, order: Order, shape: tuple[int, ...]) -> tuple[ops.Op, Order] | None:
    return replace(op, axes=tuple(order[axis] for axis in op.axes)), order


@_moved.register
def _(op: ops.Reduce, order: Order, shape: tuple[int, ...]) -> tuple[ops.Op, Order] | None:
    axes = tuple(sorted(order[axis] for axis in op.axes))
    if op.keepdims:
        return replace(op, axes=axes), order
    kept = [at for axis, at in enumerate(order) if axis not in op.axes]
    ranks = {at: rank for rank, at in enumerate(sorted(kept))}
    return replace(op, axes=axes), tuple(ranks[at] for at in kept)


@_moved.register
def _(op: ops.Reshape, order: Order, shape: tuple[int, ...]) -> tuple[ops.Op, Order] | None:
    """A reshape goes before where only axes of one element change places."""
    wide = [at for axis, at in enumerate(order) if shape[axis] != 1]
    return (op, tuple(range(len(op.shape)))) if wide == sorted(wide) else None


def _placed(items: Iterable, order: Order) -> list:
    """What belongs to the axes of a tensor of the file, for those of the tensor in its place."""
    result = [None] * len(order)
    for item, at in zip(items, order, strict=True):
        result[at] = item
    return result
