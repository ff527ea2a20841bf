"""What bounds each layer: a strip a machine, its layers as wide as the time that they take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from xnorsim.errors import UsageError
from xnorsim.show import labels
from xnorsim.show.content import prediction_names
from xnorsim.show.plots import LINES, WIDTH, literally

__all__ = ["bounds_figure", "plot_bounds"]

_CORE = ("compute", "operations", "instructions")
_CORE_STYLE = (LINES[1], "")
_OVERHEAD_STYLE = ("#8C8C8C", "....")
_MEMORY_STYLES = (
    (LINES[5], "\\\\\\\\"),
    (LINES[6], "////"),
    (LINES[2], "xxxx"),
    (LINES[4], "++++"),
)


def bounds_figure(docs: Sequence[Mapping[str, Any]]) -> Figure:
    """`plot_bounds` of several reports, below one another, with one legend.

    docs: the JSON documents of reports with predictions.

    Raises:
        UsageError: a report without predictions.
    """
    styles = _styles(docs)
    rows = [len(doc["predictions"]) for doc in docs]
    size = (WIDTH, 1.1 + sum(0.28 * number + 0.38 for number in rows))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(docs), 1, sharex=True, squeeze=False, height_ratios=rows)[:, 0]
    for ax, doc in zip(axes, docs, strict=True):
        plot_bounds(doc, styles, ax)
    axes[-1].set_xlabel("share of the predicted latency, layer after layer", fontsize=10)
    handles = [
        Patch(facecolor=colour, edgecolor="#FFFFFF", hatch=hatch, label=f"bound by {bound}")
        for bound, (colour, hatch) in styles.items()
    ]
    legend = figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    literally(legend.get_texts())
    return figure


def plot_bounds(doc: Mapping[str, Any], styles: Mapping[str, tuple[str, str]], ax: Axes) -> Axes:
    """Draw a strip for each prediction of a report: its layers in order, as wide as their time.

    styles: colour and hatching of each bound; neighbours with the same bound become one piece.
    """
    names = prediction_names(doc)
    for row, item in enumerate(doc["predictions"]):
        whole = item["totals"]["latency_s"]
        start = 0.0
        for bound, seconds in _runs(item["layers"]):
            colour, hatch = styles[bound]
            width = seconds / whole
            ax.barh(
                row, width, left=start, height=0.8, color=colour, hatch=hatch, edgecolor="#FFFFFF",
                linewidth=0.0,
            )  # fmt: skip
            start += width
    ax.set_yticks(range(len(names)), [labels.visible(name) for name in names], fontsize=10)
    literally(ax.get_yticklabels())
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.tick_params(axis="y", length=0)
    name = labels.visible(str(doc["model"].get("name", "network")))
    binarize = doc["assumptions"].get("binarize", "none")
    name += "" if binarize == "none" else f", binarize {binarize}"
    ax.set_title(name, fontsize=10, loc="left", parse_math=False)
    ax.spines[["top", "right", "left"]].set_visible(False)
    return ax


def _runs(layers: Sequence[Mapping[str, Any]]) -> list[tuple[str, float]]:
    """(bound, seconds) of neighbours with the same bound; layers that take no time are left out."""
    found: list[tuple[str, float]] = []
    for layer in layers:
        bound, seconds = layer["bound"], layer["latency_s"] or 0.0
        if found and found[-1][0] == bound:
            found[-1] = bound, found[-1][1] + seconds
        elif seconds:
            found.append((bound, seconds))
    return found


def _styles(docs: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Colour and hatching of every bound: the core first, then memories, then the overhead."""
    used: dict[str, float] = {}
    for doc in docs:
        if not doc["predictions"]:
            raise UsageError(
                f"the report on {doc['model'].get('name')} has no prediction: give a profile"
            )
        for item in doc["predictions"]:
            for bound, seconds in _runs(item["layers"]):
                used[bound] = used.get(bound, 0.0) + seconds
    memories = [name for name in used if name not in (*_CORE, "overhead")]
    memories.sort(key=lambda name: (not name.startswith("L"), name))  # L2, L3, and then DRAM
    styles: dict[str, tuple[str, str]] = {name: _CORE_STYLE for name in _CORE if name in used}
    for i, name in enumerate(memories):
        styles[name] = _MEMORY_STYLES[i % len(_MEMORY_STYLES)]
    if "overhead" in used:
        styles["overhead"] = _OVERHEAD_STYLE
    return styles
