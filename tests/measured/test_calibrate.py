"""A calibration: what the rounds become, and that it is written whole, once, and goes on."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorsim.analysis.calibration import calibrate, calibrate_and_tell
from xnorsim.cli import main
from xnorsim.cost.latency import combined_seconds
from xnorsim.cost.ports import port_cycles
from xnorsim.errors import UsageError
from xnorsim.kernels.loops import Program, Target, dialect_of
from xnorsim.machine.core import Core, lower_core
from xnorsim.machine.lowering import lower
from xnorsim.machine.profile import check_profile, load_profile, profile_names
from xnorsim.machine.schema import HardwareProfile, Programs
from xnorsim.measured import calibrate as measured
from xnorsim.measured import calibration_energy as energy_module
from xnorsim.measured.activity import Energy
from xnorsim.measured.caches import Cache
from xnorsim.measured.calibration_calls import PROGRAMS, program_calls
from xnorsim.measured.calibration_energy import energy_round, instruction_energy
from xnorsim.measured.calibration_plan import CLOCK, STREAM_WORK, pairs_to_check, plan
from xnorsim.measured.calibration_ports import _NAMES, corrected, nearest_name, structure
from xnorsim.measured.calibration_profile import Facts, document
from xnorsim.measured.calibration_rounds import core_round, regions
from xnorsim.measured.calibration_source import (
    calibrated_processor,
    calibration_source,
    processor,
)
from xnorsim.measured.calibration_steps import kernel_steps
from xnorsim.measured.calibration_values import of_rounds, stores_stream, streamed
from xnorsim.measured.host import read_host
from xnorsim.measured.records import append_line

# --- values --------------------------------------------------------------------------------------


def test_a_value_is_what_undisturbed_rounds_say() -> None:
    """One round in twenty undisturbed, the rest up to twice as slow."""
    rounds = [{"x": value} for value in (*[1.0] * 5, *np.linspace(1.2, 2, 95))]
    found = of_rounds(rounds, "x")
    assert found.value == found.low == 1.0
    assert found.high == pytest.approx(1.92, abs=0.02)


def test_one_glitch_is_no_value() -> None:
    assert of_rounds([{"x": 0.1}, *[{"x": 1.0}] * 239], "x").low == 1.0


_LEVELS = [(0.010e-9, 1.0), (0.016e-9, 0.8), (0.05e-9, 0.3)]


def _memory(levels: list[tuple[float, float]], moved_by_stores: int = 2) -> dict[str, float]:
    """What a machine of the model shows: seconds a byte and overlap of each level."""
    core = {work: 1e-12 * max(5, 2 * work) for work in STREAM_WORK}
    found = {f"0:stream:{work}": each for work, each in core.items()} | {"0:store": 1e-11}
    for level in range(1, len(levels) + 1):
        seconds, overlaps = zip(*levels[:level], strict=True)
        for work, each in core.items():
            found[f"{level}:stream:{work}"] = float(combined_seconds(each, seconds, overlaps))
        written = [moved_by_stores * each for each in seconds]
        found[f"{level}:store"] = float(combined_seconds(1e-11, written, overlaps))
        found[f"{level}:all"] = found[f"{level}:stream:0"] / 1.5
    return found


def test_streams_tell_bandwidth_and_overlap() -> None:
    found = streamed([_memory(_LEVELS)] * 3, 3)
    for level, (seconds, overlap) in zip(found, _LEVELS, strict=True):
        assert level.seconds.value == pytest.approx(seconds, rel=0.02)
        assert level.overlap.value == pytest.approx(overlap, abs=0.05)


@pytest.mark.parametrize(("moved", "expected"), [(1, True), (2, False)])
def test_stores_tell_whether_lines_are_fetched_first(moved: int, expected: bool) -> None:
    rounds = [_memory(_LEVELS, moved)] * 3
    assert stores_stream(rounds, streamed(rounds, 3)) is expected


def test_regions_lie_between_a_cache_and_the_next() -> None:
    sizes = [32 << 10, 512 << 10, 32 << 20]
    found = regions(sizes, [1, 1, 2], 16 << 30, 2)
    assert [region.level for region in found] == [1, 2, 3]
    assert [region.alone for region in found] == [128 << 10, 4 << 20, 128 << 20]
    for region, nearer in zip(found, sizes, strict=True):
        assert region.alone > nearer


def test_many_threads_reach_the_level_that_is_meant() -> None:
    """Eight times eight cores share 32 MiB each: all together touch more than what is nearer."""
    _, third, memory = regions([32 << 10, 512 << 10, 32 << 20], [1, 1, 8], 256 << 30, 64)
    assert 512 << 10 < third.each <= (32 << 20) // 8
    assert 64 * memory.each >= 2 * 8 * (32 << 20)


def test_little_memory_is_not_filled() -> None:
    assert regions([32 << 10, 32 << 20], [1, 2], 64 << 20, 2)[-1].alone == 16 << 20


# --- ports ---------------------------------------------------------------------------------------

_SAME = {"a": ("P0", "P1"), "b": ("P0", "P1"), "c": ("P2",), "d": ("P2",), "e": ("P0", "P1")}
_ALONE = {"a": 0.5, "b": 0.5, "c": 1.0, "d": 1.0, "e": 0.5}


def _pairs(truth: dict[str, tuple[str, ...]]) -> dict[tuple[str, str], float]:
    names = sorted(truth)
    return {
        (a, b): _ALONE[a] + _ALONE[b] if truth[a] == truth[b] else max(_ALONE[a], _ALONE[b])
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    }


def test_pairs_that_agree_change_nothing() -> None:
    assert corrected(_SAME, _ALONE, _pairs(_SAME), 6) == (_SAME, ())


def test_a_class_on_ports_of_its_own_is_moved() -> None:
    truth = _SAME | {"e": ("P8", "P9")}
    found, notes = corrected(_SAME, _ALONE, _pairs(truth), 6)
    assert not set(found["e"]) & {"P0", "P1", "P2"}
    assert {name: found[name] for name in "abcd"} == {name: _SAME[name] for name in "abcd"}
    assert len(notes) == 1
    assert notes[0].startswith("e moved from P0+P1 to e_0+e_1: 2 pairs")


def test_a_class_is_moved_to_those_it_shares_time_with() -> None:
    wrong = _SAME | {"e": ("P2",)}
    found, _ = corrected(wrong, _ALONE, _pairs(_SAME), 6)
    assert found == _SAME


def test_pairs_between_the_answers_tell_nothing() -> None:
    """A scheduler that is not ideal: two thirds of the way from the longer one to the sum."""
    between = dict.fromkeys(_pairs(_SAME), 0.75)
    assert corrected(_SAME, _ALONE, between, 6) == (_SAME, ())


def test_a_narrow_front_end_tells_nothing_of_ports() -> None:
    """Two instructions a cycle at most: a pair takes a cycle on whatever ports."""
    alone = dict.fromkeys("abcde", 0.5)
    slow = dict.fromkeys(_pairs(_SAME), 1.0)
    assert corrected(_SAME, alone, slow, 2) == (_SAME, ())


def test_every_microarchitecture_names_a_profile_with_instructions() -> None:
    for name in {*_NAMES.values()}:
        assert name in profile_names()
        assert load_profile(name).instructions is not None


@pytest.mark.parametrize(
    ("microarchitecture", "architecture", "features", "vendor", "expected"),
    [
        ("zen3", "x86_64", (), "AuthenticAMD", "zen-3"),
        ("cortex_a72", "aarch64", (), "ARM", "raspberry-pi-4b"),
        ("skylake_avx512", "x86_64", (), "GenuineIntel", "skylake-sp"),
        ("", "aarch64", (), "ARM", "neoverse-n1"),
        ("", "x86_64", ("avx512_vpopcntdq", "avx512f"), "GenuineIntel", "x86-avx512-vpopcnt"),
        ("", "x86_64", ("avx512f",), "GenuineIntel", "skylake-sp"),
        ("x86_64_v3", "x86_64", ("avx2",), "GenuineIntel", "haswell"),
        ("", "x86_64", ("avx2",), "AuthenticAMD", "zen-3"),
    ],
)
def test_the_nearest_profile(
    microarchitecture: str, architecture: str, features: tuple, vendor: str, expected: str
) -> None:
    host = replace(
        read_host(),
        microarchitecture=microarchitecture, architecture=architecture, features=features,
        vendor=vendor,
    )  # fmt: skip
    assert nearest_name(host) == expected


# --- a profile of a made-up machine --------------------------------------------------------------

_AVX2 = Target("x86_64-unknown-linux-gnu", "znver3", frozenset({"avx", "avx2", "fma", "popcnt"}))
_AVX512 = {*_AVX2.features, "avx512f", "avx512bw", "avx512dq", "avx512vl"}
_CACHES = (
    Cache(1, "data", 32 << 10, 64, 8, 1),
    Cache(2, "unified", 512 << 10, 64, 8, 1),
    Cache(3, "unified", 32 << 20, 64, 16, 2),
)


_CALLS = {"call": 1e-6, "own:xnor": 8e-6, "own:fma": 10e-6, "numpy:numpy": 12e-6}


def _facts(share: float = 1.0) -> tuple[Facts, Core]:
    """What loops say of the machine of profile zen-3; kernels' steps reach `share` of its ports."""
    nearest = load_profile("zen-3")
    core = lower_core(nearest)
    dialect = dialect_of(_AVX2)
    ports = structure(nearest, [*dialect.forms])
    pairs = pairs_to_check(ports, dialect)
    steps = kernel_steps(dialect, nearest)
    programs = {each.name: each for each in plan(dialect, pairs, steps)}
    cycles: dict[str, float] = {CLOCK: 3e9}
    for name, program in programs.items():
        counts = np.array([program.counts.get(each, 0) for each in core.classes])
        if name.startswith("latency:"):
            place = core.classes.index(name.removeprefix("latency:"))
            cycles[name] = counts[place] * core.latency_cycles[place]
        elif name != CLOCK:
            slow = share if name.startswith("step:") else 1
            cycles[name] = float(port_cycles(counts, core)) / slow
    facts = Facts(
        name="made-up", description="a machine", source="a test", dialect=dialect,
        programs=programs, nearest=nearest, caches=_CACHES, memory_bytes=16 << 30, cores=2,
        core=[cycles] * 3, memory=[_memory(_LEVELS)] * 3, calls=[_CALLS] * 10, energy={},
    )  # fmt: skip
    return facts, core


def _loaded(data: dict[str, Any], folder: Path) -> HardwareProfile:
    path = folder / "made-up.yaml"
    path.write_text(measured.profile_text(data), encoding="utf-8")
    assert check_profile(path) == ()
    return load_profile(path)


def test_a_made_up_machine_comes_back(tmp_path: Path) -> None:
    facts, truth = _facts()
    data, notes = document(facts)
    assert notes == ()
    found = lower_core(_loaded(data, tmp_path))
    has = [name in facts.dialect.forms for name in truth.classes]
    np.testing.assert_allclose(found.busy_cycles[has], truth.busy_cycles[has], rtol=2e-3)
    assert found.issue_width == truth.issue_width
    assert data["core"]["efficiency"]["value"] == 1
    assert data["clock"]["value"] == "3 GHz"
    assert data["overhead"]["layer"]["value"] == "1 us"


@pytest.mark.parametrize("share", [0.7, 0.9])
def test_efficiency_is_how_far_mixes_stay_behind(share: float) -> None:
    data, _ = document(_facts(share)[0])
    assert data["core"]["efficiency"]["value"] == pytest.approx(share, abs=0.001)


def test_the_range_of_efficiency_is_that_of_steps_and_of_moments() -> None:
    """Steps at 0.7 to 1 of the ports; in half of all moments a neighbour takes half of that."""
    facts, _ = _facts()
    steps = [name for name in facts.programs if name.startswith("step:")]
    shares = dict(zip(steps, np.linspace(0.7, 1.0, len(steps)), strict=True))
    quiet = {name: each / shares.get(name, 1) for name, each in facts.core[0].items()}
    disturbed = {name: each * (2 if name in shares else 1) for name, each in quiet.items()}
    found = document(replace(facts, core=[quiet, disturbed] * 100))[0]["core"]["efficiency"]
    assert found["value"] == pytest.approx(0.85, abs=0.01)
    assert found["high"] == pytest.approx(0.94, abs=0.01)
    assert found["low"] == pytest.approx(0.38, abs=0.02)


def test_what_a_neighbour_takes_of_all_classes_is_not_taken_twice() -> None:
    """It halves everything in half of all moments: the ranges of classes say so already."""
    facts, _ = _facts(0.9)
    disturbed = {name: each * (1 if name == CLOCK else 2) for name, each in facts.core[0].items()}
    found = document(replace(facts, core=[facts.core[0], disturbed] * 100))[0]
    assert found["instructions"]["fp32_fma"]["busy"]["high"] == "2 cycle"
    assert found["core"]["efficiency"]["low"] == pytest.approx(0.9, abs=0.01)


def test_no_throughput_is_beyond_the_ports(tmp_path: Path) -> None:
    """Moments that were luckier than the clock's: everything five percent too quick."""
    facts, _ = _facts()
    lucky = {name: each * (1 if name == CLOCK else 0.95) for name, each in facts.core[0].items()}
    profile = _loaded(document(replace(facts, core=[lucky] * 3))[0], tmp_path)
    assert lower(profile, "fast").fp32_vectors_per_cycle == 2
    assert lower(profile, "fast").scalar_loads_per_cycle == 3
    data = document(facts)[0]
    assert data["throughput"]["fp32"]["value"] == "2 vector/cycle", "and none is lost"


def test_calls_of_programs_are_kept_apart(tmp_path: Path) -> None:
    found = lower(_loaded(document(_facts()[0])[0], tmp_path)).call_overhead_s
    assert found == pytest.approx({"own": 9e-6, "numpy": 12e-6}), "the mean of both kernels"


def test_every_program_can_be_called() -> None:
    calls = program_calls()
    assert {name.partition(":")[0] for name in calls} <= set(PROGRAMS) <= {*Programs.model_fields}
    assert {"own:xnor", "own:fma", "popcnt:popcnt", "scalar:float-loop"} <= set(calls)
    for name, call in calls.items():
        result = call()
        assert isinstance(result, np.ndarray), name
        assert result.shape == (1, 1, 1, 1), name


def test_what_is_measured_says_so_and_what_is_not_is_estimated(tmp_path: Path) -> None:
    data, _ = document(_facts()[0])
    profile = _loaded(data, tmp_path)
    nearest = load_profile("zen-3")
    assert profile.clock.basis == profile.simd.bits.basis == "measured"
    assert profile.energy is not None
    assert nearest.energy is not None
    for name in ("node", "voltage", "static", "instruction"):
        mine, other = getattr(profile.energy, name), getattr(nearest.energy, name)
        assert (mine.value, mine.source, mine.basis) == (other.value, other.source, "estimated")
        assert mine.note.startswith("As profile zen-3.")
    for mine, other in zip(profile.memories, nearest.memories, strict=True):
        assert mine.energy is not None
        assert other.energy is not None
        assert (mine.energy.value, mine.energy.basis) == (other.energy.value, "estimated")
        assert mine.bandwidth.basis == "measured"
    assert "zen-3" not in profile.sources
    assert {profile.energy.node.source, "calibration"} <= set(profile.sources)


def test_shared_caches_have_a_ceiling_and_private_ones_follow_the_clock(tmp_path: Path) -> None:
    memories = _loaded(document(_facts()[0])[0], tmp_path).memories
    assert [memory.name for memory in memories] == ["L1", "L2", "L3", "DRAM"]
    assert [memory.shared_bandwidth is not None for memory in memories] == [
        False,
        False,
        True,
        True,
    ]
    assert [str(memory.bandwidth.value).split()[1] for memory in memories] == [
        "byte/cycle", "byte/cycle", "GB/s", "GB/s"
    ]  # fmt: skip
    assert memories[0].overlap is None


def test_no_port_takes_more_than_one_a_cycle() -> None:
    """Three percent too quick is noise, twice as quick a structure with more ports."""
    facts, _ = _facts()
    for factor, expected in ((0.97, "1 cycle"), (0.5, "0.5 cycle")):
        rounds = [{**each, "rate:vector_shuffle": each["rate:vector_shuffle"] * factor}
                  for each in facts.core]  # fmt: skip
        data, _ = document(replace(facts, core=rounds))
        assert data["instructions"]["vector_shuffle"]["busy"]["value"] == expected


@given(factor=st.floats(1.0, 3.0), seed=st.integers(0, 2**31))
@settings(max_examples=5, deadline=None)
def test_any_noise_gives_a_profile_without_faults(factor: float, seed: int) -> None:
    facts, _ = _facts()
    draw = np.random.default_rng(seed)

    def noisy(rows: Any) -> list[dict[str, float]]:
        return [
            {name: value * draw.uniform(1, factor) for name, value in row.items()} for row in rows
        ]

    changed = replace(
        facts, core=noisy(facts.core), memory=noisy(facts.memory), calls=noisy(facts.calls)
    )
    HardwareProfile.model_validate(document(changed)[0])


@pytest.mark.parametrize(
    ("target", "nearest", "product"),
    [
        (_AVX2, "zen-3", "own-lookup-256-128, inner loop"),
        (
            replace(_AVX2, features=frozenset(_AVX512)),
            "skylake-sp",
            "own-lookup-512-256, inner loop",
        ),
        (
            replace(_AVX2, features=frozenset({*_AVX512, "avx512vpopcntdq"})),
            "zen-4",
            "own-popcount-512, inner loop",
        ),
        (
            Target("aarch64-unknown-linux-gnu", "cortex-a72", frozenset({"neon"})),
            "raspberry-pi-4b",
            "own-neon-128, inner loop",
        ),
    ],
)
def test_steps_are_those_of_our_kernels_on_this_machine(
    target: Target, nearest: str, product: str
) -> None:
    dialect = dialect_of(target)
    steps = kernel_steps(dialect, load_profile(nearest))
    floats = f"own-fp32-{dialect.simd_bits}, inner loop"
    assert {product, floats, f"own-sign-{dialect.simd_bits}, 16 positions of a channel"} <= {*steps}
    assert len(steps) >= 8
    assert len({tuple(sorted(counts.items())) for counts in steps.values()}) == len(steps)
    for name, counts in steps.items():
        assert set(counts) <= set(dialect.forms), name
    found = {each.name for each in plan(dialect, (), steps)}
    assert {f"step:{name}" for name in steps} <= found


# --- energy --------------------------------------------------------------------------------------


def test_counters_become_power_and_the_energy_of_an_instruction() -> None:
    rounds = [{"idle_w": 10.0, "busy_w": 30.0, "instructions_per_s": 4e9}, {}]
    found = instruction_energy(rounds)
    assert found["static"].value == 10
    assert found["instruction"].value == pytest.approx(5000)  # 20 W / 4e9 = 5 nJ, in pJ
    assert instruction_energy([{}]) == {}


def test_without_counters_there_is_no_energy(tmp_path: Path) -> None:
    assert energy_round(None, [], (), tmp_path) == {}  # pyright: ignore[reportArgumentType]


class _Still:
    """A loop that takes no time."""

    program = Program("still", (), {"fp32_fma": 100})

    @staticmethod
    def call(address: int, turns: int, passes: int) -> None:
        time.sleep(0.01)


def test_counters_of_packages_are_read_and_wrap_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Idle the package takes 1 J, at work 3 J past the end of its counter; its parts do not add."""
    package = tmp_path / "sys/class/powercap/intel-rapl:0"
    for folder, name in ((package, "package-0"), (package.with_name("intel-rapl:0:0"), "core")):
        folder.mkdir(parents=True)
        (folder / "name").write_text(name)
        (folder / "max_energy_range_uj").write_text("10000000")
        (folder / "energy_uj").write_text("0")
    readings = iter((7_000_000, 8_000_000, 8_000_000, 1_000_000))

    def next_reading(root: Path) -> dict[str, Energy]:
        (package / "energy_uj").write_text(str(next(readings)))
        return original(root)

    original = energy_module.energies
    monkeypatch.setattr(energy_module, "energies", next_reading)
    found = energy_round(_Still(), [0], read_host().cpus, tmp_path)  # pyright: ignore[reportArgumentType]
    moment = energy_module._MOMENT_S
    assert found["idle_w"] == pytest.approx(1 / moment, rel=0.01)
    assert found["busy_w"] == pytest.approx(3 / moment, rel=0.25)  # the last call ends later
    assert found["instructions_per_s"] > 0


# --- a round, with a made-up clock ---------------------------------------------------------------


def test_a_round_is_told_in_cycles_of_the_clock() -> None:
    """Loops that take 2 and 6 nanoseconds an instruction on a core of 0.5 GHz."""
    now = [0.0]

    class Loop:
        def __init__(self, name: str, count: int, seconds: float) -> None:
            self.program = type("P", (), {"counts": {name: count}, "stride": 0})()
            self.seconds = seconds * count

        def call(self, address: int, turns: int, passes: int) -> None:
            now[0] += 1e-6 + self.seconds * turns * passes

    loops: Any = {CLOCK: Loop("scalar_alu", 96, 2e-9), "x": Loop("fp32_add", 10, 6e-9)}
    found = core_round(loops, np.ones(16, np.float32), timer=lambda: now[0])
    assert found[CLOCK] == pytest.approx(0.5e9, rel=1e-3)
    assert found["x"] == pytest.approx(30, rel=1e-3)


# --- all of it, on this machine ------------------------------------------------------------------


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calibration") / "here.yaml"
    told: list[tuple[int, int]] = []
    profile = calibrate(path, rounds=1, tell=lambda done, total: told.append((done, total)))
    assert profile.name == "here"
    assert told == [(0, 1), (1, 1)]
    return path


def test_this_machine_has_a_profile(once: Path) -> None:
    assert check_profile(once) == ()
    profile = load_profile(once)
    assert profile.sources["calibration"].startswith("xnorsim calibrate, ")
    assert [*once.parent.iterdir()] == [once], "finished rounds are removed with the profile"


def test_a_profile_is_not_written_over(once: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = once.read_bytes()
    with pytest.raises(UsageError, match="is there already: give --force"):
        calibrate(once)
    with pytest.raises(SystemExit) as ended:
        main(["calibrate", "-o", str(once)])
    assert ended.value.code == 2
    assert "--force" in capsys.readouterr().err
    assert once.read_bytes() == before


def test_the_command_says_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "shown.yaml"
    with pytest.raises(SystemExit) as ended:
        main(["calibrate", "-o", str(path), "--rounds", "1"])
    assert ended.value.code == 0
    shown = capsys.readouterr()
    profile = load_profile(path)
    assert shown.out.startswith(f"shown: {profile.description}\n")
    assert f"clock         {profile.clock.value}" in shown.out
    for memory in profile.memories:
        assert f"{memory.name:<13} {memory.size.value}, {memory.bandwidth.value}" in shown.out
    assert f"wrote {path} after " in shown.err


@pytest.mark.parametrize("name", ["x.yml", "X.yaml", "a b.yaml", ".yaml"])
def test_a_name_must_be_one_of_a_profile(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"NAME\.yaml"):
        calibrate(tmp_path / name)


def test_a_place_that_cannot_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        calibrate(tmp_path / "none" / "x.yaml")
    with pytest.raises(UsageError, match="at least 1 round"):
        calibrate(tmp_path / "x.yaml", rounds=0)


_ENDLESS = """
import sys
from xnorsim.analysis.calibration import calibrate
calibrate(sys.argv[1], rounds=9999)
"""


@pytest.mark.slow
def test_a_killed_calibration_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "k.yaml"
    state = measured.state_path(path)
    process = subprocess.Popen([sys.executable, "-c", _ENDLESS, str(path)])
    try:
        deadline = time.monotonic() + 120
        while not (state.exists() and state.read_bytes().count(b'"round"') >= 1):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not path.exists()
    kept = state.read_bytes().count(b'"round"')
    found = calibrate_and_tell(path, rounds=kept)
    assert any(note.startswith("went on after ") for note in found.notes)
    assert found.rounds >= kept - 1  # the last line may be torn
    assert load_profile(path).name == "k"
    assert not state.exists()


def test_another_machine_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    state = measured.state_path(path)
    state.write_text(
        json.dumps({"kind": "machine", "identity": {"model": "another"}, "schema": 1}) + "\n"
    )
    found = calibrate_and_tell(path, rounds=1)
    assert found.notes[0].startswith("began anew: changed: model")


_BENCH: Any = SimpleNamespace(
    loops={}, streams={}, calls={}, dialect=SimpleNamespace(name="avx2"),
    nearest=SimpleNamespace(name="zen-3"), regions=tuple(regions([32 << 10], [1], 1 << 30, 1)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"caches": (Cache(1, "data", 16 << 10, 64, 8, 1),)}, "caches"),
        ({"memory": 1 << 20}, "memory"),
        ({"features": ("avx",)}, "features"),
        ({"vendor": "another"}, "vendor"),
        ({"rapl": ("package-9",)}, "rapl"),
        ({"cpus": (99,)}, "cpus"),
        ({"regions": tuple(regions([32 << 10], [1], 1 << 20, 1))}, "regions"),
    ],
)
def test_rounds_of_another_machine_do_not_count(
    tmp_path: Path, change: dict[str, Any], what: str
) -> None:
    state, host = tmp_path / "state", read_host()
    measured._resumed(state, measured._identity(host, _BENCH))
    append_line(state, {"kind": "round"})
    more = {"governor": "another", "quota": 0.5}  # which change from hour to hour
    same, _ = measured._resumed(state, measured._identity(replace(host, **more), _BENCH))
    assert len(same) == 1
    bench: Any = _BENCH
    if what == "regions":
        bench = SimpleNamespace(**{**vars(_BENCH), **change})
    other = host if what == "regions" else replace(host, **change)
    done, notes = measured._resumed(state, measured._identity(other, bench))
    assert done == []
    assert notes == [f"began anew: changed: {what} since the rounds in {state}"]


def test_rounds_that_cannot_be_kept_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, line: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("xnorsim.measured.records._write", full)
    monkeypatch.setattr(measured, "_bench", lambda host: _BENCH)
    with pytest.raises(SystemExit) as ended:
        main(["calibrate", "-o", str(tmp_path / "full.yaml")])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert "cannot append to" in told
    assert "No space left on device" in told


@pytest.mark.parametrize("virtual", [True, False])
@pytest.mark.parametrize("model", ["", "Intel(R) Xeon(R) CPU @ 2.20GHz", "One, of; two"])
def test_a_profile_names_its_processor(model: str, virtual: bool) -> None:
    host = replace(read_host(), model=model, virtual=virtual)
    source = calibration_source(host, 60, "2026-03-01")
    assert calibrated_processor(source) == processor(host)
    assert calibrated_processor("a manual") == ""


def test_a_state_that_is_none_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "n.yaml"
    measured.state_path(path).write_text("not JSON\n")
    assert calibrate_and_tell(path, rounds=1).notes[0].startswith("began anew")


def test_an_interruption_leaves_no_profile(tmp_path: Path) -> None:
    path = tmp_path / "i.yaml"

    def stop(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calibrate(path, rounds=3, tell=stop)
    assert not path.exists()
    assert measured.state_path(path).exists()
