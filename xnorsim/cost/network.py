"""A whole network on a machine: ranges, totals, and speedups over named baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost import formula, instructions, roofline
from xnorsim.cost.recipes import RECIPE_SETS, recipe_set
from xnorsim.errors import UsageError, choices
from xnorsim.machine.core import lower_core
from xnorsim.machine.lowering import At, Machine, lower
from xnorsim.machine.schema import HardwareProfile

__all__ = [
    "BASELINES",
    "PREDICTORS",
    "NetworkPrediction",
    "Twin",
    "amdahl_limit",
    "predict_network",
]

Columns = Mapping[str, NDArray[Any]]

BASELINES = {
    "paper": "operation counts only: one high-precision MAC against 64 binary ones a clock",
    "scalar": "the fp32 network by a predicted scalar loop with its loads and add latency",
    "peak": "the fp32 network at every lane of the vector unit",
}
"""What a speedup is taken against."""

_ENDS: tuple[At, ...] = ("value", "fast", "slow")


@dataclass(frozen=True, eq=False)
class Twin:
    """The same network in fp32: its columns [layers], and which of its layers became binary."""

    columns: Columns
    is_binary: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class NetworkPrediction:
    """Latency [s] and energy [J] of each layer with their ranges, and of the whole.

    `columns` holds arrays [layers] of latency_s, latency_s_low, latency_s_high and the same for
    energy_j; `totals` their sums. An energy is NaN if the profile has none. `speedup` and its
    ends name a baseline of BASELINES; `amdahl` is the most that the network can gain over the
    baseline if its binary layers took no time.
    """

    profile: str
    predictor: str
    threads: int
    columns: Mapping[str, NDArray[np.float64]]
    bounds: tuple[str, ...]
    totals: Mapping[str, float]
    speedup: Mapping[str, float]
    speedup_low: Mapping[str, float]
    speedup_high: Mapping[str, float]
    amdahl: Mapping[str, float]


def predict_network(
    columns: Columns,
    twin: Twin,
    profile: HardwareProfile,
    threads: int = 1,
    predictor: str = "roofline",
    kinds: Sequence[str] = (),
) -> NetworkPrediction:
    """Predict a network from the columns of its layer table.

    `predictor` is one of PREDICTORS; "instructions" may be followed by the recipe set whose
    kernels run, as in "instructions:larq" ("own" unless told). It needs the layers' `kinds`.

    The range spans the favourable and the unfavourable end of every number of the profile. Both
    sides of a speedup are taken at the same end, since they run on the same machine.

    Raises:
        UsageError: no such predictor or recipe set, more threads than the machine has cores, or a
            profile without what the predictor needs.
    """
    word, program = _parsed(predictor)
    ends: dict[At, Machine] = {at: lower(profile, at) for at in _ENDS}
    if not 1 <= threads <= ends["value"].cores:
        raise UsageError(
            f"threads {threads}: profile {profile.name} has {ends['value'].cores:.0f} cores; "
            f"valid choices: 1 to {ends['value'].cores:.0f}"
        )
    task = _Task(columns, kinds, profile, program, threads)
    found: dict[At, roofline.Prediction] = {
        at: PREDICTORS[word](task, machine) for at, machine in ends.items()
    }
    arrays = _with_ranges(found)
    names = _BOUNDS[word](ends["value"])
    baselines = {at: _baselines(twin.columns, ends[at], threads) for at in _ENDS}
    speedups = {at: _speedups(columns, baselines[at], found[at]) for at in _ENDS}
    if word == "formula":  # its clocks are no time that could be set beside a machine's
        speedups = {at: {**end, "scalar": nan, "peak": nan} for at, end in speedups.items()}
    return NetworkPrediction(
        profile=profile.name,
        predictor=f"{word}:{program}" if program else word,
        threads=threads,
        columns=arrays,
        bounds=tuple(names[i] for i in found["value"].bound.tolist()),
        totals={name: float(array.sum()) for name, array in arrays.items()},
        speedup=speedups["value"],
        speedup_low={name: min(end[name] for end in speedups.values()) for name in BASELINES},
        speedup_high={name: max(end[name] for end in speedups.values()) for name in BASELINES},
        amdahl={
            name: amdahl_limit(cost, twin.is_binary) for name, cost in baselines["value"].items()
        },
    )


@dataclass(frozen=True, eq=False)
class _Task:
    """What is asked of a predictor; `program` is a recipe set, "" where there is none."""

    columns: Columns
    kinds: Sequence[str]
    profile: HardwareProfile
    program: str
    threads: int


def _parsed(predictor: str) -> tuple[str, str]:
    """The predictor and its recipe set: ("instructions", "larq") of "instructions:larq"."""
    word, colon, program = predictor.partition(":")
    if word not in PREDICTORS or (colon and word != "instructions"):
        raise UsageError(f"no predictor '{predictor}': {choices(predictor, PREDICTORS)}")
    if word != "instructions":
        return word, ""
    program = program if colon else _OWN
    if program not in RECIPE_SETS:
        raise UsageError(
            f"predictor '{predictor}': no recipe set '{program}': {choices(program, RECIPE_SETS)}"
        )
    return word, program


_OWN = "own"


def _roofline(task: _Task, machine: Machine) -> roofline.Prediction:
    return roofline.predict(task.columns, machine, task.threads)


def _instructions(task: _Task, machine: Machine) -> roofline.Prediction:
    recipes = recipe_set(task.program, int(machine.simd_bits))
    core = lower_core(task.profile, machine.at)
    return instructions.predict(task.columns, task.kinds, machine, core, recipes, task.threads)


def _formula(task: _Task, machine: Machine) -> roofline.Prediction:
    """The paper's clocks at the machine's clock rate; the paper gives no energy."""
    latency = formula.clocks(task.columns) / (machine.clock_hz * task.threads)
    nowhere = np.zeros(latency.shape, dtype=np.intp)
    return roofline.Prediction(latency, np.full(latency.shape, np.nan), nowhere)


PREDICTORS: dict[str, Callable[[_Task, Machine], roofline.Prediction]] = {
    "roofline": _roofline,
    "formula": _formula,
    "instructions": _instructions,
}
"""How operations become seconds and joules."""

_BOUNDS: dict[str, Callable[[Machine], tuple[str, ...]]] = {
    "roofline": roofline.bound_names,
    "formula": lambda machine: ("operations",),
    "instructions": instructions.bound_names,
}
"""What may bound a layer, by predictor."""


def _with_ranges(found: Mapping[At, roofline.Prediction]) -> dict[str, NDArray[np.float64]]:
    arrays = {}
    for name in ("latency_s", "energy_j"):
        ends = [getattr(prediction, name) for prediction in found.values()]
        low, high = np.minimum.reduce(ends), np.maximum.reduce(ends)
        arrays |= {name: ends[0], f"{name}_low": low, f"{name}_high": high}
    return arrays


def _baselines(columns: Columns, machine: Machine, threads: int) -> dict[str, NDArray[np.float64]]:
    """The cost of each layer of the fp32 network by baseline: clocks, or seconds."""
    return {
        "paper": columns["macs"].astype(float),
        "scalar": roofline.predict_scalar(columns, machine, threads).latency_s,
        "peak": roofline.predict(columns, machine, threads).latency_s,
    }


def _speedups(
    columns: Columns,
    baselines: Mapping[str, NDArray[np.float64]],
    prediction: roofline.Prediction,
) -> dict[str, float]:
    costs = dict.fromkeys(baselines, float(prediction.latency_s.sum()))
    costs["paper"] = float(formula.clocks(columns).sum())
    return {
        name: float(baseline.sum()) / costs[name] if costs[name] else float("nan")
        for name, baseline in baselines.items()
    }


def amdahl_limit(baseline: NDArray[np.float64], is_binary: NDArray[np.bool_]) -> float:
    """Total over what is not binary: the gain if the binary layers took no time.

    `baseline` is the cost of each layer of the float network. inf if every layer is binary, NaN
    if nothing costs anything. Source: G. Amdahl, AFIPS spring joint computer conference, 1967.
    """
    total, rest = float(baseline.sum()), float(baseline[~is_binary].sum())
    if not total:
        return float("nan")
    return total / rest if rest else float("inf")
