"""Weights of few values, told by their values: +-alpha, {-alpha, 0, alpha} or {0, alpha}."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from xnorsim.importers.levels import levels
from xnorsim.network import ops
from xnorsim.network.binary import binary_parameters, filters
from xnorsim.network.graph import Parameter, Stored, TensorSpec
from xnorsim.network.precision import (
    BIPOLAR,
    FLOAT32,
    TERNARY,
    UNIPOLAR,
    Encoding,
    Meaning,
    Scaling,
)

__all__ = ["WORDS", "Form", "Parameters", "by_filter", "form_of", "parameters_of"]

Parameters = dict[str, tuple[str, Parameter]]
"""(name, parameter) by role."""

WORDS = {BIPOLAR: "+-{}", TERNARY: "{{-{0}, 0, {0}}}", UNIPOLAR: "{{0, {0}}}"}
"""How a report writes the values of weights, from their unit: 1 or alpha."""

FEWEST = 4
"""Weights of a filter from which equal magnitudes are taken to be meant."""


@dataclass(frozen=True, slots=True)
class Form:
    """The encoding of weights; `unit` says that their scales are all 1."""

    encoding: Encoding
    unit: bool


def form_of(weight: Parameter, op: ops.Weighted, *, sure: bool = False) -> Form | None:
    """What the values of a weight are, each filter with a scale of its own; None for others.

    With `sure` they are +-alpha, of both signs, and several in each filter: what cannot be chance.
    The values are read.
    """
    encoding = weight.spec.encoding
    if weight.load is None or weight.placeholder or encoding.meaning is not Meaning.FLOAT:
        return None
    if sure and weight.spec.elements < FEWEST * filters(op):
        return None
    found = levels(by_filter(weight.load(), op))
    if found is None or (sure and not (found.encoding == BIPOLAR and found.signed)):
        return None
    return Form(found.encoding, not found.scaled)


def by_filter(values: np.ndarray, op: ops.Weighted) -> np.ndarray:
    """Weights as (filters, weights of a filter)."""
    if isinstance(op, ops.Dense):
        return values if op.transpose_weight else values.T
    if isinstance(op, ops.ConvTranspose):
        grouped = values.reshape(op.groups, -1, *values.shape[1:])
        return np.moveaxis(grouped, 2, 1).reshape(op.out_channels, -1)
    return values.reshape(op.out_channels, -1)


def parameters_of(
    name: str, weight: Parameter, op: ops.Weighted, encoding: Encoding, scaling: Scaling
) -> Parameters:
    """The parameters in the place of float weights of `encoding`; "alpha" if there is a scaling."""
    if encoding == BIPOLAR:
        return binary_parameters(name, weight, op, scaling)
    spec = TensorSpec(weight.spec.shape, encoding)
    key = "+".join(part.key for part in weight.stored)
    codes = np.sign if encoding == TERNARY else _are_set
    made: dict[str, tuple[str, TensorSpec, Callable]] = {"weight": (encoding.name, spec, codes)}
    if scaling is not Scaling.NONE:
        made["alpha"] = ("alpha", TensorSpec((filters(op),), FLOAT32), partial(_largest, op=op))
    result = {}
    for role, (suffix, given, function) in made.items():
        load = None if weight.load is None else partial(_of, weight.load, function)
        stored = (Stored(f"{key}.{suffix}", given),)
        result[role] = f"{name}.{suffix}", Parameter(given, stored, load, weight.placeholder)
    return result


def _of(load: Callable[[], np.ndarray], function: Callable) -> np.ndarray:
    return function(load())


def _are_set(values: np.ndarray) -> np.ndarray:
    return (values != 0).astype(np.uint8)


def _largest(values: np.ndarray, op: ops.Weighted) -> np.ndarray:
    """The scale of each filter; below 0 where all of its weights are."""
    rows = by_filter(values, op)
    low, high = rows.min(axis=1), rows.max(axis=1)
    return np.where(high > 0, high, low).astype(np.float32)
