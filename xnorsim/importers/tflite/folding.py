"""What a file computes from constants and shapes alone: it is no work, and may be a setting.

Converters write the shape of a tensor, a slice of it and a new shape made of that before a reshape
whose batch is open. Weights in halves or integers stand behind a DEQUANTIZE.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from xnorsim.errors import ModelError
from xnorsim.importers.tflite.constants import changed, dequantized, made, values_of
from xnorsim.importers.tflite.view import View, constant, has, option, quantization, shape, tensor
from xnorsim.network.graph import Parameter
from xnorsim.network.precision import FLOAT32

__all__ = ["fold", "is_known"]

Arrays = list[np.ndarray]


def is_known(view: View) -> bool:
    """Whether all that the operator reads is known beforehand (of SHAPE: always)."""
    if view.operator.name == "SHAPE":
        return True
    given = [position for position in range(len(view.operator.inputs)) if has(view, position)]
    return bool(given) and all(
        tensor(view, position).index not in view.state.values
        and constant(view, position) is not None
        for position in given
    )


def fold(view: View) -> None:
    """Keep what the operator writes as a constant.

    Raises:
        ModelError: an operator that is not evaluated while a file is read.
    """
    if len(view.operator.outputs) != 1:
        raise ModelError(f"{view.where}: of constants alone, it writes several tensors")
    view.state.derived[view.operator.outputs[0]] = _folded(view)


def _folded(view: View) -> Parameter:
    name = view.operator.name
    target = view.state.model.tensors[view.operator.outputs[0]]
    if name == "SHAPE":
        return made(np.asarray(shape(view, 0), target.spec.encoding.name), target.spec.encoding)
    if name == "DEQUANTIZE":
        source, form = constant(view, 0), quantization(tensor(view, 0))
        assert source is not None
        if form is not None:
            return dequantized(source, tensor(view, 0), form)
        return changed(source, source.spec.shape, _float32, FLOAT32)
    if name not in _EVALUATED:
        raise ModelError(
            f"{view.where}: all of its inputs are constant, and only these are evaluated while a "
            f"file is read: DEQUANTIZE, SHAPE, {', '.join(_EVALUATED)}"
        )
    given = []
    for position in range(len(view.operator.inputs)):
        item = constant(view, position)
        assert item is not None
        given.append(values_of(f"{view.where}: input {position}", item))
    values = np.asarray(_EVALUATED[name](view, given))
    kind = np.dtype(target.spec.encoding.name)
    return made(values.astype(kind), target.spec.encoding)


def _float32(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)


def _strided(view: View, given: Arrays) -> np.ndarray:
    """A slice of a vector: converters take shapes apart so."""
    data, begin, end, step = given
    if data.ndim != 1 or not begin.size == end.size == step.size == 1:
        raise ModelError(f"{view.where}: only a slice of a vector is evaluated")
    first, last, by = (int(item.reshape(())) for item in (begin, end, step))
    if int(option(view, "ShrinkAxisMask")) & 1:
        return data[first]
    start = None if int(option(view, "BeginMask")) & 1 else first
    return data[start : None if int(option(view, "EndMask")) & 1 else last : by]


def _axis(view: View) -> int:
    return int(option(view, "Axis"))


_EVALUATED: Mapping[str, Callable[[View, Arrays], np.ndarray]] = {
    "ADD": lambda view, given: given[0] + given[1],
    "CAST": lambda view, given: given[0],
    "CONCATENATION": lambda view, given: np.concatenate(given, _axis(view)),
    "GATHER": lambda view, given: np.take(given[0], given[1], _axis(view)),
    "MUL": lambda view, given: given[0] * given[1],
    "PACK": lambda view, given: np.stack(given, _axis(view)),
    "REDUCE_PROD": lambda view, given: np.prod(given[0], keepdims=bool(option(view, "KeepDims"))),
    "RESHAPE": lambda view, given: given[0].reshape(-1 if len(given) < 2 else tuple(given[1])),
    "SQUEEZE": lambda view, given: np.squeeze(given[0]),
    "STRIDED_SLICE": _strided,
    "SUB": lambda view, given: given[0] - given[1],
}
