"""Which kernels run in which layers, and what is added up of them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cost.columns import pass_columns, product_columns
from xnorsim.cost.instructions import all_issued, work_of
from xnorsim.cost.recipes import RecipeSet, by_class, elements, instructions, recipe_set
from xnorsim.cost.uses import PRODUCTS, Use, kernel_uses
from xnorsim.errors import UsageError
from xnorsim.machine.core import lower_core
from xnorsim.machine.profile import load_profile
from xnorsim.work.dimensions import Dimensions
from xnorsim.work.table import MAC_CLASSES

CORE = lower_core(load_profile("raspberry-pi-4b"))
OWN = recipe_set("own", 128)


def uses_of(columns, kinds=("conv",), recipes: RecipeSet = OWN) -> dict[str, Use]:
    return {use.word: use for use in kernel_uses(columns, kinds, recipes, CORE)}


def test_every_class_of_products_has_kernels():
    assert list(PRODUCTS) == [f"{name}_macs" for name in MAC_CLASSES]
    for column, word in PRODUCTS.items():
        columns = product_columns("fp", Dimensions(4, 4, 4, 1))
        columns |= {"fp_macs": np.array([0]), column: columns["macs"]}
        assert set(uses_of(columns)) == {word}, column


PASSES = [
    # (kind, operations on each of 100 results, kernel, its loop nest, why)
    ("batch_norm", 2, "bn", elements(100), "a pass over its results, not over its operations"),
    ("add", 1, "add", elements(100), "the same"),
    ("relu", 1, "relu", elements(100), "the same"),
    ("max_pool", 8, "max_pool", elements(100, 8), "eight comparisons in a window of nine"),
    ("mean_pool", 49, "average_pool", elements(100, 49), "48 additions and a product"),
    ("sigmoid", 4, "elementwise", elements(400), "no kernel of its kind: a pass an operation"),
]


@pytest.mark.parametrize(("kind", "operations", "word", "nest", "why"), PASSES)
def test_what_multiplies_nothing_is_a_pass(kind, operations, word, nest, why):
    found = uses_of(pass_columns(100, operations * 100), [kind])
    assert set(found) == {word}, why
    assert (found[word].nest.positions, found[word].nest.taps) == (nest.positions, nest.taps), why
    assert not found[word].is_product


def test_layers_of_one_kind_are_dealt_out_to_the_kernels_that_apply():
    """The second layer is depthwise: 8 groups of one channel."""
    nest = Dimensions(
        positions=np.array([49, 49, 25]),
        filters=np.array([16, 1, 16]),
        filter_channels=np.array([8, 1, 4]),
        taps=9,
        groups=np.array([1, 8, 1]),
    )
    columns = product_columns("fp", nest)
    found = kernel_uses(columns, ["conv"] * 3, OWN, CORE)
    assert [(use.kernel.name, use.layers.tolist()) for use in found] == [
        ("own-depthwise-128", [1]),
        ("own-fp32-128", [0, 2]),
    ]
    assert found[1].nest.positions.tolist() == [49, 25]
    assert found[1].nest.taps.tolist() == [9, 9]


def test_a_layer_may_run_several_kernels():
    """3 operations a result: a bias and a scale belong to the product, the third is a pass."""
    columns = product_columns("binary", Dimensions(16, 8, 128, 1))
    columns["fp_ops"] = 3 * columns["output_elements"]
    columns["binarize_ops"] = np.array([16 * 128])
    found = uses_of(columns)
    assert set(found) == {"binary", "binarize", "elementwise"}
    assert found["elementwise"].nest.positions == 16 * 8
    assert found["binarize"].nest.positions == 16 * 128
    work = work_of(columns, ["conv"], OWN, CORE)
    expected = sum(instructions(use.kernel, use.nest) for use in found.values())
    np.testing.assert_array_equal(by_class(all_issued(work)), expected)


def test_a_layer_whose_results_leave_as_bits_takes_thresholds():
    """The sign behind it is fused, and so issues nothing of its own."""
    columns = product_columns("binary", Dimensions(16, 8, 128, 1))
    columns["output_bits"] = columns["output_elements"]
    assert set(uses_of(columns)) == {"binary_packed"}
    (use,) = uses_of(columns).values()
    assert use.is_product
    assert use.kernel.walk.output_bits == 1
    sign = pass_columns(128, 0) | {"binarize_ops": np.array([128]), "runs": np.array([0])}
    assert uses_of(sign, ["sign"]) == {}
    assert set(uses_of(sign | {"runs": np.array([1])}, ["sign"])) == {"binarize"}


def test_a_program_without_thresholds_takes_signs_apart():
    """dabnn's convolution writes floats; whatever is said to be fused, the sign is a pass."""
    columns = product_columns("binary", Dimensions(196, 256, 256, 9))
    columns["output_bits"] = columns["output_elements"]
    assert set(uses_of(columns, recipes=recipe_set("dabnn", 128))) == {"binary"}
    sign = pass_columns(128, 0) | {"binarize_ops": np.array([128]), "runs": np.array([0])}
    assert set(uses_of(sign, ["sign"], recipe_set("dabnn", 128))) == {"binarize"}


def test_a_layer_without_a_kernel_is_named():
    columns = {
        name: np.concatenate([column, column]) for name, column in pass_columns(10, 40).items()
    }
    with pytest.raises(UsageError, match=r"no kernel for 'elementwise'.*\n.*kind gelu, softmax"):
        kernel_uses(columns, ["softmax", "gelu"], recipe_set("dabnn"), CORE)


def test_nothing_to_do_runs_no_kernel():
    view = pass_columns(100, 0) | {"runs": np.zeros(1, np.int64)}
    assert kernel_uses(view, ["reshape"], OWN, CORE) == ()


@pytest.mark.parametrize(("bits", "words"), [(3200, 100), (3201, 101), (100, 4)])
def test_what_only_moves_is_copied(bits, words):
    moved = pass_columns(100, 0) | {"output_bits": np.array([bits])}
    found = uses_of(moved, ["concat"])
    assert set(found) == {"copy"}
    assert found["copy"].nest.positions == words


@pytest.mark.parametrize(
    ("name", "kind", "word"),
    [
        ("larq", "dense", "fp"),
        ("larq-indirect", "dense", "fp"),
        ("larq", "mat_mul", "fp"),
        ("larq", "conv", "binary"),
        ("own", "dense", "binary"),
    ],
)
def test_who_has_no_binary_operator_multiplies_floats(name, kind, word):
    columns = product_columns("binary", Dimensions(1, 1000, 512, 1))
    found = uses_of(columns, [kind], recipe_set(name, 128))
    assert set(found) == {word}
    assert found[word].kernel.walk.weight_bits == {"fp": 32, "binary": 1}[word]
    assert found[word].is_product


def test_a_batch_norm_knows_its_rows():
    """50 x 64 results; two vectors of 64 floats are read."""
    columns = pass_columns(50 * 64, 2 * 50 * 64)
    columns["parameter_traffic_bits"] = np.array([2 * 64 * 32])
    nest = uses_of(columns, ["batch_norm"])["bn"].nest
    assert (nest.positions, nest.filters) == (50, 64)
