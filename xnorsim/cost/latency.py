"""Cycles of the core and bytes over memory boundaries into seconds, and what bounds them.

The parts of a layer's time are the core's (its instructions from the nearest cache) and one for
each memory level whose data cross a boundary. How much of them goes on at the same time is a
property of the machine: everything (a roofline), nothing (their sum), or something in between.

    t_0 = core,  t_i = max(t_(i-1), m_i) + (1 - o_i) min(t_(i-1), m_i)       i = 1 .. levels

with o_i the share of the shorter part that hides behind the longer one. o = 1 everywhere is the
roofline, o = 0 everywhere the sum; the Execution-Cache-Memory model of in-order transfers lies
between: J. Hofmann, J. Eitzinger, D. Fey, "Execution-Cache-Memory Performance Model: Introduction
and Validation", arXiv 1509.03118 (2015), sections 2 and 3.

Time never falls when a part grows, and never rises when an overlap does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xnorsim.errors import UsageError

__all__ = [
    "Overlap",
    "checked_overlaps",
    "combined",
    "combined_seconds",
    "core_seconds",
    "joint_bandwidth",
    "longest_part",
    "nearest_bound",
    "thread_share",
    "transfer_seconds",
]

_Floats = NDArray[np.float64]


def core_seconds(
    cycles: ArrayLike, clock_hz: ArrayLike, threads: ArrayLike = 1, pieces: ArrayLike = np.inf
) -> _Floats:
    """The core's part with the work dealt out to `threads` in whole pieces [s].

    cycles: [...] of all pieces on one core [cycle]. pieces: [...] how many there are, such as
    tiles; a thread takes ceil(pieces / threads) of them, so that threads beyond the pieces gain
    nothing. Infinitely many are dealt out evenly.
    """
    share = thread_share(threads, pieces)
    return np.asarray(cycles, float) * share / np.asarray(clock_hz, float)


def thread_share(threads: ArrayLike, pieces: ArrayLike = np.inf) -> _Floats:
    """The share [...] of the work that the thread with the most of it does; see `core_seconds`."""
    threads, pieces = np.asarray(threads, float), np.asarray(pieces, float)
    with np.errstate(invalid="ignore"):  # inf / inf, where the even share is taken
        share = np.ceil(pieces / threads) / pieces
    return np.where(np.isfinite(pieces) & (pieces > 0), share, 1 / threads)


def transfer_seconds(
    moved_bytes: ArrayLike,
    bandwidth_bytes_per_s: ArrayLike,
    shared_bandwidth_bytes_per_s: ArrayLike = np.inf,
    threads: ArrayLike = 1,
) -> _Floats:
    """The part of one memory level: bytes over what the threads together can move [s].

    bandwidth: of one core. shared: the ceiling of all cores together.
    """
    together = joint_bandwidth(bandwidth_bytes_per_s, shared_bandwidth_bytes_per_s, threads)
    return np.asarray(moved_bytes, float) / together


def joint_bandwidth(
    bandwidth_bytes_per_s: ArrayLike,
    shared_bandwidth_bytes_per_s: ArrayLike = np.inf,
    threads: ArrayLike = 1,
) -> _Floats:
    """What threads together can move [byte/s]; see `transfer_seconds`."""
    alone = np.asarray(bandwidth_bytes_per_s, float) * np.asarray(threads, float)
    return np.minimum(alone, shared_bandwidth_bytes_per_s)


def combined_seconds(
    core: ArrayLike, transfers: Sequence[ArrayLike], overlaps: Sequence[ArrayLike]
) -> _Floats:
    """The time of a layer from its parts [s].

    core: [...]; transfers: one [...] a memory level, nearest first; overlaps: one a level, 0 (after
    one another) to 1 (at the same time).

    Raises:
        UsageError: not one overlap a level, or one outside of 0 .. 1.
    """
    if len(overlaps) != len(transfers):
        raise UsageError(f"{len(overlaps)} overlaps were given for {len(transfers)} memory levels")
    return combined(np.asarray(core, float), transfers, checked_overlaps(overlaps))


class Overlap(NamedTuple):
    """What of the shorter part does not hide [...], and whether there is any of it."""

    left: _Floats
    is_partial: bool


def checked_overlaps(overlaps: Sequence[ArrayLike]) -> tuple[Overlap, ...]:
    """Overlaps as `combined` takes them, for many layers; raises as `combined_seconds`."""
    found = []
    for level, overlap in enumerate(overlaps):
        hidden = np.asarray(overlap, float)
        if not ((hidden >= 0) & (hidden <= 1)).all():
            raise UsageError(f"overlap of memory level {level} is 0 to 1, not {overlap}")
        found.append(Overlap(np.asarray(1 - hidden), bool((hidden < 1).any())))
    return tuple(found)


def combined(core: _Floats, transfers: Sequence[ArrayLike], overlaps: Sequence[Overlap]) -> _Floats:
    """`combined_seconds` at overlaps that have been checked."""
    time, is_ours = core, False
    for part, (left, is_partial) in zip(transfers, overlaps, strict=True):
        part = np.asarray(part, float)
        if not part.any():
            continue
        shape = np.broadcast(time, part).shape
        # Of whole grids: what is written where it stands costs no new memory.
        room = time if is_ours and shape == time.shape else None
        if not is_partial:
            time, is_ours = np.asarray(np.maximum(time, part, out=room)), bool(shape)
            continue
        shorter = np.asarray(np.minimum(time, part))
        longer = np.asarray(np.maximum(time, part, out=room))
        if shape and np.broadcast(shorter, left).shape == shape:
            shorter *= left
            longer += shorter
            time = longer
        else:
            time = np.asarray(longer + left * shorter)
        is_ours = bool(time.shape)
    return time


def nearest_bound(
    core: ArrayLike, transfers: Sequence[ArrayLike], overhead: ArrayLike = 0.0
) -> tuple[NDArray[np.intp], _Floats]:
    """What bounds a layer, and by how much.

    Returns the index of the longest part (0 the core, then the levels, the overhead last), and
    its length over that of the second longest: 1 if two parts are equal, inf if all others are 0.
    """
    parts = (core, *transfers, overhead)
    *_, second, longest = np.sort(np.stack(np.broadcast_arrays(*parts)), axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        lead = longest / second
    return longest_part(parts), np.where(longest == 0, 1.0, lead)  # nothing leads where all are 0


def longest_part(parts: Sequence[ArrayLike]) -> NDArray[np.intp]:
    """The index [...] of the longest of parts that broadcast, of the first of those."""
    longest, place = np.asarray(parts[0]), np.zeros((), dtype=np.intp)
    for number, part in enumerate(parts[1:], start=1):
        place = np.where(part > longest, number, place)
        longest = np.maximum(longest, part)
    return place
