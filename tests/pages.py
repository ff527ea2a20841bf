"""The examples of a page: what is fenced in Markdown, executed as it stands.

| fence | is |
|---|---|
| console | lines `$ xnorsim ...` with what they print below; `...` stands for anything |
| pycon | an interpreter's session: a doctest |
| python | a program; all on a page share their names with each other and with pycon |
| sh | commands that are not executed: each must name a command and options that there are |

A comment in front of a fence says more: `<!-- file: NAME -->` writes it to a file that the rest of
the page reads, `<!-- not run: REASON -->` leaves it out.
"""

from __future__ import annotations

import contextlib
import difflib
import doctest
import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from xnorsim.cli import app, main

COLUMNS = "88"
"""The width of the terminal that the pages show."""

_FENCE = re.compile(
    r"(?:<!-- (?P<what>file|not run): (?P<said>[^\n]*?) -->\n+)?"
    r"^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$",
    re.M | re.S,
)


@dataclass(frozen=True)
class Block:
    """A fence of a page: its language, text and first line; the comment in front of it."""

    language: str
    text: str
    line: int
    file: str = ""
    reason: str = ""


def blocks(page: Path) -> Iterator[Block]:
    """Every fence of a page."""
    text = page.read_text("utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start("language")) + 1
        said = {found["what"]: found["said"]}
        yield Block(
            found["language"], found["text"], line, said.get("file", ""), said.get("not run", "")
        )


def execute(page: Path) -> int:
    """Execute the examples of a page in the current folder; how many there were."""
    names: dict[str, Any] = {"__name__": "__main__"}
    done = 0
    for block in blocks(page):
        if block.file:
            Path(block.file).write_text(block.text, "utf-8")
        elif block.language in _EXECUTE and not block.reason:
            _EXECUTE[block.language](block.text, f"{page.name}:{block.line}", names)
            done += 1
    return done


def _python(text: str, where: str, names: dict[str, Any]) -> None:
    exec(compile(text, where, "exec"), names)


def _session(text: str, where: str, names: dict[str, Any]) -> None:
    told = io.StringIO()
    test = doctest.DocTestParser().get_doctest(text, names, where, where, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    failed = runner.run(test, out=told.write, clear_globs=False).failed
    names.update(test.globs)
    assert not failed, told.getvalue()


def _console(text: str, where: str, names: dict[str, Any]) -> None:
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, shown = part.partition("\n")
        printed = _trimmed(_run(shlex.split(command, comments=True), where))
        if not doctest.OutputChecker().check_output(_trimmed(shown), printed, doctest.ELLIPSIS):
            changes = difflib.ndiff(_trimmed(shown).splitlines(), printed.splitlines())
            raise AssertionError("\n".join([f"{where}: $ {command}", *changes]))


def _run(words: list[str], where: str) -> str:
    """What a command prints, on both streams as a terminal has them."""
    assert words[0] == "xnorsim", f"{where}: only xnorsim is run: mark other blocks as sh"
    printed = io.StringIO()
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        contextlib.suppress(SystemExit),
    ):
        main(words[1:])
    return printed.getvalue()


def _trimmed(text: str) -> str:
    """Without spaces at the ends of lines and empty lines at the ends of the text."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n") + "\n"


def _commands(text: str, where: str, names: dict[str, Any]) -> None:
    for line in re.sub(r"\\\n", " ", text).splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["xnorsim"] and words[1:]:
            command: Any = typer.main.get_command(app)
            context: Any = typer.Context(command, info_name="xnorsim")
            words = words[1:]
            while hasattr(command, "commands"):
                name = words.pop(0)
                command = command.commands.get(name)
                assert command, f"{where}: no command '{name}': {line}"
            try:
                command.make_context(line, words, parent=context)
            except Exception as fault:
                raise AssertionError(f"{where}: {line}: {fault}") from fault


_EXECUTE = {"console": _console, "python": _python, "pycon": _session, "sh": _commands}
