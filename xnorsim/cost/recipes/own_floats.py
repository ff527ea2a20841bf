"""Our convolutions of floats, and of +-1 weights by floats: xnorsim/kernels/floats.py.

Positions are taken 16 at a time (a panel). For a block of products the panel's columns are gathered
from the padded image, a run of neighbours (or of every second element) at a time; then each tile of
filters adds its products to its sums. +-1 weights: four inputs make a table of their 16 sums, and
four bits of a filter say which row it adds. Layers of one or two filters a group, as depthwise
ones, run along rows. Instructions as numba and LLVM 22 compile them for AVX2, counted in loops.
Rows of an image are taken as those of a square; an image that 1x1 filters see is copied whole, as
it has no padding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorsim.cost.recipes.extents import ceil_div, steps, tiles
from xnorsim.cost.recipes.kernel import Counts, Extent, Kernel, Part, Tile, Walk
from xnorsim.cost.recipes.own_float_results import FINISHED, LANES
from xnorsim.work.dimensions import Dimensions

__all__ = ["few_filters", "floats", "signs"]

_SOURCE = "xnorsim/kernels/floats.py, float_tiles.py"
_DEPTH, _TABLED, _CHUNK = 256, 64, 16
"""Products of a block of floats, of one of +-1 weights (a word of bits), and of a step of it."""


def _tile_filters(simd_bits: int) -> int:
    """Filters of a tile, by the registers that there are: 12 of AVX-512, else 6."""
    return 12 if simd_bits >= 512 else 6


def _depth(d: Dimensions) -> Any:
    return d.taps * d.filter_channels


def _panels(d: Dimensions) -> Any:
    return d.groups * ceil_div(d.positions, LANES)


def _width(d: Dimensions) -> Any:
    """Positions of a row of results."""
    return np.maximum(np.rint(np.sqrt(d.positions)), 1)


def _apart(d: Dimensions) -> Any:
    """How far neighbours in a row read from each other [element]."""
    return np.rint(np.sqrt(d.stride))


def _runs(d: Dimensions) -> Any:
    """Pieces of rows that the columns of all panels are copied from; none beyond a stride of 2."""
    breaks = ceil_div(d.positions, _width(d)) - 1
    return np.where(_apart(d) <= 2, d.groups * (ceil_div(d.positions, LANES) + breaks), 0)


def _pieces_of_columns(apart: int) -> Extent:
    """These pieces, times products of the depth, where neighbours are `apart`."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        return np.where(_apart(d) == apart, _runs(d) * _depth(d), 0)

    return extent


def _blocks_of_runs(size: int) -> Extent:
    """These pieces, times blocks of the depth."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        return _runs(d) * ceil_div(_depth(d), size)

    return extent


def _lanes_apart(kernel: Kernel, d: Dimensions) -> Any:
    """Elements of columns that are copied one by one: all, with a larger stride."""
    return np.where(_apart(d) <= 2, 0, LANES * _panels(d) * _depth(d))


def _image_rows(d: Dimensions) -> tuple[Any, Any]:
    """Rows of all planes of the image as they are copied, and how long they are."""
    plane = d.positions * d.stride
    width = np.maximum(np.where(np.asarray(d.taps) == 1, plane, np.rint(np.sqrt(plane))), 1)
    return d.groups * d.filter_channels * ceil_div(plane, width), width


def _image_vectors(kernel: Kernel, d: Dimensions) -> Any:
    """Sixteens of elements of the image's rows."""
    rows, width = _image_rows(d)
    return rows * (width // LANES)


def _image_fours(kernel: Kernel, d: Dimensions) -> Any:
    """Fours of what these leave, and one more that ends with the row."""
    rows, width = _image_rows(d)
    return np.where(width < 4, rows * width, rows * (width % LANES // 4 + 1))


def _all_image_rows(kernel: Kernel, d: Dimensions) -> Any:
    """Rows of the image as they are copied."""
    return _image_rows(d)[0]


def _blocks(size: int) -> Extent:
    """Tiles, times blocks of the depth."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        return tiles(kernel, d) * ceil_div(_depth(d), size)

    return extent


def _copied(simd_bits: int) -> tuple[Part, ...]:
    """The image copied into one with its padding."""
    vectors = LANES * 32 // simd_bits
    return (
        Part(
            "16 elements of the padded image",
            _image_vectors,
            {"vector_load": vectors, "vector_store": vectors, "scalar_alu": 2, "branch": 1},
            "im2col",
        ),
        Part(
            "four elements",
            _image_fours,
            {"vector_load": 1, "vector_store": 1, "scalar_alu": 2, "branch": 1},
            "im2col",
        ),
        Part(
            "a row: a call",
            _all_image_rows,
            {"scalar_load": 9, "scalar_store": 8, "scalar_alu": 24, "branch": 6},
            "im2col",
        ),
    )


def _columns(simd_bits: int, block: int) -> tuple[Part, ...]:
    """The image copied, and columns gathered from the copy for blocks of the depth.

    A piece is read whole and put under a mask onto what the column has by then. Of the vectors that
    are read one crosses a line of the cache: two loads.
    """
    vectors = LANES * 32 // simd_bits
    piece = {
        "vector_load": 2 * vectors + 1,
        "vector_logic": 3 * vectors,
        "vector_store": vectors,
        "scalar_load": 1,
        "scalar_alu": 4,
        "branch": 1,
    }
    spread = {"vector_load": 3 * vectors + 1, "vector_shuffle": 3 * vectors}  # VPERMPD is two
    return (
        *_copied(simd_bits),
        Part("a piece of a column", _pieces_of_columns(1), piece, "im2col"),
        Part("a piece of every second", _pieces_of_columns(2), piece | spread, "im2col"),
        Part(
            "a piece of a block",
            _blocks_of_runs(block),
            {"vector_load": vectors, "vector_logic": vectors, "scalar_load": 4, "scalar_alu": 10}
            | {"branch": 4},
            "im2col",
        ),
        Part(
            "a lane of a column",
            _lanes_apart,
            {"scalar_load": 2, "scalar_store": 1, "scalar_alu": 1, "branch": 1 / 16},
            "im2col",
        ),
    )


def _sums_in_and_out(sums: int) -> Counts:
    return {"vector_load": sums, "vector_store": sums, "scalar_alu": 8, "branch": 2}


def floats(simd_bits: int) -> Kernel:
    """A tile of filters x 16 positions: weights broadcast, fused multiply-adds."""
    rows, vectors = _tile_filters(simd_bits), LANES * 32 // simd_bits
    sums = rows * vectors
    return Kernel(
        name=f"own-fp32-{simd_bits}",
        source=_SOURCE,
        simd_bits=simd_bits,
        along=None,
        tile=Tile(filters=rows, positions=LANES, depth=1),
        parts=(
            *_columns(simd_bits, _DEPTH),
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
            *FINISHED,
        ),
        chain={"fp32_fma": 1},
        walk=Walk("gemm", pads=True, block_depth=_DEPTH, chunk=LANES),
    )


def signs(simd_bits: int) -> Kernel:
    """+-1 weights: of each four inputs a table of 16 rows, of which each filter adds one."""
    rows, vectors = _tile_filters(simd_bits), LANES * 32 // simd_bits
    sums = rows * vectors
    return Kernel(
        name=f"own-bwn-{simd_bits}",
        source=_SOURCE,
        simd_bits=simd_bits,
        along=None,
        tile=Tile(filters=rows, positions=LANES, depth=_CHUNK),
        parts=(
            *_columns(simd_bits, _TABLED),
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
                    "scalar_alu": 12 * rows + 2,  # of each four bits the place of a row
                    "branch": 1,
                },
            ),
            Part(
                "sums from memory and back, words of bits",
                _blocks(_TABLED),
                {**_sums_in_and_out(sums), "scalar_load": rows + 2},
            ),
            *FINISHED,
        ),
        chain={"fp32_add": 4},
        walk=Walk("gemm", weight_bits=1, pads=True, chunk=LANES),
    )


def _tables(kernel: Kernel, d: Dimensions) -> Any:
    """Panels of 16 positions, times fours of the depth, filled up to words of 16 bits."""
    return _panels(d) * ceil_div(_depth(d), _CHUNK) * (_CHUNK // 4)


def few_filters(simd_bits: int) -> Kernel:
    """One or two filters a group: 16 positions of a row over all products, one filter at a time.

    Sums of a piece wait for each other, and pieces follow each other so closely that little of the
    next one is done meanwhile: on Zen 3 a piece takes 3 to 3.6 cycles more for each product.
    """
    vectors = LANES * 32 // simd_bits
    product = {
        "scalar_load": 1,
        "broadcast_load": 1,
        "vector_load": vectors,
        "fp32_fma": vectors,
        "scalar_alu": 2,
        "branch": 0.25,
    }
    spread = {"vector_load": 2 * vectors + 1, "vector_shuffle": 3 * vectors}  # VPERMPD is two
    waits = {"fp32_fma": 1}
    return Kernel(
        name=f"own-depthwise-{simd_bits}",
        source=_SOURCE,
        simd_bits=simd_bits,
        along=None,
        tile=Tile(filters=1, positions=LANES, depth=1),
        parts=(
            *_copied(simd_bits),
            Part("a product of 16 positions", _row_pieces(1), product, chain=waits),
            # one of the loads of a product crosses a line of the cache, and takes two turns
            Part("the second half of a load", _row_pieces(1), {"vector_load": 1}),
            Part("a product of every second", _row_pieces(2), product | spread, chain=waits),
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
                "16 positions scaled, shifted, stored",
                _row_ends,
                {
                    "vector_load": vectors,
                    "fp32_mul": 2 * vectors,
                    "fp32_add": vectors,
                    "vector_store": 2 * vectors,
                    "broadcast_load": 3,
                    "scalar_load": 10,
                    "scalar_alu": 14,
                    "branch": 6,
                },
                chain={"vector_load": 1, "fp32_mul": 2, "fp32_add": 1},
            ),
            Part("a row", _rows, {"scalar_load": 4, "scalar_alu": 10, "branch": 3}),
        ),
        walk=Walk("depthwise", pads=True),
        applies=_has_few_filters,
    )


def _has_few_filters(d: Dimensions) -> Any:
    """One or two filters a group."""
    return np.asarray(d.filters) <= 2


def _pieces(d: Dimensions) -> Any:
    """Pieces of 16 positions that rows of results are cut into, of all filters."""
    width = _width(d)
    return d.groups * d.filters * ceil_div(d.positions, width) * ceil_div(width, LANES)


def _row_pieces(apart: int) -> Extent:
    """Pieces of 16 positions of a row, times products, where neighbours are `apart`."""

    def extent(kernel: Kernel, d: Dimensions) -> Any:
        return np.where(_apart(d) == apart, _pieces(d) * _depth(d), 0)

    return extent


def _row_elements(kernel: Kernel, d: Dimensions) -> Any:
    """Results times products, where a larger stride keeps them apart."""
    return np.where(_apart(d) <= 2, 0, d.groups * d.filters * d.positions * _depth(d))


def _row_ends(kernel: Kernel, d: Dimensions) -> Any:
    """Pieces of 16 positions of a row."""
    return _pieces(d)


def _rows(kernel: Kernel, d: Dimensions) -> Any:
    """Rows of results, of all filters."""
    return d.groups * d.filters * ceil_div(d.positions, _width(d))
