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
from numba.extending import intrinsic

from xnorsim.kernels.compiled import HOST, aligned, call, compiled, constant, load, store, vector

__all__ = ["FILTERS", "ROWS", "differing", "pack"]

ROWS = 6 if HOST.vector_registers >= 32 else 4
VECTORS = 2
LANES = HOST.vector_bits // 64
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
    """A tile of sums at address `to`. Rows beyond the `last` repeat it."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows, stride, last, panel, words, to, to_stride, _ = args
        number, lane = rows.type, vector(64, LANES)
        out = vector(sums.dtype.bitwidth, LANES)

        def at(base: Any, index: Any, step: Any) -> Any:
            step = constant(number, step) if isinstance(step, int) else step
            index = constant(number, index) if isinstance(index, int) else index
            return builder.add(base, builder.mul(index, step))

        starts = [rows]
        for m in range(1, ROWS):
            there = builder.icmp_signed("<", constant(number, m), last)
            starts.append(at(rows, builder.select(there, constant(number, m), last), stride))
        zero = constant(lane, 0)
        totals = [
            [cgutils.alloca_once_value(builder, zero) for _ in range(VECTORS)] for _ in starts
        ]
        with cgutils.for_range(builder, words) as loop:
            line = at(panel, loop.index, FILTERS * 8)
            filters = [load(builder, at(line, n, LANES * 8), lane, 8) for n in range(VECTORS)]
            for start, total in zip(starts, totals, strict=True):
                word = load(builder, at(start, loop.index, 8), ir.IntType(64))
                single = builder.insert_element(zero, word, constant(ir.IntType(32), 0))
                spread = builder.shuffle_vector(single, zero, constant(vector(32, LANES), 0))
                for n in range(VECTORS):
                    ones = call(builder, COUNT, builder.xor(spread, filters[n]))
                    builder.store(builder.add(builder.load(total[n]), ones), total[n])
        for m in range(ROWS):
            for n in range(VECTORS):
                value = builder.trunc(builder.load(totals[m][n]), out)
                place = at(at(to, m, to_stride), n, LANES * sums.dtype.bitwidth // 8)
                store(builder, value, place)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 7, sums), code
