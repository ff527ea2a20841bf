from __future__ import annotations

import re

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch

from tests.show.conftest import GOLDEN, small_network
from tests.show.legible import legibility_faults
from xnorsim.analysis import analyze
from xnorsim.analysis.drawing import draw
from xnorsim.errors import UsageError
from xnorsim.network.graph import Graph
from xnorsim.network.precision import MacClass
from xnorsim.show.labels import COLOURS
from xnorsim.show.plots import WIDTH
from xnorsim.units import parse_quantity
from xnorsim.zoo.builder import Builder

TINY = GOLDEN / "tiny.yaml"


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def boxes(figure: Figure) -> list[str]:
    """The colours of boxes."""
    found = [item for item in figure.axes[0].patches if isinstance(item, FancyBboxPatch)]
    return [to_hex(item.get_facecolor()).upper() for item in found]


def deep(blocks: int) -> Graph:
    """Residual blocks of one layer each."""
    b = Builder("deep", input=(1, 2, 4, 4))
    x = b.input
    for number in range(blocks):
        x = b.add(b.batch_norm(b.conv(x, 2, 1, name=f"stage{number // 9}.{number % 9}.conv")), x)
    return b.graph(x)


def test_only_what_multiplies_or_joins_has_a_box():
    figure = draw(small_network(), binarize="xnor")
    assert figure.texts[0].get_text() == "small, by precision"
    assert texts(figure) == ["first", "block.0.conv", "block.1.conv", "add", "classifier"]
    assert len(boxes(figure)) == 5


def test_precisions_have_the_colours_of_every_figure():
    colours = boxes(draw(small_network(), binarize="xnor"))
    assert colours.count(COLOURS[MacClass.BINARY]) == 2
    assert colours.count(COLOURS[MacClass.FP]) == 2
    legend = draw(small_network()).legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["float", "no MACs"]


@pytest.mark.parametrize(("by", "unit"), [("latency_s", "s"), ("energy_j", "J")])
def test_costs_of_boxes_add_up_to_the_report(by, unit):
    """Those of layers that multiply stand in their boxes; joins cost the rest, and have a shade."""
    found = texts(draw(small_network(), by, binarize="xnor", profile=TINY))
    costs = [text for text in found if re.fullmatch(rf"[\d.]+ [fpnµm]?{unit}|0 {unit}", text)]
    assert len(costs) == 4
    report = analyze(small_network(), binarize="xnor", profile=TINY)
    columns = report.predictions[0].columns[by]
    names = list(report.table.names)
    join = sum(columns[names.index("block.add") : names.index("classifier")])  # to the pool
    total = sum(parse_quantity(text, {"s": "second", "J": "joule"}[unit]) for text in costs)
    assert total + join == pytest.approx(report.predictions[0].totals[by], rel=5e-3)


def test_a_scale_names_what_it_is_of_and_its_unit():
    figure = draw(small_network(), "latency_s", profile=TINY)
    assert figure.texts[-1].get_text() == "predicted latency"
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
    figure = draw(deep(16))
    assert sum(isinstance(item, Circle) for item in figure.axes[0].patches) > 1


@pytest.mark.parametrize(
    ("blocks", "by", "note", "example"),
    [
        (1, "precision", "", "stage0.0.conv"),
        (56, "precision", "s = stage", "s4.3.conv"),
        (80, "precision", "numbers: layers that multiply, in order of execution", "80"),
        (300, "macs", "too many layers for their names, in order of execution", None),
    ],
)
def test_a_drawing_stays_a_page_that_can_be_read(blocks, by, note, example):
    """Names become initials, then numbers, then nothing: the figure does not grow without end."""
    figure = draw(deep(blocks), by)
    width, height = figure.get_size_inches()
    assert width <= WIDTH
    assert height < 11
    assert figure.texts[1].get_text() == note
    assert example in texts(figure) if example else not texts(figure)
    assert len(boxes(figure)) == 2 * blocks - 1  # the first join reads one layer, and the input
    assert legibility_faults(figure) == []


@pytest.mark.parametrize("name", ["resnet50", "quicknet", "meliusnet-22", "vgg19"])
def test_names_stay_within_their_boxes(name):
    figure = draw(name)
    assert legibility_faults(figure) == []
    assert len(set(texts(figure)) - {"add", "concat"}) > 18  # names, and no two are the same
    found = [item for item in figure.axes[0].patches if isinstance(item, FancyBboxPatch)]
    for box, text in zip(found, figure.axes[0].texts, strict=True):
        frame, letters = box.get_window_extent(), text.get_window_extent()
        assert frame.x0 < letters.x0
        assert letters.x1 < frame.x1


def test_what_prepares_an_input_joins_its_reader_and_boxes_never_read_each_other():
    """A normalization in front, a sign that two layers read, a pool behind a join."""
    b = Builder("odd", input=(1, 2, 4, 4))
    shared = b.sign(b.batch_norm(b.input))
    joined = b.max_pool(b.add(b.conv(shared, 2, 1), b.conv(shared, 2, 1)), 2)
    figure = draw(b.graph(b.add(joined, b.conv(joined, 2, 1))))
    assert sorted(texts(figure)) == ["add", "add", "bat…orm", "conv1", "conv2", "conv3"]


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
