"""XNOR GEMM beside what this machine can do at most: loops of the same operations in registers.

REF is the product of 196 rows and 256 filters of 2304 bits: a binary convolution of 256 channels,
14x14 positions and 256 filters of 3x3. The best method of this processor must reach a loop of
xor, vector popcount and add that touches no memory. The others, and such a loop of look-ups, are
for information. Rows come as packed words and in chunks of 32, as a convolution gives them; what
a method makes of them first is part of its time.

The candidates take turns in one process, so that a busy moment of the machine falls on all of
them. A ratio is taken within each round; stated are the median and the extremes over the rounds.
Exits with 1 if a median misses its aim.

    python bench/xnor_gemm.py            needs numba: pip install 'xnorsim[native]'
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import numba
import numpy as np

from xnorsim.kernels import gemm, scalar_gemm
from xnorsim.kernels.compiled import HOST, compiled
from xnorsim.kernels.gemm import differing
from xnorsim.kernels.limits import LIMITS

ROUNDS = 41
SECONDS = 2e-3  # of a sample: short, so that both of a ratio meet the same machine
ROWS, FILTERS, WORDS = 196, 256, 36
MACS = ROWS * FILTERS * WORDS * 64
CHUNK = 32
LEAST = 0.95
"""Of the speed of the loop of xor, popcount and add."""

Work = Callable[[], object]


def products() -> dict[str, Work]:
    """REF by each method."""
    random = np.random.default_rng(0)
    rows = random.integers(0, 2**64, (ROWS, WORDS), np.uint64)
    filters = random.integers(0, 2**64, (FILTERS, WORDS), np.uint64)
    expected = np.bitwise_count(rows[-1] ^ filters).sum(axis=-1)
    work: dict[str, Work] = {}
    for method in gemm.METHODS:
        panels = gemm.pack_filters(filters, method)
        room = gemm.sums_for(CHUNK, WORDS, panels), gemm.scratch_for(CHUNK, WORDS, panels)
        work[method] = partial(in_chunks, rows, panels, *room)
        work[method]()
        np.testing.assert_array_equal(room[0][(ROWS - 1) % CHUNK, :FILTERS], expected)
    sums = np.zeros((ROWS, FILTERS), np.int32)
    work["scalar"] = partial(scalar_gemm.differing, rows, filters, sums)
    work["scalar, unrolled"] = partial(scalar_gemm.differing_unrolled, rows, filters, sums)
    return work


@compiled
def in_chunks(rows, panels, sums, scratch):
    for start in range(0, ROWS, CHUNK):
        differing(rows[start : start + CHUNK], panels, sums, scratch)


def rate(work: Work, macs: int) -> Callable[[], float]:
    """A sample of a candidate: binary MACs a second, over calls that take SECONDS."""
    work()  # compiled, and warm
    start = time.perf_counter()
    work()
    calls = max(1, round(SECONDS / (time.perf_counter() - start)))

    def sample() -> float:
        start = time.perf_counter()
        for _ in range(calls):
            work()
        return calls * macs / (time.perf_counter() - start)

    return sample


def main() -> int:
    candidates = {name: rate(work, MACS) for name, work in products().items()}
    for method, limit in LIMITS.items():
        turns = MACS // limit.macs
        candidates[limit_of(method)] = rate(partial(limit.run, turns), turns * limit.macs)
    samples: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(ROUNDS):
        for name, sample in candidates.items():
            samples[name].append(sample())
    print(f"numba {numba.__version__}, vectors of {HOST.vector_bits} bits, {ROUNDS} rounds")
    print(f"\n{'':24} {'median':>8} {'min':>8} {'max':>8}  G binary MAC/s")
    for name, rates in samples.items():
        print(f"{name:24} {spread([one / 1e9 for one in rates], '8.1f')}")
    print(f"\n{'':42} {'median':>8} {'min':>8} {'max':>8} {'aim':>8}")
    fast = compare(gemm.METHODS[0], "popcount", samples, LEAST)
    for method in gemm.METHODS:
        compare(method, method, samples, None)
    return 0 if fast else 1


def limit_of(method: str) -> str:
    """What the loop in registers is called in the tables."""
    return f"{method}, in registers"


def compare(name: str, method: str, samples: dict[str, list[float]], least: float | None) -> bool:
    """Print a method's speed over a loop's in registers; whether the median is enough."""
    pairs = zip(samples[name], samples[limit_of(method)], strict=True)
    ratios = [ours / limit for ours, limit in pairs]
    print(f"{name + ' / ' + limit_of(method):42} {spread(ratios, '8.2f')} {least or '-':>8}")
    return least is None or statistics.median(ratios) >= least


def spread(values: list[float], form: str) -> str:
    """The median and the extremes."""
    return " ".join(format(n, form) for n in (statistics.median(values), min(values), max(values)))


if __name__ == "__main__":
    sys.exit(main())
