"""LSTM, GRU and plain RNN.

Source of the equations: ONNX, LSTM-22, GRU-22 and RNN-22. A batch is (batch, features) at each
step; matrices stand transposed, so a step is x W + h R + bias with W's part of all steps computed
at once, before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xnorsim.errors import InputError
from xnorsim.exact.call import Call, operands, optional
from xnorsim.exact.encodings import dtype_of
from xnorsim.exact.reference.dispatch import chosen, run
from xnorsim.network import ops
from xnorsim.network.functions import Function
from xnorsim.network.graph import TensorSpec
from xnorsim.network.precision import ENCODINGS

__all__: list[str] = []

_Apply = Callable[[np.ndarray], np.ndarray]
_States = tuple[np.ndarray, np.ndarray]  # of the layer, and of an LSTM's cell


@dataclass(frozen=True, slots=True)
class _Direction:
    """What one direction computes with; bias is the recurrence's own, where it stands apart."""

    recurrence: np.ndarray  # (hidden, gates * hidden)
    bias: np.ndarray  # (gates * hidden,)
    peephole: np.ndarray  # (3, hidden)
    functions: tuple[_Apply, ...]


@run.register
def _(op: ops.Recurrent, call: Call) -> tuple[np.ndarray, ...]:
    """The sequence of states (rank 4), the last state and the last cell (rank 3), as wanted.

    Where a sequence of the batch is shorter than the others, its states are 0 behind its end and
    the last one stays; the reverse direction starts at its end. Computed in float32 (float64 for
    float64), rounded to the type of the input at the end.
    """
    data, weight, recurrence = operands(call, "operand_0", "weight", "recurrence")
    exact = np.dtype(np.float64 if data.dtype == np.float64 else np.float32)
    if op.batch_first:
        data = data.swapaxes(0, 1)
    steps, batch = data.shape[:2]
    running = np.arange(steps)[:, None, None] < _lengths(call, steps, batch)[:, None]
    states = [_state(op, call, role, batch, exact) for role in ("initial_state", "initial_cell")]
    sequences, last = [], []
    for at in range(op.directions):
        own, bias = _direction(op, call, recurrence[at].astype(exact, copy=False), at)
        inputs = data.astype(exact, copy=False) @ weight[at].astype(exact, copy=False).T + bias
        backwards = op.reverse or at == 1
        sequence, end = _walk(op, own, inputs, (states[0][at], states[1][at]), running, backwards)
        sequences.append(sequence)
        last.append(end)
    results = [np.stack(sequences, axis=1), *(np.stack(part) for part in zip(*last, strict=True))]
    return _wanted(op, call, results)


def _lengths(call: Call, steps: int, batch: int) -> np.ndarray:
    """How many steps each sequence of the batch has."""
    given = optional(call, "lengths")
    if given is None:
        return np.full(batch, steps)
    if given.shape != (batch,) or given.min() < 0 or given.max() > steps:
        raise InputError(
            f"lengths {given.tolist()} do not fit a batch of {batch} sequences of {steps} steps"
        )
    return given


def _state(op: ops.Recurrent, call: Call, role: str, batch: int, exact: np.dtype) -> np.ndarray:
    """(directions, batch, hidden), 0 where it is left out."""
    given = optional(call, role)
    if given is None:
        return np.zeros((op.directions, batch, op.hidden), exact)
    return (given.swapaxes(0, 1) if op.batch_first else given).astype(exact, copy=False)


def _direction(
    op: ops.Recurrent, call: Call, recurrence: np.ndarray, at: int
) -> tuple[_Direction, np.ndarray]:
    """The parameters of direction `at`, and the bias that is added to W's part."""
    rows, exact = len(recurrence), recurrence.dtype
    bias = optional(call, "bias")
    pair = np.zeros((2, rows), exact) if bias is None else bias[at].reshape(2, rows).astype(exact)
    if not op.linear_before_reset:  # one addition for both
        pair = np.stack([pair[0] + pair[1], np.zeros(rows, exact)])
    given = optional(call, "peephole")
    peephole = np.zeros((3, op.hidden), exact)
    if given is not None:
        peephole = given[at].reshape(3, op.hidden).astype(exact)
    usual = chosen(_FUNCTIONS, op.cell, "cell")
    own = op.functions[at * len(usual) :][: len(usual)] or usual
    # Gates are clipped; the cell's state before its function (the third) is not, in onnxruntime.
    clips = (op.clip, op.clip, None)
    functions = tuple(
        _applied(function, clip, call) for function, clip in zip(own, clips, strict=False)
    )
    return _Direction(recurrence.T, pair[1], peephole, functions), pair[0]


def _applied(function: ops.Activation, clip: float | None, call: Call) -> _Apply:
    """A function, after the clipping of what it is applied to."""

    def apply(x: np.ndarray) -> np.ndarray:
        if clip:
            x = np.clip(x, -clip, clip)
        spec = TensorSpec(x.shape, ENCODINGS[x.dtype.name])
        return run(function, Call((x,), (spec,), call.engine))[0]

    return apply


def _walk(
    op: ops.Recurrent,
    own: _Direction,
    inputs: np.ndarray,
    states: _States,
    running: np.ndarray,
    backwards: bool,
) -> tuple[np.ndarray, _States]:
    """All steps of one direction: the state after each (0 where none was made), and the last."""
    steps, batch = inputs.shape[:2]
    sequence = np.zeros((steps, batch, op.hidden), inputs.dtype)
    for at in reversed(range(steps)) if backwards else range(steps):
        made = _STEPS[op.cell](op, own, inputs[at], states)
        states = (
            np.where(running[at], made[0], states[0]),
            np.where(running[at], made[1], states[1]),
        )
        sequence[at] = np.where(running[at], made[0], 0)
    return sequence, states


def _lstm(op: ops.Recurrent, own: _Direction, inputs: np.ndarray, states: _States) -> _States:
    """i = f(.. + P_i c), f = f(.. + P_f c) or 1 - i, c' = f c + i g(..), o = f(.. + P_o c'),
    h' = o h(c')."""
    state, cell = states
    gate, candidate, output = own.functions
    i, o, f, c = np.split(inputs + state @ own.recurrence, 4, axis=1)
    take = gate(i + own.peephole[0] * cell)
    keep = 1 - take if op.coupled else gate(f + own.peephole[2] * cell)
    cell = keep * cell + take * candidate(c)
    return gate(o + own.peephole[1] * cell) * output(cell), cell


def _gru(op: ops.Recurrent, own: _Direction, inputs: np.ndarray, states: _States) -> _States:
    """z = f(..), r = f(..), h~ = g(x W + (r h) R) or, before the reset, g(x W + r (h R + bias)),
    h' = (1 - z) h~ + z h."""
    state, cell = states
    gate, candidate = own.functions
    both = 2 * op.hidden
    before = state @ own.recurrence[:, :both] + own.bias[:both]
    z, r = np.split(gate(inputs[:, :both] + before), 2, axis=1)
    if op.linear_before_reset:
        past = r * (state @ own.recurrence[:, both:] + own.bias[both:])
    else:
        past = (r * state) @ own.recurrence[:, both:]
    return (1 - z) * candidate(inputs[:, both:] + past) + z * state, cell


def _rnn(op: ops.Recurrent, own: _Direction, inputs: np.ndarray, states: _States) -> _States:
    """h' = f(x W + h R + bias)."""
    state, cell = states
    return own.functions[0](inputs + state @ own.recurrence), cell


_STEPS = {"lstm": _lstm, "gru": _gru, "rnn": _rnn}

_SIGMOID, _TANH = ops.Activation(Function.SIGMOID), ops.Activation(Function.TANH)
_FUNCTIONS = {"lstm": (_SIGMOID, _TANH, _TANH), "gru": (_SIGMOID, _TANH), "rnn": (_TANH,)}


def _wanted(op: ops.Recurrent, call: Call, results: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    """The results that call.outputs asks for: a node may leave out the sequence (of rank 4)."""
    sequence, *last = results
    if op.batch_first:
        sequence, last = sequence.transpose(2, 0, 1, 3), [part.swapaxes(0, 1) for part in last]
    rest = iter(last)
    found = [sequence if len(spec.shape) == 4 else next(rest) for spec in call.outputs]
    return tuple(
        part.astype(dtype_of(spec.encoding), copy=False)
        for part, spec in zip(found, call.outputs, strict=True)
    )
