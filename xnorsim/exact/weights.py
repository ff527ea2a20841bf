"""Weights for networks whose files have none: drawn from a seed, so that a run can be repeated."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

from xnorsim.exact.encodings import dtype_of
from xnorsim.network.graph import Graph, Parameter
from xnorsim.network.ops import ConvTranspose, Dense, Op
from xnorsim.network.precision import BIPOLAR, Meaning
from xnorsim.zoo import builder

__all__ = ["seeded"]

_FACTORS = frozenset({"scale", "variance", "alpha"})
"""Roles of what must be positive."""

_WEIGHTS = frozenset({"weight", "recurrence", "left", "right"})


def seeded(graph: Graph, seed: int = 0, *, every: bool = False) -> Graph:
    """`graph` with values for the parameters that its file leaves out; `every`: for all floats.

    Left out are parameters without values, and weights filled with one value throughout
    (Parameter.placeholder). They are drawn as the zoo draws its own: weights by `he_normal`,
    factors and variances `near_one`, the rest `small`, each from a generator of its own.
    """
    first: dict[str, tuple[str, Op]] = {}
    for node in graph.nodes:
        for role, name in node.parameters.items():
            first.setdefault(name, (role, node.op))
    made = {
        name: replace(
            item,
            load=partial(_drawn, graph.name, name, item, *first[name], seed),
            placeholder=False,
        )
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


def _drawn(network: str, name: str, item: Parameter, role: str, op: Op, seed: int) -> np.ndarray:
    shape, kind = item.spec.shape, dtype_of(item.spec.encoding)
    generator = builder.seeded(network, name, seed)
    if item.spec.encoding == BIPOLAR:
        return (generator.integers(0, 2, shape, np.int8) * 2 - 1).astype(kind)
    if role in _FACTORS:
        return builder.near_one(generator, shape).astype(kind)
    if role in _WEIGHTS:
        return builder.he_normal(generator, shape, _fan_in(op, shape)).astype(kind)
    return builder.small(generator, shape).astype(kind)


def _fan_in(op: Op, shape: tuple[int, ...]) -> int:
    """Inputs of one output: what a filter multiplies."""
    if isinstance(op, Dense):
        return op.in_features
    if isinstance(op, ConvTranspose):
        return max(shape[0] // op.groups, 1)
    return max(prod(shape[1:]), 1)
