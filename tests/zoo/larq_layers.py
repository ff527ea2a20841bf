"""Networks as expressions: what each tensor is computed from, whoever wrote the network down.

A layer is told by its numbers and by the expressions that it reads, so two layers have the same
number where everything before them is the same too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import singledispatch
from typing import Any

from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, scheme
from xnorsim.network.precision import BIPOLAR

__all__ = ["Expressions", "of_graph", "of_keras"]

Config = Mapping[str, Any]
Expressions = dict[tuple, int]
"""The number of each expression met: (kind, its numbers ..., the numbers of what it reads)."""


def _number(known: Expressions, step: tuple, reads: list[int]) -> int:
    if step == ("add",):
        reads = sorted(reads)
    return known.setdefault((*step, tuple(reads)), len(known))


# Of a graph


def of_graph(graph: Graph, known: Expressions) -> dict[str, int]:
    """The expression of each tensor of a graph."""
    found = {name: _number(known, ("input",), []) for name in graph.inputs}
    for node in graph.nodes:
        step = _step(node.op, graph, node)
        found[node.outputs[0]] = _number(known, step, [found[name] for name in node.inputs])
    return found


@singledispatch
def _step(op: ops.Op, graph: Graph, node: Node) -> tuple:
    return (ops.kind(op),)


@_step.register
def _(op: ops.Conv, graph: Graph, node: Node) -> tuple:
    used = scheme(graph, node)
    windows = (op.kernel, op.stride, op.padding, op.dilation)
    weight = (used.weight == BIPOLAR, str(used.scaling), "bias" in node.parameters)
    return ("conv", op.out_channels, *windows, op.groups, op.pad_value, *weight)


@_step.register
def _(op: ops.Dense, graph: Graph, node: Node) -> tuple:
    return ("dense", op.out_features, "bias" in node.parameters)


@_step.register
def _(op: ops.BatchNorm, graph: Graph, node: Node) -> tuple:
    return ("batch_norm", op.epsilon, "scale" in node.parameters, "shift" in node.parameters)


@_step.register
def _(op: ops.Pool, graph: Graph, node: Node) -> tuple:
    return (ops.kind(op), op.kernel, op.stride, op.padding)


# Of a Keras config


def of_keras(config: Config, shapes: Mapping[str, list[int]], known: Expressions) -> dict[str, int]:
    """The expression of each layer of a Keras config, before the activation that it may have.

    `shapes` are the (batch, height, width, channels) that layers write.

    Raises:
        KeyError: a kind of layer or a quantizer that no rule below knows.
    """
    own, written = {}, {}
    for layer in config["config"]["layers"]:
        name, sources = layer["name"], list(_sources(layer["inbound_nodes"]))
        before, step, after = LAYERS[layer["class_name"]](
            layer["config"], shapes[sources[0]] if sources else []
        )
        reads = [written[source] for source in sources]
        for earlier in before:
            reads = [_number(known, earlier, reads)]
        written[name] = own[name] = _number(known, step, reads)
        for later in after:
            written[name] = _number(known, later, [written[name]])
    return own


Steps = tuple[list[tuple], tuple, list[tuple]]
"""What a layer does to its input, what it is, and what it does to its result."""


def _sources(nodes: Any) -> Iterator[str]:
    """The layers in [["name", 0, 0, {"y": ["other", 0, 0]}]], in order."""
    if isinstance(nodes, dict):
        nodes = list(nodes.values())
    if isinstance(nodes, list):
        if nodes and isinstance(nodes[0], str):
            yield nodes[0]
        for item in nodes:
            yield from _sources(item)


def _pads(config: Config, size: list[int], kernel: list[int]) -> ops.Padding:
    """TensorFlow's rule, as it states it: by what is left over of size / stride."""
    if config["padding"] == "valid":
        return ((0, 0),) * 2
    pads = []
    for n, k, stride, dilation in zip(
        size, kernel, config["strides"], config.get("dilation_rate", (1, 1)), strict=True
    ):
        extent = k + (k - 1) * (dilation - 1)
        total = max(extent - (n % stride or stride), 0)
        pads.append((total // 2, total - total // 2))
    return tuple(pads)


WEIGHTS = {
    "none": (False, "none"),
    "SteSign": (True, "none"),
    "MagnitudeAwareSign": (True, "alpha"),
    "xnor_weight_scale": (True, "alpha"),
}
INPUTS = {"none": [], "SteSign": [("sign",)], "ApproxSign": [("sign",)]}
AFTER = {"linear": [], "relu": [("relu",)]}


def _quantizer(config: Config, which: str) -> str:
    """The name of a quantizer's class, or of a function."""
    given = config.get(which)
    if given is None:
        return "none"
    return given["config"] if given["class_name"] == "function" else given["class_name"]


def _conv(config: Config, shape: list[int]) -> Steps:
    depthwise = "depth_multiplier" in config
    channels = shape[3]
    weight = "depthwise_quantizer" if depthwise else "kernel_quantizer"
    step = (
        "conv",
        channels * config["depth_multiplier"] if depthwise else config["filters"],
        tuple(config["kernel_size"]),
        tuple(config["strides"]),
        _pads(config, shape[1:3], config["kernel_size"]),
        tuple(config["dilation_rate"]),
        channels if depthwise else config["groups"],
        int(config.get("pad_values", 0)),
        *WEIGHTS[_quantizer(config, weight)],
        config["use_bias"],
    )
    return INPUTS[_quantizer(config, "input_quantizer")], step, AFTER[config["activation"]]


def _dense(config: Config, shape: list[int]) -> Steps:
    assert _quantizer(config, "kernel_quantizer") == "none", config
    before = INPUTS[_quantizer(config, "input_quantizer")]
    return before, ("dense", config["units"], config["use_bias"]), AFTER[config["activation"]]


def _batch_norm(config: Config, shape: list[int]) -> Steps:
    return [], ("batch_norm", config["epsilon"], config["scale"], config["center"]), []


def _pool(kind: str) -> Callable[[Config, list[int]], Steps]:
    def steps(config: Config, shape: list[int]) -> Steps:
        kernel = config["pool_size"]
        pads = _pads(config, shape[1:3], kernel)
        return [], (kind, tuple(kernel), tuple(config["strides"]), pads), []

    return steps


def _named(kind: str) -> Callable[[Config, list[int]], Steps]:
    return lambda config, shape: ([], (kind,), [])


def _activation(config: Config, shape: list[int]) -> Steps:
    return [], (config["activation"],), []


def _lambda(config: Config, shape: list[int]) -> Steps:
    return [], ({"__operators__.add": "add"}[config["function"]],), []


LAYERS: Mapping[str, Callable[[Config, list[int]], Steps]] = {
    "Activation": _activation,
    "Add": _named("add"),
    "AveragePooling2D": _pool("mean_pool"),
    "BatchNormalization": _batch_norm,
    "Concatenate": _named("concat"),
    "Conv2D": _conv,
    "Dense": _dense,
    "DepthwiseConv2D": _conv,
    "Flatten": _named("reshape"),
    "InputLayer": _named("input"),
    "MaxPooling2D": _pool("max_pool"),
    "QuantConv2D": _conv,
    "QuantDense": _dense,
    "QuantDepthwiseConv2D": _conv,
    "Reshape": _named("reshape"),
    "TFOpLambda": _lambda,
}
