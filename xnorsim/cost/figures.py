"""What a predictor says of layers: seconds, joules and what bounds them, at design points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost.axes import dense

__all__ = ["WANTED", "Figures", "Prediction", "prediction"]

WANTED = frozenset({"latency_s", "energy_j", "bound"})
"""What may be asked of a predictor."""


@dataclass(frozen=True, eq=False)
class Figures:
    """One array [...] a layer, each with the axes that its layer depends on; () unless wanted.

    latency_s [s]; energy_j [J], NaN where it is not known; bound: indexes the predictor's names of
    bounds; energy_shares: where the energy goes, by name [J], if the predictor tells.
    """

    latency_s: tuple[NDArray[np.float64], ...] = ()
    energy_j: tuple[NDArray[np.float64], ...] = ()
    bound: tuple[NDArray[np.intp], ...] = ()
    energy_shares: Mapping[str, tuple[NDArray[np.float64], ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Prediction:
    """The same as arrays [..., layers]."""

    latency_s: NDArray[np.float64]
    energy_j: NDArray[np.float64]
    bound: NDArray[Any]
    energy_shares: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


def prediction(figures: Figures) -> Prediction:
    """All layers in one array; energies have the axes of the latency even where they are NaN."""
    latency = dense(figures.latency_s)
    energy = dense(figures.energy_j)
    return Prediction(
        latency_s=latency,
        energy_j=np.broadcast_to(energy, np.broadcast_shapes(energy.shape, latency.shape)),
        bound=dense(figures.bound),
        energy_shares={name: dense(share) for name, share in figures.energy_shares.items()},
    )
