"""Roofline diagrams: ceilings of the machine, layers at MACs a byte and MACs a second."""

from __future__ import annotations

import numpy as np
import pytest

from xnorsim.analysis import analyze
from xnorsim.analysis.figures import roofline_figure
from xnorsim.cost.ceilings import ceilings, placed
from xnorsim.errors import UsageError
from xnorsim.machine.profile import load_profile
from xnorsim.network.precision import MacClass
from xnorsim.show import labels

from .conftest import GOLDEN, small_network

PROFILE = GOLDEN / "tiny.yaml"


def report(**options):
    return analyze(small_network(), profile=PROFILE, binarize="xnor", **options)


def test_ceilings_are_the_machines():
    machine = load_profile("raspberry-pi-4b")
    one, four = ceilings(machine), ceilings(machine, 4)
    assert one.compute["binary"] == 128 * 0.46 * 1.5e9  # lanes, vectors a cycle, clock
    assert four.compute["binary"] == pytest.approx(4 * one.compute["binary"])
    assert list(one.bandwidth) == [memory.name for memory in machine.memories]
    assert four.bandwidth["DRAM"] <= 4 * one.bandwidth["DRAM"]  # shared by the cores


def test_no_layer_is_above_its_ceilings():
    """By the roofline predictor: the rate is under the roof of its precision and the line of L1."""
    found = report()
    machine = load_profile(PROFILE)
    top = ceilings(machine)
    latency = found.predictions[0].columns["latency_s"]
    for item in placed(found.table, machine, latency):
        kind = "binary" if found.table.columns["binary_macs"][item.place] else "fp32"
        nearest = next(iter(top.bandwidth.values()))
        assert item.rate <= top.compute[kind] * (1 + 1e-12)
        assert item.rate <= item.intensity * nearest * (1 + 1e-12)
        assert item.rate == found.table.columns["macs"][item.place] / latency[item.place]


def test_layers_are_drawn_where_they_are():
    found = report()
    (ax,) = roofline_figure(small_network(), profile=PROFILE, binarize="xnor").axes
    machine = load_profile(PROFILE)
    layers = placed(found.table, machine, found.predictions[0].columns["latency_s"])
    drawn = [line for line in ax.lines if line.get_linestyle() == "None"]
    places = [tuple(np.ravel(line.get_xydata())) for line in drawn]
    assert places == [(item.intensity, item.rate) for item in layers]
    names = [text.get_text() for text in ax.texts]
    assert "block.0.conv" in names
    assert any(name.startswith("binary ") for name in names)
    colours = {line.get_color() for line in drawn}
    assert colours == {labels.COLOURS[MacClass.BINARY], labels.COLOURS[MacClass.FP]}
    assert ax.get_title() == "small on tiny (roofline, 1 thread)"


def test_a_network_without_macs():
    found = report()
    columns = {name: np.zeros_like(column) for name, column in found.table.columns.items()}
    from dataclasses import replace

    latency = found.predictions[0].columns["latency_s"]
    with pytest.raises(UsageError, match="no layer of small multiplies"):
        placed(replace(found.table, columns=columns), load_profile(PROFILE), latency)


def test_one_profile():
    with pytest.raises(UsageError, match="of one profile, and 2 were given"):
        roofline_figure(small_network(), profile=[PROFILE, "paper-64ops"])  # pyright: ignore[reportArgumentType]
