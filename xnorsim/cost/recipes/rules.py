"""How often the parts of kernels run, in words: what extents.py says of its functions."""

from __future__ import annotations

import inspect
import sys

from xnorsim.cost.recipes.kernel import Extent

__all__ = ["extent_rule"]


def extent_rule(extent: Extent) -> str:
    """How often an extent says that a part runs, in words: what its function says of itself.

    A function that was made for some numbers is described by its maker, and these.
    """
    if _first_line(extent):
        return _first_line(extent)
    name = getattr(extent, "__qualname__", "")
    maker, _, inner = name.partition(".<locals>.")
    if not inner:
        return maker.strip("_").replace("_", " ")
    text = _first_line(getattr(sys.modules[extent.__module__], maker)) or maker
    given = inspect.getclosurevars(extent).nonlocals.items()
    return f"{text}; {', '.join(f'{key} = {value}' for key, value in given)}"


def _first_line(function: object) -> str:
    """The first line of what a function says of itself, as part of a sentence."""
    text = (inspect.getdoc(function) or "").partition("\n")[0].rstrip(".").replace("`", "")
    return text[:1].lower() + text[1:]
