"""What if a part of a machine were faster: latency by the factor of each field, and its knee."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

from xnorsim.analysis.costs import analyze
from xnorsim.analysis.models import Model, load_model, load_profiles
from xnorsim.errors import InputError, UsageError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from xnorsim.analysis.models import Profile
    from xnorsim.machine.schema import HardwareProfile

__all__ = ["bottleneck_figure", "hardware_figure", "knees", "scaled_hardware"]

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
LIMITED_BY = "limited_by_"
"""How the columns of the seconds by limit begin."""

Fields = Mapping[str, str | Sequence[str]] | Iterable[str]


def scaled_hardware(
    model: Model,
    fields: Fields,
    *,
    profile: Profile,
    factors: Sequence[float] = FACTORS,
    predictor: str = "instructions:own",
    **options: Any,
) -> pd.DataFrame:
    """Predict a network where one part of a machine is so many times what it is, each part alone.

    Parameters
    ----------
    model, predictor, options : as of `analyze`
    fields : fields of the profile; or names for them, each of one field or of several that are
        scaled together: {"memory": ("memories.DRAM.bandwidth", "memories.DRAM.shared_bandwidth")}
    profile : name or file of one hardware profile
    factors : of the machine's own values; 1 is always among them

    Returns a table with a row for each (field, factor): the `value` of the (first) field as text,
    `latency_s` and `energy_j` with their `_low` and `_high` ends, and the seconds
    `limited_by_...` (cost.bottlenecks) that add up to the latency. A field that is scaled is taken
    as known exactly, at the factor 1 too; all others keep their ranges. `attrs` says network,
    profile and its memory levels, predictor and threads, and in `notes` which factors the machine
    or the program cannot have, and why.

    Raises:
        InputError: as `analyze`; UsageError for a field that the profile has not, has no number
            for, or that it can have at no other factor.
    """
    machines = load_profiles(profile or ())
    if len(machines) != 1:
        raise UsageError(f"what if is asked of one profile, and {len(machines)} were given")
    own = {name: _own(machines[0], paths) for name, paths in _groups(fields).items()}
    loading = {name: options.pop(name) for name in _LOADING if name in options}
    options |= {"predictor": predictor}
    asked = _Question(load_model(model, **loading), machines[0], options)
    rows, notes, about = {}, [], {}
    for name, values in own.items():
        found, lost = _along(asked, values, _factors(factors))
        rows |= {(name, factor): row for factor, (row, _) in found.items()}
        about = next(about for _, about in found.values())
        notes += [f"{name} × {_list(each)}: {why}" for why, each in lost.items()]
        if lost and len(found) == 1:
            raise UsageError(f"{name} at no other factor: {next(iter(lost))}")
    return _table(rows, {**about, "notes": notes})


_LOADING = ("input_shape", "batch", "allow_unknown")
"""The options of `analyze` that are about reading the model."""


class _Question(NamedTuple):
    model: Model
    machine: HardwareProfile
    options: Mapping[str, Any]


_Values = Mapping[str, tuple[float, str]]
_Row = tuple[dict[str, Any], dict[str, Any]]


def _along(
    asked: _Question, values: _Values, factors: Sequence[float]
) -> tuple[dict[float, _Row], dict[str, list[float]]]:
    """A row for each factor at which there is a prediction; and the other ones by reason."""
    found, lost = {}, {}
    for factor in factors:
        try:
            found[factor] = _row(asked, values, factor)
        except InputError as fault:
            if factor == 1.0:
                raise
            lost.setdefault(str(fault), []).append(factor)
    return found, lost


def _table(rows: Mapping[tuple[str, float], Any], attrs: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame(list(rows.values()))
    table.index = pd.MultiIndex.from_tuples(rows, names=["field", "factor"])
    limits = table.filter(like=LIMITED_BY).fillna(0.0)
    most = limits.sum().sort_values(ascending=False).index
    table = table.drop(columns=list(limits)).join(limits[most])
    table.attrs.update(attrs)
    return table


def _groups(fields: Fields) -> dict[str, tuple[str, ...]]:
    """The paths of each name; of bare paths the path is the name."""
    named = fields if isinstance(fields, Mapping) else {path: path for path in fields}
    groups = {n: (paths,) if isinstance(paths, str) else tuple(paths) for n, paths in named.items()}
    if not groups or not all(groups.values()):
        raise UsageError("no field of the profile is to be scaled: name one, as 'memories.L2.size'")
    return groups


def _factors(given: Sequence[float]) -> list[float]:
    for factor in given:
        if not (isinstance(factor, Real) and 0 < factor < math.inf):
            raise UsageError(f"factor {factor!r}: give numbers above 0")
    return sorted({1.0, *map(float, given)})


def _own(machine: HardwareProfile, paths: Sequence[str]) -> dict[str, tuple[float, str]]:
    """The machine's own number and unit of each field."""
    from xnorsim.machine.fields import field_of, value_of

    found = {}
    for path in paths:
        value = value_of(machine, path)
        if value is None or isinstance(value[0], str) or not math.isfinite(value[0]):
            told = "gives none" if value is None else f"has {value[0]}"
            raise UsageError(f"{path} is scaled, and profile {machine.name} {told}")
        dimension = field_of(machine, path).dimension
        unit = value[1] or (dimension.units[-1] if dimension else "")
        found[path] = (float(value[0]), unit)
    return found


def _row(asked: _Question, values: _Values, factor: float) -> _Row:
    """The prediction with fields at a factor, and what it is of."""
    from xnorsim.cost.bottlenecks import time_by_limit
    from xnorsim.machine.fields import with_values
    from xnorsim.show.sweep_text import value_text

    texts = {path: f"{number * factor:.17g} {unit}" for path, (number, unit) in values.items()}
    scaled = with_values(asked.machine, texts)
    report = analyze(asked.model, profile=scaled, **asked.options)
    prediction = report.predictions[0]
    number, unit = next(iter(values.values()))
    limits = time_by_limit(report.table, scaled, prediction)
    row = {
        "value": value_text(number * factor, unit),
        **prediction.totals,
        **{f"{LIMITED_BY}{name}_s": seconds for name, seconds in limits.items()},
    }
    about = {
        "network": report.table.network,
        "profile": asked.machine.name,
        "predictor": prediction.predictor,
        "threads": prediction.threads,
        "levels": [memory.name for memory in asked.machine.memories],
    }
    return row, about


def _list(factors: Sequence[float]) -> str:
    return ", ".join(f"{factor:g}" for factor in factors)


def knees(table: pd.DataFrame, *, saving: float = 0.05) -> pd.DataFrame:
    """Until where it pays to make a part of a machine faster: the knee of each field.

    Parameters
    ----------
    table : of `scaled_hardware`
    saving : the share of the latency that a doubling has to save at least

    Returns a row for each field, the one that gains most first: `pays_until`, the largest factor
    of which the last doubling still saves as much (1: none does), with the `value` and `latency_s`
    there; `speedup` over the machine as it is; the share that the first doubling saves
    (`first_saving`) and the one past the knee (`next_saving`, NaN at the last factor); what most
    of the time is `limited_by` at the knee, and its `share`. Steps that are no doubling count by
    the saving that as many equal ones would have.

    Raises:
        UsageError: a share that is not between 0 and 1, or an empty table.
    """
    import pandas as pd

    from xnorsim.show import labels

    if not 0 < saving < 1:
        raise UsageError(f"saving {saving}: give a share between 0 and 1")
    if table.empty:
        raise UsageError("a table without rows has no knee: give one of scaled_hardware")
    names = list(dict.fromkeys(table.index.get_level_values("field")))
    found = pd.DataFrame([_knee(table.loc[[name]], saving) for name in names], names)
    levels = table.attrs["levels"]
    found["limited_by"] = [labels.limit(name, levels) for name in found["limited_by"]]
    found = found.rename_axis("field").sort_values("speedup", ascending=False, kind="stable")
    return found


def _knee(rows: pd.DataFrame, saving: float) -> dict[str, Any]:
    above = rows[rows.index.get_level_values("factor") >= 1.0]
    factors = above.index.get_level_values("factor").tolist()
    latencies = above["latency_s"].tolist()
    saved = [_saved(*step) for step in pairwise(zip(factors, latencies, strict=True))]
    last = max((at for at, share in enumerate(saved, 1) if share >= saving), default=0)
    limits = above.filter(like=LIMITED_BY).iloc[last]
    return {
        "pays_until": factors[last],
        "value": above["value"].tolist()[last],
        "latency_s": latencies[last],
        "speedup": latencies[0] / latencies[last],
        "first_saving": saved[0] if saved else math.nan,
        "next_saving": saved[last] if last < len(saved) else math.nan,
        "limited_by": str(limits.idxmax()).removeprefix(LIMITED_BY).removesuffix("_s"),
        "share": float(limits.max() / limits.sum()),
    }


def _saved(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The share of the latency that each doubling between two (factor, latency) saves."""
    doublings = math.log2(other[0] / one[0])
    return 1 - (other[1] / one[1]) ** (1 / doublings)


def hardware_figure(table: pd.DataFrame, *, saving: float | None = 0.05) -> Figure:
    """Draw latency over the factor of each field, its range as a band, its knee as a ring.

    Parameters
    ----------
    table : of `scaled_hardware`
    saving : as of `knees`; None for no rings
    """
    from xnorsim.show.hardware_plot import hardware_figure as drawn

    return drawn(table, None if saving is None else knees(table, saving=saving))


def bottleneck_figure(table: pd.DataFrame) -> Figure:
    """Draw what limits the network's time at each factor of each field; see `scaled_hardware`."""
    from xnorsim.show.hardware_plot import bottleneck_figure as drawn

    return drawn(table)
