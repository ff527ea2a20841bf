"""Bytes between memory levels: by hand, by their laws, and against caches that replay traces."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tests.cost.levels import by_level
from xnorsim.cost import nests, traffic
from xnorsim.cost.nests import Loop, Operand, footprints, reuse_distances
from xnorsim.cost.traffic import Convolution, convolution_loops, gemm_loops
from xnorsim.errors import UsageError

nest_traffic, total_bytes = by_level(nests.nest_traffic), by_level(nests.total_bytes)
gemm_traffic, im2col_traffic = by_level(traffic.gemm_traffic), by_level(traffic.im2col_traffic)
direct_traffic, stream_traffic = by_level(traffic.direct_traffic), by_level(traffic.stream_traffic)
depthwise_traffic = by_level(traffic.depthwise_traffic)

TAPS = (("kernel_rows", 1), ("kernel_columns", 1))

# 64 positions x 32 filters x 256 products of bytes, results of 4 bytes: activations 16384 bytes,
# weights 8192, outputs 8192. Tiles of 4 x 8 over steps of 16, filters inside.
BYTES: dict[str, Any] = {"activation_bytes": 1, "weight_bytes": 1, "output_bytes": 4}


def small_gemm(*level_sizes: float, **options: Any) -> dict[str, list[float]]:
    options = {"loops": gemm_loops(4, 8, 16), **BYTES, **options}
    found = gemm_traffic(64, 32, 256, level_sizes=level_sizes, **options)
    return {name: each.tolist() for name, each in found.items()}


@pytest.mark.parametrize(
    ("size", "activations", "weights", "why"),
    [
        (0, 65536, 131072, "registers: 16384 for each of 4 tiles of filters, 8192 for each of 16"),
        (3199, 65536, 131072, "a tile's rows 4 x 256 + a panel of weights 8 x 256 + 4 x 8 x 4 out"),
        (3200, 16384, 131072, "... = 3200 lie between two uses of the rows: read once"),
        (10751, 16384, 131072, "all weights, the rows of two tiles (each used again), 4 x 32 x 4"),
        (10752, 16384, 8192, "... = 8192 + 2 x 1024 + 512: the weights stay, all is read once"),
        (1e6, 16384, 8192, "everything fits, and comes once all the same"),
    ],
)
def test_gemm_by_hand(size, activations, weights, why):
    """Outputs: fetched for the first write and written back, 2 x 8192, whatever the size."""
    expected = {"activations": [activations], "weights": [weights], "outputs": [16384]}
    assert small_gemm(size) == expected, why


def test_gemm_with_filters_outside_by_hand():
    """Rows stay over no more than a tile of filters, of whose weights 2 panels lie in between."""
    loops = gemm_loops(4, 8, 16, outer="filters")
    needs = 16384 + 2 * 2048 + 64 * 8 * 4
    found = small_gemm(3199, 3200, needs - 1, needs, loops=loops)
    assert found["weights"] == [131072, 8192, 8192, 8192]
    assert found["activations"] == [65536, 65536, 65536, 16384]


def test_gemm_in_blocks_of_depth_by_hand():
    """Two halves of the depth: sums come back once. In between lie half of each matrix, and sums.

    The weights of one half take 4096 bytes, so they stay from 4096 + 2 x 512 + 512 bytes on.
    """
    loops = gemm_loops(4, 8, 16, block_depth=128)
    found = small_gemm(5631, 5632, 8192 + 4096 + 8192, 24576, loops=loops)
    assert found["weights"] == [131072, 8192, 8192, 8192]
    assert found["outputs"] == [2 * 16384, 2 * 16384, 2 * 16384, 16384]
    found = small_gemm(5632, loops=loops, write_allocate=False)
    assert found["outputs"] == [3 * 8192], "written twice, and read back once"


def test_what_is_still_there_moves_nothing():
    """Weights used 40000 bytes ago are there if 40000 bytes fit; the layer alone takes 32768."""
    since = {"weights": 40000, "activations": 20000}
    found = small_gemm(32767, 32768, 40000, since_bytes=since)
    assert found["weights"] == [8192, 8192, 0]
    assert found["activations"] == [16384, 0, 0]
    assert found["outputs"] == [16384] * 3, "nothing is said of them: they go to the last level"


# 8 x 8 positions of 16 filters 3 x 3 over 16 channels of bytes: input 10 x 10 x 16 = 1600 bytes,
# weights 2304, outputs of 4 bytes 4096. A tile is a row of 8 x all filters.
SMALL = Convolution(8, 8, 16, 3, 3, 1, 4, 1, filters=16)


@pytest.mark.parametrize(
    ("size", "activations", "weights", "why"),
    [
        (
            3296,
            1600,
            2304,
            "3 rows of input 480 + weights 2304 + a row of outputs 512: layer condition",
        ),
        (
            3295,
            8 * 480,
            8 * 2304,
            "a byte less: rows are read for each row of outputs, and weights",
        ),
        (0, 8 * 9 * 128, 8 * 2304, "registers: 8 pixels x 16 channels for every tap"),
    ],
)
def test_direct_by_hand(size, activations, weights, why):
    loops = convolution_loops(8, [("filters", 16)], [*TAPS, ("channels", 16)])
    found = direct_traffic(SMALL, loops, level_sizes=[size])
    found = {name: each.tolist() for name, each in found.items()}
    assert found == {"activations": [activations], "weights": [weights], "outputs": [8192]}, why


@pytest.mark.parametrize(
    ("size", "activations", "why"),
    [
        (480 + 144 + 512, 1600, "3 rows, the filters and a row of outputs"),
        (480 + 144 + 511, 8 * 480, "a byte less"),
        (0, 8 * 9 * 128, "every tap of every output"),
    ],
)
def test_depthwise_by_hand(size, activations, why):
    loops = convolution_loops(8, [("channels", 16)], TAPS)
    found = depthwise_traffic(SMALL, loops, level_sizes=[size])
    assert found["activations"].tolist() == [activations], why
    assert found["weights"].tolist() == [144 if size == 1136 else 8 * 144], why
    assert found["outputs"].tolist() == [8192], why


def test_im2col_by_hand():
    """3 rows of input and a row of buffer 8 x 144 in between: 1632 bytes. Two pieces: 48 + 144."""
    found = im2col_traffic(SMALL, level_sizes=[1632, 1631, 0])
    assert found["activations"].tolist() == [1600, 8 * 480, 64 * 144]
    assert found["buffer"].tolist() == [2 * 64 * 144] * 3


@pytest.mark.parametrize(
    ("changes", "bytes_read", "why"),
    [
        ({"input_rows": 8, "input_columns": 8}, 8 * 8 * 16, "padding is not in memory"),
        ({"stride_rows": 2, "stride_columns": 2}, 17 * 17 * 16, "(8 - 1) x 2 + 3 a side"),
        ({"stride_rows": 2, "kernel_rows": 1}, 8 * 10 * 16, "rows between are left out"),
        ({"stride_columns": 4, "line_bytes": 64}, 10 * 24 * 16 / 3 * 4, "gaps lie in whole lines"),
        ({"batch": 3}, 3 * 1600, "one image after another"),
        ({"rows": 0}, 0, "no positions"),
        ({"kernel_rows": 0, "kernel_columns": 0}, 0, "no taps"),
    ],
)
def test_footprint_of_an_input(changes, bytes_read, why):
    found = im2col_traffic(replace(SMALL, **changes), level_sizes=[1e9])
    assert found["activations"].tolist() == [bytes_read], why


def test_streams():
    found = stream_traffic(100, 40, level_sizes=[0, 1e9])
    assert total_bytes(found).tolist() == [180, 180]
    found = stream_traffic(100, 40, level_sizes=[0, 1e9], write_allocate=False)
    assert total_bytes(found).tolist() == [140, 140]
    since = {"read": 100, "written": 200}
    found = stream_traffic(100, 40, level_sizes=[139, 140, 200], since_bytes=since)
    assert total_bytes(found).tolist() == [180, 80, 0]


def test_lines_that_are_used_in_part():
    """Rows of outputs 128 bytes, written 32 at a time: half of a line comes again if it has to.

    A tile writes into 4 lines, 128 bytes more than its own.
    """
    found = small_gemm(0, 3200 + 127, 3200 + 128, line_bytes=64)
    assert found["outputs"] == [32768, 32768, 16384]


def test_layers_that_multiply_nothing_move_nothing():
    found = gemm_traffic(
        [0, 64], [0, 32], [0, 256], gemm_loops(4, 8, 16), level_sizes=[0, 1e5], **BYTES
    )
    assert_array_equal(total_bytes(found)[:, 0], [0, 0])
    assert (total_bytes(found)[:, 1] > 0).all()


@pytest.mark.parametrize(
    ("size", "blocks", "trips", "why"),
    [
        (96, (48, 6), [2, 8], "whole blocks"),
        (100, (48, 5), [3, 7], "10 + 10 + 1 tiles in 3 blocks"),
        (100, (5,), [20], "a border tile is one, too"),
        (3, (48, 5), [], "all in one"),
        ([3, 100], ([48, inf], 5), [[1, 20]], "blocks of some layers and design points only"),
    ],
)
def test_trips(size, blocks, trips, why):
    operands = {"all": Operand(lambda e: e["x"])}
    nest = footprints({"x": size}, [Loop("x", block) for block in blocks], operands)
    assert [each.tolist() for each in nest.trips] == trips, why


def test_distances_and_footprints_by_hand():
    """A row of 10 read again and again while 5 x 4 bytes stream by."""
    operands = {
        "row": Operand(lambda e: 10 + 0 * e["times"]),
        "stream": Operand(lambda e: 4 * e["times"]),
    }
    nest = footprints({"times": 5, "other": 1}, [Loop("other", 1), Loop("times", 1)], operands)
    assert [each.tolist() for each in nest.trips] == [5], "a loop that runs once is left out"
    assert [each.tolist() for each in nest.footprint_bytes["stream"]] == [20, 4]
    assert [each.tolist() for each in reuse_distances(nest)["row"]] == [14]
    found = nest_traffic({"times": 5}, [Loop("times", 1)], operands, [13, 14])
    assert found["row"].tolist() == [50, 10]


# What must hold for any sizes.

COUNTS = st.integers(1, 200)
TILES = st.integers(1, 16)
BLOCKS = st.sampled_from([inf, 16, 32, 48, 96])
ELEMENTS = st.sampled_from([0.125, 1, 4])
LEVELS = np.array([0, 500, 2000, 5000, 20000, 80000, 1e6, 1e9])
LINES = st.sampled_from([1, 32, 64])
GEMMS = st.fixed_dictionaries(
    {
        "positions": COUNTS,
        "filters": COUNTS,
        "depth": COUNTS,
        "groups": st.integers(1, 3),
        "activation_bytes": ELEMENTS,
        "weight_bytes": ELEMENTS,
        "output_bytes": ELEMENTS,
        "line_bytes": LINES,
    }
)
GEMM_LOOPS = st.builds(
    gemm_loops,
    TILES,
    TILES,
    TILES,
    outer=st.sampled_from(["positions", "filters"]),
    block_positions=BLOCKS,
    block_filters=BLOCKS,
    block_depth=BLOCKS,
)
CONVOLUTIONS = st.builds(
    Convolution,
    rows=st.integers(1, 30),
    columns=st.integers(1, 30),
    channels=st.integers(1, 25).map(lambda words: 8 * words),  # whole bytes of packed bits, too
    kernel_rows=st.integers(1, 5),
    kernel_columns=st.integers(1, 5),
    activation_bytes=ELEMENTS,
    output_bytes=ELEMENTS,
    weight_bytes=ELEMENTS,
    filters=COUNTS,
    stride_rows=st.integers(1, 3),
    stride_columns=st.integers(1, 3),
    batch=st.integers(1, 3),
    line_bytes=LINES,
)


def check_levels(found: dict[str, np.ndarray], compulsory: dict[str, float]) -> None:
    """Never more bytes with more cache, never fewer than once, and that at last."""
    for name, each in found.items():
        assert (np.diff(each) <= 1e-9 * each[:-1]).all(), (name, each)
        assert_allclose(each[-1], compulsory[name], rtol=1e-12, err_msg=name)


# 97 products in blocks of 48: three of 32 1/3 on average, which hold no whole number of bytes.
UNEVEN = {
    **dict.fromkeys(("positions", "filters", "groups", "line_bytes"), 1),
    **{"depth": 97, "activation_bytes": 4, "weight_bytes": 0.125, "output_bytes": 4},
}


@example(UNEVEN, gemm_loops(1, 1, 1, block_depth=48))
@given(GEMMS, GEMM_LOOPS)
def test_more_cache_never_moves_more_in_a_gemm(gemm, loops):
    found = gemm_traffic(**gemm, loops=loops, level_sizes=LEVELS)
    groups = gemm["groups"]
    once = {
        "activations": groups * gemm["positions"] * gemm["depth"] * gemm["activation_bytes"],
        "weights": groups * gemm["filters"] * gemm["depth"] * gemm["weight_bytes"],
        "outputs": 2 * groups * gemm["positions"] * gemm["filters"] * gemm["output_bytes"],
    }
    check_levels(found, once)


@given(CONVOLUTIONS, TILES, TILES, TILES)
def test_more_cache_never_moves_more_in_a_convolution(at, columns, filters, channels):
    at = replace(at, line_bytes=1)
    loops = convolution_loops(columns, [("filters", filters)], [*TAPS, ("channels", channels)])
    positions, taps = at.batch * at.rows * at.columns, at.kernel_rows * at.kernel_columns
    high = (at.rows - 1) * min(at.stride_rows, at.kernel_rows) + at.kernel_rows
    wide = (at.columns - 1) * min(at.stride_columns, at.kernel_columns) + at.kernel_columns
    once = {
        "activations": at.batch * high * wide * at.channels * at.activation_bytes,
        "weights": at.filters * at.channels * taps * at.weight_bytes,
        "outputs": 2 * positions * at.filters * at.output_bytes,
        "buffer": 2 * positions * taps * at.channels * at.activation_bytes,
    }
    check_levels(direct_traffic(at, loops, level_sizes=LEVELS), once)
    check_levels(im2col_traffic(at, level_sizes=LEVELS), once)
    once["weights"] = at.channels * taps * at.weight_bytes
    once["outputs"] = 2 * positions * at.channels * at.output_bytes
    loops = convolution_loops(columns, [("channels", channels)], TAPS)
    check_levels(depthwise_traffic(at, loops, level_sizes=LEVELS), once)


@given(GEMMS, GEMM_LOOPS, st.integers(2, 8))
def test_linear_in_the_batch_where_nothing_fits(gemm, loops, batch):
    """In whole tiles and blocks: registers load the same for every image."""
    gemm = gemm | {"positions": 96 * 5 * 7 * 11 * 13, "line_bytes": 1}
    one = gemm_traffic(**gemm, loops=loops, level_sizes=[0])
    many = gemm_traffic(
        **(gemm | {"positions": gemm["positions"] * batch}), loops=loops, level_sizes=[0]
    )
    for name in one:
        assert_allclose(many[name], one[name] * batch, rtol=1e-9, err_msg=name)


@given(CONVOLUTIONS, st.integers(2, 8))
def test_images_of_a_batch_cost_the_same_where_nothing_fits(at, batch):
    loops = convolution_loops(4, [("filters", 8)], [*TAPS, ("channels", 16)])
    one, many = (
        direct_traffic(replace(at, batch=count), loops, level_sizes=[0]) for count in (1, batch)
    )
    for name in one:
        assert_allclose(many[name], one[name] * batch, rtol=1e-9, err_msg=name)


def test_layers_and_design_points_broadcast():
    """Three layers x four points, of which each number is that of its layer and point alone."""
    positions, filters, depth = np.array([[64], [100], [7]]), np.array([[32], [48], [1]]), 256
    tiles, sizes = (
        np.array([2, 4, 6, 8]),
        np.array([[3000, 4000, 5000, 6000], [8e3, 1e4, 2e4, 4e4]]),
    )
    found = gemm_traffic(
        positions,
        filters,
        depth,
        gemm_loops(tiles, 8, 16),
        level_sizes=sizes,
        line_bytes=64,
        **BYTES,
    )
    found = {name: np.broadcast_to(each, (2, 3, 4)) for name, each in found.items()}
    for layer, point in np.ndindex(3, 4):
        alone = gemm_traffic(
            positions[layer, 0],
            filters[layer, 0],
            depth,
            gemm_loops(tiles[point], 8, 16),
            level_sizes=sizes[:, point],
            line_bytes=64,
            **BYTES,
        )
        for name, each in alone.items():
            assert_array_equal(found[name][:, layer, point], each, err_msg=name)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: small_gemm(1, loops=[Loop("rows", 1)]), "no dimension 'rows'.*positions"),
        (lambda: small_gemm(1, loops=[Loop("depth", 0)]), "block 0 of 'depth': above 0"),
        (lambda: small_gemm(1, groups=-1), "size of 'groups' is -1: at least 0"),
        (lambda: small_gemm(1, since_bytes={"weight": 1}), "no operand 'weight'.*weights"),
        (lambda: gemm_loops(1, 1, 1, outer="depth"), "no tile loop over 'depth'.*filters"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_impossible_requests(call, message):
    with pytest.raises(UsageError, match=message):
        call()
