"""The steps whose loops tell core.efficiency: what our own kernels do between two jumps.

The counts are those of the recipes that describe the kernels, and the loops made of them compute
nothing: no GEMM, no layer. What predictions are compared with is not among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from xnorsim.cost.recipes import Kernel, Part, at_stage, recipe_set, select, stages
from xnorsim.cost.recipes.kernel import Counts
from xnorsim.errors import UsageError
from xnorsim.kernels.loops import Dialect
from xnorsim.machine.core import lower_core
from xnorsim.machine.schema import HardwareProfile

__all__ = ["kernel_steps"]

_KINDS = ("binary", "binary_packed", "bwn", "fp", "binarize")
"""What we ship kernels for."""

_VECTORS = ("vector_", "fp32_", "fp16_", "int8_", "fp_convert", "broadcast_load")


def kernel_steps(dialect: Dialect, nearest: HardwareProfile) -> dict[str, Counts]:
    """By name: of each stage of each kernel that runs on vectors here, its longest step.

    Steps of the same instructions stand once. nearest: a profile with instructions; which of them
    there are is the dialect's.
    """
    core = lower_core(nearest)
    has = np.array([[name in dialect.forms] * len(core.ports) for name in core.classes])
    recipes = recipe_set("own", dialect.simd_bits)
    found: dict[str, Counts] = {}
    for kind in _KINDS:
        try:
            kernels = select(recipes, kind, replace(core, allowed=has))
        except UsageError:  # the machine has no instructions for it
            continue
        for kernel in kernels:
            for part in _longest(kernel):
                if part.counts not in found.values():
                    found[f"{kernel.name}, {part.what}"] = part.counts
    return found


def _longest(kernel: Kernel) -> Iterator[Part]:
    """Of each stage the part with vectors that issues most from one jump to the next."""
    for stage in stages(kernel):
        parts = [part for part in at_stage(kernel, stage).parts if _is_loop(part.counts)]
        if parts:
            yield max(parts, key=_length)


def _is_loop(counts: Counts) -> bool:
    return counts.get("branch", 0) > 0 and any(name.startswith(_VECTORS) for name in counts)


def _length(part: Part) -> float:
    """Instructions from one jump to the next."""
    return sum(part.counts.values()) / part.counts["branch"]
