"""The examples of the documents run as they stand, and print what is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from tests.conftest import PROJECT
from tests.pages import COLUMNS, blocks, execute

PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted(PROJECT.glob("docs/*.md"))]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to work in, and a terminal as wide as the pages have it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", COLUMNS)
    monkeypatch.setenv("MPLBACKEND", "agg")
    yield tmp_path
    plt.close("all")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_run(page: Path, folder: Path) -> None:
    shown = [block for block in blocks(page) if block.language in ("console", "python", "pycon")]
    assert execute(page) >= len([block for block in shown if not block.reason and not block.file])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_not_run_has_a_reason(page: Path) -> None:
    for block in blocks(page):
        assert block.language, f"{page.name}:{block.line}: a fence without a language"
        assert not block.reason or len(block.reason.split()) > 3
    assert len(re.findall("<!-- not run", page.read_text("utf-8"))) == len(
        [block for block in blocks(page) if block.reason]
    )


FAULTS = {
    "an output that is another": ("console", "$ xnorsim zoo list\nno network\n", "no network"),
    "a command that fails": ("console", "$ xnorsim zoo shw\n\n", "No such command"),
    "another program": ("console", "$ ls\n", "only xnorsim"),
    "a value that is another": ("pycon", ">>> 1 + 1\n3\n", "Expected"),
    "an error that is not shown": ("pycon", ">>> 1 / 0\n", "ZeroDivisionError"),
    "no such option": ("sh", "xnorsim analyze resnet18 --profle zen-4\n", "--profle"),
    "no such command": ("sh", "xnorsim plot speedups\n", "no command 'speedups'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_stale_examples_fail(fault: str, folder: Path) -> None:
    language, text, told = FAULTS[fault]
    page = folder / "page.md"
    page.write_text(f"# A page\n\n```{language}\n{text}```\n", "utf-8")
    with pytest.raises(AssertionError, match=told):
        execute(page)


def test_files_are_written_and_names_are_shared(folder: Path) -> None:
    page = folder / "page.md"
    page.write_text(
        "<!-- file: a.txt -->\n```text\nwords\n```\n\n"
        "```python\nimport pathlib; text = pathlib.Path('a.txt').read_text()\n```\n\n"
        "```pycon\n>>> text\n'words\\n'\n```\n\n"
        "<!-- not run: it takes an hour -->\n```python\n1 / 0\n```\n",
        "utf-8",
    )
    assert execute(page) == 2
