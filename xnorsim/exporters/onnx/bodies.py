"""What the bodies of local functions are written with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from onnx import AttributeProto, NodeProto, helper

__all__ = [
    "FLOAT",
    "INT",
    "INTS",
    "TENSOR",
    "Attributes",
    "Row",
    "fixed",
    "ints",
    "node",
    "number",
    "same",
]

Attributes = Mapping[str, int]
"""The attributes of a function, and their types."""

INT, INTS = AttributeProto.INT, AttributeProto.INTS
FLOAT, TENSOR = AttributeProto.FLOAT, AttributeProto.TENSOR


def node(
    kind: str,
    inputs: Sequence[str],
    output: str,
    refers: Mapping[str, tuple[str, int]] | None = None,
    **fixed: Any,
) -> NodeProto:
    """A node of a body; `refers` maps its attributes to those of the call."""
    made = helper.make_node(kind, list(inputs), [output], **fixed)
    for name, (source, kind_of) in sorted((refers or {}).items()):
        made.attribute.append(AttributeProto(name=name, ref_attr_name=source))
        made.attribute[-1].type = kind_of  # pyright: ignore[reportAttributeAccessIssue]
    return made


def ints(attribute: str) -> NodeProto:
    """A vector that is an attribute of the call, as the tensor of the same name."""
    return node("Constant", [], attribute, {"value_ints": (attribute, INTS)})


def number(attribute: str) -> NodeProto:
    """A number that is an attribute of the call, as the tensor of the same name."""
    return node("Constant", [], attribute, {"value_float": (attribute, FLOAT)})


def fixed(name: str, values: Sequence[int]) -> NodeProto:
    """A vector that is the same in every call."""
    return node("Constant", [], name, value_ints=list(values))


def same(*names: str, kind: int = INTS) -> dict[str, tuple[str, int]]:
    """Attributes of a node that are those of the call."""
    return {name: (name, kind) for name in names}


Row = tuple[tuple[str, ...], Attributes, list[NodeProto]]
"""Inputs, attributes and body of a function."""
