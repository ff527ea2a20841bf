"""Which tensors of two runs belong together.

Tensors are paired by name. Two networks whose names do not agree between inputs and outputs are
paired layer by layer, if both have the same kinds of layers and shapes in the same order. Or else
only what every format of one network has: the signs that its layers multiply, and its outputs.
A batch normalization may be folded into the layer before it in one of them and not in the other,
so that no other tensor is known to stand for the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xnorsim.errors import UsageError
from xnorsim.network.graph import Graph
from xnorsim.network.ops import MULTIPLYING, kind
from xnorsim.network.precision import BIPOLAR, TERNARY, UNIPOLAR

__all__ = ["Pairing", "pair_by_name", "pair_networks", "written"]


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which tensor of B each tensor of A is compared with, in A's order of execution.

    `rule` says how they were found; `only_a` and `only_b` have the names without a partner.
    `outputs_too` are outputs of A to compare even where a tensor before them differs.
    """

    partners: Mapping[str, str]
    rule: str
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    outputs_too: frozenset[str] = frozenset()


def pair_by_name(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Pairing:
    """Tensors of the same name.

    Raises:
        UsageError: there are none.
    """
    partners = {name: name for name in ours if name in theirs}
    if not partners:
        raise UsageError(
            f"no tensor has the same name on both sides: A has {_some(ours)}; B has {_some(theirs)}"
        )
    return _pairing(partners, "name", ours, theirs)


def pair_networks(a: Graph, b: Graph) -> Pairing:
    """The tensors of two networks that belong together: by name, or else by their order.

    Names are believed if most of those that both have between inputs and outputs stand for the
    same kind of layer and the same shape: tools that number their tensors use the same names for
    others.

    Raises:
        UsageError: there are none.
    """
    ours, theirs = written(a), written(b)
    ends = {*a.outputs, *b.outputs}
    inner = [key == theirs[name] for name, key in ours.items() if name in theirs.keys() - ends]
    if 2 * sum(inner) > len(inner) or a.nodes == b.nodes:
        return pair_by_name(ours, theirs)
    if list(ours.values()) == list(theirs.values()):
        partners = dict(zip(ours, theirs, strict=True))
        return _pairing(partners, "order of layers of the same kind and shape", ours, theirs)
    partners = {**_signs(a, b), **_outputs(a, b)}
    if not partners:
        return pair_by_name(ours, theirs)
    rule = "order of signs and outputs, since names have nothing in common"
    return _pairing(partners, rule, ours, theirs, frozenset(a.outputs) & partners.keys())


def _signs(a: Graph, b: Graph) -> dict[str, str]:
    """What layers multiply in one or two bits: of each shape the first with the first, and so on.

    A shape that one network has more of than the other pairs nothing: they are not one network's.
    """
    ours, theirs = _multiplied(a), _multiplied(b)
    return {
        name: partner
        for shape, names in ours.items()
        if len(names) == len(theirs[shape])
        for name, partner in zip(names, theirs[shape], strict=True)
    }


def _multiplied(graph: Graph) -> defaultdict[tuple[int, ...], list[str]]:
    """The binary and ternary tensors that layers multiply, by shape, in order of execution."""
    read = {node.inputs[0] for node in graph.nodes if isinstance(node.op, MULTIPLYING)}
    found: defaultdict[tuple[int, ...], list[str]] = defaultdict(list)
    for name in written(graph):
        spec = graph.tensors[name]
        if name in read and spec.encoding in (BIPOLAR, UNIPOLAR, TERNARY):
            found[spec.shape].append(name)
    return found


def _outputs(a: Graph, b: Graph) -> dict[str, str]:
    """The outputs of two networks by order; none if their shapes are not the same."""
    ends = [[graph.tensors[name].shape for name in graph.outputs] for graph in (a, b)]
    return dict(zip(a.outputs, b.outputs, strict=True)) if ends[0] == ends[1] else {}


def _pairing(
    partners: dict[str, str],
    rule: str,
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    outputs_too: frozenset[str] = frozenset(),
) -> Pairing:
    found = set(partners.values())
    return Pairing(
        partners,
        rule,
        tuple(name for name in ours if name not in partners),
        tuple(name for name in theirs if name not in found),
        outputs_too,
    )


def written(graph: Graph) -> dict[str, tuple[str, tuple[int, ...]]]:
    """What each tensor is, by name: the kind of the layer that writes it, and its shape."""
    return {
        name: (kind(node.op), graph.tensors[name].shape)
        for node in graph.nodes
        for name in node.outputs
    }


def _some(names: Mapping[str, Any]) -> str:
    shown = ", ".join(f"'{name}'" for name in list(names)[:4])
    return (shown or "none") + (f" and {len(names) - 4} more" if len(names) > 4 else "")
