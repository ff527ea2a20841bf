"""A whole network on a machine: ranges, totals, and speedups over named baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost import formula, instructions, roofline
from xnorsim.cost.inputs import Design, design, drawn, inputs
from xnorsim.cost.ranges import interval
from xnorsim.cost.recipes import RECIPE_SETS, recipe_set
from xnorsim.cost.roofline import Prediction
from xnorsim.errors import UsageError, choices
from xnorsim.machine.lowering import Machine
from xnorsim.machine.schema import HardwareProfile

__all__ = [
    "BASELINES",
    "PREDICTORS",
    "SAME_PROGRAM",
    "NetworkPrediction",
    "Twin",
    "amdahl_limit",
    "joint_speedup",
    "predict_network",
]

Columns = Mapping[str, NDArray[Any]]

BASELINES = {
    "paper": "operation counts only: one high-precision MAC against 64 binary ones a clock",
    "scalar": "the fp32 network by a predicted scalar loop with its loads and add latency",
    "peak": "the fp32 network at every lane of the vector unit",
}
"""What a speedup is taken against."""

SAME_PROGRAM = {"same program": "the fp32 network by the same program's kernels"}
"""And, if it is predicted from instructions by a program that has kernels for floats."""


@dataclass(frozen=True, eq=False)
class Twin:
    """The same network in fp32: its columns [layers], and which of its layers became binary.

    `kinds`: the word for each layer's kind, for what the same program takes for it.
    """

    columns: Columns
    is_binary: NDArray[np.bool_]
    kinds: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class NetworkPrediction:
    """Latency [s] and energy [J] of each layer with their ranges, and of the whole.

    `columns` holds arrays [layers] of latency_s, latency_s_low, latency_s_high and the same for
    energy_j; `totals` those of the whole, whose range is narrower than the sum of the layers'
    ends. An energy is NaN if the profile has none; `energy_shares` are the parts of the total by
    name [J], empty if the predictor does not tell. `speedup` and its ends name a baseline of
    BASELINES; `amdahl` is the most that the network can gain over the baseline if its binary
    layers took no time. `draws` are the totals [samples] at the drawn inputs, the same ones for
    every prediction on this profile: see `joint_speedup`.
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
    energy_shares: Mapping[str, float] = field(default_factory=dict)
    draws: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


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

    A range holds nine tenths of the predictions at inputs drawn within their ranges (inputs.py,
    ranges.py), and the value. Both sides of a speedup are predicted at the same draws, since they
    run on the same machine.

    Raises:
        UsageError: no such predictor or recipe set, more threads than the machine has cores, or a
            profile without what the predictor needs.
    """
    word, program = _parsed(predictor)
    at_value, at_draws = design(profile), design(profile, drawn(inputs(profile)))
    machine = at_value.machine
    if not 1 <= threads <= machine.cores:
        raise UsageError(
            f"threads {threads}: profile {profile.name} has {machine.cores:.0f} cores; "
            f"valid choices: 1 to {machine.cores:.0f}"
        )
    predict = PREDICTORS[word](_Task(columns, kinds, at_value, program, threads))
    value, samples = predict(at_value), predict(at_draws)
    names = _BOUNDS[word](machine)
    baselines = _baselines(twin, word, program, threads, at_value)
    costs = baselines(at_value)
    speedups = _speedups(columns, costs, value)
    drawn_speedups = _speedups(columns, baselines(at_draws), samples)
    if word == "formula":  # its clocks are no time that could be set beside a machine's
        speedups |= {name: np.full(1, np.nan) for name in ("scalar", "peak")}
    draws = {name: _totals(getattr(samples, name)) for name in _FIGURES}
    return NetworkPrediction(
        profile=profile.name,
        predictor=f"{word}:{program}" if program else word,
        threads=threads,
        columns=_layer_ranges(value, samples),
        bounds=tuple(names[i] for i in value.bound.tolist()),
        totals=_total_ranges(value, draws),
        **_gains(speedups, drawn_speedups),
        amdahl={name: amdahl_limit(cost, twin.is_binary) for name, cost in costs.items()},
        energy_shares={name: float(part.sum()) for name, part in value.energy_shares.items()},
        draws=draws,
    )


_FIGURES = ("latency_s", "energy_j")
_Gains = Mapping[str, NDArray[np.float64]]


def _gains(value: _Gains, drawn: _Gains) -> dict[str, dict[str, float]]:
    """Speedups by baseline with their ends, by the fields that hold them."""
    ends = {name: interval(drawn[name], found.item()) for name, found in value.items()}
    return {
        "speedup": {name: found.item() for name, found in value.items()},
        "speedup_low": {name: float(low) for name, (low, _) in ends.items()},
        "speedup_high": {name: float(high) for name, (_, high) in ends.items()},
    }


@dataclass(frozen=True, eq=False)
class _Task:
    """What is asked of a predictor; `program` is a recipe set, "" where there is none."""

    columns: Columns
    kinds: Sequence[str]
    design: Design
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


_Predict = Callable[[Design], Prediction]


def _roofline(task: _Task) -> _Predict:
    return lambda at: roofline.predict(task.columns, at.machine, task.threads)


def _instructions(task: _Task) -> _Predict:
    core = task.design.core
    if core is None:
        raise UsageError(
            f"profile {task.design.machine.name} has no sections 'core' and 'instructions': "
            "nothing is predicted from instructions for it"
        )
    try:
        recipes = recipe_set(task.program, int(task.design.machine.simd_bits))
        work = instructions.work_of(task.columns, task.kinds, recipes, core)
    except UsageError as fault:
        raise UsageError(f"profile {task.design.machine.name}: {fault}") from fault
    return lambda at: instructions.predict(work, at, task.threads)


def _formula(task: _Task) -> _Predict:
    """The paper's clocks at the machine's clock rate; the paper gives no energy."""

    def predict(at: Design) -> Prediction:
        latency = formula.clocks(task.columns) / (at.machine.clock_hz * task.threads)
        nowhere = np.zeros(np.shape(latency), dtype=np.intp)
        return Prediction(latency, np.full(np.shape(latency), np.nan), nowhere)

    return predict


PREDICTORS: dict[str, Callable[[_Task], _Predict]] = {
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


def _layer_ranges(value: Prediction, samples: Prediction) -> dict[str, NDArray[np.float64]]:
    """Each figure [layers] with its ends."""
    arrays = {}
    for name in _FIGURES:
        low, high = interval(np.atleast_2d(getattr(samples, name)), getattr(value, name))
        arrays |= {name: getattr(value, name), f"{name}_low": low, f"{name}_high": high}
    return arrays


def _total_ranges(value: Prediction, draws: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    totals = {}
    for name, samples in draws.items():
        total = float(getattr(value, name).sum())
        low, high = interval(samples, total)
        totals |= {name: total, f"{name}_low": float(low), f"{name}_high": float(high)}
    return totals


def _totals(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum over layers [samples] of an array [samples, layers], or of one [layers]."""
    return np.atleast_2d(array).sum(axis=-1)


def joint_speedup(
    prediction: NetworkPrediction, baseline: NetworkPrediction
) -> tuple[float, float, float]:
    """How many times faster a prediction is than another one on the same machine: value, low, high.

    Both were made at the same draws of the profile's inputs, so what they share cancels.

    Raises:
        UsageError: they are for different profiles.
    """
    if prediction.profile != baseline.profile:
        raise UsageError(
            f"a speedup is taken on one machine, not on {prediction.profile} over "
            f"{baseline.profile}"
        )
    value = baseline.totals["latency_s"] / prediction.totals["latency_s"]
    low, high = interval(baseline.draws["latency_s"] / prediction.draws["latency_s"], value)
    return value, float(low), float(high)


_Baselines = Callable[[Design], dict[str, NDArray[np.float64]]]


def _baselines(twin: Twin, word: str, program: str, threads: int, at_value: Design) -> _Baselines:
    """The cost of each layer of the fp32 network by baseline: clocks, or seconds."""
    same = _same_program(_Task(twin.columns, twin.kinds, at_value, program, threads), word)

    def baselines(at: Design) -> dict[str, NDArray[np.float64]]:
        return {
            "paper": twin.columns["macs"].astype(float),
            "scalar": roofline.predict_scalar(twin.columns, at.machine, threads).latency_s,
            "peak": roofline.predict(twin.columns, at.machine, threads).latency_s,
            **{name: predict(at).latency_s for name, predict in same.items()},
        }

    return baselines


def _same_program(task: _Task, word: str) -> dict[str, _Predict]:
    """Where the program has kernels for the network in floats."""
    if word != "instructions" or not task.kinds:
        return {}
    try:
        return dict.fromkeys(SAME_PROGRAM, _instructions(task))
    except UsageError:
        return {}


def _speedups(
    columns: Columns,
    baselines: Mapping[str, NDArray[np.float64]],
    prediction: Prediction,
) -> dict[str, NDArray[np.float64]]:
    """By baseline: one for each draw [samples]."""
    costs = dict.fromkeys(baselines, _totals(prediction.latency_s))
    costs["paper"] = _totals(formula.clocks(columns))
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            name: np.where(costs[name] > 0, _totals(baseline) / costs[name], np.nan)
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
