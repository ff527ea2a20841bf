"""The two binary forms of Rastegari et al.: Binary-Weight-Networks and XNOR-Networks.

Source: Rastegari, Ordonez, Redmon, Farhadi, XNOR-Net, ECCV 2016, sections 3.1 and 3.2.
"""

from __future__ import annotations

from dataclasses import replace

from xnorsim.network.graph import Graph
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import Scaling
from xnorsim.zoo.builder import Border, Builder, Size

__all__ = ["SOURCE", "binary_weights", "xnor_conv"]

SOURCE = "Rastegari et al., ECCV 2016"


def binary_weights(graph: Graph, name: str) -> Graph:
    """`graph` as a Binary-Weight-Network: +-alpha in all filters, the first and last layer float.

    The order of layers stays, and so do biases.
    """
    metadata = {**graph.metadata, "source": SOURCE}
    return replace(apply(graph, Policy(Binarize.BWN)), name=name, metadata=metadata)


def xnor_conv(
    b: Builder,
    x: str,
    channels: int,
    kernel: Size,
    *,
    name: str,
    stride: Size = 1,
    padding: Border = 0,
    epsilon: float = 1e-4,
) -> str:
    """B-A-C of an XNOR-Network's block: batch normalization, sign, binary convolution.

    Sums are scaled by alpha and by the map K of what the sign is taken of (figure 3 and equation
    11 of the paper). A pool, where there is one, comes next: of what is not yet binary again.
    """
    x = b.batch_norm(x, epsilon=epsilon)
    signs = b.sign(x, of=name)
    return b.binary_conv(
        signs, channels, kernel, stride=stride, padding=padding, scaling=Scaling.ALPHA_K,
        unsigned=x, name=name,
    )  # fmt: skip
