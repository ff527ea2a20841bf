"""Residual networks.

Source: He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, CVPR 2016, table 1.
"""

from __future__ import annotations

from xnorsim.network.graph import Graph
from xnorsim.zoo.builder import Builder

__all__ = ["resnet18"]

SOURCE = "He, Zhang, Ren, Sun, CVPR 2016"


def resnet18(batch: int = 1) -> Graph:
    """The 18-layer network with a projection (1x1) where a shortcut changes its shape.

    11,689,512 parameters with the scales and shifts of batch normalization (its means and
    variances are statistics, 9,600 more numbers) and 1,814,073,344 MACs at batch 1. Convolutions
    have no bias. The paper's option B; the result is the last dense layer's, without softmax, as
    in torchvision.
    """
    b = Builder("resnet18", input=(batch, 3, 224, 224))
    x = b.conv(b.input, 64, 7, stride=2, padding=3, bias=False, name="conv1")
    x = b.max_pool(b.relu(b.batch_norm(x)), 3, stride=2, padding=1)
    for stage, channels in enumerate((64, 128, 256, 512), start=1):
        x = _basic_block(b, x, channels, 1 if stage == 1 else 2, f"stage{stage}.0")
        x = _basic_block(b, x, channels, 1, f"stage{stage}.1")
    x = b.flatten(b.global_average_pool(x))
    return b.graph(b.dense(x, 1000, name="fc"), source=SOURCE)


def _basic_block(b: Builder, x: str, channels: int, stride: int, name: str) -> str:
    """Two 3x3 convolutions, added to the input or to its projection."""
    y = b.conv(x, channels, 3, stride=stride, padding=1, bias=False, name=f"{name}.conv1")
    y = b.relu(b.batch_norm(y))
    y = b.batch_norm(b.conv(y, channels, 3, padding=1, bias=False, name=f"{name}.conv2"))
    if b.shape(x) != b.shape(y):
        x = b.conv(x, channels, 1, stride=stride, bias=False, name=f"{name}.shortcut")
        x = b.batch_norm(x)
    return b.relu(b.add(y, x))
