"""The operator table: (domain, operator) -> Rule. A further domain is a further table here."""

from __future__ import annotations

from xnorsim.importers.onnx import functions, movement, products, recurrent, resize, windows
from xnorsim.importers.onnx.view import Rule

__all__ = ["CONTROL", "KNOWN", "RULES"]

RULES: dict[tuple[str, str], Rule] = {
    **windows.RULES,
    **products.RULES,
    **recurrent.RULES,
    **functions.RULES,
    **movement.RULES,
    **resize.RULES,
}

CONTROL = frozenset({("", "If"), ("", "Loop"), ("", "Scan")})
"""Operators that hold graphs: their branches are taken over, or else they are an error."""

KNOWN = frozenset({("", "Shape"), ("", "Size")})
"""Operators whose result is known as soon as shapes are, whatever the values."""
