"""The networks by name. A new one is a function in its family's file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xnorsim.errors import UsageError, choices
from xnorsim.network.graph import Graph
from xnorsim.zoo import alexnet, resnet, vgg

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
}


def names() -> list[str]:
    """The names that `build` takes.

    >>> names()
    ['alexnet', 'alexnet-grouped', 'resnet18', 'vgg19']
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
