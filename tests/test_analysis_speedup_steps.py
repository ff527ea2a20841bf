"""From the formula to a network: each step is what the predictor says of it, the last the whole."""

from __future__ import annotations

from itertools import pairwise

import pytest
from matplotlib.patches import Rectangle

import xnorsim as xs
from tests.show.legible import legibility_faults
from xnorsim.errors import UsageError
from xnorsim.show.speedup_steps import SpeedupSteps, Step, steps_figure

LAYER = "stage3.1.conv1"  # 256 channels, 256 filters of 3 x 3, 14 x 14: that of the paper's formula
MACS = 14 * 14 * 256 * 256 * 9


@pytest.fixture(scope="module")
def found():
    return xs.speedup_steps("resnet18", profile="raspberry-pi-4b", layer=LAYER)


@pytest.fixture(scope="module")
def binary():
    predictor = "instructions:own"
    return xs.analyze("resnet18", binarize="xnor", profile="raspberry-pi-4b", predictor=predictor)


def test_it_begins_with_the_papers_formula(found):
    first = found.steps[0]
    assert first.baseline == "paper"
    assert first.speedup == pytest.approx(64 * 256 * 9 / (256 * 9 + 64))
    assert first.float_s == pytest.approx(MACS / 1.5e9)  # one MAC a clock


def test_it_ends_with_what_the_network_gains_over_the_same_program(found, binary):
    last = found.steps[-1]
    prediction = binary.predictions[0]
    assert last.speedup == pytest.approx(prediction.speedup["same program"], rel=1e-12)
    assert last.binary_s == pytest.approx(prediction.totals["latency_s"], rel=1e-12)


def test_the_layer_has_its_own_time_and_that_of_its_signs(found, binary):
    times = binary.costs.loc["raspberry-pi-4b"].latency_s
    starting, signs, same = found.steps[found.of_layer - 3 : found.of_layer]
    assert starting.binary_s == pytest.approx(times[LAYER])
    assert signs.binary_s == pytest.approx(times[LAYER] + times[f"{LAYER}.sign"])
    assert (starting.baseline, same.baseline) == ("peak", "same program")
    assert same.binary_s == signs.binary_s


def test_what_a_layer_does_only_adds_up(found):
    """From the instructions on: memory, im2col and signs make it slower, never faster."""
    times = [step.binary_s for step in found.steps[3 : found.of_layer]]
    assert times == sorted(times)
    of_network = found.steps[found.of_layer :]
    for earlier, later in pairwise(of_network):
        assert later.float_s >= earlier.float_s
        assert later.binary_s > earlier.binary_s


def test_steps_are_ratios_and_the_table_says_what_each_changes(found):
    for step in found.steps:
        assert step.speedup == step.float_s / step.binary_s
    frame = found.frame
    assert list(frame.index) == [step.what for step in found.steps]
    assert frame.change.iloc[1:].prod() * frame.speedup.iloc[0] == pytest.approx(
        frame.speedup.iloc[-1]
    )


def test_without_a_layer_it_takes_the_first_with_most_macs():
    found = xs.speedup_steps("resnet18", profile="raspberry-pi-4b")
    assert found.layer == "stage1.0.conv1"


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"profile": ()}, "0 were given"),
        ({"profile": ["raspberry-pi-4b", "pixel-1"]}, "2 were given"),
        ({"layer": "conv1"}, "'conv1' is no binary layer of resnet18"),  # kept in floats
        ({"keep": "*"}, "no layer of resnet18 is binary"),
        ({"predictor": "roofline"}, "predictor 'roofline' has no float kernels"),
        ({"predictor": "formula"}, "give instructions:SET of a program that has"),
    ],
)
def test_what_cannot_be_followed_is_refused(options, fault):
    with pytest.raises(UsageError, match=fault):
        xs.speedup_steps("resnet18", **{"profile": "raspberry-pi-4b", **options})


def test_the_figure_names_each_step_its_speedup_and_the_baselines(found):
    figure = found.figure()
    assert legibility_faults(figure) == []
    (ax,) = figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == list(found.frame.index)
    assert [text.get_text() for text in ax.texts][:2] == ["62.3×", "15.6×"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "over one float MAC a clock (paper)",
        "over every float lane (peak)",
        "over the same program's float kernels",
    ]
    assert ax.get_xlabel().endswith("(×)")


def test_a_bar_goes_from_the_step_before_to_its_own():
    steps = (
        Step("counts", "paper", 60.0, 1.0, 60.0),
        Step("lanes", "peak", 1.0, 1.0, 1.0),
        Step("more", "peak", 8.0, 1.0, 8.0),
    )
    found = SpeedupSteps("$net$", "l", "m", "instructions:own", 2, steps, 3)
    figure = steps_figure(found)
    bars = [
        (bar.get_x(), bar.get_x() + bar.get_width())
        for bar in figure.axes[0].patches
        if isinstance(bar, Rectangle)
    ]
    assert bars == [(1.0, 60.0), (1.0, 60.0), (1.0, 8.0)]
    assert "$net$" in figure.get_suptitle()
    assert "2 threads" in figure.get_suptitle()


def test_a_step_to_below_one_ends_where_it_says():
    """A binary network may be slower than the float one; the axis begins before that."""
    steps = (
        Step("counts", "paper", 60.0, 1.0, 60.0),
        Step("signs", "peak", 0.93, 1.0, 0.93),
        Step("floats", "same program", 5.0, 1.0, 5.0),
    )
    figure = steps_figure(SpeedupSteps("net", "l", "m", "instructions:own", 1, steps, 3))
    (ax,) = figure.axes
    bars = [bar for bar in ax.patches if isinstance(bar, Rectangle)]
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars]
    assert ends == [(1.0, 60.0), (0.93, 60.0), (0.93, 5.0)]
    assert ax.get_xlim()[0] == 0.5
    assert legibility_faults(figure) == []
    second = ax.texts[1]  # beside its bar, and not on it
    assert second.get_text() == "0.930×"
    assert second.get_window_extent().x1 < bars[1].get_window_extent().x0
    assert second.get_window_extent().x0 > ax.bbox.x0


@pytest.mark.parametrize("program", ["larq", "dabnn"])
def test_other_programs_have_the_same_steps(found, program):
    predictor = f"instructions:{program}"
    other = xs.speedup_steps(
        "resnet18", profile="raspberry-pi-4b", layer=LAYER, predictor=predictor
    )
    assert [step.what for step in other.steps] == [step.what for step in found.steps]
    assert other.steps[:3] == found.steps[:3]  # of the machine alone
    assert other.steps[3].binary_s != found.steps[3].binary_s
