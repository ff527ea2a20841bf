"""Functions of each element, alone and fused to other operators; and the end of an operator.

Source: TensorFlow, tensorflow/lite/kernels/activations.cc and internal/reference; schema.fbs,
ActivationFunctionType.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import tflite

from xnorsim.errors import ModelError
from xnorsim.importers.channels import Value
from xnorsim.importers.tflite.bounds import bounds, scalar
from xnorsim.importers.tflite.constants import made
from xnorsim.importers.tflite.schema import names_of
from xnorsim.importers.tflite.view import (
    Rule,
    View,
    axis_in,
    emit,
    encoding,
    float_constant,
    option,
    quantization,
    quantized_axis,
    quantizer,
    real,
    require,
    spread,
    value,
    write,
)
from xnorsim.network import ops
from xnorsim.network.ops import Function, Operator
from xnorsim.network.precision import BIPOLAR, ENCODINGS, FLOAT32, UNIPOLAR

MOST_BITS = 16
"""Wider integers are no quantizer but a rounding."""

__all__ = ["RULES", "finish", "fused"]


def _clip(low: float, high: float) -> ops.Activation:
    return ops.Activation(Function.CLIP, (("min", low), ("max", high)))


RELU = ops.Activation(Function.RELU)
FUSED: Mapping[str, ops.Activation | None] = {
    "NONE": None,
    "RELU": RELU,
    "RELU_N1_TO_1": _clip(-1.0, 1.0),
    "RELU6": _clip(0.0, 6.0),
    "TANH": ops.Activation(Function.TANH),
}
_WORDS = names_of(tflite.ActivationFunctionType)


def fused(view: View, number: int) -> ops.Activation | None:
    """The activation that an operator ends with.

    Raises:
        ModelError: one that is not known.
    """
    word = _WORDS.get(number, str(number))
    if word not in FUSED:
        raise ModelError(f"{view.where}: fused activation {word}: expected {', '.join(FUSED)}")
    return FUSED[word]


def finish(
    view: View, result: str, channels_first: bool, position: int = 0, *, has_fused: bool = False
) -> None:
    """Write a result of float arithmetic: its fused activation, and its quantization if the file
    keeps the output in integers."""
    op = fused(view, int(option(view, "FusedActivationFunction"))) if has_fused else None
    if op is not None:
        result = emit(view, op, result, suffix=str(op.function))
    outputs = view.operator.outputs
    target = view.state.model.tensors[outputs[min(position, len(outputs) - 1)]]
    form = quantization(target)
    if form is not None:
        view.state.counted.setdefault("requantized", []).append(view.name)
        axis = quantized_axis(form, Value(result, channels_first), view.state)
        to = ops.Quantize(target.spec.encoding, axis, rounding="half_up")
        result = emit(view, to, result, suffix="quantized", parameters=quantizer(target, form))
    write(view, result, channels_first, position)


def _apply(view: View, op: ops.Op) -> None:
    given = real(view, 0)
    finish(view, emit(view, op, given.tensor), given.channels_first)


def _function(op: ops.Op) -> Callable[[View], None]:
    return lambda view: _apply(view, op)


def _relu(view: View) -> None:
    _apply(view, RELU)


def _leaky_relu(view: View) -> None:
    alpha = float(option(view, "Alpha"))
    _apply(view, ops.Activation(Function.LEAKY_RELU, (("alpha", alpha),)))


def _gelu(view: View) -> None:
    word = Function.GELU_TANH if option(view, "Approximate") else Function.GELU
    _apply(view, ops.Activation(word))


def _prelu(view: View) -> None:
    given, slope = real(view, 0), float_constant(view, 1)
    if slope is None:
        raise ModelError(f"{view.where}: its slope is computed at run time")
    rank = len(view.state.assembly.shape(given.tensor))
    require(view, len(slope.spec.shape) <= rank, f"slope {list(slope.spec.shape)} has more axes")
    held = {"slope": spread(slope, rank, given.channels_first)}
    op = ops.Activation(Function.PRELU)
    finish(view, emit(view, op, given.tensor, parameters=held), given.channels_first)


def _rsqrt(view: View) -> None:
    given = real(view, 0)
    root = emit(view, ops.Activation(Function.SQRT), given.tensor, suffix="sqrt")
    result = emit(view, ops.Activation(Function.RECIPROCAL), root)
    finish(view, result, given.channels_first)


def _square(view: View) -> None:
    given = real(view, 0)
    op = ops.Elementwise(Operator.MUL)
    finish(view, emit(view, op, given.tensor, given.tensor), given.channels_first)


def _softmax(logarithm: bool) -> Callable[[View], None]:
    def build(view: View) -> None:
        beta = float(option(view, "Beta", 1.0)) if not logarithm else 1.0
        if beta != 1.0:
            raise ModelError(f"{view.where}: softmax with beta {beta:g}: only 1 is supported")
        given = real(view, 0)
        rank = len(view.state.assembly.shape(given.tensor))
        op = ops.Softmax(axis_in(given, -1, rank, view), logarithm)
        finish(view, emit(view, op, given.tensor), given.channels_first)

    return build


def _sign(view: View) -> None:
    """-1, 0 or +1; of what is never below 0 one bit; of what is +-1 already the same."""
    if encoding(view, 0) == BIPOLAR:
        given = value(view, 0)
        write(view, given.tensor, given.channels_first)
        return
    given, state = real(view, 0), view.state
    signed = _before_shift(view, given.tensor)
    if signed is not None:
        write(view, emit(view, ops.Sign(), signed), given.channels_first)
        return
    low, _ = bounds(state, given.tensor)
    if low < 0:
        _apply(view, ops.Activation(Function.SIGNUM))
        return
    write(
        view,
        _bit(view, given.tensor, float(np.nextafter(np.float32(0), np.float32(1)))),
        given.channels_first,
    )


def _before_shift(view: View, name: str) -> str | None:
    """x, where the sign of sign(x) + c is taken, 0 < c < 1: so Larq has +1 for the sign of 0."""
    state = view.state
    added = state.producer(name)
    if added is None or added.op != ops.Elementwise(Operator.ADD) or added.outputs[0] != name:
        return None
    signum, shift = state.producer(added.inputs[0]), scalar(state, added)
    if signum is None or signum.op != ops.Activation(Function.SIGNUM) or shift is None:
        return None
    if not 0 < shift < 1 or signum.outputs[0] != added.inputs[0]:
        return None
    state.bypassed |= {added.name, signum.name}
    return signum.inputs[0]


def _bit(view: View, data: str, level: float) -> str:
    """1 from `level` (above 0) on, else 0: so a rectifier before it changes nothing."""
    node = view.state.producer(data)
    if node is not None and node.op == RELU and node.outputs[0] == data:
        view.state.bypassed.add(node.name)
        data = node.inputs[0]
    held = {"thresholds": made(np.full((1, 1), level, np.float32), FLOAT32)}
    return emit(view, ops.Thresholds(UNIPOLAR), data, parameters=held)


def _round(view: View) -> None:
    """To the nearest integer, halves to even; of 0 to 2**k - 1 it is a quantizer of k bits."""
    given = real(view, 0)
    low, high = bounds(view.state, given.tensor)
    bits = int(high).bit_length() if 0 < high < 2**MOST_BITS else 0
    if low != 0 or bits == 0 or high != 2**bits - 1:
        _apply(view, ops.Activation(Function.ROUND))
        return
    if bits == 1:
        above = float(np.nextafter(np.float32(0.5), np.float32(1)))
        write(view, _bit(view, given.tensor, above), given.channels_first)
        return
    one = {"scale": made(np.ones((), np.float32), FLOAT32)}
    to = ENCODINGS[f"uint{bits}"]
    codes = emit(view, ops.Quantize(to), given.tensor, suffix="quantize", parameters=one)
    result = emit(view, ops.Dequantize(FLOAT32), codes, parameters=one)
    view.state.codes[result] = to
    finish(view, result, given.channels_first)


_FUNCTIONS = {
    "ABS": Function.ABS,
    "CEIL": Function.CEIL,
    "COS": Function.COS,
    "ELU": Function.ELU,
    "EXP": Function.EXP,
    "FLOOR": Function.FLOOR,
    "HARD_SWISH": Function.HARD_SWISH,
    "LOG": Function.LOG,
    "LOGICAL_NOT": Function.NOT,
    "LOGISTIC": Function.SIGMOID,
    "NEG": Function.NEG,
    "SIN": Function.SIN,
    "SQRT": Function.SQRT,
    "TANH": Function.TANH,
}

RULES: dict[str, Rule] = {
    **{name: Rule(_function(ops.Activation(word))) for name, word in _FUNCTIONS.items()},
    "GELU": Rule(_gelu, "GeluOptions"),
    "LEAKY_RELU": Rule(_leaky_relu, "LeakyReluOptions"),
    "LOG_SOFTMAX": Rule(_softmax(True), "LogSoftmaxOptions"),
    "PRELU": Rule(_prelu),
    "RELU": Rule(_relu),
    "RELU6": Rule(_function(_clip(0.0, 6.0))),
    "RELU_0_TO_1": Rule(_function(_clip(0.0, 1.0))),
    "RELU_N1_TO_1": Rule(_function(_clip(-1.0, 1.0))),
    "ROUND": Rule(_round),
    "RSQRT": Rule(_rsqrt),
    "SIGN": Rule(_sign),
    "SOFTMAX": Rule(_softmax(False), "SoftmaxOptions"),
    "SQUARE": Rule(_square),
}
