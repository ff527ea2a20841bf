"""Rules of ONNX operators that multiply matrices, quantize, or both.

Source: ONNX operator specification, Gemm-13, MatMul-13, QLinearConv-10, QLinearMatMul-21,
ConvInteger-10, MatMulInteger-10, QuantizeLinear-25, DequantizeLinear-25, DynamicQuantizeLinear-11.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

from xnorsim.errors import ModelError
from xnorsim.importers.onnx.view import (
    DATA,
    Layer,
    NodeView,
    Rule,
    axis_of,
    has_input,
    input_spec,
    is_constant,
    output_spec,
    require,
)
from xnorsim.importers.onnx.windows import check_convolution, convolution
from xnorsim.network import ops
from xnorsim.network.graph import Parameter, TensorSpec
from xnorsim.network.precision import INT32

__all__ = ["RULES"]


def _product(view: NodeView, left: int, right: int) -> tuple[ops.Op, tuple[str, ...]]:
    """A dense layer where a constant matrix stands on the right, else a product; and the roles."""
    weight = input_spec(view, right).shape
    if is_constant(view, right) and not is_constant(view, left) and len(weight) == 2:
        return ops.Dense(*weight), (DATA, "weight")
    return ops.MatMul(), ("left", "right")


def _matmul(view: NodeView) -> tuple[Layer, ...]:
    op, roles = _product(view, 0, 1)
    return (Layer(op, view.inputs[:2], view.outputs, roles),)


def _check_gemm(view: NodeView) -> None:
    sides = [input_spec(view, position).shape for position in (0, 1)]
    require(
        view,
        all(len(side) == 2 for side in sides),
        f"its operands {list(sides[0])} and {list(sides[1])} are not matrices",
    )
    given = view.attributes
    inner = sides[0][0 if given["transA"] else 1], sides[1][1 if given["transB"] else 0]
    text = f"its operands {list(sides[0])} and {list(sides[1])} differ in the inner size"
    require(view, inner[0] == inner[1], f"{text}: {inner[0]} against {inner[1]}")


def _gemm(view: NodeView) -> ops.Op | tuple[Layer, ...]:
    given = view.attributes
    weight = input_spec(view, 1).shape
    plain_bias = not has_input(view, 2) or is_constant(view, 2)
    if is_constant(view, 1) and not is_constant(view, 0) and plain_bias:
        turned = bool(given["transB"])
        rows, columns = weight[::-1] if turned else weight
        transposed = bool(given["transA"])
        return ops.Dense(rows, columns, turned, transposed, given["alpha"], given["beta"])
    return _gemm_of_activations(view)


def _gemm_of_activations(view: NodeView) -> tuple[Layer, ...]:
    """Transposes, product, factors and addition as layers of their own."""
    given, layers, sides, constants = view.attributes, [], [], {}
    for position, side in enumerate(("A", "B")):
        name = view.inputs[position]
        if given[f"trans{side}"]:
            turned = f"{view.name}.{side}_transposed"
            if is_constant(view, position):
                constants[turned] = _transposed(view.constants[name])
            else:
                spec = input_spec(view, position)
                new = {turned: TensorSpec(spec.shape[::-1], spec.encoding)}
                layers.append(
                    Layer(ops.Transpose((1, 0)), (name,), (turned,), (), f".transpose_{side}", new)
                )
            name = turned
        sides.append(name)
    result = output_spec(view)
    factors = [("alpha", given["alpha"])] if given["alpha"] != 1 else []
    ends = [f"{view.name}.product", *(f"{view.name}.{name}" for name, _ in factors)]
    if not has_input(view, 2):
        ends[-1] = view.outputs[0]
    new = {name: result for name in ends if name not in view.outputs}
    layers.append(
        Layer(
            ops.MatMul(), tuple(sides), (ends[0],), ("left", "right"), new=new, constants=constants
        )
    )
    for (name, value), before, after in zip(factors, ends, ends[1:], strict=False):
        layers.append(_scaled(view, name, value, before, after))
    if has_input(view, 2):
        layers += _added(view, given["beta"], ends[-1])
    return tuple(layers)


def _added(view: NodeView, beta: float, product: str) -> list[Layer]:
    bias, layers = view.inputs[2], []
    if beta != 1:
        scaled = f"{view.name}.beta"
        layers.append(_scaled(view, "beta", beta, bias, scaled))
        layers[0] = replace(layers[0], new={scaled: input_spec(view, 2)})
        bias = scaled
    op = ops.Elementwise(ops.Operator.ADD)
    return [*layers, Layer(op, (product, bias), view.outputs, ("left", "right"), ".add")]


def _scaled(view: NodeView, name: str, value: float, before: str, after: str) -> Layer:
    factor = f"{view.name}.{name}_factor"
    spec = TensorSpec((), output_spec(view).encoding)
    number = Parameter(spec, (), partial(np.asarray, value, np.float32))
    op = ops.Elementwise(ops.Operator.MUL)
    return Layer(
        op, (before, factor), (after,), ("left", "right"), f".{name}", constants={factor: number}
    )


def _transposed(parameter: Parameter) -> Parameter:
    spec = TensorSpec(parameter.spec.shape[::-1], parameter.spec.encoding)
    load = None if parameter.load is None else partial(_turned, parameter)
    return replace(parameter, spec=spec, load=load)


def _turned(parameter: Parameter) -> np.ndarray:
    assert parameter.load is not None
    return parameter.load().T


def _scaled_axis(view: NodeView) -> int:
    """The axis that has several scales; ONNX's default where there is one scale."""
    if prod(input_spec(view, 1).shape) == 1 and not view.attributes.get("block_size"):
        return 1
    rank = len(input_spec(view, 0).shape)
    return axis_of(view, view.attributes.get("axis", 1), rank)


def _quantize(view: NodeView) -> ops.Quantize:
    given = view.attributes
    saturate, block = bool(given.get("saturate", 1)), given.get("block_size", 0)
    return ops.Quantize(output_spec(view).encoding, _scaled_axis(view), block, saturate)


def _dequantize(view: NodeView) -> ops.Dequantize:
    block = view.attributes.get("block_size", 0)
    return ops.Dequantize(output_spec(view).encoding, _scaled_axis(view), block)


def _dynamic_quantize(view: NodeView) -> tuple[Layer, ...]:
    """The range of the data by a maximum and a minimum, then the conversion by it."""
    spec = input_spec(view, 0)
    axes = tuple(range(len(spec.shape)))
    layers, ends = [], []
    for reduction in (ops.Reduction.MAX, ops.Reduction.MIN):
        end = f"{view.name}.{reduction}"
        new = {end: TensorSpec((), spec.encoding)}
        op = ops.Reduce(reduction, axes, keepdims=False)
        layers.append(Layer(op, view.inputs, (end,), suffix=f".{reduction}", new=new))
        ends.append(end)
    op = ops.Quantize(output_spec(view).encoding, dynamic=True)
    roles = (DATA, "high", "low")
    return (*layers, Layer(op, (view.inputs[0], *ends), view.outputs, roles))


# Positions of QLinearConv and QLinearMatMul: x, x_scale, x_zero, w, w_scale, w_zero, y_scale,
# y_zero, bias.
_REQUANTIZE = ((1, "input_scale"), (4, "weight_scale"), (6, "scale"), (7, "zero_point"))
_OPERANDS = (0, 3, 8, 2, 5)


def _requantized(
    view: NodeView, op: ops.Op, roles: tuple[str, ...], accumulator: TensorSpec, axis: int
) -> tuple[Layer, ...]:
    """The product of integers less their zero points, then its conversion by the three scales."""
    name = f"{view.name}.accumulator"
    operands = tuple(view.inputs[at] if has_input(view, at) else "" for at in _OPERANDS)
    roles = (*roles, "bias", "input_zero_point", "weight_zero_point")
    rest = [(view.inputs[at], role) for at, role in _REQUANTIZE if has_input(view, at)]
    return (
        Layer(op, operands, (name,), roles, new={name: accumulator}),
        Layer(
            ops.Quantize(output_spec(view).encoding, axis),
            (name, *(tensor for tensor, _ in rest)),
            view.outputs,
            (DATA, *(role for _, role in rest)),
            ".requantize",
        ),
    )


def _linear_conv(view: NodeView) -> tuple[Layer, ...]:
    accumulator = TensorSpec(output_spec(view).shape, INT32)
    if has_input(view, 8) and not is_constant(view, 8):
        raise ModelError(f"{view.where}: its bias '{view.inputs[8]}' is not constant")
    return _requantized(view, convolution(view, 3), (DATA, "weight"), accumulator, 1)


def _linear_matmul(view: NodeView) -> tuple[Layer, ...]:
    op, roles = _product(view, 0, 3)
    shape = output_spec(view).shape
    return _requantized(view, op, roles, TensorSpec(shape, INT32), max(len(shape) - 1, 0))


def _integer_matmul(view: NodeView) -> tuple[Layer, ...]:
    op, roles = _product(view, 0, 1)
    roles = (*roles, "input_zero_point", "weight_zero_point")
    return (Layer(op, view.inputs, view.outputs, roles),)


_SCALES = (DATA, "scale", "zero_point")
_INTEGER = (DATA, "weight", "input_zero_point", "weight_zero_point")

RULES: dict[tuple[str, str], Rule] = {
    ("", "MatMul"): Rule(_matmul, ("left", "right")),
    ("", "Gemm"): Rule(_gemm, (DATA, "weight", "bias"), _check_gemm),
    ("", "QuantizeLinear"): Rule(_quantize, _SCALES),
    ("", "DequantizeLinear"): Rule(_dequantize, _SCALES),
    ("", "DynamicQuantizeLinear"): Rule(_dynamic_quantize),
    ("", "QLinearConv"): Rule(_linear_conv, check=lambda view: check_convolution(view, 3)),
    ("", "QLinearMatMul"): Rule(_linear_matmul),
    ("", "ConvInteger"): Rule(convolution, _INTEGER, check_convolution),
    ("", "MatMulInteger"): Rule(_integer_matmul),
}
