"""A tornado chart: how far each input alone moves a prediction, the furthest on top."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from xnorsim.cost.sensitivity import Sensitivity
from xnorsim.errors import UsageError, choices
from xnorsim.show import labels
from xnorsim.show.explanation import Explanation
from xnorsim.show.explanation_parts import in_unit
from xnorsim.show.plots import LINES, literally
from xnorsim.show.sweep_text import value_text

__all__ = ["tornado_figure"]

_FIGURES = {"latency_s": ("latency", "s"), "energy_j": ("energy", "J")}
_LOW: Mapping[str, Any] = {"facecolor": LINES[1]}
_HIGH: Mapping[str, Any] = {"facecolor": LINES[2], "hatch": "////", "edgecolor": "#FFFFFF"}
"""Of bars; hatched, since the two colours are alike in grey."""

_NAME = 34
_LETTERS = 56
"""Of a title in a line, beside names."""


def tornado_figure(found: Explanation, metric: str = "latency_s") -> Figure:
    """Draw a prediction at both ends of each input's range, the other inputs at their values.

    An upright line is the prediction itself. Beside each bar stand the ends of the input's range,
    and its share of the prediction's spread when all inputs vary together.

    Raises:
        UsageError: no such figure, or one that no input moves.
    """
    if metric not in _FIGURES:
        raise UsageError(f"no figure '{metric}': {choices(metric, _FIGURES)}")
    items = sorted(found.sensitivities[metric], key=_span)
    if not items:
        raise UsageError(f"no input of {found.profile} moves the {_FIGURES[metric][0]}")
    what, unit = _FIGURES[metric]
    value = _value(found, metric)
    figure = Figure(figsize=(6.6, 2.1 + 0.44 * len(items)), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    for row, item in enumerate(items):
        for end, style in ((item.at_low, _LOW), (item.at_high, _HIGH)):
            ax.barh(row, end - value, left=value, height=0.62, linewidth=0, **style)
    ax.axvline(value, color="#000000", linewidth=0.9)
    left = min(value, *(min(item.at_low, item.at_high) for item in items))
    right = max(value, *(max(item.at_low, item.at_high) for item in items))
    room = 0.08 * (right - left or value)
    ax.set_xlim(left - room, right + room)
    ax.set_yticks(range(len(items)), [_named(item) for item in items], fontsize=9)
    literally(ax.get_yticklabels())
    shares = ax.secondary_yaxis("right")
    texts = [labels.percent(item.share) for item in items]
    shares.set_yticks(range(len(items)), texts, fontsize=9)
    shares.set_ylabel("share of the spread")
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: value_text(x, unit)))
    ax.set_xlabel(f"predicted {what}, with one input at an end of its range")
    title = "\n".join(wrap(_title(found, what, value, unit), _LETTERS))
    ax.set_title(title, fontsize="medium", parse_math=False)
    ax.grid(axis="x", color="#D9D9D9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    shares.spines[:].set_visible(False)
    for axis in (ax, shares):
        axis.tick_params(axis="y", length=0)
    figure.legend(
        handles=[Patch(**_LOW, linewidth=0, label="input at its low end"),
                 Patch(**_HIGH, linewidth=0, label="input at its high end")],
        loc="outside lower center", ncols=2, frameon=False,
    )  # fmt: skip
    return figure


def _span(item: Sensitivity) -> tuple[float, float]:
    return abs(item.at_high - item.at_low), item.share


def _value(found: Explanation, metric: str) -> float:
    return float(found.totals[metric] if found.of_network else getattr(found.layer, metric))


def _named(item: Sensitivity) -> str:
    given = item.input
    ends: Sequence[str] = [in_unit(end, given.unit) for end in (given.low, given.high)]
    name = labels.shorten(labels.visible(given.path), _NAME)
    return f"{name}\n{' to '.join(ends)}, {given.basis}"


def _title(found: Explanation, what: str, value: float, unit: str) -> str:
    of = found.network if found.of_network else f"{found.layer.name} of {found.network}"
    threads = "1 thread" if found.threads == 1 else f"{found.threads} threads"
    number = labels.quantity(value, unit) if math.isfinite(value) else labels.UNKNOWN
    return (
        labels.visible(f"What moves the {what} of {of} on {found.profile}: {number} ")
        + f"({found.predictor}, {threads})"
    )
