"""How fast the port bound is: a million mixes of instructions on one core of this machine.

The peers are what one would write otherwise: the linear program of each mix by SciPy's solver, and
the same maximum over sets of ports in plain Python. They get a sample of the rows, must agree with
the arrays, and their rows a second are compared.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: one core

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from xnorsim.cost.ports import port_cycles, port_limits
from xnorsim.machine.core import Core
from xnorsim.machine.instructions import CLASSES

ROWS = 1_000_000
SAMPLES = {"plain Python": 5_000, "scipy linprog": 50}
REPEATS = 5
LIMIT_S = 2.0

# Ports of the classes that are not listed; the shape of a wide x86 core, in round figures.
ALU = (0, 1, 5, 6)
PORTS_OF = {
    (0, 1, 5): ("vector_logic", "vector_add", "vector_compare", "vector_min_max"),
    (0, 1): ("vector_shift", "int8_multiply", "int8_dot", "fp32_fma", "fp32_add", "fp32_mul"),
    (5,): ("vector_popcount", "vector_sad", "vector_shuffle", "vector_narrow", "vector_move"),
    (0,): ("vector_mask_move", "vector_to_scalar"),
    (1,): ("scalar_popcount", "scalar_multiply"),
    (1, 5): ("vector_widening_add", "vector_pairwise_add", "vector_widening_accumulate"),
    (2, 3): ("vector_load", "broadcast_load", "scalar_load"),
    (4,): ("vector_store", "scalar_store"),
    (0, 6): ("branch",),
}


def wide_core() -> Core:
    """A core with seven ports that has every class."""
    where = {name: ports for ports, names in PORTS_OF.items() for name in names}
    allowed = np.zeros((len(CLASSES), 7), dtype=bool)
    for row, name in zip(allowed, CLASSES, strict=True):
        row[list(where.get(name, ALU))] = True
    ones = np.ones(len(CLASSES))
    return Core(
        classes=tuple(CLASSES),
        ports=tuple(f"p{i}" for i in range(7)),
        allowed=allowed,
        uops=ones,
        busy_cycles=ones,
        latency_cycles=ones,
        issue_width=4.0,
    )


def plain(mix: list[float], core: Core) -> float:
    """The bound of one mix: a loop over all sets of ports."""
    masks = [sum(1 << p for p, ok in enumerate(row) if ok) for row in core.allowed.tolist()]
    best = sum(mix) / core.issue_width
    for union in range(1, 1 << len(core.ports)):
        work = sum(n for n, mask in zip(mix, masks, strict=True) if mask & ~union == 0)
        best = max(best, work / union.bit_count())
    return best


def solved(mix: NDArray[np.float64], core: Core) -> float:
    """The linear program of one mix: work on allowed (class, port) pairs, and the time, least."""
    where, port = np.nonzero(core.allowed)
    pairs = len(where)
    work = np.zeros((len(mix), pairs + 1))
    work[where, np.arange(pairs)] = 1
    load = np.zeros((len(core.ports), pairs + 1))
    load[port, np.arange(pairs)] = 1
    load[:, -1] = -1
    goal = np.append(np.zeros(pairs), 1.0)
    found = linprog(goal, A_ub=load, b_ub=np.zeros(len(load)), A_eq=work, b_eq=mix)
    return max(found.fun, mix.sum() / core.issue_width)


def timed(run: Callable[[], NDArray[np.float64]]) -> tuple[float, NDArray[np.float64]]:
    start = time.perf_counter()
    found = run()
    return time.perf_counter() - start, found


def main() -> int:
    core = wide_core()
    mix = np.random.default_rng(0).integers(0, 1000, (ROWS, len(CLASSES))).astype(float)
    runs = [timed(lambda: port_cycles(mix, core)) for _ in range(REPEATS)]
    ours, found = statistics.median(seconds for seconds, _ in runs), runs[-1][1]
    names, _ = port_limits(mix[:1], core)
    print(f"{ROWS} mixes x {len(CLASSES)} classes, {len(names)} limits, one thread")
    print(f"{'':16} {'rows':>8} {'seconds':>8} {'rows/s':>10} {'xnorsim is':>11}")
    print(f"{'port_cycles':16} {ROWS:>8} {ours:>8.3f} {ROWS / ours:>10.3g}", flush=True)
    peers = {
        "plain Python": lambda rows: np.array([plain(row, core) for row in rows.tolist()]),
        "scipy linprog": lambda rows: np.array([solved(row, core) for row in rows]),
    }
    for name, peer in peers.items():
        rows = SAMPLES[name]
        seconds, theirs = timed(lambda peer=peer, rows=rows: peer(mix[:rows]))
        np.testing.assert_allclose(theirs, found[:rows], rtol=1e-9)
        faster = (rows / seconds) * ours / ROWS
        print(f"{name:16} {rows:>8} {seconds:>8.3f} {rows / seconds:>10.3g} {1 / faster:>10.0f}x")
    if ours > LIMIT_S:
        print(f"port_cycles took {ours:.2f} s, over the limit of {LIMIT_S} s", file=sys.stderr)
    return int(ours > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
