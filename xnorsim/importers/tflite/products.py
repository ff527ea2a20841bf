"""Layers with weights: float, of few levels in float clothes, integer, and integer weights alone.

Larq Compute Engine has no binary kernels for dense, depthwise and transposed layers, and keeps them
in floats; levels.py tells them. Where what they read is of few levels too, their sums are of
integers, and alpha scales them afterwards.

Source: TensorFlow, tensorflow/lite/kernels/fully_connected.cc, conv.cc, batch_matmul.cc;
"TensorFlow Lite 8-bit quantization specification".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np

from xnorsim.errors import ModelError
from xnorsim.importers.recognition import recognized
from xnorsim.importers.tflite.activations import FUSED, finish, fused
from xnorsim.importers.tflite.constants import (
    changed,
    dequantized,
    reordered,
    scales,
    zero_points,
)
from xnorsim.importers.tflite.levels import alphas, levels_of, parameters, several_levels
from xnorsim.importers.tflite.schema import Quantization, Tensor
from xnorsim.importers.tflite.view import (
    Rule,
    View,
    constant,
    emit,
    float_constant,
    has,
    named,
    option,
    quantization,
    quantizer,
    real,
    require,
    shape,
    spread,
    tensor,
    value,
    write,
)
from xnorsim.network import ops
from xnorsim.network.graph import Parameter
from xnorsim.network.ops import Function, Operator
from xnorsim.network.precision import FLOAT32, INT32, INT64, Encoding, Scaling, Scheme
from xnorsim.network.results import product_encoding

__all__ = ["RULES", "Weight", "multiplied", "source_of"]

Product = ops.Conv | ops.ConvTranspose | ops.Dense


@dataclass(frozen=True, slots=True)
class Weight:
    """How a layer reads its filter, input 1 of the operator: the shape, how to turn the file's
    values to it, and the axis of the filters in the file. `data` and `bias` are the positions of
    what else the operator reads."""

    shape: tuple[int, ...]
    turn: Callable[[np.ndarray], np.ndarray]
    axis: int
    data: int = 0
    bias: int = 2


def multiplied(view: View, op: Product, data: str, weight: Weight, *, channels_first: bool) -> None:
    """Write a layer with weights and all that is fused to it; `data` is what it reads."""
    image, filters = quantization(tensor(view, weight.data)), quantization(tensor(view, 1))
    form = quantization(view.state.model.tensors[view.operator.outputs[0]])
    if image and filters and form and not isinstance(op, ops.ConvTranspose):
        result = _integers(view, op, data, weight, (image, filters, form), channels_first)
        write(view, result, channels_first)
        return
    if image and not isinstance(op, ops.ConvTranspose):
        raise ModelError(
            f"{view.where}: its input is quantized, but not its filter and its output too"
        )
    found = _float_weight(view, weight, filters)
    if filters:
        result = _weights_alone(view, op, data, weight, found)
    else:
        result = _product(view, op, data, weight, found, channels_first)
    finish(view, result, channels_first, has_fused=True)


def source_of(view: View, name: str) -> str:
    """The layer that a tensor comes from, for a sentence about it."""
    node = view.state.producer(name)
    return f"{type(node.op).__name__} '{node.layer or node.name}'" if node else f"tensor '{name}'"


def _float_weight(view: View, weight: Weight, form: Quantization | None) -> Parameter:
    given = constant(view, 1)
    if given is None:
        raise ModelError(f"{view.where}: its weight '{named(view, 1)}' is computed at run time")
    if form is not None:
        given = dequantized(given, tensor(view, 1), form)
    return reordered(given, weight.shape, weight.turn)


def _bias(view: View, weight: Weight) -> dict[str, Parameter]:
    """The bias as floats; one of integers has the scales of the products."""
    given = constant(view, weight.bias) if has(view, weight.bias) else None
    if given is None:
        return {}
    source = tensor(view, weight.bias)
    if given.spec.encoding in (INT32, INT64) and source.quantization is not None:
        given = dequantized(given, source, source.quantization)
    return {"bias": given}


def _weights_alone(view: View, op: Product, data: str, weight: Weight, found: Parameter) -> str:
    """Integer weights that are run as floats, with float activations or those of integers."""
    image = tensor(view, weight.data)
    is_float = quantization(image) is None
    activation = view.state.assembly.spec(data).encoding if is_float else image.spec.encoding
    scheme = Scheme(tensor(view, 1).spec.encoding, activation)
    view.state.counted.setdefault("weights alone" if is_float else "in floats", []).append(
        view.name
    )
    _tell(view, scheme, f"{scheme.weight} with scales", data)
    return emit(view, op, data, parameters={"weight": found, **_bias(view, weight)}, scheme=scheme)


def _tell(view: View, scheme: Scheme, words: str, data: str) -> None:
    sentence = recognized(scheme, words, source_of(view, data))
    view.state.assembly.recognized[view.name] = sentence


def _activation(view: View, data: str) -> Encoding:
    """How what a layer reads is encoded; of floats that hold integers, as those."""
    node = view.state.producer(data)
    held = view.state.assembly.spec(data).encoding
    return view.state.codes.get(node.outputs[0], held) if node else held


def _product(
    view: View, op: Product, data: str, weight: Weight, found: Parameter, channels_first: bool
) -> str:
    """Float weights, or those of few levels."""
    activation, held = _activation(view, data), view.state.assembly.spec(data).encoding
    levels = levels_of(view, weight.axis)
    bias = _bias(view, weight)
    if levels is None:
        scheme = None
        words = several_levels(view, weight.axis)
        if activation != FLOAT32 or words:
            scheme = Scheme(FLOAT32, activation)
            _tell(view, scheme, words or "of several magnitudes in a filter", data)
        return emit(view, op, data, parameters={"weight": found, **bias}, scheme=scheme)
    sums_are_integers = product_encoding(levels.encoding, held) == INT32
    scaled = levels.scaled and not sums_are_integers
    scheme = Scheme(levels.encoding, activation, Scaling.ALPHA if scaled else Scaling.NONE)
    _tell(view, scheme, f"{levels}, in {found.spec.encoding}", data)
    made_of = parameters(levels, found, scaled=scaled)
    if not sums_are_integers:
        return emit(view, op, data, parameters={**made_of, **bias}, scheme=scheme)
    sums = emit(view, op, data, parameters=made_of, scheme=scheme)
    factor = alphas(levels, found) if levels.scaled else None
    return _scaled(view, sums, factor, bias.get("bias"), channels_first)


def _scaled(
    view: View, sums: str, alpha: Parameter | None, bias: Parameter | None, channels_first: bool
) -> str:
    """Integers as floats, times alpha, plus the bias."""
    result = emit(view, ops.Cast(FLOAT32), sums, suffix="float")
    rank = len(view.state.assembly.shape(sums))
    for word, operator, values in (("alpha", Operator.MUL, alpha), ("bias", Operator.ADD, bias)):
        if values is not None:
            right = {"right": spread(values, rank, channels_first)}
            op = ops.Elementwise(operator)
            result = emit(view, op, result, suffix=word, parameters=right)
    return result


def _integers(
    view: View,
    op: Product,
    data: str,
    weight: Weight,
    forms: tuple[Quantization, Quantization, Quantization],
    channels_first: bool,
) -> str:
    """Products of integers less their zero points, converted by the three scales."""
    image, filters, form = forms
    given, source = constant(view, 1), tensor(view, 1)
    if given is None:
        raise ModelError(f"{view.where}: its weight '{named(view, 1)}' is computed at run time")
    target = view.state.model.tensors[view.operator.outputs[0]]
    several = len(filters.scales) > 1
    require(
        view,
        len(image.scales) == len(form.scales) == 1 and (not several or filters.axis == weight.axis),
        "its scales are not one for the input, one for the output and one for each filter",
    )
    held = _integer_operands(view, weight, given, image, filters)
    scheme = Scheme(source.spec.encoding, tensor(view, weight.data).spec.encoding)
    _tell(view, scheme, f"{scheme.weight} with scales", data)
    sums = emit(view, op, data, parameters=held)
    axis = 1 if channels_first else max(len(view.state.assembly.shape(sums)) - 1, 0)
    to = ops.Quantize(target.spec.encoding, axis, rounding="half_up")
    held = {
        **quantizer(target, form),
        "input_scale": scales(tensor(view, weight.data), image),
        "weight_scale": scales(source, filters),
    }
    view.state.counted.setdefault("requantized", []).append(view.name)
    result = emit(view, to, sums, suffix="requantize", parameters=held)
    return _clamped(view, result, target, form)


def _integer_operands(
    view: View, weight: Weight, given: Parameter, image: Quantization, filters: Quantization
) -> dict[str, Parameter]:
    """Weight, zero points and bias of a layer of integers, by role."""
    held = {"weight": changed(given, weight.shape, weight.turn)}
    bias = constant(view, weight.bias) if has(view, weight.bias) else None
    zeros = {
        "input": zero_points(tensor(view, weight.data), image),
        "weight": zero_points(tensor(view, 1), filters),
    }
    held |= {f"{side}_zero_point": item for side, item in zeros.items() if item is not None}
    if bias is not None:
        kind = bias.spec.encoding
        require(view, kind in (INT32, INT64), f"its bias is {kind}, not int32 or int64")
        held["bias"] = bias
    return held


def _clamped(view: View, result: str, target: Tensor, form: Quantization) -> str:
    """The fused activation as bounds of the integers, where they cut more than saturation does."""
    activation = fused(view, int(option(view, "FusedActivationFunction")))
    if activation is None:
        return result
    if activation not in (FUSED["RELU"], FUSED["RELU6"], FUSED["RELU_N1_TO_1"]):
        raise ModelError(f"{view.where}: fused activation {activation.function} of integers")
    bounds = dict(activation.constants) or {"min": 0.0}
    scale, zero = form.scales[0], form.zero_points[0]
    codes = {word: zero + round(bound / scale) for word, bound in bounds.items()}
    unsigned, bits = target.spec.encoding.name.startswith("u"), target.spec.encoding.bits
    least = 0 if unsigned else -(2 ** (bits - 1))
    limits = {"min": least, "max": least + 2**bits - 1}
    cuts = {
        word: float(code)
        for word, code in codes.items()
        if (code > limits[word] if word == "min" else code < limits[word])
    }
    if not cuts:
        return result
    op = ops.Activation(Function.CLIP, tuple(cuts.items()))
    return emit(view, op, result, suffix=str(activation.function))


def _dense(view: View) -> None:
    """x (features last) times a weight (out, in); what has more axes is flattened unless kept."""
    filters = shape(view, 1)
    require(view, len(filters) == 2 and min(filters) >= 1, f"its weight is {list(filters)}")
    if option(view, "WeightsFormat"):
        raise ModelError(f"{view.where}: its weights are shuffled, which is not supported")
    out, features = filters
    data = view.state.axes.last(value(view, 0))
    size = view.state.assembly.shape(data)
    require(view, prod(size) % features == 0, f"{features} features do not fit {list(size)}")
    kept = bool(option(view, "KeepNumDims"))
    wanted = (*size[:-1], features) if kept else (prod(size) // features, features)
    if wanted != size:
        data = emit(view, ops.Reshape(wanted), data, suffix="flat")
    op = ops.Dense(features, out, transpose_weight=True)
    multiplied(view, op, data, Weight((out, features), _same, 0), channels_first=False)


def _same(values: np.ndarray) -> np.ndarray:
    return values


def _matmul(view: View) -> None:
    """Of activations, or with a constant on one side; either may be transposed."""
    held: dict[str, Parameter] = {}
    names: list[str] = []
    roles: list[str] = []
    for position, (role, flag) in enumerate((("left", "AdjX"), ("right", "AdjY"))):
        turned = bool(option(view, flag))
        rank = len(shape(view, position))
        require(view, rank >= 2, f"its operand {position} has {rank} axes")
        order = (*range(rank - 2), rank - 1, rank - 2)
        fixed = float_constant(view, position)
        if fixed is not None:
            size = tuple(fixed.spec.shape[axis] for axis in order) if turned else fixed.spec.shape
            held[role] = reordered(fixed, size, _swapped) if turned else fixed
            continue
        name = view.state.axes.last(real(view, position))
        if turned:
            name = emit(view, ops.Transpose(order), name, suffix=f"transpose_{role}")
        names.append(name)
        roles.append(role)
    result = emit(view, ops.MatMul(), *names, parameters=held, roles=tuple(roles))
    finish(view, result, False)


def _swapped(values: np.ndarray) -> np.ndarray:
    return values.swapaxes(-1, -2)


RULES: dict[str, Rule] = {
    "BATCH_MATMUL": Rule(_matmul, "BatchMatMulOptions"),
    "FULLY_CONNECTED": Rule(_dense, "FullyConnectedOptions"),
}
