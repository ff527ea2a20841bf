"""Compiled functions are kept for later, until the package changes; without numba it is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xnorsim.kernels import compiled as module
from xnorsim.kernels.buffers import aligned
from xnorsim.kernels.compiled import HOST, alone, compiled, inlined, inner


def double(x: int) -> int:
    return 2 * x


@inner
def third(x: int) -> int:
    if x % 3:
        raise ValueError("no multiple of three")
    return x // 3


@inlined
def sixth(x: int) -> int:
    return third(x) // 2


def of_parts(x: int) -> int:
    return third(x) + sixth(x)


def test_a_function_is_kept_until_any_file_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiled(double)(3) == 6
    again = compiled(double)
    assert again(3) == 6
    assert sum(again.stats.cache_hits.values()) == 1
    monkeypatch.setattr(module, "_newest", lambda: ("another.py", 1, 2.0))
    stale = compiled(double)
    assert stale(3) == 6
    assert sum(stale.stats.cache_hits.values()) == 0


def test_parts_are_compiled_with_their_callers_only() -> None:
    whole = compiled(of_parts)
    assert [whole(12), alone(sixth)(24)] == [6, 4]
    with pytest.raises(ValueError, match="no multiple of three"):
        whole(13)
    for part in (third, sixth):
        (found,) = part.overloads.values()
        assert found.library.get_pointer_to_function(found.fndesc.llvm_func_name) == 0
    (found,) = whole.overloads.values()
    assert found.library.get_pointer_to_function(found.fndesc.llvm_func_name)


KEPT = """
import numpy as np
from numba.core import event
from xnorsim.kernels.gemm import differing, pack_filters, scratch_for, sums_for
rows, filters = (np.arange(n * 7, dtype=np.uint64).reshape(n, 7) ** 5 for n in (5, 9))
panels = pack_filters(filters)
sums, scratch = sums_for(5, 7, panels), scratch_for(5, 7, panels)
with event.install_recorder("numba:compile") as compiled:
    differing(rows, panels, sums, scratch)
expected = np.bitwise_count(rows[:, None] ^ filters).sum(axis=2)
print((sums[:5, :9] == expected).all(), len(compiled.buffer) > 0)
"""


def test_a_later_process_compiles_no_part(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    told = [
        subprocess.run(
            [sys.executable, "-c", KEPT],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for _ in range(2)
    ]
    assert told == [["True", "True"], ["True", "False"]]


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


def test_without_a_folder_to_keep_them_in_functions_are_compiled_anew() -> None:
    code = """
from numba.core import caching
caching.CompileResultCacheImpl._locator_classes = []  # as where no folder can be written
from xnorsim.kernels import crew, gemm
import numpy as np
counter = np.zeros(1, np.int64)
crew.together(lambda part: crew.claim(counter), 2)
print(counter[0])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.strip() in ("1", "2"), run.stderr


def test_numba_without_its_compiler_is_refused() -> None:
    code = "import xnorsim.kernels.compiled"
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )
    assert run.stderr.splitlines()[-1].startswith("xnorsim.errors.UsageError: NUMBA_DISABLE_JIT")
