"""Costs of precisions: they add up to the prediction of the network, and keep within budgets."""

from __future__ import annotations

from itertools import product

import pytest

from xnorsim.cost.inputs import design
from xnorsim.cost.points import Layers, predict_points, total
from xnorsim.errors import UsageError
from xnorsim.explore.surrogate import (
    CHOICES,
    best_choices,
    cost_of_choices,
    loss_budget,
    mixed,
    neighbours,
    surrogate_of,
    weight_budget,
)
from xnorsim.machine.profile import load_profile
from xnorsim.network.graph import check
from xnorsim.network.policy import Binarize, Policy, apply, binarizable
from xnorsim.work.table import layer_table
from xnorsim.zoo.builder import Builder

PROFILE = "zen-4"


def forked():
    """Two layers read one tensor, and their outputs are added."""
    b = Builder("forked", input=(1, 3, 16, 16))
    x = b.relu(b.conv(b.input, 64, 3, padding=1, name="stem"))
    y = b.relu(b.conv(x, 64, 3, padding=1, name="left"))
    y = b.conv(y, 64, 3, padding=1, name="below")
    z = b.relu(b.add(y, b.conv(x, 64, 1, name="right")))
    z = b.conv(z, 64, 3, padding=1, name="behind")
    return b.graph(b.dense(b.flatten(b.global_average_pool(z)), 10, name="head"), source="tests")


def predicted(graph, chosen, predictor="instructions", metric="latency_s"):
    table = layer_table(check(apply(graph, mixed(graph, Policy(), chosen))))
    layers = Layers(table.columns, table.kinds)
    figures = predict_points(layers, design(load_profile(PROFILE)), predictor)
    return float(total(getattr(figures, metric)))


def test_who_is_whose_neighbour():
    graph = forked()
    layers = ["left", "below", "right", "behind"]
    found = {(layers[u], layers[v]) for u, v in neighbours(graph, layers)}
    assert found == {
        ("left", "below"),  # reads what it writes
        ("left", "right"),  # read the same
        ("below", "behind"),
        ("right", "behind"),
    }


def test_a_residual_ends_the_way_back():
    """Past one addition, as a block's first layer behind the shortcut of the block before."""
    b = Builder("residual", input=(1, 8, 8, 8))
    x = b.conv(b.input, 8, 3, padding=1, name="c0")
    for i in (1, 2, 3):
        x = b.add(x, b.conv(x, 8, 3, padding=1, name=f"c{i}"))
    graph = b.graph(x, source="tests")
    names = [node.name for node in binarizable(graph)]
    assert neighbours(graph, names) == ((0, 1), (0, 2), (1, 2), (2, 3))


@pytest.mark.parametrize(
    ("predictor", "metric"),
    [("instructions", "latency_s"), ("instructions", "energy_j"), ("roofline", "latency_s")],
)
def test_a_pair_of_neighbours_adds_up(predictor, metric):
    graph = forked()
    found = surrogate_of(graph, load_profile(PROFILE), Policy(), predictor=predictor, metric=metric)
    base = dict.fromkeys(found.layers, "xnor")
    assert found.layers == ("left", "below", "right", "behind")
    assert found.base == predicted(graph, base, predictor, metric)
    for one, other in [("left", "right"), ("left", "below"), ("below", "behind")]:
        for a, b in product(CHOICES, CHOICES):
            chosen = {**base, one: a, other: b}
            whole = predicted(graph, chosen, predictor, metric)
            assert cost_of_choices(found, chosen) == pytest.approx(whole, rel=1e-9)


def test_the_best_within_budgets():
    graph = forked()
    found = surrogate_of(graph, load_profile(PROFILE), Policy())
    losses = {name: {"xnor": 3.0, "bwn": 1.0} for name in found.layers}
    room = 4.0 * 3 * (64 * 27 + 64 * 9 * 64)  # less than two of the large ones in high precision
    budgets = [weight_budget(found, room), loss_budget(found, losses, 4.0)]
    chosen = best_choices(found, budgets)
    costs = {}
    for words in product(CHOICES, repeat=4):
        each = dict(zip(found.layers, words, strict=True))
        sizes = {"left": 36864, "below": 36864, "right": 4096, "behind": 36864}
        high = sum(sizes[name] for name, word in each.items() if word == "fp32")
        loss = sum(losses[name].get(word, 0.0) for name, word in each.items())
        if 4.0 * (high + 64 * 27 + 640) <= room and loss <= 4.0:
            costs[words] = cost_of_choices(found, each)
    assert cost_of_choices(found, chosen) == min(costs.values())
    assert found.fixed_bytes == 4.0 * (64 * 27 + 640)


def test_a_mixed_policy():
    chosen = {"left": "bwn", "below": "xnor"}
    policy = mixed(forked(), Policy(Binarize.BWN), chosen)
    schemes = {node.name: str(node.scheme) for node in apply(forked(), policy).nodes if node.scheme}
    assert schemes == {"left": "bipolar*float32", "below": "bipolar*bipolar"}


@pytest.mark.parametrize(
    ("policy", "more", "message"),
    [
        (Policy(keep=("*",)), {}, "nothing to choose"),
        (Policy(), {"metric": "speed"}, "no metric 'speed': valid choices: energy_j, latency_s"),
        (Policy(), {"choose": ("fp32", "int4")}, "no precision 'int4'"),
        (Policy(), {"choose": ("fp32",)}, "two or more"),
    ],
)
def test_what_is_no_choice(policy, more, message):
    with pytest.raises(UsageError, match=message):
        surrogate_of(forked(), load_profile(PROFILE), policy, **more)


def test_an_energy_that_nobody_knows():
    with pytest.raises(UsageError, match="gives no energy_j with predictor roofline"):
        surrogate_of(
            forked(), load_profile(PROFILE), Policy(), predictor="roofline", metric="energy_j"
        )


def test_what_is_no_loss():
    found = surrogate_of(forked(), load_profile(PROFILE), Policy(), predictor="roofline")
    for losses, message in [
        ({"stem": {"xnor": 1.0}}, "no layer 'stem'"),
        ({"left": {"int4": 1.0}}, "losses of 'left'"),
        ({"left": {"xnor": float("nan")}}, "no number"),
    ]:
        with pytest.raises(UsageError, match=message):
            loss_budget(found, losses, 1.0)
    with pytest.raises(UsageError, match="at least"):
        best_choices(found, [weight_budget(found, 100.0)])
