"""The machines of a page: every figure with its range, its basis and the number of its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from xnorsim.show import labels
from xnorsim.show.content import prediction_names
from xnorsim.show.explanation_parts import in_unit
from xnorsim.show.page.sources import Footnotes

__all__ = ["Machine", "Quantity", "machines"]

Document = Mapping[str, Any]


class Quantity(NamedTuple):
    """A figure as text; `source` is the number of its footnote."""

    path: str
    value: str
    span: str
    basis: str
    source: int
    note: str


@dataclass(frozen=True)
class Machine:
    """A profile: the figures of the machine as a whole, and those of single instructions."""

    name: str
    title: str
    kind: str
    main: tuple[Quantity, ...]
    instructions: tuple[Quantity, ...]


def machines(docs: Iterable[Document], notes: Footnotes) -> list[Machine]:
    """Each machine of some documents once; those saved without their machines are left out."""
    found: list[tuple[str, Document]] = []
    for doc in docs:
        for name, item in zip(prediction_names(doc), doc["predictions"], strict=True):
            seen = [(profile, _lasting(machine)) for profile, machine in found]
            machine = item.get("machine")
            if machine and (item["profile"], _lasting(machine)) not in seen:
                taken = any(profile == item["profile"] for profile, _ in found)
                found.append((name if taken else item["profile"], machine))
    return [_machine(name, machine, notes) for name, machine in found]


def _lasting(machine: Document) -> dict[str, Any]:
    """What does not depend on the threads in use."""
    return {key: value for key, value in machine.items() if key != "ceilings"}


def _machine(name: str, machine: Document, notes: Footnotes) -> Machine:
    shown = [_quantity(item, machine["sources"], notes) for item in machine["quantities"]]
    single = [item for item in shown if item.path.startswith("instructions.")]
    main = [item for item in shown if not item.path.startswith("instructions.")]
    return Machine(
        labels.visible(name),
        labels.visible(machine["title"]),
        labels.visible(machine["kind"]),
        tuple(main),
        tuple(single),
    )


def _quantity(item: Document, sources: Mapping[str, str], notes: Footnotes) -> Quantity:
    def text(value: float | None) -> str:
        return "unlimited" if value is None else labels.visible(in_unit(value, item["unit"]))

    low, high = text(item["low"]), text(item["high"])
    return Quantity(
        labels.visible(item["path"]),
        text(item["value"]),
        "" if low == high else f"{low} to {high}",
        labels.visible(item["basis"]),
        notes.number(sources[item["source"]]),
        labels.visible(str(item.get("note", ""))),
    )
