"""Binary networks as Larq's zoo defines them: which layers are binary is part of the network.

Channels come first here and last in Larq, which moves no operation. Padding is TensorFlow's SAME,
with an odd element at the end; a network ends in its softmax. A binary layer reads the sign of its
input, so the tensor before the sign stays for shortcuts. Counts agree with larq.models.summary,
which leaves out alpha. `parameters` are weights, biases, and scale and shift of BN.

Source: larq_zoo (literature and sota), and the configurations that Keras writes of its networks.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from xnorsim.network.graph import Graph
from xnorsim.network.ops import Conv, Reshape
from xnorsim.network.precision import Scaling
from xnorsim.zoo.builder import Builder
from xnorsim.zoo.larq_blocks import sign_conv, stem, top

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "binary_alexnet",
    "binary_alexnet_dense",
    "binary_densenet_28",
    "binary_densenet_37",
    "binary_densenet_37_dilated",
    "binary_densenet_45",
    "binary_resnet_e_18",
    "bireal_net_18",
    "quicknet",
    "quicknet_large",
    "quicknet_small",
    "xnor_net",
]

ALEXNET = "Hubara et al., NIPS 2016, as in larq_zoo"
BIREAL = "Liu et al., ECCV 2018, as in larq_zoo"
QUICKNET = "Bannink et al., MLSys 2021, as in larq_zoo"
BETHGE = "Bethge et al., arXiv 1906.08637, as in larq_zoo"
XNOR = "Rastegari et al., ECCV 2016, as in larq_zoo"

_CHANNELS = (64, 128, 256, 512)


def quicknet(batch: int = 1) -> Graph:
    """QuickNet: 13,234,056 parameters, 1,879,339,776 MACs at batch 1, 98.4 % binary.

    3x3 binary convolutions padded with +1, each with a ReLU, a batch normalization and a shortcut
    of its own; 1x1 float convolutions between the sections.
    """
    return _quicknet("quicknet", batch, (4, 4, 4, 4), _CHANNELS)


def quicknet_small(batch: int = 1) -> Graph:
    """QuickNetSmall: `quicknet` with 32 and 64 channels in its first two sections."""
    return _quicknet("quicknet-small", batch, (4, 4, 4, 4), (32, 64, 256, 512))


def quicknet_large(batch: int = 1) -> Graph:
    """QuickNetLarge: `quicknet` with 6, 8, 12 and 6 binary layers in its sections."""
    return _quicknet("quicknet-large", batch, (6, 8, 12, 6), _CHANNELS)


def _quicknet(name: str, batch: int, layers: tuple[int, ...], channels: tuple[int, ...]) -> Graph:
    b = Builder(name, input=(batch, 3, 224, 224))
    x = _quicknet_stem(b, channels[0])
    for section, (count, filters) in enumerate(zip(layers, channels, strict=True), start=1):
        if section > 1:
            x = _quicknet_transition(b, x, filters, f"section{section}.transition")
        for i in range(count):
            at = f"section{section}.{i}.conv"
            y = b.relu(sign_conv(b, x, filters, 3, pad_value=1, name=at))
            x = b.add(b.batch_norm(y), x)
    return b.graph(top(b, b.relu(x)), source=QUICKNET)


def _quicknet_stem(b: Builder, channels: int) -> str:
    """A quarter of the channels at first; the depthwise layer reads 3x3 positions of one."""
    few = channels // 4
    x = b.conv(b.input, few, 3, stride=2, padding="same", bias=False, name="stem.conv1")
    x = b.relu(b.batch_norm(x, epsilon=1e-3))
    x = b.conv(x, few, 3, stride=2, padding="same", groups=few, bias=False, name="stem.depthwise")
    x = b.batch_norm(x, epsilon=1e-3, scale=False, shift=False)
    return b.batch_norm(b.conv(x, channels, 1, bias=False, name="stem.conv2"), epsilon=1e-3)


def _quicknet_transition(b: Builder, x: str, channels: int, name: str) -> str:
    """Half the positions, by a maximum and a blur that no training changes; then a 1x1 layer."""
    x = b.max_pool(b.relu(x), 2, stride=1)
    held = b.shape(x)[1]
    # What is blurred has 55, 27 and 13 positions: of an odd size, SAME is 1 on both sides.
    op = Conv(held, (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), groups=held)
    x = b.layer(
        op, x, parameters={"weight": ((held, 1, 3, 3), partial(_binomial))}, name=f"{name}.blur"
    )
    return b.batch_norm(b.conv(x, channels, 1, bias=False, name=f"{name}.conv"))


def _binomial(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """(1, 2, 1) along both axes, of sum 1. Source: Zhang, ICML 2019 ("Rect-2, Tri-3, Bin-5")."""
    import numpy as np

    row = np.array([1, 2, 1], np.float32) / 4
    return np.broadcast_to(np.outer(row, row), shape).copy()


def bireal_net_18(batch: int = 1) -> Graph:
    """Bi-Real Net 18: 11,689,512 parameters, 1,814,073,344 MACs at batch 1, 92.4 % binary.

    A shortcut around each binary convolution, whose weights are scaled by alpha = mean|W| of the
    filter. There is no ReLU: the sign is the only nonlinearity after the first pool.
    """
    b = Builder("bireal-net-18", input=(batch, 3, 224, 224))
    x = b.conv(b.input, 64, 7, stride=2, padding="same", bias=False, name="conv1")
    x = b.max_pool(b.batch_norm(x, epsilon=1e-3), 3, stride=2, padding="same")
    x = _shortcut_stages(b, x, epsilon=1e-3, scaling=Scaling.ALPHA)
    return b.graph(top(b, x), source=BIREAL)


def binary_resnet_e_18(batch: int = 1) -> Graph:
    """BinaryResNetE18: `bireal_net_18` without alpha, a ReLU before and after its stages."""
    b = Builder("binary-resnet-e-18", input=(batch, 3, 224, 224))
    x = _shortcut_stages(b, b.batch_norm(stem(b)), epsilon=1e-5, scaling=Scaling.NONE)
    return b.graph(top(b, b.relu(x)), source=BETHGE)


def _shortcut_stages(b: Builder, x: str, *, epsilon: float, scaling: Scaling) -> str:
    """Four stages of four binary layers, each added to its input or, where channels double, to
    a pooled float 1x1 projection of it."""
    for stage, channels in enumerate(_CHANNELS, start=1):
        for i in range(4):
            halved = stage > 1 and i == 0
            shortcut, name = x, f"stage{stage}.{i}"
            if halved:
                pooled = b.average_pool(x, 2, padding="same")
                shortcut = b.conv(pooled, channels, 1, bias=False, name=f"{name}.shortcut")
                shortcut = b.batch_norm(shortcut, epsilon=epsilon)
            stride = 2 if halved else 1
            y = sign_conv(b, x, channels, 3, stride=stride, scaling=scaling, name=f"{name}.conv")
            x = b.add(b.batch_norm(y, epsilon=epsilon), shortcut)
    return x


def binary_alexnet(batch: int = 1) -> Graph:
    """BinaryAlexNet: 61,838,248 parameters, 841,367,552 MACs at batch 1, 91.3 % binary.

    No layer keeps float weights: the first has +-1 weights over the float image (additions and
    subtractions, which Larq counts as 32-bit), the last has 1000 binary filters.
    """
    b, x = _binary_alexnet("binary-alexnet", batch)
    x = b.layer(Reshape((batch, 256 * 6 * 6, 1, 1)), x, name="reshape")
    for name, features in (("fc6", 4096), ("fc7", 4096), ("fc8", 1000)):
        x = _shifted(b, sign_conv(b, x, features, 1, name=name))
    return b.graph(b.softmax(b.flatten(x)), source=ALEXNET)


def binary_alexnet_dense(batch: int = 1) -> Graph:
    """`binary_alexnet` as it was until larq_zoo c707f2c of May 2021: fc6 to fc8 are dense layers.

    They were made 1x1 convolutions because Larq Compute Engine computes binary dense layers as
    floats. Counts are the same.
    """
    b, x = _binary_alexnet("binary-alexnet-dense", batch)
    x = b.flatten(x)
    for name, features in (("fc6", 4096), ("fc7", 4096), ("fc8", 1000)):
        x = _shifted(b, b.binary_dense(b.sign(x, of=name), features, name=name))
    return b.graph(b.softmax(x), source=ALEXNET)


def _binary_alexnet(name: str, batch: int) -> tuple[Builder, str]:
    """The convolutions of both."""
    b = Builder(name, input=(batch, 3, 224, 224))
    x = b.binary_conv(b.input, 64, 11, stride=4, padding="same", name="conv1")
    x = _shifted(b, b.max_pool(x, 3, stride=2))
    x = _shifted(b, b.max_pool(sign_conv(b, x, 192, 5, name="conv2"), 3, stride=2))
    x = _shifted(b, sign_conv(b, x, 384, 3, name="conv3"))
    x = _shifted(b, sign_conv(b, x, 384, 3, name="conv4"))
    return b, _shifted(b, b.max_pool(sign_conv(b, x, 256, 3, name="conv5"), 3, stride=2))


def xnor_net(batch: int = 1) -> Graph:
    """Larq's XNORNet: 62,377,440 parameters, 1,139,124,224 MACs at batch 1, 90.0 % binary.

    It differs from the network of Rastegari et al.: binary layers are scaled by alpha = mean|W|
    alone, without the map K of their inputs (Larq clips W to +-1 before; what is drawn here lies
    within). Padding SAME gives the first layer 56x56 positions, where AlexNet has 55x55. fc6 and
    fc7 are convolutions over the 6x6 and 1x1 positions left, and no layer has a bias.
    """
    b = Builder("xnor-net-larq", input=(batch, 3, 224, 224))
    conv = partial(sign_conv, b, scaling=Scaling.ALPHA)
    x = b.conv(b.input, 96, 11, stride=4, padding="same", bias=False, name="conv1")
    x = b.max_pool(b.relu(_shifted(b, x, 1e-5)), 3, stride=2)
    x = _shifted(b, x, 1e-4)
    x = _shifted(b, b.max_pool(conv(x, 256, 5, name="conv2"), 3, stride=2), 1e-4)
    x = _shifted(b, conv(x, 384, 3, name="conv3"), 1e-4)
    x = _shifted(b, conv(x, 384, 3, name="conv4"), 1e-4)
    x = _shifted(b, b.max_pool(conv(x, 256, 3, name="conv5"), 3, stride=2), 1e-4)
    x = _shifted(b, conv(x, 4096, 6, padding=0, name="fc6"), 1e-4)
    x = _shifted(b, conv(x, 4096, 1, name="fc7"), 1e-3)
    x = b.dense(b.flatten(b.relu(x)), 1000, bias=False, name="fc8")
    return b.graph(b.softmax(x), source=XNOR)


def binary_densenet_28(batch: int = 1) -> Graph:
    """BinaryDenseNet28: 5,131,496 parameters, 3,789,867,520 MACs at batch 1, 94.7 % binary.

    A binary layer reads the input of its block and all that the layers before it wrote there.
    """
    return _densenet("binary-densenet-28", batch, (6, 6, 6, 5), (160, 192, 256))


def binary_densenet_37(batch: int = 1) -> Graph:
    """BinaryDenseNet37: `binary_densenet_28` with 6, 8, 12 and 6 binary layers in its blocks."""
    return _densenet("binary-densenet-37", batch, (6, 8, 12, 6), (128, 192, 256))


def binary_densenet_37_dilated(batch: int = 1) -> Graph:
    """BinaryDenseNet37Dilated: no pool before the last two blocks, but filters 2 and 4 apart."""
    return _densenet(
        "binary-densenet-37-dilated", batch, (6, 8, 12, 6), (128, 192, 256), (1, 1, 2, 4)
    )


def binary_densenet_45(batch: int = 1) -> Graph:
    """BinaryDenseNet45: `binary_densenet_28` with 6, 12, 14 and 8 binary layers in its blocks."""
    return _densenet("binary-densenet-45", batch, (6, 12, 14, 8), (160, 288, 288))


def _densenet(
    name: str,
    batch: int,
    layers: tuple[int, ...],
    reduced: tuple[int, ...],
    dilations: tuple[int, ...] = (1, 1, 1, 1),
) -> Graph:
    """Each binary layer adds 64 channels; between blocks a float 1x1 layer leaves `reduced`."""
    b = Builder(name, input=(batch, 3, 224, 224))
    x = stem(b)
    for block, (count, dilation) in enumerate(zip(layers, dilations, strict=True), start=1):
        if block > 1:
            x = b.batch_norm(x)
            x = b.relu(x if dilation > 1 else b.max_pool(x, 2))
            x = b.conv(x, reduced[block - 2], 1, bias=False, name=f"transition{block - 1}.conv")
        for i in range(count):
            at = f"block{block}.{i}.conv"
            y = sign_conv(b, b.batch_norm(x), 64, 3, dilation=dilation, name=at)
            x = b.concat(x, y)
    return b.graph(top(b, b.relu(b.batch_norm(x))), source=BETHGE)


def _shifted(b: Builder, x: str, epsilon: float = 1e-3) -> str:
    """A batch normalization that scales by its variance alone."""
    return b.batch_norm(x, epsilon=epsilon, scale=False)
