"""The memory that a run takes, and the limit that it may be given."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from tests.exact.test_execute import image, residual
from xnorsim.errors import ModelError
from xnorsim.exact.engines import ENGINES
from xnorsim.exact.execute import execute, prepare
from xnorsim.exact.memory import check_memory, predicted_bits, tile_bytes
from xnorsim.exact.weights import seeded
from xnorsim.importers.onnx import read_graph
from xnorsim.network.graph import Graph, spec_of
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import Scaling
from xnorsim.zoo import build
from xnorsim.zoo.builder import Builder


def peak_bytes(graph: Graph, engine: str) -> int:
    """The most memory that a run takes at once, its input included; the weights are held before."""
    session = prepare(graph, engine)
    (image,) = graph.inputs
    shape = spec_of(graph, image).shape
    execute(session, {image: np.ones(shape, np.float32)})  # makes filters for the engine
    gc.collect()
    tracemalloc.start()
    try:
        execute(session, {image: np.ones(shape, np.float32)})
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def wide() -> Graph:
    """Small images of many channels, where the columns of a convolution weigh most."""
    b = Builder("wide", (1, 3, 32, 32))
    x = b.conv(b.input, 160, 3, padding=1)
    for _ in range(2):
        y = b.conv(b.relu(b.batch_norm(x)), 160, 3, padding=1)
        x = b.add(x, b.conv(b.relu(y), 160, 3, padding=1))
    return b.graph(x)


def network(name: str, data: Path) -> Graph:
    if name == "wide":
        return wide()
    if name == "mobilenet_v2":  # depthwise: columns of many groups
        return seeded(read_graph(data / "onnx" / "mobilenet_v2__ts17.onnx", batch=1))
    return build(name)


slow = pytest.mark.slow
HELD = [
    *(("resnet18", engine, scaling) for engine in ENGINES for scaling in (None, *Scaling)),
    *(("wide", engine, scaling) for engine in ENGINES for scaling in (None, Scaling.ALPHA_K)),
    ("mobilenet_v2", "blas", None),
    ("mobilenet_v2", "packed", Scaling.ALPHA),
    pytest.param("alexnet", "blas", None, marks=slow),
    pytest.param("vgg19", "blas", Scaling.ALPHA_K, marks=slow),
]


@pytest.mark.parametrize(("name", "engine", "scaling"), HELD)
def test_a_run_takes_the_memory_that_is_predicted(
    name: str, engine: str, scaling: Scaling | None, data: Path
) -> None:
    """Within 1.3 times of the largest sum of living activations, in the types that hold them."""
    graph = network(name, data)
    if scaling is not None:
        graph = apply(graph, Policy(Binarize.XNOR, scaling=scaling))
    predicted = predicted_bits(graph) / 8
    assert predicted / 1.3 <= peak_bytes(graph, engine) <= 1.3 * predicted


def needed_bytes(graph: Graph, *names: str) -> float:
    """What a run takes with these float parameters."""
    weights = sum(graph.parameters[name].spec.bits / 8 for name in names)
    return predicted_bits(graph) / 8 + tile_bytes(graph) + weights


def test_a_limit_holds_activations_a_tile_and_the_weights_that_live_at_once() -> None:
    graph = residual()
    for hold, names in ((True, tuple(graph.parameters)), (False, ("body.weight", "body.bias"))):
        most = needed_bytes(graph, *names)
        execute(prepare(graph, hold=hold), image(graph), max_memory=most)
        told = r"a run takes about .* allowed; its largest tensor is '"
        with pytest.raises(ModelError, match=told):
            execute(prepare(graph, hold=hold), image(graph), max_memory=most - 1)


def test_a_limit_is_told_from_shapes_alone() -> None:
    with pytest.raises(
        ModelError, match=r"takes about 374 GiB .* 954 MiB allowed; its largest tensor is 'conv1'"
    ):
        check_memory(build("resnet18", batch=100_000), 1e9, hold=False)


def test_a_binary_layer_needs_the_floats_that_it_is_made_of() -> None:
    graph = apply(build("alexnet"), Policy(Binarize.XNOR, keep=()))
    fc1 = max(item.spec.elements for item in graph.parameters.values())
    most = predicted_bits(graph) / 8 + tile_bytes(graph) + 8 * fc1 + 8 * 4096
    check_memory(graph, most, hold=False)
    with pytest.raises(ModelError, match="a run takes about"):
        check_memory(graph, most - 9 * 4096, hold=False)


def plan_bytes(graph: Graph, *layer: str) -> float:
    """What a run by a plan takes: its buffers, a tile, float weights of all layers as kernels read
    them, and once more those of the largest layer, from which they are made."""
    session = prepare(graph, "native", hold=False)
    execute(session, image(graph))
    (plan,) = session.plans.values()
    names = (*graph.parameters, *layer)
    weights = sum(graph.parameters[name].spec.bits / 8 for name in names)
    return plan.bytes + tile_bytes(graph) + weights


def test_a_limit_holds_the_buffers_of_a_plan() -> None:
    graph = residual()
    most = plan_bytes(graph, "body.weight", "body.bias")
    session = prepare(graph, "native", hold=False)
    for _ in ("before there is a plan", "with the plan that there is"):
        with pytest.raises(ModelError, match="a run takes about"):
            execute(session, image(graph), max_memory=most - 1)
        execute(session, image(graph), max_memory=most)
    with pytest.raises(ModelError, match="a run takes about"):  # each has a buffer of its own
        execute(session, image(graph), keep=["*"], max_memory=most)


def test_a_plan_takes_the_memory_that_is_told() -> None:
    graph = apply(build("resnet18"), Policy(Binarize.XNOR))
    execute(prepare(graph, "native", hold=False), image(graph))  # compiles
    session = prepare(graph, "native", hold=False)
    gc.collect()
    tracemalloc.start()
    try:
        execute(session, image(graph))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    (plan,) = session.plans.values()
    with pytest.raises(ModelError, match="a run takes about"):
        check_memory(graph, peak / 1.3, hold=False, buffers=plan.bytes)
    check_memory(graph, 1.3 * peak, hold=False, buffers=plan.bytes)
