"""Precisions of layers: the solver's answer is the best of all of them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorsim.errors import UsageError
from xnorsim.explore.precision import Budget, best_precisions, cost_of, used_of


def enumerated(costs, edges, edge_costs, budgets):
    """The least cost of all choices within the budgets; None if there is none."""
    layers, choices = np.shape(costs)
    found = [
        cost_of(chosen, costs, edges, edge_costs)
        for chosen in product(range(choices), repeat=layers)
        if all(used_of(budget, chosen) <= budget.most for budget in budgets)
    ]
    least = min(found, default=np.inf)
    return None if least == np.inf else least


@st.composite
def problems(draw):
    layers, choices = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    pairs = [(u, v) for u in range(layers) for v in range(layers) if u != v]
    edges = draw(st.lists(st.sampled_from(pairs), max_size=6)) if pairs else []
    scale = 10.0 ** draw(st.integers(-9, 3))  # seconds and joules are small numbers
    costs = rng.integers(-9, 10, (layers, choices)) * scale
    costs[rng.random(costs.shape) < 0.15] = np.inf
    costs[:, 0] = np.where(np.isfinite(costs).any(axis=1), costs[:, 0], 0.0)
    edge_costs = rng.integers(-5, 6, (len(edges), choices, choices)) * scale
    budgets = [
        Budget(f"b{i}", rng.integers(0, 9, costs.shape).astype(float), float(draw(most)))
        for i, most in enumerate([st.integers(0, 30)] * draw(st.integers(0, 2)))
    ]
    return costs, edges, edge_costs, budgets


@settings(max_examples=150, deadline=None)
@given(problem=problems())
def test_the_answer_is_the_best_of_all(problem):
    costs, edges, edge_costs, budgets = problem
    least = enumerated(costs, edges, edge_costs, budgets)
    if least is None:
        with pytest.raises(UsageError, match="budget"):
            best_precisions(costs, edges, edge_costs, budgets)
        return
    chosen = best_precisions(costs, edges, edge_costs, budgets)
    assert all(used_of(budget, chosen) <= budget.most for budget in budgets)
    scale = np.abs(costs[np.isfinite(costs)]).max(initial=1e-9)
    assert cost_of(chosen, costs, edges, edge_costs) == pytest.approx(least, abs=1e-6 * scale)


def test_an_edge_may_change_the_choice():
    costs = [[1.0, 2.0], [2.0, 1.0]]
    assert best_precisions(costs) == (0, 1)
    change = [[[0.0, 3.0], [3.0, 0.0]]]  # what packing between them costs
    assert best_precisions(costs, [(0, 1)], change) in {(0, 0), (1, 1)}


def test_a_budget_is_held_to_the_last_digit():
    """The solver alone takes 10,000,001 bytes where 10,000,000 are allowed."""
    used = np.array([[10_000_001.0, 0.0], [9_000_000.0, 0.0]])
    budget = Budget("bytes", used, 10_000_000.0)
    assert best_precisions([[0.0, 5.0], [0.0, 1.0]], budgets=[budget]) == (1, 0)


@pytest.mark.parametrize(
    ("costs", "edges", "edge_costs", "message"),
    [
        ([1.0], [], [], "costs are"),
        ([[np.nan]], [], [], "infinite where"),
        ([[1.0], [np.inf]], [], [], "layer 1 has no choice"),
        ([[1.0]], [(0, 0)], [[[0.0]]], r"edge \(0, 0\) is none"),
        ([[1.0], [1.0]], [(0, 1)], [[0.0]], r"numbers \[1, 1, 1\], not \[1, 1\]"),
    ],
)
def test_what_does_not_fit(costs, edges, edge_costs, message):
    with pytest.raises(UsageError, match=message):
        best_precisions(costs, edges, edge_costs)


def test_a_budget_below_the_least():
    budget = Budget("bytes", np.array([[4.0, 2.0], [8.0, 1.0]]), 2.0)
    with pytest.raises(UsageError, match="'bytes' of 2: the choices use at least 3"):
        best_precisions(np.ones((2, 2)), budgets=[budget])
    each = [
        Budget("a", np.array([[0.0, 1.0]]), 0.5),
        Budget("b", np.array([[1.0, 0.0]]), 0.5),
    ]
    with pytest.raises(UsageError, match=r"'a' of 0\.5 and 'b' of 0\.5 together"):
        best_precisions(np.ones((1, 2)), budgets=each)
