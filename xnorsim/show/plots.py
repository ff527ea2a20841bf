"""Figures: data in, matplotlib Axes out. Nothing is computed here but where things are drawn.

Figures are made with the object interface alone: no window, no global state. The same data give
the same bytes.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter

from xnorsim.cost.curves import CHANNELS_OF_FILTERS, KERNEL, Curve
from xnorsim.errors import UsageError, choices
from xnorsim.network.precision import MacClass
from xnorsim.show import labels
from xnorsim.show.content import Row, prediction_names, rows
from xnorsim.show.output import write_bytes
from xnorsim.units import format_si

__all__ = [
    "CLASS_WORDS",
    "FORMATS",
    "LINES",
    "MARKERS",
    "ROW",
    "WIDTH",
    "figure_suffix",
    "literally",
    "names_along_y",
    "own_axes",
    "plot_layers",
    "plot_speedup",
    "save_figure",
    "speedup_figure",
    "titled",
]

FORMATS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}
"""The kind of file that a suffix asks for."""

LINES = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_DASHES = ("-", "--", "-.", ":")
MARKERS = "osD^vP*X"
_HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++++", "oooo")
CLASS_WORDS = {
    MacClass.BINARY: "binary (xnor)",
    MacClass.BWN: "binary weights",
    MacClass.INT8: "int8",
    MacClass.FP: "float",
    MacClass.OTHER: "other precision",
    None: "no MACs",
}
"""What a legend calls the colours of labels.COLOURS."""

_BASELINES = {
    "paper": "paper: operation counts",
    "scalar": "scalar: the predicted float loop",
    "peak": "peak: every float lane",
    "same program": "same program: its float kernels",
}
_LONGEST_NAME = 30
WIDTH = 6.6
"""Of a figure [inch]: letters of 10 pt are 5 pt high where it is half a page wide, 85 mm."""

ROW = 0.2
"""Of a layer [inch]: what its name takes."""

_MANY = 3
_TWO_BESIDE = 36  # characters of a legend's text, two of which fit into a figure's width


def own_axes(width: float, height: float) -> Axes:
    """Axes alone in a figure of this size [inch]."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def plot_speedup(
    curves: Iterable[Curve],
    *,
    by: str,
    title: str = "",
    ax: Axes | None = None,
    logarithmic: bool = False,
) -> Axes:
    """Draw speedup curves, their ranges as bands, over channels or filter sizes.

    Parameters
    ----------
    curves : each with its own name and baseline
    by : "channels" (a logarithmic axis) or "filter"
    title : of the axes
    ax : where to draw; a figure of its own by default
    logarithmic : whether the axis of speedups is: baselines may lie far apart

    Raises:
        UsageError: another `by`.
    """
    if by not in _XAXES:
        raise UsageError(f"speedup by '{by}': {choices(by, _XAXES)}")
    ax = own_axes(6.0, 4.2) if ax is None else ax
    shown = list(curves)
    baselines = list(dict.fromkeys(curve.baseline for curve in shown))
    for i, curve in enumerate(shown):
        over = _BASELINES.get(curve.baseline, curve.baseline)
        _draw(ax, i, curve, f", over {over}" if len(baselines) > 1 else "")
    over = _BASELINES.get(baselines[0]) if len(baselines) == 1 else None
    over = over or (" or ".join(baselines) if len(baselines) < _MANY else "the baseline named")
    ax.set_ylabel(f"speedup over {over} (×)")
    if logarithmic:
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        ax.set_ylim(bottom=0)
    _XAXES[by](ax)
    ax.set_title(title, fontsize="medium")
    _finish(ax)
    return ax


def _draw(ax: Axes, number: int, curve: Curve, over: str) -> None:
    colour = LINES[number % len(LINES)]
    ax.plot(
        curve.x,
        curve.value,
        color=colour,
        linestyle=_DASHES[number % len(_DASHES)],
        marker=MARKERS[number % len(MARKERS)],
        markersize=3.5,
        linewidth=1.5,
        label=f"{labels.visible(curve.name)}{over}",
    )
    if (curve.low != curve.high).any():
        ax.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0)


def _channels_axis(ax: Axes) -> None:
    ax.set_xscale("log", base=2)
    ax.set_xticks([4**i for i in range(6)], [str(4**i) for i in range(6)])
    ax.minorticks_off()
    ax.set_xlabel("input channels c")


def _filter_axis(ax: Axes) -> None:
    ticks = [1, 3, 5, 7, 11, 15, 20]
    ax.set_xticks(ticks, [str(side) for side in ticks])
    ax.set_xlabel("side n of n×n filters")


_XAXES = {"channels": _channels_axis, "filter": _filter_axis}


def _finish(ax: Axes) -> None:
    ax.grid(axis="y", color="#D9D9D9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    if ax.get_legend_handles_labels()[0]:
        literally(ax.legend(frameon=False, fontsize="medium", loc="best").get_texts())


def speedup_figure(
    by_channels: Iterable[Curve], by_filter: Iterable[Curve], *, logarithmic: bool = False
) -> Figure:
    """The two figures of the paper side by side: speedup by channels and by filter size."""
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    titles = f"{KERNEL}×{KERNEL} filters", f"{CHANNELS_OF_FILTERS} channels"
    for ax, curves, by, title in (
        (left, by_channels, "channels", titles[0]),
        (right, by_filter, "filter", titles[1]),
    ):
        plot_speedup(curves, by=by, title=title, ax=ax, logarithmic=logarithmic)
    right.set_ylabel("")
    handles, names = left.get_legend_handles_labels()
    same = names == right.get_legend_handles_labels()[1]
    if same and len(names) > 1:  # one legend for both
        for ax in (left, right):
            ax.get_legend().remove()
        n = 2 if max(map(len, names)) < _TWO_BESIDE else 1
        legend = figure.legend(
            handles, names, loc="outside lower center", ncols=n, frameon=False, fontsize="medium"
        )
        literally(legend.get_texts())
    return figure


def plot_layers(
    doc: Mapping[str, Any], prediction: str | int = 0, *, ax: Axes | None = None
) -> Axes:
    """Draw what each layer costs as bars: predicted latency with its range, or MACs without one.

    Colour is the precision of the MACs, hatching what bounds the layer. Layers without MACs share
    one bar.

    Parameters
    ----------
    doc : the JSON document of a report
    prediction : which of its predictions, by name or number
    ax : where to draw; a figure of its own by default, as high as the layers need

    Raises:
        UsageError: no such prediction.
    """
    shown = rows(doc)
    number = _number(doc, prediction)
    if number is None:
        shown = [row for row in shown if row.work["macs"]]
    own = ax is None
    ax = own_axes(WIDTH, 1.9 + ROW * max(4, len(shown))) if ax is None else ax
    bounds = [] if number is None else [str(row.costs[number]["bound"]) for row in shown]
    hatches = {bound: _HATCHES[i % len(_HATCHES)] for i, bound in enumerate(dict.fromkeys(bounds))}
    ax.barh(
        range(len(shown)),
        [_cost(row, number) for row in shown],
        color=[labels.COLOURS[labels.precision_class(row.scheme)] for row in shown],
        hatch=[hatches[bound] for bound in bounds] or None,
        edgecolor="#FFFFFF",
        linewidth=0.0,
        height=0.8,
        xerr=None if number is None else _errors(shown, number),
        error_kw={"ecolor": "#333333", "elinewidth": 0.9, "capsize": 1.5},
    )
    names_along_y(ax, [row.name for row in shown])
    _cost_axis(ax, doc, number)
    _layer_legend(ax, shown, hatches, own)
    return ax


def literally(texts: Iterable[Text]) -> None:
    """Show texts as they are: a dollar sign in a name begins no formula."""
    for text in texts:
        text.set_parse_math(False)


def titled(ax: Axes, text: str) -> None:
    """A title as wide as axes beside names."""
    ax.set_title("\n".join(wrap(text, _LETTERS)), fontsize="medium", parse_math=False)


_LETTERS = 56


def names_along_y(ax: Axes, given: Sequence[str]) -> None:
    """Names of rows, from the top, shortened where they are long."""
    names = labels.shorten_all(given, _LONGEST_NAME)
    ax.set_yticks(range(len(names)), names)
    literally(ax.get_yticklabels())
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)


def _number(doc: Mapping[str, Any], prediction: str | int) -> int | None:
    names = prediction_names(doc)
    if not names:
        return None
    if prediction in names:
        return names.index(str(prediction))
    if isinstance(prediction, int) and 0 <= prediction < len(names):
        return prediction
    raise UsageError(f"no prediction {prediction!r}: {choices(str(prediction), names)}")


def _cost(row: Row, number: int | None) -> float:
    if number is None:
        return float(row.work["macs"])
    return row.costs[number]["latency_s"] or 0.0


def _errors(shown: Sequence[Row], number: int) -> list[list[float]]:
    costs = [row.costs[number] for row in shown]
    values = [cost["latency_s"] or 0.0 for cost in costs]
    lows = [cost["latency_s_low"] for cost in costs]
    highs = [cost["latency_s_high"] for cost in costs]
    return [
        [max(0.0, v - (v if low is None else low)) for v, low in zip(values, lows, strict=True)],
        [max(0.0, (v if hi is None else hi) - v) for v, hi in zip(values, highs, strict=True)],
    ]


def _cost_axis(ax: Axes, doc: Mapping[str, Any], number: int | None) -> None:
    unit = "" if number is None else "s"
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_si(value, unit)))
    least = "at least: layers without a rule are left out" if doc["totals"]["lower_bound"] else ""
    model = labels.shorten(labels.visible(str(doc["model"].get("name", "network"))), 60)
    if number is None:
        what, title = "multiply-accumulates", model
    else:
        name = labels.visible(prediction_names(doc)[number])
        item = doc["predictions"][number]
        threads = "1 thread" if item["threads"] == 1 else f"{item['threads']} threads"
        about = f"{labels.visible(str(item['predictor']))}, {threads}"
        what, title = "predicted latency, with its 90% range", f"{model} on {name} ({about})"
    ax.set_xlabel(f"{what}\n({least})" if least else what)
    titled(ax, title)
    ax.set_xlim(left=0)
    ax.grid(axis="x", color="#D9D9D9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)


def _layer_legend(ax: Axes, shown: Sequence[Row], hatches: Mapping[str, str], own: bool) -> None:
    """What colours and hatches mean: below a figure of our own, inside somebody else's axes."""
    classes = [labels.precision_class(row.scheme) for row in shown]
    present = [item for item in labels.COLOURS if item in classes]
    handles = [Patch(color=labels.COLOURS[item], label=CLASS_WORDS[item]) for item in present]
    handles += [
        Patch(facecolor="#FFFFFF", edgecolor="#555555", hatch=hatch, label=f"bound by {bound}")
        for bound, hatch in hatches.items()
    ]
    if not own or not isinstance(ax.figure, Figure):
        literally(ax.legend(handles=handles, fontsize="medium", loc="best").get_texts())
        return
    columns = min(3, max(1, len(handles)))
    legend = ax.figure.legend(
        handles=handles, loc="outside lower center", ncols=columns, frameon=False, fontsize="medium"
    )
    literally(legend.get_texts())


def figure_suffix(path: str | os.PathLike[str]) -> str:
    """The suffix of a file for a figure, in lower case.

    Raises:
        UsageError: it is none of FORMATS.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise UsageError(
            f"{os.fspath(path)!r} has no suffix of a figure: {choices(suffix, FORMATS)}"
        )
    return suffix


def save_figure(figure: Figure, path: str | os.PathLike[str], *, dpi: int = 150) -> None:
    """Write a figure as PNG, SVG or PDF, as the suffix says; whole or not at all.

    Raises:
        UsageError: another suffix, or a place that cannot be written to.
    """
    suffix = figure_suffix(path)
    undated = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    content = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "xnorsim"}), warnings.catch_warnings():
        # A layer's name may be in any script; what the font lacks becomes a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(
            content, format=FORMATS[suffix], dpi=dpi, metadata=undated[suffix], facecolor="white"
        )
    write_bytes(path, content.getvalue())
