"""A look at a few values of a weight, without reading it."""

from __future__ import annotations

from functools import partial

import numpy as np

from xnorsim.importers.onnx.tensors import glance, load_tensor
from xnorsim.network import ops
from xnorsim.network.graph import Parameter
from xnorsim.network.precision import FLOAT32

__all__ = ["looks_binary"]

MOST = 8
"""Weights of the first filter that are looked at."""


def looks_binary(weight: Parameter, op: ops.Weighted) -> bool:
    """Whether the first few |w| of the first filter, as they lie in the model file, are equal.

    False for weights that are computed, or that lie in another file.
    """
    load = weight.load
    if weight.placeholder or weight.spec.encoding != FLOAT32:
        return False
    if not isinstance(load, partial) or load.func is not load_tensor or not weight.spec.elements:
        return False
    count, step = _first_filter(weight.spec.shape, op)
    where, tensor, source = load.args
    values = glance(where, tensor, source, [at * step for at in range(min(count, MOST))])
    return values is not None and len(values) > 1 and bool(np.all(np.abs(values) == abs(values[0])))


def _first_filter(shape: tuple[int, ...], op: ops.Weighted) -> tuple[int, int]:
    """How many weights the first filter has, and how far they lie apart."""
    if isinstance(op, ops.Dense):
        return (shape[1], 1) if op.transpose_weight else (shape[0], shape[1])
    if isinstance(op, ops.ConvTranspose):  # those of the first input channel alone
        return int(np.prod(shape[2:])), 1
    return int(np.prod(shape[1:])), 1
