"""The form of an analysis, and whether its answer is borne out. analyses/README.md has the rules.

Nothing is executed here, and nothing but Python is needed: a notebook is a list of cells.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Cell", "answer_of", "form_faults", "read_cells", "unsupported"]

IMPORTS = ("xnorsim", "pandas", "numpy", "matplotlib", "pathlib")
LATEST_PARAMETERS = 4
"""Among how many cells, from the top, the heading of the parameters is."""

# A number that is no part of a name: ResNet-18, A72, 4-bit and x86-avx512 have none, 58x has one.
_FIGURE = re.compile(r"(?<![\w.,])(?<![A-Za-z]-)\d[\d.,]*(?=x\b|(?![\w.]|-[A-Za-z]))")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: whether it is markdown, its text, and the line of the file that it begins at."""

    markdown: bool
    text: str
    line: int


def read_cells(source: str) -> list[Cell]:
    """The cells of a file in jupytext's percent format; what is before the first is no cell."""
    marks = [*re.finditer(r"^# %%(.*)\n", source, flags=re.MULTILINE)]
    ends = [mark.start() for mark in marks[1:]] + [len(source)]
    cells = []
    for mark, end in zip(marks, ends, strict=True):
        text = source[mark.end() : end]
        markdown = "[markdown]" in mark[1]
        if markdown:
            text = re.sub(r"^# ?", "", text, flags=re.MULTILINE)
        cells.append(Cell(markdown, text.strip(), source.count("\n", 0, mark.start()) + 1))
    return cells


def answer_of(cells: Sequence[Cell]) -> str:
    """The answer on one line: the paragraph below the title; "" if there is none."""
    paragraphs = cells[0].text.split("\n\n") if cells and cells[0].markdown else []
    return _line(paragraphs[1]) if len(paragraphs) > 1 else ""


def form_faults(cells: Sequence[Cell]) -> list[str]:
    """What is wrong with the form, each fault with its line; [] if nothing is."""
    return [*_begins(cells), *_parameters(cells), *_code(cells), *_ends(cells)]


def unsupported(answer: str, printed: str) -> str:
    """Why what the last cell printed does not bear out the answer; "" if it does."""
    said, found = [*answer.split(), "(end)"], [*_line(printed).split(), "(end)"]
    if said == found:
        return ""
    place = next(i for i, (a, b) in enumerate(zip(said, found, strict=False)) if a != b)
    here = " ".join(said[max(0, place - 4) : place + 5])
    there = " ".join(found[max(0, place - 4) : place + 5])
    return f"the answer says '... {here} ...', and computed is '... {there} ...'"


def _line(markdown: str) -> str:
    return " ".join(re.sub(r"[*`]", "", markdown).split())


def _begins(cells: Sequence[Cell]) -> Iterator[str]:
    first = cells[0].text if cells and cells[0].markdown else ""
    if not re.match(r"# .*\?$", first, flags=re.MULTILINE):
        yield "1: the first cell is no markdown with the question as its title: '# ...?'"
        return
    answer = answer_of(cells)
    sentences = len(re.findall(r"[.!?](?=\s+[A-Z]|$)", answer))
    if sentences != 2:
        yield f"{cells[0].line}: the answer, below the title, has {sentences} sentences and not 2"
    if not _FIGURE.search(answer):
        yield f"{cells[0].line}: the answer has no figure"


def _parameters(cells: Sequence[Cell]) -> Iterator[str]:
    for heading, cell in pairwise(cells[: LATEST_PARAMETERS + 1]):
        if heading.markdown and heading.text.startswith("## Parameters") and not cell.markdown:
            for node in _parsed(cell).body:
                targets = node.targets if isinstance(node, ast.Assign) else []
                names = [item.id for item in targets if isinstance(item, ast.Name)]
                if not names or not all(name.isupper() for name in names):
                    yield f"{cell.line + node.lineno}: among the parameters, but not 'NAME = value'"
            return
    yield f"1: no heading '## Parameters', and a cell with them, in the first {LATEST_PARAMETERS}"


def _code(cells: Sequence[Cell]) -> Iterator[str]:
    for cell in cells:
        for node in ast.walk(_parsed(cell)):
            if isinstance(node, ast.ClassDef):
                yield f"{cell.line + node.lineno}: class '{node.name}' belongs into the package"
            if isinstance(node, ast.Import | ast.ImportFrom):
                at = cell.line + node.lineno
                for name in _imported(node):
                    if name.partition(".")[0] not in IMPORTS:
                        yield f"{at}: imports '{name}', not of {', '.join(IMPORTS)}"


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return ["." * node.level + (node.module or "")]
    return [alias.name for alias in node.names]


def _ends(cells: Sequence[Cell]) -> Iterator[str]:
    if not cells or cells[-1].markdown or "print(" not in cells[-1].text:
        yield f"{cells[-1].line if cells else 1}: the last cell does not print the answer"
        return
    for node in ast.walk(_parsed(cells[-1])):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for figure in _FIGURE.findall(node.value):
                at = cells[-1].line + node.lineno
                yield f"{at}: '{figure}' is written into the text that should compute it"


def _parsed(cell: Cell) -> ast.Module:
    """The syntax tree of a code cell; an empty one of markdown."""
    return ast.parse("" if cell.markdown else cell.text)
