"""Compiled functions are kept for later, until the package changes; without numba it is said."""

from __future__ import annotations

import subprocess
import sys

import pytest

from xnorsim.kernels import compiled as module
from xnorsim.kernels.compiled import HOST, aligned, compiled


def double(x: int) -> int:
    return 2 * x


def test_a_function_is_kept_until_any_file_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiled(double)(3) == 6
    again = compiled(double)
    assert again(3) == 6
    assert sum(again.stats.cache_hits.values()) == 1
    monkeypatch.setattr(module, "_newest", lambda: ("another.py", 1, 2.0))
    stale = compiled(double)
    assert stale(3) == 6
    assert sum(stale.stats.cache_hits.values()) == 0


@pytest.mark.parametrize("shape", [(0, 3), (1,), (5, 7, 3)])
def test_arrays_start_with_a_cache_line(shape: tuple[int, ...]) -> None:
    array = aligned(shape, "u2")
    assert array.shape == shape
    assert array.ctypes.data % 64 == 0 or not array.size
    assert not array.any()


def test_the_host_has_vectors() -> None:
    assert HOST.vector_bits in (128, 256, 512)
    assert HOST.vector_registers in (16, 32)


@pytest.mark.parametrize("name", ["compiled", "gemm", "lookup", "popcount", "limits"])
def test_without_numba_the_extra_is_named(name: str) -> None:
    code = f"import sys; sys.modules['numba'] = None; import xnorsim.kernels.{name}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = run.stderr.splitlines()[-1]
    assert last.startswith("xnorsim.errors.MissingExtraError: a native kernel needs")
    assert last.endswith("pip install 'xnorsim[native]'")
