"""The networks by name. A new one is a function in its family's file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xnorsim.errors import UsageError, choices
from xnorsim.network.graph import Graph
from xnorsim.zoo import alexnet, larq, larq_extended, resnet, vgg

__all__ = ["ZOO", "Entry", "build", "names"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One network: the function that builds it, what it is in a line, and where it comes from."""

    function: Callable[..., Graph]
    summary: str
    source: str


ZOO = {
    "alexnet": Entry(
        alexnet.alexnet, "AlexNet, ungrouped: 62.4 M parameters, 1.14 G MACs", alexnet.SOURCE
    ),
    "alexnet-grouped": Entry(
        alexnet.alexnet_grouped,
        "AlexNet as published: 61.0 M parameters, 0.724 G MACs",
        alexnet.SOURCE,
    ),
    "vgg19": Entry(vgg.vgg19, "VGG-19: 143.7 M parameters, 19.6 G MACs", vgg.SOURCE),
    "resnet18": Entry(resnet.resnet18, "ResNet-18: 11.7 M parameters, 1.81 G MACs", resnet.SOURCE),
    "quicknet": Entry(
        larq.quicknet, "QuickNet: 13.2 M parameters, 1.88 G MACs, 98.4 % binary", larq.QUICKNET
    ),
    "quicknet-small": Entry(
        larq.quicknet_small,
        "QuickNetSmall: 12.7 M parameters, 1.17 G MACs, 98.6 % binary",
        larq.QUICKNET,
    ),
    "quicknet-large": Entry(
        larq.quicknet_large,
        "QuickNetLarge: 23.3 M parameters, 3.73 G MACs, 99.2 % binary",
        larq.QUICKNET,
    ),
    "bireal-net-18": Entry(
        larq.bireal_net_18,
        "Bi-Real Net 18: 11.7 M parameters, 1.81 G MACs, 92.4 % binary",
        larq.BIREAL,
    ),
    "binary-resnet-e-18": Entry(
        larq.binary_resnet_e_18,
        "BinaryResNetE18: 11.7 M parameters, 1.81 G MACs, 92.4 % binary",
        larq.BETHGE,
    ),
    "xnor-net-larq": Entry(
        larq.xnor_net, "Larq's XNORNet: 62.4 M parameters, 1.14 G MACs, 90.0 % binary", larq.XNOR
    ),
    "binary-alexnet": Entry(
        larq.binary_alexnet,
        "BinaryAlexNet: 61.8 M parameters, 0.841 G MACs, 91.3 % binary",
        larq.ALEXNET,
    ),
    "binary-alexnet-dense": Entry(
        larq.binary_alexnet_dense,
        "BinaryAlexNet of 2020, dense: 61.8 M parameters, 0.841 G MACs, 91.3 % binary",
        larq.ALEXNET,
    ),
    "binary-densenet-28": Entry(
        larq.binary_densenet_28,
        "BinaryDenseNet28: 5.1 M parameters, 3.79 G MACs, 94.7 % binary",
        larq.BETHGE,
    ),
    "binary-densenet-37": Entry(
        larq.binary_densenet_37,
        "BinaryDenseNet37: 8.7 M parameters, 4.71 G MACs, 95.8 % binary",
        larq.BETHGE,
    ),
    "binary-densenet-37-dilated": Entry(
        larq.binary_densenet_37_dilated,
        "BinaryDenseNet37Dilated: 8.7 M parameters, 8.23 G MACs, 94.5 % binary",
        larq.BETHGE,
    ),
    "binary-densenet-45": Entry(
        larq.binary_densenet_45,
        "BinaryDenseNet45: 13.9 M parameters, 6.67 G MACs, 96.3 % binary",
        larq.BETHGE,
    ),
    "real-to-binary-net": Entry(
        larq_extended.real_to_binary_net,
        "Real-to-Binary Net: 12.0 M parameters, 1.81 G MACs, 92.4 % binary",
        larq_extended.REAL_TO_BINARY,
    ),
    "meliusnet-22": Entry(
        larq_extended.meliusnet_22,
        "MeliusNet22: 6.9 M parameters, 4.76 G MACs, 97.1 % binary",
        larq_extended.MELIUS,
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
