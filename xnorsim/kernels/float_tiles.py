"""Tiles of float sums, as vector code: what floats.py makes its convolutions of.

Sums are [ROWS][LANES]: filters x positions of a panel. They stay in registers for a whole loop.
Arguments are addresses, and numbers of steps, which are at least one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from xnorsim.kernels.compiled import HOST

__all__ = [
    "CHUNK",
    "LANES",
    "ROWS",
    "add_float_products",
    "add_table_rows",
    "fill_lanes",
    "fill_lanes_apart",
    "fill_table",
    "move",
    "move_four",
    "move_one",
    "multiply_add",
    "scale",
    "scale_panels",
    "window_sums",
    "window_sums_apart",
]

inlined = cast("Callable[[Callable], Callable]", intrinsic)  # they are called without `typing`

LANES = 16
"""Positions of a panel: two vectors of AVX2, one of AVX-512, four of NEON."""

ROWS = {512: 12, 256: 6}.get(HOST.vector_bits, 6 if HOST.vector_registers > 16 else 3)
"""Filters of a tile: as many sums as registers hold beside two or three operands."""

CHUNK = 16
"""Products that a step of +-1 weights takes: bits of a word of 64."""

_FLOAT, _I64 = ir.FloatType(), ir.IntType(64)
_PANEL = ir.VectorType(_FLOAT, LANES)
_BYTES = 4 * LANES


def _at(builder: ir.IRBuilder, address: Any, kind: ir.Type) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def _load(builder: ir.IRBuilder, address: Any) -> Any:
    return builder.load(_at(builder, address, _PANEL), align=4)


def _store(builder: ir.IRBuilder, value: Any, address: Any) -> None:
    builder.store(value, _at(builder, address, _PANEL), align=4)


def _plus(builder: ir.IRBuilder, address: Any, bytes_: int) -> Any:
    return builder.add(address, _I64(bytes_))


def _broadcast(builder: ir.IRBuilder, value: Any) -> Any:
    one = builder.insert_element(ir.Constant(_PANEL, ir.Undefined), value, ir.IntType(32)(0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(one, ir.Constant(_PANEL, ir.Undefined), places)


def _multiply_add(builder: ir.IRBuilder, left: Any, right: Any, total: Any) -> Any:
    """Fused where the host can; sums of integers are exact either way."""
    kind = total.type
    name = f"llvm.fmuladd.v{LANES}f32" if kind == _PANEL else "llvm.fmuladd.f32"
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(kind, (kind,) * 3), name
    )
    return builder.call(function, (left, right, total))


def _summing(
    builder: ir.IRBuilder,
    sums: Any,
    begin: Any,
    rows: int,
    steps: Any,
    step: Callable[[Any, list[Any]], list],
    beside: Sequence[Any] = (),
) -> None:
    """A loop of `steps` (at least one) over `rows` sums, which begin as what lies at `begin`, or 0
    if that is None. Values `beside` them go from step to step as sums do."""
    zero = ir.Constant(_PANEL, None)
    places = (row * _BYTES for row in range(rows))
    start = [zero if begin is None else _load(builder, _plus(builder, begin, at)) for at in places]
    start += beside
    before = builder.block
    loop, after = builder.append_basic_block(), builder.append_basic_block()
    builder.branch(loop)
    builder.position_at_end(loop)
    index = builder.phi(_I64)
    totals = [builder.phi(value.type) for value in start]
    found = step(index, totals)
    following = builder.add(index, _I64(1))
    index.add_incoming(_I64(0), before)
    index.add_incoming(following, loop)
    for total, first, last in zip(totals, start, found, strict=True):
        total.add_incoming(first, before)
        total.add_incoming(last, loop)
    builder.cbranch(builder.icmp_signed("<", following, steps), loop, after)
    builder.position_at_end(after)
    for row, last in enumerate(found[:rows]):
        _store(builder, last, _plus(builder, sums, row * _BYTES))


def _addresses(count: int, emit: Callable[..., None]) -> tuple[Any, Any]:
    """An intrinsic of `count` integers, addresses or numbers, that returns nothing."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit(builder, *args)
        return context.get_dummy_value()

    return types.void(*(types.int64,) * count), codegen


@inlined
def add_float_products(typing, sums, begin, weights, columns, steps):
    """sums[ROWS][LANES] = those at `begin` + weights[steps][ROWS] x columns[steps][LANES]."""

    def emit(builder, sums, begin, weights, columns, steps):
        def step(index, totals):
            column = _load(builder, builder.add(columns, builder.mul(index, _I64(_BYTES))))
            row = builder.add(weights, builder.mul(index, _I64(4 * ROWS)))
            each = (_at(builder, _plus(builder, row, 4 * r), _FLOAT) for r in range(ROWS))
            found = [_broadcast(builder, builder.load(item)) for item in each]
            return [
                _multiply_add(builder, weight, column, total)
                for weight, total in zip(found, totals, strict=True)
            ]

        _summing(builder, sums, begin, ROWS, steps, step)

    return _addresses(5, emit)


@inlined
def add_table_rows(typing, sums, begin, words, tables, chunks):
    """sums[ROWS][LANES] = those at `begin` + rows of tables[chunks][4][16][LANES], by words[ROWS],
    whose lowest CHUNK bits are the first chunk's: loads are what the loop has most of."""

    def emit(builder, sums, begin, words, tables, chunks):
        def step(index, values):
            table = builder.add(tables, builder.mul(index, _I64(4 * 16 * _BYTES)))
            totals, left = values[:ROWS], values[ROWS:]
            for four in range(4):
                for r, word in enumerate(left):
                    shift = 4 * four - 6  # a row of the table is 2**6 bytes
                    moved = (
                        builder.lshr(word, _I64(shift))
                        if shift >= 0
                        else builder.shl(word, _I64(-shift))
                    )
                    offset = builder.and_(moved, _I64(15 * _BYTES))
                    place = builder.add(_plus(builder, table, four * 16 * _BYTES), offset)
                    totals[r] = builder.fadd(totals[r], _load(builder, place))
            return totals + [builder.lshr(word, _I64(CHUNK)) for word in left]

        each = (_at(builder, _plus(builder, words, 8 * r), _I64) for r in range(ROWS))
        _summing(builder, sums, begin, ROWS, chunks, step, [builder.load(item) for item in each])

    return _addresses(5, emit)


@inlined
def fill_table(typing, table, columns):
    """table[16][LANES] = +-x0 +-x1 +-x2 +-x3 of columns[4][LANES]; bit i of a row's number: +xi."""

    def emit(builder, table, columns):
        x = [_load(builder, _plus(builder, columns, i * _BYTES)) for i in range(4)]
        pairs = []
        for one, other in (x[:2], x[2:]):
            both, apart = builder.fadd(one, other), builder.fsub(one, other)
            pairs.append([builder.fneg(both), apart, builder.fneg(apart), both])
        for row in range(16):
            total = builder.fadd(pairs[0][row & 3], pairs[1][row >> 2])
            _store(builder, total, _plus(builder, table, row * _BYTES))

    return _addresses(2, emit)


@inlined
def move(typing, to, source):
    """LANES floats from one address to another."""
    return _addresses(2, lambda builder, to, source: _move(builder, to, source, LANES))


@inlined
def move_four(typing, to, source):
    """Four floats from one address to another."""
    return _addresses(2, lambda builder, to, source: _move(builder, to, source, 4))


@inlined
def move_one(typing, to, source):
    """One float from one address to another."""
    return _addresses(2, lambda builder, to, source: _move(builder, to, source, 1))


def _move(builder: ir.IRBuilder, to: Any, source: Any, count: int) -> None:
    kind = ir.VectorType(_FLOAT, count)
    value = builder.load(_at(builder, source, kind), align=4)
    builder.store(value, _at(builder, to, kind), align=4)


def _every(builder: ir.IRBuilder, source: Any, apart: int) -> Any:
    """A panel of the floats at an address, `apart` elements from each other: 1 or 2."""
    if apart == 1:
        return _load(builder, source)
    kind = ir.VectorType(_FLOAT, apart * LANES)
    together = builder.load(_at(builder, source, kind), align=4)
    places = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [*range(0, apart * LANES, apart)])
    return builder.shuffle_vector(together, ir.Constant(kind, ir.Undefined), places)


def _tap(builder: ir.IRBuilder, image: Any, taps: Any, index: Any) -> Any:
    """Where a product reads: its element from an address on."""
    place = _at(builder, builder.add(taps, builder.mul(index, _I64(8))), _I64)
    return builder.add(image, builder.mul(builder.load(place), _I64(4)))


def _filled(apart: int) -> Any:
    wide = ir.VectorType(ir.IntType(32), LANES)

    def emit(builder, columns, image, taps, count, mask):
        # a mask that LLVM knows to be one makes it a masked store, which takes AMD ten cycles
        taken = builder.bitcast(_load(builder, mask), wide)
        left = builder.not_(taken)
        with cgutils.for_range(builder, count) as loop:
            to = builder.add(columns, builder.mul(loop.index, _I64(_BYTES)))
            found = _every(builder, _tap(builder, image, taps, loop.index), apart)
            found = builder.and_(builder.bitcast(found, wide), taken)
            kept = builder.and_(builder.bitcast(_load(builder, to), wide), left)
            _store(builder, builder.bitcast(builder.or_(found, kept), _PANEL), to)

    return _addresses(5, emit)


@inlined
def fill_lanes(typing, columns, image, taps, count, mask):
    """columns[count][LANES] = image[taps[...] + lanes] (taps in elements), under a mask of bits."""
    return _filled(1)


@inlined
def fill_lanes_apart(typing, columns, image, taps, count, mask):
    """The same of every second element."""
    return _filled(2)


def _sums_of_window(apart: int) -> Any:
    def emit(builder, to, image, taps, weights, count):
        def step(index, totals):
            weight = _at(builder, builder.add(weights, builder.mul(index, _I64(4))), _FLOAT)
            column = _every(builder, _tap(builder, image, taps, index), apart)
            factor = _broadcast(builder, builder.load(weight))
            return [_multiply_add(builder, factor, column, totals[0])]

        _summing(builder, to, None, 1, count, step)

    return _addresses(5, emit)


@inlined
def window_sums(typing, to, image, taps, weights, count):
    """to[LANES] = the sum over taps of weights[tap] x image[taps[tap] ...] (taps in elements)."""
    return _sums_of_window(1)


@inlined
def window_sums_apart(typing, to, image, taps, weights, count):
    """The same of every second element."""
    return _sums_of_window(2)


def _scaling(builder: ir.IRBuilder, factors: Sequence[Any]) -> Callable[[Any, Any], None]:
    """What writes (sums[LANES] * alpha) * a + b of two addresses, the factors loaded once."""
    floats = (builder.load(_at(builder, factor, _FLOAT)) for factor in factors)
    alpha, a, b = [_broadcast(builder, factor) for factor in floats]

    def scaled(to: Any, sums: Any) -> None:
        y = builder.fmul(builder.fmul(_load(builder, sums), alpha), a)
        _store(builder, builder.fadd(y, b), to)

    return scaled


@inlined
def scale(typing, to, sums, alpha, a, b):
    """to[LANES] = (sums[LANES] * alpha) * a + b, each step rounded; all at addresses."""

    def emit(builder, to, sums, *factors):
        _scaling(builder, factors)(to, sums)

    return _addresses(5, emit)


@inlined
def scale_panels(typing, to, sums, alpha, a, b, apart, count):
    """The same of `count` panels: to[count][LANES] of sums that are so many bytes `apart`."""

    def emit(builder, to, sums, alpha, a, b, apart, count):
        scaled = _scaling(builder, (alpha, a, b))
        with cgutils.for_range(builder, count) as loop:
            there = builder.add(sums, builder.mul(loop.index, apart))
            scaled(builder.add(to, builder.mul(loop.index, _I64(_BYTES))), there)

    return _addresses(7, emit)


@inlined
def multiply_add(typing, left, right, total):
    """left * right + total of single floats, fused where the host can."""

    def codegen(context, builder, signature, args):
        return _multiply_add(builder, *args)

    number = types.float32
    return number(number, number, number), codegen
