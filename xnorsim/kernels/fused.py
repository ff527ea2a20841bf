"""Chains of elementwise steps, and binary layers with the chain behind them, tile after tile.

A tile of a binary layer's positions is gathered, multiplied, and finished by its chain while its
sums are in the nearest cache: neither they nor anything in between is ever written to memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from xnorsim.kernels.binary import Layer, Room, prepare, room_for_tile, sums_of, tile_of
from xnorsim.kernels.compiled import compiled
from xnorsim.kernels.crew import claim, together
from xnorsim.kernels.elementwise import NO_BITS, NO_FLOATS, Chain, finish
from xnorsim.kernels.lanes import row_place
from xnorsim.kernels.packing import address
from xnorsim.network.ops import Conv

__all__ = ["fused_chain", "fused_layer"]

Array = np.ndarray
Run = Callable[[], bool]


@compiled
def _tiles(layer, words, x, length, steps, floats, bits, room, tile, claims):
    """The tiles that this thread can claim: rows of x, or of the layer's sums where x is empty.
    Not 0 if what a sign was taken of may not be finite."""
    rows, zero, strange = max(len(floats), len(bits)), room.sums.dtype.type(0), np.uint64(0)
    alone, classes, table, count = len(x) > 0, layer.classes, address(steps), len(steps)
    # addresses of rows, reckoned here: numba counts references wherever an array is handed on
    (given, given_step), (found, found_step) = row_place(x), row_place(room.sums)
    (into, into_step), (signs, signs_step) = row_place(floats), row_place(bits)
    offsets, offsets_step = row_place(layer.offsets[0])
    while True:
        start = tile * claim(claims)
        if start >= rows:
            return strange
        stop = min(start + tile, rows)
        if not alone:
            sums_of(layer, 0, words, start, stop, room)
        place = start % len(classes)
        for row in range(start, stop):
            source, added = given + row * given_step, 0
            if not alone:
                source = found + (row - start) * found_step
                added = offsets + classes[place] * offsets_step
                place = place + 1 if place + 1 < len(classes) else 0
            to, word = into + row * into_step, signs + row * signs_step
            strange |= finish(zero, source, added, row, length, table, count, to, word)


def fused_layer(
    layer: Layer, words: Array, chain: Chain, floats: Array, bits: Array, threads: int
) -> Run:
    """A layer of one group and its chain bound to their arrays: each call computes them anew.

    It reads `words` uint64 (positions of the input, words) and writes `floats` (positions,
    filters) and `bits` uint64 (positions, words) as far as they are wanted (NO_FLOATS, NO_BITS). A
    call returns False if a sign was taken of what may be NaN or infinite.
    """
    tile = tile_of(max(len(floats), len(bits)), threads)
    rooms = [room_for_tile(layer, tile) for _ in range(threads)]
    length = layer.offsets.shape[2]
    return _bound((layer, words, NO_FLOATS, length), chain, (floats, bits), rooms, tile)


_NUMBERS = 2**14
"""Of a tile of a chain without a product before it: 64 KiB."""


def fused_chain(x: Array, chain: Chain, floats: Array, bits: Array, threads: int) -> Run:
    """A chain on float32 x (rows, length) bound to its arrays, as fused_layer."""
    tile = max(1, _NUMBERS // x.shape[1])
    layer, room = _nothing()
    return _bound((layer, NO_BITS, x, x.shape[1]), chain, (floats, bits), [room] * threads, tile)


@cache
def _nothing() -> tuple[Layer, Room]:
    """In place of the layer of a chain that has none: of the types of most that there are."""
    ones = (1, 1)
    layer = prepare(
        Conv(1, ones, ones, ((0, 0), (0, 0)), ones), (1, 1, 1, 1), np.ones((1, 1, 1, 1))
    )
    return layer, room_for_tile(layer, 1)


def _bound(
    source: tuple[Layer, Array, Array, int],
    chain: Chain,
    results: tuple[Array, Array],
    rooms: list[Room],
    tile: int,
) -> Run:
    """All tiles by all threads; whether none has found anything odd."""
    claims = np.zeros(1, np.int64)
    strange: list[int] = [0] * len(rooms)

    def work(part: int) -> None:
        strange[part] = _tiles(*source, chain.steps, *results, rooms[part], tile, claims)

    def run() -> bool:
        claims[0] = 0
        strange[:] = [0] * len(rooms)
        together(work, len(rooms))
        return not any(strange)

    run.__dict__["operands"] = chain.operands  # compiled code knows their addresses only
    return run
