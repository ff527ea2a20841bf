"""Scaling of energies between technologies: the authors' own numbers, and what must hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from xnorsim.cost.technology import NODES, energy_factor, energy_scale
from xnorsim.errors import UsageError


def test_the_example_of_the_corrigendum():
    """An energy of 1 pJ from 65 nm at 1.3 V to 32 nm at 0.9 V: 0.4571 / 2.604 = 0.1755 pJ."""
    to, source = energy_factor(32e-9, 0.9), energy_factor(65e-9, 1.3)
    assert to.value == pytest.approx(0.8367 * 0.9**2 - 0.4341 * 0.9 + 0.1701, rel=1e-12)
    assert round(float(to.value), 4) == 0.4571
    assert round(float(source.value), 3) == 2.604
    scale = energy_scale(32e-9, 0.9, from_node_m=65e-9, from_voltage_v=1.3)
    assert float(scale.value) == pytest.approx(0.1755, abs=1e-4)  # they divide rounded factors


@pytest.mark.parametrize(
    ("nm", "volts", "simulated", "deviation", "why"),
    [
        (45, 1.1, 1.05, 0.00, "1.018 x 1.21 - 0.3107 x 1.1 + 0.1539 = 1.044"),
        (32, 0.97, 0.51, 0.05, "0.536: the row that is called 20 nm elsewhere fits 32 nm"),
        (16, 0.86, 0.179, -0.20, "0.142"),
        (14, 0.86, 0.144, -0.21, "0.114"),
        (10, 0.83, 0.122, -0.27, "0.0889"),
        (7, 0.8, 0.111, -0.41, "0.0654"),
    ],
)
def test_the_papers_simulations_bound_the_range(nm, volts, simulated, deviation, why):
    found = energy_factor(nm * 1e-9, volts)
    assert float(found.value / simulated - 1) == pytest.approx(deviation, abs=0.006), why
    other_end = found.high if deviation < 0.01 else found.low
    assert float(other_end) == pytest.approx(simulated, rel=1e-12), why


def test_nodes_without_a_simulation():
    """20 nm is as uncertain as 16 nm, 0.179 / 0.1423 = 1.258; from 65 nm up nothing is."""
    found = energy_factor(np.array([20e-9, 65e-9, 130e-9]), 0.9)
    assert_allclose(found.high / found.value, [1.258, 1, 1], rtol=1e-3)
    assert_array_equal(found.low, found.value)


def test_between_two_nodes_in_proportion():
    """28 nm at 0.85 V: 32 nm 0.4056, 20 nm 0.1761; a third of the way down, 0.3291."""
    at = {nm: float(energy_factor(nm * 1e-9, 0.85).value) for nm in (20, 28, 32)}
    assert at[28] == pytest.approx(at[32] + (at[20] - at[32]) * 4 / 12, rel=1e-12)
    assert round(at[28], 4) == 0.3291


def test_from_horowitz_table_by_default():
    """45 nm and 0.9 V are the table's own: nothing changes, and nothing is uncertain."""
    own = energy_scale(45e-9, 0.9)
    assert (float(own.low), float(own.value), float(own.high)) == (1, 1, 1)
    half = energy_scale(45e-9, 0.5)
    assert float(half.value) == float(half.low) == float(half.high)
    assert float(half.value) == pytest.approx((0.2545 - 0.15535 + 0.1539) / 0.69885, rel=1e-4)
    assert float(energy_scale(28e-9, 0.85).value) == pytest.approx(0.3291 / 0.6989, rel=1e-3)


@pytest.mark.parametrize("node", NODES, ids=lambda node: f"{node.nm:g}")
def test_every_row_is_positive_and_rises_with_voltage(node):
    volts = np.linspace(node.lowest_v, node.highest_v, 101)
    factor = energy_factor(node.nm * 1e-9, volts).value
    assert (factor > 0).all()
    assert (np.diff(factor) > 0).all()


def test_smaller_nodes_take_less():
    """At the one voltage that all of them but 180 nm share."""
    sizes = np.array([node.nm for node in NODES if node.nm < 180])
    assert (np.diff([node.nm for node in NODES]) > 0).all()
    found = energy_factor(sizes * 1e-9, 0.9)
    for end in (found.value, found.low, found.high):
        assert (np.diff(end) > 0).all()


@given(nm=st.floats(7, 130), volts=st.floats(0.8, 1.35), source=st.floats(7, 130))
def test_ranges_hold_their_values_and_turn_round(nm, volts, source):
    there = energy_scale(nm * 1e-9, volts, source * 1e-9, 1.0)
    back = energy_scale(source * 1e-9, 1.0, nm * 1e-9, volts)
    assert there.low <= there.value <= there.high
    assert float(there.value * back.value) == pytest.approx(1, rel=1e-12)
    assert float(there.low * back.high) == pytest.approx(1, rel=1e-12)


def test_arrays_of_design_points():
    found = energy_factor(np.array([[7e-9], [28e-9]]), np.array([0.8, 0.9, 1.0]))
    assert found.value.shape == found.low.shape == found.high.shape == (2, 3)
    assert found.value[1, 1] == energy_factor(28e-9, 0.9).value


@pytest.mark.parametrize(
    ("nm", "volts", "message"),
    [
        (5, 0.8, r"a node of 5 nm; valid: from 7 to 180 nm \(published: 7, 10, .*, 180\)"),
        (250, 2.5, "a node of 250 nm"),
        (float("nan"), 1.0, "a node of nan nm"),
        (28, 0.4, "28 nm at 0.4 V; valid: 0.5 to 1.35 V"),
        (180, 1.2, "180 nm at 1.2 V; valid: 1.6 to 2 V"),
        (65, 0.6, "65 nm at 0.6 V; valid: 0.8 to 1.35 V"),
        (7, float("nan"), "7 nm at nan V"),
        ([7, 14], [0.8, 1.5], "14 nm at 1.5 V"),
    ],
)
def test_outside_of_the_table_nothing_is_made_up(nm, volts, message):
    with pytest.raises(UsageError, match=message):
        energy_factor(np.asarray(nm) * 1e-9, volts)
    with pytest.raises(UsageError, match=message):
        energy_scale(45e-9, 0.9, np.asarray(nm) * 1e-9, volts)
