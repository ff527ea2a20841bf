"""A core's instructions as plain arrays: by head for one of a few classes, and at both ends."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from xnorsim.errors import UsageError
from xnorsim.machine.core import lower_core
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.profile import instruction_rows, load_profile, profile_names
from xnorsim.machine.schema import HardwareProfile

ORDER = list(CLASSES)
MODELLED = [name for name in profile_names() if load_profile(name).instructions is not None]

SECTIONS = """\
core:
  execution: in-order
  issue_width: {value: 3 op/cycle, high: 4 op/cycle, source: cacm, basis: measured}
instructions:
  vector_store:
    ports: [S]
    uops: 2
    busy: {value: 2 cycle, source: cacm, basis: published}
  vector_logic:
    ports: [F0, F1]
    uops: 1
    busy: {value: 1 cycle, low: 1 cycle, high: 1.5 cycle, source: cacm, basis: measured}
    latency: {value: 3 cycle, low: 2 cycle, source: cacm, basis: datasheet}
  vector_shift:
    ports: [F1]
    uops: 1
    busy: {value: 1 cycle, low: 1 cycle, source: cacm, basis: measured}
"""


@pytest.fixture
def toy(tmp_path: Path, project: Path) -> HardwareProfile:
    path = tmp_path / "toy.yaml"
    paper = (project / "hwprofiles" / "paper-64ops.yaml").read_text("utf-8")
    path.write_text(paper + SECTIONS, "utf-8")
    return load_profile(path)


def test_a_toy_core_by_head(toy: HardwareProfile) -> None:
    core = lower_core(toy)
    assert core.classes == tuple(CLASSES)
    assert core.ports == ("F0", "F1", "S")  # as the classes of CLASSES come, not as the file does
    assert core.issue_width == 3
    logic, shift, store = (ORDER.index(f"vector_{c}") for c in ("logic", "shift", "store"))
    assert core.allowed[[logic, shift, store]].tolist() == [
        [True, True, False],
        [False, True, False],
        [False, False, True],
    ]
    assert core.uops[[logic, shift, store]].tolist() == [1, 1, 2]
    assert core.busy_cycles[[logic, shift, store]].tolist() == [1, 1, 2]
    assert core.latency_cycles[logic] == 3
    others = np.delete(np.arange(len(ORDER)), [logic, shift, store])
    assert not core.allowed[others].any()
    assert not core.uops[others].any()
    assert np.isnan(core.busy_cycles[others]).all()
    assert np.isnan(core.latency_cycles[[shift, store]]).all()  # not given: unknown, never zero


def test_fast_and_slow_take_every_end(toy: HardwareProfile) -> None:
    logic, store = ORDER.index("vector_logic"), ORDER.index("vector_store")
    fast, slow = lower_core(toy, "fast"), lower_core(toy, "slow")
    assert (fast.issue_width, slow.issue_width) == (4, pytest.approx(3 * 0.95))
    assert (fast.busy_cycles[logic], slow.busy_cycles[logic]) == (1, 1.5)
    assert (fast.latency_cycles[logic], slow.latency_cycles[logic]) == (2, pytest.approx(3.3))
    assert fast.busy_cycles[store] == pytest.approx(2 * 0.8)
    np.testing.assert_array_equal(fast.uops, slow.uops)


@pytest.mark.parametrize("name", MODELLED)
def test_the_ends_of_a_bundled_core_surround_its_value(name: str) -> None:
    profile = load_profile(name)
    fast, value, slow = (lower_core(profile, at) for at in ("fast", "value", "slow"))
    assert fast.issue_width >= value.issue_width >= slow.issue_width
    present = value.uops > 0
    np.testing.assert_array_equal(present, value.allowed.any(axis=-1))
    np.testing.assert_array_equal(present, np.isfinite(value.busy_cycles))
    for field in ("busy_cycles", "latency_cycles"):
        low, middle, high = (getattr(core, field) for core in (fast, value, slow))
        known = np.isfinite(middle)
        assert np.all((low <= middle)[known] & (middle <= high)[known]), field
        assert not known[~present].any(), field


@pytest.mark.parametrize("name", MODELLED)
def test_a_bundled_core_can_run_a_plain_loop(name: str) -> None:
    core = lower_core(load_profile(name))
    for needed in ("scalar_load", "scalar_store", "scalar_alu", "scalar_fp32_add", "branch"):
        assert core.uops[ORDER.index(needed)] > 0, needed


@pytest.mark.parametrize(
    ("name", "instruction", "rate"),
    [
        # Instructions a cycle as the source gives them. insn_bench_aarch64 (measured):
        ("raspberry-pi-4b", "vector_logic", 1.5),  # EOR: two of three slots of issue
        ("raspberry-pi-4b", "vector_popcount", 1.0),  # CNT
        ("raspberry-pi-4b", "vector_narrow", 2.0),  # XTN: writes 64 bits
        ("raspberry-pi-4b", "vector_store", 0.5),  # STR Q
        ("raspberry-pi-4b", "vector_reduce_add", 0.5),  # ADDV of 16 bytes
        ("raspberry-pi-3b-plus", "vector_popcount", 1.0),
        ("raspberry-pi-3b-plus", "vector_widening_accumulate", 0.5),  # UADALP
        ("raspberry-pi-3b-plus", "vector_load", 0.5),  # LDR Q: 8 bytes a cycle
        ("raspberry-pi-3b-plus", "vector_reduce_add", 1.0),
        ("raspberry-pi-5", "vector_popcount", 2.0),
        ("raspberry-pi-5", "vector_reduce_add", 0.5),
        ("neoverse-n1", "vector_widening_accumulate", 1.0),
        ("neoverse-n1", "scalar_alu", 3.0),
        ("neoverse-n1", "vector_reduce_add", 0.5),
        ("apple-m1", "vector_popcount", 4.0),
        ("apple-m1", "vector_reduce_add", 4.0),
        ("apple-m1", "vector_load", 3.0),
        # LLVM's models:
        ("pixel-1", "vector_popcount", 2.0),
        ("pixel-1", "vector_reduce_add", 5 / 3),  # ADDV: three of five slots of issue
        ("pixel-1", "fp32_fma", 1.0),
        ("x86-avx512-vpopcnt", "vector_popcount", 1.0),  # port 5, uops.info too
        ("x86-avx512-vpopcnt", "int8_dot", 2.0),
        ("haswell", "vector_logic", 3.0),
        ("haswell", "vector_shuffle", 1.0),
        ("skylake-sp", "vector_logic", 2.0),  # zmm: ports 0 and 5
        ("zen-3", "scalar_popcount", 4.0),
        ("zen-4", "vector_logic", 2.0),  # zmm: four pipes, two cycles each
        ("cortex-m7", "scalar_alu", 2.0),
        ("cortex-m4f", "scalar_alu", 1.0),
    ],
)
def test_rates_of_single_instructions(name: str, instruction: str, rate: float) -> None:
    core = lower_core(load_profile(name))
    at = ORDER.index(instruction)
    by_ports = core.allowed[at].sum() / core.busy_cycles[at]
    assert min(by_ports, core.issue_width / core.uops[at]) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("raspberry-pi-4b", "int8_dot"),  # SDOT comes with Armv8.2
        ("pixel-1", "fp16_fma"),
        ("haswell", "vector_popcount"),  # VPOPCNT comes with AVX-512
        ("skylake-sp", "vector_popcount"),  # and not with its first processors
        ("x86-avx512-vpopcnt", "vector_widening_accumulate"),  # NEON's
        ("zen-4", "vector_reduce_add"),
        ("apple-m1", "scalar_popcount"),  # POPCNT is x86's
        ("cortex-m7", "scalar_popcount"),
    ],
)
def test_what_a_machine_cannot_execute(name: str, absent: str) -> None:
    assert not lower_core(load_profile(name)).allowed[ORDER.index(absent)].any()


def test_a_core_is_frozen_and_sweeps_by_replacement(toy: HardwareProfile) -> None:
    core = lower_core(toy)
    with pytest.raises(ValueError, match="read-only"):
        core.busy_cycles[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        core.issue_width = 8  # pyright: ignore[reportAttributeAccessIssue]
    wide = dataclasses.replace(core, issue_width=np.array([3.0, 4.0]))  # pyright: ignore[reportArgumentType]
    assert np.shape(wide.issue_width) == (2,)


def test_instructions_are_listed_with_their_ports(toy: HardwareProfile) -> None:
    rows = [row[:3] for row in instruction_rows(toy)]
    assert rows == [
        ("vector_logic", "1", "F0, F1"),
        ("vector_shift", "1", "F1"),
        ("vector_store", "2", "S"),
    ]
    assert instruction_rows(load_profile("paper-64ops")) == ()


def test_a_profile_without_instructions_and_another_end_are_refused(toy: HardwareProfile) -> None:
    with pytest.raises(UsageError, match=r"paper-64ops has no sections 'core' and 'instructions'"):
        lower_core(load_profile("paper-64ops"))
    with pytest.raises(UsageError, match=r"'best'.*fast, slow, value"):
        lower_core(toy, "best")  # pyright: ignore[reportArgumentType]


def test_a_core_is_lowered_at_drawn_values(toy: HardwareProfile) -> None:
    """Two design points; classes whose cycles are not drawn have their value at both."""
    logic, shift, store = (ORDER.index(f"vector_{c}") for c in ("logic", "shift", "store"))
    draws = {
        "instructions.vector_logic.busy": np.array([[1.0], [1.25]]),
        "core.issue_width": np.array([[3.0], [3.5]]),
    }
    value, core = lower_core(toy), lower_core(toy, draws)
    assert core.busy_cycles.shape == (2, 1, len(ORDER))
    np.testing.assert_array_equal(core.busy_cycles[..., logic], [[1.0], [1.25]])
    np.testing.assert_array_equal(core.busy_cycles[..., shift], [[1.0], [1.0]])
    np.testing.assert_array_equal(core.busy_cycles[..., store], [[2.0], [2.0]])
    np.testing.assert_array_equal(core.issue_width, [[3.0], [3.5]])
    np.testing.assert_array_equal(core.latency_cycles, value.latency_cycles)
    np.testing.assert_array_equal(core.allowed, value.allowed)
    with pytest.raises(ValueError, match="read-only"):
        core.busy_cycles[0] = 1


@pytest.mark.parametrize(
    ("line", "allocates", "why"),
    [
        ("", True, "not said: a line is fetched before it is written"),
        ("  write_streaming: false\n", True, "said"),
        ("  write_streaming: true\n", False, "runs of stores go out alone"),
    ],
)
def test_write_streaming(
    line: str, allocates: bool, why: str, tmp_path: Path, project: Path
) -> None:
    path = tmp_path / "toy.yaml"
    paper = (project / "hwprofiles" / "paper-64ops.yaml").read_text("utf-8")
    sections = SECTIONS.replace("execution: in-order\n", f"execution: in-order\n{line}")
    path.write_text(paper + sections, "utf-8")
    assert lower_core(load_profile(path)).write_allocate is allocates, why
