"""The figure of a front of precisions: fidelity over cost, and what each layer is at each point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from xnorsim.network.precision import MacClass
from xnorsim.show import labels
from xnorsim.show.plots import LINES, literally
from xnorsim.units import format_si

__all__ = ["precision_front_figure"]

_METRICS = {"latency_s": ("latency", "s"), "energy_j": ("energy", "J")}
_WORDS = {
    "fp32": ("float", MacClass.FP),
    "bwn": ("binary weights", MacClass.BWN),
    "xnor": ("binary weights and inputs", MacClass.BINARY),
}
_EXECUTED: Mapping[str, Any] = {
    "color": LINES[2],
    "linewidth": 1.0,
    "markersize": 6,
    "markerfacecolor": "#FFFFFF",
}
_ESTIMATED: Mapping[str, Any] = {"color": LINES[1], "linewidth": 1.4, "markersize": 6}

_DOT = "#1A1A1A"
"""Of the dots in cells with binary weights, which a printer without colours needs."""

_ROW_HEIGHT = 0.24
"""Of a point in the strip [inch]."""


def precision_front_figure(doc: Mapping[str, Any]) -> Figure:
    """Draw a front: above fidelity over predicted cost, below the precision of each layer.

    Filled points are what the search holds, the product of the layers' cosines; hollow ones the
    cosine of the executed network's output with the float network's. Their numbers are those of the
    rows below.

    Parameters
    ----------
    doc : the JSON document of a front (`PrecisionFront.to_dict`)
    """
    points = doc["points"]
    height = _ROW_HEIGHT * len(points) + 0.3
    figure = Figure(figsize=(6.6, 4.6 + height), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, height_ratios=(3.4, height))
    _front(above, doc)
    _strip(below, doc)
    shown = [_WORDS[word] for word in doc["layers"][0]["saved"]]
    patches = [Patch(color=labels.COLOURS[kind]) for _, kind in shown]
    dot = Line2D([], [], linestyle="", marker="o", markersize=2.2, color=_DOT)
    dotted = MacClass.BWN  # as in the strip
    handles: list[Any] = [
        (each, dot) if kind is dotted else each
        for each, (_, kind) in zip(patches, shown, strict=True)
    ]
    legend = figure.legend(
        handles,
        [label for label, _ in shown],
        handler_map={tuple: HandlerTuple(ndivide=1)},
        loc="outside lower center",
        ncols=3,
        frameon=False,
    )
    literally(legend.get_texts())
    return figure


def _front(ax: Axes, doc: Mapping[str, Any]) -> None:
    metric, unit = _METRICS[doc["metric"]]
    networks = [point["network"] for point in doc["points"]]
    costs = [item[doc["metric"]] for item in networks]
    estimated = [item["estimated_cosine"] for item in networks]
    executed = [item["cosine"] for item in networks]
    ax.plot(costs, executed, "D:", **_EXECUTED, label="output of the network, executed")
    ax.plot(costs, estimated, "o-", **_ESTIMATED, label="product of its layers' cosines")
    for number, (x, y) in enumerate(zip(costs, estimated, strict=True), 1):
        ax.annotate(str(number), (x, y), xytext=(4, -5), textcoords="offset points", va="top")
    threads = "1 thread" if doc["threads"] == 1 else f"{doc['threads']} threads"
    name = labels.shorten(labels.visible(doc["network"]), 40)
    about = f"{doc['predictor']}, {threads}"
    ax.set_title(f"{name} on {doc['profile']} ({about})", fontsize="medium", parse_math=False)
    ax.set_xlabel(f"predicted {metric} of one sample")
    ax.set_ylabel("cosine with the float network, not retrained")
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_si(value, unit)))
    ax.set_ylim(-0.09, 1.3)  # the legend stands above the points
    ax.set_yticks([0.2 * step for step in range(6)])
    ax.margins(x=0.06)
    ax.grid(color="#D9D9D9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="upper left")


def _strip(ax: Axes, doc: Mapping[str, Any]) -> None:
    points = doc["points"]
    words = list(_WORDS)
    names = [item["name"] for item in doc["layers"]]
    cells = [[words.index(point["chosen"][name]) for name in names] for point in points]
    ax.pcolormesh(
        cells,
        cmap=ListedColormap([labels.COLOURS[kind] for _, kind in _WORDS.values()]),
        norm=BoundaryNorm([-0.5, 0.5, 1.5, 2.5], 3),
        edgecolors="#FFFFFF",
        linewidth=0.8,
    )
    dots = [(x + 0.5, y + 0.5) for y, row in enumerate(cells) for x in _places(row, "bwn")]
    if dots:
        ax.scatter(*zip(*dots, strict=True), s=5, color=_DOT)
    _strip_axes(ax, points, doc["metric"], len(names))


def _places(row: Sequence[int], word: str) -> list[int]:
    return [place for place, at in enumerate(row) if at == list(_WORDS).index(word)]


def _strip_axes(ax: Axes, points: Sequence[Mapping[str, Any]], metric: str, count: int) -> None:
    unit = _METRICS[metric][1]
    costs = [format_si(point["network"][metric], unit) for point in points]
    names = [f"{number}: {cost}" for number, cost in enumerate(costs, 1)]
    ax.set_yticks([place + 0.5 for place in range(len(points))], names)
    ax.invert_yaxis()
    shown = sorted({1, *range(5, count + 1, 5)} if count > 8 else range(1, count + 1))
    ax.set_xticks([number - 0.5 for number in shown], [str(number) for number in shown])
    ax.set_xlabel("layers that may be binary, in the order of the network")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
