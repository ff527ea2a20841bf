from __future__ import annotations

import numpy as np
import pytest

from tests.show.conftest import GOLDEN, small_network
from xnorsim.analysis import analyze
from xnorsim.analysis.exploring import changed, moved, playground, reported
from xnorsim.errors import InputError, UsageError
from xnorsim.explore.knobs import State
from xnorsim.machine.fields import with_values
from xnorsim.machine.profile import load_profile

BOARD = "raspberry-pi-4b"
MOVES = {
    "nothing": {},
    "a clock": {"clock": "2.4 GHz"},
    "another width, which takes other kernels": {"simd.bits": "256 bit"},
    "popcounts": {"instructions.vector_popcount.per_cycle": "2 op/cycle"},
    "a cache and a rate": {"memories.L2.size": "4 MiB", "memories.DRAM.bandwidth": "8 GB/s"},
}


@pytest.mark.parametrize("values", MOVES.values(), ids=MOVES.keys())
@pytest.mark.parametrize("predictor", ["roofline", "instructions:own", "formula"])
def test_figures_are_those_of_analyze_on_a_machine_changed_alike(values, predictor):
    options = {"binarize": "xnor", "threads": 2, "predictor": predictor}
    at = playground(small_network(), BOARD, **options)
    found = moved(at, State(values, threads=2))
    machine = with_values(load_profile(BOARD), values)
    expected = analyze(small_network(), profile=machine, **options).predictions[0]
    np.testing.assert_array_equal(found.latency_s, expected.columns["latency_s"])
    assert found.bounds == expected.bounds
    for name, total in found.totals.items():
        np.testing.assert_equal(total, expected.totals[name], err_msg=name)
    np.testing.assert_equal(dict(found.speedup), dict(expected.speedup))


def test_after_other_moves_as_at_first():
    at = playground(small_network(), BOARD, predictor="instructions:own")
    first = moved(at, State())
    for values in MOVES.values():
        moved(at, State(values, {"8x8": "bwn"}))
    np.testing.assert_array_equal(moved(at, State()).latency_s, first.latency_s)


@pytest.mark.parametrize(
    ("precisions", "options"),
    [
        ({"8x8": "xnor"}, {"binarize": "xnor"}),
        ({"8x8": "bwn"}, {"binarize": "bwn"}),
        ({"8x8": "xnor", "last": "xnor"}, {"binarize": "xnor", "keep": "first"}),
        ({"first": "fp32"}, {}),
    ],
)
def test_precisions_are_those_of_a_policy_that_says_the_same(precisions, options):
    at = playground(small_network(), GOLDEN / "tiny.yaml")
    found = moved(at, State({}, precisions))
    expected = analyze(small_network(), profile=GOLDEN / "tiny.yaml", **options)
    np.testing.assert_array_equal(found.latency_s, expected.predictions[0].columns["latency_s"])
    assert found.names == expected.table.names


def test_a_report_is_that_of_analyze():
    values = {"clock": "2 GHz"}
    at = playground(small_network(), BOARD, binarize="xnor")
    machine = with_values(load_profile(BOARD), values)
    expected = analyze(small_network(), binarize="xnor", profile=machine)
    assert reported(at, State(values)).to_dict() == expected.to_dict()
    # Mixed precisions, which no option of analyze gives: the totals of the figures.
    mixed = State(values, {"first": "bwn"})
    report = reported(at, mixed)
    assert report.predictions[0].totals["latency_s"] == moved(at, mixed).totals["latency_s"]
    assert report.assumptions["binarize"] == "xnor"


def test_what_does_not_change_is_made_once():
    at = playground(small_network(), BOARD)
    for clock in ("1 GHz", "2 GHz", "3 GHz"):
        moved(at, State({"clock": clock}))
    assert len(at.tables) == len(at.predictors) == 1
    moved(at, State({"simd.bits": "256 bit"}))
    moved(at, State({}, {"8x8": "xnor"}))
    assert (len(at.tables), len(at.predictors)) == (2, 3)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (State({"clok": "2 GHz"}), "clok: no such field.*did you mean clock"),
        (State({"clock": "2 GB"}), "clock: .*GB"),
        (State({"memories.L2.size": "16 KiB"}), "memories"),
        (State({}, {"5x5": "xnor", "8x8": "int8"}), "(?s)no group of layers '5x5'.*'int8' of 8x8"),
        (State(threads=9), "threads 9: profile raspberry-pi-4b has 4 cores"),
    ],
)
def test_states_that_there_are_not(state, message):
    at = playground(small_network(), BOARD)
    with pytest.raises(UsageError, match=message):
        moved(at, state)


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (BOARD, {"predictor": "rooflin"}, "did you mean roofline"),
        (BOARD, {"threads": 0}, "threads must be a whole number of at least 1"),
        (BOARD, {"binarize": "ternary"}, "binarize 'ternary'"),
        ((), {}, "one machine is explored, and 0 profiles were given"),
        ((BOARD, "pixel-1"), {}, "one machine is explored, and 2"),
        ("paper-64ops", {"predictor": "instructions"}, "no sections 'core' and 'instructions'"),
        ("no-board", {}, "no profile is named 'no-board'"),
    ],
)
def test_what_is_refused_before_anything_is_drawn(given, options, message):
    with pytest.raises(InputError, match=message):
        playground(small_network(), given, **options)


def test_the_machine_of_a_state_says_that_it_is_a_question():
    at = playground(small_network(), BOARD)
    machine, policy = changed(at, State({"clock": "2 GHz"}))
    assert machine.clock.basis == "estimated"
    assert machine.clock.note.startswith("In place of 1.5 GHz")
    assert policy is at.policy
