"""QONNX networks with BipolarQuant as ONNX files of standard operators alone.

BipolarQuant(x, scale) is +scale where x >= 0, else -scale (qonnx.custom_op.general, and in older
files onnx.brevitas).
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

__all__ = ["bipolar_outputs", "standard_model"]


def bipolar_outputs(model: onnx.ModelProto) -> list[str]:
    """The tensors that BipolarQuant writes."""
    return [node.output[0] for node in model.graph.node if node.op_type == "BipolarQuant"]


def standard_model(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with BipolarQuant(x, s) written as Where(x < 0, -s, s).

    What the BipolarQuants wrote are outputs too. Only operators of opset 9 are used.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.op_type != "BipolarQuant":
            nodes.append(node)
            continue
        (x, scale), result = node.input, node.output[0]
        zero, negative, below = (f"{result}.{word}" for word in ("zero", "negative", "below"))
        made.graph.initializer.append(numpy_helper.from_array(np.zeros((), np.float32), zero))
        nodes += [
            helper.make_node("Less", [x, zero], [below]),
            helper.make_node("Neg", [scale], [negative]),
            helper.make_node("Where", [below, negative, scale], [result]),
        ]
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    made.graph.output.extend(onnx.ValueInfoProto(name=name) for name in bipolar_outputs(model))
    keep = [item for item in made.opset_import if item.domain == ""]
    del made.opset_import[:]
    made.opset_import.extend(keep)
    return made
