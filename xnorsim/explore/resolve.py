"""From a spec to a space: every fault at once, with its line, and how large it would be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from xnorsim.errors import InputError, UsageError, choices
from xnorsim.explore.axes import Axis, read_axes
from xnorsim.explore.constraints import Constraint, constraint, names
from xnorsim.explore.fields import (
    TEMPLATE,
    Field,
    defaults,
    known_fields,
    lookup,
    question_fields,
)
from xnorsim.explore.grammar import ConstraintError, parse
from xnorsim.explore.grid import count_left, count_of, field_types, ties, values_of
from xnorsim.explore.identity import fingerprint_of
from xnorsim.explore.reductions import asked, reduction
from xnorsim.explore.rules import with_rules
from xnorsim.explore.space import Space, points
from xnorsim.explore.spec import METRICS, Spec, told
from xnorsim.explore.values import Faults, read_value
from xnorsim.machine.profile import load_profile
from xnorsim.machine.schema import HardwareProfile
from xnorsim.network.graph import Graph
from xnorsim.network.policy import binarizable, matching
from xnorsim.units import format_bits

__all__ = ["MOST_REDUCED", "MOST_STORED", "resolve", "size_text"]

MOST_STORED = 10**10
"""Points of a sweep that is kept whole: 80 GB a figure."""

MOST_REDUCED = 10**12
"""Points of a sweep of which a reduction is kept: about a day of one core."""

_KEYS = ("model", "layer", "axes", "where", "metrics", "layers", "reduce")
_LAYER_WORDS = ("first", "last", "all", "none")

Load = Callable[[str], Graph]


def resolve(spec: Spec, load: Load | None = None) -> Space:
    """The space that a spec asks for, checked.

    load: the network of a name or path; needed where the spec does not bring its graph.

    Raises:
        SpecError: every fault of the spec, with line (of a file), path and valid choices, and how
            many points and bytes it would be.
    """
    faults: Faults = []
    is_template = "layer" in spec.data
    _check_keys(spec, is_template, faults)
    graph = None if is_template else _graph(spec, load, faults)
    profiles = _profiles(spec, faults)
    known, missing = known_fields(profiles, is_template)
    axes = _axes(spec, known, missing, bool(profiles), faults)
    if not spec.data.get("axes"):
        faults.append((("axes",), "is missing or empty: a sweep needs an axis"))
    fixed = _fixed(spec, axes, known, is_template, faults)
    _check_layers(axes, fixed, known, graph, faults)
    space = Space(axes, known, fixed, profiles, graph, **_kept(spec, profiles, faults))
    _check_reduction(space, faults)
    space = _with_where(space, spec.data.get("where", ()), faults)
    if not faults and not _unread(spec):
        space = _counted(with_rules(space, faults), faults)
    _check_size(space, faults)
    if faults or _unread(spec):
        raise told(spec, faults, f"it would be {size_text(space)}" if axes else "")
    return replace(space, fingerprint=fingerprint_of(space))


def _axes(
    spec: Spec,
    known: Mapping[str, Field],
    missing: Mapping[str, str],
    has_machine: bool,
    faults: Faults,
) -> tuple[Axis, ...]:
    before = len(faults)
    found = read_axes(
        spec.data.get("axes", {}), lambda name: lookup(name, known, missing), ("axes",), faults
    )
    if not has_machine:  # its fields are not known: one fault, and not one more for each of them
        faults[before:] = [item for item in faults[before:] if not item[1].startswith("no field")]
    return found


def _unread(spec: Spec) -> bool:
    return spec.document is not None and bool(spec.document.faults)


def _check_keys(spec: Spec, is_template: bool, faults: Faults) -> None:
    fields = question_fields(is_template)
    valid = [*_KEYS, *(name for name in fields if name not in TEMPLATE)]
    for key in spec.data:
        if key not in valid:
            faults.append(((key,), f"unknown key: {choices(key, valid)}"))
    if "model" in spec.data and is_template:
        faults.append(
            (("layer",), "stands beside model: a sweep is over a network or over a layer")
        )


def _graph(spec: Spec, load: Load | None, faults: Faults) -> Graph | None:
    if spec.graph is not None:
        return spec.graph
    name = spec.data.get("model")
    if not isinstance(name, str):
        given = f" (got {name!r:.60})" if name is not None else ""
        faults.append((("model",), f"is missing: a network's name or path, or a layer{given}"))
        return None
    if load is None:
        faults.append((("model",), f"no graph was given for {name!r}"))
        return None
    try:
        return load(name)
    except InputError as fault:
        faults.append((("model",), str(fault)))
        return None


def _profiles(spec: Spec, faults: Faults) -> dict[str, HardwareProfile]:
    """The machines by the text that names them, wherever the spec does."""
    found: dict[str, HardwareProfile] = {}
    named = list(_profile_texts(spec))
    for path, text in named:
        if not isinstance(text, str):
            faults.append((path, f"is the name or path of a profile (got {text!r:.60})"))
            continue
        try:
            found[text] = spec.profiles.get(text) or load_profile(text)
        except InputError as fault:
            faults.append((path, str(fault)))
    if not named:
        faults.append((("profile",), "is missing: the name or path of a machine's profile"))
    return found


def _profile_texts(spec: Spec) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if "profile" in spec.data:
        yield ("profile",), spec.data["profile"]
    axes = spec.data.get("axes")
    for name, given in axes.items() if isinstance(axes, dict) else ():
        link = given.get("link") if isinstance(given, dict) else None
        if name == "profile" and link is None:
            for place, text in enumerate(given if isinstance(given, list) else [given]):
                yield ("axes", name, place), text
        elif isinstance(link, dict) and isinstance(link.get("profile"), list):
            for text in link["profile"]:
                yield ("axes", name, "link", "profile"), text
        elif isinstance(link, list) and "profile" in link:
            at, rows = link.index("profile"), given.get("values")
            for place, row in enumerate(rows if isinstance(rows, list) else ()):
                if isinstance(row, list) and len(row) > at:
                    yield ("axes", name, "values", place), row[at]


def _fixed(
    spec: Spec,
    axes: tuple[Axis, ...],
    known: Mapping[str, Field],
    is_template: bool,
    faults: Faults,
) -> dict[str, str]:
    """The fields of the question that stay, as text: those given, and defaults of the others."""
    setters: dict[str, str] = {}
    for axis in axes:
        for field in axis.fields:
            _set_once(field, f"axis {axis.name}", setters, ("axes", axis.name), faults)
    fixed: dict[str, str] = {}
    for path, given in _given(spec, known, is_template, faults):
        field = known[str(path[-1])]
        _set_once(field, f"key {field.name}", setters, path, faults)
        try:
            fixed[field.name] = read_value(field, given).text
        except InputError as fault:
            faults.append((path, str(fault)))
    is_chosen = "binary" in (*fixed, *(f.name for axis in axes for f in axis.fields))
    usual = {**defaults(is_template), **({"binarize": "xnor"} if is_chosen else {})}
    fixed.update({name: text for name, text in usual.items() if known[name].sets not in setters})
    if is_template:
        on_axes = {field.name for axis in axes for field in axis.fields}
        unread = spec.data.get("axes") if isinstance(spec.data.get("axes"), dict) else {}
        for name in TEMPLATE:
            if name not in fixed and name not in on_axes and name not in (unread or {}):
                faults.append((("layer",), f"{name} is missing: give it here or as an axis"))
    return fixed


def _given(
    spec: Spec, known: Mapping[str, Field], is_template: bool, faults: Faults
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The fields that the spec fixes, with their paths."""
    for name in question_fields(is_template):
        if name in spec.data and name not in TEMPLATE:
            yield (name,), spec.data[name]
    layer = spec.data.get("layer")
    if is_template and not isinstance(layer, dict):
        faults.append((("layer",), f"maps {', '.join(TEMPLATE)} to numbers (got {layer!r:.60})"))
    for key, value in layer.items() if isinstance(layer, dict) else ():
        if key in TEMPLATE:
            yield ("layer", key), value
        elif key != "kind":
            faults.append((("layer", key), f"unknown key: {choices(key, [*TEMPLATE, 'kind'])}"))
        elif value != "conv":
            faults.append(
                (("layer", key), f"is not known (got {value!r:.60}); valid choices: conv")
            )


def _set_once(
    field: Field, setter: str, setters: dict[str, str], path: tuple[str, ...], faults: Faults
) -> None:
    if field.sets in setters:
        faults.append((path, f"{field.name} is given twice: {setters[field.sets]} sets it already"))
    setters.setdefault(field.sets, setter)


def _check_layers(
    axes: tuple[Axis, ...],
    fixed: Mapping[str, str],
    known: Mapping[str, Field],
    graph: Graph | None,
    faults: Faults,
) -> None:
    """Refuse names and globs that fit no layer of the network."""
    if graph is None:
        return
    layers = [node.name for node in binarizable(graph)]
    texts = [((name,), text) for name, text in fixed.items() if known[name].is_layers]
    for axis in axes:
        for field, row in zip(axis.fields, axis.texts, strict=True):
            texts += [(("axes", axis.name), text) for text in row if field.is_layers]
    lost = {(path, word) for path, text in texts for word in text.split(",")
            if word not in _LAYER_WORDS and not matching(word, layers)}  # fmt: skip
    for path, word in sorted(lost):
        told = choices(word, [*_LAYER_WORDS, *layers])
        faults.append((path, f"'{word}' fits no layer that can be binary: {told}"))


def _kept(spec: Spec, profiles: Mapping[str, HardwareProfile], faults: Faults) -> dict[str, Any]:
    """What is predicted, and what is kept of it."""
    reduce, layers = spec.data.get("reduce", ""), spec.data.get("layers", False)
    if not isinstance(layers, bool):
        faults.append((("layers",), f"is true or false (got {layers!r:.60})"))
    wanted: tuple[str, ...] = ()
    if reduce:
        try:
            wanted = asked(str(reduce)).metrics
        except UsageError as fault:
            faults.append((("reduce",), str(fault)))
    given = spec.data.get("metrics", list(wanted) or ["latency_s"])
    given = [given] if isinstance(given, str) else given
    if not isinstance(given, list) or not given:
        faults.append((("metrics",), f"is a list of metrics (got {given!r:.60})"))
        given = []
    for place, word in enumerate(given):
        if word not in METRICS:
            faults.append(
                (("metrics", place), f"no metric {word!r}: {choices(str(word), METRICS)}")
            )
    metrics = tuple(dict.fromkeys(str(word) for word in (*given, *wanted)))
    if "energy_j" in metrics and profiles and not any(p.energy for p in profiles.values()):
        told = f"energy_j: profile {', '.join(profiles)} has no energies"
        faults.append((("metrics",), told))
    return {"metrics": metrics, "layers": bool(layers), "reduce": str(reduce)}


def _check_reduction(space: Space, faults: Faults) -> None:
    """Refuse names in a reduction that are on no axis."""
    if space.reduce and not any(path == ("reduce",) for path, _ in faults):
        try:
            reduction(space.reduce, space)
        except UsageError as fault:
            faults.append((("reduce",), str(fault)))


def _with_where(space: Space, given: Any, faults: Faults) -> Space:
    """The space with the conditions of the spec."""
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list | tuple):
        faults.append((("where",), f"is a list of conditions in text (got {given!r:.60})"))
        return space
    found: list[Constraint] = []
    for place, text in enumerate(texts):
        path = ("where", place) if isinstance(given, list | tuple) else ("where",)
        if not isinstance(text, str):
            faults.append((path, f"is a condition in text (got {text!r:.60})"))
            continue
        item, wrong = constraint(text, field_types(space, _names(text)))
        faults.extend((path, f"column {column}: {what}") for column, what in wrong)
        found += [item] if item else []
    wanted = {name for item in found for name in names(item.tree)}
    values = {name: values_of(space, name) for name in wanted}
    return replace(space, where=tuple(found), given=values)


def _names(text: str) -> frozenset[str]:
    try:
        return names(parse(text))
    except ConstraintError:
        return frozenset()


def _counted(space: Space, faults: Faults) -> Space:
    """The space with how many points are left; conditions that leave none are faults."""
    left = None if faults else count_left(space)
    if left == 0:
        for tie in ties(space):
            if count_of(space, tie) == 0:
                told = "; ".join(
                    getattr(item, "text", getattr(item, "why", "")) for item in tie.items
                )
                faults.append((("where",), f"no point is left where all of this holds: {told}"))
    return replace(space, left=left)


def _check_size(space: Space, faults: Faults) -> None:
    most = MOST_REDUCED if space.reduce else MOST_STORED
    if points(space) > most:
        way = "" if space.reduce else "; with a reduction (reduce: pareto:...) at most "
        way += "" if space.reduce else f"{MOST_REDUCED:,}"
        faults.append((("axes",), f"{points(space):,} points are more than {most:,}{way}"))


def size_text(space: Space) -> str:
    """How large a space is, for people: points, those left, and bytes where the whole is kept."""
    count = points(space)
    shape = " x ".join(map(str, space.shape))
    left = "" if space.left in (None, count) else f", of which {space.left:,} are left"
    rows = len(space.graph.nodes) if space.layers and space.graph else 1
    size = format_bits(8.0 * 8 * count * len(space.metrics) * rows)
    stored = f"reduced by {space.reduce}" if space.reduce else f"up to {size}"
    some = "1 point" if count == 1 else f"{count:,} points"
    return f"{some} ({shape}){left}; {stored}"
