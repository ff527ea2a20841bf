"""XNOR GEMM by the 64-bit popcount of a scalar register: the paper's kind of baseline.

No compiler makes vectors of these loops: each word passes through a register as an assembler sees
it (with no instruction), where a vectorizer cannot follow.
"""

from __future__ import annotations

from typing import Any

from xnorsim.kernels.compiled import (
    address,
    call,
    compiled,
    inner,
    intrinsic,
    ir,
    store,
    types,
)
from xnorsim.kernels.lanes import whole

__all__ = ["differing", "differing_signed", "differing_unrolled"]

WORD = ir.IntType(64)


@intrinsic
def _ones(context, word):
    """The number of ones in a word."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        held = builder.asm(ir.FunctionType(WORD, [WORD]), "", "=r,0", args, side_effect=False)
        return call(builder, "llvm.ctpop.i64", held)

    return types.int64(types.uint64), code


@compiled
def differing(rows, filters, sums):
    """sums[p, f] = differing bits of rows (P, words) and filters (F, words), one sum at a time."""
    for p in range(rows.shape[0]):
        for f in range(filters.shape[0]):
            total = 0
            for w in range(rows.shape[1]):
                total += _ones(rows[p, w] ^ filters[f, w])
            sums[p, f] = total


@compiled
def differing_unrolled(rows, filters, sums):
    """The same, two rows by two filters at a time: four sums that share their four loads."""
    rows_of, sums_of = (address(rows), rows.strides[0]), (address(sums), sums.strides[0])
    sizes = rows.shape[0], filters.shape[0], rows.shape[1]
    _four_sums(rows_of, address(filters), sums_of, sizes, sums.itemsize, sums.dtype.type(0))


def differing_signed(rows, panels, sums):
    """The same for a panel of filters of type int64, by which gemm.py knows what is to compute."""
    sizes = rows.count, panels.steps, rows.words
    to = sums.place, sums.apart
    _four_sums((rows.place, rows.apart), panels.place, to, sizes, sums.size, sums.zero)


@inner
def _four_sums(rows, filters, sums, sizes, size, zero):
    """Of addresses, and how far it is to the next row [byte]; sums have so many bytes each."""
    (first, apart), (to, to_apart), (count, filled, words) = rows, sums, sizes
    for p in range(0, count, 2):
        q = min(p + 1, count - 1)
        one_row, other_row = first + p * apart, first + q * apart
        for f in range(0, filled, 2):
            g = min(f + 1, filled - 1)
            one_filter, other_filter = filters + 8 * f * words, filters + 8 * g * words
            pf = pg = qf = qg = 0
            for w in range(0, 8 * words, 8):
                one, other = whole(one_filter + w), whole(other_filter + w)
                pf += _ones(whole(one_row + w) ^ one)
                pg += _ones(whole(one_row + w) ^ other)
                qf += _ones(whole(other_row + w) ^ one)
                qg += _ones(whole(other_row + w) ^ other)
            p_to, q_to = to + p * to_apart, to + q * to_apart
            _put(q_to + g * size, qg, zero)
            _put(q_to + f * size, qf, zero)
            _put(p_to + g * size, pg, zero)
            _put(p_to + f * size, pf, zero)


@intrinsic
def _put(_, place, total, zero):
    """Write a sum as a number of the type of `zero`."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        store(builder, builder.trunc(args[1], ir.IntType(zero.bitwidth)), args[0])
        return context.get_dummy_value()

    return types.void(types.intp, types.int64, zero), code
