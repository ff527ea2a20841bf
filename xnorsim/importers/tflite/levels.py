"""Filters of few levels: +-alpha, {-alpha, 0, alpha} or {0, alpha}, one alpha a filter, that a file
keeps as floats because its runtime has no kernel for them.

Converters fold the batch normalization after a layer into its weights, so alpha may be anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from xnorsim.importers.levelled import level_bits, level_words
from xnorsim.importers.tflite.constants import changed, first_values, made
from xnorsim.importers.tflite.view import View, constant, tensor
from xnorsim.network.graph import Parameter, Stored, TensorSpec
from xnorsim.network.precision import BIPOLAR, FLOAT32, TERNARY, UNIPOLAR, Encoding

__all__ = ["Levels", "alphas", "levels_of", "parameters", "several_levels"]

HEAD = 32
"""Weights of a first filter that are looked at before all of them are read."""

WORDS = {BIPOLAR: "+-", TERNARY: "0 and +-", UNIPOLAR: "0 and +"}


@dataclass(frozen=True, slots=True)
class Levels:
    """What the weights are but for alpha [filters], which is below 0 for {-alpha, 0} alone."""

    encoding: Encoding
    alpha: np.ndarray

    @property
    def scaled(self) -> bool:
        """Whether some alpha is not 1."""
        return bool(np.any(self.alpha != 1))

    def __str__(self) -> str:
        sign = WORDS[self.encoding]
        return f"{sign}alpha per channel" if self.scaled else f"{sign}1"


def levels_of(view: View, axis: int) -> Levels | None:
    """The levels of the filter that is input 1, its filters along `axis` of the file's array; None
    if some filter has weights of several magnitudes, or of 0 only.

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
    filters = np.moveaxis(given.load(), axis, 0).reshape(size[axis], -1)
    magnitude = np.abs(filters)
    alpha = magnitude.max(axis=1)
    found = np.all((magnitude == alpha[:, None]) | (magnitude == 0))
    if not found or not np.all(np.isfinite(alpha)) or not np.all(alpha > 0):
        return None
    if magnitude.all():
        return Levels(BIPOLAR, alpha)
    low, high = filters.min(axis=1) < 0, filters.max(axis=1) > 0
    if np.any(low & high):
        return Levels(TERNARY, alpha)
    return Levels(UNIPOLAR, np.where(low, -alpha, alpha))


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
    signs = changed(weight, spec.shape, _CODES[found.encoding], found.encoding)
    held = {"weight": Parameter(spec, (Stored(f"{key}.{found.encoding}", spec),), signs.load)}
    if scaled:
        held["alpha"] = alphas(found, weight)
    return held


def alphas(found: Levels, weight: Parameter) -> Parameter:
    """Alpha [filters]."""
    key = "+".join(part.key for part in weight.stored)
    spec = TensorSpec(found.alpha.shape, FLOAT32)
    return made(found.alpha, FLOAT32, Stored(f"{key}.alpha", spec, is_scale=True))


def _signs(values: np.ndarray) -> np.ndarray:
    return np.sign(values).astype(np.int8)


def _ones(values: np.ndarray) -> np.ndarray:
    return (values != 0).astype(np.uint8)


_CODES = {BIPOLAR: _signs, TERNARY: _signs, UNIPOLAR: _ones}
