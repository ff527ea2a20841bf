"""How often a direct convolution runs that goes along the rows of images and leaves padding out.

No loop nest tells the shape of an image, nor how it is padded. Both are taken as usual: images and
filters are square, several images are one that is larger, and the padding of (k - 1) / 2 on each
side keeps the size of an image but for the stride. Taps in padding rows are left out; the columns
that see padding are computed one by one, the others in tiles as wide as fit, wide ones first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from xnorsim.cost.recipes.extents import ceil_div
from xnorsim.cost.recipes.kernel import Extent, Kernel
from xnorsim.work.dimensions import Dimensions

__all__ = ["Per", "column_tiles", "kernel_calls", "kernel_rows", "taps_in_tiles"]

Per = Literal["set", "block"]


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of results.

    columns, inner: of a row, and those that see no padding; rows: how many there are; taps:
    columns of a filter; border_taps: those in the image, of all columns that see padding;
    valid_rows: rows of the filter in the image, over all rows of results.
    """

    columns: Any
    inner: Any
    rows: Any
    taps: Any
    border_taps: Any
    valid_rows: Any


def _row(d: Dimensions) -> _Row:
    """Filters of one tap without a stride take the whole image as one row."""
    side = np.rint(np.sqrt(d.positions))
    columns = np.where((np.asarray(d.taps) == 1) & (np.asarray(d.stride) == 1), d.positions, side)
    rows = ceil_div(d.positions, np.maximum(columns, 1))
    taps = np.maximum(np.rint(np.sqrt(d.taps)), 1)
    pad, stride = (taps - 1) // 2, np.rint(np.sqrt(d.stride))
    left = np.minimum(ceil_div(pad, np.maximum(stride, 1)), columns)
    beyond = np.maximum(pad - stride + 1, 0)
    right = np.minimum(ceil_div(beyond, np.maximum(stride, 1)), columns - left)
    missing = _missing(left, pad, stride, taps) + _missing(right, beyond, stride, taps)
    return _Row(
        columns=columns,
        inner=columns - left - right,
        rows=rows,
        taps=taps,
        border_taps=(left + right) * taps - missing,
        valid_rows=np.maximum(rows * ceil_div(d.taps, taps) - missing, np.minimum(rows, d.taps)),
    )


def _missing(outputs: Any, pad: Any, stride: Any, taps: Any) -> Any:
    """Taps in the padding on one side: pad of the outermost output, stride fewer of the next.

    >>> int(_missing(2, 3, 2, 7))  # 3 + 1
    4
    """
    found = outputs * pad - stride * outputs * (outputs - 1) // 2
    return np.clip(found, 0, outputs * (taps - 1))


def column_tiles(columns: Any, widths: tuple[int, ...], width: int) -> Any:
    """Tiles of `width` among as few as `widths`, widest first, cut columns into.

    >>> [int(column_tiles(17, (6, 3, 2, 1), width)) for width in (6, 3, 2, 1)]
    [2, 1, 1, 0]
    """
    left = columns
    for each in widths:
        if each == width:
            return left // each
        left = left % each
    raise ValueError(f"no tile of {width} columns among {widths}")


def _clusters(kernel: Kernel, d: Dimensions, block: int, per: Per) -> Any:
    """Blocks of filters of all groups, or sets of the blocks that are computed together."""
    size = {"set": kernel.tile.filters, "block": block}[per]
    return d.groups * ceil_div(d.filters, size)


def _passes(d: Dimensions, channels: int) -> Any:
    return ceil_div(d.filter_channels, channels)


def taps_in_tiles(
    width: int, widths: tuple[int, ...], block: int, per: Per, channels: int
) -> Extent:
    """Taps of tiles so many columns wide, times filters, times input channels.

    The tile of one column has those at the border too.
    """

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        row = _row(d)
        taps = column_tiles(row.inner, widths, width) * row.taps
        border = row.border_taps if width == 1 else 0
        where = _clusters(kernel, d, block, per) * _passes(d, channels)
        return where * row.valid_rows * (taps + border)

    return extent


def kernel_rows(widths: tuple[int, ...], block: int, channels: int, *, border: bool) -> Extent:
    """Tiles of columns, times sets of filters, times passes over so many input channels."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        row = _row(d)
        tiles = sum(column_tiles(row.inner, widths, width) for width in widths if width > 1)
        if border:
            tiles = row.columns - row.inner + column_tiles(row.inner, widths, 1)
        return _clusters(kernel, d, block, "set") * _passes(d, channels) * row.rows * tiles

    return extent


def kernel_calls(block: int, channels: int) -> Extent:
    """Rows of results, times sets of filters, times passes over so many input channels."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        return _clusters(kernel, d, block, "set") * _passes(d, channels) * _row(d).rows

    return extent
