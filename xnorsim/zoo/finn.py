"""The networks of FINN: small binary networks for MNIST and CIFAR-10, as Brevitas trains them.

Every layer has +-1 weights without a scale, and every hidden activation is +-1. A network begins
with the quantizer of its input, whose numbers are from -1 to 1 (pixels times 2 less 1), and ends
with one scale and one shift for all classes.

Source: Umuroglu et al., FINN: A Framework for Fast, Scalable Binarized Neural Network Inference,
FPGA 2017; Brevitas, brevitas_examples/bnn_pynq/models (FC.py, CNV.py, tensor_norm.py).
"""

from __future__ import annotations

from functools import partial

from xnorsim.network.functions import Operator
from xnorsim.network.graph import Graph
from xnorsim.network.ops import Elementwise
from xnorsim.network.precision import INT8
from xnorsim.zoo.builder import Builder
from xnorsim.zoo.drawing import near_one, small

__all__ = ["finn_cnv", "finn_lfc", "finn_sfc", "finn_tfc"]

SOURCE = "Umuroglu et al., FPGA 2017, as in Brevitas"


def finn_tfc(batch: int = 1) -> Graph:
    """TFC: 784-64-64-64-10, 59,008 weights and as many MACs, all binary."""
    return _dense("finn-tfc-1w1a", batch, 64)


def finn_sfc(batch: int = 1) -> Graph:
    """SFC: 784-256-256-256-10, 334,336 weights and as many MACs, all binary."""
    return _dense("finn-sfc-1w1a", batch, 256)


def finn_lfc(batch: int = 1) -> Graph:
    """LFC: 784-1024-1024-1024-10, 2,910,208 weights and as many MACs, all binary."""
    return _dense("finn-lfc-1w1a", batch, 1024)


def _dense(name: str, batch: int, neurons: int) -> Graph:
    b = Builder(name, input=(batch, 1, 28, 28))
    x = b.sign(b.flatten(b.input), name="input.sign")
    for layer in ("fc1", "fc2", "fc3"):
        x = b.batch_norm(b.binary_dense(x, neurons, name=layer))
        x = b.sign(x, name=f"{layer}.sign")
    return b.graph(_one_scale(b, b.binary_dense(x, 10, name="fc4")), source=SOURCE)


def finn_cnv(batch: int = 1) -> Graph:
    """CNV: six 3x3 convolutions without padding and three dense layers, for images of 32x32.

    1,542,848 weights and 59,461,376 MACs at batch 1: 1,555,200 of them multiply 8-bit pixels by
    +-1, the rest are binary. A pool of signs has a sign.
    """
    b = Builder("finn-cnv-1w1a", input=(batch, 3, 32, 32))
    x = b.quantize(b.input, INT8, scale=2**-7, name="input.quantize")
    for number, (channels, pooled) in enumerate(
        ((64, False), (64, True), (128, False), (128, True), (256, False), (256, False)), start=1
    ):
        x = b.batch_norm(b.binary_conv(x, channels, 3, name=f"conv{number}"), epsilon=1e-4)
        x = b.sign(x, name=f"conv{number}.sign")
        x = b.max_pool(x, 2) if pooled else x
    x = b.flatten(x)
    for name in ("fc1", "fc2"):
        x = b.batch_norm(b.binary_dense(x, 512, name=name), epsilon=1e-4)
        x = b.sign(x, name=f"{name}.sign")
    return b.graph(_one_scale(b, b.binary_dense(x, 10, name="fc3")), source=SOURCE)


def _one_scale(b: Builder, x: str) -> str:
    """A batch normalization of all classes together: a number to multiply by, and one to add."""
    for operator, values in ((Operator.MUL, near_one), (Operator.ADD, small)):
        x = b.layer(Elementwise(operator), x, parameters={"right": ((1,), partial(values))})
    return x
