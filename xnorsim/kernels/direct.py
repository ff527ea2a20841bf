"""Float convolutions of few products, straight from the image to rows with channels last.

Filters lie along vectors, and a position's inputs are broadcast: two positions and a panel of
filters are summed in registers over all products, whose places in the image are a table. There are
no columns to gather, and rows are written as the next layer reads them. A panel's weights have to
stay in the nearest cache, so this is for first layers and for 1x1 ones of few channels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xnorsim.kernels.compiled import HOST, aligned, compiled
from xnorsim.kernels.crew import claim, together
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

__all__ = ["LONGEST", "direct_convolution", "direct_product"]

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


@compiled
def _lines(image_of, taps, panels, scales, steps, out, room, claims):
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


def direct_convolution(
    op: Conv,
    shape: tuple[int, ...],
    weight: Array,
    norm: tuple[Array, Array] | None,
    threads: int,
) -> Callable[[Array, Array], None]:
    """A convolution of one group made ready: `run(image, out)` with image float32 of `shape`
    (batch, channels, height, width), any strides, and out float32 (batch, height, width, filters).

    out = sum * a + b with norm = (a, b). One run at a time: buffers are kept.
    """
    batch, channels, *size = shape
    sides = [length + sum(pads) for length, pads in zip(size, op.padding, strict=True)]
    padded = aligned((batch, channels, *sides), np.float32)
    (top, _), (left, _) = op.padding
    inside = padded[:, :, top : top + size[0], left : left + size[1]]
    each, plane, *sizes = padded.strides
    moves = np.array([plane, *np.multiply(sizes, op.dilation)])
    taps = np.tensordot(moves, np.indices((channels, *op.kernel)), 1).reshape(-1)
    steps = (each, *(int(step) for step in np.multiply(sizes, op.stride)))
    compute = _bound(weight.reshape(len(weight), -1), norm, taps, steps, threads)

    def run(image: Array, out: Array) -> None:
        inside[...] = image
        compute(padded, out)

    return run


def direct_product(
    count: int, weight: Array, norm: tuple[Array, Array] | None, threads: int
) -> Callable[[Array, Array], None]:
    """A product of rows made ready: `run(x, out)`, x float32 (count, features) and out float32
    (count, filters), both contiguous.

    out = (x weight^T) * a + b with weight (filters, features) and norm = (a, b).
    """
    features = weight.shape[1]
    taps, row = 4 * np.arange(features), 4 * features
    width = next(size for size in _WIDTHS if count % size == 0)
    compute = _bound(weight, norm, taps, (0, width * row, row), threads)

    def run(x: Array, out: Array) -> None:
        compute(x.reshape(1, 1, count, features), out.reshape(1, -1, width, len(weight)))

    return run


_WIDTHS = (64, 56, 49, 32, 28, 14, 7, 2, 1)
"""Rows of a line that a thread claims."""


def _bound(
    rows: Array,
    norm: tuple[Array, Array] | None,
    taps: Array,
    steps: tuple[int, ...],
    threads: int,
) -> Callable[[Array, Array], None]:
    """`run(source, out)` for weights (filters, products)."""
    panels, scales = _panels(rows, norm)
    rooms = [aligned((2, FILTERS), np.float32) for _ in range(threads)]
    claims, taps = np.zeros(1, np.int64), taps.astype(np.int64)

    def run(source: Array, out: Array) -> None:
        claims[0] = 0
        together(
            lambda part: _lines(source, taps, panels, scales, steps, out, rooms[part], claims),
            threads,
        )

    return run


def _panels(rows: Array, norm: tuple[Array, Array] | None) -> tuple[Array, Array]:
    """Weights (filters, products) as (panels, products, FILTERS), and a and b as (panels, 2,
    FILTERS); zeros where there is no filter."""
    count = -(-len(rows) // FILTERS)
    filled = np.zeros((count * FILTERS, rows.shape[1] + 2), np.float32)
    filled[: len(rows), :-2] = rows
    filled[: len(rows), -2:] = (1, 0) if norm is None else np.transpose(norm)
    found = filled.reshape(count, FILTERS, -1).swapaxes(1, 2)
    panels = aligned((count, rows.shape[1], FILTERS), np.float32)
    panels[...] = found[:, :-2]
    return panels, np.ascontiguousarray(found[:, -2:])
