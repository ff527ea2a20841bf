"""What becomes of the sums of our float convolutions: scaled, shifted, and written in rows.

xnorsim/kernels/float_panels.py, finish: the sums of some panels of 16 positions are held, then each
filter's are written one after another. Counted as own_floats.py says.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorsim.cost.recipes.extents import ceil_div
from xnorsim.cost.recipes.kernel import Kernel, Part
from xnorsim.work.dimensions import Dimensions

__all__ = ["FINISHED", "LANES"]

LANES = 16
"""Positions of a panel."""

_HELD, _PANELS = 2**17, 16
"""Bytes of sums that are held at a time at most, and panels of them."""


def _vectors_of_panels(kernel: Kernel, d: Dimensions) -> Any:
    """Vectors of results, of the panels that positions fill."""
    return d.groups * d.filters * (d.positions // LANES) * (LANES * 32 // kernel.simd_bits)


def _rows_of_panels(kernel: Kernel, d: Dimensions) -> Any:
    """Rows of results that are written at once: of each filter, of the panels that are held."""
    panel = 4 * LANES * kernel.tile.filters * ceil_div(d.filters, kernel.tile.filters)
    held = np.clip(_HELD // np.maximum(panel, 1), 1, _PANELS)
    return d.groups * d.filters * ceil_div(ceil_div(d.positions, LANES), held)


def _last_panels(kernel: Kernel, d: Dimensions) -> Any:
    """Panels of all filters that positions do not fill."""
    return d.groups * d.filters * np.minimum(d.positions % LANES, 1)


def _after_panels(kernel: Kernel, d: Dimensions) -> Any:
    """Results of the panel that positions do not fill."""
    return d.groups * d.filters * (d.positions % LANES)


FINISHED = (
    Part(
        "scaled, shifted, stored",
        _vectors_of_panels,
        {
            "vector_load": 1,
            "fp32_mul": 2,
            "fp32_add": 1,
            "vector_store": 1,
            "scalar_alu": 0.75,
            "branch": 0.25,
        },
        "results",
    ),
    Part(
        "a row of them: its factors",
        _rows_of_panels,
        {
            "broadcast_load": 3,
            "scalar_load": 20,
            "scalar_store": 8,
            "scalar_multiply": 1,
            "scalar_alu": 17,
            "branch": 5,
        },
        "results",
    ),
    Part(
        "the last panel of a row",
        _last_panels,
        {
            "vector_load": 2,
            "fp32_mul": 4,
            "fp32_add": 2,
            "vector_store": 2,
            "broadcast_load": 3,
            "scalar_load": 14,
            "scalar_store": 3,
            "scalar_multiply": 1,
            "scalar_alu": 22,
            "branch": 6,
        },
        "results",
    ),
    Part(
        "its positions, one by one",
        _after_panels,
        {"scalar_load": 1, "scalar_store": 1, "scalar_alu": 2, "branch": 1},
        "results",
    ),
)
"""Of floats and of +-1 weights alike."""
