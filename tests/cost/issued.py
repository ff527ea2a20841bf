"""What a kernel issues, by name."""

from __future__ import annotations

import numpy as np

from xnorsim.cost.recipes import Kernel, part_instructions
from xnorsim.machine.instructions import CLASSES
from xnorsim.work.dimensions import Dimensions

__all__ = ["named", "part"]


def named(mix: np.ndarray) -> dict[str, float]:
    """The classes that are used, by name."""
    assert mix.shape == (len(CLASSES),)
    return {name: count for name, count in zip(CLASSES, mix.tolist(), strict=True) if count}


def part(kernel: Kernel, what: str, dimensions: Dimensions) -> tuple[float, dict[str, float]]:
    """How often a part runs, and its instructions each time."""
    times, counts = part_instructions(kernel, dimensions)
    (place,) = [i for i, item in enumerate(kernel.parts) if item.what == what]
    return float(times[place]), named(counts[place])
