"""A calibrated profile in a few lines: what a reader looks at first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xnorsim.show.listing import span

__all__ = ["calibration_lines"]


def calibration_lines(profile: Mapping[str, Any]) -> Iterator[str]:
    """Name and main figures of a profile in plain data, one a line."""
    yield f"{profile['name']}: {profile['description']}"
    core = profile["core"]
    yield f"clock         {_shown(profile['clock'])}"
    yield f"vectors       {profile['simd']['bits']['value']}"
    yield f"front end     {_shown(core['issue_width'])}"
    if "efficiency" in core:
        yield f"efficiency    {_shown(core['efficiency'])}"
    for memory in profile["memories"]:
        yield f"{memory['name']:<13} {memory['size']['value']}, {_shown(memory['bandwidth'])}"
    yield f"a layer       {_shown(profile['overhead']['layer'])}"
    for program, call in profile["overhead"].get("programs", {}).items():
        yield f"a call        {_shown(call)}: {program}"


def _shown(quantity: Mapping[str, Any]) -> str:
    low, high = str(quantity["low"]), str(quantity["high"])
    return f"{quantity['value']} ({span(low, high)})"
