"""Libraries as baselines: they compute what they should, in as many threads as they are told."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pytest

from xnorsim.errors import MissingExtraError, UsageError
from xnorsim.exact.engines import FLOAT64_SUMS
from xnorsim.exact.reference.windows import convolve, filter_matrix
from xnorsim.kernels import threads
from xnorsim.kernels.baselines import READY, folded
from xnorsim.kernels.problem import Problem
from xnorsim.kernels.table import KERNELS
from xnorsim.network.ops import Conv

NAMES = [
    pytest.param(name, marks=pytest.mark.skipif(not find_spec(name), reason=f"no {name} here"))
    for name in READY
]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def conv(kernel: int, filters: int, padding: int = 1, groups: int = 1, stride: int = 1) -> Conv:
    pads = ((padding, padding), (padding, padding + bool(padding)))
    return Conv(filters, (kernel,) * 2, (stride,) * 2, pads, (1, 1), groups)


CASES = {
    "a layer": (conv(3, 16), (2, 8, 7, 9)),
    "no images": (conv(3, 16), (0, 8, 7, 9)),
    "groups and stride": (conv(3, 9, groups=3, stride=2), (1, 6, 9, 8)),
    "one filter a group": (conv(3, 6, groups=6), (1, 6, 9, 8)),
    "as it lies": (conv(1, 5, padding=0), (2, 6, 5, 7)),
    "a dense layer": (Conv(11, (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1)), (3, 70, 1, 1)),
}


def problem(op: Conv, shape: tuple[int, int, int, int]) -> Problem:
    random = np.random.default_rng(shape)
    weight = random.integers(-9, 10, (op.out_channels, shape[1] // op.groups, *op.kernel))
    alpha, a = (2.0 ** random.integers(-3, 4, (2, op.out_channels))).astype(np.float32)
    b = random.integers(-9, 10, op.out_channels).astype(np.float32)
    return Problem(op, shape, weight.astype(np.float32), alpha, False, (a, b))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", CASES)
def test_exact_on_integers(name: str, case: str) -> None:
    p = problem(*CASES[case])
    image = np.random.default_rng(3).integers(-9, 10, p.shape).astype(np.float32)
    weight, bias = (array.astype(float) for array in folded(p))
    matrix = filter_matrix(weight, p.op.groups, FLOAT64_SUMS)
    some = image if len(image) else np.zeros((1, *image.shape[1:]))  # the reference wants an image
    sums = convolve(some.astype(float), matrix, p.op, FLOAT64_SUMS, 2**24)[: len(image)]
    ready = KERNELS[name].ready(p, 1)
    for given in (image, np.repeat(image, 2, axis=3)[..., ::2]):  # and one with gaps
        np.testing.assert_array_equal(ready.run(given), sums + bias[:, None, None])
    assert ready.versions[name]
    assert ready.settings


@pytest.mark.parametrize("name", NAMES)
def test_faults(name: str) -> None:
    p = problem(*CASES["a layer"])
    with pytest.raises(UsageError, match="at least 1, not 0"):
        KERNELS[name].ready(p, 0)
    with pytest.raises(UsageError, match="the image is float32"):
        KERNELS[name].ready(p, 1).run(np.zeros((2, 8, 9, 7), np.float32))


@pytest.mark.parametrize("name", ["onnxruntime", "torch"])
def test_what_is_missing_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=rf"xnorsim\[{name}\]"):
        KERNELS[name].ready(problem(*CASES["a layer"]), 1)


@pytest.mark.parametrize("side", [90, 91])
def test_a_bias_on_either_side_of_the_buffer(side: int) -> None:
    """8100 positions fit into numpy's buffer of 8192, 8281 do not: the same sums."""
    p = problem(conv(1, 3, padding=0), (1, 2, side, side))
    image = np.random.default_rng(5).integers(-9, 10, p.shape).astype(np.float32)
    weight, bias = folded(p)
    expected = np.einsum("fc,bcyx->bfyx", weight[..., 0, 0], image) + bias[:, None, None]
    np.testing.assert_array_equal(KERNELS["numpy"].ready(p, 1).run(image), expected)


LARGE = (conv(3, 128), (1, 128, 28, 28))


def busy_threads(run: Callable[[], object], seconds: float = 0.05) -> float:
    """CPU time of all threads of the process, also of those that only spin, over that of this one.

    Both wait alike while the machine has other work.
    """
    run()
    own, every = time.thread_time(), time.process_time()
    while time.thread_time() - own < seconds:
        run()
    return (time.process_time() - every) / (time.thread_time() - own)


@pytest.mark.parametrize("name", NAMES)
def test_one_thread_is_one_core(name: str) -> None:
    p = problem(*LARGE)
    image, ready = np.ones(p.shape, np.float32), KERNELS[name].ready(p, 1)
    # twice, for a thread of an earlier test may still be looking out for work
    assert min(busy_threads(lambda: ready.run(image)) for _ in range(2)) < 1.2


@pytest.mark.skipif(CORES < 2, reason="this process may use one core only")
@pytest.mark.skipif(not find_spec("threadpoolctl"), reason="nothing sets BLAS to two threads")
def test_a_second_thread_is_noticed() -> None:
    square = np.ones((1024, 1024), np.float32)
    with threads.blas_threads(2):
        assert max(busy_threads(lambda: square @ square, 0.1) for _ in range(5)) > 1.2


def test_threads_of_blas_are_given_back() -> None:
    if threads.blas_control() != "threadpoolctl":
        pytest.skip("no threadpoolctl here")
    with threads.blas_threads(2):
        with threads.blas_threads(1):
            assert {library.get_num_threads() for library in threads._blas() or ()} == {1}
        assert {library.get_num_threads() for library in threads._blas() or ()} == {2}


def test_without_threadpoolctl_the_settings_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    threads._blas.cache_clear()
    ready = KERNELS["numpy"].ready(problem(*CASES["a layer"]), 1)
    threads._blas.cache_clear()
    assert ready.settings["threads"] == "as the library chose"
    ready.run(np.ones((2, 8, 7, 9), np.float32))
