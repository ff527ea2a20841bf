"""Equations as MathML when the site is built: no script and no font is fetched to read them.

Pages write LaTeX as GitHub shows it, $...$ and $$...$$; arithmatex marks it, this converts it.
"""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError

_MARKED = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\(?P<open>[(\[])(?P<latex>.*?)\\[)\]]</(?P=tag)>', re.S
)


def on_page_content(text: str, page: Any, **_: Any) -> str:
    """The page with each equation converted.

    Raises:
        PluginError: LaTeX that cannot be converted, with its page.
    """

    def mathml(found: re.Match[str]) -> str:
        latex = html.unescape(found["latex"]).strip()
        display = "block" if found["open"] == "[" else "inline"
        try:
            math = convert(latex, display=display)
        except Exception as fault:
            raise PluginError(f"{page.file.src_uri}: no equation: {latex} ({fault!r})") from fault
        if "\\" in html.unescape(math):
            raise PluginError(f"{page.file.src_uri}: the equation has an unknown command: {latex}")
        return f'<div class="equation">{math}</div>' if display == "block" else math

    return _MARKED.sub(mathml, text)
