"""The types that rules compute in, and the ones their results are held in."""

from __future__ import annotations

from functools import cache

import numpy as np

from xnorsim.errors import ModelError
from xnorsim.exact.call import Call
from xnorsim.exact.encodings import dtype_of

__all__ = ["computed", "extremes", "held", "is_float", "reusable", "wide"]

Array = np.ndarray

# numpy does not compute with the integers of ml_dtypes.
_WIDER = {f"{sign}int{bits}": np.dtype(f"{sign}int8") for sign in ("", "u") for bits in (2, 4)}


@cache
def is_float(kind: np.dtype) -> bool:
    """Whether a type is of floats, those of ml_dtypes included (numpy calls them void)."""
    return kind.name.startswith(("float", "bfloat"))


@cache
def wide(kind: np.dtype) -> np.dtype:
    """What numbers of a type are computed in: float32 or int8 for what is narrower than that.

    >>> wide(np.dtype("float16")).name, wide(np.dtype("int32")).name
    ('float32', 'int32')
    """
    if is_float(kind):
        return kind if kind.itemsize >= 4 else np.dtype(np.float32)
    return _WIDER.get(kind.name, kind)


def extremes(kind: np.dtype) -> tuple[float, float]:
    """The least and the greatest number of a type, infinities among floats."""
    if is_float(kind):
        return -np.inf, np.inf
    return (False, True) if kind.kind == "b" else (np.iinfo(kind).min, np.iinfo(kind).max)


def computed(call: Call, values: Array) -> Array:
    """`values` in the type that the layer's first result is computed in.

    Raises:
        ModelError: they are floats, and the result is none.
    """
    spec = call.outputs[0]
    kind = wide(dtype_of(spec.encoding))
    if is_float(values.dtype) and not is_float(kind):
        raise ModelError(f"it reads {values.dtype.name}, so it cannot write {spec.encoding}")
    return values.astype(kind, copy=False)


def held(call: Call, *results: Array) -> tuple[Array, ...]:
    """The wanted ones of `results`, each in the type of its spec.

    Raises:
        ModelError: there are fewer than are wanted, or floats where the spec has none.
    """
    if len(results) < len(call.outputs):
        raise ModelError(f"it writes {len(call.outputs)} tensors, {len(results)} are known")
    arrays = []
    for result, spec in zip(results, call.outputs, strict=False):
        array, kind = np.asarray(result), dtype_of(spec.encoding)
        if is_float(array.dtype) and not is_float(kind):
            raise ModelError(f"its result is {array.dtype.name}, which {spec.encoding} cannot hold")
        arrays.append(array.astype(kind, copy=False))
    return tuple(arrays)


def reusable(call: Call, kind: np.dtype, shape: tuple[int, ...]) -> Array | None:
    """The first input, where its memory may take a result of this type and shape."""
    if not call.overwrite or not call.inputs:
        return None
    first = call.inputs[0]
    fits = first.dtype == kind and first.shape == shape and first.flags.writeable
    return first if fits else None
