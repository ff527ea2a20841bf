"""A small network to sweep over: two convolutions, a depthwise one, two dense layers."""

from __future__ import annotations

from xnorsim.network.graph import Graph
from xnorsim.zoo.builder import Builder

__all__ = ["tiny"]


def tiny() -> Graph:
    b = Builder("tiny", input=(1, 3, 8, 8))
    x = b.relu(b.conv(b.input, 8, 3, padding=1, name="conv0"))
    x = b.relu(b.conv(x, 8, 3, padding=1, name="conv1"))
    x = b.conv(x, 8, 3, padding=1, groups=8, name="depth")
    x = b.dense(b.flatten(b.global_average_pool(x)), 4, name="fc0")
    return b.graph(b.dense(x, 2, name="fc1"), source="made for tests")
