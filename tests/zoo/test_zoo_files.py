"""The networks of the zoo have the layers of the same networks written by others."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx
import pytest

from xnorsim import zoo
from xnorsim.importers.keras import read_graph as read_keras
from xnorsim.importers.onnx import read_graph
from xnorsim.network.graph import Graph, scheme, spec_of
from xnorsim.network.ops import Conv, Dense, Identity, Op, Reshape, Transpose, kind

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
INPUT = (1, 3, 224, 224)

Layer = tuple[Op, tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def layers(graph: Graph) -> list[Layer]:
    """Op, input, weight and output of the layers that multiply, in order of execution."""
    return [
        (
            node.op,
            graph.tensors[node.inputs[0]].shape,
            spec_of(graph, node.parameters["weight"]).shape,
            graph.tensors[node.outputs[0]].shape,
        )
        for node in graph.nodes
        if isinstance(node.op, Conv | Dense)
    ]


@pytest.mark.parametrize("file", ["resnet18__ts17.onnx", "resnet18__dynamo.onnx"])
def test_resnet18_is_torchvisions(file: str, data: Path) -> None:
    shapes = {"input": INPUT} if "ts17" in file else None
    exported = read_graph(data / "onnx" / file, input_shapes=shapes)
    ours = layers(zoo.build("resnet18"))
    assert len(ours) == 21
    assert ours == layers(exported)


def test_vgg19_is_that_of_the_onnx_wheel() -> None:
    ours = layers(zoo.build("vgg19"))
    assert len(ours) == 19
    assert ours == layers(read_graph(LIGHT / "light_vgg19.onnx"))


def test_resnet50_is_that_of_the_onnx_wheel() -> None:
    ours = layers(zoo.build("resnet50"))
    assert len(ours) == 54
    assert ours == layers(read_graph(LIGHT / "light_resnet50.onnx"))


def test_grouped_alexnet_has_the_weights_of_the_onnx_wheels() -> None:
    ours = layers(zoo.build("alexnet-grouped"))
    theirs = layers(read_graph(LIGHT / "light_bvlc_alexnet.onnx"))
    assert len(ours) == 8
    assert [weight for _, _, weight, _ in ours] == [weight for _, _, weight, _ in theirs]
    # The file has no padding before conv1, hence 54x54 positions and one less from there on.
    assert (ours[0][3], theirs[0][3]) == ((1, 96, 55, 55), (1, 96, 54, 54))
    assert [op for op, *_ in ours[1:]] == [op for op, *_ in theirs[1:]]


LARQ = {
    "binary-alexnet": "BinaryAlexNet",
    "binary-densenet-28": "BinaryDenseNet28",
    "bireal-net-18": "BiRealNet",
    "quicknet": "QuickNet",
    "xnor-net-larq": "XNORNet",
}


def all_layers(graph: Graph) -> Counter[tuple[str, str, str, int]]:
    """Kinds, numbers, precisions and sizes of the layers, but for what moves or renames alone."""
    return Counter(
        (
            kind(node.op),
            "" if isinstance(node.op, Dense) else str(node.op),  # Keras has its weight transposed
            str(scheme(graph, node)) if isinstance(node.op, Conv | Dense) else "",
            graph.tensors[node.outputs[0]].elements,
        )
        for node in graph.nodes
        if not isinstance(node.op, Reshape | Transpose | Identity)
    )


@pytest.mark.parametrize("name", LARQ)
def test_larqs_networks_are_those_of_their_keras_configurations(name: str, data: Path) -> None:
    read = read_keras(data / "larq" / f"{LARQ[name]}.keras_config.json")
    assert all_layers(zoo.build(name)) == all_layers(read)
