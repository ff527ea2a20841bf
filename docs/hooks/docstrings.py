"""What our docstrings say, as the reference page shows it.

They name parameters as "name : what it is", types being in the signature, under a ruled heading,
and errors under "Raises:". This writes both as the one style that the page's parser reads.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_RULED = re.compile(r"^(Parameters|Examples)\n-{3,}\n((?:.*\n?)*?)(?=^\w[^\n]*\n-{3,}\n|\Z)", re.M)

_SESSION = re.compile(r"^>>> .*(?:\n.+)*", re.M)
_KEPT = re.compile(
    r"(```.*?```|`[^`]*`|^ +>>>[^\n]*$|^ {8,}[^\n]*$|\[[^]\n]+\]\[xnorsim\.[\w.]+\])", re.M | re.S
)
"""Code, and references to names of ours."""


class Docstrings(Extension):
    """Rewrites the docstring of every object."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Once an object has been read."""
        if obj.docstring is not None:
            obj.docstring.value = rewritten(obj.docstring.value)


def rewritten(text: str) -> str:
    """A docstring with its parameters and examples as Google's style has them."""
    text = _RULED.sub(_section, text + "\n").strip()
    text = _SESSION.sub(r"```pycon\n\g<0>\n```", text)
    parts = _KEPT.split(text)
    # brackets are sizes and units, [layers] [J], and no links
    parts[::2] = [re.sub(r"(?<!\\)\[", r"\\[", part) for part in parts[::2]]
    return "".join(parts)


def _section(found: re.Match[str]) -> str:
    """One ruled section; what stands after it, at the margin again, stays behind it."""
    head, body = found[1], found[2].strip("\n")
    if head == "Examples":
        return f"Examples:\n{_indented(body.splitlines())}\n"
    entries: list[str] = []
    blocks = re.split(r"\n(?=\S)", body)
    while blocks and (entry := re.match(r"([\w*, ]+) : (.*)", blocks[0], re.S)):
        entries += [f"{name.strip()}: {entry[2].strip()}" for name in entry[1].split(",")]
        blocks.pop(0)
    lines = "\n".join(entries).splitlines()
    rest = "\n".join(blocks)
    return f"Args:\n{_indented(lines)}\n{rest}\n\n"


def _indented(lines: list[str]) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in lines)
