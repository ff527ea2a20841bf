"""The page as text: the template filled in, with everything it needs inside.

Nothing of a document can run. Texts are escaped by the template, data for scripts is JSON without
any sign that HTML knows, text in figures is escaped for plotly, and the page's own policy
(Content-Security-Policy) lets no script run but the two of the page, known by their hashes, and no
address be asked for.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import import_module, resources
from typing import TYPE_CHECKING, Any

from xnorsim.errors import MissingExtraError, UsageError
from xnorsim.show import labels
from xnorsim.show.page.comparing import overview
from xnorsim.show.page.machines import machines
from xnorsim.show.page.sources import Footnotes, pieces
from xnorsim.show.page.view import model_names, model_view

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["check_extra", "json_for_html", "page"]

Document = Mapping[str, Any]

_PURPOSE = "a report as a page"
_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def check_extra() -> None:
    """Refuse to begin without what a page is made with.

    Raises:
        MissingExtraError: jinja2 or plotly is not installed (extra `html`).
    """
    for package in ("jinja2", "plotly"):
        try:
            import_module(package)
        except ImportError as error:
            raise MissingExtraError(package, "html", _PURPOSE) from error


def page(docs: Sequence[Document]) -> str:
    """JSON documents of reports as one HTML page that needs nothing else; the same bytes each time.

    Of several, a comparison comes first, then each in a section of its own.

    Raises:
        MissingExtraError: jinja2 or plotly is not installed (extra `html`).
        UsageError: there is no document.
    """
    if not docs:
        raise UsageError("a page needs at least one report")
    check_extra()
    notes, names = Footnotes(), model_names(docs)
    keys = [f"m{number}" for number in range(1, len(docs) + 1)]
    models = [
        model_view(doc, name, key, notes) for doc, name, key in zip(docs, names, keys, strict=True)
    ]
    plotly, own = _plotly(), _text("page.js")
    return _environment().get_template("page.html.j2").render(
        title=_title(docs, names),
        models=models,
        overview=overview(docs, names, keys) if len(docs) > 1 else None,
        machines=machines(docs, notes),
        sources=[list(pieces(labels.visible(text))) for text in notes.texts()],
        versions=_versions(docs, names),
        style=_text("page.css"),
        plotly=plotly,
        script=own,
        policy=_policy(plotly, own),
    )  # fmt: skip


def _title(docs: Sequence[Document], names: Sequence[str]) -> str:
    if len(docs) == 1:
        return names[0]
    return f"{', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"


def _versions(docs: Sequence[Document], names: Sequence[str]) -> list[tuple[str, str]]:
    """What made each report: once where it is the same for all."""
    found = [
        ", ".join(f"{labels.visible(k)} {labels.visible(v)}" for k, v in doc["versions"].items())
        if doc.get("versions") else ""
        for doc in docs
    ]  # fmt: skip
    if len(set(found)) == 1:
        return [("made with", found[0])] if found[0] else []
    return [(name, text or "not said") for name, text in zip(names, found, strict=True)]


def json_for_html(value: Any) -> str:
    """Data as JSON that stays data wherever HTML finds it.

    >>> json_for_html({"name": "</script>"})
    '{"name":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for sign, escape in _ESCAPES.items():
        text = text.replace(sign, escape)
    return text


def _text(name: str) -> str:
    return (resources.files("xnorsim.show.page") / "templates" / name).read_text(encoding="utf-8")


@functools.cache
def _plotly() -> str:
    """plotly.js as the installed plotly has it, 4.8 MB."""
    from plotly.offline import get_plotlyjs

    return get_plotlyjs().replace("</script", "<\\/script").strip()


def _policy(*scripts: str) -> str:
    """Nothing is loaded, and no script runs but those of the page."""
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@functools.cache
def _environment() -> Environment:
    from jinja2 import DictLoader, Environment, StrictUndefined

    names = ("page.html.j2", "parts.html.j2", "table.html.j2")
    environment = Environment(
        loader=DictLoader({name: _text(name) for name in names}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data"] = json_for_html
    environment.filters["digits"] = lambda value: f"{value:.9g}"
    return environment
