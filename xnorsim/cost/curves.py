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
from xnorsim.cost.network import BASELINES, NetworkPrediction, Twin, predict_network
from xnorsim.errors import UsageError, choices
from xnorsim.machine.schema import HardwareProfile
from xnorsim.network.graph import Graph, Node, Parameter, Stored, TensorSpec, check
from xnorsim.network.ops import Conv
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import FLOAT32, Scaling
from xnorsim.work.table import layer_table

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
) -> Curve:
    """Speedup of an XNOR convolution with `kernel` x `kernel` filters, by input channels.

    Without a profile the paper's formula, over its own baseline "paper"; with one the prediction
    for that machine over `baseline`, a key of cost.network.BASELINES.

    Raises:
        UsageError: no such baseline, a size below 1, or more threads than cores.
    """
    points = [(count, kernel) for count in channels]
    return _curve(points, list(channels), profile, baseline, scaling, threads)


def speedup_by_filter(
    profile: HardwareProfile | None = None,
    *,
    baseline: str = "peak",
    kernels: Sequence[int] = FILTERS,
    channels: int = CHANNELS_OF_FILTERS,
    scaling: Scaling = Scaling.ALPHA,
    threads: int = 1,
) -> Curve:
    """As `speedup_by_channels`, by the side of the filter at fixed input `channels`."""
    points = [(channels, side) for side in kernels]
    return _curve(points, list(kernels), profile, baseline, scaling, threads)


def _curve(
    points: Sequence[tuple[int, int]],
    x: Sequence[int],
    profile: HardwareProfile | None,
    baseline: str,
    scaling: Scaling,
    threads: int,
) -> Curve:
    if baseline not in BASELINES:
        raise UsageError(f"no baseline '{baseline}': {choices(baseline, BASELINES)}")
    for channels, kernel in points:
        if channels < 1 or kernel < 1:
            raise UsageError(f"{channels} channels, {kernel} x {kernel} filters: at least 1 each")
    if profile is None:
        each = [formula.speedup(channels, kernel**2).item() for channels, kernel in points]
        value = low = high = np.array(each)
        return Curve("formula", "paper", np.array(x), value, low, high)
    found = [
        predict_convolution(channels, kernel, profile, scaling=scaling, threads=threads)
        for channels, kernel in points
    ]
    value, low, high = (
        np.array([end[baseline] for end in ends])
        for ends in (
            [item.speedup for item in found],
            [item.speedup_low for item in found],
            [item.speedup_high for item in found],
        )
    )
    return Curve(profile.name, baseline, np.array(x), value, low, high)


def predict_convolution(
    channels: int,
    kernel: int,
    profile: HardwareProfile,
    *,
    filters: int = CHANNELS_OF_FILTERS,
    scaling: Scaling = Scaling.ALPHA,
    threads: int = 1,
) -> NetworkPrediction:
    """One XNOR convolution as a network of its own: its input is binarized, its output scaled.

    Each point is a network by itself, since what fits into a cache depends on all its weights.
    """
    graph = _convolution(channels, kernel, filters)
    floats = layer_table(graph).columns
    table = layer_table(apply(graph, Policy(Binarize.XNOR, keep=(), scaling=scaling)))
    twin = Twin(floats, np.ones(1, dtype=bool))
    return predict_network(table.columns, twin, profile, threads)


def _convolution(channels: int, kernel: int, filters: int) -> Graph:
    before = (kernel - 1) // 2
    padding = (before, kernel - 1 - before)  # the odd one at the end, as TensorFlow's SAME has it
    op = Conv(filters, (kernel, kernel), (1, 1), (padding, padding), (1, 1))
    weight = TensorSpec((filters, channels, kernel, kernel), FLOAT32)
    return check(
        Graph(
            "convolution",
            (Node("conv", op, ("x",), ("y",), {"weight": "w"}),),
            {
                "x": TensorSpec((1, channels, POSITIONS, POSITIONS), FLOAT32),
                "y": TensorSpec((1, filters, POSITIONS, POSITIONS), FLOAT32),
            },
            {"w": Parameter(weight, (Stored("w", weight),))},
            ("x",),
            ("y",),
        )
    )
