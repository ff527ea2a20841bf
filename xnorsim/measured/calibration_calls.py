"""What a call of each program costs: one that computes next to nothing, a layer of one number."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from xnorsim.errors import MissingExtraError
from xnorsim.kernels.problem import Problem
from xnorsim.kernels.table import KERNELS
from xnorsim.measured.calibration_rounds import WAIT_S, Wait, at_once
from xnorsim.network.ops import Conv

__all__ = ["PROGRAMS", "called_s", "program_calls"]

PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "own": ("xnor", "fma"),
    "popcnt": ("popcnt",),
    "scalar": ("float-loop",),
    "numpy": ("numpy",),
    "onnxruntime": ("onnxruntime",),
}
"""The kernels that are called for each program of overhead.programs."""

Call = Callable[[], object]
_CALLS, _BLOCKS = 20, 10


def program_calls() -> dict[str, Call]:
    """By program and kernel, as "own:fma": its call for one pixel, one channel and one filter.

    Those whose package is not installed are left out; compiled code is compiled here.
    """
    op = Conv(1, (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1))
    problem = Problem(op, (1, 1, 1, 1), np.ones((1, 1, 1, 1), np.float32))
    found = {}
    for program, kernels in PROGRAMS.items():
        for name in kernels:
            try:
                found[f"{program}:{name}"] = _call(name, problem)
            except MissingExtraError:
                continue
    return found


def _call(name: str, problem: Problem) -> Call:
    ready = KERNELS[name].ready(problem, 1)
    image = np.ones(problem.shape, np.float32)
    ready.run(image)
    return lambda: ready.run(image)


def called_s(call: Call, wait: Wait = at_once) -> float:
    """Seconds of a call: the shortest mean of a few in a row. wait: for a calm moment."""
    return min(_mean_s(call, wait) for _ in range(_BLOCKS))


def _mean_s(call: Call, wait: Wait) -> float:
    wait(WAIT_S)
    start = time.perf_counter()
    for _ in range(_CALLS):
        call()
    return (time.perf_counter() - start) / _CALLS
