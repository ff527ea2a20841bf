"""The networks by name. A new one is a function in its family's file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xnorsim.errors import UsageError, choices
from xnorsim.network.graph import Graph
from xnorsim.zoo import alexnet, finn, googlenet, larq, larq_extended, resnet, vgg, xnor

__all__ = ["ZOO", "Entry", "build", "names"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One network: the function that builds it, what it is in a line, and where it comes from."""

    function: Callable[..., Graph]
    summary: str
    source: str


ZOO = {
    "alexnet": Entry(alexnet.alexnet, "AlexNet without groups, float", alexnet.SOURCE),
    "alexnet-grouped": Entry(
        alexnet.alexnet_grouped, "AlexNet as published, float", alexnet.SOURCE
    ),
    "alexnet-bn": Entry(
        alexnet.alexnet_bn, "AlexNet of XNOR-Net with batch normalization, float", xnor.SOURCE
    ),
    "bwn-alexnet": Entry(alexnet.bwn_alexnet, "AlexNet of XNOR-Net, binary weights", xnor.SOURCE),
    "xnor-alexnet": Entry(
        alexnet.xnor_alexnet, "AlexNet of XNOR-Net, binary weights and inputs", xnor.SOURCE
    ),
    "vgg16": Entry(vgg.vgg16, "VGG-16 (configuration D), float", vgg.SOURCE),
    "vgg19": Entry(vgg.vgg19, "VGG-19 (configuration E), float", vgg.SOURCE),
    "resnet18": Entry(resnet.resnet18, "ResNet-18, float", resnet.SOURCE),
    "bwn-resnet18": Entry(
        resnet.bwn_resnet18, "ResNet-18 of XNOR-Net, binary weights", xnor.SOURCE
    ),
    "xnor-resnet18": Entry(
        resnet.xnor_resnet18, "ResNet-18 of XNOR-Net, binary weights and inputs", xnor.SOURCE
    ),
    "resnet50": Entry(resnet.resnet50, "ResNet-50, float", resnet.SOURCE),
    "googlenet-variant": Entry(
        googlenet.googlenet_variant,
        "XNOR-Net's GoogLeNet variant without branches, float",
        xnor.SOURCE,
    ),
    "bwn-googlenet-variant": Entry(
        googlenet.bwn_googlenet_variant, "XNOR-Net's GoogLeNet variant, binary weights", xnor.SOURCE
    ),
    "xnor-googlenet-variant": Entry(
        googlenet.xnor_googlenet_variant,
        "XNOR-Net's GoogLeNet variant, binary weights and inputs",
        xnor.SOURCE,
    ),
    "binary-alexnet": Entry(
        larq.binary_alexnet, "BinaryAlexNet, no layer with float weights", larq.ALEXNET
    ),
    "binary-alexnet-dense": Entry(
        larq.binary_alexnet_dense, "BinaryAlexNet of 2020, with dense layers", larq.ALEXNET
    ),
    "xnor-net-larq": Entry(
        larq.xnor_net, "Larq's XNORNet: an AlexNet scaled by alpha, without K", larq.XNOR
    ),
    "dorefa-net": Entry(
        larq_extended.dorefa_net,
        "DoReFaNet: 1-bit weights, 2-bit activations",
        larq_extended.DOREFA,
    ),
    "bireal-net-18": Entry(
        larq.bireal_net_18, "Bi-Real Net 18: a shortcut around each binary layer", larq.BIREAL
    ),
    "binary-resnet-e-18": Entry(larq.binary_resnet_e_18, "BinaryResNetE18", larq.BETHGE),
    "binary-densenet-28": Entry(larq.binary_densenet_28, "BinaryDenseNet28", larq.BETHGE),
    "binary-densenet-37": Entry(larq.binary_densenet_37, "BinaryDenseNet37", larq.BETHGE),
    "binary-densenet-37-dilated": Entry(
        larq.binary_densenet_37_dilated, "BinaryDenseNet37Dilated", larq.BETHGE
    ),
    "binary-densenet-45": Entry(larq.binary_densenet_45, "BinaryDenseNet45", larq.BETHGE),
    "real-to-binary-net": Entry(
        larq_extended.real_to_binary_net,
        "Real-to-Binary Net: binary layers with float gates",
        larq_extended.REAL_TO_BINARY,
    ),
    "meliusnet-22": Entry(
        larq_extended.meliusnet_22,
        "MeliusNet22: dense and improvement blocks",
        larq_extended.MELIUS,
    ),
    "quicknet": Entry(larq.quicknet, "QuickNet", larq.QUICKNET),
    "quicknet-small": Entry(larq.quicknet_small, "QuickNetSmall", larq.QUICKNET),
    "quicknet-large": Entry(larq.quicknet_large, "QuickNetLarge", larq.QUICKNET),
    "finn-tfc-1w1a": Entry(
        finn.finn_tfc, "TFC of FINN: dense layers of 64, for MNIST", finn.SOURCE
    ),
    "finn-sfc-1w1a": Entry(
        finn.finn_sfc, "SFC of FINN: dense layers of 256, for MNIST", finn.SOURCE
    ),
    "finn-lfc-1w1a": Entry(
        finn.finn_lfc, "LFC of FINN: dense layers of 1024, for MNIST", finn.SOURCE
    ),
    "finn-cnv-1w1a": Entry(
        finn.finn_cnv, "CNV of FINN: six convolutions, for CIFAR-10", finn.SOURCE
    ),
}


def names() -> list[str]:
    """The names that `build` takes.

    >>> [name for name in names() if name.startswith("quick")]
    ['quicknet', 'quicknet-large', 'quicknet-small']
    """
    return sorted(ZOO)


def build(name: str, batch: int = 1) -> Graph:
    """The network called `name` for `batch` images at once.

    Raises:
        UsageError: no such network, or a batch below 1.
    """
    if name not in ZOO:
        raise UsageError(f"no network '{name}' in the zoo: {choices(name, ZOO)}")
    if batch < 1:
        raise UsageError(f"batch must be at least 1, not {batch}")
    return ZOO[name].function(batch=batch)
