"""The best precision of each layer within budgets, for costs that add up over layers and edges.

    minimize    sum_l costs[l, c_l] + sum_(u,v) edge_costs[(u,v)][c_u, c_v]
    subject to  sum_l used[l, c_l] <= most                       for each budget

over one choice c_l for each layer: a mixed integer program, solved exactly. x[l, c] says whether
layer l has choice c; y[e, a, b] whether the ends of edge e have choices a and b, which follows from
its margins, sum_b y[e, a, b] = x[u, a] and sum_a y[e, a, b] = x[v, b]: where x is whole, one y of
an edge is 1 (the local polytope: M. Wainwright, M. Jordan, "Graphical Models, Exponential Families,
and Variational Inference", 2008, section 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array

from xnorsim.errors import UsageError, XnorsimError

__all__ = ["Budget", "best_precisions", "cost_of", "used_of"]

_Floats = NDArray[np.float64]
Edge = tuple[int, int]

_SCALE = 1e4
"""Of the costs given to the solver, whose answers may be off the best by an absolute 1e-6."""

_RETRIES = 100


@dataclass(frozen=True, eq=False)
class Budget:
    """What each choice of each layer uses [layers, choices], and the most that all may together."""

    name: str
    used: _Floats
    most: float


def best_precisions(
    costs: ArrayLike,
    edges: Sequence[Edge] = (),
    edge_costs: ArrayLike = (),
    budgets: Sequence[Budget] = (),
) -> tuple[int, ...]:
    """The choice of each layer that costs least together, within the budgets.

    Parameters
    ----------
    costs : [layers, choices]; infinite where a layer does not have the choice
    edges : pairs of different layers
    edge_costs : [edges, choices, choices], of the choices of the first and the second layer
    budgets : each held to the last digit of the sum in order of the layers (`used_of`)

    Raises:
        UsageError: arrays that do not fit, or no choice that keeps within the budgets.
        XnorsimError: the solver gave up.
    """
    found = _checked(costs, edges, edge_costs, budgets)
    for budget in found.budgets:
        _check_least(found, budget)
    cuts: list[tuple[int, ...]] = []
    for _ in range(_RETRIES):
        chosen = _solved(found, cuts)
        if all(used_of(budget, chosen) <= budget.most for budget in found.budgets):
            return chosen
        cuts.append(chosen)  # within the solver's tolerance, and yet above a budget
    raise XnorsimError(f"the solver found {_RETRIES} answers that are above a budget by rounding")


def cost_of(
    chosen: Sequence[int], costs: ArrayLike, edges: Sequence[Edge] = (), edge_costs: ArrayLike = ()
) -> float:
    """What choices cost together, added up in the order of layers and edges."""
    table, pairs = np.asarray(costs, float), np.asarray(edge_costs, float)
    alone = (float(table[layer, choice]) for layer, choice in enumerate(chosen))
    between = (float(pairs[at, chosen[u], chosen[v]]) for at, (u, v) in enumerate(edges))
    return sum(alone) + sum(between)


def used_of(budget: Budget, chosen: Sequence[int]) -> float:
    """What choices use of a budget together."""
    return sum(float(budget.used[layer, choice]) for layer, choice in enumerate(chosen))


@dataclass(frozen=True, eq=False)
class _Problem:
    """The arrays of a problem; has: whether a layer has a choice [layers, choices]."""

    costs: _Floats
    has: NDArray[np.bool_]
    edges: tuple[Edge, ...]
    edge_costs: _Floats
    budgets: tuple[Budget, ...]


def _checked(
    costs: ArrayLike, edges: Sequence[Edge], edge_costs: ArrayLike, budgets: Sequence[Budget]
) -> _Problem:
    table = np.asarray(costs, dtype=np.float64)
    if table.ndim != 2 or not table.size:
        raise UsageError(f"costs are [layers, choices], not {list(table.shape)}")
    has, layers = np.isfinite(table), len(table)
    if np.isnan(table).any() or (table == -np.inf).any():
        raise UsageError("costs are numbers, or infinite where a layer lacks a choice")
    if not has.any(axis=1).all():
        raise UsageError(f"layer {int(has.any(axis=1).argmin())} has no choice")
    for u, v in edges:
        if u == v or not (0 <= u < layers and 0 <= v < layers):
            raise UsageError(f"edge {(u, v)} is none between two of {layers} layers")
    shape = (len(edges), table.shape[1], table.shape[1])
    pairs = np.asarray(edge_costs, dtype=np.float64) if len(edges) else np.zeros(shape)
    if pairs.shape != shape or not np.isfinite(pairs).all():
        raise UsageError(f"edge costs are numbers {list(shape)}, not {list(pairs.shape)}")
    for item in budgets:
        if item.used.shape != table.shape or not np.isfinite(item.used).all():
            raise UsageError(f"budget '{item.name}' needs a number for each layer and choice")
    return _Problem(table, has, tuple(edges), pairs, tuple(budgets))


def _check_least(problem: _Problem, budget: Budget) -> None:
    least = np.where(problem.has, budget.used, np.inf).argmin(axis=1).tolist()
    if used_of(budget, least) > budget.most:
        raise UsageError(
            f"budget '{budget.name}' of {budget.most:g}: the choices use at least "
            f"{used_of(budget, least):g}"
        )


def _solved(problem: _Problem, cuts: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The best by the solver's tolerances, other than those of `cuts`."""
    size = problem.costs.size
    finite = np.where(problem.has, problem.costs, 0.0)
    objective = np.concatenate([finite.ravel(), problem.edge_costs.ravel()])
    largest = np.abs(objective).max(initial=0.0)
    upper: Any = np.concatenate(
        [problem.has.ravel().astype(float), np.ones(problem.edge_costs.size)]
    )
    result = milp(
        objective * (_SCALE / largest if largest else 1.0),
        integrality=(np.arange(len(objective)) < size).astype(int),
        bounds=Bounds(0.0, upper),
        constraints=[_margins(problem), *_limits(problem), *_others(problem, cuts)],
        options={"mip_rel_gap": 0.0},
    )
    if result.x is None:
        if result.status == 2:
            each = " and ".join(f"'{item.name}' of {item.most:g}" for item in problem.budgets)
            raise UsageError(f"no choice keeps within budget {each} together")
        raise XnorsimError(f"the precisions were not found: {result.message}")
    chosen = result.x[:size].reshape(problem.costs.shape).argmax(axis=1)
    return tuple(chosen.tolist())


def _margins(problem: _Problem) -> LinearConstraint:
    """One choice a layer; of each edge the sums over one end are the choices of the other."""
    (n, k), m = problem.costs.shape, len(problem.edges)
    size = n * k
    every = np.arange(size)
    rows, columns, values = [every // k], [every], [np.ones(size)]
    y = size + np.arange(m * k * k).reshape(m, k, k)
    for end in range(2):
        x = np.array([pair[end] for pair in problem.edges], dtype=int)[:, None] * k + np.arange(k)
        row = n + end * m * k + np.arange(m * k).reshape(m, k)
        pairs = y if end == 0 else y.swapaxes(1, 2)
        rows += [np.repeat(row.ravel(), k), row.ravel()]
        columns += [pairs.ravel(), x.ravel()]
        values += [np.ones(pairs.size), -np.ones(x.size)]
    count = n + 2 * m * k
    places = np.concatenate(rows), np.concatenate(columns)
    matrix = coo_array((np.concatenate(values), places), shape=(count, size + m * k * k))
    right: Any = np.concatenate([np.ones(n), np.zeros(2 * m * k)])
    return LinearConstraint(csr_array(matrix), right, right)


def _limits(problem: _Problem) -> list[LinearConstraint]:
    """One row a budget, scaled: tolerances are absolute."""
    found = []
    for item in problem.budgets:
        scale = np.abs(item.used).max() or 1.0
        row = np.concatenate([item.used.ravel() / scale, np.zeros(problem.edge_costs.size)])
        found.append(LinearConstraint(csr_array(row[None]), -np.inf, item.most / scale))
    return found


def _others(problem: _Problem, cuts: Sequence[tuple[int, ...]]) -> list[LinearConstraint]:
    """At least one layer has another choice than in each of `cuts`."""
    found = []
    for chosen in cuts:
        row = np.zeros(problem.costs.size + problem.edge_costs.size)
        row[np.arange(len(chosen)) * problem.costs.shape[1] + np.array(chosen)] = 1.0
        found.append(LinearConstraint(csr_array(row[None]), -np.inf, len(chosen) - 1.0))
    return found
