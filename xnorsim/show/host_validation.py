"""Predictions beside what was measured on this machine: every row and figure as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from xnorsim.measured.survey import LeftOut
from xnorsim.measured.validate import Compared, Summary
from xnorsim.show.forms import Form, Views, render, views
from xnorsim.show.text import csv_text, to_json
from xnorsim.show.validation import row_line

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = [
    "SCHEMA",
    "Bottleneck",
    "HostRow",
    "HostValidation",
    "Lone",
    "Paired",
    "Pairing",
    "Timing",
    "host_csv",
    "host_dict",
]

SCHEMA = 1
"""Version of the JSON document."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How a row was measured: its samples [s a call] of so many calls, and what disturbed them.

    (low, high) holds the median with 95%; a tenth of the samples lie below p10, above p90.
    """

    samples: int
    calls: int
    median_s: float
    p10_s: float
    p90_s: float
    low_s: float
    high_s: float
    disturbed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostRow:
    """A latency predicted and measured, the fastest of its samples."""

    compared: Compared
    timing: Timing


@dataclass(frozen=True, slots=True)
class Lone:
    """A measurement ("s", or "1" for a speedup) that nothing predicts, and why."""

    group: str
    name: str
    unit: str
    measured: float
    reason: str


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """What binds the longest stage of a prediction: cycles on `name`, of a layer of so many MACs.

    `share` is that of the stage in the layer's time. A chain is of instructions that wait for each
    other, `waits` cycles each; else `name` is a set of ports, "issue", or a memory level.
    """

    stage: str
    share: float
    name: str
    cycles: float
    macs: int
    waits: float = 0.0


@dataclass(frozen=True, slots=True)
class Paired:
    """A kernel on the layer of the paper's figure, and what binds it according to the model."""

    kernel: str
    row: Compared
    bottleneck: Bottleneck


@dataclass(frozen=True, slots=True)
class Pairing:
    """The paper's own comparison on one layer: its formula, the loops it stands for, and ratios."""

    layer: str
    formula: float
    kernels: tuple[Paired, ...]
    speedups: tuple[Compared, ...]


@dataclass(frozen=True, eq=False, repr=False)
class HostValidation:
    """Predictions beside measurements of one machine, with a summary of each kernel.

    `about` tells machine, profile and libraries; `software` what computes and predicts each kernel;
    `coverage` the share of measurements that ranges are meant to hold. In a notebook and in a
    Python shell it shows itself as tables. `fault` is why records could not be written, or "".
    """

    about: Mapping[str, str]
    coverage: float
    software: Mapping[str, str]
    rows: tuple[HostRow, ...]
    speedups: tuple[Compared, ...]
    summaries: tuple[Summary, ...]
    pairing: Pairing | None = None
    unpredicted: tuple[Lone, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = field(default=())
    fault: str = ""

    @property
    def frame(self) -> pd.DataFrame:
        """One row a prediction, by group and name; times in seconds, errors as shares."""
        import pandas as pd

        return pd.DataFrame(_lines(self)).set_index(["group", "name"])

    def to_dict(self) -> dict[str, Any]:
        """The validation as plain data, ready for JSON."""
        return host_dict(self)

    def figure(self) -> Figure:
        """Every latency as a point, predicted over measured; see `validation_figure`."""
        from xnorsim.show.validation_plot import validation_figure

        return validation_figure(self.to_dict(), named=False)

    def __repr__(self) -> str:
        return render(self, Form.TABLE)

    def _repr_markdown_(self) -> str:
        return render(self, Form.MARKDOWN)


@views.register
def _(found: HostValidation, all_layers: bool) -> Views:
    from xnorsim.show.host_validation_view import host_markdown, host_table

    return Views(
        partial(host_table, found, all_rows=all_layers),
        lambda: to_json(host_dict(found)),
        partial(host_csv, found),
        partial(host_markdown, found),
    )


def host_dict(found: HostValidation) -> dict[str, Any]:
    """The rows and figures as plain data; what is not known is None.

    The columns of rows and speedups are those of `validation_dict`; `timing` is that of a row.
    """
    coverage = found.coverage
    return {
        "schema": SCHEMA,
        "about": dict(found.about),
        "coverage": coverage,
        "software": dict(found.software),
        "rows": [
            {
                **row_line(row.compared, coverage),
                "parts": [asdict(part) for part in row.compared.parts],
                "timing": _listed(row.timing),
            }
            for row in found.rows
        ],
        "speedups": [row_line(row, coverage) for row in found.speedups],
        "summaries": [
            {**asdict(item), "wrong": [list(pair) for pair in item.wrong]}
            for item in found.summaries
        ],
        "pairing": _pairing(found.pairing, coverage),
        "not_predicted": [asdict(item) for item in found.unpredicted],
        "left_out": [asdict(item) for item in found.left_out],
        "notes": list(found.notes),
    }


def _pairing(pairing: Pairing | None, coverage: float) -> dict[str, Any] | None:
    if pairing is None:
        return None
    return {
        "layer": pairing.layer,
        "formula": pairing.formula,
        "kernels": [
            {
                "kernel": item.kernel,
                **row_line(item.row, coverage),
                "bottleneck": asdict(item.bottleneck),
            }
            for item in pairing.kernels
        ],
        "speedups": [row_line(row, coverage) for row in pairing.speedups],
    }


def _listed(timing: Timing) -> dict[str, Any]:
    return {**asdict(timing), "disturbed": list(timing.disturbed)}


def host_csv(found: HostValidation) -> str:
    """One line a row and a speedup, then one for each measurement that nothing predicts."""
    lines = [{**line, "not_predicted": None} for line in _lines(found)]
    for item in found.unpredicted:
        about = {"group": item.group, "name": item.name, "unit": item.unit}
        lines.append({**about, "measured": item.measured, "not_predicted": item.reason})
    return csv_text(lines or [{"group": "", "name": ""}])


def _lines(found: HostValidation) -> list[dict[str, Any]]:
    timed = [{**row_line(row.compared, found.coverage), **_flat(row.timing)} for row in found.rows]
    unknown = dict.fromkeys(_flat(_UNTIMED))
    ratios = [{**row_line(row, found.coverage), **unknown} for row in found.speedups]
    return [*timed, *ratios]


def _flat(timing: Timing) -> dict[str, Any]:
    return {
        "samples": timing.samples,
        "median_s": timing.median_s,
        "p10_s": timing.p10_s,
        "p90_s": timing.p90_s,
        "disturbed": "; ".join(timing.disturbed),
    }


_UNTIMED = Timing(0, 0, 0.0, 0.0, 0.0, 0.0, 0.0)
