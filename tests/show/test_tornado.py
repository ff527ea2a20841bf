"""Tornado charts: a bar from the figure at an input's low end to that at its high end."""

from __future__ import annotations

import pytest
from matplotlib.patches import Rectangle

from xnorsim.analysis import explain
from xnorsim.errors import UsageError
from xnorsim.show.tornado import tornado_figure

from .conftest import small_network


@pytest.fixture(scope="module")
def explained():
    return explain(small_network(), binarize="xnor", profile="zen-4")


def test_bars_are_the_ends_of_inputs(explained):
    (ax,) = tornado_figure(explained).axes[:1]
    items = explained.sensitivities["latency_s"]
    value = explained.totals["latency_s"]
    bars = [bar for bar in ax.patches if isinstance(bar, Rectangle)]
    ends = {(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars}
    expected = {(value, end) for item in items for end in (item.at_low, item.at_high)}
    assert len(ends) == len(expected)
    for a, b in zip(sorted(ends), sorted(expected), strict=True):
        assert a == pytest.approx(b)
    spans = [
        abs(bars[2 * row + 1].get_width() - bars[2 * row].get_width()) for row in range(len(items))
    ]
    assert spans == sorted(spans)  # the furthest on top
    assert "small" in ax.get_title()
    assert ax.get_xlabel() == "predicted latency, with one input at an end of its range"


def test_inputs_are_named_with_their_ranges(explained):
    (ax,) = tornado_figure(explained).axes[:1]
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert {name.splitlines()[0] for name in names} == {
        item.input.path for item in explained.sensitivities["latency_s"]
    }
    assert all(" to " in name.splitlines()[1] for name in names)


def test_what_is_no_tornado(explained):
    with pytest.raises(UsageError, match="no figure 'speed'"):
        tornado_figure(explained, "speed")
