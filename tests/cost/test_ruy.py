"""Blocks of ruy by hand: its own words for a side are rows (filters) and columns (positions)."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorsim.cost.recipes.larq import BGEMM_8X4
from xnorsim.cost.recipes.ruy import ruy_blocks
from xnorsim.work.dimensions import Dimensions

# Tiles of 8 filters x 4 positions; channels of bits, filled up to words of 32. Blocks of 8, 16,
# 32 .. 512 are tried, up to the smaller side. Points: locality + 8 a doubling of the tiles.
BY_HAND = [
    # (filters, positions, channels, taps) -> (filters, positions) of a block
    (
        (64, 196, 64, 9),
        (64, 98),
        "72 B deep; 196 / 64: one halving. 8: 64 + 8, 16: 64 + 24, 32: 64 + 40, 64: 56 + 56",
    ),
    (
        (256, 196, 256, 9),
        (128, 98),
        "288 B deep. 8: 64 + 8, 16: 56 + 24, 32: 48 + 40, 64: 32 + 56 as many and larger, "
        "128: 16 + 64; 196 is 128 and more, so each side is halved once",
    ),
    (
        (512, 49, 512, 9),
        (64, 52),
        "576 B deep, 49 filled to 52; 512 / 52: three halvings. 8: 56 + 8, 16: 48 + 24, "
        "32: 32 + 40 as many and larger",
    ),
    (
        (64, 64, 65536, 1),
        (16, 16),
        "8 KiB deep. 8: 16 + 8, 16: 0 + 24 as many and larger, 32: -64 + 40, 64: -64 + 56",
    ),
    (
        (1000, 1, 512, 1),
        (125, 4),
        "a vector: seven halvings would fit, three leave eight tiles of filters in a block",
    ),
    ((8, 3136, 64, 9), (8, 49), "the other way: 11 - 2 - 3 = 6 halvings of the positions"),
    ((10, 5, 32, 9), (16, 8), "filled up to whole tiles; 16 / 8, but no eight tiles to halve"),
    ((1, 1, 1, 1), (8, 4), "one tile"),
]


@pytest.mark.parametrize(("sizes", "blocks", "why"), BY_HAND)
def test_by_hand(sizes, blocks, why):
    filters, positions, channels, taps = sizes
    found = ruy_blocks(BGEMM_8X4, Dimensions(positions, filters, channels, taps))
    np.testing.assert_array_equal(found, blocks, err_msg=why)


SIZES = st.integers(1, 3000)


@given(st.lists(st.tuples(SIZES, SIZES, SIZES, st.sampled_from([1, 9])), min_size=1, max_size=5))
def test_blocks_are_whole_tiles_cut_from_the_layer_by_halves(layers):
    filters, positions, channels, taps = np.array(layers).T
    found = ruy_blocks(BGEMM_8X4, Dimensions(positions, filters, channels, taps))
    for place, (rows, columns, depth, over) in enumerate(layers):
        alone = ruy_blocks(BGEMM_8X4, Dimensions(columns, rows, depth, over))
        for side, tile, several, one in zip((rows, columns), (8, 4), found, alone, strict=True):
            block = several[place]
            assert block == one, "a layer among others is as it is alone"
            whole = ceil(side / tile) * tile
            assert tile <= block <= whole
            cuts = np.log2(whole / block)
            assert block == tile or cuts == round(cuts)
