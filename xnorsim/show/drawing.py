"""A network as boxes and what they read from each other, coloured by precision or by cost.

A figure is at most as wide as any other one and hardly higher than a page: where names do not fit
into that, boxes have their numbers, and where those do not, nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
from xnorsim.show.layering import Layout, depth, layered
from xnorsim.show.plots import CLASS_WORDS, WIDTH, literally
from xnorsim.units import format_si

__all__ = ["Box", "network_figure"]

_SHADES = ListedColormap(matplotlib.colormaps["YlGnBu"](np.linspace(0.0, 0.9, 256)))
"""From light to dark, in hues that every common colour blindness tells apart, and grey print too.
Source: C. Brewer, ColorBrewer 2.0."""

_LINE = "#555555"
_MIDDLE = 0.45
_SMALL = 9.0
"""Letters of names [pt]."""


@dataclass(frozen=True, slots=True)
class _Style:
    """How much of a box is shown, in inches.

    least, most: its width; high: its height; mark: width and height of what multiplies nothing;
    apart: between two rows; columns: how many are tried; note: below the drawing.
    """

    least: float
    most: float
    high: float
    mark: tuple[float, float]
    apart: float
    columns: tuple[int, ...]
    has_names: bool = False
    has_numbers: bool = False
    note: str = ""


_NAMED = _Style(0.78, 1.5, 0.22, (0.56, 0.17), 0.17, (1, 2, 3, 4, 5, 6), has_names=True)
_NUMBERED = _Style(
    *(0.36, 0.5, 0.19, (0.2, 0.12), 0.17, (3, 4, 5, 6, 8, 10, 12, 14)),
    has_numbers=True,
    note="numbers: layers that multiply, in order of execution",
)
_BARE = _Style(
    *(0.22, 0.3, 0.1, (0.12, 0.06), 0.12, (8, 12, 16, 20, 26, 34)),
    note="too many layers for their names, in order of execution",
)
_VALUE = 0.15
"""What a cost adds to the height of a named box."""

_HIGHEST = 9.9
_NARROWEST = 4.6
_TURN, _LANES_APART = 0.15, 0.15  # shares of `apart`: where an edge turns below its row
_JOIN = 0.36  # and above the row that it leads to
_GAP, _TRACK = 0.12, 0.09
_GUTTER = 0.2
_MARGIN = 0.1
_TITLE, _FOOT = 0.36, 0.56
_NOTE = 0.22
_SHAPE = 0.95  # width over height, about
_TRIED = (1.0, 1.12)  # rows of a column, of those that even ones have


@dataclass(frozen=True, slots=True)
class Box:
    """A layer with what is fused into it.

    name, kind: of the layer; precision: of its MACs, None for a box that multiplies nothing, which
    is a small mark with its kind; value: what it is coloured by, where that is a cost.
    """

    name: str
    kind: str
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
    layout, page = _folded(boxes, edges, cost is not None)
    names, brief = _names(boxes, page)
    note = ", ".join(item for item in (page.style.note, brief) if item)
    scale = _scale(page)
    foot = _FOOT + (_NOTE if note else 0.0)
    width = max(page.width * scale, _NARROWEST)
    height = page.height * scale + _TITLE + foot
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    shares = page.width * scale / width, page.height * scale / height
    ax = figure.add_axes((0, foot / height, *shares))
    ax.set(xlim=(0, page.width), ylim=(0, page.height))
    ax.set_axis_off()
    top = labels.shorten(labels.visible(title), int(width * 11))
    texts = [figure.text(_MARGIN / width, 1 - 0.24 / height, top, fontsize=10.5)]
    texts.append(figure.text(_MARGIN / width, (foot - 0.12) / height, note, fontsize=_SMALL))
    literally(texts)
    _draw_edges(ax, layout, page)
    shades = Normalize(0.0, max((box.value for box in boxes), default=0.0) or 1.0)
    for place, told in enumerate(_told(boxes, names, page, cost)):
        box = boxes[place]
        shade = labels.COLOURS[box.precision] if cost is None else _SHADES(shades(box.value))
        _draw_box(ax, page, place, told, shade)
    if cost is None:
        _legend(figure, boxes)
    else:
        _bar(figure, shades, *cost)
    return figure


def _scale(page: _Page) -> float:
    """Of the drawing, which is smaller than planned where even bare boxes need more than a page."""
    return min(1.0, WIDTH / page.width, _HIGHEST / page.height)


def _names(boxes: Sequence[Box], page: _Page) -> tuple[list[str], str]:
    """The names of layers that multiply as short as boxes are wide, and which words are initials.

    Exporters begin names with the word and number of a stage: "s1.0.conv1" has the part that tells.
    """
    names = [labels.visible(box.name) for box in boxes if box.precision is not None]
    room, brief = _letters(page.wide), ""
    if page.style.has_names and max(map(len, names), default=0) > room:
        words = sorted({found[1] for name in names if (found := _STAGE.match(name))})
        if len({word[0] for word in words}) == len(words):
            names = [_STAGE.sub(lambda found: found[1][0], name) for name in names]
            brief = ", ".join(f"{word[0]} = {word}" for word in words)
    return labels.shorten_all(names, room), brief


_STAGE = re.compile(r"([A-Za-z]{2,})(?=\d+[._/])")


def _told(
    boxes: Sequence[Box], names: Sequence[str], page: _Page, cost: tuple[str, str] | None
) -> Iterator[tuple[str, ...]]:
    """The lines of text in each box."""
    style, number = page.style, 0
    for box in boxes:
        if box.precision is None:
            kind = labels.shorten(labels.visible(box.kind), _letters(style.mark[0]))
            yield (kind,) * style.has_names
            continue
        number += 1
        if style.has_names:
            value = () if cost is None else (labels.quantity(box.value, cost[1]),)
            yield (names[number - 1], *value)
        else:
            yield (str(number),) * style.has_numbers


def _letters(width: float) -> int:
    """How many letters of a name find room in so many inches."""
    return int((width - 0.04) * 72 / (0.58 * _SMALL))


@dataclass(frozen=True, eq=False)
class _Page:
    """Inches from the lower left corner: where boxes and dots are; gutters by column.

    at, half: middles, and half the widths and heights; floor, top: of the row of each; tracks: by
    column and lane the first one's x; gutters: the x of each column's right end; wide: of boxes.
    """

    style: _Style
    at: tuple[tuple[float, float], ...]
    half: tuple[tuple[float, float], ...]
    floor: tuple[float, ...]
    top: tuple[float, ...]
    tracks: dict[tuple[int, int], float]
    gutters: tuple[float, ...]
    wide: float
    width: float
    height: float


def _folded(
    boxes: Sequence[Box], edges: Sequence[tuple[int, int]], with_values: bool
) -> tuple[Layout, _Page]:
    """The layout that shows most of its boxes within a page, and is nearest to the shape wanted."""
    named = replace(_NAMED, high=_NAMED.high + _VALUE * with_values)
    deep = depth(len(boxes), edges)
    for style in (named, _NUMBERED, _BARE):
        found = []
        for rows in sorted(
            {max(2, math.ceil(deep / n * x)) for n in style.columns for x in _TRIED}
        ):
            layout = layered(len(boxes), edges, rows)
            found.append((layout, _page(layout, boxes, style)))
        fit = [item for item in found if _scale(item[1]) > 1 - 1e-9]
        if fit:
            break
    return min(fit or found, key=_shortfall)


def _shortfall(item: tuple[Layout, _Page]) -> float:
    """How far a page is from the shape wanted, and how much of its columns is empty."""
    layout, page = item
    empty = 1 - len(set(layout.places)) / (layout.rows * sum(layout.lanes))
    return abs(math.log(page.width / page.height / _SHAPE)) + empty


def _page(layout: Layout, boxes: Sequence[Box], style: _Style) -> _Page:
    lanes = sum(layout.lanes)
    tracks = sum(layout.tracks.values())
    spaces = 2 * _MARGIN + _GAP * lanes + _TRACK * tracks + _GUTTER * (len(layout.lanes) - 1)
    wide = min(style.most, max(style.least, (WIDTH + _GAP - spaces) / max(1, lanes)))
    middle, first, gutters = {}, {}, []
    x = _MARGIN
    for column, count in enumerate(layout.lanes):
        for lane in range(count):
            middle[column, lane] = x + wide / 2
            first[column, lane] = x + wide + _TRACK
            x += wide + _GAP + _TRACK * layout.tracks.get((column, lane), 0)
        gutters.append(x - _GAP / 2)
        x += _GUTTER
    half = tuple(
        (0.0, 0.0)
        if place >= len(boxes)
        else (style.mark[0] / 2, style.mark[1] / 2)
        if boxes[place].precision is None
        else (wide / 2, style.high / 2)
        for place in range(len(layout.places))
    )
    top, floor, height = _rows(layout, half, style)
    at = tuple(
        (middle[place.column, place.lane], (above + below) / 2)
        for place, above, below in zip(layout.places, top, floor, strict=True)
    )
    width = x - _GUTTER - _GAP + _MARGIN
    return _Page(style, at, half, floor, top, first, tuple(gutters), wide, width, height)


def _rows(
    layout: Layout, half: Sequence[tuple[float, float]], style: _Style
) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """Upper and lower edge of the row of every box and dot, and the height of the highest column.

    A row is as high as the highest box in it.
    """
    high: dict[tuple[int, int], float] = {}
    for place, (_, each) in zip(layout.places, half, strict=True):
        key = place.column, place.row
        high[key] = max(high.get(key, 0.0), 2 * each)
    ends, found = {}, dict[tuple[int, int], float]()
    for (column, row), each in sorted(high.items()):
        start = ends.get(column, 0.5 * style.apart)
        found[column, row] = start
        ends[column] = start + each + style.apart
    height = max(ends.values(), default=1.0)
    keys = [(place.column, place.row) for place in layout.places]
    top = tuple(height - found[key] for key in keys)
    return top, tuple(up - high[key] for up, key in zip(top, keys, strict=True)), height


def _draw_edges(ax: Axes, layout: Layout, page: _Page) -> None:
    apart = page.style.apart
    for route in layout.routes:
        (x0, y0), (x1, y1) = page.at[route.source], page.at[route.target]
        (w0, h0), (w1, h1) = page.half[route.source], page.half[route.target]
        if route.track is not None:
            column = layout.places[route.source].column
            x = page.tracks[column, route.lane] + _TRACK * route.track
            low, high = y0 - 0.44 * h0, y1 + 0.44 * h1
            _arrow(ax, [(x0 + w0, low), (x, low), (x, high), (x1 + w1, high)])
            continue
        below, over = y0 - h0, y1 + h1
        if x0 == x1:
            _arrow(ax, [(x0, below), (x1, over)])
            continue
        start, end = layout.places[route.source], layout.places[route.target]
        turn = page.top[route.target] + _JOIN * apart
        # Branches turn below their box, each lane's at a height of its own; what joins, at the end.
        if route.lane != start.lane or (end.row == start.row + 1 and end.lane > start.lane):
            steps = _TURN + _LANES_APART * (2 - start.lane % 3)
            turn = page.floor[route.source] - steps * apart
        _arrow(ax, [(x0, below), (x0, turn), (x1, turn), (x1, over)])
    for dot, source in layout.enters.items():
        _draw_entry(ax, layout, page, dot, source)


def _draw_entry(ax: Axes, layout: Layout, page: _Page, dot: int, source: int) -> None:
    """The way of a tensor from one column to the dot on top of another."""
    (x0, y0), (x1, y1) = page.at[source], page.at[dot]
    place = layout.places[dot]
    if source in layout.enters:  # from dot to dot, above everything
        over = y0 + 0.35 * page.style.apart
        line = [(x0, y0), (x0, over), (x1, over), (x1, y1)]
    else:
        gutter = page.gutters[layout.places[source].column] + 0.06 * place.lane
        wide, high = page.half[source]
        start = y0 - 0.44 * high
        line = [(x0 + wide, start), (gutter, start), (gutter, y1), (x1, y1)]
    ax.add_artist(FancyArrowPatch(path=Path(line), arrowstyle="-", color=_LINE, linewidth=0.9))
    ax.add_artist(Circle((x1, y1), 0.035, color=_LINE))


def _arrow(ax: Axes, points: list[tuple[float, float]]) -> None:
    ax.add_artist(
        FancyArrowPatch(
            path=Path(points), arrowstyle="-|>", mutation_scale=7, color=_LINE, linewidth=0.9,
            shrinkA=0, shrinkB=0,
        )
    )  # fmt: skip


def _draw_box(ax: Axes, page: _Page, place: int, told: Sequence[str], colour: Any) -> None:
    (x, y), (wide, high) = page.at[place], page.half[place]
    ax.add_artist(
        FancyBboxPatch(
            (x - wide, y - high), 2 * wide, 2 * high, facecolor=colour, edgecolor="#333333",
            boxstyle=f"round,pad=0,rounding_size={0.3 * high}", linewidth=0.7,
        )
    )  # fmt: skip
    red, green, blue = to_rgb(colour)
    dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < _MIDDLE
    style: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": _SMALL}
    step = 0.155 if len(told) > 1 else 0.0
    literally(
        ax.text(
            x, y + step / 2 - step * line, text, color="#FFFFFF" if dark else "#000000", **style
        )
        for line, text in enumerate(told)
    )


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
    long = min(3.2, width / 2)
    ax = figure.add_axes(((_MARGIN + 0.2) / width, 0.36 / height, long / width, 0.12 / height))
    bar = figure.colorbar(ScalarMappable(scale, _SHADES), cax=ax, orientation="horizontal")
    bar.ax.xaxis.set_major_locator(MaxNLocator(4))
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_si(value, unit)))
    bar.ax.tick_params(labelsize=_SMALL)
    bar.outline.set_linewidth(0.7)  # pyright: ignore[reportCallIssue]
    figure.text((_MARGIN + 0.35 + long) / width, 0.37 / height, what, fontsize=10)
