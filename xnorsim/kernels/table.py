"""The kernels that there are, by name: what analyses measure and what tests run.

A new kernel is a file with its `ready` function and one line here; tests/kernels/test_table.py
then compares it with the reference. Nothing here imports a library that computes: `ready` does.
"""

from __future__ import annotations

from xnorsim.errors import UsageError, choices
from xnorsim.kernels import float_problems
from xnorsim.kernels.problem import Kernel, Problem, Ready

__all__ = ["KERNELS", "kernel"]


def _binary(
    name: str, summary: str, takes: str = "floats", gives: str = "floats", method: str = ""
) -> Kernel:
    """A kernel of binary.py; `method` is that of its GEMM."""

    def cannot(problem: Problem) -> str:
        return _binary_cannot(problem, "bits" in (takes, gives))

    def ready(problem: Problem, threads: int) -> Ready:
        if reason := cannot(problem):
            raise UsageError(f"kernel '{name}' cannot compute this problem: {reason}")
        from xnorsim.kernels import binary

        return binary.ready(problem, threads, takes, gives, method)

    return Kernel(name, summary, "binary", "native", ready, cannot, takes, gives)


def _binary_cannot(problem: Problem, bits: bool) -> str:
    """Why the kernels of binary.py cannot compute a problem; `bits` if it reads or gives them."""
    op = problem.op
    if op.pad_value not in (-1, 0, 1):
        return f"its padding is {op.pad_value}, which is none of -1, 0 and 1"
    if bits and problem.input_scale:
        return "the map K needs the floats of the input, and no threshold holds everywhere"
    return ""


def _fast(name: str, summary: str, kind: str) -> Kernel:
    """A kernel of floats.py."""

    def ready(problem: Problem, threads: int) -> Ready:
        from xnorsim.kernels import floats

        return floats.ready(problem, threads, kind == "bwn")

    return Kernel(name, summary, kind, "native", ready, float_problems.cannot)


def _loop(name: str, summary: str) -> Kernel:
    """A loop of scalar.py."""

    def ready(problem: Problem, threads: int) -> Ready:
        from xnorsim.kernels import scalar

        return scalar.ready(problem, threads, name)

    return Kernel(name, summary, "fp", "native", ready, float_problems.cannot)


def _library(name: str, summary: str, extra: str) -> Kernel:
    """A library of baselines.py."""

    def ready(problem: Problem, threads: int) -> Ready:
        from xnorsim.kernels import baselines

        return baselines.READY[name](problem, threads)

    return Kernel(name, summary, "fp", extra, ready, float_problems.cannot)


_ROWS: tuple[Kernel, ...] = (
    _binary("xnor", "sign, pack, XNOR GEMM in vectors, scale"),
    _binary("xnor-from-bits", "XNOR GEMM in vectors, scale", takes="bits"),
    _binary("xnor-to-bits", "sign, pack, XNOR GEMM in vectors, thresholds", gives="bits"),
    _binary("xnor-bits", "XNOR GEMM in vectors, thresholds", takes="bits", gives="bits"),
    _binary("popcnt", "sign, pack, XNOR and popcount of 64-bit words, scale", method="popcnt"),
    _binary(
        "popcnt-bits",
        "XNOR and popcount of 64-bit words, thresholds",
        takes="bits",
        gives="bits",
        method="popcnt",
    ),
    _fast("bwn", "+-1 weights select rows of a table of sums of four inputs", "bwn"),
    _fast("fma", "fused multiply-adds in vectors, columns in panels", "fp"),
    _loop("float-loop", "nested loops over floats, one sum"),
    _loop("float-unrolled", "the same for 2 x 2 results at once"),
    _library("numpy", "im2col and the matrix product of numpy's BLAS", ""),
    _library("onnxruntime", "a Conv node of ONNX Runtime", "onnxruntime"),
    _library("torch", "torch.nn.functional.conv2d", "torch"),
)

KERNELS: dict[str, Kernel] = {row.name: row for row in _ROWS}
"""Every kernel, by name."""


def kernel(name: str) -> Kernel:
    """The kernel called `name`.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in KERNELS:
        raise UsageError(f"no kernel '{name}': {choices(name, KERNELS)}")
    return KERNELS[name]
