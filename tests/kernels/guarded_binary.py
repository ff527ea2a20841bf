"""Runs the binary convolution between pages that may not be touched.

    python guarded_binary.py          prints "ran" at the end

Packed images, rows, sums and results lie once right after a forbidden page and once right before
one. Reading or writing beyond them ends the process, so this is run in one of its own.
"""

from __future__ import annotations

import numpy as np
from guarded import guarded

from xnorsim.kernels.binary import SCALAR, Room, places_of, prepare, room_for_tile, sums_of
from xnorsim.kernels.compiled import address, alone, inner
from xnorsim.kernels.gemm import METHODS
from xnorsim.kernels.packing import pack_planes, room_for
from xnorsim.kernels.results import bounds_of, finish_bits, finish_floats
from xnorsim.network.ops import Conv


@inner
def all_sums(layer, words, room, group):
    place = address(words) + group * words.strides[0]
    sums_of(places_of(layer, room), place, words.shape[2], group, 0, words.shape[1])


PACK, SUMS = alone(pack_planes), alone(all_sums)
TO_FLOATS, TO_BITS = alone(finish_floats), alone(finish_bits)
CASES = ((1, 1, 1, 1), (65, 5, 3, 3), (130, 9, 66, 3), (64, 4, 64, 1), (33, 17, 9, 5))
"""Channels, height and width, filters, kernel: with rests of words, lanes and squares, and none.
Channels and filters are of each of two groups."""
GROUPS = 2


def check(case: tuple[int, int, int, int], method: str, at_end: bool) -> None:
    channels, size, filters, kernel = case
    positions = size * size
    half = kernel // 2
    pads, every = ((half, half), (half, half)), GROUPS * filters
    op = Conv(every, (kernel, kernel), (1, 1), pads, (1, 1), GROUPS)
    draw = np.random.default_rng(0)
    weight = draw.standard_normal((every, channels, kernel, kernel)).astype(np.float32)
    layer = prepare(op, (1, GROUPS * channels, size, size), weight, method)
    layer = layer._replace(panels=guarded(layer.panels, at_end))
    image = draw.standard_normal((1, GROUPS * channels, positions)).astype(np.float32)
    words = guarded(room_for(GROUPS, positions, GROUPS * channels), at_end)
    assert PACK(guarded(image, at_end), words, 0, positions)
    room = room_for_tile(layer, positions)
    rows = guarded(room.rows, at_end) if room.rows.size else room.rows
    room = Room(rows, guarded(room.sums, at_end), room.scratch)
    ends = 0, positions
    ones = guarded(np.ones((GROUPS, 3, filters), np.float32), at_end)
    K, out = np.ones((1, positions), np.float32), np.empty((1, every, positions), np.float32)
    out, offsets = guarded(out, at_end), guarded(layer.offsets, at_end)
    K = guarded(K, at_end)
    rule = np.ones(filters, np.int8), np.zeros(filters, np.int32)
    rules = [bounds_of(*rule, own, weight[0].size, room.sums.dtype) for own in offsets]
    bounds, flips = (np.stack(part) for part in zip(*rules, strict=True))
    bounds = guarded(bounds, at_end)
    bits = guarded(np.zeros((positions, -(-every // 64)), np.uint64), at_end)
    for group in range(GROUPS):
        SUMS(layer, words, room, group)
        first = group * filters
        TO_FLOATS(room.sums, offsets, ones, K, group, layer.classes, *ends, first, out)
        TO_BITS(room.sums, bounds, flips, group, layer.classes, *ends, first, bits)
    ones_in_bits = np.bitwise_count(bits).sum()
    assert ones_in_bits == np.count_nonzero(out - 1 >= 0), (ones_in_bits, case)


for chosen in (*METHODS, SCALAR):
    for case in CASES:
        for at_end in (False, True):
            check(case, chosen, at_end)
print("ran")
