"""How far a binarized network is off, against the same in plain numpy."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest

from xnorsim.errors import UsageError
from xnorsim.exact.execute import execute, prepare
from xnorsim.exact.fidelity import approximated, closeness, fidelity, worst_first
from xnorsim.network.binary import alphas
from xnorsim.network.graph import Graph
from xnorsim.network.ops import Conv, ConvTranspose, Dense
from xnorsim.network.policy import Binarize, Policy
from xnorsim.network.precision import Scaling
from xnorsim.zoo.builder import Builder

XNOR = Policy(Binarize.XNOR)


def pointwise() -> Graph:
    """A float layer, two to become binary (the second reads signs of both kinds), a classifier."""
    b = Builder("pointwise", input=(3, 4, 5, 5))
    x = b.batch_norm(b.conv(b.input, 8, 1, name="first"), name="norm")
    x = b.batch_norm(b.conv(x, 6, 1, bias=False, name="one"), name="between")
    x = b.conv(x, 7, 1, bias=False, name="two")
    return b.graph(b.dense(b.flatten(b.global_average_pool(x)), 10, name="last"))


def image(graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    shapes = {name: graph.tensors[name].shape for name in graph.inputs}
    return {n: generator.standard_normal(s).astype(np.float32) for n, s in shapes.items()}


def value_of(graph: Graph, name: str) -> np.ndarray:
    load = graph.parameters[name].load
    assert load is not None
    return load()


@pytest.mark.parametrize(
    ("x", "y", "cosine", "snr_db", "reason"),
    [
        ([1, 2], [1, 2], 1, math.inf, "equal"),
        ([1, 2], [-1, -2], -1, 10 * math.log10(1 / 4), "opposite: twice as far as long"),
        ([1, 0], [0, 1], 0, 10 * math.log10(1 / 2), "orthogonal"),
        ([2, 4], [1, 2], 1, 10 * math.log10(4), "half as long"),
        ([0, 0], [0, 0], math.nan, math.inf, "nothing: no angle, and no error"),
        ([3, 4], [0, 0], math.nan, 0, "all of it is lost"),
        ([0, 0], [3, 4], math.nan, -math.inf, "all of it is error"),
    ],
)
def test_closeness_by_hand(x, y, cosine, snr_db, reason):
    found = closeness(np.array(x, np.float32), np.array(y, np.float32))
    assert found.cosine == pytest.approx(cosine, nan_ok=True), reason
    assert found.snr_db == pytest.approx(snr_db), reason


def test_closeness_of_more_elements_than_are_summed_at_once():
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal((2, 3, 700_001))
    found = closeness(x, y)
    norms = np.linalg.norm(x) * np.linalg.norm(y)
    assert found.cosine == pytest.approx(np.vdot(x, y) / norms, rel=1e-9)
    ratio = np.sum(x**2) / np.sum((x - y) ** 2)
    assert found.snr_db == pytest.approx(10 * np.log10(ratio), rel=1e-9)


def _conv_filters(w, op):
    return [np.s_[i] for i in range(op.out_channels)]


def _transposed_filters(w, op):
    """Filter o of group g lies across the inputs of its group."""
    inputs = w.shape[0] // op.groups
    return [
        np.s_[g * inputs : (g + 1) * inputs, o] for g in range(op.groups) for o in range(w.shape[1])
    ]


_ONES = {"kernel": (3, 2), "stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1)}


@pytest.mark.parametrize(
    ("op", "shape", "filters"),
    [
        (Conv(6, **_ONES), (6, 5, 3, 2), _conv_filters),
        (Conv(6, **_ONES, groups=3), (6, 2, 3, 2), _conv_filters),
        (ConvTranspose(5, **_ONES), (4, 5, 3, 2), _transposed_filters),
        (ConvTranspose(6, **_ONES, groups=2), (4, 3, 3, 2), _transposed_filters),
        (Dense(5, 7), (5, 7), lambda w, op: [np.s_[:, i] for i in range(7)]),
        (Dense(5, 7, transpose_weight=True), (7, 5), lambda w, op: [np.s_[i] for i in range(7)]),
    ],
)
def test_weights_are_scaled_filter_by_filter(op, shape, filters):
    weight = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    expected = np.full(shape, np.nan, np.float32)
    for filter in filters(weight, op):
        expected[filter] = np.abs(weight[filter]).mean() * np.where(weight[filter] >= 0, 1, -1)
    found = approximated(op, weight, alphas(weight, op))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_array_equal(approximated(op, weight, None), np.sign(expected))


def test_the_weights_of_gaussian_layers_are_all_equally_near():
    b = Builder("wide", input=(1, 64, 2, 2))
    x = b.conv(b.conv(b.conv(b.input, 64, 3, padding=1), 256, 3, padding=1), 8, 3, padding=1)
    graph = b.graph(x)
    layers = fidelity(graph, Policy(Binarize.XNOR, keep=()), image(graph)).layers
    for layer in layers:
        assert layer.weights.cosine == pytest.approx(math.sqrt(2 / math.pi), abs=0.01)


def test_outputs_are_those_of_the_formula():
    """XNOR: the convolution of sign(I) with alpha B; BWN: of I with alpha B."""
    graph = pointwise()
    inputs = image(graph)
    kept = execute(prepare(graph), inputs, keep=["norm", "between", "one", "two"]).kept
    first, second = (value_of(graph, f"{name}.weight") for name in ("one", "two"))

    def layer(weight, x, signed):
        w = weight[:, :, 0, 0].astype(np.float64)
        w = np.abs(w).mean(axis=1, keepdims=True) * np.where(w >= 0, 1, -1)
        return np.einsum("oc,nchw->nohw", w, np.where(x >= 0, 1, -1) if signed else x)

    for how in ("xnor", "bwn"):
        policy = Policy(Binarize(how))
        found = fidelity(graph, policy, inputs)
        assert [item.name for item in found.layers] == ["one", "two"]
        one = closeness(kept["one"], layer(first, kept["norm"], how == "xnor"))
        two = closeness(kept["two"], layer(second, kept["between"], how == "xnor"))
        assert found.layers[0].exact.cosine == pytest.approx(one.cosine, rel=1e-5), how
        assert found.layers[1].exact.cosine == pytest.approx(two.cosine, rel=1e-5), how
        assert found.layers[1].exact.snr_db == pytest.approx(two.snr_db, rel=1e-4), how
        # nothing before the first layer is binary, so what comes down to it is exact
        assert found.layers[0].exact == found.layers[0].propagated
        assert found.layers[1].exact != found.layers[1].propagated


def test_what_is_propagated_is_what_the_binarized_network_computes():
    from xnorsim.network.policy import apply

    graph = pointwise()
    inputs = image(graph)
    binary = execute(prepare(apply(graph, XNOR)), inputs, keep=["two"])
    exact = execute(prepare(graph), inputs, keep=["two"])
    found = fidelity(graph, XNOR, inputs)
    assert found.layers[1].propagated == closeness(exact.kept["two"], binary.kept["two"])
    (output,) = found.outputs
    assert output.closeness == closeness(exact.outputs["last"], binary.outputs["last"])
    classes = [run.outputs["last"].argmax(axis=1) for run in (exact, binary)]
    assert output.top1 == np.mean(classes[0] == classes[1])


@pytest.mark.parametrize("scaling", list(Scaling))
def test_engines_agree_with_every_scaling(scaling):
    graph = pointwise()
    policy = Policy(Binarize.XNOR, scaling=scaling)
    found = [fidelity(graph, policy, image(graph), engine) for engine in ("blas", "packed")]
    assert found[0] == found[1]


def test_layers_are_ranked_by_the_error_of_exact_inputs():
    graph = pointwise()
    found = fidelity(graph, XNOR, image(graph)).layers
    order = worst_first(found)
    assert [item.rank for item in order] == [1, 2]
    assert order[0].exact.cosine <= order[1].exact.cosine


def test_a_layer_behind_a_relu_reads_nothing_but_ones():
    b = Builder("blind", input=(1, 4, 4, 4))
    x = b.relu(b.conv(b.input, 4, 1, name="first"))
    x = b.conv(x, 4, 1, name="blind")
    graph = b.graph(b.conv(b.batch_norm(x), 4, 1, name="sees"), b.relu(x))
    found = fidelity(graph, Policy(Binarize.XNOR, keep=("first",)), image(graph))
    shares = [item.positive for item in found.layers]
    assert shares[0] == 1
    assert 0 < (shares[1] or 0) < 1
    assert any("every input of blind is +1" in note for note in found.notes)
    bwn = fidelity(graph, Policy(Binarize.BWN, keep=("first",)), image(graph))
    assert [item.positive for item in bwn.layers] == [None, None]
    assert not any("behind a ReLU" in note for note in bwn.notes)


def test_one_sign_may_have_several_readers():
    b = Builder("shared", input=(1, 4, 4, 4))
    x = b.batch_norm(b.conv(b.input, 4, 1, name="first"))
    left, right = b.conv(x, 4, 1, name="left"), b.conv(x, 4, 3, padding=1, name="right")
    graph = b.graph(b.add(left, right))
    found = fidelity(graph, Policy(Binarize.XNOR, keep=("first",)), image(graph))
    assert [item.name for item in found.layers] == ["left", "right"]
    assert found.outputs[0].top1 is None, "an image is no row of classes"


def test_progress_is_told():
    graph = pointwise()
    told = []
    fidelity(graph, XNOR, image(graph), progress=lambda *args: told.append(args))
    assert told == [(i, len(graph.nodes)) for i in range(1, len(graph.nodes) + 1)]


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (Policy(), "binarize is none: choose bwn or xnor"),
        (
            Policy(Binarize.XNOR, keep=("*",)),
            r"high_precision '\*' keeps all 4: .*--high-precision none",
        ),
    ],
)
def test_a_policy_that_changes_nothing_is_refused(policy, reason):
    graph = pointwise()
    with pytest.raises(UsageError, match=f"no layer becomes binary: {reason}"):
        fidelity(graph, policy, image(graph))


def test_a_network_of_other_layers_is_refused():
    b = Builder("plain", input=(1, 4, 4, 4))
    graph = b.graph(b.relu(b.input))
    with pytest.raises(UsageError, match="none has constant float filters"):
        fidelity(graph, Policy(Binarize.BWN), image(graph))
    b = Builder("depth", input=(1, 4, 4, 4))
    graph = b.graph(b.conv(b.input, 4, 3, groups=4))
    with pytest.raises(UsageError, match="all are depthwise convolutions"):
        fidelity(graph, Policy(Binarize.BWN, keep=()), image(graph))


def test_dead_tensors_are_freed():
    """Both networks at once: far less than the 2 x 24 activations of both."""
    b = Builder("deep", input=(1, 16, 128, 128))
    x = b.input
    for _ in range(24):
        x = b.conv(x, 16, 1, bias=False)
    graph = b.graph(b.global_average_pool(x))
    inputs = image(graph)
    one = 4 * 16 * 128 * 128
    tracemalloc.start()
    fidelity(graph, Policy(Binarize.XNOR, keep=()), inputs)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * one, "activations, and what closeness sums at once"


def binary_network(between: bool) -> Graph:
    """Two layers that are binary by themselves, and a float one between them or none."""
    b = Builder("binary", input=(1, 4, 4, 4))
    x = b.binary_conv(b.sign(b.conv(b.input, 8, 1, name="first")), 8, 1, name="b0")
    if between:
        x = b.conv(x, 8, 1, name="middle")
    x = b.binary_conv(b.sign(x), 8, 1, name="b1")
    return b.graph(b.dense(b.flatten(x), 3, name="last"))


def test_layers_that_are_binary_already_are_told():
    told = "2 layers are binary already, and the same in both networks: b0, b1"
    graph = binary_network(between=True)
    found = fidelity(graph, XNOR, image(graph))
    assert [item.name for item in found.layers] == ["middle"]
    assert told in found.notes
    graph = binary_network(between=False)
    with pytest.raises(UsageError, match=f"keeps all 2: .*; {told}"):
        fidelity(graph, XNOR, image(graph))
    graph = pointwise()
    assert not any("already" in note for note in fidelity(graph, XNOR, image(graph)).notes)
