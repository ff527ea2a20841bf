"""What a file computes from constants and shapes alone: it is no work, and may be a setting.

Converters write the shape of a tensor, a slice of it and a new shape made of that before a reshape
whose batch is open: those integers are computed at once. Weights in halves or integers stand behind
a DEQUANTIZE, and what binarizes large weights is not computed by the converter: those floats are
computed when they are loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import prod

import numpy as np

from xnorsim.errors import ModelError
from xnorsim.importers.tflite.constants import changed, dequantized, made, values_of
from xnorsim.importers.tflite.schema import Tensor
from xnorsim.importers.tflite.view import (
    View,
    constant,
    has,
    named,
    option,
    quantization,
    require,
    settings,
    shape,
    tensor,
)
from xnorsim.network.binary import finite, signs
from xnorsim.network.extents import broadcast, reduce_shape
from xnorsim.network.graph import Parameter, TensorSpec
from xnorsim.network.precision import BIPOLAR, ENCODINGS, FLOAT32, INT32

__all__ = ["FOLDED", "fold", "is_known"]

FOLDED = frozenset({"SHAPE"})
"""Operators whose results are always known beforehand."""

LARGEST_RESULT = 2**20
"""Elements of a setting in the making."""

MOST_PASSES = 64
"""Functions over one constant: what binarizes weights takes six."""

Arrays = list[np.ndarray]


def is_known(view: View) -> bool:
    """Whether all that the operator reads is known beforehand (of SHAPE: always)."""
    if view.operator.name in FOLDED:
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
    if name in ("DEQUANTIZE", "LceDequantize"):
        return _dequantized(view)
    if name in _LATER and target.spec.encoding in (FLOAT32, INT32) and _is_float(view):
        return _later(view, target)
    if name not in _EVALUATED:
        known = ", ".join(dict.fromkeys(("DEQUANTIZE", "SHAPE", *_EVALUATED, *_LATER)))
        raise ModelError(
            f"{view.where}: all of its inputs are constant, and only these are evaluated while a "
            f"file is read: {known}"
        )
    values = np.asarray(_EVALUATED[name](view, _values(view)))
    kind = np.dtype(target.spec.encoding.name)
    return made(values.astype(kind), target.spec.encoding)


def _dequantized(view: View) -> Parameter:
    source, form = constant(view, 0), quantization(tensor(view, 0))
    if source is not None and form is not None:
        return dequantized(source, tensor(view, 0), form)
    if source is None or source.spec.encoding not in (BIPOLAR, ENCODINGS["float16"]):
        raise ModelError(f"{view.where}: '{named(view, 0)}' is neither integers nor float16")
    return changed(source, source.spec.shape, _float32, FLOAT32)


def _values(view: View) -> Arrays:
    """What an operator on settings reads: so little that whatever it writes is small."""
    positions = [at for at in range(len(view.operator.inputs)) if has(view, at)]
    size = 1
    for at in positions:
        size *= max(prod(shape(view, at)), 1)
        require(view, size <= LARGEST_RESULT, f"its {len(positions)} constants are no settings")
    found = [constant(view, at) for at in positions]
    return [values_of(f"{view.where}: inputs", item) for item in found if item is not None]


def _is_float(view: View) -> bool:
    item = constant(view, 0)
    return item is not None and item.spec.encoding == FLOAT32 and item.load is not None


def _later(view: View, target: Tensor) -> Parameter:
    """A function of floats that is computed when it is loaded; what it is made of is stored."""
    count, settles = _LATER[view.operator.name][0], view.operator.name in ("MEAN", "TRANSPOSE")
    given = [constant(view, position) for position in range(count)]
    loads = tuple(item.load for item in given if item is not None and item.load is not None)
    require(view, len(loads) == count, f"it has fewer than {count} inputs")
    setting: tuple[int, ...] = settings(view, 1) if settles else ()
    if view.operator.name == "MEAN" and not option(view, "KeepDims"):
        raise ModelError(f"{view.where}: a mean of constants that drops axes is not evaluated")
    spec = target.spec
    if view.operator.name == "LceQuantize":  # the file's shape is that of packed words
        spec = TensorSpec(shape(view, 0), BIPOLAR)
        loads = (partial(_finite, f"{view.where}: its constant '{named(view, 0)}'", loads[0]),)
    largest = max(item.spec.elements for item in given if item is not None)
    require(view, spec.elements <= largest, f"constants of {largest} elements become {spec}")
    stored = tuple(dict.fromkeys(part for item in given if item for part in item.stored))
    found = _shape_of(view, setting)
    require(view, found == spec.shape, f"it gives {list(found)}, the file says {list(spec.shape)}")
    passes = 1 + sum(_passes(load) for load in loads)
    require(view, passes <= MOST_PASSES, f"its constants are computed over {passes} times")
    return Parameter(spec, stored, partial(_computed, view.operator.name, loads, setting, passes))


def _passes(load: Callable[[], np.ndarray]) -> int:
    """How many functions a constant is computed by, those that it is read from twice twice."""
    if not isinstance(load, partial):
        return 0
    if load.func is _computed:
        return load.args[3]
    return sum(_passes(item) for item in load.args if isinstance(item, partial))


def _shape_of(view: View, setting: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a result, before anything is computed."""
    size, name = shape(view, 0), view.operator.name
    rank = len(size)
    if name == "MEAN":
        require(view, all(-rank <= axis < rank for axis in setting), f"axes {setting} of {size}")
        return reduce_shape(size, setting, keepdims=True)
    if name == "TRANSPOSE":
        require(view, sorted(setting) == list(range(rank)), f"axes {setting} of {size}")
        return tuple(size[axis] for axis in setting)
    return broadcast(size, shape(view, 1)) if name == "MUL" else size


def _computed(
    name: str, loads: tuple[Callable[[], np.ndarray], ...], setting: tuple[int, ...], passes: int
) -> np.ndarray:
    return _LATER[name][1](setting, *(load() for load in loads))


def _finite(where: str, load: Callable[[], np.ndarray]) -> np.ndarray:
    return finite(where, load())


def _room(x: np.ndarray) -> np.ndarray | None:
    """Where a function of x may be written: weights are large, and x is not read again."""
    return x if x.flags.writeable else None


def _product(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    size = np.broadcast_shapes(x.shape, y.shape)
    fits = (_room(item) for item in (x, y) if item.shape == size and item.dtype == np.float32)
    return np.multiply(x, y, out=next((room for room in fits if room is not None), None))


_LATER: Mapping[str, tuple[int, Callable[..., np.ndarray]]] = {
    "ABS": (1, lambda setting, x: np.abs(x, out=_room(x))),
    "LceQuantize": (1, lambda setting, x: signs(x)),
    "MEAN": (1, lambda axes, x: x.mean(axis=axes, keepdims=True, dtype=np.float32)),
    "MUL": (2, lambda setting, x, y: _product(x, y)),
    "RELU_N1_TO_1": (1, lambda setting, x: np.clip(x, -1, 1, out=_room(x))),
    "TRANSPOSE": (1, lambda order, x: x.transpose(order)),
}
"""How many operands, and the function of a setting and them."""


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
