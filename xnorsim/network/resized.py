"""The same network at another batch, for images of another size, or with wider layers.

Shapes alone change, from the inputs on: windows and what they are filled up with stay, a pool over
the whole image stays one, and the features of dense layers follow. A width multiplier is that of
A. G. Howard et al., "MobileNets", 2017, arXiv 1704.04861, section 3.3: every layer with weights
gets so many times its filters, to the nearest whole number, but the last ones, whose results are
the network's. Weights of a layer that has changed have shapes and no values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import singledispatch
from math import floor, prod
from typing import Any

from xnorsim.errors import ShapeError, UsageError
from xnorsim.network import ops
from xnorsim.network.extents import same_padding
from xnorsim.network.graph import Graph, Node, Parameter, TensorSpec, by_role, check
from xnorsim.network.ops import Weighted
from xnorsim.network.shapes import output_specs

__all__ = ["resized"]

Shape = tuple[int, ...]


def resized(
    graph: Graph, *, batch: int | None = None, input_size: int | None = None, width: float = 1.0
) -> Graph:
    """`graph` at so many inputs at once, each so large along its spatial axes, and so wide.

    None and a width of 1 leave what the network has; nothing else changes it, and `graph` itself
    is returned where nothing does.

    Raises:
        UsageError: inputs without spatial axes, or a layer that cannot follow; it is named.
    """
    started = {name: _input(graph, name, batch, input_size) for name in graph.inputs}
    if width == 1 and all(graph.tensors[name] == spec for name, spec in started.items()):
        return graph
    made = _Made(started, dict(graph.parameters), [])
    last = _last_weighted(graph)
    for node in graph.nodes:
        try:
            _follow(made, graph, node, 1.0 if node.name in last else width)
        except ShapeError as fault:
            told = _told(batch, input_size, width)
            raise UsageError(f"{graph.name} at {told}: layer '{node.name}': {fault}") from fault
    _check_outputs(graph, made, _told(batch, input_size, width))
    return check(
        replace(graph, nodes=tuple(made.nodes), tensors=made.tensors, parameters=made.parameters)
    )


def _told(batch: int | None, input_size: int | None, width: float) -> str:
    given = {"batch": batch, "input_size": input_size, "width": None if width == 1 else width}
    return ", ".join(f"{name} {value}" for name, value in given.items() if value is not None)


def _input(graph: Graph, name: str, batch: int | None, size: int | None) -> TensorSpec:
    spec = graph.tensors[name]
    shape = spec.shape
    if batch is not None and shape and shape[0] == graph.tensors[graph.inputs[0]].shape[0]:
        shape = (batch, *shape[1:])
    if size is not None:
        if len(shape) < 3:
            raise UsageError(
                f"{graph.name}: input '{name}' {list(shape)} has no axes after batch and channels "
                "that an input size could set"
            )
        shape = (*shape[:2], *(size for _ in shape[2:]))
    return TensorSpec(shape, spec.encoding)


def _last_weighted(graph: Graph) -> frozenset[str]:
    """The layers with weights whose results reach no other one."""
    before_weighted: set[str] = set()
    last = set()
    for node in reversed(graph.nodes):
        is_weighted = isinstance(node.op, Weighted)
        leads = not before_weighted.isdisjoint(node.outputs)
        if is_weighted and not leads:
            last.add(node.name)
        if is_weighted or leads:
            before_weighted.update(node.inputs)
    return frozenset(last)


def _check_outputs(graph: Graph, made: _Made, told: str) -> None:
    """A batch that has been lost on the way has been taken for something else."""
    first = graph.inputs[0] if graph.inputs else ""
    old, new = (specs[first].shape[:1] for specs in (graph.tensors, made.tensors))
    for name in graph.outputs:
        if graph.tensors[name].shape[:1] == old and made.tensors[name].shape[:1] != new:
            shape = list(made.tensors[name].shape)
            raise UsageError(f"{graph.name} at {told}: output '{name}' would be {shape}")


@dataclass
class _Made:
    """A graph while it is resized."""

    tensors: dict[str, TensorSpec]
    parameters: dict[str, Parameter]
    nodes: list[Node]


@dataclass(frozen=True)
class _Change:
    """Shapes of what a layer reads, before and after, and how much wider it becomes."""

    before: tuple[Shape, ...]
    after: tuple[Shape, ...]
    width: float


def _follow(made: _Made, graph: Graph, node: Node, width: float) -> None:
    """Add the node at the shapes of what it reads."""
    names, others = by_role(node)
    read = [name for name in names if name in made.tensors]
    change = _Change(
        tuple(graph.tensors[name].shape for name in read),
        tuple(made.tensors[name].shape for name in read),
        width,
    )
    op = _resized_op(node.op, change)
    held: dict[str, TensorSpec] = {}
    for role, name in others.items():
        if name in made.tensors:
            held[role] = made.tensors[name]
            continue
        shape = _parameter_shape(op, node, role, graph, change)
        made.parameters[name] = _reshaped(made.parameters[name], graph.parameters[name], shape)
        held[role] = made.parameters[name].spec
    found = output_specs(op, *(made.tensors[name] for name in names), **held)
    for name, spec in zip(node.outputs, found, strict=False):
        made.tensors[name] = TensorSpec(spec.shape, graph.tensors[name].encoding)
    made.nodes.append(replace(node, op=op))


def _parameter_shape(op: ops.Op, node: Node, role: str, graph: Graph, change: _Change) -> Shape:
    """Weights as the layer asks for them; of others each axis that goes along one of the data."""
    shape = graph.parameters[node.parameters[role]].spec.shape
    if role == "weight" and isinstance(op, Weighted):
        return _weight_shape(op, change.after[0])
    if isinstance(node.op, Weighted):
        old, new = _filters(node.op), _filters(op)
        return (*shape[:-1], new) if shape[-1:] == (old,) else shape
    if not change.before:
        return shape
    old, new = change.before[0], change.after[0]
    if isinstance(op, ops.BatchNorm | ops.Normalize) and len(shape) == 1 and len(old) > 1:
        return (new[1],) if shape == (old[1],) else shape
    pairs = zip(shape[::-1], old[::-1], new[::-1], strict=False)
    ends = tuple(b if size == a else size for size, a, b in pairs)[::-1]
    return (*shape[: len(shape) - len(ends)], *ends)


def _weight_shape(op: Any, data: Shape) -> Shape:
    if isinstance(op, ops.Dense):
        shape = (op.in_features, op.out_features)
        return shape[::-1] if op.transpose_weight else shape
    if isinstance(op, ops.ConvTranspose):
        return (data[1], op.out_channels // op.groups, *op.kernel)
    return (op.out_channels, data[1] // op.groups, *op.kernel)


def _filters(op: Any) -> int:
    return op.out_features if isinstance(op, ops.Dense) else op.out_channels


def _reshaped(now: Parameter, original: Parameter, shape: Shape) -> Parameter:
    """The parameter with another shape, of which no values are known."""
    if shape == now.spec.shape:
        return now
    if now is not original:
        raise ShapeError(f"weights that layers share would be {now.spec.shape} and {shape}")
    old = original.spec.shape
    stored = []
    for part in original.stored:
        if part.spec.shape == old:
            changed = shape
        elif part.spec.elements == 1:
            changed = part.spec.shape
        else:  # one value a filter, as int8 weights have scales
            changed = tuple(shape[old.index(size)] if size in old else size
                            for size in part.spec.shape)  # fmt: skip
        stored.append(replace(part, spec=TensorSpec(changed, part.spec.encoding)))
    return Parameter(TensorSpec(shape, original.spec.encoding), tuple(stored))


@singledispatch
def _resized_op(op: Any, change: _Change) -> Any:
    """The op at other shapes; most say nothing of shapes."""
    return op


def _scaled(number: int, factor: float, multiple: int = 1) -> int:
    """`factor` times a number of filters, to the nearest multiple of `multiple`, at least one."""
    return max(1, floor(number / multiple * factor + 0.5)) * multiple


def _padding(op: Any, change: _Change) -> Any:
    """Padding that gives ceil(size / stride) positions, one side more, does so for the new size."""
    found = []
    for axis, pads in enumerate(op.padding):
        kernel, stride, dilation = op.kernel[axis], op.stride[axis], op.dilation[axis]
        old, new = change.before[0][2 + axis], change.after[0][2 + axis]
        is_same = stride > 1 and pads == same_padding(old, kernel, stride, dilation)
        is_lopsided = any(before != after for before, after in op.padding)
        found.append(
            same_padding(new, kernel, stride, dilation) if is_same and is_lopsided else pads
        )
    return tuple(found)


@_resized_op.register
def _(op: ops.Conv, change: _Change) -> ops.Conv:
    old, new = change.before[0][1], change.after[0][1]
    padding = _padding(op, change)
    if op.groups == old > 1:
        return replace(op, out_channels=op.out_channels // old * new, groups=new, padding=padding)
    filters = _scaled(op.out_channels, change.width, op.groups)
    return replace(op, out_channels=filters, padding=padding)


@_resized_op.register
def _(op: ops.ConvTranspose, change: _Change) -> ops.ConvTranspose:
    old, new = change.before[0][1], change.after[0][1]
    if op.groups == old > 1:
        return replace(op, out_channels=op.out_channels // old * new, groups=new)
    return replace(op, out_channels=_scaled(op.out_channels, change.width, op.groups))


@_resized_op.register
def _(op: ops.Dense, change: _Change) -> ops.Dense:
    features = change.after[0][0 if op.transpose_input else -1]
    return replace(op, in_features=features, out_features=_scaled(op.out_features, change.width))


@_resized_op.register
def _(op: ops.Pool, change: _Change) -> ops.Pool:
    """A window over the whole image stays one."""
    old, new = change.before[0][2:], change.after[0][2:]
    if op.kernel == old and not any(map(sum, op.padding)):
        stride = tuple(n if s == k else s for s, k, n in zip(op.stride, old, new, strict=True))
        return replace(op, kernel=new, stride=stride)
    return replace(op, padding=_padding(op, change))


@_resized_op.register
def _(op: ops.Split, change: _Change) -> ops.Split:
    old, new = change.before[0][op.axis], change.after[0][op.axis]
    return op if old == new else replace(op, sizes=tuple(_part(s, old, new) for s in op.sizes))


@_resized_op.register(ops.Resize)
@_resized_op.register(ops.Rearrange)
def _(op: Any, change: _Change) -> Any:
    pairs = zip(op.shape, change.before[0], change.after[0], strict=True)
    return replace(op, shape=tuple(_part(size, old, new) for size, old, new in pairs))


@_resized_op.register
def _(op: ops.Expand, change: _Change) -> ops.Expand:
    fill = (1,) * (len(op.shape) - len(change.before[0]))
    old, new = (*fill, *change.before[0]), (*fill, *change.after[0])
    return replace(op, shape=tuple(map(_part, op.shape, old, new)))


@_resized_op.register
def _(op: ops.Gather, change: _Change) -> ops.Gather:
    if change.before == change.after:
        return op
    old, new = change.before[0], change.after[0]
    after = len(old) - op.axis - 1
    picked = op.shape[op.axis : len(op.shape) - after]
    if op.form != "gather" or (*old[: op.axis], *picked, *old[op.axis + 1 :]) != op.shape:
        raise ShapeError(f"what it picks of {list(old)} is not known of {list(new)}")
    return replace(op, shape=(*new[: op.axis], *picked, *new[op.axis + 1 :]))


@_resized_op.register
def _(op: ops.Unknown, change: _Change) -> ops.Unknown:
    if change.before != change.after:
        raise ShapeError("nothing is known of it, and so not its result at another size")
    return op


@_resized_op.register
def _(op: ops.Reshape, change: _Change) -> ops.Reshape:
    return replace(op, shape=_refilled(change.before[0], change.after[0], op.shape))


def _part(size: int, old: int, new: int) -> int:
    """A size that is so many parts, or so many times, of one that has changed."""
    if size * new % old:
        raise ShapeError(f"{size} of {old} is no whole number of {new}")
    return size * new // old


def _refilled(old: Shape, new: Shape, target: Shape) -> Shape:
    """The shape that elements [new] fill as those of [old] filled `target`.

    Axes are joined and cut where they were: (2, 8, 3, 3) -> (2, 72) is (4, 8, 5, 5) -> (4, 200).
    What is cut keeps all parts but the last.
    """
    found: list[int] = []
    i = j = 0
    while i < len(old) or j < len(target):
        joined, cut = slice(i, i + 1), slice(j, j + 1)
        while prod(old[joined]) != prod(target[cut]):
            if prod(old[joined]) < prod(target[cut]):
                joined = slice(i, joined.stop + 1)
            else:
                cut = slice(j, cut.stop + 1)
        i, j = joined.stop, cut.stop
        elements, sizes = prod(new[joined]), target[cut]
        if sizes:
            found += [*sizes[:-1], _part(1, prod(sizes[:-1]), elements)]
        else:  # axes of length 1 at the end, which were left out
            found[-1] *= elements
    return tuple(found)
