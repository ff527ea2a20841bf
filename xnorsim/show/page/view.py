"""What the page says of each model: cards, costs, figures and assumptions, ready for the template.

Everything comes from the JSON document; what a document of an earlier version lacks is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from xnorsim.show import labels
from xnorsim.show.content import prediction_names
from xnorsim.show.page.layer_figures import costs_figure, memory_figure
from xnorsim.show.page.layer_table import LayerTable, layer_table
from xnorsim.show.page.ranges import Panel, measure, ranges_figure
from xnorsim.show.page.roofline import roofline_figure
from xnorsim.show.page.sources import Footnotes
from xnorsim.show.page.total_figures import energy_figure, shares_figure, speedup_figure
from xnorsim.show.summary import details, head, summary

__all__ = ["Card", "Cost", "Drawing", "Model", "model_names", "model_view", "names_of"]

Document = Mapping[str, Any]


class Card(NamedTuple):
    """A total: its name, its value, and a line about it."""

    name: str
    value: str
    about: str


class Cost(NamedTuple):
    """A prediction as a row: each figure beside its range, "" where there is none."""

    profile: str
    how: str
    latency: tuple[str, str]
    energy: tuple[str, str]
    bound: str
    speedups: tuple[tuple[str, str], ...]
    limits: tuple[str, ...]


class Drawing(NamedTuple):
    """A section with a figure: its heading, what it shows, and the numbers of its sources."""

    key: str
    title: str
    caption: str
    figure: dict[str, Any]
    sources: tuple[int, ...] = ()


@dataclass(frozen=True)
class Model:
    """A document as the template takes it. `sources` of the predictors and baselines."""

    key: str
    name: str
    facts: tuple[tuple[str, str], ...]
    cards: tuple[Card, ...]
    costs: tuple[Cost, ...]
    baselines: tuple[tuple[str, str], ...]
    speedup_sources: tuple[int, ...]
    limit_sources: tuple[int, ...]
    totals: Drawing | None
    drawings: tuple[Drawing, ...]
    table: LayerTable
    notes: tuple[str, ...]
    assumptions: tuple[tuple[str, str], ...]


def names_of(doc: Document) -> str:
    """What a model is called."""
    return labels.visible(str(doc["model"].get("name") or doc["model"].get("file") or "network"))


def model_names(docs: Sequence[Document]) -> list[str]:
    """A name for each document: with its policy, and then its place, where names are the same."""
    names = [names_of(doc) for doc in docs]
    for extra in (map(_policy, docs), (f"#{place}" for place in range(1, len(docs) + 1))):
        names = [
            f"{name} {more}".rstrip() if names.count(name) > 1 else name
            for name, more in zip(names, extra, strict=True)
        ]
    return names


def _policy(doc: Document) -> str:
    word = str(doc["assumptions"].get("binarize") or "none")
    return "as it is" if word == "none" else labels.visible(word)


def model_view(doc: Document, name: str, key: str, notes: Footnotes) -> Model:
    """Everything about one document; `key` is unique in the page."""
    predicted = bool(doc["predictions"])
    speedups = any(item["speedup"] for item in doc["predictions"])
    return Model(
        key=key,
        name=name,
        facts=tuple((word, text) for word, text in head(doc) if word not in ("notes", "profile",
                                                                           "profiles")),
        cards=_cards(doc),
        costs=_costs(doc),
        baselines=_baselines(doc),
        speedup_sources=tuple(notes.methods("paper")) if speedups else (),
        limit_sources=tuple(notes.methods("amdahl")) if speedups else (),
        totals=_totals(doc) if predicted else None,
        drawings=tuple(_drawings(doc, notes)),
        table=layer_table(doc),
        notes=_notes(doc),
        assumptions=tuple((word, text) for word, text in details(doc) if word != "notes"),
    )  # fmt: skip


def _cards(doc: Document) -> tuple[Card, ...]:
    lines = dict(line for line in summary({**doc, "predictions": []}))
    found = []
    for key, title in (
        ("MACs", "multiply-accumulates"),
        ("weights", "weights"),
        ("activations", "activations"),
        ("other operations", "other operations"),
    ):
        value, about = _split(lines[key])
        found.append(Card(title, value, about))
    return tuple(found)


def _split(text: str) -> tuple[str, str]:
    """The first figure of a line, and the rest.

    >>> _split("1.8 G: 1.7 G binary (93%)")
    ('1.8 G', '1.7 G binary (93%)')
    """
    words = text.split(" ")
    count = 1 + text.startswith("≥ ")
    if len(words) > count and words[count].rstrip(":,") in _UNITS:
        count += 1
    return " ".join(words[:count]).rstrip(":,"), " ".join(words[count:])


_UNITS = ("k", "M", "G", "T", "P", "B", "bit", "KiB", "MiB", "GiB", "TiB")


def _costs(doc: Document) -> tuple[Cost, ...]:
    mark = "≥ " if doc["totals"]["lower_bound"] else ""
    baselines = _baseline_names(doc)
    found = []
    for name, item in zip(prediction_names(doc), doc["predictions"], strict=True):
        totals = item["totals"]
        threads = "1 thread" if item["threads"] == 1 else f"{item['threads']} threads"
        found.append(Cost(
            labels.visible(name),
            labels.visible(f"{item['predictor']}, {threads}"),
            _figure(totals, "latency_s", "s", mark),
            _figure(totals, "energy_j", "J", mark),
            labels.visible(totals.get("bound") or ""),
            tuple(_speedup(item, baseline) for baseline in baselines),
            tuple(_limit(item, baseline) for baseline in baselines),
        ))  # fmt: skip
    return tuple(found)


def _baseline_names(doc: Document) -> list[str]:
    return list(dict.fromkeys(name for item in doc["predictions"] for name in item["speedup"]))


def _figure(totals: Document, key: str, unit: str, mark: str) -> tuple[str, str]:
    value, low, high = totals[key], totals[f"{key}_low"], totals[f"{key}_high"]
    if value is None:
        return labels.UNKNOWN, ""
    span = "" if low == high else labels.quantity_range(low, high, unit, 3)
    return mark + labels.quantity(value, unit), span


def _speedup(item: Document, baseline: str) -> tuple[str, str]:
    value = item["speedup"].get(baseline)
    low, high = (item[f"speedup_{end}"].get(baseline) for end in ("low", "high"))
    if value is None or low is None or high is None or low == high:
        return labels.factor(value), ""
    return labels.factor(value), f"{labels.factor(low).rstrip('×')}–{labels.factor(high)}"


def _limit(item: Document, baseline: str) -> str:
    if baseline not in item["amdahl"] or item["speedup"].get(baseline) is None:
        return labels.UNKNOWN
    limit = item["amdahl"][baseline]
    return "no limit" if limit is None else labels.factor(limit)


def _baselines(doc: Document) -> tuple[tuple[str, str], ...]:
    """The baselines in use and what they are, as far as the document says."""
    said = doc["assumptions"].get("baselines")
    said = said if isinstance(said, Mapping) else {}
    return tuple(
        (labels.visible(name), labels.visible(str(said.get(name, ""))))
        for name in _baseline_names(doc)
    )


def _notes(doc: Document) -> tuple[str, ...]:
    said = doc["assumptions"].get("notes")
    found = [labels.visible(str(note)) for note in said] if isinstance(said, list) else []
    if doc["unknown_layers"]:
        names = ", ".join(map(labels.visible, doc["unknown_layers"]))
        found.insert(
            0, f"every total is a lower bound: it leaves out layers without a rule: {names}"
        )
    return tuple(found)


def _totals(doc: Document) -> Drawing | None:
    named = list(zip(prediction_names(doc), doc["predictions"], strict=True))
    panels = []
    for key, unit, what in (("latency_s", "s", "latency"), ("energy_j", "J", "energy")):
        found = [measure(item["totals"], key, unit, name) for name, item in named]
        panels.append(Panel(what, unit, [item for item in found if item]))
    drawn = ranges_figure(panels) if len(named) > 1 else None
    return None if drawn is None else Drawing("totals", "", _RANGES, drawn)


_RANGES = (
    "One inference on each machine. Bars are ranges: 90% of the predictions at inputs drawn within "
    "their own ranges."
)


def _drawings(doc: Document, notes: Footnotes) -> list[Drawing]:
    """Every figure of a model that has something to show, in the order of the page."""
    several = len(doc["predictions"]) > 1
    found = [
        ("shares", "Where the time goes", _SHARES, shares_figure, ()),
        ("costs", "Cost by layer", _COSTS + (_OWN_SCALE if several else ""), costs_figure, ()),
        (
            "roofline",
            "Rooflines",
            _roofline_caption(doc),
            roofline_figure,
            ("roofline", "cache-aware"),
        ),
        ("memory", "Memory over time", _MEMORY, memory_figure, ()),
        ("speedups", "Speedups by baseline", _SPEEDUPS, speedup_figure, ("paper",)),
        ("energy", "Energy by part", _ENERGY, energy_figure, ()),
    ]
    drawings = []
    for key, title, caption, make, methods in found:
        drawn = make(doc)
        if drawn is not None:
            sources = tuple(notes.methods(*methods))
            drawings.append(Drawing(key, title, caption, drawn, sources))
    return drawings


def _roofline_caption(doc: Document) -> str:
    """What the lines are, and why a layer may lie above them."""
    words = {item["predictor"].partition(":")[0] for item in doc["predictions"]}
    return _ROOFLINE + ("" if words <= {"roofline"} else _OWN_KERNELS)


_SHARES = "Of one inference: by the precision of the layers, and by what bounds them."
_COSTS = (
    "The layers that take time, in order of execution; layers that are fused into another one, and "
    "views, take none and are left out. Drag over the figure to look closer; a double click goes "
    "back."
)
_OWN_SCALE = " Each machine has its own scale."
_ROOFLINE = (
    "Level lines: multiply-accumulates a second of each precision at full rate. Slanted lines: the "
    "bandwidth of each memory level. The larger a marker, the more of the time its layer takes; "
    "its shape is what bounds the layer."
)
_OWN_KERNELS = (
    " The lines are the profile's throughputs. The layers are not predicted from them but by "
    "another predictor, with inner loops of its own, and may lie above."
)
_MEMORY = (
    "Activations from the layer that writes them to the last one that reads them, and what each "
    "layer stores; the triangle is the peak."
)
_SPEEDUPS = (
    "A speedup is over a named baseline, and bars are its range: both sides are predicted at the "
    "same draws. 1 is as fast as the baseline."
)
_ENERGY = "Of one inference; static power is drawn as long as it runs. The total is at the end."
