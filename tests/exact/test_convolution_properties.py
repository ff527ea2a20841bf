"""Products of +-1 on every engine, against plain integer sums with no packing and no columns.

The expected values are sums over filter taps of int64 slices. Every example runs on every engine,
twice with the same memo, as in a session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tests.exact.integer_sums import convolved, windows
from xnorsim.exact.call import Call
from xnorsim.exact.engines import ENGINES
from xnorsim.exact.reference import run
from xnorsim.network import ops
from xnorsim.network.binary import alphas, signs
from xnorsim.network.graph import TensorSpec
from xnorsim.network.precision import BIPOLAR, BWN, FLOAT32, Border, Scaling, Scheme
from xnorsim.network.shapes import output_specs

Array = np.ndarray
Draw = Callable[[st.SearchStrategy[Any]], Any]

PLAIN = Scheme(BIPOLAR, BIPOLAR)


@dataclass(frozen=True)
class Case:
    """A layer, the shape that it reads, and where its values come from."""

    op: ops.Conv | ops.ConvTranspose | ops.Dense
    shape: tuple[int, ...]
    seed: int
    bias: bool = False


# What is expected


def scattered(image: Array, weight: Array, op: ops.ConvTranspose) -> Array:
    """Each input position adds its value times the filter to the result, tap by tap."""
    batch, channels, *size = image.shape
    inner, outer = channels // op.groups, op.out_channels // op.groups
    axes = list(zip(size, op.kernel, op.stride, op.dilation, op.output_padding, strict=True))
    full = [s * (n - 1) + d * (k - 1) + 1 + more for n, k, s, d, more in axes]
    result = np.zeros((batch, op.out_channels, *full), np.int64)
    for group, at in product(range(op.groups), np.ndindex(*size)):
        channel = slice(group * inner, (group + 1) * inner)
        filters = slice(group * outer, (group + 1) * outer)
        for tap in np.ndindex(*op.kernel):
            to = [i * s + t * d for i, t, s, d in zip(at, tap, op.stride, op.dilation, strict=True)]
            added = image[(slice(None), channel, *at)] @ weight[(channel, slice(None), *tap)]
            result[(slice(None), filters, *to)] += added
    cut = [slice(b, n - a) for (b, a), n in zip(op.padding, full, strict=True)]
    return result[(slice(None), slice(None), *cut)]


# What is found


def found(
    engine: str,
    op: ops.Weighted,
    inputs: tuple[Array, ...],
    parameters: Mapping[str, Array],
    scheme: Scheme = PLAIN,
    memo: dict[str, Any] | None = None,
) -> Array:
    """The layer's result on an engine; what it reads must be left as it was."""
    specs = [TensorSpec(item.shape, _encoding(item)) for item in inputs]
    named = {role: TensorSpec(item.shape, _encoding(item)) for role, item in parameters.items()}
    made = {role: item for role, item in named.items() if role != "alpha"}
    outputs = output_specs(op, *specs[:1], **made)
    copies = [item.copy() for item in (*inputs, *parameters.values())]
    call = Call(inputs, outputs, ENGINES[engine], parameters, scheme, {} if memo is None else memo)
    (result,) = run(op, call)
    assert result.shape == outputs[0].shape
    assert result.dtype == np.float32
    for item, copy in zip((*inputs, *parameters.values()), copies, strict=True):
        assert_array_equal(item, copy)
    return result


def _encoding(values: Array) -> Any:
    return BIPOLAR if values.dtype == np.int8 else FLOAT32


def bipolar(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return (2 * random.integers(0, 2, shape) - 1).astype(np.int8)


# Cases: sizes are small, for what could go wrong is in the edges

_channels = st.one_of(
    st.integers(1, 200), st.sampled_from([1, 7, 8, 63, 64, 65, 127, 128, 129, 191, 192, 193])
)
_seeds = st.integers(0, 2**32 - 1)


def _spread(draw: Draw, total: int) -> tuple[int, int]:
    """Channels inside a group and groups, of at most `total` channels in all."""
    groups = draw(st.sampled_from([1, 1, 1, 2, 3, 4]))
    return max(1, total // groups), groups


@st.composite
def convolutions(draw: Draw, pads: tuple[int, ...] = (-1, 0, 1)) -> Case:
    rank = draw(st.sampled_from([1, 2, 2, 2, 3]))
    most = {1: 5, 2: 3, 3: 2}[rank]
    inner, groups = _spread(draw, draw(_channels))
    kernel = [draw(st.integers(1, most)) for _ in range(rank)]
    stride = [draw(st.integers(1, 3)) for _ in range(rank)]
    dilation = [draw(st.integers(1, 2)) for _ in range(rank)]
    padding = [(draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(rank)]
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    least = [max(1, e - sum(p)) for e, p in zip(extent, padding, strict=True)]
    size = [low + draw(st.integers(0, 4 if rank < 3 else 2)) for low in least]
    op = ops.Conv(
        groups * draw(st.integers(1, 5)),
        tuple(kernel),
        tuple(stride),
        tuple(padding),
        tuple(dilation),
        groups,
        draw(st.sampled_from(pads)),
    )
    shape = (draw(st.integers(1, 2)), groups * inner, *size)
    return Case(op, shape, draw(_seeds), draw(st.booleans()))


@st.composite
def transposed(draw: Draw) -> Case:
    rank = draw(st.sampled_from([1, 2, 2]))
    inner, groups = _spread(draw, draw(_channels))
    size = [draw(st.integers(1, 4)) for _ in range(rank)]
    kernel = [draw(st.integers(1, 3)) for _ in range(rank)]
    stride = [draw(st.integers(1, 3)) for _ in range(rank)]
    dilation = [draw(st.integers(1, 2)) for _ in range(rank)]
    more = [draw(st.integers(0, s - 1)) for s in stride]
    padding = []
    for n, k, s, d, m in zip(size, kernel, stride, dilation, more, strict=True):
        full = s * (n - 1) + d * (k - 1) + 1 + m
        before = draw(st.integers(0, min(2, full - 1)))
        padding.append((before, draw(st.integers(0, min(2, full - 1 - before)))))
    op = ops.ConvTranspose(
        groups * draw(st.integers(1, 4)),
        tuple(kernel),
        tuple(stride),
        tuple(padding),
        tuple(dilation),
        groups,
        tuple(more),
    )
    return Case(op, (draw(st.integers(1, 2)), groups * inner, *size), draw(_seeds))


@st.composite
def dense(draw: Draw) -> Case:
    features = draw(_channels)
    op = ops.Dense(features, draw(st.integers(1, 70)), draw(st.booleans()))
    rows = draw(st.lists(st.integers(1, 3), min_size=1, max_size=2))
    return Case(op, (*rows, features), draw(_seeds), draw(st.booleans()))


def conv_weight(op: ops.Conv, shape: tuple[int, ...]) -> tuple[int, ...]:
    return (op.out_channels, shape[1] // op.groups, *op.kernel)


def with_bias(case: Case, random: np.random.Generator, outputs: int) -> dict[str, Array]:
    """Whole numbers, so that adding them is exact too."""
    return {"bias": random.integers(-9, 9, outputs).astype(np.float32)} if case.bias else {}


# Binary layers equal integer sums


@pytest.mark.slow
@settings(max_examples=1200)
@given(convolutions())
def test_convolution_equals_integer_sums(case: Case) -> None:
    op = case.op
    assert isinstance(op, ops.Conv)
    random = np.random.default_rng(case.seed)
    images = [bipolar(random, case.shape) for _ in range(2)]
    weight = bipolar(random, conv_weight(op, case.shape))
    bias = with_bias(case, random, op.out_channels)
    shift = bias["bias"].reshape(-1, *(1,) * len(op.kernel)) if bias else 0
    memos: dict[str, dict[str, Any]] = {name: {} for name in ENGINES}
    for image in images:
        expected = convolved(image.astype(np.int64), weight.astype(np.int64), op, op.pad_value)
        for name, memo in memos.items():
            assert_array_equal(
                found(name, op, (image,), {"weight": weight, **bias}, memo=memo),
                expected + shift,
                name,
            )


@pytest.mark.parametrize("engine", ENGINES)
def test_every_number_of_channels(engine: str) -> None:
    """1 to 200 channels with every padding value, on the border and inside."""
    for channels in range(1, 201):
        random = np.random.default_rng(channels)
        image, weight = bipolar(random, (1, channels, 4, 3)), bipolar(random, (2, channels, 2, 2))
        for value in (-1, 0, 1):
            op = ops.Conv(2, (2, 2), (1, 1), ((1, 0), (0, 1)), (1, 1), 1, value)
            expected = convolved(image.astype(np.int64), weight.astype(np.int64), op, value)
            result = found(engine, op, (image,), {"weight": weight})
            assert_array_equal(result, expected, f"{channels} channels, padding of {value}")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("groups", [1, 2])
def test_no_image_has_no_sums(engine: str, groups: int) -> None:
    op = ops.Conv(4, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), groups)
    weight = np.ones((4, 6 // groups, 3, 3), np.int8)
    image = np.ones((0, 6, 5, 7), np.int8)
    assert found(engine, op, (image,), {"weight": weight}).shape == (0, 4, 5, 7)


@settings(max_examples=400)
@given(dense())
def test_dense_equals_integer_sums(case: Case) -> None:
    op = case.op
    assert isinstance(op, ops.Dense)
    random = np.random.default_rng(case.seed)
    data = bipolar(random, case.shape)
    weight = bipolar(random, (op.in_features, op.out_features))
    bias = with_bias(case, random, op.out_features)
    expected = data.astype(np.int64) @ weight.astype(np.int64) + bias.get("bias", 0)
    given = np.ascontiguousarray(weight.T) if op.transpose_weight else weight
    for name in ENGINES:
        assert_array_equal(found(name, op, (data,), {"weight": given, **bias}), expected, name)


@settings(max_examples=250)
@given(transposed())
def test_transposed_convolution_equals_integer_scatter(case: Case) -> None:
    op = case.op
    assert isinstance(op, ops.ConvTranspose)
    random = np.random.default_rng(case.seed)
    image = bipolar(random, case.shape)
    weight = bipolar(random, (case.shape[1], op.out_channels // op.groups, *op.kernel))
    expected = scattered(image.astype(np.int64), weight.astype(np.int64), op)
    for name in ENGINES:
        assert_array_equal(found(name, op, (image,), {"weight": weight}), expected, name)


# Scaling, against the paper's formulas in float64


@settings(max_examples=150)
@given(convolutions())
def test_alpha_is_the_mean_magnitude_of_a_filter(case: Case) -> None:
    """y = dot(sign(I), sign(W)) * mean|W|, within 1e-6 of float64."""
    op = case.op
    assert isinstance(op, ops.Conv)
    random = np.random.default_rng(case.seed)
    image = bipolar(random, case.shape)
    latent = random.standard_normal(conv_weight(op, case.shape)).astype(np.float32)
    dots = convolved(image.astype(np.int64), signs(latent).astype(np.int64), op, op.pad_value)
    mean = np.abs(latent.astype(np.float64)).reshape(op.out_channels, -1).mean(axis=1)
    expected = dots * mean.reshape(-1, *(1,) * len(op.kernel))
    scheme = replace(PLAIN, scaling=Scaling.ALPHA)
    held = {"weight": signs(latent), "alpha": alphas(latent, op)}
    for name in ENGINES:
        assert_allclose(found(name, op, (image,), held, scheme), expected, rtol=1e-6)


def input_map(image: Array, op: ops.Conv, border: Border) -> Array:
    """K in float64: |I| averaged over a group's channels, then under the filter's box."""
    magnitude = np.abs(image.astype(np.float64))
    batch, _, *size = image.shape
    A = magnitude.reshape(batch, op.groups, -1, *size).mean(axis=2)
    read, out = windows(A, op, 0.0)
    inside, _ = windows(np.ones_like(A), op, 0.0)
    taps = len(read) if border is Border.ZERO else np.maximum(inside.sum(axis=0), 1)
    return (read.sum(axis=0) / taps).reshape(batch, op.groups, *out)


@pytest.mark.parametrize("border", Border)
@settings(max_examples=150)
@given(case=convolutions())
def test_alpha_k_is_the_map_of_the_paper(border: Border, case: Case) -> None:
    """y = dot * alpha * K, within 1e-6 of float64; K has the layer's stride, padding, dilation."""
    op = case.op
    assert isinstance(op, ops.Conv)
    random = np.random.default_rng(case.seed)
    image = random.standard_normal(case.shape).astype(np.float32)
    latent = random.standard_normal(conv_weight(op, case.shape)).astype(np.float32)
    scheme = replace(PLAIN, scaling=Scaling.ALPHA_K, border=border)
    held = {"weight": signs(latent), "alpha": alphas(latent, op)}
    dots = convolved(
        signs(image).astype(np.int64), held["weight"].astype(np.int64), op, op.pad_value
    )
    alpha = held["alpha"].astype(np.float64).reshape(-1, *(1,) * len(op.kernel))
    K = np.repeat(input_map(image, op, border), op.out_channels // op.groups, axis=1)
    for name in ENGINES:
        result = found(name, op, (signs(image), image), held, scheme)
        assert_allclose(result, dots * alpha * K, rtol=1e-6)


@settings(max_examples=100)
@given(dense())
def test_dense_alpha_k_has_one_beta_a_row(case: Case) -> None:
    """y = dot * alpha * mean|X|, within 1e-6 of float64."""
    op = case.op
    assert isinstance(op, ops.Dense)
    random = np.random.default_rng(case.seed)
    data = random.standard_normal(case.shape).astype(np.float32)
    latent = random.standard_normal((op.in_features, op.out_features)).astype(np.float32)
    latent = np.ascontiguousarray(latent.T) if op.transpose_weight else latent
    held = {"weight": signs(latent), "alpha": alphas(latent, op)}
    weight = held["weight"].T if op.transpose_weight else held["weight"]
    dots = signs(data).astype(np.int64) @ weight.astype(np.int64)
    beta = np.abs(data.astype(np.float64)).mean(axis=-1, keepdims=True)
    scheme = replace(PLAIN, scaling=Scaling.ALPHA_K)
    for name in ENGINES:
        result = found(name, op, (signs(data), data), held, scheme)
        assert_allclose(result, dots * held["alpha"].astype(np.float64) * beta, rtol=1e-6)


@settings(max_examples=150)
@given(convolutions(pads=(0,)))
def test_binary_weight_convolution_adds_and_subtracts(case: Case) -> None:
    """y = alpha * (sum of +-I), within 1e-5 of float64, relative to the largest |y| possible.

    That is alpha * sum|I|: sums of both signs cancel, and what is left has the error of its terms.
    """
    op = case.op
    assert isinstance(op, ops.Conv)
    random = np.random.default_rng(case.seed)
    image = random.standard_normal(case.shape).astype(np.float32)
    latent = random.standard_normal(conv_weight(op, case.shape)).astype(np.float32)
    held = {"weight": signs(latent), "alpha": alphas(latent, op)}
    wide, ones = image.astype(np.float64), np.ones(latent.shape)
    alpha = held["alpha"].astype(np.float64).reshape(-1, *(1,) * len(op.kernel))
    expected = convolved(wide, held["weight"].astype(np.float64), op) * alpha
    largest = convolved(np.abs(wide), ones, op) * alpha
    for name in ENGINES:
        result = found(name, op, (image,), held, BWN)
        assert np.all(np.abs(result - expected) <= 1e-5 * largest)
