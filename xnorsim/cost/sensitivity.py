"""Which inputs move a prediction most: of a network, or of one of its layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost.axes import total
from xnorsim.cost.derivation import recipes_of
from xnorsim.cost.inputs import Design, Input, design, drawn, inputs
from xnorsim.cost.network import NetworkPrediction
from xnorsim.cost.points import Layers, prepared
from xnorsim.cost.ranges import influence
from xnorsim.machine.lowering import Draws
from xnorsim.machine.schema import HardwareProfile
from xnorsim.work.table import LayerTable

__all__ = ["FIGURES", "LEAST", "MOST", "Sensitivity", "one_at_a_time", "sensitivities"]

FIGURES = ("latency_s", "energy_j")
"""The figures of a prediction that inputs move."""

LEAST, MOST = 0.01, 8
"""Inputs with less influence are left out, and those beyond so many."""

DRAWS = 2048
"""More than for a range: by chance alone a share is 1 / draws, and 16 times that at 4 sigma, which
has to stay below LEAST."""

_Floats = NDArray[np.float64]
_Figures = Callable[[Design], Mapping[str, _Floats]]


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What an input does to a figure of the prediction.

    `share`: how much of the figure's spread follows it when all inputs vary (ranges.influence).
    at_low, at_high: the figure with this input alone at the ends of its range.
    """

    input: Input
    share: float
    at_low: float
    at_high: float


def sensitivities(
    table: LayerTable,
    profile: HardwareProfile,
    prediction: NetworkPrediction,
    place: int | None = None,
) -> dict[str, tuple[Sensitivity, ...]]:
    """Figure -> the inputs that move it most, first the most; of the layer at `place` or of all.

    A figure that is not known, as an energy that the profile does not give, has none.

    Raises:
        UsageError: the prediction is not one from instructions.
    """
    figures = _figures(table, profile, prediction, place)
    free = tuple(item for item in inputs(profile) if item.is_free)
    draws = drawn(inputs(profile), DRAWS)
    if not free:
        return dict.fromkeys(FIGURES, ())
    samples = figures(design(profile, draws))
    values = np.concatenate([draws[item.path] for item in free], axis=1)
    shares = {
        name: influence(values, outputs) if np.isfinite(outputs).all() else np.zeros(len(free))
        for name, outputs in samples.items()
    }
    chosen = {name: _chosen(each) for name, each in shares.items()}
    tried = sorted({number for numbers in chosen.values() for number in numbers})
    if not tried:
        return dict.fromkeys(FIGURES, ())
    ends = figures(design(profile, one_at_a_time([free[i] for i in tried])))
    return {
        name: tuple(
            Sensitivity(free[i], float(shares[name][i]), *_pair(ends[name], tried.index(i)))
            for i in numbers
        )
        for name, numbers in chosen.items()
    }


def _figures(
    table: LayerTable, profile: HardwareProfile, prediction: NetworkPrediction, place: int | None
) -> _Figures:
    """The figures [points] at the points of a design, of a layer or of the whole network."""
    recipes_of(prediction, profile)  # raises where it is no prediction from instructions
    predict = prepared(Layers(table.columns, table.kinds), design(profile), prediction.predictor)

    def figures(at: Design) -> dict[str, _Floats]:
        found = predict(at, prediction.threads, frozenset(FIGURES))
        layers = {name: getattr(found, name) for name in FIGURES}
        return {
            name: np.atleast_1d(total(each) if place is None else each[place])
            for name, each in layers.items()
        }

    return figures


def _chosen(shares: _Floats) -> list[int]:
    order = np.argsort(-shares, kind="stable")[:MOST].tolist()
    return [number for number in order if shares[number] >= LEAST]


def one_at_a_time(chosen: Sequence[Input]) -> Draws:
    """Points [2 x inputs, 1] by path: each input at its low and then high end, others at values."""
    points = np.tile([item.value for item in chosen], (2 * len(chosen), 1))
    for i, item in enumerate(chosen):
        points[2 * i, i], points[2 * i + 1, i] = item.low, item.high
    return {item.path: points[:, [i]] for i, item in enumerate(chosen)}


def _pair(points: _Floats, number: int) -> tuple[float, float]:
    return float(points[2 * number]), float(points[2 * number + 1])
