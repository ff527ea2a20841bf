"""Rules of quantizers.

Source: ONNX operator specification, QuantizeLinear-21, DequantizeLinear-21,
DynamicQuantizeLinear-11, QLinearConv-10, QLinearMatMul-21; QONNX, Quant-2, MultiThreshold-1.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from xnorsim.exporters.onnx.dispatch import write
from xnorsim.exporters.onnx.integer_functions import limits, quantizer_name, scale_shape
from xnorsim.exporters.onnx.operands import (
    activations,
    bits_and_sign,
    column,
    operands,
    optional,
    quant,
    shared,
    zero_point,
)
from xnorsim.exporters.onnx.products import call, window
from xnorsim.exporters.onnx.sheet import (
    QONNX,
    Sheet,
    constant,
    encodable,
    layer,
    refused,
    spec,
    step,
)
from xnorsim.exporters.onnx.tensors import element_type
from xnorsim.network import ops
from xnorsim.network.graph import Node
from xnorsim.network.precision import BIPOLAR, TERNARY, UNIPOLAR, Encoding, Meaning

__all__ = ["counted", "dynamic", "is_linear", "narrow_pair", "requantized"]

_LINEAR_BITS = (2, 4, 8, 16)


def is_linear(op: ops.Quantize) -> bool:
    """Whether QuantizeLinear does the same."""
    to = op.to
    fits = to.meaning is Meaning.FLOAT or (
        to.meaning is Meaning.INTEGER and to.bits in _LINEAR_BITS
    )
    return fits and op.rounding == "round" and not op.narrow


@write.register
def _(op: ops.Quantize, node: Node, sheet: Sheet) -> None:
    if op.dynamic:
        raise refused(sheet, node, "its range is not that of its own data over all axes")
    requantizes = optional(sheet, node, "input_scale") != [""]
    if requantizes or not is_linear(op):
        _by_function(op, node, sheet, requantizes)
        return
    zero = zero_point(sheet, node, "zero_point", op.to)
    inputs = [*operands(sheet, node, "input", "scale"), zero]
    layer(
        sheet, node, "QuantizeLinear", inputs,
        axis=_axis(sheet, node, op), block_size=op.block or None,
        saturate=None if op.saturate else 0,
        output_dtype=None if inputs[-1] else element_type(op.to),
    )  # fmt: skip


def _by_function(op: ops.Quantize, node: Node, sheet: Sheet, requantizes: bool) -> None:
    """A quantizer as QuantizeLinear is none: by its rounding, its range, or its three scales."""
    kind = element_type(op.to)
    if kind is None or op.to.meaning is not Meaning.INTEGER or op.block or op.to.bits > 24:
        raise refused(sheet, node, f"no quantizer to {op.to} but one that dequantizes at once")
    roles = (["input_scale", "weight_scale"] if requantizes else []) + ["scale"]
    inputs = [*operands(sheet, node, "input"), *optional(sheet, node, *roles)]
    rank = len(spec(sheet, node.inputs[0]).shape)
    shapes = {}
    axes = {"input_scale": op.axis - 1 if op.axis else 0}
    zero = "zero_point" in node.parameters
    for role in [*roles, *(["zero_point"] if zero else [])]:
        word = role.replace("_scale", "").replace("_point", "")
        shapes[f"{word}_shape"] = scale_shape(
            _elements(sheet, node, role), axes.get(role, op.axis), rank
        )
    bits, signed = bits_and_sign(op.to)
    low, high = limits(bits, signed, op.narrow)
    name = quantizer_name(op.rounding, requantizes=requantizes, shifted=zero)
    inputs += optional(sheet, node, "zero_point") if zero else []
    call(sheet, node, name, inputs, low=low, high=high, to=kind, bits=bits, axis=op.axis, **shapes)


def _elements(sheet: Sheet, node: Node, role: str) -> int:
    """How many scales there are; they have to be constant."""
    if role not in node.parameters:
        raise refused(sheet, node, f"its {role} is known at run time alone")
    return sheet.graph.parameters[node.parameters[role]].spec.elements


def _axis(sheet: Sheet, node: Node, op: ops.Quantize | ops.Dequantize) -> int | None:
    """The axis, where it says anything."""
    name = node.parameters.get("scale")
    single = name is not None and sheet.graph.parameters[name].spec.elements == 1
    return None if single and not op.block else op.axis


@write.register
def _(op: ops.Dequantize, node: Node, sheet: Sheet) -> None:
    encoding = spec(sheet, node.inputs[0]).encoding
    if element_type(encoding) is None or node.inputs[0] in sheet.carried:
        raise refused(sheet, node, f"{encoding} that no Quantize before it alone has made")
    zero = zero_point(sheet, node, "zero_point", encoding)
    inputs = [*operands(sheet, node, "input", "scale"), zero]
    axis = _axis(sheet, node, op)
    layer(sheet, node, "DequantizeLinear", inputs, axis=axis, block_size=op.block or None)


_DATA_TYPES = {BIPOLAR: "BIPOLAR", UNIPOLAR: "BINARY", TERNARY: "TERNARY"}


@write.register
def _(op: ops.Thresholds, node: Node, sheet: Sheet) -> None:
    inputs = operands(sheet, node, "input", "thresholds")
    _thresholds(sheet, node, inputs, _data_type(op.to), op.scale, op.offset)


def _thresholds(
    sheet: Sheet, node: Node, inputs: list[str], to: str, scale: float, offset: float
) -> None:
    layer(
        sheet, node, "MultiThreshold", inputs,
        domain=QONNX, out_dtype=to, out_scale=scale, out_bias=offset,
    )  # fmt: skip


def counted(sheet: Sheet, nodes: tuple[Node, ...]) -> None:
    """Thresholds to integers, and a Dequantize: a MultiThreshold writes floats by itself."""
    first, last = nodes
    assert isinstance(first.op, ops.Thresholds)
    op, held = first.op, sheet.graph.parameters[last.parameters["scale"]]
    assert held.load is not None
    factor = float(np.asarray(held.load()).reshape(-1)[0])
    to = _data_type(op.to) if factor == 1 else "FLOAT32"
    inputs = operands(sheet, first, "input", "thresholds")
    _thresholds(sheet, last, inputs, to, op.scale * factor, op.offset * factor)
    _note_first(sheet, first, last)


def _data_type(encoding: Encoding) -> str:
    """The word that FINN has for an encoding: INT3, UINT12, FLOAT32."""
    return _DATA_TYPES.get(encoding, encoding.name.upper())


def narrow_pair(sheet: Sheet, nodes: tuple[Node, ...]) -> None:
    """A Quantize and the Dequantize that alone reads it: QONNX's Quant, floats in and out."""
    first, last = nodes
    assert isinstance(first.op, ops.Quantize)
    op = first.op
    (x,) = operands(sheet, first, "input", "scale")[:1]
    rank = len(spec(sheet, first.inputs[0]).shape)
    along = (-1, *(1,) * (rank - op.axis % rank - 1))
    held = {node.parameters["scale"]: None for node in nodes}
    name = next((n for n in held if sheet.graph.parameters[n].stored), next(iter(held)))
    scale = column(sheet, name, sheet.graph.parameters[name], along)
    inputs = [x, scale, shared(sheet, "zero", 0.0)]
    bits, signed = bits_and_sign(op.to)
    if op.to == UNIPOLAR:
        bits, signed = 1, False
    quant(
        sheet, inputs, sheet.names[last.outputs[0]], last.name, bits, signed,
        narrow=op.narrow, rounding=op.rounding,
    )  # fmt: skip
    _note_first(sheet, first, last)


def _note_first(sheet: Sheet, first: Node, last: Node) -> None:
    """Note what the first of two layers is called, which are written as one."""
    notes = {"layer": first.layer or last.layer}
    if first.name != f"{last.name}.codes":
        notes["codes"] = first.name
    made = sheet.nodes[-1]
    known = {item.key for item in made.metadata_props}
    for key, text in notes.items():
        if text and f"xnorsim.{key}" not in known:
            made.metadata_props.add(key=f"xnorsim.{key}", value=encodable(text))


def dynamic(sheet: Sheet, nodes: tuple[Node, ...]) -> None:
    """A maximum, a minimum, and the conversion by them."""
    *_, last = nodes
    (x,) = activations(last)[0]
    layer(sheet, last, "DynamicQuantizeLinear", [sheet.names[x]])


def requantized(sheet: Sheet, nodes: tuple[Node, ...]) -> None:
    """A product of 8-bit integers and the conversion of its sums: QLinearConv or QLinearMatMul."""
    product, last = nodes
    right = "right" if isinstance(product.op, ops.MatMul) else "weight"
    left = "left" if isinstance(product.op, ops.MatMul) else "input"
    x, weight = operands(sheet, product, left, right)
    x_scale, w_scale, scale = (
        optional(sheet, last, role)[0] for role in ("input_scale", "weight_scale", "scale")
    )
    zeros = {"x": (product, "input_zero_point"), "w": (product, "weight_zero_point"),
             "y": (last, "zero_point")}  # fmt: skip
    encodings = {"x": _encoding(sheet, product, 0), "w": _weight_encoding(sheet, product, right),
                 "y": spec(sheet, last.outputs[0]).encoding}  # fmt: skip
    x_zero, w_zero, y_zero = (
        zero_point(sheet, node, role, encodings[key])
        or _zero(sheet, product, f"{key}_zero", encodings[key])
        for key, (node, role) in zeros.items()
    )
    inputs = [x, x_scale, x_zero, weight, w_scale, w_zero, scale, y_zero]
    attributes = {}
    kind = "QLinearMatMul"
    if isinstance(product.op, ops.Conv):
        inputs += optional(sheet, product, "bias")
        kind, attributes = "QLinearConv", {"group": product.op.groups, **window(product.op)}
    made = layer(sheet, last, kind, inputs, **attributes)
    made.name = product.name


def _encoding(sheet: Sheet, node: Node, position: int) -> Encoding:
    return spec(sheet, activations(node)[0][position]).encoding


def _weight_encoding(sheet: Sheet, node: Node, role: str) -> Encoding:
    if role in node.parameters:
        return sheet.graph.parameters[node.parameters[role]].spec.encoding
    return _encoding(sheet, node, 1)


def _zero(sheet: Sheet, node: Node, word: str, encoding: Encoding) -> str:
    """The zero point 0 that the operator asks for and the layer has not: filled, not stored."""
    shape = constant(sheet, f"{node.name}.{word}_shape", np.zeros((0,), np.int64))
    kind = element_type(encoding) or TensorProto.INT8
    value = helper.make_tensor("value", kind, [1], [0])
    return step(sheet, node, word, "ConstantOfShape", [shape], value=value)
