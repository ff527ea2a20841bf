"""What an ONNX file says of its inputs, before any of its layers is looked at."""

from __future__ import annotations

from pathlib import Path

from xnorsim.importers.onnx.file import read_model

__all__ = ["stated_inputs"]


def stated_inputs(path: Path) -> dict[str, list[int | str] | None]:
    """The inputs of a file with their shapes as it states them; sizes below 1 are open.

    Raises:
        ModelError: as read_model.
    """
    model, _ = read_model(path)
    stored = {tensor.name for tensor in model.graph.initializer}
    return {
        item.name: [
            dim.dim_value if dim.dim_value > 0 else dim.dim_param or "?"
            for dim in item.type.tensor_type.shape.dim
        ]
        if item.type.tensor_type.HasField("shape")
        else None
        for item in model.graph.input
        if item.name not in stored
    }
