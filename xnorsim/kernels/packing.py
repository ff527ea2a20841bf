"""Sign and pack: float32 channels-first images to words, and words of all channels to those of
groups.

Packed images are uint64 (groups, positions, words): a group's channels in words of their own, and
positions of the whole batch in row-major order. Channel i of a group is bit i % 64 of its word
i // 64, and bit 1 is +1 (network/bits.py).
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
    call,
    compiled,
    constant,
    inner,
    intrinsic,
    load,
    store,
    vector,
)
from xnorsim.network.bits import word_count

__all__ = ["address", "check_finite", "pack_planes", "regroup", "room_for"]

LANES = 16
"""Positions whose bits are shifted in at a time."""

INFINITE = np.uint32(0x7F800000)
MAGNITUDE = 0x7FFFFFFF


def room_for(groups: int, positions: int, channels: int) -> np.ndarray:
    """Room for the packed image of `positions` with so many `channels` in all."""
    return np.empty((groups, positions, word_count(channels // groups)), np.uint64)


def check_finite(image: np.ndarray, finite: bool) -> None:
    """Name the first number of an image that has no sign, if not all are `finite`.

    Raises:
        ModelError: there is one.
    """
    if not finite:
        place = np.argwhere(~np.isfinite(image))[0].tolist()
        raise ModelError(
            f"the number at {place} whose sign is taken is {image[tuple(place)]}: expected finite "
            "numbers"
        )


@inner
def pack_planes(image, words, start, stop):
    """Pack positions `start` to `stop` of an image (batch, channels, positions of one image).

    `words` is (groups, positions of all images, words). Gives whether all numbers are finite.
    """
    each = image.shape[2]
    channels = image.shape[1] // words.shape[0]
    plane, position = image.strides[1], words.strides[1]
    largest = np.uint32(0)
    while start < stop:
        sample, first = start // each, start % each
        run = min(each - first, stop - start)
        lanes = LANES if run >= LANES else 1
        for group in range(words.shape[0]):
            for word in range(words.shape[2]):
                count = min(channels - 64 * word, 64)
                channel = group * channels + 64 * word
                source = address(image) + sample * image.strides[0] + channel * plane + 4 * first
                to = address(words) + group * words.strides[0] + start * position + 8 * word
                if lanes == LANES:
                    found = _pack_lanes(source, plane, count, to, position)
                else:
                    found = _pack_one(source, plane, count, to, position)
                largest = max(largest, found)
        # the last lanes of an image begin earlier, and some words are written twice
        start += min(lanes, run - lanes) if run > lanes else lanes
    return largest < INFINITE


def _packer(lanes: int) -> Any:
    """An intrinsic: the signs of `count` planes, `plane` bytes apart, at `lanes` positions.

    Words go to `to`, `step` bytes apart. It gives the largest magnitude as an unsigned number:
    infinity and NaN lie above all others.
    """
    kind, wide = vector(32, lanes), vector(64, lanes)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, plane, count, to, step = args
        largest = cgutils.alloca_once_value(builder, constant(kind, 0))
        half = ir.Constant(count.type, 32)
        more = builder.icmp_signed(">", count, half)
        low = builder.select(more, half, count)
        halves = (source, low), (at(builder, source, 32, plane), builder.sub(count, low))
        bits = [
            builder.zext(_shifted_in(builder, place, plane, number, largest), wide)
            for place, number in halves
        ]
        words = builder.or_(bits[0], builder.shl(bits[1], constant(wide, 32)))
        for lane in range(lanes):
            word = builder.extract_element(words, ir.IntType(32)(lane))
            store(builder, word, at(builder, to, lane, step))
        name = f"llvm.vector.reduce.umax.v{lanes}i32"
        return call(builder, name, builder.load(largest), gives=ir.IntType(32))

    @intrinsic
    def pack(context, source, plane, count, to, step):
        return types.uint32(*[types.intp] * 5), code

    return pack


def _shifted_in(builder: Any, source: Any, plane: Any, count: Any, largest: Any) -> Any:
    """The bits of up to 32 planes, shifted in from the last of them to the first."""
    kind = largest.type.pointee
    bits = cgutils.alloca_once_value(builder, constant(kind, 0))
    floats = ir.VectorType(ir.FloatType(), kind.count)
    with cgutils.for_range(builder, count) as loop:
        last = builder.sub(builder.sub(count, loop.index), ir.Constant(count.type, 1))
        numbers = load(builder, at(builder, source, last, plane), floats)
        zeros = ir.Constant(floats, [0.0] * kind.count)
        ones = builder.zext(builder.fcmp_ordered(">=", numbers, zeros), kind)
        before = builder.shl(builder.load(bits), constant(kind, 1))
        builder.store(builder.or_(before, ones), bits)
        magnitude = builder.and_(builder.bitcast(numbers, kind), constant(kind, MAGNITUDE))
        known = builder.load(largest)
        more = builder.icmp_unsigned(">", magnitude, known)
        builder.store(builder.select(more, magnitude, known), largest)
    return builder.load(bits)


_pack_lanes, _pack_one = _packer(LANES), _packer(1)


@compiled
def regroup(words, channels, grouped):
    """Words of all channels (positions, words) to `grouped` (groups, positions, words).

    A group has `channels` of them, which may begin and end anywhere in a word.
    """
    tail = np.uint64(channels % 64)
    mask = (np.uint64(1) << tail) - np.uint64(1) if tail else ~np.uint64(0)
    last = words.shape[1] - 1
    for group in range(grouped.shape[0]):
        for number in range(grouped.shape[2]):
            first = group * channels + 64 * number
            word, low = first // 64, np.uint64(first % 64)
            keep = mask if number == grouped.shape[2] - 1 else ~np.uint64(0)
            for position in range(words.shape[0]):
                bits = words[position, word] >> low
                if low and word < last:
                    bits |= words[position, word + 1] << (np.uint64(64) - low)
                grouped[group, position, number] = bits & keep
