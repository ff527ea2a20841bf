"""Several models on one page: analyzed here, or reports that were saved."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import TYPE_CHECKING, Any

from xnorsim.analysis.costs import documented, is_report
from xnorsim.errors import UsageError
from xnorsim.network.graph import Graph
from xnorsim.show.report import Report, Reports

if TYPE_CHECKING:
    from xnorsim.analysis.models import Model

__all__ = ["report"]


def report(
    models: Model | Report | Iterable[Model | Report],
    **options: Any,
) -> Reports:
    """Reports to be seen together: `report(["quicknet", "old.json"], profile=...)`.

    Parameters
    ----------
    models : one or several: reports, paths of reports saved as JSON, or models, which are analyzed
    options : of `analyze`, for the models: profile, binarize, predictor, ...

    Raises:
        InputError: see `analyze`; UsageError when there is no model or report, or options that
            none of the models would take, since all are reports.
    """
    single = isinstance(models, str | PathLike | Graph | Report)
    items = [models] if single else list(models)  # pyright: ignore[reportArgumentType]
    if not items:
        raise UsageError("a report needs at least one model, or one report saved as JSON")
    if options and all(isinstance(item, Report) or is_report(item) for item in items):
        raise UsageError(f"{', '.join(options)}: reports are shown as they were made")
    return Reports(tuple(documented(item, options) for item in items))
