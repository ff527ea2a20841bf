"""The reference of the Python interface: pages from docstrings, and links to them.

`api.md` has the public names by the groups that the docstring of `xnorsim` has, `functions.md` the
modules that pages name, as `cost.formula.speedup`: such a name in code becomes a link to it, so
that a reader gets from an equation to the function that computes it. A name that is not there
fails the build.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

import xnorsim

PUBLIC, FUNCTIONS = "api.md", "functions.md"
ROOMS = ("analysis", "cost", "exact", "kernels", "machine", "measured", "network", "work")
_GROUP = re.compile(r"^(\w[\w ]*):  +(.*(?:\n {8,}\S.*)*)", re.M)
_NAMED = re.compile(rf"`(?:xnorsim\.)?((?:{'|'.join(ROOMS)})\.[a-z0-9_.]+)\.([A-Za-z0-9_]+)`")
_CODE = re.compile(
    rf"<code>((?:xnorsim\.)?(?:{'|'.join(ROOMS)})\.[a-z0-9_.]+\.[A-Za-z0-9_]+|xs\.[a-z_]+)(\(\.*\))?</code>"
)
_LINKED = re.compile(r"<(pre|h\d|a)\b.*?</\1>", re.S)


def on_files(files: Files, config: Any) -> Files:
    """Add both pages."""
    texts = [
        file.content_string
        for file in files.documentation_pages()
        if not file.src_uri.startswith("analyses/")
    ]
    modules = sorted({name for text in texts for name, _ in _NAMED.findall(text)})
    files.append(File.generated(config, PUBLIC, content=_public_page()))
    files.append(File.generated(config, FUNCTIONS, content=_functions_page(modules)))
    return files


def on_page_content(text: str, page: Any, **_: Any) -> str:
    """The page with names of functions as links."""
    if page.file.src_uri in (PUBLIC, FUNCTIONS):
        return text
    where = partial(_link, page.file.src_uri)
    parts, end = [], 0
    for kept in _LINKED.finditer(text):
        parts += [_CODE.sub(where, text[end : kept.start()]), kept[0]]
        end = kept.end()
    return "".join([*parts, _CODE.sub(where, text[end:])])


def _link(where: str, found: re.Match[str]) -> str:
    """A name in code, as a link if it has a place in the reference.

    Raises:
        PluginError: there is no such name.
    """
    code = found[1]
    try:
        path = _place(code[3:]) if code.startswith("xs.") else code.removeprefix("xnorsim.")
        module, _, name = f"xnorsim.{path.removeprefix('xnorsim.')}".rpartition(".")
        held = import_module(module)
        value = getattr(held, name)
    except (ImportError, AttributeError, KeyError) as fault:
        raise PluginError(f"{where}: there is no `{code}`: {fault}") from fault
    if name not in held.__all__ or not callable(value):
        return found[0]  # constants stand in the text of what uses them
    return f'<autoref identifier="{module}.{name}">{found[0]}</autoref>'


def _place(name: str) -> str:
    """Where a public name is defined; a folder of the package may go by the same name."""
    return f"{xnorsim._PUBLIC[name]}.{name}"


def groups() -> Iterator[tuple[str, list[str]]]:
    """The groups of public names, as the docstring of the package has them.

    Raises:
        PluginError: a public name is in no group, or a name of a group is not public.
    """
    found = [
        (m[1], re.split(r",\s*", m[2].strip())) for m in _GROUP.finditer(xnorsim.__doc__ or "")
    ]
    named = {name for _, names in found for name in names}
    if differ := named ^ (set(xnorsim.__all__) - {"__version__"}):
        raise PluginError(f"xnorsim.__doc__ and __all__ differ in: {', '.join(sorted(differ))}")
    yield from found


def _public_page() -> str:
    parts = [
        "# Python",
        "Everything that `import xnorsim as xs` gives. A model is the path of a file, the name of "
        "a network of [the zoo](zoo.md), or a graph; a profile is a name (`xnorsim profiles "
        "list`), a file, or a loaded profile.",
    ]
    for group, names in groups():
        parts.append(f"## {group}")
        parts += [f"::: {_place(name)}\n    options:\n      heading_level: 3" for name in names]
    return "\n\n".join(parts) + "\n"


def _functions_page(modules: list[str]) -> str:
    parts = [
        "# Functions of the model",
        "The modules that these pages name: what computes each equation and each column. They are "
        "no promise of an interface that stays; what is public is [here](api.md).",
    ]
    options = "    options:\n      heading_level: 2\n      heading: {0}\n      toc_label: {0}"
    parts += [f"::: xnorsim.{name}\n{options.format(name)}" for name in modules]
    return "\n\n".join(parts) + "\n"
