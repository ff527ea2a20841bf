"""An explanation of a prediction: the arithmetic of one layer, and what moves it, as data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from xnorsim.cost.explanation import LayerExplanation
from xnorsim.cost.sensitivity import Sensitivity
from xnorsim.show.forms import Form, Views, render, views
from xnorsim.show.text import csv_text, to_json

__all__ = ["SCHEMA", "Explanation", "LayerShare", "explanation_csv", "explanation_dict"]

SCHEMA = 1
"""Version of the JSON document."""


@dataclass(frozen=True, slots=True)
class LayerShare:
    """What a layer takes of the network's latency, and what bounds it."""

    name: str
    kind: str
    scheme: str | None
    latency_s: float
    latency_s_low: float
    latency_s_high: float
    share: float
    bound: str


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """How the prediction of one layer comes about, on one machine.

    `recipes` says whose kernels run; `assumptions` are the options of the analysis; `totals` those
    of the whole network; `layers` what takes time, the most first. `sensitivities` are, by figure,
    the inputs that move the layer, or the whole network where `of_network`. `coverage` is the share
    of draws inside a range. In a notebook and in a Python shell it shows itself.
    """

    network: str
    profile: str
    machine: str
    predictor: str
    recipes: str
    threads: int
    assumptions: Mapping[str, Any]
    coverage: float
    totals: Mapping[str, float]
    layers: tuple[LayerShare, ...]
    layer: LayerExplanation
    of_network: bool
    sensitivities: Mapping[str, tuple[Sensitivity, ...]]

    def to_dict(self) -> dict[str, Any]:
        """The explanation as plain data, ready for JSON."""
        return explanation_dict(self)

    def __repr__(self) -> str:
        return render(self, Form.TABLE)

    def _repr_markdown_(self) -> str:
        return render(self, Form.MARKDOWN)


@views.register
def _(found: Explanation, all_layers: bool) -> Views:
    from xnorsim.show.explanation_view import explanation_markdown, explanation_table

    return Views(
        partial(explanation_table, found),
        lambda: to_json(explanation_dict(found)),
        partial(explanation_csv, found),
        partial(explanation_markdown, found),
    )


def explanation_dict(found: Explanation) -> dict[str, Any]:
    """Every number as plain data, by the names of the fields; what is unknown or infinite is None.

    The fields and their arithmetic: xnorsim.cost.explanation.
    """
    fields = {name: getattr(found, name) for name in found.__dataclass_fields__}
    for name in ("layers", "sensitivities"):
        fields.pop(name)
    return {
        "schema": SCHEMA,
        **{name: _plain(value) for name, value in fields.items() if name != "layer"},
        "layers": [_plain(asdict(item)) for item in found.layers],
        "layer": _plain(asdict(found.layer)),
        "sensitivities": {
            name: [_plain(asdict(item)) for item in items]
            for name, items in found.sensitivities.items()
        },
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def explanation_csv(found: Explanation) -> str:
    """A line for each value of the document: its path, as layer.stages.0.seconds, and the value."""
    return csv_text([{"path": path, "value": value} for path, value in _leaves(found.to_dict())])


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
    for name, item in pairs:
        inner = f"{path}.{name}" if path else str(name)
        if isinstance(item, Mapping | list):
            yield from _leaves(item, inner)
        else:
            yield inner, item
