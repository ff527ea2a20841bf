"""A roofline by precision: compute ceilings, memory ceilings by level, the nearest one wins.

Model: S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model
for multicore architectures", CACM 52(4), 2009, with one compute ceiling a precision and one
memory ceiling a level. All functions are pure and broadcast: columns are arrays [layers], and
each field of a Machine may be a number or an array that broadcasts against them.

Assumptions: every operand crosses each memory boundary at most once; the operations of one layer
share the vector unit, so their times add up; compute and transfers overlap fully; a layer that
does not run on its own (fused, view) has no overhead and moves only what its host has not at hand.
A cache is taken as its size says, also where several threads have one each.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost.axes import narrow, of_layers, total
from xnorsim.cost.figures import WANTED, Figures, Prediction, prediction
from xnorsim.cost.latency import longest_part
from xnorsim.machine.lowering import Machine, operations_per_cycle

__all__ = [
    "bound_names",
    "compute_seconds",
    "energy_joules",
    "figures",
    "knows_energy",
    "predict",
    "scalar_figures",
    "scalar_seconds",
    "traffic_bytes",
    "transfer_seconds",
]

Columns = Mapping[str, NDArray[Any]]

_CEILINGS = {
    "binary_macs": "binary",
    "bwn_macs": "bwn",
    "int8_macs": "int8",
    "fp_macs": "fp32",
    "other_macs": "fp32",  # executed after widening to floats
    "fp_ops": "elementwise",
    "binarize_ops": "binarize",
}
"""The compute ceiling of each column of operations."""

_ENERGIES = {
    "binary_macs": "energy_binary_mac_j",
    "bwn_macs": "energy_bwn_mac_j",
    "int8_macs": "energy_int8_mac_j",
    "fp_macs": "energy_fp32_mac_j",
    "other_macs": "energy_fp32_mac_j",
    "fp_ops": "energy_fp_op_j",
    "binarize_ops": "energy_binarize_j",
}


def bound_names(machine: Machine) -> tuple[str, ...]:
    """What can limit a layer: compute, a memory level, or the overhead of starting it."""
    return ("compute", *machine.level_names, "overhead")


def compute_seconds(columns: Columns, machine: Machine, threads: Any = 1) -> NDArray[np.float64]:
    """Sum over precisions of operations / (operations a cycle x clock x cores in use) [s]."""
    cores = np.minimum(threads, machine.cores)
    cycles = sum(
        columns[column] / operations_per_cycle(machine, ceiling)
        for column, ceiling in _CEILINGS.items()
    )
    return np.asarray(cycles / (machine.clock_hz * cores))


def traffic_bytes(columns: Columns, machine: Machine) -> list[NDArray[np.float64]]:
    """Bytes that each memory level delivers or takes, nearest first [byte].

    The nearest level sees every operand once. A further level sees the activations of a layer
    that do not fit into the level before it, and the weights if those of the whole network do
    not: at batch 1 each is used once an inference, and stays only if all stay.
    """
    activations = columns["activation_traffic_bits"] / 8
    weights = columns["parameter_traffic_bits"] / 8
    bits = np.sum(columns["weight_bits"] + columns["scale_bits"], axis=-1, keepdims=True)
    result = [activations + weights]
    for size in machine.level_size_bytes[:-1]:
        inner = narrow(size)
        result.append(
            np.where(activations > inner, activations, 0.0)
            + np.where(bits / 8 > inner, weights, 0.0)
        )
    return result


def transfer_seconds(
    columns: Columns, machine: Machine, threads: Any = 1
) -> list[NDArray[np.float64]]:
    """Time of each level's traffic at its bandwidth: per core x cores, or the shared limit [s]."""
    cores = np.minimum(threads, machine.cores)
    bandwidth = zip(
        machine.level_bandwidth_bytes_per_s,
        machine.level_shared_bandwidth_bytes_per_s,
        strict=True,
    )
    return [
        moved / np.minimum(narrow(alone) * cores, narrow(shared))
        for moved, (alone, shared) in zip(traffic_bytes(columns, machine), bandwidth, strict=True)
    ]


def knows_energy(machine: Machine) -> bool:
    """Whether the machine tells the energy of every operation and byte."""
    each = (
        *(getattr(machine, name) for name in _ENERGIES.values()),
        *machine.level_energy_j_per_byte,
    )
    return not any(np.isnan(energy).any() for energy in each)


def energy_joules(columns: Columns, machine: Machine, latency_s: Any) -> NDArray[np.float64]:
    """Operations x energy each + bytes x energy by level + static power x time [J].

    NaN where the profile gives no energies.
    """
    dynamic = total(columns[name] * getattr(machine, energy) for name, energy in _ENERGIES.items())
    levels = zip(traffic_bytes(columns, machine), machine.level_energy_j_per_byte, strict=True)
    moved = total(each * narrow(energy) for each, energy in levels)
    return np.asarray(dynamic + moved + machine.static_power_w * latency_s)


def predict(columns: Columns, machine: Machine, threads: Any = 1) -> Prediction:
    """`figures` as arrays [..., layers]."""
    return prediction(figures(columns, machine, threads))


def figures(
    columns: Columns, machine: Machine, threads: Any = 1, wanted: frozenset[str] = WANTED
) -> Figures:
    """Latency [s], energy [J] and nearest bound of each layer.

    latency = max(compute, transfers of each level) + overhead of a layer that runs on its own.
    """
    compute = compute_seconds(columns, machine, threads)
    return _bounded(columns, machine, compute, threads, wanted)


def scalar_seconds(columns: Columns, machine: Machine, threads: Any = 1) -> NDArray[np.float64]:
    """Compute time of a scalar float loop with one accumulator [s].

    A MAC waits for the addition before it or for its two loads, whichever is longer; another
    operation for its two operands. The kind of baseline that the paper timed.
    """
    cores = np.minimum(threads, machine.cores)
    load_cycles = 2 / machine.scalar_loads_per_cycle
    mac_cycles = np.maximum(machine.scalar_fp32_latency_cycles, load_cycles)
    cycles = columns["macs"] * mac_cycles + columns["fp_ops"] * load_cycles
    return np.asarray(cycles / (machine.clock_hz * cores))


def scalar_figures(
    columns: Columns, machine: Machine, threads: Any = 1, wanted: frozenset[str] = WANTED
) -> Figures:
    """`figures` with the scalar loop in place of the vector unit, for a network in floats."""
    compute = scalar_seconds(columns, machine, threads)
    return _bounded(columns, machine, compute, threads, wanted)


def _bounded(
    columns: Columns,
    machine: Machine,
    compute_s: NDArray[np.float64],
    threads: Any,
    wanted: frozenset[str],
) -> Figures:
    layers = columns["macs"].shape[-1]
    limits = [compute_s, *transfer_seconds(columns, machine, threads)]
    overhead = columns["runs"] * machine.layer_overhead_s
    latency = functools.reduce(np.maximum, limits) + overhead
    found: dict[str, NDArray[Any]] = {"latency_s": latency}
    if "energy_j" in wanted:
        found["energy_j"] = energy_joules(columns, machine, latency)
    if "bound" in wanted:
        found["bound"] = longest_part((*limits, overhead))
    rows: dict[str, Any] = {name: tuple(of_layers(each, layers)) for name, each in found.items()}
    return Figures(**rows)
