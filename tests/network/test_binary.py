"""Binary weights: signs and scales, filter by filter."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from xnorsim import zoo
from xnorsim.network.binary import alphas, filters, signs
from xnorsim.network.graph import Parameter
from xnorsim.network.ops import Conv, ConvTranspose, Dense
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import Scaling


def loaded(parameter: Parameter) -> np.ndarray:
    assert parameter.load is not None
    return parameter.load()


RANDOM = np.random.default_rng(2020)


def test_sign_of_zero_is_one_for_both_zeros():
    found = signs(np.array([-1.5, -0.0, 0.0, 2.0], dtype=np.float32))
    np.testing.assert_array_equal(found, np.array([-1, 1, 1, 1], dtype=np.int8))


def window(kind, out, groups):
    return kind(out, (2, 3), (1, 1), ((0, 0),) * 2, (1, 1), groups)


@pytest.mark.parametrize("groups", [1, 2])
def test_alpha_is_the_mean_magnitude_of_each_filter(groups):
    op = window(Conv, 4, groups)
    weight = RANDOM.standard_normal((4, 6 // groups, 2, 3)).astype(np.float32)
    expected = [np.mean(np.abs(weight[i]), dtype=np.float64) for i in range(4)]
    np.testing.assert_allclose(alphas(weight, op), expected, rtol=1e-7)
    assert filters(op) == 4


@pytest.mark.parametrize("groups", [1, 2])
def test_alpha_of_a_transposed_convolution_gathers_its_filter(groups):
    op = window(ConvTranspose, 4, groups)
    weight = RANDOM.standard_normal((6, 4 // groups, 2, 3)).astype(np.float32)
    inputs, outputs = 6 // groups, 4 // groups
    expected = [
        np.mean(np.abs(weight[g * inputs : (g + 1) * inputs, o]), dtype=np.float64)
        for g in range(groups)
        for o in range(outputs)
    ]
    np.testing.assert_allclose(alphas(weight, op), expected, rtol=1e-7)


@pytest.mark.parametrize("transposed", [False, True])
def test_alpha_of_a_dense_layer_is_over_its_inputs(transposed):
    weight = RANDOM.standard_normal((5, 3)).astype(np.float32)  # 5 inputs, 3 filters
    expected = np.abs(weight).mean(axis=0, dtype=np.float64)
    op = Dense(5, 3, transpose_weight=transposed)
    np.testing.assert_allclose(alphas(weight.T if transposed else weight, op), expected, rtol=1e-7)


def test_a_binarized_network_loads_what_its_layers_read():
    graph = apply(zoo.build("resnet18"), Policy(Binarize.XNOR, scaling=Scaling.ALPHA))
    node = graph.node("stage1.0.conv1")
    assert isinstance(node.op, Conv)
    latent = loaded(zoo.build("resnet18").parameters["stage1.0.conv1.weight"])
    weight, alpha = (graph.parameters[node.parameters[role]] for role in ("weight", "alpha"))
    np.testing.assert_array_equal(loaded(weight), np.where(latent >= 0, 1, -1))
    assert loaded(weight).shape == weight.spec.shape
    np.testing.assert_array_equal(loaded(alpha), alphas(latent, node.op))
    assert loaded(alpha).shape == alpha.spec.shape == (64,)
    np.testing.assert_array_equal(loaded(pickle.loads(pickle.dumps(weight))), loaded(weight))


def test_alpha_minimizes_the_error():
    """alpha = mean|W| is the least-squares scale of sign(W): any other is worse."""
    weight = RANDOM.standard_normal((1, 4, 3, 3))
    op = Conv(1, (3, 3), (1, 1), ((0, 0),) * 2, (1, 1))
    alpha = float(alphas(weight, op)[0])

    def error(scale: float) -> float:
        return float(np.square(weight - scale * signs(weight)).sum())

    assert error(alpha) < min(error(alpha * 1.01), error(alpha * 0.99))
