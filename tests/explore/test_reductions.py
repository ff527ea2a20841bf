"""Reductions: beside numpy over the whole, in whatever blocks and order they are worked out."""

from __future__ import annotations

from functools import reduce as folded

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tests.explore.spaces import tiny
from tests.explore.test_fronts import plain
from xnorsim.errors import SpecError, UsageError
from xnorsim.explore.grid import values_of
from xnorsim.explore.reductions import DECADE_EDGES, Parts, asked, reduction
from xnorsim.explore.resolve import resolve
from xnorsim.explore.space import Space, Tasks
from xnorsim.explore.spec import spec_of

METRICS = ["latency_s", "energy_j"]
AXES = {
    "binarize": ["none", "xnor"],
    "clock": ["1 GHz", "2 GHz", "3 GHz", "4 GHz"],
    "memories.L2.size": ["256 KiB", "512 KiB", "1 MiB"],
    "caches": {
        "link": ["threads", "memories.L2.bandwidth"],
        "values": [[1, "90 GB/s"], [2, "80 GB/s"], [3, "70 GB/s"]],
    },
}


def made(**given) -> Space:
    fixed = {"model": tiny(), "profile": "zen-4", "predictor": "instructions:own"}
    return resolve(spec_of(**{**fixed, "axes": AXES, "metrics": METRICS, **given}))


SPACE = made()


def figures(seed: int, kinds: int) -> dict[str, np.ndarray]:
    """Made-up figures of every point: some left out, many alike."""
    rng = np.random.default_rng(seed)
    found = {name: rng.integers(1, kinds + 1, SPACE.shape) * 1e-4 for name in METRICS}
    out = rng.random(SPACE.shape) < 0.2
    return {name: np.where(out, np.nan, array) for name, array in found.items()}


def worked_out(text: str, values, chunk, order) -> Parts:
    """The result of blocks in some order, merged in pairs now and then."""
    found = reduction(text, SPACE)
    blocks = Tasks(SPACE.shape, chunk)
    parts = []
    for number in order(range(len(blocks))):
        block = blocks[number]
        here = {name: array[block.slices] for name, array in values.items()}
        so_far = parts[-1] if len(parts) > 1 else None
        parts.append(found.of_block(block, here, so_far))
        if number % 3 == 0 and len(parts) > 1:
            parts.append(found.merged(parts.pop(), parts.pop()))
    return found.result(folded(found.merged, parts))


CHUNKS = st.tuples(*(st.integers(1, size) for size in SPACE.shape))
TEXTS = [
    "pareto:latency_s",
    "pareto:latency_s,energy_j",
    "pareto:energy_j,memories.L2.size,threads",
    "pareto:energy_j,clock,memories.L2.size,threads",
    "top:7:energy_j",
    "top:1000:energy_j",
    "best:latency_s by clock",
    "best:latency_s by threads,binarize",
    "histogram:latency_s",
    "histogram:latency_s:0.2 ms,0.0003,0.4 ms",
]


@given(st.sampled_from(TEXTS), st.integers(0, 99), st.sampled_from([2, 1000]), CHUNKS)
def test_blocks_and_their_order_change_nothing(text, seed, kinds, chunk):
    values = figures(seed, kinds)
    whole = worked_out(text, values, SPACE.shape, list)
    for order in (list, lambda numbers: numbers[::-1]):
        found = worked_out(text, values, chunk, order)
        assert list(found) == list(whole)
        for name, array in whole.items():
            assert_array_equal(found[name], array)


@given(st.integers(0, 99), st.sampled_from([2, 1000]), CHUNKS)
def test_front(seed, kinds, chunk):
    values = figures(seed, kinds)
    found = worked_out("pareto:latency_s,memories.L2.size,energy_j", values, chunk, list)
    size = np.broadcast_to(values_of(SPACE, "memories.L2.size"), SPACE.shape)
    points = np.stack([values["latency_s"], size, values["energy_j"]], axis=-1).reshape(-1, 3)
    index = np.flatnonzero(~np.isnan(points[:, 0]))
    expected = index[plain(points[index], index)]
    assert_array_equal(np.sort(found["index"]), expected)
    for name in METRICS:
        assert_array_equal(found[name], values[name].ravel()[found["index"]])


@given(st.integers(0, 99), st.integers(1, 80), CHUNKS)
def test_top(seed, count, chunk):
    values = figures(seed, 5)
    found = worked_out(f"top:{count}:energy_j", values, chunk, list)
    flat = values["energy_j"].ravel()
    expected = np.argsort(flat, kind="stable")[: min(count, np.count_nonzero(~np.isnan(flat)))]
    assert_array_equal(found["index"], expected)
    assert_array_equal(found["latency_s"], values["latency_s"].ravel()[expected])


@given(st.integers(0, 99), st.sampled_from([2, 1000]), CHUNKS)
def test_best_of_each_group(seed, kinds, chunk):
    values = figures(seed, kinds)
    values["latency_s"][:, 2, :, 1] = np.nan  # a group without a point
    values["latency_s"][:, 1, :, 1] = np.inf
    found = worked_out("best:latency_s by caches,clock", values, chunk, list)
    assert found["index"].shape == (3, 4)
    flat = np.arange(values["latency_s"].size).reshape(SPACE.shape)
    for cache in range(3):
        for clock in range(4):
            here = values["latency_s"][:, clock, :, cache].ravel()
            if np.isnan(here).all():
                assert found["index"][cache, clock] == -1
                assert np.isnan(found["energy_j"][cache, clock])
            else:
                at = np.flatnonzero(here == np.nanmin(here))[0]
                assert found["index"][cache, clock] == flat[:, clock, :, cache].ravel()[at]
                assert found["latency_s"][cache, clock] == here[at]


@given(st.integers(0, 99), CHUNKS)
def test_histograms(seed, chunk):
    values = figures(seed, 6)
    flat = values["latency_s"][~np.isnan(values["latency_s"])]
    found = worked_out("histogram:latency_s:0.15 ms,0.35 ms,0.55 ms", values, chunk, list)
    assert_array_equal(found["low"], [-np.inf, 0.15e-3, 0.35e-3, 0.55e-3])
    assert_array_equal(found["high"], [0.15e-3, 0.35e-3, 0.55e-3, np.inf])
    edges = [0, 0.15e-3, 0.35e-3, 0.55e-3, 1]
    assert_array_equal(found["count"], np.histogram(flat, edges)[0])
    found = worked_out("histogram:latency_s", values, chunk, list)
    expected, _ = np.histogram(flat, DECADE_EDGES)
    first, last = np.flatnonzero(expected)[[0, -1]]
    assert_array_equal(found["count"], expected[first : last + 1])
    assert_array_equal(found["low"], DECADE_EDGES[first : last + 1])


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_left_is_no_point(text):
    values = {name: np.full(SPACE.shape, np.nan) for name in METRICS}
    found = worked_out(text, values, (1, 2, 2, 2), list)
    assert not any(np.any(array > 0) for name, array in found.items() if name in METRICS)
    assert found.get("count", np.zeros(1)).sum() == 0


def test_figures_of_layers_go_along():
    values = figures(0, 1000)
    by_layer = np.stack([values["energy_j"], 2 * values["energy_j"]], axis=-1)
    found = worked_out("top:5:latency_s", {**values, "x": by_layer}, (1, 2, 2, 2), list)
    assert_array_equal(found["x"], np.stack([found["energy_j"], 2 * found["energy_j"]], axis=-1))
    found = worked_out("best:latency_s by clock", {**values, "x": by_layer}, (1, 2, 2, 2), list)
    assert found["x"].shape == (4, 2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("front", "'front' is not known: valid choices: best, histogram, pareto, top"),
        ("pareto:speed", "no metric 'speed'"),
        ("pareto:", "each name once"),
        ("pareto:latency_s,latency_s", "pareto:METRIC,METRIC or AXIS, each name once"),
        ("top:latency_s", "top:COUNT:METRIC, with a count from 1"),
        ("top:0:latency_s", "with a count from 1"),
        ("top:10:speed", "no metric 'speed'"),
        ("best:latency_s", "best:METRIC by AXIS,AXIS"),
        ("best:latency_s by clock,clock", "best:METRIC by AXIS,AXIS, each name once"),
        ("histogram:latency_s:1 ms,1 m", "'1 m'"),
        ("histogram:latency_s:2 ms,1 ms", "each edge is above the one before"),
        ("histogram:latency_s:", "is not of the form"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_form(text, told):
    with pytest.raises(UsageError) as fault:
        asked(text)
    assert told in str(fault.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("best:latency_s by profile", "best by 'profile', which is no axis: valid choices: bin"),
        ("pareto:latency_s,speed", "'speed', which is neither a metric nor a number on an axis"),
        ("pareto:latency_s,binarize", "neither a metric nor a number"),
        ("pareto:latency_s,caches", "neither a metric nor a number"),
    ],
)
def test_names_are_looked_up_in_the_space(text, told):
    with pytest.raises(SpecError) as fault:
        made(reduce=text)
    assert f"reduce: {told}" in str(fault.value) or told in str(fault.value)
    assert "it would be 72 points" in str(fault.value)


def test_a_field_on_a_linked_axis_is_a_group_and_a_number_too():
    assert reduction("best:latency_s by threads", SPACE).dims == ("caches",)
    assert made(reduce="pareto:latency_s,threads").metrics == ("latency_s", "energy_j")
