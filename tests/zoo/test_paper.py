"""The networks of XNOR-Net, against the block order and the counts that the paper and code tell."""

from __future__ import annotations

import numpy as np
import pytest

from xnorsim import zoo
from xnorsim.exact.execute import execute, prepare
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, producers, scheme
from xnorsim.network.precision import BIPOLAR as B
from xnorsim.network.precision import BWN, FP32, Scaling, Scheme
from xnorsim.work.table import layer_table, totals

FAMILIES = {
    "alexnet": "alexnet-bn",
    "resnet18": "resnet18",
    "googlenet-variant": "googlenet-variant",
}


def multiplying(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if isinstance(node.op, ops.Conv | ops.Dense)]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("form", ["bwn", "xnor"])
def test_the_first_and_last_layer_alone_are_float(family: str, form: str) -> None:
    graph = zoo.build(f"{form}-{family}")
    first, *middle, last = multiplying(graph)
    wanted = {"bwn": BWN, "xnor": Scheme(B, B, Scaling.ALPHA_K)}[form]
    assert scheme(graph, first) == scheme(graph, last) == FP32
    assert {scheme(graph, node) for node in middle} == {wanted}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("form", ["bwn", "xnor"])
def test_macs_are_those_of_the_float_network(family: str, form: str) -> None:
    floats, binary = zoo.build(FAMILIES[family]), zoo.build(f"{form}-{family}")
    of_floats, of_binary = (totals(layer_table(graph, ())) for graph in (floats, binary))
    assert of_binary["macs"] == of_floats["macs"] == of_floats["fp_macs"]
    ends = [layer_table(floats, ()).columns["macs"].tolist()[i] for i in ends_of(floats)]
    assert of_binary["fp_macs"] == sum(ends)


def ends_of(graph: Graph) -> tuple[int, int]:
    at = [i for i, node in enumerate(graph.nodes) if node in multiplying(graph)]
    return at[0], at[-1]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_block_is_normalization_sign_convolution(family: str) -> None:
    graph = zoo.build(f"xnor-{family}")
    made_by = producers(graph)
    for node in multiplying(graph)[1:-1]:
        signs, unsigned = node.inputs
        assert isinstance(made_by[signs].op, ops.Sign)
        assert made_by[signs].inputs == (unsigned,)
        assert isinstance(made_by[unsigned].op, ops.BatchNorm)


@pytest.mark.parametrize("family", ["alexnet", "googlenet-variant"])
def test_pools_take_what_a_convolution_wrote_and_not_its_sign(family: str) -> None:
    graph = zoo.build(f"xnor-{family}")
    made_by = producers(graph)
    pools = [
        node
        for node in graph.nodes
        if isinstance(node.op, ops.Pool) and node.op.reduction is ops.Reduction.MAX
    ]
    kinds = [ops.kind(made_by[node.inputs[0]].op) for node in pools]
    assert kinds[1:] == ["conv"] * (len(pools) - 1)
    assert kinds[0] in ("relu", "leaky_relu")  # after the float layer


def test_alexnet_has_the_positions_of_the_torch_code() -> None:
    for name in ("alexnet-bn", "bwn-alexnet", "xnor-alexnet"):
        graph = zoo.build(name)
        sizes = [graph.tensors[node.outputs[0]].shape[2] for node in multiplying(graph)]
        assert sizes == [55, 27, 13, 13, 13, 1, 1, 1], name


def test_the_googlenet_variant_has_21_layers_of_1x1_and_3x3_in_turn() -> None:
    graph = zoo.build("googlenet-variant")
    nodes = multiplying(graph)
    kernels = [node.op.kernel[0] for node in nodes if isinstance(node.op, ops.Conv)]
    assert len(kernels) == 21  # the paper's number
    assert kernels == [7, 3] + [1, 3] * 9 + [1]
    assert [graph.tensors[node.outputs[0]].shape[2] for node in nodes] == (
        [112, 56] + [28] * 4 + [14] * 10 + [7] * 5
    )


def test_resnet18_projects_by_signs_that_the_block_has() -> None:
    graph = zoo.build("xnor-resnet18")
    for stage in (2, 3, 4):
        name = f"stage{stage}.0"
        assert graph.node(f"{name}.shortcut").inputs == graph.node(f"{name}.conv1").inputs
    assert sum(isinstance(node.op, ops.Sign) for node in graph.nodes) == 16  # 19 binary layers


def test_resnet50() -> None:
    graph = zoo.build("resnet50")
    # (positions of the 3x3 layer, channels, blocks); a first block reads twice the positions
    convolutions = [(112, 112, 3, 64, 7)]
    held = 64
    for size, channels, blocks in ((56, 64, 3), (28, 128, 4), (14, 256, 6), (7, 512, 3)):
        for i in range(blocks):
            before = 2 * size if i == 0 and channels > 64 else size
            convolutions += [
                (before, before, held, channels, 1),
                (size, size, channels, channels, 3),
                (size, size, channels, 4 * channels, 1),
            ]
            if i == 0:
                convolutions.append((size, size, held, 4 * channels, 1))
            held = 4 * channels
    assert len(convolutions) == 53
    macs = sum(h * w * c * f * k * k for h, w, c, f, k in convolutions) + 2048 * 1000
    weights = sum(c * f * k * k + 2 * f for _, _, c, f, k in convolutions) + 2048 * 1000 + 1000
    found = totals(layer_table(graph, ()))
    assert (found["macs"], found["parameters"]) == (macs, weights) == (4_089_184_256, 25_557_032)


def test_vgg16_is_vgg19_less_a_layer_in_each_of_the_last_three_stages() -> None:
    small, large = (layer_table(zoo.build(name), ()) for name in ("vgg16", "vgg19"))
    missing = {"conv3_4": 56**2 * 256, "conv4_4": 28**2 * 512, "conv5_4": 14**2 * 512}
    channels = {"conv3_4": 256, "conv4_4": 512, "conv5_4": 512}
    fewer = sum(outputs * channels[name] * 9 for name, outputs in missing.items())
    found = [totals(table)["macs"] for table in (small, large)]
    assert found == [15_470_264_320, 15_470_264_320 + fewer]
    assert totals(small)["parameters"] == 138_357_544


def test_an_xnor_network_computes_the_same_on_both_engines() -> None:
    graph = zoo.build("xnor-resnet18")
    image = np.random.default_rng(8).standard_normal((1, 3, 224, 224)).astype(np.float32)
    kept = ["stage1.0.conv1", "stage2.0.shortcut", "stage4.1.conv2"]
    packed, blas = (
        execute(prepare(graph, engine), {"input": image}, keep=kept).kept
        for engine in ("packed", "blas")
    )
    for name in kept:
        np.testing.assert_array_equal(packed[name], blas[name])
        assert np.ptp(packed[name]) > 0
