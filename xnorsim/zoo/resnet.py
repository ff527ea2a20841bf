"""Residual networks.

Source: He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, CVPR 2016, table 1; for
the binary ones Rastegari et al., XNOR-Net, ECCV 2016, section 4.2.
"""

from __future__ import annotations

from functools import partial

from xnorsim.network.graph import Graph
from xnorsim.network.precision import Scaling
from xnorsim.zoo import xnor
from xnorsim.zoo.builder import Builder
from xnorsim.zoo.xnor import binary_weights, xnor_conv

__all__ = ["bwn_resnet18", "resnet18", "resnet50", "xnor_resnet18"]

SOURCE = "He, Zhang, Ren, Sun, CVPR 2016"


def resnet18(batch: int = 1) -> Graph:
    """The 18-layer network with a projection (1x1) where a shortcut changes its shape.

    11,689,512 parameters with the scales and shifts of batch normalization (its means and
    variances are statistics, 9,600 more numbers) and 1,814,073,344 MACs at batch 1. Convolutions
    have no bias. The paper's option B; the result is the last dense layer's, without softmax, as
    in torchvision.
    """
    b = Builder("resnet18", input=(batch, 3, 224, 224))
    x = _stem(b)
    for stage, channels in enumerate((64, 128, 256, 512), start=1):
        x = _basic_block(b, x, channels, 1 if stage == 1 else 2, f"stage{stage}.0")
        x = _basic_block(b, x, channels, 1, f"stage{stage}.1")
    return b.graph(_top(b, x), source=SOURCE)


def bwn_resnet18(batch: int = 1) -> Graph:
    """`resnet18` with +-alpha weights in all but its first and last layer, projections too."""
    return binary_weights(resnet18(batch), "bwn-resnet18")


def xnor_resnet18(batch: int = 1) -> Graph:
    """`resnet18` as an XNOR-Network: a block of two times batch normalization, sign, convolution.

    What a block reads is added to what it writes. A projection reads the same signs as the
    block's first convolution, and is binary too. A batch normalization and a ReLU stand before
    the last layer, as before that of the authors' AlexNet.
    """
    b = Builder("xnor-resnet18", input=(batch, 3, 224, 224))
    x = _stem(b)
    for stage, channels in enumerate((64, 128, 256, 512), start=1):
        x = _xnor_block(b, x, channels, 1 if stage == 1 else 2, f"stage{stage}.0")
        x = _xnor_block(b, x, channels, 1, f"stage{stage}.1")
    return b.graph(_top(b, b.relu(b.batch_norm(x))), source=xnor.SOURCE)


def _xnor_block(b: Builder, x: str, channels: int, stride: int, name: str) -> str:
    shortcut, same = x, (stride, b.shape(x)[1]) == (1, channels)
    x = b.batch_norm(x)
    signs = b.sign(x, name=f"{name}.sign")  # two layers read them
    conv = partial(b.binary_conv, signs, channels, scaling=Scaling.ALPHA_K, unsigned=x)
    y = conv(3, stride=stride, padding=1, name=f"{name}.conv1")
    if not same:
        shortcut = conv(1, stride=stride, name=f"{name}.shortcut")
    y = xnor_conv(b, y, channels, 3, padding=1, epsilon=1e-5, name=f"{name}.conv2")
    return b.add(y, shortcut)


def resnet50(batch: int = 1) -> Graph:
    """The 50-layer network of bottlenecks, with the stride in their 3x3 layer.

    25,557,032 parameters, 4,089,184,256 MACs at batch 1, as in torchvision. He et al. put the
    stride into the 1x1 layer before, which has fewer MACs.
    """
    b = Builder("resnet50", input=(batch, 3, 224, 224))
    x = _stem(b)
    for stage, (channels, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=1):
        for i in range(blocks):
            stride = 2 if stage > 1 and i == 0 else 1
            x = _bottleneck(b, x, channels, stride, f"stage{stage}.{i}")
    return b.graph(_top(b, x), source=SOURCE)


def _bottleneck(b: Builder, x: str, channels: int, stride: int, name: str) -> str:
    """1x1, 3x3 and 1x1 to four times the channels, added to the input or to its projection."""
    y = b.relu(b.batch_norm(b.conv(x, channels, 1, bias=False, name=f"{name}.conv1")))
    y = b.conv(y, channels, 3, stride=stride, padding=1, bias=False, name=f"{name}.conv2")
    y = b.relu(b.batch_norm(y))
    y = b.batch_norm(b.conv(y, 4 * channels, 1, bias=False, name=f"{name}.conv3"))
    return b.relu(b.add(y, _projected(b, x, y, stride, name)))


def _stem(b: Builder) -> str:
    x = b.conv(b.input, 64, 7, stride=2, padding=3, bias=False, name="conv1")
    return b.max_pool(b.relu(b.batch_norm(x)), 3, stride=2, padding=1)


def _top(b: Builder, x: str) -> str:
    return b.dense(b.flatten(b.global_average_pool(x)), 1000, name="fc")


def _projected(b: Builder, x: str, y: str, stride: int, name: str) -> str:
    """`x`, by a 1x1 layer if it has not the shape of `y`."""
    if b.shape(x) == b.shape(y):
        return x
    channels = b.shape(y)[1]
    return b.batch_norm(b.conv(x, channels, 1, stride=stride, bias=False, name=f"{name}.shortcut"))


def _basic_block(b: Builder, x: str, channels: int, stride: int, name: str) -> str:
    """Two 3x3 convolutions, added to the input or to its projection."""
    y = b.conv(x, channels, 3, stride=stride, padding=1, bias=False, name=f"{name}.conv1")
    y = b.relu(b.batch_norm(y))
    y = b.batch_norm(b.conv(y, channels, 3, padding=1, bias=False, name=f"{name}.conv2"))
    return b.relu(b.add(y, _projected(b, x, y, stride, name)))
