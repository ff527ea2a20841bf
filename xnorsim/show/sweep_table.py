"""The points of a sweep as rows: for the screen, CSV, Parquet and JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from xnorsim.errors import MissingExtraError, UsageError, choices
from xnorsim.show.sweep_text import metric_text, value_text

if TYPE_CHECKING:
    import pandas as pd
    import xarray
    from rich.table import Table

__all__ = ["MOST_ROWS", "sweep_frame", "sweep_table", "table_bytes"]

MOST_ROWS = 10**7
"""Of a table: larger ones are stored as Zarr."""

_SHOWN = 40
"""Rows on the screen."""


def sweep_frame(dataset: xarray.Dataset) -> pd.DataFrame:
    """A row for each point of a dataset that is not left out: its fields, then its figures.

    Units stand in the columns' names: "clock [hertz]", "latency_s". Where figures of layers are
    kept, a row is one layer of a point, beside the total.

    Raises:
        UsageError: there are more than MOST_ROWS.
    """
    import numpy as np

    count = int(np.prod([*dataset.sizes.values()], dtype=float))
    if count > MOST_ROWS:
        raise UsageError(
            f"a table of {count:,} rows is larger than {MOST_ROWS:,}: store the sweep as Zarr, "
            "or keep less of it (reduce)"
        )
    plain = [dim for dim in dataset.dims if dim not in dataset.coords]
    frame: Any = dataset.to_dataframe(dim_order=list(dataset.dims)).reset_index()
    figures = [str(name) for name in dataset.data_vars]
    fields = [str(name) for name in dataset.coords]
    frame = frame.drop(columns=plain)[[*fields, *figures]]
    known = [name for name in figures if name not in ("index", "count")]
    if known:
        frame = frame.dropna(subset=known, how="all")
    return frame.rename(columns=_columns(dataset)).reset_index(drop=True)


def _columns(dataset: xarray.Dataset) -> dict[str, str]:
    """Names with units, where a name does not say its own."""
    return {
        str(name): f"{name} [{item.attrs['units']}]"
        for name, item in dataset.variables.items()
        if "units" in item.attrs and not str(name).startswith(("latency_s", "energy_j"))
    }


def table_bytes(dataset: xarray.Dataset, form: str) -> bytes:
    """A dataset as a file of rows: csv, parquet or json.

    Raises:
        UsageError: another form, or too many rows.
        MissingExtraError: Parquet needs pyarrow.
    """
    if form not in _WRITERS:
        raise UsageError(f"'{form}' is no form of a table: {choices(form, _WRITERS)}")
    return _WRITERS[form](dataset)


def _csv(dataset: xarray.Dataset) -> bytes:
    return sweep_frame(dataset).to_csv(index=False, lineterminator="\n").encode()


def _parquet(dataset: xarray.Dataset) -> bytes:
    stream = io.BytesIO()
    try:
        sweep_frame(dataset).to_parquet(stream, engine="pyarrow", index=False)
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet", "Parquet") from error
    return stream.getvalue()


def _json(dataset: xarray.Dataset) -> bytes:
    frame = sweep_frame(dataset).astype(object)
    finite = frame.where(frame.notna() & ~frame.isin([float("inf"), float("-inf")]), None)
    about: Mapping[str, Any] = {
        **{name: dataset.attrs[name] for name in ("title", "assumptions", "reduce")},
        "rows": finite.to_dict(orient="records"),
    }
    return (json.dumps(about, indent=2, allow_nan=False) + "\n").encode()


_WRITERS: Mapping[str, Callable[[xarray.Dataset], bytes]] = {
    "csv": _csv,
    "parquet": _parquet,
    "json": _json,
}


def sweep_table(dataset: xarray.Dataset) -> Table:
    """The first rows for the screen, with prefixes and units."""
    from rich.table import Table

    frame = sweep_frame(dataset)
    units = {text: str(item.attrs.get("units", "")) for text, item in _variables(dataset).items()}
    table = Table(title=dataset.attrs["title"], title_justify="left")
    if len(frame) > _SHOWN:
        table.caption = f"{_SHOWN} of {len(frame):,} rows: write all to a file with --output"
    names = {new: str(old) for old, new in _columns(dataset).items()}
    for column in map(str, frame.columns):
        name, _ = metric_text(dataset, names.get(column, column))
        table.add_column(name, justify="right")
    for row in frame.head(_SHOWN).itertuples(index=False):
        pairs = zip(frame.columns, row, strict=True)
        table.add_row(*(value_text(value, units[column]) for column, value in pairs))
    return table


def _variables(dataset: xarray.Dataset) -> dict[str, Any]:
    """Every variable by the name of its column."""
    columns = _columns(dataset)
    return {columns.get(str(name), str(name)): item for name, item in dataset.variables.items()}
