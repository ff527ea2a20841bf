"""Values with their ranges, and strips of what bounds layers, as they are drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import xnorsim as xs
from xnorsim.errors import UsageError
from xnorsim.show.bounds_plot import bounds_figure
from xnorsim.show.ranges_plot import Ranged, plot_ranges, ranged_totals, ranges_figure

from .legible import legibility_faults

BOTH = (
    Ranged("predicted", [2.0, 3.0], [1.0, 2.0], [4.0, 3.5]),
    Ranged("measured", [2.5, math.nan], [2.5, math.nan], [2.5, math.nan]),
)


def test_each_value_has_its_marker_and_its_range():
    ax = plot_ranges(["a", "$b$"], BOTH, xlabel="speedup (×)", ax=Figure().add_subplot())
    assert ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "$b$"]
    first, second = ax.lines[:2]
    assert np.asarray(first.get_xdata()).tolist() == [2.0, 3.0]
    assert first.get_marker() != second.get_marker()
    assert not same_color(first.get_color(), second.get_color())
    row, same_row = (np.asarray(line.get_ydata())[0] for line in (first, second))
    assert -0.5 < row < same_row < 0.5  # both within their row, beside each other
    lines = ax.collections[0]
    assert isinstance(lines, LineCollection)
    ranges = [np.asarray(segment)[:, 0].tolist() for segment in lines.get_segments()]
    assert ranges == [[1.0, 4.0], [2.0, 3.5]]


def test_factors_are_numbers_and_quantities_have_prefixes():
    found = [Ranged("predicted", [300.0, 2000.0], [200.0, 1000.0], [400.0, 3000.0])]
    for unit, told in (("", "1000"), ("s", "1 ks")):
        ax = plot_ranges(["a", "b"], found, xlabel="", unit=unit, ax=Figure().add_subplot())
        assert told in [ax.xaxis.get_major_formatter()(tick, 0) for tick in ax.get_xticks()]


def test_a_series_has_one_value_for_each_row():
    with pytest.raises(UsageError, match="'predicted' has not one value for each of 3 rows"):
        plot_ranges(["a", "b", "c"], BOTH, xlabel="", ax=Figure().add_subplot())


def test_totals_of_reports_are_one_value_a_machine():
    report = xs.analyze("resnet18", profile=["raspberry-pi-4b", "pixel-1"])
    (found,) = ranged_totals({"floats": report}, "energy_j")
    assert found.name == "floats"
    for ends, key in ((found.low, "_low"), (found.value, ""), (found.high, "_high")):
        assert ends == [item.totals[f"energy_j{key}"] for item in report.predictions]


def test_panels_share_rows_and_legend():
    figure = ranges_figure(["a", "b"], [("latency", "s", BOTH), ("energy", "J", BOTH[:1])])
    assert legibility_faults(figure) == []
    left, right = figure.axes
    assert (left.get_xlabel(), right.get_xlabel()) == ("latency", "energy")
    assert left.get_ylim() == right.get_ylim() == (1.5, -0.5)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "predicted",
        "measured",
        "90% range",
    ]


def test_numbers_beside_each_other_are_fewer_in_narrow_axes():
    wide = Ranged("predicted", [0.01, 0.3], [0.004, 0.2], [0.02, 0.7])
    shown = {}
    for count in (1, 2):
        figure = ranges_figure(["a", "b"], [("predicted latency", "s", [wide])] * count)
        assert legibility_faults(figure) == []
        low, high = figure.axes[0].get_xlim()
        shown[count] = [tick for tick in figure.axes[0].get_xticks() if low <= tick <= high]
    np.testing.assert_allclose(shown[1], [0.01, 0.03, 0.1, 0.3])
    np.testing.assert_allclose(shown[2], [0.01, 0.1])


def document(layers, name="net", binarize="none"):
    """As much of a report's document as is drawn: layers as (bound, seconds)."""
    rows = [{"bound": bound, "latency_s": seconds} for bound, seconds in layers]
    whole = sum(seconds for _, seconds in layers)
    return {
        "model": {"name": name},
        "assumptions": {"binarize": binarize},
        "predictions": [{"profile": "m", "layers": rows, "totals": {"latency_s": whole}}],
    }


def test_a_strip_is_as_wide_as_the_time_and_joins_neighbours_of_one_bound():
    layers = [("compute", 1.0), ("compute", 2.0), ("L2", 0.0), ("DRAM", 4.0), ("compute", 1.0)]
    figure = bounds_figure([document(layers, binarize="bwn")])
    (ax,) = figure.axes
    bars = [(bar.get_x(), bar.get_width()) for bar in ax.patches if isinstance(bar, Rectangle)]
    assert bars == [(0.0, 3 / 8), (3 / 8, 4 / 8), (7 / 8, 1 / 8)]
    assert ax.get_title(loc="left") == "net, binarize bwn"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["bound by compute", "bound by DRAM"]


def test_bounds_differ_in_colour_and_hatching_and_stand_in_the_order_of_distance():
    layers = [(name, 1.0) for name in ("overhead", "DRAM", "L3", "instructions", "L2")]
    figure = bounds_figure([document(layers)])
    (legend,) = figure.legends
    assert legibility_faults(figure) == []
    names = [text.get_text().removeprefix("bound by ") for text in legend.get_texts()]
    assert names == ["instructions", "L2", "L3", "DRAM", "overhead"]
    styles = {(patch.get_facecolor(), patch.get_hatch()) for patch in legend.get_patches()}
    assert len({colour for colour, _ in styles}) == len({hatch for _, hatch in styles}) == 5


def test_a_report_without_predictions_has_no_bounds():
    with pytest.raises(UsageError, match="resnet18 has no prediction: give a profile"):
        bounds_figure([xs.analyze("resnet18").to_dict()])
