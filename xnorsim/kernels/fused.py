"""Chains of elementwise steps, and binary layers with the chain behind them, tile after tile.

A tile of a binary layer's positions is gathered, multiplied, and finished by its chain while its
sums are in the nearest cache: neither they nor anything in between is ever written to memory.
"""

from __future__ import annotations

import numpy as np

from xnorsim.kernels.binary import places_of, sums_of
from xnorsim.kernels.compiled import inner
from xnorsim.kernels.crew import claim
from xnorsim.kernels.elementwise import finish
from xnorsim.kernels.lanes import row_place
from xnorsim.kernels.packing import address

__all__ = ["tiles"]


@inner
def tiles(layer, words, x, length, steps, floats, bits, room, tile, claims, finished):
    """Claim tiles and compute them: rows of x with their chain, or of the layer's sums where x is
    empty. Not 0 if what a sign was taken of may not be finite. Each finished tile is counted.

    It reads `words` uint64 (positions of the input, words) or x float32 (rows, length), and writes
    `floats` (rows, length) and `bits` uint64 (rows, words) as far as they are wanted (NO_FLOATS,
    NO_BITS).
    """
    rows, zero, strange = max(len(floats), len(bits)), room.sums.dtype.type(0), np.uint64(0)
    alone, classes, table, count = len(x) > 0, layer.classes, address(steps), len(steps)
    # addresses of rows, reckoned here: numba counts references wherever an array is handed on
    (given, given_step), (found, found_step) = row_place(x), row_place(room.sums)
    (into, into_step), (signs, signs_step) = row_place(floats), row_place(bits)
    offsets, offsets_step = row_place(layer.offsets[0])
    places, packed = places_of(layer, room), address(words)
    while True:
        start = tile * claim(claims)
        if start >= rows:
            return strange
        stop = min(start + tile, rows)
        if not alone:
            sums_of(places, packed, words.shape[1], 0, start, stop)
        place = start % len(classes)
        for row in range(start, stop):
            source, added = given + row * given_step, 0
            if not alone:
                source = found + (row - start) * found_step
                added = offsets + classes[place] * offsets_step
                place = place + 1 if place + 1 < len(classes) else 0
            to, word = into + row * into_step, signs + row * signs_step
            strange |= finish(zero, source, added, row, length, table, count, to, word)
        claim(finished)
