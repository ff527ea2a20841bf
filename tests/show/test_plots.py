from __future__ import annotations

import copy
import itertools
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from xnorsim.cost.curves import Curve
from xnorsim.errors import UsageError
from xnorsim.show.plots import FORMATS, plot_layers, plot_speedup, save_figure, speedup_figure


def curve(name="formula", baseline="paper", spread=0.0, points=5):
    x = np.arange(1, points + 1)
    value = np.array([10.0 * i for i in x.tolist()])
    return Curve(name, baseline, x, value, value - spread, value + spread)


def legend(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_draws_what_it_is_given():
    ax = plot_speedup([curve(), curve("m", spread=2.0)], by="channels")
    assert [np.asarray(line.get_ydata()).tolist() for line in ax.lines] == [
        [10, 20, 30, 40, 50]
    ] * 2
    assert len(ax.collections) == 1  # one band, for the curve with a range
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "input channels c"
    assert ax.get_ylabel() == "speedup over paper: operation counts (×)"
    assert ax.get_ylim()[0] == 0


def test_every_baseline_is_named():
    ax = plot_speedup([curve(), curve("m", "peak")], by="filter")
    assert ax.get_ylabel() == "speedup over paper or peak (×)"
    assert legend(ax) == [
        "formula, over paper: operation counts",
        "m, over peak: every float lane",
    ]
    other = plot_speedup([curve("m", "onnxruntime 1.20, 1 thread")], by="filter")
    assert other.get_ylabel() == "speedup over onnxruntime 1.20, 1 thread (×)"


def test_curves_differ_in_more_than_colour():
    ax = plot_speedup([curve(str(i)) for i in range(7)], by="filter")
    assert len({line.get_color() for line in ax.lines}) == 7
    assert len({str(line.get_marker()) for line in ax.lines}) == 7


def test_another_axis_is_refused():
    with pytest.raises(UsageError, match="valid choices: channels, filter"):
        plot_speedup([curve()], by="kernel")


def test_axes_can_be_given():
    ax = Figure().add_subplot()
    assert plot_speedup([curve()], by="filter", ax=ax) is ax


def test_both_figures():
    figure = speedup_figure([curve(), curve("m", "peak")], [curve(), curve("m", "peak")])
    assert [ax.get_title() for ax in figure.axes] == ["3×3 filters", "256 channels"]
    assert [ax.get_legend() for ax in figure.axes] == [None, None]
    assert len(figure.legends) == 1


def test_layers_by_latency(doc):
    ax = plot_layers(doc)
    costs = {row["name"]: row["latency_s"] for row in doc["predictions"][0]["layers"]}
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["first", "block.0.conv", "block.1.conv", "classifier", "11 others"]
    widths = [patch.get_width() for patch in ax.patches]  # pyright: ignore[reportAttributeAccessIssue]
    assert widths[:4] == [costs[name] for name in names[:4]]
    assert sum(widths) == pytest.approx(sum(costs.values()))
    assert ax.get_xlabel() == "predicted latency, with its 90% range"
    assert ax.get_title() == "small on tiny (roofline, 1 thread)"
    colours = [patch.get_facecolor() for patch in ax.patches]
    assert colours[0] == colours[3] != colours[1] == colours[2] != colours[4]
    hatches = [patch.get_hatch() for patch in ax.patches]
    assert hatches[0] == hatches[1] != hatches[3]  # compute, compute, overhead


def test_layers_by_macs_without_a_prediction(doc):
    doc["predictions"] = []
    ax = plot_layers(doc)
    assert ax.get_xlabel() == "multiply-accumulates"
    assert [patch.get_width() for patch in ax.patches] == [27648, 147456, 147456, 160]  # pyright: ignore[reportAttributeAccessIssue]


def test_which_prediction(two):
    assert (
        plot_layers(two, "paper-64ops").get_title() == "small on paper-64ops (roofline, 1 thread)"
    )
    assert plot_layers(two, 1).get_title() == "small on paper-64ops (roofline, 1 thread)"
    with pytest.raises(UsageError, match="no prediction 'x': valid choices: paper-64ops, tiny"):
        plot_layers(two, "x")


def test_a_lower_bound_is_said(doc):
    doc["totals"]["lower_bound"] = True
    assert "layers without a rule are left out" in plot_layers(doc).get_xlabel()


def many(doc, number):
    """The report with its layers over and over."""
    grown = copy.deepcopy(doc)
    layers, costs = grown["layers"], grown["predictions"][0]["layers"]
    grown["layers"] = [{**layers[4], "name": f"stage{i}.conv"} for i in range(number)]
    grown["predictions"][0]["layers"] = [
        {**costs[4], "name": f"stage{i}.conv"} for i in range(number)
    ]
    return grown


@pytest.mark.parametrize("number", [1, 20, 150])
def test_names_do_not_overlap(doc, number):
    ax = plot_layers(many(doc, number))
    ax.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert len(boxes) == number
    for above, below in itertools.pairwise(boxes):
        assert below.y1 <= above.y0 + 1  # a pixel of slack


def test_odd_names_are_drawn_as_they_are(doc, tmp_path):
    for i, name in enumerate(["$\\frac{", "層", "a\nb", "<b>&"]):
        doc["layers"][i]["name"] = doc["predictions"][0]["layers"][i]["name"] = name
        doc["layers"][i]["macs"] = 1
        doc["predictions"][0]["layers"][i]["bound"] = "$b_{$"
    doc["model"]["name"] = "$x_{"
    figure = plot_layers(doc).figure
    assert isinstance(figure, Figure)
    save_figure(figure, tmp_path / "odd.svg")
    assert (tmp_path / "odd.svg").read_text("utf-8").startswith("<?xml")
    odd = [curve("$m_{$"), curve("n")]
    save_figure(speedup_figure(odd, odd), tmp_path / "speedup.svg")
    save_figure(speedup_figure(odd[:1], odd[:1]), tmp_path / "speedup.svg")


@pytest.mark.parametrize(
    ("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF"),
                          (".PNG", b"\x89PNG")]
)  # fmt: skip
def test_the_suffix_says_the_format_and_the_bytes_are_always_the_same(tmp_path, suffix, start):
    contents = []
    for i in range(2):
        path = tmp_path / f"{i}{suffix}"
        save_figure(speedup_figure([curve(spread=1)], [curve()]), path)
        contents.append(path.read_bytes())
    assert contents[0].startswith(start)
    assert contents[0] == contents[1]


@pytest.mark.parametrize("name", ["figure.jpg", "figure", ".png", "figure.png.txt"])
def test_another_suffix_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match=r"valid choices: \.pdf, \.png, \.svg"):
        save_figure(Figure(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_no_folder(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        save_figure(Figure(), tmp_path / "none" / "a.png")


def test_formats_are_suffixes():
    assert all(suffix == f".{name}" for suffix, name in FORMATS.items())
    assert Path("a.png").suffix in FORMATS
