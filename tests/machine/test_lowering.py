"""Profiles as plain numbers: the paper's machine exactly, and both ends of every range."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorsim.cost.roofline import energy_joules
from xnorsim.errors import UsageError
from xnorsim.machine.core import lower_core
from xnorsim.machine.lowering import ELEMENT_BITS, Machine, better, lower, operations_per_cycle
from xnorsim.machine.profile import HardwareProfile, load_profile, profile_names, quantities
from xnorsim.machine.quantity import BASIS_RANGE, Dimension, Quantity, resolve
from xnorsim.machine.schema import dimension_of, quantity_fields
from xnorsim.work.table import COLUMNS

NUMBERS = [f.name for f in dataclasses.fields(Machine) if f.metadata]


def test_the_papers_machine_exactly() -> None:
    machine = lower(load_profile("paper-64ops"))
    per_cycle = {kind: operations_per_cycle(machine, kind) for kind in ELEMENT_BITS}
    assert per_cycle == {
        "binary": 64.0,  # 64 binary operations a clock
        "fp32": 1.0,  # or one of high precision
        "bwn": 2.0,  # its time saving of about 2
        "int8": 1.0,  # high precision to the paper
        "elementwise": 1.0,
        "binarize": math.inf,  # not counted there
    }
    assert machine.layer_overhead_s == 0
    assert machine.cores == 1
    np.testing.assert_array_equal(machine.level_bandwidth_bytes_per_s, [math.inf])
    energies = [n for n in NUMBERS if n.startswith("energy_") or n == "static_power_w"]
    assert len(energies) == 10
    assert all(math.isnan(getattr(machine, name)) for name in energies)  # unknown, never zero
    assert np.isnan(machine.level_energy_j_per_byte).all()
    # What is left out takes nothing away from a roofline.
    assert machine.efficiency == 1
    np.testing.assert_array_equal(machine.level_overlap, [1.0])


def test_what_technology_a_profile_names_is_lowered() -> None:
    machine = lower(load_profile("raspberry-pi-4b"))
    assert machine.energy_node_m == pytest.approx(28e-9)
    assert machine.energy_voltage_v == 0.85


@pytest.mark.parametrize(
    ("given", "why", "ends"),
    [
        # value, low and high as lowered; estimated: /2 .. x2, measured: +-5 %
        ("{value: 0.4, basis: estimated}", "as its basis says", (0.4, 0.2, 0.8)),
        ("{value: 0.9, basis: estimated}", "cut at 1", (0.9, 0.45, 1)),
        ("{value: 1, basis: measured}", "nothing above 1", (1, 0.95, 1)),
        ("{value: 0.9, low: 0.8, high: 0.95, basis: estimated}", "as given", (0.9, 0.8, 0.95)),
    ],
)
def test_overlap_and_efficiency_by_head(
    given: str, why: str, ends: tuple[float, float, float], tmp_path: Path, project: Path
) -> None:
    note = "made up, without openblas-4149 and gemmlowp-kernels"
    given = given.replace("basis", f"source: rpi-docs, note: '{note}', basis")
    text = (project / "hwprofiles" / "raspberry-pi-4b.yaml").read_text("utf-8")
    head, _, tail = re.sub(r"\n    overlap:.*(\n      .*)*", "", text).rpartition("    energy:")
    head = re.sub(r"\n  efficiency:.*(\n    .*)*", "", head)
    head = head.replace("\ncore:\n", f"\ncore:\n  efficiency: {given}\n")
    path = tmp_path / "mine.yaml"
    path.write_text(f"{head}    overlap: {given}\n    energy:{tail}", "utf-8")
    mine = load_profile(path)
    value, slow, fast = (lower(mine, at) for at in ("value", "slow", "fast"))
    assert (value.efficiency, slow.efficiency, fast.efficiency) == pytest.approx(ends), why
    each = [machine.level_overlap.tolist() for machine in (value, slow, fast)]
    assert each == [pytest.approx([1, 1, end]) for end in ends], why
    rows = {row.path: row for row in quantities(mine)}
    assert tuple(map(float, rows["core.efficiency"][1:4])) == pytest.approx(ends), why


def test_no_energies_of_operations_make_no_energy_of_a_roofline(
    tmp_path: Path, project: Path
) -> None:
    text = (project / "tests" / "golden" / "tiny.yaml").read_text("utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(re.sub(r"  (\w+_mac|fp_op|binarize): \{value: \d+ pJ.*\n", "", text), "utf-8")
    machine = lower(load_profile(path))
    assert math.isnan(machine.energy_fp32_mac_j)
    assert machine.static_power_w == 1
    columns = {name: np.array([8]) for name in COLUMNS}
    assert not np.isnan(energy_joules(columns, lower(load_profile(
        project / "tests" / "golden" / "tiny.yaml")), 1.0)).any()  # fmt: skip
    assert np.isnan(energy_joules(columns, machine, 1.0)).all()


def test_one_core_of_a_raspberry_pi_by_head() -> None:
    machine = lower(load_profile("raspberry-pi-4b"))
    assert (machine.clock_hz, machine.cores, machine.simd_bits) == (1.5e9, 4, 128)
    assert operations_per_cycle(machine, "fp32") == 4  # one vector of 4 floats
    assert operations_per_cycle(machine, "binary") == pytest.approx(128 * 0.46)
    assert machine.level_names == ("L1", "L2", "DRAM")
    # 16 and 8 byte/cycle at 1.5 GHz; the DRAM is given a second.
    np.testing.assert_array_equal(machine.level_bandwidth_bytes_per_s, [24e9, 12e9, 4.1e9])
    np.testing.assert_array_equal(machine.level_shared_bandwidth_bytes_per_s, [math.inf, 24e9, 5e9])


@pytest.mark.parametrize("name", profile_names())
def test_fast_is_never_worse_than_value_and_slow_never_better(name: str) -> None:
    profile = load_profile(name)
    fast, value, slow = (lower(profile, at) for at in ("fast", "value", "slow"))
    for field in NUMBERS:
        sign = 1 if better(field) == "high" else -1
        f, v, s = (sign * np.asarray(getattr(m, field)) for m in (fast, value, slow))
        known = ~np.isnan(v)
        assert np.all(f[known] >= v[known]), field
        assert np.all(v[known] >= s[known]), field
        assert np.isnan(f[~known]).all(), field
        assert np.isnan(s[~known]).all(), field


@pytest.mark.parametrize("name", profile_names())
def test_counts_have_no_range(name: str) -> None:
    profile = load_profile(name)
    fast, slow = lower(profile, "fast"), lower(profile, "slow")
    assert (fast.cores, fast.simd_bits) == (slow.cores, slow.simd_bits)


def test_a_bandwidth_a_cycle_follows_the_clock_of_its_end() -> None:
    profile = load_profile("pixel-1")
    slow, fast = lower(profile, "slow"), lower(profile, "fast")
    assert slow.level_bandwidth_bytes_per_s[0] == pytest.approx(16 * 1.5936e9)
    assert fast.level_bandwidth_bytes_per_s[0] == pytest.approx(32 * 2.15e9)


def test_every_quantity_is_lowered_or_left_out_on_purpose() -> None:
    profile = load_profile("x86-avx512-vpopcnt").model_dump(by_alias=True)
    paths = {
        ".".join(p for p in path if isinstance(p, str)) for path, _, _ in quantity_fields(profile)
    }
    lowered = {f.metadata["path"] for f in dataclasses.fields(Machine) if f.metadata}
    of_the_core = {path for path in paths if path.startswith(("core.issue", "instructions."))}
    assert paths - lowered - of_the_core == set()
    assert all(dimension_of(tuple(path.split("."))) for path in lowered)
    core = lower_core(load_profile("x86-avx512-vpopcnt"))
    cycles = np.isfinite([core.busy_cycles, core.latency_cycles]).sum()
    assert len(of_the_core) == cycles + 1  # and the issue width


def test_the_rates_have_the_favourable_end_high_and_the_costs_low() -> None:
    # By name, so that a slip in the table of fields is seen here.
    costs = ("latency", "energy", "overhead", "static")
    assert {n: better(n) for n in NUMBERS} == {
        n: "low" if any(word in n for word in costs) else "high" for n in NUMBERS
    }
    with pytest.raises(KeyError):
        better("name")


def test_a_machine_is_frozen_and_sweeps_by_replacement() -> None:
    machine = lower(load_profile("raspberry-pi-4b"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        machine.cores = 8  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ValueError, match="read-only"):
        machine.level_size_bytes[0] = 1
    wide = dataclasses.replace(machine, simd_bits=np.array([64.0, 128.0, 256.0]))  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(operations_per_cycle(wide, "fp32"), [2, 4, 8])


def test_unknown_ends_and_kinds_are_refused() -> None:
    profile = load_profile("paper-64ops")
    with pytest.raises(UsageError, match=r"'best'.*fast, slow, value"):
        lower(profile, "best")  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match=r"'int4'.*did you mean int8"):
        operations_per_cycle(lower(profile), "int4")


DIMENSION = Dimension(("hertz",))


@given(st.floats(min_value=1e-3, max_value=1e3), st.sampled_from(sorted(BASIS_RANGE)))
def test_the_default_range_of_a_basis_holds_the_value(number: float, basis: str) -> None:
    quantity = Quantity(value=f"{number!r} GHz", source="x", basis=basis)  # pyright: ignore[reportArgumentType]
    found = resolve(quantity, DIMENSION)
    low, high = BASIS_RANGE[basis]
    assert found.low < found.value < found.high
    assert found.low == pytest.approx(found.value * low)
    assert found.high == pytest.approx(found.value * high)


def test_weaker_bases_have_wider_ranges() -> None:
    order = ("measured", "datasheet", "published", "estimated")
    widths = [BASIS_RANGE[basis][1] / BASIS_RANGE[basis][0] for basis in order]
    assert widths == sorted(widths)
    assert set(BASIS_RANGE) == set(order)


def test_a_profile_of_ones_own_is_loaded_by_path(tmp_path: Path, project: Path) -> None:
    text = (project / "hwprofiles" / "raspberry-pi-4b.yaml").read_text("utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("1.5 GHz", "1.8 GHz"), "utf-8")
    mine: HardwareProfile = load_profile(str(path))
    assert lower(mine).clock_hz == 1.8e9


def test_a_profile_is_lowered_at_drawn_values() -> None:
    """Two design points of a clock and of one level's size; what is not drawn has its value."""
    profile = load_profile("raspberry-pi-4b")
    value = lower(profile)
    sizes = np.array([[2.0**19], [2.0**20]])
    found = lower(profile, {"clock": np.array([[1e9], [2e9]]), "memories.L2.size": sizes})
    assert found.at == "drawn"
    assert np.shape(found.clock_hz) == (2, 1)
    assert found.level_size_bytes.shape == (3, 2, 1)
    np.testing.assert_array_equal(found.level_size_bytes[1], sizes)
    np.testing.assert_array_equal(found.level_size_bytes[0], 2 * [[32 * 1024]])
    # 16 byte/cycle at either clock; the DRAM is given a second
    np.testing.assert_array_equal(found.level_bandwidth_bytes_per_s[0], [[16e9], [32e9]])
    np.testing.assert_array_equal(found.level_bandwidth_bytes_per_s[2], [[4.1e9], [4.1e9]])
    np.testing.assert_array_equal(found.level_overlap, value.level_overlap)
    assert found.layer_overhead_s == value.layer_overhead_s
    with pytest.raises(ValueError, match="read-only"):
        found.level_size_bytes[0] = 1


def test_nothing_drawn_is_the_machine_at_its_values() -> None:
    profile = load_profile("raspberry-pi-4b")
    drawn, value = lower(profile, {}), lower(profile)
    for field in NUMBERS:
        np.testing.assert_array_equal(getattr(drawn, field), getattr(value, field), err_msg=field)
    assert (drawn.name, drawn.level_names) == (value.name, value.level_names)
