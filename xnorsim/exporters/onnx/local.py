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

from onnx import FunctionProto, NodeProto, defs, helper

from xnorsim.exporters.onnx import integer_functions
from xnorsim.exporters.onnx.bodies import (
    FLOAT,
    INT,
    INTS,
    TENSOR,
    Row,
    fixed,
    ints,
    node,
    number,
    same,
)
from xnorsim.exporters.onnx.opsets import OPSET

__all__ = [
    "DOMAIN",
    "FUNCTIONS",
    "VERSION",
    "function",
    "group_shapes",
    "is_own",
]

DOMAIN, VERSION = "xnorsim", 1

_MAGNITUDE = (
    node("Abs", ["unsigned"], "magnitude"),
    ints("by_group"),  # batch, groups, channels of a group, size
    node("Reshape", ["magnitude", "by_group"], "grouped"),
    fixed("channels", [2]),
    node("ReduceMean", ["grouped", "channels"], "mean", keepdims=0),
)
"""The mean of |I| over the channels of each group."""

_SCALED = (
    fixed("filters", [2]),
    node("Unsqueeze", ["K", "filters"], "each"),
    ints("by_filter"),  # batch, groups, filters of a group, positions
    node("Reshape", ["sums", "by_filter"], "sums_of_groups"),
    node("Mul", ["sums_of_groups", "each"], "scaled"),
    ints("shape"),
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
        ints("column"),  # 1, filters, ones
        node("Reshape", ["bias", "column"], "biases"),
        node("Add", ["unbiased", "biases"], "y"),
    ]


def _conv(biased: bool) -> list[NodeProto]:
    """A convolution over +-1 padded with `pad_value`. On the border K is a mean over all taps
    (`count_include_pad` 1) or those that read an input."""
    body = [
        ints("signed_pads"),
        number("pad_value"),
        node("Pad", ["signed", "signed_pads", "pad_value"], "padded"),
        node("Conv", ["padded", "weight"], "sums", same(*_WINDOW) | same("group", kind=INT)),
        *_MAGNITUDE,
        node("AveragePool", ["mean"], "K",
              same(*_WINDOW, "pads") | same("count_include_pad", kind=INT)),
        *_SCALED,
    ]  # fmt: skip
    return _with_bias(body, biased, node("Reshape", ["scaled", "shape"], "y"))


_CONV = {"count_include_pad": INT, "group": INT, "pad_value": FLOAT} | dict.fromkeys(
    ("by_filter", "by_group", "dilations", "kernel_shape", "pads", "shape", "signed_pads",
     "strides"), INTS,
)  # fmt: skip


def _conv_transpose(biased: bool) -> list[NodeProto]:
    """A transposed convolution; a transposed box spreads the mean over its taps."""
    spread = same(*_WINDOW, "output_padding", "pads") | same("group", kind=INT)
    body = [
        node("ConvTranspose", ["signed", "weight"], "sums", spread),
        *_MAGNITUDE,
        number("share"),  # 1 / taps
        ints("box_shape"),
        node("Expand", ["share", "box_shape"], "box"),
        node("ConvTranspose", ["mean", "box"], "K", spread),
        *_SCALED,
    ]
    return _with_bias(body, biased, node("Reshape", ["scaled", "shape"], "y"))


_CONV_TRANSPOSE = {"group": INT, "share": FLOAT} | dict.fromkeys(
    ("box_shape", "by_filter", "by_group", "dilations", "kernel_shape", "output_padding", "pads",
     "shape", "strides"), INTS,
)  # fmt: skip


def _dense(scaled: bool, transposed: bool, biased: bool) -> list[NodeProto]:
    """alpha * (x W) [* K] + beta * bias over the last axis; W as it is, or transposed."""
    right = "turned" if transposed else "weight"
    body = [node("Transpose", ["weight"], right, perm=[1, 0])] if transposed else []
    body.append(node("MatMul", ["signed" if scaled else "x", right], "sums"))
    result = "sums"
    if scaled:
        result = "scaled"
        body += [
            node("Abs", ["unsigned"], "magnitude"),
            fixed("features", [-1]),
            node("ReduceMean", ["magnitude", "features"], "K", keepdims=1),
            node("Mul", ["sums", "K"], "scaled"),
        ]
    body += [number("alpha"), node("Mul", [result, "alpha"], "product" if biased else "y")]
    if biased:
        body += [number("beta"), node("Mul", ["bias", "beta"], "biases")]
        body.append(node("Add", ["product", "biases"], "y"))
    return body


def _silu() -> list[NodeProto]:
    return [
        number("alpha"),
        node("Mul", ["x", "alpha"], "steeper"),
        node("Sigmoid", ["steeper"], "gate"),
        node("Mul", ["x", "gate"], "y"),
    ]


def _affine() -> list[NodeProto]:
    product = node("Mul", ["x", "alpha"], "product")
    return [number("alpha"), product, number("beta"), node("Add", ["product", "beta"], "y")]


def _scaled_tanh() -> list[NodeProto]:
    return [
        number("beta"),
        node("Mul", ["x", "beta"], "steeper"),
        node("Tanh", ["steeper"], "bounded"),
        number("alpha"),
        node("Mul", ["bounded", "alpha"], "y"),
    ]


def _filled() -> list[NodeProto]:
    filled = node("ConstantOfShape", ["shape"], "y", same("value", kind=TENSOR))
    return [ints("shape"), filled]


def _rows() -> dict[str, Row]:
    rows: dict[str, Row] = {
        "Silu": (("x",), {"alpha": FLOAT}, _silu()),
        "Affine": (("x",), {"alpha": FLOAT, "beta": FLOAT}, _affine()),
        "ScaledTanh": (("x",), {"alpha": FLOAT, "beta": FLOAT}, _scaled_tanh()),
        "Filled": ((), {"shape": INTS, "value": TENSOR}, _filled()),
    }
    for biased, tail in ((False, ""), (True, "Biased")):
        bias = ("bias",) if biased else ()
        column = {"column": INTS} if biased else {}
        three = ("signed", "unsigned", "weight", *bias)
        rows[f"XnorConv{tail}"] = (three, {**_CONV, **column}, _conv(biased))
        rows[f"XnorConvTranspose{tail}"] = (
            three, {**_CONV_TRANSPOSE, **column}, _conv_transpose(biased),
        )  # fmt: skip
        factors = {"alpha": FLOAT} | ({"beta": FLOAT} if biased else {})
        for turned, middle in ((False, ""), (True, "Transposed")):
            name = f"Dense{middle}{tail}"
            rows[f"Xnor{name}"] = (three, factors, _dense(True, turned, biased))
            rows[name] = (("x", "weight", *bias), factors, _dense(False, turned, biased))
    return {**rows, **integer_functions.ROWS}


FUNCTIONS: Mapping[str, Row] = _rows()
"""Every local function that is written, by name."""


@cache
def function(name: str, opset: int = OPSET) -> FunctionProto:
    """The local function `name`; its operators are the same in every opset from OPSET on."""
    inputs, attributes, body = FUNCTIONS[name]
    imports = [helper.make_opsetid("", opset)]
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
    imports = {item.domain: item.version for item in given.opset_import}
    known = imports.keys() == {""} and OPSET <= imports[""] <= defs.onnx_opset_version()
    return known and _content(given) == _content(function(given.name))


def _content(given: FunctionProto) -> bytes:
    """A function without what says nothing of its results."""
    bare = FunctionProto()
    bare.CopyFrom(given)
    for field in ("doc_string", "metadata_props", "opset_import", "value_info"):
        bare.ClearField(field)
    for item in bare.node:
        for field in ("doc_string", "metadata_props", "name"):
            item.ClearField(field)
    return bare.SerializeToString(deterministic=True)
