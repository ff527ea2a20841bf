"""Rules of layers that work element by element or reduce: functions, operators, comparisons.

Source: ONNX operator specification, opset 21.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from onnx import helper

from xnorsim.exporters.onnx.dispatch import write
from xnorsim.exporters.onnx.operands import every_operand, one, operands
from xnorsim.exporters.onnx.products import call
from xnorsim.exporters.onnx.sheet import (
    QONNX,
    Sheet,
    constant,
    layer,
    refused,
    setting,
    spec,
    step,
)
from xnorsim.exporters.onnx.tensors import element_type
from xnorsim.network import ops
from xnorsim.network.functions import Function, Operator, Reduction
from xnorsim.network.graph import Node
from xnorsim.network.precision import Encoding

__all__ = ["camel", "number"]


class _Written(NamedTuple):
    """An operator, and the attributes that are the function's numbers."""

    operator: str
    constants: tuple[str, ...] = ()


_FUNCTIONS: dict[Function, _Written] = {
    Function.ABS: _Written("Abs"),
    Function.ACOS: _Written("Acos"),
    Function.ACOSH: _Written("Acosh"),
    Function.ASIN: _Written("Asin"),
    Function.ASINH: _Written("Asinh"),
    Function.ATAN: _Written("Atan"),
    Function.ATANH: _Written("Atanh"),
    Function.CEIL: _Written("Ceil"),
    Function.CELU: _Written("Celu", ("alpha",)),
    Function.COS: _Written("Cos"),
    Function.COSH: _Written("Cosh"),
    Function.ELU: _Written("Elu", ("alpha",)),
    Function.ERF: _Written("Erf"),
    Function.EXP: _Written("Exp"),
    Function.FLOOR: _Written("Floor"),
    Function.GELU: _Written("Gelu"),
    Function.HARD_SIGMOID: _Written("HardSigmoid", ("alpha", "beta")),
    Function.HARD_SWISH: _Written("HardSwish"),
    Function.LEAKY_RELU: _Written("LeakyRelu", ("alpha",)),
    Function.LOG: _Written("Log"),
    Function.MISH: _Written("Mish"),
    Function.NEG: _Written("Neg"),
    Function.NOT: _Written("Not"),
    Function.PRELU: _Written("PRelu"),
    Function.RECIPROCAL: _Written("Reciprocal"),
    Function.RELU: _Written("Relu"),
    Function.ROUND: _Written("Round"),
    Function.SELU: _Written("Selu", ("alpha", "gamma")),
    Function.SHRINK: _Written("Shrink", ("bias", "lambd")),
    Function.SIGMOID: _Written("Sigmoid"),
    Function.SIGNUM: _Written("Sign"),
    Function.SIN: _Written("Sin"),
    Function.SINH: _Written("Sinh"),
    Function.SOFTPLUS: _Written("Softplus"),
    Function.SOFTSIGN: _Written("Softsign"),
    Function.SQRT: _Written("Sqrt"),
    Function.TAN: _Written("Tan"),
    Function.TANH: _Written("Tanh"),
    Function.THRESHOLDED_RELU: _Written("ThresholdedRelu", ("alpha",)),
}

# Local functions, their numbers, and what these are where a layer states none.
_LOCAL: dict[Function, tuple[str, dict[str, float]]] = {
    Function.AFFINE: ("Affine", {"alpha": 1.0, "beta": 0.0}),
    Function.SCALED_TANH: ("ScaledTanh", {"alpha": 1.0, "beta": 1.0}),
    Function.SILU: ("Silu", {"alpha": 1.0}),
}


def number(sheet: Sheet, node: Node, word: str, value: float, encoding: Encoding) -> str:
    """Store one number in the type of what it is combined with."""
    kind = element_type(encoding)
    if kind is None:
        raise refused(sheet, node, f"ONNX has no type for {encoding}")
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    if np.issubdtype(dtype, np.integer):
        info = np.iinfo(dtype)
        value = int(np.clip(value, info.min, info.max))
    return constant(sheet, f"{node.name}.{word}", np.asarray(value).astype(dtype))


@write.register
def _(op: ops.Activation, node: Node, sheet: Sheet) -> None:
    constants = dict(op.constants)
    roles = ("input", "slope") if op.function is Function.PRELU else ("input",)
    inputs = operands(sheet, node, *roles)
    if op.function is Function.CLIP:
        encoding = spec(sheet, node.inputs[0]).encoding
        bounds = (
            number(sheet, node, word, constants[word], encoding) if word in constants else ""
            for word in ("min", "max")
        )
        layer(sheet, node, "Clip", [*inputs, *bounds])
    elif op.function is Function.GELU_TANH:
        layer(sheet, node, "Gelu", inputs, approximate="tanh")
    elif op.function in _LOCAL:
        name, usual = _LOCAL[op.function]
        call(sheet, node, name, inputs, **{**usual, **constants})
    else:
        written = _FUNCTIONS[op.function]
        attributes = {word: constants.get(word) for word in written.constants}
        layer(sheet, node, written.operator, inputs, **attributes)


@write.register
def _(op: ops.Sign, node: Node, sheet: Sheet) -> None:
    """BipolarQuant is +scale where x >= 0, else -scale."""
    inputs = [*operands(sheet, node, "input"), one(sheet)]
    layer(sheet, node, "BipolarQuant", inputs, domain=QONNX)


_OPERATORS = {
    Operator.ADD: "Add",
    Operator.SUB: "Sub",
    Operator.MUL: "Mul",
    Operator.DIV: "Div",
    Operator.MAX: "Max",
    Operator.MIN: "Min",
    Operator.MEAN: "Mean",
    Operator.MOD: "Mod",
    Operator.FMOD: "Mod",
    Operator.POW: "Pow",
}
_OF_MANY = {Operator.ADD: "Sum", Operator.MAX: "Max", Operator.MIN: "Min", Operator.MEAN: "Mean"}


@write.register
def _(op: ops.Elementwise, node: Node, sheet: Sheet) -> None:
    inputs = every_operand(sheet, node, "left", "right")
    if len(inputs) == 2:
        fmod = 1 if op.operator is Operator.FMOD else None
        layer(sheet, node, _OPERATORS[op.operator], inputs, fmod=fmod)
        return
    if op.operator is Operator.MUL and len(inputs) > 2:  # of two alone in ONNX
        *_, last = inputs
        product = inputs[0]
        for position, name in enumerate(inputs[1:-1], start=1):
            product = step(sheet, node, f"product_{position}", "Mul", [product, name])
        layer(sheet, node, "Mul", [product, last])
        return
    if op.operator not in _OF_MANY:
        raise refused(sheet, node, f"{op.operator} of {len(inputs)} operands")
    layer(sheet, node, _OF_MANY[op.operator], inputs)


def camel(words: str) -> str:
    """The name of an operator from words: greater_or_equal is GreaterOrEqual."""
    return "".join(word.capitalize() for word in words.split("_"))


@write.register
def _(op: ops.Compare, node: Node, sheet: Sheet) -> None:
    layer(sheet, node, camel(op.operator), operands(sheet, node, "left", "right"))


@write.register
def _(op: ops.Select, node: Node, sheet: Sheet) -> None:
    layer(sheet, node, "Where", operands(sheet, node, "condition", "left", "right"))


_REDUCTIONS = {
    Reduction.MAX: "ReduceMax",
    Reduction.MIN: "ReduceMin",
    Reduction.MEAN: "ReduceMean",
    Reduction.SUM: "ReduceSum",
    Reduction.PROD: "ReduceProd",
    Reduction.L1: "ReduceL1",
    Reduction.L2: "ReduceL2",
    Reduction.SUM_SQUARE: "ReduceSumSquare",
    Reduction.LOG_SUM: "ReduceLogSum",
    Reduction.LOG_SUM_EXP: "ReduceLogSumExp",
}
_EXTREMES = {Reduction.ARG_MAX: "ArgMax", Reduction.ARG_MIN: "ArgMin"}


@write.register
def _(op: ops.Reduce, node: Node, sheet: Sheet) -> None:
    inputs, keepdims = operands(sheet, node, "input"), int(op.keepdims)
    if op.reduction in _EXTREMES:
        (axis,) = op.axes
        layer(
            sheet, node, _EXTREMES[op.reduction], inputs,
            axis=axis, keepdims=keepdims, select_last_index=int(op.last),
        )  # fmt: skip
        return
    if op.reduction not in _REDUCTIONS:
        raise refused(sheet, node, f"it has no reduction {op.reduction} over whole axes")
    inputs.append(setting(sheet, node, "axes", op.axes))
    noop = 1 if not op.axes else None
    layer(
        sheet, node, _REDUCTIONS[op.reduction], inputs,
        keepdims=keepdims, noop_with_empty_axes=noop,
    )  # fmt: skip


@write.register
def _(op: ops.Softmax, node: Node, sheet: Sheet) -> None:
    kind = "LogSoftmax" if op.logarithm else "Softmax"
    layer(sheet, node, kind, operands(sheet, node, "input"), axis=op.axis)
