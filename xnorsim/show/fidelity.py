"""The fidelity of a binarized network: what was compared, and every figure as data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from xnorsim.exact.fidelity import CAVEAT, Closeness, NetworkFidelity, worst_first
from xnorsim.show import labels
from xnorsim.show.forms import Form, Views, render, views
from xnorsim.show.text import csv_text, to_json

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SCHEMA", "Fidelity", "fidelity_csv", "fidelity_dict"]

SCHEMA = 1
"""Version of the JSON document."""

_PARTS = ("weights", "exact", "propagated")


@dataclass(frozen=True, eq=False, repr=False)
class Fidelity:
    """How far the binarized form of a network is off, without retraining.

    `model` says what was read, `assumptions` under which policy and inputs; `found` has the
    figures. In a notebook and in a Python shell it shows itself as a table, the worst layer first.
    """

    model: Mapping[str, Any]
    assumptions: Mapping[str, Any]
    found: NetworkFidelity

    @property
    def layers(self) -> pd.DataFrame:
        """One row a binary layer in execution order: `rank`, and `<part>_cosine`, `_snr_db`.

        The parts are weights, exact (given exact inputs) and propagated.
        """
        import pandas as pd

        return pd.DataFrame(_lines(self.found)).set_index("layer")

    def to_dict(self) -> dict[str, Any]:
        """The fidelity as plain data, ready for JSON."""
        return fidelity_dict(self)

    def __repr__(self) -> str:
        return render(self, Form.TABLE)

    def _repr_html_(self) -> str:
        from xnorsim.show.notebook import fidelity_html

        return fidelity_html(self)


@views.register
def _(result: Fidelity, all_layers: bool) -> Views:
    from xnorsim.show.fidelity_view import fidelity_markdown, fidelity_table

    return Views(
        partial(fidelity_table, result),
        lambda: to_json(fidelity_dict(result)),
        partial(fidelity_csv, result),
        partial(fidelity_markdown, result),
    )


def fidelity_dict(result: Fidelity) -> dict[str, Any]:
    """The figures as plain data; None stands for what is infinite or not a number.

    `layers` are in execution order, `worst_first` has their names by activation error.
    """
    found = result.found
    return {
        "schema": SCHEMA,
        "caveat": CAVEAT,
        "model": dict(result.model),
        "assumptions": dict(result.assumptions),
        "layers": [
            {
                "name": item.name,
                "kind": item.kind,
                "output_shape": list(item.output_shape),
                "rank": item.rank,
                "positive_inputs": item.positive,
                **{part: _closeness(getattr(item, part)) for part in _PARTS},
            }
            for item in found.layers
        ],
        "worst_first": [item.name for item in worst_first(found.layers)],
        "outputs": [
            {
                "name": item.name,
                "shape": list(item.shape),
                **_closeness(item.closeness),
                "top1_agreement": item.top1,
            }
            for item in found.outputs
        ],
        "notes": list(found.notes),
    }


def fidelity_csv(result: Fidelity) -> str:
    """One line a layer in execution order, then one an output, with what it is and the caveat."""
    lines = [{**line, "top1_agreement": None, "caveat": CAVEAT} for line in _lines(result.found)]
    for item in result.found.outputs:
        closeness = _closeness(item.closeness)
        lines.append(
            {
                "layer": item.name,
                "kind": "OUTPUT",
                "output_shape": labels.shape_text(item.shape),
                **{f"propagated_{key}": value for key, value in closeness.items()},
                "top1_agreement": item.top1,
                "caveat": CAVEAT,
            }
        )
    return csv_text(lines)


def _lines(found: NetworkFidelity) -> list[dict[str, Any]]:
    return [
        {
            "layer": item.name,
            "kind": item.kind,
            "output_shape": labels.shape_text(item.output_shape),
            "rank": item.rank,
            "positive_inputs": item.positive,
            **{
                f"{part}_{key}": value
                for part in _PARTS
                for key, value in _closeness(getattr(item, part)).items()
            },
        }
        for item in found.layers
    ]


def _closeness(item: Closeness) -> dict[str, float | None]:
    values = {"cosine": item.cosine, "snr_db": item.snr_db}
    return {key: value if math.isfinite(value) else None for key, value in values.items()}
