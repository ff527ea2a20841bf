"""Pages and links that lead out of docs/: written for readers of the files, true on the site."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

PROJECT = Path(__file__).resolve().parents[2]
PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
MADE_OF = {"xnorsim/cli/__init__.py": "commands.md", "xnorsim/__init__.py": "api.md"}
"""Source files that pages are made of: where links lead in a repository, and on the site."""


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that stand beside docs/."""
    for name, page in PAGES.items():
        text = (PROJECT / name).read_text("utf-8").replace("](docs/", "](")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(text: str, **_: Any) -> str:
    """Links to files beside docs/ as links to their pages."""
    for name, page in (PAGES | MADE_OF).items():
        text = text.replace(f"](../{name}", f"]({page}")
    return re.sub(r"\]\(\.\./analyses/(?:(README)|(\w+))\.(?:md|py)", _analysis, text)


def _analysis(found: re.Match[str]) -> str:
    return "](analyses/" + ("index.md" if found[1] else f"{found[2]}.md")
