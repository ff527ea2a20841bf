"""What becomes of differing bits: floats, channels first, or the next layer's packed bits.

    dot = offset - 2 * differing         int32; offset = k, and on a border of true zeros
                                         k plus the weights that read them
    y = (dot * alpha) * K * a + b        float32, in this order
    bit = y >= 0                         differing < bound, or not so where y falls with dot

What a problem does not have is a factor 1, or -0.0 to add: they change no bit of y.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from xnorsim.errors import ModelError
from xnorsim.kernels.compiled import (
    address,
    at,
    constant,
    inner,
    intrinsic,
    load,
    store,
    vector,
)

__all__ = ["bounds_of", "finish_bits", "finish_floats", "offsets_of", "turning_points"]

Array = np.ndarray

EDGE = 8
"""Rows and columns of the square that is transposed in registers."""

BAND = 4
"""Squares side by side whose planes the caches hold together, wherever these begin."""

LANES = vector(32, EDGE)


def offsets_of(signs: Array, missing: Array) -> Array:
    """int32 (classes, filters): what dots of each class of positions are with no differing bit.

    `signs` is int8 (filters, channels, taps), and `missing` bool (classes, taps) has the taps that
    read a true zero. Their bits are 0, so that such a tap has counted -w for each of its weights.
    """
    taps = signs.sum(axis=1, dtype=np.int64)
    k = signs[0].size if len(signs) else 0
    return (k + missing.astype(np.int64) @ taps.T).astype(np.int32)


def turning_points(alpha: Array, a: Array, b: Array, k: int) -> tuple[Array, Array]:
    """Thresholds of y = (dot * alpha) * a + b >= 0: (direction int8, least int32) of each filter.

    bit = direction * dot >= least, found by bisection of the float32 expression over -k to k.

    Raises:
        ModelError: y is NaN or cannot be told, from parameters that are not finite.
    """

    def positive(dot: Array) -> Array:
        with np.errstate(all="ignore"):
            y = dot.astype(np.float32) * alpha * a + b
        if np.isnan(y).any():
            raise ModelError(f"filter {int(np.argmax(np.isnan(y)))}: y is NaN, and has no sign")
        return y >= 0

    low, high = np.full(len(alpha), -k), np.full(len(alpha), k + 1)
    first = positive(low)
    while np.any(high - low > 1):  # alike at low, and another sign (or no dot any more) at high
        middle = (low + high) // 2
        alike = positive(middle) == first
        low, high = np.where(alike, middle, low), np.where(alike, high, middle)
    least = np.where(first, -low, high)
    return np.where(first, np.int8(-1), np.int8(1)), least.astype(np.int32)


def bounds_of(
    direction: Array, least: Array, offsets: Array, largest: int, kind: np.dtype
) -> tuple[Array, Array]:
    """Thresholds as finish_bits compares: bounds (classes, 64 * words) and flips uint64 (words).

    direction * (offset - 2 d) >= least as (d < bound), or where direction is -1 as not so. Beyond
    the last filter bounds are 0, below which nothing is.
    """
    falls = direction < 0
    at_most = (offsets.astype(np.int64) - least) // 2  # offset - 2 d >= least
    too_few = -((offsets.astype(np.int64) + least) // -2)  # 2 d - offset >= least from here on
    bounds = np.clip(np.where(falls, too_few, at_most + 1), 0, largest + 1)
    flips = np.zeros(-(-len(direction) // 64), np.uint64)
    filled = np.zeros((len(bounds), 64 * len(flips)), kind)
    filled[:, : len(direction)] = bounds
    for one in np.flatnonzero(falls):
        flips[one // 64] |= np.uint64(1) << np.uint64(one % 64)
    return filled, flips


@intrinsic
def _below(_: Any, left: Any, right: Any, kind: Any) -> Any:
    """Bit i is 1 where number i from address `left` on is below that from `right` on, i < 64."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = vector(kind.dtype.bitwidth, 64)
        numbers = [load(builder, address, lanes) for address in args[:2]]
        return builder.bitcast(builder.icmp_unsigned("<", *numbers), ir.IntType(64))

    return types.uint64(types.intp, types.intp, kind), make


@inner
def finish_bits(sums, bounds, flips, group, classes, start, count, first, words):
    """Rows of sums to the bits of y at filters `first` on: words (positions, words), or-ed in.

    bounds and flips have those of each group. Row i is position start + i; classes (positions of an
    image) says which bounds are its own.
    Rows of sums have room for whole words of filters.
    """
    size = sums.itemsize
    each = classes.shape[0]
    place = start % each
    for row in range(count):
        own = classes[place]
        place = place + 1 if place + 1 < each else 0
        left = address(sums) + row * sums.strides[0]
        right = address(bounds) + group * bounds.strides[0] + own * bounds.strides[1]
        for word in range(flips.shape[1]):
            at = 64 * word
            bits = _below(left + at * size, right + at * size, sums) ^ flips[group, word]
            to, low = (first + at) // 64, np.uint64((first + at) % 64)
            words[start + row, to] |= bits << low
            if low and to + 1 < words.shape[1]:
                words[start + row, to + 1] |= bits >> (np.uint64(64) - low)


@inner
def finish_floats(sums, offsets, factors, K, group, classes, start, count, first, out):
    """Rows of sums to y at filters `first` on: out (batch, filters, positions of an image).

    Row i is position start + i. offsets has those of each group, and so has factors, float32
    (groups, 3, filters): alpha, a and b. K is float32 (1 or groups, positions of all images). A
    band of filters is written at all positions before the next: what the caches hold of each plane
    of `out` is filled before it leaves them.
    """
    filters, each, eights = offsets.shape[2], classes.shape[0], offsets.shape[2] // EDGE
    map_of = min(group, K.shape[0] - 1)
    row = 0
    while row < count:
        image, place = (start + row) // each, (start + row) % each
        run = min(count - row, each - place)
        edge = EDGE if run >= EDGE else 1
        for eight in range(0, eights, BAND):
            for begin in range(0, run, edge):
                at = min(begin, run - edge)  # the last square begins earlier
                given = (
                    address(sums) + (row + at) * sums.strides[0] + EDGE * eight * sums.itemsize,
                    sums.strides[0],
                    address(offsets) + group * offsets.strides[0] + 4 * EDGE * eight,
                    offsets.strides[1],
                    address(classes) + 4 * (place + at),
                    address(factors) + group * factors.strides[0] + 4 * EDGE * eight,
                    factors.strides[1],
                    address(K) + map_of * K.strides[0] + 4 * (start + row + at),
                    address(out)
                    + image * out.strides[0]
                    + (first + EDGE * eight) * out.strides[1]
                    + 4 * (place + at),
                    out.strides[1],
                    min(BAND, eights - eight),
                )
                if edge == EDGE:
                    _finish_squares(given, sums)
                else:
                    _finish_row(given, sums)
        for one in range(eights * EDGE, filters):
            alpha, a, b = factors[group, 0, one], factors[group, 1, one], factors[group, 2, one]
            for lane in range(run):
                offset = offsets[group, classes[place + lane], one]
                dot = np.float32(offset - np.int32(2) * np.int32(sums[row + lane, one]))
                y = dot * alpha * K[map_of, start + row + lane] * a + b
                out[image, first + one, place + lane] = y
        row += run


def _finisher(positions: int) -> Any:
    """An intrinsic: y of `positions` (EDGE or 1) x EDGE filters, and of the next `count` filters.

    It is given the addresses of the first of each, and steps in bytes from one row, class, factor
    or plane to the next.
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        given, like = cgutils.unpack_tuple(builder, args[0]), signature.args[1]
        sums, sums_step, offsets, offsets_step, classes, factors, step, K, out, plane, count = given
        floats, found = ir.VectorType(ir.FloatType(), EDGE), vector(like.dtype.bitwidth, EDGE)
        rows = []
        for row in range(positions):
            own = load(builder, at(builder, classes, row, 4), ir.IntType(32))
            own = at(builder, offsets, builder.zext(own, sums.type), offsets_step)
            scale = load(builder, at(builder, K, row, 4), ir.FloatType())
            rows.append((at(builder, sums, row, sums_step), own, _repeated(builder, scale, floats)))
        with cgutils.for_range(builder, count) as loop:
            here = at(builder, factors, loop.index, 4 * EDGE)
            alpha, a, b = (load(builder, at(builder, here, n, step), floats) for n in range(3))
            values = []
            for own_sums, own_offsets, scale in rows:
                place = at(builder, own_sums, loop.index, EDGE * like.dtype.bitwidth // 8)
                differs = load(builder, place, found)
                differs = differs if found == LANES else builder.zext(differs, LANES)
                offset = load(builder, at(builder, own_offsets, loop.index, 4 * EDGE), LANES)
                dot = builder.sub(offset, builder.shl(differs, constant(LANES, 1)))
                y = builder.fmul(builder.fmul(builder.sitofp(dot, floats), alpha), scale)
                values.append(builder.fadd(builder.fmul(y, a), b))
            planes = at(builder, out, builder.mul(loop.index, constant(plane.type, EDGE)), plane)
            for number, value in enumerate(_columns(builder, values)):
                store(builder, value, at(builder, planes, number, plane))
        return context.get_dummy_value()

    @intrinsic
    def finish(context, given, like):
        return types.void(types.UniTuple(types.intp, 11), like), code

    return finish


def _columns(builder: Any, rows: list[Any]) -> list[Any]:
    """What belongs to each filter: the lanes of a single row, or vectors over EDGE rows."""
    if len(rows) == EDGE:
        return _transposed(builder, rows)
    return [builder.extract_element(rows[0], ir.IntType(32)(lane)) for lane in range(EDGE)]


_finish_squares, _finish_row = _finisher(EDGE), _finisher(1)


def _repeated(builder: Any, value: Any, kind: Any) -> Any:
    """A number in every lane."""
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.IntType(32)(0))
    return builder.shuffle_vector(one, one, constant(vector(32, kind.count), 0))


_INTERLEAVED = (
    ((0, 8, 1, 9, 4, 12, 5, 13), (2, 10, 3, 11, 6, 14, 7, 15)),
    ((0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15)),
    ((0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15)),
)
"""Lanes of two vectors, one by one, by twos and by fours, within 16 bytes as far as these reach."""


def _transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """EDGE vectors of EDGE lanes, rows as columns: one shuffle of the processor for each mask."""
    for masks in _INTERLEAVED:
        pairs = zip(rows[::2], rows[1::2], strict=True)
        found = [
            [builder.shuffle_vector(*pair, ir.Constant(vector(32, EDGE), mask)) for mask in masks]
            for pair in pairs
        ]
        rows = [found[n][part] for part in range(2) for n in range(EDGE // 2)]
    return [rows[n] for n in (0, 2, 1, 3, 4, 6, 5, 7)]  # as columns come out of the rounds
