"""Local functions of integer networks: quantizers that QuantizeLinear is not, products with a bias.

    y = clip(round(x / scale) + zero point)                              Quantize...
    y = clip(round(x * (input scale * weight scale / scale)) + zero)     Requantize...

The rounding is part of the name, and so is whether there is a zero point ("Shifted").
"""

from __future__ import annotations

from collections.abc import Mapping

from onnx import NodeProto, TensorProto

from xnorsim.exporters.onnx.bodies import FLOAT, INT, INTS, Row, ints, node, number, same

__all__ = ["ROUNDINGS", "ROWS", "limits", "quantizer_name", "scale_shape"]

_FLOAT32 = int(TensorProto.FLOAT)


def scale_shape(elements: int, axis: int, rank: int) -> list[int]:
    """Where scales broadcast to data of `rank`: one for all, or one a position of an axis."""
    shape = [1] * rank
    if elements > 1:
        shape[axis % rank] = elements
    return shape


def quantizer_name(rounding: str, *, requantizes: bool, shifted: bool) -> str:
    """The local function of a quantizer."""
    words = "".join(word.capitalize() for word in rounding.split("_"))
    return f"{'Requantize' if requantizes else 'Quantize'}{words}{'Shifted' if shifted else ''}"


def limits(bits: int, signed: bool, narrow: bool) -> tuple[float, float]:
    """The least and the greatest integer of a width."""
    if not signed:
        return 0.0, float(2**bits - 1)
    return float(-(2 ** (bits - 1)) + int(narrow)), float(2 ** (bits - 1) - 1)


def _signed(magnitude: list[NodeProto]) -> list[NodeProto]:
    """The sign of the quotient times what is made of its magnitude."""
    return [
        node("Sign", ["quotient"], "sign"),
        node("Abs", ["quotient"], "magnitude"),
        *magnitude,
        node("Mul", ["sign", "whole"], "codes"),
    ]


def _halves(comparison: str) -> list[NodeProto]:
    """The magnitude without its fraction, and one more where that compares with a half."""
    return _signed(
        [
            node("Floor", ["magnitude"], "floor"),
            node("Sub", ["magnitude", "floor"], "fraction"),
            node("Constant", [], "half", value_float=0.5),
            node(comparison, ["fraction", "half"], "beyond"),
            node("Cast", ["beyond"], "more", to=_FLOAT32),
            node("Add", ["floor", "more"], "whole"),
        ]
    )


ROUNDINGS: Mapping[str, list[NodeProto]] = {
    "round": [node("Round", ["quotient"], "codes")],
    "ceil": [node("Ceil", ["quotient"], "codes")],
    "floor": [node("Floor", ["quotient"], "codes")],
    "up": _signed([node("Ceil", ["magnitude"], "whole")]),
    "down": _signed([node("Floor", ["magnitude"], "whole")]),
    "half_up": _halves("GreaterOrEqual"),
    "half_down": _halves("Greater"),
}
"""By the word of ops.Quantize: codes of a quotient."""


def _spread(source: str, result: str, shape: str) -> list[NodeProto]:
    """Scales or zero points as floats where they broadcast to the data."""
    cast = node("Cast", [source], f"{result}_flat", to=_FLOAT32)
    return [cast, ints(shape), node("Reshape", [f"{result}_flat", shape], result)]


_QUOTIENT = [*_spread("scale", "step", "scale_shape"), node("Div", ["numbers", "step"], "quotient")]
_PRODUCT = [
    *_spread("input_scale", "of_input", "input_shape"),
    *_spread("weight_scale", "of_weight", "weight_shape"),
    node("Mul", ["of_input", "of_weight"], "of_product"),
    *_spread("scale", "step", "scale_shape"),
    node("Div", ["of_product", "step"], "factor"),
    node("Mul", ["numbers", "factor"], "quotient"),
]


def _quantizer(rounding: str, requantizes: bool, shifted: bool) -> Row:
    zero = [
        *_spread("zero_point", "zero", "zero_shape"),
        node("Add", ["codes", "zero"], "shifted"),
    ]
    body = [
        node("Cast", ["x"], "numbers", to=_FLOAT32),
        *(_PRODUCT if requantizes else _QUOTIENT),
        *ROUNDINGS[rounding],
        *(zero if shifted else []),
        number("low"),
        number("high"),
        node("Clip", ["shifted" if shifted else "codes", "low", "high"], "clipped"),
        node("Cast", ["clipped"], "y", same("to", kind=INT)),
    ]
    shapes = (["input_shape", "weight_shape"] if requantizes else []) + ["scale_shape"]
    shapes += ["zero_shape"] if shifted else []
    names = (["input_scale", "weight_scale"] if requantizes else []) + ["scale"]
    attributes = dict.fromkeys(shapes, INTS) | {"low": FLOAT, "high": FLOAT, "to": INT}
    attributes |= {"axis": INT, "bits": INT}  # which say no more than the others
    return ("x", *names, *(["zero_point"] if shifted else [])), attributes, body


_OPERANDS = ("x", "weight", "input_zero_point", "weight_zero_point")
_WINDOW = ("dilations", "kernel_shape", "pads", "strides")


def _conv() -> Row:
    """ConvInteger with a bias, in int32."""
    body = [
        node("ConvInteger", _OPERANDS, "sums", same(*_WINDOW) | same("group", kind=INT)),
        ints("column"),
        node("Reshape", ["bias", "column"], "biases"),
        node("Add", ["sums", "biases"], "y"),
    ]
    attributes = dict.fromkeys((*_WINDOW, "column"), INTS) | {"group": INT}
    return (*_OPERANDS, "bias"), attributes, body


def _dense(transposed: bool, biased: bool) -> Row:
    """MatMulInteger over the last axis, in int32; its weight as it is, or transposed."""
    right = "turned" if transposed else "weight"
    inputs = ["x", right, *_OPERANDS[2:]]
    body = [node("Transpose", ["weight"], right, perm=[1, 0])] if transposed else []
    body.append(node("MatMulInteger", inputs, "sums" if biased else "y"))
    body += [node("Add", ["sums", "bias"], "y")] if biased else []
    return (*_OPERANDS, *(["bias"] if biased else [])), {}, body


def _rows() -> dict[str, Row]:
    rows = {"ConvIntegerBiased": _conv()}
    for transposed, biased in ((True, False), (True, True), (False, True)):
        name = f"DenseInteger{'Transposed' * transposed}{'Biased' * biased}"
        rows[name] = _dense(transposed, biased)
    for rounding in ROUNDINGS:
        for requantizes in (False, True):
            for shifted in (False, True):
                name = quantizer_name(rounding, requantizes=requantizes, shifted=shifted)
                rows[name] = _quantizer(rounding, requantizes, shifted)
    return rows


ROWS: Mapping[str, Row] = _rows()
