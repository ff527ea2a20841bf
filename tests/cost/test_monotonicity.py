"""What can never cost more: properties over random layers, kernels and machines.

At a fixed recipe and blocking: kernels are given to layers one by one, and lengths divide where
tiles, blocks or vectors change.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cost.columns import BITS, pass_columns, product_columns
from xnorsim.cost.inputs import Design, design
from xnorsim.cost.instructions import all_issued, predict, work_of
from xnorsim.cost.recipes import (
    RECIPE_SETS,
    Kernel,
    RecipeSet,
    at_width,
    by_class,
    executable,
    recipe_set,
)
from xnorsim.cost.recipes.kernel import always
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.lowering import Machine
from xnorsim.machine.profile import load_profile, profile_names
from xnorsim.work.dimensions import DIMENSIONS, Dimensions

DESIGNS = {
    name: found
    for name in profile_names()
    if (found := design(load_profile(name))).core is not None
}
TOLERANCE = 1 + 1e-12
"""Sums in another order differ in their last bits."""


def kernels_of(found: Design) -> dict[str, tuple[str, Kernel]]:
    """Every kernel for products that a machine executes, with the kind of BITS it is for."""
    assert found.core is not None
    return {
        kernel.name: (word, kernel)
        for name in RECIPE_SETS
        for word, alternatives in recipe_set(name, 128).kernels.items()
        if word in BITS
        for kernels in alternatives
        for kernel in kernels
        if executable(kernel, found.core)
    }


KERNELS = {name: kernels_of(found) for name, found in DESIGNS.items()}


@dataclass(frozen=True)
class Case:
    """A layer, the only kernel for it, and a machine."""

    word: str
    kernel: Kernel
    nest: Dimensions
    at: Design
    weights: float  # of the network [byte]

    def seconds(self, at: Design | None = None, threads: Any = 1, **sizes: Any) -> float:
        return float(self.predicted(at, threads, **sizes).latency_s[0])

    def joules(self, at: Design | None = None, threads: Any = 1, **sizes: Any) -> float:
        return float(self.predicted(at, threads, **sizes).energy_j[0])

    def predicted(self, at: Design | None = None, threads: Any = 1, **sizes: Any) -> Any:
        at = at or self.at
        return predict(self.work(at, **sizes), at, threads)

    def work(self, at: Design | None = None, **sizes: Any) -> Any:
        core = (at or self.at).core
        assert core is not None
        columns = product_columns(self.word, replace(self.nest, **sizes))
        columns["weight_bits"] = np.array([8 * self.weights])
        kernel = replace(self.kernel, applies=always)
        recipes = RecipeSet("one", "the kernel of a test", {self.word: ((kernel,),)})
        return work_of(columns, ["conv"], recipes, core)


FACTORS = st.floats(0.25, 4)


@st.composite
def machines(draw: st.DrawFn, name: str) -> Design:
    """A bundled machine whose numbers are others."""
    base = DESIGNS[name]
    machine, core = base.machine, base.core
    assert core is not None
    levels = len(machine.level_names)
    each = st.lists(FACTORS, min_size=levels, max_size=levels).map(np.array)
    shares = st.lists(st.floats(0, 1), min_size=levels, max_size=levels).map(np.array)
    machine = replace(
        machine,
        clock_hz=machine.clock_hz * draw(FACTORS),
        level_size_bytes=machine.level_size_bytes * draw(each) / draw(st.sampled_from([1, 64])),
        level_bandwidth_bytes_per_s=machine.level_bandwidth_bytes_per_s * draw(each),
        level_shared_bandwidth_bytes_per_s=machine.level_shared_bandwidth_bytes_per_s * draw(each),
        level_overlap=draw(shares),
        efficiency=draw(st.floats(0.3, 1)),
        layer_overhead_s=draw(st.sampled_from([0.0, 1e-6])),
    )
    busy = draw(st.lists(FACTORS, min_size=len(CLASSES), max_size=len(CLASSES)))
    core = replace(
        core,
        busy_cycles=core.busy_cycles * np.array(busy),
        issue_width=core.issue_width * draw(FACTORS),
        write_allocate=draw(st.booleans()),
    )
    return replace(base, machine=machine, core=core)


SIZES = st.integers(1, 200)


@st.composite
def cases(draw: st.DrawFn, vectors: bool = False) -> Case:
    """Any kernel on any machine that executes it, for any layer; or those along vectors alone."""
    name = draw(st.sampled_from(sorted(KERNELS)))
    fit = {n: k for n, k in KERNELS[name].items() if k[1].along or not vectors}
    if not fit:
        name, fit = "raspberry-pi-4b", KERNELS["raspberry-pi-4b"]
    word, kernel = fit[draw(st.sampled_from(sorted(fit)))]
    depthwise = kernel.walk.form == "depthwise"
    nest = Dimensions(
        positions=draw(st.integers(1, 30)) ** 2,
        filters=1 if depthwise else draw(SIZES),
        filter_channels=1 if depthwise else draw(SIZES),
        taps=draw(st.sampled_from([1, 9, 25])),
        groups=draw(SIZES) if depthwise else draw(st.sampled_from([1, 1, 2])),
        stride=draw(st.sampled_from([1, 4])),
    )
    weights = draw(st.sampled_from([0.0, 2.0**16, 2.0**30]))
    return Case(word, kernel, nest, draw(machines(name)), weights)


def on_machine(at: Design, **fields: Any) -> Design:
    return replace(at, machine=replace(at.machine, **fields))


def scaled(field: str) -> Any:
    """A machine with a number, or one of a random level, times a factor."""

    def better(at: Design, factor: float, place: int) -> Design:
        value = getattr(at.machine, field)
        if np.ndim(value):
            place %= len(value)
            value = np.where(np.arange(len(value)) == place, value * factor, value)
        else:
            value = value * factor
        return on_machine(at, **{field: value})

    return better


def overlapped(at: Design, factor: float, place: int) -> Design:
    """More of a level's transfers hidden."""
    hidden = at.machine.level_overlap
    less = 1 - (1 - hidden) / factor
    return on_machine(
        at, level_overlap=np.where(np.arange(len(hidden)) == place % len(hidden), less, hidden)
    )


def efficient(at: Design, factor: float, place: int) -> Design:
    return on_machine(at, efficiency=min(at.machine.efficiency * factor, 1.0))


def issued(at: Design, factor: float, place: int) -> Design:
    assert at.core is not None
    return replace(at, core=replace(at.core, issue_width=at.core.issue_width * factor))


def freed(at: Design, factor: float, place: int) -> Design:
    """A class of instructions that keeps its ports busy for less time."""
    assert at.core is not None
    chosen = np.arange(len(CLASSES)) == place % len(CLASSES)
    busy = np.where(chosen, at.core.busy_cycles / factor, at.core.busy_cycles)
    return replace(at, core=replace(at.core, busy_cycles=busy))


def on_more_ports(at: Design, factor: float, place: int) -> Design:
    """A class of instructions that may use one port more."""
    assert at.core is not None
    allowed = at.core.allowed.copy()
    has = np.flatnonzero(allowed.any(axis=1))
    row = has[place % len(has)]
    others = np.flatnonzero(~allowed[row])
    if others.size:
        allowed[row, others[place % others.size]] = True
    return replace(at, core=replace(at.core, allowed=allowed))


def with_a_new_port(at: Design, factor: float, place: int) -> Design:
    """A port that the core has not had, for one class."""
    assert at.core is not None
    allowed = np.pad(at.core.allowed, ((0, 0), (0, 1)))
    has = np.flatnonzero(at.core.allowed.any(axis=1))
    allowed[has[place % len(has)], -1] = True
    return replace(at, core=replace(at.core, allowed=allowed, ports=(*at.core.ports, "new")))


def streaming(at: Design, factor: float, place: int) -> Design:
    """Stores that fill whole lines without fetching them."""
    assert at.core is not None
    return replace(at, core=replace(at.core, write_allocate=False))


BETTER = {
    "clock": scaled("clock_hz"),
    "cache": scaled("level_size_bytes"),
    "bandwidth of a core": scaled("level_bandwidth_bytes_per_s"),
    "bandwidth of all": scaled("level_shared_bandwidth_bytes_per_s"),
    "overlap": overlapped,
    "efficiency": efficient,
    "issue width": issued,
    "shorter instructions": freed,
    "a port more for a class": on_more_ports,
    "a new port": with_a_new_port,
    "write streaming": streaming,
}

LARGER = st.floats(1, 16)
PLACES = st.integers(0, 1000)
SEARCH = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("what", BETTER)
@SEARCH
@given(case=cases(), factor=LARGER, place=PLACES, threads=st.integers(1, 8))
def test_more_of_it_never_costs_time(what, case, factor, place, threads):
    machine = BETTER[what](case.at, factor, place)
    assert case.seconds(machine, threads) <= case.seconds(threads=threads) * TOLERANCE


CLASS = range(len(CLASSES))
LEVEL = range(3)
PAYS = [
    # (what, where time goes on the machine, places to try)
    ("clock", "core", [0]),
    ("efficiency", "core", [0]),
    ("issue width", "front end", [0]),
    ("shorter instructions", "core", CLASS),
    ("a port more for a class", "core", CLASS),
    ("a new port", "core", CLASS),
    ("cache", "own bandwidth", LEVEL),
    ("overlap", "own bandwidth", LEVEL),
    ("bandwidth of a core", "own bandwidth", LEVEL),
    ("bandwidth of all", "shared bandwidth", LEVEL),
    ("write streaming", "own bandwidth", [0]),
]


def slowed(where: str) -> Design:
    """A machine on which one thing takes nearly all of the time."""
    base = DESIGNS["raspberry-pi-4b"]
    assert base.core is not None
    own, shared = (
        np.full(3, 1e6 if where == f"{n} bandwidth" else 1e15) for n in ("own", "shared")
    )
    width = 0.1 if where == "front end" else 100.0
    return replace(
        on_machine(
            base,
            level_bandwidth_bytes_per_s=own,
            level_shared_bandwidth_bytes_per_s=shared,
            level_overlap=np.array([1, 0.5, 0.5]),
            efficiency=0.5,
        ),
        core=replace(base.core, issue_width=width, write_allocate=True),
    )


# A property that no case can break says nothing: each must pay off somewhere.
@pytest.mark.parametrize(("what", "where", "places"), PAYS)
def test_more_of_it_pays_somewhere(what, where, places):
    _, kernel = KERNELS["raspberry-pi-4b"]["own-fp32-128"]
    case = Case("fp", kernel, Dimensions(900, 64, 64, 9), slowed(where), 2.0**30)
    gains = [case.seconds() / case.seconds(BETTER[what](case.at, 16.0, place)) for place in places]
    assert max(gains) > 1.01
    assert {item[0] for item in PAYS} == set(BETTER)


@SEARCH
@given(cases(), st.lists(st.integers(1, 64), min_size=2, max_size=6))
def test_more_threads_never_cost_time(case, threads):
    machine = on_machine(case.at, cores=64.0)
    each = [case.seconds(machine, number) for number in sorted(threads)]
    assert (np.diff(each) <= np.array(each[:-1]) * 1e-12).all()


# Lengths that divide: whole tiles (of 1 to 32 filters, and 1 to 16 positions), words and vectors,
# before and after.
UNITS = {"positions": 48**2, "filters": 96, "filter_channels": 4096, "taps": 1, "groups": 1}


def wholly(case: Case) -> Case:
    """A layer of whole tiles of any kernel, in fixed blocks."""
    depthwise = case.kernel.walk.form == "depthwise"
    sizes = dict(UNITS)
    if depthwise:
        sizes |= {"filters": 1, "filter_channels": 1, "groups": 96}
    walk = replace(case.kernel.walk, blocks=case.kernel.walk.blocks and (lambda k, d: (96, 96)))
    kernel = replace(case.kernel, walk=walk)
    nest = replace(case.nest, **{n: s for n, s in sizes.items() if n != "taps"})
    return replace(case, kernel=kernel, nest=nest)


GROWS = ("positions", "filters", "filter_channels", "groups")


@SEARCH
@given(cases(), st.sampled_from(GROWS), st.integers(2, 4))
def test_more_of_a_layer_is_never_less_work_nor_less_time(case, name, times):
    whole = wholly(case)
    if whole.kernel.walk.form == "depthwise" and name in ("filters", "filter_channels"):
        name = "groups"
    size = getattr(whole.nest, name)
    more = {name: size * (times**2 if name == "positions" else times)}
    larger, smaller = (by_class(all_issued(work)) for work in (whole.work(**more), whole.work()))
    assert (larger >= smaller).all()
    assert whole.seconds(**more) * TOLERANCE >= whole.seconds()
    assert whole.joules(**more) * TOLERANCE >= whole.joules()


@SEARCH
@given(cases(vectors=True), st.sampled_from([2, 4]))
def test_wider_vectors_never_cost_time(case, times):
    """The same kernel on vectors of twice and four times the bits, in whole tiles of both.

    In caches that hold the layer: a tile grows with the vectors, and what it reads again then comes
    from further out where they do not.
    """
    narrow = wholly(case)
    narrow = replace(
        narrow,
        at=on_machine(
            narrow.at, level_size_bytes=np.full_like(narrow.at.machine.level_size_bytes, np.inf)
        ),
    )
    bits = narrow.kernel.simd_bits * times
    wide = replace(narrow, kernel=at_width(narrow.kernel, bits))
    machine = on_machine(narrow.at, simd_bits=bits)
    assert wide.seconds(machine) <= narrow.seconds() * TOLERANCE


@SEARCH
@given(case=cases(), factor=LARGER, place=PLACES)
def test_energy_never_falls_when_bytes_rise(case, factor, place):
    """In a smaller cache: more bytes further out, and no less time."""
    small = BETTER["cache"](case.at, 1 / factor, place)
    one, other = case.predicted(small), case.predicted()
    assert one.energy_j[0] * TOLERANCE >= other.energy_j[0]
    for name, share in other.energy_shares.items():
        assert one.energy_shares[name][0] * TOLERANCE >= share[0], name


@pytest.mark.parametrize("name", sorted(DESIGNS))
def test_passes_never_cost_more_on_more_of_a_machine(name):
    at = DESIGNS[name]
    kinds = ("batch_norm", "add", "relu", "max_pool", "mean_pool", "sigmoid")
    columns = pass_columns(np.array([7, 100, 2**12, 2**16, 2**18, 2**20]), 5 * 2**20)
    assert at.core is not None
    recipes = recipe_set("own", int(at.machine.simd_bits))
    work = work_of(columns, kinds, recipes, at.core)
    base = predict(work, at).latency_s
    for what, better in BETTER.items():
        for place in range(len(CLASSES)):
            found = predict(work, better(at, 2.0, place)).latency_s
            assert (found <= base * TOLERANCE).all(), (what, place)


def test_fields_of_a_machine_are_all_looked_at():
    """A new number of the machine that predictions take must get a line in BETTER."""
    looked_at = {"clock_hz", "simd_bits", "cores", "efficiency", "layer_overhead_s"}
    levels = {"size_bytes", "bandwidth_bytes_per_s", "shared_bandwidth_bytes_per_s", "overlap"}
    looked_at |= {f"level_{name}" for name in levels}
    of_the_roofline = ("_per_cycle", "scalar_fp32_latency_cycles")
    found = {
        item.name
        for item in dataclasses.fields(Machine)
        if item.metadata and not item.name.endswith(of_the_roofline)
    }
    assert {n for n in found if "energy" not in n and "power" not in n} == looked_at
    assert set(DIMENSIONS) == {*GROWS, "taps", "stride"}
