"""Our convolutions of floats, and of +-1 weights by floats: xnorsim/kernels/floats.py.

Positions are taken 16 at a time (a panel). For a block of products the panel's columns are gathered
from the padded image; then each tile of filters adds its products to its sums. +-1 weights: four
inputs make a table of their 16 sums, and four bits of a filter say which row it adds. Layers of one
or two filters a group, as depthwise ones, run along rows. Instructions as numba and LLVM 22 compile
them for AVX2, counted in loops. Rows of an image are taken as those of a square.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorsim.cost.recipes.extents import ceil_div, input_elements, steps, tiles
from xnorsim.cost.recipes.kernel import Counts, Extent, Kernel, Part, Tile, Walk
from xnorsim.work.dimensions import Dimensions

__all__ = ["few_filters", "floats", "signs"]

_SOURCE = "xnorsim/kernels/floats.py, float_tiles.py"
_LANES = 16
"""Positions of a panel."""

_DEPTH, _TABLED, _CHUNK = 256, 64, 16
"""Products of a block of floats, of one of +-1 weights, and of a word of their bits."""


def _tile_filters(simd_bits: int) -> int:
    """Filters of a tile, by the registers that there are: 12 of AVX-512, else 6."""
    return 12 if simd_bits >= 512 else 6


def _depth(d: Dimensions) -> Any:
    return d.taps * d.filter_channels


def _panels(d: Dimensions) -> Any:
    return d.groups * ceil_div(d.positions, _LANES)


def _panel_columns(kernel: Kernel, d: Dimensions) -> Any:
    """Panels of 16 positions, times products of the depth."""
    return _panels(d) * _depth(d)


def _runs(kernel: Kernel, d: Dimensions) -> Any:
    """Pieces of rows that a panel's columns are copied from; none with a stride."""
    width = np.maximum(np.rint(np.sqrt(d.positions)), 1)
    breaks = ceil_div(d.positions, width) - 1
    runs = d.groups * (ceil_div(d.positions, _LANES) + breaks)
    return np.where(np.asarray(d.stride) == 1, runs * _depth(d), 0)


def _apart(kernel: Kernel, d: Dimensions) -> Any:
    """Elements of columns that are copied one by one: all, with a stride."""
    return np.where(np.asarray(d.stride) == 1, 0, _LANES * _panel_columns(kernel, d))


def _vectors_of_panels(kernel: Kernel, d: Dimensions) -> Any:
    """Vectors of results, of the panels that positions fill."""
    return d.groups * d.filters * (d.positions // _LANES) * (_LANES * 32 // kernel.simd_bits)


def _after_panels(kernel: Kernel, d: Dimensions) -> Any:
    """Results of the panel that positions do not fill."""
    return d.groups * d.filters * (d.positions % _LANES)


def _blocks(size: int) -> Extent:
    """Tiles, times blocks of the depth."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        return tiles(kernel, d) * ceil_div(_depth(d), size)

    return extent


def _padded(simd_bits: int) -> tuple[Part, ...]:
    """The image copied into one with its padding, and columns gathered from that."""
    vectors = _LANES * 32 // simd_bits
    return (
        Part(
            "the padded image",
            input_elements,
            {"scalar_load": 1, "scalar_store": 1, "scalar_alu": 4, "branch": 1 / 8},
            "im2col",
        ),
        Part(
            "a column",
            _panel_columns,
            {"scalar_load": 2, "scalar_alu": 3, "branch": 2},
            "im2col",
        ),
        Part(
            "a piece of a column",
            _runs,
            {
                "vector_load": vectors + 1,  # one of them crosses a line of the cache: two loads
                "vector_store": vectors + 1,
                "scalar_load": 3,
                "scalar_alu": 4,
                "branch": 0.25,
            },
            "im2col",
        ),
        Part(
            "a lane of a column",
            _apart,
            {"scalar_load": 3, "scalar_store": 1, "scalar_alu": 3, "branch": 1 / 16},
            "im2col",
        ),
    )


_FINISHED = (
    Part(
        "scaled, shifted, stored",
        _vectors_of_panels,
        {
            "vector_load": 1,
            "fp32_mul": 2,
            "fp32_add": 1,
            "vector_store": 1,
            "broadcast_load": 1.5,
            "scalar_load": 0.5,
            "scalar_alu": 1,
            "branch": 0.125,
        },
        "results",
    ),
    Part(
        "the last panel, one by one",
        _after_panels,
        {
            "scalar_load": 1,
            "scalar_fp32_mul": 2,
            "scalar_fp32_add": 1,
            "scalar_store": 1,
            "scalar_alu": 4,
            "branch": 1 / 8,
        },
        "results",
    ),
)


def _sums_in_and_out(sums: int) -> Counts:
    return {"vector_load": sums, "vector_store": sums, "scalar_alu": 8, "branch": 2}


def floats(simd_bits: int) -> Kernel:
    """A tile of filters x 16 positions: weights broadcast, fused multiply-adds."""
    rows, vectors = _tile_filters(simd_bits), _LANES * 32 // simd_bits
    sums = rows * vectors
    return Kernel(
        name=f"own-fp32-{simd_bits}",
        source=_SOURCE,
        simd_bits=simd_bits,
        along=None,
        tile=Tile(filters=rows, positions=_LANES, depth=1),
        parts=(
            *_padded(simd_bits),
            Part(
                "inner loop",
                steps,
                {
                    "fp32_fma": sums,
                    "broadcast_load": rows,
                    "vector_load": vectors,
                    "scalar_alu": 1.5,
                    "branch": 0.5,
                },
            ),
            Part("sums from memory and back", _blocks(_DEPTH), _sums_in_and_out(sums)),
            *_FINISHED,
        ),
        chain={"fp32_fma": 1},
        walk=Walk("gemm", pads=True, block_depth=_DEPTH, chunk=_LANES),
    )


def signs(simd_bits: int) -> Kernel:
    """+-1 weights: of each four inputs a table of 16 rows, of which each filter adds one."""
    rows, vectors = _tile_filters(simd_bits), _LANES * 32 // simd_bits
    sums = rows * vectors
    return Kernel(
        name=f"own-bwn-{simd_bits}",
        source=_SOURCE,
        simd_bits=simd_bits,
        along=None,
        tile=Tile(filters=rows, positions=_LANES, depth=_CHUNK),
        parts=(
            *_padded(simd_bits),
            Part(
                "a table of four inputs",
                _tables,
                {
                    "vector_load": 4 * vectors,
                    "fp32_add": 20 * vectors,
                    "vector_logic": 2 * vectors,
                    "vector_store": 16 * vectors,
                    "scalar_alu": 3,
                    "branch": 1,
                },
                "tables",
            ),
            Part(
                "inner loop",
                steps,
                {
                    "vector_load": 4 * sums,
                    "fp32_add": 4 * sums,
                    "scalar_load": rows,
                    "scalar_alu": 10 * rows + 3,  # of each four bits the place of a row
                    "branch": 1,
                },
            ),
            Part("sums from memory and back", _blocks(_TABLED), _sums_in_and_out(sums)),
            *_FINISHED,
        ),
        chain={"fp32_add": 4},
        walk=Walk("gemm", weight_bits=1, pads=True, chunk=_LANES),
    )


def _tables(kernel: Kernel, d: Dimensions) -> Any:
    """Panels of 16 positions, times fours of the depth, filled up to words of 16 bits."""
    return _panels(d) * ceil_div(_depth(d), _CHUNK) * (_CHUNK // 4)


def few_filters(simd_bits: int) -> Kernel:
    """One or two filters a group: 16 positions of a row over all products, one filter at a time."""
    vectors = _LANES * 32 // simd_bits
    return Kernel(
        name=f"own-depthwise-{simd_bits}",
        source=_SOURCE,
        simd_bits=simd_bits,
        along=None,
        tile=Tile(filters=1, positions=_LANES, depth=1),
        parts=(
            _padded(simd_bits)[0],
            Part(
                "a product of 16 positions",
                _row_pieces,
                {
                    "scalar_load": 1,
                    "broadcast_load": 1,
                    "vector_load": vectors,
                    "fp32_fma": vectors,
                    "scalar_alu": 2,
                    "branch": 0.25,
                },
            ),
            Part(
                "a product of one position",
                _row_elements,
                {
                    "scalar_load": 3,
                    "scalar_fp32_mul": 1,
                    "scalar_fp32_add": 1,
                    "scalar_alu": 4,
                    "branch": 1 / 8,
                },
                chain={"scalar_fp32_add": 1},
            ),
            Part(
                "scaled, shifted, stored one by one",
                _row_results,
                {
                    "fp32_mul": 0.25,
                    "fp32_add": 0.125,
                    "vector_shuffle": 0.75,
                    "scalar_store": 1,
                    "scalar_load": 0.5,
                    "scalar_alu": 4,
                    "branch": 0.25,
                },
            ),
            Part("16 positions", _row_ends, {"scalar_load": 10, "scalar_alu": 24, "branch": 8}),
            Part("a row", _rows, {"scalar_load": 13, "scalar_alu": 64, "branch": 16}),
        ),
        walk=Walk("depthwise", pads=True),
        applies=_has_few_filters,
    )


def _has_few_filters(d: Dimensions) -> Any:
    """One or two filters a group."""
    return np.asarray(d.filters) <= 2


def _pieces(d: Dimensions) -> Any:
    """Pieces of 16 positions that rows of results are cut into, of all filters."""
    width = np.maximum(np.rint(np.sqrt(d.positions)), 1)
    return d.groups * d.filters * ceil_div(d.positions, width) * ceil_div(width, _LANES)


def _row_pieces(kernel: Kernel, d: Dimensions) -> Any:
    """Pieces of 16 positions of a row, times products; none with a stride."""
    return np.where(np.asarray(d.stride) == 1, _pieces(d) * _depth(d), 0)


def _row_elements(kernel: Kernel, d: Dimensions) -> Any:
    """Results times products, where a stride keeps them apart."""
    return np.where(np.asarray(d.stride) == 1, 0, d.groups * d.filters * d.positions * _depth(d))


def _row_ends(kernel: Kernel, d: Dimensions) -> Any:
    """Pieces of 16 positions of a row."""
    return _pieces(d)


def _rows(kernel: Kernel, d: Dimensions) -> Any:
    """Rows of results, of all filters: each finds its place by four divisions."""
    width = np.maximum(np.rint(np.sqrt(d.positions)), 1)
    return d.groups * d.filters * ceil_div(d.positions, width)


def _row_results(kernel: Kernel, d: Dimensions) -> Any:
    """Results."""
    return d.groups * d.filters * d.positions
