"""A look at a few values of weights, without reading them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from math import prod

import numpy as np

from xnorsim.importers.onnx.merging import folded
from xnorsim.importers.onnx.tensors import glance, is_external, lies_inside, load_tensor, opened
from xnorsim.network import ops
from xnorsim.network.graph import Parameter
from xnorsim.network.precision import FLOAT32

__all__ = ["looking_binary"]

MOST = 8
"""Weights of the first filter that are looked at."""


def looking_binary(weights: Iterable[tuple[str, Parameter, ops.Weighted]]) -> frozenset[str]:
    """Those of the (name, weight, layer) whose first |w| of the first filter are all equal.

    None that is computed, or that lies in another file. The model file is opened once.
    """
    found = set()
    with ExitStack() as files:
        streams = {}
        for name, weight, op in weights:
            load = weight.load
            if weight.placeholder or weight.spec.encoding != FLOAT32 or not weight.spec.elements:
                continue
            count, step = _first_filter(weight.spec.shape, op)
            if isinstance(load, partial) and load.func is folded:  # its filters are columns
                load, step = load.args[0], weight.spec.shape[0]
            if not isinstance(load, partial) or load.func is not load_tensor:
                continue
            where, tensor, source = load.args
            positions = [at * step for at in range(min(count, MOST))]
            if lies_inside(tensor):
                if source.path not in streams:
                    file = opened(where, source.path, source)
                    streams[source.path] = files.enter_context(file)
                stream = streams[source.path]
                values = glance(tensor, stream, positions[:2])
                if abs(values[0]) == abs(values[-1]):
                    values = glance(tensor, stream, positions)
            elif not is_external(tensor) and weight.spec.elements <= SMALL:
                values = load().reshape(-1)[positions]
            else:
                continue
            if len(values) > 1 and np.all(np.abs(values) == abs(values[0])):
                found.add(name)
    return frozenset(found)


SMALL = 2**12
"""[elements] Weights up to this size lie in the message itself, and are not read again."""


def _first_filter(shape: tuple[int, ...], op: ops.Weighted) -> tuple[int, int]:
    """How many weights the first filter has, and how far they lie apart."""
    if isinstance(op, ops.Dense):
        return (shape[1], 1) if op.transpose_weight else (shape[0], shape[1])
    if isinstance(op, ops.ConvTranspose):  # those of the first input channel alone
        return prod(shape[2:]), 1
    return prod(shape[1:]), 1
