"""Layer tables of single products and passes from their sizes, where a test needs no network."""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorsim.work.dimensions import DIMENSIONS, Dimensions
from xnorsim.work.table import COLUMNS

__all__ = ["BITS", "Table", "pass_columns", "product_columns"]

Table = dict[str, np.ndarray]

BITS = {"binary": (1, 1), "bwn": (1, 32), "int8": (8, 8), "fp": (32, 32)}
"""Of a weight and an activation."""


def product_columns(word: str, nest: Dimensions) -> Table:
    """Layers [n] that multiply, of a kind of BITS, and scale each result."""
    sizes = np.broadcast_arrays(*(np.atleast_1d(getattr(nest, name)) for name in DIMENSIONS))
    nests = dict(zip(DIMENSIONS, (np.asarray(size, np.int64) for size in sizes), strict=True))
    positions, filters, channels, taps, groups, stride = nests.values()
    weights, results = groups * filters * channels * taps, groups * filters * positions
    weight_bits, activation_bits = BITS[word]
    taken = groups * positions * stride * channels * activation_bits
    return _table(
        len(positions),
        **nests,
        **{"macs": positions * weights, f"{word}_macs": positions * weights},
        fp_ops=results,
        weight_bits=weights * weight_bits,
        parameter_traffic_bits=weights * weight_bits,
        input_bits=taken,
        output_bits=32 * results,
        activation_traffic_bits=taken + 32 * results,
        output_elements=results,
    )


def pass_columns(results: Any, operations: Any) -> Table:
    """Layers [n] that read as many floats as they write, with so many operations in all."""
    results = np.atleast_1d(results)
    return _table(
        len(results),
        fp_ops=np.broadcast_to(operations, results.shape),
        input_bits=32 * results,
        output_bits=32 * results,
        activation_traffic_bits=64 * results,
        output_elements=results,
    )


def _table(layers: int, **given: np.ndarray) -> Table:
    empty = {name: np.zeros(layers, np.int64) for name in COLUMNS}
    return {**empty, "runs": np.ones(layers, np.int64), **given}
