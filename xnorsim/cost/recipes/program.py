"""What a recipe set is: one program's kernels for each kind of layer, and for which machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xnorsim.cost.recipes.kernel import Kernel, at_width

__all__ = ["ISAS", "KINDS", "Kernels", "RecipeSet", "one", "widened"]

ISAS = {"aarch64": "vector_pairwise_add", "x86-64": "vector_mask_move"}
"""A class of instructions that every machine of an instruction set has, and no other."""

KINDS = {
    "binary": "+-1 x +-1, floats out",
    "binary_packed": "the same, thresholds and bits out",
    "bwn": "+-1 weights x floats",
    "int8": "8-bit integers",
    "fp": "floats of 32 bits",
    "fp16": "floats of 16 bits",
    "binarize": "signs of floats, packed",
    "bn": "batch normalization that is not folded",
    "add": "addition of two tensors",
    "elementwise": "another operator of two tensors",
    "copy": "elements moved, not computed with: concatenation, padding, transposition",
    "relu": "rectifier that is not fused",
    "max_pool": "maxima of windows",
    "average_pool": "means of windows",
    "response_norm": "normalization across channels; without one, a pass for each operation",
}
"""What a recipe set may have kernels for. Passes take an element as a position: `elements`."""

Kernels = tuple[Kernel, ...]
"""Tried for each layer in this order: the first that applies is used."""


@dataclass(frozen=True, slots=True)
class RecipeSet:
    """The kernels of one program: for each kind, those of each machine it was written for.

    Of the alternatives of a kind the first is taken whose kernels the machine can all execute.
    `as_floats`: kinds of layers (ops.kind) whose +-1 weights the program stores and multiplies as
    floats, for want of a binary operator. `isa`: what its code is written for, a key of ISAS; ""
    where the kernels tell.
    """

    name: str
    what: str
    kernels: Mapping[str, tuple[Kernels, ...]]
    as_floats: frozenset[str] = frozenset()
    isa: str = ""


def one(kernels: Mapping[str, Kernel | Kernels]) -> dict[str, tuple[Kernels, ...]]:
    """One alternative for each kind."""
    return {
        kind: ((found,) if isinstance(found, Kernel) else found,) for kind, found in kernels.items()
    }


def widened(
    kernels: Mapping[str, tuple[Kernels, ...]], simd_bits: int
) -> dict[str, tuple[Kernels, ...]]:
    """The same on vectors of `simd_bits`; raises UsageError as `at_width` does."""
    return {
        kind: tuple(tuple(at_width(k, simd_bits) for k in kernels) for kernels in alternatives)
        for kind, alternatives in kernels.items()
    }
