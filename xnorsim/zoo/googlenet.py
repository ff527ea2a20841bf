"""The GoogLeNet variant of Rastegari et al.: 1x1 and 3x3 convolutions in turn, and no branches.

XNOR-Net (ECCV 2016, section 4.2) says that it has 21 convolutions and is Darknet's network
"Extraction"; layers, strides and leaky ReLUs are those of Darknet's extraction.cfg. Where pools
stand, an even number of positions is halved, so Darknet's rule for the border has no effect.

Source: Redmon, Darknet, cfg/extraction.cfg.
"""

from __future__ import annotations

from collections.abc import Iterator

from xnorsim.network.functions import Function
from xnorsim.network.graph import Graph
from xnorsim.network.ops import Activation
from xnorsim.zoo import xnor
from xnorsim.zoo.builder import Builder
from xnorsim.zoo.xnor import binary_weights, xnor_conv

__all__ = ["bwn_googlenet_variant", "googlenet_variant", "xnor_googlenet_variant"]

_POOLED = (
    ((192, 3),),
    ((128, 1), (256, 3), (256, 1), (512, 3)),
    (*((256, 1), (512, 3)) * 4, (512, 1), (1024, 3)),
    ((512, 1), (1024, 3), (512, 1), (1024, 3)),
)
"""Filters and their size between the first layer and the last; a pool stands between the groups."""


def googlenet_variant(batch: int = 1) -> Graph:
    """The network in floats: each convolution has a batch normalization and a leaky ReLU.

    23,437,224 parameters and 4,259,340,288 MACs at batch 1: the 8.52 G operations that Darknet
    tells of its network. The result is the mean over 7x7 positions.
    """
    b = Builder("googlenet-variant", input=(batch, 3, 224, 224))
    x = _first(b)
    for name, channels, kernel, pooled in _layers():
        x = b.max_pool(x, 2) if pooled else x
        x = b.conv(x, channels, kernel, padding=kernel // 2, bias=False, name=name)
        x = _leaky(b, b.batch_norm(x))
    return b.graph(_last(b, x), source=xnor.SOURCE)


def bwn_googlenet_variant(batch: int = 1) -> Graph:
    """`googlenet_variant` with +-alpha weights in all but its first and last layer."""
    return binary_weights(googlenet_variant(batch), "bwn-googlenet-variant")


def xnor_googlenet_variant(batch: int = 1) -> Graph:
    """`googlenet_variant` in the blocks of an XNOR-Network, as `xnor_alexnet`.

    The paper has no result for it. Leaky ReLUs are left around the two float layers alone.
    """
    b = Builder("xnor-googlenet-variant", input=(batch, 3, 224, 224))
    x = _first(b)
    for name, channels, kernel, pooled in _layers():
        x = b.max_pool(x, 2) if pooled else x
        x = xnor_conv(b, x, channels, kernel, padding=kernel // 2, epsilon=1e-5, name=name)
    return b.graph(_last(b, _leaky(b, b.batch_norm(x))), source=xnor.SOURCE)


def _layers() -> Iterator[tuple[str, int, int, bool]]:
    """Name, filters, filter size and whether a pool stands before, of those between the ends."""
    number = 1
    for group in _POOLED:
        for i, (channels, kernel) in enumerate(group):
            number += 1
            yield f"conv{number}", channels, kernel, i == 0


def _first(b: Builder) -> str:
    x = b.conv(b.input, 64, 7, stride=2, padding=3, bias=False, name="conv1")
    return _leaky(b, b.batch_norm(x))


def _last(b: Builder, x: str) -> str:
    x = _leaky(b, b.conv(x, 1000, 1, name="conv21"))
    return b.softmax(b.flatten(b.global_average_pool(x)))


def _leaky(b: Builder, x: str) -> str:
    return b.layer(Activation(Function.LEAKY_RELU, (("alpha", 0.1),)), x)
