"""The port bound by hand on small cores, against a solver, and its properties."""

from __future__ import annotations

import dataclasses
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import linprog

from xnorsim.cost.ports import chain_cycles, port_cycles, port_limits
from xnorsim.errors import UsageError
from xnorsim.machine.core import Core, lower_core
from xnorsim.machine.profile import load_profile

NOT_THERE = ((), 0, nan)


def core_of(issue_width: float, /, **classes: tuple[tuple[str, ...], int, float]) -> Core:
    """A core with its classes as name=(ports, uops, busy cycles)."""
    names = tuple(dict.fromkeys(port for allowed, _, _ in classes.values() for port in allowed))
    return Core(
        classes=tuple(classes),
        ports=names,
        allowed=np.array([[p in item[0] for p in names] for item in classes.values()], dtype=bool),
        uops=np.array([item[1] for item in classes.values()], dtype=float),
        busy_cycles=np.array([item[2] for item in classes.values()], dtype=float),
        latency_cycles=np.full(len(classes), nan),
        issue_width=issue_width,
    )


# After LLVM's AArch64SchedA57.td, used for the Cortex-A72: EOR, CNT and ADDP on either of two
# pipes, UADALP on the second only, one load unit, three micro-operations a cycle.
A72 = core_of(
    3,
    vector_logic=(("F0", "F1"), 1, 1),
    vector_popcount=(("F0", "F1"), 1, 1),
    vector_pairwise_add=(("F0", "F1"), 1, 1),
    vector_widening_accumulate=(("F1",), 1, 1),
    fp32_fma=(("F0", "F1"), 2, 2),
    vector_load=(("L",), 1, 1),
    vector_store=(("S",), 1, 2),
    int8_dot=NOT_THERE,
)


@pytest.mark.parametrize(
    ("mix", "cycles", "binding", "why"),
    [
        ([32, 32, 28, 4, 0, 12, 0, 0], 48, "F0+F1", "LCE's 8x4 loop: 96 on two pipes; F1 alone 4"),
        ([0, 0, 0, 8, 0, 0, 0, 0], 8, "F1", "only the second pipe takes them"),
        ([1, 0, 0, 8, 0, 0, 0, 0], 8, "F1", "the other one goes to F0 beside them"),
        ([10, 0, 0, 8, 0, 0, 0, 0], 9, "F0+F1", "18 cycles of work on two pipes"),
        ([1, 0, 0, 0, 0, 3, 0, 0], 3, "L", "one load a cycle"),
        ([0, 0, 0, 0, 0, 0, 3, 0], 6, "S", "two cycles a store"),
        ([0, 0, 0, 0, 4, 0, 0, 0], 4, "F0+F1", "both pipes for a cycle each"),
        ([4, 0, 0, 0, 0, 3, 0.5, 0], 3, "L", "7.5 micro-operations / 3 = 2.5 bind less"),
        ([4, 0, 0, 0, 0, 2, 1, 0], 7 / 3, "issue", "two cycles of every port; 7 / 3 in front"),
        ([0, 0, 0, 0, 0, 0, 0, 0], 0, "F1", "nothing to do"),
    ],
)
def test_by_hand(mix, cycles, binding, why):
    assert port_cycles(mix, A72) == pytest.approx(cycles, rel=1e-12), why
    names, limits = port_limits(mix, A72)
    assert names[limits.argmax()] == binding, why
    assert limits.max() == pytest.approx(cycles, rel=1e-12), why


def test_limits_are_named_after_their_ports():
    """The load unit shares no port with the pipes: no limit is made of both."""
    names, limits = port_limits(np.zeros((5, 8)), A72)
    assert names == ("F1", "L", "S", "F0+F1", "issue")
    assert limits.shape == (5, 5)


def test_two_sets_that_overlap_bind_as_their_union():
    """3 + 3 cycles on {a, b} and {b, c}: each alone takes 1.5, both together 6 / 3 = 2."""
    core = core_of(inf, left=(("a", "b"), 1, 1), right=(("b", "c"), 1, 1))
    names, limits = port_limits([3, 3], core)
    assert dict(zip(names, limits.tolist(), strict=True)) == {
        "a+b": 1.5,
        "b+c": 1.5,
        "a+b+c": 2,
        "issue": 0,
    }


def test_a_chain_of_overlaps_binds_as_a_whole():
    """4 cycles on each of {a, b}, {b, c}, {c, d}: two sets ask for 8 / 3, all for 12 / 4 = 3."""
    chain = {pair: (tuple(pair), 1, 1.0) for pair in ("ab", "bc", "cd")}
    assert port_cycles([4, 4, 4], core_of(inf, **chain)) == 3


def test_what_the_machine_does_not_have_is_refused():
    mix = np.zeros((10_000, 8))
    assert port_cycles(mix, A72).max() == 0
    mix[9000, 7] = 1e-3
    with pytest.raises(UsageError, match=r"class int8_dot, which.*it has: vector_logic, .*_store$"):
        port_cycles(mix, A72)
    with pytest.raises(UsageError, match="int8_dot"):
        port_limits(mix, A72)


def test_a_class_that_one_design_point_lacks_is_refused():
    points = np.tile(A72.busy_cycles, (3, 1))
    points[1, 0] = nan
    with pytest.raises(UsageError, match="class vector_logic"):
        port_cycles([1, 0, 0, 0, 0, 0, 0, 0], dataclasses.replace(A72, busy_cycles=points))


@pytest.mark.parametrize("mix", [3, [1, 2, 3], np.ones((8, 2))])
def test_a_mix_over_other_classes_is_refused(mix):
    with pytest.raises(UsageError, match="the core's 8 classes"):
        port_cycles(mix, A72)


def test_too_many_unions_are_refused():
    """13 pairs with one port in common: every set of partners is a union, 2**13 - 1."""
    star = {f"c{i}": (("hub", f"p{i}"), 1, 1.0) for i in range(13)}
    with pytest.raises(UsageError, match=r"13 different sets .* more than 4096 unions"):
        port_cycles(np.ones(13), core_of(4, **star))
    twelve = dict(list(star.items())[:12])  # 2**12 - 1
    assert port_cycles(np.ones(12), core_of(4, **twelve)) == pytest.approx(3)


def test_clusters_of_ports_are_not_multiplied():
    """30 pairs of ports of their own have 2**30 unions, of which 30 can bind."""
    pairs = {f"c{i}": ((f"p{i}", f"q{i}"), 1, 1.0) for i in range(30)}
    names, _ = port_limits(np.ones(30), core_of(4, **pairs))
    assert len(names) == 31


def test_a_core_without_instructions_does_nothing():
    core = core_of(2, a=NOT_THERE, b=NOT_THERE)
    assert port_cycles(np.zeros((3, 2)), core).tolist() == [0, 0, 0]
    with pytest.raises(UsageError, match=r"class b, .*it has: none"):
        port_cycles([0, 1], core)


PORTS = "abcde"


@st.composite
def cores(draw, classes: int = 6) -> Core:
    quarters = st.integers(1, 16)
    one = st.tuples(
        st.lists(st.sampled_from(PORTS), min_size=1, unique=True).map(tuple),
        st.integers(1, 4),
        quarters.map(lambda n: n / 4),
    )
    items = {f"c{i}": draw(one) for i in range(classes)}
    return core_of(draw(quarters) / 2, **items)


MIXES = st.lists(st.integers(0, 40), min_size=6, max_size=6).map(np.array)


def solved(mix: np.ndarray, core: Core) -> float:
    """The linear program itself: share out each class over its ports, the busiest least busy."""
    classes, count = core.allowed.shape
    size = classes * count + 1  # the last unknown is the time
    work = np.zeros((classes, size))
    load = np.zeros((count, size))
    for i in range(classes):
        work[i, i * count : (i + 1) * count] = core.allowed[i]
    for p in range(count):
        load[p, p : classes * count : count] = 1
    load[:, -1] = -1
    goal = np.zeros(size)
    goal[-1] = 1
    upper = [0.0 if not ok else None for ok in core.allowed.ravel()]
    found = linprog(
        goal,
        A_ub=load,
        b_ub=np.zeros(count),
        A_eq=work,
        b_eq=mix * core.busy_cycles,
        bounds=[(0, high) for high in upper] + [(0, None)],
    )
    assert found.success
    return max(found.fun, float(mix @ core.uops) / core.issue_width)


@given(core=cores(), mix=MIXES)
def test_equals_the_linear_program(core, mix):
    assert port_cycles(mix, core) == pytest.approx(solved(mix, core), rel=1e-9, abs=1e-9)


@given(core=cores(), mix=MIXES, more=MIXES)
def test_more_instructions_never_take_less(core, mix, more):
    least = port_cycles(mix, core)
    both = port_cycles(mix + more, core)
    assert both >= least * (1 - 1e-12)
    assert both <= (least + port_cycles(more, core)) * (1 + 1e-12) + 1e-12  # one after the other


@given(core=cores(), mix=MIXES, index=st.integers(0, 5), port=st.sampled_from(PORTS))
def test_a_better_core_never_takes_longer(core, mix, index, port):
    """A wider front end, a shorter busy time, one more port that takes a class."""
    least = port_cycles(mix, core) * (1 + 1e-12)
    wider = dataclasses.replace(core, issue_width=core.issue_width * 1.5)
    busy = core.busy_cycles.copy()
    busy[index] /= 2
    names = core.ports if port in core.ports else (*core.ports, port)
    allowed = np.zeros((6, len(names)), dtype=bool)
    allowed[:, : len(core.ports)] = core.allowed
    allowed[index, names.index(port)] = True
    freer = dataclasses.replace(core, ports=names, allowed=allowed)
    for better in (wider, dataclasses.replace(core, busy_cycles=busy), freer):
        assert port_cycles(mix, better) <= least


@given(core=cores(), mix=MIXES, factor=st.sampled_from([0.25, 2, 1024]))
def test_scales_with_the_mix(core, mix, factor):
    """Powers of two, so that not a bit may differ."""
    assert_array_equal(port_cycles(mix * factor, core), port_cycles(mix, core) * factor)


@given(core=cores(), mix=MIXES, data=st.data())
def test_the_order_of_ports_and_classes_changes_nothing(core, mix, data):
    place = data.draw(st.permutations(range(len(core.ports))))
    order = data.draw(st.permutations(range(6)))
    other = dataclasses.replace(
        core,
        classes=tuple(core.classes[i] for i in order),
        ports=tuple(core.ports[i] for i in place),
        allowed=core.allowed[np.ix_(order, place)],
        uops=core.uops[order],
        busy_cycles=core.busy_cycles[order],
    )
    assert_allclose(port_cycles(mix[order], other), port_cycles(mix, core), rtol=1e-12)


@given(core=cores(), mix=MIXES)
def test_the_largest_limit_is_the_bound(core, mix):
    names, limits = port_limits(mix, core)
    assert len(set(names)) == len(names)
    assert limits.max() == port_cycles(mix, core)


@pytest.mark.parametrize(
    ("lead", "busy", "width"),
    [
        ((0,), (), ()),
        ((13,), (), ()),
        ((3, 1, 4), (5, 1), ()),
        ((2, 7), (2, 1), (2, 1)),
        ((1,), (4, 3), (3,)),
        ((), (6,), (2, 1)),
    ],
)
def test_points_are_the_same_one_by_one(lead, busy, width):
    """Design points broadcast against layers, and not a bit depends on what else is computed."""
    rng = np.random.default_rng(7)
    mix = rng.integers(0, 9, (*lead, 8)) * [1, 1, 1, 1, 1, 1, 1, 0]
    points = dataclasses.replace(
        A72,
        busy_cycles=A72.busy_cycles * rng.uniform(0.3, 4, (*busy, 8)),
        issue_width=rng.integers(1, 5, width).astype(float),
    )
    found = port_cycles(mix, points)
    shape = np.broadcast_shapes(lead, busy, width)
    assert found.shape == shape
    for at in np.ndindex(shape):
        one = dataclasses.replace(
            A72,
            busy_cycles=np.broadcast_to(points.busy_cycles, (*shape, 8))[at],
            issue_width=float(np.broadcast_to(points.issue_width, shape)[at]),
        )
        assert found[at] == port_cycles(np.broadcast_to(mix, (*shape, 8))[at], one)


@pytest.mark.parametrize(
    ("chained", "latency", "cycles", "why"),
    [
        ([0, 100], [3, 4], 400, "each waits for the one before it"),
        ([10, 100], [3, 4], 430, "in one row"),
        ([0, 0], [3, 4], 0, "nothing waits"),
        ([10, 100], [nan, 4], 400, "what is not known binds nothing"),
        ([[1, 1], [2, 0]], [3, 4], [7, 6], "layers"),
        ([1, 1], [[3, 4], [5, 6]], [7, 11], "design points"),
    ],
)
def test_chains(chained, latency, cycles, why):
    core = core_of(1, vector_add=(("F0",), 1, 1), fp32_fma=(("F0",), 1, 1))
    core = dataclasses.replace(core, latency_cycles=np.array(latency, dtype=float))
    assert_array_equal(chain_cycles(chained, core), cycles, err_msg=why)


def test_a_256_bit_popcount_on_a_cortex_a72_by_hand():
    """The worked example of docs/profiles.md: 256 bits of EOR, CNT and UADALP."""
    core = lower_core(load_profile("raspberry-pi-4b"))
    once = np.isin(core.classes, ["vector_logic", "vector_popcount", "vector_widening_accumulate"])
    twice = np.where(np.array(core.classes) == "vector_popcount", 1, 2)
    wide = dataclasses.replace(core, uops=core.uops * twice, busy_cycles=core.busy_cycles * twice)
    for mix, machine, pipes, issue in ((2 * once, core, 4, 4), (1 * once, wide, 3, 10 / 3)):
        names, cycles = port_limits(mix, machine)
        found = dict(zip(names, cycles, strict=True))
        assert (found["F0+F1"], found["issue"]) == (pytest.approx(pipes), pytest.approx(issue))
        assert port_cycles(mix, machine) == pytest.approx(issue)
