"""Sweeps, searches and precisions as they are asked for in Python."""

from __future__ import annotations

from typing import Any

import pytest

import xnorsim as xs
from xnorsim.analysis.precision import _missed
from xnorsim.errors import UsageError
from xnorsim.explore.surrogate import mixed
from xnorsim.network.policy import Policy, apply
from xnorsim.show.forms import Form, render
from xnorsim.show.precision import Scored
from xnorsim.work.table import layer_table
from xnorsim.zoo.builder import Builder

PROFILE = "raspberry-pi-4b"


def network():
    b = Builder("small", input=(1, 3, 12, 12))
    x = b.relu(b.conv(b.input, 32, 3, padding=1, name="first"))
    for i in range(3):
        x = b.relu(b.batch_norm(b.conv(x, 32, 3, padding=1, name=f"c{i}")))
    return b.graph(b.dense(b.flatten(b.global_average_pool(x)), 10, name="last"), source="tests")


def test_a_sweeps_point_is_the_analysis():
    pytest.importorskip("xarray")
    found = xs.sweep(network(), {"threads": [1, 4]}, PROFILE, binarize="xnor")
    for place, threads in enumerate((1, 4)):
        report = xs.analyze(network(), profile=PROFILE, binarize="xnor", threads=threads)
        assert found.latency_s.values[place] == report.predictions[0].totals["latency_s"]


def test_a_search_of_a_network_of_the_zoo():
    found = xs.search("alexnet", {"clock": "1 GHz .. 2 GHz"}, PROFILE, generations=2, population=5)
    clocks = [float(item.values["clock"].split()[0]) for item in found.best]
    assert clocks == sorted(clocks, reverse=True)
    assert found.profile.clock.value == found.best[0].values["clock"]


def test_precisions_within_a_budget_of_bytes():
    found = xs.choose_precisions(network(), profile=PROFILE, high_precision_bytes="44 kB",
                                 choose=("fp32", "xnor"), predictor="roofline")  # fmt: skip
    fixed = 4.0 * (32 * 27 + 320)
    assert found.networks[-1].high_precision_bytes <= 44e3
    assert found.networks[0].high_precision_bytes == fixed + 3 * 36864.0
    assert found.networks[-1].latency_s <= found.networks[0].latency_s
    assert found.surrogate == pytest.approx(found.networks[-1].latency_s)
    assert [item.name for item in found.networks] == ["all fp32", "all xnor", "chosen"]
    assert found.networks[-1].cosine is None
    table = layer_table(apply(network(), mixed(network(), Policy(), found.chosen)))
    assert table.columns["binary_macs"].sum() > 0


def test_precisions_that_keep_a_fidelity():
    question: dict[str, Any] = {"profile": PROFILE, "predictor": "roofline"}
    free = xs.choose_precisions(network(), execute=True, **question)
    held = xs.choose_precisions(network(), fidelity=0.9, **question)
    assert (held.networks[-1].estimated_cosine or 0) >= 0.9
    assert held.networks[-1].latency_s >= free.networks[-1].latency_s
    assert held.networks[0].cosine == 1.0
    assert free.networks[-1].cosine is not None
    ((name, (used, most)),) = held.budgets.items()
    assert used <= most, name
    for item in held.layers:
        assert set(item.cosines) == {"fp32", "bwn", "xnor"}


def test_layers_that_are_binary_in_the_file_stay():
    b = Builder("mixed", input=(1, 3, 12, 12))
    x = b.relu(b.conv(b.input, 32, 3, padding=1, name="first"))
    x = b.binary_conv(b.sign(x), 32, 3, padding=1, name="binary")
    x = b.conv(b.batch_norm(x), 32, 3, padding=1, name="middle")
    graph = b.graph(b.dense(b.flatten(b.global_average_pool(x)), 10, name="last"))
    found = xs.choose_precisions(graph, profile=PROFILE, predictor="roofline")
    assert found.stays == {"xnor W1A1": ("binary",)}
    assert list(found.chosen) == ["middle"]
    text = repr(found)
    assert "1 layers xnor" not in text
    assert "1 layer xnor W1A1, as in the file: binary" in text
    assert "all fp32 (1 stay)" in text
    free = xs.choose_precisions(network(), profile=PROFILE, predictor="roofline")
    assert not free.stays
    assert "stay" not in repr(free)


def test_a_fidelity_that_the_network_as_a_whole_misses_is_told():
    question: dict[str, Any] = {"profile": PROFILE, "predictor": "roofline"}
    for least in (0.05, 0.4, 0.7, 0.9, 1.0):
        found = xs.choose_precisions(network(), fidelity=least, **question)
        missed = (found.networks[-1].cosine or 0) < least
        assert any("misses the fidelity" in note for note in found.notes) == missed


@pytest.mark.parametrize(("cosine", "told"), [(0.2, True), (0.5, False), (0.9, False)])
def test_a_cosine_below_the_one_asked_for_is_a_note(cosine, told):
    chosen = Scored("chosen", 1.0, 1.0, 1.0, 1.0, 1.0, 0.515, cosine, None)
    notes = list(_missed(chosen, 0.5))
    assert bool(notes) == told
    if told:
        assert "cosine of 0.200, estimated 0.515" in notes[0]
    assert not list(_missed(chosen, None))


def test_precisions_in_every_form():
    found = xs.choose_precisions(network(), profile=PROFILE, predictor="roofline")
    assert "as a sum over layers" in repr(found)
    assert render(found, Form.CSV).splitlines()[1].startswith("c0,")
    assert '"surrogate"' in render(found, Form.JSON)
    assert "| chosen |" in render(found, Form.MARKDOWN)
    assert list(found.to_frame().index) == ["all fp32", "all bwn", "all xnor", "chosen"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"high_precision_bytes": 10}, "use at least"),
        ({"fidelity": 1.5}, "at most 1"),
        ({"choose": ("fp32", "int4")}, "no precision 'int4'"),
        ({"threads": 99}, "threads 99"),
        ({"metric": "area"}, "no metric 'area'"),
        ({"profile": ()}, "for one profile, not 0"),
    ],
)
def test_what_cannot_be_chosen(given, message):
    with pytest.raises(UsageError, match=message):
        xs.choose_precisions(network(), **{"profile": PROFILE, "predictor": "roofline", **given})


def test_a_fidelity_of_one_keeps_every_layer():
    found = xs.choose_precisions(network(), profile=PROFILE, fidelity=1.0, predictor="roofline")
    assert set(found.chosen.values()) == {"fp32"}
    assert found.networks[-1].cosine == 1.0
