"""Predictions beside measurements: every row and figure as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from xnorsim.measured.validate import (
    Compared,
    Summary,
    beyond,
    error,
    half_width,
    interval_score,
    is_inside,
)
from xnorsim.show.forms import Form, Views, render, views
from xnorsim.show.text import csv_text, to_json

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["SCHEMA", "Unpredicted", "Validation", "row_line", "validation_csv", "validation_dict"]

SCHEMA = 1
"""Version of the JSON document."""


@dataclass(frozen=True, slots=True)
class Unpredicted:
    """A measurement [s] that nothing predicts, and why."""

    name: str
    group: str
    measured_s: float
    reason: str


@dataclass(frozen=True, eq=False, repr=False)
class Validation:
    """Predictions beside measurements, with a summary of each group and of all latencies.

    `coverage` is the share of measurements that ranges are meant to hold; `software` says what
    predicts the rows of each measured program. In a notebook and in a Python shell it shows itself
    as tables.
    """

    coverage: float
    software: Mapping[str, str]
    rows: tuple[Compared, ...]
    summaries: tuple[Summary, ...]
    unpredicted: tuple[Unpredicted, ...] = ()

    @property
    def frame(self) -> pd.DataFrame:
        """One row a prediction, by group and name; times in seconds, errors as shares."""
        import pandas as pd

        return pd.DataFrame([row_line(row, self.coverage) for row in self.rows]).set_index(
            ["group", "name"]
        )

    def to_dict(self) -> dict[str, Any]:
        """The validation as plain data, ready for JSON."""
        return validation_dict(self)

    def figure(self) -> Figure:
        """Every latency as a point, predicted over measured; see `validation_figure`."""
        from xnorsim.show.validation_plot import validation_figure

        return validation_figure(self.to_dict())

    def __repr__(self) -> str:
        return render(self, Form.TABLE)

    def _repr_markdown_(self) -> str:
        return render(self, Form.MARKDOWN)


@views.register
def _(found: Validation, all_layers: bool) -> Views:
    from xnorsim.show.validation_view import validation_markdown, validation_table

    return Views(
        partial(validation_table, found),
        lambda: to_json(validation_dict(found)),
        partial(validation_csv, found),
        partial(validation_markdown, found),
    )


def validation_dict(found: Validation) -> dict[str, Any]:
    """The rows and figures as plain data; what is not known is None.

    `error` is predicted / measured - 1; `beyond` by how much a measurement is above (or, below 0,
    below) the end of the range that it misses; `score` the interval score over the measured value.
    """
    return {
        "schema": SCHEMA,
        "coverage": found.coverage,
        "software": dict(found.software),
        "rows": [
            {**row_line(row, found.coverage), "parts": [asdict(part) for part in row.parts]}
            for row in found.rows
        ],
        "summaries": [
            {**asdict(item), "wrong": [list(pair) for pair in item.wrong]}
            for item in found.summaries
        ],
        "not_predicted": [asdict(item) for item in found.unpredicted],
    }


def validation_csv(found: Validation) -> str:
    """One line a row, then one for each measurement that nothing predicts, with the reason."""
    lines = [{**row_line(row, found.coverage), "not_predicted": None} for row in found.rows]
    for item in found.unpredicted:
        about = {"group": item.group, "name": item.name, "unit": "s", "measured": item.measured_s}
        lines.append({**about, "not_predicted": item.reason})
    return csv_text(lines)


def row_line(row: Compared, coverage: float) -> dict[str, Any]:
    """A prediction beside its measurement, with the figures that follow at ranges of `coverage`."""
    line = {key: value for key, value in asdict(row).items() if key != "parts"}
    return {
        **line,
        "error": error(row),
        "inside": is_inside(row),
        "beyond": beyond(row),
        "half_width": half_width(row),
        "score": interval_score(row, coverage),
    }
