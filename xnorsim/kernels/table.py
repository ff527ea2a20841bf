"""The kernels that there are, by name: what analyses measure and what tests run.

A new kernel is a file with its `ready` function and one line here; tests/kernels/test_table.py
then compares it with the reference. Nothing here imports a library that computes: `ready` does.
"""

from __future__ import annotations

from xnorsim.errors import UsageError, choices
from xnorsim.kernels.problem import Kernel

__all__ = ["KERNELS", "kernel"]

_ROWS: tuple[Kernel, ...] = ()

KERNELS: dict[str, Kernel] = {row.name: row for row in _ROWS}
"""Every kernel, by name."""


def kernel(name: str) -> Kernel:
    """The kernel called `name`.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in KERNELS:
        raise UsageError(f"no kernel '{name}': {choices(name, KERNELS)}")
    return KERNELS[name]
