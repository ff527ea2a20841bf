"""Arrays that compiled code reads and writes."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["aligned"]

CACHE_LINE = 64  # bytes


def aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array of zeros that starts where a cache line does."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    room = np.zeros(size + CACHE_LINE, np.uint8)
    start = -room.ctypes.data % CACHE_LINE
    return room[start : start + size].view(dtype).reshape(shape)
