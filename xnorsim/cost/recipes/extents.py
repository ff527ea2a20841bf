"""How often the parts of a kernel run: one equation each, exact in integers, broadcast.

`ceil` is over the tile's sides, so what a tile computes beyond the border is counted as it runs.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from xnorsim.cost.recipes.kernel import Extent, Kernel
from xnorsim.work.dimensions import Dimensions

__all__ = [
    "FLOAT_BITS",
    "Side",
    "after_blocks",
    "batch_positions",
    "blocks",
    "ceil_div",
    "channel_taps",
    "channel_vectors",
    "depth_steps",
    "edge_outputs",
    "filled_depth",
    "filter_steps",
    "folds",
    "input_elements",
    "input_words",
    "layout_rest_elements",
    "layout_rests",
    "layout_rows",
    "layout_vectors",
    "moved_patch_rows",
    "moved_patch_vectors",
    "moved_patch_words",
    "moved_patches",
    "output_vectors",
    "outputs",
    "patch_elements",
    "patch_vectors",
    "position_steps",
    "position_tiles",
    "rest_depths",
    "rest_position_steps",
    "steps",
    "tap_vectors",
    "tile_taps",
    "tiles",
    "whole_position_steps",
]

FLOAT_BITS = 32

Side = Literal["filters", "positions"]


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
    return position_tiles(kernel, d) * depth_steps(kernel, d)


def whole_position_steps(kernel: Kernel, d: Dimensions) -> Any:
    """Steps of all tiles of positions that the depth fills."""
    return position_tiles(kernel, d) * (filled_depth(kernel, d) // kernel.tile.depth)


def rest_position_steps(kernel: Kernel, d: Dimensions) -> Any:
    """Steps of all tiles of positions that the depth does not fill: at most one of each."""
    return position_steps(kernel, d) - whole_position_steps(kernel, d)


def position_tiles(kernel: Kernel, d: Dimensions) -> Any:
    """Tiles of positions of all groups."""
    return d.groups * _position_tiles(kernel, d)


def filter_steps(kernel: Kernel, d: Dimensions) -> Any:
    """Steps of all tiles of filters: to lay out the weights once."""
    return d.groups * _filter_tiles(kernel, d) * depth_steps(kernel, d)


def outputs(kernel: Kernel, d: Dimensions) -> Any:
    """Results: groups x filters x positions."""
    return d.groups * d.filters * d.positions


def output_vectors(kernel: Kernel, d: Dimensions) -> Any:
    """Vectors of fp32 that hold the results."""
    return ceil_div(outputs(kernel, d), kernel.simd_bits // FLOAT_BITS)


def layout_rows(side: Side) -> Extent:
    """Rows of one side of the product that are laid out: those of all its tiles."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        return _rows(kernel, d, side)

    return extent


def layout_vectors(side: Side) -> Extent:
    """Whole vectors of fp32 along the depth of these rows."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        return _rows(kernel, d, side) * (filled_depth(kernel, d) // _lanes(kernel))

    return extent


def layout_rests(side: Side) -> Extent:
    """Rows of which whole vectors of fp32 leave something."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        return _rows(kernel, d, side) * np.minimum(filled_depth(kernel, d) % _lanes(kernel), 1)

    return extent


def layout_rest_elements(side: Side) -> Extent:
    """Elements of these rows that whole vectors of fp32 leave."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        return _rows(kernel, d, side) * (filled_depth(kernel, d) % _lanes(kernel))

    return extent


def _rows(kernel: Kernel, d: Dimensions, side: Side) -> Any:
    found = {"filters": _filter_tiles, "positions": _position_tiles}[side](kernel, d)
    return d.groups * found * getattr(kernel.tile, side)


def _lanes(kernel: Kernel) -> int:
    return kernel.simd_bits // FLOAT_BITS


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


def _filter_rows(d: Dimensions) -> Any:
    """Rows of a filter, taken as square."""
    return np.ceil(np.sqrt(d.taps))


def moved_patches(kernel: Kernel, d: Dimensions) -> Any:
    """Positions that im2col gathers the inputs of; none for 1 x 1 filters of stride 1."""
    return _moves(d) * d.groups * d.positions


def moved_patch_vectors(bits: int) -> Extent:
    """Vectors that im2col copies, of elements of `bits`, each row of a filter on its own."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        row = filled_depth(kernel, d) * bits / np.maximum(_filter_rows(d), 1)
        return moved_patch_rows(kernel, d) * np.ceil(row / kernel.simd_bits)

    return extent


def moved_patch_words(kernel: Kernel, d: Dimensions) -> Any:
    """Words of bits that im2col writes."""
    return _moves(d) * d.groups * d.positions * (filled_depth(kernel, d) // kernel.word)


def moved_patch_rows(kernel: Kernel, d: Dimensions) -> Any:
    """Copies of im2col: at each position the rows of a filter."""
    return moved_patches(kernel, d) * _filter_rows(d)


def input_words(kernel: Kernel, d: Dimensions) -> Any:
    """Words of the input: positions x stride of them, padding apart."""
    return d.groups * d.positions * d.stride * ceil_div(d.filter_channels, kernel.word)


def input_elements(kernel: Kernel, d: Dimensions) -> Any:
    """Elements of the input: positions x stride x channels, padding apart."""
    return d.groups * d.positions * d.stride * d.filter_channels


def channel_vectors(kernel: Kernel, d: Dimensions) -> Any:
    """Of a depthwise layer: positions x vectors of fp32 along channels."""
    return d.positions * ceil_div(d.groups * d.filters, kernel.simd_bits // FLOAT_BITS)


def batch_positions(kernel: Kernel, d: Dimensions) -> Any:
    """Positions: rows of channels, one after another in memory."""
    return d.positions


def channel_taps(kernel: Kernel, d: Dimensions) -> Any:
    """Of a depthwise layer: positions x taps, each over all channels."""
    return d.positions * d.taps


def tap_vectors(kernel: Kernel, d: Dimensions) -> Any:
    """Of a depthwise layer: the same for every tap."""
    return channel_vectors(kernel, d) * d.taps
