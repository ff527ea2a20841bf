"""Every layer against its own rule of shapes.

onnx's inference believes a stated shape: it lets a reshape drop elements, and does not look at the
length of a bias. The rules of network.shapes do, so a layer is only taken if both agree.
"""

from __future__ import annotations

from functools import lru_cache

from xnorsim.errors import ShapeError
from xnorsim.importers.onnx.state import State
from xnorsim.network import ops
from xnorsim.network.graph import Node, TensorSpec, by_role
from xnorsim.network.shapes import output_specs

__all__ = ["check_layer"]


@lru_cache(maxsize=4096)
def _written(
    op: ops.Op, inputs: tuple[TensorSpec, ...], parameters: tuple[tuple[str, TensorSpec], ...]
) -> tuple[TensorSpec, ...]:
    """`output_specs`, worked out once for layers that repeat."""
    return output_specs(op, *inputs, **dict(parameters))


def check_layer(state: State, where: str, node: Node, outputs: tuple[str, ...]) -> None:
    """Refuse a layer whose operands do not fit it, or whose outputs have other shapes.

    `outputs` has "" where a result that could be written is not.

    Raises:
        ShapeError: with file, node and both values.
    """
    if isinstance(node.op, ops.Unknown):
        return
    specs = state.specs
    inputs, operands = by_role(node)
    try:
        found = _written(
            node.op,
            tuple([specs[name] for name in inputs]),
            tuple([(role, specs[name]) for role, name in operands.items()]),
        )
    except ShapeError as fault:
        raise ShapeError(f"{where}: {fault}") from fault
    for name, spec in zip(outputs, found, strict=False):
        if name and spec.shape != specs[name].shape:
            read = (
                ", ".join(f"'{item}' {list(specs[item].shape)}" for item in node.inputs)
                or "nothing"
            )
            raise ShapeError(
                f"{where}: as {ops.kind(node.op)} of {read} its output '{name}' is "
                f"{list(spec.shape)}; by onnx's inference it is {list(specs[name].shape)}"
            )
