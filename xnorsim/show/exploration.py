"""What a machine would do if it were another one: the figure that follows a change at once.

What changes with every move is little: bars, and text beside them. So the bars are artists of one
figure, drawn over its axes, which are drawn anew only where a scale changes; text is HTML, which
the browser sets (matplotlib takes milliseconds for each word).
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.image import imsave
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from xnorsim.network.precision import MacClass
from xnorsim.show import labels
from xnorsim.show.plots import CLASS_WORDS
from xnorsim.show.report import Report
from xnorsim.units import format_si

__all__ = [
    "Exploration",
    "Shown",
    "bound_shades",
    "gains_html",
    "headline",
    "headline_html",
    "legend_html",
    "settled",
]

_DPI = 110
_SIZE = (7.2, 3.0)
_SPAN = 0.84  # of a bar, in places of layers
_ROOM = 1.35  # above the bars of the start, for ranges
_STEP = 1.5  # of the scale, where bars outgrow it
_BAR_EM = 14.0
_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shown:
    """What the figure shows of one machine and one choice of precisions.

    title: which network, machine and predictor; names, classes, bounds, latency_s [s]: of each
    layer in execution order; low_s, high_s: its range [s], None while it is not known; totals:
    latency_s and energy_j, NaN where it is not known, and with their range latency_s_low, ...;
    speedup: by the name of its baseline, and the ends of its range.
    """

    title: str
    names: tuple[str, ...]
    classes: tuple[MacClass | None, ...]
    bounds: tuple[str, ...]
    latency_s: _Floats
    totals: Mapping[str, float]
    speedup: Mapping[str, float]
    low_s: _Floats | None = None
    high_s: _Floats | None = None
    speedup_low: Mapping[str, float] = field(default_factory=dict)
    speedup_high: Mapping[str, float] = field(default_factory=dict)


def settled(shown: Shown, report: Report) -> Shown:
    """The same figures with the ranges of the report of that machine."""
    found = report.predictions[0]
    return replace(
        shown,
        low_s=found.columns["latency_s_low"],
        high_s=found.columns["latency_s_high"],
        totals=found.totals,
        speedup_low=found.speedup_low,
        speedup_high=found.speedup_high,
    )


def headline(shown: Shown, start: Shown) -> str:
    """The totals in words, with their change against the unchanged machine."""
    parts = []
    for name, unit, what in (("latency_s", "s", ""), ("energy_j", "J", " energy")):
        now, then = shown.totals[name], start.totals[name]
        if not math.isfinite(now):
            continue
        low, high = (shown.totals.get(f"{name}_{end}") for end in ("low", "high"))
        within = labels.quantity_range(low, high, unit)
        told = "" if within == labels.UNKNOWN else f" ({within})"
        parts.append(f"{labels.quantity(now, unit)}{what}{told}, {_change(now, then)}")
    return "; ".join(parts)


def _change(now: float, then: float) -> str:
    if now == then or not then:
        return "unchanged"
    return f"{'+' if now > then else '−'}{labels.percent(abs(now / then - 1))}"


def headline_html(shown: Shown, start: Shown) -> str:
    """The title and `headline` as HTML."""
    was = f"unchanged machine: {labels.quantity(start.totals['latency_s'], 's')}"
    return (
        f"<div>{_text(shown.title)}</div><div><b>{_text(headline(shown, start))}</b> "
        f'<span style="opacity:0.7">{_text(was)}</span></div>'
    )


def gains_html(shown: Shown, start: Shown) -> str:
    """Speedups by baseline as bars, with a mark where each was at the start, as HTML."""
    known = {name: gain for name, gain in shown.speedup.items() if math.isfinite(gain)}
    longest = max((*known.values(), *(start.speedup[name] for name in known)), default=1.0)
    rows = "".join(_gain_row(name, gain, longest, shown, start) for name, gain in known.items())
    return f'<table style="line-height:1.4">{rows}</table>' if rows else ""


def _gain_row(name: str, gain: float, longest: float, shown: Shown, start: Shown) -> str:
    width, was = (_BAR_EM * value / longest for value in (gain, start.speedup[name]))
    ends = ""
    if shown.speedup_low.get(name) != shown.speedup_high.get(name):
        ends = f" ({shown.speedup_low[name]:.3g}–{shown.speedup_high[name]:.3g})"
    bar = (
        f'<div style="position:relative;width:{_BAR_EM}em;height:0.8em">'
        f'<div style="width:{width:.2f}em;height:0.8em;background:#7f7f7f"></div>'
        f'<div style="position:absolute;left:{was:.2f}em;top:-0.1em;height:1em;'
        'border-left:2px solid currentColor"></div></div>'
    )
    return (
        f'<tr><td style="text-align:right;padding-right:0.6em">speedup over {_text(name)}</td>'
        f"<td>{bar}</td><td style='padding-left:0.6em'>{labels.factor(gain)}{ends}</td></tr>"
    )


def legend_html(classes: Sequence[MacClass | None], shades: Mapping[str, str]) -> str:
    """What the colours of bars and the greys below them mean, as HTML."""
    colours = {CLASS_WORDS[item]: labels.COLOURS[item] for item in classes}
    greys = {
        f"bound by {name}": f"rgb({level},{level},{level})"
        for name, level in ((name, round(255 * float(shade))) for name, shade in shades.items())
    }
    words = (
        f'<span style="white-space:nowrap;margin-right:1em"><span style="display:inline-block;'
        f'width:0.8em;height:0.8em;border:1px solid #777;background:{colour}"></span> '
        f"{_text(name)}</span>"
        for name, colour in {**colours, **greys}.items()
    )
    return f'<div style="line-height:1.4">{" ".join(words)}<span>— unchanged machine</span></div>'


def _text(text: str) -> str:
    return escape(labels.visible(text))


def bound_shades(bounds: Sequence[str]) -> dict[str, str]:
    """A grey for each bound, in order from white for the first to black for the last."""
    steps = np.linspace(1.0, 0.0, max(2, len(bounds)))
    return {name: f"{step:.3f}" for name, step in zip(bounds, steps, strict=False)}


class Exploration:
    """The bars of a machine that changes: `redraw` shows another state of it.

    start: the unchanged machine, which stays as marks; bounds: everything that may bound a layer,
    in order.
    """

    def __init__(self, start: Shown, bounds: Sequence[str]) -> None:
        self.start = start
        self.shades = bound_shades(bounds)
        heights = zip(start.names, start.latency_s.tolist(), strict=True)
        self._before = {name: height for name, height in heights if height > 0}
        self._canvas = FigureCanvasAgg(Figure(figsize=_SIZE, dpi=_DPI))
        figure = self._canvas.figure
        self._layers = figure.add_axes((0.105, 0.26, 0.885, 0.65))
        self._strip = figure.add_axes((0.105, 0.19, 0.885, 0.05))
        _set_axes(self._layers, self._strip)
        self._bars = PolyCollection([], linewidths=0)
        self._limits = PolyCollection([], linewidths=0)
        self._ranges = LineCollection([], colors="#333333", linewidths=0.8)
        self._marks = LineCollection([], colors="#000000", linewidths=1.4)
        for artist in (self._bars, self._ranges, self._marks):
            _add(self._layers, artist)
        _add(self._strip, self._limits)
        self._scale: tuple[int, float] | None = None
        self._background: Any = None

    def redraw(self, shown: Shown) -> bytes:
        """The figure at another state, as PNG."""
        chosen = np.flatnonzero(shown.latency_s > 0)
        self._set_bars(shown, chosen)
        self._set_marks(shown, chosen)
        places = max(len(chosen), self._scale[0] if self._scale else 0)
        scale = places, self._reach(shown)
        if scale != self._scale:
            self._draw_axes(*scale)
        self._canvas.restore_region(self._background)
        for artist in (self._bars, self._ranges, self._marks):
            self._layers.draw_artist(artist)
        self._strip.draw_artist(self._limits)
        return _png(np.asarray(self._canvas.buffer_rgba()))

    @property
    def figure(self) -> Figure:
        """The axes, which stay; bars are drawn over them."""
        return self._canvas.figure

    @property
    def reach(self) -> float:
        """The end of the scale as it is drawn [s]."""
        return self._scale[1] if self._scale else 0.0

    def _set_bars(self, shown: Shown, chosen: NDArray[np.intp]) -> None:
        places = np.arange(len(chosen))
        self._bars.set_verts(_boxes(places, shown.latency_s[chosen]))
        self._bars.set_facecolor([labels.COLOURS[shown.classes[i]] for i in chosen])
        self._limits.set_verts(_boxes(places, np.ones(len(chosen))))
        self._limits.set_facecolor([self.shades[shown.bounds[i]] for i in chosen])
        segments = []
        if shown.low_s is not None and shown.high_s is not None:
            segments = _lines(places, places, shown.low_s[chosen], shown.high_s[chosen])
        self._ranges.set_segments(segments)

    def _set_marks(self, shown: Shown, chosen: NDArray[np.intp]) -> None:
        before = self._before
        marked = [(at, before[n]) for at, i in enumerate(chosen) if (n := shown.names[i]) in before]
        at, then = np.array(marked, dtype=float).reshape(-1, 2).T
        self._marks.set_segments(_lines(at - _SPAN / 2, at + _SPAN / 2, then, then))

    def _reach(self, shown: Shown) -> float:
        """The end of the scale: that of the start, so that what shrinks is seen to, or beyond."""
        usual = _ROOM * max(self._before.values(), default=1.0)
        highest = shown.latency_s if shown.high_s is None else shown.high_s
        excess = float(highest.max(initial=0.0)) / usual
        return usual * _STEP ** max(0, math.ceil(math.log(excess, _STEP))) if excess else usual

    def _draw_axes(self, layers: int, reach: float) -> None:
        for ax in (self._layers, self._strip):
            ax.set_xlim(-0.7, layers - 0.3)
        self._layers.set_ylim(0.0, reach)
        self._canvas.draw()
        self._background = self._canvas.copy_from_bbox(self._canvas.figure.bbox)
        self._scale = layers, reach


def _add(ax: Axes, artist: PolyCollection | LineCollection) -> None:
    artist.set_animated(True)  # not among the axes, which stay
    ax.add_collection(artist, autolim=False)


def _set_axes(layers: Axes, strip: Axes) -> None:
    layers.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_si(value, "s")))
    layers.yaxis.set_major_locator(MaxNLocator(5))
    layers.tick_params(axis="y", labelsize=10)
    layers.tick_params(axis="x", length=0, labelbottom=False)
    layers.set_title("latency of each layer", fontsize=10.5, loc="left")
    layers.spines[["top", "right", "bottom"]].set_visible(False)
    strip.spines[["top", "right", "left"]].set_visible(False)
    layers.grid(axis="y", color="#D9D9D9", linewidth=0.6)
    layers.set_axisbelow(True)
    strip.set_ylim(0, 1)
    strip.set_yticks([])
    strip.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    strip.tick_params(axis="x", labelsize=10)
    strip.set_xlabel("layers that run, in order, and below them what bounds each", fontsize=10.5)


def _boxes(places: NDArray[Any], heights: _Floats) -> Any:
    """Corners [bars, 4, 2] of bars that stand at places."""
    left, right, zero = places - _SPAN / 2, places + _SPAN / 2, np.zeros(len(places))
    corners = ((left, zero), (left, heights), (right, heights), (right, zero))
    return np.stack([np.stack(corner, axis=-1) for corner in corners], axis=1)


def _lines(x0: Any, x1: Any, y0: Any, y1: Any) -> Any:
    """Ends [lines, 2, 2] of lines."""
    ends = (np.stack((x0, y0), axis=-1), np.stack((x1, y1), axis=-1))
    return np.stack(ends, axis=1).astype(float)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    content = io.BytesIO()
    # The least compression: the image goes to a browser once, and time is what counts.
    imsave(content, pixels, format="png", pil_kwargs={"compress_level": 1})
    return content.getvalue()
