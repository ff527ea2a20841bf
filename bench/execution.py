"""Running networks exactly, side by side with numpy and onnxruntime in float32, on one thread.

REF is a binary convolution of 256 channels, 14x14 positions and 256 filters of 3x3, padded by 1.
Its peer is what one would write in plain numpy in float32: columns of windows (im2col) and one
matrix product. Our time is that of the layer with its scale alpha, the +-1 input given as int8.
The whole network is ResNet-18 of the zoo at batch 1, binarized as XNOR-Net with alpha, and in
float32 by the same executor and by onnxruntime, on the same weights.

The candidates take turns in one process, so that a busy moment of the machine falls on all of
them. A ratio is taken within each round; stated are the median and the extremes over the rounds.
Exits with 1 if a median misses its aim.

    python bench/execution.py            needs onnxruntime: pip install 'xnorsim[bench]'
"""

from __future__ import annotations

import os

# read when numpy is first imported
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, singledispatch
from importlib.metadata import version
from math import prod
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.lib.stride_tricks import sliding_window_view
from onnx import helper, numpy_helper

from xnorsim.exact.call import Call
from xnorsim.exact.engines import engine
from xnorsim.exact.execute import Session, execute, prepare, steps
from xnorsim.exact.reference import run
from xnorsim.network import ops
from xnorsim.network.binary import alphas, signs
from xnorsim.network.graph import Graph, Node, TensorSpec
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import FLOAT32, XNOR
from xnorsim.zoo import build

ROUNDS = 11
LAYER_CALLS = 10
CHANNELS, SIZE, FILTERS = 256, 14, 256
REF = ops.Conv(FILTERS, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1))
PRODUCTS = "matrix products alone"
TOLERANCE = 1e-4
"""Of the largest output: how far float runs that are compared may differ."""

Work = Callable[[], object]
Samples = dict[str, list[float]]


@dataclass(frozen=True)
class Aim:
    """`ours` may take at most `most` times as long as `peer`; None: for information."""

    ours: str
    peer: str
    most: float | None


def seconds(work: Work, calls: int) -> float:
    """Time of one call, the mean of `calls` of them [s]."""
    start = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - start) / calls


def in_turn(candidates: dict[str, Work], calls: int) -> Samples:
    """Samples of each candidate [s], one a round."""
    for work in candidates.values():
        work()  # what is made once, and warm caches
    samples: Samples = {name: [] for name in candidates}
    for _ in range(ROUNDS):
        for name, work in candidates.items():
            samples[name].append(seconds(work, calls))
    return samples


# The layer


def columns(image: np.ndarray) -> np.ndarray:
    """The windows of an image (channels, height, width) as (channels x taps, positions)."""
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)))
    windows = sliding_window_view(padded, (3, 3), axis=(1, 2))
    return windows.transpose(0, 3, 4, 1, 2).reshape(CHANNELS * 9, SIZE * SIZE)


def layer() -> tuple[dict[str, Work], dict[str, Work]]:
    """REF on each engine and on its peers; and the parts that bound it, measured alone."""
    random = np.random.default_rng(0)
    latent = random.standard_normal((FILTERS, CHANNELS, 3, 3)).astype(np.float32)
    image = signs(random.standard_normal((1, CHANNELS, SIZE, SIZE)))
    held = {"weight": signs(latent), "alpha": alphas(latent, REF)}
    out = TensorSpec((1, FILTERS, SIZE, SIZE), FLOAT32)
    floats, filters = image.astype(np.float32), latent.reshape(FILTERS, -1)
    given = columns(floats[0])
    session = onnx_session(one_layer(latent))
    words, taps = np.zeros((FILTERS, SIZE * SIZE), np.uint64), CHANNELS // 64 * 9
    differs, bits = np.empty_like(words), np.empty(words.shape, np.uint8)

    def ours(name: str) -> Work:
        call = Call((image,), (out,), engine(name), held, XNOR)
        return partial(run, REF, call)

    def popcounts() -> None:  # the two passes that no word can be spared, without their sum
        for _ in range(taps):
            np.bitwise_xor(words, words[:, :1], out=differs)
            np.bitwise_count(differs, out=bits)

    work: dict[str, Work] = {
        "blas": ours("blas"),
        "packed": ours("packed"),
        "numpy": lambda: (filters @ columns(floats[0])).reshape(1, FILTERS, SIZE, SIZE),
        "onnxruntime": lambda: session.run(None, {"x": floats}),
    }
    parts: dict[str, Work] = {
        "matrix product alone": lambda: filters @ given,
        "columns in numpy alone": lambda: columns(floats[0]),
        "XOR and popcount alone": popcounts,
    }
    return work, parts


def one_layer(weight: np.ndarray) -> onnx.ModelProto:
    shape = [1, CHANNELS, SIZE, SIZE]
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    return model([node], shape, "x", "y", {"w": weight})


# The network


@singledispatch
def written(op: ops.Op, node: Node, graph: Graph) -> onnx.NodeProto:
    """The ONNX node of a layer of ResNet-18."""
    raise TypeError(f"{node.name}: {type(op).__name__} is not written")


def _node(operator: str, node: Node, *roles: str, **settings: Any) -> onnx.NodeProto:
    names = [node.parameters[role] for role in roles if role in node.parameters]
    return helper.make_node(operator, [*node.inputs, *names], list(node.outputs), **settings)


def _pads(padding: ops.Padding) -> list[int]:
    return [before for before, _ in padding] + [after for _, after in padding]


@written.register
def _(op: ops.Conv, node: Node, graph: Graph) -> onnx.NodeProto:
    return _node("Conv", node, "weight", "bias", strides=op.stride, pads=_pads(op.padding))


@written.register
def _(op: ops.BatchNorm, node: Node, graph: Graph) -> onnx.NodeProto:
    roles = ("scale", "shift", "mean", "variance")
    return _node("BatchNormalization", node, *roles, epsilon=op.epsilon)


@written.register
def _(op: ops.Activation, node: Node, graph: Graph) -> onnx.NodeProto:
    return _node({ops.Function.RELU: "Relu"}[op.function], node)


@written.register
def _(op: ops.Elementwise, node: Node, graph: Graph) -> onnx.NodeProto:
    return _node({ops.Operator.ADD: "Add"}[op.operator], node)


@written.register
def _(op: ops.Pool, node: Node, graph: Graph) -> onnx.NodeProto:
    operator = {ops.Reduction.MAX: "MaxPool", ops.Reduction.MEAN: "AveragePool"}[op.reduction]
    window = {"kernel_shape": op.kernel, "strides": op.stride, "pads": _pads(op.padding)}
    return _node(operator, node, **window)


@written.register
def _(op: ops.Reshape, node: Node, graph: Graph) -> onnx.NodeProto:
    return _node("Flatten", node)


@written.register
def _(op: ops.Dense, node: Node, graph: Graph) -> onnx.NodeProto:
    return _node("Gemm", node, "weight", "bias", transB=int(op.transpose_weight))


def model(
    nodes: list[onnx.NodeProto],
    shape: list[int],
    first: str,
    last: str,
    weights: dict[str, np.ndarray],
) -> onnx.ModelProto:
    stored = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    inputs = [helper.make_tensor_value_info(first, onnx.TensorProto.FLOAT, shape)]
    outputs = [onnx.ValueInfoProto(name=last)]
    graph = helper.make_graph(nodes, "net", inputs, outputs, stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def exported(graph: Graph, session: Session) -> onnx.ModelProto:
    """`graph` as an ONNX file with the weights that a session of it holds."""
    nodes = [written(node.op, node, graph) for node in graph.nodes]
    (first,), (last,) = graph.inputs, graph.outputs
    assert session.weights is not None
    return model(nodes, list(graph.tensors[first].shape), first, last, session.weights)


def onnx_session(proto: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(proto.SerializeToString(), options)


def network() -> tuple[dict[str, Work], dict[str, Session], dict[str, np.ndarray]]:
    """ResNet-18 binary and in floats, and by onnxruntime; our sessions and their input."""
    graph = build("resnet18")
    (name,) = graph.inputs
    random = np.random.default_rng(0)
    x = {name: random.standard_normal(graph.tensors[name].shape).astype(np.float32)}
    sessions = {
        "binarized": prepare(apply(graph, Policy(Binarize.XNOR)), "blas"),
        "float32": prepare(graph, "blas"),
    }
    peer = onnx_session(exported(graph, sessions["float32"]))
    work: dict[str, Work] = {key: partial(execute, held, x) for key, held in sessions.items()}
    work["onnxruntime"] = lambda: peer.run(None, x)
    work[PRODUCTS] = products(graph)
    ours = execute(sessions["float32"], x).outputs[graph.outputs[0]]
    theirs = np.asarray(peer.run(None, x)[0])
    if np.abs(ours - theirs).max() > TOLERANCE * np.abs(theirs).max():
        raise SystemExit("the float run and onnxruntime's do not agree: nothing to compare")
    return work, sessions, x


def products(graph: Graph) -> Work:
    """The matrix products of all convolutions alone, with no columns to make and none to scale."""
    pairs = []
    for node in graph.nodes:
        if isinstance(node.op, ops.Conv):
            k = prod(graph.parameters[node.parameters["weight"]].spec.shape[1:])
            positions = prod(graph.tensors[node.outputs[0]].shape[2:])
            shapes = ((node.op.out_channels, k), (k, positions))
            pairs.append([np.ones(shape, np.float32) for shape in shapes])
    return lambda: [filters @ given for filters, given in pairs]


def by_kind(session: Session, x: dict[str, np.ndarray]) -> list[tuple[str, float]]:
    """The time of each kind of layer [s], the median over rounds, the longest first."""
    rounds: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        spent: dict[str, float] = defaultdict(float)
        start = time.perf_counter()
        for step in steps(session, x, overwrite=True):
            kind = ops.kind(step.node.op)
            del step  # what it holds is freed before the next layer runs
            now = time.perf_counter()
            spent[kind] += now - start
            start = now
        rounds.append(spent)
    found = {kind: statistics.median(spent[kind] for spent in rounds) for kind in rounds[0]}
    return sorted(found.items(), key=lambda item: -item[1])


# What is printed


def table(title: str, samples: Samples) -> None:
    print(f"{title}: median (lowest .. highest) [ms]")
    for name, times in samples.items():
        middle, low, high = (1e3 * f(times) for f in (statistics.median, min, max))
        print(f"  {name:24} {middle:8.2f} ({low:.2f} .. {high:.2f})")


def missed(samples: Samples, aims: list[Aim]) -> list[str]:
    """The aims that the median ratio misses; all are printed."""
    late = []
    for aim in aims:
        ratios = [a / b for a, b in zip(samples[aim.ours], samples[aim.peer], strict=True)]
        middle = statistics.median(ratios)
        text = f"{aim.ours} / {aim.peer}"
        limit = f"at most {aim.most:g}" if aim.most is not None else "for information"
        print(f"  {text:24} {middle:8.2f} ({min(ratios):.2f} .. {max(ratios):.2f}), {limit}")
        if aim.most is not None and middle > aim.most:
            late.append(f"{text} is {middle:.2f}, more than {aim.most:g}")
    return late


def report_layer() -> list[str]:
    work, parts = layer()
    samples = in_turn(work | parts, LAYER_CALLS)
    table("REF", {name: samples[name] for name in work})
    late = missed(
        samples,
        [
            Aim("blas", "numpy", 1.3),
            Aim("packed", "numpy", 4.0),
            Aim("blas", "onnxruntime", None),
            Aim("packed", "onnxruntime", None),
        ],
    )
    table("what bounds them", {name: samples[name] for name in parts})
    macs = FILTERS * CHANNELS * 9 * SIZE * SIZE
    rates = {name: macs / statistics.median(samples[name]) / 1e9 for name in ("blas", "packed")}
    for name, part in (("blas", "matrix product alone"), ("packed", "XOR and popcount alone")):
        share = statistics.median(samples[part]) / statistics.median(samples[name])
        print(f"  {name}: {part} is {share:.0%} of it; {rates[name]:.1f} G MAC/s")
    return late


def report_network() -> list[str]:
    work, sessions, x = network()
    samples = in_turn(work, 1)
    table("ResNet-18, 224x224, batch 1", samples)
    late = missed(samples, [Aim("binarized", "float32", 1.5), Aim("float32", "onnxruntime", 4.0)])
    for name, session in sessions.items():
        kinds = by_kind(session, x)
        total = sum(spent for _, spent in kinds)
        shares = ", ".join(f"{kind} {spent / total:.0%}" for kind, spent in kinds[:5])
        share = statistics.median(samples[PRODUCTS]) / statistics.median(samples[name])
        print(f"  what bounds {name}: {shares}; {PRODUCTS} are {share:.0%} of it")
    return late


def main() -> int:
    names = ("numpy", "onnxruntime")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    print(f"Python {sys.version.split()[0]}, {versions}; one thread; {ROUNDS} rounds")
    late = report_layer() + report_network()
    for line in late:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
