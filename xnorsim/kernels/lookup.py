"""XNOR GEMM by table look-up, for processors that shuffle bytes but count no bits of a vector.

A step is 4 bits of K. For two rows whose 4 bits are a0 and a1 there is a table of 16 bytes,

    entry j = popcount(a0 ^ j) + 16 popcount(a1 ^ j)

and one byte shuffle looks up there the 4 bits j of as many filters as a vector has bytes: 256
binary MACs in an instruction of 32 bytes. Three look-ups add up to at most 12 in each half of a
byte; then a sum s is taken apart into two accumulators:

    low  += s & 15      bytes: what differs from row 0
    high += s >> 4      words of 16 bits: the same of row 1, with the odd bytes' s & 15 in between

which spares `high` its mask, because `low` knows what must be taken off. Bytes hold 21 such sums
(63 steps, at most 252), a block, before they are added to the result.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorsim.kernels.compiled import HOST, aligned, compiled, constant, load, store, vector

# numba comes after compiled, which says what is missing without it
from llvmlite import ir  # isort: skip
from numba import types  # isort: skip
from numba.core import cgutils  # isort: skip
from numba.extending import intrinsic  # isort: skip

SHUFFLES = {
    128: ("ssse3", "llvm.x86.ssse3.pshuf.b.128"),
    256: ("avx2", "llvm.x86.avx2.pshuf.b"),
    512: ("avx512bw", "llvm.x86.avx512.pshuf.b.512"),
}
WIDTH = HOST.vector_bits // 8
NEEDED, SHUFFLE = SHUFFLES[HOST.vector_bits]
import os
PAIRS=int(os.environ.get("Q",1)); VECTORS=int(os.environ.get("N",4))
GROUP = 3  # look-ups of at most 4 that half a byte holds
BLOCK = 63  # steps: the most that a byte holds
STEPS = 16  # of a word

_ones = np.bitwise_count(np.arange(16)[:, None] ^ np.arange(16)).astype(np.uint8)
TABLES = aligned((256, 16), np.uint8)
TABLES[:] = (_ones[:, None] + 16 * _ones).reshape(256, 16)


def pack(words):
    filters, width = words.shape
    lanes = WIDTH * VECTORS
    panels = -(-filters // lanes)
    steps = -(-width * STEPS // GROUP) * GROUP
    bytes_ = np.zeros((panels * lanes, width * 8), np.uint8)
    bytes_[:filters] = words.astype("<u8").view(np.uint8).reshape(filters, width*8)
    nibbles = np.concatenate([bytes_ & 15, bytes_ >> 4, np.zeros((panels*lanes, steps-16*width),np.uint8)], axis=1)
    out = aligned((panels, steps, lanes), np.uint8)
    half = WIDTH // 2
    # byte 2i: filter i, 2i+1: filter half + i
    out.reshape(panels, steps, VECTORS, half, 2)[:] = nibbles.reshape(panels, VECTORS, 2, half, steps).transpose(0, 4, 1, 3, 2)
    return out


@intrinsic
def _tile(typingctx, offsets, stride, tables, panel, sums, array, row_bytes, groups):
    dtype = array.dtype
    signature = types.void(*[types.intp] * 5, array, types.intp, types.intp)

    def codegen(context, builder, signature, args):
        offsets, stride, tables, panel, sums, _, row_bytes, groups = args
        word = offsets.type
        bytes_, words = vector(8, WIDTH), vector(16, WIDTH // 2)
        shuffle = cgutils.get_or_insert_function(builder.module, ir.FunctionType(bytes_, [bytes_, bytes_]), SHUFFLE)
        at = lambda base, n: builder.add(base, ir.Constant(word, n))
        low = [[cgutils.alloca_once_value(builder, constant(bytes_, 0)) for _ in range(VECTORS)] for _ in range(PAIRS)]
        high = [[cgutils.alloca_once_value(builder, constant(words, 0)) for _ in range(VECTORS)] for _ in range(PAIRS)]
        spread = ir.Constant(vector(32, WIDTH), [i % 16 for i in range(WIDTH)])
        rowstart = [builder.add(offsets, builder.mul(stride, ir.Constant(word, q))) for q in range(PAIRS)]
        with cgutils.for_range(builder, groups) as loop:
            b = builder.add(panel, builder.mul(loop.index, ir.Constant(word, GROUP * WIDTH * VECTORS)))
            tab = []
            for q in range(PAIRS):
                a = builder.add(rowstart[q], builder.mul(loop.index, ir.Constant(word, GROUP * 2)))
                ts = []
                for g in range(GROUP):
                    off = builder.zext(load(builder, at(a, 2 * g), ir.IntType(16), 2), word)
                    t = load(builder, builder.add(tables, off), vector(8, 16), 16)
                    ts.append(builder.shuffle_vector(t, t, spread))
                tab.append(ts)
            for n in range(VECTORS):
                bs = [load(builder, at(b, (g * VECTORS + n) * WIDTH), bytes_, WIDTH) for g in range(GROUP)]
                for q in range(PAIRS):
                    s = None
                    for g in range(GROUP):
                        l = builder.call(shuffle, [tab[q][g], bs[g]])
                        s = l if s is None else builder.add(s, l)
                    lo, hi = low[q][n], high[q][n]
                    builder.store(builder.add(builder.load(lo), builder.and_(s, constant(bytes_, 15))), lo)
                    builder.store(builder.add(builder.load(hi), builder.lshr(builder.bitcast(s, words), constant(words, 4))), hi)
        kind = vector(dtype.bitwidth, WIDTH // 2)
        for q in range(PAIRS):
            for n in range(VECTORS):
                l = builder.bitcast(builder.load(low[q][n]), words)
                odd = builder.lshr(l, constant(words, 8))
                h = builder.sub(builder.load(high[q][n]), builder.shl(odd, constant(words, 4)))
                vals = [(builder.and_(l, constant(words, 255)), odd), (builder.and_(h, constant(words, 255)), builder.lshr(h, constant(words, 8)))]
                for r in range(2):
                    row = builder.add(sums, builder.mul(row_bytes, ir.Constant(word, 2 * q + r)))
                    for part in range(2):
                        p = at(row, (2 * n + part) * WIDTH // 2 * dtype.bitwidth // 8)
                        v = vals[r][part]
                        if dtype.bitwidth > 16: v = builder.zext(v, kind)
                        store(builder, builder.add(load(builder, p, kind), v), p)
        return context.get_dummy_value()
    return signature, codegen


def _offsets(count):
    @intrinsic
    def offsets(typingctx, first, second, low, high):
        signature = types.void(*[types.intp]*4)
        def codegen(context, builder, signature, args):
            first, second, low, high = args
            kind = vector(16, 8 * count)
            x = builder.zext(load(builder, first, vector(8, 8 * count)), kind)
            y = builder.zext(load(builder, second, vector(8, 8 * count)), kind)
            c = builder.or_(builder.shl(x, constant(kind, 8)), y)
            four = constant(kind, 4)
            lo = builder.or_(builder.and_(c, constant(kind, 0xF00)), builder.shl(builder.and_(c, constant(kind, 0xF)), four))
            hi = builder.or_(builder.and_(builder.lshr(c, four), constant(kind, 0xF00)), builder.and_(c, constant(kind, 0xF0)))
            store(builder, lo, low)
            store(builder, hi, high)
            return context.get_dummy_value()
        return signature, codegen

    return offsets

_of_two, _of_one = _offsets(2), _offsets(1)

ROWS = 2 * PAIRS

@compiled
def expand(rows, offsets):
    count, width = rows.shape
    for row in range(0, count, 2):
        first = rows.ctypes.data + row * rows.strides[0]
        second = first + min(1, count - 1 - row) * rows.strides[0]
        low = offsets.ctypes.data + (row // 2) * offsets.strides[0]
        high = low + 16 * width
        for word in range(0, width - 1, 2):
            _of_two(first + 8 * word, second + 8 * word, low + 16 * word, high + 16 * word)
        if width % 2:
            word = width - 1
            _of_one(first + 8 * word, second + 8 * word, low + 16 * word, high + 16 * word)


@compiled
def multiply(offsets, pairs, tables, panels, sums):
    steps = panels.shape[1]
    lanes = panels.shape[2]
    for panel in range(panels.shape[0]):
        for start in range(0, steps, BLOCK):
            groups = min(BLOCK, steps - start) // GROUP
            base = panels.ctypes.data + panel * panels.strides[0] + start * lanes
            for pair in range(0, pairs, PAIRS):
                _tile(offsets.ctypes.data + pair * offsets.strides[0] + 2 * start, offsets.strides[0], tables.ctypes.data, base,
                      sums.ctypes.data + 2 * pair * sums.strides[0] + panel * lanes * sums.itemsize, sums, sums.strides[0], groups)

@compiled
def differing(rows, panels, sums, scratch):
    expand(rows, scratch)
    pairs = (rows.shape[0] + 1) // 2
    sums[:2*pairs] = 0
    multiply(scratch, pairs, TABLES, panels, sums)
