"""The figure of a validation, and the one in the docs; XNORSIM_UPDATE_GOLDEN=1 draws it anew."""

from __future__ import annotations

import copy
import itertools
import os
from dataclasses import replace
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from tests.show.test_validation import made
from xnorsim.analysis import validate_published
from xnorsim.errors import UsageError
from xnorsim.show.plots import save_figure
from xnorsim.show.validation_plot import validation_figure


def document(*times: tuple[float, float], **changes: Any) -> dict[str, Any]:
    """Rows of one group with these measured and predicted times [s], each range +-20%."""
    rows = [
        {
            "group": "program, Board", "name": f"row{i}", "unit": "s", "measured": measured,
            "measured_std": None, "predicted": predicted, "low": 0.8 * predicted,
            "high": 1.2 * predicted, "inside": True,
        }
        | changes
        for i, (measured, predicted) in enumerate(times)
    ]  # fmt: skip
    return {"coverage": 0.9, "rows": rows}


def points(figure: Figure) -> list[Any]:
    """The marker of each row, in the rows' order."""
    return [bar.lines[0] for bar in figure.axes[0].containers]  # pyright: ignore[reportAttributeAccessIssue]


def names(figure: Figure) -> list[Annotation]:
    return [
        text
        for text in figure.axes[0].texts
        if isinstance(text, Annotation) and text.get_text()  # else a line that leads to a name
    ]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_latency_is_a_point_in_ms_and_a_ratio_is_none():
    figure = made().figure()
    drawn = [(line.get_xdata()[0], line.get_ydata()[0]) for line in points(figure)]
    assert drawn == [pytest.approx(pair) for pair in [(10, 11), (12, 6), (20, 21)]]
    bars = [bar.lines[2] for bar in figure.axes[0].containers]  # pyright: ignore[reportAttributeAccessIssue]
    level, upright = (lines.get_segments()[0].tolist() for lines in bars[0])
    np.testing.assert_allclose(level, [[9.8, 11], [10.2, 11]])
    np.testing.assert_allclose(upright, [[10, 9], [10, 13]])


def test_a_miss_is_hollow():
    colours = [to_hex(line.get_markerfacecolor()) for line in points(made().figure())]
    assert colours[0] != "#ffffff"
    assert colours[1:] == ["#ffffff"] * 2


def test_axes_say_what_they_show():
    figure = made().figure()
    ax = figure.axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("measured latency (ms)", "predicted latency (ms)")
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_xlim() == ax.get_ylim(), "the diagonal is where a prediction is right"
    title = "Predicted and measured latency: 1 of 3 measurements in the 90% range"
    assert figure.get_suptitle() == title
    assert legend(figure) == [
        "program 1.0, Board",
        "measurement in the predicted range",
        "measurement missed",
        "predicted 90% range",
        "measured ± 1 standard deviation",
        "predicted = measured ±10%",
    ]


def test_groups_differ_in_colour_and_marker():
    doc = document(*[(0.001 * 2**i, 0.001 * 2**i) for i in range(12)])
    for i, row in enumerate(doc["rows"]):
        row["group"] = f"group {i // 2}"
    styles = [(line.get_color(), line.get_marker()) for line in points(validation_figure(doc))]
    assert styles[::2] == styles[1::2], "one group, one style"
    for values in zip(*styles[::2], strict=True):
        assert len(set(values)) == 6


@pytest.mark.parametrize("measured", [1e-7, 2.4e-3, 0.999, 700.0])
def test_there_are_ticks_however_narrow_the_data(measured):
    doc = document((measured, measured))
    doc["rows"][0].update(low=measured, high=measured)
    ax = validation_figure(doc).axes[0]
    least, most = ax.get_xlim()
    assert any(least <= tick <= most for tick in ax.get_xticks())


def test_a_deviation_above_its_measurement_is_drawn(tmp_path):
    save_figure(validation_figure(document((0.01, 0.01), measured_std=0.02)), tmp_path / "a.png")


def test_names_are_drawn_as_they_are(tmp_path):
    figure = validation_figure(document((0.01, 0.01), name="$x_{\n", group="$\\frac{"))
    assert names(figure)[0].get_text() == "$x_{\\n"
    save_figure(figure, tmp_path / "odd.svg")
    assert "$x_{" in (tmp_path / "odd.svg").read_text("utf-8")


@pytest.mark.parametrize(
    ("given", "drawn"),
    [
        (["3x3_56x56x64", "QuickNet"], ["56×56×64", "QuickNet"]),
        (["3x3_8x8x64", "1x1_8x8x64"], ["3×3_8×8×64", "1×1_8×8×64"]),  # else they were the same
        (["extra_4", "resnet_18"], ["extra_4", "resnet_18"]),
    ],
)
def test_layers_are_named_by_their_size(given, drawn):
    doc = document((0.001, 0.001), (1.0, 1.0))
    for row, name in zip(doc["rows"], given, strict=True):
        row["name"] = name
    assert [text.get_text() for text in names(validation_figure(doc))] == drawn


def test_points_apart_are_named_and_points_on_each_other_are_not_all():
    apart = document(*[(0.001 * 3**i, 0.001 * 3**i) for i in range(6)])
    assert len(names(validation_figure(apart))) == 6
    together = document(*[(0.001, 0.001)] * 40)
    assert 0 < len(names(validation_figure(together))) < 40


times = st.floats(1e-3, 0.3)


@settings(max_examples=15)
@given(st.lists(st.tuples(times, times), min_size=1, max_size=25))
def test_names_hide_nothing(pairs):
    figure = validation_figure(document(*pairs))
    figure.draw_without_rendering()
    ax = figure.axes[0]
    boxes = [text.get_window_extent() for text in names(figure)]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    for row in document(*pairs)["rows"]:
        for key in ("low", "predicted", "high"):
            at = ax.transData.transform((row["measured"] * 1e3, row[key] * 1e3))
            assert not any(box.contains(*at) for box in boxes)
    assert all(ax.bbox.contains(*end) for box in boxes for end in (box.min, box.max))


def test_no_latency_is_an_error():
    ratios = replace(made(), rows=made().rows[3:])
    with pytest.raises(UsageError, match="needs latencies"):
        ratios.figure()


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return validate_published().to_dict()


def colour(doc: dict[str, Any], path) -> np.ndarray:
    """How coloured each pixel of the figure is: its points are, and no text."""
    save_figure(validation_figure(doc), path)
    return colour_of(path)


def colour_of(path) -> np.ndarray:
    return np.ptp(matplotlib.image.imread(path)[..., :3], axis=-1)


def moved(now: np.ndarray, then: np.ndarray) -> float:
    """The share of colour that is elsewhere. Fonts, which differ a little by version, are black."""
    assert now.shape == then.shape
    return float(np.abs(now - then).sum() / then.sum())


def test_the_image_of_the_docs_is_what_is_predicted_today(published, project, tmp_path):
    kept = project / "docs" / "images" / "validation.png"
    now = colour(published, tmp_path / "validation.png")
    if os.environ.get("XNORSIM_UPDATE_GOLDEN"):
        save_figure(validation_figure(published), kept)
    assert moved(now, colour_of(kept)) < 0.015


@pytest.mark.parametrize("row", [0, 21])
def test_a_single_point_that_moved_is_seen(row, published, tmp_path):
    other = copy.deepcopy(published)
    for key in ("low", "predicted", "high"):
        other["rows"][row][key] *= 1.1
    now, then = (colour(doc, tmp_path / "a.png") for doc in (other, published))
    assert moved(now, then) > 0.015
