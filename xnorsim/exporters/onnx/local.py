"""Local functions: layers that are one of ours and several operators of ONNX.

Each has a body of standard operators, so that any runtime runs it, and takes what its sizes are
from attributes of the call. Our importer knows them by their body, and reads the call back as the
layer that it was.

The result of a binary layer with the map K (Rastegari et al., "XNOR-Net", section 3.2):

    y = (signed * weight) x K + bias,   K = |unsigned|, mean over channels, under a box filter
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from onnx import AttributeProto, FunctionProto, NodeProto, helper

__all__ = ["DOMAIN", "FUNCTIONS", "VERSION", "function", "group_shapes", "is_own"]

DOMAIN, VERSION, _OPSET = "xnorsim", 1, 21

Attributes = Mapping[str, int]
"""The attributes of a function, and their types."""

_INT, _INTS = AttributeProto.INT, AttributeProto.INTS
_FLOAT, _TENSOR = AttributeProto.FLOAT, AttributeProto.TENSOR


def _node(
    kind: str,
    inputs: Sequence[str],
    output: str,
    refers: Mapping[str, tuple[str, int]] | None = None,
    **fixed: Any,
) -> NodeProto:
    """A node of a body; `refers` maps its attributes to those of the call."""
    made = helper.make_node(kind, list(inputs), [output], **fixed)
    for name, (source, kind_of) in sorted((refers or {}).items()):
        made.attribute.append(AttributeProto(name=name, ref_attr_name=source))
        made.attribute[-1].type = kind_of  # pyright: ignore[reportAttributeAccessIssue]
    return made


def _ints(attribute: str) -> NodeProto:
    """A vector that is an attribute of the call, as the tensor of the same name."""
    return _node("Constant", [], attribute, {"value_ints": (attribute, _INTS)})


def _number(attribute: str) -> NodeProto:
    return _node("Constant", [], attribute, {"value_float": (attribute, _FLOAT)})


def _fixed(name: str, values: Sequence[int]) -> NodeProto:
    return _node("Constant", [], name, value_ints=list(values))


def _same(*names: str, kind: int = _INTS) -> dict[str, tuple[str, int]]:
    return {name: (name, kind) for name in names}


_MAGNITUDE = (
    _node("Abs", ["unsigned"], "magnitude"),
    _ints("by_group"),  # batch, groups, channels of a group, size
    _node("Reshape", ["magnitude", "by_group"], "grouped"),
    _fixed("channels", [2]),
    _node("ReduceMean", ["grouped", "channels"], "mean", keepdims=0),
)
"""The mean of |I| over the channels of each group."""

_SCALED = (
    _fixed("filters", [2]),
    _node("Unsqueeze", ["K", "filters"], "each"),
    _ints("by_filter"),  # batch, groups, filters of a group, positions
    _node("Reshape", ["sums", "by_filter"], "sums_of_groups"),
    _node("Mul", ["sums_of_groups", "each"], "scaled"),
    _ints("shape"),
)
"""Sums times the map K of their group."""

_WINDOW = ("dilations", "kernel_shape", "strides")


def _with_bias(nodes: Sequence[NodeProto], biased: bool, last: NodeProto) -> list[NodeProto]:
    """The body with `last` writing y, or y less the bias."""
    if not biased:
        return [*nodes, last]
    product = NodeProto()
    product.CopyFrom(last)
    product.output[:] = ["unbiased"]
    return [
        *nodes,
        product,
        _ints("column"),  # 1, filters, ones
        _node("Reshape", ["bias", "column"], "biases"),
        _node("Add", ["unbiased", "biases"], "y"),
    ]


def _conv(biased: bool) -> list[NodeProto]:
    """A convolution over +-1 padded with `pad_value`. On the border K is a mean over all taps
    (`count_include_pad` 1) or those that read an input."""
    body = [
        _ints("signed_pads"),
        _number("pad_value"),
        _node("Pad", ["signed", "signed_pads", "pad_value"], "padded"),
        _node("Conv", ["padded", "weight"], "sums", _same(*_WINDOW) | _same("group", kind=_INT)),
        *_MAGNITUDE,
        _node("AveragePool", ["mean"], "K",
              _same(*_WINDOW, "pads") | _same("count_include_pad", kind=_INT)),
        *_SCALED,
    ]  # fmt: skip
    return _with_bias(body, biased, _node("Reshape", ["scaled", "shape"], "y"))


_CONV = {"count_include_pad": _INT, "group": _INT, "pad_value": _FLOAT} | dict.fromkeys(
    ("by_filter", "by_group", "dilations", "kernel_shape", "pads", "shape", "signed_pads",
     "strides"), _INTS,
)  # fmt: skip


def _conv_transpose(biased: bool) -> list[NodeProto]:
    """A transposed convolution; a transposed box spreads the mean over its taps."""
    spread = _same(*_WINDOW, "output_padding", "pads") | _same("group", kind=_INT)
    body = [
        _node("ConvTranspose", ["signed", "weight"], "sums", spread),
        *_MAGNITUDE,
        _number("share"),  # 1 / taps
        _ints("box_shape"),
        _node("Expand", ["share", "box_shape"], "box"),
        _node("ConvTranspose", ["mean", "box"], "K", spread),
        *_SCALED,
    ]
    return _with_bias(body, biased, _node("Reshape", ["scaled", "shape"], "y"))


_CONV_TRANSPOSE = {"group": _INT, "share": _FLOAT} | dict.fromkeys(
    ("box_shape", "by_filter", "by_group", "dilations", "kernel_shape", "output_padding", "pads",
     "shape", "strides"), _INTS,
)  # fmt: skip


def _dense(scaled: bool, transposed: bool, biased: bool) -> list[NodeProto]:
    """alpha * (x W) [* K] + beta * bias over the last axis; W as it is, or transposed."""
    right = "turned" if transposed else "weight"
    body = [_node("Transpose", ["weight"], right, perm=[1, 0])] if transposed else []
    body.append(_node("MatMul", ["signed" if scaled else "x", right], "sums"))
    result = "sums"
    if scaled:
        result = "scaled"
        body += [
            _node("Abs", ["unsigned"], "magnitude"),
            _fixed("features", [-1]),
            _node("ReduceMean", ["magnitude", "features"], "K", keepdims=1),
            _node("Mul", ["sums", "K"], "scaled"),
        ]
    body += [_number("alpha"), _node("Mul", [result, "alpha"], "product" if biased else "y")]
    if biased:
        body += [_number("beta"), _node("Mul", ["bias", "beta"], "biases")]
        body.append(_node("Add", ["product", "biases"], "y"))
    return body


def _silu() -> list[NodeProto]:
    return [
        _number("alpha"),
        _node("Mul", ["x", "alpha"], "steeper"),
        _node("Sigmoid", ["steeper"], "gate"),
        _node("Mul", ["x", "gate"], "y"),
    ]


def _affine() -> list[NodeProto]:
    product = _node("Mul", ["x", "alpha"], "product")
    return [_number("alpha"), product, _number("beta"), _node("Add", ["product", "beta"], "y")]


def _scaled_tanh() -> list[NodeProto]:
    return [
        _number("beta"),
        _node("Mul", ["x", "beta"], "steeper"),
        _node("Tanh", ["steeper"], "bounded"),
        _number("alpha"),
        _node("Mul", ["bounded", "alpha"], "y"),
    ]


def _filled() -> list[NodeProto]:
    filled = _node("ConstantOfShape", ["shape"], "y", _same("value", kind=_TENSOR))
    return [_ints("shape"), filled]


Row = tuple[tuple[str, ...], Attributes, list[NodeProto]]
"""Inputs, attributes and body."""


def _rows() -> dict[str, Row]:
    rows: dict[str, Row] = {
        "Silu": (("x",), {"alpha": _FLOAT}, _silu()),
        "Affine": (("x",), {"alpha": _FLOAT, "beta": _FLOAT}, _affine()),
        "ScaledTanh": (("x",), {"alpha": _FLOAT, "beta": _FLOAT}, _scaled_tanh()),
        "Filled": ((), {"shape": _INTS, "value": _TENSOR}, _filled()),
    }
    for biased, tail in ((False, ""), (True, "Biased")):
        bias = ("bias",) if biased else ()
        column = {"column": _INTS} if biased else {}
        three = ("signed", "unsigned", "weight", *bias)
        rows[f"XnorConv{tail}"] = (three, {**_CONV, **column}, _conv(biased))
        rows[f"XnorConvTranspose{tail}"] = (
            three, {**_CONV_TRANSPOSE, **column}, _conv_transpose(biased),
        )  # fmt: skip
        factors = {"alpha": _FLOAT} | ({"beta": _FLOAT} if biased else {})
        for turned, middle in ((False, ""), (True, "Transposed")):
            name = f"Dense{middle}{tail}"
            rows[f"Xnor{name}"] = (three, factors, _dense(True, turned, biased))
            rows[name] = (("x", "weight", *bias), factors, _dense(False, turned, biased))
    return rows


FUNCTIONS: Mapping[str, Row] = _rows()
"""Every local function that is written, by name."""


@cache
def function(name: str) -> FunctionProto:
    """The local function `name`."""
    inputs, attributes, body = FUNCTIONS[name]
    imports = [helper.make_opsetid("", _OPSET)]
    return helper.make_function(DOMAIN, name, inputs, ["y"], body, imports, sorted(attributes))


def group_shapes(
    groups: int, image: Sequence[int], result: Sequence[int], biased: bool
) -> dict[str, list[int]]:
    """The shapes that a call of a convolution states: input and result cut in groups, the result
    whole, and the bias as a column. The batch is 0: as it comes."""
    channels, filters = image[1] // groups, result[1] // groups
    shapes = {
        "by_group": [0, groups, channels, *image[2:]],
        "by_filter": [0, groups, filters, *result[2:]],
        "shape": [0, *result[1:]],
    }
    return shapes | ({"column": [1, result[1], *(1 for _ in result[2:])]} if biased else {})


def is_own(given: FunctionProto) -> bool:
    """Whether a function of a file is one of these: by its name, and by all that it computes."""
    if given.domain != DOMAIN or given.name not in FUNCTIONS:
        return False
    return _content(given) == _content(function(given.name))


def _content(given: FunctionProto) -> bytes:
    """A function without what says nothing of its results."""
    bare = FunctionProto()
    bare.CopyFrom(given)
    for field in ("doc_string", "metadata_props", "value_info"):
        bare.ClearField(field)
    for node in bare.node:
        for field in ("doc_string", "metadata_props", "name"):
            node.ClearField(field)
    return bare.SerializeToString(deterministic=True)
