"""Several layers as one compiled call: commands, each cut into tiles that threads claim.

A layer of a small network takes 0.1 ms, and to hand each to other threads, or to Python and back,
takes as much. So layers become commands, rows of whole numbers with the addresses of their arrays,
and every thread walks down the list by itself:

    run = bound([layer_command(...), pool_command(...)], threads)
    ok = run()

It claims tiles of a command until there are none left, waits until the others have finished theirs,
and goes on to the next one. A thread that comes late finds nothing to claim and soon catches up, so
no number of threads has to come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from xnorsim.kernels.binary import Layer, Room, prepare, room_for_tile, tile_of
from xnorsim.kernels.compiled import compiled
from xnorsim.kernels.crew import claim, together
from xnorsim.kernels.direct import Direct, lines, room_for_pairs
from xnorsim.kernels.elementwise import NO_BITS, NO_FLOATS, Chain
from xnorsim.kernels.fused import tiles
from xnorsim.kernels.gemm import METHODS
from xnorsim.kernels.lanes import inlined, intrinsic
from xnorsim.kernels.packing import address
from xnorsim.kernels.patches import Window
from xnorsim.kernels.pooling import LOWEST, Grid, pool_rows
from xnorsim.network.ops import Conv

from llvmlite import ir  # isort: skip
from numba import types  # isort: skip
from numba.np.numpy_support import carray  # isort: skip

__all__ = [
    "Command",
    "bound",
    "chain_command",
    "fits",
    "layer_command",
    "lines_command",
    "pool_command",
]

Array = np.ndarray

LAYER, LINES, POOL = range(3)
NUMBERS, ARRAYS = 24, 10  # of a command: plain numbers, and then arrays of five each
WIDTH = NUMBERS + 5 * ARRAYS
PANEL = np.uint8 if METHODS[0] == "lookup" else np.uint64
"""What the panels of this host's best method are made of."""


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """`numbers` as compiled code reads them; `kept` are the arrays whose addresses they hold."""

    numbers: tuple[int, ...]
    kept: tuple[Any, ...]


def _command(kind: int, tiles: int, numbers: Sequence[int], arrays: Sequence[Array]) -> Command:
    row = [kind, tiles, *numbers]
    row += [0] * (NUMBERS - len(row))
    for array in arrays:
        row += [array.ctypes.data, *array.shape, *(1,) * (4 - array.ndim)]
    return Command(tuple(int(n) for n in (*row, *(0,) * (WIDTH - len(row)))), tuple(arrays))


def fits(layer: Layer) -> bool:
    """Whether a layer has sums of the type that commands are compiled for."""
    return room_for_tile(layer, 1).sums.dtype == np.uint16


def layer_command(
    layer: Layer, words: Array, chain: Chain, floats: Array, bits: Array, threads: int
) -> Command:
    """A binary layer of one group that `fits` and the chain behind it, as fused.tiles has it."""
    tile = tile_of(max(len(floats), len(bits)), threads)
    rooms = [room_for_tile(layer, tile) for _ in range(threads)]
    length = layer.offsets.shape[2]
    return _tiled(layer, rooms, (words, NO_FLOATS, length), chain, (floats, bits), tile)


_CHAINED = 2**14
"""Numbers of a tile of a chain without a product before it: 64 KiB."""


def chain_command(x: Array, chain: Chain, floats: Array, bits: Array, threads: int) -> Command:
    """A chain on float32 x (rows, length), which is not `floats`."""
    tile = max(1, _CHAINED // x.shape[1])
    layer, room = _nothing()
    source = (NO_BITS, x, x.shape[1])
    return _tiled(layer, [room] * threads, source, chain, (floats, bits), tile)


@cache
def _nothing() -> tuple[Layer, Room]:
    """In place of the layer of a chain that has none."""
    ones = (1, 1)
    op = Conv(1, ones, ones, ((0, 0), (0, 0)), ones)
    layer = prepare(op, (1, 1, 1, 1), np.ones((1, 1, 1, 1)))
    return layer, room_for_tile(layer, 1)


def _tiled(
    layer: Layer,
    rooms: Sequence[Room],
    source: tuple[Array, Array, int],
    chain: Chain,
    results: tuple[Array, Array],
    tile: int,
) -> Command:
    (words, x, length), rows = source, max(map(len, results))
    places = np.array([_places(room) for room in rooms], np.int64)
    arrays = (layer.pad, layer.panels, layer.offsets, layer.classes, words, x, *results)
    made = _command(
        LAYER,
        -(-rows // tile),
        (*layer.window, layer.plain, length, tile),
        (*arrays, places, chain.steps),
    )
    return Command(made.numbers, (*made.kept, *rooms, *chain.operands))


def _places(room: Room) -> list[int]:
    """The arrays of a room as a command has them."""
    return [n for array in room for n in (array.ctypes.data, *array.shape)]


def lines_command(direct: Direct, source: Array, out: Array, threads: int) -> Command:
    """A float convolution or product: of `source` as it was made for, to out, float32 (batch,
    height, width, filters)."""
    room = room_for_pairs(threads)
    arrays = (source, direct.taps, direct.panels, direct.scales, out, room)
    return _command(LINES, out.shape[0] * out.shape[1], direct.steps, arrays)


def pool_command(x: Array, grid: Grid, counts: Array, out: Array) -> Command:
    """A pool of x to out, as pooling.pool_rows has it."""
    return _command(POOL, out.shape[0] * out.shape[1], grid, (x, counts, LOWEST, out))


def bound(commands: Sequence[Command], threads: int) -> Callable[[], bool]:
    """`run()` of commands in their order; False if a sign was taken of what may not be finite."""
    table = np.array([command.numbers for command in commands], np.int64)
    claims, strange = np.zeros((len(table), 16), np.int64), [0] * threads

    def work(part: int) -> None:
        strange[part] = _walk(table, claims, part)

    def run() -> bool:
        claims[:] = 0
        strange[:] = [0] * threads
        together(work, threads)
        return not any(strange)

    run.__dict__["kept"] = [command.kept for command in commands]
    return run


@intrinsic
def _pointer(_: Any, address: Any) -> Any:
    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.int64), make


@intrinsic
def _peek(_: Any, place: Any) -> Any:
    """The number at an address, as other threads have left it."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(types.int64), make


@compiled
def _walk(table, claims, part):
    """The commands of a table as one of its threads: claims has for each what is claimed next, and
    eight numbers further on how many tiles are finished."""
    strange = np.uint64(0)
    for at in range(len(table)):
        command, following, finished = table[at], claims[at, 0:1], claims[at, 8:9]
        if command[0] == LAYER:
            strange |= _layer(command, following, finished, part)
        elif command[0] == LINES:
            _lines(command, following, finished, part)
        else:
            _pool(command, following, finished)
        while _peek(address(finished)) < command[1]:
            pass
    return strange


@inlined
def _floats(command, number):
    at = NUMBERS + 5 * number
    return carray(_pointer(command[at]), (command[at + 1], command[at + 2]), np.float32)


@inlined
def _images(command, number):
    at = NUMBERS + 5 * number
    shape = (command[at + 1], command[at + 2], command[at + 3], command[at + 4])
    return carray(_pointer(command[at]), shape, np.float32)


@inlined
def _words(command, number):
    at = NUMBERS + 5 * number
    return carray(_pointer(command[at]), (command[at + 1], command[at + 2]), np.uint64)


@inlined
def _numbers(command, number):
    at = NUMBERS + 5 * number
    return carray(_pointer(command[at]), (command[at + 1], command[at + 2]), np.int64)


@inlined
def _layer(command, following, finished, part):
    c, at = command, NUMBERS
    window = Window(c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10], c[11], c[12], c[13])
    shape = (c[at + 6], c[at + 7], c[at + 8], c[at + 9])
    layer = Layer(
        window,
        c[14] != 0,
        carray(_pointer(c[at]), (c[at + 1],), np.uint64),
        carray(_pointer(c[at + 5]), shape, PANEL),
        carray(_pointer(c[at + 10]), (c[at + 11], c[at + 12], c[at + 13]), np.int32),
        carray(_pointer(c[at + 15]), (c[at + 16],), np.int32),
    )
    own = _numbers(c, 8)[part]
    room = Room(
        carray(_pointer(own[0]), (own[1], own[2]), np.uint64),
        carray(_pointer(own[3]), (own[4], own[5]), np.uint16),
        carray(_pointer(own[6]), (own[7], own[8]), np.uint16),
    )
    words, x, floats, bits = _words(c, 4), _floats(c, 5), _floats(c, 6), _words(c, 7)
    return tiles(
        layer, words, x, c[15], _numbers(c, 9), floats, bits, room, c[16], following, finished
    )


@inlined
def _lines(command, following, finished, part):
    c, at = command, NUMBERS
    taps = carray(_pointer(c[at + 5]), (c[at + 6],), np.int64)
    shape = (c[at + 11], c[at + 12], c[at + 13])
    panels = carray(_pointer(c[at + 10]), shape, np.float32)
    scales = carray(_pointer(c[at + 15]), (c[at + 16], c[at + 17], c[at + 18]), np.float32)
    shape = (c[at + 26], c[at + 27], c[at + 28])
    room = carray(_pointer(c[at + 25]), shape, np.float32)[part]
    steps = (c[2], c[3], c[4])
    lines(_images(c, 0), taps, panels, scales, steps, _images(c, 4), room, following, finished)


@inlined
def _pool(command, following, finished):
    c = command
    grid = Grid(c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10], c[11], c[12] != 0)
    lowest = carray(_pointer(c[NUMBERS + 10]), (1,), np.float32)
    x, counts, out = _images(c, 0), _floats(c, 1), _images(c, 3)
    while True:
        line = claim(following)
        if line >= command[1]:
            return
        pool_rows(x, grid, counts, lowest, out, line, line + 1)
        claim(finished)
