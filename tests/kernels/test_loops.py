"""Micro-benchmark loops: what is assembled is what is asked for, and memory stays where it is."""

import platform
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from xnorsim.errors import MissingExtraError, UsageError
from xnorsim.kernels.loops import (
    Dialect,
    Program,
    Target,
    aligned_ones,
    assembly,
    chain,
    compiled,
    dialect_of,
    host_target,
    mix,
    near_memory,
    step,
    stream,
)
from xnorsim.kernels.loops.programs import NEAR_BYTES
from xnorsim.machine.instructions import CLASSES

_AVX2 = {"avx", "avx2", "fma", "popcnt", "sse4.2"}
_AVX512 = {*_AVX2, "avx512f", "avx512bw", "avx512dq", "avx512vl"}
_X86, _ARM = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"

TARGETS = {
    "avx": Target(_X86, "sandybridge", frozenset({"avx", "popcnt"})),
    "avx2": Target(_X86, "znver3", frozenset(_AVX2)),
    "avx512": Target(_X86, "skylake-avx512", frozenset(_AVX512)),
    "avx512-icl": Target(
        _X86, "icelake-server", frozenset({*_AVX512, "avx512vpopcntdq", "avx512vnni"})
    ),
    "avx512-spr": Target(_X86, "sapphirerapids", frozenset({*_AVX512, "avx512fp16"})),
    "avx2-vnni": Target(_X86, "alderlake", frozenset({*_AVX2, "avxvnni"})),
    "neon": Target(_ARM, "cortex-a72", frozenset({"neon"})),
    "neon-dot": Target(_ARM, "neoverse-n1", frozenset({"neon", "dotprod", "fullfp16"})),
}

_NO_X86 = "x86 has no such instruction"
ABSENT = {
    "x86": {
        "vector_pairwise_add": "VPHADD is three operations",
        "vector_widening_add": _NO_X86,
        "vector_widening_accumulate": _NO_X86,
        "vector_reduce_add": _NO_X86,
    },
    "neon": {
        "vector_mask_move": "NEON has no mask of the signs",
        "scalar_popcount": "only with FEAT_CSSC; CNT works on vectors",
    },
}
OPTIONAL = {"vector_popcount", "int8_dot", "fp16_fma", "vector_move", "fp32_fma", "scalar_popcount"}


def _dialect(name: str) -> Dialect:
    return dialect_of(TARGETS[name])


@pytest.mark.parametrize("name", TARGETS)
def test_every_class_has_an_instruction_or_a_reason(name: str) -> None:
    dialect = _dialect(name)
    absent = ABSENT["neon" if name.startswith("neon") else "x86"]
    assert set(dialect.forms) <= set(CLASSES)
    assert set(CLASSES) - set(dialect.forms) <= set(absent) | OPTIONAL
    assert not set(dialect.forms) & set(absent)


@pytest.mark.parametrize(
    ("name", "kind", "has"),
    [
        ("avx2", "vector_popcount", False),
        ("avx512", "vector_popcount", False),
        ("avx512-icl", "vector_popcount", True),
        ("avx512-icl", "int8_dot", True),
        ("avx2-vnni", "int8_dot", True),
        ("avx2", "int8_dot", False),
        ("avx512-spr", "fp16_fma", True),
        ("avx", "fp32_fma", False),
        ("neon", "int8_dot", False),
        ("neon-dot", "int8_dot", True),
        ("neon-dot", "fp16_fma", True),
    ],
)
def test_optional_instructions_follow_the_features(name: str, kind: str, has: bool) -> None:
    assert (kind in _dialect(name).forms) == has


def _mnemonic(text: str) -> str:
    return re.sub(r"\{+vex\}+\s+", "", text.strip()).split()[0]


def _bodies(text: str) -> list[list[str]]:
    """The instructions between the label of the inner loop and its jump, one list a function.

    The assembler has read the text: what stands here it knows, and labels have its own names.
    """
    loop = r"^(\.Ltmp\d+):\n((?:(?!\.Ltmp\d+:).*\n)*?)\s*(?:jne|b\.ne)\s+\1$"
    return [
        [_mnemonic(line) for line in body.splitlines() if line.strip()]
        for _, body in re.findall(loop, text, re.MULTILINE)
    ]


def _loops(dialect: Dialect) -> list[Program]:
    """One of each kind: alone, in a chain, in a mix, in a stream."""
    kinds = [kind for kind in dialect.forms if kind != "branch"]
    programs = [mix(kind, {kind: 1}, dialect) for kind in kinds]
    programs += [chain(f"chain {kind}", kind, dialect) for kind in dialect.chains]
    return [*programs, mix("two", {"vector_logic": 3, "fp32_add": 1}, dialect)]


_OF_HOST = [name for name, target in TARGETS.items() if platform.machine() in target.triple]


@pytest.mark.parametrize("name", _OF_HOST)
def test_the_assembly_of_each_loop_holds_its_instructions(name: str) -> None:
    dialect = _dialect(name)
    programs = _loops(dialect)
    bodies = _bodies(assembly(programs, dialect, TARGETS[name]))
    assert len(bodies) == len(programs)
    for program, body in zip(programs, bodies, strict=True):
        for kind, count in program.counts.items():
            form = dialect.chains[kind] if program.name.startswith("chain") else dialect.forms[kind]
            wanted = _mnemonic(form)
            got = sum(line == wanted for line in body)
            assert got == count, (program.name, wanted)
        # the counter is all there is besides
        assert len(body) == sum(program.counts.values()) + 1, program.name


@pytest.mark.parametrize("name", _OF_HOST)
def test_a_step_is_a_turn_with_its_own_jump(name: str) -> None:
    """Two steps to a jump: the loop's jump and count are two of the instructions."""
    dialect = _dialect(name)
    counts = {"vector_load": 2, "vector_add": 1.25, "scalar_alu": 1, "branch": 0.5}
    program = step("unrolled", counts, dialect)
    assert program.counts == {"vector_load": 4, "vector_add": 2, "scalar_alu": 2, "branch": 1}
    (body,) = _bodies(assembly([program], dialect, TARGETS[name]))
    assert len(body) + 1 == sum(program.counts.values()), "the jump is not in the body"
    spread = [line for line in body if line == _mnemonic(dialect.forms["vector_load"])]
    assert len(spread) == 4
    assert body[0] != body[1] or body[1] != body[2], "in turn, not in blocks"


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"vector_add": 1, "scalar_alu": 1}, "step 'x' has no branch that ends it"),
        ({"vector_ad": 1, "branch": 1}, "no instruction of the class 'vector_ad'"),
    ],
)
def test_a_step_that_cannot_be_made(counts: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        step("x", counts, _dialect("avx2"))


@pytest.mark.skipif(shutil.which("llvm-mc") is None, reason="no assembler for other processors")
@pytest.mark.parametrize("name", [name for name in TARGETS if name.startswith("neon")])
def test_an_assembler_takes_the_loops_of_aarch64(name: str) -> None:
    dialect = _dialect(name)
    lines = [line for program in _loops(dialect) for line in program.body]
    around = [dialect.begin, dialect.advance.format(stride=256), dialect.end]
    features = ",".join(f"+{each}" for each in TARGETS[name].features)
    command = ["llvm-mc", "-triple=aarch64", f"-mattr={features}", "-o", "-"]
    text = "\n".join([*around[:2], *lines, around[2], ""])
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:1000]


def test_no_loops_are_assembled_for_another_architecture() -> None:
    other = next(target for name, target in TARGETS.items() if name not in _OF_HOST)
    with pytest.raises(UsageError, match="no assembler for"):
        assembly([], dialect_of(other), other)


def test_a_chain_waits_and_a_mix_does_not() -> None:
    """Each instruction of a chain reads what the one before wrote; in a mix none does."""
    dialect = _dialect("avx2")
    line = chain("c", "fp32_add", dialect).body[0]
    written = line.split(", ")[-1]
    assert line.count(written) == 2
    for line in mix("m", {"fp32_add": 1}, dialect).body:
        assert line.count(line.split(", ")[-1]) == 1


def test_a_mix_is_even_and_complete() -> None:
    dialect = _dialect("avx2")
    program = mix("m", {"vector_logic": 2, "fp32_fma": 1}, dialect)
    assert program.counts == {"vector_logic": 64, "fp32_fma": 32}
    kinds = ["fma" in line for line in program.body]
    assert all(sum(kinds[start : start + 3]) == 1 for start in range(0, len(kinds), 3))


@pytest.mark.parametrize(
    ("features", "name", "bits"),
    [({"avx"}, "avx", 128), (_AVX2, "avx2", 256), (_AVX512, "avx512", 512),
     (_AVX512 - {"avx512bw"}, "avx2", 256)],
)  # fmt: skip
def test_fewer_features_are_narrower_vectors(features: set[str], name: str, bits: int) -> None:
    found = dialect_of(Target(_X86, "generic", frozenset(features)))
    assert (found.name, found.simd_bits) == (name, bits)


def test_the_environment_restricts_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    monkeypatch.setenv("NUMBA_CPU_FEATURES", "+avx,-avx2")
    target = host_target()
    assert (target.cpu, target.features) == ("generic", frozenset({"avx"}))


@pytest.mark.parametrize(
    "target",
    [Target("riscv64-unknown-linux-gnu", "sifive", frozenset()),
     Target(_X86, "nehalem", frozenset({"sse4.2"}))],
)  # fmt: skip
def test_other_processors_are_refused(target: Target) -> None:
    with pytest.raises(UsageError, match="x86-64 with AVX or better, and for aarch64"):
        dialect_of(target)


def test_unknown_classes_are_refused() -> None:
    dialect = _dialect("avx2")
    with pytest.raises(UsageError, match="no instruction of the class 'vector_popcount'"):
        mix("m", {"vector_popcount": 1}, dialect)
    with pytest.raises(UsageError, match="no chain of the class 'vector_store'"):
        chain("c", "vector_store", dialect)


def test_without_llvmlite_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    with pytest.raises(MissingExtraError, match=r"xnorsim\[native\]"):
        host_target()


# --- on this machine -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def host() -> tuple[Target, Dialect]:
    target = host_target()
    return target, dialect_of(target)


def test_nothing_is_written_beside_the_memory_of_a_loop(host: tuple[Target, Dialect]) -> None:
    target, dialect = host
    programs = [mix(kind, {kind: 1}, dialect) for kind in dialect.forms]
    vector = dialect.simd_bits // 8
    memory = aligned_ones(NEAR_BYTES + vector + 4096)
    memory[:] = 7
    inside = near_memory(dialect).size
    for loop in compiled(programs, dialect, target).values():
        loop.call(memory.ctypes.data, 3, 2)
    np.testing.assert_array_equal(memory[inside:], 7)


@pytest.mark.parametrize("turns", [1, 2, 7])
@pytest.mark.parametrize("passes", [1, 3])
def test_a_stream_of_stores_fills_exactly_its_stretch(
    host: tuple[Target, Dialect], turns: int, passes: int
) -> None:
    target, dialect = host
    loop = compiled([stream("s", "vector_store", dialect, {})], dialect, target)["s"]
    memory = aligned_ones(turns * loop.program.stride + 4096)
    memory[:] = 0
    memory[: dialect.simd_bits // 32] = 5  # the vector that is stored
    loop.call(memory.ctypes.data, turns, passes)
    end = turns * loop.program.stride // 4
    np.testing.assert_array_equal(memory[:end], 5)
    np.testing.assert_array_equal(memory[end:], 0)


def test_a_chain_takes_longer_than_what_does_not_wait(host: tuple[Target, Dialect]) -> None:
    """An addition of floats takes 2 to 4 cycles on every core here, and starts every cycle."""
    target, dialect = host
    programs = [chain("chain", "fp32_add", dialect), mix("free", {"fp32_add": 1}, dialect)]
    loops = compiled(programs, dialect, target)
    memory = near_memory(dialect)

    def seconds(name: str) -> float:
        start = time.perf_counter()
        loops[name].call(memory.ctypes.data, 1000, 1)
        return time.perf_counter() - start

    assert min(seconds("chain") for _ in range(20)) > 1.5 * min(seconds("free") for _ in range(20))
