"""Runs the float convolutions between pages that may not be touched, and prints what ran.

    python guarded_floats.py      a line "<vector bits> <filters of a tile>"

See guarded.py: reading or writing beyond any operand or buffer ends the process.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from guarded import guarded

from xnorsim.exact.engines import FLOAT64_SUMS
from xnorsim.exact.reference.windows import convolve, filter_matrix
from xnorsim.kernels import floats
from xnorsim.kernels.compiled import HOST
from xnorsim.kernels.float_tiles import ROWS
from xnorsim.network.ops import Conv

CASES = (
    # batch, channels, height, width, filters, kernel, stride, padding, dilation, groups
    (1, 1, 1, 1, 1, 1, 1, 0, 1, 1),
    (1, 3, 1, 70, 7, 1, 1, 0, 1, 1),
    (2, 5, 9, 17, 13, 3, 1, 1, 1, 1),
    (1, 30, 7, 7, 6, 3, 2, 2, 2, 2),
    (1, 9, 6, 19, 9, 3, 1, 1, 1, 9),
    (1, 9, 7, 19, 9, 3, 2, 1, 1, 9),
    (1, 33, 4, 4, 12, 3, 1, 1, 1, 1),
)


def _room(at_end: bool, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    return guarded(np.zeros(shape, dtype), at_end)


def check(case: tuple[int, ...], signs: bool, at_end: bool) -> None:
    """Compare one convolution with the reference."""
    batch, channels, height, width, filters, kernel, stride, padding, dilation, groups = case
    pads = ((padding, padding), (padding, padding))
    op = Conv(filters, (kernel,) * 2, (stride,) * 2, pads, (dilation,) * 2, groups)
    random = np.random.default_rng(case)
    image = random.integers(-9, 10, (batch, channels, height, width)).astype(np.float32)
    shape = filters, channels // groups, kernel, kernel
    weight = random.integers(-9, 10, shape).astype(np.float32)
    used = np.where(weight >= 0, 1.0, -1.0) if signs else weight.astype(float)
    matrix = filter_matrix(used, groups, FLOAT64_SUMS)
    expected = convolve(image.astype(float), matrix, op, FLOAT64_SUMS, 2**24)
    out = guarded(np.full(expected.shape, np.nan, np.float32), at_end)
    run = floats.convolution(op, image.shape, guarded(weight, at_end), signs=signs)
    run(guarded(image, at_end), out)
    np.testing.assert_array_equal(out, expected)


def main() -> None:
    for at_end in (False, True):
        floats.aligned = partial(_room, at_end)
        for case in CASES:
            for signs in (False, True):
                check(case, signs, at_end)
    print(HOST.vector_bits, ROWS)


if __name__ == "__main__":
    main()
