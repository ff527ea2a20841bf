"""A compiled function that does nothing: what a call from Python costs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xnorsim.errors import MissingExtraError

__all__ = ["empty_call"]


def empty_call() -> Callable[[], object]:
    """A call of what a kernel takes: an image, weights, results, two vectors and three sizes.

    Compiled when it is first called. Raises MissingExtraError where numba is not installed.
    """
    try:
        from numba import njit
    except ImportError as error:
        raise MissingExtraError("numba", "native", "to time a call of compiled code") from error

    @njit(nogil=True)
    def nothing(image, weights, results, alpha, bias, rows, columns, channels):
        results[0, 0, 0, 0] = image[0, 0, 0, 0] + rows
        return columns + channels

    image = np.ones((1, 4, 4, 1), np.uint64)
    results = np.ones((1, 4, 4, 4), np.float32)
    vector = np.ones(4, np.float32)

    def call() -> object:
        return nothing(image, image, results, vector, vector, 4, 4, 1)

    call()
    return call
