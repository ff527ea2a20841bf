"""Figures of sweeps: what is drawn is what the dataset has."""

from __future__ import annotations

import numpy as np
import pytest

from xnorsim.errors import MissingExtraError, UsageError
from xnorsim.show.designs import designs_of
from xnorsim.show.plots import save_figure
from xnorsim.show.sweep_plots import heatmap_figure, pareto_figure
from xnorsim.show.sweep_text import metric_text, name_text, value_text, values_along

xr = pytest.importorskip("xarray")


def dataset(latency=None):
    """Latency falls with the clock and threads, energy rises: nothing beats anything else."""
    clock, threads = np.array([1e9, 2e9, 4e9]), np.array([1, 2])
    sizes = 2.0 ** np.array([18, 19, 20, 21])
    c, t, s = np.meshgrid(clock, threads, sizes, indexing="ij")
    found = 1e7 / c / t + 1e2 / s if latency is None else latency
    dims = ("clock", "threads", "memories.L2.size")
    return xr.Dataset(
        {
            "latency_s": (dims, found, {"units": "s"}),
            "energy_j": (dims, 1e-12 * c * t**1.1 + 1e-9 * s, {"units": "J"}),
        },
        coords={
            "clock": ("clock", clock, {"units": "hertz"}),
            "threads": ("threads", threads),
            "memories.L2.size": ("memories.L2.size", sizes, {"units": "byte"}),
        },
        attrs={"title": "what-if sweep of $small_{"},
    )


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def cells(ax):
    return np.ma.filled(ax.images[0].get_array(), np.nan)


def test_a_heat_map_has_the_values_at_other_axes():
    found = dataset()
    ax = heatmap_figure(found, "clock", "threads", at={"memories.L2.size": "1 MiB"}).axes[0]
    expected = found.latency_s.values[:, :, 2].T
    np.testing.assert_array_equal(cells(ax), expected)
    assert ticks(ax.xaxis) == ["1 GHz", "2 GHz", "4 GHz"]
    assert ticks(ax.yaxis) == ["1", "2"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("clock", "threads")
    assert ax.get_title() == "what-if sweep of $small_{\nL2 size 1 MiB"
    written = [text.get_text() for text in ax.texts]
    assert written[0] == value_text(expected[0, 0], "s")
    assert len(written) == 6


def test_along_other_axes_it_is_the_least_and_says_so():
    found = dataset()
    ax = heatmap_figure(found, metric="energy_j").axes[0]  # the last two axes
    np.testing.assert_array_equal(cells(ax), found.energy_j.values.min(axis=0))
    assert ax.get_title().endswith("the least over clock")


def test_gains_over_a_named_point():
    found = dataset()
    base = {"clock": "1 GHz", "threads": 1, "memories.L2.size": "256 KiB"}
    figure = heatmap_figure(found, "clock", "threads", baseline=base)
    expected = (found.latency_s.values[0, 0, 0] / found.latency_s.values).max(axis=2).T
    np.testing.assert_array_equal(cells(figure.axes[0]), expected)
    assert figure.axes[1].get_ylabel() == "speedup (×)"
    title = " ".join(figure.axes[0].get_title().split())
    assert "speedup over clock 1 GHz, threads 1, L2 size 256 KiB; the most over L2 size" in title


def test_points_left_out_are_no_colour():
    found = dataset()
    found.latency_s.values[2, 1] = np.nan
    figure = heatmap_figure(found, "clock", "threads")
    assert np.isnan(cells(figure.axes[0])[1, 2])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["left out"]
    assert len(figure.axes[0].texts) == 5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": "cloc"}, "no axis 'cloc': did you mean clock"),
        ({"x": "clock", "y": "clock"}, "not 'clock' twice"),
        ({"metric": "area"}, "has no 'area'"),
        ({"at": {"clock": "3 GHz"}}, "clock has no value '3 GHz'"),
        ({"x": "clock", "at": {"clock": "1 GHz"}}, "drawn along a side"),
        ({"baseline": {"clock": "1 GHz"}}, "a value of threads, memories.L2.size, too"),
        ({"at": {"volt": 1}}, "no axis 'volt'"),
    ],
)
def test_what_is_no_heat_map(given, message):
    with pytest.raises(UsageError, match=message):
        heatmap_figure(dataset(), **given)


def test_a_heat_map_of_one_axis_or_of_nothing():
    with pytest.raises(UsageError, match="two axes, and the sweep has clock"):
        heatmap_figure(dataset().isel({"threads": 0, "memories.L2.size": 0}))
    with pytest.raises(UsageError, match="every point"):
        heatmap_figure(dataset(np.full((3, 2, 4), np.nan)))


def brute(x, y):
    """Whether no other point is as good in both and better in one."""
    return [
        not any(
            (a <= x[i] and b < y[i]) or (a < x[i] and b <= y[i]) for a, b in zip(x, y, strict=True)
        )
        for i in range(len(x))
    ]


@pytest.mark.parametrize(("x", "y"), [("latency_s", "energy_j"), ("latency_s", "clock")])
def test_the_front_is_what_nothing_beats(x, y):
    found = dataset()
    designs = designs_of(found, x, y)
    given, other = values_along(found, x), values_along(found, y)
    assert designs.is_front.tolist() == brute(given.tolist(), other.tolist())
    assert sorted(designs.order, key=lambda place: given[place]) == designs.order


def test_a_pareto_figure_names_the_designs():
    found = dataset()
    figure = pareto_figure(found)
    (ax,) = figure.axes
    front = designs_of(found, "latency_s", "energy_j")
    line = ax.lines[-1]
    np.testing.assert_array_equal(line.get_xdata(), front.x[front.order])
    names = [text.get_text() for text in ax.texts if text.get_text()]
    assert "clock 4 GHz, threads 2, L2 size 2 MiB" in names
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[-1] == f"{len(front.order)} on the Pareto front"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted latency", "predicted energy")


def test_a_reduced_sweep_is_its_front():
    found = dataset().stack(point=["clock", "threads", "memories.L2.size"]).reset_index("point")
    whole = designs_of(dataset(), "latency_s", "energy_j")
    kept = found.isel(point=whole.order)
    designs = designs_of(kept, "latency_s", "energy_j")
    assert designs.is_front.all()
    assert list(designs.texts) == list(whole.texts)
    pareto_figure(kept)


def test_what_is_no_front():
    with pytest.raises(UsageError, match="has no 'area'"):
        pareto_figure(dataset(), y="area")
    counts = dataset().drop_vars(["latency_s", "energy_j"])
    with pytest.raises(UsageError, match="no figures of points"):
        pareto_figure(counts, x="clock", y="threads")
    words = dataset().assign_coords(threads=["one", "two"])
    with pytest.raises(UsageError, match="threads is made of words"):
        pareto_figure(words, y="threads")
    with pytest.raises(UsageError, match="no point"):
        pareto_figure(dataset(np.full((3, 2, 4), np.nan)))


def test_figures_are_files(tmp_path):
    for name, figure in (("a", heatmap_figure(dataset())), ("b", pareto_figure(dataset()))):
        save_figure(figure, tmp_path / f"{name}.svg")
        assert (tmp_path / f"{name}.svg").read_bytes().startswith(b"<?xml")


def test_hover_text_tells_every_field():
    pytest.importorskip("plotly")
    from plotly.offline import get_plotlyjs

    from xnorsim.show.hover import pareto_hover

    found = dataset()
    figure = pareto_hover(found)
    front = designs_of(found, "latency_s", "energy_j")
    assert list(figure.data[1].x) == front.x[front.order].tolist()
    first = figure.data[1].text[0].split("<br>")
    assert first[0].startswith("latency: ")
    assert first[2:] == ["clock: 4 GHz", "threads: 2", "memories.L2.size: 2 MiB"]
    assert len(figure.data[0].x) + len(figure.data[1].x) == 24
    # plotly.js does not refuse a name that it does not know: the button is called so
    assert figure.layout.modebar.remove == ("sendChartToCloud",)
    assert 'sendChartToCloud={name:"sendChartToCloud"' in get_plotlyjs()


def test_without_plotly(monkeypatch):
    import sys

    from xnorsim.show.hover import pareto_hover

    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'xnorsim\[plotly\]'"):
        pareto_hover(dataset())


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.5e9, "hertz", "1.5 GHz"),
        (1536 * 1024, "byte", "1.5 MiB"),
        (100 * 1024, "byte", "100 KiB"),
        (20, "", "20"),
        (0.01, "s", "10 ms"),
        (float("nan"), "s", "-"),
        (float("inf"), "byte/s", "unlimited"),
        ("first,last", "", "first,last"),
    ],
)
def test_values_are_written_for_people(value, unit, text):
    assert value_text(value, unit) == text


def test_figures_are_named_without_their_units():
    found = dataset().assign(latency_s_by_layer=lambda made: made.latency_s)
    assert metric_text(found, "latency_s") == ("latency", "s")
    assert metric_text(found, "latency_s_by_layer") == ("latency by layer", "s")
    assert metric_text(found, "clock") == ("clock", "hertz")


def test_names_lose_their_section():
    assert name_text("memories.DRAM.bandwidth") == "DRAM bandwidth"
    assert name_text("threads") == "threads"
