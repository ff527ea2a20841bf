"""Compiled kernels: the decorator, what vectors the processor has, and how their code is written.

numba turns a function into machine code; an `@intrinsic` is a part of it that we write ourselves,
in the vector operations of LLVM. What the processor can do is asked of numba, so that its settings
NUMBA_CPU_NAME and NUMBA_CPU_FEATURES make every kernel run as on a lesser machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from xnorsim.errors import MissingExtraError, UsageError

try:
    from llvmlite import ir
    from numba import config, njit, types
    from numba.core import cgutils
    from numba.core.codegen import JITCodeLibrary
    from numba.core.compiler import Compiler
    from numba.core.registry import cpu_target
    from numba.extending import intrinsic as numba_intrinsic
    from numba.extending import overload
except ImportError as error:
    raise MissingExtraError("numba", "native", "a native kernel") from error

if config.DISABLE_JIT:  # pyright: ignore[reportAttributeAccessIssue] -- set by numba at run time
    raise UsageError(
        "NUMBA_DISABLE_JIT is set, and native kernels are what numba compiles: unset it"
    )

# what numba has is taken from here, so that one place says how to install it
__all__ = [
    "HOST",
    "INNER",
    "Host",
    "address",
    "alone",
    "at",
    "call",
    "cgutils",
    "code_of",
    "compiled",
    "constant",
    "inlined",
    "inner",
    "intrinsic",
    "ir",
    "load",
    "overload",
    "store",
    "types",
    "vector",
]


@dataclass(frozen=True, slots=True)
class Host:
    """The vectors of a processor: `features` by their LLVM names, width [bit], and registers."""

    x86: bool
    features: frozenset[str]
    vector_bits: int
    vector_registers: int


def _host() -> Host:
    target: Any = cpu_target.target_context
    triple, _, signed = target.codegen().magic_tuple()
    features = frozenset(name[1:] for name in signed.split(",") if name.startswith("+"))
    if not triple.startswith(("x86", "i686")):
        return Host(False, features, 128, 32)
    if "avx512bw" in features:
        return Host(True, features, 512, 32)
    return Host(True, features, 256 if "avx2" in features else 128, 16)


HOST = _host()
"""What numba compiles for."""


intrinsic: Any = numba_intrinsic
"""numba's, whose type hints do not know that it takes the first argument away."""


_njit: Any = njit  # its type hints do not know all of its options


@cache
def _newest() -> tuple[str, int, float]:
    """The file of this package that was changed last, its size and when."""
    files = Path(__file__).parent.rglob("*.py")
    when, size, name = max((s.st_mtime, s.st_size, str(f)) for f in files for s in [f.stat()])
    return name, size, when


def compiled(function: Callable[..., Any]) -> Any:
    """The function as machine code that runs without Python's lock, kept for later processes.

    numba keeps it until the function's own file changes. Ours are made of functions and intrinsics
    of other files too, so it is kept until any file of this package does.
    """
    return _kept(function, nogil=True, no_cfunc_wrapper=True)


def _kept(function: Callable[..., Any], **options: Any) -> Any:
    try:
        made = _njit(cache=True, **options)(function)
    except RuntimeError:  # there is no folder that it could be kept in: each process compiles anew
        return _njit(**options)(function)
    kept = made._cache._cache_file  # no public way to say what it depends on
    kept._source_stamp = (kept._source_stamp, _newest())
    return made


@cache
def code_of(function: Callable[[int, int], None]) -> int:
    """The address of a function of two int64, as C calls it, compiled and kept as `compiled` does.

    It must raise nothing: there is nobody who would notice.
    """
    made = _kept(function, nogil=True, no_cpython_wrapper=True)
    found = made.get_compile_result(types.void(types.int64, types.int64))
    return found.library.get_pointer_to_function(found.fndesc.llvm_cfunc_wrapper_name)


class _Part(JITCodeLibrary):
    """The code of a function and of what it calls, as it is linked into that of its callers."""

    def _optimize_final_module(self) -> None:
        """Left to the callers."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()  # by which numba knows what cannot be kept
        self._finalized = True

    @property
    def codegen(self) -> Any:
        """What numba hands the function's environment to, of which there is no machine code."""
        return SimpleNamespace(set_env=lambda name, environment: None)

    def get_pointer_to_function(self, name: str) -> int:
        """0: there is no such function, as if it had no wrapper for Python."""
        self._ensure_finalized()
        return 0


class _PartCompiler(Compiler):
    """numba's compiler, but for the library that the code is put in."""

    def define_pipelines(self) -> Any:
        state: Any = self.state
        state.library = _Part(state.targetctx.codegen(), state.func_id.func_qualname)
        return super().define_pipelines()


INNER: Any = {
    "nogil": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": _PartCompiler,
}
"""Options of functions that only compiled code calls.

numba optimizes every function and makes machine code of it, and does both again with those that
call it: what lies three calls deep is compiled four times. These are compiled with their callers
alone. They have no environment: they must not print nor make objects of Python."""

inner: Any = _njit(**INNER)
"""The function as a part of compiled ones, with whose machine code it is kept."""


inlined: Any = _njit(forceinline=True, **INNER)
"""The same, put into the code of its callers wherever they call it."""


def alone(function: Any) -> Any:
    """A function made by `inner`, for Python to call, as tests and benchmarks do."""
    return njit(nogil=True)(lambda *given: function(*given))


@intrinsic
def address(_: Any, array: Any) -> Any:
    """Where an array begins, as a number with a sign: `ctypes.data` has none, and adding one that
    has makes floats of both."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        held = cgutils.create_struct_proxy(array)(context, builder, args[0])
        return builder.ptrtoint(held.data, context.get_value_type(types.intp))

    return types.intp(array), code


# What code generators of intrinsics are written in; addresses are numbers of 64 bits


def vector(bits: int, lanes: int) -> Any:
    """The type of `lanes` whole numbers of `bits` each."""
    return ir.VectorType(ir.IntType(bits), lanes)


def constant(kind: Any, value: int) -> Any:
    """A number, or a vector of it in every lane."""
    return ir.Constant(kind, [value] * kind.count if isinstance(kind, ir.VectorType) else value)


def at(builder: Any, base: Any, index: Any, step: Any) -> Any:
    """The address base + index * step, of which index and step may be plain numbers."""
    index, step = (constant(base.type, n) if isinstance(n, int) else n for n in (index, step))
    return builder.add(base, builder.mul(index, step))


def load(builder: Any, address: Any, kind: Any, align: int = 1) -> Any:
    """What lies at an address, of which no more than `align` is known."""
    value = builder.load(builder.inttoptr(address, kind.as_pointer()))
    value.align = align
    return value


def store(builder: Any, value: Any, address: Any) -> None:
    """Write a value to an address of any alignment."""
    builder.store(value, builder.inttoptr(address, value.type.as_pointer())).align = 1


def call(builder: Any, name: str, *values: Any, gives: Any = None) -> Any:
    """What an intrinsic of LLVM makes of values of one type, of that type or the one it `gives`."""
    kind = values[0].type
    form = ir.FunctionType(gives or kind, [kind] * len(values))
    return builder.call(cgutils.get_or_insert_function(builder.module, form, name), values)
