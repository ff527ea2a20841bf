"""Float convolutions of few products, straight from the image to rows with channels last.

Filters lie along vectors, and a position's inputs are broadcast: two positions and a panel of
filters are summed in registers over all products, whose places in the image are a table. There are
no columns to gather, and rows are written as the next layer reads them. A panel's weights have to
stay in the nearest cache, so this is for first layers and for 1x1 ones of few channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xnorsim.kernels.buffers import aligned
from xnorsim.kernels.compiled import HOST, inner
from xnorsim.kernels.crew import claim
from xnorsim.kernels.lanes import (
    floats_at,
    inlined,
    lanes,
    multiplied,
    product,
    repeated,
    store,
    total,
    whole,
)
from xnorsim.kernels.packing import address
from xnorsim.network.ops import Conv

__all__ = [
    "LONGEST",
    "Direct",
    "direct_convolution",
    "direct_product",
    "lines",
    "panels_of",
    "room_for_pairs",
]

Array = np.ndarray

FILTERS = 64 if HOST.vector_bits == 512 else 32
"""Of a panel: with two positions, eight sums of vectors, which hide the latency of a product."""

LONGEST = 2**15 // (4 * FILTERS)
"""Products of a sum whose panel of weights takes 32 KiB."""


@inlined
def _pair(one, other, taps, weights, count, scales, to_one, to_other):
    """The sums of two positions with a panel of filters, times a plus b."""
    y, z = lanes(FILTERS), lanes(FILTERS)
    for k in range(count):
        weight, place = floats_at(y, weights + 4 * FILTERS * k), whole(taps + 8 * k)
        y = multiplied(weight, repeated(y, one + place), y)
        z = multiplied(weight, repeated(z, other + place), z)
    a, b = floats_at(y, scales), floats_at(y, scales + 4 * FILTERS)
    store(to_one, total(product(y, a), b))
    store(to_other, total(product(z, a), b))


@inner
def lines(image_of, taps, panels, scales, steps, out, room, claims, finished):
    """Claim lines of out (batch, height, width, filters) and compute them.

    `taps` are where the products' inputs lie from that of a position's first on, and `steps` how
    far it is from image to image, from line to line and from place to place [byte]; `room` is for
    two positions and a panel.
    """
    batch, height, width, filters = out.shape
    base, to, table, spare = address(image_of), address(out), address(taps), address(room)
    first_panel, each = address(panels), 4 * FILTERS * len(taps)
    first_scale = address(scales)
    while True:
        line = claim(claims)
        if line >= batch * height:
            return
        image, at = line // height, line % height
        source = base + image * steps[0] + at * steps[1]
        for panel in range(len(panels)):
            weights, scale = first_panel + panel * each, first_scale + panel * 8 * FILTERS
            first = panel * FILTERS
            some = min(FILTERS, filters - first)
            for place in range(0, width, 2):
                other = min(place + 1, width - 1)
                into = to + 4 * ((line * width + place) * filters + first)
                into_other = to + 4 * ((line * width + other) * filters + first)
                if some < FILTERS:
                    into, into_other = spare, spare + 4 * FILTERS
                _pair(
                    source + place * steps[2],
                    source + other * steps[2],
                    table,
                    weights,
                    len(taps),
                    scale,
                    into,
                    into_other,
                )
                if some < FILTERS:
                    for c in range(some):
                        out[image, at, place, first + c] = room[0, c]
                        out[image, at, other, first + c] = room[1, c]
        claim(finished)


@dataclass(frozen=True, slots=True, eq=False)
class Direct:
    """A convolution of one group as `lines` computes it, but for its operands."""

    taps: Array
    panels: Array
    scales: Array
    steps: tuple[int, int, int]


def direct_convolution(
    op: Conv, padded: Array, weight: Array, norm: tuple[Array, Array] | None
) -> Direct:
    """A convolution over `padded`, float32 (batch, channels, height, width) with its padding, all
    contiguous. Its result is sum * a + b with norm = (a, b)."""
    each, plane, *sizes = padded.strides
    moves = np.array([plane, *np.multiply(sizes, op.dilation)])
    taps = np.tensordot(moves, np.indices((padded.shape[1], *op.kernel)), 1).reshape(-1)
    down, across = (int(step) for step in np.multiply(sizes, op.stride))
    panels, scales = panels_of(weight.reshape(len(weight), -1), norm)
    return Direct(taps.astype(np.int64), panels, scales, (each, down, across))


def direct_product(
    count: int, weight: Array, norm: tuple[Array, Array] | None, threads: int
) -> tuple[Direct, int]:
    """A product of float32 rows (count, features), contiguous, with weight (filters, features), and
    how many rows make a line; the rest as direct_convolution."""
    width, row = _width(count, threads), 4 * weight.shape[1]
    panels, scales = panels_of(weight, norm)
    taps = 4 * np.arange(weight.shape[1], dtype=np.int64)
    return Direct(taps, panels, scales, (0, width * row, row)), width


def _width(count: int, threads: int) -> int:
    """Rows of a line: many, as a panel's weights are read anew for each, but few enough that each
    of several threads has two lines."""
    most = count if threads == 1 else max(1, count // (2 * threads))
    return next(n for n in (64, 56, 49, 32, 28, 14, 7, 2, 1) if n <= most and count % n == 0)


def room_for_pairs(threads: int) -> Array:
    """Room of each thread for what two positions have beyond the last filter."""
    return aligned((threads, 2, FILTERS), np.float32)


def panels_of(
    rows: Array, norm: tuple[Array, Array] | None, filters: int = FILTERS
) -> tuple[Array, Array]:
    """Weights (filters, products) as panels (panels, products, filters of one), and a and b as
    (panels, 2, filters of one); zeros where there is no filter."""
    count = -(-len(rows) // filters)
    filled = np.zeros((count * filters, rows.shape[1] + 2), np.float32)
    filled[: len(rows), :-2] = rows
    filled[: len(rows), -2:] = (1, 0) if norm is None else np.transpose(norm)
    found = filled.reshape(count, filters, -1).swapaxes(1, 2)
    panels = aligned((count, rows.shape[1], filters), np.float32)
    panels[...] = found[:, :-2]
    return panels, np.ascontiguousarray(found[:, -2:])
