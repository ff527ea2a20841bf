"""What a layer reads, found by role and checked to fit: the plumbing under shapes.py.

Every check raises ShapeError with both values that do not fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xnorsim.errors import ShapeError, choices
from xnorsim.network import ops
from xnorsim.network.extents import Shape, axis_index, broadcast
from xnorsim.network.graph import TensorSpec

__all__ = [
    "RECURRENT_GATES",
    "check_groups",
    "check_recurrent",
    "check_statistics",
    "check_stretches",
    "check_thresholds",
    "check_vectors",
    "check_weight",
    "operands",
    "require",
]

RECURRENT_GATES = {"lstm": 4, "gru": 3, "rnn": 1}
"""Blocks of `hidden` rows in a recurrent weight. Source: ONNX, LSTM, GRU and RNN."""


def require(fits: bool, message: str) -> None:
    """Raise ShapeError with `message` unless it `fits`."""
    if not fits:
        raise ShapeError(message)


def operands(
    inputs: Sequence[TensorSpec], parameters: Mapping[str, TensorSpec], *roles: str
) -> tuple[TensorSpec, ...]:
    """The specs of `roles`: a parameter where there is one of that name, else the next input.

    A constant where a layer usually reads an activation is the parameter "operand_<position>".

    Raises:
        ShapeError: a role is left without an operand.
    """
    rest = iter(inputs)
    found = []
    for position, role in enumerate(roles):
        constant = parameters.get(role) or parameters.get(f"operand_{position}")
        spec = constant or next(rest, None)
        if spec is None:
            held = ", ".join(parameters) or "none"
            raise ShapeError(f"no {role}: there are {len(inputs)} inputs, and parameters: {held}")
        found.append(spec)
    return tuple(found)


def check_groups(groups: int, in_channels: int, out_channels: int) -> None:
    """Groups have to divide the channels on both sides."""
    require(groups >= 1, f"groups must be at least 1, not {groups}")
    for side, channels in (("input", in_channels), ("output", out_channels)):
        require(
            channels % groups == 0, f"groups {groups} does not divide {channels} {side} channels"
        )


def check_weight(role: str, weight: TensorSpec, expected: Shape, image: TensorSpec) -> None:
    """A weight has exactly the shape that the layer and its input ask for."""
    require(
        weight.shape == expected,
        f"{role} {list(weight.shape)} does not fit input {list(image.shape)}: "
        f"expected {list(expected)}",
    )


def check_vectors(parameters: Mapping[str, TensorSpec], size: int, *roles: str) -> None:
    """A number a channel, for those of `roles` that the layer has."""
    for role in roles:
        if role in parameters and parameters[role].shape != (size,):
            shape = list(parameters[role].shape)
            raise ShapeError(f"{role} {shape} does not fit {size} channels")


def check_stretches(role: str, spec: TensorSpec, shape: Shape) -> None:
    """A parameter broadcasts to the result, and does not enlarge it."""
    if broadcast(spec.shape, shape) != shape:
        raise ShapeError(f"{role} {list(spec.shape)} does not broadcast to {list(shape)}")


def check_thresholds(data: TensorSpec, parameters: Mapping[str, TensorSpec]) -> None:
    """A row of thresholds for each channel, or one for all."""
    (levels,) = operands((), parameters, "thresholds")
    channels = data.shape[1] if len(data.shape) > 1 else 1
    require(
        len(levels.shape) == 2 and levels.shape[0] in (1, channels),
        f"thresholds {list(levels.shape)} are not (1 or {channels}, levels)",
    )


def check_statistics(
    op: ops.Normalize, data: TensorSpec, parameters: Mapping[str, TensorSpec]
) -> None:
    """Scale and shift of a normalization: one a channel, or over the axes that are normalized.

    Before opset 21 a group normalization had one a group. Source: ONNX, GroupNormalization-18
    and -21, InstanceNormalization-22, LayerNormalization-17.
    """
    for axis in op.axes:
        axis_index(axis, len(data.shape))
    for role in ("scale", "shift"):
        if role not in parameters:
            continue
        if op.form not in ("instance", "group"):
            check_stretches(role, parameters[role], data.shape)
            continue
        require(len(data.shape) > 1, f"input {list(data.shape)} has no axis of channels")
        if op.form == "instance" or parameters[role].shape != (op.groups,):
            check_vectors(parameters, data.shape[1], role)


def check_recurrent(
    op: ops.Recurrent,
    data: TensorSpec,
    weight: TensorSpec,
    recurrence: TensorSpec,
    parameters: Mapping[str, TensorSpec],
) -> None:
    """The matrices of all gates, and the vectors that go with them.

    The bias holds that of the input and that of the state; the peepholes are those of the input,
    output and forget gates. Source: ONNX, LSTM-22, GRU-22, RNN-22.
    """
    if op.cell not in RECURRENT_GATES:
        raise ShapeError(f"no cell '{op.cell}': {choices(op.cell, RECURRENT_GATES)}")
    require(len(data.shape) == 3, f"input {list(data.shape)} is not (time, batch, features)")
    rows = RECURRENT_GATES[op.cell] * op.hidden
    check_weight("weight", weight, (op.directions, rows, data.shape[2]), data)
    check_weight("recurrence", recurrence, (op.directions, rows, op.hidden), data)
    batch = data.shape[0 if op.batch_first else 1]
    state = (op.directions, batch, op.hidden)
    if op.batch_first:
        state = (batch, op.directions, op.hidden)
    for role, expected in (
        ("bias", (op.directions, 2 * rows)),
        ("peephole", (op.directions, 3 * op.hidden)),
        ("lengths", (batch,)),
        ("initial_state", state),
        ("initial_cell", state),
    ):
        if role in parameters:
            check_weight(role, parameters[role], expected, data)
