"""From parts to seconds: limits by head, and what may never happen as properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorsim.cost.latency import (
    combined_seconds,
    core_seconds,
    nearest_bound,
    transfer_seconds,
)
from xnorsim.errors import UsageError

DEALT = [
    # (threads, pieces, expected cycles of 1200, why)
    (1, np.inf, 1200, "one thread does all"),
    (4, np.inf, 300, "evenly"),
    (4, 4, 300, "one piece each"),
    (4, 5, 480, "one thread takes two of five pieces"),
    (4, 3, 400, "one of four threads has nothing to do"),
    (8, 1, 1200, "one piece cannot be cut"),
    (4, 0, 300, "no pieces: nothing is quantised"),
]


@pytest.mark.parametrize(("threads", "pieces", "cycles", "why"), DEALT)
def test_work_is_dealt_out_in_whole_pieces(threads, pieces, cycles, why):
    assert core_seconds(1200, 1e9, threads, pieces) == pytest.approx(cycles / 1e9), why


MOVED = [
    (1, np.inf, 1e-6, "4000 B at 4 GB/s"),
    (2, np.inf, 0.5e-6, "two cores"),
    (4, 8e9, 0.5e-6, "four cores, but 8 GB/s for all"),
]


@pytest.mark.parametrize(("threads", "shared", "seconds", "why"), MOVED)
def test_levels_are_shared(threads, shared, seconds, why):
    assert transfer_seconds(4000, 4e9, shared, threads) == pytest.approx(seconds), why


COMBINED = [
    # (core, transfers, overlaps, expected, why)
    (5, [3, 2], [1, 1], 5, "all at once: the longest"),
    (5, [3, 2], [0, 0], 10, "one after the other: the sum"),
    (5, [3, 8], [1, 0], 13, "the far level waits for the rest"),
    (5, [3], [0.5], 6.5, "half of the shorter part is hidden"),
    (5, [], [], 5, "no memory"),
    (0, [4], [0.3], 4, "nothing to overlap with"),
]


@pytest.mark.parametrize(("core", "transfers", "overlaps", "expected", "why"), COMBINED)
def test_parts_combine(core, transfers, overlaps, expected, why):
    assert combined_seconds(core, transfers, overlaps) == pytest.approx(expected), why


times = st.floats(0, 1e3)
shares = st.floats(0, 1)


@given(times, st.lists(st.tuples(times, shares), max_size=4), times, st.data())
def test_more_work_is_never_faster_and_more_overlap_never_slower(core, levels, more, data):
    parts, overlaps = [part for part, _ in levels], [share for _, share in levels]
    time = combined_seconds(core, parts, overlaps)
    tolerance = 1e-9 * (1 + time)
    assert max([core, *parts]) - tolerance <= time <= core + sum(parts) + tolerance
    assert combined_seconds(core + more, parts, overlaps) >= time - tolerance
    if levels:
        at = data.draw(st.integers(0, len(levels) - 1))
        grown = [part + more * (i == at) for i, part in enumerate(parts)]
        assert combined_seconds(core, grown, overlaps) >= time - tolerance
        hidden = [1.0 if i == at else share for i, share in enumerate(overlaps)]
        assert combined_seconds(core, parts, hidden) <= time + tolerance


def test_arrays_broadcast_over_layers_and_design_points():
    core = np.array([5.0, 1.0])
    overlap = np.array([[1.0], [0.0]])  # two machines
    found = combined_seconds(core, [np.array([3.0, 3.0])], [overlap])
    np.testing.assert_array_equal(found, [[5, 3], [8, 4]])


def test_the_bound_is_the_longest_part_and_leads_by_so_much():
    bound, lead = nearest_bound([6, 1, 0], [[3, 4, 0], [2, 4, 0]], [1, 1, 0])
    np.testing.assert_array_equal(bound, [0, 1, 0])
    np.testing.assert_array_equal(lead, [2, 1, 1])


FAULTS = [
    ([1, 2], [1], "1 overlaps were given for 2 memory levels"),
    ([1], [1.5], r"overlap of memory level 0 is 0 to 1, not 1\.5"),
    ([1], [np.nan], "is 0 to 1, not nan"),
]


@pytest.mark.parametrize(("transfers", "overlaps", "match"), FAULTS)
def test_overlaps_that_cannot_be(transfers, overlaps, match):
    with pytest.raises(UsageError, match=match):
        combined_seconds(1, transfers, overlaps)
