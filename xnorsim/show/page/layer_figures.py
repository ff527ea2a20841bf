"""Figures along the order of execution: what each layer costs, and what memory it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from xnorsim.network.precision import MacClass
from xnorsim.show import labels
from xnorsim.show.content import prediction_names
from xnorsim.show.page.style import (
    axis,
    class_name,
    figure,
    note,
    paint,
    panels,
    rounded,
    scale,
)

__all__ = ["bound_order", "costs_figure", "memory_figure"]

Document = Mapping[str, Any]
Figure = dict[str, Any]

_LONGEST_NAME = 20
_RANGES_UP_TO = 60
"""Layers for which there is room to draw ranges as well."""
_PANEL, _AROUND = 200, 190
_METRICS = {"latency": ("latency_s", "s"), "energy": ("energy_j", "J")}
_KIB, _MIB = 8 * 2**10, 8 * 2**20


class _Group(NamedTuple):
    """Layers that share a colour, by their places among those drawn."""

    name: str
    places: list[int]
    marker: dict[str, Any]


def bound_order(doc: Document) -> list[str]:
    """What bounds layers, the one that bounds most of the time on all machines first."""
    time: dict[str, float] = {}
    for item in doc["predictions"]:
        whole = sum(layer["latency_s"] or 0.0 for layer in item["layers"]) or 1.0
        for layer in item["layers"]:
            if layer["latency_s"]:
                time[layer["bound"]] = time.get(layer["bound"], 0) + layer["latency_s"] / whole
    return sorted(time, key=lambda bound: -time[bound])


def costs_figure(doc: Document) -> Figure | None:
    """Latency and energy of each layer that takes time, a panel a prediction; None without any."""
    items = doc["predictions"]
    places = [
        i
        for i in range(len(doc["layers"]))
        if any(item["layers"][i]["latency_s"] for item in items)
    ]
    if not places:
        return None
    found = {metric: any(_known(item, key) for item in items)
             for metric, (key, _) in _METRICS.items()}  # fmt: skip
    metrics = [metric for metric, is_there in found.items() if is_there]
    layers = [doc["layers"][i]["name"] for i in places]
    columns: dict[str, Any] = {"names": _short(layers)}
    data: list[Figure] = []
    for number, item in enumerate(items):
        rows = [item["layers"][i] for i in places]
        columns[f"hover/{number}"] = [_hover(row, doc["layers"][i]) for i, row in
                                      zip(places, rows, strict=True)]  # fmt: skip
        for metric in metrics:
            columns |= _values(metric, number, rows, len(places) <= _RANGES_UP_TO)
            for colour, groups in _colourings(doc, places, rows).items():
                data += _bars(metric, colour, groups, number, columns)
    _name_each_once(data)
    return {
        **_stacked(data, len(items), columns, len(places), _axes(doc, metrics[0])),
        "choices": {"cost": metrics, "coloured by": ["precision", "bound"]},
        "relayout": {metric: _relayout(doc, metric) for metric in metrics},
    }


def _known(item: Document, key: str) -> bool:
    return any(layer[key] for layer in item["layers"])


def _short(names: Sequence[str]) -> list[str]:
    return [labels.literal(name) for name in labels.shorten_all(names, _LONGEST_NAME)]


def _hover(row: Document, layer: Document) -> str:
    precision = labels.precision_label(layer["scheme"])
    lines = [
        f"<b>{labels.literal(row['name'])}</b>",
        labels.literal(f"{layer['kind']} {precision}, bound by {row['bound']}"),
        *(
            f"{metric} {labels.quantity(row[key], unit)} "
            f"({labels.quantity_range(row[f'{key}_low'], row[f'{key}_high'], unit)})"
            for metric, (key, unit) in _METRICS.items()
            if row[key] is not None
        ),
    ]
    return "<br>".join(lines)


def _values(metric: str, number: int, rows: Sequence[Document], ranges: bool) -> dict[str, Any]:
    key, unit = _METRICS[metric]
    factor, _ = scale([row[key] for row in rows], unit)
    values = [row[key] for row in rows]
    found = {f"{metric}/{number}": rounded(values, factor)}
    if ranges:
        for end, sign in (("low", -1), ("high", 1)):
            ends = [row[f"{key}_{end}"] for row in rows]
            found[f"{metric}/{number}/{end}"] = rounded(
                [None if x is None or y is None else sign * (y - x)
                 for x, y in zip(values, ends, strict=True)], factor)  # fmt: skip
    return found


def _colourings(
    doc: Document, places: Sequence[int], rows: Sequence[Document]
) -> dict[str, list[_Group]]:
    classes = [labels.precision_class(doc["layers"][i]["scheme"]) for i in places]
    precisions = [
        _Group(class_name(used), [i for i, each in enumerate(classes) if each is used],
               {"color": labels.COLOURS[used]})
        for used in (*MacClass, None)
    ]  # fmt: skip
    bounds = [
        _Group(
            labels.literal(bound),
            [i for i, row in enumerate(rows) if row["bound"] == bound],
            paint(n),
        )
        for n, bound in enumerate(bound_order(doc))
    ]
    return {
        "precision": [group for group in precisions if group.places],
        "bound": [group for group in bounds if group.places],
    }


def _bars(
    metric: str,
    colour: str,
    groups: Sequence[_Group],
    number: int,
    columns: Mapping[str, Any],
) -> Iterator[Figure]:
    for group in groups:
        column = f"{metric}/{number}"
        trace = {
            "type": "bar",
            "name": group.name,
            "legendgroup": f"{colour} {group.name}",
            "x": {"of": "names", "at": group.places},
            "y": {"of": column, "at": group.places},
            "hovertext": {"of": f"hover/{number}", "at": group.places},
            "hoverinfo": "text",
            "marker": {**group.marker, "line": {"width": 0}},
            "yaxis": _axis_id("y", number),
            "meta": [metric, colour],
            "visible": (metric, colour) == ("latency", "precision"),
        }
        if f"{column}/low" in columns:
            trace["error_y"] = {
                "type": "data", "symmetric": False, "thickness": 1, "width": 2,
                "color": "#7A7A7A",
                "array": {"of": f"{column}/high", "at": group.places},
                "arrayminus": {"of": f"{column}/low", "at": group.places},
            }  # fmt: skip
        yield trace


def _name_each_once(data: Sequence[Figure]) -> None:
    """One entry in the legend for what several panels draw."""
    seen: set[tuple[str, ...]] = set()
    for trace in data:
        entry = (*trace.get("meta", ()), trace["legendgroup"])
        trace["showlegend"] = entry not in seen
        seen.add(entry)


def _axis_id(letter: str, number: int) -> str:
    return letter if number == 0 else f"{letter}{number + 1}"


def _axes(doc: Document, metric: str) -> list[tuple[str, str]]:
    """The heading and the axis title of each panel."""
    key, unit = _METRICS[metric]
    found = []
    for name, item in zip(prediction_names(doc), doc["predictions"], strict=True):
        total = item["totals"]
        _, word = scale([layer[key] for layer in item["layers"]], unit)
        span = labels.quantity_range(total[f"{key}_low"], total[f"{key}_high"], unit, 3)
        text = f"{labels.quantity(total[key], unit)} ({span})"
        if total[key] is None:
            text = f"this profile has no {metric}"
        found.append((f"<b>{labels.literal(name)}</b>  {text}", f"{metric} ({word})"))
    return found


def _relayout(doc: Document, metric: str) -> dict[str, str]:
    """What else changes when another cost is chosen."""
    changes = {}
    for number, (heading, title) in enumerate(_axes(doc, metric)):
        axis_name = f"yaxis{number + 1 if number else ''}"
        changes[f"annotations[{number}].text"] = heading
        changes[f"{axis_name}.title.text"] = title
    return changes


def _stacked(
    data: Sequence[Figure],
    count: int,
    columns: Mapping[str, Any],
    layers: int,
    titles: Sequence[tuple[str, str]],
) -> Figure:
    """Panels one below the other over one axis of layers."""
    height = _PANEL * count + _AROUND
    domains = panels(count, 42 / (height - _AROUND) if count > 1 else 0.0)
    layout: Figure = {
        "xaxis": axis(
            "layers in order of execution", type="category", categoryorder="array",
            categoryarray=columns["names"], anchor=_axis_id("y", count - 1), showgrid=False,
            range=[-0.5, layers - 0.5],
            tickangle=-45 if layers > 12 else 0, tickfont={"size": 11},
        ),
        "annotations": [],
    }  # fmt: skip
    for number, (domain, (heading, title)) in enumerate(zip(domains, titles, strict=True)):
        layout[f"yaxis{number + 1 if number else ''}"] = axis(
            title, domain=domain, anchor="x", rangemode="tozero", nticks=6
        )
        layout["annotations"].append(
            note(heading, xref="paper", x=0, xanchor="left", yref="paper", y=domain[1],
                 yanchor="bottom", font={"size": 13})
        )  # fmt: skip
    return figure(
        data, height, columns=columns, barmode="overlay", bargap=0.12,
        margin={"l": 70, "r": 20, "t": 70, "b": 110}, **layout,
    )  # fmt: skip


def memory_figure(doc: Document) -> Figure | None:
    """Live activations while each layer runs, the peak marked, and the weights of each layer."""
    layers, totals = doc["layers"], doc["totals"]
    live = [layer["live_bits"] for layer in layers]
    stored = [layer["weight_bits"] + layer["scale_bits"] for layer in layers]
    if not any(live) and not any(stored):
        return None
    columns: dict[str, list[Any]] = {
        "names": _short([layer["name"] for layer in layers]),
        "hover": [_memory_hover(layer) for layer in layers],
    }
    activations, weights = (_memory_unit(values) for values in (live, stored))
    columns["live"] = rounded(live, 1 / activations[0])
    columns["weights"] = rounded(stored, 1 / weights[0])
    hover = {"hovertext": {"of": "hover"}, "hoverinfo": "text"}
    data: list[Figure] = [
        {
            "type": "scatter", "mode": "lines", "fill": "tozeroy", "name": "live activations",
            "legendgroup": "live", "x": {"of": "names"}, "y": {"of": "live"},
            "line": {"shape": "hvh", "width": 1.2, "color": "#0072B2"},
            "fillcolor": "rgba(0,114,178,0.25)", **hover,
        }
    ]  # fmt: skip
    data += _weight_bars(layers)
    _name_each_once(data)
    drawn = _stacked(
        data, 2, columns, len(layers),
        [
            (f"<b>live activations</b>  {labels.memory(totals['peak_activation_bits'])} at the "
             "peak", f"live ({activations[1]})"),
            (f"<b>weights and scales</b>  {labels.memory(totals['stored_bits'])} in all, held "
             "from the first layer to the last", f"stored ({weights[1]})"),
        ],
    )  # fmt: skip
    _mark_peak(drawn, columns, live, totals["peak_layer"], layers)
    return drawn


def _memory_unit(values: Sequence[int]) -> tuple[int, str]:
    return (_MIB, "MiB") if max(values, default=0) >= _MIB else (_KIB, "KiB")


def _memory_hover(layer: Document) -> str:
    stored = layer["weight_bits"] + layer["scale_bits"]
    return (
        f"<b>{labels.literal(layer['name'])}</b><br>{labels.literal(layer['kind'])} "
        f"{labels.literal(labels.precision_label(layer['scheme']))}<br>"
        f"live {labels.memory(layer['live_bits'])}<br>weights {labels.memory(stored)}"
    )


def _weight_bars(layers: Sequence[Document]) -> Iterator[Figure]:
    classes = [labels.precision_class(layer["scheme"]) for layer in layers]
    for used in (*MacClass, None):
        places = [
            i for i, each in enumerate(classes)
            if each is used and layers[i]["weight_bits"] + layers[i]["scale_bits"]
        ]  # fmt: skip
        if places:
            name = "other layers" if used is None else f"{class_name(used)} weights"
            name = name.replace("weights weights", "weights")
            yield {
                "type": "bar", "name": name, "legendgroup": name, "yaxis": "y2",
                "x": {"of": "names", "at": places}, "y": {"of": "weights", "at": places},
                "hovertext": {"of": "hover", "at": places}, "hoverinfo": "text",
                "marker": {"color": labels.COLOURS[used], "line": {"width": 0}},
            }  # fmt: skip


def _mark_peak(
    drawn: Figure,
    columns: Mapping[str, Any],
    live: Sequence[int],
    peak_layer: str,
    layers: Sequence[Document],
) -> None:
    """A marker where most is alive, with the layer's name."""
    if not any(live):
        return
    names = [layer["name"] for layer in layers]
    at = names.index(peak_layer) if peak_layer in names else live.index(max(live))
    right = at < len(live) / 2
    point = {"x": [columns["names"][at]], "y": [columns["live"][at]]}
    drawn["data"].append({
        "type": "scatter", "mode": "markers", "name": "peak", "showlegend": False, **point,
        "marker": {"symbol": "triangle-down", "size": 12, "color": "#D55E00"},
        "hovertext": [columns["hover"][at]], "hoverinfo": "text",
    })  # fmt: skip
    drawn["layout"]["annotations"].append(
        note(f"peak: {columns['names'][at]}", x=at, y=point["y"][0], xref="x", yref="y",
             xanchor="left" if right else "right", xshift=-8 if right else 8, yshift=16)
    )  # fmt: skip
    drawn["layout"]["yaxis"]["range"] = [0, 1.25 * point["y"][0]]
