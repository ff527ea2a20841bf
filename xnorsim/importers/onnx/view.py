"""What a rule of an ONNX operator sees, and what it answers.

A rule is a small function of a `NodeView`: it returns the op that the node is, or the `Layer`s
that the node becomes where it is several. The table row beside it (`Rule`) names the roles of the
node's inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xnorsim.errors import ModelError, ShapeError
from xnorsim.network.graph import Parameter, TensorSpec
from xnorsim.network.ops import Op
from xnorsim.network.precision import Encoding, Scheme

__all__ = [
    "DATA",
    "SETTING",
    "Coded",
    "Layer",
    "NodeView",
    "Rule",
    "axis_of",
    "has_input",
    "input_spec",
    "integers",
    "is_constant",
    "output_spec",
    "require",
    "scalar",
    "setting",
    "split_inputs",
]

DATA = ""
"""The role of an activation. Where it is constant after all, it becomes "operand_<position>"."""

SETTING = "setting"
"""The role of an input that is no operand: its values become numbers of the op."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node of the file with all that is known about it.

    `specs` has every tensor it reads or writes; `attributes` is filled up with the operator's
    defaults; `value` gives a small constant's values, None for all else.
    """

    where: str
    name: str
    operator: str
    version: int
    attributes: Mapping[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    specs: Mapping[str, TensorSpec]
    constants: Mapping[str, Parameter]
    value: Callable[[str], np.ndarray | None]
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer out of a file's node; `new` has the specs of tensors that the file does not name.

    `inputs` names activations and constants in order; `roles` names their roles as in a Rule.
    """

    op: Op
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    roles: tuple[str, ...] = ()
    suffix: str = ""
    new: Mapping[str, TensorSpec] = field(default_factory=dict)
    constants: Mapping[str, Parameter] = field(default_factory=dict)
    scheme: Scheme | None = None


@dataclass(frozen=True, slots=True)
class Coded:
    """What an operator makes of a constant: numbers of `encoding` times scales.

    `magnitude` is the one scale of +-1, None where there are several.
    """

    parameter: Parameter
    encoding: Encoding
    magnitude: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the operator table.

    `build` answers what the node is; `roles` are those of its inputs, the last one for all that
    follow; `check` finds faults that onnx's inference passes over, before it runs. Operators that
    onnx does not define state the `specs` of their outputs here, and what they make of constants:
    `constant`.
    """

    build: Callable[[NodeView], Op | Sequence[Layer]]
    roles: tuple[str, ...] = (DATA,)
    check: Callable[[NodeView], None] | None = None
    specs: Callable[[NodeView], Mapping[str, TensorSpec]] | None = None
    constant: Callable[[NodeView], Coded] | None = None


def require(view: NodeView, holds: bool, text: str) -> None:
    """Raise a ShapeError that names file and node, unless it holds."""
    if not holds:
        raise ShapeError(f"{view.where}: {text}")


def has_input(view: NodeView, position: int) -> bool:
    """Whether the optional input at `position` is given."""
    return position < len(view.inputs) and view.inputs[position] != ""


def is_constant(view: NodeView, position: int) -> bool:
    """Whether the input at `position` is known before the network runs."""
    return has_input(view, position) and view.inputs[position] in view.constants


def input_spec(view: NodeView, position: int) -> TensorSpec:
    """Shape and encoding of an input that must be there."""
    if not has_input(view, position):
        raise ModelError(f"{view.where}: its input {position} is missing")
    return view.specs[view.inputs[position]]


def output_spec(view: NodeView, position: int = 0) -> TensorSpec:
    """Shape and encoding of an output."""
    if position >= len(view.outputs) or view.outputs[position] not in view.specs:
        raise ModelError(f"{view.where}: its output {position} is missing")
    return view.specs[view.outputs[position]]


def setting(view: NodeView, name: str, position: int) -> np.ndarray | None:
    """What older opsets write as attribute `name` and newer ones as the input at `position`.

    Raises:
        ShapeError: the input is only known at run time.
    """
    if not has_input(view, position):
        given = view.attributes.get(name)
        return None if given is None else np.asarray(given)
    value = view.value(view.inputs[position])
    if value is None:
        raise ShapeError(
            f"{view.where}: its {name} ('{view.inputs[position]}') is known only at run time, so "
            "its work cannot be counted"
        )
    return value


def integers(view: NodeView, name: str, position: int = 10**6) -> tuple[int, ...] | None:
    """A `setting` of integers; None where it is left out."""
    value = setting(view, name, position)
    return None if value is None else tuple(int(item) for item in value.reshape(-1))


def scalar(view: NodeView, name: str, position: int = 10**6) -> float | None:
    """A `setting` of one number; None where it is left out."""
    value = setting(view, name, position)
    if value is None or value.size == 0:
        return None
    require(view, value.size == 1, f"its {name} has {value.size} elements instead of one")
    return float(value.reshape(-1)[0])


def axis_of(view: NodeView, axis: int, rank: int) -> int:
    """`axis` counted from the front.

    Raises:
        ShapeError: out of range.
    """
    require(view, -rank <= axis < rank, f"axis {axis} is out of range for {rank} dimensions")
    return axis % rank


_IN_ORDER = {DATA, "condition", "indices", "left", "recurrence", "right", "table", "weight"}
"""Roles that a layer never lacks, so that the order of its activations tells them."""


def split_inputs(
    inputs: Sequence[str], roles: Sequence[str], constants: Mapping[str, Parameter]
) -> tuple[tuple[str, ...], dict[str, str], tuple[str, ...]]:
    """The activations among `inputs`, the parameters by role, and the roles of the activations.

    Constant settings are dropped. The last is as in a Node: "" for what the position tells.
    """
    activations: list[str] = []
    named: list[str] = []
    parameters: dict[str, str] = {}
    for position, name in enumerate(inputs):
        role = roles[min(position, len(roles) - 1)] if roles else DATA
        if name == "":
            continue
        if name not in constants:
            activations.append(name)
            named.append("" if role in _IN_ORDER else role)
        elif role != SETTING:
            role = role if role not in ("", *parameters) else f"operand_{position}"
            parameters[role] = name
    return tuple(activations), parameters, tuple(named) if any(named) else ()
