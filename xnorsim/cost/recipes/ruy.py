"""How ruy cuts a product of matrices into blocks: google/ruy @ 20b5eb06, block_map.cc, one thread.

The larger side is first halved until both are about as long. Of all sizes of blocks, a power of
two between the tile's longer side and 64 times it, that with the highest score is taken, the
larger one if two have it: points for what stays in the caches of one core, and for many tiles a
block.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorsim.cost.recipes.extents import ceil_div, filled_depth
from xnorsim.cost.recipes.kernel import Kernel
from xnorsim.work.dimensions import Dimensions

__all__ = ["ruy_blocks"]

_LOCAL_CACHE_BYTES = 32 * 1024
"""cpuinfo.cc: what a core has to itself, 32 KiB where only its first level is or none is found."""

_LOCALITY = np.array([64, 56, 48, 32, 16, 0, -64])
"""Points for reading up to a quarter, half, once, twice, four, eight times that much, and more."""

_MOST_TILES = 8
"""Each doubling of the tiles in a block gives 8 points, up to 2^8 tiles."""


def ruy_blocks(kernel: Kernel, d: Dimensions) -> tuple[Any, Any]:
    """(filters, positions) of a block, on average."""
    tile = kernel.tile
    depth_bytes = filled_depth(kernel, d) * kernel.walk.activation_bits / 8
    rows, columns = (_filled(d.filters, tile.filters), _filled(d.positions, tile.positions))
    parts = (
        _halvings(rows, columns, tile.filters, tile.positions),
        _halvings(columns, rows, tile.positions, tile.filters),
    )
    least = int(max(np.log2(tile.filters), np.log2(tile.positions)))
    whole = np.maximum(least, np.floor(np.log2(np.minimum(rows, columns))))
    best: Any = -np.inf
    chosen: Any = least
    for size in range(least, least + 7):
        score = _score(2.0**size, rows, columns, depth_bytes, kernel)
        is_better = (size <= whole) & (score >= best)
        best, chosen = np.where(is_better, score, best), np.where(is_better, size, chosen)
    filters, positions = (
        np.maximum(side / 2 ** (whole - chosen + part), by)
        for side, part, by in (
            (rows, parts[0], tile.filters),
            (columns, parts[1], tile.positions),
        )
    )
    return filters, positions


def _halvings(side: Any, other: Any, tile: int, other_tile: int) -> Any:
    """How often a side longer than the other is halved: eight tiles or more stay in a block."""
    others = np.ceil(np.log2(other)) - np.log2(other_tile)
    kept = np.maximum(np.floor(np.log2(side)) - np.log2(tile) - np.maximum(3 - others, 0), 0)
    return np.where(side > other, np.minimum(np.floor(np.log2(side / other)), kept), 0)


def _filled(size: Any, tile: int) -> Any:
    return np.asarray(ceil_div(size, tile) * tile, dtype=float)


def _score(size: float, rows: Any, columns: Any, depth_bytes: Any, kernel: Kernel) -> Any:
    tile = kernel.tile
    height, width = np.minimum(size, rows), np.minimum(size, columns)
    read = np.ceil(np.log2(np.maximum((height + width) * depth_bytes, 1)))
    beyond = np.clip(read - np.log2(_LOCAL_CACHE_BYTES) + 2, 0, len(_LOCALITY) - 1)
    is_narrow = (rows <= tile.filters) | (columns <= tile.positions)
    locality = np.where(is_narrow, 0, _LOCALITY[beyond.astype(int)])
    tiles = np.floor(np.log2(height * width)) - np.log2(tile.filters * tile.positions)
    return locality + 8 * np.clip(tiles, 0, _MOST_TILES)
