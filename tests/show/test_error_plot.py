"""The figure of errors: what stands where."""

from __future__ import annotations

from typing import Any

import pytest

from xnorsim.errors import UsageError
from xnorsim.show.error_plot import error_figure


def row(group: str, predicted: float, measured: float, inside: bool = True) -> dict[str, Any]:
    return {"group": group, "predicted": predicted, "measured": measured, "inside": inside}


def points(ax):
    return [line for line in ax.lines if line.get_marker() == "o"]


@pytest.fixture
def figure():
    rows = [row("a, 1 thread", 2.0, 1.0), row("a, 1 thread", 1.0, 4.0, False)]
    return error_figure({"here": {"rows": [*rows, row("b, 1 thread", 1.0, 1.0)]}}, band=0.1)


def test_a_point_lies_at_predicted_over_measured_and_is_hollow_where_missed(figure):
    found = {float(line.get_xdata()[0]): line for line in points(figure.axes[0])}
    assert set(found) == {0.25, 1.0, 2.0}
    hollow = {x: line.get_markerfacecolor() == "#FFFFFF" for x, line in found.items()}
    assert hollow == {0.25: True, 1.0: False, 2.0: False}


def test_a_line_is_the_median_of_its_group(figure):
    uprights = [line for line in figure.axes[0].lines if line.get_linewidth() == 1.8]
    assert [float(line.get_xdata()[0]) for line in uprights] == [1.125, 1.0]


def test_what_all_groups_end_in_is_told_once(figure):
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a (2)", "b (1)"]
    assert ax.get_title(loc="left") == "here, 1 thread"
    other = error_figure({"x": {"rows": [row("a, b", 1, 1), row("c", 1, 1)]}}).axes[0]
    assert [text.get_text() for text in other.get_yticklabels()] == ["a, b (1)", "c (1)"]


def test_every_document_has_a_block_on_the_same_axis(figure):
    doc = {"rows": [row("a", 1.0, 1.2)]}
    two = error_figure({"one": doc, "none": {"rows": []}, "two": {"rows": [row("b", 9.0, 1.0)]}})
    assert [ax.get_title(loc="left") for ax in two.axes] == ["one", "two"]
    assert two.axes[0].get_xlim() == two.axes[1].get_xlim()
    low, high = two.axes[0].get_xlim()
    assert low < 1.0 / 1.2
    assert high > 9.0


def test_ticks_tell_errors_with_their_sign(figure):
    figure.draw_without_rendering()
    texts = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert texts == ["−75%", "−50%", "−33%", "−20%", "0", "+20%", "+50%", "+100%"]


def test_nothing_to_draw():
    with pytest.raises(UsageError, match="there are none"):
        error_figure({"empty": {"rows": []}})
