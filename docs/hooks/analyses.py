"""The analyses as pages, with what they showed when they were executed.

`scripts/notebooks` executes them into build/notebooks; this writes each as Markdown with its
figures as files. An analysis that was not executed, or not to its end, fails the build.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter

PROJECT = Path(__file__).resolve().parents[2]
SOURCES, EXECUTED = PROJECT / "analyses", PROJECT / "build" / "notebooks"

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_STYLE = re.compile(r"<style scoped>.*?</style>", re.S)


def on_config(config: Any) -> Any:
    """The analyses into the navigation, in the order of their list, if they are not there yet."""
    pages = next(entry["Analyses"] for entry in config.nav if "Analyses" in entry)
    places = [f"analyses/{source.stem}.md" for source in _sources()]
    pages += [place for place in places if place not in str(config.nav)]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add a page for each analysis, its figures, and the list of them.

    Raises:
        PluginError: an analysis that was not executed, or of which a cell failed.
    """
    for source in _sources():
        text, images = converted(source.stem)
        files.append(File.generated(config, f"analyses/{source.stem}.md", content=text))
        for name, data in images.items():
            files.append(File.generated(config, f"analyses/{name}", content=data))
    files.append(File.generated(config, "analyses/index.md", content=_index()))
    return files


def _sources() -> list[Path]:
    listed = (SOURCES / "README.md").read_text("utf-8")
    return sorted(SOURCES.glob("*.py"), key=lambda source: listed.find(f"`{source.name}`"))


def _index() -> str:
    """The list of analyses, and the answer of each: the paragraph below its title."""
    listed = (SOURCES / "README.md").read_text("utf-8")
    listed = re.sub(r"`(\w+)\.py`", r"[`\1`](\1.md)", listed)
    answers = []
    for source in _sources():
        first = nbformat.read(EXECUTED / f"{source.stem}.ipynb", as_version=4).cells[0].source
        title, answer, *_ = first.split("\n\n")
        answers.append(f"**[{title.removeprefix('# ')}]({source.stem}.md)** {answer}")
    before, heading, after = listed.partition("\n## ")
    return "\n\n".join([before, "## The answers", *answers]) + f"\n{heading}{after}"


def converted(name: str) -> tuple[str, dict[str, bytes]]:
    """An analysis as Markdown, and its figures by file name."""
    path = EXECUTED / f"{name}.ipynb"
    if not path.exists():
        raise PluginError(f"analyses/{name}.py was not executed: run scripts/notebooks {name}")
    notebook = nbformat.read(path, as_version=4)
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                raise PluginError(f"analyses/{name}.py: cell {number} failed: {output.evalue}")
    resources = {"unique_key": name, "output_files_dir": f"{name}_files"}
    text, made = MarkdownExporter().from_notebook_node(notebook, resources=resources)
    source = f"\n*This page is `analyses/{name}.py`, executed.*\n"
    return _readable(text) + source, dict(made["outputs"])


def _readable(text: str) -> str:
    """Without escapes of terminals and without styles of their own for tables."""
    text = _STYLE.sub("", _ANSI.sub("", text))
    text = re.sub(r"`docs/(\w+)\.md`", r"[`docs/\1.md`](../\1.md)", text)
    text = re.sub(r"^!\[(png|svg|jpeg)\]", "![figure]", text, flags=re.M)
    return re.sub(r"^%matplotlib inline\n|^# ruff: .*\n", "", text, flags=re.M)
