"""Filters of few levels that a file keeps as floats because its runtime has no kernel for them."""

from __future__ import annotations

from math import prod

import numpy as np

from xnorsim.importers.levelled import level_bits, level_words
from xnorsim.importers.levels import Levels, levels
from xnorsim.importers.tflite.constants import changed, first_values, made
from xnorsim.importers.tflite.view import View, constant, tensor
from xnorsim.network.binary import signs
from xnorsim.network.graph import Parameter, Stored, TensorSpec
from xnorsim.network.precision import BIPOLAR, FLOAT32, TERNARY, UNIPOLAR

__all__ = ["alphas", "levels_of", "parameters", "several_levels"]

HEAD = 32
"""Weights of a first filter that are looked at before all of them are read."""


def levels_of(view: View, axis: int) -> Levels | None:
    """The levels of the filter that is input 1, its filters along `axis` of the file's array; None
    if some filter has weights of several magnitudes, or all have weights of 0 only.

    Filters of floats differ in their first weights already, so the rest is not read.
    """
    given, source = constant(view, 1), tensor(view, 1)
    size = source.spec.shape
    if given is None or given.load is None or given.spec.encoding != FLOAT32:
        return None
    taps = prod(size) // size[axis]
    if taps < 2:
        return None
    if source.length is not None and axis == 0:
        head = np.abs(first_values(given, min(taps, HEAD)))
        if np.any((head != head.max()) & (head != 0)):
            return None
    found = levels(np.moveaxis(given.load(), axis, 0))
    return None if found is None or not found.alpha.any() else found


def several_levels(view: View, axis: int) -> str:
    """What the filter, input 1, is called if it lies at the levels of some bits; else ""."""
    given, source = constant(view, 1), tensor(view, 1)
    size = source.spec.shape
    if given is None or given.load is None or given.spec.encoding != FLOAT32:
        return ""
    taps = prod(size) // size[axis]
    if source.length is not None and axis == 0:
        head = first_values(given, min(taps, HEAD)).reshape(1, -1)
        if level_bits(head) is None:
            return ""
    bits = level_bits(np.moveaxis(given.load(), axis, 0).reshape(size[axis], -1))
    return "" if bits is None else level_words(bits)


def parameters(found: Levels, weight: Parameter, *, scaled: bool) -> dict[str, Parameter]:
    """The levels of a float weight as parameters, with alpha if it is to be `scaled`."""
    spec = TensorSpec(weight.spec.shape, found.encoding)
    key = "+".join(part.key for part in weight.stored)
    codes = changed(weight, spec.shape, _CODES[found.encoding], found.encoding)
    held = {"weight": Parameter(spec, (Stored(f"{key}.{found.encoding}", spec),), codes.load)}
    if scaled:
        held["alpha"] = alphas(found, weight)
    return held


def alphas(found: Levels, weight: Parameter) -> Parameter:
    """Alpha [filters]."""
    key = "+".join(part.key for part in weight.stored)
    spec = TensorSpec(found.alpha.shape, FLOAT32)
    return made(found.alpha, FLOAT32, Stored(f"{key}.alpha", spec, is_scale=True))


def _thirds(values: np.ndarray) -> np.ndarray:
    return np.sign(values).astype(np.int8)


def _ones(values: np.ndarray) -> np.ndarray:
    return (values != 0).astype(np.uint8)


_CODES = {BIPOLAR: signs, TERNARY: _thirds, UNIPOLAR: _ones}
