"""VGG. Source: Simonyan, Zisserman, Very Deep Convolutional Networks, ICLR 2015, table 1."""

from __future__ import annotations

from xnorsim.network.graph import Graph
from xnorsim.zoo.builder import Builder

__all__ = ["vgg19"]

SOURCE = "Simonyan, Zisserman, ICLR 2015, configuration E"


def vgg19(batch: int = 1) -> Graph:
    """Configuration E: sixteen 3x3 convolutions in five stages, and three dense layers.

    143,667,240 parameters and 19,632,062,464 MACs at batch 1.
    """
    b = Builder("vgg19", input=(batch, 3, 224, 224))
    x = b.input
    for stage, (channels, depth) in enumerate(((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)), 1):
        for step in range(1, depth + 1):
            x = b.relu(b.conv(x, channels, 3, padding=1, name=f"conv{stage}_{step}"))
        x = b.max_pool(x, 2)
    x = b.flatten(x)
    x = b.dropout(b.relu(b.dense(x, 4096, name="fc6")))
    x = b.dropout(b.relu(b.dense(x, 4096, name="fc7")))
    return b.graph(b.softmax(b.dense(x, 1000, name="fc8")), source=SOURCE)
