"""What Larq's networks have in common: their binary layer, and how they begin and end."""

from __future__ import annotations

from xnorsim.network.precision import Scaling
from xnorsim.zoo.builder import Border, Builder

__all__ = ["sign_conv", "stem", "top"]


def sign_conv(
    b: Builder,
    x: str,
    channels: int,
    kernel: int,
    *,
    name: str,
    stride: int = 1,
    padding: Border = "same",
    dilation: int = 1,
    scaling: Scaling = Scaling.NONE,
    pad_value: int = 0,
) -> str:
    """The sign of `x` and a binary convolution of it."""
    return b.binary_conv(
        b.sign(x, of=name),
        channels,
        kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        scaling=scaling,
        pad_value=pad_value,
        name=name,
    )


def stem(b: Builder) -> str:
    """A float 7x7 layer, and a quarter of its positions."""
    x = b.conv(b.input, 64, 7, stride=2, padding="same", bias=False, name="conv1")
    return b.max_pool(b.relu(b.batch_norm(x)), 3, stride=2, padding="same")


def top(b: Builder, x: str) -> str:
    """The mean of each channel, and a float layer to 1000 classes."""
    x = b.flatten(b.global_average_pool(x))
    return b.softmax(b.dense(x, 1000, name="fc"))
