"""Weights for networks whose files have none: drawn from a seed, so that a run can be repeated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import prod
from zlib import crc32

import numpy as np

from xnorsim.exact.encodings import dtype_of
from xnorsim.network.graph import Graph, Parameter
from xnorsim.network.ops import ConvTranspose, Dense, Op
from xnorsim.network.precision import BIPOLAR, Meaning

__all__ = ["seeded"]

Generator = np.random.Generator

_SLOPES = frozenset({"scale", "variance", "alpha"})
"""Roles of factors that must be positive: drawn around 1."""

_WEIGHTS = frozenset({"weight", "recurrence", "left", "right"})


def seeded(graph: Graph, seed: int = 0, *, every: bool = False) -> Graph:
    """`graph` with values for the parameters that its file leaves out; `every`: for all floats.

    Left out are parameters without values, and weights filled with one value throughout
    (Parameter.placeholder). Weights are normal with standard deviation sqrt(2 / fan in) (He et
    al., "Delving Deep into Rectifiers", 2015, equation 10), factors and variances uniform in
    0.5 .. 1.5, the rest normal with 0.1. Each tensor has a generator of its own, seeded by its
    name, so that values do not depend on what else is in the graph.
    """
    first: dict[str, tuple[str, Op]] = {}
    for node in graph.nodes:
        for role, name in node.parameters.items():
            first.setdefault(name, (role, node.op))
    made = {
        name: replace(item, load=_source(name, item, *first[name], seed), placeholder=False)
        for name, item in graph.parameters.items()
        if name in first and _is_drawn(item, every)
    }
    if not made:
        return graph
    note = (
        f"{len(made)} of {len(graph.parameters)} parameters are drawn from seed {seed}, since the "
        "file has no values for them: results say nothing of a trained network"
    )
    return replace(graph, parameters={**graph.parameters, **made}, notes=(*graph.notes, note))


def _is_drawn(item: Parameter, every: bool) -> bool:
    meaning = item.spec.encoding.meaning
    drawable = meaning is Meaning.FLOAT or item.spec.encoding == BIPOLAR
    return drawable and (every or item.load is None or item.placeholder)


def _source(name: str, item: Parameter, role: str, op: Op, seed: int) -> Callable[[], np.ndarray]:
    return partial(_drawn, name, item, role, _fan_in(op, item.spec.shape), seed)


def _drawn(name: str, item: Parameter, role: str, fan_in: int, seed: int) -> np.ndarray:
    random = np.random.default_rng((seed, crc32(name.encode())))
    shape, kind = item.spec.shape, dtype_of(item.spec.encoding)
    if item.spec.encoding == BIPOLAR:
        return (random.integers(0, 2, shape, np.int8) * 2 - 1).astype(kind)
    if role in _SLOPES:
        return random.uniform(0.5, 1.5, shape).astype(kind)
    spread = np.sqrt(2 / fan_in) if role in _WEIGHTS else 0.1
    return (spread * random.standard_normal(shape, np.float32)).astype(kind)


def _fan_in(op: Op, shape: tuple[int, ...]) -> int:
    """Inputs of one output: what a filter multiplies."""
    if isinstance(op, Dense):
        return op.in_features
    if isinstance(op, ConvTranspose):
        return max(shape[0] // op.groups, 1)
    return max(prod(shape[1:]), 1)
