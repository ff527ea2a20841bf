"""Rules of layers that multiply: convolutions, matrix products, binary ones with their scaling.

Source: ONNX operator specification, Conv-11, ConvTranspose-11, Gemm-13, MatMul-13, ConvInteger-10,
MatMulInteger-10; QONNX, BipolarQuant-2.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from xnorsim.exporters.onnx import local
from xnorsim.exporters.onnx.dispatch import write
from xnorsim.exporters.onnx.operands import activations, operands, optional, weight, zero_point
from xnorsim.exporters.onnx.sheet import Sheet, constant, in_floats, layer, refused, spec, step
from xnorsim.exporters.onnx.sheet import setting as stored_setting
from xnorsim.network import ops
from xnorsim.network.graph import Node
from xnorsim.network.graph import scheme as scheme_of
from xnorsim.network.precision import Border, Meaning, Scaling

__all__ = ["call", "pads", "window"]


def pads(padding: ops.Padding) -> list[int]:
    """ONNX's order of a padding: all befores, then all afters."""
    return [before for before, _ in padding] + [after for _, after in padding]


def window(op: ops.Conv | ops.ConvTranspose | ops.Pool) -> dict[str, Any]:
    """The attributes that every operator with a window has."""
    return {
        "kernel_shape": op.kernel,
        "strides": op.stride,
        "pads": pads(op.padding),
        "dilations": op.dilation,
    }


def call(sheet: Sheet, node: Node, name: str, inputs: list[str], **attributes: Any) -> None:
    """Write a layer as a call of a local function."""
    sheet.functions.add(name)
    layer(sheet, node, name, inputs, domain=local.DOMAIN, **attributes)


def _is_integer(sheet: Sheet, node: Node) -> bool:
    """Whether the file multiplies integers, not floats that hold them."""
    return not all(in_floats(sheet, name) for name in activations(node)[0])


def _scaled_by_map(sheet: Sheet, node: Node) -> bool:
    return scheme_of(sheet.graph, node).scaling is Scaling.ALPHA_K


def _refuse_zero_points(sheet: Sheet, node: Node) -> None:
    given = [role for role in ("input_zero_point", "weight_zero_point") if role in node.parameters]
    if given:
        raise refused(sheet, node, f"a product of floats has no {' and no '.join(given)}")


@write.register
def _(op: ops.Conv, node: Node, sheet: Sheet) -> None:
    if _is_integer(sheet, node):
        _integers(sheet, node, op, "ConvInteger", group=op.groups, **window(op))
        return
    _refuse_zero_points(sheet, node)
    if _scaled_by_map(sheet, node):
        _conv_by_map(sheet, node, op)
        return
    (x,) = operands(sheet, node, "input")
    attributes = window(op)
    if op.pad_value and any(map(any, op.padding)):
        x = _padded(sheet, node, op, x)
        attributes["pads"] = [0] * len(attributes["pads"])
    inputs = [x, weight(sheet, node, op), *optional(sheet, node, "bias")]
    layer(sheet, node, "Conv", inputs, group=op.groups, **attributes)


def _full_pads(op: ops.Conv) -> list[int]:
    return pads(((0, 0), (0, 0), *op.padding))


def _padded(sheet: Sheet, node: Node, op: ops.Conv, x: str) -> str:
    """A binary input with its padding of +1 or -1 around it."""
    sides = stored_setting(sheet, node, "pads", _full_pads(op))
    value = constant(sheet, f"{node.name}.pad_value", np.float32(op.pad_value))
    return step(sheet, node, "pad", "Pad", [x, sides, value])


def _unsigned(sheet: Sheet, node: Node) -> str:
    (found,) = optional(sheet, node, "unsigned")
    return found or operands(sheet, node, "input")[0]


def _biased(node: Node, name: str) -> str:
    _, named = activations(node)
    return f"{name}Biased" if "bias" in node.parameters or "bias" in named else name


def _conv_by_map(sheet: Sheet, node: Node, op: ops.Conv) -> None:
    attributes = {**window(op), **_shapes(sheet, node, op)}
    call(
        sheet, node, _biased(node, "XnorConv"), _three(sheet, node, op),
        group=op.groups,
        count_include_pad=int(scheme_of(sheet.graph, node).border is Border.ZERO),
        signed_pads=_full_pads(op),
        pad_value=float(op.pad_value),
        **attributes,
    )  # fmt: skip


def _three(sheet: Sheet, node: Node, op: ops.Weighted) -> list[str]:
    """What a binary layer with a map K reads: signs, what they are of, weight, bias if any."""
    x = operands(sheet, node, "input")[0]
    bias = [name for name in optional(sheet, node, "bias") if name]
    return [x, _unsigned(sheet, node), weight(sheet, node, op), *bias]


def _shapes(sheet: Sheet, node: Node, op: ops.Conv | ops.ConvTranspose) -> dict[str, list[int]]:
    image, result = (spec(sheet, name).shape for name in (node.inputs[0], node.outputs[0]))
    return local.group_shapes(op.groups, image, result, _biased(node, "").endswith("Biased"))


@write.register
def _(op: ops.ConvTranspose, node: Node, sheet: Sheet) -> None:
    if _is_integer(sheet, node):
        raise refused(sheet, node, "it has no transposed convolution of integers")
    _refuse_zero_points(sheet, node)
    attributes = window(op)
    attributes |= {"group": op.groups, "output_padding": op.output_padding or None}
    if not _scaled_by_map(sheet, node):
        inputs = [operands(sheet, node, "input")[0], weight(sheet, node, op)]
        layer(sheet, node, "ConvTranspose", [*inputs, *optional(sheet, node, "bias")], **attributes)
        return
    attributes["output_padding"] = op.output_padding or (0,) * len(op.kernel)
    call(
        sheet, node, _biased(node, "XnorConvTranspose"), _three(sheet, node, op),
        share=1 / prod(op.kernel),
        box_shape=[op.groups, 1, *op.kernel],
        **attributes,
        **_shapes(sheet, node, op),
    )  # fmt: skip


@write.register
def _(op: ops.Dense, node: Node, sheet: Sheet) -> None:
    if _is_integer(sheet, node):
        _integers(sheet, node, op, "MatMulInteger")
        return
    _refuse_zero_points(sheet, node)
    by_map = _scaled_by_map(sheet, node)
    plain = len(spec(sheet, node.inputs[0]).shape) == 2
    if plain and not by_map:
        inputs = [operands(sheet, node, "input")[0], weight(sheet, node, op)]
        layer(
            sheet, node, "Gemm", [*inputs, *optional(sheet, node, "bias")],
            alpha=op.alpha, beta=op.beta,
            transA=int(op.transpose_input), transB=int(op.transpose_weight),
        )  # fmt: skip
        return
    if op.transpose_input:
        raise refused(sheet, node, "an input that is transposed and scaled by a map K")
    name = _biased(node, f"Dense{'Transposed' if op.transpose_weight else ''}")
    factors = {"alpha": op.alpha} | ({"beta": op.beta} if name.endswith("Biased") else {})
    if by_map:
        call(sheet, node, f"Xnor{name}", _three(sheet, node, op), **factors)
        return
    inputs = [operands(sheet, node, "input")[0], weight(sheet, node, op)]
    bias = [item for item in optional(sheet, node, "bias") if item]
    if name == "Dense" and op.alpha == 1:
        layer(sheet, node, "MatMul", inputs)
    else:
        call(sheet, node, name, [*inputs, *bias], **factors)


@write.register
def _(op: ops.MatMul, node: Node, sheet: Sheet) -> None:
    if not _is_integer(sheet, node) or _is_wide(sheet, node):
        layer(sheet, node, "MatMul", operands(sheet, node, "left", "right"))
        return
    sides = operands(sheet, node, "left", "right")
    layer(sheet, node, "MatMulInteger", [*sides, *_zero_points(sheet, node, "right")])


def _zero_points(sheet: Sheet, node: Node, right: str) -> list[str]:
    """Those of both operands; `right` is the role of the second one, where it is constant."""
    plain, _ = activations(node)
    held = node.parameters.get(right)
    encodings = [spec(sheet, plain[0]).encoding]
    second = sheet.graph.parameters[held].spec if held else spec(sheet, plain[-1])
    encodings.append(second.encoding)
    roles = ("input_zero_point", "weight_zero_point")
    return [zero_point(sheet, node, *row) for row in zip(roles, encodings, strict=True)]


def _is_wide(sheet: Sheet, node: Node) -> bool:
    """Whether a product of integers is one of the same width, as MatMul itself has it."""
    encodings = [spec(sheet, name).encoding for name in activations(node)[0]]
    return all(e.meaning is Meaning.INTEGER and e.bits >= 32 for e in encodings)


def _integers(
    sheet: Sheet, node: Node, op: ops.Conv | ops.Dense, kind: str, **attributes: Any
) -> None:
    """A product of 8-bit integers less their zero points, as int32."""
    zeros = _zero_points(sheet, node, "weight")
    inputs = [operands(sheet, node, "input")[0], weight(sheet, node, op), *zeros]
    bias = [name for name in optional(sheet, node, "bias") if name]
    name = f"{kind}{'Biased' if bias else ''}"
    if isinstance(op, ops.Dense):
        if op.transpose_input or op.alpha != 1 or op.beta != 1:
            raise refused(sheet, node, "a product of integers neither transposes nor scales")
        turned = "Transposed" if op.transpose_weight else ""
        name = f"DenseInteger{turned}{'Biased' if bias else ''}" if turned or bias else kind
    elif bias:
        filters = spec(sheet, node.outputs[0]).shape[1]
        attributes["column"] = [1, filters, *(1 for _ in op.kernel)]
    if name == kind:
        layer(sheet, node, kind, inputs, **attributes)
    else:
        call(sheet, node, name, [*inputs, *bias], **attributes)
