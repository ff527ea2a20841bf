"""The search over a machine's numbers: what it finds is a design, and no better one is near."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from tests.explore.spaces import tiny
from xnorsim.cost.inputs import design
from xnorsim.cost.points import Layers, predict_points, total
from xnorsim.errors import SpecError, UsageError
from xnorsim.explore.search import search
from xnorsim.machine.fields import with_values
from xnorsim.machine.profile import load_profile
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.work.table import layer_table

PROFILE = "zen-4"
QUESTION: dict[str, Any] = {"predictor": "instructions:own", "binarize": "xnor"}


def predicted(profile, threads=1):
    table = layer_table(apply(tiny(), Policy(Binarize.XNOR)))
    layers = Layers(table.columns, table.kinds)
    figures = predict_points(layers, design(profile), "instructions:own", threads)
    return float(total(figures.latency_s)), float(total(figures.energy_j))


def test_a_design_is_the_prediction_of_its_machine():
    fields = {"clock": "1 GHz .. 4 GHz", "memories.L1.bandwidth": "16 byte/cycle .. 64 byte/cycle"}
    found = search(tiny(), fields, PROFILE, generations=3, population=8, **QUESTION)
    for item in found.best:
        machine = with_values(load_profile(PROFILE), item.values)
        assert item.figures == {"latency_s": predicted(machine)[0]}
        assert item.objective == item.figures["latency_s"]
    assert found.profile == with_values(load_profile(PROFILE), found.best[0].values)
    assert [step.best.objective for step in found.trace] == sorted(
        (step.best.objective for step in found.trace), reverse=True
    )
    assert found.designs == found.trace[-1].designs == 8 * (1 + len(found.trace))


def test_of_lists_the_best_is_found():
    clocks, volts = ["1 GHz", "2 GHz", "3 GHz"], ["0.8 V", "0.9 V", "1 V"]
    found = search(
        tiny(),
        {"clock": clocks, "energy.voltage": volts, "threads": "1 .. 3"},
        PROFILE,
        objective={"latency_s": 1, "energy_j": 2},
        **QUESTION,
    )
    base, tried = load_profile(PROFILE), {}
    for clock, volt, threads in product(clocks, volts, range(1, 4)):
        machine = with_values(base, {"clock": clock, "energy.voltage": volt})
        latency, energy = predicted(machine, threads)
        tried[clock, volt, str(threads)] = latency * energy**2
    best = min(tried, key=lambda key: tried[key])
    assert tuple(found.best[0].values.values()) == best
    assert found.best[0].objective == pytest.approx(tried[best], rel=1e-12)
    assert found.objective == "latency_s * energy_j^2"


def test_the_same_seed_finds_the_same():
    fields = {"clock": "1 GHz .. 4 GHz log", "threads": "1 .. 4"}
    first, again, other = (
        search(tiny(), fields, PROFILE, objective={"latency_s": 1, "clock": 0.9}, seed=seed,
               generations=5, **QUESTION)
        for seed in (1, 1, 2)
    )  # fmt: skip
    assert first.best == again.best
    assert first.trace == again.trace
    assert first.trace != other.trace


def test_conditions_hold():
    found = search(
        tiny(),
        {"clock": "1 GHz .. 5 GHz", "threads": "1 .. 8"},
        PROFILE,
        where=["clock * threads <= 10 GHz"],
        generations=30,
        **QUESTION,
    )
    for item in found.best:
        assert float(item.values["clock"].removesuffix(" GHz")) * int(item.values["threads"]) <= 10


@pytest.mark.parametrize(
    ("fields", "more", "message"),
    [
        ({"simd.bits": [128, 256]}, {}, "simd.bits: a search goes over numbers"),
        ({"energy.node": ["7 nm", "10 nm"]}, {}, "name of a technology"),
        ({"clock": "4 GHz .. 1 GHz"}, {}, "goes up from a number above 0"),
        ({"clock": "1 GHz .. 4 GHz"}, {"objective": "area"}, "no metric or field 'area'"),
        ({"clock": "1 GHz .. 4 GHz"}, {"objective": {"clock": 1}}, "has no metric"),
        ({"clock": "1 GHz .. 4 GHz"}, {"objective": {"latency_s": 0}}, "power of latency_s"),
    ],
)
def test_what_is_no_search(fields, more, message):
    with pytest.raises(UsageError, match=message):
        search(tiny(), fields, PROFILE, **more, **QUESTION)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seed": -1}, "seed is a whole number of at least 0, not -1"),
        ({"generations": 0}, "generations is a whole number of at least 1, not 0"),
        ({"population": 4}, "population is a whole number of at least 5, not 4"),
    ],
)
def test_counts_are_looked_at_first(given, message):
    with pytest.raises(UsageError, match=message):
        search(tiny(), {"clock": "1 GHz .. 4 GHz"}, PROFILE, **given)


def test_faults_of_the_question_are_those_of_a_sweep():
    with pytest.raises(SpecError) as told:
        search(tiny(), {"clok": "1 GHz .. 4 GHz"}, PROFILE, where=["clock < 3 s"])
    assert "did you mean clock" in str(told.value)
    assert "where[0]" in str(told.value)
    with pytest.raises(SpecError, match="threads"):
        search(tiny(), {"threads": "1 .. 1000"}, PROFILE)


def test_where_no_design_is_left():
    with pytest.raises(UsageError, match=r"none of .* designs holds: clock"):
        search(
            tiny(),
            {"clock": "1 GHz .. 4 GHz"},
            PROFILE,
            where=["clock >= 4 GHz or clock <= 1 GHz", "clock != 1 GHz", "clock > 3.9999999 GHz"],
            generations=2,
        )
