"""What operators of QONNX are told by their constants and attributes, checked.

onnx has no schema for them, so that nothing is known to be there, or to be of the right type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from xnorsim.errors import ModelError, ShapeError, choices
from xnorsim.importers.onnx.view import NodeView, has_input
from xnorsim.network.extents import broadcast
from xnorsim.network.graph import TensorSpec

__all__ = [
    "ROUNDINGS",
    "attribute",
    "bit_width",
    "check_inputs",
    "constant",
    "not_zero",
    "positive",
    "rounding_of",
    "same_shape",
]

_WORDS = {int: "an integer", float: "a number", str: "a text", tuple: "a list of integers"}

ROUNDINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "round": np.rint,
    "ceil": np.ceil,
    "floor": np.floor,
    "up": lambda x: np.copysign(np.ceil(np.abs(x)), x),
    "down": np.trunc,
    "half_up": lambda x: np.copysign(np.floor(np.abs(x) + np.float32(0.5)), x),
    "half_down": lambda x: np.copysign(np.ceil(np.abs(x) - np.float32(0.5)), x),
}
"""What a rounding mode does to numbers, by the word that ops.Quantize has for it."""

_MODES = {name.upper(): name for name in ROUNDINGS} | {"HALF_EVEN": "round"}


def attribute(view: NodeView, name: str, kind: type, default: Any = None) -> Any:
    """The attribute `name`; `default` where it is left out, None if it may not be.

    Raises:
        ModelError: it is missing, or of another type.
    """
    if name not in view.attributes:
        if default is None:
            given = ", ".join(view.attributes) or "none"
            raise ModelError(f"{view.where}: no attribute '{name}' (attributes: {given})")
        return default
    value = view.attributes[name]
    if kind is tuple and isinstance(value, list) and all(isinstance(item, int) for item in value):
        return tuple(value)
    if kind is float and isinstance(value, int):
        return float(value)
    if kind is tuple or not isinstance(value, kind):
        raise ModelError(f"{view.where}: attribute '{name}' is {value!r}, not {_WORDS[kind]}")
    return value


def check_inputs(view: NodeView, *names: str) -> None:
    """The node has exactly these inputs.

    Raises:
        ModelError: it has others.
    """
    if len(view.inputs) != len(names) or "" in view.inputs:
        given = ", ".join(f"'{name}'" for name in view.inputs) or "none"
        raise ModelError(f"{view.where}: its inputs are {given}; it takes {', '.join(names)}")


def constant(view: NodeView, position: int) -> np.ndarray:
    """The values of an input that must be constant: scales, zero points, thresholds.

    Raises:
        ModelError: it is known only at run time, its values are not in the file or not finite.
    """
    name = view.inputs[position]
    held = view.constants.get(name)
    if held is None or held.load is None:
        raise ModelError(f"{view.where}: its input '{name}' is known only at run time")
    found = view.value(name)
    values = held.load() if found is None else found
    if values.dtype.kind not in "fiub" or not np.all(np.isfinite(values)):
        raise ModelError(f"{view.where}: its input '{name}' has values that are no finite numbers")
    return np.asarray(values)


def not_zero(view: NodeView, position: int, word: str) -> np.ndarray:
    """A constant that is nowhere 0: the scale of +-1.

    Raises:
        ModelError: it is.
    """
    values = constant(view, position)
    if not values.size or np.any(values == 0):
        shown = "is 0" if values.size else "is empty"
        raise ModelError(
            f"{view.where}: its {word} '{view.inputs[position]}' {shown}, which leaves no sign"
        )
    return values.astype(np.float32, copy=False)


def positive(view: NodeView, position: int, word: str) -> np.ndarray:
    """A constant that is above 0 throughout: a scale.

    Raises:
        ModelError: it is not.
    """
    values = constant(view, position)
    wrong = values[~(values > 0)]
    if wrong.size or not values.size:
        shown = f"is {wrong[0]}" if wrong.size else "is empty"
        raise ModelError(f"{view.where}: its {word} '{view.inputs[position]}' {shown}; above 0")
    return values.astype(np.float32, copy=False)


def bit_width(view: NodeView, position: int, least: int, most: int) -> int:
    """A constant number of bits.

    Raises:
        ModelError: not one integer from `least` to `most`.
    """
    values = constant(view, position)
    text = f"{view.where}: its bit width '{view.inputs[position]}' "
    if values.size != 1:
        raise ModelError(f"{text}has {values.size} elements instead of one")
    bits = float(values.reshape(-1)[0])
    if bits != int(bits) or not least <= bits <= most:
        raise ModelError(f"{text}is {bits:g}; it is an integer from {least} to {most}")
    return int(bits)


def rounding_of(view: NodeView, default: str) -> str:
    """The word that ops.Quantize has for the rounding mode.

    Raises:
        ModelError: there is no such mode.
    """
    mode = attribute(view, "rounding_mode", str, default)
    if mode.upper() not in _MODES:
        raise ModelError(
            f"{view.where}: no rounding_mode '{mode}': {choices(mode.upper(), _MODES)}"
        )
    return _MODES[mode.upper()]


def same_shape(view: NodeView) -> Mapping[str, TensorSpec]:
    """The output is as the first input, which all others broadcast to.

    Raises:
        ShapeError: one does not.
    """
    spec = view.specs[view.inputs[0]]
    for position in range(1, len(view.inputs)):
        if not has_input(view, position):
            continue
        name = view.inputs[position]
        shape = view.specs[name].shape
        try:
            fits = broadcast(spec.shape, shape) in (spec.shape, spec.shape or (1,))
        except ShapeError:
            fits = False
        if not fits:
            raise ShapeError(
                f"{view.where}: its input '{name}' {list(shape)} does not broadcast to "
                f"'{view.inputs[0]}' {list(spec.shape)}"
            )
    return {view.outputs[0]: spec}
