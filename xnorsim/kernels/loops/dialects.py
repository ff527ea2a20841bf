"""Which instructions of a machine stand for the classes of a profile, as text for an assembler.

A form is a template: {to} is a vector register that is written (and read, where the instruction
accumulates), {a} and {b} are ones that are only read; {xto} and {xa} the same for scalar registers;
{at} is a distance in memory. The numbers of registers are filled in by programs.py.

Sources: Intel, "Intel 64 and IA-32 Architectures Software Developer's Manual", volume 2, order
number 325383; Arm, "Arm Architecture Reference Manual for A-profile architecture", DDI 0487, C6
and C7. Which instruction stands for a class is what machine/instructions.py says.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xnorsim.errors import MissingExtraError, UsageError

__all__ = ["Dialect", "Target", "dialect_of", "host_target"]


@dataclass(frozen=True, slots=True)
class Target:
    """A processor as LLVM names it: triple, core, and its features by name without a sign."""

    triple: str
    cpu: str
    features: frozenset[str]


@dataclass(frozen=True, slots=True)
class Dialect:
    """The instructions of a processor at its widest vectors, and how a loop is written.

    forms: class -> template; chains: class -> the same so that each waits for the one before,
    where that can be written. vectors, scalars: numbers of the registers that may be written;
    source: the vector and scalar registers that are only read. `begin`, `next_block` and `end` are
    the loop around a body: memory in the first register, turns in the second, passes in the third.
    """

    name: str
    simd_bits: int
    forms: Mapping[str, str]
    chains: Mapping[str, str]
    vectors: tuple[int, ...]
    scalars: tuple[int, ...]
    source: tuple[int, int, int]  # vector a, vector b, scalar a
    fill: str  # a vector register from memory
    fill_scalar: str
    begin: str
    advance: str
    end: str
    finish: str
    arguments: tuple[str, str, str]
    clobbers: tuple[str, ...]


def host_target() -> Target:
    """This processor; NUMBA_CPU_NAME and NUMBA_CPU_FEATURES restrict it as they restrict numba.

    Raises:
        MissingExtraError: llvmlite is not installed.
    """
    try:
        import llvmlite.binding as llvm
    except ImportError as error:
        raise MissingExtraError("numba", "native", "to run loops on this machine") from error
    cpu = os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()
    given = os.environ.get("NUMBA_CPU_FEATURES")
    if given is None:
        found = {name for name, has in llvm.get_host_cpu_features().items() if has}
    else:
        found = {word[1:] for word in given.split(",") if word.startswith("+")}
    return Target(llvm.get_process_triple(), cpu, frozenset(found))


def dialect_of(target: Target) -> Dialect:
    """The widest instructions of a processor.

    Raises:
        UsageError: neither x86-64 with AVX nor aarch64.
    """
    architecture = target.triple.partition("-")[0]
    make = _ARCHITECTURES.get(architecture)
    if make is None or not (found := make(target.features)):
        raise UsageError(
            f"no micro-benchmarks for this processor ({architecture}, {target.cpu}); there are "
            "some for x86-64 with AVX or better, and for aarch64"
        )
    return found


def _x86(features: frozenset[str]) -> Dialect | None:
    if "avx" not in features:
        return None
    wide = {"avx512f", "avx512bw", "avx512dq"} <= features
    bits = 512 if wide else 256 if "avx2" in features else 128
    v = {128: "%xmm", 256: "%ymm", 512: "%zmm"}[bits]
    forms = _x86_forms(v, wide) | _having(_x86_optional(v, wide), features)
    crossing = {"vector_mask_move", "vector_to_scalar", *_MEMORY, "branch"}
    crossing |= {"vector_compare"} if wide else set()
    last = 31 if wide else 15
    return Dialect(
        name={128: "avx", 256: "avx2", 512: "avx512"}[bits],
        simd_bits=bits,
        forms=forms,
        chains={
            **{name: _chained(name, text) for name, text in forms.items() if name not in crossing},
            "scalar_load": "movq (%r{xto}), %r{xto}",
        },
        vectors=tuple(range(2, last + 1)),
        scalars=tuple(range(9, 16)),
        source=(0, 1, 8),
        fill=f"vmovups (%rdi), {v}{{to}}",
        fill_scalar="movq %rdi, %r{xto}",
        begin=_lines(
            *("movq %rdi, %rax", "movq %rsi, %rcx"),
            *("2: movq %rax, %rdi", "movq %rcx, %rsi", ".p2align 6", "1:"),
        ),
        advance="addq ${stride}, %rdi",
        end=_lines("decq %rsi", "jnz 1b", "decq %rdx", "jnz 2b"),
        finish="vzeroupper",
        arguments=("{rdi}", "{rsi}", "{rdx}"),
        clobbers=(
            *("rax", "rcx", "memory", "cc", *(("k2",) if wide else ())),
            *(f"r{number}" for number in range(8, 16)),
            *(f"xmm{number}" for number in range(last + 1)),
        ),
    )


def _x86_forms(v: str, wide: bool) -> dict[str, str]:
    """With vector registers v, %xmm to %zmm; `wide` is AVX-512, whose comparisons give masks."""
    return {
        "vector_logic": f"vpxor{'q' if wide else ''} {v}{{b}}, {v}{{a}}, {v}{{to}}",
        "vector_add": f"vpaddq {v}{{b}}, {v}{{a}}, {v}{{to}}",
        "vector_shift": f"vpsrlw $4, {v}{{a}}, {v}{{to}}",
        "vector_sad": f"vpsadbw {v}{{b}}, {v}{{a}}, {v}{{to}}",
        "vector_shuffle": f"vpshufb {v}{{b}}, {v}{{a}}, {v}{{to}}",
        "vector_compare": f"vcmpltps {v}{{b}}, {v}{{a}}, {'%k2' if wide else v + '{to}'}",
        "vector_min_max": f"vmaxps {v}{{b}}, {v}{{a}}, {v}{{to}}",
        "vector_narrow": f"vpackssdw {v}{{b}}, {v}{{a}}, {v}{{to}}",
        "vector_mask_move": "kmovq %k1, %r{xto}" if wide else f"vmovmskps {v}{{a}}, %r{{xto}}d",
        "vector_to_scalar": "vmovq %xmm{a}, %r{xto}",
        "int8_multiply": f"vpmaddubsw {v}{{b}}, {v}{{a}}, {v}{{to}}",
        "fp32_add": f"vaddps {v}{{b}}, {v}{{a}}, {v}{{to}}",
        "fp32_mul": f"vmulps {v}{{b}}, {v}{{a}}, {v}{{to}}",
        "fp_convert": f"vcvtdq2ps {v}{{a}}, {v}{{to}}",
        "vector_load": f"vmovups {{at}}(%rdi), {v}{{to}}",
        "vector_store": f"vmovups {v}{{a}}, {{at}}(%rdi)",
        "broadcast_load": f"vbroadcastss {{at}}(%rdi), {v}{{to}}",
        "scalar_load": "movq {at}(%rdi), %r{xto}",
        "scalar_store": "movq %r{xa}, {at}(%rdi)",
        "scalar_alu": "xorq %r{xa}, %r{xto}",
        "scalar_multiply": "imull %r{xa}d, %r{xto}d",
        "scalar_fp32_add": "vaddss %xmm{b}, %xmm{a}, %xmm{to}",
        "scalar_fp32_mul": "vmulss %xmm{b}, %xmm{a}, %xmm{to}",
        "branch": "",
    }


def _x86_optional(v: str, wide: bool) -> dict[str, tuple[str, str]]:
    """The same that not every processor has: the features that they need, and the template."""
    return {
        "vector_move": ("avx2", f"vbroadcastss %xmm{{a}}, {v}{{to}}"),
        "fp32_fma": ("fma", f"vfmadd231ps {v}{{b}}, {v}{{a}}, {v}{{to}}"),
        "scalar_popcount": ("popcnt", "popcntq %r{xa}, %r{xto}"),
        "vector_popcount": (
            "avx512vpopcntdq" if wide else "avx512vl+avx512vpopcntdq",
            f"vpopcntq {v}{{a}}, {v}{{to}}",
        ),
        "int8_dot": (
            "avx512vnni" if wide else "avxvnni",
            f"{'' if wide else '{{vex}} '}vpdpbusd {v}{{b}}, {v}{{a}}, {v}{{to}}",
        ),
        "fp16_fma": (
            "avx512fp16" if wide else "avx512vl+avx512fp16",
            f"vfmadd231ph {v}{{b}}, {v}{{a}}, {v}{{to}}",
        ),
    }


def _neon(features: frozenset[str]) -> Dialect:
    optional = {
        "int8_dot": ("dotprod", "sdot v{to}.4s, v{a}.16b, v{b}.16b"),
        "fp16_fma": ("fullfp16", _three("fmla", "8h")),
    }
    forms = _neon_forms() | _having(optional, features)
    crossing = {"vector_to_scalar", *_MEMORY, "branch"}
    return Dialect(
        name="neon",
        simd_bits=128,
        forms=forms,
        chains={
            **{name: _chained(name, text) for name, text in forms.items() if name not in crossing},
            "scalar_load": "ldr x{xto}, [x{xto}]",
        },
        vectors=tuple(range(2, 32)),
        scalars=tuple(range(9, 16)),
        source=(0, 1, 8),
        fill="ldr q{to}, [x0]",
        fill_scalar="mov x{xto}, x0",
        begin=_lines(
            *("mov x3, x0", "mov x4, x1"),
            *("2: mov x0, x3", "mov x1, x4", ".p2align 6", "1:"),
        ),
        advance="add x0, x0, #{stride}",
        end=_lines("subs x1, x1, #1", "b.ne 1b", "subs x2, x2, #1", "b.ne 2b"),
        finish="",
        arguments=("{x0}", "{x1}", "{x2}"),
        clobbers=(
            *("x3", "x4", "memory", "cc"),
            *(f"x{number}" for number in range(8, 16)),
            *(f"v{number}" for number in range(32)),
        ),
    )


def _neon_forms() -> dict[str, str]:
    return {
        "vector_logic": _three("eor", "16b"),
        "vector_add": _three("add", "4s"),
        "vector_shift": "ushr v{to}.8h, v{a}.8h, #4",
        "vector_popcount": "cnt v{to}.16b, v{a}.16b",
        "vector_pairwise_add": _three("addp", "16b"),
        "vector_widening_add": "uaddlp v{to}.8h, v{a}.16b",
        "vector_widening_accumulate": "uadalp v{to}.8h, v{a}.16b",
        "vector_reduce_add": "addv b{to}, v{a}.16b",
        "vector_sad": _three("uabd", "16b"),
        "vector_shuffle": "tbl v{to}.16b, {{ v{a}.16b }}, v{b}.16b",
        "vector_compare": _three("fcmge", "4s"),
        "vector_min_max": _three("fmax", "4s"),
        "vector_narrow": "xtn v{to}.8b, v{a}.8h",
        "vector_move": "dup v{to}.4s, v{a}.s[0]",
        "vector_to_scalar": "umov x{xto}, v{a}.d[0]",
        "int8_multiply": "smull v{to}.8h, v{a}.8b, v{b}.8b",
        "fp32_fma": _three("fmla", "4s"),
        "fp32_add": _three("fadd", "4s"),
        "fp32_mul": _three("fmul", "4s"),
        "fp_convert": "scvtf v{to}.4s, v{a}.4s",
        "vector_load": "ldr q{to}, [x0, #{at}]",
        "vector_store": "str q{a}, [x0, #{at}]",
        "broadcast_load": "ld1r {{ v{to}.4s }}, [x0]",
        "scalar_load": "ldr x{xto}, [x0, #{at}]",
        "scalar_store": "str x{xa}, [x0, #{at}]",
        "scalar_alu": "eor x{xto}, x{xto}, x{xa}",
        "scalar_multiply": "mul w{xto}, w{xto}, w{xa}",
        "scalar_fp32_add": "fadd s{to}, s{a}, s{b}",
        "scalar_fp32_mul": "fmul s{to}, s{a}, s{b}",
        "branch": "",
    }


def _three(name: str, lanes: str) -> str:
    return f"{name} v{{to}}.{lanes}, v{{a}}.{lanes}, v{{b}}.{lanes}"


def _lines(*lines: str) -> str:
    return "\n".join(lines)


_MEMORY = ("vector_load", "vector_store", "broadcast_load", "scalar_load", "scalar_store")
_ACCUMULATE = (
    *("fp32_fma", "fp16_fma", "int8_dot", "vector_widening_accumulate"),
    *("scalar_alu", "scalar_multiply"),
)
"""Classes that read the register they write: from one to the next it is waited for anyway."""


def _chained(name: str, template: str) -> str:
    """The instruction so that it waits for itself: what it writes is what it reads."""
    if name in _ACCUMULATE:
        return template
    return template.replace("{a}", "{to}").replace("{xa}", "{xto}")


def _having(optional: Mapping[str, tuple[str, str]], features: frozenset[str]) -> dict[str, str]:
    return {
        name: text for name, (needs, text) in optional.items() if set(needs.split("+")) <= features
    }


_ARCHITECTURES: dict[str, Callable[[frozenset[str]], Dialect | None]] = {
    "x86_64": _x86,
    "aarch64": _neon,
    "arm64": _neon,
}
