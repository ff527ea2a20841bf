"""VGG. Source: Simonyan, Zisserman, Very Deep Convolutional Networks, ICLR 2015, table 1."""

from __future__ import annotations

from xnorsim.network.graph import Graph
from xnorsim.zoo.builder import Builder

__all__ = ["vgg16", "vgg19"]

SOURCE = "Simonyan, Zisserman, ICLR 2015"

_CHANNELS = (64, 128, 256, 512, 512)


def vgg16(batch: int = 1) -> Graph:
    """Configuration D: thirteen 3x3 convolutions in five stages, and three dense layers.

    138,357,544 parameters and 15,470,264,320 MACs at batch 1.
    """
    return _vgg("vgg16", batch, (2, 2, 3, 3, 3))


def vgg19(batch: int = 1) -> Graph:
    """Configuration E: sixteen 3x3 convolutions in five stages, and three dense layers.

    143,667,240 parameters and 19,632,062,464 MACs at batch 1.
    """
    return _vgg("vgg19", batch, (2, 2, 4, 4, 4))


def _vgg(name: str, batch: int, depths: tuple[int, ...]) -> Graph:
    b = Builder(name, input=(batch, 3, 224, 224))
    x = b.input
    for stage, (channels, depth) in enumerate(zip(_CHANNELS, depths, strict=True), start=1):
        for step in range(1, depth + 1):
            x = b.relu(b.conv(x, channels, 3, padding=1, name=f"conv{stage}_{step}"))
        x = b.max_pool(x, 2)
    x = b.flatten(x)
    x = b.dropout(b.relu(b.dense(x, 4096, name="fc6")))
    x = b.dropout(b.relu(b.dense(x, 4096, name="fc7")))
    return b.graph(b.softmax(b.dense(x, 1000, name="fc8")), source=SOURCE)
