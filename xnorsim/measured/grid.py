"""The layers that predictions are judged by on this machine: the same ones every time.

Each differs from a common one (256 channels, 256 filters of 3x3, 14x14 positions) in little, or is
a layer of ResNet-18, AlexNet or MobileNet. Weights and images are drawn from the layer's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np

from xnorsim.errors import UsageError, choices
from xnorsim.kernels.problem import Kernel, Problem
from xnorsim.network.bits import pack
from xnorsim.network.graph import Graph, TensorSpec, check
from xnorsim.network.ops import Conv, Sign
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import BIPOLAR
from xnorsim.zoo.builder import Builder, near_one, seeded, small

__all__ = [
    "BY_CHANNELS",
    "BY_FILTER",
    "GRIDS",
    "REFERENCE",
    "Layer",
    "grid",
    "image",
    "known_layers",
    "layer_graph",
    "layer_macs",
    "layer_name",
    "layer_op",
    "on_bits",
    "problem",
]


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution of `size` x `size` inputs that is padded to keep them at stride 1.

    One of 1x1 over one position is a dense layer; with a group for each channel it is depthwise.
    """

    channels: int
    filters: int
    kernel: int
    size: int
    stride: int = 1
    groups: int = 1


REFERENCE = Layer(256, 256, 3, 14)
"""The layer that the paper's speedup of 62.27 is computed for."""

_CHANNELS = tuple(replace(REFERENCE, channels=c) for c in (16, 32, 64, 128, 256, 512, 1024))
_FILTERS = tuple(replace(REFERENCE, kernel=k) for k in (1, 5, 7))
_RESNET = (Layer(64, 64, 3, 56), Layer(128, 128, 3, 28), Layer(512, 512, 3, 7))
_WIDE = (Layer(16, 32, 3, 112), Layer(64, 32, 1, 112), Layer(32, 32, 5, 56))
_STRIDED = (
    Layer(64, 128, 3, 56, 2),
    Layer(256, 512, 3, 14, 2),
    Layer(128, 256, 1, 28, 2),
    Layer(16, 64, 7, 112, 2),
)
_POINTWISE = (Layer(64, 256, 1, 56), Layer(512, 128, 1, 28), Layer(1024, 1024, 1, 7))
_ODD = (Layer(33, 65, 3, 27), Layer(100, 50, 3, 13), Layer(129, 70, 1, 19), Layer(65, 63, 5, 9))
_DENSE = (Layer(512, 1000, 1, 1), Layer(1024, 1024, 1, 1), Layer(4096, 512, 1, 1))
_DEPTHWISE = (
    Layer(32, 32, 3, 112, 1, 32),
    Layer(128, 128, 3, 56, 2, 128),
    Layer(512, 512, 3, 14, 1, 512),
    Layer(256, 256, 5, 7, 1, 256),
)
_ALEXNET = (Layer(96, 256, 5, 27), Layer(384, 256, 3, 13))

_QUICK = (
    REFERENCE,
    Layer(64, 64, 3, 28),
    Layer(512, 128, 3, 7),
    _STRIDED[2],
    _POINTWISE[0],
    _ODD[1],
    _DENSE[1],
    _DEPTHWISE[2],
)
_DEFAULT = (
    *_CHANNELS,
    *_FILTERS,
    *_RESNET,
    *_WIDE,
    *_STRIDED,
    *_POINTWISE,
    *_ODD,
    *_DENSE,
    *_DEPTHWISE,
    *_ALEXNET,
    *_QUICK,
)
_MOST_MACS = 5 * 10**8
_EVERY = tuple(
    Layer(channels, channels, kernel, size, stride)
    for channels in (16, 64, 256, 1024)
    for kernel in (1, 3, 5, 7)
    for size in (7, 14, 28, 56, 112)
    for stride in (1, 2)
)

BY_CHANNELS = tuple(replace(REFERENCE, channels=2**i) for i in range(11))
"""The layers of the paper's figure of speedup by channels."""

BY_FILTER = tuple(replace(REFERENCE, kernel=k) for k in (1, 3, 5, 7, 11))
"""Those by filter size, as far as a scalar loop takes a second or two."""

GRIDS = {
    "quick": "eight layers, one of each sort",
    "default": "layers that differ from a common one, and layers of known networks",
    "full": "those, and every combination of channels, filters, sizes and strides "
    f"up to {_MOST_MACS / 1e6:.0f} M multiply-accumulates",
}
"""What `grid` takes."""


def grid(name: str) -> tuple[Layer, ...]:
    """The layers of a grid, each once.

    Raises:
        UsageError: no such grid.
    """
    if name not in GRIDS:
        raise UsageError(f"no grid '{name}': {choices(name, GRIDS)}")
    more = tuple(layer for layer in _EVERY if layer_macs(layer) <= _MOST_MACS)
    return _once({"quick": _QUICK, "default": _DEFAULT, "full": (*_DEFAULT, *more)}[name])


@cache
def known_layers() -> dict[str, Layer]:
    """Every layer that is measured anywhere, by its name."""
    return {layer_name(layer): layer for layer in (*grid("full"), *BY_CHANNELS, *BY_FILTER)}


def _once(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    return tuple(dict.fromkeys(layers))


def layer_name(layer: Layer) -> str:
    """A name that tells all sizes: filter and stride, input, filters.

    >>> layer_name(REFERENCE), layer_name(Layer(64, 128, 1, 56, 2)), layer_name(Layer(9, 8, 1, 1))
    ('3x3_14x14x256_256', '1x1/2_56x56x64_128', 'dense_9_8')
    """
    if _is_dense(layer):
        return f"dense_{layer.channels}_{layer.filters}"
    stride = f"/{layer.stride}" if layer.stride > 1 else ""
    window = f"{layer.kernel}x{layer.kernel}{stride}_{layer.size}x{layer.size}x{layer.channels}"
    if layer.groups == 1:
        return f"{window}_{layer.filters}"
    depthwise = layer.groups == layer.channels == layer.filters
    return f"dw{window}" if depthwise else f"{window}_{layer.filters}_g{layer.groups}"


def _is_dense(layer: Layer) -> bool:
    return layer.size == layer.kernel == layer.stride == layer.groups == 1


def layer_op(layer: Layer) -> Conv:
    """The layer as an operation."""
    border = layer.kernel // 2
    sides = (layer.kernel, layer.kernel), (layer.stride, layer.stride)
    return Conv(layer.filters, *sides, ((border, border),) * 2, (1, 1), layer.groups)


def _shape(layer: Layer) -> tuple[int, int, int, int]:
    return 1, layer.channels, layer.size, layer.size


def layer_macs(layer: Layer) -> int:
    """Multiply-accumulates, those of padding included."""
    positions = (-(-layer.size // layer.stride)) ** 2
    return positions * layer.filters * layer.channels // layer.groups * layer.kernel**2


@lru_cache(maxsize=4)
def problem(layer: Layer, kind: str) -> Problem:
    """The layer with weights, a batch normalization, and alpha = mean|W| where weights are signs.

    kind: that of the kernel that is to compute it (kernels.problem.Kernel). The arrays are for
    reading: the same ones may be given again.
    """
    random = seeded("grid", layer_name(layer))
    op = layer_op(layer)
    drawn = random.standard_normal((layer.filters, layer.channels // layer.groups, *op.kernel))
    weight = drawn.astype(np.float32)
    alpha = None if kind == "fp" else np.abs(weight).mean(axis=(1, 2, 3))
    norm = near_one(random, (layer.filters,)), small(random, (layer.filters,))
    return Problem(op, _shape(layer), weight, alpha=alpha, norm=norm)


@lru_cache(maxsize=2)
def image(layer: Layer, takes: str) -> np.ndarray:
    """What a kernel reads: "floats", or the "bits" of their signs, channels last, in words."""
    floats = seeded("grid", f"{layer_name(layer)}.image").standard_normal(_shape(layer))
    if takes == "floats":
        return floats.astype(np.float32)
    return pack(np.moveaxis(np.where(floats >= 0, 1, -1).astype(np.int8), 1, -1))


def layer_graph(layer: Layer, kernel: Kernel) -> Graph:
    """What a kernel computes of the layer, as a network of its own that can be predicted.

    A convolution and a batch normalization, in the precision of the kernel's kind; a binary one
    takes the signs of floats before it or reads bits, and its results are floats or signs.
    """
    b = Builder(layer_name(layer), input=_shape(layer))
    op = layer_op(layer)
    x = b.conv(
        b.input,
        layer.filters,
        layer.kernel,
        stride=layer.stride,
        padding=layer.kernel // 2,
        groups=op.groups,
        bias=False,
        name="conv",
    )
    x = b.batch_norm(x, name="norm")
    if kernel.gives == "bits":
        x = b.sign(x, name="signs")
    found = apply(b.graph(x), _POLICIES[kernel.kind])
    return on_bits(found) if kernel.takes == "bits" else found


_POLICIES = {
    "binary": Policy(Binarize.XNOR, keep=(), depthwise=True),
    "bwn": Policy(Binarize.BWN, keep=(), depthwise=True),
    "fp": Policy(Binarize.NONE),
}


def on_bits(graph: Graph) -> Graph:
    """A network whose only input is +-1 already: its first sign is taken before."""
    (given,) = graph.inputs
    first = next(n for n in graph.nodes if isinstance(n.op, Sign) and n.inputs == (given,))
    (signs,) = first.outputs
    nodes = tuple(
        replace(node, inputs=tuple(given if name == signs else name for name in node.inputs))
        for node in graph.nodes
        if node is not first
    )
    kept = {name: spec for name, spec in graph.tensors.items() if name != signs}
    kept[given] = TensorSpec(graph.tensors[given].shape, BIPOLAR)
    return check(replace(graph, nodes=nodes, tensors=kept))
