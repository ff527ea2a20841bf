"""Where two runs diverge, in words and as data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from xnorsim.exact.diff import Difference, Divergence
from xnorsim.show import labels
from xnorsim.show.content import Column
from xnorsim.show.forms import Form, Views, render, views
from xnorsim.show.terminal import lines_of, table_of
from xnorsim.show.text import csv_text, markdown_lines, markdown_table, to_json

__all__ = ["Divergences", "divergence_dict"]

_NAMES = 5


@dataclass(frozen=True, eq=False, repr=False)
class Divergences:
    """What a comparison of two runs found: `sides` and `engines` of A and B (None: no run of ours).

    `differ` is whether it found a difference.
    """

    sides: tuple[str, str]
    engines: tuple[str, str | None]
    found: Divergence
    notes: tuple[str, ...] = ()

    @property
    def differ(self) -> bool:
        """Whether a tensor differs."""
        return self.found.difference is not None

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data, ready for JSON."""
        return divergence_dict(self)

    def __repr__(self) -> str:
        return render(self, Form.TABLE)


@views.register
def _(result: Divergences, all_layers: bool) -> Views:
    return Views(
        partial(_View, result),
        lambda: to_json(divergence_dict(result)),
        partial(_csv, result),
        partial(_markdown, result),
    )


def divergence_dict(result: Divergences) -> dict[str, Any]:
    """The result as plain data; `first` is None where nothing differs, infinities are None."""
    found, pairing = result.found, result.found.pairing
    return {
        "schema": 1,
        "a": {"title": result.sides[0], "engine": result.engines[0]},
        "b": {"title": result.sides[1], "engine": result.engines[1]},
        "differ": result.differ,
        "paired_by": pairing.rule,
        "pairs": len(pairing.partners),
        "compared": found.compared,
        "ulp": found.ulp,
        "tolerance": found.tolerance,
        "only_a": list(pairing.only_a),
        "only_b": list(pairing.only_b),
        "first": _first_dict(found, found.difference) if found.difference else None,
        "outputs": {name: how and _how_dict(how) for name, how in found.outputs.items()},
        "notes": list(result.notes),
    }


def _first_dict(found: Divergence, how: Difference) -> dict[str, Any]:
    return {
        "tensor": found.tensor,
        "partner": found.partner,
        "node": found.node,
        "kind": found.kind,
        "is_binary": found.is_binary,
        **_how_dict(how),
    }


def _how_dict(how: Difference) -> dict[str, Any]:
    return {
        "shape_a": list(how.shapes[0]),
        "shape_b": list(how.shapes[1]),
        "type_a": how.types[0],
        "type_b": how.types[1],
        "elements": how.elements,
        "differing": how.differing,
        "largest_ulp": _finite(how.largest_ulp),
        "largest_absolute": _finite(how.largest),
        "places": [
            {"at": list(place), "a": _finite(a), "b": _finite(b)} for place, a, b in how.places
        ],
    }


def _finite(value: Any) -> Any:
    if isinstance(value, complex):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _csv(result: Divergences) -> str:
    """One line: the first tensor that differs, or that none does."""
    whole = divergence_dict(result)
    first = whole["first"] or {}
    line = {key: whole[key] for key in ("differ", "compared", "pairs", "paired_by")}
    keys = ("tensor", "partner", "node", "kind", "elements", "differing")
    keys += ("largest_ulp", "largest_absolute")
    return csv_text([{**line, **{key: first.get(key) for key in keys}}])


def _lines(result: Divergences) -> list[tuple[str, str]]:
    found, pairing = result.found, result.found.pairing
    lines = [
        (side, labels.visible(f"{name}, engine {engine}" if engine else name))
        for side, name, engine in zip("AB", result.sides, result.engines, strict=True)
    ]
    allowed = [f"{found.ulp} ulp"] * bool(found.ulp)
    allowed += [f"{found.tolerance:g}"] * bool(found.tolerance)
    how = f"within {' or '.join(allowed)}" if allowed else "exactly"
    told = f"{found.compared} of {len(pairing.partners)} pairs of tensors, {how}; by {pairing.rule}"
    if found.compared < len(pairing.partners):
        beyond = ", then the outputs" if found.outputs else ""
        told += f"; stopped at the first that differs{beyond}"
    lines.append(("compared", told))
    for side, names in (("A", pairing.only_a), ("B", pairing.only_b)):
        if names:
            lines.append((f"only {side}", _some(names)))
    if found.difference is None:
        lines.append(("result", "no difference"))
    else:
        lines += _first_lines(found, found.difference)
    return [*lines, *(("note", labels.visible(text)) for text in result.notes)]


def _first_lines(found: Divergence, how: Difference) -> list[tuple[str, str]]:
    tensor, partner = labels.visible(str(found.tensor)), labels.visible(str(found.partner))
    where = f"layer '{labels.visible(found.node)}' ({found.kind})" if found.node else "an input"
    shapes = " and ".join(dict.fromkeys(labels.shape_text(shape) for shape in how.shapes))
    types = " and ".join(dict.fromkeys(how.types))
    lines = [
        ("first", tensor if tensor == partner else f"{tensor} and {partner}"),
        ("of", f"{where}, {shapes}, {types}"),
    ]
    lines.append(("differ", _extent(how, "bits" if found.is_binary else "elements")))
    outputs = (
        f"{labels.visible(name)}: {_extent(after, 'elements') if after else 'no difference'}"
        for name, after in found.outputs.items()
    )
    return [*lines, *(("output", text) for text in outputs)]


def _extent(how: Difference, what: str) -> str:
    """How many elements differ, and how far at most."""
    if how.differing is None:
        return "the shapes"
    text = f"{how.differing} of {how.elements} {what}"
    if how.largest_ulp is not None:
        text += f", at most {how.largest_ulp} ulp"
    return f"{text}, at most {how.largest:.6g} apart"


def _some(names: tuple[str, ...]) -> str:
    more = f", ... ({len(names)} in all)" if len(names) > _NAMES else ""
    return ", ".join(labels.visible(name) for name in names[:_NAMES]) + more


def _places(how: Difference | None) -> tuple[list[str], list[Column]]:
    places = how.places if how else ()
    names = [f"[{', '.join(map(str, place))}]" for place, _, _ in places]
    sides = [
        Column(side, tuple(_number(place[i]) for place in places), "", 0)
        for i, side in ((1, "A"), (2, "B"))
    ]
    return names, sides


def _number(value: Any) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class _View:
    result: Divergences

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, plain = options.max_width, options.ascii_only
        yield lines_of(_lines(self.result), plain)
        names, sides = _places(self.result.found.difference)
        if names:
            yield Text("")
            grey = [labels.COLOURS[None]] * len(names)
            yield table_of("at", names, sides, grey, width, plain, foot="")


def _markdown(result: Divergences) -> str:
    names, sides = _places(result.found.difference)
    table = ["", *markdown_table("at", names, sides, foot="")] if names else []
    return "\n".join(["# Difference", "", *markdown_lines(_lines(result)), *table, ""])
