"""Whole networks: ranges, totals, and speedups that share their draws."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cost.columns import product_columns
from xnorsim.cost import formula, roofline
from xnorsim.cost.inputs import design, drawn, inputs
from xnorsim.cost.network import (
    BASELINES,
    PREDICTORS,
    NetworkPrediction,
    Twin,
    amdahl_limit,
    joint_speedup,
    predict_network,
    prepared_network,
)
from xnorsim.errors import UsageError
from xnorsim.machine.fields import with_values
from xnorsim.machine.profile import load_profile, profile_names
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.work.dimensions import Dimensions
from xnorsim.work.table import LayerTable, layer_table
from xnorsim.zoo import build

PI, PAPER = load_profile("raspberry-pi-4b"), load_profile("paper-64ops")
FIGURES = ("latency_s", "energy_j")


def tables(name: str) -> tuple[LayerTable, Twin]:
    """A network with binary layers, and its float twin."""
    graph = build(name)
    binary = layer_table(apply(graph, Policy(Binarize.XNOR)))
    plain = layer_table(apply(graph, Policy(Binarize.NONE)))
    of_binary = dict(zip(binary.names, binary.columns["binary_macs"].tolist(), strict=True))
    is_binary = np.array([of_binary[n] > 0 for n in plain.names])
    return binary, Twin(plain.columns, is_binary, plain.kinds)


NETWORKS = {name: tables(name) for name in ("resnet18", "alexnet")}


def predicted(network: str, profile=PI, predictor="roofline", threads=1) -> NetworkPrediction:
    table, twin = NETWORKS[network]
    return predict_network(table.columns, twin, profile, threads, predictor, table.kinds)


CASES = [
    (name, predictor)
    for name in profile_names()
    for predictor in PREDICTORS
    if predictor != "instructions" or load_profile(name).instructions is not None
]


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_prepared_once_a_network_is_predicted_as_by_itself(predictor):
    """At another clock and other threads than those it was prepared at; the ranges apart."""
    table, twin = NETWORKS["resnet18"]
    at = prepared_network(table.columns, twin, design(PI), predictor, table.kinds)
    for profile, threads in ((PI, 1), (with_values(PI, {"clock": "2 GHz"}), 3)):
        found, expected = (
            at(design(profile), threads),
            predicted("resnet18", profile, predictor, threads),
        )
        for name in FIGURES:
            np.testing.assert_array_equal(getattr(found, name), expected.columns[name])
            np.testing.assert_equal(found.totals[name], expected.totals[name])
        assert found.bounds == expected.bounds
        np.testing.assert_equal(found.speedup, dict(expected.speedup))
    with pytest.raises(UsageError, match="threads 5"):
        at(design(PI), 5)


def test_over_the_same_program_what_did_not_change_gains_nothing():
    """A float network is its own twin; a binary one gains the ratio of two predictions."""
    plain, twin = layer_table(build("resnet18")), NETWORKS["resnet18"][1]
    floats = predict_network(
        plain.columns, twin, PI, predictor="instructions:larq", kinds=plain.kinds
    )
    assert floats.speedup["same program"] == 1
    assert floats.speedup_low["same program"] == floats.speedup_high["same program"] == 1
    found = predicted("resnet18", predictor="instructions:larq")
    expected = joint_speedup(found, floats)
    ends = (found.speedup, found.speedup_low, found.speedup_high)
    assert tuple(end["same program"] for end in ends) == pytest.approx(expected)
    assert found.amdahl["same program"] > found.speedup["same program"]


def test_there_is_no_same_program_without_its_kernels():
    assert {*predicted("resnet18").speedup} == {*BASELINES}, "a roofline has no program"
    table, twin = NETWORKS["resnet18"]
    unknown = Twin(twin.columns, twin.is_binary)
    found = predict_network(
        table.columns, unknown, PI, predictor="instructions:own", kinds=table.kinds
    )
    assert {*found.speedup} == {*BASELINES}, "kinds of the twin's layers are not known"


@pytest.mark.parametrize(("name", "predictor"), CASES)
@pytest.mark.parametrize("network", NETWORKS)
def test_ranges_contain_their_values(name, predictor, network):
    found = predicted(network, load_profile(name), predictor)
    for figure in FIGURES:
        for each in (found.columns, found.totals):
            value, low, high = (np.asarray(each[f"{figure}{end}"]) for end in ("", "_low", "_high"))
            if np.isnan(value).all():
                assert np.isnan([low, high]).all()
                continue
            assert (low <= value).all()
            assert (value <= high).all()
            assert (low >= 0).all()
        if np.isnan(found.totals[figure]):
            continue
        assert found.columns[figure].sum() == pytest.approx(found.totals[figure], rel=1e-12)
        draws, ends = found.draws[figure], [found.totals[f"{figure}{e}"] for e in ("_low", "_high")]
        inside = (draws >= ends[0]) & (draws <= ends[1])
        assert inside.mean() >= 0.9 - 2 / len(draws), "nine draws in ten"
    for name in BASELINES:
        value = found.speedup[name]
        if not np.isnan(value):
            assert found.speedup_low[name] <= value <= found.speedup_high[name]


@pytest.mark.parametrize("predictor", ["roofline", "instructions"])
def test_a_total_is_surer_than_its_layers_together(predictor):
    found = predicted("resnet18", predictor=predictor)
    whole = found.totals["latency_s_high"] - found.totals["latency_s_low"]
    layered = (found.columns["latency_s_high"] - found.columns["latency_s_low"]).sum()
    assert 0 < whole <= 1.01 * layered, "quantiles of a sum are not quite a sum of quantiles"


def test_what_depends_on_no_range_has_none():
    """The paper's machine knows its clock and its rates of binary and float operations."""
    found = predicted("resnet18", PAPER)
    assert found.totals["latency_s_low"] == found.totals["latency_s"]
    assert found.totals["latency_s"] == found.totals["latency_s_high"]


def test_the_formula_by_hand():
    """A layer of 256 channels x 9 taps: 196 x 64 results of 2304 / 64 + 1 = 37 clocks each.

    Its range is that of the clock alone, here a tenth more or less: nine tenths of the draws.
    """
    clock = PI.clock.model_copy(update={"low": "1.35 GHz", "high": "1.65 GHz"})
    profile = PI.model_copy(update={"clock": clock})
    columns = product_columns("binary", Dimensions(196, 64, 256, 9))
    floats = product_columns("fp", Dimensions(196, 64, 256, 9))
    twin = Twin(floats, np.array([True]))
    found = predict_network(columns, twin, profile, predictor="formula")
    clocks = 196 * 64 * 37
    assert formula.clocks(columns) == [clocks]
    assert found.totals["latency_s"] == clocks / 1.5e9
    low, high = np.quantile(clocks / drawn(inputs(profile))["clock"], [0.05, 0.95])
    assert clocks / 1.65e9 < low < clocks / 1.5e9 < high < clocks / 1.35e9
    assert found.totals["latency_s_low"] == pytest.approx(low)
    assert found.totals["latency_s_high"] == pytest.approx(high)
    assert np.isnan(found.totals["energy_j"])
    assert found.speedup["paper"] == pytest.approx(2304 / 37)
    assert np.isnan(found.speedup["scalar"])
    assert found.bounds == ("operations",)
    assert found.amdahl["paper"] == np.inf


def test_the_roofline_range_is_that_of_its_draws():
    table, _ = NETWORKS["resnet18"]
    found = predicted("resnet18")
    samples = roofline.predict(table.columns, design(PI, drawn(inputs(PI))).machine)
    low, high = np.quantile(samples.latency_s, [0.05, 0.95], axis=0)
    value = roofline.predict(table.columns, design(PI).machine).latency_s
    np.testing.assert_array_equal(found.columns["latency_s"], value)
    for end, expected in (("low", np.minimum(low, value)), ("high", np.maximum(high, value))):
        np.testing.assert_allclose(found.columns[f"latency_s_{end}"], expected, rtol=1e-12)


def test_predictions_do_not_depend_on_each_other():
    """The same bits again after another network, another program and another machine."""
    first = predicted("resnet18", predictor="instructions:larq")
    predicted("alexnet", predictor="instructions:own")
    predicted("alexnet", load_profile("haswell"))
    again = predicted("resnet18", predictor="instructions:larq")
    for figure in FIGURES:
        np.testing.assert_array_equal(first.draws[figure], again.draws[figure])
    for name, column in first.columns.items():
        np.testing.assert_array_equal(column, again.columns[name])
    assert first.totals == again.totals
    assert (first.speedup_low, first.speedup_high) == (again.speedup_low, again.speedup_high)


def test_both_sides_of_a_speedup_are_drawn_together():
    """A float network over itself is 1 at every draw, however unsure the machine is."""
    table, twin = NETWORKS["resnet18"]
    found = predict_network(twin.columns, twin, PI, kinds=table.kinds)
    assert found.totals["latency_s_low"] < found.totals["latency_s_high"]
    ends = (found.speedup_low["peak"], found.speedup["peak"], found.speedup_high["peak"])
    assert ends == (1, 1, 1)


def test_threads_serve_both_sides_of_a_speedup():
    one, two = (predicted("resnet18", predictor="formula", threads=n) for n in (1, 2))
    assert two.totals["latency_s"] == pytest.approx(one.totals["latency_s"] / 2)
    _, twin = NETWORKS["resnet18"]
    found = predicted("resnet18", threads=2)
    scalar = sum(roofline.scalar_figures(twin.columns, design(PI).machine, 2).latency_s)
    assert found.speedup["scalar"] == pytest.approx(scalar / found.totals["latency_s"])


def test_where_the_energy_goes_adds_up():
    found = predicted("resnet18", predictor="instructions")
    assert tuple(found.energy_shares) == (
        "instruction overhead",
        "datapath",
        "L1",
        "L2",
        "DRAM",
        "static",
    )
    assert sum(found.energy_shares.values()) == pytest.approx(found.totals["energy_j"], rel=1e-12)
    assert predicted("resnet18").energy_shares == {}


class TestJointSpeedup:
    def test_over_itself(self):
        found = predicted("resnet18", predictor="instructions")
        assert joint_speedup(found, found) == (1, 1, 1)

    def test_shares_the_draws(self):
        """What both have in common cancels: surer than the quotient of their ends."""
        fast, slow = (
            predicted("resnet18", predictor=f"instructions:{p}") for p in ("own", "dabnn")
        )
        value, low, high = joint_speedup(fast, slow)
        assert value == slow.totals["latency_s"] / fast.totals["latency_s"]
        assert low <= value <= high
        apart = (
            slow.totals["latency_s_low"] / fast.totals["latency_s_high"],
            slow.totals["latency_s_high"] / fast.totals["latency_s_low"],
        )
        assert high / low < apart[1] / apart[0]
        back = joint_speedup(slow, fast)
        assert back == pytest.approx((1 / value, 1 / high, 1 / low), rel=1e-3)

    def test_on_one_machine_only(self):
        other = predicted("resnet18", load_profile("haswell"))
        with pytest.raises(UsageError, match="one machine, not on raspberry-pi-4b over haswell"):
            joint_speedup(predicted("resnet18"), other)


@pytest.mark.parametrize(
    ("costs", "is_binary", "limit", "why"),
    [
        ([9, 1], [True, False], 10, "a tenth is left"),
        ([9, 1], [False, False], 1, "nothing becomes faster"),
        ([9, 1], [True, True], np.inf, "nothing is left"),
        ([0, 0], [True, False], np.nan, "nothing costs anything"),
    ],
)
def test_amdahl_by_hand(costs, is_binary, limit, why):
    found = amdahl_limit(np.array(costs, float), np.array(is_binary))
    np.testing.assert_equal(found, limit, err_msg=why)


REFUSED = [
    ({"predictor": "rooflin"}, "no predictor 'rooflin': did you mean roofline"),
    ({"predictor": "roofline:own"}, "no predictor 'roofline:own'"),
    ({"predictor": "instructions:dabn"}, "no recipe set 'dabn': did you mean dabnn"),
    ({"predictor": "instructions:"}, "no recipe set ''"),
    ({"threads": 5}, "threads 5: profile raspberry-pi-4b has 4 cores; valid choices: 1 to 4"),
    ({"threads": 0}, "threads 0"),
    ({"predictor": "instructions", "profile": PAPER}, "paper-64ops has no sections 'core' and"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_what_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        predicted("resnet18", **options)


def test_the_program_is_named():
    assert predicted("resnet18", predictor="instructions").predictor == "instructions:own"
    assert predicted("resnet18").predictor == "roofline"
