"""Whole float networks by ONNX Runtime: exported to memory, with their own weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorsim.errors import MissingExtraError, UsageError
from xnorsim.kernels.problem import Ready
from xnorsim.network.graph import Graph

__all__ = ["ready", "written"]


def ready(graph: Graph, threads: int) -> Ready:
    """A float network with one input and one output, which ONNX Runtime may optimize as it likes.

    Raises:
        MissingExtraError: ONNX Runtime is not installed.
        UsageError: a layer that ONNX Runtime has no operator for, or weights without values.
        UnsupportedOpError: a layer that ONNX cannot express.
    """
    try:
        import onnxruntime as ort
    except ImportError as error:
        purpose = "a network by ONNX Runtime"
        raise MissingExtraError("onnxruntime", "onnxruntime", purpose) from error
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    spinning = str(int(threads > 1))
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    session = ort.InferenceSession(written(graph), options, providers=["CPUExecutionProvider"])
    (name,) = (item.name for item in session.get_inputs())

    def run(image: np.ndarray) -> np.ndarray:
        result: Any = session.run(None, {name: image})[0]
        return result

    settings = {"execution": "sequential", "optimization": "all", "spinning": spinning}
    return Ready(run, threads, {"onnxruntime": ort.__version__}, settings)


def written(graph: Graph) -> bytes:
    """The network as an ONNX file of operators that ONNX Runtime has, weights included.

    Raises:
        UsageError, UnsupportedOpError: as `ready`.
    """
    from xnorsim.exporters.onnx import model

    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise UsageError(f"{graph.name}: one input and one output are expected")
    for name, item in graph.parameters.items():
        if item.load is None:
            raise UsageError(f"{graph.name}: weight '{name}' has no values")
    made = model(graph)
    known = {"", *(function.domain for function in made.functions)}
    for node in made.graph.node:
        if node.domain not in known:
            raise UsageError(
                f"layer '{node.name}': ONNX Runtime has no operator {node.op_type} of {node.domain}"
            )
    return made.SerializeToString()
