"""A Pareto front for a notebook, with a design's fields under the pointer (extra `plotly`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xnorsim.errors import MissingExtraError
from xnorsim.show import labels
from xnorsim.show.designs import designs_of, named
from xnorsim.show.plots import LINES
from xnorsim.show.sweep_text import metric_text, value_text

if TYPE_CHECKING:
    import xarray

__all__ = ["MOST_HOVERED", "pareto_hover"]

MOST_HOVERED = 20_000
"""Points besides the front: a notebook holds each of them as text."""

_GREY = "#B8B8B8"


def pareto_hover(
    dataset: xarray.Dataset, x: str = "latency_s", y: str = "energy_j", *, log: bool = True
) -> Any:
    """The figure of `pareto_figure` as one of plotly, with every field of a design shown.

    log: whether the axes are logarithmic. Of more than MOST_HOVERED points beside the front an even
    choice is drawn, and the legend says of how many.

    Raises:
        MissingExtraError: plotly is not installed.
        UsageError: as pareto_figure.
    """
    try:
        import plotly.graph_objects as go
    except ImportError as error:
        raise MissingExtraError("plotly", "plotly", "a figure with hover text") from error
    found = designs_of(dataset, x, y)
    rest = np.flatnonzero(~found.is_front & np.isfinite(found.x) & np.isfinite(found.y))
    drawn = rest[:: max(1, -(-len(rest) // MOST_HOVERED))]
    some = f"{len(drawn):,} of {len(rest):,}" if len(drawn) < len(rest) else f"{len(rest):,}"
    figure = go.Figure()
    front = list(found.order)
    traces: tuple[tuple[list[int], str, str, int], ...] = (
        (drawn.tolist(), f"{some} other designs", "markers", 4),
        (front, f"{len(front):,} on the Pareto front", "lines+markers", 8),
    )
    for places, name, mode, size in traces:
        figure.add_trace(
            go.Scatter(
                x=found.x[places],
                y=found.y[places],
                name=name,
                mode=mode,
                line={"shape": "hv", "width": 1.2, "color": LINES[1]},
                marker={"color": LINES[1] if places is front else _GREY, "size": size},
                text=_texts(dataset, places, x, y, found),
                hoverinfo="text",
            )
        )
    for axis, name in ((figure.update_xaxes, x), (figure.update_yaxes, y)):
        what, unit = metric_text(dataset, name)
        axis(title=f"{what} [{unit}]" if unit else what, type="log" if log else "linear")
    figure.update_layout(
        title=labels.visible(str(dataset.attrs.get("title", "sweep"))),
        template="plotly_white",
        modebar={"remove": ["sendChartToCloud"]},  # plotly's own button, which uploads the figure
    )
    return figure


def _texts(dataset: xarray.Dataset, places: list[int], x: str, y: str, found: Any) -> list[str]:
    units = [metric_text(dataset, name) for name in (x, y)]
    texts = []
    for place, fields in zip(places, named(dataset, places, every=True), strict=True):
        rows = [f"{name}: {text}" for name, text in fields.items()]
        figures = (
            f"{what}: {value_text(values[place], unit)}"
            for (what, unit), values in zip(units, (found.x, found.y), strict=True)
        )
        texts.append("<br>".join(labels.literal(row) for row in (*figures, *rows)))
    return texts
