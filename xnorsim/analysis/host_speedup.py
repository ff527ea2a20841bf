"""The paper's two figures on this machine: formula, prediction, and what is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xnorsim.analysis.host_machine import choose_profile, require_native
from xnorsim.analysis.host_rows import Known, label, predictions, speedup, undisturbed
from xnorsim.analysis.host_validation import SECONDS, comparison, survey_notes
from xnorsim.analysis.validation import predict
from xnorsim.errors import UsageError
from xnorsim.kernels.table import KERNELS
from xnorsim.measured.described import LIBRARIES, SCALAR_LOOP
from xnorsim.measured.grid import BY_CHANNELS, BY_FILTER, REFERENCE, Layer, layer_name
from xnorsim.measured.host import Host
from xnorsim.measured.measurement import Measurement
from xnorsim.measured.survey import Budget, Survey, Tell, layer_tasks, recorded, survey
from xnorsim.measured.validate import Compared
from xnorsim.measured.yardstick import yardstick
from xnorsim.show.host_validation import HostValidation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from xnorsim.analysis.models import Profile
    from xnorsim.cost.curves import Curve

__all__ = ["MeasuredFigure", "measured_curves", "measured_layer", "measured_speedup_figure"]

_KERNEL = "xnor"
_OWN_FLOATS = "fma"
_BOTH = (*dict.fromkeys((*BY_CHANNELS, *BY_FILTER)),)


@dataclass(frozen=True, slots=True)
class MeasuredFigure:
    """The figures, and what a reader should know: what is missing of them, and which profile it is.

    `fault` is why records could not be written, or "".
    """

    figure: Figure
    notes: tuple[str, ...]
    fault: str = ""


def measured_speedup_figure(
    profile: Profile | None = None,
    *,
    records: str | PathLike[str] | None = None,
    from_records: str | PathLike[str] | None = None,
    progress: Tell = lambda done, total: None,
) -> MeasuredFigure:
    """Speedup by channels and by filter size: formula, prediction, and two measured curves.

    The vector kernel is set over the scalar float loop, predicted and measured, and over the float
    library that is fastest on the reference layer. One thread.

    Parameters: as `validate_host`.

    Raises:
        MissingExtraError: what runs kernels is not installed.
        UsageError: no profile is near this machine; or the kernels were not measured, and why.
        InputError: a profile or records with faults.
    """
    from xnorsim.show.plots import speedup_figure

    if from_records is not None:
        found = recorded(Path(from_records))
        machine = choose_profile(profile, found.measurements[-1].host)
    else:
        host = require_native("plot speedup --measure")
        machine = choose_profile(profile, host)
        found = _surveyed(host, records, progress)
    single = [item for item in found.measurements if item.subject.threads == 1]
    known = predictions(_of(single), machine.profile, predict)
    notes = (*survey_notes(found), *(f"left out: {item}" for item in found.left_out))
    try:
        curves = (
            measured_curves(known, BY_CHANNELS, "channels"),
            measured_curves(known, BY_FILTER, "filter"),
        )
    except UsageError as fault:
        raise UsageError("; ".join((str(fault), *notes))) from fault
    figure = speedup_figure(*curves, logarithmic=True)
    return MeasuredFigure(figure, (*notes, *filter(None, [machine.warning])), found.fault)


def _surveyed(host: Host, records: str | PathLike[str] | None, progress: Tell) -> Survey:
    kernels = [KERNELS[name] for name in (_KERNEL, SCALAR_LOOP, *LIBRARIES) if name in KERNELS]
    tasks = layer_tasks(_BOTH, kernels, most_macs={})
    path = None if records is None else Path(records)
    budget = Budget(SECONDS["default"], host.cpus[-1], yardstick())
    return survey(tasks, host, budget, records=path, progress=progress)


def measured_layer(
    profile: Profile | None = None, *, seconds: float = SECONDS["default"]
) -> HostValidation:
    """The layer of the paper's formula on this machine: the vector kernel and float baselines.

    The baselines are the scalar loop, our own float kernel and each float library that is
    installed; `speedups` of what is returned has the vector kernel over each. One thread.

    Parameters
    ----------
    profile : as `validate_host`
    seconds : how long each kernel is sampled [s]

    Raises:
        MissingExtraError, UsageError, InputError: as `validate_host`.
    """
    host = require_native("a layer measured")
    names = (_KERNEL, SCALAR_LOOP, _OWN_FLOATS, *LIBRARIES)
    kernels = [KERNELS[name] for name in names if name in KERNELS]
    tasks = layer_tasks([REFERENCE], kernels, most_macs={})
    found = survey(tasks, host, Budget(seconds, host.cpus[-1], yardstick()))
    return comparison(found, profile)


def _of(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Those of the figures' layers and kernels: records may hold more."""
    names = {layer_name(layer) for layer in _BOTH}
    kernels = {_KERNEL, SCALAR_LOOP, *LIBRARIES}
    return [m for m in measurements if m.subject.problem in names and m.subject.kernel in kernels]


def measured_curves(known: Sequence[Known], layers: Sequence[Layer], by: str) -> list[Curve]:
    """Formula, prediction and measurements over the scalar loop, measurements over a library.

    by: "channels" or "filter", what is drawn along.

    Raises:
        UsageError: no layer has both the vector kernel and the scalar loop.
    """
    from xnorsim.cost.curves import speedup_by_channels, speedup_by_filter

    at = {layer_name(layer): _PLACES[by](layer) for layer in layers}
    times = {
        (item.measurement.subject.kernel, item.measurement.subject.problem): item for item in known
    }
    library = _best(times)
    scalar = _pairs(times, at, SCALAR_LOOP)
    if not scalar:
        raise UsageError(
            f"there is nothing to draw: '{_KERNEL}' and '{SCALAR_LOOP}' were not both measured on "
            f"the layers by {by}"
        )
    formula = speedup_by_channels() if by == "channels" else speedup_by_filter()
    predicted = [(x, speedup(*pair)) for x, pair in scalar.items()]
    curves = [formula, _predicted([(x, row) for x, row in predicted if isinstance(row, Compared)])]
    curves.append(_measured(scalar))
    if library:
        curves.append(_measured(_pairs(times, at, library)))
    return [curve for curve in curves if curve.x.size]


_PLACES: Mapping[str, Callable[[Layer], int]] = {
    "channels": lambda layer: layer.channels,
    "filter": lambda layer: layer.kernel,
}

_Times = Mapping[tuple[str, str], Known]


def _best(times: _Times) -> str:
    """The library that is fastest on the reference layer; "" if none was measured there."""
    name = layer_name(REFERENCE)
    measured = {
        library: undisturbed(times[library, name].measurement)
        for library in LIBRARIES
        if (library, name) in times
    }
    return min(measured, key=measured.__getitem__, default="")


def _pairs(times: _Times, at: Mapping[str, int], baseline: str) -> dict[int, tuple[Known, Known]]:
    """The vector kernel and a baseline, wherever both were measured, by place."""
    return {
        x: (times[_KERNEL, name], times[baseline, name])
        for name, x in at.items()
        if (_KERNEL, name) in times and (baseline, name) in times
    }


def _predicted(rows: Sequence[tuple[int, Compared]]) -> Curve:
    name = f"{rows[0][1].machine}, predicted" if rows else ""
    values = ((row.predicted, row.low, row.high) for _, row in rows)
    return _curve(name, "scalar", [x for x, _ in rows], values)


def _measured(pairs: Mapping[int, tuple[Known, Known]]) -> Curve:
    """Ratios of the fastest samples; bands reach to the ratio of the medians."""
    ratios = []
    for fast, slow in pairs.values():
        value = undisturbed(slow.measurement) / undisturbed(fast.measurement)
        middle = slow.measurement.times.median / fast.measurement.times.median
        ratios.append((value, min(value, middle), max(value, middle)))
    first = next(iter(pairs.values()), None)
    over = label(first[1].measurement.subject) if first else ""
    return _curve(f"{_KERNEL}, measured", over, [*pairs], ratios)


def _curve(
    name: str, baseline: str, x: Sequence[int], points: Iterable[tuple[float, float, float]]
) -> Curve:
    """(value, low, high) at each place."""
    from xnorsim.cost.curves import Curve

    value, low, high = np.array([*points], dtype=float).reshape(len(x), 3).T
    return Curve(name, baseline, np.array(x), value, low, high)
