"""Which opset is written: one that is widely run, or the first that has what a layer needs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import onnx
from onnx import TensorProto, defs

__all__ = ["OPSET", "opset_of", "type_text"]

OPSET = 21
"""What is written, unless a layer needs a later one."""

_TYPES = dict(zip(TensorProto.DataType.values(), TensorProto.DataType.keys(), strict=True))


def type_text(kind: int) -> str:
    """ONNX's words for a tensor of an element type: tensor(float)."""
    return f"tensor({_TYPES[kind].lower()})"


@lru_cache(maxsize=1024)
def opset_of(
    kind: str, inputs: tuple[str | None, ...], outputs: tuple[str | None, ...]
) -> int | None:
    """The first opset from OPSET on whose operator takes and gives these types (None: any).

    None if the installed onnx knows of no such opset.
    """
    for version in range(OPSET, defs.onnx_opset_version() + 1):
        try:
            schema = defs.get_schema(kind, version)
        except onnx.defs.SchemaError:
            continue
        if _fit(schema.inputs, inputs) and _fit(schema.outputs, outputs):
            return version
    return None


def _fit(formal: Sequence[defs.OpSchema.FormalParameter], given: tuple[str | None, ...]) -> bool:
    """Whether each type is one that its parameter may have."""
    if len(given) > len(formal) and not (formal and _is_variadic(formal[-1])):
        return False
    rows = (formal[min(at, len(formal) - 1)] for at in range(len(given)))
    return all(word is None or word in row.types for word, row in zip(given, rows, strict=True))


def _is_variadic(formal: defs.OpSchema.FormalParameter) -> bool:
    return formal.option == defs.OpSchema.FormalParameterOption.Variadic
