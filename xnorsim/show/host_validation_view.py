"""A validation of this machine in a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log
from typing import TypeVar

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult

from xnorsim.measured.validate import is_inside
from xnorsim.show import labels
from xnorsim.show.content import Column
from xnorsim.show.host_validation import Bottleneck, HostRow, HostValidation, Lone, Pairing
from xnorsim.show.terminal import lines_of
from xnorsim.show.text import markdown_lines, markdown_table
from xnorsim.show.validation_view import (
    colours,
    meanings,
    miss,
    row_columns,
    summary_columns,
    table,
)

__all__ = ["host_markdown", "host_table", "pairing_lines", "reason"]

Line = tuple[str, str]
_Row = TypeVar("_Row")
_Key = TypeVar("_Key")
_Table = tuple[str, list[str], list[Column], list[str]]
"""Title, names of the rows, columns, and a colour for each row."""


def _tables(found: HostValidation, all_rows: bool) -> Iterator[_Table]:
    """Latencies by kernel, the paper's pairing, speedups if all are asked for, and the summary."""
    for title, rows in _grouped(found.rows, lambda row: row.compared.group):
        compared = [row.compared for row in rows]
        columns = [*row_columns(compared), *_timing_columns(rows)]
        yield title, [row.name for row in compared], columns, colours(compared)
    if found.pairing:
        yield _pairing_table(found.pairing)
        yield _ratio_table(found.pairing)
    if all_rows:
        for title, ratios in _grouped(found.speedups, lambda row: row.group):
            yield title, [row.name for row in ratios], row_columns(ratios), colours(ratios)
    if found.summaries:
        names = [item.name for item in found.summaries]
        yield (
            "summary",
            names,
            summary_columns(found.summaries),
            [labels.COLOURS[None]] * len(names),
        )


def _grouped(rows: Sequence[_Row], key: Callable[[_Row], _Key]) -> list[tuple[_Key, list[_Row]]]:
    """The rows by their key, in the order of its first row."""
    return [(k, [row for row in rows if key(row) == k]) for k in dict.fromkeys(map(key, rows))]


def _timing_columns(rows: Sequence[HostRow]) -> list[Column]:
    """The median, the middle of the samples over it, and whether it was disturbed."""
    times = [row.timing for row in rows]
    texts = {
        "median": [labels.quantity(timing.median_s, "s") for timing in times],
        "spread": [f"±{(t.p90_s - t.p10_s) / 2 / t.median_s:.0%}" for t in times],
        "disturbed": ["yes" if timing.disturbed else "" for timing in times],
    }
    ranks = {"median": 4, "spread": 5, "disturbed": 6}
    return [Column(head, tuple(cells), "", ranks[head]) for head, cells in texts.items()]


# --- the paper's pairing -------------------------------------------------------------------------


def _pairing_table(pairing: Pairing) -> _Table:
    rows = [item.row for item in pairing.kernels]
    per_cycle = tuple(_per_cycle(item.bottleneck) for item in pairing.kernels)
    columns = [*row_columns(rows), Column("predicted MAC/cycle", per_cycle, "", 4)]
    title = f"pairing: {pairing.layer}"
    return title, [item.kernel for item in pairing.kernels], columns, colours(rows)


def _per_cycle(item: Bottleneck) -> str:
    return f"{item.macs / item.cycles:.3g}"


def _ratio_table(pairing: Pairing) -> _Table:
    formula = tuple(labels.factor(pairing.formula) for _ in pairing.speedups)
    columns = [Column("formula", formula, "", 2), *row_columns(pairing.speedups)]
    names = [row.group for row in pairing.speedups]
    return "its speedups", names, columns, colours(pairing.speedups)


def pairing_lines(pairing: Pairing | None) -> Iterator[Line]:
    """What binds each loop of the pairing, and why the formula's speedup is another."""
    if pairing is None:
        return
    yield (
        "formula",
        f"{pairing.formula:.2f}: one binary word of 64 bits or one float MAC a clock, and one "
        "operation each result; no loads, no latencies, no packing",
    )
    for item in pairing.kernels:
        yield item.kernel, reason(item.bottleneck)


def reason(item: Bottleneck) -> str:
    """What binds a loop, in words and cycles.

    >>> reason(Bottleneck("product", 1.0, "scalar_fp32_add", 300.0, 100, 3.0))
    '3 cycles a MAC: each scalar_fp32_add waits 3 cycles for the one before'
    """
    cycles = item.cycles / item.macs
    if cycles >= _SLOW:
        text = f"{cycles:.3g} cycles a MAC"
    else:
        text = f"{64 * cycles:.3g} cycles for 64 MACs"
    if item.waits:
        text += f": each {item.name} waits {item.waits:g} cycles for the one before"
    elif item.name == "issue":
        text += ": as many instructions are issued as can be"
    elif "-" in item.name:
        text += f": bytes between {item.name.replace('-', ' and ')}"
    else:
        text += f": {item.name.replace('+', ', ')} are full"
    if item.share < _WHOLE:
        text += f"; this stage ({item.stage}) takes {labels.percent(item.share)} of the time"
    return text


_SLOW, _WHOLE = 0.3, 0.95


# --- what the tables do not say ------------------------------------------------------------------


def _head(found: HostValidation) -> list[Line]:
    return [
        (n, labels.visible(text)) for n, text in (*found.about.items(), *found.software.items())
    ]


def _lines(found: HostValidation, all_rows: bool) -> Iterator[Line]:
    yield from pairing_lines(found.pairing)
    yield from meanings(found.coverage)
    yield "spread", "half of what lies between the 10th and the 90th percentile of the samples"
    if found.speedups and not all_rows:
        told = "--all shows each; markdown, json and csv have them too"
        yield "speedups", f"{len(found.speedups)} in all, summarized here: {told}"
    yield from _some(_disturbed(found), all_rows)
    yield from _some(_misses(found), all_rows)
    yield from _alone(found.unpredicted)
    for item in found.left_out:
        yield "left out", labels.visible(str(item))
    for note in found.notes:
        yield "note", labels.visible(note)


_MOST = 10
"""Lines of a sort in a terminal, unless all are asked for."""


def _some(lines: Iterable[Line], all_rows: bool) -> Iterator[Line]:
    found = list(lines)
    shown = found if all_rows else found[:_MOST]
    yield from shown
    if len(shown) < len(found):
        yield found[0][0], f"and {len(found) - _MOST} more, which --all shows"


def _disturbed(found: HostValidation) -> Iterator[Line]:
    for row in found.rows:
        if row.timing.disturbed:
            name = f"{row.compared.name}, {row.compared.group}"
            yield "disturbed", labels.visible(f"{name}: {'; '.join(row.timing.disturbed)}")


def _misses(found: HostValidation) -> Iterator[Line]:
    """The rows whose range misses the measurement, the farthest first."""
    missed = [row.compared for row in found.rows if not is_inside(row.compared)]
    for row in sorted(missed, key=lambda row: -abs(log(row.predicted / row.measured))):
        yield "missed", labels.visible(f"{row.name}, {row.group}: {miss(row)}")


def _alone(found: Sequence[Lone]) -> Iterator[Line]:
    """Measurements without a prediction, those of a group and a reason together."""
    for (group, why), items in _grouped(found, lambda item: (item.group, item.reason)):
        values = ", ".join(f"{item.name} {_measured(item)}" for item in items)
        yield "not predicted", labels.visible(f"{group}: {why}: measured {values}")


def _measured(item: Lone) -> str:
    if item.unit == "1":
        return labels.factor(item.measured)
    return labels.quantity(item.measured, item.unit)


# --- both forms ----------------------------------------------------------------------------------


def host_table(found: HostValidation, *, all_rows: bool = False) -> ConsoleRenderable:
    """The validation as something that rich prints at any width from 60 on.

    Speedups are summarized, and shown one by one with `all_rows`.
    """
    return _View(found, all_rows)


@dataclass(frozen=True)
class _View:
    found: HostValidation
    all_rows: bool

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        plain = options.ascii_only
        yield lines_of([*_head(self.found), ("", "")], plain)
        for title, names, columns, shades in _tables(self.found, self.all_rows):
            yield from table(title, names, columns, shades, options)
        yield lines_of([*_lines(self.found, self.all_rows)], plain)


def host_markdown(found: HostValidation) -> str:
    """The validation as lists and tables with every row and column."""
    lines = ["# Validation on this machine", "", *markdown_lines(_head(found)), ""]
    for title, names, columns, _ in _tables(found, all_rows=True):
        cells = markdown_table("name", names, columns, foot="")
        lines += [f"## {labels.visible(title)}", "", *cells, ""]
    return "\n".join([*lines, *markdown_lines(_lines(found, all_rows=True)), ""])
