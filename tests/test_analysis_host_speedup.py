"""The paper's two figures with what is measured, from times that are made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.measured.surveyed import HOST, Clock, fake, taken
from tests.test_analysis_host_validation import made_up
from xnorsim.analysis import host_speedup as subject
from xnorsim.analysis.host_rows import predictions
from xnorsim.cost.formula import speedup as formula
from xnorsim.errors import UsageError
from xnorsim.kernels.table import KERNELS
from xnorsim.machine.profile import load_profile
from xnorsim.measured.grid import BY_CHANNELS, BY_FILTER, REFERENCE, layer_name
from xnorsim.measured.records import append
from xnorsim.measured.survey import survey

TIMES = {"xnor": 1.0, "float-loop": 400.0, "numpy": 12.0, "onnxruntime": 10.0}


@pytest.fixture(autouse=True)
def _kernels(monkeypatch):
    for name in TIMES:
        kind = "binary" if name == "xnor" else "fp"
        monkeypatch.setitem(KERNELS, name, fake(name, kind))
    monkeypatch.delitem(KERNELS, "torch", raising=False)
    monkeypatch.setattr(subject, "predict", made_up)


def measured(layers, *kernels):
    """Times that grow with the layer, each about 2% above or below."""
    return [
        taken(name, layer_name(layer), TIMES[name] * (i + 1) * 1e-4)
        for i, layer in enumerate(layers)
        for name in kernels
    ]


def curves(measurements, layers=BY_CHANNELS, by="channels"):
    known = predictions(measurements, load_profile("zen-3"), made_up)
    return subject.measured_curves(known, layers, by)


def test_four_curves_each_with_its_baseline():
    found = curves(measured(BY_CHANNELS, *TIMES))
    assert [(curve.name, curve.baseline) for curve in found] == [
        ("formula", "paper"),
        ("zen-3, predicted", "scalar"),
        ("xnor, measured", "float-loop, 1 thread"),
        ("xnor, measured", "onnxruntime, 1 thread"),
    ]
    paper, predicted, scalar, library = found
    np.testing.assert_allclose(paper.value, formula(paper.x, 9))
    np.testing.assert_array_equal(scalar.x, [2**i for i in range(11)])
    np.testing.assert_allclose(scalar.value, 400)
    np.testing.assert_allclose(library.value, 10)
    np.testing.assert_allclose(predicted.value, 0.12 / 0.0002)
    np.testing.assert_allclose(scalar.high, 400)  # medians as far above the fastest samples


def test_a_band_reaches_to_the_ratio_of_the_medians():
    taken_all = [
        replace(item, times=replace(item.times, median=2 * item.times.minimum))
        if item.subject.kernel == "xnor"  # the slow half of its samples takes twice as long
        else item
        for item in measured(BY_CHANNELS, *TIMES)
    ]
    scalar = curves(taken_all)[2]
    np.testing.assert_allclose(scalar.high, scalar.value)
    np.testing.assert_allclose(scalar.low, scalar.value / 2 / 0.98)


def test_by_filter_size():
    found = curves(measured(BY_FILTER, *TIMES), BY_FILTER, "filter")
    np.testing.assert_array_equal(found[2].x, [1, 3, 5, 7, 11])


def test_the_best_library_is_that_of_the_reference_layer():
    some = measured(BY_CHANNELS, "xnor", "float-loop", "numpy")
    assert curves(some)[3].baseline == "numpy, 1 thread"
    assert len(curves(measured(BY_CHANNELS, "xnor", "float-loop"))) == 3, "no library at all"


def test_places_without_a_pair_are_left_out():
    some = [*measured(BY_CHANNELS[:4], "xnor"), *measured(BY_CHANNELS[2:], "float-loop")]
    np.testing.assert_array_equal(curves(some)[1].x, [4, 8])


def test_nothing_to_draw():
    with pytest.raises(UsageError, match="'xnor' and 'float-loop' were not both measured"):
        curves(measured(BY_CHANNELS, "xnor"))


def test_the_figure_from_records(tmp_path):
    path = tmp_path / "records.jsonl"
    for item in [*measured(BY_CHANNELS, *TIMES), *measured(BY_FILTER, *TIMES)]:
        append(path, item)
    append(path, taken("xnor", layer_name(BY_CHANNELS[0]), 9.0, threads=2))
    found = subject.measured_speedup_figure(from_records=path)
    assert found.notes == ()
    figure = found.figure
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "formula, over paper: operation counts",
        "zen-3, predicted, over scalar: the predicted float loop",
        "xnor, measured, over float-loop, 1 thread",
        "xnor, measured, over onnxruntime, 1 thread",
    ]
    left, right = figure.axes
    assert (left.get_yscale(), right.get_yscale()) == ("log", "log")
    assert left.get_ylabel() == "speedup over the baseline named (×)"
    assert len(left.lines) == len(right.lines) == 4


def test_it_measures_large_layers_too(monkeypatch, tmp_path):
    """The scalar loop on the largest one, which a validation leaves out."""
    clock = Clock()
    monkeypatch.setattr(
        subject, "survey", lambda *given, **options: survey(*given, **options, measure=clock)
    )
    monkeypatch.setattr(subject, "require_native", lambda purpose: HOST)
    subject.measured_speedup_figure(records=tmp_path / "records.jsonl")
    assert ("float-loop", layer_name(BY_FILTER[-1])) in clock.asked
    assert len(clock.asked) == 4 * (11 + 5 - 1), "one layer is in both figures"


def test_one_layer_over_each_float_kernel(monkeypatch):
    """Also over the scalar loop, which a validation leaves out on layers as large."""
    clock = Clock()
    monkeypatch.setattr(
        subject, "survey", lambda *given, **options: survey(*given, **options, measure=clock)
    )
    monkeypatch.setattr(subject, "require_native", lambda purpose: HOST)
    monkeypatch.setitem(KERNELS, "fma", fake("fma", "fp"))
    found = subject.measured_layer("zen-3", seconds=0.01)
    assert {name for _, name in clock.asked} == {layer_name(REFERENCE)}
    assert [row.group.partition(",")[0] for row in found.speedups] == [
        "xnor over float-loop",
        "xnor over fma",
        "xnor over numpy",
        "xnor over onnxruntime",
    ]
