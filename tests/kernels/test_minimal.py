"""Convolutions of fewer products: near float64 whatever the shape, and never silently wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.minimal_case import CASES, Case, convolved, drawn, expected, magnitudes, op_of
from xnorsim.kernels.direct import direct_convolution
from xnorsim.kernels.minimal import minimal_convolution, pays, toom_cook
from xnorsim.kernels.program import bound, lines_command
from xnorsim.network.ops import Conv

Array = np.ndarray


@pytest.mark.parametrize("taps", [1, 2, 3, 4])
def test_the_matrices_filter_exactly(taps: int) -> None:
    back, by_tap, by_input = toom_cook(4, taps)
    random = np.random.default_rng(taps)
    g, d = random.integers(-9, 10, taps), random.integers(-9, 10, taps + 3)
    found = back @ ((by_tap @ g) * (by_input @ d))
    assert found.tolist() == [sum(g * d[at : at + taps]) for at in range(4)]


@pytest.mark.parametrize("taps", [2, 3, 4])
def test_what_multiplies_inputs_is_no_rounded_fraction(taps: int) -> None:
    for matrix in (toom_cook(4, taps)[0], toom_cook(4, taps)[2]):
        assert all(x == float(np.float32(float(x))) for x in matrix.flat)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(0, 2), st.integers(1, 5), st.integers(1, 45), st.integers(1, 45)),
    filters=st.integers(1, 70),
    kernel=st.tuples(st.integers(1, 7), st.integers(5, 8)),
    down=st.integers(1, 3),
    pads=st.tuples(st.integers(2, 4), st.integers(2, 4)),
    threads=st.integers(1, 3),
)
def test_odd_sizes(
    shape: tuple[int, int, int, int],
    filters: int,
    kernel: tuple[int, int],
    down: int,
    pads: tuple[int, int],
    threads: int,
) -> None:
    if shape[2] + sum(pads) < kernel[0] or shape[3] + sum(pads) < kernel[1]:
        return
    case = Case(shape, filters, kernel, down, pads)
    image, weight, norm = drawn(case)
    result = convolved(case, image, weight, norm, threads)
    # at worst an ulp of the sum of magnitudes for each of some hundred roundings, but for points
    # whose powers of two make magnitudes four times as large
    bound = (4 * magnitudes(case, image, weight, norm) + np.abs(norm[1])) * 2**-20
    assert (np.abs(result - expected(case, image, weight, norm)) <= bound).all()


def test_errors_are_those_of_direct_sums_but_for_a_factor_of_three() -> None:
    case = Case((1, 3, 60, 224), 48, (7, 7), 2, (3, 3))
    op, ratios = op_of(case), []
    for seed in range(4):
        image, weight, norm = drawn(case, seed)
        image = np.abs(image) if seed % 2 else image
        wanted = expected(case, image, weight, norm)
        padded = np.pad(image, ((0, 0), (0, 0), (3, 3), (3, 3)))
        direct = np.empty(wanted.shape, np.float32)
        own = direct_convolution(op, padded, weight, norm)
        bound([lines_command(own, padded, direct, 1)], 1)()
        errors = [
            np.linalg.norm(found - wanted)
            for found in (convolved(case, image, weight, norm, 1), direct)
        ]
        assert errors[1] > 0
        ratios.append(errors[0] / errors[1])
    assert max(ratios) < 3
    assert min(ratios) > 0.5  # or one of them is no sum of float32


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e20])
@pytest.mark.parametrize("place", [(0, 0, 0, 0), (1, 2, 18, 30), (1, 1, 9, 15)])
def test_inputs_that_cannot_be_added_up_are_told(bad: float, place: tuple[int, ...]) -> None:
    case = Case((2, 3, 19, 31), 5, (7, 7), 2, (3, 3))
    image, weight, norm = drawn(case)
    image[place] = bad
    for threads in (1, 2):
        with pytest.raises(ArithmeticError):
            convolved(case, image, weight, norm, threads)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e19])
def test_weights_that_cannot_be_added_up_are_told(bad: float) -> None:
    case = Case((1, 3, 19, 31), 5, (7, 7), 2, (3, 3))
    _, weight, norm = drawn(case)
    weight[3, 1, 2, 5] = bad
    assert minimal_convolution(op_of(case), weight, norm, 16) is None


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "groups", "does"),
    [
        (7, 2, 1, 1, True),
        (5, 2, 1, 1, True),
        (8, 2, 1, 1, True),
        (4, 2, 1, 1, False),
        (9, 2, 1, 1, False),
        (7, 1, 1, 1, False),
        (7, 3, 1, 1, False),
        (7, 2, 2, 1, False),
        (7, 2, 1, 3, False),
    ],
)
def test_where_it_pays(kernel: int, stride: int, dilation: int, groups: int, does: bool) -> None:
    op = Conv(6, (3, kernel), (1, stride), ((1, 1), (1, 1)), (dilation,) * 2, groups)
    assert pays(op) == does


VECTORS = {"as they are": {}}
if os.uname().machine == "x86_64":
    VECTORS["SSE2"] = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+sse2"}


@pytest.mark.skipif(sys.platform != "linux", reason="mprotect as Linux has it")
@pytest.mark.parametrize("vectors", VECTORS)
def test_nothing_beyond_the_arrays(vectors: str) -> None:
    script = Path(__file__).parent / "guarded_minimal.py"
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, **VECTORS[vectors], "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    bits, cases = map(int, done.stdout.split())
    assert cases == len(CASES)
    assert bits == 128 or not VECTORS[vectors]
