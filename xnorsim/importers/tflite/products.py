"""Layers with weights: float, binary in float clothes, integer, and integer weights alone.

A filter is binary where all of its weights have one magnitude: then it is +-1 times alpha. Where
what it reads is binary too (Larq Compute Engine keeps dense and depthwise layers so), sums are of
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
    first_values,
    scales,
    zero_points,
)
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
    tensor,
    value,
    write,
)
from xnorsim.network import ops
from xnorsim.network.binary import binary_parameters
from xnorsim.network.graph import Parameter
from xnorsim.network.ops import Function
from xnorsim.network.precision import BIPOLAR, FLOAT32, INT32, Scaling, Scheme

__all__ = ["RULES", "Weight", "multiplied", "source_of"]

HEAD = 16
"""Weights of a first filter that are looked at before all of them are read."""


@dataclass(frozen=True, slots=True)
class Weight:
    """How a layer reads its filter, input 1 of the operator: the shape, how to turn the file's
    values to it, and the axis of the filters in the file."""

    shape: tuple[int, ...]
    turn: Callable[[np.ndarray], np.ndarray]
    axis: int


def multiplied(
    view: View, op: ops.Conv | ops.Dense, data: str, weight: Weight, *, channels_first: bool
) -> None:
    """Write a layer with weights and all that is fused to it; `data` is input 0 as it reads it."""
    image, filters = quantization(tensor(view, 0)), quantization(tensor(view, 1))
    target = view.state.model.tensors[view.operator.outputs[0]]
    form = quantization(target)
    if image is not None and filters is not None and form is not None:
        result = _integers(view, op, data, weight, (image, filters, form), channels_first)
        write(view, result, channels_first)
        return
    if image is not None:
        raise ModelError(
            f"{view.where}: its input is {tensor(view, 0).spec.encoding}, its filter "
            f"{tensor(view, 1).spec.encoding} and its output {target.spec.encoding}: quantized "
            "layers have integers in all three"
        )
    found = _float_weight(view, weight, filters)
    plain = view.state.assembly.spec(data).encoding
    if filters is not None:
        scheme = Scheme(tensor(view, 1).spec.encoding, plain)
        view.state.counted.setdefault("weights alone", []).append(view.name)
        held = {"weight": found}
        view.state.assembly.recognized[view.name] = recognized(
            scheme, f"{scheme.weight} with scales", source_of(view, data)
        )
    else:
        held, scheme = _binary(view, op, data, weight, found)
    bias = float_constant(view, 2) if has(view, 2) else None
    if bias is not None:
        held = {**held, "bias": bias}
    result = emit(view, op, data, parameters=held, scheme=scheme)
    finish(view, result, channels_first, has_fused=True)


def source_of(view: View, name: str) -> str:
    """The layer that a tensor comes from, for a sentence about it."""
    written = {node.outputs[0]: node for node in view.state.assembly.nodes[-200:]}
    node = written.get(name)
    while node is not None and isinstance(node.op, ops.Transpose | ops.Reshape):
        name = node.inputs[0]
        node = written.get(name)
    word = type(node.op).__name__ if node is not None else "tensor"
    return f"{word} '{node.layer or node.name if node is not None else name}'"


def _float_weight(view: View, weight: Weight, form: Quantization | None) -> Parameter:
    given = constant(view, 1)
    if given is None:
        raise ModelError(f"{view.where}: its weight '{named(view, 1)}' is computed at run time")
    if form is not None:
        given = dequantized(given, tensor(view, 1), form)
    return changed(given, weight.shape, weight.turn)


def _binary(
    view: View, op: ops.Conv | ops.Dense, data: str, weight: Weight, found: Parameter
) -> tuple[dict[str, Parameter], Scheme | None]:
    """The weight as +-1 and alpha, if it is; and the scheme that says so."""
    activation = view.state.assembly.spec(data).encoding
    alpha = _magnitudes(view, weight)
    if alpha is None:
        if activation == BIPOLAR:
            scheme = Scheme(FLOAT32, BIPOLAR)
            view.state.assembly.recognized[view.name] = recognized(
                scheme, "of several magnitudes in a filter", source_of(view, data)
            )
        return {"weight": found}, None
    scaling = Scaling.NONE if np.all(alpha == 1) else Scaling.ALPHA
    scheme = Scheme(BIPOLAR, activation, scaling)
    words = "+-1" if scaling is Scaling.NONE else "+-alpha per channel"
    view.state.assembly.recognized[view.name] = recognized(
        scheme, f"{words}, in {found.spec.encoding}", source_of(view, data)
    )
    made_of = binary_parameters(named(view, 1), found, op, scaling)
    return {role: item for role, (_, item) in made_of.items()}, scheme


def _magnitudes(view: View, weight: Weight) -> np.ndarray | None:
    """The one magnitude of each filter's weights; None if some filter has several, or only 0.

    Filters of floats differ in their first weights already, so the rest is not read.
    """
    given = constant(view, 1)
    taps = prod(weight.shape[1:])
    if given is None or given.load is None or given.spec.encoding != FLOAT32 or taps < 2:
        return None
    stored = tensor(view, 1).length is not None
    if stored and weight.axis == 0:
        head = np.abs(first_values(given, min(taps, HEAD)))
        if np.any(head != head[0]):
            return None
    size = np.abs(np.moveaxis(given.load(), weight.axis, 0).reshape(weight.shape[0], -1))
    alpha = size[:, 0]
    same = bool(np.all(size == alpha[:, None]) and np.all(alpha > 0) and np.all(np.isfinite(alpha)))
    return alpha if same else None


def _integers(
    view: View,
    op: ops.Conv | ops.Dense,
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
    held = {"weight": changed(given, weight.shape, weight.turn)}
    bias = constant(view, 2) if has(view, 2) else None
    zeros = {"input": zero_points(tensor(view, 0), image), "weight": zero_points(source, filters)}
    held |= {f"{side}_zero_point": item for side, item in zeros.items() if item is not None}
    if bias is not None:
        require(view, bias.spec.encoding == INT32, f"its bias is {bias.spec.encoding}, not int32")
        held["bias"] = bias
    sums = emit(view, op, data, parameters=held)
    axis = 1 if channels_first else max(len(view.state.assembly.shape(sums)) - 1, 0)
    to = ops.Quantize(target.spec.encoding, axis, rounding="half_up")
    parameters = {
        **quantizer(target, form),
        "input_scale": scales(tensor(view, 0), image),
        "weight_scale": scales(source, filters),
    }
    view.state.counted.setdefault("requantized", []).append(view.name)
    result = emit(view, to, sums, suffix="requantize", parameters=parameters)
    return _clamped(view, result, target, form)


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
            held[role] = changed(fixed, size, _swapped) if turned else fixed
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
