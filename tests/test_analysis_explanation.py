"""explain: which layer, and what is refused."""

from __future__ import annotations

import pytest

import xnorsim as xs
from xnorsim.errors import ProfileError, UsageError
from xnorsim.zoo.builder import Builder

PI = "raspberry-pi-4b"


def small() -> xs.Graph:
    b = Builder("small", (1, 64, 14, 14))
    x = b.relu(b.batch_norm(b.conv(b.input, 64, 3, padding=1, bias=False, name="conv"), name="bn"))
    return b.graph(b.dense(b.flatten(x, name="flat"), 10, name="fc"))


def test_the_slowest_layer_is_explained_for_the_whole_network():
    found = xs.explain(small(), profile=PI)
    assert found.of_network
    assert found.layer.name == found.layers[0].name == "conv"
    times = [item.latency_s for item in found.layers]
    assert times == sorted(times, reverse=True)
    assert sum(times) == pytest.approx(found.totals["latency_s"])
    assert sum(item.share for item in found.layers) == pytest.approx(1)


def test_a_named_layer_is_explained_alone():
    found = xs.explain(small(), profile=PI, layer="fc")
    assert (found.layer.name, found.of_network) == ("fc", False)
    for items in found.sensitivities.values():
        assert items


def test_the_weights_of_all_layers_lie_between_two_uses_of_one():
    found = xs.explain(small(), profile=PI, layer="conv")
    parameters = 64 * 64 * 9 + 64 + 64 * 14 * 14 * 10 + 10  # bias of the folded BN, and of fc
    assert found.layer.network_weight_bytes == pytest.approx(4 * parameters, rel=0.01)


def test_options_are_those_of_analyze():
    found = xs.explain(small(), profile=PI, binarize="xnor", keep="fc", threads=2)
    assert found.threads == found.layer.threads == 2
    assert "conv.sign" in {item.name for item in found.layers}
    assert found.assumptions["binarize"] == "xnor"


def test_a_fused_layer_that_reads_something_of_its_own_is_explained():
    """An addition in the layer before it still reads its other operand, from the second level."""
    b = Builder("residual", (1, 64, 56, 56))
    x = b.conv(b.input, 64, 1, name="first")
    graph = b.graph(b.add(x, b.conv(x, 64, 3, padding=1, name="second"), name="sum"))
    layer = xs.explain(graph, profile=PI, layer="sum", fuse="add").layer
    assert (layer.host, layer.overhead_s) == ("second", 0.0)
    assert [kernel.name for kernel in layer.kernels] == ["own-add-128"], "what the addition issues"
    assert layer.stages[0].transfers[0].operand_bytes == {"read": 4 * 64 * 56 * 56}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"predictor": "roofline"}, UsageError, "'roofline' issues no instructions.*:own"),
        ({"predictor": "instructions:lark"}, UsageError, "did you mean larq"),
        ({"profile": "paper-64ops"}, UsageError, "has no sections 'core' and 'instructions'"),
        ({"profile": "pixel-9"}, ProfileError, "did you mean pixel-1"),
        ({"profile": (PI, "pixel-1")}, UsageError, "one profile, and 2 were given"),
        ({"profile": ()}, UsageError, "one profile, and 0 were given"),
        ({"layer": "conf"}, UsageError, "no layer of small is named 'conf': did you mean conv"),
        ({"layer": ""}, UsageError, "no layer of small is named ''"),
        ({"layer": "bn"}, UsageError, "'bn' runs as part of 'conv'"),
        ({"layer": "flat"}, UsageError, r"'flat' \(reshape\) does not run.*valid choices: conv"),
        ({"threads": 9}, UsageError, "threads 9"),
        ({"binarize": "nor"}, UsageError, "xnor"),
    ],
)
def test_what_cannot_be_explained_is_told(options, error, message):
    with pytest.raises(error, match=message):
        xs.explain(small(), **{"profile": PI, **options})


def test_a_network_that_does_nothing_has_nothing_to_explain():
    b = Builder("idle", (1, 4))
    with pytest.raises(UsageError, match="no layer of idle runs"):
        xs.explain(b.graph(b.flatten(b.input)), profile=PI)
