"""A network as boxes and what they read from each other, coloured by precision or by cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Patch
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, MaxNLocator

from xnorsim.network.precision import MacClass
from xnorsim.show import labels
from xnorsim.show.layering import Layout, layered
from xnorsim.show.plots import CLASS_WORDS, literally
from xnorsim.units import format_si

__all__ = ["Box", "network_figure"]

_SHADES = ListedColormap(matplotlib.colormaps["YlGnBu"](np.linspace(0.0, 0.9, 256)))
"""From light to dark, in hues that every common colour blindness tells apart, and grey print too.
Source: C. Brewer, ColorBrewer 2.0."""

# In inches.
_WIDE, _HIGH = 1.62, 0.40
_PITCH = 0.66
_TURN, _APART = 0.04, 0.04  # where an edge turns below its box, and one of another lane
_JOIN = 0.09  # above the box that it leads to
_GAP, _TRACK = 0.16, 0.11
_GUTTER = 0.24
_MARGIN = 0.12
_TITLE, _FOOT = 0.42, 0.78
_SHAPE = 1.1  # width over height, about
_TRIED = (0.8, 1.0, 1.25, 1.55, 1.9, 2.4)  # rows, of those of one lane in this shape
_LINE = "#555555"
_LONGEST = 19
_MIDDLE = 0.45


@dataclass(frozen=True, slots=True)
class Box:
    """A layer with what is fused into it.

    name, parts: its name, and the kinds of everything in it; precision: of its MACs; value: what it
    is coloured by, where that is a cost.
    """

    name: str
    parts: str
    precision: MacClass | None
    value: float = 0.0


def network_figure(
    boxes: Sequence[Box],
    edges: Sequence[tuple[int, int]],
    title: str,
    cost: tuple[str, str] | None = None,
) -> Figure:
    """Draw boxes and edges between them, by their places in `boxes`; edges form no cycle.

    cost: what the boxes' values are and their unit, None to colour by precision.
    """
    layout, page = _folded(len(boxes), edges)
    figure = Figure(figsize=(max(page.width, 4.2), page.height))
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0, 0, 1, 1))
    width, height = figure.get_size_inches()
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.set_axis_off()
    top = labels.shorten(labels.visible(title), int(width * 11))
    literally([ax.text(_MARGIN, height - 0.27, top, fontsize=11)])
    _draw_edges(ax, layout, page)
    scale = Normalize(0.0, max((box.value for box in boxes), default=0.0) or 1.0)
    names = labels.shorten_all([box.name for box in boxes], _LONGEST)
    for place, (box, name) in enumerate(zip(boxes, names, strict=True)):
        colour: Any = labels.COLOURS[box.precision]
        told = "" if name.startswith(box.parts) else labels.visible(box.parts)
        if cost is not None:
            colour, told = _SHADES(scale(box.value)), labels.quantity(box.value, cost[1])
        _draw_box(ax, page.at[place], name, told, colour)
    if cost is None:
        _legend(figure, boxes)
    else:
        _bar(figure, scale, *cost)
    return figure


def _folded(count: int, edges: Sequence[tuple[int, int]]) -> tuple[Layout, _Page]:
    """The layout whose page is nearest to the shape wanted, of columns of several heights."""
    even = math.sqrt(count * _WIDE / (_SHAPE * _PITCH))
    found = {rows: layered(count, edges, rows) for rows in {max(4, int(even * x)) for x in _TRIED}}
    pages = [(layout, _page(layout)) for _, layout in sorted(found.items())]
    return min(pages, key=lambda each: abs(math.log(each[1].width / each[1].height / _SHAPE)))


@dataclass(frozen=True, eq=False)
class _Page:
    """Inches from the lower left corner: the middles of boxes and dots, gutters by column."""

    at: tuple[tuple[float, float], ...]
    tracks: dict[tuple[int, int], float]  # by column and lane: the first one's x
    gutters: tuple[float, ...]  # by column: the x of its right end
    width: float
    height: float


def _page(layout: Layout) -> _Page:
    height = _TITLE + _FOOT + layout.rows * _PITCH
    lanes, tracks, gutters = {}, {}, []
    x = _MARGIN
    for column, count in enumerate(layout.lanes):
        for lane in range(count):
            lanes[column, lane] = x + _WIDE / 2
            tracks[column, lane] = x + _WIDE + _TRACK
            x += _WIDE + _GAP + _TRACK * layout.tracks.get((column, lane), 0)
        gutters.append(x - _GAP / 2)
        x += _GUTTER
    at = tuple(
        (lanes[place.column, place.lane], height - _TITLE - (place.row + 0.5) * _PITCH)
        for place in layout.places
    )
    return _Page(at, tracks, tuple(gutters), x - _GUTTER - _GAP + _MARGIN, height)


def _draw_edges(ax: Axes, layout: Layout, page: _Page) -> None:
    boxes = len(layout.places) - len(layout.enters)
    for route in layout.routes:
        (x0, y0), (x1, y1) = page.at[route.source], page.at[route.target]
        below = y0 - (_HIGH / 2 if route.source < boxes else 0.0)
        if route.track is not None:
            column = layout.places[route.source].column
            x = page.tracks[column, route.lane] + _TRACK * route.track
            side = _WIDE / 2 if route.source < boxes else 0.0
            low, high = y0 - 0.22 * _HIGH * (route.source < boxes), y1 + 0.22 * _HIGH
            _arrow(ax, [(x0 + side, low), (x, low), (x, high), (x1 + _WIDE / 2, high)])
            continue
        over = y1 + _HIGH / 2
        if x0 == x1:
            _arrow(ax, [(x0, below), (x1, over)])
            continue
        start, end = layout.places[route.source], layout.places[route.target]
        turn = over + _JOIN
        # Branches turn below their box, each lane's at a height of its own; what joins, at the end.
        if route.lane != start.lane or (end.row == start.row + 1 and end.lane > start.lane):
            turn = y0 - _HIGH / 2 - _TURN - _APART * (2 - start.lane % 3)
        _arrow(ax, [(x0, below), (x0, turn), (x1, turn), (x1, over)])
    for dot, source in layout.enters.items():
        _draw_entry(ax, layout, page, dot, source, boxes)


def _draw_entry(ax: Axes, layout: Layout, page: _Page, dot: int, source: int, boxes: int) -> None:
    """The way of a tensor from one column to the dot on top of another."""
    (x0, y0), (x1, y1) = page.at[source], page.at[dot]
    place = layout.places[dot]
    if source >= boxes:  # from dot to dot, above everything
        line = [(x0, y0), (x0, y0 + 0.18), (x1, y0 + 0.18), (x1, y1)]
    else:
        gutter = page.gutters[layout.places[source].column] + 0.07 * place.lane
        start = y0 - 0.22 * _HIGH
        line = [(x0 + _WIDE / 2, start), (gutter, start), (gutter, y1), (x1, y1)]
    ax.add_patch(FancyArrowPatch(path=Path(line), arrowstyle="-", color=_LINE, linewidth=0.9))
    ax.add_patch(Circle((x1, y1), 0.045, color=_LINE))


def _arrow(ax: Axes, points: list[tuple[float, float]]) -> None:
    ax.add_patch(
        FancyArrowPatch(
            path=Path(points), arrowstyle="-|>", mutation_scale=8, color=_LINE, linewidth=0.9,
            shrinkA=0, shrinkB=0,
        )
    )  # fmt: skip


def _draw_box(ax: Axes, at: tuple[float, float], name: str, told: str, colour: Any) -> None:
    x, y = at
    ax.add_patch(
        FancyBboxPatch(
            (x - _WIDE / 2, y - _HIGH / 2), _WIDE, _HIGH, boxstyle="round,pad=0,rounding_size=0.05",
            facecolor=colour, edgecolor="#333333", linewidth=0.7,
        )
    )  # fmt: skip
    red, green, blue = to_rgb(colour)
    dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < _MIDDLE
    ink = "#FFFFFF" if dark else "#000000"
    style: dict[str, Any] = {"ha": "center", "va": "center", "color": ink}
    texts = [ax.text(x, y + (0.075 if told else 0.0), name, fontsize=10, **style)]
    texts.append(ax.text(x, y - 0.105, labels.shorten(told, 30), fontsize=7.5, **style))
    literally(texts)


def _legend(figure: Figure, boxes: Sequence[Box]) -> None:
    present = [item for item in labels.COLOURS if item in {box.precision for box in boxes}]
    handles = [
        Patch(facecolor=labels.COLOURS[item], edgecolor="#333333", label=CLASS_WORDS[item])
        for item in present
    ]
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(_MARGIN / figure.get_figwidth(), 0.0),
        ncols=len(handles), frameon=False, fontsize=10, handlelength=1.2, columnspacing=1.2,
    )  # fmt: skip


def _bar(figure: Figure, scale: Normalize, what: str, unit: str) -> None:
    width, height = figure.get_size_inches()
    long = min(3.6, width / 2)
    ax = figure.add_axes(((_MARGIN + 0.2) / width, 0.42 / height, long / width, 0.14 / height))
    bar = figure.colorbar(ScalarMappable(scale, _SHADES), cax=ax, orientation="horizontal")
    bar.ax.xaxis.set_major_locator(MaxNLocator(4))
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_si(value, unit)))
    bar.ax.tick_params(labelsize=10)
    bar.outline.set_linewidth(0.7)  # pyright: ignore[reportCallIssue]
    figure.text((_MARGIN + 0.35 + long) / width, 0.44 / height, what, fontsize=10)
