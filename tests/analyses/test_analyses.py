"""What the analyses state of the paper, from the functions that they call."""

from __future__ import annotations

import pytest

import xnorsim as xs
from xnorsim.cost.curves import speedup_by_channels, speedup_by_filter


def test_the_papers_curves():
    by_channels = speedup_by_channels(channels=(1, 4, 16, 64, 256, 1024))
    by_filter = speedup_by_filter(kernels=(1, 3, 5, 7, 11, 20))
    assert by_channels.value.round(2).tolist() == [7.89, 23.04, 44.31, 57.60, 62.27, 63.56]
    assert by_filter.value.round(2).tolist() == [51.20, 62.27, 63.37, 63.68, 63.87, 63.96]
    assert (by_channels.baseline, by_filter.baseline) == ("paper", "paper")


@pytest.mark.parametrize(
    ("name", "parameters", "double_mb", "one_bit_mb"),
    [  # the paper's figure, as it rounds
        ("alexnet", 62_378_344, 475, 7.4),
        ("vgg19", 143_667_240, 1024, 16),
        ("resnet18", 11_689_512, 100, 1.5),
    ],
)
def test_the_papers_memory(name, parameters, double_mb, one_bit_mb):
    totals = xs.analyze(name, binarize="xnor").totals
    assert totals["parameters"] == parameters
    double = 2 * totals["weight_bits_fp32"] / 2**23
    assert double == pytest.approx(double_mb, rel=0.11)
    assert double / 64 == pytest.approx(one_bit_mb, rel=0.08)
