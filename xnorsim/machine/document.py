"""Read YAML into plain data with the line of every key, and every fault of its form.

For profiles, and for what else people write by hand (the spec of a sweep).

The node tree is walked here, and not handed to a YAML constructor: that keeps line numbers, sees
duplicate keys, and never builds an object that a tag asks for. Anchors, aliases and merge keys are
refused: these files are read by people, and a quantity that stands elsewhere hides its source.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

__all__ = ["MAX_BYTES", "Document", "Fault", "path_text", "read"]

# Four times the largest bundled profile; the worst YAML of this size is read in 3 seconds.
MAX_BYTES = 100_000
_MAX_DEPTH = 20
_PREFIX = "tag:yaml.org,2002:"
_PLAIN_TAGS = {_PREFIX + name for name in ("str", "int", "float", "bool", "null", "map", "seq")}

Path = tuple[str | int, ...]


class Fault(NamedTuple):
    """One thing that is wrong, and where. `str` gives `file:line: path: message`."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: "
        return f"{where}{self.path}: {self.message}" if self.path else where + self.message


@dataclasses.dataclass(frozen=True)
class Document:
    """Plain data, the line (from 1) of each path in it, and the faults of its form.

    data is None when nothing could be read; otherwise faults may stand beside data.
    """

    data: dict[str, Any] | None
    lines: dict[Path, int]
    faults: tuple[tuple[Path, int, str], ...]

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest parent that is in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _NotReadableError(Exception):
    """The file as a whole cannot be read; carries the line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def path_text(path: Path) -> str:
    """A path for people.

    >>> path_text(("memories", 1, "size"))
    'memories[1].size'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read(content: bytes, what: str = "profile") -> Document:
    """Read one YAML document; never raises for what it holds. Faults call the file a `what`."""
    try:
        root = _compose(_text(content, what), what)
    except _NotReadableError as error:
        return Document(None, {}, (((), error.line, str(error)),))
    walk = _Walk()
    data = walk.value(root, ())
    return Document(data, walk.lines, tuple(walk.faults))


def _text(content: bytes, what: str) -> str:
    if len(content) > MAX_BYTES:
        raise _NotReadableError(
            1,
            f"the file is too large for a {what} (got {len(content)} bytes; at most {MAX_BYTES})",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _NotReadableError(
            line, f"is not text in UTF-8 (got byte 0x{content[error.start]:02x})"
        ) from error


def _compose(text: str, what: str) -> yaml.MappingNode:
    try:
        root = _root(text, what, _FAST)
    except yaml.YAMLError:  # the slow loader's messages are the better ones
        root = _slow_root(text, what)
    if root is None:
        raise _NotReadableError(1, f"the file is empty; a {what} is a mapping of sections")
    if not isinstance(root, yaml.MappingNode):
        raise _NotReadableError(
            root.start_mark.line + 1,
            f"the file must hold a mapping of sections (got a {_kind(root)})",
        )
    return root


_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader of libyaml, where PyYAML was built with it."""


def _root(text: str, what: str, loader: Any) -> yaml.Node | None:
    # Events come without recursion and without following aliases: safe for any input.
    _check_events(yaml.parse(text, Loader=loader), what)
    return yaml.compose(text, Loader=loader)


def _slow_root(text: str, what: str) -> yaml.Node | None:
    try:
        return _root(text, what, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise _NotReadableError(mark.line + 1 if mark else 1, f"is not YAML: {what}") from error
    except yaml.YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        reason = str(error).splitlines()[0]
        raise _NotReadableError(line, f"is not YAML text: {reason}") from error


def _check_events(events: Iterator[Any], what: str) -> None:
    depth = documents = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _NotReadableError(
                    event.start_mark.line + 1, f"holds a second document; a {what} is one document"
                )
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise _NotReadableError(
                event.start_mark.line + 1, f"is nested deeper than {_MAX_DEPTH} levels"
            )
        anchor = getattr(event, "anchor", None)
        if anchor:
            shown = f"*{anchor}" if isinstance(event, yaml.AliasEvent) else f"&{anchor}"
            raise _NotReadableError(
                event.start_mark.line + 1,
                f"anchors and aliases are refused: write the quantity out (got {shown})",
            )


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "mapping"
    return "list" if isinstance(node, yaml.SequenceNode) else f"plain value {node.value!r:.40}"


class _Walk:
    """Walks a node tree once, collecting lines and faults."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {(): 1}
        self.faults: list[tuple[Path, int, str]] = []
        self._scalars = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, path: Path) -> Any:
        if node.tag not in _PLAIN_TAGS and node.tag != _PREFIX + "timestamp":
            shown = node.tag.removeprefix(_PREFIX) if node.tag.startswith(_PREFIX) else node.tag
            tag = "!!" + shown if node.tag.startswith(_PREFIX) else shown
            self._fault(path, node, f"tags are refused, and nothing is built (got {tag})")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for index, item in enumerate(node.value):
                below = (*path, index)
                self.lines[below] = item.start_mark.line + 1
                items.append(self.value(item, below))
            return items
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != _PREFIX + "str":
                self._fault(path, key_node, f"keys must be text (got a {_kind(key_node)})")
                continue
            below = (*path, key)
            if key in result:
                first = self.lines[below]
                self._fault(below, key_node, f"occurs twice (first on line {first})")
                continue
            self.lines[below] = key_node.start_mark.line + 1
            result[key] = self.value(value_node, below)
        return result

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        name = node.tag.removeprefix(_PREFIX)
        construct = {
            "int": self._scalars.construct_yaml_int,
            "float": self._scalars.construct_yaml_float,
            "bool": self._scalars.construct_yaml_bool,
            "null": lambda _: None,
        }.get(name, lambda scalar: scalar.value)
        try:
            return construct(node)
        except (ValueError, KeyError, OverflowError):
            self._fault(path, node, f"is not a plain {name} (got {node.value!r:.60})")
            return None

    def _fault(self, path: Path, node: yaml.Node, message: str) -> None:
        self.faults.append((path, node.start_mark.line + 1, message))
