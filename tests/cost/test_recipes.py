"""Recipes: counts worked out by hand from the source of each program, and properties of all."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cost.issued import named, part
from xnorsim.cost.recipes import (
    assigned,
    at_width,
    dabnn,
    elements,
    filled_depth,
    instructions,
    larq,
    layer_instructions,
    own,
    own_binary,
    own_floats,
    own_lookup,
    own_scalar,
    recipe_set,
    tflite,
    waiting,
    xnnpack,
)
from xnorsim.work.dimensions import Dimensions

REFERENCE = Dimensions(positions=14 * 14, filters=256, filter_channels=256, taps=9)
MACS = 115_605_504
SIZES = st.integers(1, 300)


class TestLarq:
    def test_reference_layer(self):
        """32 x 49 tiles of 8 filters x 4 positions; 9 x 256 bits are 18 steps of 128."""
        tiles, steps, packed = 32 * 49, 32 * 49 * 18, 49 * 18
        rows, copied, fours = 196 * 3, 196 * 3 * 6, 49  # 3 x 256 bits are 6 vectors
        assert steps * 8 * 4 * 128 == MACS
        assert named(instructions(larq.BGEMM_8X4, REFERENCE)) == {
            "vector_logic": 32 * steps,
            "vector_popcount": 32 * steps,
            "vector_pairwise_add": 28 * steps,
            "vector_widening_accumulate": 4 * steps,
            "vector_load": 12 * steps + 4 * packed + copied + 4 * tiles,
            "vector_store": 4 * packed + copied + 8 * tiles,
            "vector_shift": 8 * tiles,
            "vector_min_max": 16 * tiles,
            "fp_convert": 8 * tiles,
            "fp32_mul": 8 * tiles,
            "fp32_add": 8 * tiles,
            "vector_move": 4 * tiles,
            "broadcast_load": 2 * tiles,
            "scalar_load": 2 * tiles + rows + 23 * 196,
            "scalar_store": 2 * 196,
            "scalar_multiply": 5 * 196,
            "scalar_alu": (2 + 6) * steps  # six pointers
            + 2 * packed
            + 21 * fours
            + copied / 4
            + 12 * rows
            + 30 * 196
            + 27 * tiles,
            "branch": steps + packed + 3 * fours + copied / 4 + 7 * (rows + 196 + tiles),
        }

    def test_small_layer(self):
        """32 channels x 9 taps are 9 words of 32 bits: 3 steps. 2 x 2 tiles, 1 of them whole."""
        small = Dimensions(positions=5, filters=10, filter_channels=32, taps=9)
        assert part(larq.BGEMM_8X4, "inner loop", small)[0] == 2 * 2 * 3
        assert part(larq.BGEMM_8X4, "layout of activations", small)[0] == 2 * 2
        rest, calls = part(larq.BGEMM_8X4, "layout: the last words of four positions", small)
        assert (rest, sum(calls.values())) == (2, 53 + 4 * 12 + 4 * 11)  # 53, memcpy, memset
        assert part(larq.BGEMM_8X4, "im2col", small)[0] == 5 * 3  # 12 bytes a row
        assert part(larq.BGEMM_8X4, "im2col: a position", small)[0] == 5
        times, copy = part(larq.BGEMM_8X4, "copy out of the border tiles", small)
        assert times == 5 * 10 - 4 * 8
        assert sum(copy.values()) == 5  # LDR, STR, ADD, CMP, B

    @pytest.mark.parametrize(
        ("taps", "stride", "copies", "why"),
        [(1, 1, 0, "in place"), (1, 4, 4 * 2, "gathered"), (9, 1, 4 * 18, "under the filter")],
    )
    def test_one_by_one_filters_need_no_im2col(self, taps, stride, copies, why):
        layer = Dimensions(4, 8, 256, taps, stride=stride)
        assert part(larq.BGEMM_8X4, "im2col", layer)[0] == copies, why

    @pytest.mark.parametrize(
        ("channels", "place", "why"),
        [
            (65_023, 0, "65 535 fits 16 bits"),
            (65_024, 1, "65 536 does not: 4 x 4, sums of 32 bits"),
        ],
    )
    def test_sums_of_16_bits_while_they_fit(self, channels, place, why):
        kernels = recipe_set("larq").kernels["binary"][0]
        assert assigned(kernels, Dimensions(1, 1, channels, 1)) == place, why

    def test_indirect_wants_whole_words_of_128(self):
        kernels = recipe_set("larq-indirect").kernels["binary"][0]
        layers = Dimensions(4, 8, np.array([32, 96, 97, 128, 160, 256]), 9)
        assert [kernels[i].name[:5] for i in assigned(kernels, layers)] == [
            "lce-b", "lce-b", "lce-i", "lce-i", "lce-b", "lce-i",
        ]  # fmt: skip
        assert "im2col" not in {item.what for item in larq.INDIRECT_8X4.parts}

    def test_packing_of_floats(self):
        """16 LD2, 22 UZP, 7 SRI, ST1, SUB, CMP, B for 128; the last two by one."""
        block = 32 + 32 + 22 + 7 + 1 + 3  # LD2 is two loads and two sorted registers
        found = named(instructions(larq.PACK_FLOATS, elements(3 * 128 + 2)))
        assert sum(found.values()) == 3 * block + 2 * 4


class TestDabnn:
    def test_reference_layer(self):
        """Pairs of positions x one filter x 9 x 128: 98 x 256 x 2 blocks of channels."""
        steps, signs, outputs = 98 * 256 * 2, 196 * 256, 196 * 256 // 4
        assert steps * 2 * 9 * 128 == MACS
        weights = 9 * 256 * 256 // 64
        inputs = 196 * 256 // 64
        pairs = 98 * 2 * 2  # for each block of 128 filters and of 128 channels
        border = inputs // 2
        assert named(instructions(dabnn.DIRECT_128, REFERENCE)) == {
            "vector_logic": 18 * steps,
            "vector_popcount": 18 * steps,
            "vector_add": 16 * steps,
            "vector_reduce_add": 2 * steps,  # UADDLV
            "fp_convert": 2 * steps,
            "scalar_fp32_add": 2 * steps + signs,
            "vector_load": 9 * steps + 12 * pairs + border + outputs,
            "vector_store": border + outputs + outputs,
            "scalar_load": 5 * steps + signs + weights + inputs,
            "scalar_store": 2 * steps + weights + inputs,
            "scalar_alu": (1 + 3) * steps  # three pointers
            + 2 * signs
            + 2 * (weights + inputs)
            + border
            + outputs
            + 6 * pairs,
            "branch": steps + outputs / 4,
        }

    def test_one_by_one_filters_take_the_bgemm(self):
        """196 positions are 32 tiles of 6 and 4 left over; 256 bits are 2 steps, or 4 words."""
        layer = Dimensions(196, 256, 256, 1)
        assert part(dabnn.BGEMM, "inner loop", layer)[0] == 32 * 32 * 2
        assert part(dabnn.BGEMM, "sums to memory", layer)[0] == 32 * 32
        assert part(dabnn.BGEMM, "border results, a word at a time", layer)[0] == 4 * 256 * 4
        assert part(dabnn.BGEMM, "signs under the filter", layer)[0] == 196 * 256
        assert part(dabnn.BGEMM, "layout of weights", layer)[0] == 32 * 2

    @pytest.mark.parametrize(
        ("depth", "times"), [(2048, 1), (2049, 2), (4608, 3)], ids=lambda value: str(value)
    )
    def test_sums_go_to_memory_every_2048_bits(self, depth, times):
        assert part(dabnn.BGEMM, "sums to memory", Dimensions(6, 8, depth, 1))[0] == times

    @pytest.mark.parametrize(
        ("layer", "name", "why"),
        [
            (REFERENCE, "dabnn-direct-128", "pairs of positions"),
            (Dimensions(49, 512, 512, 9), "dabnn-direct-128-single", "rows of 7: an odd length"),
            (Dimensions(196, 256, 128, 9, stride=4), "dabnn-direct-128-single", "stride 2"),
            (Dimensions(3136, 64, 64, 9), "dabnn-direct-64", "64 channels"),
            (Dimensions(196, 256, 256, 1), "dabnn-bgemm-8x6", "1 x 1"),
            (Dimensions(196, 256, 192, 9), "dabnn-bgemm-8x6", "no kernel for 192 channels"),
            (Dimensions(196, 64, 128, 9), "dabnn-bgemm-8x6", "filters not in blocks of 128"),
        ],
    )
    def test_which_kernel_runs(self, layer, name, why):
        kernels = recipe_set("dabnn").kernels["binary"][0]
        assert kernels[int(assigned(kernels, layer))].name == name, why

    def test_the_convolution_binarizes_its_own_input(self):
        assert not instructions(dabnn.SIGN, elements(1000)).any()


LOOPS = [
    # (kernel, MACs an inner step, instructions a step, why)
    (larq.BGEMM_8X4, 4096, 105 + 6 + 6, "105, but six loads of two registers, and six pointers"),
    (
        larq.BGEMM_4X4,
        2048,
        16 + 16 + 12 + 4 + 4 + 8 + 1.5 + 8,
        "13 vector operations for 512; 8 pointers",
    ),
    (larq.INDIRECT_8X4, 4096, 96 + 12 + 3, "pointers apart"),
    (dabnn.BGEMM, 6144, 48 * 3 + 36 + 12 + 14 + 2 + 2 + 4, "48 EOR, CNT, ADDV; 36 INS; 4 pointers"),
    (
        dabnn.DIRECT_64,
        2304,
        20 + 20 + 16 + 4 + 4 + 4 + 10 + 2 + 2 + 4,
        "2 x 2 x 9 x 64; 4 pointers",
    ),
    (dabnn.DIRECT_128, 2304, 2 * (9 + 9 + 8 + 5) + 9 + 3 + 2 + 3, "2 x 1 x 9 x 128; 3 pointers"),
    (dabnn.DIRECT_128_SINGLE, 1152, 9 + 9 + 8 + 5 + 9 + 3 + 2 + 3, "1 x 1 x 9 x 128; 3 pointers"),
    (tflite.RUY_FP32, 64, 85 / 4, "85 for 256 MACs"),
    (tflite.RUY_FP32_IN_ORDER, 64, 33, "33"),
    (tflite.RUY_INT8, 256, 59, "59"),
    (tflite.RUY_INT8_DOT, 256, (64 + 16 + 5) / 4, "85 for 1024 MACs"),
    (xnnpack.XNNPACK_FP32, 48, (96 + 12 + 16 + 2) / 8, "118, pairs of loads as two"),
    (xnnpack.XNNPACK_FP32_VECTOR, 8, (16 + 16 + 2 + 2) / 8, "for 64 MACs"),
    (dabnn.EIGEN_FP32, 48, 12 + 3 + 4 + 1 + 3 / 8, "3 x 4 registers"),
    (tflite.GEMV_FP32, 16, 4 + 5 + 4 + 7, "4 rows x 4 columns, a prefetch a row"),
    (own_binary.neon(), 6 * 4 * 64, 2 + 6 + 12 * 5 + 4, "EOR, CNT, UADDLP twice, UADALP"),
    (own_binary.neon_dot(), 6 * 4 * 64, 2 + 6 + 12 * 5 + 4, "EOR, CNT, UDOT onto 0, UADALP"),
    (own_binary.popcount(512), 6 * 16 * 64, 48, "three operations a pair of vectors"),
    (own_lookup.lookups(256)[0], 2 * 128 * 12, 46 + 12, "46, of which 12 have a load"),
    (own_lookup.lookups(256)[1], 2 * 64 * 12, 28 + 6, "28, of which 6 have a load"),
    (own_lookup.lookups(512)[0], 2 * 256 * 12, 46 + 12, "as many of 512 bits"),
    (own_scalar.popcnt(256), 256, 4 * 3 + 4 + 6, "XOR, POPCNT, ADD; four loads, three MOV"),
    (own_scalar.scalar_popcount(), 256, 4 * 4 + 4 + 3, "MOV, XOR, POPCNT, ADD"),
    (own_scalar.software_popcount(), 128, 4 * 9 + 4 + 3, "nine operations a pair of words"),
    (own_floats.floats(256), 6 * 16, (24 + 12 + 4 + 4) / 2, "44 for two products"),
    (own_floats.floats(512), 12 * 16, 12 + 12 + 1 + 2, "as AVX2, 12 filters"),
    (own_floats.signs(256), 6 * 16 * 16, 123 + 48, "123, of which 48 have a load"),
    (own.fp16(512), 64 * 12, 24 + 2 + 12 + 0.75, "two vectors of 32 halves x 12"),
    (own.int8_dot(512), 32 * 12 * 4, 24 + 2 + 12 + 0.75, "24 sums, four products a lane"),
    (own.int8_pairs(256), 16 * 4 * 4, 16 + 8 + 2 + 4 + 0.75, "three operations for a dot product"),
    (own_scalar.int8_words(), 16, 4 + 10 + 8 + 1, "8 SXTB16, 8 SMLAD"),
    (own_scalar.scalar_loop(), 1, 4 + 3 / 16, "two loads, product, sum; two indices, a jump"),
    (own_scalar.c_loop(), 1, 6, "two loads, product, sum, index, jump"),
    (own_scalar.scalar_unrolled(), 4, 8 + 2 / 8, "four loads, four fused products"),
]


@pytest.mark.parametrize(
    ("kernel", "macs", "issued", "why"), LOOPS, ids=[case[0].name for case in LOOPS]
)
def test_macs_and_instructions_of_the_inner_loop(kernel, macs, issued, why):
    tile = kernel.tile
    assert tile.filters * tile.positions * tile.depth == macs
    whole = Dimensions(tile.positions, tile.filters, tile.depth, 1)
    times, counts = part(kernel, "inner loop", whole)
    assert times == -(-filled_depth(kernel, whole) // tile.depth)
    assert sum(counts.values()) == issued, why


def test_vector_operations_of_a_binary_product():
    """LCE's 8 x 4 takes 12 for 512 products, its 4 x 4 takes 13."""
    for kernel, operations in ((larq.BGEMM_8X4, 12), (larq.BGEMM_4X4, 13)):
        _, counts = part(kernel, "inner loop", REFERENCE)
        vectors = sum(n for name, n in counts.items() if "vector" in name and "load" not in name)
        tile = kernel.tile
        assert vectors * 512 / (tile.filters * tile.positions * tile.depth) == operations


class TestOurBinaryConvolution:
    """14 x 14 x 256 from 256 by 3 x 3: 36 words a patch, tiles of 40, 40, 40, 40 and 36."""

    def test_look_ups(self):
        """Two panels of 128 filters x 98 pairs x 192 groups of 3 steps, in ten blocks of 21."""
        wide, narrow = own_lookup.lookups(256)
        assert bool(wide.applies(REFERENCE))
        tiles = 2 * 98
        assert part(wide, "inner loop", REFERENCE)[0] == tiles * 192
        assert part(wide, "a block of 63 steps onto the sums", REFERENCE)[0] == tiles * 10
        assert part(wide, "words into places of tables", REFERENCE)[0] == 98 * 18
        assert part(wide, "a tile: its addresses, and what calls take", REFERENCE)[0] == 5
        layers = Dimensions(196, np.array([64, 100, 128, 130, 192]), 256, 9)
        assert wide.applies(layers).tolist() == [False, True, True, False, False]
        assert narrow.applies(layers).all()

    def test_patches(self):
        """Three rows of a filter, each of 12 words: three fours; 192 channels are nine words."""
        kernel = own_lookup.lookups(256)[0]
        assert part(kernel, "im2col: four words", REFERENCE)[0] == 196 * 3 * 3
        assert part(kernel, "im2col: a word after them", REFERENCE)[0] == 0
        other = Dimensions(196, 256, 192, 9)
        assert part(kernel, "im2col: four words", other)[0] == 196 * 3 * 2
        assert part(kernel, "im2col: a word after them", other)[0] == 196 * 3
        for what in ("im2col: a position", "im2col: a row of a filter", "im2col: four words"):
            assert part(kernel, what, Dimensions(196, 256, 256, 1))[0] == 0, "where it lies"

    @pytest.mark.parametrize(
        ("positions", "filters", "squares", "bands", "rows", "others", "why"),
        [
            (196, 256, 25 * 32, 25 * 8, 0, 0, "four tiles of 40, one of 36: its fifth overlaps"),
            (3136, 64, 392 * 8, 392 * 2, 0, 0, "tiles of 48 and one of 16"),
            (49, 512, (32 // 8 + 3) * 64, 7 * 16, 0, 0, "32 and 17"),
            (196, 20, 25 * 2, 25, 0, 196 * 4, "four filters left"),
            (7, 64, 0, 0, 7 * 8, 0, "no eight positions"),
            (99, 64, (2 * 5 + 3) * 8, 13 * 2, 0, 0, "tiles of 40, and one of 19"),
        ],
    )
    def test_results(self, positions, filters, squares, bands, rows, others, why):
        kernel, nest = own_binary.popcount(512), Dimensions(positions, filters, 64, 9)
        assert part(kernel, "8 x 8 sums to floats, transposed", nest)[0] == squares, why
        assert part(kernel, "where a band of squares begins", nest)[0] == bands, why
        assert part(kernel, "8 sums of one position", nest)[0] == rows, why
        assert part(kernel, "other sums, one by one", nest)[0] == others, why
        assert 64 * squares + 8 * rows + others >= positions * filters

    def test_bits(self):
        """Words of 64 filters, in place of floats."""
        kernel = own_lookup.lookups(256, packed=True)[0]
        nest = Dimensions(196, 100, 64, 9)
        assert part(kernel, "thresholds of 64 filters", nest)[0] == 196 * 2, "filled up to words"
        assert "8 x 8 sums to floats, transposed" not in {item.what for item in kernel.parts}
        assert kernel.walk.output_bits == 1

    def test_vector_popcounts(self):
        """16 panels of 16 filters x 33 tiles of 6 positions, 36 words."""
        kernel = own_binary.popcount(512)
        assert part(kernel, "inner loop", REFERENCE)[0] == 16 * 33 * 36
        assert part(kernel, "sums of 16 bits to memory", REFERENCE)[0] == 16 * 33


class TestOurFloats:
    def test_reference_layer(self):
        """43 tiles of 6 filters x 13 panels of 16 positions; 14 rows of 14: 13 breaks of rows."""
        kernel = own_floats.floats(256)
        assert part(kernel, "inner loop", REFERENCE)[0] == 43 * 13 * 2304
        assert part(kernel, "sums from memory and back", REFERENCE)[0] == 43 * 13 * 9
        assert part(kernel, "a piece of a column", REFERENCE)[0] == (13 + 13) * 2304
        assert part(kernel, "a piece of every second", REFERENCE)[0] == 0
        assert part(kernel, "a piece of a block", REFERENCE)[0] == (13 + 13) * 9
        assert part(kernel, "a lane of a column", REFERENCE)[0] == 0
        assert part(kernel, "scaled, shifted, stored", REFERENCE)[0] == 256 * 12 * 2
        assert part(kernel, "a row of them: its factors", REFERENCE)[0] == 256 * 2  # 7 + 6 panels
        assert part(kernel, "the last panel of a row", REFERENCE)[0] == 256
        assert part(kernel, "its positions, one by one", REFERENCE)[0] == 256 * 4

    def test_columns_with_a_stride(self):
        """At a stride of 2 every second element of runs, beyond it each of 16 lanes on its own."""
        kernel = own_floats.floats(256)
        strided, far = (Dimensions(196, 256, 256, 9, stride=by**2) for by in (2, 4))
        assert part(kernel, "a piece of a column", strided)[0] == 0
        assert part(kernel, "a piece of every second", strided)[0] == (13 + 13) * 2304
        assert part(kernel, "a lane of a column", strided)[0] == 0
        assert part(kernel, "a piece of every second", far)[0] == 0
        assert part(kernel, "a piece of a block", far)[0] == 0
        assert part(kernel, "a lane of a column", far)[0] == 16 * 13 * 2304

    def test_copies_of_images(self):
        """Rows of 14: three fours and one that ends with the row; of 28: a sixteen besides."""
        kernel = own_floats.floats(256)
        for nest, rows, sixteens, fours, reason in (
            (REFERENCE, 256 * 14, 0, 4, "14 = 3 x 4 + 2"),
            (Dimensions(196, 256, 64, 9, stride=4), 64 * 28, 1, 4, "28 = 16 + 3 x 4"),
            (Dimensions(196, 256, 64, 1), 64, 12, 2, "196 = 12 x 16 + 4, in one row a plane"),
            (Dimensions(1, 1000, 512, 1), 512, 0, 1, "one element a plane"),
        ):
            assert part(kernel, "a row: a call", nest)[0] == rows, reason
            found = part(kernel, "16 elements of the padded image", nest)[0]
            assert found == rows * sixteens, reason
            assert part(kernel, "four elements", nest)[0] == rows * fours, reason

    def test_tables(self):
        """2304 products are 144 steps of 16, 576 fours; 36 blocks of 64."""
        kernel = own_floats.signs(256)
        assert part(kernel, "a table of four inputs", REFERENCE)[0] == 13 * 576
        assert part(kernel, "inner loop", REFERENCE)[0] == 43 * 13 * 144
        blocks = part(kernel, "sums from memory and back, words of bits", REFERENCE)
        assert blocks[0] == 43 * 13 * 36

    def test_few_filters_go_along_rows(self):
        """112 x 112 x 32: seven pieces of 16 a row."""
        kernel, nest = own_floats.few_filters(256), Dimensions(112**2, 1, 1, 9, groups=32)
        assert part(kernel, "a product of 16 positions", nest)[0] == 32 * 112 * 7 * 9
        assert part(kernel, "a product of one position", nest)[0] == 0
        assert part(kernel, "a row", nest)[0] == 32 * 112
        for stride, what in ((2, "a product of every second"), (3, "a product of one position")):
            strided = Dimensions(112**2, 1, 1, 9, groups=32, stride=stride**2)
            per_row = 7 if stride == 2 else 112
            assert part(kernel, what, strided)[0] == 32 * 112 * per_row * 9
            assert part(kernel, "a product of 16 positions", strided)[0] == 0
        kernels = recipe_set("own", 256).kernels["fp"][0]
        layers = Dimensions(196, np.array([1, 2, 3]), 1, 9, groups=8)
        assert assigned(kernels, layers).tolist() == [0, 0, 1]


def test_a_scalar_loop_starts_taps():
    """5 filters x 6 positions x 9 taps, two by two 3 x 3; each of 6 x 4 inputs is copied before."""
    nest = Dimensions(6, 5, 4, 9)
    for kernel, tiles in ((own_scalar.scalar_loop(), 5 * 6), (own_scalar.scalar_unrolled(), 3 * 3)):
        assert part(kernel, "a tap", nest)[0] == tiles * 9
        assert part(kernel, "channels last, an element at a time", nest)[0] == 6 * 4


def test_nine_operations_count_the_bits_of_a_word():
    """The sequence that `software_popcount` names; shifts come with the operand."""
    a, b = np.random.default_rng(1).integers(0, 2**32, (2, 1000), dtype=np.int64)
    x = a ^ b
    x = x - (x >> 1 & 0x55555555)
    x = (x & 0x33333333) + (x >> 2 & 0x33333333)
    x = (x + (x >> 4)) & 0x0F0F0F0F
    total = sum(x >> shift & 0xFF for shift in (0, 8, 16, 24))
    np.testing.assert_array_equal(total, np.bitwise_count(a ^ b))


def test_narrow_sums_do_not_overflow():
    """Look-ups of at most 4: three in half a byte, 63 in a byte; bits of a patch in 16 bits."""
    assert 3 * 4 <= 15 < 4 * 4
    assert 21 * 3 * 4 <= 255 < 22 * 3 * 4
    assert own_lookup.lookups()[0].tile.depth == 3 * 4


@given(st.sampled_from([case[0] for case in LOOPS]), SIZES, SIZES, SIZES, st.integers(1, 25))
def test_tiles_and_their_rest_do_all_products(kernel, positions, filters, channels, taps):
    layer = Dimensions(positions, filters, channels, taps)
    times, _ = part(kernel, "inner loop", layer)
    done = times * prod((kernel.tile.filters, kernel.tile.positions, kernel.tile.depth))
    if kernel.whole_tiles:
        done += 64 * part(kernel, "border results, a word at a time", layer)[0]
    assert done >= positions * filters * channels * taps


def test_wider_vectors_take_fewer_steps():
    """What if the CNT of a Cortex-A72 worked on 256 bits: 2304 bits are 9 steps in place of 18."""
    wide = at_width(larq.BGEMM_8X4, 256)
    assert part(wide, "inner loop", REFERENCE)[0] == 32 * 49 * 9
    assert (
        part(wide, "inner loop", REFERENCE)[1] == part(larq.BGEMM_8X4, "inner loop", REFERENCE)[1]
    )
    assert at_width(own_scalar.scalar_loop(), 256) == own_scalar.scalar_loop()
    assert part(at_width(tflite.ADD, 256), "a vector", elements(17))[0] == 3


def test_pools_look_at_every_element_of_a_window():
    """10 x 8 results of 3 x 3 windows: 20 vectors of 4, 9 loads each."""
    pool = recipe_set("own").kernels["max_pool"][0][0]
    found = named(instructions(pool, elements(80, window=9)))
    assert (found["vector_load"], found["vector_min_max"], found["vector_store"]) == (180, 180, 20)


def test_depthwise_multiplies_once_a_tap():
    """49 positions of 18 channels: 5 vectors of 4, 9 taps."""
    kernels = recipe_set("larq").kernels["fp"][0]
    found = named(layer_instructions(kernels, Dimensions(49, 1, 1, 9, groups=18)))
    assert found["fp32_fma"] == 49 * 5 * 9
    assert found["vector_load"] == 49 * 5 * (3 * 9 + 2)


def test_sums_that_wait_for_each_other():
    nest = Dimensions(1, 1, 256, 9)
    assert waiting(own_scalar.scalar_loop(), nest, lambda kernel, d: 2304) == {
        "scalar_fp32_add": 2304
    }
    found = waiting(own_scalar.scalar_unrolled(), nest, lambda kernel, d: 2304)
    assert found == {"fp32_fma": 2304}, "four sums wait as one does, for fused products"
