from __future__ import annotations

import re

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch

from tests.show.conftest import GOLDEN, small_network
from xnorsim.analysis import analyze
from xnorsim.analysis.drawing import draw
from xnorsim.errors import UsageError
from xnorsim.network.precision import MacClass
from xnorsim.show.labels import COLOURS
from xnorsim.units import parse_quantity
from xnorsim.zoo.builder import Builder

TINY = GOLDEN / "tiny.yaml"


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def boxes(figure: Figure) -> list[str]:
    """The colours of boxes."""
    found = [item for item in figure.axes[0].patches if isinstance(item, FancyBboxPatch)]
    return [to_hex(item.get_facecolor()).upper() for item in found]


def test_layers_stand_with_what_they_do_in_passing():
    found = texts(draw(small_network(), binarize="xnor"))
    assert found[0] == "small, by precision"
    pairs = dict(zip(found[1::2], found[2::2], strict=False))
    assert pairs["first"] == "conv, batch_norm, relu"
    assert pairs["block.0.conv"] == "sign, conv, batch_norm, relu"
    assert pairs["block.add"] == "add, relu"


def test_precisions_have_the_colours_of_every_figure():
    colours = boxes(draw(small_network(), binarize="xnor"))
    assert colours.count(COLOURS[MacClass.BINARY]) == 2
    assert colours.count(COLOURS[MacClass.FP]) == 2
    legend = draw(small_network()).legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["float", "no MACs"]


@pytest.mark.parametrize(("by", "unit"), [("latency_s", "s"), ("energy_j", "J")])
def test_costs_of_boxes_add_up_to_the_report(by, unit):
    found = texts(draw(small_network(), by, binarize="xnor", profile=TINY))
    costs = [text for text in found if re.fullmatch(rf"[\d.]+ [fpnµm]?{unit}|0 {unit}", text)]
    report = analyze(small_network(), binarize="xnor", profile=TINY)
    total = sum(parse_quantity(text, {"s": "second", "J": "joule"}[unit]) for text in costs)
    assert total == pytest.approx(report.predictions[0].totals[by], rel=5e-3)


def test_a_scale_names_what_it_is_of_and_its_unit():
    figure = draw(small_network(), "latency_s", profile=TINY)
    assert [text.get_text() for text in figure.texts] == ["predicted latency"]
    figure.canvas.draw()
    ticks = [tick.get_text() for tick in figure.axes[1].get_xticklabels()]
    assert all(tick.endswith("s") for tick in ticks)
    assert len(ticks) >= 2


def test_names_are_shown_as_they_are():
    b = Builder("$a_b$", input=(1, 2, 4, 4))
    graph = b.graph(b.conv(b.input, 2, 1, name="$x^2$ \x1b[31m"))
    figure = draw(graph)
    assert "$x^2$ \\x1b[31m" in texts(figure)
    figure.canvas.draw()  # a formula or an escape would raise


def test_a_fold_is_marked_by_a_dot():
    b = Builder("deep", input=(1, 2, 4, 4))
    x = b.input
    for _ in range(40):
        x = b.conv(x, 2, 1)
    figure = draw(b.graph(x))
    assert sum(isinstance(item, Circle) for item in figure.axes[0].patches) > 1
    width, height = figure.get_size_inches()
    assert 0.4 < width / height < 2.5


@pytest.mark.parametrize(
    ("by", "options", "message"),
    [
        ("latency", {}, "not coloured by 'latency': did you mean latency_s"),
        ("latency_s", {}, "by latency_s takes one profile, and 0 were given"),
        ("energy_j", {"profile": (TINY, "paper-64ops")}, "takes one profile, and 2"),
        ("macs", {"profile": TINY}, "by macs takes no profile, and 1 were given"),
        ("energy_j", {"profile": "paper-64ops"}, "paper-64ops gives no energy_j with roofline"),
    ],
)
def test_what_is_refused(by, options, message):
    with pytest.raises(UsageError, match=message):
        draw(small_network(), by, **options)
