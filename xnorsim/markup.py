"""Pieces of HTML that show things in a notebook, in the colours and the font of the page around.

Every text is escaped here, and only here: whoever makes a piece gives plain text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from html import escape

__all__ = ["STYLE", "facts", "folded", "piece", "rows_table", "text", "visible"]

# Text and rules in the colour of the surrounding page, so that light and dark themes both work.
# The class stands twice: JupyterLab's own rules for tables name two classes, and so would win.
STYLE = """<style>
& { overflow-x: auto; font-size: 0.9em; line-height: 1.35; }
& table { border-collapse: collapse; margin: 0.4em 0 0.8em 0; background: transparent; }
& th, & td { padding: 0.15em 0.6em; text-align: right; border: none;
  white-space: nowrap; vertical-align: top; background: transparent; color: inherit; }
& .left { text-align: left; }
& thead th { font-weight: 600; vertical-align: bottom; }
& thead tr:last-child th { border-bottom: 1px solid currentColor; }
& tfoot td { border-top: 1px solid currentColor; font-weight: 600; }
& table.facts th { font-weight: 600; text-align: left; vertical-align: top; }
& table.facts td { text-align: left; white-space: normal; }
& td.long { text-align: left; white-space: normal; min-width: 24em; }
& .scrolled { max-height: 34em; overflow-y: auto; }
& summary { cursor: pointer; }
& tbody tr:hover { background: rgba(128, 128, 128, 0.15); }
& .bar { display: inline-block; height: 0.75em; border-radius: 2px; margin-right: 0.4em; }
& .dot { display: inline-block; height: 0.7em; width: 0.7em; border-radius: 50%;
  margin-right: 0.4em; }
</style>""".replace("&", "div.xnorsim.xnorsim")


def visible(text: str) -> str:
    r"""`text` with its control characters and line breaks written out.

    >>> print(visible("a\x1b[31m"))
    a\x1b[31m
    """
    return "".join(c if _printable(c) else c.encode("unicode_escape").decode() for c in text)


def _printable(character: str) -> bool:
    # Also format characters, since U+202E and its kin would reorder the rest of the line.
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp", "Cn", "Co")


def text(given: str) -> str:
    """A text as HTML that shows it as it is."""
    return escape(visible(given))


def piece(*parts: str) -> str:
    """Parts as one piece with its style."""
    return "\n".join(['<div class="xnorsim">', STYLE, *parts, "</div>"])


def facts(found: Iterable[tuple[str, str]]) -> str:
    """Names and what they are, one below the other."""
    body = "".join(f"<tr><th>{text(name)}</th><td>{text(told)}</td></tr>" for name, told in found)
    return f'<table class="facts">{body}</table>'


def rows_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: Sequence[int] = (0,),
    long: Sequence[int] = (),
) -> str:
    """A table that scrolls where it is high.

    left: the places of columns that are read from the left; long: those whose texts are broken
    into lines.
    """
    sides = {**dict.fromkeys(left, ' class="left"'), **dict.fromkeys(long, ' class="long"')}
    lines = "".join(f"<tr>{_cells('td', row, sides)}</tr>" for row in rows)
    heads = _cells("th", headings, dict.fromkeys(sides, ' class="left"'))
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"
    return f'<div class="scrolled">{table}</div>'


def _cells(tag: str, row: Iterable[str], sides: Mapping[int, str]) -> str:
    return "".join(f"<{tag}{sides.get(i, '')}>{text(cell)}</{tag}>" for i, cell in enumerate(row))


def folded(title: str, content: str) -> str:
    """Content that opens where its title is clicked."""
    return f"<details><summary>{text(title)}</summary>{content}</details>"
