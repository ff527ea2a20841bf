"""Cards of the zoo's networks: what is published beside what is counted, and a list of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from xnorsim.show import labels
from xnorsim.show.forms import Form, Views, render, views
from xnorsim.show.text import csv_text, to_json
from xnorsim.units import format_si
from xnorsim.zoo.card import Quantity

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

    from xnorsim.zoo.card import Card, Published

__all__ = ["NOT_PUBLISHED", "CardList", "Counts", "NetworkCard", "PrecisionCounts"]

NOT_PUBLISHED = "not published"


@dataclass(frozen=True, slots=True)
class PrecisionCounts:
    """The layers that multiply one pair of encodings: how many, their MACs, their parameters.

    stored_bits: of the parameters, scales included.
    """

    precision: str
    layers: int
    macs: int
    parameters: int
    stored_bits: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What is counted of a network at batch 1, by precision and as a whole.

    parameters: trained ones (of a batch normalization scale and shift); stored_bits: of those and
    of scales, as stored; stored_bits_fp32: if all were float32.
    """

    precisions: tuple[PrecisionCounts, ...]
    parameters: int
    macs: int
    binary_share: float
    stored_bits: int
    stored_bits_fp32: int
    peak_activation_bits: int

    @property
    def layers(self) -> int:
        """Layers that multiply."""
        return sum(item.layers for item in self.precisions)


@dataclass(frozen=True, eq=False, repr=False)
class NetworkCard:
    """One network: `card` is what is published, `own` our figure for each that is there."""

    name: str
    summary: str
    source: str
    input_shape: tuple[int, ...]
    card: Card
    own: tuple[float, ...]
    counts: Counts

    def to_dict(self) -> dict[str, Any]:
        """The card as plain data, ready for JSON; None for what is not published."""
        return {"schema": 1, **_document(self)}

    def __repr__(self) -> str:
        return render(self, Form.TABLE)


@dataclass(frozen=True, eq=False, repr=False)
class CardList:
    """The cards of several networks."""

    cards: tuple[NetworkCard, ...]

    def to_dict(self) -> dict[str, Any]:
        """The cards as plain data, ready for JSON."""
        return {"schema": 1, "networks": [_document(item) for item in self.cards]}

    def __repr__(self) -> str:
        return render(self, Form.TABLE)


def _document(item: NetworkCard) -> dict[str, Any]:
    published = [
        {**asdict(figure), "quantity": str(figure.quantity), "ours": own}
        for figure, own in zip(item.card.published, item.own, strict=True)
    ]
    counts = asdict(item.counts)
    return {
        "name": item.name,
        "summary": item.summary,
        "source": item.source,
        "dataset": item.card.dataset,
        "input_shape": list(item.input_shape),
        "accuracy": [asdict(each) for each in item.card.accuracy],
        "published": published,
        "notes": list(item.card.notes),
        "counts": {
            **counts,
            "layers": item.counts.layers,
            "precisions": list(counts["precisions"]),
        },
    }


@views.register
def _(item: NetworkCard, all_layers: bool) -> Views:
    return Views(
        partial(_card_table, item),
        lambda: to_json(item.to_dict()),
        lambda: csv_text([_line(item)]),
        partial(_card_markdown, item),
    )


@views.register
def _(found: CardList, all_layers: bool) -> Views:
    return Views(
        partial(_list_table, found),
        lambda: to_json(found.to_dict()),
        lambda: csv_text([_line(item) for item in found.cards]),
        partial(_list_markdown, found),
    )


def _line(item: NetworkCard) -> dict[str, Any]:
    """A network as one line of numbers."""
    best = item.card.accuracy[0] if item.card.accuracy else None
    return {
        "name": item.name,
        "dataset": item.card.dataset,
        "top1": best.top1 if best else None,
        "top5": best.top5 if best else None,
        "accuracy_source": best.source if best else None,
        "layers": item.counts.layers,
        **{k: v for k, v in asdict(item.counts).items() if k != "precisions"},
    }


# The list


def _list_cells(found: CardList) -> tuple[list[str], list[list[str]]]:
    rows = [
        [
            item.name,
            ", ".join(f"{each.layers} {_short(each.precision)}" for each in item.counts.precisions),
            labels.amount(item.counts.parameters),
            labels.amount(item.counts.macs),
            labels.percent(item.counts.binary_share),
            _top1(item),
        ]
        for item in found.cards
    ]
    return ["network", "layers", "params", "MACs", "binary", "top-1 (%)"], rows


def _top1(item: NetworkCard) -> str:
    """The accuracy, and where it is not of ImageNet the data set."""
    if not item.card.accuracy:
        return NOT_PUBLISHED
    others = "" if item.card.dataset == _MOST else f" {item.card.dataset}"
    return f"{item.card.accuracy[0].top1:.1f}{others}"


_MOST = "ImageNet"


def _short(precision: str) -> str:
    return labels.precision_label(precision).split()[-1]


def _list_table(found: CardList) -> ConsoleRenderable:
    from rich.console import Group
    from rich.text import Text

    headings, rows = _list_cells(found)
    return Group(
        _rows_table(headings, rows, numbers=(2, 3, 4), gap=0),  # as wide as a terminal is at least
        Text(""),
        Text("layers: those that multiply, by bits of weights (W) and activations (A)"),
        Text("binary: the share of MACs that are +-1 x +-1"),
        Text(f"top-1: as published, on {_MOST} unless told; `zoo show` has the sources"),
    )


def _list_markdown(found: CardList) -> str:
    return "\n".join([*_markdown_rows(*_list_cells(found)), ""])


# One card


def _facts(item: NetworkCard) -> Iterator[tuple[str, str]]:
    yield "source", item.source
    yield "data", f"{item.card.dataset}, input {labels.shape_text(item.input_shape)}"
    if not item.card.accuracy:
        yield "accuracy", NOT_PUBLISHED
    for i, each in enumerate(item.card.accuracy):
        top5 = "" if each.top5 is None else f", top-5 {each.top5} %"
        yield "" if i else "accuracy", f"top-1 {each.top1} %{top5} ({each.source})"
    counts = item.counts
    stored, floats = counts.stored_bits, counts.stored_bits_fp32
    yield "weights", f"{labels.memory(stored)} as stored, {labels.memory(floats)} as float32"
    yield "activations", f"{labels.memory(counts.peak_activation_bits)} at most at a time"
    for note in item.card.notes:
        yield "note", note


def _published_cells(item: NetworkCard) -> tuple[list[str], list[list[str]]]:
    rows = []
    for figure, own in zip(item.card.published, item.own, strict=True):
        same = f"not the same: {figure.differs}" if figure.differs else ""
        source = f"{figure.source}; {same}" if same else figure.source
        texts = (_figure(value, figure, more) for value, more in ((figure.value, 0), (own, 1)))
        rows.append([str(figure.quantity), *texts, source])
    return ["published", "value", "ours", "source"], rows


_MB, _MIB = 10.0**6, 2.0**20
_BYTES = (Quantity.SIZE, Quantity.SIZE_FLOAT32, Quantity.SIZE_FLOAT64)


def _figure(value: float, of: Published, digits: int) -> str:
    """A value to the digits that a figure is published with, and so many more."""
    if of.step == 1:
        return f"{value:,.0f}"
    if of.quantity in _BYTES:
        hundredths = 100 * of.step / _MIB
        unit, word = (_MIB, "MiB") if hundredths == round(hundredths) else (_MB, "MB")
        decimals = max(0, round(-math.log10(of.step / unit)))
        return f"{value / unit:,.{decimals + digits}f} {word}"
    return format_si(value, "", len(str(round(value / of.step))) + digits)


def _counted_cells(item: NetworkCard) -> tuple[list[str], list[list[str]]]:
    counts = item.counts
    rows = [
        [
            labels.precision_label(each.precision),
            str(each.layers),
            f"{each.macs:,}",
            labels.percent(each.macs / counts.macs),
            f"{each.parameters:,}",
            labels.memory(each.stored_bits),
        ]
        for each in counts.precisions
    ]
    rest = counts.parameters - sum(each.parameters for each in counts.precisions)
    bits = counts.stored_bits - sum(each.stored_bits for each in counts.precisions)
    if bits:
        rows.append(["other layers", "", "", "", f"{rest:,}", labels.memory(bits)])
    ends = f"{counts.parameters:,}", labels.memory(counts.stored_bits)
    rows.append(["total", str(counts.layers), f"{counts.macs:,}", "", *ends])
    return ["precision", "layers", "MACs", "share", "parameters", "stored"], rows


def _card_table(item: NetworkCard) -> ConsoleRenderable:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    facts = Table.grid(padding=(0, 2))
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")
    for name, text in _facts(item):
        facts.add_row(Text(name), Text(labels.visible(text)))
    tables: list[Any] = [Text(""), _rows_table(*_counted_cells(item), numbers=(1, 2, 3, 4, 5))]
    if item.card.published:
        tables += [Text(""), _rows_table(*_published_cells(item), numbers=(1, 2))]
    return Group(Text(f"{item.name}: {item.summary}"), Text(""), facts, *tables)


def _card_markdown(item: NetworkCard) -> str:
    lines = [f"# {item.name}: {item.summary}", ""]
    lines += [f"- {name or 'accuracy'}: {text}" for name, text in _facts(item)]
    lines += ["", *_markdown_rows(*_counted_cells(item))]
    if item.card.published:
        lines += ["", *_markdown_rows(*_published_cells(item))]
    return "\n".join([*lines, ""])


def _rows_table(
    headings: list[str], rows: list[list[str]], numbers: tuple[int, ...], gap: int = 1
) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, gap, 0, 0))
    for place, heading in enumerate(headings):
        fixed = place == 0 or place in numbers
        table.add_column(
            heading, justify="right" if place in numbers else "left", no_wrap=fixed, overflow="fold"
        )
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _markdown_rows(headings: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (headings, ["---"] * len(headings), *rows)]
