"""Rules of ONNX's recurrent layers.

Source: ONNX operator specification, LSTM-22, GRU-22, RNN-22 and the versions before them. What
the specification leaves open, the alpha of an Affine or ScaledTanh that states none, is the one
that changes nothing: a factor of 1 and a summand of 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from xnorsim.errors import ModelError, choices
from xnorsim.importers.onnx.view import (
    DATA,
    Layer,
    NodeView,
    Rule,
    input_spec,
    output_spec,
    require,
)
from xnorsim.network import ops
from xnorsim.network.operands import RECURRENT_GATES
from xnorsim.network.ops import Activation, Function

__all__ = ["RULES"]

_USUAL = {
    "lstm": (Activation(Function.SIGMOID), Activation(Function.TANH), Activation(Function.TANH)),
    "gru": (Activation(Function.SIGMOID), Activation(Function.TANH)),
    "rnn": (Activation(Function.TANH),),
}

# Name in lower case -> function, and its numbers where the file states none.
_GATES: dict[str, tuple[Function, dict[str, float]]] = {
    "affine": (Function.AFFINE, {"alpha": 1.0, "beta": 0.0}),
    "elu": (Function.ELU, {"alpha": 1.0}),
    "hardsigmoid": (Function.HARD_SIGMOID, {"alpha": 0.2, "beta": 0.5}),
    "leakyrelu": (Function.LEAKY_RELU, {"alpha": 0.01}),
    "relu": (Function.RELU, {}),
    "scaledtanh": (Function.SCALED_TANH, {"alpha": 1.0, "beta": 1.0}),
    "sigmoid": (Function.SIGMOID, {}),
    "softplus": (Function.SOFTPLUS, {}),
    "softsign": (Function.SOFTSIGN, {}),
    "tanh": (Function.TANH, {}),
    "thresholdedrelu": (Function.THRESHOLDED_RELU, {"alpha": 1.0}),
}


def _directions(view: NodeView) -> int:
    return 2 if view.attributes.get("direction") == "bidirectional" else 1


def _functions(view: NodeView, cell: str) -> tuple[Activation, ...]:
    """The functions of all gates, one direction after the other; () for the usual ones."""
    usual = _USUAL[cell] * _directions(view)
    names: Sequence[str | bytes] = view.attributes.get("activations") or ()
    if not names:
        return ()
    if len(names) < len(usual):
        raise ModelError(
            f"{view.where}: it has {len(names)} activations; {_directions(view)} directions of "
            f"its cell need {len(usual)}"
        )
    numbers = {
        name: iter(view.attributes.get(f"activation_{name}") or ()) for name in ("alpha", "beta")
    }
    found = tuple(_function(view, name, numbers) for name in names[: len(usual)])
    return () if found == usual else found


def _function(
    view: NodeView, name: str | bytes, numbers: Mapping[str, Iterator[float]]
) -> Activation:
    """One gate's function; those that have an alpha or beta take the next of the file's."""
    word = (name.decode("utf-8", "replace") if isinstance(name, bytes) else name).lower()
    if word not in _GATES:
        raise ModelError(f"{view.where}: no activation '{word}': {choices(word, _GATES)}")
    function, usual = _GATES[word]
    stated = ((number, next(numbers[number], value)) for number, value in usual.items())
    return Activation(function, tuple((number, float(value)) for number, value in stated))


def _recurrent(cell: str):
    def build(view: NodeView) -> ops.Recurrent | tuple[Layer, ...]:
        given = view.attributes
        op = ops.Recurrent(
            cell,
            given.get("hidden_size") or input_spec(view, 2).shape[-1],
            _directions(view),
            batch_first=bool(given.get("layout", 0)),
            linear_before_reset=bool(given.get("linear_before_reset", 0)),
            reverse=given.get("direction") == "reverse",
            functions=_functions(view, cell),
            clip=given.get("clip"),
            coupled=bool(given.get("input_forget", 0)),
        )
        return _named(view, op)

    return build


def _named(view: NodeView, op: ops.Recurrent) -> ops.Recurrent | tuple[Layer, ...]:
    """An LSTM's last state gets a name where only its cell has one: results go by position."""
    if len(view.outputs) < 3 or view.outputs[1]:
        return op
    state = f"{view.name}.state"
    outputs = (view.outputs[0], state, view.outputs[2])
    new = {state: output_spec(view, 2)}
    return (Layer(op, view.inputs, outputs, view.roles, new=new),)


def _check_recurrent(view: NodeView) -> None:
    data, weight, recurrence = (input_spec(view, position).shape for position in range(3))
    text = f"its input {list(data)} is not (time, batch, features)"
    require(view, len(data) == 3, text)
    directions = _directions(view)
    hidden = view.attributes.get("hidden_size") or recurrence[-1]
    rows = RECURRENT_GATES[view.operator.lower()] * hidden
    for name, found, columns in (("weight", weight, data[2]), ("recurrence", recurrence, hidden)):
        expected = (directions, rows, columns)
        text = f"its {name} {list(found)} should be {list(expected)} for input {list(data)}"
        require(view, found == expected, text)


_CELL = (DATA, "weight", "recurrence", "bias", "lengths", "initial_state")

RULES: dict[tuple[str, str], Rule] = {
    ("", "LSTM"): Rule(_recurrent("lstm"), (*_CELL, "initial_cell", "peephole"), _check_recurrent),
    ("", "GRU"): Rule(_recurrent("gru"), _CELL, _check_recurrent),
    ("", "RNN"): Rule(_recurrent("rnn"), _CELL, _check_recurrent),
}
