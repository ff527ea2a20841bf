"""A front of precisions: what its points are, and what it draws."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import xnorsim as xs
from xnorsim.analysis.models import make_policy
from xnorsim.errors import UsageError
from xnorsim.network.policy import apply
from xnorsim.show.precision_front import PrecisionFront
from xnorsim.work.table import layer_table
from xnorsim.zoo.builder import Builder

QUESTION: dict[str, Any] = {"profile": "raspberry-pi-4b", "predictor": "roofline"}
LEVELS = (0.9, 0.4, 0.1)


def network():
    b = Builder("small", input=(1, 3, 12, 12))
    x = b.relu(b.conv(b.input, 32, 3, padding=1, name="first"))
    for i in range(3):
        x = b.batch_norm(b.conv(x, 32, 3, padding=1, name=f"c{i}"))
    return b.graph(b.dense(b.flatten(b.global_average_pool(x)), 10, name="last"), source="tests")


@pytest.fixture(scope="module")
def front() -> PrecisionFront:
    return xs.precision_front(network(), fidelities=LEVELS, **QUESTION)


def test_it_begins_with_the_float_network_and_gets_cheaper(front):
    first = front.points[0]
    assert set(first.chosen.values()) == {"fp32"}
    assert (first.network.cosine, first.network.estimated_cosine) == (1.0, 1.0)
    for before, after in pairwise(front.points):
        assert after.network.latency_s < before.network.latency_s
        assert after.network.estimated_cosine < before.network.estimated_cosine


@pytest.mark.parametrize("least", LEVELS)
def test_a_point_is_the_choice_at_its_fidelity(front, least):
    alone = xs.choose_precisions(network(), fidelity=least, **QUESTION)
    held = [p for p in front.points if p.network.estimated_cosine >= least]
    assert held[-1].chosen == alone.chosen
    assert held[-1].network.latency_s == alone.networks[-1].latency_s
    assert held[-1].network.cosine == alone.networks[-1].cosine


def test_the_last_point_is_the_cheapest_of_all(front):
    assert front.points[-1].chosen == xs.choose_precisions(network(), **QUESTION).chosen


def test_an_estimate_is_the_product_of_the_cosines_of_its_layers(front):
    cosines = {item.name: item.cosines for item in front.layers}
    for point in front.points:
        product = math.prod(cosines[name][word] for name, word in point.chosen.items())
        assert point.network.estimated_cosine == pytest.approx(product)


def test_what_a_layer_saves_alone_is_the_difference_of_two_predictions(front):
    keep = ["first", "last", "c0", "c2"]
    graph = apply(network(), make_policy("xnor", keep, "alpha", False))
    assert layer_table(graph).columns["binary_macs"].sum() > 0
    base, changed = (
        xs.analyze(g, profile="raspberry-pi-4b", predictor="roofline").predictions[0].totals
        for g in (network(), graph)
    )
    saved = front.layer_frame.loc["c1", "xnor_saved"]
    assert saved == pytest.approx(
        base["latency_s"] - changed["latency_s"], rel=1e-3
    )  # a sum of costs


def test_costs_are_of_one_sample_however_many_are_executed(tmp_path):
    path = tmp_path / "net.onnx"
    xs.export_onnx(network(), path)
    images = np.random.default_rng(0).standard_normal((3, 3, 12, 12), np.float32)
    many = xs.precision_front(path, fidelities=(0.5,), inputs=images, **QUESTION)
    one = xs.precision_front(path, fidelities=(0.5,), inputs=images[:1], **QUESTION)
    assert (many.samples, one.samples) == (3, 1)
    assert many.points[0].network.latency_s == one.points[0].network.latency_s


def test_the_figure_has_every_point_and_every_layer(front):
    above, below = front.figure().axes
    executed, estimated = (line.get_ydata() for line in above.lines)
    assert list(estimated) == [p.network.estimated_cosine for p in front.points]
    assert list(executed) == [p.network.cosine for p in front.points]
    assert [text.get_text() for text in above.texts] == [str(i + 1) for i in range(len(estimated))]
    words = ["fp32", "bwn", "xnor"]
    cells = below.collections[0].get_array()
    assert cells.tolist() == [[words.index(w) for w in p.chosen.values()] for p in front.points]
    assert above.get_xlabel() == "predicted latency of one sample"
    assert [tick.get_text() for tick in below.get_xticklabels()] == ["1", "2", "3"]


def test_tables(front):
    assert front.frame[["fp32", "bwn", "xnor"]].sum(axis=1).tolist() == [3] * len(front.points)
    assert "estimated_cosine" in repr(front)
    assert "<table" in front._repr_html_()
    assert list(front.layer_frame.index) == ["c0", "c1", "c2"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fidelities": (0.5, 1.5)}, "at most 1"),
        ({"choose": ("bwn", "xnor")}, "begins with the float network"),
        ({"profile": ()}, "for one profile, not 0"),
    ],
)
def test_what_cannot_be_asked(given, message):
    with pytest.raises(UsageError, match=message):
        xs.precision_front(network(), **{**QUESTION, **given})
