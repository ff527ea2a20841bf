"""The figure of a validation: predicted latencies over measured ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import Bbox

from xnorsim.errors import UsageError
from xnorsim.show import labels
from xnorsim.show.placing import Pair, name_points
from xnorsim.show.plots import LINES, MARKERS, literally

__all__ = ["BAND", "validation_figure"]

BAND = 0.10
"""The half width of the band around predicted = measured."""

_MS = 1e3
_MARGIN = 1.6  # two to each side hold a tick of 1, 2, 5, ... however narrow the data
_GREY = "#555555"
_MEANINGS = 5
_LINE_HEIGHT = 0.22
"""Of the legend: lines that say what is meant, and the height of each [inch]."""
_COLOURS = LINES[1:]  # names are black
_HOLLOW = "#FFFFFF"
_BAND_COLOUR = "#E2E2E2"


def validation_figure(doc: Mapping[str, Any], *, named: bool = True, band: float = BAND) -> Figure:
    """Draw every predicted latency [ms] over the measured one, on logarithmic axes.

    A group (program, board; or kernel) has a colour and a marker, hollow where the predicted range
    misses the measurement. Upright bars are predicted ranges; level ones are what is known of the
    measurement: its standard deviation, or the middle of its samples. Points that stand free have
    their names beside them.

    Parameters
    ----------
    doc : the JSON document of a validation
    named : whether names stand beside points; where there are hundreds, smaller ones without
    band : the half width of the band around predicted = measured, as a share

    Raises:
        UsageError: none of its rows is a latency.
    """
    rows = [row for row in doc["rows"] if row["unit"] == "s"]
    if not rows:
        raise UsageError("a figure of a validation needs latencies, and there are none")
    names = dict.fromkeys(row["group"] for row in rows)
    lines = (len(names) + _MEANINGS + 1) // 2
    figure = Figure(figsize=(6.6, 6.6 + _LINE_HEIGHT * lines), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    _scales(ax, rows, (1, 2, 5) if named else (1,))
    _band(ax, band)
    groups = {
        group: {"color": _COLOURS[i % len(_COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
        for i, group in enumerate(names)
    }
    for row in rows:
        _draw(ax, row, {**(_LARGE if named else _SMALL), **groups[row["group"]]})
    held = sum(row["inside"] for row in rows)
    # Of the figure: the layout leaves no sure room for that of axes whose shape is given.
    figure.suptitle(
        f"Predicted and measured latency: {held} of {len(rows)} measurements "
        f"in the {doc['coverage']:.0%} range",
        fontsize="medium",
    )
    known = _SAMPLES if any("timing" in row for row in rows) else _DEVIATION
    about = f"predicted = measured ±{band:.0%}"
    _legend(figure, groups, doc["coverage"], known, about)
    if named:
        figure.draw_without_rendering()  # names are set where points are after the layout
        _name_points(ax, rows)
    return figure


_LARGE = {"markersize": 6.0, "elinewidth": 1.1, "capsize": 2}
_SMALL = {"markersize": 3.5, "markeredgewidth": 0.7, "elinewidth": 0.5, "capsize": 0}
_DEVIATION = "measured ± 1 standard deviation"
_SAMPLES = "the middle 80% of the measured samples"


def _scales(ax: Axes, rows: Sequence[Mapping[str, Any]], ticks: tuple[int, ...]) -> None:
    """The same logarithmic scale on both axes."""
    values = [row[key] * _MS for row in rows for key in ("low", "high", "measured")]
    ends = min(values) / _MARGIN, max(values) * _MARGIN
    ax.set(xscale="log", yscale="log", xlim=ends, ylim=ends, box_aspect=1)
    for axis, what in ((ax.xaxis, "measured"), (ax.yaxis, "predicted")):
        axis.set_label_text(f"{what} latency (ms)")
        axis.set_major_locator(LogLocator(subs=ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.grid(color="#E6E6E6", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def _band(ax: Axes, width: float) -> None:
    """The diagonal, and what is at most `width` of a measurement away from it."""
    ends = ax.get_xlim()
    below, above = ([end * (1 + side) for end in ends] for side in (-width, width))
    ax.fill_between(ends, below, above, color=_BAND_COLOUR, linewidth=0, zorder=0.6)
    ax.plot(ends, ends, color="#8C8C8C", linewidth=0.9, zorder=0.7)


def _draw(ax: Axes, row: Mapping[str, Any], style: Mapping[str, Any]) -> None:
    x, y = row["measured"] * _MS, row["predicted"] * _MS
    left, right = (end * _MS for end in _measured(row))
    ax.errorbar(
        x,
        y,
        xerr=[[x - left], [right - x]],
        yerr=[[y - row["low"] * _MS], [row["high"] * _MS - y]],
        markerfacecolor=style["color"] if row["inside"] else _HOLLOW,
        **style,
    )


def _measured(row: Mapping[str, Any]) -> Pair:
    """The ends of what is known of a measurement [s]."""
    x = row["measured"]
    if "timing" in row:
        return min(x, row["timing"]["p10_s"]), max(x, row["timing"]["p90_s"])
    deviation = row["measured_std"] or 0.0
    return x - deviation, x + deviation


def _legend(
    figure: Figure, groups: Mapping[str, Mapping[str, Any]], coverage: float, known: str, band: str
) -> None:
    """Below the figure: the groups, then what markers, bars and the band mean."""

    def mark(label: str, marker: str, color: str = _GREY, **style: Any) -> Line2D:
        return Line2D([], [], linestyle="", label=label, marker=marker, color=color, **style)

    handles = [mark(labels.visible(group), **style) for group, style in groups.items()]
    handles += [
        mark("measurement in the predicted range", "o"),
        mark("measurement missed", "o", markerfacecolor=_HOLLOW),
        mark(f"predicted {coverage:.0%} range", "|", markersize=12),
        mark(known, "_", markersize=12),
        Patch(color=_BAND_COLOUR, label=band),
    ]
    legend = figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
    literally(legend.get_texts())


def _name_points(ax: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write each row's name at the first place where it hides nothing, or not at all."""
    points = [(row["measured"] * _MS, row["predicted"] * _MS) for row in rows]
    marks = [box for row in rows for box in _marks(ax, row)]
    name_points(ax, _short([row["name"] for row in rows]), points, marks)


def _marks(ax: Axes, row: Mapping[str, Any]) -> list[Bbox]:
    """Where the marker and the two bars of a row are on the canvas [pixels]."""
    x, y, low, high = (row[key] * _MS for key in ("measured", "predicted", "low", "high"))
    left, right = (end * _MS for end in _measured(row))
    to_canvas, half = ax.transData.transform, 4 * ax.figure.dpi / 72
    return [
        Bbox(to_canvas([(x, y), (x, y)])).padded(half),
        Bbox(to_canvas([(x, low), (x, high)])).padded(half / 2),
        Bbox(to_canvas([(left, y), (right, y)])).padded(half / 2),
    ]


def _short(names: Sequence[str]) -> list[str]:
    """Names as they are drawn: of layers the size alone, if all have the same filter.

    >>> _short(["3x3_56x56x64", "QuickNet"])
    ['56×56×64', 'QuickNet']
    """
    filters = {found[1] for name in names if (found := _LAYER.fullmatch(name))}
    seen = [_LAYER.sub(r"\2", name) if len(filters) == 1 else name for name in names]
    return [labels.shorten(labels.visible(_TIMES.sub("×", name)), _LONGEST_NAME) for name in seen]


_LAYER = re.compile(r"(\d+x\d+)_(\d+(?:x\d+)+)")
_TIMES = re.compile(r"(?<=\d)x(?=\d)")
_LONGEST_NAME = 24
