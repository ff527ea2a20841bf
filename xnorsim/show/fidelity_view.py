"""A fidelity in a terminal and in Markdown, and the columns that both and HTML show."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult
from rich.text import Text

from xnorsim.exact.fidelity import CAVEAT, Closeness, LayerFidelity, worst_first
from xnorsim.network.precision import MacClass
from xnorsim.show import labels
from xnorsim.show.content import Column
from xnorsim.show.fidelity import Fidelity
from xnorsim.show.terminal import fit, lines_of, name_room, table_of
from xnorsim.show.text import markdown_lines, markdown_table

__all__ = [
    "fidelity_colours",
    "fidelity_columns",
    "fidelity_head",
    "fidelity_markdown",
    "fidelity_rows",
    "fidelity_summary",
    "fidelity_table",
]

Line = tuple[str, str]

_PARTS = {"weights": "weights", "exact": "exact inputs", "propagated": "propagated"}
_RANKS = {"weights": 4, "exact": 1, "propagated": 2}
_WORST = 3


def fidelity_rows(result: Fidelity) -> list[LayerFidelity]:
    """The layers, the worst first."""
    return worst_first(result.found.layers)


def fidelity_colours(shown: Sequence[LayerFidelity]) -> list[str]:
    """The colour of a binary layer, for every row."""
    return [labels.COLOURS[MacClass.BINARY]] * len(shown)


def fidelity_columns(shown: Sequence[LayerFidelity]) -> list[Column]:
    """Cosine and signal-to-noise ratio of each of the three comparisons."""
    found = [
        _column("rank", shown, lambda item: str(item.rank), 0),
        _column("kind", shown, lambda item: item.kind, 8, "left"),
        _column("output", shown, lambda item: labels.shape_text(item.output_shape), 9, "left"),
    ]
    if any(item.positive is not None for item in shown):
        found.append(_column("+1", shown, _positive, 7))
    for part, group in _PARTS.items():
        rank = _RANKS[part]
        found += [
            _column("cosine", shown, lambda item, p=part: _cosine(_of(item, p)), rank, group=group),
            _column("SNR", shown, lambda item, p=part: _snr(_of(item, p)), rank + 3, group=group),
        ]
    return found


def _of(item: LayerFidelity, part: str) -> Closeness:
    return getattr(item, part)


def _column(
    header: str,
    shown: Sequence[LayerFidelity],
    text: Callable[[LayerFidelity], str],
    rank: int,
    align: str = "right",
    group: str = "",
) -> Column:
    return Column(header, tuple(map(text, shown)), "", rank, align, group=group)


def _cosine(item: Closeness) -> str:
    return labels.UNKNOWN if math.isnan(item.cosine) else f"{item.cosine:.3f}"


def _positive(item: LayerFidelity) -> str:
    return labels.UNKNOWN if item.positive is None else labels.percent(item.positive)


def _snr(item: Closeness) -> str:
    if math.isfinite(item.snr_db):
        return f"{item.snr_db:.1f} dB"
    return "equal" if item.snr_db > 0 else labels.UNKNOWN


def fidelity_head(result: Fidelity) -> list[Line]:
    """What was compared with what."""
    taken = result.assumptions
    kept = taken["high_precision_layers"]
    return [
        ("model", labels.visible(str(result.model["name"]))),
        ("inputs", labels.visible(_shapes(result))),
        ("binarized as", f"{taken['binarize']}, scaling {taken['scaling']}"),
        ("high precision", labels.visible(", ".join(kept)) or "no layer"),
        ("caveat", CAVEAT),
    ]


def _shapes(result: Fidelity) -> str:
    inputs = result.model["inputs"].items()
    return ", ".join(f"{name} {labels.shape_text(shape)}" for name, shape in inputs)


def fidelity_summary(result: Fidelity) -> list[Line]:
    """What has become of the network's outputs, and where to look first."""
    lines = []
    for item in result.found.outputs:
        near = f"cosine {_cosine(item.closeness)}, {_snr(item.closeness)}"
        lines.append(("output", f"{labels.visible(item.name)}: {near}"))
        if item.top1 is not None:
            count = item.shape[0]
            of = "the only sample" if count == 1 else f"{count} samples"
            lines.append(("top-1", f"agrees with the float network in {item.top1:.1%} of {of}"))
    worst = [labels.visible(item.name) for item in fidelity_rows(result)[:_WORST]]
    lines.append(("keep first", f"{', '.join(worst)}: furthest off given exact inputs"))
    return [*lines, *(("note", labels.visible(text)) for text in result.found.notes)]


def fidelity_table(result: Fidelity) -> ConsoleRenderable:
    """The fidelity as something that rich prints at any width from 60 on."""
    return _View(result)


@dataclass(frozen=True)
class _View:
    result: Fidelity

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, plain = options.max_width, options.ascii_only
        yield lines_of([*fidelity_head(self.result), ("", "")], plain)
        shown = fidelity_rows(self.result)
        names = [item.name for item in shown]
        found = fidelity_columns(shown)
        kept = fit(found, width - name_room(names))
        yield table_of("layer", names, kept, fidelity_colours(shown), width, plain, foot="")
        yield Text("")
        left_out = [f"{c.group} {c.header}".lstrip() for c in found if c not in kept]
        room = (
            [("left out", f"{', '.join(left_out)}: no room at this width, COLUMNS=120 has it")]
            if left_out
            else []
        )
        yield lines_of([*fidelity_summary(self.result), *room], plain)


def fidelity_markdown(result: Fidelity) -> str:
    """The fidelity as lists and a table with every column."""
    shown = fidelity_rows(result)
    names = [item.name for item in shown]
    table = markdown_table("layer", names, fidelity_columns(shown), foot="")
    return "\n".join(
        [
            "# Fidelity",
            "",
            *markdown_lines(fidelity_head(result)),
            "",
            *table,
            "",
            *markdown_lines(fidelity_summary(result)),
            "",
        ]
    )
