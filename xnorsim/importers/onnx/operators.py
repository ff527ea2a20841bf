"""Which operators of a file have no rule: all of them at once, before anything is counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

import onnx

from xnorsim.errors import UnsupportedOpError
from xnorsim.importers.onnx.fold import is_known
from xnorsim.importers.onnx.infer import schema_of
from xnorsim.importers.onnx.names import key_of, reads, subgraphs
from xnorsim.importers.onnx.rules import CONTROL, RULES
from xnorsim.importers.onnx.standard import EXPANDED
from xnorsim.importers.onnx.state import AnyOf

__all__ = ["check_operators"]


def check_operators(
    file: str,
    nodes: Sequence[tuple[str, onnx.NodeProto]],
    constants: Container[str],
    versions: Mapping[str, int],
    allow_unknown: bool,
) -> None:
    """Refuse operators without a rule, unless they are allowed or need no network input.

    Those inside of branches and loops belong to it, whether they will be run or not: which are is
    found out one after the other, and the user shall not meet them so.

    Raises:
        UnsupportedOpError: every such operator with its domain, count and nodes.
    """
    missing: dict[tuple[str, str], list[str]] = defaultdict(list)
    undefined: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, node, known in _every(nodes, constants):
        domain, operator = key = key_of(node)
        if domain == "" and schema_of("", operator, versions.get("", 0)) is None:
            undefined[key].append(name)
        elif not (key in RULES or key in CONTROL or key in EXPANDED or known):
            missing[key].append(name)
    if allow_unknown:
        missing = {}
    if not missing and not undefined:
        return
    rows = [_row(key, names, "no rule") for key, names in missing.items()]
    opset = versions.get("", "not imported")
    rows += [_row(key, names, f"not in its opset ({opset})") for key, names in undefined.items()]
    hint = "\n  --allow-unknown counts without them; every total is then a lower bound"
    listing = "\n  ".join(rows)
    raise UnsupportedOpError(
        f"{file}: operators without a rule:\n  {listing}{hint if missing else ''}"
    )


def _every(
    nodes: Iterable[tuple[str, onnx.NodeProto]], constants: Container[str]
) -> Iterator[tuple[str, onnx.NodeProto, bool]]:
    """(name, node, whether its results are known beforehand), the insides of nodes included."""
    made: set[str] = set()
    known = AnyOf((made, constants))
    for name, node in nodes:
        key = key_of(node)
        settled = is_known(key, reads(node) if key in CONTROL else node.input, known)
        if settled:
            made.update(node.output)
        yield name, node, settled
        for graph in subgraphs(node):
            inner = [
                (f"{name}/{item.name or f'{item.op_type}_{index}'}", item)
                for index, item in enumerate(graph.node)
            ]
            yield from _every(inner, AnyOf((_own_constants(node, graph, known), known)))


def _own_constants(node: onnx.NodeProto, graph: onnx.GraphProto, known: Container[str]) -> set[str]:
    """What is known in a graph inside of a node; of a Loop as of its first round."""
    result = {tensor.name for tensor in graph.initializer}
    if key_of(node) == ("", "Loop"):
        result.update(item.name for item in graph.input[:2])
        carried = zip(node.input[2:], graph.input[2:], strict=False)
        result.update(item.name for source, item in carried if source in known)
    return result


def _row(key: tuple[str, str], names: list[str], reason: str) -> str:
    domain, operator = key
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    times = f"{len(names)} time" + ("s" if len(names) > 1 else "")
    return f"{operator} (domain {domain or 'ai.onnx'}), {times}, {reason}: {shown}"
