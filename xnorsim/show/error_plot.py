"""The figure of a validation's errors: each prediction over its measurement, by group."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from xnorsim.errors import UsageError
from xnorsim.show import labels
from xnorsim.show.plots import LINES, literally

__all__ = ["error_figure"]

_ROW = 0.27
"""Of a group [inch]."""

_TICKS = (0.0, -0.5, 1.0, 0.2, -0.2, 4.0, -0.75, -0.33, 0.5, 9.0, -0.9, 2.0)
"""Those first come first, where there is no room for all."""

_LONGEST_NAME = 34
_SPREAD = 0.25
"""How far the points of a row lie from its middle, of the distance of two rows."""

_BAND_COLOUR = "#E2E2E2"


def error_figure(docs: Mapping[str, Mapping[str, Any]], *, band: float = 0.2) -> Figure:
    """Draw the error of every prediction on a logarithmic axis, a row for each group.

    Twice too slow is as far to the right as twice too fast is to the left. A point is hollow where
    the predicted range misses the measurement; an upright line is a group's median.

    Parameters
    ----------
    docs : the JSON documents of validations by what they are; each has a block of rows
    band : the half width of the band around no error, as a share

    Raises:
        UsageError: no document has a row.
    """
    blocks = {title: _groups(doc["rows"]) for title, doc in docs.items() if doc["rows"]}
    if not blocks:
        raise UsageError("a figure of errors needs predictions with measurements: there are none")
    heights = [len(groups) + 0.6 for groups in blocks.values()]
    figure = Figure(figsize=(6.8, 1.5 + _ROW * sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(blocks), 1, sharex=True, squeeze=False, height_ratios=heights)
    for ax, (title, groups), colour in zip(axes[:, 0], blocks.items(), LINES[1:], strict=False):
        _block(ax, title, groups, colour, band)
    _legend(figure, band)
    _axis(
        figure,
        axes[-1, 0],
        [row for groups in blocks.values() for rows in groups.values() for row in rows],
    )
    return figure


def _groups(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The rows of each group, in their order."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["group"], []).append(row)
    return found


def _ratio(row: Mapping[str, Any]) -> float:
    return row["predicted"] / row["measured"]


def _block(
    ax: Axes,
    title: str,
    groups: Mapping[str, Sequence[Mapping[str, Any]]],
    colour: str,
    band: float,
) -> None:
    ax.axvspan(1 - band, 1 + band, color=_BAND_COLOUR, linewidth=0, zorder=0.5)
    ax.axvline(1.0, color="#8C8C8C", linewidth=0.9, zorder=0.6)
    for y, rows in enumerate(groups.values()):
        middle = median(map(_ratio, rows))
        ax.plot([middle, middle], [y - 0.38, y + 0.38], color="#1A1A1A", linewidth=1.8, zorder=2)
        places = _spread(y, len(rows))
        for row, place in zip(sorted(rows, key=_ratio), places, strict=True):
            fill = colour if row["inside"] else "#FFFFFF"
            ax.plot(_ratio(row), place, "o", color=colour, markerfacecolor=fill, markersize=5)
    shared = _shared_end(list(groups))
    names = [f"{name.removesuffix(shared)} ({len(rows)})" for name, rows in groups.items()]
    ax.set_yticks(range(len(names)), labels.shorten_all(names, _LONGEST_NAME))
    literally(ax.get_yticklabels())
    ax.set_ylim(len(names) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)
    ax.set_title(
        labels.visible(f"{title}{shared}"), fontsize="medium", loc="left", parse_math=False
    )
    ax.set_xscale("log")
    ax.grid(axis="x", color="#D9D9D9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)


def _shared_end(names: Sequence[str]) -> str:
    """What follows the last comma, where it is the same in all of several names; else ""."""
    ends = {"".join(name.rpartition(", ")[1:]) if ", " in name else "" for name in names}
    return ends.pop() if len(names) > 1 and len(ends) == 1 else ""


def _spread(middle: float, count: int) -> list[float]:
    """Heights around `middle`, neighbours apart: points of one row seldom hide each other."""
    steps = (-1.0, 0.0, 1.0) if count > 2 else (0.0,)
    return [middle + _SPREAD * steps[place % len(steps)] for place in range(count)]


def _axis(figure: Figure, ax: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Errors with their sign at the places of their ratios."""
    ratios = [_ratio(row) for row in rows]
    low, high = min(*ratios, 0.85) / 1.08, max(*ratios, 1.15) * 1.08
    ax.set_xlim(low, high)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _signed(value - 1)))
    ax.set_xlabel("error: predicted / measured − 1 (logarithmic)")
    figure.draw_without_rendering()  # how much room there is beside the names
    inches = ax.get_window_extent().width / figure.dpi / math.log(high / low)
    shown: list[float] = []
    for tick in _TICKS:
        is_free = all(
            abs(math.log((1 + tick) / (1 + other))) * inches > (_wide(tick) + _wide(other)) / 2
            for other in shown
        )
        if low <= 1 + tick <= high and is_free:
            shown.append(tick)
    ax.xaxis.set_major_locator(FixedLocator(sorted(1 + tick for tick in shown)))


def _wide(tick: float) -> float:
    """The room of a tick's text [inch]."""
    return 0.07 + 0.09 * len(_signed(tick))


def _signed(error: float) -> str:
    return "0" if abs(error) < _NONE else f"{error:+.0%}".replace("-", "−")


_NONE = 1e-9


def _legend(figure: Figure, band: float) -> None:
    def mark(label: str, marker: str, **style: Any) -> Line2D:
        return Line2D([], [], linestyle="", label=label, marker=marker, color="#555555", **style)

    handles = [
        mark("in the predicted range", "o", markersize=5),
        mark("missed", "o", markersize=5, markerfacecolor="#FFFFFF"),
        mark("median of a group", "|", markersize=11, markeredgewidth=1.8),
        Patch(color=_BAND_COLOUR, label=f"±{band:.0%}"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False,
                  columnspacing=1.2, handletextpad=0.4)  # fmt: skip
