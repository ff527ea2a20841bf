"""Figures of sweeps: heat maps of two axes, and Pareto fronts with their designs named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from xnorsim.show import labels
from xnorsim.show.designs import Designs, designs_of
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

__all__ = ["heatmap_figure", "pareto_figure"]

_GREY = "#B8B8B8"
_LEFT_OUT = "#EFEFEF"
_COLOURS = "cividis_r"  # even to the colour-blind, dark where there is most
_WRITTEN = 150
"""Cells of a heat map that still have their values written in them."""

_TICKS = 16
_LEVEL = 40
"""Letters of ticks that stand level side by side."""

_BESIDE = 24
"""Letters of a name along the side in a line."""

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
    what, unit = _predicted(dataset, name), metric_text(dataset, name)[1]
    array, dims = dataset[name], [str(dim) for dim in dataset[name].dims]
    x, y = _two(dims, x, y)
    over = ""
    if baseline:
        array = _point(dataset, array, baseline) / array
        what, unit = _GAINS.get(name, f"times less {metric_text(dataset, name)[0]}"), "×"
        over = f"{what} over {_told(dataset, baseline)}"
    fixed = _places(dataset, at or {}, (x, y))
    array = array.isel(fixed)
    others = [dim for dim in dims if dim not in (x, y, *fixed)]
    array = array.max(others) if baseline else array.min(others)
    values = np.asarray(array.transpose(y, x).values, dtype=float)
    columns, rows = texts_along(dataset, x), texts_along(dataset, y)
    figure, ax = _canvas(
        min(6.6, 2.4 + 0.7 * max(4, len(columns))), min(7.0, 2.0 + 0.36 * max(5, len(rows)))
    )
    _cells(figure, ax, values, what, unit)
    _places_along(ax, columns, rows)
    ax.set_xlabel(_axis_name(dataset, x), parse_math=False)
    ax.set_ylabel("\n".join(wrap(_axis_name(dataset, y), _BESIDE)), parse_math=False)
    lines = [over, *_said(dataset, fixed, others, bool(baseline))]
    _titled(ax, dataset, [line for line in lines if line])
    _leave_if_narrow(figure, ax)
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
    fixed = dict(
        text.split(": ", 1) for text in dataset.attrs.get("assumptions", ()) if ": " in text
    )
    about = ", ".join(fixed[name] for name in ("profile", "predictor") if name in fixed)
    title = str(dataset.attrs.get("title", "sweep"))
    lines = [f"{title} ({about})" if about else title, "; ".join(more)]
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
                        fontsize=9, color=colour)  # fmt: skip
    if not np.isfinite(values).all():
        figure.legend(
            handles=[Patch(color=_LEFT_OUT, label="left out")],
            loc="outside lower right",
            frameon=False,
        )


def _leave_if_narrow(figure: Figure, ax: Axes) -> None:
    """Take the numbers out of cells that are narrower or lower than their texts."""
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    corners = ax.transData.transform([(0, 0), (1, 1)])
    wide, high = corners[1] - corners[0]
    if any(box.width > 0.96 * wide or box.height > high for box in boxes):
        for text in list(ax.texts):
            text.remove()


def _written(value: float, unit: str) -> str:
    return labels.factor(value) if unit == "×" else value_text(value, unit)


def _places_along(ax: Axes, columns: Sequence[str], rows: Sequence[str]) -> None:
    for axis, texts, turned in ((ax.xaxis, columns, 45), (ax.yaxis, rows, 0)):
        step = -(-len(texts) // _TICKS)
        short = labels.shorten_all(texts, 22)
        axis.set_ticks(range(0, len(texts), step), short[::step])
        if turned and max(map(len, short)) * min(len(texts), _TICKS) > _LEVEL:
            for label in axis.get_ticklabels():
                label.set(rotation=turned, ha="right", rotation_mode="anchor")
        literally(axis.get_ticklabels())


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
    figure, ax = _canvas(6.6, 5.4)
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
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    figure.draw_without_rendering()
    _write_names(ax, found, names)
    return figure


def _measure(dataset: xarray.Dataset, axis: Axis, name: str) -> None:
    """The scale of an axis, logarithmic over most of a decade, and its ticks."""
    _, unit = metric_text(dataset, name)
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
    axis.set_label_text(_predicted(dataset, name), parse_math=False)


def _predicted(dataset: xarray.Dataset, name: str) -> str:
    """A figure or an axis in words: what is predicted, and what is given."""
    what, _ = metric_text(dataset, name)
    return f"predicted {what}" if name in metrics_of(dataset) else what


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
