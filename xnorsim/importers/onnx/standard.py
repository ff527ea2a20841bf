"""Operators of QONNX that are nodes of ONNX with Transposes or factors around them.

The channels-last layers (qonnx.custom_op.channels_last), MaxPoolNHWC and QuantAvgPool2d are
written out as such nodes, each of which is then read as any other.

Source: qonnx.custom_op.channels_last (base_wrapped_op), qonnx.custom_op.general (maxpoolnhwc,
quantavgpool2d).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from xnorsim.errors import ModelError, ShapeError, choices
from xnorsim.importers.channels import to_first, to_last
from xnorsim.importers.onnx.qonnx import DOMAINS
from xnorsim.network.precision import ENCODINGS, UNIPOLAR, Encoding

__all__ = ["EXPANDED", "Expansion", "expanded", "result_encoding"]

Expansion = Sequence[tuple[str, onnx.NodeProto]]
"""Nodes, and what is added to the name of the one that they stand for."""

_LAST = "qonnx.custom_op.channels_last"


def expanded(where: str, node: onnx.NodeProto, rank: int) -> Expansion:
    """The nodes of ONNX that `node` stands for; `rank` is that of its first input.

    Raises:
        ModelError: an attribute is missing or wrong.
        ShapeError: the input has no spatial axes.
    """
    if rank < 3 and node.op_type != "BatchNormalization":
        raise ShapeError(f"{where}: its input has {rank} axes, fewer than 3")
    return EXPANDED[node.domain, node.op_type](where, node, rank)


def _plain(node: onnx.NodeProto, operator: str) -> onnx.NodeProto:
    result = onnx.NodeProto()
    result.CopyFrom(node)
    result.domain, result.op_type = "", operator
    return result


def _transpose(source: str, target: str, order: Sequence[int]) -> onnx.NodeProto:
    return helper.make_node("Transpose", [source], [target], perm=list(order))


def _channels_last(weights: int) -> Callable[[str, onnx.NodeProto, int], Expansion]:
    """The same operator between Transposes; `weights` inputs after the first are turned too."""

    def expand(where: str, node: onnx.NodeProto, rank: int) -> Expansion:
        core, result = _plain(node, node.op_type.removesuffix("NHWC")), node.output[0]
        turned = []
        for position in range(min(1 + weights, len(node.input))):
            name = f"{result}.first_{position}"
            order = to_first(rank)
            turned.append((f".first_{position}", _transpose(node.input[position], name, order)))
            core.input[position] = name
        core.output[0] = f"{result}.first"
        back = _transpose(core.output[0], result, to_last(rank))
        return [*turned, ("", core), (".last", back)]

    return expand


def _attributes(where: str, node: onnx.NodeProto) -> dict[str, int]:
    given = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    result = {}
    for name in ("kernel", "stride", "ibits", "obits", "signed"):
        value = given.get(name)
        least, most = (0, 1) if name == "signed" else (1, 32)
        if not isinstance(value, int) or not least <= value <= max(most, 1):
            shown = "missing" if value is None else repr(value)
            raise ModelError(
                f"{where}: attribute '{name}' is {shown}; it is an integer from {least} to {most}"
            )
        result[name] = value
    layout = given.get("data_layout", b"NCHW").decode("utf-8", "replace")
    if layout not in ("NCHW", "NHWC"):
        raise ModelError(f"{where}: no data_layout '{layout}': {choices(layout, ('NCHW', 'NHWC'))}")
    return {**result, "last": layout == "NHWC"}


def result_encoding(where: str, node: onnx.NodeProto) -> Encoding | None:
    """The integers that a QuantAvgPool2d writes; None for other operators."""
    if node.op_type != "QuantAvgPool2d":
        return None
    given = _attributes(where, node)
    if given["obits"] == 1:
        return UNIPOLAR
    return ENCODINGS[f"{'' if given['signed'] else 'u'}int{given['obits']}"]


def _average_pool(where: str, node: onnx.NodeProto, rank: int) -> Expansion:
    """The sum of a window of integers, of which the upper bits stay: a shift to the right."""
    given, result = _attributes(where, node), node.output[0]
    size, stride = ([given[name]] * 2 for name in ("kernel", "stride"))
    most = (2 ** given["ibits"] - 1) * given["kernel"] ** 2
    shift = max(most.bit_length() - given["obits"], 0)
    chain: list[tuple[str, onnx.NodeProto]] = []
    name = node.input[0]

    def add(word: str, operator: str, *operands: str, **settings: Any) -> None:
        nonlocal name
        target = f"{result}.{word}"
        made = helper.make_node(operator, [name, *operands], [target], **settings)
        chain.append((f".{word}", made))
        name = target

    def constant(word: str, value: float) -> str:
        held = numpy_helper.from_array(np.asarray(value, np.float32))
        made = helper.make_node("Constant", [], [f"{result}.{word}"], value=held)
        chain.append((f".{word}", made))
        return f"{result}.{word}"

    if given["last"]:
        add("first", "Transpose", perm=to_first(rank))
    add("mean", "AveragePool", kernel_shape=size, strides=stride)
    add("sum", "Mul", constant("taps", given["kernel"] ** 2))
    add("rounded", "Round")
    if shift:
        add("shifted", "Mul", constant("factor", 2.0**-shift))
        add("floor", "Floor")
    if given["last"]:
        add("last", "Transpose", perm=to_last(rank))
    chain[-1][1].output[0] = result
    return chain


EXPANDED: dict[tuple[str, str], Callable[[str, onnx.NodeProto, int], Expansion]] = {
    (_LAST, "Conv"): _channels_last(1),
    (_LAST, "MaxPool"): _channels_last(0),
    (_LAST, "BatchNormalization"): _channels_last(0),
    **{(domain, "MaxPoolNHWC"): _channels_last(0) for domain in DOMAINS},
    **{(domain, "QuantAvgPool2d"): _average_pool for domain in DOMAINS},
}
"""(domain, operator) -> what writes it out."""
