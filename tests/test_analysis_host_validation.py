"""Predictions beside measurements of this machine, with kernels and times that are made up."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.measured.surveyed import HOST, NOT_INSTALLED, Clock, fake, refusing, taken
from xnorsim.analysis import host_validation as subject
from xnorsim.analysis.host_machine import about, choose_profile
from xnorsim.analysis.host_pairing import bottleneck, explained, pairing
from xnorsim.analysis.host_rows import Found, Missing, label, predictions, task_of
from xnorsim.analysis.models import load_profiles
from xnorsim.analysis.validation import Predicted, Task, predict
from xnorsim.cost.explanation import Chain, Limit
from xnorsim.cost.network import NetworkPrediction
from xnorsim.cost.recipes import RECIPE_SETS
from xnorsim.errors import MissingExtraError, UsageError
from xnorsim.kernels.table import KERNELS
from xnorsim.machine.profile import load_profile
from xnorsim.measured import described
from xnorsim.measured.calibration_source import calibration_source
from xnorsim.measured.grid import REFERENCE, layer_macs, layer_name
from xnorsim.measured.measurement import Subject
from xnorsim.measured.records import append
from xnorsim.measured.survey import LeftOut, Survey
from xnorsim.show.host_validation import Bottleneck
from xnorsim.zoo import ZOO

REF = layer_name(REFERENCE)
DENSE = "dense_512_1000"
SECONDS = {
    "own": 0.0002, "popcnt": 0.001, "scalar": 0.12, "scalar-unrolled": 0.04, "numpy": 0.003,
    "onnxruntime": 0.002, "onnxruntime-alone": 0.002,
}  # fmt: skip
CLOCKS = np.linspace(0.8, 1.25, 19)
TABLE = {
    "xnor": fake("xnor", "binary"),
    "popcnt": fake("popcnt", "binary"),
    "bwn": fake("bwn", "bwn"),
    "float-loop": fake("float-loop", "fp"),
    "float-unrolled": fake("float-unrolled", "fp"),
    "numpy": fake("numpy", "fp"),
    "torch": fake("torch", "fp"),
}


@pytest.fixture(autouse=True)
def _kernels(monkeypatch):
    for name, kernel in TABLE.items():
        monkeypatch.setitem(KERNELS, name, kernel)


def made_up(task: Task) -> Predicted:
    """A time for each recipe set, whatever the layer; all its draws have the same clock."""
    value = SECONDS[task.recipes]
    totals = {"latency_s": value, "latency_s_low": value * 0.8, "latency_s_high": value * 1.25}
    (profile,) = load_profiles(task.profile)
    about = profile.name, "made up", task.threads
    draws = {"latency_s": value * CLOCKS}
    return Predicted(NetworkPrediction(*about, {}, (), totals, {}, {}, {}, {}, draws=draws))


def compared(*measurements, **more):
    return subject.comparison(Survey(measurements), None, predictor=made_up, **more)


# --- what stands for what ------------------------------------------------------------------------


def test_every_choice_exists():
    assert {*described.NETWORKS} | {*described.TWINS.values()} <= {*ZOO}
    assert {*described.TWINS.values()} <= {*described.NETWORKS}
    assert {p for programs in described.NETWORKS.values() for p in programs} == {
        *described.NETWORK_RECIPES
    }
    assert not {*described.RECIPES} & {*described.NO_RECIPES}


def test_predictions_are_those_a_user_gets():
    profile = load_profile("zen-3")
    task = task_of(Subject("xnor", REF), "own", profile)
    found = predict(task).prediction
    assert found.predictor == "instructions:own"
    assert found.totals["latency_s"] > 0


# --- rows ----------------------------------------------------------------------------------------


def test_a_row_has_prediction_and_measurement():
    found = compared(taken("xnor", REF, 0.00025, versions={"numba": "0.60"}))
    row = found.rows[0].compared
    assert (row.group, row.name, row.machine) == ("xnor, 1 thread", REF, "zen-3")
    assert (row.software, row.recipes) == ("xnor (numba 0.60), 1 thread", "own")
    assert (row.predicted, row.measured) == pytest.approx((0.0002, 0.00025 * 0.98))
    assert row.least == pytest.approx(0.8 * 0.0002)
    timing = found.rows[0].timing
    assert timing.median_s == pytest.approx(0.00025)
    assert timing.samples == 21
    assert row.measured < timing.p10_s < timing.median_s < timing.p90_s


def test_what_nothing_predicts_is_shown_beside_the_rows():
    found = compared(taken("xnor", REF, 0.001), taken("torch", REF, 0.003))
    assert [row.compared.name for row in found.rows] == [REF]
    lone = {item.group: item for item in found.unpredicted}
    assert lone["torch, 1 thread"].reason == described.NO_RECIPES["torch"]
    ratio = lone["xnor over torch, 1 thread"]
    assert (ratio.unit, ratio.measured) == ("1", pytest.approx(3.0))
    assert ratio.reason == described.NO_RECIPES["torch"]


def test_what_a_profile_cannot_run_is_shown_with_the_reason():
    def predictor(task):
        raise UsageError("profile zen-3 has no such instruction")

    found = subject.comparison(Survey((taken("xnor", REF, 1.0),)), None, predictor=predictor)
    assert found.rows == ()
    assert found.unpredicted[0].reason == "profile zen-3 has no such instruction"


def test_measurements_of_something_else_are_counted():
    other = taken("gemm", "196x256x2304", 1.0), taken("xnor", "9x9_1x1x1_1", 1.0)
    found = compared(taken("xnor", REF, 1.0), *other)
    assert len(found.rows) == 1
    assert found.notes == ("2 measurements of something else in the records, left out",)


def test_nothing_measured():
    left_out = (LeftOut("torch", "", "torch is not installed"),)
    with pytest.raises(UsageError, match="nothing was measured: torch is not installed"):
        subject.comparison(Survey((), left_out), None)


# --- speedups ------------------------------------------------------------------------------------


def test_speedups_are_over_every_baseline_of_the_same_layer():
    found = compared(
        taken("xnor", REF, 0.0002),
        taken("bwn", REF, 0.002),
        taken("numpy", REF, 0.004, versions={"OpenBLAS": "0.3.30"}),
        taken("float-loop", REF, 0.1),
        taken("numpy", DENSE, 0.0001),
    )
    ratios = {(row.group, row.name): row for row in found.speedups}
    numpy = "numpy, 1 thread"
    assert {*ratios} == {
        (f"xnor over {numpy}", REF),
        ("xnor over float-loop, 1 thread", REF),
        (f"bwn over {numpy}", REF),
        ("bwn over float-loop, 1 thread", REF),
    }
    row = ratios[f"xnor over {numpy}", REF]
    assert (row.measured, row.predicted) == pytest.approx((20.0, 15.0))
    assert row.high == pytest.approx(row.low), "the clock, all that varies, cancels"
    assert row.recipes == "numpy / own"
    assert row.software.startswith("numpy (OpenBLAS 0.3.30), 1 thread / xnor")


def test_other_threads_are_no_baseline():
    found = compared(taken("xnor", REF, 0.001, threads=2), taken("numpy", REF, 0.004))
    assert found.speedups == ()
    assert [row.compared.group for row in found.rows] == ["xnor, 2 threads", "numpy, 1 thread"]


def test_a_binary_network_over_the_float_one():
    found = compared(
        taken("native", "bireal-net-18", 0.01),
        taken("native", "resnet18", 0.04),
        taken("onnxruntime", "resnet18", 0.06),
        taken("onnxruntime", "alexnet", 0.06),
    )
    assert {row.group for row in found.speedups} == {
        "native over native, 1 thread",
        "native over onnxruntime, 1 thread",
    }
    assert {row.name for row in found.speedups} == {"bireal-net-18"}
    assert found.rows[0].compared.group == "networks by native, 1 thread"


def test_summaries_are_of_each_kernel_and_of_all():
    found = compared(
        taken("xnor", REF, 0.0002), taken("xnor", DENSE, 0.0004), taken("numpy", REF, 0.003)
    )
    counts = {item.name: item.count for item in found.summaries}
    assert counts == {
        "xnor, 1 thread": 2,
        "numpy, 1 thread": 1,
        "xnor over numpy, 1 thread": 1,
        "all latencies": 3,
        "all, medians": 3,
        "all speedups": 1,
    }
    by_name = {item.name: item for item in found.summaries}
    off = [0.2 / 0.196 - 1, 1 - 0.2 / 0.392]  # the fastest samples are 2% below the medians
    assert by_name["xnor, 1 thread"].mean_error == pytest.approx(sum(off) / 2)
    assert by_name["numpy, 1 thread"].inside == 1
    assert by_name["all latencies"].bias > by_name["all, medians"].bias


# --- the paper's pairing -------------------------------------------------------------------------


def known(*measurements):
    return predictions(measurements, load_profile("zen-3"), made_up)


def test_the_pairing_has_the_loops_and_their_ratios():
    found = known(
        taken("xnor", REF, 0.0002),
        taken("popcnt", REF, 0.002),
        taken("float-loop", REF, 0.1),
        taken("float-unrolled", REF, 0.05),
        taken("numpy", REF, 0.05),
    )

    def explain(task):
        return explained(replace(task, recipes="scalar" if "scalar" in task.recipes else "own"))

    pair = pairing(found, explain)
    assert pair is not None
    assert pair.formula == pytest.approx(62.27, abs=0.005)
    assert [item.kernel for item in pair.kernels] == [*described.PAIRING]
    assert [(row.group.partition(",")[0], round(row.measured)) for row in pair.speedups] == [
        ("popcnt over float-loop", 50),
        ("popcnt over float-unrolled", 25),
        ("xnor over float-loop", 500),
        ("xnor over float-unrolled", 250),
    ]


def test_no_pairing_without_a_pair():
    assert pairing(known(taken("xnor", REF, 0.1), taken("float-loop", DENSE, 0.1))) is None
    assert pairing(known(taken("xnor", REF, 0.1), taken("torch", REF, 0.1))) is None


CHAIN = Chain("scalar_fp32_add", 100.0, 3.0)
PORTS = Limit("FP0+FP1", 200.0, 2.0, 100.0)


def stage(name, cycles, seconds, *, chained=0.0, moved=0.0):
    """A stage on a core of 1 Hz, of which `moved` seconds are for what crosses a boundary."""
    core = SimpleNamespace(
        cycles=cycles, chain_cycles=chained, chains=(CHAIN,), limits=(PORTS,), clock_hz=1.0,
        seconds=cycles,
    )  # fmt: skip
    crossing = SimpleNamespace(inner="L2", outer="L3", seconds=moved)
    return SimpleNamespace(name=name, seconds=seconds, core=core, transfers=(crossing,))


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ([stage("product", 300.0, 300.0, chained=300.0)],
         Bottleneck("product", 0.75, "scalar_fp32_add", 300.0, 100, 3.0)),
        ([stage("product", 300.0, 300.0, chained=200.0)],
         Bottleneck("product", 0.75, "FP0+FP1", 300.0, 100)),
        ([stage("product", 200.0, 300.0, moved=300.0)],
         Bottleneck("product", 0.75, "L2-L3", 300.0, 100)),
        ([stage("im2col", 320.0, 320.0), stage("product", 40.0, 40.0)],
         Bottleneck("im2col", 0.8, "FP0+FP1", 320.0, 100)),
    ],
    ids=["a chain", "ports", "bytes", "the longest stage"],
)  # fmt: skip
def test_what_binds_a_loop(stages, expected):
    layer: Any = SimpleNamespace(stages=stages, latency_s=400.0, macs=100)
    assert bottleneck(layer) == expected


@pytest.mark.parametrize(("kernel", "recipes"), [("float-loop", "scalar"), ("xnor", "own")])
def test_a_real_explanation_has_a_bottleneck(kernel, recipes):
    found = bottleneck(explained(task_of(Subject(kernel, REF), recipes, load_profile("zen-3"))))
    assert found.stage == "product"
    assert found.macs == layer_macs(REFERENCE)
    assert 0 < found.share <= 1


# --- the machine ---------------------------------------------------------------------------------


def test_the_nearest_profile_is_named_and_said_to_be_uncalibrated():
    chosen = choose_profile(None, HOST)
    assert chosen.profile.name == "zen-3"
    assert "nearest to zen3, not calibrated" in chosen.note
    assert "xnorsim calibrate -o my-machine.yaml" in chosen.note


def test_no_profile_is_near():
    unknown = replace(HOST, microarchitecture="", model="Example CPU")
    with pytest.raises(UsageError, match=r"\(Example CPU\) is none.*xnorsim calibrate"):
        choose_profile(None, unknown)


def test_a_packaged_profile_is_not_calibrated_and_a_file_is_what_it_is(project):
    assert "not calibrated" in choose_profile("zen-3", HOST).note
    assert choose_profile(project / "hwprofiles" / "zen-3.yaml", HOST).note == "from zen-3.yaml"


def test_a_profile_of_another_processor_is_told(project):
    assert choose_profile("zen-3", HOST).warning == ""
    assert choose_profile("raspberry-pi-4b", HOST).warning == (
        "raspberry-pi-4b is of another processor than this machine's, Example CPU (zen3), to which "
        "zen-3 is nearer"
    )
    here = load_profile("zen-3")
    for host, warned in ((HOST, False), (replace(HOST, model="Another CPU"), True)):
        source = {"calibration": calibration_source(HOST, 60, "2026-03-01")}
        mine = here.model_copy(update={"name": "mine", "sources": source})
        assert ("a calibration of Example CPU" in choose_profile(mine, host).warning) == warned


def test_the_head_says_what_was_measured_and_what_disturbed_it():
    calm, loud = taken("xnor", REF, 1.0), taken("numpy", REF, 1.0, disturbed=("noise",))
    found = about([calm, loud, loud], choose_profile(None, HOST))
    assert found["machine"] == "Example CPU, zen3, 2 of its CPUs, virtual, Linux 6.1"
    assert found["measured"] == (
        "2026-03-01 12:00 UTC, 3 measurements, pinned to a CPU, caches warm"
    )
    assert found["disturbed"] == "2 of 3, the most uncertain of them measured again"
    assert found["libraries"] == "Python 3.11.9, xnorsim 0.1.0, numpy 2.2.0"
    assert about([calm], choose_profile(None, HOST))["disturbed"] == "none of them"


def test_a_label_names_versions_and_threads():
    assert label(Subject("numpy", REF, 2, {"OpenBLAS": "0.3.30"})) == (
        "numpy (OpenBLAS 0.3.30), 2 threads"
    )
    assert label(Subject("float-loop", REF)) == "float-loop, 1 thread"


# --- all of it -----------------------------------------------------------------------------------


@pytest.fixture
def timed(monkeypatch):
    """The function's own survey, with a clock that times nothing, and made-up predictions."""
    clock = Clock()
    monkeypatch.setattr("xnorsim.measured.survey.measure", clock)
    monkeypatch.setattr(subject, "survey", _with(clock, subject.survey))
    monkeypatch.setattr(subject, "predict", made_up)
    monkeypatch.setattr(subject, "require_native", lambda purpose: HOST)
    return clock


def _with(clock, survey):
    return lambda *given, **options: survey(*given, **options, measure=clock)


def test_a_quick_grid_of_chosen_kernels(timed, tmp_path):
    told: list[tuple[int, int]] = []
    found = subject.validate_host(
        size="quick", kernels=["xnor", "numpy"], progress=lambda *at: told.append(at)
    )
    assert {kernel for kernel, _ in timed.asked} == {"xnor", "numpy"}
    assert len(found.rows) == 7 + 8, "a depthwise layer is for floats alone"
    assert len(found.speedups) == 7
    assert told[0] == (0, 15)


def test_records_are_shown_again_without_measuring(timed, tmp_path):
    path = tmp_path / "records.jsonl"
    first = subject.validate_host(size="quick", kernels=["xnor", "numpy"], records=path)
    asked = len(timed.asked)
    again = subject.validate_host(from_records=path)
    assert len(timed.asked) == asked
    assert again.to_dict() == first.to_dict()
    fewer = subject.validate_host(from_records=path, kernels=["numpy"])
    assert {row.compared.group for row in fewer.rows} == {"numpy, 1 thread"}


def test_records_are_shown_without_the_extra(tmp_path, monkeypatch):
    path = tmp_path / "records.jsonl"
    append(path, taken("xnor", REF, 0.001))
    monkeypatch.setattr("xnorsim.analysis.host_machine.find_spec", lambda name: None)
    monkeypatch.setattr(subject, "predict", made_up)
    assert len(subject.validate_host(from_records=path).rows) == 1
    with pytest.raises(MissingExtraError, match=r"validate --host needs .*xnorsim\[native\]"):
        subject.validate_host()


def test_an_interrupt_shows_what_there_is(timed):
    timed.interrupt_after = 3
    found = subject.validate_host(size="quick", kernels=["xnor", "numpy"])
    assert len(found.rows) == 3
    assert "stopped before all was measured" in found.notes[0]


def test_a_library_that_is_absent_is_said(timed, monkeypatch):
    monkeypatch.setitem(KERNELS, "torch", refusing("torch", NOT_INSTALLED))
    found = subject.validate_host(size="quick", kernels=["xnor", "torch"])
    assert [(item.kernel, item.problem) for item in found.left_out] == [("torch", "")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "fast"}, "size 'fast'.*quick"),
        ({"kernels": ["xnoor"]}, "no kernel 'xnoor'.*did you mean"),
        ({"networks": ["vgg19"]}, "network 'vgg19' is not measured.*resnet18"),
        ({"threads": 0}, "threads must be"),
    ],
)
def test_bad_options(options, message, timed):
    with pytest.raises(UsageError, match=message):
        subject.validate_host(**options)
    assert timed.asked == []


def test_recipe_sets_exist():
    assert {*described.RECIPES.values(), *described.NETWORK_RECIPES.values()} <= {*RECIPE_SETS}


def test_missing_is_told_apart():
    found = known(taken("xnor", REF, 0.1), taken("torch", REF, 0.1))
    assert [type(item) for item in found] == [Found, Missing]
