"""Precisions chosen for the layers of a network: what was weighed, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from xnorsim.show import labels
from xnorsim.show.forms import Form, Views, render, views
from xnorsim.show.text import csv_text, to_json

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import ConsoleRenderable

__all__ = ["LayerPrecision", "Precisions", "Scored"]


@dataclass(frozen=True, slots=True)
class LayerPrecision:
    """A layer that could change.

    weight_bytes: in high precision; cosines: of its output with the float layer's by precision,
    given exact inputs, where it was executed.
    """

    name: str
    precision: str
    weight_bytes: float
    cosines: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Scored:
    """A network at one choice of precisions.

    latency_s, energy_j: as the full predictor has them, with ranges; high_precision_bytes: of
    weights; estimated_cosine: the product of the cosines of its layers; cosine, top1: of its output
    with the float network's, executed; None where it was not.
    """

    name: str
    latency_s: float
    latency_s_low: float
    latency_s_high: float
    energy_j: float
    high_precision_bytes: float
    estimated_cosine: float | None
    cosine: float | None
    top1: float | None


@dataclass(frozen=True, eq=False, repr=False)
class Precisions:
    """The precisions that make a metric least within budgets, for costs that add up over layers.

    surrogate: that sum for what was chosen [s or J], beside which `networks` has the prediction of
    the whole, that of uniform choices first. neighbours: pairs of layers that cost more or less
    together than alone. budgets: what is used and the most, by name. stays: by precision the layers
    that multiply other than floats in the file, and so in every one of the networks.
    """

    network: str
    profile: str
    predictor: str
    threads: int
    metric: str
    surrogate: float
    layers: tuple[LayerPrecision, ...]
    networks: tuple[Scored, ...]
    neighbours: tuple[tuple[str, str], ...]
    budgets: Mapping[str, tuple[float, float]]
    notes: tuple[str, ...] = ()
    stays: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def chosen(self) -> dict[str, str]:
        """The precision of each layer that could change."""
        return {item.name: item.precision for item in self.layers}

    def to_dict(self) -> dict[str, Any]:
        """Every figure as plain data, ready for JSON; None for what is not known."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        fields["layers"] = [asdict(item) for item in self.layers]
        fields["networks"] = [asdict(item) for item in self.networks]
        return _plain(fields)

    def to_frame(self) -> pd.DataFrame:
        """One row a network: the uniform ones, and the chosen one last."""
        import pandas as pd

        return pd.DataFrame([asdict(item) for item in self.networks]).set_index("name")

    def __repr__(self) -> str:
        return render(self, Form.TABLE)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@views.register
def _(found: Precisions, all_layers: bool) -> Views:
    return Views(
        partial(_table, found),
        lambda: to_json(found.to_dict()),
        lambda: csv_text([{"layer": n, "precision": p} for n, p in found.chosen.items()]),
        partial(_markdown, found),
    )


_UNITS = {"latency_s": "s", "energy_j": "J"}
_HEADINGS = ("network", "latency", "range", "energy", "high precision", "cosine est.", "cosine")


def _rows(found: Precisions) -> list[tuple[str, ...]]:
    return [
        (
            labels.visible(_title(item, found)),
            labels.quantity(item.latency_s, "s"),
            labels.quantity_range(item.latency_s_low, item.latency_s_high, "s"),
            labels.quantity(item.energy_j, "J"),
            labels.memory(round(8 * item.high_precision_bytes)),
            _share(item.estimated_cosine),
            _share(item.cosine),
        )
        for item in found.networks
    ]


def _title(item: Scored, found: Precisions) -> str:
    """The name of a network; "all" are those that can change."""
    count = sum(map(len, found.stays.values()))
    return f"{item.name} ({count} stay)" if count and item.name.startswith("all ") else item.name


def _count(names: Sequence[str]) -> str:
    return "1 layer" if len(names) == 1 else f"{len(names)} layers"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


_NAMED = 4


def _share(value: float | None) -> str:
    return labels.UNKNOWN if value is None or math.isnan(value) else f"{value:.3f}"


def _lines(found: Precisions) -> list[tuple[str, str]]:
    unit = _UNITS[found.metric]
    threads = "1 thread" if found.threads == 1 else f"{found.threads} threads"
    predicted = getattr(found.networks[-1], found.metric)
    groups: dict[str, list[str]] = {}
    for item in found.layers:
        groups.setdefault(item.precision, []).append(item.name)
    budgets = [
        (f"budget {name}", f"{used:.6g} of {most:.6g}")
        for name, (used, most) in found.budgets.items()
    ]
    return [
        ("network", found.network),
        ("machine", f"{found.profile} ({found.predictor}, {threads})"),
        (
            "minimized",
            f"{found.metric}: {labels.quantity(found.surrogate, unit)} as a sum over layers and "
            f"{len(found.neighbours)} pairs of neighbours, {labels.quantity(predicted, unit)} "
            "predicted as a whole",
        ),
        *budgets,
        *((word, ", ".join(names)) for word, names in groups.items()),
        *(
            ("stay", f"{_count(names)} {word}, as in the file: {_some(names)}")
            for word, names in found.stays.items()
        ),
        *(("note", note) for note in found.notes),
    ]


def _table(found: Precisions) -> ConsoleRenderable:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    facts = Table.grid(padding=(0, 2))
    for name, text in _lines(found):
        facts.add_row(Text(name), Text(labels.visible(text)))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(_HEADINGS):
        table.add_column(heading, justify="right" if place else "left")
    for row in _rows(found):
        table.add_row(*map(Text, row))
    return Group(facts, table)


def _markdown(found: Precisions) -> str:
    lines = [f"- {name}: {labels.visible(text)}" for name, text in _lines(found)]
    rows = [_HEADINGS, ("---",) * len(_HEADINGS), *_rows(found)]
    table = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([*lines, "", *table]) + "\n"
