"""A comparison in a terminal and in Markdown, and the columns that both and HTML show."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult

from xnorsim.show import labels
from xnorsim.show.comparison import METRICS, Comparison, Pair, Value
from xnorsim.show.content import Column
from xnorsim.show.terminal import fit, lines_of, name_room, table_of
from xnorsim.show.text import markdown_lines, markdown_table

__all__ = [
    "comparison_colours",
    "comparison_columns",
    "comparison_head",
    "comparison_markdown",
    "comparison_rows",
    "comparison_table",
]

ComparedRow = tuple[str, str, Mapping[str, Pair]]

_TEXTS: dict[str, Callable[[Any], str]] = {
    "macs": lambda value: labels.UNKNOWN if value is None else labels.amount(value),
    "binary_macs": lambda value: labels.UNKNOWN if value is None else labels.amount(value),
    "stored_bits": labels.memory,
    "live_bits": labels.memory,
    "latency_s": functools.partial(labels.quantity, unit="s"),
    "energy_j": functools.partial(labels.quantity, unit="J"),
}
_RANKS = dict(zip(METRICS, (4, 6, 3, 5, 1, 2), strict=True))

_CHEAPER, _DEARER, _GREY = "#0072B2", "#E69F00", "#8C8C8C"


def comparison_rows(found: Comparison, all_layers: bool) -> list[ComparedRow]:
    """Names, sides and pairs; the layers without MACs on both sides together in one row."""
    lines = list(zip(found.names, found.where, found.layers, strict=True))
    others = [line for line in lines if not (line[2]["macs"].a or line[2]["macs"].b)]
    if all_layers or not others:
        return lines
    together = {
        metric: Pair(
            *(_added(metric, [getattr(line[2][metric], side) for line in others]) for side in "ab")
        )
        for metric in METRICS
    }
    kept = [line for line in lines if line[2]["macs"].a or line[2]["macs"].b]
    return [*kept, (f"{len(others)} other{'s' * (len(others) > 1)}", "both", together)]


def _added(metric: str, values: Sequence[Value]) -> Value:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return max(known) if metric == "live_bits" else sum(known)


def comparison_columns(found: Comparison, shown: Sequence[ComparedRow]) -> list[Column]:
    """A, B, difference and ratio of each metric; one column where the sides are the same."""
    result = []
    main = "latency_s" if found.totals["latency_s"].ratio is not None else "stored_bits"
    for metric, heading in METRICS.items():
        pairs = [pairs[metric] for _, _, pairs in shown]
        total = found.totals[metric]
        if all(pair.a is None and pair.b is None for pair in [*pairs, total]):
            continue
        result += _metric_columns(found, metric, heading, pairs, total, metric == main)
    return result


def _metric_columns(
    found: Comparison, metric: str, heading: str, pairs: Sequence[Pair], total: Pair, main: bool
) -> list[Column]:
    text, rank = _TEXTS[metric], _RANKS[metric]
    mark_a = "≥" if found.lower_bound_a else ""
    mark_b = "≥" if found.lower_bound_b else ""
    sides = [
        Column("A", tuple(text(p.a) for p in pairs), mark_a + text(total.a), rank, group=heading),
        Column("B", tuple(text(p.b) for p in pairs), mark_b + text(total.b), rank, group=heading),
    ]
    if all(pair.a == pair.b for pair in [*pairs, total]):
        return [Column("A = B", sides[0].cells, sides[0].total, 10 + rank, group=heading)]
    if not any(pair.difference is not None for pair in pairs):
        return sides
    change = tuple(_signed(text, pair) for pair in pairs)
    ratios = tuple(_ratio(pair) for pair in pairs)
    return [
        *sides,
        Column("B - A", change, _signed(text, total), 20 + rank, group=heading),
        Column("B / A", ratios, _ratio(total), rank, group=heading, coloured=main),
    ]


def _signed(text: Callable[[Any], str], pair: Pair) -> str:
    change = pair.difference
    if change is None:
        return labels.UNKNOWN
    return f"{'-' if change < 0 else '+' if change > 0 else ''}{text(abs(change))}"


def _ratio(pair: Pair) -> str:
    if pair.a is None or pair.b is None:
        return "only B" if pair.b is not None else "only A" if pair.a is not None else "-"
    return "=" if pair.a == pair.b else labels.factor(pair.ratio)


def comparison_colours(shown: Sequence[ComparedRow]) -> list[str]:
    """Blue where B is cheaper, orange where A is: by latency, or by weights without one."""
    found = []
    for _, _, pairs in shown:
        known = pairs["latency_s"].ratio
        ratio = pairs["stored_bits"].ratio if known is None else known
        found.append(_GREY if ratio in (None, 1.0) else _CHEAPER if ratio < 1 else _DEARER)
    return found


def comparison_head(found: Comparison) -> list[tuple[str, str]]:
    """What is compared, and the layers that only one side has."""
    lines = [("A", labels.visible(found.a)), ("B", labels.visible(found.b))]
    lines += [("both", labels.visible(found.both))] if found.both else []
    for metric, unit in (("latency_s", "s"), ("energy_j", "J")):
        ends = [
            f"{side} {labels.quantity_range(low, high, unit)}"
            for side, (low, high) in zip("AB", found.ranges[metric], strict=True)
            if low is not None and high is not None
        ]
        lines += [(f"{METRICS[metric]} range", ", ".join(ends))] if ends else []
    for side, where in (("A", "a"), ("B", "b")):
        only = [
            labels.visible(n) for n, w in zip(found.names, found.where, strict=True) if w == where
        ]
        if only:
            more = f", ... ({len(only)} in all)" if len(only) > 8 else ""
            lines.append((f"only {side}", ", ".join(only[:8]) + more))
    bounds = [s for s, is_bound in zip("AB", _bounds(found), strict=True) if is_bound]
    if bounds:
        lines.append(("lower bound", f"{' and '.join(bounds)}: layers without a rule are left out"))
    return lines


def _bounds(found: Comparison) -> tuple[bool, bool]:
    return found.lower_bound_a, found.lower_bound_b


def comparison_table(found: Comparison, *, all_layers: bool = False) -> ConsoleRenderable:
    """The comparison as something that rich prints at any width from 60 on."""
    return _View(found, all_layers)


@dataclass(frozen=True)
class _View:
    found: Comparison
    all_layers: bool

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown = comparison_rows(self.found, self.all_layers)
        width, plain = options.max_width, options.ascii_only
        yield lines_of([*comparison_head(self.found), ("", "")], plain)
        names = [name for name, _, _ in shown]
        kept = fit(comparison_columns(self.found, shown), width - name_room(names))
        yield table_of("layer", names, kept, comparison_colours(shown), width, plain)


def comparison_markdown(found: Comparison, *, all_layers: bool = False) -> str:
    """The comparison as a list and a table with every column."""
    shown = comparison_rows(found, all_layers)
    names = [name for name, _, _ in shown]
    table = markdown_table("layer", names, comparison_columns(found, shown))
    return "\n".join(["# Comparison", "", *markdown_lines(comparison_head(found)), "", *table, ""])
