"""The loops that llvm-mca is given, what each is a part of, and the cores that they run on.

The assembly beside this file is written by hand: registers and order are ours, the instructions of
each class as many as the kernel's part has.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from xnorsim.cost.recipes import (
    Kernel,
    dabnn,
    larq,
    mlas,
    openblas,
    own,
    own_binary,
    own_floats,
    own_lookup,
    own_scalar,
    recipe_set,
    tflite,
)
from xnorsim.cost.recipes.kernel import Counts

__all__ = [
    "LOOPS",
    "TARGETS",
    "X86",
    "Differences",
    "Loop",
    "Target",
    "classes_of",
    "differences",
    "expected_mix",
    "instructions_of",
    "mix_of",
    "text_of",
]

LOOPS_AT = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Loop:
    """Assembly of `times` runs of one part of a kernel."""

    name: str  # of the file
    kernel: Kernel
    part: str = "inner loop"
    times: int = 1


@dataclass(frozen=True, slots=True)
class Target:
    """A core: as LLVM names it, and the profile of a machine that has it."""

    core: str
    profile: str
    triple: str
    simd_bits: int


AARCH64, X86 = "aarch64", "x86_64"

LOOPS: dict[tuple[str, int], tuple[Loop, ...]] = {
    (AARCH64, 128): (
        Loop("lce_bgemm_8x4", larq.BGEMM_8X4),
        Loop("dabnn_bgemm_8x6", dabnn.BGEMM),
        Loop("dabnn_direct_64", dabnn.DIRECT_64),
        Loop("dabnn_direct_128", dabnn.DIRECT_128),
        Loop("own_neon_128", own_binary.neon()),
        Loop("own_fp32_128", own_floats.floats(128), times=2),
        Loop(
            "own_max_pool_128",
            recipe_set("own", 128).kernels["max_pool"][0][0],
            "a vector",
            times=4,
        ),
        Loop("ruy_fp32_8x8", tflite.RUY_FP32, times=4),
        Loop("ruy_int8_4x4", tflite.RUY_INT8),
        Loop("ruy_int8_dot_8x8", tflite.RUY_INT8_DOT, times=4),
        Loop("tflite_batch_norm", tflite.BATCH_NORM, "a vector", times=4),
    ),
    (X86, 64): (
        Loop("own_popcnt", own_scalar.popcnt(128)),
        Loop("scalar_fp32", own_scalar.scalar_loop(), times=16),
        Loop("scalar_unrolled_fp32", own_scalar.scalar_unrolled(), times=8),
    ),
    (X86, 256): (
        Loop("own_lookup_256", own_lookup.lookups()[0]),
        Loop("own_fp32_256", own_floats.floats(256), times=2),
        Loop("own_bwn_256", own_floats.signs(256)),
        Loop("openblas_sgemm_256", openblas.products(256)[-1], "12 filters", times=4),
        Loop("mlas_sgemm_256", mlas.convolutions(256, alone=False)[-1], times=4),
        Loop("own_int8_pairs_256", own.int8_pairs(256), times=4),
        Loop(
            "own_depthwise_256", own_floats.few_filters(256), "a product of 16 positions", times=4
        ),
        Loop("own_add_256", recipe_set("own", 256).kernels["add"][0][0], "a vector", times=4),
    ),
    (X86, 512): (
        Loop("own_popcount_512", own_binary.popcount()),
        Loop("own_lookup_512", own_lookup.lookups(512)[0]),
        Loop("own_fp32_512", own_floats.floats(512), times=2),
        Loop("openblas_sgemm_512", openblas.products(512)[-1], "24 filters", times=4),
        Loop("own_int8_dot_512", own.int8_dot(512), times=4),
        Loop("own_add_512", recipe_set("own", 512).kernels["add"][0][0], "a vector", times=4),
    ),
}

TARGETS = (
    Target("cortex-a53", "raspberry-pi-3b-plus", AARCH64, 128),
    Target("cortex-a72", "raspberry-pi-4b", AARCH64, 128),
    Target("kryo", "pixel-1", AARCH64, 128),
    Target("apple-m1", "apple-m1", AARCH64, 128),
    Target("haswell", "haswell", X86, 256),
    Target("skylake-avx512", "skylake-sp", X86, 512),
    Target("icelake-server", "x86-avx512-vpopcnt", X86, 512),
    Target("znver3", "zen-3", X86, 256),
)

CLASSES_OF: tuple[tuple[str, Counts], ...] = (
    (r"(eor|and|vpxorq?|vpandq?|vpor) [vyz]", {"vector_logic": 1}),
    (r"(add v|vpadd[bdqw] )", {"vector_add": 1}),
    (r"vpsrlw ", {"vector_shift": 1}),
    (r"(cnt|vpopcntq) ", {"vector_popcount": 1}),
    (r"addp ", {"vector_pairwise_add": 1}),
    (r"(addv|uaddlv) ", {"vector_reduce_add": 1}),
    (r"uaddlp ", {"vector_widening_add": 1}),
    (r"(uadalp|sadalp) ", {"vector_widening_accumulate": 1}),
    (r"vpsadbw ", {"vector_sad": 1}),
    (r"(uzp1|vpshufb) ", {"vector_shuffle": 1}),
    (r"(fcmge|cmtst|vcmpltps) ", {"vector_compare": 1}),
    (r"(fmin|fmax) ", {"vector_min_max": 1}),
    (r"(vmovmskps|kmovw) ", {"vector_mask_move": 1}),
    (r"(ins|vbroadcastss) [^[]*(\[\d\][^[]*)*$", {"vector_move": 1}),
    (r"(smull|smlal2|vpmaddubsw|vpmaddwd) ", {"int8_multiply": 1}),
    (r"(sdot|vpdpbusd) ", {"int8_dot": 1}),
    (r"(fmla|vfmadd231[ps]s) ", {"fp32_fma": 1}),
    (r"(fadd v|vaddps [^[]*$)", {"fp32_add": 1}),
    (r"vaddps [^[]*\[", {"fp32_add": 1, "vector_load": 1}),
    (r"fmul v", {"fp32_mul": 1}),
    (r"scvtf ", {"fp_convert": 1}),
    (r"(ldr q|vmov(dqu|dqu64|ups) [yz])", {"vector_load": 1}),
    (r"(str q|vmov(dqu|dqu64|ups) \[)", {"vector_store": 1}),
    (r"(ld1r|vp?broadcast(s?[sdq]|i128|i32x4) [yz]mm\d+, \[)", {"broadcast_load": 1}),
    (r"(ldr s|prfm|mov r\w+, \[|movzx |movss |prefetcht0 )", {"scalar_load": 1}),
    (r"(str [hs]|mov \[)", {"scalar_store": 1}),
    (r"(add|and|lea|sar|shl|shr|subs?|xor) [rx]|mov r\w+, r", {"scalar_alu": 1}),
    (r"popcnt ", {"scalar_popcount": 1}),
    (r"(fadd s|addss )", {"scalar_fp32_add": 1}),
    (r"mulss [^[]*\[", {"scalar_fp32_mul": 1, "scalar_load": 1}),
    (r"(b\.ne|jne) ", {"branch": 1}),
)
"""What stands for which class: the one row whose expression an instruction begins with."""


@dataclass(frozen=True, slots=True)
class Differences:
    """Where a profile and LLVM's model do not agree: a core's entry of loops/differences.yaml."""

    ports: Mapping[str, list[str]]
    why: Mapping[str, str]


@functools.cache
def differences(target: Target) -> Differences:
    """Raises KeyError for a core without an entry: an empty one says that all is alike."""
    entry = yaml.safe_load((LOOPS_AT / "differences.yaml").read_text())[target.core]
    return Differences(entry["ports"], entry["why"])


def text_of(loop: Loop) -> str:
    """A loop's file."""
    return (LOOPS_AT / f"{loop.name}.s").read_text()


def instructions_of(loop: Loop) -> list[str]:
    """The instructions of a loop's file, without comments, directives and labels."""
    lines = (line.strip() for line in text_of(loop).splitlines())
    return [line for line in lines if line and not re.match(r"#|//|\.|\w+:$", line)]


def classes_of(instruction: str) -> Counts:
    """The classes of one instruction; ValueError unless exactly one row of CLASSES_OF has it."""
    found = [counts for form, counts in CLASSES_OF if re.match(form, instruction)]
    if len(found) != 1:
        raise ValueError(f"{len(found)} rows of CLASSES_OF have '{instruction}', not one")
    return found[0]


def mix_of(loop: Loop) -> Counter[str]:
    """Instructions of each class in a loop's file."""
    mix: Counter[str] = Counter()
    for instruction in instructions_of(loop):
        mix.update(classes_of(instruction))
    return mix


def expected_mix(loop: Loop) -> dict[str, float]:
    """Instructions of each class in as many runs of the kernel's part."""
    (part,) = [part for part in loop.kernel.parts if part.what == loop.part]
    return {name: loop.times * count for name, count in part.counts.items()}
