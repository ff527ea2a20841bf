"""XNOR GEMM by the 64-bit popcount of a scalar register: the paper's kind of baseline.

No compiler makes vectors of these loops: each word passes through a register as an assembler sees
it (with no instruction), where a vectorizer cannot follow.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorsim.kernels.compiled import (
    call,
    compiled,
    inner,
    intrinsic,
    ir,
    types,
)

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
    _four_sums(rows, filters, sums)


def differing_signed(rows, panels, sums, scratch):
    """The same for filters of type int64, by which gemm.py knows that this is to compute."""
    _four_sums(rows, panels, sums)


@inner
def _four_sums(rows, filters, sums):
    last, final = rows.shape[0] - 1, filters.shape[0] - 1
    for p in range(0, rows.shape[0], 2):
        q = min(p + 1, last)
        for f in range(0, filters.shape[0], 2):
            g = min(f + 1, final)
            pf = pg = qf = qg = 0
            for w in range(rows.shape[1]):
                one, other = np.uint64(filters[f, w]), np.uint64(filters[g, w])
                pf += _ones(rows[p, w] ^ one)
                pg += _ones(rows[p, w] ^ other)
                qf += _ones(rows[q, w] ^ one)
                qg += _ones(rows[q, w] ^ other)
            sums[q, g], sums[q, f], sums[p, g], sums[p, f] = qg, qf, pg, pf
