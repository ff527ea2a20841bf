"""AlexNet, in the variants that go by the name.

Source: Krizhevsky, Sutskever, Hinton, ImageNet Classification with Deep Convolutional Neural
Networks, NIPS 2012. The two towers of the paper are one here. It states inputs of 224x224, from
which 11x11 filters at stride 4 give the 55x55 positions of its figure 2 only with padding 2 (or
from 227x227 without); 224 with padding 2 is used, which has the same MACs.

Those of Rastegari et al. (XNOR-Net, ECCV 2016) follow the authors' Torch code: padding 2 too, no
groups, batch normalization in place of response normalization, and convolutions at the end.
"""

from __future__ import annotations

from xnorsim.network.graph import Graph
from xnorsim.zoo import xnor
from xnorsim.zoo.builder import Builder
from xnorsim.zoo.xnor import binary_weights, xnor_conv

__all__ = ["alexnet", "alexnet_bn", "alexnet_grouped", "bwn_alexnet", "xnor_alexnet"]

SOURCE = "Krizhevsky, Sutskever, Hinton, NIPS 2012"


def alexnet(batch: int = 1) -> Graph:
    """AlexNet as Rastegari et al. count it: every filter sees every channel.

    62,378,344 parameters (249 MB as float32) and 1,135,256,096 MACs at batch 1. It differs from
    the paper of 2012 in its ungrouped conv2, conv4 and conv5. Response normalization is kept
    where that paper has it (section 3.5: after the ReLU of conv1 and conv2); binarized AlexNets
    replace it by batch normalization, which is another network.
    """
    return _alexnet("alexnet", batch, groups=1)


def alexnet_grouped(batch: int = 1) -> Graph:
    """AlexNet as published: the filters of conv2, conv4 and conv5 see half of the channels.

    60,965,224 parameters and 724,406,816 MACs at batch 1 (1.4 G operations, a multiply and an
    add being two).
    """
    return _alexnet("alexnet-grouped", batch, groups=2)


def _alexnet(name: str, batch: int, groups: int) -> Graph:
    b = Builder(name, input=(batch, 3, 224, 224))
    x = b.conv(b.input, 96, 11, stride=4, padding=2, name="conv1")
    x = b.max_pool(_normalized(b, b.relu(x)), 3, stride=2)
    x = b.conv(x, 256, 5, padding=2, groups=groups, name="conv2")
    x = b.max_pool(_normalized(b, b.relu(x)), 3, stride=2)
    x = b.relu(b.conv(x, 384, 3, padding=1, name="conv3"))
    x = b.relu(b.conv(x, 384, 3, padding=1, groups=groups, name="conv4"))
    x = b.relu(b.conv(x, 256, 3, padding=1, groups=groups, name="conv5"))
    x = b.flatten(b.max_pool(x, 3, stride=2))
    x = b.dropout(b.relu(b.dense(x, 4096, name="fc6")))
    x = b.dropout(b.relu(b.dense(x, 4096, name="fc7")))
    return b.graph(b.softmax(b.dense(x, 1000, name="fc8")), source=SOURCE)


def _normalized(b: Builder, x: str) -> str:
    # Section 3.3: k = 2, n = 5, alpha = 1e-4, beta = 0.75, where alpha multiplies the sum itself;
    # here, as in ONNX, alpha is divided by n.
    return b.lrn(x, 5, alpha=5e-4, beta=0.75, bias=2.0)


def alexnet_bn(batch: int = 1) -> Graph:
    """AlexNet as Rastegari et al. train it: convolution, batch normalization, ReLU, pool.

    62,397,480 parameters with the scales and shifts of batch normalization, and the MACs of
    `alexnet`.
    """
    b = Builder("alexnet-bn", input=(batch, 3, 224, 224))

    def block(x: str, channels: int, kernel: int, padding: int, name: str, stride: int = 1) -> str:
        x = b.conv(x, channels, kernel, stride=stride, padding=padding, name=name)
        return b.relu(b.batch_norm(x, epsilon=1e-3))

    x = b.max_pool(block(b.input, 96, 11, 2, "conv1", stride=4), 3, stride=2)
    x = b.max_pool(block(x, 256, 5, 2, "conv2"), 3, stride=2)
    x = block(x, 384, 3, 1, "conv3")
    x = block(x, 384, 3, 1, "conv4")
    x = b.dropout(b.max_pool(block(x, 256, 3, 1, "conv5"), 3, stride=2))
    x = b.dropout(block(x, 4096, 6, 0, "fc6"))
    x = block(x, 4096, 1, 0, "fc7")
    return b.graph(b.softmax(b.flatten(b.conv(x, 1000, 1, name="fc8"))), source=xnor.SOURCE)


def bwn_alexnet(batch: int = 1) -> Graph:
    """`alexnet_bn` with +-alpha weights from conv2 to fc7."""
    return binary_weights(alexnet_bn(batch), "bwn-alexnet")


def xnor_alexnet(batch: int = 1) -> Graph:
    """The XNOR-Network of AlexNet: batch normalization, sign, binary convolution, pool.

    Binary from conv2 to fc7, scaled by alpha and K, without bias: the code sets those to 0. No
    ReLU but around the two float layers.
    """
    b = Builder("xnor-alexnet", input=(batch, 3, 224, 224))
    x = b.conv(b.input, 96, 11, stride=4, padding=2, name="conv1")
    x = b.max_pool(b.relu(b.batch_norm(x, epsilon=1e-5)), 3, stride=2)
    x = b.max_pool(xnor_conv(b, x, 256, 5, padding=2, name="conv2"), 3, stride=2)
    x = xnor_conv(b, x, 384, 3, padding=1, name="conv3")
    x = xnor_conv(b, x, 384, 3, padding=1, name="conv4")
    x = b.max_pool(xnor_conv(b, x, 256, 3, padding=1, name="conv5"), 3, stride=2)
    x = xnor_conv(b, x, 4096, 6, name="fc6")
    x = xnor_conv(b, x, 4096, 1, name="fc7")
    x = b.relu(b.batch_norm(x, epsilon=1e-3))
    return b.graph(b.softmax(b.flatten(b.conv(x, 1000, 1, name="fc8"))), source=xnor.SOURCE)
