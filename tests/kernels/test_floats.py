"""Our own float and +-1 convolutions: exact on integers, near on floats, whatever the shape."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from xnorsim.errors import UsageError
from xnorsim.exact.engines import FLOAT64_SUMS
from xnorsim.exact.reference.windows import convolve, filter_matrix
from xnorsim.kernels import floats, scalar
from xnorsim.kernels.problem import Problem
from xnorsim.kernels.table import KERNELS
from xnorsim.network.ops import Conv

Array = np.ndarray
OURS = ("bwn", "fma", "float-loop", "float-unrolled")


def problem(
    shape: tuple[int, int, int, int], filters: int, kernel: int = 3, groups: int = 1, **others: int
) -> Problem:
    """A problem with integer weights, powers of two as scales, and an integer shift."""
    random = np.random.default_rng((*shape, filters, kernel))
    stride, dilation = others.get("stride", 1), others.get("dilation", 1)
    before, after = others.get("before", 1), others.get("after", 1)
    op = Conv(
        filters, (kernel,) * 2, (stride,) * 2, ((before, after),) * 2, (dilation,) * 2, groups
    )
    weight = random.integers(-9, 10, (filters, shape[1] // groups, kernel, kernel))
    alpha, a = 2.0 ** random.integers(-3, 4, (2, filters))
    norm = a.astype(np.float32), random.integers(-9, 10, filters).astype(np.float32)
    return Problem(op, shape, weight.astype(np.float32), alpha.astype(np.float32), False, norm)


def expected(p: Problem, image: Array, signs: bool) -> Array:
    weight = np.where(p.weight >= 0, 1.0, -1.0) if signs else p.weight.astype(float)
    matrix = filter_matrix(weight, p.op.groups, FLOAT64_SUMS)
    some = image if len(image) else np.zeros((1, *image.shape[1:]))  # the reference wants an image
    sums = convolve(some.astype(float), matrix, p.op, FLOAT64_SUMS, 2**24)[: len(image)]
    assert p.alpha is not None
    assert p.norm is not None
    alpha, a, b = (v.astype(float).reshape(-1, 1, 1) for v in (p.alpha, *p.norm))
    return sums * alpha * a + b


def integers(shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(shape).integers(-9, 10, shape).astype(np.float32)


CASES = {
    "one of each": problem((1, 1, 1, 1), 1, 1, before=0, after=0),
    "no images": problem((0, 4, 6, 6), 5),
    "a padding of one side only": problem((1, 4, 6, 5), 7, before=0, after=2),
    "positions of rows of one": problem((1, 20, 17, 1), 7, 1, before=0, after=0),
    "two blocks of products and a rest": problem((1, 60, 5, 5), 7),
    "more panels than are held at a time": problem((1, 3, 25, 17), 7),
    "groups, stride and dilation": problem((2, 12, 15, 11), 9, groups=3, stride=2, dilation=2),
    "one filter a group": problem((2, 6, 5, 33), 6, groups=6),
    "one filter a group, apart": problem((1, 6, 9, 33), 6, groups=6, stride=2),
    "a kernel of two": problem((1, 5, 8, 9), 13, 2, before=0, after=0),
}


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_exact_on_integers(name: str, case: str, threads: int) -> None:
    p = CASES[case]
    image = integers(p.shape)
    result = KERNELS[name].ready(p, threads).run(image)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, expected(p, image, name == "bwn"))


sizes = st.integers(1, 70)


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(OURS[:2]),
    shape=st.tuples(st.integers(0, 2), sizes, sizes, sizes),
    filters=sizes,
    kernel=st.integers(1, 3),
    stride=st.integers(1, 3),
    before=st.integers(0, 2),
)
def test_odd_sizes(
    name: str,
    shape: tuple[int, int, int, int],
    filters: int,
    kernel: int,
    stride: int,
    before: int,
) -> None:
    p = problem(shape, filters, kernel, stride=stride, before=before, after=2)
    image = integers(shape)
    result = KERNELS[name].ready(p, 1).run(image)
    np.testing.assert_array_equal(result, expected(p, image, name == "bwn"))


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("layout", ["channels last", "every second", "backwards", "unaligned"])
def test_images_of_any_layout(name: str, layout: str) -> None:
    p = CASES["two blocks of products and a rest"]
    plain = integers(p.shape)
    wide = np.full((*p.shape[:3], 2 * p.shape[3]), np.nan, np.float32)
    wide[..., ::2] = plain
    bytes_ = np.zeros(plain.nbytes + 1, np.uint8)
    shifted = bytes_[1:].view(np.float32).reshape(p.shape)
    shifted[...] = plain
    image = {
        "channels last": np.ascontiguousarray(plain.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
        "every second": wide[..., ::2],
        "backwards": np.ascontiguousarray(plain[..., ::-1])[..., ::-1],
        "unaligned": shifted,
    }[layout]
    result = KERNELS[name].ready(p, 1).run(image)
    np.testing.assert_array_equal(result, expected(p, plain, name == "bwn"))


@pytest.mark.parametrize("signs", [False, True])
def test_results_may_have_channels_last(signs: bool) -> None:
    p = CASES["groups, stride and dilation"]
    image = integers(p.shape)
    wanted = expected(p, image, signs)
    canary = np.full((4, *wanted.transpose(0, 2, 3, 1).shape), np.nan, np.float32)
    run = floats.convolution(p.op, p.shape, p.weight, alpha=p.alpha, norm=p.norm, signs=signs)
    run(image, canary[1].transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(canary[1].transpose(0, 3, 1, 2), wanted)
    assert np.isnan(canary[[0, 2, 3]]).all()


@pytest.mark.parametrize("signs", [False, True])
def test_results_need_even_positions(signs: bool) -> None:
    p = CASES["a kernel of two"]
    out = np.empty((1, 13, 7, 9), np.float32)[..., :8]
    run = floats.convolution(p.op, p.shape, p.weight, signs=signs)
    with pytest.raises(UsageError, match="evenly spaced"):
        run(integers(p.shape), out)


@pytest.mark.parametrize("name", OURS)
def test_near_on_floats(name: str) -> None:
    # K = 540 products: rounding grows at worst with the sum of magnitudes, by K ulps of it
    random = np.random.default_rng(5)
    p = CASES["two blocks of products and a rest"]
    p = Problem(p.op, p.shape, random.standard_normal(p.weight.shape).astype(np.float32), p.alpha)
    p = Problem(p.op, p.shape, p.weight, p.alpha, False, (np.ones(7, "f4"), np.zeros(7, "f4")))
    image = random.standard_normal(p.shape).astype(np.float32)
    magnitude = Problem(p.op, p.shape, np.abs(p.weight), p.alpha, False, p.norm)
    bound = expected(magnitude, np.abs(image), name == "bwn") * 540 * 2**-24
    result = KERNELS[name].ready(p, 1).run(image)
    error = np.abs(result - expected(p, image, name == "bwn"))
    assert (error <= bound).all()
    assert error.any()  # or these were no floats


@pytest.mark.parametrize("name", OURS)
def test_what_is_no_number_stays_in_its_windows(name: str) -> None:
    p = problem((1, 5, 9, 20), 7)
    image = integers(p.shape)
    clean = KERNELS[name].ready(p, 1).run(image).copy()
    image[0, 2, 4, 10] = np.nan
    result = KERNELS[name].ready(p, 1).run(image)
    touched = np.zeros(result.shape, bool)
    touched[:, :, 3:6, 9:12] = True
    np.testing.assert_array_equal(np.isnan(result), touched)
    np.testing.assert_array_equal(result[~touched], clean[~touched])


@pytest.mark.parametrize("name", OURS)
def test_faults(name: str) -> None:
    p = CASES["a kernel of two"]
    with pytest.raises(UsageError, match="at least 1, not 0"):
        KERNELS[name].ready(p, 0)
    scaled = Problem(p.op, p.shape, p.weight, p.alpha, input_scale=True)
    assert "map K" in KERNELS[name].cannot(scaled)
    with pytest.raises(UsageError, match="map K"):
        KERNELS[name].ready(scaled, 1)
    run = KERNELS[name].ready(p, 1).run
    for image in (np.zeros((1, 5, 8, 10), np.float32), np.zeros(p.shape)):
        with pytest.raises(UsageError, match="the image is float32"):
            run(image)


def test_weights_of_bwn_are_bits() -> None:
    p = problem((1, 64, 5, 5), 60)
    sizes = floats._sizes(p.op, p.shape)
    _, weights, _ = floats._layout(p.weight, sizes, 1, signs=True)
    assert weights().nbytes * 8 == p.weight.size


def _machine_code(loop: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Compiled anew, for what comes from numba's cache has no listing."""
    inner: Any = scalar._four_sums
    monkeypatch.setattr(scalar, "_four_sums", njit(nogil=True)(inner.py_func))
    function = njit(nogil=True)(scalar.LOOPS[loop].py_func)
    monkeypatch.setitem(scalar.LOOPS, loop, function)
    p = CASES["a kernel of two"]
    KERNELS[loop].ready(p, 1).run(integers(p.shape))
    return function.inspect_asm(function.signatures[0])


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="reads x86 machine code")
@pytest.mark.parametrize("loop", scalar.LOOPS)
def test_loops_are_no_vectors(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code = _machine_code(loop, monkeypatch)
    assert re.search(r"v?(add|fmadd\d+)ss\b", code)
    assert not re.search(r"v?(add|mul|fmadd\d+)ps\b", code)


VECTORS = {"as they are": {}}
if os.uname().machine == "x86_64":
    VECTORS["SSE2"] = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+sse2"}


@pytest.mark.skipif(sys.platform != "linux", reason="mprotect as Linux has it")
@pytest.mark.parametrize("vectors", VECTORS)
def test_nothing_beyond_the_arrays(vectors: str) -> None:
    script = Path(__file__).parent / "guarded_floats.py"
    environment = {**os.environ, **VECTORS[vectors]}
    done = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("128 ") or not VECTORS[vectors]
