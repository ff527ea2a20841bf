"""One rule for each kind of layer: how ONNX has it."""

from __future__ import annotations

from functools import singledispatch

from xnorsim.errors import UnsupportedOpError
from xnorsim.exporters.onnx.sheet import Sheet, refused
from xnorsim.network import ops
from xnorsim.network.graph import Node

__all__ = ["write"]


@singledispatch
def write(op: ops.Op, node: Node, sheet: Sheet) -> None:
    """Add what a layer is in ONNX to the sheet.

    Raises:
        UnsupportedOpError: no rule for this kind, or a layer that ONNX cannot express.
    """
    raise UnsupportedOpError(f"dispatch.write has no rule for {type(op).__name__}")


@write.register
def _(op: ops.Unknown, node: Node, sheet: Sheet) -> None:
    """What it computes is not known, and its attributes are not kept."""
    raise refused(
        sheet, node, f"operator {op.operator} (domain {op.domain or 'ai.onnx'}) has no rule"
    )
