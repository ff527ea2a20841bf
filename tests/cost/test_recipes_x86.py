"""The float libraries of x86-64: counts by hand from their source, and products that add up."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cost.issued import named, part
from xnorsim.cost.recipes import assigned, instructions, mlas, openblas, recipe_set
from xnorsim.cost.recipes.kernel import Kernel
from xnorsim.work.arithmetic import valid_taps
from xnorsim.work.dimensions import Dimensions

REFERENCE = Dimensions(positions=14 * 14, filters=256, filter_channels=256, taps=9)


def direct(name: str, simd_bits: int) -> Kernel:
    (found,) = [
        kernel
        for kernel in mlas.convolutions(simd_bits, alone=False)
        if kernel.name.startswith(f"mlas-{name}-")
    ]
    return found


class TestMlas:
    def test_reference_layer(self):
        """8 sets of 4 blocks of 8 filters, 32 blocks of channels, 14 rows of 4 x 3 + 2 columns.

        Of 14 x 3 rows of taps 2 are padding, and of the two columns' 6 taps in a row 2 are.
        """
        kernel = direct("nchwc", 256)
        sets, blocks, rows, channels = 8, 32, 14 * 3 - 2, 32
        threes, border = rows * 4 * 3, rows * 4
        for what, per, times in (
            ("a tap of 3 columns", sets, threes),
            ("a tap of 3 columns, a block of filters", blocks, threes),
            ("a tap of 2 columns", sets, 0),
            ("a tap of a column", sets, border),
            ("a tap of a column, a block of filters", blocks, border),
            ("a tile's end", sets, 14 * 4),
            ("a column's end", sets, 14 * 2),
            ("a row: the kernel's call", sets, 14),
        ):
            assert part(kernel, what, REFERENCE)[0] == per * channels * times, what
        found = named(instructions(kernel, REFERENCE))
        assert found["fp32_fma"] == blocks * channels * 8 * (3 * threes + border)
        assert found["fp32_fma"] * 8 == 40 * 40 * 256 * 256, "products that read no padding"
        assert found["vector_store"] == 196 * 32 * channels, "each pass over 8 channels stores"

    def test_seventeen_columns_of_avx512(self):
        """19 columns: 17 in tiles of 6, 6, 3 and 2, and two that see padding."""
        kernel = direct("nchwc", 512)
        nest = Dimensions(19 * 19, 64, 16, 9)
        rows = 19 * 3 - 2
        for columns, tiles in (("6 columns", 2), ("3 columns", 1), ("2 columns", 1)):
            assert part(kernel, f"a tap of {columns}", nest)[0] == rows * 3 * tiles
        assert part(kernel, "a tap of a column", nest)[0] == rows * 4

    @pytest.mark.parametrize("simd_bits", [256, 512])
    @pytest.mark.parametrize(
        ("side", "tap", "stride", "channels", "name"),
        [
            (56, 3, 1, 64, "nchwc"),
            (28, 3, 2, 64, "nchwc"),
            (14, 5, 1, 64, "nchwc"),
            (7, 3, 1, 512, "nchwc"),
            (2, 3, 1, 64, "nchwc"),
            (112, 7, 2, 3, "nchw"),
            (55, 5, 3, 3, "nchw"),
            (14, 1, 1, 256, "pointwise"),
            (28, 1, 2, 128, "pointwise"),
        ],
    )
    def test_all_products_but_those_of_padding(self, side, tap, stride, channels, name, simd_bits):
        kernel, pad = direct(name, simd_bits), (tap - 1) // 2
        nest = Dimensions(side * side, 128, channels, tap * tap, stride=stride * stride)
        found = named(instructions(kernel, nest))["fp32_fma"] * simd_bits // 32
        inside = valid_taps(side * stride, side, tap, stride, pad, 1)
        assert found == inside**2 * channels * 128

    def test_sums_go_to_memory_after_each_block_of_channels(self):
        """1 x 1: once in 128 channels; 3 x 3: once in 8, or 16."""
        nest = Dimensions(196, 64, 256, 1)
        assert named(instructions(direct("pointwise", 256), nest))["vector_store"] == 196 * 8 * 2
        assert named(instructions(direct("nchwc", 512), nest))["vector_store"] == 196 * 4 * 16

    @pytest.mark.parametrize(
        ("nest", "name", "why"),
        [
            (Dimensions(196, 64, 64, 9), "nchwc", "blocks of 8"),
            (Dimensions(196, 64, 12, 9), "nchwc", "filled up to 16"),
            (Dimensions(196, 64, 13, 9), "sgemm", "no multiple of 4"),
            (Dimensions(196, 64, 64, 1), "pointwise", "1 x 1"),
            (Dimensions(12544, 64, 3, 49, stride=4), "nchw", "an image: fewer than a block"),
            (Dimensions(196, 1, 1, 9, groups=64), "depthwise", "a channel a group"),
            (Dimensions(196, 16, 12, 9, groups=4), "sgemm", "groups of no whole blocks"),
            (Dimensions(1, 1000, 512, 1), "sgemm-1", "dense at batch 1"),
        ],
    )
    def test_which_kernel_runs(self, nest, name, why):
        kernels = recipe_set("onnxruntime", 256).kernels["fp"][0]
        assert kernels[int(assigned(kernels, nest))].name == f"mlas-{name}-fma3", why

    def test_a_layer_by_itself_is_reordered(self):
        """4 x 4 floats at a time, the input before and the results after; an image only after."""
        kernels = {k.name: k for k in mlas.convolutions(256, alone=True)}
        for name, inputs in (("nchwc", 196 * 256 // 16), ("nchw", None)):
            kernel = kernels[f"mlas-{name}-fma3-alone"]
            stages = [item.stage for item in kernel.parts]
            assert stages[-1] == "results"
            assert part(kernel, "results out of them", REFERENCE)[0] == 196 * 256 // 16
            if inputs:
                assert part(kernel, "input into blocks of channels", REFERENCE)[0] == inputs
            assert ("layout" in stages) == bool(inputs)

    @pytest.mark.parametrize(("channels", "name"), [(512, "pointwise"), (513, "sgemm-1")])
    def test_a_dense_layer_by_itself_is_a_convolution_of_a_column(self, channels, name):
        """Four blocks of 8 filters, an input channel at a time; other channels fill no blocks."""
        kernels = mlas.convolutions(256, alone=True)
        nest = Dimensions(1, 1000, channels, 1)
        kernel = kernels[int(assigned(kernels, nest))]
        assert kernel.name.startswith(f"mlas-{name}-fma3")
        assert "border" not in {item.stage for item in kernel.parts}, (
            "weights come as it multiplies"
        )
        if name == "pointwise":
            assert part(kernel, "a tap of a column, a block of filters", nest)[0] == 125 * 512 / 8

    def test_depthwise(self):
        """112 x 112 x 32: four blocks of 8; 110 columns are 36 threes and a two."""
        kernel = direct("depthwise", 256)
        nest = Dimensions(112 * 112, 1, 1, 9, groups=32)
        found = named(instructions(kernel, nest))["fp32_fma"] * 8
        assert found == valid_taps(112, 112, 3, 1, 1, 1) ** 2 * 32
        assert part(kernel, "a tap of 2 columns", nest)[0] == 4 * (112 * 3 - 2) * 3


class TestOpenblas:
    def test_reference_layer(self):
        """196 positions: 24.5 vectors of 8, so 24 and four more; 256 filters: 21 x 12 and 4."""
        kernel = openblas.products(256)[-1]
        depth = 2305  # the last one brings the bias
        found = {what: part(kernel, what, REFERENCE)[0] for what in ("12 filters", "8 filters")}
        assert found == {"12 filters": 21 * 12 * depth, "8 filters": 0}
        assert part(kernel, "4 filters", REFERENCE)[0] == 12 * depth
        assert part(kernel, "the last positions: 4", REFERENCE)[0] == 22 * depth
        assert part(kernel, "columns into panels", REFERENCE)[0] == depth * 25
        assert part(kernel, "weights into panels", REFERENCE)[0] == 64 * 577
        blocks = 8  # of 320 products
        sums = part(kernel, "sums onto those of the block before", REFERENCE)[0]
        assert sums == 256 * 25 * blocks

    @pytest.mark.parametrize("simd_bits", [256, 512])
    @pytest.mark.parametrize(("positions", "filters"), [(64, 48), (3136, 60), (64, 1), (64, 15)])
    def test_whole_vectors_do_each_product_once(self, positions, filters, simd_bits):
        kernel = openblas.products(simd_bits)[-1]
        nest = Dimensions(positions, filters, 64, 9)
        found = sum(
            times * counts["fp32_fma"]
            for what in {item.what for item in kernel.parts if item.what.endswith("filters")}
            for times, counts in [part(kernel, what, nest)]
        )
        assert found * simd_bits // 32 == positions * filters * (64 * 9 + 1)

    def test_one_by_one_filters_need_no_im2col(self):
        """They take the image where it lies; a pass adds the bias that others have in columns."""
        kernels = openblas.products(256)
        plain, strided = Dimensions(196, 64, 64, 1), Dimensions(196, 64, 64, 1, stride=4)
        in_place, gathered = (kernels[int(assigned(kernels, at))] for at in (plain, strided))
        assert {item.stage for item in in_place.parts} == {"layout", "product", "border", "results"}
        assert not in_place.walk.pads
        assert part(in_place, "bias, a pass", plain)[0] == 64 * 196 / 8
        assert part(in_place, "bias, kept in full", plain)[0] == 64 * 196 / 8
        large = Dimensions(112 * 112, 64, 64, 1)
        assert part(in_place, "bias, kept in full", large)[0] == 0, "more than numpy's buffer"
        assert "results" not in {item.stage for item in gathered.parts}
        for what, elements in (("im2col: a row", 14), ("im2col: an element apart", 196)):
            assert part(gathered, what, strided)[0] == 64 * elements
        calls = "im2col: calls for a row of neighbours"
        assert part(gathered, calls, strided)[0] == 0, "memmove copies no elements apart"
        assert part(gathered, calls, REFERENCE)[0] == 2304 * 14
        assert part(gathered, "im2col: a vector", REFERENCE)[0] == 2304 * 14 * 2
        assert part(gathered, "the padded image: a row", REFERENCE)[0] == 14 * 256
        assert part(gathered, "the padded image: a vector", REFERENCE)[0] == 256 * 196 / 8

    def test_few_filters_wait_for_their_sums(self):
        """Two filters: a step of 8 positions has two sums, each after the one of the step before;
        of 12 filters there are 12, which fill both units for longer than a sum takes."""
        kernel = openblas.products(256)[-1]
        chains = {item.what: dict(item.chain) for item in kernel.parts if item.stage == "border"}
        assert chains["2 filters"] == chains["1 filters"] == {"fp32_fma": 2}, "two vectors each"
        assert chains["the last positions: 1"] == {"fp32_fma": 1}
        assert "4 filters" not in chains

    def test_one_filter_needs_no_panels(self):
        """A depthwise layer of 64 channels, 3 x 3: eights of its 9 taps and the bias, and a two,
        which takes 4 positions at a time where the eight takes 8."""
        kernels = openblas.products(256)
        nest = Dimensions(196, 1, 1, 9, groups=64)
        kernel = kernels[int(assigned(kernels, nest))]
        assert kernel.name == "openblas-sgemv-n-haswell"
        assert part(kernel, "eight products", nest)[0] == 64 * 25
        assert part(kernel, "two products", nest)[0] == 64 * 49
        assert part(kernel, "a call", nest)[0] == 64
        assert not kernel.walk.packs

    def test_a_vector_is_multiplied_where_it_lies(self):
        """1000 x 512: four rows at a time, 16 floats of each."""
        kernels = openblas.products(256)
        nest = Dimensions(1, 1000, 512, 1)
        kernel = kernels[int(assigned(kernels, nest))]
        assert kernel.name == "openblas-sgemv-haswell"
        assert part(kernel, "inner loop", nest)[0] == 250 * 32
        assert named(instructions(kernel, nest))["fp32_fma"] * 8 == 1000 * 512


@pytest.mark.parametrize("name", ["numpy", "onnxruntime", "onnxruntime-alone"])
def test_no_kernels_for_narrower_vectors(name):
    """What they have for SSE or NEON is not described, and is not guessed."""
    assert not recipe_set(name, 128).kernels
    for bits in (256, 512):
        widths = {
            kernel.simd_bits
            for alternatives in recipe_set(name, bits).kernels.values()
            for kernels in alternatives
            for kernel in kernels
        }
        assert widths <= {bits, 256, 128}, "and what is compiled for any x86-64"


def test_a_response_normalization_waits_for_its_powers():
    """364 cycles for four elements where a sum and a product take 3 and anything else 1 (Zen 3's
    conversion 3): more than its 134 sums take on two ports."""
    ((kernel,),) = recipe_set("onnxruntime", 256).kernels["response_norm"]
    power = kernel.parts[-1]
    cycles = {"fp32_add": 3, "fp32_mul": 3, "fp_convert": 3}
    assert sum(count * cycles.get(name, 1) for name, count in power.chain.items()) == 364
    assert (
        part(
            kernel,
            power.what,
            Dimensions(positions=96 * 55 * 55, filters=1, filter_channels=1, taps=1),
        )[0]
        == 96 * 55 * 55 / 4
    )
    assert "response_norm" not in recipe_set("numpy", 256).kernels


def test_arrays_are_their_layers_one_by_one():
    nests = np.array([(196, 64, 64, 9, 1, 1), (49, 512, 256, 9, 1, 4), (784, 32, 16, 1, 1, 1)])
    for kernel in (*mlas.convolutions(256, alone=True), *openblas.products(512)):
        found = instructions(kernel, Dimensions(*nests.T))
        for row, nest in zip(found, nests, strict=True):
            np.testing.assert_array_equal(row, instructions(kernel, Dimensions(*nest)))


def test_a_product_copies_rows_by_four():
    """13 channels at 14 x 14: rows of three fours and two elements; apart with a stride."""
    kernel = mlas.convolutions(256, alone=False)[-1]
    nest = Dimensions(196, 64, 13, 9)
    assert part(kernel, "im2col: a row", nest)[0] == 14 * 9 * 13
    assert part(kernel, "im2col: four elements", nest)[0] == 14 * 9 * 13 * 3
    assert part(kernel, "im2col: an element", nest)[0] == 14 * 9 * 13 * 2
    strided = Dimensions(196, 64, 13, 9, stride=4)
    assert part(kernel, "im2col: four elements", strided)[0] == 0
    assert part(kernel, "im2col: an element", strided)[0] == 196 * 9 * 13
    assert part(kernel, "im2col: a row", Dimensions(196, 64, 13, 1))[0] == 0, "as it lies"
