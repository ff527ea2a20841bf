"""A roofline diagram: what a machine can do at most, and a network's layers below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from xnorsim.cost.ceilings import Ceilings, Placed
from xnorsim.network.precision import MacClass, Scheme, mac_class
from xnorsim.show import labels
from xnorsim.show.placing import box_of, name_points
from xnorsim.show.plots import MARKERS, literally
from xnorsim.show.sweep_text import value_text

__all__ = ["roofline_figure"]

_CLASSES = {
    "binary": MacClass.BINARY,
    "int8": MacClass.INT8,
    "bwn": MacClass.BWN,
    "fp32": MacClass.FP,
}
_WORDS = {"binary": "binary", "int8": "int8", "bwn": "binary weights", "fp32": "fp32"}
_NAMED = 10
_MARGIN = 2.5
_LETTERS = 70
_GREY = "#7A7A7A"
_SMALLEST, _LARGEST = 3.5, 11.0


def roofline_figure(
    machine: Ceilings,
    layers: Sequence[Placed],
    schemes: Sequence[Scheme | None],
    bounds: Sequence[str],
    title: str = "",
    *,
    named: int = _NAMED,
) -> Figure:
    """Draw layers by MACs a byte and MACs a second, below the ceilings of a machine.

    A layer's colour is the precision of its MACs, with the ceiling of that colour above it; its
    marker says what bounds it, its size which share of the time it takes. Slanted lines are the
    bandwidths of memory levels.

    Parameters
    ----------
    machine, layers : of cost.ceilings
    schemes, bounds : of every layer of the table, by place
    title : the network and the machine
    named : how many layers have their names written, those that take most time
    """
    figure = Figure(figsize=(6.6, 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    used = {_class(schemes[item.place]) for item in layers}
    roofs = {kind: rate for kind, rate in machine.compute.items() if _CLASSES[kind] in used}
    _scales(ax, machine, roofs, layers)
    _lines(ax, machine, roofs)
    marks = _draw(ax, layers, schemes, bounds)
    ax.set_xlabel("MACs for a byte of operands, each counted once")
    ax.set_ylabel("MACs a second, as predicted")
    lines = wrap(labels.visible(title), _LETTERS)
    ax.set_title("\n".join(lines), fontsize="medium", parse_math=False)
    _legend(figure, used, marks)
    figure.draw_without_rendering()
    first = sorted(layers, key=lambda item: -item.latency_s)[:named]
    boxes = [box_of(ax, (item.intensity, item.rate), _radius(item, layers)) for item in layers]
    boxes += [text.get_window_extent() for text in ax.texts]
    boxes += [_roof(ax, rate) for rate in roofs.values()]
    names = labels.shorten_all([item.name for item in first], 22)
    name_points(ax, names, [(item.intensity, item.rate) for item in first], boxes)
    return figure


def _roof(ax: Axes, rate: float) -> Bbox:
    """Where a ceiling is on the canvas, as wide as the axes."""
    (left, right), y = ax.get_xlim(), ax.transData.transform((1.0, rate))[1]
    ends = ax.transData.transform([(left, rate), (right, rate)])[:, 0]
    return Bbox([[ends[0], y - 1], [ends[1], y + 1]])


def _class(scheme: Scheme | None) -> MacClass | None:
    return None if scheme is None else mac_class(scheme.weight, scheme.activation)


def _scales(
    ax: Axes, machine: Ceilings, roofs: Mapping[str, float], layers: Sequence[Placed]
) -> None:
    intensities = [item.intensity for item in layers]
    rates = [*(item.rate for item in layers), *roofs.values()]
    ridge = max(roofs.values(), default=max(rates)) / min(machine.bandwidth.values())
    ax.set(
        xscale="log",
        yscale="log",
        xlim=(min(intensities) / _MARGIN, max(*intensities, ridge) * _MARGIN),
        ylim=(min(rates) / _MARGIN, max(rates) * _MARGIN),
    )
    for axis, unit in ((ax.xaxis, "MAC/B"), (ax.yaxis, "MAC/s")):
        axis.set_major_locator(LogLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _, u=unit: _tick(value, u)))
        axis.set_minor_formatter(NullFormatter())
    ax.grid(color="#E6E6E6", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def _tick(value: float, unit: str) -> str:
    if unit == "MAC/B":
        return f"{value:g}"
    number, _, prefix = labels.quantity(value).partition(" ")
    return f"{float(number):g} {prefix}{unit}".replace("  ", " ")


def _lines(ax: Axes, machine: Ceilings, roofs: Mapping[str, float]) -> None:
    """The ceilings, with their names at their ends."""
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    highest = max(roofs.values(), default=top / _MARGIN)
    fastest = max(machine.bandwidth.values())
    for kind, rate in roofs.items():
        colour = labels.COLOURS[_CLASSES[kind]]
        ax.plot([max(left, rate / fastest), right], [rate, rate], color=colour, linewidth=1.6)
        ax.annotate(
            f"{_WORDS[kind]} {_tick(rate, 'MAC/s')}", (right, rate), (-3, _LARGEST / 2 + 1),
            textcoords="offset points", ha="right", va="bottom", fontsize=9, color=colour,
        )  # fmt: skip
    for number, (name, bandwidth) in enumerate(machine.bandwidth.items()):
        start = max(left, bottom / bandwidth)
        end = min(right, highest / bandwidth)
        if start >= end:
            continue
        ax.plot([start, end], [start * bandwidth, end * bandwidth], color=_GREY, linewidth=1.0)
        at = start * (end / start) ** (0.25 + 0.15 * (number % 4))  # not one beside the other
        ax.text(at, at * bandwidth, f"{name} {value_text(bandwidth, 'byte/s')}", fontsize=9,
                color=_GREY, rotation=_slope(ax), rotation_mode="anchor", ha="center", va="bottom",
                parse_math=False, path_effects=[withStroke(linewidth=2.0, foreground="white")],
                )  # fmt: skip


def _slope(ax: Axes) -> float:
    """The angle of a line that goes up by a decade in a decade [degree]."""
    (left, right), (bottom, top) = np.log10(ax.get_xlim()), np.log10(ax.get_ylim())
    box = ax.get_window_extent()
    return float(np.degrees(np.arctan2(box.height / (top - bottom), box.width / (right - left))))


def _radius(item: Placed, layers: Sequence[Placed]) -> float:
    largest = max(each.latency_s for each in layers)
    return _SMALLEST / 2 + (_LARGEST - _SMALLEST) / 2 * float(np.sqrt(item.latency_s / largest))


def _draw(
    ax: Axes, layers: Sequence[Placed], schemes: Sequence[Scheme | None], bounds: Sequence[str]
) -> dict[str, str]:
    """The layers; returns the marker of each bound."""
    words = dict.fromkeys(bounds[item.place] for item in layers)
    marks = {bound: MARKERS[i % len(MARKERS)] for i, bound in enumerate(words)}
    for item in layers:
        ax.plot(
            item.intensity, item.rate, linestyle="", marker=marks[bounds[item.place]],
            markersize=2 * _radius(item, layers), alpha=0.85, markeredgecolor="#FFFFFF",
            markeredgewidth=0.5, color=labels.COLOURS[_class(schemes[item.place])], zorder=3,
        )  # fmt: skip
    return marks


def _legend(figure: Figure, used: set[MacClass | None], marks: Mapping[str, str]) -> None:
    def mark(label: str, marker: str, colour: str) -> Line2D:
        return Line2D([], [], linestyle="", marker=marker, color=colour, label=label)

    handles = [
        mark(f"{item.value if item else 'other'} MACs", "s", colour)
        for item, colour in labels.COLOURS.items()
        if item in used
    ]
    handles += [mark(f"bound by {labels.visible(b)}", m, "#555555") for b, m in marks.items()]
    handles += [mark("the larger, the more time", "o", "#B0B0B0")]
    legend = figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
    literally(legend.get_texts())
