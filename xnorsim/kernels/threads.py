"""Threads of libraries, held to a number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

__all__ = ["blas_control", "blas_threads"]


@cache
def _blas() -> tuple[Any, ...] | None:
    """What controls each BLAS of this process; None without threadpoolctl."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)


def blas_control() -> str:
    """How `blas_threads` holds the library: "threadpoolctl", or "as the library chose"."""
    return "as the library chose" if _blas() is None else "threadpoolctl"


@contextmanager
def blas_threads(threads: int) -> Iterator[None]:
    """Hold numpy's BLAS to `threads` for a while; nothing without threadpoolctl.

    It takes a microsecond where they are so already, much less than threadpoolctl's own contexts.
    """
    changed = []
    for library in _blas() or ():
        before = library.get_num_threads()
        if before != threads:
            library.set_num_threads(threads)
            changed.append((library, before))
    try:
        yield
    finally:
        for library, before in changed:
            library.set_num_threads(before)
