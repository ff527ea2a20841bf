"""Micro-benchmark loops: what a core's instructions and memories cost, and nothing of a network.

A loop is assembly inside a function of LLVM IR, so that no compiler folds it, merges it or turns it
into other instructions. `dialect_of` says which instructions a machine has, `compiled` makes loops
of their names.
"""

from xnorsim.kernels.loops.build import (
    Loop,
    aligned_ones,
    assembly,
    compiled,
    near_memory,
)
from xnorsim.kernels.loops.dialects import Dialect, Target, dialect_of, host_target
from xnorsim.kernels.loops.programs import Program, chain, mix, step, stream

__all__ = [
    "Dialect",
    "Loop",
    "Program",
    "Target",
    "aligned_ones",
    "assembly",
    "chain",
    "compiled",
    "dialect_of",
    "host_target",
    "mix",
    "near_memory",
    "step",
    "stream",
]
