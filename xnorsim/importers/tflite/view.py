"""What a rule sees of its operator, and how it writes layers for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from xnorsim.errors import ModelError, ShapeError
from xnorsim.importers.channels import Axes, Value, first_axis, to_first
from xnorsim.importers.tflite.constants import (
    dequantized,
    numbers,
    reordered,
    scales,
    stored_parameter,
    zero_points,
)
from xnorsim.importers.tflite.names import Names
from xnorsim.importers.tflite.schema import MOST_AXES, Model, Operator, Quantization, Tensor
from xnorsim.network import ops
from xnorsim.network.assembly import Assembly
from xnorsim.network.graph import Node, Parameter
from xnorsim.network.precision import BIPOLAR, FLOAT32, INT32, Encoding, Meaning, Scheme

__all__ = [
    "BinaryPad",
    "Rule",
    "State",
    "View",
    "axis_in",
    "constant",
    "emit",
    "encoding",
    "float_constant",
    "has",
    "named",
    "option",
    "quantization",
    "quantized_axis",
    "quantizer",
    "real",
    "require",
    "settings",
    "shape",
    "spread",
    "stated_shape",
    "tensor",
    "value",
    "write",
]


@dataclass(frozen=True, slots=True)
class Rule:
    """How an operator becomes layers, and the class of its options ("" for none)."""

    build: Callable[[View], None]
    options: str = ""


@dataclass(frozen=True, slots=True)
class BinaryPad:
    """Bits that are padded with +-1: what is padded, by how much along each axis, and with what."""

    before: Value
    rows: ops.Padding
    fill: int


@dataclass
class State:
    """A network in the making.

    `values` are the activations by the file's number of the tensor, `derived` the constants that
    were computed, `reals` the float form of tensors that have another one, `pads` the binary
    padding that a convolution may take over. `batches` are the file's batch and the one that is
    used, None where other sizes differ too. `bypassed` are layers to leave out if nothing reads
    them.
    """

    model: Model
    names: Names
    assembly: Assembly
    axes: Axes
    batches: tuple[int, int] | None
    values: dict[int, Value] = field(default_factory=dict)
    derived: dict[int, Parameter] = field(default_factory=dict)
    reals: dict[int, Value] = field(default_factory=dict)
    pads: dict[int, BinaryPad] = field(default_factory=dict)
    codes: dict[str, Encoding] = field(default_factory=dict)
    bypassed: set[str] = field(default_factory=set)
    counted: dict[str, list[str]] = field(default_factory=dict)

    _written: dict[str, Node] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """The file's name, for messages."""
        return self.model.source.path.name

    def producer(self, name: str) -> Node | None:
        """The layer that writes a tensor, what only relabels or reshapes it left out."""
        for node in self.assembly.nodes[len(self._written) :]:
            self._written[node.outputs[0]] = node
        node = self._written.get(name)
        while node is not None and isinstance(node.op, ops.Transpose | ops.Reshape):
            node = self._written.get(node.inputs[0])
        return node


@dataclass(frozen=True)
class View:
    """An operator at its place: `name` is its layer's, `where` begins messages about it."""

    state: State
    operator: Operator
    name: str
    where: str


def require(view: View, fits: bool, message: str) -> None:
    """Raise ShapeError with `message` unless it `fits`."""
    if not fits:
        raise ShapeError(f"{view.where}: {message}")


def option(view: View, name: str, default: float = 0) -> float:
    """A number among the operator's options; the schema's default if the file leaves it out."""
    options = view.operator.options
    return default if options is None else getattr(options, name)()


def has(view: View, position: int) -> bool:
    """Whether the operator reads something at `position`."""
    inputs = view.operator.inputs
    return position < len(inputs) and inputs[position] >= 0


def tensor(view: View, position: int) -> Tensor:
    """The file's tensor that is read at `position`.

    Raises:
        ModelError: it is left out.
    """
    if not has(view, position):
        raise ModelError(
            f"{view.where}: its input {position} is missing: it has {len(view.operator.inputs)}"
        )
    return view.state.model.tensors[view.operator.inputs[position]]


def named(view: View, position: int) -> str:
    """The name of what is read at `position`."""
    return view.state.names.of(tensor(view, position))


def constant(view: View, position: int) -> Parameter | None:
    """The constant that is read at `position`; None if it is an activation."""
    found = tensor(view, position)
    state = view.state
    if found.index not in state.derived and found.length is not None:
        name = state.names.of(found)
        state.derived[found.index] = stored_parameter(state.model.source, name, found)
    return state.derived.get(found.index)


def float_constant(view: View, position: int) -> Parameter | None:
    """The same as floats, where it is quantized."""
    found = constant(view, position)
    form = quantization(tensor(view, position))
    return (
        found if found is None or form is None else dequantized(found, tensor(view, position), form)
    )


def settings(view: View, position: int) -> tuple[int, ...]:
    """The integers of a constant at `position`.

    Raises:
        ModelError: it is computed at run time, too large, or not of integers.
    """
    found = constant(view, position)
    if found is None:
        raise ModelError(
            f"{view.where}: its input {position} '{named(view, position)}' is computed at run "
            "time: only constants can set how a layer works"
        )
    return numbers(f"{view.where}: input {position}", found)


def quantization(item: Tensor) -> Quantization | None:
    """The quantization of an integer tensor; None for others."""
    is_integer = item.spec.encoding.meaning is Meaning.INTEGER and item.spec.encoding.bits <= 16
    return item.quantization if is_integer else None


def value(view: View, position: int) -> Value:
    """The activation that is read at `position`.

    Raises:
        ModelError: it is written by no operator before this one, or is a constant.
    """
    found = tensor(view, position)
    if found.index not in view.state.values:
        kind = "a constant" if constant(view, position) else "written by no operator before it"
        raise ModelError(f"{view.where}: its input {position} '{named(view, position)}' is {kind}")
    given = view.state.values[found.index]
    packed = found.spec.encoding == INT32 and not view.operator.custom
    if packed and view.state.assembly.spec(given.tensor).encoding == BIPOLAR:
        raise ModelError(
            f"{view.where}: its input {position} '{named(view, position)}' is packed bits, which "
            "only operators of Larq Compute Engine read"
        )
    return given


def encoding(view: View, position: int) -> Encoding:
    """How the activation at `position` is encoded, bits as such."""
    return view.state.assembly.spec(value(view, position).tensor).encoding


def shape(view: View, position: int) -> tuple[int, ...]:
    """The shape that is read at `position`, in the file's order of axes."""
    found = None if tensor(view, position).index in view.state.values else constant(view, position)
    return found.spec.shape if found else view.state.axes.shape(value(view, position))


def real(view: View, position: int) -> Value:
    """The activation at `position` as numbers to compute with: bits and quantized integers become
    floats, by a layer that is written once."""
    given, state, source = value(view, position), view.state, tensor(view, position)
    form = quantization(source)
    is_bits = state.assembly.spec(given.tensor).encoding == BIPOLAR
    if not is_bits and form is None:
        return given
    if source.index not in state.reals:
        name = state.names.free(f"{given.tensor}.float")
        parameters: dict[str, Parameter] = {}
        op: ops.Op = ops.Cast(FLOAT32)
        if form is not None and not is_bits:
            parameters = quantizer(source, form)
            op = ops.Dequantize(FLOAT32, quantized_axis(form, given, state))
        state.assembly.layer(op, given.tensor, name=name, parameters=parameters, layer=view.name)
        state.reals[source.index] = Value(name, given.channels_first)
    return state.reals[source.index]


def quantizer(source: Tensor, form: Quantization) -> dict[str, Parameter]:
    """The parameters of a layer that quantizes, or the reverse."""
    held = {"scale": scales(source, form), "zero_point": zero_points(source, form)}
    return {role: item for role, item in held.items() if item is not None}


def quantized_axis(form: Quantization, given: Value, state: State) -> int:
    """The axis of the scales, in the order in which the tensor is held."""
    rank = len(state.assembly.shape(given.tensor))
    if len(form.scales) == 1:
        return 1
    return first_axis(form.axis, rank) if given.channels_first else form.axis


def axis_in(given: Value, axis: int, rank: int, view: View) -> int:
    """An axis of the file where it lies in `given`.

    Raises:
        ShapeError: there is no such axis.
    """
    require(view, -rank <= axis < rank, f"axis {axis} is out of range for {rank} dimensions")
    return first_axis(axis, rank) if given.channels_first else axis % rank


def spread(parameter: Parameter, rank: int, channels_first: bool) -> Parameter:
    """A constant operand of a broadcast, its axes in the order of a tensor of `rank` axes."""
    given = parameter.spec.shape
    if not channels_first or not given:
        return parameter
    full = (1,) * (rank - len(given)) + given
    order = to_first(rank)
    turned = tuple(full[axis] for axis in order)
    return reordered(parameter, turned, partial(_turned, full=full, order=order))


def _turned(values: np.ndarray, full: tuple[int, ...], order: tuple[int, ...]) -> np.ndarray:
    return values.reshape(full).transpose(order)


def emit(
    view: View,
    op: ops.Op,
    *inputs: str,
    suffix: str = "",
    parameters: Mapping[str, Parameter] | None = None,
    scheme: Scheme | None = None,
    roles: tuple[str, ...] = (),
    results: int = 1,
) -> str:
    """Write a layer; the tensor it writes. Those after the operator's first have a `suffix`."""
    assembly = view.state.assembly
    name = view.state.names.free(f"{view.name}.{suffix}") if suffix else view.name
    if name in assembly.tensors:
        name = view.state.names.free(f"{view.name}.{ops.kind(op)}")
    layer = "" if name == view.name else view.name
    return assembly.layer(
        op,
        *inputs,
        name=name,
        parameters=parameters,
        scheme=scheme,
        roles=roles,
        layer=layer,
        results=results,
    )


def write(view: View, result: str, channels_first: bool, position: int = 0) -> None:
    """Say that `result` is what the operator writes at `position`.

    Raises:
        ModelError: the operator has no such output, or it is written already.
        ShapeError: the file states another shape.
    """
    state, outputs = view.state, view.operator.outputs
    if position >= len(outputs):
        raise ModelError(f"{view.where}: its output {position} is missing: it has {len(outputs)}")
    target = state.model.tensors[outputs[position]]
    if target.index in state.values or target.length is not None:
        what = "written twice" if target.index in state.values else "a constant"
        raise ModelError(f"{view.where}: its output '{state.names.of(target)}' is {what}")
    rank = len(state.assembly.shape(result))
    require(view, rank <= MOST_AXES, f"it writes {rank} axes (at most {MOST_AXES})")
    held = Value(result, channels_first)
    state.values[target.index] = held
    _check_stated(view, held, target)


def stated_shape(state: State, target: Tensor) -> tuple[int, ...] | None:
    """The shape of a tensor as the file states it, with the batch that is used; None if unknown."""
    stated = target.spec.shape
    if state.batches is None or not stated:
        return None
    old, new = state.batches
    return stated if old == new else (stated[0] * new // old, *stated[1:])


def _check_stated(view: View, held: Value, target: Tensor) -> None:
    """The shape is the file's, packed where it packs bits."""
    state, stated = view.state, stated_shape(view.state, target)
    if stated is None or state.batches is None:
        return
    found = state.axes.shape(held)
    packed = (*found[:-1], -(-found[-1] // 32)) if found else found
    is_bits = state.assembly.spec(held.tensor).encoding == BIPOLAR
    if stated == found or (is_bits and stated == packed):
        return
    old, new = state.batches
    text = f"it writes {list(found)}, where the file states {list(target.spec.shape)} for "
    if old != new:
        text = f"it mixes the batch, {old} in the file and {new} here, with other axes: {text}"
    raise ShapeError(f"{view.where}: {text}'{state.names.of(target)}'")
