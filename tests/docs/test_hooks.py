"""What the site is made of when it is built: the pages that no file holds, and what they refuse."""

from __future__ import annotations

import importlib.util
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import typer

from tests.conftest import PROJECT
from xnorsim.cli import app

pytest.importorskip("mkdocs")
pytest.importorskip("latex2mathml")
pytest.importorskip("griffe")

from mkdocs.exceptions import PluginError

PAGE = SimpleNamespace(file=SimpleNamespace(src_uri="page.md"))


def hook(name: str) -> ModuleType:
    """A module of docs/hooks, which is no package."""
    spec = importlib.util.spec_from_file_location(name, PROJECT / "docs" / "hooks" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_command_and_option_is_on_the_page():
    text = hook("commands").page()
    pairs: list[tuple[str, Any]] = [("", typer.main.get_command(app))]
    options = 0
    for path, command in pairs:
        inner = getattr(command, "commands", {})
        pairs += [(f"{path} {name}".strip(), each) for name, each in inner.items()]
        if path and not inner:
            section = text.partition(f"\n## {path}\n")[2].partition("\n## ")[0]
            assert section, path
            for parameter in command.params:
                assert parameter.opts[-1] in section, (path, parameter.opts)
                assert " ".join((parameter.help or "").split()[:3]) in section
                options += 1
    assert options > 200


DOCSTRINGS = {
    "parameters, then errors": (
        "Do.\n\nParameters\n----------\na, b : two\n    things\nc : [m]\n\nReturns a sum.\n\n"
        "Raises:\n    ValueError: a",
        "Do.\n\nArgs:\n    a: two\n    things\n    b: two\n    things\n    c: \\[m]\n\n"
        "Returns a sum.\n\nRaises:\n    ValueError: a",
    ),
    "a session in the text": ("Do.\n\n>>> f([1])\n[2]\n", "Do.\n\n```pycon\n>>> f([1])\n[2]\n```"),
    "sizes and units are no links": ("x [layers] [J] `y[0]`", "x \\[layers] \\[J] `y[0]`"),
    "references are": ("see [f][xnorsim.cost.f]", "see [f][xnorsim.cost.f]"),
}


@pytest.mark.parametrize("case", DOCSTRINGS)
def test_docstrings(case: str):
    written, expected = DOCSTRINGS[case]
    found = hook("docstrings").rewritten(written)
    assert [line.strip() for line in found.splitlines() if line.strip()] == [
        line.strip() for line in expected.splitlines() if line.strip()
    ]


def test_equations_become_mathml():
    content = hook("equations").on_page_content
    page = '<p>a <span class="arithmatex">\\(x &lt; \\alpha\\)</span></p>'
    found = content(page, page=PAGE)
    assert "<math" in found
    assert "arithmatex" not in found
    assert "α" in found or "&#x003B1;" in found
    with pytest.raises(PluginError, match=r"page\.md: .*fraq"):
        content('<div class="arithmatex">\\[\\fraq{1}{2}\\]</div>', page=PAGE)


def test_names_in_code_lead_to_the_reference():
    content = hook("reference").on_page_content
    found = content("<code>cost.formula.speedup</code> <pre><code>xs.run</code></pre>", page=PAGE)
    assert '<autoref identifier="xnorsim.cost.formula.speedup">' in found
    assert found.count("<autoref") == 1
    assert "xnorsim.analysis.run" in content("<code>xs.run(...)</code>", page=PAGE)
    with pytest.raises(PluginError, match=r"page\.md: there is no `cost\.formula\.speedups`"):
        content("<code>cost.formula.speedups</code>", page=PAGE)


def test_public_names_are_grouped():
    groups = dict(hook("reference").groups())
    assert "analyze" in groups["The questions"]
