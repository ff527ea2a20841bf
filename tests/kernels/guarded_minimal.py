"""Runs convolutions of fewer products between pages that may not be touched, and prints what ran.

    python guarded_minimal.py      a line "<vector bits> <cases>"

See guarded.py: reading or writing beyond any operand or buffer ends the process.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from guarded import guarded

from tests.kernels.minimal_case import CASES, Case, drawn, expected, op_of
from xnorsim.kernels import minimal
from xnorsim.kernels.compiled import HOST
from xnorsim.kernels.program import bands_command, bound


def _room(at_end: bool, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    return guarded(np.zeros(shape, dtype), at_end)


def check(case: Case, at_end: bool) -> None:
    """Compare one convolution with the reference; all its arrays are guarded."""
    image, weight, norm = drawn(case)
    op, wanted = op_of(case), expected(case, image, weight, norm)
    found = minimal.minimal_convolution(op, weight, norm, wanted.shape[2])
    assert found is not None
    tables = (found.forward, found.taps, found.begins, found.panels, found.shifts, found.backward)
    found = minimal.Minimal(op, *(guarded(table, at_end) for table in tables))
    (before, after), least = case.pads, minimal.columns(op, wanted.shape[2])
    wide = max(image.shape[3] + before + after, least)
    padded = np.zeros((*image.shape[:2], image.shape[2] + before + after, wide), np.float32)
    padded[:, :, before : before + image.shape[2], before : before + image.shape[3]] = image
    out = guarded(np.full(wanted.shape, np.nan, np.float32), at_end)
    assert bound([bands_command(found, guarded(padded, at_end), out, 1)], 1)()
    np.testing.assert_allclose(out, wanted, rtol=0, atol=1e-4)


def main() -> None:
    for at_end in (False, True):
        minimal.aligned = partial(_room, at_end)
        for case in CASES:
            check(case, at_end)
    print(HOST.vector_bits, len(CASES))


if __name__ == "__main__":
    main()
