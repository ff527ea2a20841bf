"""The rule of each operator, by its name."""

from __future__ import annotations

from xnorsim.importers.tflite import (
    activations,
    elements,
    lce,
    movement,
    products,
    reductions,
    windows,
)
from xnorsim.importers.tflite.view import Rule

__all__ = ["CONTROL", "CUSTOM_RULES", "RULES"]

RULES: dict[str, Rule] = {
    **activations.RULES,
    **elements.RULES,
    **movement.RULES,
    **products.RULES,
    **reductions.RULES,
    **windows.RULES,
}
"""Builtin operators."""

CUSTOM_RULES: dict[str, Rule] = lce.RULES
"""Custom operators."""

CONTROL = frozenset({"CALL", "CALL_ONCE", "IF", "WHILE", "STABLEHLO_WHILE"})
"""Operators that run other subgraphs of the file, as is decided at run time."""
