"""The page of commands, from the command line itself: nothing is written down that goes stale."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import typer
from mkdocs.structure.files import File, Files

from xnorsim.cli import app

PAGE = "commands.md"


def on_files(files: Files, config: Any) -> Files:
    """Add the page."""
    files.append(File.generated(config, PAGE, content=page()))
    return files


def page() -> str:
    """Every command with its arguments and options, as Markdown."""
    root = typer.main.get_command(app)
    context = typer.Context(root, info_name="xnorsim")
    commands = list(_commands(root, context))
    rows = [
        f"| [`{name}`](#{name.replace(' ', '-')}) | {_cell(command.help.partition(chr(10))[0])} |"
        for name, command, _ in commands
    ]
    parts = [
        "# Commands",
        _text(root.help or ""),
        "`xnorsim COMMAND --help` shows the same in a shell, and `--install-completion` completes "
        "commands and options there. Written from the program when this page was built.",
        "\n".join(["| command | does |", "|---|---|", *rows]),
        _table("option", root, context),
    ]
    for name, command, inner in commands:
        usage = re.sub(r"^Usage: ", "", " ".join(command.get_usage(inner).split()))
        parts += [f"## {name}", _text(command.help or ""), f"```text\n{usage}\n```"]
        parts += [_table("argument", command, inner), _table("option", command, inner)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _commands(command: Any, context: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(name, command, its context) of every command that has none of its own."""
    for name in command.list_commands(context):
        each = command.get_command(context, name)
        inner = typer.Context(each, info_name=name, parent=context)
        full = f"{path} {name}".strip()
        if hasattr(each, "list_commands"):
            yield from _commands(each, inner, full)
        else:
            yield full, each, inner


def _table(kind: str, command: Any, context: Any) -> str:
    """The arguments or the options of a command; "" if it has none."""
    rows = []
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if parameter.param_type_name != kind or record is None:
            continue
        names, text = record
        text, _, extra = text.partition("  [")
        default = re.search(r"default: (.*?)(?=; required|\]$|$)", extra)
        needed = "required" in extra.replace("default: ", "")
        value = "required" if needed else f"`{default[1]}`" if default else ""
        rows.append(f"| `{names}` | {_cell(text)} | {value} |".replace("`` ", "` "))
    if not rows:
        return ""
    return "\n".join([f"| {kind} | | default |", "|---|---|---|", *rows])


def _cell(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|")


def _text(text: str) -> str:
    """Help text: paragraphs are kept, and nothing in them is markup."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(re.sub(r"([*_\[])", r"\\\1", _cell(each)) for each in paragraphs)
