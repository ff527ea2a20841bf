"""Networks of Larq's zoo with more than binary layers: float gates, 2 bits; see zoo/larq.py.

Source: larq_zoo, literature/real_to_bin_nets.py, meliusnet.py and dorefanet.py.
"""

from __future__ import annotations

from functools import partial

from xnorsim.network.functions import Function, Operator
from xnorsim.network.graph import Graph
from xnorsim.network.ops import Activation, Elementwise, Pad, Reshape
from xnorsim.network.precision import ENCODINGS, Scaling
from xnorsim.zoo.builder import Builder, small
from xnorsim.zoo.larq_blocks import sign_conv, top

__all__ = ["dorefa_net", "meliusnet_22", "real_to_binary_net"]

DOREFA = "Zhou et al., arXiv 1606.06160, as in larq_zoo"
MELIUS = "Bethge et al., WACV 2021, as in larq_zoo"
REAL_TO_BINARY = "Martinez et al., ICLR 2020, as in larq_zoo"

_GROWTH = 64


def real_to_binary_net(batch: int = 1) -> Graph:
    """Real-to-Binary Net: 11,986,920 parameters, 1,814,367,744 MACs at batch 1, 92.4 % binary.

    A residual network of 18 layers with a shortcut around each binary one. What that writes is
    multiplied by a gate a channel, made of the means of what it reads by two small float layers.
    """
    b = Builder("real-to-binary-net", input=(batch, 3, 224, 224))
    x = b.conv(b.input, 64, 7, stride=2, padding="same", bias=False, name="conv1")
    x = _prelu(b, b.batch_norm(x, epsilon=1e-3))
    x = b.max_pool(x, 3, stride=2, padding="same")
    for stage, channels in enumerate((64, 128, 256, 512), start=1):
        for i in range(4):
            x = _gated(b, x, channels, f"stage{stage}.{i}")
    return b.graph(top(b, x), source=REAL_TO_BINARY)


def _gated(b: Builder, x: str, channels: int, name: str) -> str:
    """A gated binary layer and its shortcut, pooled and projected where channels double."""
    held, shortcut = b.shape(x)[1], x
    if held != channels:
        pooled = b.average_pool(x, 2, padding="same")
        shortcut = b.conv(pooled, channels, 1, bias=False, name=f"{name}.shortcut")
        shortcut = b.batch_norm(shortcut, epsilon=1e-3)
    x = b.batch_norm(x, epsilon=1e-3)
    y = sign_conv(b, x, channels, 3, stride=1 if held == channels else 2, name=f"{name}.conv")
    y = b.layer(Elementwise(Operator.MUL), y, _gate(b, x, channels, name), name=f"{name}.gated")
    return b.add(_prelu(b, y), shortcut)


def _gate(b: Builder, x: str, channels: int, name: str) -> str:
    """A number from 0 to 1 for each of `channels`; an eighth of them is kept on the way."""
    batch, held = b.shape(x)[:2]
    means = b.flatten(b.global_average_pool(x))
    few = b.relu(b.dense(means, held // 8, bias=False, name=f"{name}.reduce"))
    gate = b.dense(few, channels, bias=False, name=f"{name}.expand")
    gate = b.layer(Activation(Function.SIGMOID), gate)
    return b.layer(Reshape((batch, channels, 1, 1)), gate)


def _prelu(b: Builder, x: str) -> str:
    """x, or where it is negative x times a number of its channel."""
    slope = ((b.shape(x)[1], 1, 1), partial(small))
    return b.layer(Activation(Function.PRELU), x, parameters={"slope": slope})


def meliusnet_22(batch: int = 1) -> Graph:
    """MeliusNet22: 6,944,584 parameters, 4,760,608,768 MACs at batch 1, 97.1 % binary.

    Pairs of binary layers: one adds 64 channels, the next adds to the values of these 64. Larq
    writes the stem's grouped layers as one convolution a group, which changes no count.
    """
    b = Builder("meliusnet-22", input=(batch, 3, 224, 224))
    x = _grouped_stem(b)
    for section, (blocks, left) in enumerate(
        zip((4, 5, 4, 4), (160, 224, 256, None), strict=True), start=1
    ):
        for i in range(blocks):
            x = _dense_and_improved(b, x, f"section{section}.{i}")
        if left is not None:
            x = b.relu(b.max_pool(b.batch_norm(x), 2, padding="same"))
            x = b.conv(x, left, 1, bias=False, name=f"section{section}.transition")
    return b.graph(top(b, b.relu(b.batch_norm(x))), source=MELIUS)


def _grouped_stem(b: Builder) -> str:
    """Three float 3x3 layers, the last two in groups of eight channels."""
    x = b.conv(b.input, 32, 3, stride=2, padding="same", bias=False, name="stem.conv1")
    x = b.relu(b.batch_norm(x))
    x = b.conv(x, 32, 3, padding="same", groups=4, bias=False, name="stem.conv2")
    x = b.relu(b.batch_norm(x))
    x = b.conv(x, 64, 3, padding="same", groups=8, bias=False, name="stem.conv3")
    return b.max_pool(b.relu(b.batch_norm(x)), 2, padding="same")


def _dense_and_improved(b: Builder, x: str, name: str) -> str:
    """64 channels more, and then their values corrected: what is added is 0 for all others."""
    x = b.concat(x, sign_conv(b, b.batch_norm(x), _GROWTH, 3, name=f"{name}.dense"))
    y = sign_conv(b, b.batch_norm(x), _GROWTH, 3, name=f"{name}.improve")
    before = (b.shape(x)[1] - _GROWTH, 0)
    return b.add(x, b.layer(Pad(((0, 0), before, (0, 0), (0, 0))), y))


def dorefa_net(batch: int = 1) -> Graph:
    """DoReFa-Net: 62,384,968 parameters, 3,049,637,888 MACs at batch 1, 95.9 % with 2 bits.

    An AlexNet without groups. Weights are +-alpha with one alpha a layer, and what they multiply
    is 0, 1/3, 2/3 or 1. The first layer has 12x12 filters without padding, so conv2 reads 54x54
    positions where AlexNet's has 27x27.
    """
    b = Builder("dorefa-net", input=(batch, 3, 224, 224))
    x = b.conv(b.input, 96, 12, stride=4, name="conv1")
    x = b.max_pool(_dorefa_conv(b, x, 256, 5, "conv2"), 3, stride=2, padding="same")
    x = b.max_pool(_dorefa_conv(b, x, 384, 3, "conv3"), 3, stride=2, padding="same")
    x = _dorefa_conv(b, x, 384, 3, "conv4")
    x = b.flatten(b.max_pool(_dorefa_conv(b, x, 256, 3, "conv5"), 3, stride=2))
    for name in ("fc6", "fc7"):
        x = b.binary_dense(
            _two_bits(b, x, name), 4096, scaling=Scaling.ALPHA, one_alpha=True, name=name
        )
        x = b.batch_norm(x, epsilon=1e-4, scale=False)
    x = b.layer(Activation(Function.CLIP, (("min", 0.0), ("max", 1.0))), x)
    return b.graph(b.softmax(b.dense(x, 1000, name="fc8")), source=DOREFA)


def _dorefa_conv(b: Builder, x: str, channels: int, kernel: int, name: str) -> str:
    x = b.binary_conv(
        _two_bits(b, x, name), channels, kernel, padding="same", scaling=Scaling.ALPHA,
        one_alpha=True, name=name,
    )  # fmt: skip
    return b.batch_norm(x, epsilon=1e-4, scale=False)


def _two_bits(b: Builder, x: str, name: str) -> str:
    """The nearest third in 0 .. 1 (Zhou et al., equation 9)."""
    return b.quantize(x, ENCODINGS["uint2"], scale=1 / 3, of=name)
