"""Vectors of floats in the registers of compiled code, of as many lanes as one asks for.

    y = floats_at(lanes(64), address)
    y = product(y, repeated(y, other))

LLVM cuts them to the width that the host has: 64 lanes are eight registers of AVX2, and one word
of signs. Places are addresses, since numba counts the references of arrays that functions take;
the small functions around these vectors are `inlined`, or a call would leave them in memory.
"""

from __future__ import annotations

from typing import Any

from xnorsim.kernels.compiled import inlined, ir  # numba is looked for there, and told if missing
from xnorsim.kernels.packing import address

# isort: split
from numba import extending, types
from numba.core.cgutils import get_or_insert_function
from numba.extending import models, register_model

__all__ = [
    "at_least",
    "at_most",
    "floats_at",
    "inlined",
    "lanes",
    "larger",
    "load",
    "multiplied",
    "odd",
    "product",
    "quotient",
    "repeated",
    "row_place",
    "signs",
    "sloped",
    "store",
    "store_word",
    "total",
    "whole",
]

intrinsic: Any = extending.intrinsic  # what it makes is called without the first argument


class _Lanes(types.Type):
    """A vector of floats in registers."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(f"xnorsim_lanes_{count}")


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: _Lanes) -> None:
        super().__init__(manager, lanes, _vector(lanes))


def _vector(lanes: _Lanes) -> ir.VectorType:
    return ir.VectorType(ir.FloatType(), lanes.count)


def _splat(builder: ir.IRBuilder, value: ir.Value, kind: ir.VectorType) -> ir.Value:
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.IntType(32)(0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), places)


def _zeros(lanes: _Lanes) -> ir.Constant:
    return ir.Constant(_vector(lanes), [0.0] * lanes.count)


@intrinsic(prefer_literal=True)
def lanes(_: Any, count: Any) -> Any:
    """A vector of `count` zeros: it tells the functions below how wide they are to be."""
    kind = _Lanes(count.literal_value)
    return kind(count), lambda context, builder, signature, args: _zeros(kind)


@intrinsic
def load(_: Any, like: Any, zero: Any, row: Any, offsets: Any, column: Any) -> Any:
    """The numbers of a row from a column on, the row being at an address: floats if `offsets` is 0.
    Else they are whole numbers x of the type of `zero` that stand for offset - 2 x, with their
    offsets int32 in the row at that address."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        def at(address: ir.Value, element: ir.Type) -> ir.Value:
            place = builder.gep(builder.inttoptr(address, element.as_pointer()), [args[4]])
            vector = ir.VectorType(element, like.count)
            return builder.load(builder.bitcast(place, vector.as_pointer()), align=1)

        element = context.get_data_type(zero)
        wide = ir.VectorType(ir.IntType(32), like.count)
        are_floats = builder.icmp_signed("==", args[3], args[3].type(0))
        with builder.if_else(are_floats) as (then, otherwise):
            with then:
                floats, from_floats = at(args[2], ir.FloatType()), builder.block
            with otherwise:
                value = at(args[2], element)
                counts = builder.zext(value, wide) if element.width < 32 else value
                dots = builder.sub(at(args[3], ir.IntType(32)), builder.add(counts, counts))
                converted, from_dots = builder.sitofp(dots, _vector(like)), builder.block
        result = builder.phi(_vector(like))
        result.add_incoming(floats, from_floats)
        result.add_incoming(converted, from_dots)
        return result

    return like(like, zero, types.intp, types.intp, types.intp), make


@intrinsic
def store(_: Any, address: Any, value: Any) -> Any:
    """Write a vector from an address on."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        builder.store(args[1], builder.inttoptr(args[0], _vector(value).as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(types.intp, value), make


@intrinsic
def whole(_: Any, address: Any) -> Any:
    """The int64 at an address."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        return builder.load(builder.inttoptr(args[0], ir.IntType(64).as_pointer()))

    return types.int64(types.intp), make


@intrinsic
def store_word(_: Any, address: Any, word: Any) -> Any:
    """Write a word of signs to an address."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        builder.store(args[1], builder.inttoptr(args[0], ir.IntType(64).as_pointer()))
        return context.get_dummy_value()

    return types.void(types.intp, types.uint64), make


@intrinsic
def floats_at(_: Any, like: Any, address: Any) -> Any:
    """The floats from an address on."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        return builder.load(builder.inttoptr(args[1], _vector(like).as_pointer()), align=1)

    return like(like, types.intp), make


@intrinsic
def repeated(_: Any, like: Any, address: Any) -> Any:
    """The float at an address, in every lane."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        place = builder.inttoptr(args[1], ir.FloatType().as_pointer())
        return _splat(builder, builder.load(place, align=1), _vector(like))

    return like(like, types.intp), make


@intrinsic
def product(_: Any, y: Any, operand: Any) -> Any:
    """y * operand."""
    return y(y, y), lambda context, builder, signature, args: builder.fmul(*args)


@intrinsic
def multiplied(_: Any, x: Any, operand: Any, y: Any) -> Any:
    """y + x * operand, rounded once where the host can and twice where it cannot."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        kind = _vector(y)
        name = f"llvm.fmuladd.v{y.count}f32"
        function = get_or_insert_function(builder.module, ir.FunctionType(kind, (kind,) * 3), name)
        return builder.call(function, args)

    return y(x, operand, y), make


@intrinsic
def total(_: Any, y: Any, operand: Any) -> Any:
    """y + operand."""
    return y(y, y), lambda context, builder, signature, args: builder.fadd(*args)


@intrinsic
def quotient(_: Any, y: Any, operand: Any) -> Any:
    """y / operand."""
    return y(y, y), lambda context, builder, signature, args: builder.fdiv(*args)


@intrinsic
def larger(_: Any, y: Any, other: Any) -> Any:
    """The larger of each two; NaN if one of them is."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        above = builder.fcmp_ordered(">", *args)
        stays = builder.or_(above, builder.fcmp_unordered("uno", args[0], args[0]))
        return builder.select(stays, *args)

    return y(y, y), make


@intrinsic
def at_least(_: Any, y: Any, operand: Any) -> Any:
    """The operand where y < operand, else y: a NaN in y stays."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        return builder.select(builder.fcmp_ordered("<", *args), args[1], args[0])

    return y(y, y), make


@intrinsic
def at_most(_: Any, y: Any, operand: Any) -> Any:
    """The operand where y > operand, else y: a NaN in y stays."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        return builder.select(builder.fcmp_ordered(">", *args), args[1], args[0])

    return y(y, y), make


@intrinsic
def sloped(_: Any, y: Any, slope: Any) -> Any:
    """y * slope where y < 0, else y."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        at_least = builder.fcmp_ordered(">=", args[0], _zeros(y))
        return builder.select(at_least, args[0], builder.fmul(*args))

    return y(y, y), make


def _mask(builder: ir.IRBuilder, bits: ir.Value, count: int) -> Any:
    """A vector of single bits as the low bits of a word."""
    packed = builder.bitcast(bits, ir.IntType(count))
    return packed if count == 64 else builder.zext(packed, ir.IntType(64))


@intrinsic
def signs(_: Any, y: Any) -> Any:
    """Bit i is 1 where lane i >= 0."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        return _mask(builder, builder.fcmp_ordered(">=", args[0], _zeros(y)), y.count)

    return types.uint64(y), make


@intrinsic
def odd(_: Any, y: Any) -> Any:
    """Not 0 if a lane is NaN or infinite: then s - s, of the sum s of all lanes, is not 0."""

    def make(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        value, lanes = args[0], y.count
        while lanes > 8:
            lanes //= 2
            halves = [
                builder.shuffle_vector(value, value, _places(first, lanes)) for first in (0, lanes)
            ]
            value = builder.fadd(*halves)
        rest = builder.fsub(value, value)
        return _mask(builder, builder.fcmp_unordered("uno", rest, rest), lanes)

    return types.uint64(y), make


def _places(first: int, count: int) -> ir.Constant:
    return ir.Constant(ir.VectorType(ir.IntType(32), count), list(range(first, first + count)))


@inlined
def row_place(array):
    """The address of a C-contiguous matrix's first row, and how far it is to the next [byte]; 0 and
    0 of an empty one."""
    if array.size:
        return address(array), array.shape[1] * array.itemsize
    return 0, 0
