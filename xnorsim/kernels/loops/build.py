"""Loops as machine code: assembly in a function of LLVM IR, and called without Python's lock."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xnorsim.errors import MissingExtraError, UsageError, XnorsimError
from xnorsim.kernels.loops.dialects import Dialect, Target
from xnorsim.kernels.loops.programs import NEAR_BYTES, Program

__all__ = ["Loop", "aligned_ones", "assembly", "compiled", "near_memory"]


@dataclass(frozen=True, eq=False)
class Loop:
    """A program that can be run: `call(address, turns, passes)`, without Python's lock.

    Every pass does the turns anew from the same address.
    """

    program: Program
    call: Any
    kept: Any  # the machine code, for as long as somebody may call it


def compiled(programs: Iterable[Program], dialect: Dialect, target: Target) -> dict[str, Loop]:
    """Each program by its name, as machine code of this process.

    Raises:
        MissingExtraError: llvmlite is not installed.
        UsageError: loops of another architecture.
        XnorsimError: LLVM cannot compile them.
    """
    programs = tuple(programs)
    llvm = _llvm()
    machine = _machine(llvm, target)
    module = _module(llvm, programs, dialect, target)
    try:
        engine = llvm.create_mcjit_compiler(module, machine)
        engine.finalize_object()
    except RuntimeError as error:
        raise XnorsimError(f"micro-benchmarks cannot be compiled: {error}") from error
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    return {
        program.name: Loop(program, kind(engine.get_function_address(f"loop_{number}")), engine)
        for number, program in enumerate(programs)
    }


def assembly(programs: Iterable[Program], dialect: Dialect, target: Target) -> str:
    """What LLVM has read of each loop, for any processor of this machine's architecture.

    Raises:
        MissingExtraError: llvmlite is not installed.
        UsageError: another architecture: llvmlite has no assembler for it.
    """
    llvm = _llvm()
    machine = _machine(llvm, target)
    return machine.emit_assembly(_module(llvm, tuple(programs), dialect, target))


def near_memory(dialect: Dialect) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Ones that a loop without a stride may read and write, at the start of a line."""
    return aligned_ones(NEAR_BYTES + dialect.simd_bits // 8)


def aligned_ones(size: int, alignment: int = 4096) -> np.ndarray[Any, np.dtype[np.float32]]:
    """At least `size` bytes of float32 1.0 whose address is a multiple of `alignment`.

    Ones, since denormal numbers and NaN are slow on some cores.
    """
    raw = np.ones((size + alignment) // 4 + 1, np.float32)
    skip = -raw.ctypes.data % alignment // 4
    return raw[skip : skip + -(-size // 4)]


def _llvm() -> Any:
    try:
        import llvmlite.binding as llvm
    except ImportError as error:
        raise MissingExtraError("numba", "native", "to run loops on this machine") from error
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    return llvm


def _machine(llvm: Any, target: Target) -> Any:
    own = llvm.get_process_triple()
    if own.partition("-")[0] != target.triple.partition("-")[0]:
        raise UsageError(f"no assembler for '{target.triple}' here, only for '{own}'")
    features = ",".join(f"+{name}" for name in sorted(target.features))
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=features, opt=2, jit=True
    )


def _module(llvm: Any, programs: tuple[Program, ...], dialect: Dialect, target: Target) -> Any:
    text = "\n".join(
        [f'target triple = "{target.triple}"']
        + [_function(number, program, dialect) for number, program in enumerate(programs)]
    )
    module = llvm.parse_assembly(text)
    module.verify()
    return module


def _function(number: int, program: Program, dialect: Dialect) -> str:
    """One function; its three arguments go into the registers that the loop counts with."""
    outputs = ",".join(f"={place}" for place in dialect.arguments)
    clobbers = ",".join(f"~{{{name}}}" for name in dialect.clobbers)
    return f"""
define void @loop_{number}(i64 %memory, i64 %turns, i64 %passes) {{
  call {{i64, i64, i64}} asm sideeffect "{_quoted(_text(program, dialect))}",
    "{outputs},0,1,2,{clobbers}"(i64 %memory, i64 %turns, i64 %passes)
  ret void
}}"""


def _text(program: Program, dialect: Dialect) -> str:
    a, b, xa = dialect.source
    lines = [dialect.fill.format(to=number) for number in (a, b, *dialect.vectors)]
    lines += [dialect.fill_scalar.format(xto=number) for number in (xa, *dialect.scalars)]
    lines += [dialect.begin, *program.body]
    if program.stride:
        lines.append(dialect.advance.format(stride=program.stride))
    return "\n".join([*lines, dialect.end, dialect.finish])


def _quoted(text: str) -> str:
    """As LLVM IR holds assembly: $ stands for an operand unless it is doubled."""
    return text.replace("$", "$$").replace("\n", "\\0A")
