"""The builder: names, shapes, faults, and weights that are the same everywhere."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xnorsim import zoo
from xnorsim.errors import ModelError, ShapeError, UsageError
from xnorsim.exact.execute import execute, prepare
from xnorsim.network import ops
from xnorsim.network.graph import Graph
from xnorsim.network.precision import BIPOLAR, ENCODINGS, FLOAT32, INT8, XNOR, Scaling, Scheme
from xnorsim.zoo.builder import Builder


def load(graph: Graph, name: str) -> np.ndarray:
    loader = graph.parameters[name].load
    assert loader is not None
    return loader()


def fresh() -> Builder:
    return Builder("tiny", input=(2, 6, 8, 10))


SHAPES: dict[str, tuple[Callable[[Builder], str], tuple[int, ...]]] = {
    "conv": (lambda b: b.conv(b.input, 4, 3), (2, 4, 6, 8)),
    "conv, sizes by axis": (
        lambda b: b.conv(b.input, 4, (3, 1), stride=(1, 2), padding=(1, 0)),
        (2, 4, 8, 5),
    ),
    "conv in groups": (lambda b: b.conv(b.input, 4, 3, groups=2, bias=False), (2, 4, 6, 8)),
    "dilated conv": (lambda b: b.conv(b.input, 4, 3, dilation=2, padding=2), (2, 4, 8, 10)),
    "conv, same": (lambda b: b.conv(b.input, 4, 3, stride=3, padding="same"), (2, 4, 3, 4)),
    "binary_conv": (lambda b: b.binary_conv(b.sign(b.input), 4, 3), (2, 4, 6, 8)),
    "dense": (lambda b: b.dense(b.flatten(b.input), 7), (2, 7)),
    "dense over the last axis": (lambda b: b.dense(b.input, 7), (2, 6, 8, 7)),
    "binary_dense": (lambda b: b.binary_dense(b.sign(b.flatten(b.input)), 7), (2, 7)),
    "batch_norm": (lambda b: b.batch_norm(b.input), (2, 6, 8, 10)),
    "relu": (lambda b: b.relu(b.input), (2, 6, 8, 10)),
    "sign": (lambda b: b.sign(b.input), (2, 6, 8, 10)),
    "quantize": (lambda b: b.quantize(b.input, INT8, scale=0.5), (2, 6, 8, 10)),
    "max_pool": (lambda b: b.max_pool(b.input, 2), (2, 6, 4, 5)),
    "max_pool, same": (lambda b: b.max_pool(b.input, 3, padding="same"), (2, 6, 3, 4)),
    "max_pool, ceil": (
        lambda b: b.max_pool(b.input, 3, stride=2, ceil_mode=True),
        (2, 6, 4, 5),
    ),
    "average_pool": (lambda b: b.average_pool(b.input, 3, stride=1, padding=1), (2, 6, 8, 10)),
    "global_average_pool": (lambda b: b.global_average_pool(b.input), (2, 6, 1, 1)),
    "add": (lambda b: b.add(b.input, b.global_average_pool(b.input)), (2, 6, 8, 10)),
    "concat": (lambda b: b.concat(b.input, b.relu(b.input), b.input), (2, 18, 8, 10)),
    "lrn": (lambda b: b.lrn(b.input, 5, alpha=1e-4, beta=0.75, bias=1.0), (2, 6, 8, 10)),
    "flatten": (lambda b: b.flatten(b.input), (2, 480)),
    "dropout": (lambda b: b.dropout(b.input), (2, 6, 8, 10)),
    "softmax": (lambda b: b.softmax(b.input), (2, 6, 8, 10)),
}


@pytest.mark.parametrize("case", SHAPES)
def test_what_a_method_adds(case: str) -> None:
    b = fresh()
    add, expected = SHAPES[case]
    tensor = add(b)
    assert b.shape(tensor) == expected
    graph = b.graph(tensor, source="a test")
    assert graph.outputs == (tensor,)
    assert graph.tensors[tensor].shape == expected
    assert graph.metadata == {"format": "zoo", "source": "a test"}


def test_every_method_is_in_the_table() -> None:
    methods = {name for name in vars(Builder) if not name.startswith("_")}
    assert methods - {"shape", "graph", "layer"} == {case.split(",")[0] for case in SHAPES} - {
        "conv in groups",
        "dilated conv",
        "dense over the last axis",
    }


def test_layers_are_numbered_by_kind_past_names_already_taken() -> None:
    b = fresh()
    assert b.conv(b.input, 4, 3, name="conv2") == "conv2"
    assert [b.conv(b.input, 4, 3) for _ in range(2)] == ["conv1", "conv3"]
    assert b.max_pool(b.input, 2) == "max_pool1"


def test_a_name_is_given_once() -> None:
    b = fresh()
    b.relu(b.input, name="same")
    with pytest.raises(ModelError, match="tiny: two layers are called 'same'"):
        b.relu(b.input, name="same")
    with pytest.raises(ModelError, match="'input'"):
        b.relu(b.input, name="input")


def test_a_tensor_that_is_not_there() -> None:
    b = fresh()
    with pytest.raises(UsageError, match="tiny: no tensor 'inptu': did you mean input"):
        b.relu("inptu")


@pytest.mark.parametrize(
    ("add", "message"),
    [
        (lambda b: b.conv(b.input, 4, 3, stride=0, name="c"), "tiny: layer 'c': conv: stride .* 0"),
        (lambda b: b.conv(b.input, 4, 3, stride=0, padding="same"), "conv: stride .* 0"),
        (lambda b: b.conv(b.input, 4, 3, groups=4), "groups 4 does not divide 6 input channels"),
        (lambda b: b.conv(b.input, 4, 3, groups=0), "groups must be at least 1, not 0"),
        (lambda b: b.conv(b.input, 4, 11), "larger than the padded input of 8"),
        (lambda b: b.add(b.input, b.conv(b.input, 6, 3)), r"add1': add: shapes .* do not broadc"),
        (lambda b: b.concat(b.input, b.max_pool(b.input, 2)), "outside axis 1"),
    ],
)
def test_what_does_not_fit_names_network_layer_and_values(
    add: Callable[[Builder], str], message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        add(fresh())


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation", "expected", "why"),
    [
        (224, 3, 2, 1, (0, 1), "112 windows reach 225: the odd one stands at the end"),
        (224, 7, 2, 1, (2, 3), "112 windows reach 229"),
        (224, 11, 4, 1, (3, 4), "56 windows reach 231: Larq's AlexNets"),
        (55, 3, 2, 1, (1, 1), "28 windows reach 57"),
        (56, 3, 1, 2, (2, 2), "a filter of 3 taps, 2 apart, reaches over 5"),
        (56, 2, 2, 1, (0, 0), "nothing is left over"),
        (8, 1, 3, 1, (0, 0), "windows that do not touch need no padding"),
    ],
)
def test_same_padding(
    size: int, kernel: int, stride: int, dilation: int, expected: tuple[int, int], why: str
) -> None:
    b = Builder("tiny", input=(1, 2, size, size))
    b.conv(b.input, 4, kernel, stride=stride, dilation=dilation, padding="same", name="c")
    graph = b.graph("c")
    op = graph.node("c").op
    assert isinstance(op, ops.Conv)
    assert op.padding == (expected, expected), why
    assert graph.tensors["c"].shape[2] == -(-size // stride)


def test_padding_has_one_word() -> None:
    with pytest.raises(UsageError, match="tiny: padding 'valid': numbers or 'same' are valid"):
        fresh().conv("input", 4, 3, padding="valid")  # type: ignore[arg-type]


def test_binary_conv_over_signs_and_over_floats() -> None:
    b = fresh()
    b.binary_conv(b.input, 4, 3, name="first")
    b.binary_conv(b.sign("first"), 5, 3, scaling=Scaling.ALPHA, pad_value=1, name="second")
    graph = b.graph("second")
    first, second = graph.node("first"), graph.node("second")
    assert first.scheme == Scheme(BIPOLAR, FLOAT32)
    assert second.scheme == XNOR
    assert isinstance(second.op, ops.Conv)
    assert second.op.pad_value == 1
    assert (set(first.parameters), set(second.parameters)) == ({"weight"}, {"weight", "alpha"})
    assert {graph.parameters[n.parameters["weight"]].spec.encoding for n in (first, second)} == {
        BIPOLAR
    }
    # The signs and the scale are those of the weights that a float layer of the name would have.
    latent = Builder("tiny", input=(2, 4, 6, 8))
    latent.conv("input", 5, 3, bias=False, name="second")
    weight = load(latent.graph("second"), "second.weight")
    signs = load(graph, second.parameters["weight"])
    np.testing.assert_array_equal(signs, np.where(weight >= 0, 1, -1))
    scale = np.abs(weight.astype(np.float64)).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(load(graph, second.parameters["alpha"]), scale, rtol=1e-6)


def test_binary_dense_has_the_signs_and_the_scale_of_a_dense_layer() -> None:
    b = fresh()
    flat = b.flatten(b.input)
    b.binary_dense(flat, 7, name="first")
    b.binary_dense(b.sign("first"), 5, scaling=Scaling.ALPHA, name="second")
    graph = b.graph("second")
    first, second = graph.node("first"), graph.node("second")
    assert (first.scheme, second.scheme) == (Scheme(BIPOLAR, FLOAT32), XNOR)
    assert (set(first.parameters), set(second.parameters)) == ({"weight"}, {"weight", "alpha"})
    latent = Builder("tiny", input=(2, 7))
    latent.dense("input", 5, bias=False, name="second")
    weight = load(latent.graph("second"), "second.weight")
    assert weight.shape == (5, 7)
    signs = load(graph, second.parameters["weight"])
    np.testing.assert_array_equal(signs, np.where(weight >= 0, 1, -1))
    scale = np.abs(weight.astype(np.float64)).mean(axis=1)
    np.testing.assert_allclose(load(graph, second.parameters["alpha"]).ravel(), scale, rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "roles"),
    [
        ({}, {"scale", "shift", "mean", "variance"}),
        ({"scale": False}, {"shift", "mean", "variance"}),
        ({"scale": False, "shift": False}, {"mean", "variance"}),
    ],
)
def test_batch_norm_has_the_vectors_asked_for(given: dict[str, bool], roles: set[str]) -> None:
    b = fresh()
    graph = b.graph(b.batch_norm(b.input, name="bn", **given))
    assert set(graph.node("bn").parameters) == roles
    assert {name.partition(".")[2] for name in graph.parameters} == roles


def test_a_failed_layer_leaves_nothing_behind() -> None:
    b = fresh()
    with pytest.raises(ShapeError):
        b.conv(b.input, 4, 11, name="big")
    kept = b.graph(b.relu(b.input))
    assert "big" not in kept.tensors
    assert not kept.parameters


def test_layer_takes_any_kind() -> None:
    b = fresh()
    assert b.shape(b.layer(ops.Transpose((0, 2, 3, 1)), b.input)) == (2, 8, 10, 6)


def test_nothing_is_allocated_before_it_is_loaded() -> None:
    tracemalloc.start()
    graph = zoo.build("vgg19")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5e6  # the weights are 575 MB
    assert load(graph, "conv1_1.weight").shape == (64, 3, 3, 3)


@pytest.mark.parametrize("name", ["conv1.weight", "batch_norm1.variance", "fc.bias"])
def test_values_fit_their_spec(name: str) -> None:
    graph = zoo.build("resnet18")
    values = load(graph, name)
    assert values.shape == graph.parameters[name].spec.shape
    assert values.dtype == np.float32
    assert np.isfinite(values).all()


def test_weights_have_the_variance_of_he() -> None:
    weights = load(zoo.build("resnet18"), "stage4.1.conv2.weight")
    # 2.4 M draws: the deviation is within 0.1 % (five standard errors are 0.23 %).
    assert weights.std() == pytest.approx((2 / (512 * 9)) ** 0.5, rel=2.3e-3)
    assert abs(weights.mean()) < 5 * weights.std() / weights.size**0.5


def test_batch_norm_statistics_are_sane() -> None:
    graph = zoo.build("resnet18")
    for role in ("scale", "variance"):
        values = load(graph, f"batch_norm20.{role}")
        assert values.min() >= 0.5
        assert values.max() <= 1.5
    for role in ("shift", "mean"):
        assert np.abs(load(graph, f"batch_norm20.{role}")).max() < 0.6


def test_parameters_differ_from_each_other_and_with_the_seed() -> None:
    def values(seed: int, layer: str, network: str = "net") -> np.ndarray:
        b = Builder(network, input=(1, 3, 8, 8), seed=seed)
        return load(b.graph(b.conv(b.input, 4, 3, name=layer)), f"{layer}.weight")

    first = values(0, "a")
    np.testing.assert_array_equal(first, values(0, "a"))
    for other in (values(1, "a"), values(0, "b"), values(0, "a", "other")):
        assert not np.array_equal(first, other)


DIGEST = """
import hashlib
from xnorsim import zoo
graph = zoo.build("resnet18", batch=3)
print(hashlib.sha256(graph.parameters["stage1.0.conv1.weight"].load().tobytes()).hexdigest())
"""


def test_weights_are_the_same_in_another_process(project: Path) -> None:
    values = load(zoo.build("resnet18"), "stage1.0.conv1.weight")
    other = subprocess.run(
        [sys.executable, "-c", DIGEST],
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert other.stdout.strip() == hashlib.sha256(values.tobytes()).hexdigest()


def test_a_graph_can_be_sent_to_another_process() -> None:
    graph = zoo.build("resnet18")
    sent = pickle.loads(pickle.dumps(graph))
    np.testing.assert_array_equal(load(sent, "fc.bias"), load(graph, "fc.bias"))
    assert sent.nodes == graph.nodes


def test_what_a_quantizer_gives_is_rounded_saturated_and_known_to_the_layer_that_reads_it() -> None:
    b = Builder("tiny", input=(1, 8))
    x = b.quantize(b.input, ENCODINGS["uint2"], scale=1 / 3, name="thirds")
    y = b.binary_dense(x, 2, name="fc")
    graph = b.graph(x, y)
    assert graph.node("fc").scheme == Scheme(BIPOLAR, ENCODINGS["uint2"])
    image = np.array([[-1, -0.1, 0.1, 0.2, 0.45, 0.55, 0.9, 7]], np.float32)
    found = execute(prepare(graph, "packed"), {"input": image}).outputs
    thirds = np.array([[0, 0, 0, 1, 1, 2, 3, 3]], np.float32) * np.float32(1 / 3)
    np.testing.assert_array_equal(found["thirds"], thirds)
    np.testing.assert_allclose(found["fc"], thirds @ load(graph, "fc.weight.binary").T, atol=1e-6)


def test_one_alpha_for_all_filters_is_the_mean_of_all_magnitudes_and_stored_once() -> None:
    b = Builder("tiny", input=(1, 6))
    y = b.binary_dense(b.input, 4, scaling=Scaling.ALPHA, one_alpha=True, name="fc")
    alpha = b.graph(y).parameters["fc.weight.alpha"]
    each = Builder("tiny", input=(1, 6))
    each.binary_dense(each.input, 4, scaling=Scaling.ALPHA, name="fc")
    own = load(each.graph("fc"), "fc.weight.alpha")
    np.testing.assert_allclose(load(b.graph(y), "fc.weight.alpha"), np.full(4, own.mean()))
    assert len(set(own)) == 4
    assert [part.spec.elements for part in alpha.stored] == [1]


def test_alpha_k_is_formed_of_what_the_sign_is_taken_of() -> None:
    b = Builder("tiny", input=(1, 2, 3, 3))
    y = b.binary_conv(b.sign(b.input), 1, 3, scaling=Scaling.ALPHA_K, unsigned=b.input, name="conv")
    graph = b.graph(y)
    assert graph.node("conv").roles == ("", "unsigned")
    image = np.random.default_rng(3).standard_normal((1, 2, 3, 3)).astype(np.float32)
    found = execute(prepare(graph, "packed"), {"input": image}).outputs["conv"].item()
    signs = np.where(image >= 0, 1, -1)
    dot = int((signs * load(graph, "conv.weight.binary")).sum())
    alpha = load(graph, "conv.weight.alpha").item()
    assert found == pytest.approx(dot * alpha * np.abs(image).mean(), rel=1e-6)


@pytest.mark.parametrize(("scaling", "unsigned"), [(Scaling.ALPHA_K, False), (Scaling.ALPHA, True)])
def test_alpha_k_and_the_tensor_for_it_go_together(scaling: Scaling, unsigned: bool) -> None:
    b = fresh()
    tensor = b.input if unsigned else ""
    with pytest.raises(UsageError, match=f"tiny: scaling {scaling}: alpha_k, and no other"):
        b.binary_conv(b.sign(b.input), 4, 3, scaling=scaling, unsigned=tensor)
