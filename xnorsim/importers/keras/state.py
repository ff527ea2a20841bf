"""The network in the making, and the one use of a layer that a rule turns into nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from xnorsim.errors import ModelError, ShapeError
from xnorsim.importers.channels import Axes, Value
from xnorsim.importers.keras.config import Layer
from xnorsim.importers.keras.settings import Settings
from xnorsim.importers.keras.weights import Weights, arranged, floats, lookup
from xnorsim.network import ops
from xnorsim.network.assembly import Assembly
from xnorsim.network.graph import Node, Parameter, Stored, TensorSpec
from xnorsim.network.precision import FLOAT32, Encoding, Scheme

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "MOST_NODES",
    "Padded",
    "State",
    "Use",
    "add",
    "constant",
    "file_weight",
    "image",
    "latent",
    "origin",
    "part_of",
    "shaped",
    "spatial",
]

MOST_NODES = 20_000
"""Inner models that are used again and again may ask for any number."""

MOST_OPERANDS = 2**17
"""Tensors that all nodes and inner models read and write, one by one."""

MOST_ENTRIES = 2**21
"""Values of configs that are gone through, once for each use of a layer."""

MOST_AXES = 64
"""Axes of a tensor, as numpy has them."""


@dataclass(frozen=True, slots=True)
class Padded:
    """+-1 with zeros around it: a binary layer pads its input itself, other layers read floats."""

    source: str
    padding: ops.Padding
    nodes: tuple[str, ...]


@dataclass
class State:
    """All that is known of the network so far."""

    file: str
    assembly: Assembly
    axes: Axes
    weights: Weights | None
    version: str
    model: str
    calls: int = 0
    operands: int = 0
    entries: int = 0
    uses: dict[str, int] = field(default_factory=dict)
    padded: dict[str, Padded] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    _written_by: dict[str, Node] = field(default_factory=dict)
    _seen: int = 0

    def spend(self, *, operands: int = 0, calls: int = 0, entries: int = 0) -> None:
        """Count what a network asks for, before it is given.

        Raises:
            ModelError: it is more than any network has.
        """
        self.operands += operands
        self.calls += calls
        self.entries += entries
        limits = (
            ("calls of layers", self.calls, MOST_NODES),
            ("operands and results of layers", self.operands, MOST_OPERANDS),
            ("values in the configs of the layers used", self.entries, MOST_ENTRIES),
        )
        for what, count, most in limits:
            if count > most:
                raise ModelError(f"{self.file}: more than {most} {what}")

    def writer(self, tensor: str) -> Node | None:
        """The node that writes a tensor; None for an input."""
        for node in self.assembly.nodes[self._seen :]:
            self._written_by.update(dict.fromkeys(node.outputs, node))
        self._seen = len(self.assembly.nodes)
        return self._written_by.get(tensor)


@dataclass(frozen=True)
class Use:
    """One call of a layer: `name` is the layer's, `title` the first node's ("name", or with a
    number where a shared layer is used again)."""

    state: State
    layer: Layer
    name: str
    title: str
    path: tuple[str, ...]
    inputs: tuple[Value, ...]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """How errors name it."""
        return f"{self.state.file}: layer '{self.name}' ({self.layer.kind})"

    @property
    def settings(self) -> Settings:
        """Its config."""
        return Settings(self.where, self.layer.config)

    @property
    def value(self) -> Value:
        """Its only input.

        Raises:
            ModelError: it has none or several.
        """
        if len(self.inputs) != 1:
            raise ModelError(f"{self.where}: it reads one tensor, not {len(self.inputs)}")
        return self.inputs[0]


def add(
    use: Use,
    op: ops.Op,
    *tensors: str,
    part: str = "",
    parameters: Mapping[str, Parameter | tuple[str, Parameter]] | None = None,
    scheme: Scheme | None = None,
    results: int = 1,
) -> str:
    """Add a node of the layer; `part` tells it from the node that has the layer's name.

    Raises:
        ShapeError: operands that do not fit; the message names the layer.
    """
    assembly = use.state.assembly
    use.state.spend(operands=len(tensors) + results)
    if len(assembly.nodes) >= MOST_NODES:
        raise ModelError(f"{use.state.file}: more than {MOST_NODES} nodes")
    name = part_of(use.title, part)
    named = {
        role: item if isinstance(item, tuple) else (f"{use.name}.{role}", item)
        for role, item in (parameters or {}).items()
    }
    layer = "" if name == use.name else use.name
    made = assembly.layer(
        op, *tensors, name=name, parameters=named, scheme=scheme, layer=layer, results=results
    )
    axes = len(assembly.shape(made))
    if axes > MOST_AXES:
        raise ShapeError(f"{use.where}: what it writes has {axes} axes: more than {MOST_AXES}")
    return made


def part_of(name: str, part: str) -> str:
    """What a part of something is called; either may be nothing.

    >>> part_of("conv", "activation"), part_of("conv", ""), part_of("", "activation")
    ('conv.activation', 'conv', 'activation')
    """
    return f"{name}.{part}" if name and part else name or part


def shaped(use: Use, value: Value) -> tuple[int, ...]:
    """A value's shape as the file has it."""
    return use.state.axes.shape(value)


def image(use: Use, value: Value, channels_last: bool) -> str:
    """A value as (batch, channels, *spatial), by the order that the layer says it is in."""
    axes = use.state.axes
    return axes.first(value) if channels_last else axes.last(value)


def spatial(use: Use, value: Value, rank: int, channels_last: bool) -> tuple[int, ...]:
    """The sizes of a value with `rank` spatial axes.

    Raises:
        ShapeError: it has another number of axes.
    """
    shape = shaped(use, value)
    if len(shape) != rank + 2:
        raise ShapeError(
            f"{use.where}: its input is {list(shape)}: it reads (batch, {rank} spatial axes, "
            "channels)"
        )
    return shape[1:-1] if channels_last else shape[2:]


def file_weight(
    use: Use, roles: str | tuple[str, ...], shape: Sequence[int]
) -> tuple[str, Callable[[], np.ndarray] | None]:
    """(name, how to load the values as float32) of a weight that has to have `shape`.

    Raises:
        ShapeError: the weights file has it in another shape.
        ModelError: the weights file lacks it.
    """
    roles = (roles,) if isinstance(roles, str) else roles
    name, weights = f"{use.name}/{roles[0]}", use.state.weights
    if weights is None:
        return name, None
    found = lookup(weights, use.name, (use.state.model, *use.path), roles)
    if found.shape != tuple(shape):
        raise ShapeError(
            f"{use.where}: weight '{found.key}' in {weights.file} is {list(found.shape)}, and the "
            f"layer needs {list(shape)}"
        )
    return name, partial(floats, f"{weights.file}: weight '{found.key}'", found.load)


def latent(
    use: Use,
    roles: str | tuple[str, ...],
    shape: Sequence[int],
    order: Sequence[int] | None = None,
    final: Sequence[int] | None = None,
    is_scale: bool = False,
) -> Parameter:
    """The float parameter that a weight of the file is, with its axes in the layer's order."""
    name, load = file_weight(use, roles, shape)
    order = tuple(range(len(shape))) if order is None else tuple(order)
    final = tuple(shape[axis] for axis in order) if final is None else tuple(final)
    made = None if load is None else partial(arranged, load, order, final)
    spec = TensorSpec(final, FLOAT32)
    return Parameter(spec, (Stored(name, TensorSpec(tuple(shape), FLOAT32), is_scale),), made)


def constant(values: Sequence[float], shape: Sequence[int]) -> Parameter:
    """Numbers that stand in the config and not among the weights."""
    spec = TensorSpec(tuple(shape), FLOAT32)
    return Parameter(spec, (), partial(_filled, tuple(values), tuple(shape)))


def _filled(values: tuple[float, ...], shape: tuple[int, ...]) -> np.ndarray:
    import numpy as np

    return np.asarray(values, np.float32).reshape(shape)


_MOVES = (
    *(ops.Identity, ops.Reshape, ops.Transpose, ops.Slice, ops.Split),
    *(ops.Expand, ops.Concat, ops.Pad),
)


def origin(state: State, tensor: str) -> tuple[str, Encoding, Node | None]:
    """Where the numbers of a tensor come from: (word, their encoding, the node that made them).

    Layers that only move numbers, and maxima, are passed over. What a Dequantize writes has the
    encoding of what it reads.
    """
    node = state.writer(tensor)
    while node is not None and node.inputs and _hands_on(node.op):
        tensor = node.inputs[0]
        node = state.writer(tensor)
    if node is None:
        return f"input '{tensor}'", state.assembly.spec(tensor).encoding, None
    encoding = state.assembly.spec(tensor).encoding
    if isinstance(node.op, ops.Dequantize):
        encoding = state.assembly.spec(node.inputs[0]).encoding
    return f"{type(node.op).__name__} '{node.name}'", encoding, node


def _hands_on(op: ops.Op) -> bool:
    if isinstance(op, ops.Pool):
        return op.reduction is ops.Reduction.MAX
    return isinstance(op, _MOVES)
