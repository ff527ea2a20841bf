"""Values with their ranges, one row each: predictions beside each other, or beside measurements."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from xnorsim.errors import UsageError
from xnorsim.show import labels
from xnorsim.show.plots import LINES, MARKERS, WIDTH, literally
from xnorsim.show.report import Report
from xnorsim.units import format_si

__all__ = ["Ranged", "plot_ranges", "ranged_totals", "ranges_figure"]


@dataclass(frozen=True, slots=True)
class Ranged:
    """One kind of value, of every row: `value` within `low` to `high`; NaN where there is none."""

    name: str
    value: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def ranged_totals(reports: Mapping[str, Report], column: str) -> list[Ranged]:
    """A total of each report, "latency_s" or "energy_j", with its range: one value a prediction."""
    return [
        Ranged(
            name,
            *(
                [item.totals[key] for item in report.predictions]
                for key in (column, *_ends(column))
            ),
        )
        for name, report in reports.items()
    ]


def _ends(column: str) -> tuple[str, str]:
    return f"{column}_low", f"{column}_high"


def plot_ranges(
    rows: Sequence[str], found: Sequence[Ranged], *, xlabel: str, unit: str = "", ax: Axes
) -> Axes:
    """Draw a marker for each value and a line for its range, along a logarithmic axis.

    Parameters
    ----------
    rows : names of the rows, from top to bottom
    found : what is drawn of each row, below one another and each with its marker and colour
    xlabel, unit : of the axis, whose numbers get SI prefixes where there is a unit
    ax : where to draw

    Raises:
        UsageError: a series that does not have one value a row.
    """
    for series in found:
        if not len(series.value) == len(series.low) == len(series.high) == len(rows):
            raise UsageError(f"'{series.name}' has not one value for each of {len(rows)} rows")
    for number, series in enumerate(found):
        offset = 0.8 * ((number + 0.5) / len(found) - 0.5)
        places = [row + offset for row in range(len(rows))]
        colour = LINES[(number + 1) % len(LINES)]
        ax.hlines(places, series.low, series.high, color=colour, linewidth=2.2, alpha=0.55)
        ax.plot(
            series.value,
            places,
            linestyle="none",
            marker=MARKERS[number % len(MARKERS)],
            color=colour,
            markersize=6,
            label=labels.visible(series.name),
        )
    _style(ax, rows, xlabel, unit)
    return ax


def _style(ax: Axes, rows: Sequence[str], xlabel: str, unit: str) -> None:
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    decades = math.log10(high / low) * _USUAL / ax.get_position().width
    steps = next(steps for most, steps in _STEPS if decades < most)
    ax.set_xticks([step * 10.0**power for power in range(-12, 7) for step in steps])
    ax.set_xlim(low, high)
    written = FuncFormatter(lambda x, _: format_si(x, unit, 1) if unit else f"{x:g}")
    ax.xaxis.set_major_formatter(written)
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_yticks(range(len(rows)), [labels.visible(row) for row in rows], fontsize=10)
    literally(ax.get_yticklabels())
    ax.set_ylim(len(rows) - 0.5, -0.5)
    for row in range(1, len(rows)):
        ax.axhline(row - 0.5, color="#D9D9D9", linewidth=0.6)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(xlabel, fontsize=10)
    ax.grid(axis="x", color="#D9D9D9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


_STEPS = ((1.3, (1, 2, 5)), (2.6, (1, 3)), (math.inf, (1,)))
"""Where an axis of fewer powers of ten than these has its numbers within each of them."""

_USUAL = 0.775
"""The share of a figure's width that axes alone in it have: beside others, numbers are fewer."""


def ranges_figure(
    rows: Sequence[str],
    panels: Sequence[tuple[str, str, Sequence[Ranged]]],
    *,
    ranges: str = "90% range",
) -> Figure:
    """`plot_ranges` side by side for several quantities of the same rows, with one legend.

    panels: (label of the axis, unit, what is drawn); all draw the same kinds of values;
    ranges: what the legend calls those.
    """
    most = max(len(found) for _, _, found in panels)
    height = 1.3 + len(rows) * (0.2 + 0.13 * most)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for ax, (xlabel, unit, found) in zip(axes, panels, strict=True):
        plot_ranges(rows, found, xlabel=xlabel, unit=unit, ax=ax)
    handles, _ = axes[0].get_legend_handles_labels()
    handles.append(Line2D([], [], color="#555555", linewidth=2.2, alpha=0.55, label=ranges))
    legend = figure.legend(
        handles=handles, loc="outside lower center", ncols=min(4, len(handles)), frameon=False
    )
    literally(legend.get_texts())
    return figure
