"""What stands for the rows of the published tables, and how predictions come beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xnorsim.analysis import analyze
from xnorsim.analysis import validation as subject
from xnorsim.analysis.validation import Predicted, Task
from xnorsim.cost.network import NetworkPrediction
from xnorsim.cost.recipes import RECIPE_SETS
from xnorsim.machine.profile import profile_names
from xnorsim.measured import published
from xnorsim.measured.published import LayerTime, NetworkTime
from xnorsim.network.graph import Graph
from xnorsim.network.ops import Conv
from xnorsim.work.table import layer_table, totals
from xnorsim.zoo import ZOO, build

LAYER = LayerTime("3x3", "Pixel 1", "dabnn", 1, 0.002, 3, 1, 8, 8, 64, 32, 64 * 9 * 64 * 32, "made")
CLOCKS = np.linspace(0.8, 1.25, 19)
SECONDS = {"larq": 0.040, "dabnn-packed": 0.001, "tflite-eigen": 0.010, "scalar-blocked": 0.060}


def made_up_time(value: float, profile: str) -> Predicted:
    totals = {"latency_s": value, "latency_s_low": value * 0.8, "latency_s_high": value * 1.25}
    return Predicted(
        NetworkPrediction(
            profile, "made up", 1, {}, (), totals, {}, {}, {}, {},
            draws={"latency_s": value * CLOCKS},
        )
    )  # fmt: skip


def made_up(task: Task) -> Predicted:
    """A time for each recipe set, whatever the model; its draws all have the same clock."""
    return made_up_time(SECONDS[task.recipes], str(task.profile))


# --- what stands for what ------------------------------------------------------------------------


def test_every_row_has_its_place():
    rows = (*published.networks(), *published.layers())
    programs = {row.software for row in rows}
    assert programs == {*subject.SOFTWARE, *subject.NO_RECIPES}
    assert not {*subject.SOFTWARE} & {*subject.NO_RECIPES}
    assert {row.board for row in rows} == {*subject.MACHINES}
    assert {row.network for row in published.networks()} == {*subject.NETWORKS}


def test_every_place_exists():
    assert {item.recipes for item in subject.SOFTWARE.values()} <= {*RECIPE_SETS}
    assert {*subject.MACHINES.values()} <= {*profile_names()}
    assert {*subject.NETWORKS.values()} <= {*ZOO}
    assert {name for pair in subject.SPEEDUPS for name in pair} <= {*subject.SOFTWARE}


@pytest.mark.parametrize("row", published.networks()[:5], ids=lambda row: row.network)
def test_networks_are_those_of_the_table(row: NetworkTime):
    found = totals(layer_table(build(subject.NETWORKS[row.network])))
    assert found["binary_macs"] == row.binary_macs
    # The table counts +-1 weights on floats as floats, and leaves out QuickNet's blur pooling.
    blurs = 790272 if row.network == "QuickNet" else 0
    assert found["fp_macs"] + found["bwn_macs"] - blurs == row.fp_macs


@pytest.mark.parametrize("row", published.layers(), ids=lambda r: f"{r.software}-{r.layer}")
def test_layers_are_those_of_the_table(row: LayerTime):
    program = subject.SOFTWARE.get(row.software)
    if program is None:
        assert row.software in subject.NO_RECIPES
        return
    table = layer_table(program.layer(row))
    column = "binary_macs" if row.software == "dabnn" else "fp_macs"
    assert totals(table)[column] == totals(table)["macs"] == row.macs
    assert table.output_shapes[-1] == (1, row.out_channels, row.height, row.width)


def test_a_packed_layer_reads_bits_that_are_padded_before():
    graph = subject.packed_layer(LAYER)
    assert [type(node.op) for node in graph.nodes] == [Conv]
    table = layer_table(graph)
    assert table.columns["binarize_ops"].tolist() == [0], "signs are taken before"
    assert table.columns["input_bits"].tolist() == [64 * 10 * 10]
    assert table.columns["macs_valid"].tolist() == [LAYER.macs], "all taps read the input"


# --- predictions beside them ---------------------------------------------------------------------


def test_every_row_is_predicted_or_told():
    found = subject.validation(published.networks(), published.layers(), made_up)
    assert [row.unit for row in found.rows] == ["s"] * 22 + ["1"] * 8
    assert {item.group for item in found.unpredicted} == {"bmxnet, Pixel 1"}
    assert len(found.unpredicted) == 4
    assert all("BMXNet" in item.reason for item in found.unpredicted)
    groups = list(dict.fromkeys(row.group for row in found.rows))
    assert [item.name for item in found.summaries] == [*groups, "all latencies"]
    assert found.summaries[-1].count == 22, "a ratio of two latencies is not counted again"


def test_a_row_holds_what_was_predicted_and_measured():
    network = NetworkTime("QuickNet", "RPi 4B", "LCE 2020-10", 1, 0.05, 0.001, 1, 1, "made")
    (row,) = subject.validation([network], [], made_up).rows
    assert (row.group, row.name, row.unit) == ("LCE 2020-10, RPi 4B", "QuickNet", "s")
    assert (row.machine, row.recipes) == ("raspberry-pi-4b", "larq")
    assert (row.predicted, row.low, row.high) == (0.040, 0.040 * 0.8, 0.040 * 1.25)
    assert (row.measured, row.measured_std) == (0.05, 0.001)


def test_a_predictor_is_asked_once_a_row_and_not_about_times():
    asked: list[Task] = []

    def predictor(task: Task) -> Predicted:
        asked.append(task)
        return made_up(task)

    slow = replace(LAYER, software="tflite_fp32", time_s=0.02)
    subject.validation([], [LAYER, slow], predictor)
    assert [task.recipes for task in asked] == ["dabnn-packed", "tflite-eigen"]
    assert {(task.profile, task.threads) for task in asked} == {("pixel-1", 1)}
    assert all(isinstance(task.model, Graph) for task in asked)


def test_speedups_are_ratios_of_the_same_layer():
    slow = replace(LAYER, software="tflite_fp32", time_s=0.02)
    other = replace(slow, layer="5x5", time_s=1.0)
    found = subject.validation([], [LAYER, slow, other], made_up)
    (ratio,) = (row for row in found.rows if row.unit == "1")
    assert (ratio.group, ratio.name) == ("tflite_fp32 / dabnn", "3x3")
    assert ratio.recipes == "tflite-eigen / dabnn-packed"
    assert ratio.predicted == pytest.approx(10.0)  # 10 ms over 1 ms
    assert ratio.measured == pytest.approx(10.0)  # 20 ms over 2 ms
    assert (ratio.low, ratio.high) == pytest.approx((10.0, 10.0)), "the clock that both share"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"software": "other"}, "no recipe set is known for 'other'"),
        ({"software": "bmxnet"}, "no recipe set describes BMXNet's kernels"),
        ({"board": "Abacus"}, "no profile is known for 'Abacus'"),
    ],
)
def test_what_has_no_place_is_told_and_not_predicted(change, reason):
    found = subject.validation([], [LAYER, replace(LAYER, **change)], made_up)
    assert [row.group for row in found.rows] == ["dabnn, Pixel 1"]
    assert [item.reason for item in found.unpredicted] == [reason]


def test_a_network_that_the_zoo_does_not_have_is_told():
    network = NetworkTime("Unheard", "RPi 4B", "LCE 2020-10", 1, 0.05, 0.001, 1, 1, "made")
    (item,) = subject.validation([network], [LAYER], made_up).unpredicted
    assert item.reason == "no network of the zoo is known for 'Unheard'"


def test_a_prediction_is_the_public_analysis():
    graph = subject.packed_layer(LAYER)
    found = subject.predict(Task(graph, "dabnn", "neoverse-n1", 1))
    (expected,) = analyze(graph, profile="neoverse-n1", predictor="instructions:dabnn").predictions
    assert found.prediction.totals == expected.totals
    assert [(part.what, part.share) for part in found.parts] == [("xnor W1A1 conv", 1.0)]


def test_parts_are_all_of_the_time_by_kind_of_layer():
    found = subject.predict(Task("quicknet-small", "larq", "neoverse-n1", 1))
    shares = [part.share for part in found.parts]
    assert shares == sorted(shares, reverse=True)
    np.testing.assert_allclose(sum(shares), 1.0)
    words = {part.what for part in found.parts}
    assert {"xnor W1A1 conv", "fp32 conv", "fp32 depthwise conv", "fp32 dense"} <= words
