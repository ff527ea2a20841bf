"""Elements picked by index; negative indices count from the end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xnorsim.errors import InputError
from xnorsim.exact.call import Call, operands
from xnorsim.exact.reference.dispatch import chosen, run
from xnorsim.network import ops

__all__: list[str] = []


@run.register
def _(op: ops.Gather, call: Call) -> tuple[np.ndarray, ...]:
    """Source: ONNX, Gather-13, GatherElements-13 and GatherND-13."""
    pick = chosen(_FORMS, op.form, "form of picking")
    table, indices = operands(call, "table", "indices")
    return (pick(op, table, indices.astype(np.int64, copy=False)),)


def _slices(op: ops.Gather, table: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """result[a, i, b] = table[a, indices[i], b]."""
    _check(indices, table.shape[op.axis], op.axis)
    return np.take(table, indices, axis=op.axis)


def _elements(op: ops.Gather, table: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """result[a, i, b] = table[a, indices[a, i, b], b]; outside `axis` indices may be shorter."""
    _check(indices, table.shape[op.axis], op.axis)
    axis = op.axis % table.ndim
    cuts = [slice(size) for size in indices.shape]
    cuts[axis] = slice(None)
    return np.take_along_axis(table[tuple(cuts)], indices, axis=axis)


def _tuples(op: ops.Gather, table: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """result[n, i] = table[n, *indices[n, i]]: the last axis of `indices` counts axes of `table`
    after the first `batch_axes`, which both have."""
    rank = indices.ndim - 1
    picks = []
    for axis in range(op.batch_axes):
        shape = [1] * rank
        shape[axis] = indices.shape[axis]
        picks.append(np.arange(indices.shape[axis]).reshape(shape))
    for position in range(indices.shape[-1]):
        axis = op.batch_axes + position
        _check(indices[..., position], table.shape[axis], axis)
        picks.append(indices[..., position])
    return table[tuple(picks)]


_FORMS: dict[str, Callable[[ops.Gather, np.ndarray, np.ndarray], np.ndarray]] = {
    "gather": _slices,
    "gather_elements": _elements,
    "gather_nd": _tuples,
}


def _check(indices: np.ndarray, size: int, axis: int) -> None:
    if indices.size == 0:
        return
    low, high = int(indices.min()), int(indices.max())
    if low < -size or high >= size:
        wrong = low if low < -size else high
        raise InputError(
            f"index {wrong} is out of range for axis {axis} of {size} (expected {-size} to "
            f"{size - 1})"
        )
