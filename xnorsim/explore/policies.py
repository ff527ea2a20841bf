"""The precision policy of a point: which layers are binary, and how."""

from __future__ import annotations

from collections.abc import Mapping

from xnorsim.network.graph import Graph
from xnorsim.network.policy import Binarize, Policy, binarizable, matching
from xnorsim.network.precision import Border, Scaling

__all__ = ["policy_of"]

_SETS = {"all": "*", "none": ""}


def policy_of(graph: Graph, values: Mapping[str, str]) -> Policy:
    """The policy that a point's fields ask for.

    values: the fields by name, as `point` gives them. `binary` names the layers that become binary,
    and all others stay; `high_precision` those that stay. Depthwise convolutions stay unless
    `depthwise` is true, whatever a glob says.

    Raises:
        UsageError: fields that do not go together (scaling alpha_k with bwn).
    """
    layers = [node.name for node in binarizable(graph)]
    if "binary" in values:
        chosen = _named(values["binary"], layers)
        keep = tuple(name for name in layers if name not in chosen)
    else:
        keep = tuple(sorted(_named(values["high_precision"], layers), key=layers.index))
    return Policy(
        Binarize(values["binarize"]),
        keep,
        Scaling(values["scaling"]),
        values["depthwise"] == "true",
        int(values["pad_value"]),
        Border(values["border"]),
    )


def _named(text: str, layers: list[str]) -> frozenset[str]:
    words = (_SETS.get(word, word) for word in text.split(","))
    return frozenset(name for word in words for name in matching(word, layers))
