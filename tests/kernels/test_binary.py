"""The parts of the binary convolution: what they read, what they refuse, and its threads."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

from xnorsim.errors import ModelError, UsageError
from xnorsim.kernels.crew import claim, together
from xnorsim.kernels.problem import Problem
from xnorsim.kernels.results import turning_points
from xnorsim.kernels.table import kernel
from xnorsim.network.ops import Conv

OP = Conv(8, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))
PROBLEM = Problem(OP, (1, 5, 6, 7), np.ones((8, 5, 3, 3), np.float32))


def test_nothing_is_touched_beyond_an_array() -> None:
    code = Path(__file__).with_name("guarded_binary.py")
    ran = subprocess.run([sys.executable, str(code)], capture_output=True, text=True, check=False)
    assert ran.stdout.split() == ["ran"], ran.stderr


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0, 0, 0), (0, 4, 5, 6), (0, 3, 2, 1)])
def test_what_has_no_sign_is_named(value: float, place: tuple[int, ...]) -> None:
    image = np.ones(PROBLEM.shape, np.float32)
    image[place] = value
    ready = kernel("xnor").ready(PROBLEM, 1)
    with pytest.raises(ModelError, match=re.escape(str(list(place)))):
        ready.run(image)
    assert ready.run(np.ones_like(image)).max() == 45  # the next image is judged anew


@pytest.mark.parametrize(
    "image",
    [np.ones((1, 5, 7, 6), np.float32), np.ones((1, 5, 6, 7)), np.ones((5, 6, 7), np.float32)],
    ids=["another shape", "float64", "no batch"],
)
def test_another_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"the image is float32 \[1, 5, 6, 7\], not"):
        kernel("xnor").ready(PROBLEM, 1).run(image)


def test_less_than_one_thread_is_refused() -> None:
    with pytest.raises(UsageError, match="threads are at least 1, not 0"):
        kernel("xnor").ready(PROBLEM, 0)


@pytest.mark.parametrize("k", [0, 1, 7, 40])
def test_turning_points_are_those_of_every_dot(k: int) -> None:
    draw = np.random.default_rng(k)
    alpha, a, b = draw.choice([-2.0, -0.5, 0.0, 0.1, 3.0], (3, 400)).astype(np.float32)
    b *= np.float32(k / 3)
    direction, least = turning_points(alpha, a, b, k)
    for dot in range(-k, k + 1):
        y = np.float32(dot) * alpha * a + b
        np.testing.assert_array_equal(direction * dot >= least, y >= 0)


def test_a_parameter_that_is_not_finite_is_named() -> None:
    ones = np.ones(3, np.float32)
    with pytest.raises(ModelError, match="filter 1: y is NaN"):
        turning_points(ones, ones, np.array([0, np.nan, 0], np.float32), 9)


def test_tiles_are_claimed_once_by_any_number_of_threads() -> None:
    counter = np.zeros(1, np.int64)
    taken: list[list[int]] = [[], [], []]

    def work(part: int) -> None:
        while (tile := claim(counter)) < 100:
            taken[part].append(tile)

    for _ in range(200):
        counter[0] = 0
        together(work, 3)
        assert sorted(chain(*taken)) == list(range(100))
        taken = [[], [], []]


def test_what_fails_here_is_raised_after_the_others_have_ended() -> None:
    def work(part: int) -> None:
        if not part:
            raise UsageError("here")

    for _ in range(20):
        with pytest.raises(UsageError, match="here"):
            together(work, 2)
