"""Speedup of one binary convolution as a curve: by channels, and by the size of its filters.

The layer is that of the paper's figures (Rastegari et al., ECCV 2016, section 4.1, figure 4): one
convolution of stride 1 over 14 x 14 positions, padded so that it keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost import formula
from xnorsim.cost.network import (
    BASELINES,
    SAME_PROGRAM,
    NetworkPrediction,
    Twin,
    predict_network,
)
from xnorsim.cost.points import resolved
from xnorsim.errors import UsageError, choices
from xnorsim.machine.schema import HardwareProfile
from xnorsim.network.policy import Binarize
from xnorsim.network.precision import Scaling
from xnorsim.work.table import layer_table
from xnorsim.work.template import convolution_graph

__all__ = [
    "CHANNELS",
    "CHANNELS_OF_FILTERS",
    "FILTERS",
    "KERNEL",
    "POSITIONS",
    "Curve",
    "predict_convolution",
    "speedup_by_channels",
    "speedup_by_filter",
    "speedup_curves",
]

CHANNELS = tuple(sorted({round(2 ** (i / 2)) for i in range(21)}))
"""Input channels from 1 to 1024: the powers of two and one between each two of them."""

FILTERS = tuple(range(1, 21))
"""Sides of a square filter, as far as the paper's figure goes."""

KERNEL = 3
"""The side of the filters in the curve by channels."""

CHANNELS_OF_FILTERS = 256
"""The channels in the curve by filter size, and the filters in both."""

POSITIONS = 14
"""The side of the map that is convolved."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Speedup over one named baseline.

    Arrays of one length: `x` (channels, or the side of a filter), `value`, and the range `low` to
    `high`, which is the value itself where nothing is uncertain.
    """

    name: str
    baseline: str
    x: NDArray[np.int64]
    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def speedup_by_channels(
    profile: HardwareProfile | None = None,
    *,
    baseline: str = "peak",
    channels: Sequence[int] = CHANNELS,
    kernel: int = KERNEL,
    scaling: Scaling = Scaling.ALPHA,
    threads: int = 1,
    predictor: str = "roofline",
) -> Curve:
    """Speedup of an XNOR convolution with `kernel` x `kernel` filters, by input channels.

    Without a profile the paper's formula, over its own baseline "paper"; with one the prediction
    for that machine over `baseline`, a key of cost.network.BASELINES or, of a program with kernels
    for floats, of SAME_PROGRAM.

    Raises:
        UsageError: no such baseline or predictor, a size below 1, or more threads than cores.
    """
    points = [(count, kernel) for count in channels]
    return speedup_curves(
        points, list(channels), profile, (baseline,), predictor, scaling, threads
    )[0]


def speedup_by_filter(
    profile: HardwareProfile | None = None,
    *,
    baseline: str = "peak",
    kernels: Sequence[int] = FILTERS,
    channels: int = CHANNELS_OF_FILTERS,
    scaling: Scaling = Scaling.ALPHA,
    threads: int = 1,
    predictor: str = "roofline",
) -> Curve:
    """As `speedup_by_channels`, by the side of the filter at fixed input `channels`."""
    points = [(channels, side) for side in kernels]
    return speedup_curves(points, list(kernels), profile, (baseline,), predictor, scaling, threads)[
        0
    ]


def speedup_curves(
    points: Sequence[tuple[int, int]],
    x: Sequence[int],
    profile: HardwareProfile | None,
    baselines: Sequence[str],
    predictor: str = "roofline",
    scaling: Scaling = Scaling.ALPHA,
    threads: int = 1,
) -> list[Curve]:
    """One curve a baseline, of the same predictions.

    points: channels and sides of filters; x: what is drawn along; otherwise as
    `speedup_by_channels`.
    """
    known = BASELINES | (SAME_PROGRAM if resolved(predictor)[0] == "instructions" else {})
    for baseline in baselines:
        if baseline not in known:
            raise UsageError(f"no baseline '{baseline}': {choices(baseline, known)}")
    for channels, kernel in points:
        if channels < 1 or kernel < 1:
            raise UsageError(f"{channels} channels, {kernel} x {kernel} filters: at least 1 each")
    if profile is None:
        value = np.array([formula.speedup(c, kernel**2).item() for c, kernel in points])
        return [Curve("formula", "paper", np.array(x), value, value, value)]
    found = [
        predict_convolution(
            channels, kernel, profile, scaling=scaling, threads=threads, predictor=predictor
        )
        for channels, kernel in points
    ]
    name = profile.name if predictor == "roofline" else f"{profile.name}, {found[0].predictor}"
    return [_curve(name, np.array(x), found, baseline) for baseline in baselines]


def _curve(
    name: str, x: NDArray[np.int64], found: Sequence[NetworkPrediction], baseline: str
) -> Curve:
    if any(baseline not in item.speedup for item in found):
        raise UsageError(f"{name}: the program has no kernels for floats to be a baseline")
    value, low, high = (
        np.array([end[baseline] for end in ends])
        for ends in (
            [item.speedup for item in found],
            [item.speedup_low for item in found],
            [item.speedup_high for item in found],
        )
    )
    return Curve(name, baseline, x, value, low, high)


def predict_convolution(
    channels: int,
    kernel: int,
    profile: HardwareProfile,
    *,
    filters: int = CHANNELS_OF_FILTERS,
    scaling: Scaling = Scaling.ALPHA,
    threads: int = 1,
    predictor: str = "roofline",
) -> NetworkPrediction:
    """One XNOR convolution as a network of its own: its input is binarized, its output scaled.

    Each point is a network by itself, since what fits into a cache depends on all its weights.
    """
    floats, table = (
        layer_table(
            convolution_graph(
                channels, filters, kernel, POSITIONS, binarize=binarize, scaling=scaling
            )
        )
        for binarize in (Binarize.NONE, Binarize.XNOR)
    )
    twin = Twin(floats.columns, np.ones(1, dtype=bool), floats.kinds)
    return predict_network(table.columns, twin, profile, threads, predictor, table.kinds)
