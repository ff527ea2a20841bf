"""Which kernels of a recipe set run: those that the machine can execute, and for each layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost.recipes.kernel import executable, instructions, missing_classes
from xnorsim.cost.recipes.program import ISAS, KINDS, Kernels, RecipeSet
from xnorsim.cost.recipes.sets import RECIPE_SETS
from xnorsim.errors import UsageError, choices
from xnorsim.machine.core import Core
from xnorsim.machine.instructions import CLASSES
from xnorsim.work.dimensions import Dimensions

__all__ = ["assigned", "elements", "layer_instructions", "select"]


def elements(count: Any, window: Any = 1) -> Dimensions:
    """The loop nest of a pass over `count` results, each of a window of so many elements."""
    return Dimensions(positions=count, filters=1, filter_channels=1, taps=window)


def select(recipes: RecipeSet, kind: str, core: Core) -> Kernels:
    """The kernels of `recipes` for a kind of KINDS, of the first alternative that `core` executes.

    Raises:
        UsageError: no such kind, the set has no kernel for it, or the core can execute none; the
            message names what is missing, and the kernels that fit.
    """
    if kind not in KINDS:
        raise UsageError(f"no kind of kernel '{kind}': {choices(kind, KINDS)}")
    if recipes.isa and not _has(core, ISAS[recipes.isa]):
        raise UsageError(
            f"recipe set '{recipes.name}' is code for {recipes.isa}, and this machine has no "
            f"{ISAS[recipes.isa]}, which every such machine has; "
            f"sets for other machines: {', '.join(_for_any_machine())}"
        )
    if kind not in recipes.kernels:
        others = [name for name, make in RECIPE_SETS.items() if kind in make(_WIDE).kernels]
        raise UsageError(
            f"recipe set '{recipes.name}' has no kernel for '{kind}' ({KINDS[kind]}); "
            f"sets that have one: {', '.join(others)}"
        )
    for kernels in recipes.kernels[kind]:
        if all(executable(kernel, core) for kernel in kernels):
            return kernels
    raise UsageError(_unfit(recipes, kind, core))


_WIDE = 512
"""Bits of a vector for which every set has kernels."""


def _has(core: Core, name: str) -> bool:
    return bool(core.allowed[core.classes.index(name)].any())


def _for_any_machine() -> list[str]:
    return [name for name, make in RECIPE_SETS.items() if not make(_WIDE).isa]


def _unfit(recipes: RecipeSet, kind: str, core: Core) -> str:
    lacking = "; ".join(
        f"{kernel.name} needs {', '.join(missing_classes(kernel, core))}"
        for kernels in recipes.kernels[kind]
        for kernel in kernels
        if not executable(kernel, core)
    )
    fit = sorted(
        {
            kernel.name
            for alternatives in recipes.kernels.values()
            for kernels in alternatives
            for kernel in kernels
            if executable(kernel, core)
        }
    )
    return (
        f"recipe set '{recipes.name}' cannot run '{kind}' on this machine, which has not all "
        f"classes of instructions: {lacking}; of the set fit: {', '.join(fit) or 'none'}"
    )


def assigned(kernels: Kernels, dimensions: Dimensions) -> NDArray[np.intp]:
    """For each layer the place in `kernels` of the first that applies.

    Raises:
        UsageError: a layer to which none applies.
    """
    shape = np.broadcast_shapes(*(np.shape(size) for size in _sizes(dimensions)))
    found = [np.broadcast_to(kernel.applies(dimensions), shape) for kernel in kernels]
    applies = np.stack(found)
    left = ~applies.any(axis=0)
    if left.any():
        raise UsageError(
            f"{int(left.sum())} of {left.size} layers have no kernel among "
            f"{', '.join(kernel.name for kernel in kernels)}"
        )
    return applies.argmax(axis=0)


def _sizes(d: Dimensions) -> tuple[Any, ...]:
    return (d.positions, d.filters, d.filter_channels, d.taps, d.groups, d.stride)


def layer_instructions(kernels: Kernels, dimensions: Dimensions) -> NDArray[np.float64]:
    """The instructions [..., classes] of each layer by the first of `kernels` that applies."""
    place = assigned(kernels, dimensions)
    result = np.zeros((*place.shape, len(CLASSES)))
    for number, kernel in enumerate(kernels):
        used = place == number
        if used.all():
            return instructions(kernel, dimensions)
        if used.any():
            result = np.where(used[..., None], instructions(kernel, dimensions), result)
    return result
