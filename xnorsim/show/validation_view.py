"""A validation in a terminal and in Markdown: a table a group, the summary, and the misses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult
from rich.text import Text

from xnorsim.measured.validate import (
    DISTINCT,
    Compared,
    Summary,
    beyond,
    error,
    is_inside,
    is_out_of_reach,
)
from xnorsim.show import labels
from xnorsim.show.content import Column
from xnorsim.show.terminal import fit, lines_of, table_of
from xnorsim.show.text import markdown_lines, markdown_table
from xnorsim.show.validation import Validation

__all__ = [
    "colours",
    "groups",
    "meanings",
    "miss",
    "row_columns",
    "summary_columns",
    "table",
    "validation_lines",
    "validation_markdown",
    "validation_table",
]

Line = tuple[str, str]

_HIT, _MISS = "#0072B2", "#E69F00"
_PARTS = 3
"""How many kinds of layers are named as what takes most of a time."""
_WIDEST_NAME = 24


def groups(found: Validation) -> list[tuple[str, list[Compared]]]:
    """The rows of each group, in their order."""
    names = dict.fromkeys(row.group for row in found.rows)
    return [(name, [row for row in found.rows if row.group == name]) for name in names]


def row_columns(rows: Sequence[Compared]) -> list[Column]:
    """Predicted, range, measured, error, and whether the range holds the measurement."""
    texts: list[tuple[str, Callable[[Compared], str], int]] = [
        ("predicted", lambda row: _value(row.predicted, row.unit), 0),
        ("range", _range, 3),
        ("measured", _measured, 1),
        ("error", lambda row: _signed(error(row)), 2),
    ]
    found = [Column(head, tuple(map(text, rows)), "", rank) for head, text, rank in texts]
    inside = tuple("yes" if is_inside(row) else "MISSED" for row in rows)
    return [*found, Column("in range", inside, "", 1, "left", coloured=True)]


def _value(value: float, unit: str) -> str:
    return labels.factor(value) if unit == "1" else labels.quantity(value, unit)


def _range(row: Compared) -> str:
    if row.unit == "1":
        return f"{labels.factor(row.low).rstrip('×')}–{labels.factor(row.high)}"
    return labels.quantity_range(row.low, row.high, row.unit, 3)


def _measured(row: Compared) -> str:
    text = _value(row.measured, row.unit)
    return f"{text} ± {_value(row.measured_std, row.unit)}" if row.measured_std else text


def _signed(share: float) -> str:
    return f"{share:+.1%}"


def colours(rows: Sequence[Compared]) -> list[str]:
    """A colour for each row: whether its range holds the measurement."""
    return [_HIT if is_inside(row) else _MISS for row in rows]


def summary_columns(found: Sequence[Summary]) -> list[Column]:
    """The figures of each summary. Errors are of the absolute value, the bias is not."""
    texts: list[tuple[str, Callable[[Summary], str], int]] = [
        ("rows", lambda item: str(item.count), 4),
        ("mean err", lambda item: f"{item.mean_error:.1%}", 0),
        ("median", lambda item: f"{item.median_error:.1%}", 3),
        ("bias", lambda item: _signed(item.bias), 8),
        ("rho", lambda item: _correlation(item.spearman), 5),
        ("tau", lambda item: _correlation(item.kendall), 9),
        ("order", lambda item: f"{item.pairs - len(item.wrong)}/{item.pairs}", 2),
        ("inside", lambda item: f"{item.inside}/{item.count}", 1),
        ("widest", lambda item: f"±{item.widest:.0%}", 6),
        ("score", lambda item: f"{item.score:.2f}", 7),
    ]
    return [Column(head, tuple(map(text, found)), "", rank) for head, text, rank in texts]


def _correlation(value: float | None) -> str:
    return labels.UNKNOWN if value is None else f"{value:.2f}"


def validation_lines(found: Validation) -> list[Line]:
    """What the columns of the summary mean, wrong orders, misses, and what nothing predicts."""
    return [*meanings(found.coverage), *_orders(found), *_misses(found), *_unpredicted(found)]


def meanings(coverage: float) -> Iterator[Line]:
    """What the columns of a summary are, for ranges of `coverage`."""
    yield "errors", "predicted / measured - 1: mean and median of its size, bias its mean"
    yield "rho, tau", "rank correlations (Spearman, Kendall) of predictions with measurements"
    yield (
        "order",
        f"pairs of a group measured over {DISTINCT:.0%} apart, and predicted in that order",
    )
    yield "widest", "the widest range, as half its width over the prediction"
    yield "score", f"mean interval score of {coverage:.0%} ranges over the measurement"


def _orders(found: Validation) -> Iterator[Line]:
    for item in found.summaries:
        if item.wrong and item.name in {row.group for row in found.rows}:
            pairs = "; ".join(f"{less} < {more}" for less, more in item.wrong)
            yield "wrong order", labels.visible(f"{item.name}: measured {pairs}")


def _misses(found: Validation) -> Iterator[Line]:
    for row in found.rows:
        if not is_inside(row):
            yield "missed", labels.visible(f"{row.name}, {row.group}: {miss(row)}")


def miss(row: Compared) -> str:
    """By how much a row misses its range, and what takes the predicted time."""
    by = beyond(row)
    side, end = ("above", row.high) if by > 0 else ("below", row.low)
    text = f"measured {abs(by):.1%} {side} the range's end of {_value(end, row.unit)}"
    if is_out_of_reach(row):
        text += f", and below every draw of the inputs (at least {_value(row.least, row.unit)})"
    parts = [
        f"{labels.percent(part.share)} {part.what} (bound by {part.bound})"
        for part in row.parts[:_PARTS]
    ]
    return f"{text}; predicted time: {', '.join(parts)}" if parts else text


def _unpredicted(found: Validation) -> Iterator[Line]:
    about = dict.fromkeys((item.group, item.reason) for item in found.unpredicted)
    for group, reason in about:
        same = [item for item in found.unpredicted if (item.group, item.reason) == (group, reason)]
        shown = ", ".join(f"{i.name} {labels.quantity(i.measured_s, 's')}" for i in same)
        yield "not predicted", labels.visible(f"{group}: {reason}: measured {shown}")


def _head(found: Validation) -> list[Line]:
    return [(name, labels.visible(text)) for name, text in found.software.items()]


def validation_table(found: Validation) -> ConsoleRenderable:
    """The validation as something that rich prints at any width from 60 on."""
    return _View(found)


@dataclass(frozen=True)
class _View:
    found: Validation

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        plain = options.ascii_only
        yield lines_of([*_head(self.found), ("", "")], plain)
        for group, rows in groups(self.found):
            names = [row.name for row in rows]
            yield from table(group, names, row_columns(rows), colours(rows), options)
        summaries = self.found.summaries
        names, shades = [item.name for item in summaries], [_HIT] * len(summaries)
        yield from table("summary", names, summary_columns(summaries), shades, options)
        yield lines_of(validation_lines(self.found), plain)


def table(
    title: str,
    names: Sequence[str],
    found: Sequence[Column],
    shades: Sequence[str],
    options: ConsoleOptions,
) -> Iterator[Any]:
    """A titled table with the columns that fit, and the names of those that do not."""
    width, plain = options.max_width, options.ascii_only
    room = min(_WIDEST_NAME, max(map(cell_len, [*names, title])))
    kept = fit(found, width - room)
    yield table_of(title, names, kept, shades, width, plain, foot="")
    left_out = [column.header for column in found if column not in kept]
    if left_out:
        yield lines_of(
            [("left out", f"{', '.join(left_out)}: no room at this width, COLUMNS=120 has it")],
            plain,
        )
    yield Text("")


def validation_markdown(found: Validation) -> str:
    """The validation as lists and tables with every column."""
    lines = ["# Validation", "", *markdown_lines(_head(found)), ""]
    for group, rows in groups(found):
        names = [row.name for row in rows]
        lines += [
            f"## {labels.visible(group)}",
            "",
            *markdown_table("name", names, row_columns(rows), foot=""),
            "",
        ]
    names = [item.name for item in found.summaries]
    columns = summary_columns(found.summaries)
    lines += ["## Summary", "", *markdown_table("rows of", names, columns, foot=""), ""]
    return "\n".join([*lines, *markdown_lines(validation_lines(found)), ""])
