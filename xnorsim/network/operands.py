"""What a layer reads, found by role and checked to fit: the plumbing under shapes.py.

Every check raises ShapeError with both values that do not fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xnorsim.errors import ShapeError
from xnorsim.network.extents import Shape, broadcast
from xnorsim.network.graph import TensorSpec

__all__ = [
    "check_groups",
    "check_stretches",
    "check_vectors",
    "check_weight",
    "operands",
    "require",
]


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
