"""Engine native against engine packed: the same bits wherever floats are exact, and else as near as
sums of floats in another order are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exact.assembly import Assembly
from tests.strategies import networks
from xnorsim.errors import ModelError
from xnorsim.exact.execute import execute, prepare, steps
from xnorsim.network import ops
from xnorsim.network.functions import Function, Operator
from xnorsim.network.graph import Graph
from xnorsim.network.ops import Activation, Elementwise
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import BIPOLAR, FLOAT32, XNOR, Border, Scaling
from xnorsim.zoo.builder import Builder

Arrays = dict[str, np.ndarray]


def drawn(graph: Graph, seed: int = 0, *, whole: bool = False) -> Arrays:
    """Inputs of a graph: floats, or small integers."""
    random = np.random.default_rng(seed)
    found = {}
    for name in graph.inputs:
        spec = graph.tensors[name]
        if spec.encoding == BIPOLAR:
            found[name] = random.integers(0, 2, spec.shape, np.int8) * 2 - 1
        elif whole:
            found[name] = random.integers(-4, 5, spec.shape).astype(np.float32)
        else:
            found[name] = random.standard_normal(spec.shape, np.float32)
    return found


def with_whole_weights(graph: Graph) -> Graph:
    """The graph with float parameters rounded to quarters: its sums have no rounding."""

    def quarters(item):
        if item.spec.encoding != FLOAT32:
            return item
        return replace(item, load=lambda: np.round(4 * item.load()).astype(np.float32) / 4)

    made = {name: quarters(item) for name, item in graph.parameters.items()}
    return replace(graph, parameters=made)


def both(graph: Graph, inputs: Arrays, keep: tuple[str, ...] = (), threads: int = 1):
    plain = execute(prepare(graph, "packed"), inputs, keep)
    native = execute(prepare(graph, "native", hold=False, threads=threads), inputs, keep)
    return plain, native


def assert_equal(graph: Graph, inputs: Arrays, keep: tuple[str, ...] = (), threads: int = 1):
    plain, native = both(graph, inputs, keep, threads)
    for found, expected in ((native.outputs, plain.outputs), (native.kept, plain.kept)):
        assert list(found) == list(expected)
        for name, value in expected.items():
            assert found[name].dtype == value.dtype, name
            # of zeros the sign may differ, which no sign and no comparison sees
            np.testing.assert_array_equal(found[name], value, err_msg=name)


def tensors_of(graph: Graph) -> tuple[str, ...]:
    return tuple(name for node in graph.nodes for name in node.outputs)


# Binary layers


def block(channels: int, size: int, batch: int, scaling: Scaling, pad_value: int) -> Graph:
    """Two binary layers with shortcuts, a third one whose floats nobody reads, and a fourth."""
    b = Builder("block", (batch, channels, size, size))
    x = b.input

    def binary(x: str, channels: int, kernel: int, **options: Any) -> str:
        unsigned = x if scaling is Scaling.ALPHA_K else ""
        options |= {"scaling": scaling, "unsigned": unsigned}
        return b.binary_conv(b.sign(x), channels, kernel, **options)

    for name in ("one", "two"):
        y = binary(x, channels, 3, padding=1, pad_value=pad_value, name=name)
        x = b.add(b.batch_norm(y), x)
    y = binary(x, 70, 3, stride=2, padding=1, name="three")
    y = b.relu(b.batch_norm(y))
    z = binary(b.batch_norm(y), 5, 1, name="four")
    return b.graph(b.batch_norm(z), x)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("pad_value", [-1, 0, 1])
@pytest.mark.parametrize("scaling", Scaling)
def test_binary_layers_are_equal_to_the_bit(scaling: Scaling, pad_value: int, threads: int) -> None:
    # 1 to 70 channels: less than a vector, a vector and a bit, a word, a word and a bit
    for channels, size, batch in ((1, 5, 1), (9, 7, 2), (64, 13, 1), (65, 4, 3)):
        graph = block(channels, size, batch, scaling, pad_value)
        assert_equal(graph, drawn(graph), threads=threads)


def test_what_is_kept_is_what_the_layers_wrote() -> None:
    graph = block(9, 7, 2, Scaling.ALPHA, 0)
    assert_equal(graph, drawn(graph), keep=("input", *tensors_of(graph)))
    for name in tensors_of(graph):  # each alone: what is before and after it may be fused
        assert_equal(graph, drawn(graph), keep=(name,))


def test_steps_of_a_native_session_are_those_of_any_other() -> None:
    graph = block(9, 7, 2, Scaling.ALPHA, 0)
    plain, native = (
        list(steps(prepare(graph, name), drawn(graph))) for name in ("packed", "native")
    )
    for expected, found in zip(plain, native, strict=True):
        assert found.node is expected.node
        for side in ("inputs", "outputs"):
            for name, value in getattr(expected, side).items():
                np.testing.assert_array_equal(getattr(found, side)[name], value, err_msg=name)


@pytest.mark.parametrize("border", Border)
@pytest.mark.parametrize("scaling", Scaling)
def test_binarized_networks(scaling: Scaling, border: Border) -> None:
    b = Builder("float", (2, 6, 9, 9))
    x = b.relu(b.batch_norm(b.conv(b.input, 40, 3, padding=1)))
    x = b.max_pool(b.conv(b.batch_norm(x), 24, 3, stride=2, padding=1), 2)
    graph = b.graph(b.dense(b.flatten(x), 7))
    policy = Policy(Binarize.XNOR, keep=(), scaling=scaling, border=border)
    graph = apply(with_whole_weights(graph), policy)
    assert_equal(graph, drawn(graph, whole=True), keep=tensors_of(graph)[::3])


def test_a_sign_that_several_layers_read_is_packed_once() -> None:
    b = Builder("fork", (1, 20, 6, 6))
    s = b.sign(b.input)
    parts = [b.binary_conv(s, 8, kernel, padding=kernel // 2) for kernel in (1, 3)]
    graph = b.graph(b.concat(*parts))
    session = prepare(graph, "native", hold=False)
    assert_equal(graph, drawn(graph))
    execute(session, drawn(graph))
    assert [step.kind for step in session.plans[()].steps].count("sign") == 1


def test_signs_given_and_signs_wanted() -> None:
    made = Assembly("signs", "x", (2, 70, 3, 3), BIPOLAR)
    weight = np.random.default_rng(0).integers(0, 2, (5, 70, 3, 3), np.int8) * 2 - 1
    op = ops.Conv(5, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))
    y = made.layer("conv", op, "x", parameters={"weight": weight}, scheme=XNOR)
    made.layer("sign", ops.Sign(), y)
    graph = made.graph("conv", "sign")
    assert_equal(graph, drawn(graph))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0, 0, 0), (1, 8, 6, 6), (1, 3, 2, 5)])
def test_no_sign_of_what_is_not_a_number(bad: float, place: tuple[int, ...]) -> None:
    graph = block(9, 7, 2, Scaling.ALPHA, 0)
    inputs = drawn(graph)
    inputs["input"][place] = bad
    messages = []
    for engine in ("packed", "native"):
        with pytest.raises(ModelError) as fault:
            execute(prepare(graph, engine), inputs)
        messages.append(str(fault.value))
    assert messages[0] == messages[1]


def test_large_numbers_that_only_look_infinite_together() -> None:
    b = Builder("large", (1, 64, 2, 2))
    graph = b.graph(b.binary_conv(b.sign(b.input), 4, 1))
    assert_equal(graph, {"input": np.full((1, 64, 2, 2), 3e38, np.float32)})


# Chains


def chains() -> dict[str, Graph]:
    """One graph for each link, over images and over rows that binary layers leave."""

    def graph(name: str, add) -> Graph:
        b = Builder(name, (2, 9, 5, 7))
        planes = add(b, b.input)
        rows = add(b, b.binary_conv(b.sign(b.input), 9, 1))
        return b.graph(planes, rows)

    def activation(function: Function, **constants: float):
        op = Activation(function, tuple(constants.items()))
        return lambda b, x: b.layer(op, x)

    return {
        name: graph(name, add)
        for name, add in {
            "norm": lambda b, x: b.batch_norm(x),
            "relu": activation(Function.RELU),
            "clip": activation(Function.CLIP, min=-0.5, max=0.75),
            "crossed": activation(Function.CLIP, min=0.75, max=-0.5),
            "above": activation(Function.CLIP, min=-0.25),
            "leaky": activation(Function.LEAKY_RELU, alpha=0.3),
            "sigmoid": activation(Function.SIGMOID),  # no link: the reference's
            "dropout": lambda b, x: b.relu(b.dropout(x)),
            "sum": lambda b, x: b.add(b.batch_norm(x), b.relu(x)),
            "twice": lambda b, x: b.add(x, x),
            "product": lambda b, x: b.layer(Elementwise(Operator.MUL), x, b.relu(x)),
            "gate": lambda b, x: b.layer(Elementwise(Operator.MUL), x, b.global_average_pool(x)),
            "difference": lambda b, x: b.layer(Elementwise(Operator.SUB), x, b.relu(x)),
            "pools": lambda b, x: b.average_pool(b.max_pool(b.relu(x), 2, stride=1), 2),
            "joined": lambda b, x: b.concat(x, b.relu(x), b.batch_norm(x)),
            "softmax": lambda b, x: b.softmax(b.flatten(x)),
        }.items()
    }


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("graph", chains().values(), ids=chains().keys())
def test_links(graph: Graph, threads: int) -> None:
    inputs = drawn(graph)
    assert_equal(graph, inputs, threads=threads)
    inputs["input"][1, 4, 3, :2] = [-0.0, 0.0]
    assert_equal(graph, inputs)


@pytest.mark.parametrize("shape", [(9, 1, 1), (1,), (1, 9, 1, 1), (5, 7), (2, 9, 5, 7)])
@pytest.mark.parametrize("operator", [Operator.ADD, Operator.MUL])
def test_constants_of_every_shape(operator: Operator, shape: tuple[int, ...]) -> None:
    made = Assembly("constant", "x", (2, 9, 5, 7))
    value = np.random.default_rng(1).standard_normal(shape, np.float32)
    y = made.layer("y", Elementwise(operator), "x", parameters={"right": value})
    graph = made.graph(
        made.layer("slope", Activation(Function.PRELU), y, parameters={"slope": value})
    )
    assert_equal(graph, drawn(graph))


def test_the_same_numbers_again_and_on_other_data() -> None:
    graph = block(65, 9, 1, Scaling.ALPHA, 0)
    session = prepare(graph, "native")
    for seed in (1, 2, 1):
        found = execute(session, drawn(graph, seed)).outputs
        expected = execute(prepare(graph, "packed"), drawn(graph, seed)).outputs
        for name, value in expected.items():
            np.testing.assert_array_equal(found[name], value)


# Float layers


@settings(max_examples=60)
@given(networks(), st.integers(0, 3), st.integers(1, 2))
def test_binary_networks_of_whole_numbers_are_near(graph: Graph, seed: int, threads: int) -> None:
    """No sign flips: the floats after the last binary layer are off by their own roundings only."""
    binary = with_whole_weights(apply(graph, Policy(Binarize.XNOR, keep=("first", "last"))))
    plain, native = both(binary, drawn(binary, seed, whole=True), threads=threads)
    for name, value in plain.outputs.items():
        np.testing.assert_allclose(native.outputs[name], value, rtol=1e-4, atol=1e-4)


@settings(max_examples=40)
@given(networks(), st.integers(0, 3))
def test_float_networks_are_near(graph: Graph, seed: int) -> None:
    """Each layer's sums of k products are off by k units in the last place of their magnitudes."""
    plain, native = both(graph, drawn(graph, seed))
    for name, value in plain.outputs.items():
        scale = np.abs(value).max() + 1e-6
        np.testing.assert_allclose(native.outputs[name], value, rtol=0, atol=2e-4 * scale)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_a_first_layer_of_what_is_not_a_number(bad: float) -> None:
    """Saving products would spread it: the results are the reference's. The next image is none."""
    b = Builder("stem", (1, 3, 20, 33))
    graph = b.graph(b.relu(b.batch_norm(b.conv(b.input, 20, 7, stride=2, padding=3))))
    session, clean = prepare(graph, "native"), drawn(graph)
    strange = {"input": clean["input"].copy()}
    strange["input"][0, 1, 9, 14] = bad
    for inputs, near in ((clean, 1e-5), (strange, 0), (clean, 1e-5)):
        (found,), (plain,) = (
            execute(made, inputs).outputs.values() for made in (session, prepare(graph, "packed"))
        )
        np.testing.assert_allclose(found, plain, rtol=near, atol=near)


def test_progress_counts_layers() -> None:
    graph = block(9, 7, 2, Scaling.ALPHA, 0)
    told: list[tuple[int, int]] = []
    execute(
        prepare(graph, "native"),
        drawn(graph),
        progress=lambda done, all_: told.append((done, all_)),
    )
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (len(graph.nodes), len(graph.nodes))


def test_notes_name_what_computed_the_floats() -> None:
    b = Builder("float", (1, 3, 8, 8))
    graph = b.graph(b.dense(b.flatten(b.conv(b.input, 4, 3)), 2))
    (note,) = execute(prepare(graph, "native"), drawn(graph)).notes
    assert note.startswith("engine native: float convolution by")
    assert "matrix product by" in note


def test_buffers_are_shared() -> None:
    graph = block(64, 16, 1, Scaling.ALPHA, 0)
    session = prepare(graph, "native")
    execute(session, drawn(graph))
    everything = sum(spec.bits for spec in graph.tensors.values()) / 8
    assert session.plans[()].bytes < everything / 2


def test_threads_of_python_may_share_a_session() -> None:
    graph = block(65, 13, 2, Scaling.ALPHA, 0)
    session = prepare(graph, "native", hold=False, threads=2)
    given = [drawn(graph, seed) for seed in range(4)]
    expected = [execute(session, inputs).outputs for inputs in given]

    def wrong(at: int) -> int:
        found = (execute(session, given[at]).outputs for _ in range(20))
        return sum(any((one[k] != v).any() for k, v in expected[at].items()) for one in found)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(wrong, range(4))) == [0] * 4
