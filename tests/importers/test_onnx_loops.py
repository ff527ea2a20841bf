"""Loops written out: how far, what their rounds share, and where they cannot be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from xnorsim.errors import UnsupportedOpError
from xnorsim.importers.onnx import control, reading
from xnorsim.importers.onnx.state import State
from xnorsim.work.table import layer_table, totals

n = helper.make_node
_info = helper.make_tensor_value_info


def looped(
    nodes: list[onnx.NodeProto],
    inputs: list[str],
    carried: dict[str, Any] | None = None,
    condition: str = "going",
    tensors: list[TensorProto] | None = None,
    outputs: list[str] | None = None,
    scan: bool = False,
) -> onnx.NodeProto:
    """A Loop 'loop' over tensor `s`, written anew as `t`, with the shapes of further carried ones.

    Those are read as NAME and written as NAME_next; `scan` keeps every `t` as a further output.
    """
    more = carried or {}
    body = helper.make_graph(
        nodes,
        "body",
        [
            _info("round", TensorProto.INT64, []),
            _info("going", TensorProto.BOOL, []),
            _info("s", TensorProto.FLOAT, [1, 8]),
            *(_info(name, kind, []) for name, kind in more.items()),
        ],
        [
            _info(condition, TensorProto.BOOL, []),
            _info("t", TensorProto.FLOAT, [1, 8]),
            *(_info(f"{name}_next", kind, []) for name, kind in more.items()),
            *([_info("t", TensorProto.FLOAT, [1, 8])] if scan else []),
        ],
        tensors or [],
    )
    return n("Loop", inputs, outputs or ["y", *(f"{name}_end" for name in more)], "loop", body=body)


def model_of(make: Any, node: onnx.NodeProto, **weights: Any) -> onnx.ModelProto:
    return make([node], {"x": (1, 8)}, weights={k: np.array(v) for k, v in weights.items()})


RELU = n("Relu", ["s"], ["t"], "inner")
AFTER = n("Greater", ["round", "last"], ["far"], "compare")
NOT = n("Not", ["far"], ["on"], "not")

RUNAWAYS = {
    # condition handed on: nothing ends it, refused before the first round
    "endless": (looped([RELU], ["", "", "x"]), {}, "no trip count.*0 so far"),
    "true_given": (looped([RELU], ["", "c", "x"]), {"c": True}, "no trip count.*0 so far"),
    "trips": (looped([RELU], ["m", "", "x"]), {"m": 10**9}, "1000000000.*0 so far"),
    # ended by a condition, but far too late: each round has to be looked at
    "late": (
        looped([RELU, AFTER, NOT], ["", "", "x"], condition="on"),
        {"last": np.int64(10**9)},
        "no trip count.*9999 so far, 3333 rounds",
    ),
    # a body without any layer is a round all the same
    "idle": (
        looped([n("Identity", ["s"], ["t"])], ["m", "", "x"]), {"m": 10**12}, "limit of 10000"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", RUNAWAYS)
def test_a_runaway_loop_is_refused_soon(tmp_path: Path, model: Any, case: str) -> None:
    """In a process of its own, so that a loop without an end ends the test and not the suite."""
    node, weights, message = RUNAWAYS[case]
    path = tmp_path / "model.onnx"
    path.write_bytes(model_of(model, node, **weights).SerializeToString())
    code = "import sys; from xnorsim.importers.onnx import read_graph; read_graph(sys.argv[1])"
    command = [sys.executable, "-c", code, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    last = result.stderr.strip().splitlines()[-1]
    assert "UnsupportedOpError: model.onnx: node 'loop' (Loop)" in last
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(last)


def test_loops_share_one_limit(read: Any, model: Any, monkeypatch: Any) -> None:
    """Nested loops: 4 rounds of (Relu + Loop of 1 node) and 5 rounds of 1 in each are 4 x 8."""
    inner = looped([n("Relu", ["s"], ["t"])], ["five", "", "a"], outputs=["t"])
    made = model_of(
        model, looped([n("Relu", ["s"], ["a"]), inner], ["four", "", "x"]), four=4, five=5
    )
    monkeypatch.setattr(control, "MOST_LAYERS", 32)
    assert len(read(made).nodes) == 4 * 6 + 4 + 1  # and one Identity for every result of a loop
    monkeypatch.setattr(control, "MOST_LAYERS", 31)
    with pytest.raises(UnsupportedOpError, match="limit of 31 layers from loops"):
        read(made)


def test_an_early_end_beats_a_large_trip_count(read: Any, model: Any) -> None:
    """A while loop is exported with the largest trip count and a condition: 3 rounds, not 2^63."""
    node = looped([RELU, AFTER, NOT], ["m", "", "x"], condition="on")
    made = model_of(model, node, m=np.int64(2**63 - 1), last=np.int64(1))
    assert [node.name for node in read(made).nodes[:3]] == [f"loop.{k}/inner" for k in range(3)]


class WatchedDict(dict[str, Any]):
    """Adds how many of its names are gone through to `passed`."""

    passed = 0

    def __iter__(self) -> Any:
        WatchedDict.passed += len(self)
        return super().__iter__()

    def keys(self) -> Any:
        return list(self)


class WatchedSet(set[str]):
    """The same; a union goes through all of them as well."""

    def __iter__(self) -> Any:
        WatchedDict.passed += len(self)
        return super().__iter__()

    def __or__(self, other: Any) -> Any:
        WatchedDict.passed += len(self) + len(other)
        return {*self, *other}


def watched(*arguments: Any, **more: Any) -> State:
    state = State(*arguments, **more)
    for name in ("specs", "constants", "tensors", "parameters"):
        object.__setattr__(state, name, WatchedDict(getattr(state, name)))
    for name in ("names", "emitted", "read"):
        object.__setattr__(state, name, WatchedSet(getattr(state, name)))
    return state


def work(read: Any, made: onnx.ModelProto) -> tuple[int, int]:
    """(calls, names gone through) while a model is read."""
    calls = 0

    def count(*event: Any) -> None:
        nonlocal calls
        calls += event[1] in ("call", "c_call")

    WatchedDict.passed = 0
    sys.setprofile(count)
    try:
        read(made)
    finally:
        sys.setprofile(None)
    return calls, WatchedDict.passed


def test_rounds_are_linear_in_work(read: Any, model: Any, monkeypatch: Any) -> None:
    """Calls and names gone through, not seconds: ten times the rounds, ten times the work."""
    monkeypatch.setattr(reading, "State", watched)
    nodes = [RELU, n("Identity", ["going"], ["on"])]
    made = [
        model_of(
            model,
            looped(nodes, ["m", "", "x"], condition="on", outputs=["y", "all"], scan=True),
            m=m,
        )
        for m in (40, 40, 400)
    ]
    _, few, many = (work(read, item) for item in made)  # the first fills caches
    assert 0 < many[0] < 12 * few[0]
    assert many[1] < 12 * few[1] + 1000


WEIGHT = numpy_helper.from_array(np.ones((8, 8), np.float32), "w")
PRODUCT = n("MatMul", ["s", "w"], ["t"], "product")
CONSTANT = n("Constant", [], ["w"], value=WEIGHT)
FILLED = [
    n("Constant", [], ["size"], value_ints=[8, 8]),
    n("ConstantOfShape", ["size"], ["w"]),
]


def in_branch(nodes: list[onnx.NodeProto], tensors: list[TensorProto]) -> onnx.NodeProto:
    inner = [n("MatMul", ["s", "w"], ["b"], "product")]
    result = [_info("b", TensorProto.FLOAT, [1, 8])]
    graph = helper.make_graph([*nodes, *inner], "branch", [], result, tensors)
    return n("If", ["going"], ["t"], "branch", then_branch=graph, else_branch=graph)


BODIES = {
    "initializer": ([PRODUCT], [WEIGHT]),
    "constant": ([CONSTANT, PRODUCT], []),
    "derived": (
        [n("Constant", [], ["v"], value=WEIGHT), n("Transpose", ["v"], ["w"]), PRODUCT], []
    ),
    "filled": ([*FILLED, PRODUCT], []),
    "initializer_in_branch": ([in_branch([], [WEIGHT])], []),
    "constant_in_branch": ([in_branch([CONSTANT], [])], []),
}  # fmt: skip


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("body", BODIES)
def test_a_weight_of_a_loop_body_is_stored_once(
    read: Any, model: Any, body: str, nested: bool
) -> None:
    """Work every round, storage once; nested: 2 x 5 rounds of the one tensor in the file."""
    nodes, tensors = BODIES[body]
    node = looped(nodes, ["five", "", "s" if nested else "x"], tensors=tensors)
    if nested:
        node.output[0] = "t"
        node = looped([node], ["two", "", "x"])
    graph = read(model_of(model, node, five=5, two=2))
    rounds = 10 if nested else 5
    result = totals(layer_table(graph))
    assert (result["macs"], result["weight_bits"]) == (rounds * 64, 64 * 32)
    weights = {node.parameters["weight"] for node in graph.nodes if "weight" in node.parameters}
    assert len(weights) == rounds  # every round has a parameter of its own name
    loads = [graph.parameters[name].load for name in weights]
    assert all(load is not None and load().shape == (8, 8) for load in loads)


def test_a_weight_of_a_function_is_stored_once(read: Any, model: Any) -> None:
    """Two functions with equal values are two tensors; three calls of one are one."""
    opsets = [helper.make_opsetid("", 21)]
    functions = [
        helper.make_function("local", name, ["s"], ["t"], [CONSTANT, PRODUCT], opsets)
        for name in ("One", "Two")
    ]
    calls = [("One", "x", "a"), ("Two", "a", "b"), ("One", "b", "c"), ("One", "c", "y")]
    nodes = [n(name, [s], [t], domain="local") for name, s, t in calls]
    made = model(
        nodes, {"x": (1, 8)}, functions=functions, opset_imports=[helper.make_opsetid("local", 1)]
    )
    result = totals(layer_table(read(made)))
    assert (result["macs"], result["weight_bits"]) == (4 * 64, 2 * 64 * 32)


def test_equal_constants_are_stored_apart(read: Any, model: Any) -> None:
    """Two Constant nodes are two tensors, whatever marks the file itself has on them."""
    nodes = [
        n("Constant", [], ["v"], value=WEIGHT),
        n("Constant", [], ["w"], value=WEIGHT),
        n("MatMul", ["x", "v"], ["s"]),
        n("MatMul", ["s", "w"], ["y"]),
    ]
    for node in nodes[:2]:
        node.metadata_props.add(key="xnorsim.stored", value="0")
    result = totals(layer_table(read(model(nodes, {"x": (1, 8)}))))
    assert result["weight_bits"] == 2 * 64 * 32


def odd(name: str, source: str = "s", target: str = "t") -> onnx.NodeProto:
    return n(f"Odd{name}", [source], [target], name, domain="strange")


def test_unknown_operators_are_reported_all_at_once(read: Any, model: Any) -> None:
    """In the main graph, after and in a decided If (both branches), nested, and in a function."""
    result = [_info("t", TensorProto.FLOAT, [1, 8])]
    branches: dict[str, Any] = {
        f"{word}_branch": helper.make_graph([odd(word, "a")], word, [], result)
        for word in ("then", "else")
    }
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("strange", 1)]
    function = helper.make_function("local", "F", ["s"], ["t"], [odd("function")], opsets)
    inner = looped([odd("deep")], ["m", "", "s"], outputs=["t"])
    nodes = [
        odd("main", "x", "a"),
        n("If", ["c"], ["b"], "if", **branches),
        odd("after", "b", "d"),
        n("F", ["d"], ["e"], "call", domain="local"),
        looped([inner], ["m", "", "e"]),
    ]
    made = model(
        nodes,
        {"x": (1, 8)},
        weights={"c": np.array(True), "m": np.array(0)},
        functions=[function],
        opset_imports=[helper.make_opsetid("strange", 1), helper.make_opsetid("local", 1)],
    )
    with pytest.raises(UnsupportedOpError) as caught:
        read(made)
    text = str(caught.value)
    names = ("main", "then", "else", "after", "function", "deep")
    assert [name for name in names if f"Odd{name} (domain strange), 1 time" not in text] == []
    assert "if/else" in text
    assert "loop/loop/deep" in text


def test_constants_of_a_body_need_no_rule(read: Any, model: Any) -> None:
    """Det has no rule, but of a tensor of the file alone it is no work."""
    nodes = [
        n("Det", ["matrix"], ["scalar"], "folded"),
        n("Add", ["s", "scalar"], ["t"], "sum"),
    ]
    matrix = numpy_helper.from_array(np.eye(2, dtype=np.float32), "matrix")
    graph = read(model_of(model, looped(nodes, ["m", "", "x"], tensors=[matrix]), m=2))
    assert not any(node.name.endswith("folded") for node in graph.nodes)


def test_a_condition_that_becomes_unknown_is_an_error(read: Any, model: Any) -> None:
    """Known for the first round, of the data after it: an error, and not one round."""
    nodes = [
        n("ReduceMax", ["s"], ["top"], "top", keepdims=0),
        n("Greater", ["top", "level"], ["on"], "compare"),
        n("Relu", ["s"], ["t"], "inner"),
    ]
    made = model_of(
        model, looped(nodes, ["m", "c", "x"], condition="on"), m=5, c=True, level=np.float32(1)
    )
    message = r"model\.onnx: node 'loop' \(Loop\): whether it goes on after round 0 depends on the"
    with pytest.raises(UnsupportedOpError, match=message):
        read(made)
