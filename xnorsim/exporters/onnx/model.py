"""A whole network as an ONNX model."""

from __future__ import annotations

import json
from collections.abc import Mapping

import onnx
from onnx import helper

from xnorsim.errors import UnsupportedOpError, UsageError
from xnorsim.exporters.onnx import (  # noqa: F401 (each registers its rules)
    elements,
    local,
    movement,
    normalization,
    pooling,
    products,
    quantization,
    recurrent,
    resize,
)
from xnorsim.exporters.onnx.dispatch import write
from xnorsim.exporters.onnx.groups import Group, find_groups
from xnorsim.exporters.onnx.sheet import Sheet, encodable, new_sheet
from xnorsim.exporters.onnx.tensors import bits_in_file, element_type, is_narrow
from xnorsim.network.graph import Graph

__all__ = ["IR_VERSION", "LARGEST", "model"]

IR_VERSION = 10
"""The first one whose nodes can hold metadata."""

LARGEST = 2**31 - 1
"""[byte] Protobuf's limit to a message."""


def model(graph: Graph, *, weights: bool = True) -> onnx.ModelProto:
    """The network as an ONNX model; the same graph gives the same bytes.

    Binary layers are written with QONNX's BipolarQuant, other narrow ones with Quant and
    MultiThreshold; layers that are several operators of ONNX as calls of local functions. Without
    `weights`, and where a parameter has no values, a ConstantOfShape stands for it: the file then
    says what work there is, and nothing of the results.

    Raises:
        UnsupportedOpError: layers that ONNX cannot express, all of them at once.
        UsageError: more parameters than an ONNX file can hold (2 GB).
        ModelError: a layer without one of its operands, or parameters that cannot be loaded.
    """
    _check_size(graph, weights)
    sheet = new_sheet(graph, weights)
    _write_nodes(sheet, find_groups(graph))
    made = helper.make_graph(
        sheet.nodes,
        encodable(graph.name) or "network",
        [_value(sheet, name) for name in graph.inputs],
        [_value(sheet, name) for name in graph.outputs],
        list(sheet.tensors.values()),
    )
    imports = [helper.make_opsetid(domain, v) for domain, v in sorted(sheet.versions.items())]
    result = helper.make_model(
        made,
        opset_imports=imports,
        ir_version=max(IR_VERSION, helper.find_min_ir_version_for(imports, True)),
        producer_name="xnorsim",
        functions=[local.function(name, sheet.versions[""]) for name in sorted(sheet.functions)],
    )
    _add_metadata(result, sheet)
    return result


def _write_nodes(sheet: Sheet, groups: Mapping[str, Group]) -> None:
    """Each layer by its rule; those that ONNX has one operator for together, with the last."""
    joined = {node.name: group for group in groups.values() for node in group.nodes}
    faults = []
    for node in sheet.graph.nodes:
        group = joined.get(node.name)
        if group is not None and group.nodes[-1] is not node:
            continue
        try:
            if group is None:
                write(node.op, node, sheet)
            else:
                group.write(sheet, group.nodes)
        except UnsupportedOpError as fault:
            faults.append(str(fault))
    if faults:
        raise UnsupportedOpError("\n  ".join(faults))


def _check_size(graph: Graph, weights: bool) -> None:
    used = {name for node in graph.nodes for name in node.parameters.values()}
    specs = [graph.parameters[name].spec for name in used if weights]
    size = sum(spec.elements * bits_in_file(spec.encoding) for spec in specs) // 8
    if size > LARGEST:
        raise UsageError(
            f"{graph.name}: its parameters take {size / 1e9:.2f} GB in an ONNX file, which holds "
            f"{LARGEST / 1e9:.2f} GB at most: write it without weights"
        )


def _value(sheet: Sheet, name: str) -> onnx.ValueInfoProto:
    spec = sheet.graph.tensors[name]
    if name in sheet.graph.inputs and is_narrow(spec.encoding):
        raise UnsupportedOpError(
            f"{sheet.graph.name}: input '{name}' is {spec.encoding}, which no type of ONNX says"
        )
    carried = name in sheet.carried
    kind = onnx.TensorProto.FLOAT if carried else element_type(spec.encoding)
    if kind is None:
        raise UnsupportedOpError(
            f"{sheet.graph.name}: tensor '{name}' is {spec.encoding}, which ONNX has no type for"
        )
    return helper.make_tensor_value_info(sheet.names[name], kind, spec.shape)


def _add_metadata(result: onnx.ModelProto, sheet: Sheet) -> None:
    notes = {"recognized": dict(sheet.graph.recognized), "unstored": sorted(sheet.unstored)}
    for key, note in notes.items():
        if note:
            text = json.dumps(note, ensure_ascii=True)
            result.metadata_props.add(key=f"xnorsim.{key}", value=text)
