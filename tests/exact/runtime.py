"""onnxruntime as an independent peer: a model on one thread."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
import onnxruntime

__all__ = ["results_of", "session_of"]


def session_of(model: onnx.ModelProto, *, optimized: bool = True) -> onnxruntime.InferenceSession:
    """A session on one thread; not `optimized`: every node runs on its own."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # warnings of models that are odd on purpose
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def results_of(model: onnx.ModelProto, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The outputs of a model, in its order."""
    return [np.asarray(item) for item in session_of(model).run(None, dict(inputs))]
