"""What a precision policy leaves undone, and why."""

from __future__ import annotations

from collections.abc import Callable

from xnorsim.errors import UsageError
from xnorsim.network.graph import Graph
from xnorsim.network.ops import Conv, Dense, kind
from xnorsim.network.policy import Binarize, Policy, binarizable, is_depthwise, kept
from xnorsim.network.precision import Scaling

__all__ = ["check_binary", "without_effect"]

_OPTIONS = {
    "keep": "high_precision",
    "scaling": "scaling",
    "depthwise": "depthwise",
    "pad_value": "pad_value",
    "border": "border",
}
"""The fields of a policy, and the options that set them."""

_IDLE: tuple[tuple[Callable[[Policy], bool], frozenset[str], str], ...] = (
    (lambda policy: policy.binarize is Binarize.NONE, frozenset(_OPTIONS), "binarize is none"),
    (lambda policy: policy.binarize is Binarize.BWN, frozenset({"pad_value"}), "binarize is bwn"),
    (
        lambda policy: policy.scaling is not Scaling.ALPHA_K,
        frozenset({"border"}),
        "scaling is not alpha_k",
    ),
)
"""Where some fields of a policy mean nothing, and why."""


def without_effect(policy: Policy) -> list[str]:
    """A note for the options of a policy that were set, and change nothing."""
    usual = Policy()
    changed = {name for name in _OPTIONS if getattr(policy, name) != getattr(usual, name)}
    notes = []
    for holds, fields, reason in _IDLE:
        idle = [option for name, option in _OPTIONS.items() if name in changed & fields]
        if idle and holds(policy):
            notes.append(f"without effect, since {reason}: {', '.join(idle)}")
            changed -= fields
    return notes


def check_binary(graph: Graph, binarized: Graph, name: str, policy: Policy) -> None:
    """Refuse a layer that the policy has not made binary, with the reason.

    Parameters: `graph` and `binarized`, before and after the policy; `name`, of the layer.

    Raises:
        UsageError: it is not binary.
    """
    from xnorsim.exact.thresholds import binary_layer

    try:
        binary_layer(binarized, name)
    except UsageError as fault:
        reason = _reason(graph, name, policy)
        if not reason:
            raise
        raise UsageError(f"{graph.name}: layer '{name}' is not binary: {reason}") from fault


def _reason(graph: Graph, name: str, policy: Policy) -> str:
    """Why a policy leaves a layer as it is; "" if the policy is not the reason."""
    node = next((node for node in graph.nodes if node.name == name), None)
    if policy.binarize is Binarize.NONE or node is None:
        return ""
    if not isinstance(node.op, Conv | Dense):
        return f"it is a {kind(node.op)}, and vectors are of convolutions and dense layers"
    if name in kept(graph, policy):
        if is_depthwise(graph, node) and not policy.depthwise:
            return "depthwise convolutions stay in high precision without depthwise"
        words = ",".join(policy.keep)
        return (
            f"high_precision '{words}' keeps it: name other layers there, or none "
            "(--high-precision none)"
        )
    if policy.binarize is Binarize.BWN:
        return "binarize bwn leaves its inputs in high precision: choose xnor"
    if node not in binarizable(graph):
        return "it has no constant float filters, or multiplies other than floats"
    return ""
