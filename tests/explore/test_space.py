"""A space: its blocks, the points that are left out, and the machine and policy of each point."""

from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.explore.spaces import tiny
from xnorsim.errors import SpecError, UsageError
from xnorsim.explore.axes import Axis
from xnorsim.explore.constraints import Constraint, names
from xnorsim.explore.fields import Field
from xnorsim.explore.grammar import parse
from xnorsim.explore.grid import count_left, first_left, mask, numbers, ties, values_of
from xnorsim.explore.policies import policy_of
from xnorsim.explore.resolve import resolve
from xnorsim.explore.space import (
    MOST_DESIGNS,
    MOST_STRUCTURES,
    Block,
    Space,
    Tasks,
    parts,
    point,
    points,
    predictor_of,
    profile_of,
    tasks,
)
from xnorsim.explore.spec import spec_of
from xnorsim.machine.core import lower_core
from xnorsim.machine.fields import drawn_at, with_values
from xnorsim.machine.lowering import lower
from xnorsim.network.policy import Binarize, apply, kept
from xnorsim.network.precision import Scaling


def made(**given: Any) -> Space:
    return resolve(spec_of(**{"model": tiny(), "profile": "zen-4", **given}))


def whole(space: Space) -> Block:
    return Block(0, tuple(slice(0, size) for size in space.shape))


SPACE = made(
    profile=None,
    axes={
        "profile": ["zen-4", "neoverse-n1"],
        "clock": ["1 GHz", "2.1 GHz", "3 GHz"],
        "memories.L2.size": ["64 KiB", "256 KiB", "1 MiB"],
        "threads": [1, 4, 96],
        "recipes": ["own", "larq"],
    },
    where=["memories.L2.size <= 256 KiB * threads", "clock > 1 GHz or profile == 'zen-4'"],
)


def test_points_left_out_are_those_that_no_condition_lets_pass() -> None:
    out = mask(SPACE, whole(SPACE))
    assert out.shape == SPACE.shape == (2, 3, 3, 3, 2)
    expected = np.zeros(out.shape, dtype=bool)
    for index in np.ndindex(out.shape):
        values = point(SPACE, index)
        size = {"64 KiB": 2**16, "256 KiB": 2**18, "1 MiB": 2**20}[values["memories.L2.size"]]
        threads = int(values["threads"])
        machine = SPACE.profiles[values["profile"]]
        is_zen = values["profile"] == "zen-4"
        passes = size <= 2**18 * threads and (values["clock"] != "1 GHz" or is_zen)
        passes &= threads <= int(machine.cores.value or 0)
        passes &= size > lower(machine).level_size_bytes[0]  # above the L1
        passes &= not (is_zen and values["recipes"] == "larq")  # code for aarch64
        expected[index] = not passes
    np.testing.assert_array_equal(out, expected)
    assert SPACE.left == int((~expected).sum()) > 0


def test_what_is_left_makes_a_machine() -> None:
    out = mask(SPACE, whole(SPACE))
    for index in np.argwhere(~out):
        profile_of(SPACE, point(SPACE, index.tolist()))


def test_blocks_see_the_same_points_left_out_as_the_whole() -> None:
    out = mask(SPACE, whole(SPACE))
    seen = np.zeros(out.shape, dtype=int)
    for block in Tasks(SPACE.shape, (1, 2, 2, 3, 1)):
        np.testing.assert_array_equal(mask(SPACE, block), out[block.slices])
        seen[block.slices] += 1
        place = first_left(SPACE, block)
        inside = np.argwhere(~out[block.slices])
        if place is None:
            assert not len(inside)
        else:
            start = [part.start for part in block.slices]
            assert list(place) == (inside[0] + start).tolist()
    assert (seen == 1).all()


def test_parts_of_a_block_have_one_machine_and_program_each() -> None:
    block = tasks(SPACE, 1e9)[0]
    assert block.shape == SPACE.shape
    found = list(parts(SPACE, block))
    assert len(found) == 2 * 2
    assert {part.shape for part in found} == {(1, 3, 3, 3, 1)}
    seen = np.zeros(SPACE.shape, dtype=int)
    for part in found:
        seen[part.slices] += 1
    assert (seen == 1).all()


def test_arrays_of_a_block_lower_to_the_machine_of_each_point() -> None:
    space = made(
        axes={
            "clock": "1 GHz .. 4 GHz log 3",
            "memories.L2.bandwidth": ["7 byte/cycle", "0.3 byte/cycle"],  # of the axis' clock
            "caches": {
                "link": ["memories.L2.size", "memories.L3.size"],
                "values": [["1 MiB", "8 MiB"], ["2 MiB", "unlimited"]],
            },
            "memories.L2.shared_bandwidth": ["33 GB/s", "unlimited"],  # the profile has none
            "instructions.popcount.per_cycle": [1, 3, 0.7],
            "instructions.popcount.ports": ["FP0", "FP0, FP1, FP2"],
        }
    )
    for part in parts(space, whole(space)):
        first = first_left(space, part)
        assert first is not None
        base = profile_of(space, point(space, first))
        arrays = {name: a[..., None] for name, a in numbers(space, part).items()}
        machine, core = (
            lower(base, drawn_at(base, arrays)),
            lower_core(base, drawn_at(base, arrays)),
        )
        popcount = core.classes.index("vector_popcount")
        shape = part.shape
        for at in np.ndindex(shape):
            place = [box.start + i for box, i in zip(part.slices, at, strict=True)]
            one = profile_of(space, point(space, place))
            alone = lower(one)
            for name in ("level_size_bytes", "level_bandwidth_bytes_per_s",
                         "level_shared_bandwidth_bytes_per_s"):  # fmt: skip
                each = getattr(machine, name)
                many = np.broadcast_to(each, (len(each), *shape, 1))[(slice(None), *at, 0)]
                np.testing.assert_array_equal(many, getattr(alone, name))
            assert np.broadcast_to(machine.clock_hz, (*shape, 1))[(*at, 0)] == alone.clock_hz
            busy = np.broadcast_to(core.busy_cycles, (*shape, 1, len(core.classes)))
            assert busy[(*at, 0, popcount)] == lower_core(one).busy_cycles[popcount]


def test_conditions_speak_of_machines_and_of_what_is_derived() -> None:
    axes = {"profile": ["zen-4", "raspberry-pi-4b"], "threads": [1, 2]}
    space = made(profile=None, axes=axes, where=["clock > 2 GHz"])
    assert values_of(space, "clock").ravel().tolist() == [3.3e9, 1.5e9]
    assert mask(space, whole(space)).tolist() == [[False, False], [True, True]]
    space = made(profile=None, axes=axes, where=["instructions.popcount.per_cycle >= 1"])
    assert values_of(space, "instructions.popcount.per_cycle").ravel().tolist() == [1.0, 1.0]
    for name in ("busy", "ports"):
        with pytest.raises(SpecError, match="follows from"):
            made(
                axes={f"instructions.popcount.{name}": "1 cycle" if name == "busy" else "FP0"},
                where=["instructions.popcount.per_cycle >= 1"],
            )


def test_conditions_that_share_no_axis_are_counted_apart() -> None:
    groups = ties(SPACE)
    tied = sorted(sorted(group.axes) for group in groups)
    # profile ties clock, threads, L2 and recipes; the last is the rule of fixed fields
    assert tied[0] == [0, 1, 2, 3, 4]
    space = made(
        axes={"clock": ["1 GHz", "2 GHz"], "threads": [1, 2, 3], "batch": [1, 2]},
        where=["clock > 1 GHz", "threads != 2"],
    )
    assert sorted(sorted(group.axes) for group in ties(space)) == [[0], [1]]
    assert count_left(space) == 1 * 2 * 2


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_points_left_are_counted_exactly(data: st.DataObject) -> None:
    texts = data.draw(
        st.lists(
            st.sampled_from(
                ["clock > 1.5 GHz", "threads < 3", "batch * threads <= 4", "threads % 2 == 0",
                 "clock * 1 ns > threads", "not batch == 2", "width < 1 or batch > 1"]
            ),
            unique=True,
            max_size=4,
        )
    )  # fmt: skip
    space = _conditioned(BASE, texts)
    assert count_left(space) == int((~mask(space, whole(space))).sum())


def _conditioned(space: Space, texts: list[str]) -> Space:
    items = tuple(Constraint(text, parse(text)) for text in texts)
    wanted = {name for item in items for name in names(item.tree)}
    given = {**space.given, **{name: values_of(space, name) for name in wanted}}
    return replace(space, where=(*space.where, *items), given=given)


BASE = made(
    axes={
        "clock": "1 GHz .. 3 GHz step 0.5 GHz",
        "threads": "1 .. 4",
        "batch": "1 .. 3",
        "width": "0.5 .. 1 step 0.25",
    }
)


def _axis(size: int, kind: Any) -> Axis:
    field = Field("x", kind, "x")
    texts = tuple(str(i) for i in range(size))
    return Axis("x", (field,), kind, (texts,), (np.arange(float(size)),), ("",))


@given(
    st.lists(
        st.tuples(st.integers(1, 300), st.sampled_from(["structure", "table", "number"])),
        min_size=1,
        max_size=4,
    ),
    st.integers(5_000, 10**9),
    st.integers(1, 100),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_tasks_cover_every_point_once_within_the_memory(
    sizes: list[tuple[int, Any]], memory: int, rows: int, layers: bool
) -> None:
    space = replace(BASE, axes=tuple(_axis(*one) for one in sizes), layers=layers)
    found = tasks(space, memory, rows)
    assert prod(found.grid) == len(found)
    largest = found[0]
    assert prod(largest.shape) * rows * 48 <= memory
    assert prod(largest.shape) <= MOST_DESIGNS
    if layers:
        assert prod(largest.shape) * rows * 8 <= 8 * 2**20
    structures = prod(
        n for n, (_, kind) in zip(largest.shape, sizes, strict=True) if kind == "structure"
    )
    assert structures <= MOST_STRUCTURES
    # Along each axis the parts follow each other from 0 to the end; blocks are their product.
    for axis, count in enumerate(found.grid):
        step = prod(found.grid[axis + 1 :])
        edges = [found[place * step].slices[axis] for place in range(count)]
        assert [0, *(part.stop for part in edges)] == [*(p.start for p in edges), space.shape[axis]]
    places = [0, len(found) - 1, len(found) // 2]
    assert [found[place].number for place in places] == places
    assert found[-1].slices == found[len(found) - 1].slices


def test_few_points_are_walked_in_order_the_last_axis_first() -> None:
    found = [block.slices for block in Tasks((3, 4), (2, 2))]
    expected = list(product([slice(0, 2), slice(2, 3)], [slice(0, 2), slice(2, 4)]))
    assert found == expected
    with pytest.raises(IndexError):
        Tasks((3, 4), (2, 2))[4]


def test_tasks_of_a_large_space_are_made_when_asked_for() -> None:
    axes = {f"memories.{level}.bandwidth": "1 GB/s .. 2 GB/s log 1000" for level in ("L1", "L2")}
    axes |= {"clock": "1 GHz .. 2 GHz log 1000", "core.issue_width": "1 .. 8 log 1000"}
    space = made(axes=axes, reduce="top:10:latency_s")
    found = tasks(space, 256e6, 85)
    assert len(found) > 10**7
    assert points(space) == 10**12 == space.left
    assert found[len(found) - 1].slices[0].stop == 1000


def test_memory_for_less_than_a_design_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"4,000 bytes does not hold one design of 85 layers.*4,080"
    ):
        tasks(BASE, 4000, 85)


def test_a_space_goes_to_another_process() -> None:
    again = pickle.loads(pickle.dumps(replace(SPACE, graph=None)))
    assert again.fingerprint == SPACE.fingerprint
    np.testing.assert_array_equal(mask(again, whole(again)), mask(SPACE, whole(SPACE)))


def test_a_point_says_its_predictor_its_threads_and_its_machine() -> None:
    values = point(SPACE, (1, 2, 1, 0, 1))
    assert predictor_of(values) == "instructions:larq"
    assert (values["threads"], values.get("batch")) == ("1", None)
    assert profile_of(SPACE, values) == with_values(
        SPACE.profiles["neoverse-n1"], {"clock": "3 GHz", "memories.L2.size": "256 KiB"}
    )
    assert predictor_of(point(BASE, (0, 0, 0, 0))) == "roofline"
    assert profile_of(made(axes={"threads": [1, 2]}), {"profile": "zen-4"}).name == "zen-4"


@pytest.mark.parametrize(
    ("given", "axis", "binary"),
    [
        ({}, {"binary": "conv1"}, {"conv1"}),
        ({}, {"binary": "conv1,fc*"}, {"conv1", "fc0", "fc1"}),
        ({}, {"binary": "none"}, set()),
        ({}, {"binary": "all"}, {"conv0", "conv1", "fc0", "fc1"}),  # depthwise stays
        ({"depthwise": True}, {"binary": "all"}, {"conv0", "conv1", "depth", "fc0", "fc1"}),
        ({}, {"binary": "first,last"}, {"conv0", "fc1"}),
        ({}, {"binarize": "xnor"}, {"conv1", "fc0"}),  # first and last stay
        ({"binarize": "xnor"}, {"high_precision": "none"}, {"conv0", "conv1", "fc0", "fc1"}),
        ({"binarize": "xnor"}, {"high_precision": "conv*"}, {"fc0", "fc1"}),
        ({"binarize": "xnor"}, {"high_precision": "all"}, set()),
        ({}, {"binarize": "none"}, set()),
    ],
)
def test_the_policy_of_a_point(
    given: dict[str, Any], axis: dict[str, str], binary: set[str]
) -> None:
    space = made(axes=axis, **given)
    assert space.graph is not None
    policy = policy_of(space.graph, point(space, (0,)))
    changed = {node.name for node in apply(space.graph, policy).nodes if node.scheme is not None}
    assert changed == binary
    if policy.binarize is not Binarize.NONE:
        layers = {"conv0", "conv1", "depth", "fc0", "fc1"}
        assert layers - kept(space.graph, policy) == binary


def test_the_policy_has_the_scaling_of_the_point() -> None:
    space = made(
        axes={"scaling": ["alpha", "alpha_k"]}, binarize="xnor", border="valid", pad_value=1
    )
    policies = [policy_of(space.graph or tiny(), point(space, (i,))) for i in range(2)]
    assert [policy.scaling for policy in policies] == [Scaling.ALPHA, Scaling.ALPHA_K]
    assert {(policy.border, policy.pad_value) for policy in policies} == {("valid", 1)}
