"""Whole networks: what is kept, freed and refused, and that nothing else changes the result."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exact.assembly import Assembly
from tests.strategies import networks
from xnorsim.errors import ModelError, UsageError
from xnorsim.exact.engines import ENGINES
from xnorsim.exact.execute import (
    Session,
    execute,
    kept_tensors,
    prepare,
    run_node,
    steps,
)
from xnorsim.exact.weights import seeded
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, TensorSpec, check
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import BIPOLAR, FLOAT32, Scaling
from xnorsim.zoo.builder import Builder


def residual() -> Graph:
    b = Builder("residual", (2, 3, 9, 9))
    x = b.relu(b.batch_norm(b.conv(b.input, 8, 3, padding=1, name="stem")))
    y = b.relu(b.batch_norm(b.conv(x, 8, 3, padding=1, name="body")))
    z = b.flatten(b.global_average_pool(b.add(x, y, name="sum")))
    return b.graph(b.dense(z, 5, name="fc"))


def image(graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        name: random.standard_normal(graph.tensors[name].shape, np.float32) for name in graph.inputs
    }


XNOR_ALL = Policy(Binarize.XNOR, keep=())


def test_keep_by_tensor_layer_and_glob() -> None:
    graph = residual()
    assert kept_tensors(graph, ["sum", "input"]) == ("input", "sum")
    assert kept_tensors(graph, ["batch_norm*"]) == ("batch_norm1", "batch_norm2")
    with pytest.raises(UsageError, match=r"'stm'.*did you mean.*stem") as fault:
        kept_tensors(graph, ["stm", "nothing*"])
    assert "nothing*" in str(fault.value), "all lost words at once"


def test_kept_tensors_are_those_of_a_run_that_overwrites_nothing() -> None:
    graph = residual()
    names = [name for node in graph.nodes for name in node.outputs]
    plain = {
        name: value.copy()
        for step in steps(prepare(graph), image(graph))
        for name, value in step.outputs.items()
    }
    for name in names:  # each alone: the others may be overwritten
        kept = execute(prepare(graph), image(graph), keep=[name]).kept
        np.testing.assert_array_equal(kept[name], plain[name], err_msg=name)


def test_inputs_and_weights_stay_as_they_were() -> None:
    graph = residual()
    given = image(graph)
    before = given["input"].copy()
    session = prepare(graph)
    held = {name: value.copy() for name, value in (session.weights or {}).items()}
    first = execute(session, given).outputs["fc"]
    again = execute(session, given).outputs["fc"]
    np.testing.assert_array_equal(given["input"], before)
    np.testing.assert_array_equal(first, again)
    for name, value in (session.weights or {}).items():
        np.testing.assert_array_equal(value, held[name], err_msg=name)


def test_an_input_that_is_an_output_is_not_overwritten() -> None:
    b = Builder("through", (1, 2, 3, 3))
    graph = b.graph(b.input, b.relu(b.flatten(b.input)))
    run = execute(prepare(graph), image(graph))
    np.testing.assert_array_equal(run.outputs["input"], image(graph)["input"])
    assert (run.outputs["relu1"] >= 0).all()


def test_a_view_of_an_input_is_not_overwritten() -> None:
    b = Builder("through", (1, 2, 3, 3))
    graph = b.graph(b.relu(b.flatten(b.input)))
    given_ = image(graph)
    before = given_["input"].copy()
    assert (before < 0).any()
    execute(prepare(graph), given_)
    np.testing.assert_array_equal(given_["input"], before)


def test_two_views_of_one_tensor_do_not_overwrite_each_other() -> None:
    b = Builder("views", (1, 2, 3, 3))
    x = b.conv(b.input, 2, 1)
    left, right = b.flatten(x), b.flatten(x)
    graph = b.graph(b.add(b.relu(left), right, name="end"))
    kept = execute(prepare(graph), image(graph), keep=["conv1"]).kept["conv1"].reshape(1, -1)
    end = execute(prepare(graph), image(graph)).outputs["end"]
    np.testing.assert_array_equal(end, np.maximum(kept, 0) + kept)


def test_each_tensor_is_freed_after_its_last_reader() -> None:
    graph = residual()
    living: dict[str, weakref.ref] = {}
    for step in steps(prepare(graph), image(graph)):
        living |= {
            name: weakref.ref(value if value.base is None else value.base)
            for name, value in step.outputs.items()
        }
        at = step.node.name
        del step
        gc.collect()
        if at == "add" or at == "sum":
            assert living["relu1"]() is not None, "read by this layer"
        if at == "fc":
            assert living["relu1"]() is None, "its last reader is the sum"
            assert living["stem"]() is None


@settings(max_examples=40)
@given(networks(), st.integers(0, 3))
def test_engines_and_ways_of_holding_weights_agree(graph: Graph, seed: int) -> None:
    """Integers decide: floats around them are the same too, to the bit."""
    binary = apply(graph, Policy(Binarize.XNOR, keep=("first", "last")))
    results = [
        execute(prepare(binary, engine, hold=hold), image(binary, seed)).outputs
        for engine in ENGINES
        for hold in (True, False)
    ]
    for other in results[1:]:
        for name, value in results[0].items():
            np.testing.assert_array_equal(value, other[name])


def test_a_session_may_run_on_other_data() -> None:
    # fc stays: the sign of what a relu left is +1 everywhere, whatever the data
    graph = apply(residual(), Policy(Binarize.XNOR, keep=("fc",)))
    session = prepare(graph, "packed")
    fresh = [execute(prepare(graph, "packed"), image(graph, seed)).outputs["fc"] for seed in (1, 2)]
    again = [execute(session, image(graph, seed)).outputs["fc"] for seed in (1, 2)]
    np.testing.assert_array_equal(fresh, again)
    assert not np.array_equal(fresh[0], fresh[1])


BAD_INPUTS = {
    "missing": ({}, r"input 'input' \(float32\[2, 3, 9, 9\]\) is not given"),
    "name": ({"imput": np.zeros(1)}, r"no input 'imput': .*input"),
    "shape": (
        {"input": np.zeros((1, 3, 9, 9), np.float32)},
        r"must be float32\[2, 3, 9, 9\], not float32\[1, 3, 9, 9\]",
    ),
    "type": ({"input": np.zeros((2, 3, 9, 9))}, r"must be float32\[.*not float64"),
    "list": ({"input": [[1.0]]}, "must be an array, not list"),
}


@pytest.mark.parametrize(("given_", "match"), BAD_INPUTS.values(), ids=BAD_INPUTS.keys())
def test_wrong_inputs(given_: dict, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        execute(prepare(residual()), given_)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_no_sign_of_what_is_not_a_number(bad: float) -> None:
    graph = apply(residual(), XNOR_ALL)
    data = image(graph)
    data["input"][1, 2, 3, 4] = bad
    with pytest.raises(ModelError, match=r"residual: layer 'stem.sign' \(input 'input'"):
        execute(prepare(graph), data)


@pytest.mark.parametrize("scaling", Scaling)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_no_sign_of_a_weight_that_is_not_a_number(bad: float, scaling: Scaling) -> None:
    graph = residual()
    weight = graph.parameters["body.weight"]

    def load() -> np.ndarray:
        assert weight.load is not None
        values = weight.load()
        values[0, 1, 2, 0] = bad
        return values

    parameters = {**graph.parameters, "body.weight": replace(weight, load=load)}
    graph = apply(replace(graph, parameters=parameters), replace(XNOR_ALL, scaling=scaling))
    with pytest.raises(
        ModelError, match=r"weight 'body.weight': 1 of its 576 values are NaN or inf"
    ):
        prepare(graph)


def test_a_binary_input_holds_signs_only() -> None:
    graph = dense(7)
    data = np.ones((1, 7), np.int8)
    execute(prepare(graph), {"x": data})
    data[0, 3] = 0
    with pytest.raises(UsageError, match=r"input 'x' must hold -1 and \+1 only"):
        execute(prepare(graph), {"x": data})


def dense(features: int) -> Graph:
    """One binary dense layer of ones."""
    made = Assembly("dense", "x", (1, features), BIPOLAR)
    weight = np.ones((features, 1), np.int8)
    return made.graph(made.layer("fc", ops.Dense(features, 1), "x", parameters={"weight": weight}))


def test_blas_refuses_sums_that_float32_cannot_hold() -> None:
    graph = dense(2**24)
    data = {"x": np.ones((1, 2**24), np.int8)}
    with pytest.raises(ModelError, match=r"layer 'fc'.*k = 16777216.*blas.*below 16777216.*packed"):
        execute(prepare(graph, "blas"), data)
    assert execute(prepare(graph, "packed"), data).outputs["fc"] == 2**24
    shorter = dense(2**24 - 1)
    data = {"x": np.ones((1, 2**24 - 1), np.int8)}
    for engine in ENGINES:
        assert execute(prepare(shorter, engine), data).outputs["fc"] == 2**24 - 1


def test_no_engine_of_that_name() -> None:
    with pytest.raises(UsageError, match=r"no engine 'blass': .*blas"):
        prepare(residual(), "blass")


def test_weights_without_values_are_all_named() -> None:
    graph = residual()
    names = ("stem.weight", "fc.bias")
    missing = {name: replace(graph.parameters[name], load=None) for name in names}
    graph = replace(graph, parameters={**graph.parameters, **missing})
    with pytest.raises(ModelError, match=r"'stem.weight' \(read by 'stem' as its weight\), 'fc.b"):
        prepare(graph)
    drawn = seeded(graph, 3)
    assert "2 of 14 parameters are drawn from seed 3" in drawn.notes[-1]
    run = execute(prepare(drawn), image(graph))
    assert run.notes == drawn.notes
    np.testing.assert_array_equal(
        run.outputs["fc"], execute(prepare(seeded(graph, 3)), image(graph)).outputs["fc"]
    )
    other = execute(prepare(seeded(graph, 4)), image(graph)).outputs["fc"]
    assert not np.array_equal(run.outputs["fc"], other)


def test_a_weight_of_another_shape_than_stated() -> None:
    graph = residual()
    wrong = replace(graph.parameters["fc.bias"], load=lambda: np.zeros(4, np.float32))
    graph = replace(graph, parameters={**graph.parameters, "fc.bias": wrong})
    with pytest.raises(ModelError, match=r"'fc.bias' has shape \[4\].*float32\[5\] was expected"):
        prepare(graph)


def test_what_is_told_of_a_run() -> None:
    graph = residual()
    told: list[tuple[int, int]] = []
    run = execute(
        prepare(graph),
        image(graph),
        ["fc"],
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(done, len(graph.nodes)) for done in range(1, len(graph.nodes) + 1)]
    assert repr(run) == "<Run: outputs fc float32[2, 5]; kept fc float32[2, 5]>"


def test_signs_are_held_in_a_byte() -> None:
    graph = apply(residual(), XNOR_ALL)
    run = execute(prepare(graph), image(graph), keep=["body.sign"])
    assert run.kept["relu1.sign"].dtype == np.int8
    assert set(np.unique(run.kept["relu1.sign"])) <= {-1, 1}


def test_an_unknown_operator_is_refused_by_name() -> None:
    op = ops.Unknown("Magic", "com.example", ((1,),))
    tensors = {"x": TensorSpec((1,), FLOAT32), "y": TensorSpec((1,), FLOAT32)}
    graph = check(Graph("odd", (Node("m", op, ("x",), ("y",)),), tensors, {}, ("x",), ("y",)))
    session: Session = prepare(graph)
    with pytest.raises(ModelError, match=r"odd: layer 'm'.*Magic \(domain com.example\)"):
        run_node(session, graph.nodes[0], {"x": np.zeros(1, np.float32)})
