"""Constraints over fields: checked once, units and all, and applied to arrays of points.

A number is a quantity in base units, with bytes and bits apart; + - % and comparisons take what is
measured alike, and where a unit is a count (bits, cycles, operations or vectors a cycle) a plain
number too. A word is compared for being the same. Nothing is executed but numpy's arithmetic.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from xnorsim.errors import choices
from xnorsim.explore import grammar
from xnorsim.explore.grammar import ConstraintError, Node, parse
from xnorsim.units import QuantityError, base_units, parse_quantity

__all__ = ["COUNTS", "Constraint", "FieldType", "Reason", "Units", "constraint", "holds", "names"]

Units = tuple[tuple[str, int], ...]
"""Base units with their powers, as units.base_units gives them; () of a plain number."""


class Reason(str):
    """Why a constraint may not speak of a field."""


FieldType = Units | Literal["word"] | Reason
"""What a field holds: a quantity in its units, or a word; or why nothing is known of it."""

_Type = Units | Literal["word", "truth"]
_Faults = list[tuple[int, str]]

COUNTS = frozenset(base_units(unit) for unit in ("bit", "cycle", "op/cycle", "vector/cycle"))
"""Units in which a plain number is understood."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A condition on a point, as text and as its tree."""

    text: str
    tree: Node


def constraint(
    text: str, types: Mapping[str, FieldType]
) -> tuple[Constraint | None, list[tuple[int, str]]]:
    """The constraint of a text over fields of the types given; or every fault with its column.

    A text that is not of the grammar has one fault, since nothing is known behind it.
    """
    try:
        tree = parse(text)
    except ConstraintError as fault:
        return None, [(fault.column, fault.message)]
    faults: _Faults = []
    found = _type(tree, types, faults)
    if found is not None and found != "truth":
        faults.append((1, f"is {_named(found)}, and no condition that holds or not"))
    return (None if faults else Constraint(text, tree)), sorted(faults)


def _named(kind: _Type) -> str:
    if kind == "truth":
        return "a condition"
    if kind == "word":
        return "a word"
    if not kind:
        return "a plain number"
    over = [name if power == 1 else f"{name}^{power}" for name, power in kind if power > 0]
    under = [name if power == -1 else f"{name}^{-power}" for name, power in kind if power < 0]
    return "in " + "/".join(["*".join(over) or "1", *under])


@functools.singledispatch
def _type(node: Any, types: Mapping[str, FieldType], faults: _Faults) -> _Type | None:
    """What a node is; None when a fault is told already."""
    raise TypeError(f"constraints do not know {type(node).__name__}")


@_type.register
def _(node: grammar.Number, types: Mapping[str, FieldType], faults: _Faults) -> _Type | None:
    try:
        _number(node.text, node.unit)
    except QuantityError as fault:
        faults.append((node.column, str(fault)))
        return None
    return base_units(node.unit)


@_type.register
def _(node: grammar.Word, types: Mapping[str, FieldType], faults: _Faults) -> _Type | None:
    return "word"


@_type.register
def _(node: grammar.Name, types: Mapping[str, FieldType], faults: _Faults) -> _Type | None:
    found = types.get(node.path)
    if found is None:
        faults.append((node.column, f"no field '{node.path}': {choices(node.path, types)}"))
    if isinstance(found, Reason):
        faults.append((node.column, str(found)))
        return None
    return found


@_type.register
def _(node: grammar.Negative, types: Mapping[str, FieldType], faults: _Faults) -> _Type | None:
    return _quantity(node.operand, types, faults)


@_type.register
def _(node: grammar.Arithmetic, types: Mapping[str, FieldType], faults: _Faults) -> _Type | None:
    left = _quantity(node.left, types, faults)
    right = _quantity(node.right, types, faults)
    if left is None or right is None:
        return None
    if node.sign in ("+", "-", "%"):
        return _alike(left, right, node.column, faults)
    powers = dict(left)
    for name, power in right:
        powers[name] = powers.get(name, 0) + (power if node.sign == "*" else -power)
    return tuple(sorted((name, power) for name, power in powers.items() if power))


@_type.register
def _(node: grammar.Extremum, types: Mapping[str, FieldType], faults: _Faults) -> _Type | None:
    found = [_quantity(item, types, faults) for item in node.items]
    if None in found:
        return None
    return functools.reduce(lambda a, b: _alike(a, b, node.column, faults), found)


@_type.register
def _(node: grammar.Comparison, types: Mapping[str, FieldType], faults: _Faults) -> _Type | None:
    found: list[Any] = [_type(item, types, faults) for item in node.items]
    for sign, left, right in zip(node.signs, found, found[1:], strict=False):
        if left is None or right is None:
            continue
        if "truth" in (left, right):
            faults.append((node.column, "compares a condition: join conditions by and, or, not"))
        elif "word" not in (left, right):
            _alike(left, right, node.column, faults)
        elif left != right:
            faults.append((node.column, f"one side is {_named(left)}, the other {_named(right)}"))
        elif sign not in ("==", "!="):
            faults.append((node.column, f"words are the same or not: == or != (got {sign})"))
    return "truth"


@_type.register
def _(node: grammar.Joint, types: Mapping[str, FieldType], faults: _Faults) -> _Type | None:
    for item in node.items:
        _condition(item, types, faults)
    return "truth"


@_type.register
def _(node: grammar.Not, types: Mapping[str, FieldType], faults: _Faults) -> _Type | None:
    _condition(node.operand, types, faults)
    return "truth"


def _condition(node: Node, types: Mapping[str, FieldType], faults: _Faults) -> None:
    found = _type(node, types, faults)
    if found is not None and found != "truth":
        faults.append((node.column, f"is {_named(found)}, and no condition: compare it"))


def _quantity(node: Node, types: Mapping[str, FieldType], faults: _Faults) -> Units | None:
    found = _type(node, types, faults)
    if found == "truth" or found == "word":
        faults.append((node.column, f"is {_named(found)}, and no number"))
        return None
    return found


def _alike(left: Any, right: Any, column: int, faults: _Faults) -> Units | None:
    """The units of two numbers that are added or compared."""
    if left is None or right is None or left == right:
        return left
    if {left, right} & COUNTS and () in (left, right):
        return left or right
    faults.append((column, f"one side is {_named(left)}, the other {_named(right)}"))
    return None


def names(node: Node) -> frozenset[str]:
    """The fields that a tree speaks of."""
    return frozenset(_names(node))


def _names(node: Node) -> Iterator[str]:
    if isinstance(node, grammar.Name):
        yield node.path
    for key in node.__slots__:
        below = getattr(node, key)
        for item in below if isinstance(below, tuple) else (below,):
            if isinstance(item, Node):
                yield from _names(item)


def holds(condition: Constraint, values: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    """Whether a constraint holds, point by point.

    values: for each field of the constraint an array, of numbers in base units or of words; they
    broadcast. A comparison with what is no number (0 / 0) does not hold.
    """
    with np.errstate(all="ignore"):
        return np.asarray(_value(condition.tree, values))


@functools.singledispatch
def _value(node: Any, values: Mapping[str, NDArray[Any]]) -> Any:
    raise TypeError(f"constraints do not know {type(node).__name__}")


@_value.register
def _(node: grammar.Number, values: Mapping[str, NDArray[Any]]) -> Any:
    return _number(node.text, node.unit)


@functools.lru_cache(maxsize=1024)
def _number(text: str, unit: str) -> np.float64:
    base = " * ".join(f"{name}**{power}" for name, power in base_units(unit))
    return np.float64(parse_quantity(f"{text} {unit}".strip(), base))


@_value.register
def _(node: grammar.Word, values: Mapping[str, NDArray[Any]]) -> Any:
    return node.text


@_value.register
def _(node: grammar.Name, values: Mapping[str, NDArray[Any]]) -> Any:
    return values[node.path]


@_value.register
def _(node: grammar.Negative, values: Mapping[str, NDArray[Any]]) -> Any:
    return -_value(node.operand, values)


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "//": np.floor_divide,
    "%": np.remainder,
}
_COMPARED: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


@_value.register
def _(node: grammar.Arithmetic, values: Mapping[str, NDArray[Any]]) -> Any:
    return _ARITHMETIC[node.sign](_value(node.left, values), _value(node.right, values))


@_value.register
def _(node: grammar.Extremum, values: Mapping[str, NDArray[Any]]) -> Any:
    choose = np.minimum if node.name == "min" else np.maximum
    return functools.reduce(choose, [_value(item, values) for item in node.items])


@_value.register
def _(node: grammar.Comparison, values: Mapping[str, NDArray[Any]]) -> Any:
    found = [_value(item, values) for item in node.items]
    pairs = zip(node.signs, found, found[1:], strict=False)
    return functools.reduce(np.logical_and, [_COMPARED[sign](a, b) for sign, a, b in pairs])


@_value.register
def _(node: grammar.Joint, values: Mapping[str, NDArray[Any]]) -> Any:
    join = np.logical_and if node.word == "and" else np.logical_or
    return functools.reduce(join, [_value(item, values) for item in node.items])


@_value.register
def _(node: grammar.Not, values: Mapping[str, NDArray[Any]]) -> Any:
    return np.logical_not(_value(node.operand, values))
