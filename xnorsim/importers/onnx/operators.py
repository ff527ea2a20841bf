"""Which operators of a file have no rule: all of them at once, before anything is counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence

import onnx

from xnorsim.errors import UnsupportedOpError
from xnorsim.importers.onnx.fold import is_known
from xnorsim.importers.onnx.infer import schema_of
from xnorsim.importers.onnx.names import key_of
from xnorsim.importers.onnx.rules import CONTROL, RULES
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

    Raises:
        UnsupportedOpError: every such operator with its domain, count and nodes.
    """
    made: set[str] = set()
    known = AnyOf((made, constants))
    for _, node in nodes:
        if is_known(key_of(node), node.input, known):
            made.update(node.output)
    missing: dict[tuple[str, str], list[str]] = defaultdict(list)
    undefined: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, node in nodes:
        domain, operator = key = key_of(node)
        if domain == "" and schema_of("", operator, versions.get("", 0)) is None:
            undefined[key].append(name)
        elif key not in RULES and key not in CONTROL and not is_known(key, node.input, known):
            missing[key].append(name)
    if allow_unknown:
        missing = {}
    if not missing and not undefined:
        return
    rows = [_row(key, names, "no rule") for key, names in missing.items()]
    opset = versions.get("", "not imported")
    rows += [_row(key, names, f"not in its opset ({opset})") for key, names in undefined.items()]
    hint = "\n  --allow-unknown goes on without them; every total is then a lower bound"
    listing = "\n  ".join(rows)
    raise UnsupportedOpError(
        f"{file}: operators that cannot be costed:\n  {listing}{hint if missing else ''}"
    )


def _row(key: tuple[str, str], names: list[str], reason: str) -> str:
    domain, operator = key
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    times = f"{len(names)} time" + ("s" if len(names) > 1 else "")
    return f"{operator} (domain {domain or 'ai.onnx'}), {times}, {reason}: {shown}"
