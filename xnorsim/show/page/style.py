"""How every figure of the page looks.

A figure is plain data as plotly.js takes it: `data`, `layout`, and `columns`: arrays by name that
several traces share. In a trace {"of": NAME, "at": [0, 2]} stands for those places of a column; the
page puts the numbers in before it draws. Colours of text and lines of axes are of the page's style
sheet, which knows light, dark and print.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xnorsim.network.precision import MacClass
from xnorsim.show import labels

__all__ = [
    "SYMBOLS",
    "axis",
    "class_name",
    "figure",
    "note",
    "paint",
    "panels",
    "rounded",
    "scale",
    "tick_text",
    "ticks",
]

SYMBOLS = ("circle", "square", "diamond", "triangle-down", "pentagon", "x", "star", "cross")

_PAINTS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")
_PATTERNS = ("", "/", "x", ".")
_GRID = "#E3E3E3"
_LINE = "#8C8C8C"
_FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
_NAMES = {
    MacClass.BINARY: "binary",
    MacClass.BWN: "binary weights",
    MacClass.INT8: "int8",
    MacClass.FP: "float",
    MacClass.OTHER: "other precisions",
    None: "no MACs",
}


def class_name(used: MacClass | None) -> str:
    """A precision class in a legend."""
    return _NAMES[used]


def paint(number: int) -> dict[str, Any]:
    """The colour of the nth of many things, and a pattern: in grey, some colours are the same.

    The numbers of colours and of patterns have no common factor, so that all pairs come up.
    """
    shape = _PATTERNS[number % len(_PATTERNS)]
    pattern = {"shape": shape, "fillmode": "overlay", "fgcolor": "#FFFFFF", "size": 6}
    colour = _PAINTS[number % len(_PAINTS)]
    return {"color": colour, **({"pattern": pattern} if shape else {})}


def rounded(values: Iterable[float | None], factor: float = 1.0) -> list[float | None]:
    """Values times a factor to six digits, as many as a figure shows; None stays."""
    return [None if value is None else float(f"{value * factor:.6g}") for value in values]


def scale(values: Iterable[float | None], unit: str) -> tuple[float, str]:
    """The factor and the unit in which the largest of some values is between 1 and 1000.

    >>> scale([0.002, None, 0.03], "s")
    (1000.0, 'ms')
    """
    largest = max((value for value in values if value), default=0.0)
    power = math.floor(math.log10(largest) / 3 + 1e-12) if largest else 0
    power = min(max(power, -4), 4)
    return 10.0 ** (-3 * power), f"{_PREFIXES[power + 4]}{unit}"


_PREFIXES = ("p", "n", "µ", "m", "", "k", "M", "G", "T")


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """An axis with a title and grid lines."""
    return {
        "title": {"text": title, "standoff": 8, "font": {"size": 13}},
        "gridcolor": _GRID,
        "zerolinecolor": _LINE,
        "linecolor": _LINE,
        "automargin": True,
        **more,
    }


def ticks(low: float, high: float, unit: str, most: int = 9) -> dict[str, Any]:
    """Where a logarithmic axis is marked, at most so often, and with which texts.

    >>> ticks(0.09, 2.0, "s")["ticktext"]
    ['100 ms', '200 ms', '500 ms', '1 s', '2 s']
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    choices = (
        [v for p in powers for s in steps if low * 0.999 <= (v := s * 10.0**p) <= high * 1.001]
        for steps in _STEPS
    )
    *denser, last = choices
    inside = next((values for values in denser if len(values) <= most), last)
    return {"tickvals": inside, "ticktext": [tick_text(value, unit) for value in inside]}


_STEPS = ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 2, 5), (1, 3), (1,))


def tick_text(value: float, unit: str) -> str:
    """A round number with a prefix and its unit; a factor is followed by its cross.

    >>> tick_text(0.05, "s"), tick_text(2e9, "MAC/s"), tick_text(50.0, "×")
    ('50 ms', '2 GMAC/s', '50×')
    """
    if unit in _PLAIN:
        return f"{value:.6g}{_PLAIN[unit]}"
    number, _, prefix = labels.quantity(value, unit).partition(" ")
    return f"{float(number):g} {prefix}"


_PLAIN = {"×": "×", "MAC/B": "", "MiB": " MiB"}


def panels(count: int, gap: float) -> list[tuple[float, float]]:
    """Where panels one below the other are, from the top: [bottom, top] as shares of the height."""
    each = (1 - gap * (count - 1)) / count
    tops = [1 - number * (each + gap) for number in range(count)]
    return [(max(0.0, round(top - each, 6)), round(top, 6)) for top in tops]


def note(text: str, **more: Any) -> dict[str, Any]:
    """A text in a figure; `text` is literal already."""
    return {"text": text, "showarrow": False, "font": {"size": 12}, **more}


def figure(
    data: Sequence[Mapping[str, Any]],
    height: int,
    *,
    columns: Mapping[str, Sequence[Any]] | None = None,
    least_width: int = 0,
    **layout: Any,
) -> dict[str, Any]:
    """A figure in the style of the page; `layout` is what this one has of its own.

    height: [pixel]; least_width: below which the figure is scrolled and not squeezed [pixel].
    """
    return {
        "data": list(data),
        "columns": dict(columns or {}),
        "least_width": least_width,
        "layout": {
            "height": height,
            "font": {"family": _FONT, "size": 13, "color": "#222222"},
            "paper_bgcolor": "#FFFFFF",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "hovermode": "closest",
            "hoverlabel": {"align": "left"},
            "margin": {"l": 60, "r": 20, "t": 30, "b": 50},
            "legend": {
                "orientation": "h", "x": 0, "y": 1, "yanchor": "top", "yref": "container",
                "font": {"size": 13},
            },
            **layout,
        },
    }  # fmt: skip
