"""Accuracy against cost: what the table holds, and which networks are on its fronts."""

from __future__ import annotations

import math

import pandas as pd
import pytest

import xnorsim as xs
from xnorsim import zoo
from xnorsim.analysis.frontier import _may_be_on_front
from xnorsim.errors import UsageError

PROFILE = "raspberry-pi-4b"
SOME = ("quicknet", "binary-alexnet", "resnet18", "dorefa-net", "bwn-resnet18", "finn-tfc-1w1a")


@pytest.fixture(scope="module")
def table():
    return xs.frontier(PROFILE, networks=SOME)


def test_a_row_is_what_analyze_predicts_and_what_is_published(table):
    assert list(table.index) == ["resnet18", "quicknet", "bwn-resnet18", "dorefa-net",
                                 "binary-alexnet"]  # fmt: skip
    for name, row in table.iterrows():
        report = xs.analyze(str(name), profile=PROFILE)
        for key, value in report.predictions[0].totals.items():
            assert row[key] == value, (name, key)
        first = zoo.CARDS[str(name)].accuracy[0]
        assert (row["top1"], row["accuracy_source"]) == (first.top1, first.source)
        bits = report.totals["stored_bits_padded"] + report.totals["peak_activation_bits"]
        assert row["memory_bytes"] == bits / 8
        assert row["latency_s_low"] <= row["latency_s"] <= row["latency_s_high"]


def test_the_class_of_a_network_is_that_of_most_of_its_macs(table):
    assert table["precision"].to_dict() == {
        "resnet18": "fp",
        "quicknet": "binary",
        "bwn-resnet18": "bwn",
        "dorefa-net": "other",  # 1 x 2 bits
        "binary-alexnet": "binary",
    }


def test_what_is_left_out_is_named(table):
    assert table.attrs["notes"][-1] == "without a published accuracy on ImageNet: finn-tfc-1w1a"
    assert table.attrs["notes"][0].endswith("by larq_zoo (3), torchvision (1), Rastegari (1)")
    assert (table.attrs["profile"], table.attrs["threads"]) == (PROFILE, 1)


@pytest.mark.parametrize("cost", ["latency_s", "energy_j", "memory_bytes"])
def test_a_front_has_those_that_no_other_beats(table, cost):
    on_front = table[table[f"on_front_{cost}"]]
    for name, row in table.iterrows():
        better = [
            other
            for other, its in table.iterrows()
            if its[cost] <= row[cost] and its["top1"] >= row["top1"] and other != name
        ]
        assert (name in on_front.index) is not bool(better), (name, better)


@pytest.mark.parametrize("cost", ["latency_s", "energy_j"])
def test_a_share_of_the_draws_is_on_the_front(table, cost):
    """Drawn one by one, with the front of each draw told by comparing all pairs."""
    draws = {
        str(name): xs.analyze(str(name), profile=PROFILE).predictions[0].draws[cost]
        for name in table.index
    }
    number = len(draws["quicknet"])
    for name, top1 in table["top1"].items():
        on_front = sum(
            not any(
                draws[str(other)][i] <= draws[str(name)][i] and its >= top1 and other != name
                for other, its in table["top1"].items()
            )
            for i in range(number)
        )
        assert table.loc[name, f"front_share_{cost}"] == pytest.approx(on_front / number), name


def test_of_two_that_are_the_same_one_is_on_the_front():
    twins = xs.frontier(PROFILE, networks=["binary-alexnet", "binary-alexnet-dense"])
    assert twins["on_front_latency_s"].tolist() == [True, False]
    assert twins["front_share_latency_s"].tolist() == [1.0, 0.0]
    assert twins["may_be_on_front_latency_s"].tolist() == [True, True]


def made_up(*rows: tuple[float, float, float]):
    """(top-1, low and high end of a cost) of some networks."""
    return pd.DataFrame(rows, columns=["top1", "c_low", "c_high"])


@pytest.mark.parametrize(
    ("rows", "may_be", "reason"),
    [
        ([(70, 1, 2), (60, 3, 4)], [True, False], "less accurate and dearer for certain"),
        ([(70, 1, 3), (60, 2, 4)], [True, True], "the ranges overlap"),
        ([(70, 1, 2), (60, 2, 4)], [True, True], "they touch"),
        ([(70, 3, 4), (60, 1, 2)], [True, True], "dearer, and more accurate"),
        ([(60, 1, 2), (60, 3, 4)], [True, False], "as accurate for less"),
        ([(60, 1, 2), (60, math.nan, math.nan)], [True, False], "a cost that is not known"),
    ],
)
def test_ranges_that_overlap_leave_a_network_its_chance(rows, may_be, reason):
    assert _may_be_on_front(made_up(*rows), "c").tolist() == may_be, reason


def test_what_is_on_the_front_may_be(table):
    for cost in ("latency_s", "energy_j"):
        assert table.loc[table[f"on_front_{cost}"], f"may_be_on_front_{cost}"].all()


def test_the_program_of_a_prediction_is_told():
    table = xs.frontier(PROFILE, networks=["quicknet"], predictor="instructions:larq", threads=4)
    assert table["predictor"].tolist() == ["instructions:larq"]
    expected = xs.analyze("quicknet", profile=PROFILE, predictor="instructions:larq", threads=4)
    assert table["latency_s"].item() == expected.predictions[0].totals["latency_s"]


def test_a_profile_without_energies_has_no_front_of_them():
    table = xs.frontier("paper-64ops", networks=["quicknet", "resnet18"])
    assert all(math.isnan(value) for value in table["energy_j"])
    assert set(table["on_front_energy_j"]) == set(table["may_be_on_front_energy_j"]) == {False}
    assert all(math.isnan(value) for value in table["front_share_energy_j"])
    assert set(table["on_front_latency_s"]) == {True}
    assert "energy_j: the profile or the predictor does not tell it" in table.attrs["notes"]


def test_networks_that_a_machine_does_not_hold_are_told():
    table = xs.frontier("cortex-m4f", networks=["quicknet-small", "vgg16"])
    assert set(table["fits"]) == {False}
    note = "weights and activations do not fit, predicted as if they fitted: vgg16, quicknet-small"
    assert note in table.attrs["notes"]
    assert set(xs.frontier(PROFILE, networks=["quicknet-small"])["fits"]) == {True}


def test_progress_is_told():
    seen = []
    xs.frontier(PROFILE, networks=["quicknet", "resnet18"], progress=lambda *at: seen.append(at))
    assert seen == [(0, 2), (1, 2)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"networks": ["quicknt", "lenet"]}, r"'quicknt': did you mean quicknet.*; 'lenet': "),
        ({"networks": ["finn-tfc-1w1a"]}, "none of finn-tfc-1w1a has a published accuracy on Imag"),
        ({"networks": []}, "none of no networks has"),
        ({"profile": [PROFILE, "pixel-1"]}, "on one profile, and 2 were given"),
        ({"predictor": "oracle"}, "predictor 'oracle'"),
        ({"threads": 99}, "threads 99: profile raspberry-pi-4b has 4 cores"),
    ],
)
def test_faults(given, message):
    with pytest.raises(UsageError, match=message):
        xs.frontier(**{"profile": PROFILE, "networks": ["quicknet"], **given})


def test_an_unknown_metric_is_refused_before_anything_is_predicted():
    with pytest.raises(UsageError, match="metric 'speed': valid choices: energy, latency, memory"):
        xs.frontier_figure("no-such-profile", metric="speed")
