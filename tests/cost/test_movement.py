"""Bytes of layers by hand: what fits where, and what is used again by then."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.cost.columns import Table, pass_columns, product_columns
from tests.cost.levels import by_level, stacked
from xnorsim.cost import nests
from xnorsim.cost.inputs import design
from xnorsim.cost.instructions import stage_times, work_of
from xnorsim.cost.movement import Caches, caches_of, pass_traffic, stage_traffic, use_traffic
from xnorsim.cost.recipes import (
    RECIPE_SETS,
    Kernel,
    Tile,
    Walk,
    filled_depth,
    own,
    own_floats,
    own_scalar,
    recipe_set,
)
from xnorsim.cost.recipes.dabnn import BGEMM, DIRECT_128
from xnorsim.cost.recipes.larq import BGEMM_8X4
from xnorsim.cost.recipes.parts import own_blocks
from xnorsim.cost.uses import PRODUCTS, Use
from xnorsim.machine.core import lower_core
from xnorsim.machine.lowering import lower
from xnorsim.machine.profile import load_profile
from xnorsim.work.dimensions import Dimensions

KIB = 1024
total_bytes = by_level(nests.total_bytes)


def use_of(word: str, kernel: Kernel, nest: Dimensions) -> Use:
    return Use(word, kernel, np.array([0]), nest)


def caches(
    *levels: Any, network: float = 2**20, allocate: bool = True, before: float = 0, after: float = 0
) -> Caches:
    """Caches of one layer, whose neighbours touch so many bytes."""
    return Caches(levels, allocate, network, np.array([before]), np.array([after]))


def moved(use: Use, level: Any, **given: Any) -> dict[str, float]:
    """Operand -> bytes over the outer boundary of one cache; those before the product by stage."""
    return {
        name if stage == "product" else f"{stage} {name}": float(np.squeeze(each))
        for stage, operands in use_traffic(use, caches(level, **given)).items()
        for name, each in operands.items()
    }


# 60 positions x 16 filters x 100 channels of fp32, tiles of 6 x 8: inputs 24000 B, weights 6400 B,
# outputs 3840 B. Inside a tile lie 2400 + 3200 + 192 B, and those of one tile of positions, with
# the inputs of the next, are 2400 + 6400 + 384 + 2400 = 11584 B.
TILE = Tile(filters=8, positions=6, depth=1)
BLOCKED = dataclasses.replace(own.fp16(128), tile=TILE, walk=Walk("gemm", blocks=own_blocks))
GEMM = use_of("fp", BLOCKED, Dimensions(60, 16, 100, 1))
ALL = {"network": 6400}
PRODUCT = [
    # (cache, around it, inputs, weights, outputs, why)
    (34_240, ALL, 0, 0, 0, "all that it touches fits, and its neighbours touch nothing else"),
    (34_239, ALL, 24000, 6400, 7680, "one byte less, and what came first is gone at the end"),
    (34_240, {}, 0, 6400, 0, "weights of an inference ago"),
    (40_000, {"before": 50_000}, 0, 6400, 0, "half of 50000 + 27840 lies between two uses"),
    (40_000, {"before": 60_000}, 24000, 6400, 0, "half of 60000 + 27840 does not fit"),
    (40_000, {"after": 60_000}, 0, 6400, 7680, "nor here until they are read"),
    (16_384, {}, 24000, 6400, 7680, "everything once; outputs are fetched, then written"),
    (16_384, {"allocate": False}, 24000, 6400, 3840, "stores that fill whole lines fetch none"),
    (11_583, {}, 24000, 64000, 7680, "weights again for each of ten tiles of positions"),
    (5_791, {}, 48000, 64000, 7680, "inputs again for each of two tiles of filters"),
]


@pytest.mark.parametrize(("level", "around", "inputs", "weights", "outputs", "why"), PRODUCT)
def test_a_product_by_hand(level, around, inputs, weights, outputs, why):
    found = moved(GEMM, level, **around)
    assert found == {"activations": inputs, "weights": weights, "outputs": outputs}, why


def test_one_byte_more_of_cache_keeps_what_is_used_again():
    assert moved(GEMM, 11_584)["weights"] == 6400
    assert moved(GEMM, 5_792)["activations"] == 24000


def test_tiles_of_filters_outside_read_the_inputs_again():
    """Two sweeps of all inputs, each with one tile's weights, which stay over the positions."""
    walk = dataclasses.replace(GEMM.kernel.walk, outer="filters")
    kernel = dataclasses.replace(GEMM.kernel, walk=walk)
    found = moved(dataclasses.replace(GEMM, kernel=kernel), 16_384)
    assert found == {"activations": 2 * 24000, "weights": 6400, "outputs": 7680}


def test_im2col_and_layout_by_hand():
    """14 x 14 positions, 128 bits at each of 9 taps: 3136 B become 28224, which are laid out."""
    use = use_of("binary", BGEMM_8X4, Dimensions(196, 64, 128, 9))
    patches = 196 * 9 * 16
    found = moved(use, 16 * KIB)
    before = {name: each for name, each in found.items() if name not in ("weights", "outputs")}
    assert before.pop("activations") >= patches
    assert before == pytest.approx(
        {
            "im2col activations": 196 * 16,
            "im2col buffer": 2 * patches,
            "layout read": patches,
            "layout written": 2 * patches,
        }
    )
    assert moved(use, 16 * KIB, allocate=False)["layout written"] == patches
    twice = moved(use_of("binary", BGEMM_8X4, Dimensions(196, 64, 128, 9, groups=2)), 16 * KIB)
    assert {name: each / 2 for name, each in twice.items() if name in before} == pytest.approx(
        before
    ), "each group on its own"
    one = moved(use_of("binary", BGEMM_8X4, Dimensions(196, 64, 128, 1)), 16 * KIB)
    assert {name for name in one if "im2col" in name} == set(), "one tap is read where it lies"


def test_im2col_only_where_there_is_one():
    """Layers that share a kernel: one tap of stride 1 moves nothing before its product."""
    nest = Dimensions(196, 64, 128, np.array([9, 1, 1]), stride=np.array([1, 1, 4]))
    around = caches(KIB).of([0, 0, 0])
    found = use_traffic(Use("binary", BGEMM_8X4, np.arange(3), nest), around)
    assert (found["im2col"]["buffer"][0] > 0).tolist() == [True, False, True]


def test_patches_were_written_before_they_are_read():
    """28224 B, which came first of their own two passes; weights and outputs take 7424 B."""
    use = use_of("binary", BGEMM_8X4, Dimensions(196, 8, 128, 9))
    assert moved(use, 2 * 28224)["activations"] == 0
    assert moved(use, 2 * 28224 - 1)["activations"] == pytest.approx(28224)


@pytest.mark.parametrize(
    ("kernel", "channels", "sweeps", "why"),
    [
        (DIRECT_128, 128, 1, "128 channels at a time"),
        (DIRECT_128, 256, 2, "twice as many"),
        (BGEMM, 512, 3, "4608 products, 2048 at a time"),
    ],
)
def test_sums_come_back_for_each_block_of_depth(kernel, channels, sweeps, why):
    """50176 B of sums are fetched and written each time."""
    found = moved(use_of("binary", kernel, Dimensions(196, 64, channels, 9)), 16 * KIB)
    assert found["outputs"] == pytest.approx(sweeps * 2 * 50176), why


def test_blocks_of_positions_and_filters():
    """30 positions x 8 filters: 3200 B of weights stay over 30 positions, and come back once."""
    walk = dataclasses.replace(GEMM.kernel.walk, blocks=lambda kernel, d: (8, 30))
    kernel = dataclasses.replace(GEMM.kernel, walk=walk)
    found = moved(dataclasses.replace(GEMM, kernel=kernel), 11_583)
    assert found == pytest.approx({"activations": 48000, "weights": 12800, "outputs": 7680})


def test_a_depthwise_layer_by_hand():
    """64 channels at 14 x 14: inputs and outputs 50176 B, 3 rows 10752 B, weights 2304 B."""
    nest = Dimensions(196, 1, 1, 9, groups=64)
    found = moved(use_of("fp", own_floats.few_filters(128), nest), 32 * KIB)
    product = {"activations": 50176, "weights": 2304, "outputs": 2 * 50176}
    copied = {"im2col image": 50176, "im2col padded": 2 * 50176}
    assert found == pytest.approx(product | copied)


STRIDED = [
    # (what the layer before touches, inputs moved, why): 28 x 28 inputs of 16 channels are
    # 50176 B, outputs 6272 B, weights 4608 B, and a cache of 61056 B holds just that
    (2 * 61056 - 56448, 0, "half of it and of 56448 B is the cache"),
    (2 * 61056 - 56446, 50176, "one byte more"),
]


@pytest.mark.parametrize(("before", "inputs", "why"), STRIDED)
def test_a_stride_reads_more_than_it_writes(before, inputs, why):
    nest = Dimensions(196, 8, 16, 9, stride=4)
    found = moved(use_of("fp", own_scalar.c_loop(), nest), 61056, before=before)
    assert found == pytest.approx({"activations": inputs, "weights": 4608, "outputs": 0}), why


def test_filters_of_a_channel_share_its_input():
    """32 channels with two filters each: half of the inputs of 64 channels, all else the same."""
    nest = Dimensions(196, 2, 1, 9, groups=32)
    found = moved(use_of("fp", own_floats.few_filters(128), nest), 32 * KIB)
    product = {"activations": 25088, "weights": 2304, "outputs": 2 * 50176}
    copied = {"im2col image": 25088, "im2col padded": 2 * 25088}
    assert found == pytest.approx(product | copied)


def test_an_input_is_copied_before_its_patches():
    """64 channels at 14 x 14, 50176 B, copied and read again where the copy does not stay."""
    kernel = own_floats.floats(128)
    small = moved(use_of("fp", kernel, Dimensions(196, 6, 64, 9)), 32 * KIB)
    assert small["im2col image"] == 50176
    assert small["im2col padded"] == 2 * 50176
    assert small["im2col activations"] > 0
    large = moved(use_of("fp", kernel, Dimensions(196, 6, 64, 9)), 4096 * KIB)
    assert large["im2col padded"] == large["im2col activations"] == 0
    plain = moved(use_of("fp", kernel, Dimensions(196, 6, 64, 1)), 32 * KIB)
    assert plain["im2col padded"] == 2 * 50176, "1x1 filters too"
    assert "im2col padded" not in moved(GEMM, 16_384)


KERNELS = {
    f"{name} {kernel.name}": (word, kernel)
    for name in RECIPE_SETS
    for word, alternatives in recipe_set(name).kernels.items()
    if word in PRODUCTS.values()
    for kernels in alternatives
    for kernel in kernels
}


@pytest.mark.parametrize("name", KERNELS)
def test_with_caches_for_everything_only_cold_weights_move(name):
    word, kernel = KERNELS[name]
    depthwise = kernel.walk.form == "depthwise"
    nest = Dimensions(49, 1 if depthwise else 24, 1 if depthwise else 128, 9, 8, 1)
    use = use_of(word, kernel, nest)
    depth = filled_depth(kernel, nest) if kernel.walk.form == "gemm" else 9 * nest.filter_channels
    weights = 8 * nest.filters * depth * kernel.walk.weight_bits / 8
    assert sum(moved(use, 2**40, network=2.0**41).values()) == pytest.approx(weights)
    assert sum(moved(use, 2**40).values()) == 0


def test_stages_move_all_that_the_product_does():
    """ruy lays out integers in a stage that its kernel has no instructions of its own for."""
    at = design(load_profile("raspberry-pi-4b"))
    core, machine = at.core, at.machine
    assert core is not None
    columns = product_columns("int8", Dimensions(196, 64, 128, 9))
    work = work_of(columns, ["conv"], recipe_set("larq", 128), core)
    (use,) = (use for use in work.uses if use.is_product)
    around = caches_of(columns, machine, core)
    expected = {n: total_bytes(each) for n, each in use_traffic(use, around).items()}
    assert set(expected) - {stage.name for stage in work.stages} == {"layout"}
    assert set(stage_traffic(use, around)) == {stage.name for stage in work.stages}
    found = [stacked(stage.moved_bytes) for stage in stage_times(work, at)]
    np.testing.assert_allclose(sum(found), sum(expected.values()), rtol=1e-15)
    assert expected["layout"].any()


def bytes_of_passes(columns: Table, around: Caches) -> np.ndarray:
    return total_bytes(pass_traffic(columns, around))


PASSES = [
    # (cache, around it, bytes, why): 1024 floats read and written
    (8 * KIB, {}, 0, "both fit"),
    (8 * KIB - 1, {}, 3 * 4 * KIB, "read, fetched and written"),
    (8 * KIB - 1, {"allocate": False}, 2 * 4 * KIB, "read and written"),
    (8 * KIB, {"before": 8 * KIB + 2}, 4 * KIB, "the layer before left too little of it"),
    (8 * KIB, {"after": 8 * KIB + 2}, 2 * 4 * KIB, "the layer after does not find it"),
    (8 * KIB, {"before": 8 * KIB, "after": 8 * KIB}, 0, "half of 16 KiB on both sides"),
]


@pytest.mark.parametrize(("level", "around", "expected", "why"), PASSES)
def test_a_pass_by_hand(level, around, expected, why):
    found = bytes_of_passes(pass_columns(1024, 1024), caches(level, 2**30, **around))
    np.testing.assert_array_equal(found, [[expected], [0]], err_msg=why)


def test_a_fused_pass_reads_what_its_host_has_not_at_hand():
    """An addition in the kernel before it: the other input, and no result of its own."""
    columns = pass_columns(1024, 1024)
    columns["runs"] = np.array([0])
    columns["activation_traffic_bits"] = np.array([32 * 1024])
    np.testing.assert_array_equal(bytes_of_passes(columns, caches(KIB)), [[4 * KIB]])


def test_products_are_not_passes():
    columns = product_columns("fp", Dimensions(60, 16, 100, 1))
    assert not bytes_of_passes(columns, caches(16_384)).any()


def bytes_of_product(around: Caches) -> np.ndarray:
    return total_bytes(stage_traffic(GEMM, around)["product"])


def test_caches_at_many_design_points():
    sizes = np.array([4, 6, 12, 64]) * 1000.0
    found = bytes_of_product(caches(sizes[:, np.newaxis]))
    assert found.shape == (1, 4, 1)
    each = [np.reshape(bytes_of_product(caches(size)), (1, 1)) for size in sizes]
    np.testing.assert_array_equal(found, np.stack(each, axis=1))
    assert found.squeeze().tolist() == [119680, 95680, 38080, 6400]


def test_caches_of_a_machine():
    """Three layers of which the second is fused: the first and the third are neighbours."""
    profile = load_profile("raspberry-pi-4b")
    columns = product_columns("fp", Dimensions(60, 16, np.array([100, 50, 25]), 1))
    columns["scale_bits"] = np.array([800, 0, 0])
    columns["runs"] = np.array([1, 0, 1])
    machine, core = lower(profile), lower_core(profile)
    for allocate in (False, True):
        core = dataclasses.replace(core, write_allocate=allocate)
        found = caches_of(columns, machine, core)
        assert list(found.level_sizes) == [32 * KIB, 1024 * KIB], "not the last level"
        assert found.weight_bytes == 6400 + 3200 + 1600 + 100
        assert found.write_allocate is allocate
        assert found.before.tolist() == [0, 0, 24000 + 6400 + 3840]
        assert found.after.tolist() == [6000 + 1600 + 3840, 0, 0]


def test_the_only_memory_has_no_boundary():
    assert len(bytes_of_product(caches())) == 0
    assert len(bytes_of_passes(pass_columns([10, 20], 20), caches())) == 0
