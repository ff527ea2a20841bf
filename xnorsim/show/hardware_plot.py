"""Figures of a machine's parts made faster: latency and what limits it, over the factor of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from xnorsim.show import labels
from xnorsim.show.plots import LINES, literally

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["bottleneck_figure", "hardware_figure"]

_COLUMNS = 2
_WIDTH, _PANEL, _REST = 6.4, 2.15, 1.2
"""Of the figure, of a row of panels, and of what is around them [inch]."""

_MARGIN = 1.25
_MS = 1e3
_PREFIX = "limited_by_"
_FILLS = ("#0072B2", "#E69F00", "#56B4E9", "#D55E00", "#F0E442", "#B0B0B0")
_HATCHES = ("", "////", "....", "xxxx", "", "\\\\\\\\")
_RING = {"markerfacecolor": "none", "markeredgecolor": LINES[2], "markeredgewidth": 1.8}
_BAND = {"color": LINES[1], "alpha": 0.22, "linewidth": 0}


def hardware_figure(table: pd.DataFrame, knees: pd.DataFrame | None = None) -> Figure:
    """Draw the table of analysis.hardware.scaled_hardware: latency on a panel for each field.

    knees: of the same table, whose places are ringed; None for none.
    """
    every = _every(table)

    def panel(ax: Axes, name: str, rows: pd.DataFrame) -> None:
        factors = _factors(rows)
        low, value, high = ((_MS * rows[f"latency_s{end}"]).tolist() for end in _ENDS)
        ax.fill_between(factors, low, high, **_BAND)
        ax.plot(factors, value, color=LINES[1], linewidth=1.6, marker="o", markersize=3.5)
        ax.plot([1.0], [value[factors.index(1.0)]], "D", color="#000000", markersize=6, zorder=4)
        if knees is not None:
            at = float(knees["pays_until"].to_dict()[name])
            ax.plot([at], [value[factors.index(at)]], "o", markersize=12, zorder=5, **_RING)
        ax.set(xscale="log", yscale="log")
        ax.set_xlim(every[0] / _MARGIN, every[-1] * _MARGIN)
        ax.xaxis.set_major_locator(FixedLocator(every))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _times(value)))
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_minor_locator(NullLocator())
        ax.grid(color="#E6E6E6", linewidth=0.6)

    marks = [
        Line2D([], [], color=LINES[1], marker="o", markersize=3.5, label="predicted"),
        Patch(**_BAND, label="90% range"),
        Line2D([], [], linestyle="", color="#000000", marker="D", label="the machine as it is"),
    ]
    if knees is not None:
        label = "pays until here"
        marks.append(Line2D([], [], linestyle="", marker="o", markersize=10, label=label, **_RING))
    return _panels(table, panel, "predicted latency (ms)", marks, 2)


_ENDS = ("_low", "", "_high")


def bottleneck_figure(table: pd.DataFrame) -> Figure:
    """Draw the same table's time by limit: bars of shares, and above each the latency in ms."""
    shares = table.filter(like=_PREFIX).div(table["latency_s"], axis=0)
    highest = shares.max().to_dict()
    seen = [str(name) for name in shares if highest[name] >= _LEAST][: len(_FILLS) - 1]
    rest = [name for name in shares if name not in seen]
    levels = table.attrs["levels"]
    parts = {labels.limit(_name(column), levels): shares[column] for column in seen}
    parts |= {"all else": shares[rest].sum(axis=1)} if rest else {}
    styles = dict(zip(parts, zip(_FILLS, _HATCHES, strict=True), strict=False))

    every = _every(table)

    def panel(ax: Axes, name: str, rows: pd.DataFrame) -> None:
        places = [every.index(factor) for factor in _factors(rows)]
        bottom = [0.0] * len(rows)
        for word, (fill, hatch) in styles.items():
            heights = (100 * parts[word].loc[[name]]).tolist()
            ax.bar(places, heights, bottom=bottom, width=0.84, color=fill, hatch=hatch,
                   edgecolor="#FFFFFF", linewidth=0.5)  # fmt: skip
            bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
        for at, seconds in zip(places, rows["latency_s"].tolist(), strict=True):
            ax.text(at, 101, f"{_MS * seconds:#.3g}".rstrip("."), ha="center", va="bottom")
        ax.set_xticks(range(len(every)), [_times(factor) for factor in every])
        ax.get_xticklabels()[every.index(1.0)].set_fontweight("bold")
        ax.set(xlim=(-0.6, len(every) - 0.4), ylim=(0, 118), yticks=(0, 25, 50, 75, 100))

    marks = [
        Patch(facecolor=fill, hatch=hatch, edgecolor="#FFFFFF", label=word)
        for word, (fill, hatch) in styles.items()
    ]
    return _panels(
        table, panel, "share of the time (%) by its limit; above it the latency (ms)", marks, 3
    )


_LEAST = 0.03
"""The share, anywhere, from which on a limit is told apart."""


def _factors(rows: pd.DataFrame) -> list[float]:
    return rows.index.get_level_values("factor").tolist()


def _name(column: str) -> str:
    return column.removeprefix(_PREFIX).removesuffix("_s")


def _every(table: pd.DataFrame) -> list[float]:
    return sorted(set(_factors(table)))


def _times(factor: float) -> str:
    """A factor as "×2", or "÷2" below one.

    >>> _times(0.25), _times(1.5)
    ('÷4', '×1.5')
    """
    return f"÷{1 / factor:.3g}" if factor < 1 else f"×{factor:.3g}"


def _panels(
    table: pd.DataFrame,
    panel: Callable[[Axes, str, pd.DataFrame], None],
    y: str,
    marks: Sequence[Artist],
    columns: int,
) -> Figure:
    """A panel for each field, with its own value in its title, one scale for all."""
    names = list(dict.fromkeys(table.index.get_level_values("field")))
    rows = -(-len(names) // _COLUMNS)
    figure = Figure(figsize=(_WIDTH, _PANEL * rows + _REST), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, _COLUMNS, sharey=True, squeeze=False).ravel()
    for ax, name in zip(grid, names, strict=False):
        chosen = table.loc[[name]]
        panel(ax, name, chosen)
        own = chosen["value"].tolist()[_factors(chosen).index(1.0)]
        title = labels.visible(f"{name} (×1: {own})")
        ax.set_title("\n".join(wrap(title, _LETTERS // 2)), fontsize="medium", parse_math=False)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelbottom=True, labelleft=True)
    for ax in grid[max(0, len(names) - _COLUMNS) : len(names)]:
        ax.set_xlabel("times the machine's own value")
    for ax in grid[len(names) :]:
        ax.remove()
    figure.supylabel(y, fontsize="medium")
    about = table.attrs
    threads = "1 thread" if about["threads"] == 1 else f"{about['threads']} threads"
    title = f"{about['network']} on {about['profile']} ({about['predictor']}, {threads})"
    figure.suptitle("\n".join(wrap(labels.visible(title), _LETTERS)), fontsize="medium",
                    parse_math=False)  # fmt: skip
    legend = figure.legend(handles=list(marks), loc="outside lower center", ncols=columns,
                           frameon=False, fontsize="medium", columnspacing=1.2)  # fmt: skip
    literally(legend.get_texts())
    return figure


_LETTERS = 70
"""Of a title in a line."""
