"""XNOR GEMM by counting the bits of vectors, for processors that have an instruction for it.

A vector holds a word of K of as many filters as it has lanes; a row's word is broadcast to all
lanes, and lane by lane

    sum += popcount(row ^ filter)

for a tile of rows by vectors, whose sums stay in registers. LLVM makes VPOPCNTQ of a vector
popcount of words, or NEON's CNT. An x86 processor without either has shuffles, or shifts and adds,
for a popcount of bytes: there the sums are bytes, which PSADBW adds up after a block of words.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np

from xnorsim.kernels.buffers import aligned
from xnorsim.kernels.compiled import (
    HOST,
    at,
    call,
    cgutils,
    constant,
    intrinsic,
    ir,
    load,
    store,
    types,
    vector,
)

__all__ = ["COUNT", "COUNTED", "FILTERS", "LANES", "ROWS", "differing", "pack"]

ROWS = 6 if HOST.vector_registers >= 32 else 4
VECTORS = 2
LANES = HOST.vector_bits // 64
LANE = vector(64, LANES)
WHOLE = "avx512vpopcntdq" in HOST.features or not HOST.x86
COUNTED = LANE if WHOLE else vector(8, 8 * LANES)
COUNT = f"llvm.ctpop.v{COUNTED.count}i{COUNTED.element.width}"
BLOCK = 2**32 if WHOLE else 31  # words, of at most 8 in a byte's count
ADD_BYTES = {
    2: "llvm.x86.sse2.psad.bw",
    4: "llvm.x86.avx2.psad.bw",
    8: "llvm.x86.avx512.psad.bw.512",
}
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


def differing(rows, panels, sums):
    """sums[p, f] = differing bits of row p and filter f; it needs no scratch.

    For gemm.py to compile, which chooses by the type of the panels.
    """
    last = rows.count - 1
    for panel in range(panels.count):
        column = panel * FILTERS * sums.size
        for row in range(0, rows.count, ROWS):
            _tile(
                rows.place + row * rows.apart,
                rows.apart,
                last - row,
                panels.place + panel * rows.words * FILTERS * 8,
                rows.words,
                sums.place + row * sums.apart + column,
                sums.apart,
                sums.zero,
            )


@intrinsic
def _tile(context, rows, stride, last, panel, words, to, to_stride, zero):
    """ROWS by FILTERS sums to the address `to`; rows beyond the `last` are it once more."""
    numbers = types.void(*[types.intp] * 7, zero)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows, stride, last, panel, words, to, to_stride, _ = args
        starts = []
        for m in range(ROWS):
            row = constant(last.type, m)
            row = builder.select(builder.icmp_signed("<", row, last), row, last)
            starts.append(at(builder, rows, row, stride))
        totals = _accumulators(builder, LANE)
        block = constant(words.type, BLOCK)
        with cgutils.for_range_slice(builder, constant(words.type, 0), words, block) as (start, _):
            parts = _accumulators(builder, COUNTED)
            left = builder.sub(words, start)
            count = builder.select(builder.icmp_signed("<", left, block), left, block)
            with cgutils.for_range(builder, count) as loop:
                index = builder.add(start, loop.index)
                _add_word(builder, starts, index, at(builder, panel, index, FILTERS * 8), parts)
            for total, part in zip(chain(*totals), chain(*parts), strict=True):
                value = _lane_sums(builder, builder.load(part))
                builder.store(builder.add(builder.load(total), value), total)
        kind = vector(zero.bitwidth, LANES)
        for m, line in enumerate(totals):
            row = at(builder, to, m, to_stride)
            for n, total in enumerate(line):
                value = builder.trunc(builder.load(total), kind)
                store(builder, value, at(builder, row, n * LANES, zero.bitwidth // 8))
        return context.get_dummy_value()

    return numbers, code


def _accumulators(builder: Any, kind: Any) -> list[list[Any]]:
    """Zeros for each vector of a tile."""
    held = [[cgutils.alloca_once(builder, kind) for _ in range(VECTORS)] for _ in range(ROWS)]
    for place in chain(*held):
        builder.store(constant(kind, 0), place)
    return held


def _add_word(builder: Any, starts: list[Any], index: Any, line: Any, parts: list[Any]) -> None:
    """What differs in a word of each row and of the filters, into the accumulators."""
    filters = [load(builder, at(builder, line, n, LANES * 8), LANE) for n in range(VECTORS)]
    for start, part in zip(starts, parts, strict=True):
        row = _spread(builder, load(builder, at(builder, start, index, 8), LANE.element))
        for n in range(VECTORS):
            differ = builder.bitcast(builder.xor(row, filters[n]), COUNTED)
            ones = call(builder, COUNT, differ)
            builder.store(builder.add(builder.load(part[n]), ones), part[n])


def _lane_sums(builder: Any, part: Any) -> Any:
    """The sum of the counts in each lane of 64 bits."""
    if WHOLE:
        return part
    return call(builder, ADD_BYTES[LANES], part, constant(COUNTED, 0), gives=LANE)


def _spread(builder: Any, word: Any) -> Any:
    """A word in every lane of a vector."""
    single = builder.insert_element(constant(LANE, 0), word, constant(ir.IntType(32), 0))
    return builder.shuffle_vector(single, single, constant(vector(32, LANES), 0))
