"""The best machine within ranges of its numbers, where there are too many to try them all.

Differential evolution (R. Storn, K. Price, "Differential Evolution", Journal of Global Optimization
11, 1997) in scipy's form: a population of designs is one axis along which every field changes, and
is predicted in one call. It is no proof: a better design may be left unseen.

    clock: 1 GHz .. 4 GHz                    any value between, to six digits
    memories.L2.size: 256 KiB .. 8 MiB log   the same, in equal factors
    threads: 1 .. 8                          whole numbers
    memories.L3.size: [8 MiB, 32 MiB]        these, or any other values of an axis
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, OptimizeResult, differential_evolution

from xnorsim.cost.inputs import design
from xnorsim.cost.points import Layers, Prepared, prepared, total
from xnorsim.errors import UsageError, choices
from xnorsim.explore.axes import Axis
from xnorsim.explore.fields import Field
from xnorsim.explore.grid import first_left, mask, numbers, values_of
from xnorsim.explore.resolve import Load, resolve
from xnorsim.explore.space import Block, Space, point, predictor_of, profile_of
from xnorsim.explore.spec import METRICS, spec_of
from xnorsim.explore.tables import layers_of
from xnorsim.explore.values import read_value
from xnorsim.machine.fields import canonical, drawn_at, with_values
from xnorsim.machine.schema import HardwareProfile
from xnorsim.units import split_quantity

__all__ = ["Candidate", "Search", "Step", "search"]

_Floats = NDArray[np.float64]
Tell = Callable[[int, int], None]

DIGITS = 6
"""Of a value that is found between two ends."""

KEPT = 10
"""The best designs of the last population that are told."""

PER_FIELD = 15
"""Designs of a population for each field."""

_ENDS = re.compile(r"(?P<low>[^.].*?)\s*\.\.\s*(?P<high>.+?)(?P<log>\s+log)?")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A design: its fields as text, its figures by metric, and what is minimized."""

    values: Mapping[str, str]
    figures: Mapping[str, float]
    objective: float


@dataclass(frozen=True, slots=True)
class Step:
    """A generation: how many designs were predicted until its end, and the best of them."""

    designs: int
    best: Candidate


@dataclass(frozen=True, eq=False, repr=False)
class Search:
    """What a search found.

    objective: what is minimized, in words; best: designs in order; profile: the machine of the
    first; designs: how many were predicted; is_settled: whether the last population was alike.
    """

    objective: str
    best: tuple[Candidate, ...]
    profile: HardwareProfile = field(repr=False)
    trace: tuple[Step, ...] = field(repr=False)
    designs: int
    seed: int
    is_settled: bool

    def __repr__(self) -> str:
        from xnorsim.explore.view import search_lines

        best = ", ".join(f"{name} {text}" for name, text in self.best[0].values.items())
        return f"<Search: {'; '.join(search_lines(self))}; best: {best}>"

    def _repr_html_(self) -> str:
        from xnorsim.explore.view import search_html

        return search_html(self)


def search(
    model: Any,
    fields: Mapping[str, Any],
    profile: Any,
    *,
    objective: str | Mapping[str, float] = "latency_s",
    where: Sequence[str] | str = (),
    seed: int = 0,
    generations: int = 100,
    population: int | None = None,
    load: Load | None = None,
    progress: Tell | None = None,
    **question: Any,
) -> Search:
    """The numbers of a machine, and of threads, that make an objective least.

    Parameters
    ----------
    model : a graph, a name that `load` knows, or a mapping as `layer` of a spec
    fields : ranges or values by field, as above
    profile : the machine whose other numbers stay
    objective : a metric, or powers of metrics and fields: {"latency_s": 1, "energy_j": 0.5} is
        latency times the square root of energy, fields in the unit of their range
    where : conditions as in a sweep; designs that do not hold them are left out
    seed : the same seed gives the same answer
    generations : at most; it ends sooner where a population has become alike
    population : designs of a generation; PER_FIELD for each field unless told
    question : what else a sweep's question holds: predictor, threads, binarize, ...

    Raises:
        SpecError: faults of fields, conditions and the question, all at once.
        UsageError: no such metric, a field that is no number, a seed or count that is none, or no
            design that holds `where`.
    """
    _check(seed=(seed, 0), generations=(generations, 1), population=(population, _LEAST))
    powers = _powers(objective, fields)
    metrics = [name for name in powers if name in METRICS]
    given = {name: _grid(item) for name, item in fields.items()}
    spec = spec_of(
        model=model, profile=profile, axes=given, where=where, metrics=metrics, **question
    )
    space = resolve(spec, load)
    ranges = [_range(axis, fields[axis.name]) for axis in space.axes]
    tried = _Tried(space, ranges, powers, _prepared(space))
    steps: list[Step] = []

    def after(intermediate_result: OptimizeResult) -> None:
        steps.append(Step(tried.count, tried.best))
        if progress:
            progress(len(steps), generations)

    size = population or PER_FIELD * len(ranges)
    ends: Any = np.array([item.ends for item in ranges]).T
    start: Any = _first(ends, max(size, _LEAST), seed)
    result = differential_evolution(
        tried,
        Bounds(*ends),
        init=start,
        maxiter=generations,
        tol=_ALIKE,
        rng=seed,
        callback=after,
        polish=False,
        updating="deferred",
        integrality=[item.is_whole for item in ranges],
        vectorized=True,
    )
    if not np.isfinite(tried.best.objective):
        told = "; ".join(item.text for item in space.where)
        raise UsageError(f"none of {tried.count:,} designs holds: {told}")
    last = tried.candidates(result.population.T)
    best = _distinct([tried.best, *sorted(last, key=lambda item: item.objective)])
    machine = {name: text for name, text in best[0].values.items() if space.known[name].is_machine}
    own = tried.profile
    return Search(
        _in_words(powers),
        best,
        with_values(own, machine) if machine else own,
        tuple(steps),
        tried.count,
        seed,
        bool(result.success),
    )


_LEAST = 5  # of a population, which scipy asks for
_ALIKE = 1e-4
"""A population has settled when its objectives spread by less, of their mean."""


def _check(**amounts: tuple[int | None, int]) -> None:
    for name, (value, least) in amounts.items():
        if value is not None and (not isinstance(value, int) or value < least):
            raise UsageError(f"{name} is a whole number of at least {least}, not {value!r}")


def _powers(objective: str | Mapping[str, float], fields: Mapping[str, Any]) -> dict[str, float]:
    powers = {objective: 1.0} if isinstance(objective, str) else dict(objective)
    for name, power in powers.items():
        if name not in METRICS and name not in fields:
            raise UsageError(f"no metric or field '{name}': {choices(name, [*METRICS, *fields])}")
        if not isinstance(power, int | float) or not np.isfinite(power) or not power:
            raise UsageError(f"the power of {name} in the objective is a number, not {power!r}")
    if not any(name in METRICS for name in powers):
        raise UsageError(f"the objective has no metric; {choices('', METRICS)}")
    return {name: float(power) for name, power in powers.items()}


def _in_words(powers: Mapping[str, float]) -> str:
    return " * ".join(name if power == 1 else f"{name}^{power:g}" for name, power in powers.items())


def _ends(given: Any) -> re.Match[str] | None:
    """The two ends of a range without steps; None of other values."""
    return _ENDS.fullmatch(given.strip()) if isinstance(given, str) else None


def _grid(given: Any) -> Any:
    """The values of a field as a sweep's axis has them: of a range its ends."""
    match = _ends(given)
    return given if match is None or _is_stepped(match) else [match["low"], match["high"]]


def _is_stepped(match: re.Match[str]) -> bool:
    return " step " in match["high"] or " log " in match["high"]


@dataclass(frozen=True, eq=False)
class _Range:
    """How a coordinate of the search becomes the value of a field.

    ends: of the coordinate; values: those of a list, None between ends; is_log: in equal factors.
    """

    axis: Axis
    ends: tuple[float, float]
    values: tuple[str, ...] | None = None
    is_log: bool = False
    is_whole: bool = False

    @property
    def field(self) -> Field:
        return self.axis.fields[0]

    def texts(self, x: _Floats) -> list[str]:
        """The values at coordinates [designs]."""
        if self.values is not None:
            return [self.values[round(place)] for place in x.tolist()]
        if self.is_whole:
            return [str(round(value)) for value in x.tolist()]
        unit = split_quantity(self.axis.texts[0][0])[1]
        found = (float(f"{v:.{DIGITS}g}") for v in (np.exp(x) if self.is_log else x).tolist())
        return [f"{value:.{DIGITS}g} {unit}".strip() for value in found]


def _range(axis: Axis, given: Any) -> _Range:
    (field,) = axis.fields if len(axis.fields) == 1 else (None,)
    if field is None or axis.kind != "number":
        raise UsageError(
            f"{axis.name}: a search goes over numbers of the machine and threads, one field each; "
            "other fields are for a sweep"
        )
    if field.name == "energy.node":
        raise UsageError("energy.node is the name of a technology, and no number: sweep over it")
    match = _ends(given)
    if match is None or _is_stepped(match):
        return _Range(axis, (0.0, axis.size - 1.0), axis.texts[0], is_whole=True)
    first, last = axis.numbers[0].tolist()
    low = split_quantity(axis.texts[0][0])[0]
    if not 0 < first < last < np.inf:
        raise UsageError(f"{axis.name}: a range goes up from a number above 0 (got {given!r})")
    high = float(f"{last / first * low:.{DIGITS}g}")  # in the unit of the first end
    is_exact = field.dimension is not None and field.dimension.exact and axis.units[0] == ""
    if match["log"] and not is_exact:
        return _Range(axis, (float(np.log(low)), float(np.log(high))), is_log=True)
    return _Range(axis, (low, high), is_whole=is_exact)


def _first(ends: _Floats, size: int, seed: int) -> _Floats:
    """The first population [designs, fields]: a Latin hypercube, so that each range is covered."""
    rng = np.random.default_rng(seed)
    cells = np.stack([rng.permutation(size) for _ in range(ends.shape[1])], axis=1)
    return ends[0] + (cells + rng.random(cells.shape)) / size * (ends[1] - ends[0])


def _prepared(space: Space) -> tuple[Prepared, HardwareProfile, Mapping[str, str]]:
    """The predictor of the model, the machine, and the question at a point that is left."""
    first = first_left(space, Block(0, tuple(slice(0, size) for size in space.shape)))
    if first is None:
        first = (0,) * len(space.axes)
    values = point(space, first)
    at = Block(0, tuple(slice(place, place + 1) for place in first))
    columns, kinds, _ = layers_of(space, at, first, np.zeros(at.shape, dtype=bool))
    own = space.profiles[values["profile"]]
    machine = profile_of(space, values)
    return prepared(Layers(columns, kinds), design(machine), predictor_of(values)), own, values


class _Tried:
    """The objective of scipy: coordinates [fields, designs] -> [designs]; the best is kept."""

    def __init__(
        self,
        space: Space,
        ranges: Sequence[_Range],
        powers: Mapping[str, float],
        made: tuple[Prepared, HardwareProfile, Mapping[str, str]],
    ) -> None:
        self.space, self.ranges, self.powers = space, ranges, powers
        self.predict, self.profile, self.values = made
        self.count = 0
        self.best = Candidate({}, {}, np.inf)

    def __call__(self, x: _Floats) -> _Floats:
        texts, figures, objective = self._predicted(x)
        self.count += x.shape[1]
        place = int(objective.argmin())
        if objective[place] < self.best.objective:
            self.best = _candidate(texts, figures, objective, place)
        return objective

    def candidates(self, x: _Floats) -> list[Candidate]:
        texts, figures, objective = self._predicted(x)
        return [
            _candidate(texts, figures, objective, place)
            for place in range(len(objective))
            if np.isfinite(objective[place])
        ]

    def _predicted(self, x: _Floats) -> tuple[dict[str, list[str]], dict[str, _Floats], _Floats]:
        texts = {item.field.name: item.texts(row) for item, row in zip(self.ranges, x, strict=True)}
        space = _linked(self.space, self.ranges, texts)
        block = Block(0, (slice(0, x.shape[1]),))
        out, each = mask(space, block), numbers(space, block)
        arrays = {name: array[:, np.newaxis] for name, array in each.items()}
        drawn = {name: arrays[name] for name in texts if self.space.known[name].is_machine}
        wanted = [name for name in self.powers if name in METRICS]
        threads = arrays.get("threads", int(self.values["threads"]))
        with np.errstate(all="ignore" if out.any() else "warn"):
            at = design(self.profile, drawn_at(self.profile, drawn) if drawn else "value")
            found = self.predict(at, threads, frozenset(wanted))
            figures = {
                name: np.broadcast_to(total(getattr(found, name)), out.shape) for name in wanted
            }
            objective = np.ones(out.shape)
            for name, power in self.powers.items():
                objective = (
                    objective
                    * (figures[name] if name in wanted else each[canonical(name)]) ** power
                )
        return texts, figures, np.where(out | np.isnan(objective), np.inf, objective)


def _linked(space: Space, ranges: Sequence[_Range], texts: Mapping[str, Sequence[str]]) -> Space:
    """The space of some designs: one axis along which every field changes."""
    fields = tuple(item.field for item in ranges)
    rows = tuple(tuple(texts[field.name]) for field in fields)
    each = tuple(
        np.array([read_value(field, text).number for text in row])
        for field, row in zip(fields, rows, strict=True)
    )
    units = tuple(item.axis.units[0] for item in ranges)
    axis = Axis("designs", fields, "number", rows, each, units)
    found = replace(space, axes=(axis,), refused=())
    on_axis = {canonical(name) for name in texts}
    changed = {name: values_of(found, name) for name in space.given if canonical(name) in on_axis}
    return replace(found, given={**space.given, **changed})


def _candidate(
    texts: Mapping[str, Sequence[str]],
    figures: Mapping[str, _Floats],
    objective: _Floats,
    place: int,
) -> Candidate:
    return Candidate(
        {name: row[place] for name, row in texts.items()},
        {name: float(row[place]) for name, row in figures.items()},
        float(objective[place]),
    )


def _distinct(found: Sequence[Candidate]) -> tuple[Candidate, ...]:
    by_values = {tuple(item.values.values()): item for item in reversed(found)}
    return tuple(sorted(by_values.values(), key=lambda item: item.objective)[:KEPT])
