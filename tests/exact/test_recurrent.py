"""LSTM, GRU and RNN: single steps by hand, and onnxruntime's results for drawn settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from onnx import helper, numpy_helper

from tests.exact.calls import BLAS, results, spec_of
from tests.exact.runtime import results_of
from xnorsim.errors import InputError
from xnorsim.exact.call import Call
from xnorsim.exact.execute import execute, prepare
from xnorsim.exact.reference import run
from xnorsim.importers.onnx import read_graph
from xnorsim.network import ops
from xnorsim.network.functions import Function
from xnorsim.network.graph import TensorSpec
from xnorsim.network.operands import RECURRENT_GATES
from xnorsim.network.precision import FLOAT32

RELU = ops.Activation(Function.RELU)
LSTM_AS_RELU, GRU_AS_RELU = (RELU,) * 3, (RELU,) * 2


def one(*values: float) -> np.ndarray:
    """One direction, a gate a row, one number each: the weight of a single hidden unit."""
    return np.array(values, np.float32).reshape(1, -1, 1)


def steps(*values: float) -> np.ndarray:
    """(time, 1, 1)."""
    return np.array(values, np.float32).reshape(-1, 1, 1)


# op, inputs, weight, recurrence, further parameters -> the states, why. All functions are relu, so
# that a step is head arithmetic. Gate orders: lstm i o f c, gru z r h.
STEPS: list[tuple[ops.Recurrent, list, Any, Any, dict[str, Any], list, str]] = [
    (ops.Recurrent("rnn", 1, 1, functions=(RELU,)), [1, 2], one(2), one(3), {},
     [2, 10], "2 * 1; 2 * 2 + 3 * 2"),
    (ops.Recurrent("rnn", 1, 1, functions=(RELU,)), [1], one(2), one(3),
     {"bias": [[10, 100]], "initial_state": [[[1]]]}, [115], "2 + 3 + 10 + 100"),
    (ops.Recurrent("rnn", 1, 1, functions=(RELU,), reverse=True), [1, 2], one(2), one(3), {},
     [14, 4], "2 * 2 first; then 2 * 1 + 3 * 4"),
    (ops.Recurrent("rnn", 1, 1, functions=(RELU,), clip=3.0), [1, 2], one(2), one(3), {},
     [2, 3], "10 is clipped to 3"),
    (ops.Recurrent("lstm", 1, 1, functions=LSTM_AS_RELU, clip=3.0), [1], one(1, 2, 3, 4),
     one(0, 0, 0, 0), {"initial_cell": [[[5]]]}, [36], "c = 3 * 5 + 3 = 18 is not"),
    # i = x, o = 2 x, f = 3 x, c~ = 4 x: c = 4, h = 2 * 4
    (ops.Recurrent("lstm", 1, 1, functions=LSTM_AS_RELU), [1], one(1, 2, 3, 4),
     one(0, 0, 0, 0), {}, [8], "i * c~ = 4, o * c = 8"),
    (ops.Recurrent("lstm", 1, 1, functions=LSTM_AS_RELU), [1], one(1, 2, 3, 4),
     one(0, 0, 0, 0), {"initial_cell": [[[5]]]}, [38], "c = 3 * 5 + 4 = 19"),
    (ops.Recurrent("lstm", 1, 1, functions=LSTM_AS_RELU, coupled=True), [0.5], one(1, 2, 3, 4),
     one(0, 0, 0, 0), {"initial_cell": [[[4]]]}, [3], "f = 1 - 0.5: c = 2 + 1"),
    # peepholes i o f = 1 10 100 of a cell of 1: i = 2, f = 103, c = 103 + 8 = 111, o = 2 + 1110
    (ops.Recurrent("lstm", 1, 1, functions=LSTM_AS_RELU), [1], one(1, 2, 3, 4),
     one(0, 0, 0, 0), {"initial_cell": [[[1]]], "peephole": [[1, 10, 100]]}, [1112 * 111],
     "the output gate sees the new cell"),
    # z = 0.5, r = 2, h = 3: h~ = 3 + 2 * 1 * 5 = 13
    (ops.Recurrent("gru", 1, 1, functions=GRU_AS_RELU), [1], one(0.5, 2, 3), one(0, 0, 5),
     {"initial_state": [[[1]]]}, [7], "(1 - 0.5) * 13 + 0.5 * 1"),
    # the recurrent bias of h, 10, is multiplied by r before the reset: 3 + 2 * (5 + 10) = 33
    (ops.Recurrent("gru", 1, 1, functions=GRU_AS_RELU, linear_before_reset=True), [1],
     one(0.5, 2, 3), one(0, 0, 5), {"initial_state": [[[1]]], "bias": [[0, 0, 0, 0, 0, 10]]},
     [17], "(1 - 0.5) * 33 + 0.5"),
    (ops.Recurrent("gru", 1, 1, functions=GRU_AS_RELU), [1], one(0.5, 2, 3), one(0, 0, 5),
     {"initial_state": [[[1]]], "bias": [[0, 0, 0, 0, 0, 10]]}, [12], "and else is not"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("op", "data", "weight", "recurrence", "more", "expected", "why"),
    STEPS,
    ids=[row[6] for row in STEPS],
)
def test_steps(
    op: ops.Recurrent,
    data: list,
    weight: Any,
    recurrence: Any,
    more: dict,
    expected: list,
    why: str,
) -> None:
    given = {role: np.array(value, np.float32) for role, value in more.items()}
    sequence, last, *_ = results(op, steps(*data), weight=weight, recurrence=recurrence, **given)
    assert_array_equal(sequence.ravel(), expected, why)
    assert_array_equal(last.ravel(), expected[0 if op.reverse else -1], why)


def test_the_last_state_alone() -> None:
    """A node that names no first output wants the last state: its rank tells it."""
    op = ops.Recurrent("rnn", 1, 1, functions=(RELU,))
    given = {"weight": one(2), "recurrence": one(3)}
    wanted = (TensorSpec((1, 1, 1), FLOAT32),)
    (last,) = run(op, Call((steps(1, 2),), wanted, BLAS, given))
    assert_array_equal(last, [[[10]]])


def test_shorter_sequences() -> None:
    """Behind its end a sequence's state is 0, and its last one is that of its end."""
    op = ops.Recurrent("rnn", 1, 2, functions=(RELU, RELU))
    data = np.array([[[1], [1]], [[1], [9]]], np.float32)  # two steps of two sequences
    twice = np.ones((2, 1, 1), np.float32)
    sequence, last = results(
        op, data, weight=twice, recurrence=twice, lengths=np.array([2, 1], np.int32)
    )
    assert_array_equal(sequence[:, :, :, 0], [[[1, 1], [2, 1]], [[2, 0], [1, 0]]])
    assert_array_equal(last[:, :, 0], [[2, 1], [2, 1]])


def test_lengths_that_cannot_be() -> None:
    op = ops.Recurrent("rnn", 1, 1)
    with pytest.raises(InputError, match=r"lengths \[3\] do not fit .* 1 sequences of 2 steps"):
        results(op, steps(1, 2), weight=one(1), recurrence=one(1), lengths=np.array([3], np.int32))


def test_half_floats_are_computed_in_float32() -> None:
    op = ops.Recurrent("lstm", 1, 1)
    data, weight, recurrence = steps(1, 2), one(1, 2, 3, 4), one(1, 1, 1, 1)
    wide = results(op, data, weight=weight, recurrence=recurrence)
    narrow = results(
        op, data.astype(np.float16), weight=weight.astype(np.float16),
        recurrence=recurrence.astype(np.float16),
    )  # fmt: skip
    for found, expected in zip(narrow, wide, strict=True):
        assert_array_equal(found, expected.astype(np.float16))


# ONNX's name -> ours. (onnxruntime's Softplus in these layers overflows, and its result is NaN.)
_NAMED = {
    "Relu": RELU,
    "Tanh": ops.Activation(Function.TANH),
    "Sigmoid": ops.Activation(Function.SIGMOID),
    "Softsign": ops.Activation(Function.SOFTSIGN),
}
_DIRECTIONS = {(1, False): "forward", (1, True): "reverse", (2, False): "bidirectional"}
_USUAL = {"lstm": 3, "gru": 2, "rnn": 1}
_ORDER = ("weight", "recurrence", "bias", "lengths", "initial_state", "initial_cell", "peephole")


def _drawn(
    generator: np.random.Generator,
) -> tuple[ops.Recurrent, np.ndarray, dict[str, np.ndarray], dict[str, Any]]:
    """A random layer: the op, its data and parameters, and the attributes of ONNX's node."""
    cell = str(generator.choice(["lstm", "gru", "rnn"]))
    directions, reverse = [(1, False), (1, True), (2, False)][generator.integers(3)]
    hidden, features, time, batch = map(int, generator.integers(1, 6, 4))
    rows = RECURRENT_GATES[cell] * hidden
    chosen = tuple(generator.choice(list(_NAMED), _USUAL[cell] * directions))
    usual, clip = generator.random() < 0.4, [None, 0.5][generator.integers(2)]
    op = ops.Recurrent(
        cell, hidden, directions,
        linear_before_reset=bool(cell == "gru" and generator.random() < 0.5),
        reverse=reverse,
        functions=() if usual else tuple(_NAMED[name] for name in chosen),
        clip=clip,
        coupled=bool(cell == "lstm" and generator.random() < 0.3),
    )  # fmt: skip
    shapes = {
        "weight": (directions, rows, features),
        "recurrence": (directions, rows, hidden),
        "bias": (directions, 2 * rows),
        "initial_state": (directions, batch, hidden),
    }
    if cell == "lstm":
        shapes |= {
            "initial_cell": (directions, batch, hidden),
            "peephole": (directions, 3 * hidden),
        }
    kept = [role for role in shapes if role[0] in "wr" or generator.random() < 0.6]
    given = {role: generator.standard_normal(shapes[role]).astype(np.float32) for role in kept}
    if generator.random() < 0.5:
        given["lengths"] = generator.integers(1, time + 1, batch).astype(np.int32)
    attributes: dict[str, Any] = {"direction": _DIRECTIONS[directions, reverse]}
    attributes |= {} if usual else {"activations": list(map(str, chosen))}
    attributes |= {} if clip is None else {"clip": clip}
    attributes |= {"input_forget": 1} if op.coupled else {}
    attributes |= {"linear_before_reset": 1} if op.linear_before_reset else {}
    data = generator.standard_normal((time, batch, features)).astype(np.float32)
    return op, data, given, attributes


def _file(
    op: ops.Recurrent, data: np.ndarray, given: dict[str, np.ndarray], attributes: dict[str, Any]
) -> onnx.ModelProto:
    names = [role if role in given else "" for role in _ORDER[: 7 if op.cell == "lstm" else 5]]
    outputs = ["y", "h", *("c" for _ in range(op.cell == "lstm"))]
    node = helper.make_node(
        op.cell.upper(), ["x", *names], outputs, hidden_size=op.hidden, **attributes
    )
    real = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [node], "net", [helper.make_tensor_value_info("x", real, data.shape)],
        [helper.make_tensor_value_info(name, real, None) for name in outputs],
        [numpy_helper.from_array(value, role) for role, value in given.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


def _by_onnxruntime(model: onnx.ModelProto, data: np.ndarray) -> list[np.ndarray]:
    return results_of(model, {"x": data})


def test_as_onnxruntime(tmp_path: Path) -> None:
    """The layer as it was drawn, and as the importer reads it from a file."""
    generator, path = np.random.default_rng(2), tmp_path / "layer.onnx"
    for _ in range(150):
        op, data, given, attributes = _drawn(generator)
        model = _file(op, data, given, attributes)
        path.write_bytes(model.SerializeToString())
        found = results(op, data, **given)
        read = execute(prepare(read_graph(path)), {"x": data}).outputs.values()
        text = f"{op} {sorted(given)}"
        for ours, theirs in zip(found, _by_onnxruntime(model, data), strict=True):
            assert_allclose(ours, theirs, atol=1e-4, err_msg=text)
        for ours, again in zip(found, read, strict=True):
            assert_array_equal(ours, again, err_msg=text)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_batch_first_is_the_same_with_axes_exchanged(cell: str) -> None:
    generator = np.random.default_rng(3)
    rows = RECURRENT_GATES[cell] * 4
    shapes = {"weight": (2, rows, 3), "recurrence": (2, rows, 4), "initial_state": (2, 5, 4)}
    given = {
        role: generator.standard_normal(shape).astype(np.float32) for role, shape in shapes.items()
    }
    data = generator.standard_normal((6, 5, 3)).astype(np.float32)
    sequence, *last = results(ops.Recurrent(cell, 4, 2), data, **given)
    given["initial_state"] = given["initial_state"].swapaxes(0, 1)
    turned = results(ops.Recurrent(cell, 4, 2, batch_first=True), data.swapaxes(0, 1), **given)
    assert [spec_of(item) for item in turned[1:]] == [TensorSpec((5, 2, 4), FLOAT32) for _ in last]
    assert_array_equal(turned[0], sequence.transpose(2, 0, 1, 3))
    for ours, other in zip(turned[1:], last, strict=True):
        assert_array_equal(ours, other.swapaxes(0, 1))
