"""Float networks by ONNX Runtime, beside our own exact executor."""

from __future__ import annotations

import numpy as np
import pytest

from xnorsim.errors import UsageError
from xnorsim.exact.execute import execute, prepare
from xnorsim.kernels.onnx_network import ready
from xnorsim.network.graph import Graph
from xnorsim.zoo import build
from xnorsim.zoo.builder import Builder


def small() -> Graph:
    """Every kind of layer that ResNet-18 and AlexNet have, and groups."""
    b = Builder("small", input=(2, 4, 13, 13))
    x = b.relu(b.batch_norm(b.conv(b.input, 6, 3, stride=2, padding=1, bias=False)))
    x = b.lrn(x, 5, alpha=5e-4, beta=0.75, bias=2.0)
    x = b.add(b.conv(x, 6, 3, padding=1, groups=2), x)
    x = b.max_pool(x, 3, stride=2, padding=1)
    x = b.flatten(b.dropout(b.average_pool(x, 2)))
    return b.graph(b.softmax(b.dense(x, 10)))


def test_it_computes_what_the_executor_does():
    pytest.importorskip("onnxruntime")
    graph = small()
    image = np.random.default_rng(0).standard_normal((2, 4, 13, 13)).astype(np.float32)
    ours = execute(prepare(graph, "blas"), {"input": image}).outputs[graph.outputs[0]]
    found = ready(graph, 1)
    np.testing.assert_allclose(found.run(image), ours, rtol=1e-4, atol=1e-6)
    assert (found.threads, [*found.versions]) == (1, ["onnxruntime"])


def test_a_binary_layer_is_refused():
    with pytest.raises(UsageError, match=r"layer '.*': ONNX Runtime has no operator BipolarQuant"):
        ready(build("bireal-net-18"), 1)
