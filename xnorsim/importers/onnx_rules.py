"""The operator table: (domain, operator) -> Rule. A further domain is a further table here."""

from __future__ import annotations

from xnorsim.importers import onnx_functions, onnx_movement, onnx_products, onnx_windows
from xnorsim.importers.onnx_view import Rule

__all__ = ["CONTROL", "KNOWN", "RULES"]

RULES: dict[tuple[str, str], Rule] = {
    **onnx_windows.RULES,
    **onnx_products.RULES,
    **onnx_functions.RULES,
    **onnx_movement.RULES,
}

CONTROL = frozenset({("", "If"), ("", "Loop"), ("", "Scan")})
"""Operators that hold graphs: their branches are taken over, or else they are an error."""

KNOWN = frozenset({("", "Shape"), ("", "Size")})
"""Operators whose result is known as soon as shapes are, whatever the values."""
