"""A network at another batch, image size or width."""

from __future__ import annotations

import numpy as np
import pytest

from tests.explore.spaces import tiny
from xnorsim import zoo
from xnorsim.errors import UsageError
from xnorsim.network import ops
from xnorsim.network.graph import Graph
from xnorsim.network.resized import resized
from xnorsim.work.table import layer_table
from xnorsim.zoo.builder import Builder


@pytest.mark.parametrize("name", zoo.ZOO)
def test_a_network_at_another_batch_is_the_one_built_for_it(name: str) -> None:
    graph = zoo.build(name, 1)
    assert resized(graph, batch=1) is graph
    found, built = (layer_table(g) for g in (resized(graph, batch=3), zoo.build(name, 3)))
    assert (found.names, found.output_shapes) == (built.names, built.output_shapes)
    for column, expected in built.columns.items():
        np.testing.assert_array_equal(found.columns[column], expected, err_msg=column)


def _net(size: int, width: int, batch: int = 1) -> Graph:
    """Every way in which a layer depends on the sizes of what it reads."""
    b = Builder("net", input=(batch, 3, size, size))
    x = b.relu(b.batch_norm(b.conv(b.input, 4 * width, 3, stride=2, padding="same")))
    y = b.conv(x, 4 * width, 3, padding=1, groups=4 * width)  # depthwise
    x = b.concat(b.conv(b.add(x, y), 6 * width, 3, padding=1, groups=2), x)
    x = b.max_pool(x, 3, stride=2, padding=1)
    shape = b.shape(x)
    x = b.layer(ops.Reshape((batch, 2, shape[1] // 2, *shape[2:])), x, name="cut")
    x = b.layer(ops.Transpose((0, 2, 1, 3, 4)), x, name="shuffle")
    x = b.layer(ops.Reshape(shape), x, name="joined")
    x = b.layer(ops.Split(1, (width, 9 * width)), x, name="split")
    x = b.dense(b.flatten(x), 8 * width)
    return b.graph(b.dense(x, 5))


@pytest.mark.parametrize(
    ("changed", "size", "width", "batch"),
    [
        ({"input_size": 20}, 20, 2, 1),
        ({"input_size": 17}, 17, 2, 1),  # odd: windows that are filled up have another border
        ({"width": 2.0}, 16, 4, 1),
        ({"width": 0.5, "input_size": 32, "batch": 4}, 32, 1, 4),
    ],
)
def test_every_layer_follows(changed: dict[str, float], size: int, width: int, batch: int) -> None:
    found = resized(_net(16, 2), **changed)  # pyright: ignore[reportArgumentType]
    built = _net(size, width, batch)
    assert found.tensors == built.tensors
    assert {n: p.spec for n, p in found.parameters.items()} == {
        n: p.spec for n, p in built.parameters.items()
    }
    assert [node.op for node in found.nodes] == [node.op for node in built.nodes]


def test_filters_are_rounded_to_the_nearest_and_the_last_layer_stays() -> None:
    found = resized(tiny(), width=0.3)
    shapes = {node.name: found.tensors[node.outputs[0]].shape[1] for node in found.nodes}
    assert [shapes[name] for name in ("conv0", "conv1", "depth", "fc0", "fc1")] == [2, 2, 2, 1, 2]


@pytest.mark.parametrize(
    ("graph", "changed", "message"),
    [
        (
            _net(16, 2),
            {"width": 0.75},
            r"at width 0.75: layer .split.: 2 of 20 is no whole number of 16",
        ),
        (zoo.build("alexnet-grouped", 1), {"width": 0.3}, r"'conv2'.*groups 2 does not divide 29"),
        (zoo.build("xnor-net-larq", 1), {"input_size": 64}, r"input_size 64: layer 'fc6'.*window"),
    ],
)
def test_layers_that_cannot_follow_are_named(
    graph: Graph, changed: dict[str, float], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        resized(graph, **changed)  # pyright: ignore[reportArgumentType]


def test_inputs_without_images_have_no_size() -> None:
    b = Builder("vectors", input=(1, 8))
    graph = b.graph(b.dense(b.input, 4))
    with pytest.raises(UsageError, match="no axes after batch and channels"):
        resized(graph, input_size=8)
    assert resized(graph, batch=5).tensors[graph.outputs[0]].shape == (5, 4)
