"""Every layer against its own rule of shapes.

onnx's inference believes a stated shape: it lets a reshape drop elements, and does not look at the
length of a bias. The rules of network.shapes do, so a layer is only taken if both agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from xnorsim.errors import ShapeError
from xnorsim.importers.onnx.state import State
from xnorsim.network import ops
from xnorsim.network.graph import TensorSpec
from xnorsim.network.shapes import output_specs

__all__ = ["check_layer"]


@lru_cache(maxsize=4096)
def _written(
    op: ops.Op, inputs: tuple[TensorSpec, ...], parameters: tuple[tuple[str, TensorSpec], ...]
) -> tuple[TensorSpec, ...]:
    """`output_specs`, worked out once for layers that repeat."""
    return output_specs(op, *inputs, **dict(parameters))


def check_layer(
    state: State,
    where: str,
    op: ops.Op,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    parameters: Mapping[str, str],
) -> None:
    """Refuse a layer whose operands do not fit it, or whose outputs have other shapes.

    Raises:
        ShapeError: with file, node and both values.
    """
    if isinstance(op, ops.Unknown):
        return
    specs = state.specs
    try:
        found = _written(
            op,
            tuple([specs[name] for name in inputs]),
            tuple([(role, specs[name]) for role, name in parameters.items()]),
        )
    except ShapeError as fault:
        raise ShapeError(f"{where}: {fault}") from fault
    for name, spec in zip(outputs, found, strict=False):  # the rest, such as indices, are alike
        if name and spec.shape != specs[name].shape:
            read = ", ".join(f"'{item}' {list(specs[item].shape)}" for item in inputs) or "nothing"
            raise ShapeError(
                f"{where}: as {ops.kind(op)} of {read} its output '{name}' is "
                f"{list(spec.shape)}; by onnx's inference it is {list(specs[name].shape)}"
            )
