"""Runs the XNOR GEMM between pages that may not be touched, and prints what ran.

    python guarded.py          a line "<method> <bits of a vector>" for each method of this machine

Every operand lies once right after a forbidden page and once right before one. Reading or writing
beyond it ends the process, so this is run in one of its own.
"""

from __future__ import annotations

import ctypes
import mmap

import numpy as np

from xnorsim.kernels.compiled import HOST
from xnorsim.kernels.gemm import METHODS, differing, pack_filters, scratch_for, sums_for

PAGE = mmap.PAGESIZE
PROT_NONE = 0
SIZES = ((1, 1, 1), (2, 16, 2), (3, 33, 5), (7, 65, 4), (13, 128, 9), (5, 200, 36))
"""Rows, filters and words: less than a tile of each, whole ones, and some with a rest."""
_libc = ctypes.CDLL(None, use_errno=True)
_kept: list[mmap.mmap] = []


def guarded(values: np.ndarray, at_end: bool) -> np.ndarray:
    """A copy between two forbidden pages, touching the second or the first."""
    pages = max(1, -(-values.nbytes // PAGE))
    memory = mmap.mmap(-1, (pages + 2) * PAGE)
    _kept.append(memory)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for page in (start, start + (pages + 1) * PAGE):
        if _libc.mprotect(ctypes.c_void_p(page), PAGE, PROT_NONE):
            raise OSError(ctypes.get_errno(), "mprotect")
    begin = PAGE * (pages + 1) - values.nbytes if at_end else PAGE
    copy = np.frombuffer(memory, values.dtype, values.size, begin).reshape(values.shape)
    copy[...] = values
    return copy


def check(method: str, rows: int, filters: int, words: int, at_end: bool) -> None:
    """Compare one product with numpy's."""
    random = np.random.default_rng((rows, filters, words))
    a = random.integers(0, 2**64, (rows, words), np.uint64)
    b = random.integers(0, 2**64, (filters, words), np.uint64)
    panels = pack_filters(b, method)
    room = sums_for(rows, words, panels), scratch_for(rows, words, panels)
    sums, scratch = (guarded(array, at_end) for array in room)
    differing(guarded(a, at_end), guarded(panels, at_end), sums, scratch)
    np.testing.assert_array_equal(
        sums[:rows, :filters], np.bitwise_count(a[:, None] ^ b).sum(axis=-1)
    )


def main() -> None:
    for method in METHODS:
        for size in SIZES:
            for at_end in (False, True):
                check(method, *size, at_end)
        print(method, HOST.vector_bits)


if __name__ == "__main__":
    main()
