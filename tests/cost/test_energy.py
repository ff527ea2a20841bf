"""Energy of layers: shares worked out by hand, properties, and the default energies."""

from __future__ import annotations

import dataclasses
from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from xnorsim.cost.energy import (
    DATAPATH,
    OVERHEAD_PJ,
    EnergyCosts,
    datapath_joules,
    dynamic_shares,
    overhead_joules,
    share_names,
)
from xnorsim.cost.technology import energy_scale
from xnorsim.errors import UsageError
from xnorsim.machine.instructions import CLASSES

PJ = 1e-12

# Two classes and three memory levels.
COSTS = EnergyCosts(
    overhead_j=np.array([70 * PJ, 70 * PJ]),
    datapath_j=np.array([1 * PJ, 5 * PJ]),
    level_names=("L1", "L2", "DRAM"),
    level_j_per_byte=np.array([1 * PJ, 10 * PJ, 100 * PJ]),
    static_power_w=0.5,
)


def energy_shares(mix, moved, seconds, costs):
    """All shares [..., shares], static power among them."""
    found = dynamic_shares(mix, list(np.moveaxis(np.asarray(moved), -1, 0)), costs)
    each = (*found.values(), costs.static_power_w * np.asarray(seconds))
    assert tuple(found) == share_names(costs)[:-1]
    return np.stack(np.broadcast_arrays(*each), axis=-1)


def test_by_hand():
    """10 + 2 instructions, 64 bytes from L1, 32 from L2, 4 from memory, 2 ns."""
    found = energy_shares([10, 2], [64, 32, 4], 2e-9, COSTS)
    assert share_names(COSTS) == ("instruction overhead", "datapath", "L1", "L2", "DRAM", "static")
    assert_allclose(found / PJ, [840, 20, 64, 320, 400, 1000], rtol=1e-12)
    assert energy_shares([10, 2], [64, 32, 4], 2e-9, COSTS).sum() == pytest.approx(2644 * PJ)


@pytest.mark.parametrize(
    ("mix", "moved", "seconds", "share", "why"),
    [
        ([0, 0], [0, 0, 0], 0, None, "nothing costs nothing"),
        ([1, 0], [0, 0, 0], 0, (0, 1), "an instruction: overhead and datapath"),
        ([0, 0], [0, 1, 0], 0, (3,), "a byte from L2: that share alone"),
        ([0, 0], [0, 0, 0], 1, (5,), "waiting: static power alone"),
    ],
)
def test_each_cause_has_its_share(mix, moved, seconds, share, why):
    found = energy_shares(mix, moved, seconds, COSTS)
    assert tuple(np.flatnonzero(found)) == (share or ()), why


def test_layers_and_design_points_broadcast():
    """Four machines that differ in static power and overhead, three layers."""
    points = dataclasses.replace(
        COSTS,
        overhead_j=np.full((4, 1, 2), 70 * PJ) * np.arange(1, 5)[:, np.newaxis, np.newaxis],
        static_power_w=np.array([[0.0], [1.0], [2.0], [3.0]]),
    )
    mix = np.arange(6).reshape(3, 2)
    moved = np.ones((3, 3))
    found = energy_shares(mix, moved, np.array([1e-9, 2e-9, 3e-9]), points)
    assert found.shape == (4, 3, 6)
    for i, j in np.ndindex(4, 3):
        one = dataclasses.replace(COSTS, overhead_j=70 * PJ * (i + 1), static_power_w=float(i))
        expected = energy_shares(mix[j], moved[j], (j + 1) * 1e-9, one)
        assert_allclose(found[i, j], expected, rtol=1e-12)


def test_one_overhead_for_all_classes():
    number = dataclasses.replace(COSTS, overhead_j=70 * PJ)
    args = ([3, 4], [5, 6, 7], 1e-9)
    assert_array_equal(energy_shares(*args, number), energy_shares(*args, COSTS))


def test_what_is_not_known_stays_unknown():
    unknown = dataclasses.replace(COSTS, level_j_per_byte=np.array([1 * PJ, nan, 100 * PJ]))
    found = energy_shares([1, 1], [1, 1, 1], 1e-9, unknown)
    assert np.isnan(found).tolist() == [False, False, False, True, False, False]
    assert np.isnan(energy_shares([1, 1], [1, 1, 1], 1e-9, unknown).sum())


@pytest.mark.parametrize(
    ("mix", "moved", "message"),
    [
        ([1, 2, 3], [1, 2, 3], r"classes of instructions .* shape \(3,\), energies of 2"),
        ([1, 2], [1, 2], "memory levels .* over 2, energies of 3, 3 names"),
        (1, [1, 2, 3], r"classes of instructions .* shape \(\), energies of 2"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(mix, moved, message):
    with pytest.raises(UsageError, match=message):
        energy_shares(mix, moved, 1e-9, COSTS)


AMOUNTS = st.lists(st.integers(0, 10**9), min_size=6, max_size=6).map(np.array)


@given(work=AMOUNTS, more=AMOUNTS)
def test_energy_never_falls_when_work_rises(work, more):
    def shares(amounts):
        return energy_shares(amounts[:2], amounts[2:5], amounts[5] * 1e-9, COSTS)

    before, after = shares(work), shares(work + more)
    assert (after >= before).all()
    assert_allclose(after - before, shares(more), rtol=1e-6, atol=1e-9)  # it adds up
    assert_allclose(shares(2 * work), 2 * before, rtol=1e-12)


def test_every_class_has_a_datapath():
    assert set(DATAPATH) == set(CLASSES)
    for name, item in DATAPATH.items():
        assert item.pj > 0, name
        assert item.why, name


@pytest.mark.parametrize(
    ("name", "bits", "picojoules", "why"),
    [
        ("vector_logic", 128, 0.48, "16 bytes x 0.03"),
        ("vector_popcount", 512, 1.92, "64 bytes x 0.03"),
        ("vector_reduce_add", 128, 0.48, "16 bytes x 0.03: 15 additions, and the widening"),
        ("fp32_fma", 128, 18.4, "4 x (3.7 + 0.9)"),
        ("fp16_fma", 128, 12.0, "8 x (1.1 + 0.4)"),
        ("int8_dot", 128, 4.8, "16 products x (0.2 + 0.1)"),
        ("int8_multiply", 128, 3.68, "16 x (0.2 + 0.03)"),
        ("scalar_alu", 512, 0.1, "one word, whatever the vectors"),
        ("scalar_popcount", 128, 0.24, "8 bytes x 0.03"),
        ("vector_load", 512, 0.1, "its bytes are counted elsewhere"),
    ],
)
def test_default_datapath_by_hand(name, bits, picojoules, why):
    index = list(CLASSES).index(name)
    found = datapath_joules(bits)
    assert found.value[index] == pytest.approx(picojoules * PJ, rel=1e-12), why
    assert found.low[index] < found.value[index] < found.high[index]


def test_defaults_scale_with_technology_over_design_points():
    """28 nm at 0.85 V takes 0.329 / 0.699 = 0.471 of 45 nm at 0.9 V."""
    scale = energy_scale(np.array([45e-9, 28e-9]), np.array([0.9, 0.85])).value
    datapath = datapath_joules(128, scale)
    assert datapath.value.shape == (2, len(CLASSES))
    assert_allclose(datapath.value[1] / datapath.value[0], 0.471, rtol=1e-3)
    overhead = overhead_joules("in-order", scale)
    assert_allclose(overhead.value, [70 * PJ, 32.97 * PJ], rtol=1e-3)


@pytest.mark.parametrize("kind", OVERHEAD_PJ)
def test_overheads_hold_their_values(kind):
    found = overhead_joules(kind)
    assert found.low < found.value < found.high


def test_the_cortex_a7_bounds_the_overhead_in_order():
    """50 to 80 pJ at 28 nm, by the table's 0.4671 at 1 V, against 0.6989 at 45 nm and 0.9 V."""
    back = energy_scale(45e-9, 0.9, from_node_m=28e-9, from_voltage_v=1.0).value
    assert_allclose(np.array([50, 80]) * back, [75, 120], rtol=0.005)
    assert OVERHEAD_PJ["in-order"][2] == 120


def test_an_unknown_kind_of_core_is_refused():
    with pytest.raises(UsageError, match=r"'vliw': .*in-order, out-of-order"):
        overhead_joules("vliw")


def test_on_a_cpu_the_overhead_dominates():
    """XOR, count and add of 128 bits: 0.5 pJ each for the bits, and 70 to be an instruction."""
    mix = np.zeros(len(CLASSES))
    mix[[list(CLASSES).index(f"vector_{name}") for name in ("logic", "popcount", "add")]] = 1
    costs = EnergyCosts(
        overhead_j=overhead_joules("in-order").low,
        datapath_j=datapath_joules(128).high,
        level_names=(),
        level_j_per_byte=np.zeros(0),
        static_power_w=0.0,
    )
    overhead, datapath, static = energy_shares(mix, np.zeros(0), 0.0, costs)
    assert overhead > 20 * datapath > static == 0
