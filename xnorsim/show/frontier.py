"""The figure of accuracy over cost: a point a network, ranges as bars, and the front as a line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from statistics import median
from textwrap import wrap
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from xnorsim.errors import UsageError, choices
from xnorsim.network.precision import MacClass
from xnorsim.show import labels
from xnorsim.show.placing import Pair, box_of, name_points

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["METRICS", "check_metric", "frontier_figure", "unnamed"]


class Metric(NamedTuple):
    """A cost: its column, the words of its axis, and the units that it may be told in."""

    column: str
    label: str
    units: Mapping[str, float]


METRICS = {
    "latency": Metric("latency_s", "predicted latency", {"µs": 1e-6, "ms": 1e-3, "s": 1.0}),
    "energy": Metric("energy_j", "predicted energy", {"µJ": 1e-6, "mJ": 1e-3, "J": 1.0}),
    "memory": Metric(
        "memory_bytes", "weights and live activations", {"kB": 1e3, "MB": 1e6, "GB": 1e9}
    ),
}


class _Point(NamedTuple):
    """A network in a panel: its cost with its range, its accuracy [%], what it is drawn as."""

    name: str
    cost: float
    low: float
    high: float
    top1: float
    precision: str
    fits: bool
    on_front: bool


_MARKS = {
    MacClass.BINARY: ("o", "binary"),
    MacClass.BWN: ("s", "binary weights"),
    MacClass.INT8: ("v", "int8"),
    MacClass.FP: ("D", "float"),
    MacClass.OTHER: ("^", "others (1 × 2 bits)"),
}
"""A marker for each class, so that none is told by its colour alone."""

_WIDTH, _PANEL, _REST = 5.0, 3.5, 1.7
"""Of the figure, of each panel and of what is around them [inch]."""

_NAME_SIZE = 7.5
"""Of names [pt]: 5 where the figure is half a page wide."""

_LETTERS = 68
"""Of a title or a legend in a line."""

_DECADES = 1e4
"""A range of costs up to which ticks stand at 3, 30, ... too."""

_TRIES = 4
_LINE = "#333333"
_EDGE: Mapping[bool, Mapping[str, Any]] = {
    True: {"markeredgecolor": _LINE, "markeredgewidth": 0.5},
    False: {"markerfacecolor": "#FFFFFF", "markeredgewidth": 1.0},
}
"""Of a marker: hollow where the machine's memory does not hold the network."""


def check_metric(metric: str | None) -> None:
    """Refuse a metric that is none, before any work is done.

    Raises:
        UsageError: it is neither None nor one of METRICS.
    """
    if metric is not None and metric not in METRICS:
        raise UsageError(f"metric '{metric}': {choices(metric, METRICS)}")


def frontier_figure(table: pd.DataFrame, metric: str | None = None) -> Figure:
    """Draw the table of xnorsim.analysis.frontier: a panel for a metric, or for each that is known.

    Raises:
        UsageError: another metric, or one that is not known of any network.
    """
    check_metric(metric)
    panels = {name: points for name in METRICS if (points := _points(table, METRICS[name]))}
    if metric is not None and metric not in panels:
        raise UsageError(
            f"metric {metric}: profile {table.attrs['profile']} does not tell it; "
            f"valid choices: {', '.join(panels)}"
        )
    drawn = panels if metric is None else {metric: panels[metric]}
    figure = Figure(figsize=(_WIDTH, _PANEL * len(drawn) + _REST), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(drawn), squeeze=False)[:, 0].tolist()
    for ax, (name, points) in zip(axes, drawn.items(), strict=True):
        _panel(ax, points, METRICS[name])
        ax.set_ylabel(f"published {table.attrs['dataset']}\ntop-1 accuracy (%)")
    _legend(figure, table)
    figure.suptitle(_title(table), fontsize="medium", parse_math=False)
    figure.draw_without_rendering()  # names are set where points are after the layout
    for ax, points in zip(axes, drawn.values(), strict=True):
        _write_names(ax, points)
    return figure


def unnamed(figure: Figure, table: pd.DataFrame) -> dict[str, list[str]]:
    """The networks of a figure of `table` whose names found no room, by metric."""
    lost = {}
    for ax in figure.axes:
        name = next(n for n, item in METRICS.items() if ax.get_xlabel().startswith(item.label))
        written = {text.get_text() for text in ax.texts}
        left = [p.name for p in _points(table, METRICS[name]) if p.name not in written]
        if left:
            lost[name] = left
    return lost


def _points(table: pd.DataFrame, metric: Metric) -> list[_Point]:
    """The networks whose cost is known, by rising cost; a cost without a range is exact."""
    column = metric.column
    ends = [f"{column}_{end}" if f"{column}_{end}" in table else column for end in ("low", "high")]
    columns = [column, *ends, "top1", "precision", "fits", f"on_front_{column}"]
    values = [table.index.tolist(), *(table[name].tolist() for name in columns)]
    found = [_Point(*row) for row in zip(*values, strict=True)]
    return sorted(
        (point for point in found if math.isfinite(point.cost)), key=lambda point: point.cost
    )


def _panel(ax: Axes, points: Sequence[_Point], metric: Metric) -> None:
    for (used, (marker, _)), fits in product(_MARKS.items(), (True, False)):
        rows = [point for point in points if (point.precision, point.fits) == (used, fits)]
        if rows:
            ax.errorbar(
                [point.cost for point in rows],
                [point.top1 for point in rows],
                xerr=[
                    [max(point.cost - point.low, 0.0) for point in rows],
                    [max(point.high - point.cost, 0.0) for point in rows],
                ],
                linestyle="", marker=marker, color=labels.COLOURS[used], markersize=5.5,
                **_EDGE[fits], elinewidth=1.0,
                capsize=1.5 if any(point.low < point.high for point in rows) else 0, zorder=3,
            )  # fmt: skip
    front = [point for point in points if point.on_front]
    ax.step(
        [point.cost for point in front],
        [point.top1 for point in front],
        where="post", color=_LINE, linewidth=1.0, linestyle="--", zorder=2,
    )  # fmt: skip
    _scale(ax, points, metric)


def _scale(ax: Axes, points: Sequence[_Point], metric: Metric) -> None:
    """A logarithmic axis of costs, in the largest unit that most of them are not below."""
    middle = median(point.cost for point in points)
    fitting = [word for word, size in metric.units.items() if size <= middle]
    word = fitting[-1] if fitting else next(iter(metric.units))
    low, high = min(point.low for point in points), max(point.high for point in points)
    room = max(high / low, 2.0)
    ax.set_xscale("log")
    ax.set_xlim(low * room**-0.2, high * room**0.07)  # the front has its names on the left
    ax.set_ylim(min(p.top1 for p in points) - 4, max(p.top1 for p in points) + 4)
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 3) if high / low < _DECADES else (1,)))
    unit = metric.units[word]
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / unit:,.6g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(f"{metric.label} ({word})")
    ax.grid(color="#E6E6E6", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def _legend(figure: Figure, table: pd.DataFrame) -> None:
    """Below the figure: what markers, bars and the line mean, and whose the accuracies are."""
    present = set(table["precision"].tolist())
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=labels.COLOURS[used], label=word,
               **_EDGE[True])
        for used, (marker, word) in _MARKS.items()
        if used in present
    ]  # fmt: skip
    handles += [
        Line2D([], [], color=_LINE, linestyle="--", linewidth=1.0, label="Pareto front"),
        Line2D([], [], linestyle="", color=_LINE, marker="_", markersize=10, label="90% range"),
    ]
    if not all(table["fits"].tolist()):
        handles.append(
            Line2D([], [], linestyle="", marker="o", color=_LINE, label="hollow: does not fit",
                   **_EDGE[False])
        )  # fmt: skip
    told = f"markers: the precision of most MACs; {table.attrs['notes'][0]}"
    figure.legend(
        handles=handles, loc="outside lower center", ncols=3,
        title="\n".join(wrap(told, _LETTERS)),
        frameon=False, fontsize="small", title_fontsize="small", columnspacing=1.2,
        handletextpad=0.4,
    )  # fmt: skip


def _title(table: pd.DataFrame) -> str:
    about = table.attrs
    threads = "1 thread" if about["threads"] == 1 else f"{about['threads']} threads"
    return f"{labels.visible(about['profile'])}\n{about['predictor']}, {threads}, 1 image"


def _write_names(ax: Axes, points: Sequence[_Point]) -> None:
    """Names of the networks on the front first, then of others where there is room."""
    at: dict[str, Pair] = {point.name: (point.cost, point.top1) for point in points}
    first = [point.name for point in points if point.on_front]
    marks = [
        *_stairs(ax, [at[name] for name in first]),
        *(box_of(ax, place, 3.5) for place in at.values()),
        *_bars(ax, points),
    ]

    def write(names: Sequence[str]) -> set[str]:
        """The names that found a place."""
        name_points(ax, names, [at[name] for name in names], marks, _NAME_SIZE)
        return {text.get_text() for text in ax.texts}

    for _ in range(_TRIES):  # who found none comes first, until all do
        written = write(first)
        lost = [name for name in first if name not in written]
        for text in list(ax.texts):
            text.remove()
        if not lost:
            break
        first = [*lost, *(name for name in first if name not in lost)]
    write([*first, *(name for name in at if name not in first)])


def _stairs(ax: Axes, points: Sequence[Pair]) -> list[Bbox]:
    """Boxes along the steps of the front, on the canvas [pixels]."""
    boxes = []
    for left, right in pairwise(points):
        corner = (right[0], left[1])
        for ends in ((left, corner), (corner, right)):
            boxes.append(Bbox(ax.transData.transform(ends)).padded(1.0))
    return boxes


def _bars(ax: Axes, points: Sequence[_Point]) -> list[Bbox]:
    """Boxes of the ranges, on the canvas [pixels]."""
    to_canvas = ax.transData.transform
    return [
        Bbox(to_canvas([(point.low, point.top1), (point.high, point.top1)])).padded(2.0)
        for point in points
        if point.low < point.high
    ]
