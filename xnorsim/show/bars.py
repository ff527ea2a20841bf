"""Groups of bars: several quantities of several things, each with its number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from xnorsim.errors import UsageError
from xnorsim.show import labels
from xnorsim.show.plots import LINES, WIDTH, literally

__all__ = ["bars_figure"]

_HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\")


def bars_figure(rows: Sequence[str], found: Mapping[str, Sequence[float]], xlabel: str) -> Figure:
    """Draw a bar for each quantity of each row, with its number, along a logarithmic axis.

    Parameters
    ----------
    rows : names of the groups, from top to bottom
    found : by the quantity's name one value a row, all above 0
    xlabel : of the axis, with the unit

    Raises:
        UsageError: a quantity that does not have one value above 0 for each row.
    """
    figure = Figure(
        figsize=(WIDTH, 1.0 + len(rows) * (0.25 + 0.22 * len(found))), layout="constrained"
    )
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    height = 0.84 / max(len(found), 1)
    for number, (name, values) in enumerate(found.items()):
        if len(values) != len(rows) or not all(value > 0 for value in values):
            raise UsageError(f"'{name}' has not one value above 0 for each of {len(rows)} rows")
        bars = ax.barh(
            [row - 0.42 + (number + 0.5) * height for row in range(len(rows))],
            values,
            height=0.9 * height,
            color=LINES[(number + 1) % len(LINES)],
            hatch=_HATCHES[number % len(_HATCHES)],
            edgecolor="#FFFFFF",
            linewidth=0.0,
            label=labels.visible(name),
        )
        ax.bar_label(bars, [f"{value:.4g}" for value in values], padding=3, fontsize=10)
    ax.set_xscale("log")
    ax.margins(x=0.12)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_yticks(range(len(rows)), [labels.visible(row) for row in rows], fontsize=10)
    literally(ax.get_yticklabels())
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(xlabel, fontsize=10)
    ax.spines[["top", "right"]].set_visible(False)
    legend = figure.legend(loc="outside lower center", ncols=2, frameon=False)
    literally(legend.get_texts())
    return figure
