from __future__ import annotations

import numpy as np
import pytest

from xnorsim import analyze
from xnorsim.cost.curves import (
    CHANNELS,
    FILTERS,
    predict_convolution,
    speedup_by_channels,
    speedup_by_filter,
)
from xnorsim.errors import UsageError
from xnorsim.machine.profile import load_profile
from xnorsim.zoo.builder import Builder

# Source: S = 64 c N_W / (c N_W + 64), with the figures' parameters.
BY_CHANNELS = {1: 7.89, 4: 23.04, 16: 44.31, 64: 57.60, 256: 62.27, 1024: 63.56}
BY_FILTER = {1: 51.20, 3: 62.27, 5: 63.37, 7: 63.68, 11: 63.87, 20: 63.96}


@pytest.fixture(scope="module")
def machine():
    return load_profile("raspberry-pi-4b")


def test_the_papers_curves():
    curve = speedup_by_channels(channels=list(BY_CHANNELS))
    assert curve.value.round(2).tolist() == list(BY_CHANNELS.values())
    curve = speedup_by_filter(kernels=list(BY_FILTER))
    assert curve.value.round(2).tolist() == list(BY_FILTER.values())
    assert (curve.name, curve.baseline) == ("formula", "paper")


def test_the_axes_reach_as_far_as_the_papers():
    assert (CHANNELS[0], CHANNELS[-1]) == (1, 1024)
    assert {2**i for i in range(11)} <= set(CHANNELS)
    assert tuple(range(1, 21)) == FILTERS


@pytest.mark.parametrize(("channels", "kernel"), [(1, 3), (256, 3), (100, 4), (3, 1)])
def test_counted_layer_by_layer_the_formula_is_the_same(machine, channels, kernel):
    """The closed formula against the operation counts of the layer itself."""
    found = predict_convolution(channels, kernel, machine)
    work = channels * kernel**2
    assert found.speedup["paper"] == pytest.approx(64 * work / (work + 64), rel=1e-12)


def test_a_point_is_the_report_of_that_layer(machine):
    b = Builder("one", input=(1, 64, 14, 14))
    graph = b.graph(b.conv(b.input, 256, 3, padding=1, bias=False))
    report = analyze(graph, binarize="xnor", keep="none", profile=machine)
    curve = speedup_by_channels(machine, channels=[64], baseline="scalar")
    assert curve.value.tolist() == [report.predictions[0].speedup["scalar"]]
    assert curve.low.tolist() == [report.predictions[0].speedup_low["scalar"]]
    assert curve.high.tolist() == [report.predictions[0].speedup_high["scalar"]]


@pytest.mark.parametrize("baseline", ["scalar", "peak"])
def test_ranges_hold_their_values(machine, baseline):
    for curve in (
        speedup_by_channels(machine, channels=[1, 64, 1024], baseline=baseline),
        speedup_by_filter(machine, kernels=[1, 2, 7], baseline=baseline),
    ):
        assert (curve.low <= curve.value).all()
        assert (curve.value <= curve.high).all()
        assert (curve.low < curve.high).any()
        assert curve.baseline == baseline
        assert np.isfinite(curve.value).all()


@pytest.mark.parametrize("sizes", [{"channels": [0]}, {"channels": [1, -2]}, {"kernel": 0}])
def test_sizes_below_one_are_refused(sizes):
    with pytest.raises(UsageError, match="at least 1"):
        speedup_by_channels(**sizes)


def test_an_unknown_baseline_is_refused(machine):
    with pytest.raises(UsageError, match="valid choices: paper, peak, scalar"):
        speedup_by_filter(machine, baseline="numpy")
