"""What one layer is run on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from xnorsim.errors import ModelError
from xnorsim.network.graph import TensorSpec
from xnorsim.network.precision import FP32, Scheme

if TYPE_CHECKING:
    from xnorsim.exact.engines import Engine

__all__ = ["Call", "once", "operands", "optional"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """Arrays by position and by role, and what is to come out.

    `inputs` are the activations that their position tells, `parameters` all else by role, constant
    or not. `outputs` are the specs of the results that are wanted (a layer may have more).
    `memo` keeps what follows from the parameters alone, for the next run of the same layer.
    `overwrite` says that nobody else needs the first input: its memory may take the result. `tile`
    is the most [byte] that the columns of a convolution may take at once.
    """

    inputs: tuple[np.ndarray, ...]
    outputs: tuple[TensorSpec, ...]
    engine: Engine
    parameters: Mapping[str, np.ndarray] = field(default_factory=dict)
    scheme: Scheme = FP32
    memo: dict[str, Any] = field(default_factory=dict)
    overwrite: bool = False
    tile: int = 2**20


def operands(call: Call, *roles: str) -> tuple[np.ndarray, ...]:
    """The arrays of `roles`: a role that is not among the parameters is the next input.

    A constant where a layer usually reads an activation is the parameter "operand_<position>".

    Raises:
        ModelError: there are fewer inputs than that.
    """
    rest = iter(call.inputs)
    found = []
    for position, role in enumerate(roles):
        value = call.parameters.get(role, call.parameters.get(f"operand_{position}"))
        value = next(rest, None) if value is None else value
        if value is None:
            raise ModelError(f"its {role} is missing")
        found.append(value)
    return tuple(found)


def optional(call: Call, role: str) -> np.ndarray | None:
    """The array of a role that may be left out."""
    return call.parameters.get(role)


def once(call: Call, name: str, make: Callable[[], T]) -> T:
    """What `make` makes of the layer's parameters, made only once for a layer."""
    if name not in call.memo:
        call.memo[name] = make()
    return call.memo[name]
