"""Figures of sweeps: heat maps of two axes, and Pareto fronts with their designs named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)
from matplotlib.transforms import Bbox

from xnorsim.errors import UsageError, choices
from xnorsim.explore.fronts import front
from xnorsim.show import labels
from xnorsim.show.placing import box_of, name_points
from xnorsim.show.plots import LINES, literally
from xnorsim.show.sweep_text import (
    coordinates_along,
    metric_text,
    metrics_of,
    name_text,
    texts_along,
    value_text,
    values_along,
)

if TYPE_CHECKING:
    import xarray

__all__ = ["Designs", "designs_of", "heatmap_figure", "named", "pareto_figure"]

_GREY = "#B8B8B8"
_LEFT_OUT = "#EFEFEF"
_COLOURS = "cividis_r"  # even to the colour-blind, dark where there is most
_WRITTEN = 150
"""Cells of a heat map that still have their values written in them."""

_TICKS = 16
_NAMED = 12
_DECADE = 8.0
_MANY_DECADES = 100.0
_VALUES = 8


def heatmap_figure(
    dataset: xarray.Dataset,
    x: str = "",
    y: str = "",
    metric: str = "",
    *,
    at: Mapping[str, Any] | None = None,
    baseline: Mapping[str, Any] | None = None,
) -> Figure:
    """Draw a figure of a sweep over two of its axes as colours, and in numbers where they fit.

    Parameters
    ----------
    dataset : of a sweep that is kept whole
    x, y : its axes; the last and the one before it unless told
    metric : the figure; the first unless told
    at : values of other axes, in their units or as text; along those that are not named the least
        is taken, and the title says so
    baseline : values of axes: what is drawn is how many times less the figure is than there

    Raises:
        UsageError: no such axis, value or figure, or fewer than two axes.
    """
    name = metric or next(iter(metrics_of(dataset)), "")
    what, unit = metric_text(dataset, name)
    array, dims = dataset[name], [str(dim) for dim in dataset[name].dims]
    x, y = _two(dims, x, y)
    over = ""
    if baseline:
        array = _point(dataset, array, baseline) / array
        what, unit = _GAINS.get(name, f"times less {what}"), "×"
        over = f"{what} over {_told(dataset, baseline)}"
    fixed = _places(dataset, at or {}, (x, y))
    array = array.isel(fixed)
    others = [dim for dim in dims if dim not in (x, y, *fixed)]
    array = array.max(others) if baseline else array.min(others)
    values = np.asarray(array.transpose(y, x).values, dtype=float)
    columns, rows = texts_along(dataset, x), texts_along(dataset, y)
    figure, ax = _canvas(
        min(14.0, 2.6 + 0.62 * max(5, min(len(columns), _TICKS))),
        min(12.0, 1.8 + 0.36 * max(5, min(len(rows), _TICKS))),
    )
    _cells(figure, ax, values, what, unit)
    _places_along(ax, columns, rows)
    ax.set_xlabel(_axis_name(dataset, x), parse_math=False)
    ax.set_ylabel(_axis_name(dataset, y), parse_math=False)
    lines = [over, *_said(dataset, fixed, others, bool(baseline))]
    _titled(ax, dataset, [line for line in lines if line])
    return figure


_GAINS = {"latency_s": "speedup", "energy_j": "times less energy"}


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _two(dims: Sequence[str], x: str, y: str) -> tuple[str, str]:
    if len(dims) < 2:
        raise UsageError(f"a heat map has two axes, and the sweep has {', '.join(dims) or 'none'}")
    for name in filter(None, (x, y)):
        if name not in dims:
            raise UsageError(f"the sweep has no axis '{name}': {choices(name, dims)}")
    x = x or next(dim for dim in reversed(dims) if dim != y)
    y = y or next(dim for dim in reversed(dims) if dim != x)
    if x == y:
        raise UsageError(f"a heat map has two axes, not '{x}' twice")
    return x, y


def _places(dataset: xarray.Dataset, at: Mapping[str, Any], drawn: Sequence[str]) -> dict[str, int]:
    """The places of values along their axes."""
    found = {}
    for name, value in at.items():
        if name in drawn:
            raise UsageError(f"{name} is drawn along a side: it does not stay at {value}")
        found[name] = _place(dataset, name, value)
    return found


def _place(dataset: xarray.Dataset, name: str, value: Any) -> int:
    if name not in dataset.sizes:
        raise UsageError(
            f"the sweep has no axis '{name}': {choices(name, map(str, dataset.sizes))}"
        )
    texts = texts_along(dataset, name)
    if str(value) in texts:
        return texts.index(str(value))
    own = dataset[name].values.tolist() if name in dataset.coords else list(range(len(texts)))
    if value in own:
        return own.index(value)
    raise UsageError(f"axis {name} has no value {value!r}: {choices(str(value), texts)}")


def _point(dataset: xarray.Dataset, array: xarray.DataArray, at: Mapping[str, Any]) -> Any:
    """The array at values of axes; along axes without one it stays."""
    found = array.isel(_places(dataset, at, ()))
    if found.size > 1:
        names = ", ".join(map(str, found.dims))
        raise UsageError(f"a baseline is one point: give it a value of {names}, too")
    if not np.isfinite(found.item()):
        raise UsageError("the baseline is a point that is left out")
    return found.item()


def _told(dataset: xarray.Dataset, at: Mapping[str, Any]) -> str:
    texts = (
        f"{name_text(name)} {texts_along(dataset, name)[_place(dataset, name, value)]}"
        for name, value in at.items()
    )
    return ", ".join(texts)


def _said(
    dataset: xarray.Dataset, fixed: Mapping[str, int], others: Sequence[str], is_gain: bool
) -> Iterator[str]:
    """What holds along the axes that are not drawn."""
    if fixed:
        each = (f"{name_text(name)} {texts_along(dataset, name)[i]}" for name, i in fixed.items())
        yield ", ".join(each)
    if others:
        end = "most" if is_gain else "least"
        yield f"the {end} over {', '.join(name_text(name) for name in others)}"


def _titled(ax: Axes, dataset: xarray.Dataset, more: Sequence[str] = ()) -> None:
    """The title of the sweep, and lines below it, as wide as the figure."""
    figure = ax.get_figure(root=True)
    width = int(_LETTERS * figure.get_figwidth()) if figure else _LETTERS
    lines = [str(dataset.attrs.get("title", "sweep")), "; ".join(more)]
    text = "\n".join(part for line in lines for part in wrap(labels.visible(line), width))
    ax.set_title(text, fontsize="medium", parse_math=False)


_LETTERS = 11
"""Of a title in an inch."""


def _axis_name(dataset: xarray.Dataset, dim: str) -> str:
    names = coordinates_along(dataset, dim) or [dim]
    return ", ".join(name_text(name) for name in names)


def _cells(figure: Figure, ax: Axes, values: Any, what: str, unit: str) -> None:
    known = values[np.isfinite(values)]
    if not known.size:
        raise UsageError("every point of the heat map is left out")
    low, high = float(known.min()), float(known.max())
    norm = LogNorm(low, high) if low > 0 and high / low > _DECADE else Normalize(low, high)
    ax.set_facecolor(_LEFT_OUT)
    image = ax.imshow(values, cmap=_COLOURS, norm=norm, aspect="auto", origin="lower")
    bar = figure.colorbar(image, ax=ax, pad=0.02)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _written(value, unit)))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    if isinstance(norm, LogNorm):
        bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    bar.set_label(f"{what} ({unit})" if unit == "×" else what)
    bar.ax.yaxis.label.set_parse_math(False)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    if values.size <= _WRITTEN:
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                colour = "#FFFFFF" if norm(value) > 0.6 else "#000000"
                ax.text(column, row, _written(float(value), unit), ha="center", va="center",
                        fontsize=7, color=colour)  # fmt: skip
    if not np.isfinite(values).all():
        figure.legend(
            handles=[Patch(color=_LEFT_OUT, label="left out")],
            loc="outside lower right",
            frameon=False,
            fontsize="small",
        )


def _written(value: float, unit: str) -> str:
    return f"{value:.3g}×" if unit == "×" else value_text(value, unit)


def _places_along(ax: Axes, columns: Sequence[str], rows: Sequence[str]) -> None:
    for axis, texts, turned in ((ax.xaxis, columns, 45), (ax.yaxis, rows, 0)):
        step = -(-len(texts) // _TICKS)
        short = labels.shorten_all(texts, 28)
        axis.set_ticks(range(0, len(texts), step), short[::step], fontsize=8)
        if turned and max(map(len, short)) > 5:
            for label in axis.get_ticklabels():
                label.set(rotation=turned, ha="right", rotation_mode="anchor")
        literally(axis.get_ticklabels())


@dataclass(frozen=True, eq=False)
class Designs:
    """The points of a sweep, flat: two figures, which are on their front, and what each is called.

    is_front: [points]; texts: of the points on the front in order of x, name -> value, those
    fields alone that change.
    """

    x: Any
    y: Any
    is_front: Any
    order: Sequence[int]
    texts: Sequence[Mapping[str, str]]


def designs_of(dataset: xarray.Dataset, x: str, y: str) -> Designs:
    """The points of a sweep and those that no other beats in two figures, smaller being better.

    Raises:
        UsageError: no such figure or axis, or no point.
    """
    first, second = values_along(dataset, x), values_along(dataset, y)
    both = np.stack([first, second], axis=1)
    known = np.flatnonzero(np.isfinite(both).all(axis=1))
    if not known.size:
        raise UsageError("the sweep has no point that is not left out")
    chosen = known[front(both[known], known)]
    is_front = np.zeros(len(both), dtype=bool)
    is_front[chosen] = True
    return Designs(first, second, is_front, chosen.tolist(), named(dataset, chosen.tolist()))


def named(
    dataset: xarray.Dataset, places: Sequence[int], *, every: bool = False
) -> list[dict[str, str]]:
    """The values of the fields that are not the same at all of these points, or of `every` one."""
    array = dataset[metrics_of(dataset)[0]]
    index = np.unravel_index(places, array.shape)
    columns: dict[str, list[str]] = {}
    for dim, at in zip(array.dims, index, strict=True):
        for name in coordinates_along(dataset, str(dim)):
            unit = str(dataset[name].attrs.get("units", ""))
            values = dataset[name].values[at].tolist()
            columns[name] = [value_text(value, unit) for value in values]
    if len(places) > 1 and not every:
        columns = {name: texts for name, texts in columns.items() if len(set(texts)) > 1}
    return [{name: texts[i] for name, texts in columns.items()} for i in range(len(places))]


def pareto_figure(
    dataset: xarray.Dataset,
    x: str = "latency_s",
    y: str = "energy_j",
    *,
    names: int = _NAMED,
) -> Figure:
    """Draw a sweep's points by two figures, their Pareto front, and names beside its points.

    A figure is a metric or a number on an axis; smaller is better. What designs on the front have
    in common is not part of their names.

    Parameters
    ----------
    dataset : of a sweep kept whole, or reduced to its front
    names : of how many points on the front, spread along it, names are written

    Raises:
        UsageError: no such figure or axis, one of words, or no point.
    """
    found = designs_of(dataset, x, y)
    figure, ax = _canvas(8.0, 5.6)
    rest = ~found.is_front & np.isfinite(found.x) & np.isfinite(found.y)
    if rest.any():
        count = f"{int(rest.sum()):,} other designs"
        ax.plot(found.x[rest], found.y[rest], ".", color=_GREY, markersize=3, label=count,
                rasterized=True)  # fmt: skip
    on_front = found.x[found.order], found.y[found.order]
    ax.step(*on_front, where="post", color=LINES[1], linewidth=1.1, zorder=2.5)
    ax.plot(*on_front, "o", color=LINES[1], markersize=5, zorder=3,
            label=f"{len(found.order):,} on the Pareto front")  # fmt: skip
    for axis, name in ((ax.xaxis, x), (ax.yaxis, y)):
        _measure(dataset, axis, name)
    _titled(ax, dataset)
    ax.grid(color="#E6E6E6", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    figure.draw_without_rendering()
    _write_names(ax, found, names)
    return figure


def _measure(dataset: xarray.Dataset, axis: Axis, name: str) -> None:
    """The scale of an axis, logarithmic over most of a decade, and its ticks."""
    what, unit = metric_text(dataset, name)
    known = np.unique(values_along(dataset, name))
    known = known[np.isfinite(known)]
    ratio = known[-1] / known[0] if known[0] > 0 else 1.0
    if ratio > _DECADE:
        (axis.axes.set_xscale if isinstance(axis, XAxis) else axis.axes.set_yscale)("log")
    if name in dataset.coords and len(known) <= _VALUES:
        axis.set_major_locator(FixedLocator(known.tolist()))
        axis.set_minor_locator(NullLocator())
    else:
        subs = (1, 2, 5) if ratio < _MANY_DECADES else (1,)
        axis.set_major_locator(LogLocator(subs=subs) if ratio > _DECADE else MaxNLocator(6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: value_text(value, unit)))
    axis.set_minor_formatter(NullFormatter())
    axis.set_label_text(what, parse_math=False)


def _write_names(ax: Axes, found: Designs, most: int) -> None:
    count = len(found.order)
    chosen = sorted({round(i) for i in np.linspace(0, count - 1, min(most, count))})
    points = [(found.x[place], found.y[place]) for place in found.order]
    corners = [(right[0], left[1]) for left, right in pairwise(points)]
    ends = ax.transData.transform([*points, *corners])
    stairs = [
        Bbox([np.minimum(a, b), np.maximum(a, b)]).padded(1.0)
        for i in range(len(corners))
        for a, b in ((ends[i], ends[count + i]), (ends[count + i], ends[i + 1]))
    ]
    marks = [*stairs, *(box_of(ax, point, 3.0) for point in points)]
    name_points(
        ax,
        [", ".join(_texts(found.texts[i])) for i in chosen],
        [points[i] for i in chosen],
        marks,
    )


def _texts(of: Mapping[str, str]) -> Iterator[str]:
    """Values with their names, unless a unit or a word says what they are."""
    for name, text in of.items():
        plain = text.replace(".", "").isdigit() or text.count(" ") == 1
        yield f"{name_text(name)} {text}" if plain else labels.shorten(text, 24)
