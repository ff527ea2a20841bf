"""Several models side by side: the first section of a page that has more than one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from xnorsim.show import labels
from xnorsim.show.content import prediction_names
from xnorsim.show.page.ranges import Measure, Panel, measure, ranges_figure

__all__ = ["Line", "Overview", "overview"]

Document = Mapping[str, Any]


class Line(NamedTuple):
    """A model: its work, and its latency and energy on each profile, with ranges; "" if none."""

    name: str
    key: str
    macs: str
    binary: str
    weights: str
    activations: str
    latencies: tuple[tuple[str, str], ...]
    energies: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Overview:
    """The models as rows, the profiles as columns, and a figure of both."""

    profiles: tuple[str, ...]
    lines: tuple[Line, ...]
    has_energy: bool
    figure: dict[str, Any] | None


def overview(docs: Sequence[Document], names: Sequence[str], keys: Sequence[str]) -> Overview:
    """Models by profiles: latency, energy and memory."""
    by_name = [dict(zip(prediction_names(doc), doc["predictions"], strict=True)) for doc in docs]
    profiles = list(dict.fromkeys(name for found in by_name for name in found))
    lines = [
        _line(doc, name, key, [found.get(profile) for profile in profiles])
        for doc, name, key, found in zip(docs, names, keys, by_name, strict=True)
    ]
    return Overview(
        tuple(map(labels.visible, profiles)),
        tuple(lines),
        any(value for line in lines for value, _ in line.energies),
        _figure(docs, names, by_name),
    )


def _line(doc: Document, name: str, key: str, items: Sequence[Document | None]) -> Line:
    totals = doc["totals"]
    mark = "≥ " if totals["lower_bound"] else ""
    share = totals["binary_share"]
    return Line(
        name,
        key,
        mark + labels.amount(totals["macs"]),
        labels.UNKNOWN if share is None else labels.percent(share),
        mark + labels.memory(totals["stored_bits"]),
        mark + labels.memory(totals["peak_activation_bits"]),
        tuple(_cell(item, "latency_s", "s", mark) for item in items),
        tuple(_cell(item, "energy_j", "J", mark) for item in items),
    )


def _cell(item: Document | None, key: str, unit: str, mark: str) -> tuple[str, str]:
    if item is None or item["totals"][key] is None:
        return "", ""
    totals = item["totals"]
    low, high = totals[f"{key}_low"], totals[f"{key}_high"]
    span = "" if low == high else labels.quantity_range(low, high, unit, 3)
    return mark + labels.quantity(totals[key], unit), span


def _figure(
    docs: Sequence[Document], names: Sequence[str], by_name: Sequence[Mapping[str, Document]]
) -> dict[str, Any] | None:
    panels = []
    for key, unit, what in (("latency_s", "s", "latency"), ("energy_j", "J", "energy")):
        found = [
            measure(item["totals"], key, unit, name, profile)
            for name, items in zip(names, by_name, strict=True)
            for profile, item in items.items()
        ]
        panels.append(Panel(what, unit, [item for item in found if item]))
    memory = [_memory(doc, name) for doc, name in zip(docs, names, strict=True)]
    of_any = [item for item in memory if item]
    return ranges_figure([*panels, Panel("weights and peak activations", "B", of_any)])


def _memory(doc: Document, name: str) -> Measure | None:
    """Weights and live activations at the peak, on any machine [byte]."""
    size = (doc["totals"]["stored_bits"] + doc["totals"]["peak_activation_bits"]) / 8
    if not size:
        return None
    text = f"{name}: {labels.memory(round(8 * size))} of weights and live activations at the peak"
    return Measure(name, "", size, size, size, text)
