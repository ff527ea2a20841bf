"""Cases of convolutions of fewer products, and what they should be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xnorsim.exact.engines import FLOAT64_SUMS
from xnorsim.exact.reference.windows import convolve, filter_matrix
from xnorsim.kernels.minimal import columns, minimal_convolution
from xnorsim.kernels.program import bands_command, bound
from xnorsim.network.ops import Conv

__all__ = ["CASES", "Case", "convolved", "drawn", "expected", "magnitudes", "op_of"]

Array = np.ndarray
Norm = tuple[Array, Array]


@dataclass(frozen=True)
class Case:
    """Image (batch, channels, height, width), filters, kernel, stride down, padding of each axis
    before and after."""

    shape: tuple[int, int, int, int]
    filters: int
    kernel: tuple[int, int]
    down: int
    pads: tuple[int, int]


CASES = (
    Case((1, 1, 1, 1), 1, (1, 5), 1, (2, 2)),
    Case((1, 3, 19, 31), 16, (7, 7), 2, (3, 3)),
    Case((2, 2, 20, 37), 37, (3, 8), 1, (0, 4)),
    Case((1, 5, 40, 64), 32, (5, 6), 3, (2, 3)),
)


def op_of(case: Case) -> Conv:
    return Conv(case.filters, case.kernel, (case.down, 2), (case.pads,) * 2, (1, 1))


def drawn(case: Case, seed: int = 0) -> tuple[Array, Array, Norm]:
    """An image, weights, and a norm."""
    random = np.random.default_rng((seed, case.filters, *case.shape))
    image = random.standard_normal(case.shape, np.float32)
    weight = random.standard_normal((case.filters, case.shape[1], *case.kernel), np.float32)
    norm = random.uniform(-2, 2, (2, case.filters)).astype(np.float32)
    return image, weight, (norm[0], norm[1])


def expected(case: Case, image: Array, weight: Array, norm: Norm) -> Array:
    """Results (batch, height, width, filters) in float64."""
    matrix = filter_matrix(weight.astype(float), 1, FLOAT64_SUMS)
    some = image if len(image) else np.zeros((1, *image.shape[1:]))  # the reference wants an image
    sums = convolve(some.astype(float), matrix, op_of(case), FLOAT64_SUMS, 2**24)[: len(image)]
    return sums.transpose(0, 2, 3, 1) * norm[0].astype(float) + norm[1]


def magnitudes(case: Case, image: Array, weight: Array, norm: Norm) -> Array:
    """Sums of the products' magnitudes."""
    ones = np.abs(norm[0]), np.zeros_like(norm[1])
    return expected(case, np.abs(image), np.abs(weight), ones)


def convolved(case: Case, image: Array, weight: Array, norm: Norm, threads: int) -> Array:
    """What the kernel makes of them, on twice the same plan, with nothing written beside it.

    Raises:
        ArithmeticError: it said that it could not.
    """
    wanted = expected(case, image, weight, norm).shape
    op, least = op_of(case), columns(op_of(case), wanted[2])
    (before, after), beyond = case.pads, max(0, least - image.shape[3] - sum(case.pads))
    pads = ((0, 0), (0, 0), case.pads, (before, after + beyond))
    canary = np.full((3, *wanted), np.nan, np.float32)
    minimal = minimal_convolution(op, weight, norm, wanted[2])
    assert minimal is not None
    run = bound([bands_command(minimal, np.pad(image, pads), canary[1], threads)], threads)
    if not run():
        raise ArithmeticError
    first = canary[1].copy()
    assert run()
    np.testing.assert_array_equal(canary[1], first)
    assert np.isnan(canary[[0, 2]]).all()
    return first
