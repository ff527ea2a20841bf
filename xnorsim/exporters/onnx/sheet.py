"""An ONNX graph in the making: its names, nodes, tensors and local functions.

ONNX has one name for a tensor, whether it is computed or stored, and no empty one; ours are kept
wherever they are free.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from xnorsim.errors import ModelError, UnsupportedOpError
from xnorsim.exporters.onnx.opsets import OPSET, opset_of, type_text
from xnorsim.exporters.onnx.tensors import element_type, integers, is_narrow, tensor
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, TensorSpec
from xnorsim.network.precision import FLOAT32, FP32, Encoding, Meaning, Scaling

__all__ = [
    "QONNX",
    "Sheet",
    "constant",
    "encodable",
    "fresh",
    "in_floats",
    "layer",
    "new_sheet",
    "operator",
    "refused",
    "setting",
    "spec",
    "step",
]

QONNX = "qonnx.custom_op.general"

_VERSIONS = {QONNX: 2, "xnorsim": 1}


@dataclass
class Sheet:
    """What is written so far.

    `tensors` are initializers, `functions` the names of local ones; `types` are ONNX's words for
    those of activations; `names` and `parameters` map ours to those of the file, and `shared` what
    several layers read. `unstored` are tensors of the file that are no stored numbers of the
    network, `carried` activations of integers that the file holds as floats.
    """

    graph: Graph
    weights: bool = True
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    tensors: dict[str, onnx.TensorProto] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    shared: dict[object, str] = field(default_factory=dict)
    unstored: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    titles: set[str] = field(default_factory=set)
    versions: dict[str, int] = field(default_factory=lambda: {"": OPSET})
    carried: frozenset[str] = frozenset()


def new_sheet(graph: Graph, weights: bool) -> Sheet:
    """An empty sheet, on which the activations of `graph` have their names."""
    sheet = Sheet(graph, weights, carried=_carried(graph))
    for name, item in graph.tensors.items():
        sheet.names[name] = title = fresh(sheet, name)
        kind = TensorProto.FLOAT if name in sheet.carried else element_type(item.encoding)
        if kind is not None:
            sheet.types[title] = type_text(kind)
    sheet.titles.update(node.name for node in graph.nodes)
    return sheet


_OWN_TYPE = ops.Quantize | ops.Cast | ops.Compare | ops.Constant | ops.Dequantize


def _carried(graph: Graph) -> frozenset[str]:
    """QONNX computes with the integers of narrow layers as float32, and so do those after them."""
    found = set[str]()
    for node in graph.nodes:
        if isinstance(node.op, _OWN_TYPE):
            continue
        reads = any(n in found or is_narrow(graph.tensors[n].encoding) for n in node.inputs)
        if reads or isinstance(node.op, ops.Thresholds):
            found.update(
                name
                for name in node.outputs
                if graph.tensors[name].encoding.meaning is Meaning.INTEGER
            )
    return frozenset(found)


def in_floats(sheet: Sheet, name: str) -> bool:
    """Whether the file holds an activation as floats."""
    encoding = sheet.graph.tensors[name].encoding
    return encoding.meaning is Meaning.FLOAT or is_narrow(encoding) or name in sheet.carried


def fresh(sheet: Sheet, name: str) -> str:
    """`name` as ONNX can have it, or with the first number that no tensor of the file has."""
    plain = encodable(name) or "tensor"
    result, number = plain, 1
    while result in sheet.taken:
        result, number = f"{plain}_{number}", number + 1
    sheet.taken.add(result)
    return result


def encodable(text: str) -> str:
    """Protobuf holds UTF-8 alone: half of a surrogate pair is none."""
    return text.encode("utf-8", "replace").decode("utf-8")


def spec(sheet: Sheet, name: str) -> TensorSpec:
    """Shape and encoding of an activation."""
    return sheet.graph.tensors[name]


def operator(
    sheet: Sheet,
    kind: str,
    inputs: Iterable[str],
    outputs: Sequence[str],
    name: str,
    *,
    domain: str = "",
    since: int = 0,
    **attributes: Any,
) -> onnx.NodeProto:
    """Add a node. `since` is the opset that brought what it uses; attributes of None are left
    out, and so are inputs "" at the end."""
    used = {key: value for key, value in sorted(attributes.items()) if value is not None}
    made = helper.make_node(
        kind, _given(inputs), list(outputs), encodable(name), domain=domain, **used
    )
    sheet.nodes.append(made)
    sheet.versions[domain] = max(sheet.versions.get(domain, _VERSIONS.get(domain, 1)), since)
    return made


def _given(inputs: Iterable[str]) -> list[str]:
    """Inputs without those at the end that are left out."""
    given = list(inputs)
    while given and not given[-1]:
        given.pop()
    return given


def layer(
    sheet: Sheet, node: Node, kind: str, inputs: Iterable[str], **attributes: Any
) -> onnx.NodeProto:
    """Add the node that a layer is: under its name, writing what it writes.

    Raises:
        UnsupportedOpError: no opset has the operator for what the layer reads and writes.
    """
    inputs, outputs = _given(inputs), [sheet.names[name] for name in node.outputs]
    if not attributes.get("domain"):
        types = (tuple(sheet.types.get(name) for name in names) for names in (inputs, outputs))
        since = opset_of(kind, *types)
        if since is None:
            read = ", ".join(str(spec(sheet, name).encoding) for name in node.inputs)
            raise refused(sheet, node, f"no opset has {kind} for {read or 'what it writes'}")
        attributes["since"] = max(since, attributes.get("since", 0))
    made = operator(sheet, kind, inputs, outputs, node.name, **attributes)
    for key, text in _hints(sheet, node).items():
        made.metadata_props.add(key=f"xnorsim.{key}", value=encodable(text))
    return made


def _hints(sheet: Sheet, node: Node) -> dict[str, str]:
    """What a report says of a layer and no operator does: the layer of another file that it is
    part of, and the integers that the floats it multiplies stand for."""
    found = {"layer": node.layer} if node.layer else {}
    if node.scheme is None or node.scheme.scaling is not Scaling.NONE:
        return found
    named = (node.parameters.get(role) for role in ("weight", "right", "left"))
    read = {sheet.graph.parameters[name].spec.encoding for name in named if name}
    if FLOAT32 in read and node.scheme != FP32:
        found["scheme"] = str(node.scheme)
    return found


def step(
    sheet: Sheet, node: Node, word: str, kind: str, inputs: Iterable[str], **attributes: Any
) -> str:
    """Add a node beside a layer's own; the tensor that it writes."""
    result, title = fresh(sheet, f"{node.name}.{word}"), f"{node.name}.{word}"
    number = 1
    while title in sheet.titles:
        title, number = f"{node.name}.{word}_{number}", number + 1
    sheet.titles.add(title)
    operator(sheet, kind, inputs, [result], title, **attributes)
    return result


def constant(sheet: Sheet, name: str, values: Any, encoding: Encoding | None = None) -> str:
    """Store a tensor under `name` or a like one; its name."""
    title = fresh(sheet, name)
    sheet.tensors[title] = tensor(np.asarray(values), title, encoding)
    return title


def setting(sheet: Sheet, node: Node, word: str, values: Sequence[int]) -> str:
    """Store integers that are a number of an operator: a shape, axes, sides of a padding."""
    title = fresh(sheet, f"{node.name}.{word}")
    sheet.tensors[title] = integers(values, title)
    return title


def refused(sheet: Sheet, node: Node, reason: str) -> UnsupportedOpError:
    """The error for a layer that ONNX cannot express."""
    what = ops.kind(node.op)
    return UnsupportedOpError(
        f"{sheet.graph.name}: layer '{node.name}' ({what}) cannot be written as ONNX: {reason}"
    )


def lacking(sheet: Sheet, node: Node, role: str) -> ModelError:
    """The error for a layer without one of its operands."""
    return ModelError(f"{sheet.graph.name}: layer '{node.name}': its {role} is missing")
