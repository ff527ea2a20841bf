"""What a network's time is limited by: its seconds dealt out to the longest part of each stage.

A stage is done before the next one begins, so each has a bottleneck of its own, and their times
add up to the latency. Inside the core it is the front end ("issue"), a set of ports ("F0+F1") or
instructions that wait for each other ("chain"); outside it is a memory level ("DRAM"). What starts
a layer is "overhead". The whole time of a stage goes to its longest part, also what of the others
does not hide behind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from xnorsim.cost.derivation import recipes_of
from xnorsim.cost.inputs import Design, design
from xnorsim.cost.instructions import (
    StageTime,
    overhead_seconds,
    stage_seconds,
    stage_times,
    work_of,
)
from xnorsim.cost.latency import longest_part
from xnorsim.cost.network import NetworkPrediction
from xnorsim.cost.points import resolved
from xnorsim.cost.ports import chain_cycles, port_limits
from xnorsim.errors import UsageError
from xnorsim.machine.core import Core
from xnorsim.machine.schema import HardwareProfile
from xnorsim.work.table import LayerTable

__all__ = ["CHAIN", "ISSUE", "OVERHEAD", "time_by_limit"]

CHAIN, ISSUE, OVERHEAD = "chain", "issue", "overhead"
"""Limits that are no ports and no memory level."""

_Shares = Iterator[tuple[str, float]]


def time_by_limit(
    table: LayerTable, profile: HardwareProfile, prediction: NetworkPrediction
) -> dict[str, float]:
    """The seconds of a network by what limits them, most first; their sum is its latency.

    Of a prediction from instructions by stage, as this module says; of another one by layer, as its
    `bounds` are.

    Raises:
        UsageError: the prediction is none of this profile's.
    """
    word, _ = resolved(prediction.predictor)
    found: defaultdict[str, float] = defaultdict(float)
    for name, seconds in _SHARES.get(word, _of_layers)(table, profile, prediction):
        found[name] += seconds
    most = sorted(found.items(), key=lambda item: -item[1])
    return {name: seconds for name, seconds in most if seconds}


def _of_layers(
    table: LayerTable, profile: HardwareProfile, prediction: NetworkPrediction
) -> _Shares:
    seconds = prediction.columns["latency_s"].tolist()
    yield from zip(prediction.bounds, seconds, strict=True)


def _of_stages(
    table: LayerTable, profile: HardwareProfile, prediction: NetworkPrediction
) -> _Shares:
    at = design(profile)
    if at.core is None:
        raise UsageError(f"profile {profile.name} has no instructions to predict from")
    work = work_of(table.columns, table.kinds, recipes_of(prediction, profile), at.core)
    missed = float(np.squeeze(at.missed_by(work.program)))
    for stage in stage_times(work, at, prediction.threads):
        for layer, name in enumerate(_limits(stage, at, at.core)):
            yield name, missed * float(np.squeeze(stage_seconds(stage, layer)))
    yield OVERHEAD, float(overhead_seconds(work.runs, work.program, at.machine).sum())


_SHARES: Mapping[str, Callable[[LayerTable, HardwareProfile, NetworkPrediction], _Shares]] = {
    "instructions": _of_stages
}


def _limits(stage: StageTime, at: Design, core: Core) -> Iterator[str]:
    """The longest part of a stage, layer by layer."""
    levels = at.machine.level_names[1:]
    for layer, in_core in enumerate(_core_limits(stage, at, core)):
        parts = (stage.core_s[layer], *(level[layer] for level in stage.transfers_s))
        yield (in_core, *levels)[int(np.squeeze(longest_part(parts)))]


def _core_limits(stage: StageTime, at: Design, core: Core) -> Iterator[str]:
    """What limits the core in a stage, layer by layer."""
    layers = len(stage.layers)
    names, needed = port_limits(stage.work.issued, core)
    needed = np.broadcast_to(needed.reshape(-1, len(names)), (layers, len(names)))
    waits = np.broadcast_to(chain_cycles(stage.work.waits, core).reshape(-1), (layers,))
    reached = needed.max(axis=-1) / float(at.machine.efficiency)
    for place, waited in zip(needed.argmax(axis=-1), waits > reached, strict=True):
        yield CHAIN if waited else names[place]
