"""Float convolutions of few channels and wide kernels, by fewer products than they have terms.

Toom and Cook's way to multiply polynomials, turned round, filters a row: m neighbouring results of
r taps need m + r - 1 products (Winograd, Arithmetic Complexity of Computations, 1980, chapter V).
Inputs and taps are taken as polynomials and evaluated at as many points; products of the same point
are summed over all channels and rows of the kernel, and only these sums become results. With a
stride of 2, the taps of even columns and those of odd ones are two such filters, and share sums.

Seven taps with stride 2 take 7 + 6 products for four results in place of 28. Results are off by
about twice what direct sums of float32 are: points are small, and powers of two.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from xnorsim.kernels.buffers import aligned
from xnorsim.kernels.compiled import inner
from xnorsim.kernels.crew import claim
from xnorsim.kernels.direct import panels_of
from xnorsim.kernels.lanes import floats_at, inlined, lanes, multiplied, odd, repeated, store, whole
from xnorsim.network.ops import Conv

__all__ = [
    "LINES",
    "Bands",
    "Minimal",
    "bands",
    "bands_of",
    "columns",
    "minimal_convolution",
    "pays",
    "toom_cook",
]

Array = np.ndarray

TOGETHER = 4
"""Results of a tile."""

TILES = 4
"""Tiles of a group: with two vectors each, eight sums of AVX2, which hide the latency of a product.
As many results of a tile are taken together."""

POINTS = tuple(map(Fraction, (0, 1, -1, "1/2", -2, 2)))
"""Where filters of up to four taps are evaluated, besides at infinity; shorter ones at the first of
them."""

COUNT = len(POINTS) + 1

FILTERS = 16
"""Of a panel: its weights lie in the nearest cache."""

EACH = 4 * FILTERS
"""Bytes of a row of a panel, of a tile's sums of a point, and of its inputs as evaluated, for which
there is as much room."""

GROUP = TILES * FILTERS
"""Numbers that a group's inputs of a row are evaluated to."""

LINES = 8
"""Lines of results of a band: the rows that two bands share are evaluated twice."""

LARGEST = 2.0**50
"""Of a filter's weights in all: with inputs below 2^64, and what they are evaluated to less than
2^10 times as large, no sum is infinite."""


class Bands(NamedTuple):
    """A convolution of one group as `bands` computes it: where its arrays begin, and sizes.

    `source` is the padded image; `image`, `plane`, `row` and `tile` say how far it is from one to
    the next [byte]; `down` and `kernel` are the stride and the length of the kernel down the rows.
    `forward` (inputs of a tile and a row of zeros, FILTERS) evaluates inputs, and `backward`
    (TOGETHER, COUNT) makes results of sums. `taps` are first those of a tile's inputs, then where
    the products' inputs lie among what is evaluated [byte]: point after point, each from `begins`
    of it on, `points` in all: a constant number, and LLVM would write their loop out. `panels`
    (panels, products, FILTERS) are weights, `shifts` (panels, FILTERS) what is added to results.
    `rows` and `sums` are each thread's room.
    """

    source: int
    image: int
    plane: int
    row: int
    tile: int
    channels: int
    down: int
    kernel: int
    forward: int
    inputs: int
    taps: int
    begins: int
    points: int
    panels: int
    products: int
    shifts: int
    backward: int
    out: int
    batch: int
    height: int
    width: int
    filters: int
    rows: int
    sums: int


@inner
def _four(one, apart, taps, rows, count, start, to, step):
    """Four sums of `count` products, of rows of FILTERS numbers each and what lies at a tap behind
    one place, behind that which is `apart` from it, and so on, written `step` from each other."""
    w, x = floats_at(lanes(FILTERS), start), floats_at(lanes(FILTERS), start)
    y, z = w, x
    two, three, four = one + apart, one + 2 * apart, one + 3 * apart
    for k in range(count):
        row, tap = floats_at(w, rows + EACH * k), whole(taps + 8 * k)
        w = multiplied(row, repeated(w, one + tap), w)
        x = multiplied(row, repeated(x, two + tap), x)
        y = multiplied(row, repeated(y, three + tap), y)
        z = multiplied(row, repeated(z, four + tap), z)
    store(to, w)
    store(to + step, x)
    store(to + 2 * step, y)
    store(to + 3 * step, z)


@inner
def _evaluated(b, source, count, rows, into):
    """Evaluate `count` rows of each channel, of which there is room for `rows`; not 0 if one of
    what results is not finite or, roughly, beyond 2^64."""
    squares, zeros = lanes(GROUP), b.forward + EACH * b.inputs
    each = _row(b.width)
    for channel in range(b.channels):
        for row in range(count):
            place, to = (
                source + channel * b.plane + row * b.row,
                into + (channel * rows + row) * each,
            )
            for _ in range(0, each, 4 * GROUP):
                _four(place, b.tile, b.taps, b.forward, b.inputs, zeros, to, EACH)
                found = floats_at(squares, to)
                squares = multiplied(found, found, squares)
                place, to = place + TILES * b.tile, to + 4 * GROUP
    return odd(squares)


@inner
def _line(b, base, panel, to, sums):
    """Compute a line of results, which begins at `to`, with the filters of a panel; its rows,
    evaluated, begin at `base`."""
    zeros, taps = b.forward + EACH * b.inputs, b.taps + 8 * b.inputs
    weights = b.panels + EACH * panel * b.products
    for place in range(0, b.width, TILES * TOGETHER):
        for point in range(b.points):
            begin, end = whole(b.begins + 8 * point), whole(b.begins + 8 * point + 8)
            _four(
                base,
                EACH,
                taps + 8 * begin,
                weights + EACH * begin,
                end - begin,
                zeros,
                sums + EACH * point,
                EACH * COUNT,
            )
        base += 4 * GROUP
        _results(b, panel, place, to, sums)


@inner
def _results(b, panel, place, to, sums):
    """Write results from a place of a line on, which begins at `to`, from the sums of tiles."""
    some, step = min(FILTERS, b.filters - panel * FILTERS), 4 * b.filters
    spare = sums + TILES * COUNT * EACH
    to += place * step + EACH * panel
    last = max(b.width - place - TILES * TOGETHER, 0)
    for left in range(b.width - place, last, -TOGETHER):
        fits = some == FILTERS and left >= TOGETHER
        at, apart = (to, step) if fits else (spare, EACH)
        _four(b.backward, 4 * COUNT, b.taps, sums, COUNT, b.shifts + EACH * panel, at, apart)
        if not fits:
            for n in range(min(TOGETHER, left)):
                for c in range(0, 4 * some, 4):
                    store(to + step * n + c, floats_at(lanes(1), spare + EACH * n + c))
        to, sums = to + TOGETHER * step, sums + COUNT * EACH


@inner
def bands(b, part, count, claims, finished):
    """Claim bands of results (batch, height, width, filters), `count` in all, and compute them, as
    one of several threads. Not 0 if an input is NaN, infinite or too large: then there are no
    results."""
    strange, each = np.uint64(0), -(-b.height // LINES)
    most = (LINES - 1) * b.down + b.kernel
    rows = b.rows + part * b.channels * most * _row(b.width)
    sums = b.sums + part * (TILES + 1) * COUNT * EACH
    while True:
        band = claim(claims)
        if band >= count:
            return strange
        image, top = band // each, band % each * LINES
        some = min(LINES, b.height - top)
        source = b.source + image * b.image + top * b.down * b.row
        strange |= _evaluated(b, source, (some - 1) * b.down + b.kernel, most, rows)
        for line in range(some):
            base = rows + line * b.down * _row(b.width)
            to = b.out + 4 * (image * b.height + top + line) * b.width * b.filters
            for panel in range(-(-b.filters // FILTERS)):
                _line(b, base, panel, to, sums)
        claim(finished)


def _tiles(width):
    """Tiles of a line of so many results, in whole groups."""
    return TILES * -(-width // (TILES * TOGETHER))


@inlined
def _row(width):
    """What an evaluated row takes [byte]."""
    return 4 * GROUP * -(-width // (TILES * TOGETHER))


def pays(op: Conv) -> bool:
    """Whether a tile's inputs find room, and sums are long enough to be worth their evaluation:
    kernels of 5 to 8 columns with a stride of 2."""
    return op.stride[1] == 2 and 5 <= op.kernel[1] <= 8 and op.dilation == (1, 1) and op.groups == 1


def columns(op: Conv, width: int) -> int:
    """Of a padded image, so that all tiles of so many results have their inputs."""
    return (TOGETHER * _tiles(width) - 1) * op.stride[1] + op.kernel[1]


@dataclass(frozen=True, slots=True, eq=False)
class Minimal:
    """The tables and weights of a convolution, as Bands has them."""

    op: Conv
    forward: Array
    taps: Array
    begins: Array
    panels: Array
    shifts: Array
    backward: Array


def minimal_convolution(
    op: Conv, weight: Array, norm: tuple[Array, Array] | None, width: int
) -> Minimal | None:
    """A convolution that `pays`, with so many results a line. Its result is sum * a + b with
    norm = (a, b). None if weights are not finite, or so large that a sum might not be."""
    a, b = (np.ones(len(weight)), np.zeros(len(weight))) if norm is None else norm
    if not (np.isfinite(weight).all() and np.isfinite(a).all()):
        return None
    scaled = weight * np.reshape(np.asarray(a, float), (-1, 1, 1, 1))
    if np.abs(scaled).sum(axis=(1, 2, 3)).max() > LARGEST:
        return None
    forward, products = _products(op, scaled, width)
    weights = np.hstack([rows for some in products for _, rows in some])
    inputs = 4 * np.arange(len(forward) - 1)
    counts = [sum(len(taps) for taps, _ in some) for some in products]
    panels, scales = panels_of(weights.astype(np.float32), (b, b), FILTERS)
    return Minimal(
        op,
        forward,
        np.concatenate([inputs, *(taps for some in products for taps, _ in some)]),
        np.cumsum([0, *counts]),
        panels,
        np.ascontiguousarray(scales[:, 1]),
        np.ascontiguousarray(_powers(COUNT, TOGETHER).T, np.float32),
    )


def _products(op: Conv, weight: Array, width: int) -> tuple[Array, list[list[tuple[Array, Array]]]]:
    """The table that evaluates a tile's inputs, and for each point the taps and the weights
    (filters, products) of its products, phase by phase."""
    apart, (kernel, across) = op.stride[1], op.kernel
    forward = np.zeros((apart * (TOGETHER - 1) + across + 1, FILTERS), np.float32)
    products: list[list[tuple[Array, Array]]] = [[] for _ in range(COUNT)]
    row = EACH * _tiles(width)
    moves = np.array([row * _rows(op), row])
    places = np.tensordot(moves, np.indices((weight.shape[1], kernel)), 1).reshape(-1)
    lane = 0
    for phase in range(apart):
        _, by_tap, by_input = toom_cook(TOGETHER, len(range(phase, across, apart)))
        count = len(by_input)
        found = weight[..., phase::apart] @ by_tap.T.astype(float)
        for at in range(count):
            forward[phase : phase + apart * count : apart, lane + at][:count] = by_input[at]
            taps, rows = places + 4 * (lane + at), found[..., at].reshape(len(weight), -1)
            products[at if at < count - 1 else -1].append((taps, rows))
        lane += count
    return forward, products


def _rows(op: Conv) -> int:
    """Rows of a band of the image."""
    return (LINES - 1) * op.stride[0] + op.kernel[0]


def bands_of(
    minimal: Minimal, padded: Array, out: Array, threads: int
) -> tuple[Bands, tuple[Array, ...]]:
    """The convolution of `padded`, float32 (batch, channels, height, at least `columns`) with its
    padding, to out, float32 (batch, height, width, filters), both contiguous; and what it holds."""
    op, m = minimal.op, minimal
    rows = aligned((threads, padded.shape[1], _rows(op), _tiles(out.shape[2]), FILTERS), np.float32)
    sums = aligned((threads, TILES + 1, COUNT, FILTERS), np.float32)
    arrays = (m.forward, m.taps, m.begins, m.panels, m.shifts, m.backward, padded, out, rows, sums)
    at = [array.ctypes.data for array in arrays]
    down, across = op.stride
    found = (
        *(at[6], *padded.strides[:3], 4 * across * TOGETHER),
        *(padded.shape[1], down, op.kernel[0]),
        *(at[0], len(m.forward) - 1, at[1], at[2], COUNT),
        *(at[3], m.panels.shape[1], at[4], at[5]),
        *(at[7], *out.shape, at[8], at[9]),
    )
    return Bands(*found), arrays


def toom_cook(results: int, taps: int) -> tuple[Array, Array, Array]:
    """Matrices A (results, n), G (n, taps) and B (n, n) of fractions, n = results + taps - 1: A @
    (G @ g * B @ d) are the results of taps g over inputs d. The last point is infinity.

    Source: Blahut, Fast Algorithms for Signal Processing, 2010, chapter 5: the product of two
    polynomials is V^-1 (V u * V v), of which this is the transpose.
    """
    count = results + taps - 1
    inverse = _inverse(_powers(count, count))
    # inputs are added up as whole numbers where they can be, and taps, rounded once, take the rest
    least = np.array([min(abs(x) for x in row if x) for row in inverse.T]).reshape(-1, 1)
    return _powers(count, results).T, _powers(count, taps) * least, inverse.T / least


def _powers(points: int, count: int) -> Array:
    rows = [[point**power for power in range(count)] for point in POINTS[: points - 1]]
    return np.array([*rows, [Fraction(power == count - 1) for power in range(count)]], object)


def _inverse(matrix: Array) -> Array:
    """By Gauss and Jordan, in fractions."""
    count = len(matrix)
    work = np.hstack([matrix, np.vectorize(Fraction)(np.eye(count, dtype=int))])
    for column in range(count):
        pivot = column + next(at for at, x in enumerate(work[column:, column]) if x)
        work[[column, pivot]] = work[[pivot, column]]
        work[column] = work[column] / work[column, column]
        for row in set(range(count)) - {column}:
            work[row] = work[row] - work[column] * work[row, column]
    return work[:, count:]
