"""The lines of a roofline diagram, and where the layers of a prediction stand below them.

S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for
multicore architectures", CACM 52(4), 2009. As in the cache-aware form (A. Ilic, F. Pratas,
L. Sousa, "Cache-aware Roofline model: Upgrading the loft", IEEE Computer Architecture Letters
13(1), 2014) the bytes of a layer are those that the core asks for, and each memory level has its
line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xnorsim.cost.inputs import design
from xnorsim.cost.roofline import traffic_bytes
from xnorsim.errors import UsageError
from xnorsim.machine.lowering import operations_per_cycle
from xnorsim.machine.schema import HardwareProfile
from xnorsim.work.table import LayerTable

__all__ = ["Ceilings", "Placed", "ceilings", "placed"]

KINDS = ("binary", "int8", "bwn", "fp32")


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What a machine can do at most with some threads.

    compute: MACs a second of each precision; bandwidth: bytes a second by level, nearest first.
    """

    compute: Mapping[str, float]
    bandwidth: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Placed:
    """A layer: MACs a byte of its operands, each counted once; MACs a second as predicted."""

    name: str
    place: int
    intensity: float
    rate: float
    latency_s: float


def ceilings(profile: HardwareProfile, threads: int = 1) -> Ceilings:
    """Lanes x vectors a cycle x clock x cores in use, and bandwidths of those cores together."""
    machine = design(profile).machine
    cores = min(threads, int(machine.cores))
    cycles = machine.clock_hz * cores
    levels = zip(
        machine.level_names,
        machine.level_bandwidth_bytes_per_s.tolist(),
        machine.level_shared_bandwidth_bytes_per_s.tolist(),
        strict=True,
    )
    return Ceilings(
        {kind: float(operations_per_cycle(machine, kind) * cycles) for kind in KINDS},
        {name: min(alone * cores, shared) for name, alone, shared in levels},
    )


def placed(
    table: LayerTable, profile: HardwareProfile, latency_s: np.ndarray
) -> tuple[Placed, ...]:
    """The layers that multiply and run, where they stand in the diagram.

    latency_s: predicted, of each layer of the table [s].

    Raises:
        UsageError: no layer of the network multiplies.
    """
    macs = table.columns["macs"]
    moved = traffic_bytes(table.columns, design(profile).machine)[0]
    found = tuple(
        Placed(
            name,
            i,
            float(macs[i] / moved[i]),
            float(macs[i] / latency_s[i]),
            float(latency_s[i]),
        )
        for i, name in enumerate(table.names)
        if macs[i] and moved[i] and latency_s[i]
    )
    if not found:
        raise UsageError(f"no layer of {table.network} multiplies: a roofline has none to show")
    return found
