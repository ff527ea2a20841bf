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
    """A model: its work, and its costs with their ranges, in the order of the headings."""

    name: str
    key: str
    work: tuple[str, ...]
    costs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Overview:
    """The models as rows; a heading a cost: the profile and what it is; and a figure of both."""

    headings: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]
    figure: dict[str, Any] | None


_COSTS = (("latency_s", "s", "latency"), ("energy_j", "J", "energy"))


def overview(docs: Sequence[Document], names: Sequence[str], keys: Sequence[str]) -> Overview:
    """Models by profiles: latency, energy and memory."""
    by_name = [dict(zip(prediction_names(doc), doc["predictions"], strict=True)) for doc in docs]
    profiles = list(dict.fromkeys(name for found in by_name for name in found))
    shown = [
        (profile, cost)
        for profile in profiles
        for cost in _COSTS
        if any(found[profile]["totals"][cost[0]] for found in by_name if profile in found)
    ]
    lines = []
    for doc, name, key, found in zip(docs, names, keys, by_name, strict=True):
        mark = "≥ " if doc["totals"]["lower_bound"] else ""
        costs = (_cell(found.get(profile), cost[0], cost[1], mark) for profile, cost in shown)
        lines.append(Line(name, key, _work(doc["totals"], mark), tuple(costs)))
    return Overview(
        tuple((labels.visible(profile), cost[2]) for profile, cost in shown),
        tuple(lines),
        _figure(docs, names, by_name),
    )


def _work(totals: Document, mark: str) -> tuple[str, ...]:
    share = totals["binary_share"]
    return (
        mark + labels.amount(totals["macs"]),
        labels.UNKNOWN if share is None else labels.percent(share),
        mark + labels.memory(totals["stored_bits"]),
        mark + labels.memory(totals["peak_activation_bits"]),
    )


def _cell(item: Document | None, key: str, unit: str, mark: str) -> tuple[str, str]:
    """A cost and its range; "" where the model was not predicted on the profile."""
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
    for key, unit, what in _COSTS:
        found = [
            measure(item["totals"], key, unit, name, profile)
            for name, items in zip(names, by_name, strict=True)
            for profile, item in items.items()
        ]
        panels.append(Panel(what, unit, [item for item in found if item]))
    memory = [_memory(doc, name) for doc, name in zip(docs, names, strict=True)]
    of_any = [item for item in memory if item]
    return ranges_figure([*panels, Panel("weights and peak activations", "MiB", of_any)])


def _memory(doc: Document, name: str) -> Measure | None:
    """Weights and live activations at the peak, on any machine [MiB]."""
    bits = doc["totals"]["stored_bits"] + doc["totals"]["peak_activation_bits"]
    if not bits:
        return None
    size = bits / 8 / 2**20
    text = f"{name}: {labels.memory(bits)} of weights and live activations at the peak"
    return Measure(name, "", size, size, size, text)
