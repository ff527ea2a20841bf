"""What starts layers: the program's call once a run, and overhead.layer for each other layer."""

from __future__ import annotations

import numpy as np
import pytest

from xnorsim.analysis import analyze
from xnorsim.cost.derivation import explain_layer
from xnorsim.cost.inputs import design, inputs
from xnorsim.cost.instructions import overhead_seconds
from xnorsim.cost.recipes import RECIPE_SETS
from xnorsim.errors import UsageError
from xnorsim.machine.lowering import lower
from xnorsim.machine.profile import load_profile
from xnorsim.machine.schema import HardwareProfile, Programs

RUNS = np.array([0, 1, 0, 1, 1])


def _with_calls(name: str = "zen-3", **seconds: float) -> HardwareProfile:
    data = load_profile(name).model_dump(by_alias=True, exclude_none=True)
    given = {"source": data["overhead"]["layer"]["source"], "basis": "measured"}
    data["overhead"]["layer"] |= {"value": "1 us", "low": "1 us", "high": "1 us"}
    data["overhead"]["programs"] = {
        program: {"value": f"{each * 1e6} us", **given} for program, each in seconds.items()
    }
    return HardwareProfile.model_validate(data)


@pytest.mark.parametrize(
    ("program", "first", "why"),
    [
        ("own", 9e-6, "its call, which starts the first layer too"),
        ("numpy", 0.5e-6, "a call may be shorter than the layer of another program"),
        ("larq", 1e-6, "not given: that of a layer"),
        ("onnxruntime-alone", 20e-6, "a set's variant is the same program"),
    ],
)
def test_the_first_layer_that_runs_takes_the_call(program: str, first: float, why: str) -> None:
    machine = lower(_with_calls(own=9e-6, numpy=0.5e-6, onnxruntime=20e-6))
    found = overhead_seconds(RUNS, program, machine)
    np.testing.assert_allclose(found, [0, first, 0, 1e-6, 1e-6], err_msg=why)


def test_calls_that_are_drawn() -> None:
    profile = _with_calls(own=9e-6)
    assert "overhead.programs.own" in {item.path for item in inputs(profile)}
    at = design(profile, {"overhead.programs.own": np.array([[8e-6], [10e-6]])})
    found = overhead_seconds(RUNS, "own", at.machine)
    np.testing.assert_allclose(found[:, 1], [8e-6, 10e-6])
    np.testing.assert_allclose(found[:, [0, 2, 3]], [[0, 0, 1e-6]] * 2)


def test_the_ends_of_a_call() -> None:
    profile = _with_calls(own=10e-6)
    fast, value, slow = (lower(profile, at) for at in ("fast", "value", "slow"))
    ends = [each.call_overhead_s["own"] for each in (fast, value, slow)]
    assert ends == pytest.approx([9.5e-6, 10e-6, 10.5e-6])


def test_every_recipe_set_is_of_a_program() -> None:
    assert {name.partition("-")[0] for name in RECIPE_SETS} == {*Programs.model_fields}


def test_a_prediction_holds_one_call_and_says_so() -> None:
    without, with_call = (
        analyze("resnet18", profile=profile, predictor="instructions:own", binarize="none")
        for profile in (_with_calls(), _with_calls(own=101e-6))
    )
    totals = [each.predictions[0].totals["latency_s"] for each in (without, with_call)]
    assert totals[1] - totals[0] == pytest.approx(100e-6)
    table, prediction = with_call.table, with_call.predictions[0]
    profile = _with_calls(own=101e-6)
    layers = [explain_layer(table, i, profile, prediction) for i in range(len(table))]
    (called,) = [layer for layer in layers if layer.called]
    assert called is next(layer for layer in layers if layer.overhead_s)
    assert (called.called, called.overhead_s) == ("own", pytest.approx(101e-6))
    for layer in layers:
        paths = {item.path for item in layer.inputs}
        assert ("overhead.programs.own" in paths) == (layer is called)
        assert ("overhead.layer" in paths) == (layer is not called)


def test_a_program_that_there_is_not_is_refused() -> None:
    with pytest.raises((UsageError, ValueError), match="programs"):
        _with_calls(caffe=1e-6)
