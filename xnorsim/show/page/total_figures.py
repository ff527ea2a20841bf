"""Figures of whole networks: where time and energy go, and speedups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from xnorsim.network.precision import MacClass
from xnorsim.show import labels
from xnorsim.show.content import prediction_names
from xnorsim.show.page.layer_figures import bound_order
from xnorsim.show.page.ranges import Measure, Panel, ranges_figure, row_axis
from xnorsim.show.page.style import axis, class_name, figure, note, paint, panels

__all__ = ["energy_figure", "shares_figure", "speedup_figure"]

Document = Mapping[str, Any]
Figure = dict[str, Any]
Share = tuple[str, dict[str, Any], list[float]]

_ROW, _LEGEND = 34, 60
_LEAST = 0.0005
"""A share that is less on every machine is not drawn: it could not be seen."""


def speedup_figure(doc: Document) -> Figure | None:
    """How many times faster than each baseline, by machine, with ranges."""
    found = []
    for name, item in zip(prediction_names(doc), doc["predictions"], strict=True):
        for baseline, value in item["speedup"].items():
            if value:
                ends = (item[f"speedup_{end}"].get(baseline) or value for end in ("low", "high"))
                low, high = ends
                span = f"{labels.factor(low)} to {labels.factor(high)}"
                text = f"{name}: {labels.factor(value)} over {baseline} ({span})"
                found.append(Measure(name, f"over {baseline}", value, low, high, text))
    return ranges_figure([Panel("speedup over the baseline named (times faster)", "×", found)])


def shares_figure(doc: Document) -> Figure | None:
    """Where the time goes on each machine: by precision, and by what bounds it."""
    items = doc["predictions"]
    if not any(item["totals"]["latency_s"] for item in items):
        return None
    classes = [labels.precision_class(layer["scheme"]) for layer in doc["layers"]]
    precisions: list[Share] = [
        (class_name(used), {"color": labels.COLOURS[used]},
         [_share(item, lambda i, _, u=used: classes[i] is u) for item in items])
        for used in (*MacClass, None)
    ]  # fmt: skip
    bounds: list[Share] = [
        (labels.literal(bound), paint(number),
         [_share(item, lambda _, layer, b=bound: layer["bound"] == b) for item in items])
        for number, bound in enumerate(bound_order(doc))
    ]  # fmt: skip
    names = prediction_names(doc)
    return _stack(names, [("precision", precisions), ("bound by", bounds)], "share of time")


def _share(item: Document, belongs: Callable[[int, Document], bool]) -> float:
    times = [layer["latency_s"] or 0.0 for layer in item["layers"]]
    own = sum(t for i, t in enumerate(times) if belongs(i, item["layers"][i]))
    return own / (sum(times) or 1.0)


def _stack(
    names: Sequence[str], groups: Sequence[tuple[str, Sequence[Share]]], what: str
) -> Figure:
    """Horizontal bars of shares, a panel a group with its legend above it."""
    data: list[Figure] = []
    layout: Figure = {}
    inner = (_ROW * len(names) + 12) * len(groups) + _LEGEND * (len(groups) - 1)
    domains = panels(len(groups), _LEGEND / inner if len(groups) > 1 else 0.0)
    for number, ((title, shares), domain) in enumerate(zip(groups, domains, strict=True)):
        suffix = str(number + 1) if number else ""
        is_last = number == len(groups) - 1
        layout[f"xaxis{suffix}"] = axis(
            f"{what} (%)" if is_last else "", range=[0, 100], anchor=f"y{suffix}",
        )  # fmt: skip
        layout[f"yaxis{suffix}"] = {**row_axis(names, f"x{suffix}"), "domain": domain}
        layout[f"legend{suffix}"] = {
            "orientation": "h", "x": 0, "xanchor": "left", "y": domain[1], "yanchor": "bottom",
            "title": {"text": f"{title}: "}, "font": {"size": 12}, "traceorder": "normal",
        }  # fmt: skip
        for name, marker, values in shares:
            if max(values) > _LEAST:
                data.append(_segment(name, marker, values, names, suffix))
    margin = {"l": 60, "r": 20, "t": _LEGEND - 5, "b": 50}
    return figure(data, inner + _LEGEND + 45, barmode="stack", bargap=0.3, margin=margin, **layout)


def _segment(
    name: str, marker: Mapping[str, Any], values: Sequence[float], names: Sequence[str], suffix: str
) -> Figure:
    return {
        "type": "bar", "orientation": "h", "name": name, "legend": f"legend{suffix}",
        "x": [round(100 * value, 3) for value in values], "y": list(range(len(values))),
        "xaxis": f"x{suffix}", "yaxis": f"y{suffix}",
        "marker": {**marker, "line": {"width": 0.6, "color": "#FFFFFF"}},
        "hovertext": [
            f"{labels.literal(row)}<br>{name} {labels.percent(value)}"
            for row, value in zip(names, values, strict=True)
        ],
        "hoverinfo": "text",
    }  # fmt: skip


def energy_figure(doc: Document) -> Figure | None:
    """Where the energy goes, on the machines whose prediction tells."""
    found = [
        (name, item["energy_shares"])
        for name, item in zip(prediction_names(doc), doc["predictions"], strict=True)
        if sum(value or 0.0 for value in item["energy_shares"].values())
    ]
    if not found:
        return None
    parts: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(found))
    for row, (_, shares) in enumerate(found):
        whole = sum(value or 0.0 for value in shares.values())
        for part, value in shares.items():
            parts[part][row] = (value or 0.0) / whole
    order = sorted(parts, key=lambda part: -sum(parts[part]))
    drawn: list[Share] = [
        (labels.literal(part), paint(number), parts[part]) for number, part in enumerate(order)
    ]
    made = _stack([name for name, _ in found], [("energy goes to", drawn)], "share of energy")
    made["layout"]["annotations"] = [
        note(labels.quantity(sum(value or 0.0 for value in shares.values()), "J"), x=100, y=row,
             xref="x", yref="y", xanchor="left", xshift=6)
        for row, (_, shares) in enumerate(found)
    ]  # fmt: skip
    made["layout"]["margin"]["r"] = 80
    return made
