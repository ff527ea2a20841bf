"""Seconds by what limits them: they add up, and each limit is the one that could be raised."""

from __future__ import annotations

import pytest

import xnorsim as xs
from xnorsim.cost.bottlenecks import time_by_limit
from xnorsim.machine.fields import with_values

PROFILE = "raspberry-pi-4b"
NETWORK = "finn-lfc-1w1a"  # its weights lie in L2


def limits(predictor: str, values=None, threads: int = 1):
    machine = with_values(xs.load_profile(PROFILE), values or {})
    report = xs.analyze(NETWORK, profile=machine, predictor=predictor, threads=threads)
    prediction = report.predictions[0]
    found = time_by_limit(report.table, machine, prediction)
    assert sum(found.values()) == pytest.approx(prediction.totals["latency_s"], rel=1e-12)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert min(found.values()) > 0
    return found


@pytest.mark.parametrize("predictor", ["roofline", "instructions:own", "instructions:larq"])
@pytest.mark.parametrize("threads", [1, 4])
def test_the_seconds_by_limit_add_up_to_the_latency(predictor, threads):
    assert limits(predictor, threads=threads)


@pytest.mark.parametrize(
    ("values", "most"),
    [
        ({"core.issue_width": "0.1 op/cycle"}, "issue"),  # a front end too narrow for anything
        ({"overhead.layer": "1 s"}, "overhead"),
        ({"memories.L2.bandwidth": "1 MB/s"}, "L2"),  # weights are read once an inference
        ({"instructions.vector_load.busy": "1000 cycle"}, "L"),  # its only port
        ({"instructions.popcount.busy": "1000 cycle"}, "F0+F1"),
        ({"instructions.widening_accumulate.latency": "100000 cycle"}, "chain"),
    ],
)
def test_what_is_made_slow_is_the_limit(values, most):
    assert next(iter(limits("instructions:own", values))) == most


def test_other_predictors_have_the_limits_of_their_layers():
    report = xs.analyze(NETWORK, profile=PROFILE)
    assert set(limits("roofline")) <= set(report.predictions[0].bounds)
