"""Recipe sets: that all kernels are sound, which a machine can execute, and which a layer gets."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorsim.cost.axes import by_layer
from xnorsim.cost.inputs import design
from xnorsim.cost.instructions import stage_times, work_of
from xnorsim.cost.recipes import (
    KINDS,
    RECIPE_SETS,
    assigned,
    dabnn,
    executable,
    filled_depth,
    instructions,
    larq,
    layer_instructions,
    missing_classes,
    needed_classes,
    part_instructions,
    recipe_set,
    select,
)
from xnorsim.errors import UsageError
from xnorsim.machine.core import Core, lower_core
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.lowering import lower
from xnorsim.machine.profile import load_profile, profile_names
from xnorsim.work.dimensions import Dimensions
from xnorsim.work.table import layer_table
from xnorsim.zoo import build

REFERENCE = Dimensions(positions=14 * 14, filters=256, filter_channels=256, taps=9)
MACS = 115_605_504
KERNEL_FILES = Path(__file__).parents[2] / "xnorsim" / "kernels"


def _widths(name: str) -> tuple[int, ...]:
    """Of the vectors that a set's kernels are tested on."""
    if name.startswith("own"):
        return 32, 128, 256, 512
    return (256, 512) if RECIPE_SETS[name](512).isa == "x86-64" else (128,)


KERNELS = {
    kernel.name: kernel
    for name, build in RECIPE_SETS.items()
    for bits in _widths(name)
    for alternatives in build(bits).kernels.values()
    for kernels in alternatives
    for kernel in kernels
}
PRODUCTS = {
    kernel.name: kernel
    for build in RECIPE_SETS.values()
    for kind in ("binary", "bwn", "int8", "fp", "fp16")
    for kernels in build(128).kernels.get(kind, ())
    for kernel in kernels
    if "depthwise" not in kernel.name
}


ALONG_ROWS = ("own-fp32-128", "own-bwn-128")
"""Kernels that take pieces of an image's rows, of which there are more than tiles tell."""


def core(*classes: str) -> Core:
    """A core of one port that has these classes."""
    has = np.array([[name in classes] for name in CLASSES])
    some = np.where(has[:, 0], 1.0, np.nan)
    return Core(tuple(CLASSES), ("P",), has, has[:, 0].astype(float), some, some, 1.0)


SCALAR = ("scalar_load", "scalar_store", "scalar_alu", "branch", "scalar_multiply")
SCALAR_FLOAT = ("scalar_fp32_add", "scalar_fp32_mul", "fp_convert")
VECTOR = (
    "vector_logic", "vector_add", "vector_shift", "vector_shuffle", "vector_sad", "vector_compare",
    "vector_min_max", "vector_narrow", "vector_move", "vector_to_scalar", "int8_multiply",
    "fp32_fma", "fp32_add", "fp32_mul", "vector_load", "vector_store", "broadcast_load",
)  # fmt: skip
CORTEX_M4F = core(*SCALAR, *SCALAR_FLOAT)
HASWELL = core(*SCALAR, *SCALAR_FLOAT, *VECTOR, "vector_mask_move", "scalar_popcount")
ICE_LAKE = core(
    *SCALAR, *SCALAR_FLOAT, *VECTOR, "vector_mask_move", "scalar_popcount", "vector_popcount",
    "int8_dot",
)  # fmt: skip
SKYLAKE = HASWELL  # the same classes, on vectors of 512 bits
CORTEX_A72 = core(
    *SCALAR, *SCALAR_FLOAT, *VECTOR, "vector_popcount", "vector_pairwise_add",
    "vector_widening_add", "vector_widening_accumulate", "vector_reduce_add",
)  # fmt: skip


@pytest.mark.parametrize("kernel", PRODUCTS.values(), ids=PRODUCTS)
class TestTiles:
    @pytest.mark.parametrize(("more", "tiles"), [(-1, 2), (0, 2), (1, 3)])
    def test_one_more_than_a_tile_is_another_tile(self, kernel, more, tiles):
        tile = kernel.tile
        if kernel.whole_tiles:  # what they leave has a part of its own
            tiles = 1 if more < 0 else 2
        inner = [item.what for item in kernel.parts].index("inner loop")
        expected = (
            2 * tiles * -(-filled_depth(kernel, Dimensions(1, 1, tile.depth, 1)) // tile.depth)
        )
        for side in ("positions", "filters"):
            if getattr(tile, side) == 1:
                continue
            size = {"positions": 2 * tile.positions, "filters": 2 * tile.filters}
            size[side] += more
            layer = Dimensions(**size, filter_channels=tile.depth, taps=1)
            assert part_instructions(kernel, layer)[0][inner] == expected, side

    def test_linear_in_groups_and_in_tiles_of_positions(self, kernel):
        tile = kernel.tile
        size = (24 * tile.positions, 4 * tile.filters, 2 * tile.depth, 1)
        one, groups = instructions(kernel, Dimensions(*size)), np.array([1, 2, 7])
        np.testing.assert_array_equal(
            instructions(kernel, Dimensions(*size, groups=groups)), groups[:, None] * one
        )
        if kernel.name in ALONG_ROWS:
            return
        several = [
            instructions(kernel, Dimensions(n * size[0], *size[1:])) for n in (1, 2, 3)
        ]  # weights laid out once stay: the difference is that of a tile
        np.testing.assert_array_equal(several[2] - several[1], several[1] - several[0])

    def test_nothing_for_a_layer_that_multiplies_nothing(self, kernel):
        assert not instructions(kernel, Dimensions(0, 0, 0, 0, 0, 0)).any()


SIZES = st.integers(1, 300)


@given(
    st.sampled_from(list(PRODUCTS.values())),
    st.lists(st.tuples(SIZES, SIZES, SIZES, st.integers(1, 25), st.integers(1, 4)), min_size=1),
)
def test_arrays_are_their_layers_one_by_one(kernel, layers):
    found = instructions(kernel, Dimensions(*np.array(layers).T))
    for row, layer in zip(found, layers, strict=True):
        np.testing.assert_array_equal(row, instructions(kernel, Dimensions(*layer)))
    assert (found >= 0).all()


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_every_kernel_says_where_it_is_from(kernel):
    ours = kernel.source.startswith("xnorsim/kernels/")
    assert ours or kernel.source.startswith("by hand") or "@" in kernel.source
    for name in re.findall(r"[\w/]+\.py", kernel.source) if ours else ():
        assert (KERNEL_FILES / Path(name).name).is_file(), name
    assert {*kernel.chain} <= {*needed_classes(kernel)}
    for item in kernel.parts:
        assert {*item.counts} <= {*CLASSES}
        assert all(count > 0 for count in item.counts.values()), item.what


@pytest.mark.parametrize("name", RECIPE_SETS)
def test_sets_have_known_kinds_and_serve_every_layer(name):
    for bits in (128, 256, 512):
        found = recipe_set(name, bits)
        assert {*found.kernels} <= {*KINDS}
        for kernels in [each for some in found.kernels.values() for each in some]:
            assert kernels[-1].applies(Dimensions(7, 5, 3, 9)), kernels[-1].name
        assert found.isa != "x86-64" or bool(found.kernels) == (bits > 128)


def memory_bytes(network: str, recipes: str) -> dict[str, float]:
    """What each layer moves over the last boundary of a Raspberry Pi 4B."""
    table, profile = layer_table(build(network)), load_profile("raspberry-pi-4b")
    work = work_of(table.columns, table.kinds, recipe_set(recipes, 128), lower_core(profile))
    times = stage_times(work, design(profile))
    moved = by_layer([(stage.layers, stage.moved_bytes[-1]) for stage in times], len(table.names))
    return dict(zip(table.names, map(float, moved), strict=True))


def test_larq_multiplies_dense_layers_as_floats():
    """Their weights take 32 bits, and 1 where they are convolutions; none stay in 1 MiB of L2."""
    dense, later = (memory_bytes(f"binary-alexnet{end}", "larq") for end in ("-dense", ""))
    weights = {"fc6": 9216 * 4096, "fc7": 4096 * 4096, "fc8": 4096 * 1000}
    for name, count in weights.items():
        around = 4 * (2 * 9216 + 4096)  # inputs and results are not even a hundredth
        assert 4 * count <= dense[name] <= 4 * count + around, name
        assert later[name] < 4 * count / 8, name
    for name in ("conv2", "conv3", "conv4"):
        assert dense[name] == later[name], "the same before them"


class TestChoice:
    @pytest.mark.parametrize(
        ("name", "bits", "kind", "machine", "kernel"),
        [
            ("own", 512, "binary", ICE_LAKE, "own-popcount-512"),
            ("own", 512, "binary", SKYLAKE, "own-lookup-512-256"),
            ("own", 256, "binary", HASWELL, "own-lookup-256-128"),
            ("own", 128, "binary", CORTEX_A72, "own-neon-128"),
            ("own", 32, "binary", CORTEX_M4F, "own-word-32"),
            ("own", 64, "binary", HASWELL, "own-popcnt"),
            ("own", 512, "int8", ICE_LAKE, "own-int8-dot-512"),
            ("own", 256, "int8", HASWELL, "own-int8-pairs-256"),
            ("own", 32, "int8", CORTEX_M4F, "own-int8-words"),
            ("own", 32, "fp", CORTEX_M4F, "scalar-fp32-c"),
            ("own", 128, "binarize", CORTEX_A72, "own-sign-128"),
            ("own", 256, "binarize", HASWELL, "own-sign-256"),
            ("larq", 128, "int8", CORTEX_A72, "ruy-int8-4x4"),
            ("larq", 128, "binary", CORTEX_A72, "lce-bgemm-8x4"),
        ],
    )
    def test_the_first_that_the_machine_executes(self, name, bits, kind, machine, kernel):
        assert select(recipe_set(name, bits), kind, machine)[0].name == kernel

    @pytest.mark.parametrize("name", profile_names())
    def test_ours_run_on_every_machine_with_instructions(self, name):
        profile = load_profile(name)
        if profile.instructions is None:
            return
        recipes = recipe_set("own", int(lower(profile).simd_bits))
        for kind in {*recipes.kernels} - {"fp16"}:
            assert select(recipes, kind, lower_core(profile)), kind

    def test_a_machine_that_cannot_is_told_what_is_missing_and_what_fits(self):
        assert missing_classes(larq.BGEMM_8X4, HASWELL) == (
            "vector_popcount", "vector_pairwise_add", "vector_widening_accumulate",
        )  # fmt: skip
        assert not executable(larq.BGEMM_8X4, HASWELL)
        with pytest.raises(
            UsageError,
            match=r"'own' cannot run 'fp16' .* own-fp16-128 needs fp16_fma; of .* fit: own-add-128",
        ):
            select(recipe_set("own"), "fp16", HASWELL)

    @pytest.mark.parametrize("name", [name for name in RECIPE_SETS if recipe_set(name).isa])
    def test_code_for_another_instruction_set_is_refused(self, name):
        isa = recipe_set(name).isa
        machines = {"aarch64": (HASWELL, CORTEX_A72, 128), "x86-64": (CORTEX_A72, HASWELL, 256)}
        other, its_own, bits = machines[isa]
        with pytest.raises(UsageError, match=rf"'{name}' is code for {isa}.*machines: own, "):
            select(recipe_set(name), "fp", other)
        assert select(recipe_set(name, bits), "fp", its_own)

    @pytest.mark.parametrize(
        ("ask", "message"),
        [
            (lambda: recipe_set("lark"), r"no recipe set 'lark': did you mean larq"),
            (lambda: select(recipe_set("larq"), "xnor", HASWELL), r"no kind of kernel 'xnor'"),
            (
                lambda: select(recipe_set("tflite"), "binary", CORTEX_A72),
                r"'tflite' has no kernel for 'binary' .*that have one: dabnn, dabnn-packed, larq",
            ),
            (
                lambda: recipe_set("larq", 192),
                r"set 'larq': .*vectors of 128 bits, not of 192",
            ),
            (
                lambda: assigned((larq.BGEMM_8X4,), Dimensions(1, 1, np.array([64, 10**6]), 1)),
                r"1 of 2 layers have no kernel among lce-bgemm-8x4",
            ),
        ],
    )
    def test_requests_that_make_no_sense(self, ask, message):
        with pytest.raises(UsageError, match=message):
            ask()

    def test_each_layer_by_the_first_kernel_that_applies(self):
        kernels = recipe_set("dabnn").kernels["binary"][0]
        layers = Dimensions(196, 256, np.array([256, 192]), 9)
        found = layer_instructions(kernels, layers)
        for row, channels, kernel in zip(
            found, (256, 192), (dabnn.DIRECT_128, dabnn.BGEMM), strict=True
        ):
            expected = instructions(kernel, Dimensions(196, 256, channels, 9))
            np.testing.assert_array_equal(row, expected)
