"""The XNOR GEMM equals numpy's count, for every method, size, stride and kind of vector."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from xnorsim.errors import UsageError
from xnorsim.kernels import scalar_gemm
from xnorsim.kernels.compiled import HOST
from xnorsim.kernels.gemm import METHODS, differing, pack_filters, scratch_for, sums_for

Array = np.ndarray
SIZES = {
    "one of each": (1, 1, 1),
    "no row": (0, 5, 3),
    "a whole word of steps in each group": (2, 64, 3),
    "one more row than pairs and tiles": (13, 64, 9),
    "one more filter than a narrow panel": (4, 65, 4),
    "a wide panel": (6, 128, 9),
    "wide panels and a rest": (6, 300, 2),
    "steps of just a block": (2, 32, 4),
    "one more word than blocks": (3, 40, 12),
    "a layer": (49, 256, 36),
}


def words(random: np.random.Generator, *shape: int) -> Array:
    return random.integers(0, 2**64, shape, np.uint64)


def counted(rows: Array, filters: Array) -> Array:
    """The same by numpy."""
    return np.bitwise_count(rows[:, None] ^ filters).sum(axis=-1, dtype=np.int64)


def product(rows: Array, filters: Array, method: str) -> Array:
    panels = pack_filters(filters, method)
    sums = sums_for(len(rows), rows.shape[1], panels)
    sums[...] = 12345  # what is there before does not matter
    differing(rows, panels, sums, scratch_for(len(rows), rows.shape[1], panels))
    return sums[: len(rows), : len(filters)]


def unaligned(values: Array, stride: int, start: int) -> Array:
    """The same values at an odd address, with other words between the rows."""
    rows, width = values.shape
    room = np.full(8 * rows * (width + stride) + 8, 0xA5, np.uint8)
    view = room[start : start + 8 * rows * (width + stride)].view(np.uint64)
    view = view.reshape(rows, width + stride)[:, :width]
    view[...] = values
    return view


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("rows", "filters", "width"), SIZES.values(), ids=SIZES.keys())
def test_sums_equal_numpy(method: str, rows: int, filters: int, width: int) -> None:
    random = np.random.default_rng((rows, filters, width))
    a, b = words(random, rows, width), words(random, filters, width)
    np.testing.assert_array_equal(product(a, b, method), counted(a, b))


@pytest.mark.parametrize("method", METHODS)
@given(
    sizes=st.tuples(*[st.integers(1, 70)] * 3),
    stride=st.integers(1, 5),
    start=st.integers(1, 7),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_size_stride_and_alignment(
    method: str, sizes: tuple[int, int, int], stride: int, start: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    a, b = words(random, sizes[0], sizes[2]), words(random, sizes[1], sizes[2])
    given_rows = unaligned(a, stride, start)
    np.testing.assert_array_equal(product(given_rows, b, method), counted(a, b))


@pytest.mark.parametrize("method", METHODS)
def test_rows_may_overlap(method: str) -> None:
    """Windows over a row of pixels are read where they are."""
    random = np.random.default_rng(5)
    pixels, b = words(random, 20), words(random, 10, 6)
    windows = np.lib.stride_tricks.as_strided(pixels, (8, 6), (16, 8))
    np.testing.assert_array_equal(product(windows, b, method), counted(windows, b))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("width", [1023, 1024, 1030])  # 2^16 bits are 1024 words
def test_all_bits_differ_beyond_16_bits(method: str, width: int) -> None:
    b = words(np.random.default_rng(width), 3, width)
    result = product(~b, b, method)
    assert result.dtype == (np.uint16 if width < 1024 else np.int32)
    assert np.diagonal(result).tolist() == [64 * width] * 3
    np.testing.assert_array_equal(result, counted(~b, b))


@pytest.mark.parametrize("method", METHODS)
def test_room_is_reused_for_fewer_rows(method: str) -> None:
    random = np.random.default_rng(7)
    a, b = words(random, 9, 4), words(random, 70, 4)
    panels = pack_filters(b, method)
    sums, scratch = sums_for(9, 4, panels), scratch_for(9, 4, panels)
    for count in (9, 4, 1, 0):
        differing(a[:count], panels, sums, scratch)
        np.testing.assert_array_equal(sums[:count, :70], counted(a[:count], b))


SCALAR: list[Any] = [scalar_gemm.differing, scalar_gemm.differing_unrolled]


@pytest.mark.parametrize("run", SCALAR)
@pytest.mark.parametrize("filters", [1, 3, 4, 6])
def test_scalar_loops_equal_numpy(run: Any, filters: int) -> None:
    random = np.random.default_rng(filters)
    a, b = words(random, 5, 9), words(random, filters, 9)
    sums = np.full((5, filters), -1, np.int32)
    run(a, b, sums)
    np.testing.assert_array_equal(sums, counted(a, b))


@pytest.mark.skipif("popcnt" not in HOST.features, reason="reads the instruction of x86")
@pytest.mark.parametrize("run", SCALAR)
def test_scalar_loops_stay_scalar(run: Any) -> None:
    fresh: Any = njit(run.py_func)  # from the cache it would have no text
    fresh(*[np.zeros((1, 1), np.uint64)] * 2, np.zeros((1, 1), np.int32))
    (text,) = fresh.inspect_asm().values()
    assert "popcntq" in text
    assert "vpshufb" not in text
    assert "vpopcnt" not in text


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(UsageError, match=f"no method 'gpu'.*{METHODS[0]}"):
        pack_filters(np.zeros((1, 1), np.uint64), "gpu")


# NUMBA_CPU_FEATURES, and what then runs on which vectors
LESSER = {
    "popcount by shifts and adds": ("", ["popcount 128"]),
    "shuffles of 16 bytes": ("+sse3,+ssse3", ["lookup 128", "popcount 128"]),
}


@pytest.mark.slow
@pytest.mark.skipif(not HOST.x86, reason="names features of x86")
@pytest.mark.parametrize(("features", "lines"), LESSER.values(), ids=LESSER.keys())
def test_lesser_processors(features: str, lines: list[str], tmp_path: Path) -> None:
    limited = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": features}
    assert guarded_lines(tmp_path, limited) == lines


def test_nothing_outside_the_operands_is_touched(tmp_path: Path) -> None:
    assert [line.split()[0] for line in guarded_lines(tmp_path, {})] == list(METHODS)


def guarded_lines(folder: Path, settings: dict[str, str]) -> list[str]:
    """What guarded.py prints, in a process of its own."""
    script = Path(__file__).parent / "guarded.py"
    environment = {**os.environ, "PYTHONPATH": str(script.parents[2]), **settings}
    if settings:
        environment["NUMBA_CACHE_DIR"] = str(folder)
    run = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()
