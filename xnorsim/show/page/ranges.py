"""Values with their ranges, a line each: costs by machine, speedups by baseline."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from xnorsim.show import labels
from xnorsim.show.page.style import SYMBOLS, axis, figure, paint, ticks

__all__ = ["Measure", "Panel", "measure", "ranges_figure", "row_axis"]

Document = Mapping[str, Any]
Figure = dict[str, Any]

_ROW, _LEGEND, _GAP = 34, 50, 0.06
_TICKS = 15
"""Across all panels."""
_ONE = "#7A7A7A"
_LONGEST_NAME = 28


class Measure(NamedTuple):
    """A figure with its range: of which row, and of which series within it ("": of all)."""

    row: str
    series: str
    value: float
    low: float
    high: float
    text: str


def measure(
    found: Mapping[str, Any], key: str, unit: str, row: str, series: str = ""
) -> Measure | None:
    """A figure of a document with its ends, None if it is not known."""
    value = found[key]
    if not value:
        return None
    low, high = found[f"{key}_low"] or value, found[f"{key}_high"] or value
    about = ", ".join(word for word in (row, series) if word)
    text = f"{about}: {labels.quantity(value, unit)} ({labels.quantity_range(low, high, unit, 3)})"
    return Measure(row, series, value, low, high, text)


class Panel(NamedTuple):
    """What a panel of ranges shows: its title, the unit of its axis, and the figures."""

    title: str
    unit: str
    measures: Sequence[Measure]


def ranges_figure(panels: Sequence[Panel]) -> Figure | None:
    """Values with their ranges on logarithmic axes: a line a row, a marker a series."""
    shown = [panel for panel in panels if panel.measures]
    if not shown:
        return None
    measures = [item for panel in shown for item in panel.measures]
    rows = list(dict.fromkeys(item.row for item in measures))
    series = list(dict.fromkeys(item.series for item in measures if item.series)) or [""]
    top = _LEGEND if len(series) > 1 else 15
    height = max(_ROW, 15 * len(series) + 8) * len(rows) + top + 60
    count = len(shown)
    width = (1 - _GAP * (count - 1)) / count
    data: list[Figure] = []
    layout: Figure = {}
    for number, panel in enumerate(shown):
        suffix = str(number + 1) if number else ""
        left = number * (width + _GAP)
        low, high = _ends(panel.measures)
        layout[f"xaxis{suffix}"] = axis(
            panel.title, type="log", domain=[left, left + width], anchor=f"y{suffix}",
            range=[math.log10(low), math.log10(high)],
            **ticks(low, high, panel.unit, _TICKS // count),
        )  # fmt: skip
        layout[f"yaxis{suffix}"] = row_axis(rows, f"x{suffix}", named=not number)
        data += _dots(panel.measures, rows, series, number)
    return figure(data, height, margin={"l": 60, "r": 30, "t": top, "b": 55}, **layout)


def row_axis(rows: Sequence[str], anchor: str, *, named: bool = True) -> Figure:
    """An axis with a name a row, the first on top."""
    texts = [labels.literal(labels.shorten(labels.visible(row), _LONGEST_NAME)) for row in rows]
    return axis(
        range=[len(rows) - 0.5, -0.5], tickvals=list(range(len(rows))), anchor=anchor,
        ticktext=texts if named else [""] * len(rows), showgrid=False, zeroline=False,
    )  # fmt: skip


def _ends(found: Sequence[Measure]) -> tuple[float, float]:
    """The ends of a logarithmic axis around all ranges."""
    low, high = min(item.low for item in found), max(item.high for item in found)
    room = (high / low) ** 0.08 * 1.08
    return low / room, high * room


def _dots(
    found: Sequence[Measure], rows: Sequence[str], series: Sequence[str], panel: int
) -> Iterator[Figure]:
    """A trace a series, each a little below the one before; what is of all series between them."""
    step = 0.7 / len(series)
    suffix = str(panel + 1) if panel else ""
    names = [*series, *([] if "" in series else [""])]
    for number, name in enumerate(names):
        own = [item for item in found if item.series == name]
        if not own:
            continue
        is_one = not name and len(series) > 1
        shift = 0.0 if is_one else (number - (len(series) - 1) / 2) * step
        colour = _ONE if is_one else paint(number)["color"]
        yield {
            "type": "scatter", "mode": "markers", "name": labels.literal(name),
            "legendgroup": labels.literal(name), "showlegend": len(series) > 1 and not panel,
            "x": [item.value for item in own],
            "y": [rows.index(item.row) + shift for item in own],
            "xaxis": f"x{suffix}", "yaxis": f"y{suffix}",
            "marker": {"size": 10, "color": colour, "symbol": SYMBOLS[number % len(SYMBOLS)]},
            **_bars(own, colour),
            "hovertext": [labels.literal(item.text) for item in own], "hoverinfo": "text",
        }  # fmt: skip


def _bars(found: Sequence[Measure], colour: str) -> Figure:
    """The ranges as bars; nothing where there are none."""
    if all(item.low == item.high for item in found):
        return {}
    bars = {
        "type": "data",
        "symmetric": False,
        "thickness": 2,
        "width": 5,
        "color": colour,
        "array": [item.high - item.value for item in found],
        "arrayminus": [item.value - item.low for item in found],
    }
    return {"error_x": bars}
