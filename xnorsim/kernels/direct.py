"""Float convolutions of few products, straight from the image to rows with channels last.

Filters lie along vectors, and a position's inputs are broadcast: two positions and a panel of
filters are summed in registers over all products, whose places in the image are a table. There are
no columns to gather, and rows are written as they are read on. A panel's weights have to stay in
the nearest cache, so this is for first layers: few channels, many positions.
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
from xnorsim.network.ops import Conv

__all__ = ["LONGEST", "direct_convolution"]

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
def _lines(padded, taps, panels, scales, stride, out, room, claims):
    """Claim output rows and compute them: padded (batch, channels, height, width) to out (batch,
    height, width, filters). `taps` are in bytes; `room` is for two positions and a panel."""
    batch, height, width, filters = out.shape
    while True:
        line = claim(claims)
        if line >= batch * height:
            return
        image, at = line // height, line % height
        source = padded.ctypes.data + image * padded.strides[0] + at * stride[0] * padded.strides[2]
        for panel in range(len(panels)):
            weights, scale = panels[panel].ctypes.data, scales[panel].ctypes.data
            first = panel * FILTERS
            some = min(FILTERS, filters - first)
            for place in range(0, width, 2):
                other = min(place + 1, width - 1)
                one_at, other_at = 4 * place * stride[1], 4 * other * stride[1]
                into = out[image, at, place].ctypes.data + 4 * first
                into_other = out[image, at, other].ctypes.data + 4 * first
                if some < FILTERS:
                    into, into_other = room.ctypes.data, room.ctypes.data + 4 * FILTERS
                _pair(
                    source + one_at,
                    source + other_at,
                    taps.ctypes.data,
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
    steps = np.array([padded.strides[1], *np.multiply(padded.strides[2:], op.dilation)])
    taps = np.tensordot(steps, np.indices((channels, *op.kernel)), 1).reshape(-1)
    panels, scales = _panels(weight.reshape(len(weight), -1), norm)
    rooms = [aligned((2, FILTERS), np.float32) for _ in range(threads)]
    claims = np.zeros(1, np.int64)
    bound = (padded, taps.astype(np.int64), panels, scales, op.stride)

    def run(image: Array, out: Array) -> None:
        inside[...] = image
        claims[0] = 0
        together(lambda part: _lines(*bound, out, rooms[part], claims), threads)

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
