"""The operator table: (domain, operator) -> Rule. A further domain is a further table here."""

from __future__ import annotations

from xnorsim.importers.onnx import (
    finn,
    functions,
    movement,
    own,
    products,
    qonnx,
    recurrent,
    resize,
    windows,
)
from xnorsim.importers.onnx.view import Rule

__all__ = ["CONTROL", "KNOWN", "RULES"]

QONNX: dict[str, Rule] = {**qonnx.QUANTIZERS, **finn.OPERATORS}
"""The operators of QONNX, the same in all of its domains."""

RULES: dict[tuple[str, str], Rule] = {
    **windows.RULES,
    **products.RULES,
    **recurrent.RULES,
    **functions.RULES,
    **movement.RULES,
    **resize.RULES,
    **own.RULES,
    **{(domain, name): rule for domain in qonnx.DOMAINS for name, rule in QONNX.items()},
}

CONTROL = frozenset({("", "If"), ("", "Loop"), ("", "Scan")})
"""Operators that hold graphs: their branches are taken over, or else they are an error."""

KNOWN = frozenset({("", "Shape"), ("", "Size")})
"""Operators whose result is known as soon as shapes are, whatever the values."""
