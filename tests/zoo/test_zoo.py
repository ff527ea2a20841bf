"""The networks of the zoo, against their layer lists worked out by hand."""

from __future__ import annotations

import re
from math import prod

import pytest

from xnorsim import zoo
from xnorsim.errors import UsageError
from xnorsim.network.graph import Graph, Node, check
from xnorsim.network.ops import (
    BatchNorm,
    Conv,
    Dense,
    Dequantize,
    Identity,
    LocalResponseNorm,
    Quantize,
)


def macs(graph: Graph, node: Node) -> int:
    """Outputs times the taps of each: from the tensors alone, not from the project's counts."""
    weight = graph.parameters[node.parameters["weight"]].spec.shape
    return graph.tensors[node.outputs[0]].elements * prod(weight[1:])


def layer_macs(graph: Graph) -> dict[str, int]:
    return {
        node.name: macs(graph, node) for node in graph.nodes if isinstance(node.op, Conv | Dense)
    }


def parameters(graph: Graph, without: tuple[str, ...] = ()) -> int:
    return sum(
        held.spec.elements
        for name, held in graph.parameters.items()
        if name.rpartition(".")[2] not in without
    )


# Outputs * filters * taps of one filter. The first layer sees 224 + 2*2 - 11 = 217 = 4*54 + 1.
ALEXNET_MACS = {
    "conv1": 55 * 55 * 96 * (3 * 11 * 11),
    "conv2": 27 * 27 * 256 * (96 * 5 * 5),
    "conv3": 13 * 13 * 384 * (256 * 3 * 3),
    "conv4": 13 * 13 * 384 * (384 * 3 * 3),
    "conv5": 13 * 13 * 256 * (384 * 3 * 3),
    "fc6": 256 * 6 * 6 * 4096,
    "fc7": 4096 * 4096,
    "fc8": 4096 * 1000,
}
HALVED = ("conv2", "conv4", "conv5")


def test_alexnet_ungrouped() -> None:
    graph = zoo.build("alexnet")
    assert layer_macs(graph) == ALEXNET_MACS
    assert sum(ALEXNET_MACS.values()) == 1_135_256_096
    weights = (
        96 * 363 + 256 * 2400 + 384 * 2304 + 384 * 3456 + 256 * 3456
        + 9216 * 4096 + 4096 * 4096 + 4096 * 1000
    )  # fmt: skip
    biases = 96 + 256 + 384 + 384 + 256 + 4096 + 4096 + 1000
    assert parameters(graph) == weights + biases == 62_378_344
    assert round(parameters(graph) * 4 / 1e6, 1) == 249.5  # "249 MB" as float32


def test_alexnet_grouped() -> None:
    graph = zoo.build("alexnet-grouped")
    expected = {name: n // 2 if name in HALVED else n for name, n in ALEXNET_MACS.items()}
    assert layer_macs(graph) == expected
    assert sum(expected.values()) == 724_406_816
    saved = (256 * 2400 + 384 * 3456 + 256 * 3456) // 2
    assert parameters(graph) == 62_378_344 - saved == 60_965_224  # "61M"


@pytest.mark.parametrize("name", ["alexnet", "alexnet-grouped"])
def test_alexnet_normalizes_after_the_first_two_layers(name: str) -> None:
    graph = zoo.build(name)
    normalized = [node for node in graph.nodes if isinstance(node.op, LocalResponseNorm)]
    assert [graph.tensors[node.outputs[0]].shape for node in normalized] == [
        (1, 96, 55, 55),
        (1, 256, 27, 27),
    ]
    op = normalized[0].op
    assert isinstance(op, LocalResponseNorm)
    # The paper's alpha multiplies the sum of squares; the op divides by size.
    assert (op.alpha / op.size, op.beta, op.bias) == (1e-4, 0.75, 2.0)


def test_vgg19() -> None:
    graph = zoo.build("vgg19")
    # (positions, filters, input channels) of the 3x3 convolutions; each stage halves the size.
    convolutions = [
        (224, 64, 3), (224, 64, 64),
        (112, 128, 64), (112, 128, 128),
        (56, 256, 128), (56, 256, 256), (56, 256, 256), (56, 256, 256),
        (28, 512, 256), (28, 512, 512), (28, 512, 512), (28, 512, 512),
        (14, 512, 512), (14, 512, 512), (14, 512, 512), (14, 512, 512),
    ]  # fmt: skip
    dense = [(512 * 7 * 7, 4096), (4096, 4096), (4096, 1000)]
    expected = [size**2 * filters * channels * 9 for size, filters, channels in convolutions]
    expected += [inputs * outputs for inputs, outputs in dense]
    assert list(layer_macs(graph).values()) == expected
    assert sum(expected) == 19_632_062_464
    held = sum(filters * channels * 9 + filters for _, filters, channels in convolutions)
    held += sum(inputs * outputs + outputs for inputs, outputs in dense)
    assert parameters(graph) == held == 143_667_240


def test_resnet18() -> None:
    graph = zoo.build("resnet18")
    # (positions, filters, channels, kernel), in the order of execution.
    convolutions = [(112, 64, 3, 7)] + [(56, 64, 64, 3)] * 4
    for size, filters in ((28, 128), (14, 256), (7, 512)):
        convolutions += [
            (size, filters, filters // 2, 3),
            (size, filters, filters, 3),
            (size, filters, filters // 2, 1),  # the projection of the shortcut
            (size, filters, filters, 3),
            (size, filters, filters, 3),
        ]
    expected = [n**2 * filters * channels * k**2 for n, filters, channels, k in convolutions]
    assert list(layer_macs(graph).values()) == [*expected, 512 * 1000]
    assert sum(expected) + 512 * 1000 == 1_814_073_344
    weights = sum(filters * channels * k**2 for _, filters, channels, k in convolutions)
    normalized = sum(filters for _, filters, _, _ in convolutions)
    trained = weights + 2 * normalized + 512 * 1000 + 1000
    assert parameters(graph, without=("mean", "variance")) == trained == 11_689_512
    assert parameters(graph) - trained == 2 * normalized == 9_600
    assert sum(isinstance(node.op, BatchNorm) for node in graph.nodes) == len(convolutions) == 20


def test_a_residual_keeps_its_input_alive() -> None:
    graph = zoo.build("resnet18")
    additions = [node for node in graph.nodes if node.name.startswith("add")]
    assert len(additions) == 8
    assert all(len(set(node.inputs)) == 2 for node in additions)


@pytest.mark.parametrize("name", zoo.names())
def test_every_network(name: str) -> None:
    graph = zoo.build(name)
    assert check(graph) is graph
    assert graph.name == name
    assert graph.metadata == {"format": "zoo", "source": zoo.ZOO[name].source}
    (image,), (classes,) = (
        [graph.tensors[tensor].shape for tensor in tensors]
        for tensors in (graph.inputs, graph.outputs)
    )
    assert (image, classes) == SHAPES.get(name, ((1, 3, 224, 224), (1, 1000)))
    assert zoo.ZOO[name].function.__doc__


MNIST = ((1, 1, 28, 28), (1, 10))
SHAPES = {
    "finn-tfc-1w1a": MNIST,
    "finn-sfc-1w1a": MNIST,
    "finn-lfc-1w1a": MNIST,
    "finn-cnv-1w1a": ((1, 3, 32, 32), (1, 10)),
}


@pytest.mark.parametrize("name", zoo.names())
def test_numbers_of_a_docstring_are_its_networks(name: str) -> None:
    graph = zoo.build(name)
    text = " ".join(str(zoo.ZOO[name].function.__doc__).split())
    quantizers = [node for node in graph.nodes if isinstance(node.op, Quantize | Dequantize)]
    fixed = {name for node in quantizers for name in node.parameters.values()}  # their scales
    trained = parameters(graph, without=("mean", "variance", "alpha")) - len(fixed)
    macs_of = sum(layer_macs(graph).values())
    for stated, found in ((r"([\d,]+) parameters", trained), (r"([\d,]+) MACs", macs_of)):
        match = re.search(stated, text)
        if match:
            assert int(match[1].replace(",", "")) == found, stated


@pytest.mark.parametrize("name", zoo.names())
def test_activations_are_linear_in_batch_and_parameters_do_not_depend_on_it(name: str) -> None:
    one, five = zoo.build(name), zoo.build(name, batch=5)
    assert {k: 5 * v.elements for k, v in one.tensors.items()} == {
        k: v.elements for k, v in five.tensors.items()
    }
    assert {k: v.spec for k, v in one.parameters.items()} == {
        k: v.spec for k, v in five.parameters.items()
    }
    assert sum(layer_macs(five).values()) == 5 * sum(layer_macs(one).values())


def test_dropout_is_nothing_at_inference() -> None:
    graph = zoo.build("alexnet")
    assert [node.name for node in graph.nodes if isinstance(node.op, Identity)] == [
        "dropout1",
        "dropout2",
    ]


def test_an_unknown_network_names_the_known_ones() -> None:
    with pytest.raises(
        UsageError, match=r"no network 'resnet81' in the zoo: did you mean resnet18"
    ):
        zoo.build("resnet81")


@pytest.mark.parametrize("batch", [0, -1])
def test_a_batch_has_images(batch: int) -> None:
    with pytest.raises(UsageError, match=f"batch must be at least 1, not {batch}"):
        zoo.build("resnet18", batch=batch)
