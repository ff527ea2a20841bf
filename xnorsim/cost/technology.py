"""Energy of the same circuit in another technology: by node and supply voltage.

Model: A. Stillmaker, B. Baas, "Scaling equations for the accurate prediction of CMOS device
performance from 180 nm to 7 nm", Integration, the VLSI Journal 58 (2017) 74-81, table 5: the energy
of an inverter that drives four others is a2 V^2 + a1 V + a0, and the energy of logic goes with it.
https://doi.org/10.1016/j.vlsi.2017.02.002, with a corrigendum of the authors at
http://vcl.ece.ucdavis.edu/pubs/2017.02.VLSIintegration.TechScale/

Assumptions of ours: a node between two of the table has the factor in proportion between theirs,
and interconnect and memory cells scale as logic does (they scale less well in truth).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xnorsim.errors import UsageError

__all__ = ["NODES", "Estimate", "Node", "energy_factor", "energy_scale", "supplies"]

_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Estimate:
    """A figure and its range, as arrays: low <= value <= high."""

    value: _Floats
    low: _Floats
    high: _Floats


@dataclass(frozen=True)
class Node:
    """One row of table 5, and the supply voltages at which it is used here.

    simulated: the inverter of table 2 at its nominal supply, (voltage [V], energy [fJ]); NaN where
    no legible copy of the row was found.
    """

    nm: float
    transistors: str
    a2: float
    a1: float
    a0: float
    lowest_v: float
    highest_v: float
    simulated: tuple[float, float] = (nan, nan)


# Table 5 was not seen itself. Its rows are those of nodeScale.py (rows HP below 65 nm) of
# https://github.com/wromaszkan/nodeScale; from 65 nm down a second copy, in a module that scales
# CACTI's results, has the same figures and labels. It is the source of table 2's energies as well.
# The row 0.8367, -0.4341, 0.1701, sometimes taken for 20 nm, is 32 nm: at the 0.97 V of table 2 it
# gives 0.536 against the 0.51 fJ simulated there. The corrigendum works an example with it (0.9 V:
# 0.4571) and with the row of 65 nm (1.3 V: 2.604) without naming the nodes.
# Voltages are estimated, since the range that the authors simulated was not seen: from where the
# polynomial has left its minimum behind to somewhat above the 1.3 V of their own example; 180 nm
# and 130 nm around their nominal supplies. 180 nm is a straight line.
NODES = (
    Node(7, "multi-gate", 0.1776, -0.09097, 0.02447, 0.5, 1.35, (0.8, 0.111)),
    Node(10, "multi-gate", 0.2068, -0.09311, 0.02375, 0.5, 1.35, (0.83, 0.122)),
    Node(14, "multi-gate", 0.2363, -0.09675, 0.02239, 0.5, 1.35, (0.86, 0.144)),
    Node(16, "multi-gate", 0.2958, -0.1241, 0.03024, 0.5, 1.35, (0.86, 0.179)),
    Node(20, "multi-gate", 0.373, -0.1582, 0.04104, 0.5, 1.35),
    Node(32, "high-k", 0.8367, -0.4341, 0.1701, 0.5, 1.35, (0.97, 0.51)),
    Node(45, "high-k", 1.018, -0.3107, 0.1539, 0.5, 1.35, (1.1, 1.05)),
    Node(65, "bulk", 3.755, -4.398, 1.975, 0.8, 1.35),
    Node(90, "bulk", 4.762, -4.781, 2.092, 0.8, 1.35),
    Node(130, "bulk", 7.171, -6.709, 2.904, 0.8, 1.5),
    Node(180, "bulk", 0.0, 24.64, -17.98, 1.6, 2.0),
)
"""The table, smallest node first."""


def energy_factor(node_m: ArrayLike, voltage_v: ArrayLike) -> Estimate:
    """Energy of the inverter a2 V^2 + a1 V + a0 [fJ], for ratios between technologies.

    node_m: feature size by which the node is called [m]; voltage_v: supply [V]; both broadcast. The
    value is the polynomial. Below 20 nm it lies 20 to 41 % under what the paper itself simulated at
    the nominal supply, at 32 nm 5 % over it: the range reaches from the polynomial to the
    polynomial times that deviation, taken to be the same at all voltages. 20 nm, where the
    simulation is not known, is taken to deviate as 16 nm does, and 65 nm and above not at all.

    Raises:
        UsageError: a node outside of NODES, or a voltage outside of what is used for it.
    """
    node, voltage = np.broadcast_arrays(
        np.round(np.asarray(node_m, dtype=np.float64) * 1e9, 6),  # 7e-9 * 1e9 is above 7
        np.asarray(voltage_v, dtype=np.float64),
    )
    _check(node, voltage)
    factor = (
        _at(node, "a2") * voltage**2 + _at(node, "a1") * voltage + _at(node, "a0")
    )  # interpolating coefficients interpolates the factor
    deviation = np.interp(node, _SIZES, _DEVIATIONS)
    return Estimate(factor, factor * np.minimum(deviation, 1), factor * np.maximum(deviation, 1))


def energy_scale(
    node_m: ArrayLike,
    voltage_v: ArrayLike,
    from_node_m: ArrayLike = 45e-9,
    from_voltage_v: ArrayLike = 0.9,
) -> Estimate:
    """What an energy is multiplied with to move it to a node and voltage from those of its source.

    The ratio of two `energy_factor`s; its range pairs the ends that lie farthest apart, unless
    both technologies are the same. The defaults are those of Horowitz's table. Raises UsageError
    as `energy_factor`.
    """
    to, source = energy_factor(node_m, voltage_v), energy_factor(from_node_m, from_voltage_v)
    value = to.value / source.value
    same = np.equal(node_m, from_node_m)  # deviates by the same factor above and below
    low = np.where(same, value, to.low / source.high)
    return Estimate(value, low, np.where(same, value, to.high / source.low))


def _polynomial(node: Node, voltage: float) -> float:
    return node.a2 * voltage**2 + node.a1 * voltage + node.a0


def _deviation(node: Node) -> float:
    """Simulated energy over the polynomial's at the nominal supply; NaN where it is not known."""
    voltage, energy = node.simulated
    return energy / _polynomial(node, voltage)


_SIZES = np.array([node.nm for node in NODES])
_KNOWN = {node.nm: _deviation(node) for node in NODES}
_DEVIATIONS = np.array(
    [_KNOWN[16] if nm == 20 else 1.0 if nm > 45 else known for nm, known in _KNOWN.items()]
)


def _at(node: _Floats, field: str) -> _Floats:
    """A field of NODES at feature sizes [nm], in proportion between two of its rows."""
    return np.asarray(np.interp(node, _SIZES, [getattr(row, field) for row in NODES]))


def supplies(node_m: float) -> tuple[float, float]:
    """The lowest and the highest supply voltage [V] that is used for a node [m]."""
    nm = np.asarray(round(node_m * 1e9, 6))
    return float(_at(nm, "lowest_v")), float(_at(nm, "highest_v"))


def _check(node: _Floats, voltage: _Floats) -> None:
    known = (node >= _SIZES[0]) & (node <= _SIZES[-1])
    if not known.all():
        sizes = ", ".join(f"{nm:g}" for nm in _SIZES)
        raise UsageError(
            f"no energy is known for a node of {node[~known][0]:g} nm; "
            f"valid: from {_SIZES[0]:g} to {_SIZES[-1]:g} nm (published: {sizes})"
        )
    low, high = _at(node, "lowest_v"), _at(node, "highest_v")
    fits = (voltage >= low) & (voltage <= high)
    if not fits.all():
        raise UsageError(
            f"no energy is known for {node[~fits][0]:g} nm at {voltage[~fits][0]:g} V; "
            f"valid: {low[~fits][0]:.3g} to {high[~fits][0]:.3g} V"
        )
