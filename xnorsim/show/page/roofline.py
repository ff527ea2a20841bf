"""Rooflines of a page: every machine's ceilings, and the network's layers below them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from xnorsim.network.precision import MacClass
from xnorsim.show import labels
from xnorsim.show.content import prediction_names
from xnorsim.show.page.layer_figures import bound_order
from xnorsim.show.page.style import (
    SYMBOLS,
    axis,
    class_name,
    figure,
    note,
    panels,
    rounded,
    ticks,
)

__all__ = ["roofline_figure"]

Document = Mapping[str, Any]
Figure = dict[str, Any]

_KINDS = {
    "binary": MacClass.BINARY,
    "int8": MacClass.INT8,
    "bwn": MacClass.BWN,
    "fp32": MacClass.FP,
}
_GREY = "#8C8C8C"
_ROW, _AROUND = 330, 130
_MARGIN = 2.5
_SMALLEST, _LARGEST = 6.0, 18.0
_NAMED = 3


class _Point(NamedTuple):
    """A layer: MACs a byte of its operands, each counted once; MACs a second as predicted."""

    layer: Document
    intensity: float
    rate: float
    latency_s: float
    bound: str


class _Box(NamedTuple):
    """The ends of a panel's axes."""

    left: float
    right: float
    bottom: float
    top: float

    def along(self, intensity: float) -> float:
        """Where an intensity is between left (0) and right (1)."""
        return math.log(intensity / self.left) / math.log(self.right / self.left)

    def up(self, rate: float) -> float:
        """Where a rate is between bottom (0) and top (1)."""
        return math.log(rate / self.bottom) / math.log(self.top / self.bottom)


def roofline_figure(doc: Document) -> Figure | None:
    """A panel for each prediction whose machine is in the document; None if there is nothing."""
    names = prediction_names(doc)
    found = []
    for name, item in zip(names, doc["predictions"], strict=True):
        points = _points(doc, item)
        if points and item.get("machine"):
            found.append((name, item["machine"]["ceilings"], points))
    if not found:
        return None
    bounds = {bound: SYMBOLS[i % len(SYMBOLS)] for i, bound in enumerate(bound_order(doc))}
    across = min(2, len(found))
    down = -(-len(found) // across)
    height = _ROW * down + _AROUND
    gap = 95 / (height - _AROUND) if down > 1 else 0.0
    data: list[Figure] = []
    layout: Figure = {"annotations": []}
    for number, (name, lines, points) in enumerate(found):
        column, row = number % across, number // across
        width = 1.0 if across == 1 else 0.44
        domain = (column * (1 - width), column * (1 - width) + width)
        place = (domain, panels(down, gap)[row])
        _panel(data, layout, number, place, (name, lines, points), bounds)
    used = [bound for bound in bounds if any(p.bound == bound for *_, ps in found for p in ps)]
    data += _legend(found, {bound: bounds[bound] for bound in used})
    margin = {"l": 75, "r": 20, "t": 90, "b": 60}
    return figure(data, height, least_width=380 * across, margin=margin, **layout)


def _points(doc: Document, item: Document) -> list[_Point]:
    found = []
    for layer, cost in zip(doc["layers"], item["layers"], strict=True):
        moved = (layer["activation_traffic_bits"] + layer["parameter_traffic_bits"]) / 8
        seconds = cost["latency_s"]
        if layer["macs"] and moved and seconds:
            each = layer["macs"] / moved, layer["macs"] / seconds
            found.append(_Point(layer, *each, seconds, cost["bound"]))
    return found


def _panel(
    data: list[Figure],
    layout: Figure,
    number: int,
    place: tuple[tuple[float, float], tuple[float, float]],
    shown: tuple[str, Document, list[_Point]],
    bounds: Mapping[str, str],
) -> None:
    """Add one machine's axes, lines and layers."""
    name, lines, points = shown
    used = {labels.precision_class(point.layer["scheme"]) for point in points}
    roofs = {k: v for k, v in lines["macs_per_s"].items() if v and _KINDS.get(k) in used}
    levels = {k: v for k, v in lines["bytes_per_s"].items() if v}
    box = _box(points, roofs, levels)
    suffix = str(number + 1) if number else ""
    x, y = f"x{suffix}", f"y{suffix}"
    for key, domain, ends, title, unit, anchor in (
        ("xaxis", place[0], (box.left, box.right), "MACs for a byte of operands", "MAC/B", y),
        ("yaxis", place[1], (box.bottom, box.top), "MACs a second", "MAC/s", x),
    ):
        layout[f"{key}{suffix}"] = axis(
            f"{title} ({unit})", type="log", domain=domain, anchor=anchor,
            range=[math.log10(end) for end in ends], **ticks(*ends, unit),
        )  # fmt: skip
    head = note(f"<b>{labels.literal(name)}</b>", xref="paper", x=place[0][0], xanchor="left",
                yref="paper", y=place[1][1], yanchor="bottom", font={"size": 13})  # fmt: skip
    layout["annotations"].append(head)
    axes = {"xaxis": x, "yaxis": y}
    data += _roofs(roofs, levels, box, axes)
    layout["annotations"] += [
        *_roof_names(roofs, box, x, y),
        *_level_names(levels, roofs, box, x, y),
        *_layer_names(points, roofs, box, x, y),
    ]
    data += _layers(points, bounds, axes)


def _box(points: Sequence[_Point], roofs: Mapping[str, float], levels: Mapping[str, float]) -> _Box:
    intensities = [point.intensity for point in points]
    rates = [*(point.rate for point in points), *roofs.values()]
    most = max(roofs.values(), default=max(rates))
    ridge = most / min(levels.values()) if levels else max(intensities)
    return _Box(
        min(intensities) / _MARGIN,
        max(*intensities, ridge) * _MARGIN,
        min(rates) / _MARGIN,
        max(rates) * _MARGIN,
    )


def _roofs(
    roofs: Mapping[str, float], levels: Mapping[str, float], box: _Box, axes: Mapping[str, str]
) -> list[Figure]:
    fastest = max(levels.values(), default=math.inf)
    highest = max(roofs.values(), default=box.top)
    found = [
        _line([max(box.left, rate / fastest), box.right], [rate, rate],
              labels.COLOURS[_KINDS[kind]], 2, axes)
        for kind, rate in roofs.items()
    ]  # fmt: skip
    for bandwidth in levels.values():
        start, end = _ends(bandwidth, highest, box)
        if start < end:
            heights = [start * bandwidth, end * bandwidth]
            found.append(_line([start, end], heights, _GREY, 1.2, axes))
    return found


def _ends(bandwidth: float, highest: float, box: _Box) -> tuple[float, float]:
    """Where the line of a memory level begins and ends on the axis of intensities."""
    return max(box.left, box.bottom / bandwidth), min(box.right, highest / bandwidth)


def _line(
    xs: list[float], ys: list[float], colour: str, width: float, axes: Mapping[str, str]
) -> Figure:
    return {
        "type": "scatter", "mode": "lines", "x": rounded(xs), "y": rounded(ys), **axes,
        "line": {"color": colour, "width": width}, "showlegend": False, "hoverinfo": "skip",
    }  # fmt: skip


def _roof_names(roofs: Mapping[str, float], box: _Box, x: str, y: str) -> list[Figure]:
    return [
        note(f"{labels.literal(class_name(_KINDS[kind]))} {labels.quantity(rate, 'MAC/s')}", xref=x,
             yref=y, x=math.log10(box.right), y=math.log10(rate), xanchor="right",
             yanchor="bottom", font={"size": 11})
        for kind, rate in roofs.items()
    ]  # fmt: skip


def _level_names(
    levels: Mapping[str, float], roofs: Mapping[str, float], box: _Box, x: str, y: str
) -> list[Figure]:
    """Names beside the lines, each at a height of its own so that none covers another one."""
    highest = max(roofs.values(), default=box.top)
    found = []
    for number, (name, bandwidth) in enumerate(levels.items()):
        rate = box.bottom * (highest / box.bottom) ** (0.8 - 0.13 * (number % 6))
        at = max(rate / bandwidth, box.left)
        if at < box.right:
            text = f"{labels.literal(name)} {labels.quantity(bandwidth, 'B/s')}"
            found.append(note(
                text, xref=x, yref=y, x=math.log10(at), y=math.log10(at * bandwidth),
                xanchor="left", yanchor="middle", xshift=3, font={"size": 11},
            ))  # fmt: skip
    return found


def _layer_names(
    points: Sequence[_Point], roofs: Mapping[str, float], box: _Box, x: str, y: str
) -> list[Figure]:
    """The names of those that take most time, below or above them, where there is room."""
    first = sorted(points, key=lambda point: -point.latency_s)[:_NAMED]
    names = labels.shorten_all([point.layer["name"] for point in first], 18)
    taken = [(0.85, box.up(rate) + 0.03) for rate in roofs.values()]
    found: list[Figure] = []
    for point, name in zip(first, names, strict=True):
        for shift, share in ((-14, -0.06), (14, 0.07)):
            place = box.along(point.intensity), box.up(point.rate) + share
            if all(abs(place[0] - h) > 0.3 or abs(place[1] - v) > 0.06 for h, v in taken):
                taken.append(place)
                at = {"x": math.log10(point.intensity), "y": math.log10(point.rate)}
                size = {"font": {"size": 10}}
                found.append(note(labels.literal(name), xref=x, yref=y, yshift=shift, **at, **size))
                break
    return found


def _layers(
    points: Sequence[_Point], bounds: Mapping[str, str], axes: Mapping[str, str]
) -> list[Figure]:
    longest = max(point.latency_s for point in points)
    found = []
    for used in MacClass:
        own = [p for p in points if labels.precision_class(p.layer["scheme"]) is used]
        if own:
            shares = (math.sqrt(point.latency_s / longest) for point in own)
            found.append({
                "type": "scatter", "mode": "markers", **axes, "showlegend": False,
                "legendgroup": f"{class_name(used)} MACs",
                "x": rounded(point.intensity for point in own),
                "y": rounded(point.rate for point in own),
                "marker": {
                    "color": labels.COLOURS[used], "opacity": 0.85,
                    "size": rounded(_SMALLEST + (_LARGEST - _SMALLEST) * each for each in shares),
                    "symbol": [bounds[point.bound] for point in own],
                    "line": {"color": "#FFFFFF", "width": 0.6},
                },
                "hovertext": [_hover(point) for point in own], "hoverinfo": "text",
            })  # fmt: skip
    return found


def _hover(point: _Point) -> str:
    layer = point.layer
    precision = labels.precision_label(layer["scheme"])
    return (
        f"<b>{labels.literal(layer['name'])}</b><br>{labels.literal(layer['kind'])} "
        f"{labels.literal(precision)}, bound by {labels.literal(point.bound)}<br>"
        f"{labels.quantity(point.intensity, 'MAC/B')}, {labels.quantity(point.rate, 'MAC/s')}<br>"
        f"{labels.quantity(point.latency_s, 's')}"
    )


def _legend(found: Sequence[tuple[str, Document, list[_Point]]], marks: Mapping[str, str]) -> Any:
    """Entries without points: colours are precisions, markers are bounds."""
    classes = {labels.precision_class(p.layer["scheme"]) for *_, points in found for p in points}
    entries = [
        (f"{class_name(used)} MACs", {"color": labels.COLOURS[used], "symbol": "square"})
        for used in MacClass
        if used in classes
    ]
    entries += [
        (f"bound by {labels.literal(bound)}", {"color": "#7A7A7A", "symbol": symbol})
        for bound, symbol in marks.items()
    ]
    return [
        {"type": "scatter", "mode": "markers", "x": [None], "y": [None], "name": name,
         "legendgroup": name,
         "marker": {"size": 11, **marker}, "hoverinfo": "skip"}
        for name, marker in entries
    ]  # fmt: skip
