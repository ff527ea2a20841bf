"""What surrounds the tiles of float convolutions: the image with its padding, columns, results.

Compiled code, on addresses: numba counts the references of every array that a function takes, which
costs more than a panel's part of the work.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from xnorsim.kernels.compiled import address, compiled, inner
from xnorsim.kernels.float_tiles import (
    LANES,
    ROWS,
    fill_lanes,
    fill_lanes_apart,
    move,
    move_four,
    move_one,
    scale,
    scale_panels,
)
from xnorsim.kernels.lanes import whole

__all__ = ["BEYOND", "Copy", "Rows", "copy_of", "copy_planes", "finish", "gather"]

Array = np.ndarray

BEYOND = 2 * LANES
"""Elements beyond an image that the lanes of its last positions may read."""

_MASK = np.repeat(np.array([0, -1], np.int32), LANES)
"""From the element LANES - n on: the lanes from n on."""


class Copy(NamedTuple):
    """Planes of an image and where they go, in numbers: how far apart are samples, channels, rows
    and elements of the image, and samples, channels and rows there [byte]."""

    batch: int
    channels: int
    height: int
    width: int
    steps: tuple[int, ...]
    pitches: tuple[int, ...]


@compiled
def copy_planes(source, to, c, part, parts):
    """Copy one part of the planes from one address to another."""
    planes = c.batch * c.channels
    plane, last = planes * part // parts, planes * (part + 1) // parts
    sample, channel = plane // c.channels, plane % c.channels
    while plane < last:
        place = source + sample * c.steps[0] + channel * c.steps[1]
        into = to + sample * c.pitches[0] + channel * c.pitches[1]
        for _ in range(c.height):
            _copy_row(into, place, c.width, c.steps[3])
            place += c.steps[2]
            into += c.pitches[2]
        plane += 1
        channel += 1
        if channel == c.channels:
            sample, channel = sample + 1, 0


@inner
def _copy_row(into, place, width, step):
    """Vectors, the last of them over the one before; elements that are apart one by one."""
    if step != 4 or width < 4:
        for x in range(width):
            move_one(into + 4 * x, place + step * x)
        return
    whole = width - width % LANES
    for x in range(0, whole, LANES):
        move(into + 4 * x, place + 4 * x)
    for x in range(whole, width - 3, 4):
        move_four(into + 4 * x, place + 4 * x)
    move_four(into + 4 * (width - 4), place + 4 * (width - 4))


def copy_of(image: Array, inside: Array) -> Copy:
    """How to copy an image, in one row a plane if both have no gaps between rows."""
    batch, channels, height, width = image.shape
    steps, pitches = image.strides, inside.strides
    if width and steps[2] == pitches[2] == 4 * width and steps[3] == 4:
        height, width = 1, height * width
    return Copy(batch, channels, height, width, steps, pitches[:3])


@inner
def gather(columns, image, taps, depth, places, runs, apart):
    """columns[tap][LANES] of one panel; lanes past the last position hold what they like.

    Lane i reads at places[i] + tap. `runs` are the lanes where neighbours begin, `apart` elements
    from each other, after their number; none if they are further apart.
    """
    for run in range(whole(runs)):
        lane = whole(runs + 8 * (run + 1))
        first = image + 4 * (whole(places + 8 * lane) - lane * apart)
        mask = address(_MASK) + 4 * (LANES - lane)
        if apart == 1:
            fill_lanes(columns, first, taps, depth, mask)
        else:
            fill_lanes_apart(columns, first, taps, depth, mask)
    if whole(runs) == 0:
        for tap in range(depth):
            source = image + 4 * whole(taps + 8 * tap)
            for lane in range(LANES):
                move_one(columns + 4 * (tap * LANES + lane), source + 4 * whole(places + 8 * lane))


class Rows(NamedTuple):
    """Results of a group, in numbers: how far apart are filters and positions [byte], how many of
    both there are, tiles of filters, and filters of all groups."""

    row: int
    step: int
    positions: int
    filters: int
    tiles: int
    every: int


@inner
def finish(out, sums, scales, r, first, panels):
    """out[filter, position] of some panels from the position `first` on, at these addresses.

    scales are three rows: alpha, a, b.
    """
    full = min(panels, (r.positions - first) // LANES) if r.step == 4 else 0
    held = 4 * LANES * r.tiles * ROWS
    for f in range(r.filters):
        alpha, row, there = scales + 4 * f, out + f * r.row, sums + 4 * LANES * f
        a, b = alpha + 4 * r.every, alpha + 8 * r.every
        scale_panels(row + 4 * first, there, alpha, a, b, held, full)
        for panel in range(full, panels):
            at, own = first + panel * LANES, there + panel * held
            scale(own, own, alpha, a, b)
            for lane in range(min(LANES, r.positions - at)):
                move_one(row + r.step * (at + lane), own + 4 * lane)
