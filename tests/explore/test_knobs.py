from __future__ import annotations

import pytest

from tests.show.conftest import small_network
from xnorsim.analysis.models import make_policy
from xnorsim.explore.knobs import MIXED, groups, knobs, precision_of
from xnorsim.machine.fields import check, fields, value_of
from xnorsim.machine.profile import load_profile, profile_names
from xnorsim.network.policy import apply, binarizable
from xnorsim.zoo import build


def labelled(name, predictor):
    return {knob.label: knob for knob in knobs(load_profile(name), predictor)}


@pytest.mark.parametrize("name", profile_names())
@pytest.mark.parametrize("predictor", ["roofline", "instructions:own"])
def test_every_step_is_a_value_of_the_profile(name, predictor):
    profile = load_profile(name)
    for knob in knobs(profile, predictor):
        assert len(knob.steps) == len(knob.labels) == len(set(knob.labels)), knob.label
        assert knob.steps[knob.start] == ()
        known = fields(profile)
        for step in filter(None, knob.steps):
            for path, text in zip(knob.paths, step, strict=True):
                own = value_of(profile, path)
                assert own is not None
                number, unit = check(known[path], text)
                assert unit in (own[1], "op/cycle")  # what is derived has no unit of its own
                assert number != own[0]


def test_steps_rise_by_equal_factors():
    clock = labelled("raspberry-pi-4b", "roofline")["clock"]
    assert clock.labels[clock.start] == "1.5 GHz"  # as the profile has it
    assert clock.labels[clock.start + 6] == "3 GHz"  # six steps an octave
    assert (clock.labels[0], clock.labels[-1]) == ("375 MHz", "6 GHz")


@pytest.mark.parametrize("name", profile_names())
def test_values_are_short_enough_to_stand_beside_a_slider(name):
    for knob in knobs(load_profile(name), "roofline"):
        assert max(map(len, knob.labels)) <= 12, knob.labels


def test_only_what_the_machine_has():
    bare = labelled("paper-64ops", "roofline")  # memory without a limit, no caches
    assert set(bare) == {"clock", "SIMD width", "binary vectors"}
    board = labelled("raspberry-pi-4b", "roofline")
    assert {"L1 size", "L2 size", "L1 bandwidth", "L2 bandwidth", "DRAM bandwidth"} < set(board)
    assert "DRAM size" not in board
    # Loads and stores are among the instructions, and so the nearest level's rate is.
    assert "L1 bandwidth" not in labelled("raspberry-pi-4b", "instructions:own")


def test_the_popcount_rate_is_that_of_the_predictor():
    roofline = labelled("raspberry-pi-4b", "roofline")["binary vectors"]
    counted = labelled("raspberry-pi-4b", "instructions:own")["popcounts"]
    assert roofline.paths == ("throughput.binary",)
    assert counted.paths == ("instructions.vector_popcount.per_cycle",)


def test_bandwidths_of_one_core_and_of_all_keep_their_proportion():
    knob = labelled("raspberry-pi-4b", "roofline")["DRAM bandwidth"]
    assert knob.steps[knob.start + 4] == ("8.2 GB/s", "10 GB/s")  # 4.1 and 5 GB/s, twice


def test_widths_are_powers_of_two_that_kernels_have():
    knob = labelled("cortex-m4f", "roofline")["SIMD width"]
    assert knob.labels == ("32 bit", "64 bit", "128 bit", "256 bit")


def test_groups_are_stages_by_size():
    found = groups(build("resnet18"), make_policy("xnor"))
    assert [group.name for group in found] == ["first", "56x56", "28x28", "14x14", "7x7", "last"]
    assert [group.precision for group in found] == ["fp32", *["xnor"] * 4, "fp32"]
    assert [len(group.layers) for group in found] == [1, 4, 5, 5, 5, 1]


def test_a_group_of_several_precisions_says_so():
    found = groups(build("resnet18"), make_policy("bwn", keep=("first", "last", "stage1.0*")))
    assert {group.name: group.precision for group in found}["56x56"] == MIXED


def test_depthwise_layers_join_where_the_policy_has_them():
    graph = build("quicknet-small")
    few = {layer for group in groups(graph, make_policy("xnor")) for layer in group.layers}
    policy = make_policy("xnor", depthwise=True)
    every = {layer for group in groups(graph, policy) for layer in group.layers}
    assert few < every == {node.name for node in binarizable(graph)}


def test_precisions_are_those_that_the_policy_makes():
    graph = small_network()
    policy = make_policy("xnor", keep=("first", "classifier"))
    given = precision_of(graph, policy)
    weights = {n.name: str(n.scheme.weight) for n in apply(graph, policy).nodes if n.scheme}
    assert {name for name, word in given.items() if word == "xnor"} == set(weights)
    assert given["first"] == given["classifier"] == "fp32"
