"""The port bound beside llvm-mca, on the loops of bench/loops: see bench/llvm_mca.py."""

from __future__ import annotations

import pytest

from bench.llvm_mca import (
    KNOWN,
    Cost,
    bound,
    compared,
    faults_of,
    idle_reasons,
    kind_of,
    loops_of,
    mca,
    version,
)
from bench.loops.table import (
    LOOPS,
    TARGETS,
    Loop,
    Target,
    classes_of,
    expected_mix,
    mix_of,
)

ALL_LOOPS = [loop for loops in LOOPS.values() for loop in loops]
PAIRS = [(loop, target) for target in TARGETS for loop in loops_of(target)]

needs_llvm_mca = pytest.mark.skipif(
    version() != KNOWN,
    reason=f"needs llvm-mca of LLVM {KNOWN} (Debian 12: llvm), found: {version()}",
)


def named(value: object) -> str | None:
    if isinstance(value, Loop):
        return value.name
    return value.core if isinstance(value, Target) else None


@pytest.mark.parametrize("loop", ALL_LOOPS, ids=named)
def test_a_loop_has_the_instructions_of_its_part(loop: Loop):
    """So that what llvm-mca sees is what the recipe counts."""
    assert mix_of(loop) == expected_mix(loop)


def test_enough_is_compared():
    """Ten loops on five cores is what was asked for."""
    loops = {target.core: len(loops_of(target)) for target in TARGETS}
    assert sum(number >= 10 for number in loops.values()) >= 5


def test_a_core_runs_what_it_has():
    """SDOT came after the Cortex-A72, VPOPCNTDQ after Skylake."""
    names = {target.core: {loop.name for loop in loops_of(target)} for target in TARGETS}
    assert "ruy_int8_dot_8x8" in names["apple-m1"] - names["cortex-a72"]
    assert "own_popcount_512" in names["icelake-server"] - names["skylake-avx512"]


@pytest.mark.parametrize("text", ["nop", "vdivps ymm0, ymm1, ymm2", "ldr d0, [x0]"])
def test_an_instruction_without_a_class_is_refused(text: str):
    with pytest.raises(ValueError, match="0 rows of CLASSES_OF have"):
        classes_of(text)


def test_kinds_of_instructions():
    """Numbers of registers and offsets do not matter, arrangements and elements do."""
    assert kind_of("eor v1.16b, v2.16b, v3.16b") == kind_of("eor v12.16b, v0.16b, v31.16b")
    assert kind_of("ldr q0, [x0, #16]") == kind_of("ldr q1, [x1, #32]")
    assert kind_of("vmovups ymm0, [rdi+32]") == kind_of("vmovups ymm11, [rdi+96]")
    assert kind_of("add v1.4s, v1.4s, v2.4s") != kind_of("add v1.16b, v1.16b, v2.16b")
    assert kind_of("vaddps ymm0, ymm0, ymm1") != kind_of("vaddps zmm0, zmm0, zmm1")


def test_bound_of_costs():
    """3 cycles of p0 or p1 and 2 of p1 alone: 5 of two ports; 6 slots of 4 are 1.5 cycles."""
    either, one = frozenset({"p0", "p1"}), frozenset({"p1"})
    costs = [Cost(((either, 1.0),), 1)] * 3 + [Cost(((one, 2.0),), 3)]
    assert bound(costs, 4) == 2.5
    assert bound(costs, 2) == 3


@needs_llvm_mca
@pytest.mark.slow
@pytest.mark.parametrize(("loop", "target"), PAIRS, ids=named)
def test_the_bound_is_llvms_where_the_costs_are(loop: Loop, target: Target):
    """On LLVM's costs: no less than its block throughput, no more than its simulation.

    On the profile's costs: the same as on LLVM's, but for the classes that differences.yaml names.
    """
    assert faults_of(loop, target, compared(loop, target)) == []


@needs_llvm_mca
@pytest.mark.slow
@pytest.mark.parametrize(
    ("core", "name", "least"),
    [
        # 12 look-ups on port 5, 8 ANDs and shifts on 0 and 5, 16 sums and 15 loads on 0, 1, 5
        ("skylake-avx512", "own_lookup_512", 51 / 3),
        # 12 EOR, 12 CNT, 24 UADDLP and 6 LD1R on either pipe, 12 UADALP on one of them
        ("cortex-a72", "own_neon_128", 66 / 2),
    ],
)
def test_work_confined_to_some_ports_binds(core: str, name: str, least: float):
    """All work that fits nowhere else counts, of whichever groups of ports.

    Block throughput takes each group by itself, and misses what the simulation finds.
    """
    (found,) = [
        compared(loop, target) for loop, target in PAIRS if (target.core, loop.name) == (core, name)
    ]
    assert found.llvm == pytest.approx(least, rel=0.01)
    assert found.steady == pytest.approx(least, rel=0.04)
    assert found.block < 0.87 * least


@needs_llvm_mca
def test_a_union_of_ports_binds():
    """6 on ports 0, 1 and 6 on 1, 5: 12 of three, a set that neither has. Of no recipe."""
    (haswell,) = [target for target in TARGETS if target.core == "haswell"]
    lines = [f"vmulps ymm{i}, ymm14, ymm15\nvpaddd ymm{6 + i}, ymm14, ymm15" for i in range(6)]
    found = mca(".intel_syntax noprefix\n" + "\n".join(lines), haswell, 1000)
    sets = [frozenset({"p0", "p1"}), frozenset({"p1", "p5"})]
    least = bound([Cost(((ports, 6.0),), 6) for ports in sets], 4)
    summary = found["CodeRegions"][0]["SummaryView"]
    assert least == 4
    assert summary["TotalCycles"] / 1000 == pytest.approx(least, rel=0.02)
    assert summary["BlockRThroughput"] == 3


@needs_llvm_mca
@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=named)
def test_every_reason_is_needed(target: Target):
    assert idle_reasons(target) == []
