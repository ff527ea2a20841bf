"""XNOR GEMM by counting the bits of vectors, for processors that have an instruction for it.

A vector holds a word of K of as many filters as it has lanes; a row's word is broadcast to all
lanes, and lane by lane

    sum += popcount(row ^ filter)

for a tile of rows by vectors, whose sums stay in registers over the whole of K. LLVM turns its
vector popcount into VPOPCNTQ, into NEON's CNT, or elsewhere into shuffles or shifts and adds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from xnorsim.kernels.compiled import (
    HOST,
    aligned,
    at,
    call,
    compiled,
    constant,
    intrinsic,
    load,
    store,
    vector,
)

__all__ = ["FILTERS", "LANES", "ROWS", "differing", "pack"]

ROWS = 6 if HOST.vector_registers >= 32 else 4
VECTORS = 2
LANES = HOST.vector_bits // 64
LANE = vector(64, LANES)
COUNT = f"llvm.ctpop.v{LANES}i64"
FILTERS = VECTORS * LANES
"""Rows and filters of a tile: sums, a row's word and the filters' must fit the registers."""


def pack(words: np.ndarray) -> np.ndarray:
    """Words (filters, words) as uint64 panels (panels, words, FILTERS); 0 where there is none."""
    filters, width = words.shape
    panels = -(-filters // FILTERS)
    packed = aligned((panels, width, FILTERS), np.uint64)
    for panel in range(panels):
        part = words[panel * FILTERS : (panel + 1) * FILTERS]
        packed[panel, :, : len(part)] = part.T
    return packed


@compiled
def differing(rows, panels, sums):
    """sums[p, f] = differing bits of row p and filter f."""
    last = rows.shape[0] - 1
    for panel in range(panels.shape[0]):
        column = panel * FILTERS * sums.itemsize
        for row in range(0, rows.shape[0], ROWS):
            _tile(
                rows.ctypes.data + row * rows.strides[0],
                rows.strides[0],
                last - row,
                panels.ctypes.data + panel * panels.strides[0],
                rows.shape[1],
                sums.ctypes.data + row * sums.strides[0] + column,
                sums.strides[0],
                sums,
            )


@intrinsic
def _tile(context, rows, stride, last, panel, words, to, to_stride, sums):
    """ROWS by FILTERS sums to the address `to`; rows beyond the `last` are it once more."""
    numbers = types.void(*[types.intp] * 7, sums)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows, stride, last, panel, words, to, to_stride, _ = args
        starts = []
        for m in range(ROWS):
            row = constant(last.type, m)
            row = builder.select(builder.icmp_signed("<", row, last), row, last)
            starts.append(at(builder, rows, row, stride))
        totals = [
            [cgutils.alloca_once_value(builder, constant(LANE, 0)) for _ in range(VECTORS)]
            for _ in starts
        ]
        with cgutils.for_range(builder, words) as loop:
            line = at(builder, panel, loop.index, FILTERS * 8)
            _add_word(builder, starts, loop.index, line, totals)
        kind = vector(sums.dtype.bitwidth, LANES)
        for m, line in enumerate(totals):
            row = at(builder, to, m, to_stride)
            for n, total in enumerate(line):
                value = builder.trunc(builder.load(total), kind)
                store(builder, value, at(builder, row, n * LANES, sums.dtype.bitwidth // 8))
        return context.get_dummy_value()

    return numbers, code


def _add_word(builder: Any, starts: list[Any], index: Any, line: Any, totals: list[Any]) -> None:
    """What differs in a word of each row and of the filters, into the accumulators."""
    filters = [load(builder, at(builder, line, n, LANES * 8), LANE) for n in range(VECTORS)]
    for start, total in zip(starts, totals, strict=True):
        word = load(builder, at(builder, start, index, 8), ir.IntType(64))
        row = spread(builder, word)
        for n in range(VECTORS):
            ones = call(builder, COUNT, builder.xor(row, filters[n]))
            builder.store(builder.add(builder.load(total[n]), ones), total[n])


def spread(builder: Any, word: Any) -> Any:
    """A word in every lane of a vector."""
    single = builder.insert_element(constant(LANE, 0), word, constant(ir.IntType(32), 0))
    return builder.shuffle_vector(single, single, constant(vector(32, LANES), 0))
