"""What all float kernels ask of a problem, and how they take an image and give results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xnorsim.errors import UsageError
from xnorsim.kernels.buffers import aligned
from xnorsim.kernels.problem import Problem, checked
from xnorsim.network.extents import window_output

__all__ = ["cannot", "check", "filling", "output_shape"]

Array = np.ndarray


def cannot(problem: Problem) -> str:
    """Why no float kernel computes a problem; "" if they all do."""
    if problem.input_scale:
        return "the map K is of binary inputs, and these are floats"
    if problem.op.pad_value and any(map(any, problem.op.padding)):
        return f"its padding is {problem.op.pad_value}, and that of floats is 0"
    return ""


def check(problem: Problem, threads: int) -> None:
    """Raises UsageError for a problem that `cannot` refuses, or less than one thread."""
    if reason := cannot(problem):
        raise UsageError(f"no float kernel computes this problem: {reason}")
    if threads < 1:
        raise UsageError(f"threads are at least 1, not {threads}")


def output_shape(problem: Problem) -> tuple[int, int, int, int]:
    """(batch, filters, height, width) of the results.

    Raises:
        ShapeError: the window is larger than the padded image.
    """
    op, (batch, _, *size) = problem.op, problem.shape
    axes = zip(size, op.kernel, op.stride, op.padding, op.dilation, strict=True)
    height, width = (window_output(*axis) for axis in axes)
    return batch, op.out_channels, height, width


def filling(problem: Problem, run: Callable[[Array, Array], None]) -> Callable[[Array], Array]:
    """`run(image, out)` as a function of the image, into an array that is kept."""
    # rows that begin where lines of the cache do, as far as their length has them
    out = aligned(output_shape(problem), np.float32)

    def filled(image: Array) -> Array:
        run(checked(image, problem.shape), out)
        return out

    return filled
