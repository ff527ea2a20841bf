"""Counts of single layers: tables worked out by hand, and properties."""

from __future__ import annotations

import itertools
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorsim.errors import XnorsimError
from xnorsim.network import ops
from xnorsim.network.graph import TensorSpec
from xnorsim.network.ops import Function, Operator, Reduction
from xnorsim.network.precision import (
    BIPOLAR,
    BWN,
    ENCODINGS,
    FLOAT32,
    INT8,
    UINT8,
    XNOR,
    Scaling,
    Scheme,
)
from xnorsim.work.arithmetic import FUNCTION_OPS, valid_taps
from xnorsim.work.counts import FP_KINDS, Operands, count


def spec(*shape: int, encoding=FLOAT32) -> TensorSpec:
    return TensorSpec(shape, encoding)


def conv(
    out,
    kernel,
    stride=1,
    padding=0,
    dilation=1,
    groups=1,
    kind: type[ops.Conv | ops.ConvTranspose] = ops.Conv,
):
    axes = len(kernel)
    return kind(
        out, kernel, (stride,) * axes, ((padding, padding),) * axes, (dilation,) * axes, groups
    )


def at(x, y, scheme=None, **parameters) -> Operands:
    several = x if isinstance(x, tuple) else (x,)
    return Operands(several, (y,), parameters, *([scheme] if scheme else []))


MACS = [
    # (op, operands, macs, macs_valid, why)
    (
        conv(256, (3, 3), padding=1),
        at(spec(1, 256, 14, 14), spec(1, 256, 14, 14)),
        115_605_504,  # 256 * 14 * 14 outputs x 256 * 9 products
        256 * 256 * (3 * 14 - 2) ** 2,  # along an axis the two border outputs miss one of 3 taps
        "the reference layer",
    ),
    (
        conv(64, (7, 7), stride=2, padding=3),
        at(spec(1, 3, 224, 224), spec(1, 64, 112, 112)),
        64 * 112 * 112 * 3 * 49,
        64 * 3 * (112 * 7 - 3 - 1 - 2) ** 2,  # misses: 3 and 1 taps at the start, 2 at the end
        "ResNet's first layer",
    ),
    (
        conv(32, (3, 3), padding=1, groups=32),
        at(spec(1, 32, 8, 8), spec(1, 32, 8, 8)),
        32 * 64 * 9,
        32 * (3 * 8 - 2) ** 2,
        "depthwise: one channel a filter",
    ),
    (
        conv(4, (3,), dilation=2),
        at(spec(2, 6, 9), spec(2, 4, 5)),
        2 * 4 * 5 * 6 * 3,
        2 * 4 * 5 * 6 * 3,
        "1-D and dilated, no padding: every tap is valid",
    ),
    (
        conv(8, (2, 2), stride=2, kind=ops.ConvTranspose),
        at(spec(1, 16, 5, 5), spec(1, 8, 10, 10)),
        16 * 25 * 8 * 4,
        16 * 25 * 8 * 4,
        "each input is multiplied with every filter tap once",
    ),
    (
        conv(8, (3, 3), stride=2, padding=1, kind=ops.ConvTranspose),
        at(spec(1, 16, 5, 5), spec(1, 8, 9, 9)),
        16 * 25 * 8 * 9,
        16 * 8 * (5 * 3 - 2) ** 2,  # the first and the last output along an axis are cropped
        "transposed: cropped outputs are not valid",
    ),
    (ops.Dense(512, 1000), at(spec(3, 512), spec(3, 1000)), 1_536_000, 1_536_000, "batch of 3"),
    (ops.Dense(8, 4), at(spec(2, 5, 8), spec(2, 5, 4)), 320, 320, "dense over the last axis"),
    (
        ops.MatMul(),
        at((spec(2, 4, 5, 8), spec(2, 4, 8, 7)), spec(2, 4, 5, 7)),
        2 * 4 * 5 * 7 * 8,
        2 * 4 * 5 * 7 * 8,
        "activations times activations",
    ),
    (
        ops.MatMul(),
        at(spec(2, 8, 7), spec(2, 5, 7), left=spec(5, 8)),
        2 * 5 * 7 * 8,
        2 * 5 * 7 * 8,
        "a constant left side",
    ),
    (
        ops.Recurrent("lstm", hidden=32, directions=2),
        at(spec(10, 4, 16), spec(10, 2, 4, 32)),
        40 * 2 * 4 * 32 * (16 + 32),
        40 * 2 * 4 * 32 * (16 + 32),
        "steps x batch x directions x gates x hidden x (input + hidden)",
    ),
    (
        ops.Recurrent("gru", hidden=8, directions=1),
        at(spec(5, 1, 3), spec(5, 1, 1, 8)),
        5 * 3 * 8 * (3 + 8),
        5 * 3 * 8 * (3 + 8),
        "three gates",
    ),
]


@pytest.mark.parametrize(("op", "operands", "macs", "valid", "why"), MACS)
def test_macs(op, operands, macs, valid, why):
    counts = count(op, operands)
    assert (counts.macs, counts.macs_valid) == (macs, valid), why


X = spec(1, 8, 6, 6)  # 288 elements
FP_OPS = [
    # (op, operands, operations by kind, why)
    (conv(4, (1, 1)), at(X, spec(1, 4, 6, 6), bias=spec(4)), {"bias": 144}, "one an output"),
    (conv(4, (1, 1)), at(X, spec(1, 4, 6, 6)), {}, "no bias"),
    (conv(4, (1, 1)), at(X, spec(1, 4, 6, 6), BWN), {"alpha": 144}, "one product an output"),
    (
        conv(4, (3, 3), padding=1),
        at(X, spec(1, 4, 6, 6), Scheme(BIPOLAR, BIPOLAR, Scaling.ALPHA_K)),
        {"alpha": 144, "k_mean": 2 * 288, "k_box": 9 * 36, "k_product": 144},
        "abs and add an input; nine taps a position; a product an output",
    ),
    (
        conv(4, (3, 3), padding=1, groups=2),
        at(X, spec(1, 4, 6, 6), Scheme(BIPOLAR, BIPOLAR, Scaling.ALPHA_K)),
        {"alpha": 144, "k_mean": 2 * 288, "k_box": 9 * 36 * 2, "k_product": 144},
        "one map a group",
    ),
    (
        conv(4, (2, 2), stride=2, kind=ops.ConvTranspose),
        at(X, spec(1, 4, 12, 12), Scheme(BIPOLAR, BIPOLAR, Scaling.ALPHA_K)),
        {"alpha": 576, "k_mean": 2 * 288, "k_box": 4 * 36, "k_product": 576},
        "transposed: each of 36 input positions goes to four taps",
    ),
    (
        ops.Dense(288, 10),
        at(spec(1, 288), spec(1, 10), Scheme(BIPOLAR, BIPOLAR, Scaling.ALPHA_K)),
        {"alpha": 10, "k_mean": 2 * 288, "k_product": 10},
        "beta of a dense layer has no box",
    ),
    (
        ops.Dense(8, 4, alpha=0.5),
        at(spec(2, 8), spec(2, 4), bias=spec(4)),
        {"bias": 8, "scale": 8},
        "Gemm's alpha is a product an output",
    ),
    (ops.BatchNorm(1e-5), at(X, X), {"bn": 576}, "multiply and add"),
    (ops.LocalResponseNorm(5, 1e-4, 0.75, 1), at(X, X), {"normalize": 9 * 288}, "size + 4"),
    (
        ops.Normalize("layer", (2, 3)),
        at(X, X, scale=spec(48), shift=spec(48)),
        {"normalize": 7 * 288},
        "five and two",
    ),
    (ops.Normalize("rms", (2, 3), centered=False), at(X, X), {"normalize": 3 * 288}, "no mean"),
    (ops.Activation(Function.RELU), at(X, X), {"relu": 288}, "one comparison"),
    (ops.Activation(Function.HARD_SWISH), at(X, X), {"activation": 5 * 288}, "see FUNCTION_OPS"),
    (ops.Quantize(UINT8), at(X, spec(1, 8, 6, 6, encoding=UINT8)), {"quantize": 864}, "3 each"),
    (
        ops.Thresholds(ENCODINGS["uint2"]),
        at(spec(1, 4), spec(1, 4, encoding=ENCODINGS["uint2"]), thresholds=spec(1, 3)),
        {"quantize": 20},
        "three comparisons and two additions each",
    ),
    (ops.Dequantize(FLOAT32), at(spec(4, encoding=INT8), spec(4)), {"quantize": 8}, "2 each"),
    (ops.Cast(INT8), at(X, spec(1, 8, 6, 6, encoding=INT8)), {"quantize": 288}, "a conversion"),
    (ops.Cast(FLOAT32), at(X, X), {}, "to what it is already"),
    (ops.Elementwise(Operator.ADD), at((X, X), X), {"add": 288}, "a residual addition"),
    (ops.Elementwise(Operator.ADD), at(X, X, right=spec(8, 1, 1)), {"bias": 288}, "a channel each"),
    (ops.Elementwise(Operator.ADD), at(X, X, right=spec()), {"elementwise": 288}, "one number"),
    (ops.Elementwise(Operator.MUL), at((X, X), X), {"elementwise": 288}, "a product"),
    (ops.Elementwise(Operator.ADD), at((X, X, X), X), {"add": 576}, "a sum of three"),
    (ops.Elementwise(Operator.MEAN), at((X, X), X), {"elementwise": 576}, "add and scale"),
    (ops.Compare("greater"), at((X, X), X), {"elementwise": 288}, "one each"),
    (
        ops.Pool(Reduction.MAX, (3, 3), (2, 2), ((0, 0),) * 2, (1, 1)),
        at(X, spec(1, 8, 2, 2)),
        {"pool": 8 * 32},
        "nine values, eight comparisons",
    ),
    (
        ops.Pool(Reduction.MEAN, (6, 6), (1, 1), ((0, 0),) * 2, (1, 1)),
        at(X, spec(1, 8, 1, 1)),
        {"pool": 36 * 8},
        "35 additions and a scaling",
    ),
    (ops.Reduce(Reduction.SUM, (2, 3)), at(X, spec(1, 8, 1, 1)), {"reduce": 280}, "n - 1 each"),
    (ops.Reduce(Reduction.MEAN, (2, 3)), at(X, spec(1, 8, 1, 1)), {"reduce": 288}, "and scaled"),
    (ops.Softmax(1), at(spec(2, 10), spec(2, 10)), {"softmax": 100}, "five each"),
    (
        ops.Resize((1, 8, 12, 12), "linear"),
        at(X, spec(1, 8, 12, 12)),
        {"resize": 7 * 1152},
        "bilinear: four products, three additions",
    ),
    (ops.Resize((1, 8, 12, 12), "nearest"), at(X, spec(1, 8, 12, 12)), {}, "copies"),
    (
        ops.Recurrent("rnn", hidden=4, directions=1),
        at(spec(2, 1, 3), spec(2, 1, 1, 4)),
        {"recurrent": 2 * 4 * 3},
        "two sums and a tanh an element",
    ),
]


@pytest.mark.parametrize(("op", "operands", "expected", "why"), FP_OPS)
def test_operations_that_are_not_macs(op, operands, expected, why):
    counts = count(op, operands)
    assert dict(counts.fp_ops) == expected, why
    assert set(expected) <= set(FP_KINDS)
    assert counts.binarize_ops == 0


def test_sign_counts_elements():
    assert count(ops.Sign(), at(X, X)).binarize_ops == 288


@pytest.mark.parametrize(
    "op",
    [
        ops.Concat(1),
        ops.Split(1, (4, 4)),
        ops.Slice((1,), (0,), (4,), (1,)),
        ops.Pad(((0, 0),) * 4),
        ops.Reshape((288,)),
        ops.Transpose((0, 2, 3, 1)),
        ops.Rearrange("depth_to_space", (1, 2, 12, 12), 2),
        ops.Expand((2, 8, 6, 6)),
        ops.Gather((1, 8, 6, 6)),
        ops.Select(),
        ops.Identity(),
        ops.Constant((1, 8, 6, 6), FLOAT32),
    ],
)
def test_what_moves_computes_nothing(op):
    counts = count(op, at(X, X))
    assert (counts.macs, dict(counts.fp_ops), counts.binarize_ops) == (0, {}, 0)


def test_every_function_has_a_cost():
    assert set(FUNCTION_OPS) == set(Function)
    assert all(cost >= 1 for cost in FUNCTION_OPS.values())


@pytest.mark.parametrize("reduction", list(Reduction))
def test_every_reduction_of_one_element_joins_nothing(reduction):
    op = ops.Reduce(reduction, (1,))
    one, many = (count(op, at(spec(7, n), spec(7, 1))).fp_ops["reduce"] for n in (1, 9))
    assert many > one >= 0
    assert (many - one) % (7 * 8) == 0  # the same for each of the eight more elements


def test_a_kind_without_a_rule_is_named():
    with pytest.raises(XnorsimError, match="count has no rule for layer kind int"):
        count(3, at(X, X))


@given(
    size=st.integers(1, 12),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
    before=st.integers(0, 4),
    after=st.integers(0, 4),
)
def test_valid_taps_equal_a_plain_loop(size, kernel, stride, dilation, before, after):
    out = (size + before + after - dilation * (kernel - 1) - 1) // stride + 1
    if out < 1:
        return
    positions = (
        o * stride + t * dilation - before for o, t in itertools.product(range(out), range(kernel))
    )
    expected = sum(0 <= position < size for position in positions)
    assert valid_taps(size, out, kernel, stride, before, dilation) == expected


@given(batch=st.integers(1, 9), scheme=st.sampled_from([XNOR, BWN, Scheme(FLOAT32, FLOAT32)]))
def test_counts_are_linear_in_batch(batch, scheme):
    def counts(n):
        return count(
            conv(4, (3, 3), padding=1),
            at(spec(n, 8, 6, 6), spec(n, 4, 6, 6), scheme, bias=spec(4)),
        )

    one, many = counts(1), counts(batch)
    assert many.macs == batch * one.macs
    assert many.macs_valid == batch * one.macs_valid
    assert many.fp_ops == {name: batch * n for name, n in one.fp_ops.items()}


@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.integers(1, 4))
def test_without_padding_every_tap_is_valid(kernel, channels):
    source = spec(1, channels, *(k + 3 for k in kernel))
    result = spec(1, 2, *(4 for _ in kernel))
    counts = count(conv(2, tuple(kernel)), at(source, result))
    assert counts.macs == counts.macs_valid == 2 * channels * 4 ** len(kernel) * prod(kernel)


def test_encodings_without_meaning_for_macs_are_not_lost():
    """Every pair of encodings has a class, so no MAC falls out of the split."""
    from xnorsim.network.precision import MAC_CLASSES, mac_class

    for weight, activation in itertools.product(ENCODINGS.values(), repeat=2):
        assert mac_class(weight, activation) in MAC_CLASSES
