"""XNOR GEMM by table look-up, for processors that shuffle bytes but count no bits of a vector.

A step is 4 bits of K. For two rows whose 4 bits are a0 and a1 there is a table of 16 bytes,

    entry j = popcount(a0 ^ j) + 16 popcount(a1 ^ j)

and one byte shuffle looks up there the 4 bits j of as many filters as a vector has bytes: 256
binary MACs in an instruction of 32 bytes. Three look-ups add up to at most 12 in each half of a
byte; their sum s is then taken apart into two accumulators:

    low  += s & 15      bytes: what differs from row 0
    high += s >> 4      words of 16 bits: what differs from row 1, and between it, in bits 4 to 11,
                        the s & 15 of the odd bytes, which no mask need remove: low knows their sum

Bytes hold 21 of these (63 steps, at most 252): a block. Then both are added to the result. All
pairs of rows pass a block of a panel before the next, so that it stays in the L1 cache.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from xnorsim.kernels.buffers import aligned
from xnorsim.kernels.compiled import (
    HOST,
    at,
    call,
    cgutils,
    constant,
    inlined,
    intrinsic,
    ir,
    load,
    store,
    types,
    vector,
)

__all__ = [
    "BYTES",
    "GROUP",
    "NEEDED",
    "ROWS",
    "SHUFFLE",
    "WORDS",
    "add_up",
    "differing",
    "pack",
]

WIDTH = HOST.vector_bits // 8
NEEDED, SHUFFLE = {
    16: ("ssse3", "llvm.x86.ssse3.pshuf.b.128"),
    32: ("avx2", "llvm.x86.avx2.pshuf.b"),
    64: ("avx512bw", "llvm.x86.avx512.pshuf.b.512"),
}[WIDTH]
"""The feature of a processor without which there is no such shuffle, and its name."""

ROWS = 2
STEPS = 16  # of a word
GROUP = 3  # look-ups of at most 4 that half a byte holds
BLOCK = 63  # steps of at most 4 that a byte holds
WIDE, NARROW = 4 * WIDTH, 2 * WIDTH  # filters of a panel
OFFSET = 2  # bytes of where in the tables that of a step begins: 256 a0 + 16 a1

BYTES, WORDS = vector(8, WIDTH), vector(16, WIDTH // 2)
NUMBER = ir.IntType(64)


def pack(words: np.ndarray) -> np.ndarray:
    """Words (filters, words) as panels (panels, steps, WIDE or NARROW), a byte for 4 bits.

    Steps are in order of bytes, first their low halves and then their high ones. In each vector of
    a step, byte 2i is filter i and byte 2i + 1 is filter WIDTH / 2 + i: what is taken apart by
    words of 16 bits is then in order.
    """
    filters, width = words.shape
    whole = [-(-filters // lanes) * lanes for lanes in (WIDE, NARROW)]
    lanes = WIDE if whole[0] == whole[1] else NARROW
    halves = np.zeros((min(whole), -(-width * STEPS // GROUP) * GROUP), np.uint8)
    octets = np.ascontiguousarray(words, "<u8").view(np.uint8).reshape(filters, width * 8)
    halves[:filters, : width * 8] = octets & 15
    halves[:filters, width * 8 : width * 16] = octets >> 4
    panels, steps = min(whole) // lanes, halves.shape[1]
    packed = aligned((panels, steps, lanes), np.uint8)
    parts = halves.reshape(panels, lanes // WIDTH, 2, WIDTH // 2, steps)
    packed.reshape(panels, steps, lanes // WIDTH, WIDTH // 2, 2)[:] = parts.transpose(0, 4, 1, 3, 2)
    return packed


def differing(rows, panels, sums):
    """sums[p, f] = differing bits of row p and filter f, by way of the rows' table offsets.

    For gemm.py to compile, which chooses by the type of the panels.
    """
    _, count, steps, lanes, _ = panels
    pairs, apart = (rows.count + 1) // 2, OFFSET * steps
    _find_tables(rows, sums.scratch, apart)
    for panel in range(count):
        for start in range(0, steps, BLOCK):
            groups = min(BLOCK, steps - start) // GROUP
            filters = panels.place + (panel * steps + start) * lanes
            tables = sums.scratch + start * OFFSET
            to = sums.place + panel * lanes * sums.size
            for _ in range(pairs):
                if lanes == WIDE:
                    _wide_tile(tables, filters, groups, start, to, sums.apart, sums.zero)
                else:
                    _narrow_tile(tables, filters, groups, start, to, sums.apart, sums.zero)
                tables += apart
                to += ROWS * sums.apart


@inlined
def _find_tables(rows, to, apart):
    """The offsets of pairs of rows, `apart` bytes from one pair to the next; a last single row is
    its own mate.

    Steps beyond the words, which fill the last group, are 0 as the filters' bits are there: so the
    room was made, and nothing is written to them.
    """
    count, width = rows.count, rows.words
    first = rows.place
    for row in range(0, count, 2):
        second = first + min(1, count - 1 - row) * rows.apart
        for word in range(0, width - 1, 2):
            _offsets_of_two(first + 8 * word, second + 8 * word, to + 16 * word, width)
        if width % 2:
            word = width - 1
            _offsets_of_one(first + 8 * word, second + 8 * word, to + 16 * word, width)
        first += 2 * rows.apart
        to += apart


def _offsets_of(count: int) -> Any:
    """An intrinsic: the offsets of `count` words of two rows, of low halves and of high ones."""
    kind = vector(16, 8 * count)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def bits(value: Any, mask: int) -> Any:
            return builder.and_(value, constant(kind, mask))

        first, second, low, width = args
        x, y = (builder.zext(load(builder, a, vector(8, 8 * count)), kind) for a in (first, second))
        four = constant(kind, 4)
        both = builder.or_(builder.shl(x, constant(kind, 8)), y)
        lows = builder.or_(bits(both, 0xF00), bits(builder.shl(both, four), 0xF0))
        highs = builder.or_(bits(builder.lshr(both, four), 0xF00), bits(both, 0xF0))
        store(builder, lows, low)
        store(builder, highs, at(builder, low, width, 8 * OFFSET))
        return context.get_dummy_value()

    @intrinsic
    def offsets_of(context, first, second, low, width):
        return types.void(*[types.intp] * 4), code

    return offsets_of


_offsets_of_one, _offsets_of_two = _offsets_of(1), _offsets_of(2)


def _tile(vectors: int) -> Any:
    """An intrinsic: adds a block's sums of two rows and `vectors` vectors to those at `to`, or
    puts them there if it begins with the first step."""

    @intrinsic
    def tile(context, tables, filters, groups, start, to, apart, zero):
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            tables, filters, groups, start, to, apart, _ = args
            totals = [
                [cgutils.alloca_once_value(builder, constant(kind, 0)) for kind in (BYTES, WORDS)]
                for _ in range(vectors)
            ]
            with cgutils.for_range(builder, groups) as loop:
                offsets = at(builder, tables, loop.index, GROUP * OFFSET)
                panel = at(builder, filters, loop.index, GROUP * vectors * WIDTH)
                _add_group(builder, offsets, panel, totals)
            second = builder.add(to, apart)
            kept = builder.icmp_unsigned("!=", start, constant(start.type, 0))
            for n, (low, high) in enumerate(totals):
                sizes = n * WIDTH, zero.bitwidth // 8
                rows = [at(builder, row, *sizes) for row in (to, second)]
                _add_block(builder, builder.load(low), builder.load(high), rows, kept, zero)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 6, zero), code

    return tile


_wide_tile, _narrow_tile = _tile(WIDE // WIDTH), _tile(NARROW // WIDTH)


def _add_group(builder: Any, offsets: Any, panel: Any, totals: list[list[Any]]) -> None:
    """GROUP steps, from where their offsets and the filters' bytes are, into the accumulators."""
    tables = [_table(builder, at(builder, offsets, g, 2)) for g in range(GROUP)]
    for n, (low, high) in enumerate(totals):
        found = []
        for g, table in enumerate(tables):
            bits = load(builder, at(builder, panel, g * len(totals) + n, WIDTH), BYTES)
            found.append(call(builder, SHUFFLE, table, bits))
        add_up(builder, found, low, high)


def add_up(builder: Any, found: list[Any], low: Any, high: Any) -> None:
    """The sum of GROUP look-ups, taken apart into two accumulators."""
    total = reduce(builder.add, found)
    part = builder.and_(total, constant(BYTES, 15))
    builder.store(builder.add(builder.load(low), part), low)
    part = builder.lshr(builder.bitcast(total, WORDS), constant(WORDS, 4))
    builder.store(builder.add(builder.load(high), part), high)


def _table(builder: Any, address: Any) -> Any:
    """The table whose offset lies at an address, in each 16 bytes of a vector."""
    name, kind = "xnorsim.tables", vector(8, 16)
    tables: Any = builder.module.globals.get(name)
    if tables is None:
        ones = np.bitwise_count(np.arange(16)[:, None] ^ np.arange(16))
        entries = (ones[:, None] + 16 * ones).reshape(256, 16).tolist()
        lines = [ir.Constant(kind, line) for line in entries]
        tables = cgutils.global_constant(
            builder.module, name, ir.Constant(ir.ArrayType(kind, 256), lines)
        )
        tables.align = 64
    offset = builder.zext(load(builder, address, ir.IntType(16)), NUMBER)
    table = load(builder, builder.add(builder.ptrtoint(tables, NUMBER), offset), kind, 16)
    spread = ir.Constant(vector(32, WIDTH), [lane % 16 for lane in range(WIDTH)])
    return builder.shuffle_vector(table, table, spread)


def _add_block(builder: Any, low: Any, high: Any, rows: list[Any], kept: Any, dtype: Any) -> None:
    """The accumulators of a vector, taken apart and added to the sums of both rows, if these are
    `kept`."""
    eight, even = constant(WORDS, 8), constant(WORDS, 255)
    low = builder.bitcast(low, WORDS)
    odd = builder.lshr(low, eight)
    high = builder.sub(high, builder.shl(odd, constant(WORDS, 4)))
    parts = (
        (builder.and_(low, even), odd),
        (builder.and_(high, even), builder.lshr(high, eight)),
    )
    kind = vector(dtype.bitwidth, WIDTH // 2)
    one = builder.insert_element(constant(kind, 0), builder.sext(kept, kind.element), NUMBER(0))
    mask = builder.shuffle_vector(one, one, constant(vector(32, kind.count), 0))
    for row, halves in zip(rows, parts, strict=True):
        for half, value in enumerate(halves):
            wide = value if kind == WORDS else builder.zext(value, kind)
            place = at(builder, row, half * WIDTH // 2, dtype.bitwidth // 8)
            known = builder.and_(load(builder, place, kind), mask)
            store(builder, builder.add(known, wide), place)
