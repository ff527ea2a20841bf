"""A whole network on a machine: ranges, totals, and speedups over named baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost import formula, roofline
from xnorsim.cost.axes import dense, of_layers, total
from xnorsim.cost.inputs import Design, design, drawn, inputs
from xnorsim.cost.points import (
    PREDICTORS,
    WANTED,
    Figures,
    Layers,
    Prepared,
    bound_names,
    prepared,
    resolved,
)
from xnorsim.cost.ranges import interval
from xnorsim.errors import UsageError
from xnorsim.machine.lowering import Machine
from xnorsim.machine.schema import HardwareProfile

__all__ = [
    "BASELINES",
    "PREDICTORS",
    "SAME_PROGRAM",
    "NetworkPrediction",
    "PointPrediction",
    "Twin",
    "amdahl_limit",
    "joint_speedup",
    "predict_network",
    "prepared_network",
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
    word, program = resolved(predictor)
    at_value, at_draws = design(profile), design(profile, drawn(inputs(profile)))
    machine = at_value.machine
    _check_threads(threads, machine)
    predict = prepared(Layers(columns, kinds), at_value, predictor)
    value = predict(at_value, threads, WANTED)
    samples = predict(at_draws, threads, frozenset(_FIGURES))
    names = bound_names(predictor, machine)
    baselines = _baselines(twin, predictor, at_value)
    costs = baselines(at_value, threads)
    speedups = _comparable(word, _speedups(columns, costs, value))
    drawn_speedups = _speedups(columns, baselines(at_draws, threads), samples)
    draws = {name: np.atleast_1d(total(getattr(samples, name))) for name in _FIGURES}
    return NetworkPrediction(
        profile=profile.name,
        predictor=f"{word}:{program}" if program else word,
        threads=threads,
        columns=_layer_ranges(value, samples),
        bounds=tuple(names[bound] for bound in value.bound),
        totals=_total_ranges(value, draws),
        **_gains(speedups, drawn_speedups),
        amdahl={name: amdahl_limit(dense(cost), twin.is_binary) for name, cost in costs.items()},
        energy_shares={name: float(total(each)) for name, each in value.energy_shares.items()},
        draws=draws,
    )


@dataclass(frozen=True, eq=False)
class PointPrediction:
    """A network at the values of one machine, without ranges.

    latency_s [s], energy_j [J, NaN where it is not known] and bounds are of each layer [layers];
    totals and speedup are the values of those of a NetworkPrediction.
    """

    latency_s: NDArray[np.float64]
    energy_j: NDArray[np.float64]
    bounds: tuple[str, ...]
    totals: Mapping[str, float]
    speedup: Mapping[str, float]


def prepared_network(
    columns: Columns, twin: Twin, at: Design, predictor: str, kinds: Sequence[str] = ()
) -> Callable[[Design, int], PointPrediction]:
    """`predict_network` without ranges, of many machines that differ from `at` in numbers alone.

    What depends on none of them but simd.bits is done once. What is returned takes a design and
    a number of threads, and gives the values that predict_network gives for that machine.

    Raises:
        UsageError: as predict_network; what is returned, for more threads than cores.
    """
    predict = prepared(Layers(columns, kinds), at, predictor)
    baselines = _baselines(twin, predictor, at)
    names, word = bound_names(predictor, at.machine), resolved(predictor)[0]

    def predicted(at: Design, threads: int) -> PointPrediction:
        _check_threads(threads, at.machine)
        found = predict(at, threads, WANTED)
        speedups = _comparable(word, _speedups(columns, baselines(at, threads), found))
        return PointPrediction(
            latency_s=dense(found.latency_s),
            energy_j=dense(found.energy_j),
            bounds=tuple(names[bound] for bound in found.bound),
            totals={name: float(total(getattr(found, name))) for name in _FIGURES},
            speedup={name: gain.item() for name, gain in speedups.items()},
        )

    return predicted


def _check_threads(threads: int, machine: Machine) -> None:
    if not 1 <= threads <= machine.cores:
        raise UsageError(
            f"threads {threads}: profile {machine.name} has {machine.cores:.0f} cores; "
            f"valid choices: 1 to {machine.cores:.0f}"
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


def _layer_ranges(value: Figures, samples: Figures) -> dict[str, NDArray[np.float64]]:
    """Each figure [layers] with its ends."""
    arrays = {}
    for name in _FIGURES:
        at_value, at_draws = (dense(getattr(each, name)) for each in (value, samples))
        low, high = interval(np.atleast_2d(at_draws), at_value)
        arrays |= {name: at_value, f"{name}_low": low, f"{name}_high": high}
    return arrays


def _total_ranges(value: Figures, draws: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    totals = {}
    for name, samples in draws.items():
        whole = float(total(getattr(value, name)))
        low, high = interval(samples, whole)
        totals |= {name: whole, f"{name}_low": float(low), f"{name}_high": float(high)}
    return totals


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


_Costs = Mapping[str, tuple[NDArray[np.float64], ...]]
_LATENCY = frozenset({"latency_s"})


def _baselines(twin: Twin, predictor: str, at_value: Design) -> Callable[[Design, int], _Costs]:
    """The cost of each layer of the fp32 network by baseline: clocks, or seconds."""
    columns, same = twin.columns, _same_program(twin, predictor, at_value)

    def baselines(at: Design, threads: int) -> _Costs:
        loop = roofline.scalar_figures(columns, at.machine, threads, _LATENCY)
        return {
            "paper": tuple(of_layers(columns["macs"].astype(float), len(columns["macs"]))),
            "scalar": loop.latency_s,
            "peak": roofline.figures(columns, at.machine, threads, _LATENCY).latency_s,
            **{name: each(at, threads, _LATENCY).latency_s for name, each in same.items()},
        }

    return baselines


def _same_program(twin: Twin, predictor: str, at: Design) -> dict[str, Prepared]:
    """Where the program has kernels for the network in floats."""
    if resolved(predictor)[0] != "instructions" or not twin.kinds:
        return {}
    try:
        return dict.fromkeys(
            SAME_PROGRAM, prepared(Layers(twin.columns, twin.kinds), at, predictor)
        )
    except UsageError:
        return {}


def _speedups(columns: Columns, baselines: _Costs, found: Figures) -> dict[str, Any]:
    """By baseline: one for each draw [samples]."""
    costs = dict.fromkeys(baselines, np.atleast_1d(total(found.latency_s)))
    costs["paper"] = np.atleast_1d(total(formula.clocks(columns)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            name: np.where(costs[name] > 0, total(baseline) / costs[name], np.nan)
            for name, baseline in baselines.items()
        }


def _comparable(word: str, speedups: dict[str, Any]) -> dict[str, Any]:
    """The speedups of a predictor; NaN where its clocks are no time to set beside a machine's."""
    if word != "formula":
        return speedups
    return speedups | {name: np.full(1, np.nan) for name in ("scalar", "peak")}


def amdahl_limit(baseline: NDArray[np.float64], is_binary: NDArray[np.bool_]) -> float:
    """Total over what is not binary: the gain if the binary layers took no time.

    `baseline` is the cost of each layer of the float network. inf if every layer is binary, NaN
    if nothing costs anything. Source: G. Amdahl, AFIPS spring joint computer conference, 1967.
    """
    whole, rest = float(total(baseline)), float(total(baseline[~is_binary]))
    if not whole:
        return float("nan")
    return whole / rest if rest else float("inf")
