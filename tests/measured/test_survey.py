"""Measuring many things: order, records, going on, what is left out, an interrupt."""

from __future__ import annotations

import errno
from dataclasses import replace

import pytest

from tests.measured.surveyed import HOST, NOT_INSTALLED, TOO_ODD, Clock, fake, refusing, taken
from xnorsim.analysis.host_rows import undisturbed
from xnorsim.errors import MissingExtraError, UsageError
from xnorsim.kernels.table import KERNELS
from xnorsim.measured import records
from xnorsim.measured.described import MOST_MACS, NETWORKS, ONE_THREAD
from xnorsim.measured.grid import REFERENCE, Layer, grid, layer_macs, problem
from xnorsim.measured.measurement import times
from xnorsim.measured.programs import network_tasks
from xnorsim.measured.records import append, read
from xnorsim.measured.survey import Budget, best, layer_tasks, recorded, survey

XNOR, BITS, FLOATS = (
    fake("xnor", "binary"),
    fake("xnor-bits", "binary", "bits"),
    fake("numpy", "fp"),
)
DEPTHWISE = Layer(8, 8, 3, 7, groups=8)
SMALL = (Layer(70, 8, 3, 7, 2), Layer(9, 8, 1, 1))
BUDGET = Budget(0.1, 1)


def test_kernels_of_a_layer_follow_each_other():
    clock = Clock()
    found = survey(layer_tasks(SMALL, (XNOR, BITS, FLOATS)), HOST, BUDGET, measure=clock)
    order = [
        (k, p) for p in ("3x3/2_7x7x70_8", "dense_9_8") for k in ("xnor", "xnor-bits", "numpy")
    ]
    assert clock.asked == order
    assert [(m.subject.kernel, m.subject.problem) for m in found.measurements] == order
    assert not found.stopped


def test_depthwise_layers_are_for_floats():
    tasks = layer_tasks([DEPTHWISE], (XNOR, fake("bwn", "bwn"), FLOATS))
    assert [task.subject.kernel for task in tasks] == ["numpy"]


def test_large_layers_are_not_for_slow_kernels():
    slow = fake("float-loop", "fp")
    layers = [layer for layer in grid("default") if layer.groups == 1]
    measured = {task.subject.problem for task in layer_tasks(layers, [slow])}
    largest = max(layer_macs(layer) for layer in layers)
    assert 0 < len(measured) < len(layers)
    assert layer_macs(REFERENCE) < MOST_MACS["float-loop"] < largest


def test_it_goes_on_where_it_stopped(tmp_path):
    path = tmp_path / "records.jsonl"
    tasks = layer_tasks(SMALL, (XNOR, FLOATS))
    clock = Clock()
    clock.interrupt_after = 3
    found = survey(tasks, HOST, BUDGET, records=path, measure=clock)
    assert found.stopped
    assert len(found.measurements) == len(read(path).measurements) == 3
    again = Clock(seconds=1.0)
    whole = survey(tasks, HOST, BUDGET, records=path, measure=again)
    assert again.asked == [("numpy", "dense_9_8")], "the rest is there"
    assert whole.measurements[:3] == found.measurements
    assert [m.times.median for m in whole.measurements][3] == pytest.approx(1.0)
    third = Clock()
    assert survey(tasks, HOST, BUDGET, records=path, measure=third).measurements
    assert third.asked == []


def test_another_machine_is_measured_anew(tmp_path):
    path = tmp_path / "records.jsonl"
    tasks = layer_tasks(SMALL, (XNOR,))
    survey(tasks, HOST, BUDGET, records=path, measure=Clock())
    clock = Clock()
    survey(tasks, replace(HOST, cpus=(1,), cores=1), BUDGET, records=path, measure=clock)
    assert clock.asked == [], "the same machine, another CPU lent"
    other = replace(HOST, versions={"numpy": "2.3.0"})
    survey(tasks, other, BUDGET, records=path, measure=clock)
    assert len(clock.asked) == 2, "other libraries"


def test_more_threads_are_another_row(tmp_path):
    path = tmp_path / "records.jsonl"
    survey(layer_tasks(SMALL, (XNOR,), 1), HOST, BUDGET, records=path, measure=Clock())
    clock = Clock()
    two = survey(layer_tasks(SMALL, (XNOR,), 2), HOST, Budget(0.1), records=path, measure=clock)
    assert len(clock.asked) == 2
    assert {m.subject.threads for m in two.measurements} == {2}


def test_what_uses_one_thread_is_not_measured_for_several(tmp_path):
    path = tmp_path / "records.jsonl"
    loop = fake("float-loop", "fp", most=1)
    for threads, count in ((2, 4), (2, 4), (1, 6)):
        clock = Clock()
        tasks = layer_tasks(SMALL, (XNOR, loop), threads)
        found = survey(tasks, HOST, Budget(0.1), records=path, measure=clock)
        assert len(read(path).measurements) == count
        assert len(found.measurements) == 4
        assert {(m.subject.kernel, m.subject.threads) for m in found.measurements} == {
            ("xnor", threads), ("float-loop", 1)
        }  # fmt: skip


@pytest.mark.parametrize("name", KERNELS)
def test_how_many_threads_each_kernel_uses(name):
    kernel = KERNELS[name]
    try:
        ready = kernel.ready(problem(SMALL[1], kernel.kind), 2)
    except MissingExtraError as fault:
        pytest.skip(str(fault))
    assert ready.threads == (1 if name in ONE_THREAD else 2)


def test_what_cannot_run_is_left_out_and_said():
    odd, absent = refusing("odd", TOO_ODD), refusing("torch", NOT_INSTALLED)
    found = survey(layer_tasks(SMALL, (odd, absent, XNOR)), HOST, BUDGET, measure=Clock())
    assert len(found.measurements) == 2
    told = [(item.kernel, item.problem) for item in found.left_out]
    assert told == [("odd", "3x3/2_7x7x70_8"), ("torch", ""), ("odd", "dense_9_8")]
    assert found.left_out[0].reason == str(TOO_ODD)
    assert "pip install 'xnorsim[torch]'" in found.left_out[1].reason


def test_a_fault_of_the_measurement_is_not_left_out():
    def measure(run, subject, **given):
        raise UsageError("core 7 may not be used")

    with pytest.raises(UsageError, match="core 7"):
        survey(layer_tasks(SMALL, (XNOR,)), HOST, BUDGET, measure=measure)


def test_a_quarter_of_what_was_disturbed_is_measured_again(tmp_path):
    path = tmp_path / "records.jsonl"
    noise = ("the samples spread",)
    tasks = layer_tasks(SMALL, (XNOR, fake("popcnt", "binary"), FLOATS))
    clock = Clock(disturbed=((), noise, noise, noise, (), (), noise))
    found = survey(tasks, HOST, BUDGET, records=path, measure=clock)
    assert len(clock.asked) == len(read(path).measurements) == 6 + 2, "every sample is kept"
    assert {*clock.asked[6:]} <= {*clock.asked[1:4]}
    assert [bool(m.disturbed) for m in found.measurements].count(True) == 2


def test_what_had_no_calm_moment_is_measured_again_first():
    """A neighbour that stays makes all samples slow, and none uncertain."""
    tasks = layer_tasks(SMALL, (XNOR, fake("popcnt", "binary"), FLOATS))
    clock = Clock(disturbed=(("somebody else ran on the core",),) * 6)

    def measure(run, subject, **given):
        found = clock(run, subject, **given)
        steady = replace(found, samples=(found.times.median,) * 21, calm=())
        return replace(steady, times=times(steady.samples)) if len(clock.asked) == 5 else found

    survey(tasks, HOST, BUDGET, measure=measure)
    assert clock.asked[6] == clock.asked[4]


def test_a_record_that_cannot_be_written_ends_it_and_loses_nothing(tmp_path, monkeypatch):
    path, clock = tmp_path / "records.jsonl", Clock()
    tasks = layer_tasks(SMALL, (XNOR, FLOATS))

    def full(path, line, write=records._write):
        if len(clock.asked) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, line)

    monkeypatch.setattr(records, "_write", full)
    found = survey(tasks, HOST, BUDGET, records=path, measure=clock)
    assert (len(found.measurements), found.stopped) == (3, True)
    assert found.fault.startswith(f"cannot append to {path}: No space left on device")
    assert len(read(path).measurements) == 2
    monkeypatch.undo()
    whole = survey(tasks, HOST, BUDGET, records=path, measure=(again := Clock()))
    assert (len(again.asked), whole.stopped, whole.fault) == (2, False, "")


def test_an_interrupt_of_the_second_pass_loses_nothing():
    clock = Clock(disturbed=(("noise",),) * 4)
    clock.interrupt_after = 4
    found = survey(layer_tasks(SMALL, (XNOR, FLOATS)), HOST, BUDGET, measure=clock)
    assert (len(found.measurements), found.stopped) == (4, True)


def test_the_undisturbed_counts_first_and_then_the_fastest():
    loud = taken("xnor", "dense_9_8", 1.0, disturbed=("steal",), spread=0.2)
    slow = taken("xnor", "dense_9_8", 2.0, disturbed=("steal",), spread=0.1)
    calm = taken("xnor", "dense_9_8", 3.0, spread=0.3)
    assert best([loud, slow]) is loud
    assert best([slow, loud]) is loud
    assert best([slow, calm, loud]) is calm


@pytest.mark.parametrize("disturbed", [(), ("steal",)])
def test_the_fastest_sample_counts_as_in_every_figure(disturbed):
    quick = taken("xnor", "dense_9_8", 1.1, disturbed=disturbed, spread=0.3)
    even = taken("xnor", "dense_9_8", 1.0, disturbed=disturbed, spread=0.1)
    assert even.times.median < quick.times.median
    for order in ([quick, even], [even, quick]):
        assert undisturbed(best(order)) == min(map(undisturbed, order))
        assert best(order) is quick


def test_records_again(tmp_path):
    path = tmp_path / "records.jsonl"
    old = replace(HOST, model="Another CPU")
    for item in (
        taken("xnor", "dense_9_8", 9.0, host=old),
        taken("xnor", "dense_9_8", 1.0),
        taken("xnor", "dense_9_8", 2.0),
    ):
        append(path, item)
    found = recorded(path)
    assert [m.times.median for m in found.measurements] == pytest.approx([1.0])
    assert [item.reason for item in found.left_out] == [
        "1 measurement of another machine, or with other libraries"
    ]


def test_no_records_of_this_machine(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_bytes(b"")
    with pytest.raises(UsageError, match="holds no measurement"):
        recorded(path)


def test_progress():
    told: list[tuple[int, int]] = []
    tasks = layer_tasks(SMALL, (XNOR,))
    survey(tasks, HOST, BUDGET, measure=Clock(), progress=lambda *at: told.append(at))
    assert told == [(0, 2), (1, 2)]


def test_every_network_has_its_programs():
    tasks = network_tasks(NETWORKS, 2)
    assert [(t.subject.problem, t.subject.kernel) for t in tasks] == [
        (name, program) for name, programs in NETWORKS.items() for program in programs
    ]
    assert {task.subject.threads for task in tasks} == {2}
