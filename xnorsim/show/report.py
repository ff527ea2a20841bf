"""The report: everything that one analysis found, as data and as a JSON document.

`document` defines the machine-readable form; the other modules of this room only render it.
"""

from __future__ import annotations

import math
import platform
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from xnorsim import __version__
from xnorsim.work.table import COLUMNS, LayerTable

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from xnorsim.cost.network import NetworkPrediction
    from xnorsim.machine.schema import HardwareProfile

__all__ = ["SCHEMA", "Report", "Reports", "document", "versions"]

SCHEMA = 1
"""Version of the JSON document; a change that breaks a reader raises it."""


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """The work in a network and its predicted cost.

    `model` says what was read, `assumptions` under which conventions and options, `totals` is
    xnorsim.work.table.totals, `predictions` has one entry a profile, `machines` the profiles
    themselves. In a notebook and in a Python shell it shows itself as a table.
    """

    model: Mapping[str, Any]
    assumptions: Mapping[str, Any]
    table: LayerTable
    totals: Mapping[str, Any]
    predictions: tuple[NetworkPrediction, ...] = ()
    machines: tuple[HardwareProfile, ...] = ()

    @property
    def layers(self) -> pd.DataFrame:
        """One row a layer, indexed by name: kind, scheme and every column of the layer table."""
        import pandas as pd

        table = self.table
        words = {
            "kind": table.kinds,
            "scheme": ["" if item is None else str(item) for item in table.schemes],
            "fused_into": table.fused_into,
            "output_shape": table.output_shapes,
        }
        return pd.DataFrame({**words, **table.columns}, index=pd.Index(table.names, name="layer"))

    @property
    def costs(self) -> pd.DataFrame:
        """One row a profile and layer: latency_s, energy_j, their ranges, and the bound."""
        import pandas as pd

        from xnorsim.show.content import prediction_names

        index = pd.Index(self.table.names, name="layer")
        names = prediction_names(self.to_dict())
        frames = {
            name: pd.DataFrame({**item.columns, "bound": item.bounds}, index=index)
            for name, item in zip(names, self.predictions, strict=True)
        }
        return pd.concat(frames, names=["profile"]) if frames else pd.DataFrame()

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, ready for JSON."""
        return document(self)

    def to_html(self) -> str:
        """The report as one HTML page that needs nothing else, not even a network.

        Raises:
            MissingExtraError: jinja2 or plotly is not installed (extra `html`).
        """
        return Reports((self.to_dict(),)).to_html()

    def save_html(self, path: str | PathLike[str]) -> None:
        """Write the page of `to_html` to a file, whole or not at all.

        Raises:
            MissingExtraError: as to_html. UsageError: the file cannot be written.
        """
        Reports((self.to_dict(),)).save_html(path)

    def __repr__(self) -> str:
        from xnorsim.show.forms import Form, render

        return render(self.to_dict(), Form.TABLE)

    def _repr_html_(self) -> str:
        from xnorsim.show.notebook import report_html

        return report_html(self)


@dataclass(frozen=True, eq=False)
class Reports:
    """Documents of several reports, to be seen on one page."""

    documents: tuple[Mapping[str, Any], ...]

    def to_html(self) -> str:
        """One HTML page: of several reports a comparison, then each; see Report.to_html.

        Raises:
            MissingExtraError: jinja2 or plotly is not installed (extra `html`).
        """
        from xnorsim.show.page import page

        return page(self.documents)

    def save_html(self, path: str | PathLike[str]) -> None:
        """Write the page to a file, whole or not at all.

        Raises:
            MissingExtraError: as to_html. UsageError: the file cannot be written.
        """
        from xnorsim.show.output import write_text

        write_text(path, self.to_html())


def document(report: Report) -> dict[str, Any]:
    """`report` as plain data: the JSON form. What is unknown or infinite is None."""
    made = zip_longest(report.predictions, report.machines)
    return {
        "schema": SCHEMA,
        "versions": versions(),
        "model": dict(report.model),
        "assumptions": dict(report.assumptions),
        "layers": _layers(report.table),
        "totals": _plain(report.totals),
        "unknown_layers": list(report.table.unknown),
        "predictions": [_prediction(report.table, *each) for each in made],
    }


def versions() -> dict[str, str]:
    """What made a report: xnorsim, and what its numbers rest on."""
    return {
        "xnorsim": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def _layers(table: LayerTable) -> list[dict[str, Any]]:
    columns = {name: table.columns[name].tolist() for name in COLUMNS}
    return [
        {
            "name": name,
            "kind": table.kinds[i],
            "scheme": None if (used := table.schemes[i]) is None else str(used),
            "scaling": None if used is None else str(used.scaling),
            "fused_into": table.fused_into[i] or None,
            "output_shape": list(table.output_shapes[i]),
            **{column: values[i] for column, values in columns.items()},
            "macs_by_precision": {str(used): columns["macs"][i]} if used else {},
            "fp_ops_by_kind": dict(table.fp_ops_by_kind[i]),
        }
        for i, name in enumerate(table.names)
    ]


def _prediction(
    table: LayerTable, item: NetworkPrediction, profile: HardwareProfile | None
) -> dict[str, Any]:
    columns = {name: array.tolist() for name, array in item.columns.items()}
    rows = [
        {
            "name": name,
            **{column: _number(values[i]) for column, values in columns.items()},
            "bound": item.bounds[i],
        }
        for i, name in enumerate(table.names)
    ]
    time_by_bound: Counter[str] = Counter()
    for bound, seconds in zip(item.bounds, columns["latency_s"], strict=True):
        time_by_bound[bound] += seconds
    most = max(time_by_bound, key=time_by_bound.__getitem__, default=None)
    return {
        "profile": item.profile,
        "threads": item.threads,
        "predictor": item.predictor,
        "layers": rows,
        "totals": {**_plain(item.totals), "bound": most},
        "speedup": _plain(item.speedup),
        "speedup_low": _plain(item.speedup_low),
        "speedup_high": _plain(item.speedup_high),
        "amdahl": _plain(item.amdahl),
        "energy_shares": _plain(item.energy_shares),
        **_machine(profile, item.threads),
    }


def _machine(profile: HardwareProfile | None, threads: int) -> dict[str, Any]:
    if profile is None:
        return {}
    from xnorsim.show.machine import machine_document

    return {"machine": machine_document(profile, threads)}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _number(value) for name, value in values.items()}


def _number(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
