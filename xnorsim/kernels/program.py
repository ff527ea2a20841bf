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

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from xnorsim.kernels.binary import TILE, Layer, Room, prepare, room_for_tile
from xnorsim.kernels.compiled import code_of
from xnorsim.kernels.crew import at_once, claim
from xnorsim.kernels.direct import Direct, lines, room_for_pairs
from xnorsim.kernels.elementwise import NO_BITS, NO_FLOATS, Chain
from xnorsim.kernels.fused import tiles
from xnorsim.kernels.gemm import METHODS
from xnorsim.kernels.lanes import inlined, intrinsic, whole
from xnorsim.kernels.minimal import LINES as OF_BAND
from xnorsim.kernels.minimal import Bands, Minimal, bands, bands_of
from xnorsim.kernels.packing import address
from xnorsim.kernels.patches import Window
from xnorsim.kernels.pooling import LOWEST, Grid, pool_rows
from xnorsim.network.ops import Conv

from llvmlite import ir  # isort: skip
from numba import types  # isort: skip
from numba.np.arrayobj import populate_array  # isort: skip

__all__ = [
    "Command",
    "bands_command",
    "bound",
    "chain_command",
    "fits",
    "layer_command",
    "lines_command",
    "pool_command",
]

Array = np.ndarray

LAYER, LINES, BANDS, POOL = range(4)
ENTRY = 5  # numbers of an array: its address and its lengths
NUMBERS, ARRAYS = 26, 10  # of a command: plain ones, its kind and tiles first, and then entries
WIDTH = NUMBERS + ENTRY * ARRAYS
BEHIND = 8 * len(Window._fields)
"""How far behind a layer's window its Sizes lie [byte]."""
PANEL = np.uint8 if METHODS[0] == "lookup" else np.uint64
"""What the panels of this host's best method are made of."""


class Sizes(NamedTuple):
    """What a command of a layer has besides its window: whether it is plain, numbers of a row of
    results, and rows of a tile."""

    plain: int
    length: int
    tile: int


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """`numbers` as compiled code reads them; `kept` are the arrays whose addresses they hold."""

    numbers: tuple[int, ...]
    kept: tuple[Any, ...]


def _command(kind: int, tiles: int, numbers: Sequence[int], arrays: Sequence[Array]) -> Command:
    row = [kind, tiles, *numbers]
    row += [0] * (NUMBERS - len(row))
    row += _entries(arrays)
    return Command(tuple(int(n) for n in (*row, *(0,) * (WIDTH - len(row)))), tuple(arrays))


def _entries(arrays: Iterable[Array]) -> list[int]:
    """Arrays as compiled code takes them: each by its address and four lengths."""
    each = ((array.ctypes.data, *array.shape, *(0,) * (4 - array.ndim)) for array in arrays)
    return [number for entry in each for number in entry]


def fits(layer: Layer) -> bool:
    """Whether a layer has sums of the type that commands are compiled for."""
    return room_for_tile(layer, 1).sums.dtype == np.uint16


def layer_command(
    layer: Layer, words: Array, chain: Chain, floats: Array, bits: Array, threads: int
) -> Command:
    """A binary layer of one group that `fits` and the chain behind it, as fused.tiles has it."""
    tile = _tile_of(max(len(floats), len(bits)), threads)
    rooms = [room_for_tile(layer, tile) for _ in range(threads)]
    length = layer.offsets.shape[2]
    return _tiled(layer, rooms, (words, NO_FLOATS, length), chain, (floats, bits), tile)


def _tile_of(positions: int, threads: int) -> int:
    """Positions of a tile: as many tiles for each thread, as even as pairs of positions let them be
    (a table is one of a pair's). Of several threads each has two where there would be one: whose
    core is slow takes fewer."""
    most = TILE if threads == 1 else TILE // 2
    tiles = threads * -(-positions // (most * threads))
    return 2 * -(-positions // max(2, 2 * tiles))


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
    places = np.array([_entries(room) for room in rooms], np.int64)
    arrays = (layer.pad, layer.panels, layer.offsets, layer.classes, words, x, *results)
    made = _command(
        LAYER,
        -(-rows // tile),
        (*layer.window, *Sizes(layer.plain, length, tile)),
        (*arrays, places, chain.steps),
    )
    return Command(made.numbers, (*made.kept, *rooms, *chain.operands))


def lines_command(direct: Direct, source: Array, out: Array, threads: int) -> Command:
    """A float convolution or product: of `source` as it was made for, to out, float32 (batch,
    height, width, filters)."""
    room = room_for_pairs(threads)
    arrays = (source, direct.taps, direct.panels, direct.scales, out, room)
    return _command(LINES, out.shape[0] * out.shape[1], direct.steps, arrays)


def bands_command(minimal: Minimal, padded: Array, out: Array, threads: int) -> Command:
    """A float convolution of few products, as minimal.bands_of has its operands."""
    numbers, held = bands_of(minimal, padded, out, threads)
    made = _command(BANDS, out.shape[0] * -(-out.shape[1] // OF_BAND), numbers, ())
    return Command(made.numbers, held)


def pool_command(x: Array, grid: Grid, counts: Array, out: Array) -> Command:
    """A pool of x to out, as pooling.pool_rows has it."""
    return _command(POOL, out.shape[0] * out.shape[1], grid, (x, counts, LOWEST, out))


def bound(commands: Sequence[Command], threads: int) -> Callable[[], bool]:
    """`run()` of commands in their order; False if a sign was taken of what may not be finite, or
    products were saved on what may not be, or is too large."""
    table = np.array([command.numbers for command in commands], np.int64)
    claims, strange = np.zeros((len(table), 16), np.int64), np.zeros((threads, 8), np.int64)
    entries = np.array(_entries([table, claims, strange]), np.int64)
    code, argument = code_of(_walk), entries.ctypes.data

    def run() -> bool:
        claims[:] = 0
        strange[:] = 0
        at_once(code, argument, threads)
        return not strange.any()

    run.__dict__["kept"] = entries, table, [command.kept for command in commands]
    return run


@intrinsic(prefer_literal=True)
def _array(_: Any, entries: Any, at: Any, axes: Any, number: Any) -> Any:
    """Entry `at` of those from an address on: an array of so many axes and a type."""
    kind: Any = types.Array(number.dtype, axes.literal_value, "C")

    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data, *shape = _read(builder, args[0], ENTRY * at.literal_value, 1 + kind.ndim)
        size = context.get_constant(types.intp, kind.dtype.bitwidth // 8)
        strides = [size]
        for length in shape[:0:-1]:
            strides.insert(0, builder.mul(strides[0], length))
        array = context.make_array(kind)(context, builder)
        data = builder.inttoptr(data, context.get_data_type(kind.dtype).as_pointer())
        populate_array(array, data, shape, strides, size, None)
        return array._getvalue()

    return kind(entries, at, axes, number), make


@intrinsic
def _tuple(_: Any, numbers: Any, form: Any) -> Any:
    """The first whole numbers from an address on as a named tuple."""
    cls = form.instance_class
    kind: Any = types.NamedUniTuple(types.int64, len(cls._fields), cls)

    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_tuple(builder, kind, _read(builder, args[0], 0, kind.count))

    return kind(numbers, form), make


def _read(builder: Any, place: Any, first: int, count: int) -> list[Any]:
    """`count` whole numbers from the `first` one from an address on."""
    start = builder.inttoptr(place, ir.IntType(64).as_pointer())
    return [builder.load(builder.gep(start, [ir.IntType(64)(first + at)])) for at in range(count)]


@intrinsic
def _peek(_: Any, place: Any) -> Any:
    """The number at an address, as other threads have left it."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(types.int64), make


def _walk(entries, part):
    """The commands of a table as one of its threads: claims has for each what is claimed next, and
    eight numbers further on how many tiles are finished; strange is this thread's."""
    table, claims = _array(entries, 0, 2, np.int64), _array(entries, 1, 2, np.int64)
    strange = np.uint64(0)
    for at in range(len(table)):
        command, following, finished = address(table[at]), claims[at, 0:1], claims[at, 8:9]
        kind, count = whole(command), whole(command + 8)
        numbers, arrays = command + 16, command + 8 * NUMBERS
        if kind == LAYER:
            strange |= _layer(numbers, arrays, following, finished, part)
        elif kind == LINES:
            _lines(numbers, arrays, following, finished, part)
        elif kind == BANDS:
            strange |= bands(_tuple(numbers, Bands), part, count, following, finished)
        else:
            _pool(numbers, arrays, following, finished, count)
        while _peek(address(finished)) < count:
            pass
    _array(entries, 2, 2, np.int64)[part, 0] = strange


@inlined
def _layer(numbers, entries, following, finished, part):
    sizes = _tuple(numbers + BEHIND, Sizes)
    layer = Layer(
        _tuple(numbers, Window),
        sizes.plain,
        _array(entries, 0, 1, np.uint64),
        _array(entries, 1, 4, PANEL),
        _array(entries, 2, 3, np.int32),
        _array(entries, 3, 1, np.int32),
    )
    own = address(_array(entries, 8, 2, np.int64)[part])
    rows, sums = _array(own, 0, 2, np.uint64), _array(own, 1, 2, np.uint16)
    room = Room(rows, sums, _array(own, 2, 2, np.uint16))
    words, bits = _array(entries, 4, 2, np.uint64), _array(entries, 7, 2, np.uint64)
    x, floats = _array(entries, 5, 2, np.float32), _array(entries, 6, 2, np.float32)
    steps, length, tile = _array(entries, 9, 2, np.int64), sizes.length, sizes.tile
    return tiles(layer, words, x, length, steps, floats, bits, room, tile, following, finished)


@inlined
def _lines(numbers, entries, following, finished, part):
    image, taps = _array(entries, 0, 4, np.float32), _array(entries, 1, 1, np.int64)
    panels, scales = _array(entries, 2, 3, np.float32), _array(entries, 3, 3, np.float32)
    out, room = _array(entries, 4, 4, np.float32), _array(entries, 5, 3, np.float32)[part]
    steps = (whole(numbers), whole(numbers + 8), whole(numbers + 16))
    lines(image, taps, panels, scales, steps, out, room, following, finished)


@inlined
def _pool(numbers, entries, following, finished, count):
    grid, lowest = _tuple(numbers, Grid), _array(entries, 2, 1, np.float32)
    x, out = _array(entries, 0, 4, np.float32), _array(entries, 3, 4, np.float32)
    counts = _array(entries, 1, 2, np.float32)
    while True:
        line = claim(following)
        if line >= count:
            return
        pool_rows(x, grid, counts, lowest, out, line, line + 1)
        claim(finished)
