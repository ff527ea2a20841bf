"""How often the parts of a kernel run: one equation each, exact in integers, broadcast.

`ceil` is over the tile's sides, so what a tile computes beyond the border is counted as it runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorsim.cost.recipes.kernel import Extent, Kernel
from xnorsim.work.dimensions import Dimensions

__all__ = [
    "FLOAT_BITS",
    "after_blocks",
    "blocks",
    "ceil_div",
    "channel_vectors",
    "depth_steps",
    "edge_outputs",
    "filled_depth",
    "filter_steps",
    "folds",
    "input_elements",
    "input_words",
    "moved_patch_rows",
    "moved_patch_vectors",
    "moved_patch_words",
    "output_vectors",
    "outputs",
    "patch_elements",
    "patch_vectors",
    "position_steps",
    "rest_depths",
    "steps",
    "tap_vectors",
    "tile_taps",
    "tiles",
]

FLOAT_BITS = 32


def ceil_div(size: Any, by: Any) -> Any:
    """The least integer not below size / by.

    >>> ceil_div(14, 4), int(ceil_div(np.int64(16), 4))
    (4, 4)
    """
    return -(-size // by)


def filled_depth(kernel: Kernel, d: Dimensions) -> Any:
    """Products an output sums, with the channels of each tap filled up to words."""
    return d.taps * ceil_div(d.filter_channels, kernel.word) * kernel.word


def depth_steps(kernel: Kernel, d: Dimensions) -> Any:
    """Inner steps of a tile: ceil(taps x filled channels / tile depth)."""
    return ceil_div(filled_depth(kernel, d), kernel.tile.depth)


def _filter_tiles(kernel: Kernel, d: Dimensions) -> Any:
    if kernel.whole_tiles:
        return d.filters // kernel.tile.filters
    return ceil_div(d.filters, kernel.tile.filters)


def _position_tiles(kernel: Kernel, d: Dimensions) -> Any:
    if kernel.whole_tiles:
        return d.positions // kernel.tile.positions
    return ceil_div(d.positions, kernel.tile.positions)


def tiles(kernel: Kernel, d: Dimensions) -> Any:
    """groups x tiles of filters x tiles of positions."""
    return d.groups * _filter_tiles(kernel, d) * _position_tiles(kernel, d)


def steps(kernel: Kernel, d: Dimensions) -> Any:
    """Inner steps: tiles x steps of a tile."""
    return tiles(kernel, d) * depth_steps(kernel, d)


def folds(limit: int) -> Extent:
    """Times that tiles put narrow sums into wide ones: every `limit` steps, and at their end."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        return tiles(kernel, d) * ceil_div(depth_steps(kernel, d), limit)

    return extent


def blocks(size: int) -> Extent:
    """Whole runs of `size` steps, over all tiles."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        return tiles(kernel, d) * (depth_steps(kernel, d) // size)

    return extent


def after_blocks(size: int) -> Extent:
    """The steps that whole runs of `size` leave, over all tiles."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        return tiles(kernel, d) * (depth_steps(kernel, d) % size)

    return extent


def tile_taps(kernel: Kernel, d: Dimensions) -> Any:
    """Taps of all tiles: each asks where its input lies."""
    return tiles(kernel, d) * d.taps


def position_steps(kernel: Kernel, d: Dimensions) -> Any:
    """Steps of all tiles of positions: to lay out the activations once."""
    return d.groups * _position_tiles(kernel, d) * depth_steps(kernel, d)


def filter_steps(kernel: Kernel, d: Dimensions) -> Any:
    """Steps of all tiles of filters: to lay out the weights once."""
    return d.groups * _filter_tiles(kernel, d) * depth_steps(kernel, d)


def outputs(kernel: Kernel, d: Dimensions) -> Any:
    """Results: groups x filters x positions."""
    return d.groups * d.filters * d.positions


def output_vectors(kernel: Kernel, d: Dimensions) -> Any:
    """Vectors of fp32 that hold the results."""
    return ceil_div(outputs(kernel, d), kernel.simd_bits // FLOAT_BITS)


def edge_outputs(kernel: Kernel, d: Dimensions) -> Any:
    """Results that lie in no whole tile."""
    filters = d.filters - d.filters % kernel.tile.filters
    positions = d.positions - d.positions % kernel.tile.positions
    return d.groups * (d.filters * d.positions - filters * positions)


def rest_depths(bits: int) -> Extent:
    """Words of `bits` over the depth of the results that lie in no whole tile."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        filled = depth_steps(kernel, d) * kernel.tile.depth
        return edge_outputs(kernel, d) * ceil_div(filled, bits)

    return extent


def patch_elements(kernel: Kernel, d: Dimensions) -> Any:
    """Inputs under the filter at every position, filled up to words: what im2col writes."""
    return d.groups * d.positions * filled_depth(kernel, d)


def patch_vectors(kernel: Kernel, d: Dimensions) -> Any:
    """Vectors of fp32 of the inputs under the filter, a position at a time."""
    lanes = kernel.simd_bits // FLOAT_BITS
    return d.groups * d.positions * ceil_div(d.taps * d.filter_channels, lanes)


def _moves(d: Dimensions) -> Any:
    """1 where a filter sees more than its own position: there is an im2col; else 0."""
    return np.where((d.taps > 1) | (d.stride > 1), 1, 0)


def moved_patch_vectors(bits: int) -> Extent:
    """Vectors that im2col writes, of elements of `bits`; none for 1 x 1 filters of stride 1."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        vectors = ceil_div(filled_depth(kernel, d) * bits, kernel.simd_bits)
        return _moves(d) * d.groups * d.positions * vectors

    return extent


def moved_patch_words(kernel: Kernel, d: Dimensions) -> Any:
    """Words of bits that im2col writes."""
    return _moves(d) * d.groups * d.positions * (filled_depth(kernel, d) // kernel.word)


def moved_patch_rows(kernel: Kernel, d: Dimensions) -> Any:
    """Copies of im2col: at each position the rows of a filter, taken as square."""
    return _moves(d) * d.groups * d.positions * np.ceil(np.sqrt(d.taps))


def input_words(kernel: Kernel, d: Dimensions) -> Any:
    """Words of the input: positions x stride of them, padding apart."""
    return d.groups * d.positions * d.stride * ceil_div(d.filter_channels, kernel.word)


def input_elements(kernel: Kernel, d: Dimensions) -> Any:
    """Elements of the input: positions x stride x channels, padding apart."""
    return d.groups * d.positions * d.stride * d.filter_channels


def channel_vectors(kernel: Kernel, d: Dimensions) -> Any:
    """Of a depthwise layer: positions x vectors of fp32 along channels."""
    return d.positions * ceil_div(d.groups * d.filters, kernel.simd_bits // FLOAT_BITS)


def tap_vectors(kernel: Kernel, d: Dimensions) -> Any:
    """Of a depthwise layer: the same for every tap."""
    return channel_vectors(kernel, d) * d.taps
