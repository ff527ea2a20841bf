"""The figure of accuracy over cost: what stands in it, and that nothing hides anything."""

from __future__ import annotations

import os
from itertools import combinations

import numpy as np
import pytest
from matplotlib.image import imread

import xnorsim as xs
from xnorsim.errors import UsageError
from xnorsim.show.frontier import METRICS, frontier_figure, unnamed
from xnorsim.show.plots import save_figure


@pytest.fixture(scope="module")
def table():
    return xs.frontier("raspberry-pi-4b")


@pytest.fixture(scope="module")
def figure(table):
    return frontier_figure(table)


def points_of(ax):
    """The lines that are markers of networks, not the caps of bars or the front."""
    return [line for line in ax.lines if line.get_marker() in ("o", "s", "v", "D", "^")]


def texts(ax):
    return [text for text in ax.texts if text.get_text()]


def test_a_panel_for_each_cost_with_its_unit(figure):
    latency, energy, memory = figure.axes
    assert latency.get_xlabel() == "predicted latency (ms)"
    assert energy.get_xlabel() == "predicted energy (mJ)"
    assert memory.get_xlabel() == "weights and live activations (MB)"
    assert {" ".join(ax.get_ylabel().split()) for ax in figure.axes} == {
        "published ImageNet top-1 accuracy (%)"
    }
    assert [ax.get_xscale() for ax in figure.axes] == ["log"] * 3


def test_title_and_legend_tell_what_is_drawn(figure):
    assert figure.get_suptitle() == "raspberry-pi-4b\nroofline, 1 thread, 1 image"
    (legend,) = figure.legends
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["binary", "binary weights", "float", "others (1 × 2 bits)", "Pareto front",
                     "90% range"]  # fmt: skip
    assert "accuracies are as published, by larq_zoo (15), Rastegari (7)" in " ".join(
        legend.get_title().get_text().split()
    )


def test_every_point_is_where_the_table_says(figure, table):
    for ax, metric in zip(figure.axes, METRICS.values(), strict=True):
        drawn = {(x, y) for line in points_of(ax) for x, y in zip(*line.get_data(), strict=True)}
        assert drawn == set(zip(table[metric.column], table["top1"], strict=True))


def test_the_front_is_drawn_and_every_network_on_it_is_named(figure, table):
    for ax, metric in zip(figure.axes, METRICS.values(), strict=True):
        front = table[table[f"on_front_{metric.column}"]].sort_values(metric.column)
        steps = next(line for line in ax.lines if line.get_drawstyle() == "steps-post")
        np.testing.assert_array_equal(steps.get_xdata(), front[metric.column])
        np.testing.assert_array_equal(steps.get_ydata(), front["top1"])
        assert {*front.index} <= {text.get_text() for text in texts(ax)}


def test_names_do_not_hide_each_other(figure):
    for ax in figure.axes:
        names = texts(ax)
        assert len(names) > 15
        for one, other in combinations(names, 2):
            assert not one.get_window_extent().overlaps(other.get_window_extent()), (one, other)


def test_names_without_room_are_told(figure, table):
    lost = unnamed(figure, table)
    assert set(lost) <= set(METRICS)
    assert lost  # many networks are alike, and a panel is small
    for ax, (name, metric) in zip(figure.axes, METRICS.items(), strict=True):
        written = {text.get_text() for text in texts(ax)}
        assert written.isdisjoint(lost.get(name, []))
        assert written | {*lost.get(name, [])} == {*table.index}, metric
    few = table.loc[["quicknet", "resnet18"]]
    assert unnamed(frontier_figure(few, "latency"), few) == {}


def test_a_single_panel(table):
    figure = frontier_figure(table, "energy")
    assert [ax.get_xlabel() for ax in figure.axes] == ["predicted energy (mJ)"]
    assert figure.get_figwidth() <= 5  # for half the width of a page


def test_markers_tell_precisions_apart_without_colour(figure):
    assert {line.get_marker() for line in points_of(figure.axes[0])} == {"o", "s", "D", "^"}


def test_a_profile_without_energies_leaves_the_panel_out():
    table = xs.frontier("paper-64ops", networks=["quicknet", "resnet18"])
    assert len(frontier_figure(table).axes) == 2
    with pytest.raises(UsageError, match="metric energy: profile paper-64ops does not tell it; "
                                         "valid choices: latency, memory"):  # fmt: skip
        frontier_figure(table, "energy")


def test_what_does_not_fit_is_hollow():
    table = xs.frontier("cortex-m4f", networks=["quicknet", "resnet18"])
    figure = frontier_figure(table, "latency")
    (legend,) = figure.legends
    assert legend.get_texts()[-1].get_text() == "hollow: does not fit"
    faces = {line.get_markerfacecolor() for line in points_of(figure.axes[0])}
    assert faces == {"#FFFFFF"}


def test_one_network_alone_is_drawn(tmp_path):
    figure = xs.frontier_figure("raspberry-pi-4b", networks=["quicknet"], metric="memory")
    assert [text.get_text() for text in texts(figure.axes[0])] == ["quicknet"]
    save_figure(figure, tmp_path / "one.svg")


def test_the_same_table_gives_the_same_bytes(table, tmp_path):
    for name in ("a.svg", "b.svg"):
        save_figure(frontier_figure(table, "latency"), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_the_image_of_the_docs_is_what_is_predicted_today(figure, project, tmp_path):
    drawn, kept = tmp_path / "frontier.png", project / "docs" / "images" / "frontier.png"
    save_figure(figure, drawn, dpi=110)
    if os.environ.get("XNORSIM_UPDATE_GOLDEN"):
        save_figure(figure, kept, dpi=110)
    now, then = (np.ptp(imread(path)[..., :3], axis=-1) for path in (drawn, kept))  # colours alone
    assert now.shape == then.shape
    assert np.abs(now - then).sum() / then.sum() < 0.05
