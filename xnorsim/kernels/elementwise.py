"""Chains of elementwise steps as one pass, with the bits that the next binary layer reads.

A chain starts from rows of floats, or of the counts of differing bits that a binary product leaves,
applies its steps in order, each rounded to float32, and leaves floats, packed signs, or both:

    chain = chain_of([Step(Code.MULTIPLY, alpha), Step(Code.ADD, shift), Step(Code.ADD, shortcut)])
    run = fused_chain(x, chain, floats, words, threads=1)          (fused.py)

Sixty-four numbers, one word of bits, are held in vector registers from the first step to the last:
LLVM cuts the vectors of 64 floats below to the width that the host has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from xnorsim.kernels.compiled import compiled
from xnorsim.kernels.lanes import (
    at_least,
    at_most,
    floats_at,
    inlined,
    lanes,
    load,
    odd,
    product,
    repeated,
    signs,
    sloped,
    store,
    store_word,
    total,
    whole,
)

__all__ = [
    "NO_BITS",
    "NO_FLOATS",
    "Chain",
    "Code",
    "Step",
    "chain_of",
    "finish",
    "transpose",
]

Array = np.ndarray

NO_FLOATS = np.empty((0, 0), np.float32)
NO_BITS = np.empty((0, 0), np.uint64)
"""In place of what is not wanted, or not there."""


class Code(IntEnum):
    """What a step makes of y and its operand."""

    MULTIPLY = 0  # y * operand
    ADD = 1  # y + operand
    MAXIMUM = 2  # the operand where y < operand, else y
    MINIMUM = 3  # the operand where y > operand, else y
    PRELU = 4  # y * operand where y < 0, else y


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """`operand` is C-contiguous float32 and broadcasts to the rows: (rows or 1, length or 1)."""

    code: Code
    operand: Array


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Steps as compiled loops read them, int64 (steps, 4): code, address of the operand, and how
    far it is [byte] from row to row and from column to column. `operands` are kept alive."""

    operands: tuple[Array, ...]
    steps: Array


def chain_of(steps: Sequence[Step]) -> Chain:
    """`steps` ready to run."""
    rows = [_encoded(step) for step in steps]
    return Chain(tuple(step.operand for step in steps), np.array(rows, np.int64).reshape(-1, 4))


def _encoded(step: Step) -> tuple[int, ...]:
    size, (down, across) = step.operand.itemsize, step.operand.shape
    moves = (size * across * (down > 1), size * (across > 1))
    return (int(step.code), step.operand.ctypes.data, *moves)


_MULTIPLY, _ADD, _MAXIMUM, _MINIMUM = (
    int(code) for code in (Code.MULTIPLY, Code.ADD, Code.MAXIMUM, Code.MINIMUM)
)


@inlined
def _applied(y, row, column, steps, count):
    """The steps of a chain on some numbers of a row."""
    for at in range(steps, steps + 32 * count, 32):
        code, across = whole(at), whole(at + 24)
        place = whole(at + 8) + row * whole(at + 16) + column * across
        operand = floats_at(y, place) if across else repeated(y, place)
        if code == _MULTIPLY:
            y = product(y, operand)
        elif code == _ADD:
            y = total(y, operand)
        elif code == _MAXIMUM:
            y = at_least(y, operand)
        elif code == _MINIMUM:
            y = at_most(y, operand)
        else:
            y = sloped(y, operand)
    return y


@inlined
def _part(like, zero, x, offsets, row, column, steps, count, floats, signed):
    """Some numbers of a row, from address x to address `floats` (0: nowhere): their signs, and
    whether they are odd."""
    y = load(like, zero, x, offsets, column)
    y = _applied(y, row, column, steps, count)
    if floats:
        store(floats + 4 * column, y)
    return (signs(y), odd(y)) if signed else (np.uint64(0), np.uint64(0))


@inlined
def finish(zero, x, offsets, row, length, steps, count, floats, words):
    """A chain on row `row`: not 0 if a sign was taken of what may be NaN or infinite (or so large
    that 64 of them add up to that).

    The row's `length` numbers lie from address x on: floats if `offsets` is 0, else whole numbers
    of the type of `zero` that stand for offset - 2 x, with their offsets int32 from there on.
    `floats` and `words` are where the results of this row go, addresses or 0; `steps` is where its
    `count` steps lie.
    """
    strange = np.uint64(0)
    for first in range(0, length, 64):
        column, stop = first, min(first + 64, length)
        word = np.uint64(0)
        if stop - column == 64:
            word, found = _part(
                lanes(64), zero, x, offsets, row, column, steps, count, floats, words
            )
            strange |= found
            column = stop
        while stop - column >= 8:
            bits, found = _part(
                lanes(8), zero, x, offsets, row, column, steps, count, floats, words
            )
            word |= bits << np.uint64(column & 63)
            strange |= found
            column += 8
        while column < stop:
            bits, found = _part(
                lanes(1), zero, x, offsets, row, column, steps, count, floats, words
            )
            word |= bits << np.uint64(column & 63)
            strange |= found
            column += 1
        if words:
            store_word(words + first // 8, word)
    return strange


_TILE = 32


@compiled
def transpose(x, out, start, stop):
    """out[i, :, j] = x[i, j] for images `start` to `stop`: a tile at a time, which caches hold."""
    for image in range(start, stop):
        for row in range(0, x.shape[1], _TILE):
            for column in range(0, x.shape[2], _TILE):
                for j in range(column, min(column + _TILE, x.shape[2])):
                    for i in range(row, min(row + _TILE, x.shape[1])):
                        out[image, j, i] = x[image, i, j]
