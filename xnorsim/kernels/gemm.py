"""XNOR GEMM: how many bits differ between each row and each filter, by this machine's best method.

    panels = pack_filters(weight_words)
    sums, scratch = sums_for(rows, words, panels), scratch_for(rows, words, panels)
    differing(row_words, panels, sums, scratch)
    dots = k - 2 * sums[:rows, :filters].astype(np.int32)

The panels' type says how they are packed and so which method computes; jitted code that passes
them on needs to know no more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from xnorsim.errors import UsageError, choices
from xnorsim.kernels import lookup, popcount, scalar_gemm
from xnorsim.kernels.buffers import aligned
from xnorsim.kernels.compiled import (
    HOST,
    INNER,
    address,
    compiled,
    inlined,
    overload,
    types,
)

__all__ = [
    "METHODS",
    "Panels",
    "Rows",
    "Sums",
    "count_differing",
    "differing",
    "pack_filters",
    "panels_at",
    "scratch_for",
    "sums_at",
    "sums_for",
    "sums_kind",
]

_COUNTS = HOST.features & {"avx512vpopcntdq", "neon"}  # by one instruction for a vector
_LOOKUP = ("lookup",) if lookup.NEEDED in HOST.features else ()

METHODS = ("popcount", *_LOOKUP) if _COUNTS else (*_LOOKUP, "popcount")
"""What this processor can run, the best first."""


class Rows(NamedTuple):
    """Packed rows: the address of the first, how far it is to the next [byte], how many there are,
    and words of each."""

    place: Any
    apart: Any
    count: Any
    words: Any


class Panels(NamedTuple):
    """Packed filters: their address, how many panels, steps of each and filters of a step; and 0 of
    their type."""

    place: Any
    count: Any
    steps: Any
    filters: Any
    zero: Any


class Sums(NamedTuple):
    """Room for sums: the address of a row's, how far it is to the next row's and to the next sum
    [byte], and 0 of their type; and the address of the scratch."""

    place: Any
    apart: Any
    size: Any
    zero: Any
    scratch: Any


def pack_filters(words: np.ndarray, method: str = "") -> np.ndarray:
    """Packed signs (filters, words) as the panels that `method` reads, or the best one.

    Returns:
        (panels, steps, filters of a panel), uint8 for "lookup" and uint64 for "popcount".

    Raises:
        UsageError: the method is none of this machine.
    """
    method = method or METHODS[0]
    if method not in METHODS:
        raise UsageError(f"no method '{method}' on this machine: {choices(method, METHODS)}")
    return lookup.pack(words) if method == "lookup" else popcount.pack(words)


def sums_for(rows: int, words: int, panels: np.ndarray) -> np.ndarray:
    """Room for the sums of up to `rows` rows: (rows and more, whole words of filters)."""
    tile = lookup.ROWS if panels.dtype == np.uint8 else popcount.ROWS
    columns = -(-panels.shape[0] * panels.shape[2] // 64) * 64
    return aligned((-(-rows // tile) * tile, columns), sums_kind(words))


def sums_kind(words: int) -> type[np.integer]:
    """The type of the sums of rows of so many words: uint16 where it holds them all, else int32."""
    return np.uint16 if words * 64 < 2**16 else np.int32


def scratch_for(rows: int, words: int, panels: np.ndarray) -> np.ndarray:
    """Room for what a method makes of up to `rows` rows; one for each thread."""
    if panels.dtype == np.uint8:
        return aligned((-(-rows // lookup.ROWS), panels.shape[1]), np.uint16)
    return aligned((0, 0), np.uint16)


@compiled
def differing(rows, panels, sums, scratch):
    """sums[p, f] = the number of bits that differ between row p and filter f.

    rows is uint64 (rows, words), with any distance between rows and at any address; words of a row
    are adjacent. The others are those of the functions above, made for as many rows or more. What
    lies in sums beyond the last row or filter may be overwritten.
    """
    taken = Rows(address(rows), rows.strides[0], rows.shape[0], rows.shape[1])
    count_differing(taken, panels_at(panels, address(panels)), sums_at(sums, scratch))


@inlined
def panels_at(panels, place):
    """Panels (..., panels, steps, filters) from an address on."""
    count, steps, filters = panels.shape[-3:]
    return Panels(place, count, steps, filters, panels.dtype.type(0))


@inlined
def sums_at(sums, scratch):
    """Room by its addresses: numba counts references wherever arrays are handed on."""
    zero = sums.dtype.type(0)
    return Sums(address(sums), sums.strides[0], sums.itemsize, zero, address(scratch))


def count_differing(rows, panels, sums):
    """`differing` for compiled code to call: of Rows and Panels to Sums."""
    raise NotImplementedError  # exists in compiled code only


_BY_TYPE = {
    types.uint8: lookup.differing,
    types.uint64: popcount.differing,
    types.int64: scalar_gemm.differing_signed,
}


@overload(count_differing, jit_options=INNER)
def _chosen(rows, panels, sums):
    return _BY_TYPE[panels.types[Panels._fields.index("zero")]]
